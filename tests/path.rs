//! The way out, link by link: what holds, what is broken first, and what nobody gave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{corpus, findings, folder, json, run};
use serde_json::{Value, json as value};

const NETWORK: &str = "projects/p/global/networks/n";
const GATEWAY: &str = "projects/p/global/gateways/default-internet-gateway";

/// A private cluster with all that it needs to reach the VIP and the internet; changes break it.
struct World {
    cluster: Value,
    subnetwork: Value,
    vip_route: Value,
    default_route: Value,
    router: Value,
    zone: Value,
    records: Vec<Value>,
    rules: Vec<Value>,
}

impl World {
    fn sound() -> Self {
        let route = |name: &str, destination: &str, priority: u32| {
            value!({"kind": "compute#route", "name": name, "network": NETWORK,
                    "destRange": destination, "priority": priority, "nextHopGateway": GATEWAY})
        };
        let record = |name: &str, kind: &str, data: Value| {
            value!({"kind": "dns#resourceRecordSet", "name": name, "type": kind, "ttl": 300,
                    "rrdatas": data})
        };
        Self {
            cluster: value!({"name": "blue", "id": "5f0c2a9e4d1b4c7f8a6e0d3c", "location": "r1",
                "network": "n", "subnetwork": "nodes", "currentMasterVersion": "1.30",
                "networkConfig": {"network": NETWORK, "subnetwork": "projects/p/regions/r1/subnetworks/nodes"},
                "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "useIpAliases": true},
                "privateClusterConfig": {"enablePrivateNodes": true, "masterIpv4CidrBlock": "172.16.0.32/28",
                                         "peeringName": "gke-x-peer"},
                "nodePools": [{"name": "a", "config": {"tags": ["t"]}}]}),
            subnetwork: value!({"kind": "compute#subnetwork", "name": "nodes", "region": "r1",
                "network": NETWORK, "ipCidrRange": "10.0.0.0/24", "privateIpGoogleAccess": true,
                "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.1.0.0/16"}]}),
            vip_route: route("vip", "199.36.153.4/30", 1000),
            default_route: route("default", "0.0.0.0/0", 100),
            router: value!({"kind": "compute#router", "name": "r", "network": NETWORK, "region": "r1",
                "nats": [{"name": "nat", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}]}),
            zone: value!({"kind": "dns#managedZone", "name": "gcr", "dnsName": "gcr.io.",
                "visibility": "private", "privateVisibilityConfig": {"networks": [{"networkUrl": NETWORK}]}}),
            records: vec![
                record("gcr.io.", "A", value!(["199.36.153.4", "199.36.153.5"])),
                record("*.gcr.io.", "CNAME", value!(["gcr.io."])),
            ],
            rules: vec![value!({"kind": "compute#firewall", "name": "in", "network": NETWORK,
                "direction": "INGRESS", "priority": 1000, "sourceRanges": ["10.0.0.0/8"],
                "allowed": [{"IPProtocol": "all"}]})],
        }
    }

    fn walk(&self, from: &str, host: &str) -> Value {
        let folder = self.folder();
        json(&["path", from, host, folder.path().to_str().unwrap()])
    }

    /// The checks that speak, with the hosts in their titles.
    fn checks(&self) -> Vec<String> {
        let folder = self.folder();
        let path = folder.path().to_str().unwrap().to_owned();
        let report = json(&["check", "--fail-on", "never", &path]);
        let all = report["findings"].as_array().unwrap().iter();
        all.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
    }

    fn folder(&self) -> tempfile::TempDir {
        let mut all = vec![
            self.cluster.clone(),
            self.subnetwork.clone(),
            self.vip_route.clone(),
            self.default_route.clone(),
            self.router.clone(),
            self.zone.clone(),
        ];
        all.extend(self.records.iter().chain(&self.rules).cloned());
        all.retain(|one| !one.is_null());
        folder(&[("all.json", Value::from(all).to_string().as_bytes())])
    }

    /// The first broken link, and what it says.
    #[track_caller]
    fn broken(&self, from: &str, host: &str, kind: &str, detail: &str) {
        let answer = self.walk(from, host);
        let at = answer["first_broken"].as_u64().unwrap_or_else(|| panic!("{answer:#}"));
        let link = &answer["links"][usize::try_from(at).unwrap()];
        assert_eq!(
            (&link["kind"], &link["state"]),
            (&value!(kind), &value!("broken")),
            "{answer:#}"
        );
        assert!(link["detail"].as_str().unwrap().contains(detail), "{link}");
    }

    #[track_caller]
    fn holds(&self, from: &str, host: &str, kinds: &[&str]) {
        let answer = self.walk(from, host);
        let links = answer["links"].as_array().unwrap();
        let all: Vec<_> = links.iter().map(|link| link["kind"].as_str().unwrap()).collect();
        assert_eq!(all, kinds, "{answer:#}");
        assert!(links.iter().all(|link| link["state"] == "ok"), "{answer:#}");
        assert_eq!(answer["first_broken"], Value::Null);
    }
}

const TO_VIP: [&str; 5] = ["name", "address", "route", "firewall", "private-google-access"];
const TO_INTERNET: [&str; 5] = ["name", "address", "route", "firewall", "nat"];

#[test]
fn a_sound_cluster_reaches_everything() {
    let world = World::sound();
    for from in ["blue", "blue/pods", "nodes", "10.0.0.9", "10.1.2.3"] {
        world.holds(from, "gcr.io", &TO_VIP);
        world.holds(from, "eu.gcr.io:443", &TO_VIP);
        world.holds(from, "registry-1.docker.io", &TO_INTERNET);
    }
    // A default route of a better priority does not capture the VIP: its prefix is shorter.
    let route = &world.walk("blue", "gcr.io")["links"][2];
    assert_eq!(route["object"], "route vip");
    world.holds("blue", "172.16.0.34", &["address", "route", "firewall"]);
    world.holds("blue", "10.1.0.7:8080", &["address", "route", "firewall"]);
}

/// The peering of a control plane that somebody deleted: its network's own list lacks it.
#[test]
fn a_peering_that_is_gone_takes_the_route_with_it() {
    let network = |peerings: Value| {
        value!({"kind": "compute#network", "name": "n", "peerings": peerings,
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"})
    };
    let own = value!({"name": "gke-x-peer", "network": "projects/gke/global/networks/x"});
    let with = |peerings: Value| {
        let mut world = World::sound();
        world.records.push(network(peerings));
        world
    };
    let links = ["address", "route", "firewall"];
    with(value!([own])).holds("blue", "172.16.0.34", &links);
    // The export may have no place for it.
    with(Value::Null).holds("blue", "172.16.0.34", &links);
    with(value!([])).broken("blue", "172.16.0.34", "route", "it is gone");
}

#[test]
fn names_that_lead_nowhere() {
    let mut world = World::sound();
    world.records.remove(1);
    world.broken("blue", "eu.gcr.io", "name", "no record of eu.gcr.io");
    let mut world = World::sound();
    world.records.remove(0);
    world.broken("blue", "gcr.io", "name", "no record of gcr.io");
    let mut world = World::sound();
    world.zone["privateVisibilityConfig"] =
        value!({"networks": [{"networkUrl": "projects/p/global/networks/other"}]});
    world.broken("blue", "gcr.io", "name", "this network does not see it");
    let mut world = World::sound();
    world.records[0]["rrdatas"] = value!(["142.250.1.82"]);
    world.broken("blue", "gcr.io", "name", "public addresses of Google's");
    let mut world = World::sound();
    world.records[0]["rrdatas"] = value!(["199.36.153.4", "199.36.153.8"]);
    world.broken("blue", "gcr.io", "name", "several kinds");
    // What was not given is not broken.
    let mut world = World::sound();
    world.records.clear();
    let answer = world.walk("blue", "gcr.io");
    assert_eq!(answer["links"][0]["state"], "not-given");
    assert_eq!(answer["first_broken"], Value::Null);
}

#[test]
fn routes_that_are_missing_or_lead_astray() {
    let mut world = World::sound();
    world.vip_route = Value::Null;
    // The default route serves the VIPs, too.
    world.holds("blue", "gcr.io", &TO_VIP);
    world.default_route["destRange"] = value!("198.51.100.0/24");
    world.broken("blue", "gcr.io", "route", "no route to 199.36.153.4");
    world.broken("blue", "registry-1.docker.io", "route", "no default route");
    let mut world = World::sound();
    world.vip_route.as_object_mut().unwrap().remove("nextHopGateway");
    world.vip_route["nextHopIp"] = value!("10.0.0.2");
    world.broken("blue", "gcr.io", "route", "default-internet-gateway");
    // A route for other VMs is none for these.
    let mut world = World::sound();
    world.vip_route["tags"] = value!(["other"]);
    world.default_route["tags"] = value!(["other"]);
    world.broken("blue", "gcr.io", "route", "no route");
    world.broken("blue", "10.9.9.9", "route", "no subnetwork, peering or tunnel");
}

#[test]
fn the_firewall_on_the_way() {
    let deny = |name: &str, priority: u32, allowed: Value, ranges: &str| {
        let mut rule = value!({"kind": "compute#firewall", "name": name, "network": NETWORK,
            "direction": "EGRESS", "priority": priority, "destinationRanges": [ranges]});
        rule[if allowed.is_null() { "denied" } else { "allowed" }] =
            value!([{"IPProtocol": "tcp"}]);
        rule
    };
    let mut world = World::sound();
    world.rules.push(deny("deny-all", 65000, Value::Null, "0.0.0.0/0"));
    world.broken("blue", "gcr.io", "firewall", "denied");
    world.broken("blue", "registry-1.docker.io", "firewall", "denied");
    world.rules.push(deny("vip", 1000, value!(true), "199.36.153.4/30"));
    world.holds("blue", "gcr.io", &TO_VIP);
}

#[test]
fn access_and_nat() {
    let mut world = World::sound();
    world.subnetwork["privateIpGoogleAccess"] = value!(false);
    world.broken("blue", "gcr.io", "private-google-access", "off");
    // Public addresses of Google's go through NAT as well.
    world.holds("blue", "europe-docker.pkg.dev", &TO_INTERNET);
    let mut world = World::sound();
    world.router["nats"][0]["sourceSubnetworkIpRangesToNat"] =
        value!("ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES");
    world.holds("blue", "registry-1.docker.io", &TO_INTERNET);
    // What pods send to the internet carries their node's address, unless that is switched off.
    world.holds("blue/pods", "registry-1.docker.io", &TO_INTERNET);
    world.cluster["networkConfig"]["defaultSnatStatus"] = value!({"disabled": true});
    world.broken("blue/pods", "registry-1.docker.io", "nat", "does not cover pods");
    let mut world = World::sound();
    world.router["nats"][0] = value!({"name": "nat", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{"name": "projects/p/regions/r1/subnetworks/nodes",
            "sourceIpRangesToNat": ["LIST_OF_SECONDARY_IP_RANGES"], "secondaryIpRangeNames": ["pods"]}]});
    assert_eq!(world.walk("blue/pods", "registry-1.docker.io")["first_broken"], Value::Null);
    let nat = world.walk("blue/pods", "registry-1.docker.io")["links"][4].clone();
    assert_eq!((&nat["kind"], &nat["state"]), (&value!("nat"), &value!("undetermined")));
    world.cluster["networkConfig"]["defaultSnatStatus"] = value!({"disabled": true});
    world.holds("blue/pods", "registry-1.docker.io", &TO_INTERNET);
    world.broken("blue", "registry-1.docker.io", "nat", "does not cover the primary range");
    // A private one leads to other networks.
    let mut world = World::sound();
    world.router["nats"][0]["type"] = value!("PRIVATE");
    world.broken("blue", "registry-1.docker.io", "nat", "no Cloud NAT");
    let mut world = World::sound();
    world.router["region"] = value!("r2");
    world.broken("blue", "registry-1.docker.io", "nat", "no Cloud NAT of this network in r1");
    world.router["nats"] = value!([]);
    world.broken("blue", "registry-1.docker.io", "nat", "no Cloud NAT");
    // Whether there is a Cloud NAT nobody said: then nothing is broken for public addresses.
    let mut world = World::sound();
    world.subnetwork["privateIpGoogleAccess"] = value!(false);
    world.router = Value::Null;
    let answer = world.walk("blue", "europe-docker.pkg.dev");
    assert_eq!(answer["first_broken"], Value::Null, "{answer:#}");
    // An export that does not say whether access is on does not say that it is off.
    world.subnetwork.as_object_mut().unwrap().remove("privateIpGoogleAccess");
    assert_eq!(world.walk("blue", "gcr.io")["links"][4]["state"], "not-given");
    let mut world = World::sound();
    world.router["nats"] = value!([]);
    // Nodes with addresses of their own need neither.
    world.cluster["privateClusterConfig"] = Value::Null;
    world.subnetwork["privateIpGoogleAccess"] = value!(false);
    world.holds("blue", "registry-1.docker.io", &TO_INTERNET);
    world.holds("blue", "gcr.io", &TO_VIP);
}

/// An endpoint of Private Service Connect has an address outside of every subnetwork, and no route.
#[test]
fn an_endpoint_for_google_apis_needs_no_route() {
    let mut world = World::sound();
    world.records[0]["rrdatas"] = value!(["10.200.0.5"]);
    world.vip_route = Value::Null;
    let route = |world: &World| world.walk("blue", "gcr.io")["links"][2].clone();
    assert_eq!(route(&world)["state"], "not-given");
    world.rules.push(value!({"kind": "compute#forwardingRule", "name": "apis", "IPAddress": "10.200.0.5",
        "target": "all-apis", "network": NETWORK,
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/forwardingRules/apis"}));
    let found = route(&world);
    assert_eq!(found["state"], "ok", "{found:#}");
    assert!(found["detail"].as_str().unwrap().contains("Private Service Connect"), "{found:#}");
}

/// What denies the way to such an endpoint keeps nodes from Google's APIs.
#[test]
fn an_endpoint_for_google_apis_is_needed_where_dns_leads_there() {
    let mut world = World::sound();
    world.records[0]["rrdatas"] = value!(["10.200.0.5"]);
    world.vip_route = Value::Null;
    let rule = |fields: Value| {
        let mut rule = value!({"kind": "compute#firewall", "name": "out", "network": NETWORK,
            "direction": "EGRESS", "priority": 900, "denied": [{"IPProtocol": "all"}],
            "destinationRanges": ["10.200.0.0/16"]});
        rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        rule
    };
    world.rules.push(rule(value!({})));
    let blocked = |world: &World| {
        let checks = world.checks();
        checks.iter().filter(|one| *one == "google-api-egress-blocked").count()
    };
    assert_eq!(blocked(&world), 0);
    let endpoint = |target: &str| {
        value!({"kind": "compute#forwardingRule", "name": "apis", "IPAddress": "10.200.0.5",
            "target": target, "network": NETWORK})
    };
    world.rules.push(endpoint("projects/p/regions/r1/serviceAttachments/other"));
    assert_eq!(blocked(&world), 0);
    *world.rules.last_mut().unwrap() = endpoint("all-apis");
    assert_eq!(blocked(&world), 1);
    world.rules[1] = rule(value!({"destinationRanges": ["10.201.0.0/16"]}));
    assert_eq!(blocked(&world), 0);
}

/// Without a default route a route to a VIP tells what was meant, and what is missing: the zones.
#[test]
fn a_route_to_a_vip_asks_for_its_zones() {
    let mut world = World::sound();
    (world.default_route, world.router["nats"]) = (Value::Null, value!([]));
    world.records.clear();
    // A zone that has nothing to do with it: so the zones were given.
    world.zone["dnsName"] = value!("internal.example.");
    let of_roads = |world: &World| {
        let mut checks = world.checks();
        checks.retain(|one| one.starts_with("dns-zone") || one.ends_with("route-missing"));
        checks.dedup();
        checks
    };
    assert_eq!(of_roads(&world), ["dns-zone-missing"]);
    world.vip_route["destRange"] = value!("192.0.2.0/24");
    assert_eq!(of_roads(&world), ["default-route-missing"]);
}

/// A cluster whose nodes did not register is told what on their way nobody gave.
#[test]
fn what_is_not_judged_on_the_way_of_a_stuck_cluster_is_told() {
    let mut world = World::sound();
    world.cluster["status"] = value!("ERROR");
    world.cluster["statusMessage"] =
        value!("All cluster resources were brought up, but: only 0 nodes out of 3 have registered");
    world.zone["dnsName"] = value!("internal.example.");
    (world.records, world.vip_route) = (Vec::new(), Value::Null);
    world.rules[0]["sourceRanges"] = value!(["10.0.0.0/8", "172.16.0.32/28"]);
    let told = |world: &World| {
        let folder = world.folder();
        let report = json(&["check", "--fail-on", "never", folder.path().to_str().unwrap()]);
        let all = report["findings"].as_array().unwrap();
        let stuck = all.iter().find(|one| one["check"] == "cluster-stuck").unwrap();
        (stuck["explanation"].to_string(), stuck["no_fix"].as_str().unwrap().to_owned())
    };
    assert!(!told(&world).0.contains("is not judged"), "{:?}", told(&world));
    let fields = world.default_route.as_object_mut().unwrap();
    fields.remove("nextHopGateway");
    fields.insert("nextHopIp".to_owned(), value!("10.9.0.4"));
    let (why, next) = told(&world);
    assert!(why.contains("route default: 0.0.0.0/0 priority 100 to 10.9.0.4"), "{why}");
    assert!(next.contains("one is not judged"), "{next}");
}

/// Public DNS knows where private.googleapis.com leads.
#[test]
fn an_alias_of_a_vip_leads_to_it_without_a_zone_of_its_own() {
    let mut world = World::sound();
    world.records =
        vec![value!({"kind": "dns#resourceRecordSet", "name": "gcr.io.", "type": "CNAME",
        "ttl": 300, "rrdatas": ["restricted.googleapis.com."]})];
    let answer = world.walk("blue", "gcr.io");
    assert_eq!(answer["first_broken"], Value::Null, "{answer:#}");
    assert!(
        answer["links"][1]["detail"].as_str().unwrap().contains("199.36.153.4/30"),
        "{answer:#}"
    );
}

/// Records of one VIP, where everything else was made for the other one.
#[test]
fn records_are_blamed_where_all_else_was_made_for_the_other_vip() {
    let rule = |name: &str, priority: u32, destination: &str, key: &str| {
        value!({"kind": "compute#firewall", "name": name, "network": NETWORK, "direction": "EGRESS",
                "priority": priority, "destinationRanges": [destination],
                key: [{"IPProtocol": "tcp"}]})
    };
    let mut world = World::sound();
    world.records[0]["rrdatas"] = value!(["199.36.153.8", "199.36.153.9"]);
    // The default route serves either VIP: what works is not blamed.
    world.holds("blue", "gcr.io", &TO_VIP);
    let deny = rule("deny-out", 65000, "0.0.0.0/0", "denied");
    let to_restricted = rule("to-apis", 1000, "199.36.153.4/30", "allowed");
    world.rules.extend([deny.clone(), to_restricted.clone()]);
    world.broken("blue", "gcr.io", "name", "route vip (");
    world.broken("blue", "eu.gcr.io", "name", "was made for restricted.googleapis.com");
    // Where a route was made for the records' VIP as well, the rule is what is missing.
    let mut both = World::sound();
    both.records = world.records.clone();
    both.rules = world.rules.clone();
    both.vip_route["destRange"] = value!("199.36.153.0/28");
    both.broken("blue", "gcr.io", "firewall", "denied");
    // One witness alone may be the one that is wrong.
    world.vip_route = Value::Null;
    world.broken("blue", "gcr.io", "firewall", "denied");
    // Records of another zone are a second one.
    world.records.push(value!({"kind": "dns#resourceRecordSet", "name": "x.gcr.io.", "type": "A",
                               "ttl": 300, "rrdatas": ["199.36.153.4"]}));
    world.broken("blue", "gcr.io", "name", "rule to-apis (");
    // A rule that opens a part of the VIP does not speak of it, one that opens both says nothing.
    world.rules.push(rule("also", 1000, "199.36.153.8/32", "allowed"));
    world.broken("blue", "gcr.io", "name", "rule to-apis (");
    world.rules.push(rule("both", 1000, "199.36.153.8/31", "denied"));
    world.broken("blue", "gcr.io", "name", "rule to-apis (");
    world.rules.push(rule("more", 65_001, "199.36.153.8/30", "allowed"));
    world.broken("blue", "gcr.io", "firewall", "denied");
}

/// What `sim` says of the road is what `path` says, and never the verdict, which is the firewall's.
#[test]
fn a_question_is_walked_where_routes_were_given() {
    let asked = |world: &World, direction: &str, from: &str, to: &str| {
        let mut all = vec![world.subnetwork.clone(), world.default_route.clone()];
        all.extend([world.router.clone()].into_iter().chain(world.rules.clone()));
        all.retain(|one| !one.is_null());
        let folder = folder(&[("all.json", Value::from(all).to_string().as_bytes())]);
        let output = run(&[
            "sim",
            "--network",
            "n",
            "--direction",
            direction,
            "--from",
            from,
            "--to",
            to,
            "--port",
            "443",
            "--protocol",
            "tcp",
            "-c",
            folder.path().to_str().unwrap(),
            "--format",
            "json",
        ]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer
    };
    let outside = "198.51.100.7";
    // Probes and proxies of Google's have paths of their own, whatever the routes say.
    let mut world = World::sound();
    world.default_route["destRange"] = value!("192.0.2.0/24");
    world.router["nats"] = value!([]);
    for special in ["35.191.0.7", "130.211.0.7", "35.235.240.7", "35.199.192.7"] {
        let answer = asked(&world, "EGRESS", "10.0.0.9", special);
        assert_eq!(answer["links"][0]["object"], "special routing path", "{answer:#}");
        assert_eq!(answer["links"].as_array().unwrap().len(), 1);
    }
    let mut world = World::sound();
    let answer = asked(&world, "EGRESS", "10.0.0.9", outside);
    let kinds = |answer: &Value| -> Vec<String> {
        let links = answer["links"].as_array().unwrap();
        links.iter().map(|link| format!("{} {}", link["kind"], link["state"])).collect()
    };
    assert_eq!(kinds(&answer), ["\"route\" \"ok\"", "\"nat\" \"ok\""], "{answer:#}");
    assert_eq!(answer["first_broken"], Value::Null);
    world.router["nats"] = value!([]);
    let answer = asked(&world, "EGRESS", "10.0.0.9", outside);
    assert_eq!((&answer["verdict"], &answer["first_broken"]), (&value!("ALLOWED"), &value!(1)));
    // Ranges are no road, and neither is what arrives.
    for (direction, from, to) in
        [("EGRESS", "10.0.0.0/24", outside), ("INGRESS", outside, "10.0.0.9")]
    {
        assert_eq!(asked(&world, direction, from, to)["links"], Value::Null, "{from} {to}");
    }
    // Without a route of the network nothing is said of roads.
    world.default_route = Value::Null;
    assert_eq!(asked(&world, "EGRESS", "10.0.0.9", outside)["links"], Value::Null);
}

/// An error names the host: the answer is the first broken link of the way there.
#[test]
fn an_image_pull_is_told_by_its_first_broken_link() {
    let mut world = World::sound();
    world.default_route["destRange"] = value!("198.51.100.0/24");
    let all = value!([
        world.cluster,
        world.subnetwork,
        world.vip_route,
        world.default_route,
        world.router,
        world.zone,
        world.records[0],
        world.records[1],
        world.rules[0]
    ]);
    let text = r#"Failed to pull image "quay.io/a/b:1": failed to do request: Head "https://quay.io/v2/a/b/manifests/1": dial tcp 44.206.77.171:443: i/o timeout"#;
    let folder = folder(&[("all.json", all.to_string().as_bytes()), ("e.txt", text.as_bytes())]);
    let report = json(&["triage", folder.path().to_str().unwrap()]);
    let found = findings(&report, "image-pull-failing");
    let why = found[0]["no_fix"].as_str().unwrap();
    assert!(why.starts_with("the first broken link: route broken"), "{why}");
    let found = findings(&report, "default-route-missing");
    assert!(found[0]["title"].as_str().unwrap().contains("quay.io"), "{}", found[0]["title"]);
}

#[test]
fn wrong_usage_is_told() {
    let folder = folder(&[("a.json", World::sound().cluster.to_string().as_bytes())]);
    let path = folder.path().to_str().unwrap();
    for (from, host) in [("nobody", "gcr.io"), ("blue", "gcr.io:x"), ("blue", "a b")] {
        let output = run(&["path", from, host, path]);
        assert_eq!(output.status.code(), Some(2), "{from} {host}");
    }
}

#[test]
fn the_guides_cluster_reaches_its_vip() {
    let Some(corpus) = corpus() else { return };
    let set = corpus.join("kubeflow-private-gke/v1.1-branch");
    let set = set.to_str().unwrap();
    for (host, by) in
        [("gcr.io", "199.36.153.4"), ("storage.googleapis.com", "restricted.googleapis.com.")]
    {
        let answer = json(&["path", "name", host, set]);
        assert_eq!(answer["first_broken"], Value::Null);
        let links = answer["links"].as_array().unwrap();
        assert!(links.iter().all(|link| link["state"] == "ok"), "{answer:#}");
        assert!(links[0]["detail"].as_str().unwrap().contains(by));
        assert_eq!(links[2]["object"], "route name-google-apis");
    }
    // No zone answers for pkg.dev, and EGRESS to public addresses is denied but for a few.
    let answer = json(&["path", "name", "europe-docker.pkg.dev", set]);
    assert_eq!(answer["links"][3]["state"], "undetermined");
}

/// A change of the guide's manifests, and the findings that it makes.
struct Variant {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    expected: &'static [&'static str],
}

const fn variant(
    file: &'static str,
    from: &'static str,
    to: &'static str,
    expected: &'static [&'static str],
) -> Variant {
    Variant { file, from, to, expected }
}

/// Stands for all addresses of the VIP in a file: those of the other one take their places.
const ALL_OF_THE_VIP: &str = "199.36.153.";

/// One link each. A VIP's route that is missing alone breaks nothing: the default route leads to
/// the internet gateway, too, which serves the VIP.
const VARIANTS: [Variant; 16] = [
    variant("dns-gcr.yaml", "", "", &[]),
    variant(
        "compute-network.yaml",
        "privateIpGoogleAccess: true",
        "privateIpGoogleAccess: false",
        &["private-google-access-disabled"],
    ),
    variant(
        "compute-network.yaml",
        "nextHopGateway: default-internet-gateway",
        "nextHopIp: 10.10.10.9",
        &["private-route-wrong-next-hop"],
    ),
    variant("compute-network.yaml", "199.36.153.4/30", "199.36.153.16/30", &[]),
    variant("compute-network.yaml", "0.0.0.0/0", "8.8.8.0/24", &["default-route-missing"]),
    variant(
        "dns-gcr.yaml",
        "\"gcr.io.\"\n  visibility",
        "\"gcr.example.\"\n  visibility",
        &["dns-zone-missing"],
    ),
    variant("dns-gcr.yaml", "visibility: private", "visibility: public", &["dns-zone-missing"]),
    variant("dns-gcr.yaml", "name: \"gcr.io.\"", "name: \"g.gcr.io.\"", &["dns-record-missing"]),
    variant("dns-gcr.yaml", "199.36.153.7", "64.233.160.7", &["dns-record-wrong-target"]),
    variant(
        "dns-google-apis.yaml",
        "name: \"restricted.googleapis.com.\"",
        "name: \"private.googleapis.com.\"",
        &["dns-record-missing"],
    ),
    variant("nat.yaml", "ComputeRouterNAT", "ComputeSomethingElse", &["nat-missing"]),
    variant(
        "nat.yaml",
        "ALL_SUBNETWORKS_ALL_IP_RANGES",
        "LIST_OF_SUBNETWORKS",
        &["nat-range-uncovered"],
    ),
    variant("firewall.yaml", "199.36.153.4/30", "199.36.153.8/30", &["google-api-egress-blocked"]),
    variant("dns-gcr.yaml", ALL_OF_THE_VIP, "199.36.153.", &["dns-record-wrong-target"]),
    variant("firewall.yaml", "172.16.0.32/28", "172.16.0.48/28", &["control-plane-egress-blocked"]),
    variant("firewall.yaml", "10.0.0.0/8", "11.0.0.0/8", &["cluster-internal-blocked"]),
];

#[test]
fn every_link_of_the_guides_cluster_is_found_where_it_alone_is_broken() {
    let Some(corpus) = corpus() else { return };
    let set = corpus.join("kubeflow-private-gke/2020-06-01");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d}\nspec:\n  containers:\n  \
               - {name: a, image: gcr.io/x/y}\n  - {name: b, image: quay.io/x/y}\n";
    for Variant { file, from, to, expected } in VARIANTS {
        let mut files = vec![("pod.yaml".to_owned(), pod.to_owned())];
        for entry in std::fs::read_dir(&set).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let mut text = std::fs::read_to_string(&path).unwrap();
            if name == file && !from.is_empty() {
                assert!(text.contains(from), "{file} lacks {from}");
                text = match from {
                    ALL_OF_THE_VIP => (4..8).fold(text, |text, last| {
                        text.replace(&format!("{from}{last}"), &format!("{to}{}", last + 4))
                    }),
                    _ => text.replacen(from, to, 1),
                };
            }
            files.push((name, text));
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let scratch = folder(&files);
        let output = run(&["check", scratch.path().to_str().unwrap(), "--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = report["findings"].as_array().unwrap();
        let told: Vec<&str> = all
            .iter()
            .filter(|one| one["severity"] != "note")
            .map(|one| one["check"].as_str().unwrap())
            .collect();
        assert_eq!(told, expected, "{file}: {from} > {to}");
    }
}

/// Each address is itself: rules, routes and policies for another part of its range are not for it.
#[test]
fn addresses_are_not_their_ranges() {
    use common::small::{Inputs, rule, subnet};
    let egress = |name: &str, priority: u64, fields: Value| {
        let mut own = rule(name, value!({"direction": "EGRESS", "priority": priority}));
        own.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        own
    };
    let all = value!([{"IPProtocol": "all"}]);
    let deny = egress(
        "deny-some",
        900,
        value!({"denied": all, "sourceRanges": ["10.0.0.128/25"],
            "destinationRanges": ["0.0.0.0/0"]}),
    );
    let deny_to = egress(
        "deny-to-some",
        901,
        value!({"denied": all, "destinationRanges": ["10.9.0.128/25"]}),
    );
    let route = value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"});
    let other = value!({"kind": "compute#subnetwork", "name": "t", "ipCidrRange": "10.9.0.0/24",
        "network": "projects/p/global/networks/n", "region": "regions/r"});
    let vm = |name: &str, address: &str, nat: Value| {
        value!({"kind": "compute#instance", "name": name, "zone": "zones/r-a", "tags": {"items": []},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": address,
                "accessConfigs": nat}]})
    };
    let router = value!({"kind": "compute#router", "name": "r", "region": "regions/r",
        "network": "projects/p/global/networks/n", "nats": [{"name": "proxies",
            "endpointTypes": ["ENDPOINT_TYPE_MANAGED_PROXY_LB"],
            "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}]});
    let inputs = Inputs::of(&[
        deny,
        deny_to,
        rule("in", value!({"sourceRanges": ["10.0.0.0/8"], "allowed": all})),
        route,
        subnet(value!({})),
        other,
        router,
        vm("outer", "10.0.0.7", value!([{"natIP": "203.0.113.7"}])),
        vm("inner", "10.0.0.8", value!([])),
    ]);
    let state = |from: &str, to: &str, kind: &str| {
        let links = json(&["path", from, to, inputs.path()])["links"].clone();
        let found = links.as_array().unwrap().iter().find(|link| link["kind"] == kind).cloned();
        found.map(|link| link["state"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(state("10.0.0.5", "198.51.100.7:443", "firewall"), "ok");
    assert_eq!(state("10.0.0.200", "198.51.100.7:443", "firewall"), "broken");
    assert_eq!(state("10.0.0.5", "10.9.0.5:443", "firewall"), "ok");
    assert_eq!(state("10.0.0.5", "10.9.0.200:443", "firewall"), "broken");
    // An external address is a way out, by name and by number; a NAT for proxies is none for VMs.
    for from in ["outer", "10.0.0.7"] {
        assert_eq!(state(from, "198.51.100.7:443", "nat"), "ok", "{from}");
    }
    for from in ["inner", "10.0.0.8"] {
        assert_eq!(state(from, "198.51.100.7:443", "nat"), "broken", "{from}");
    }
    assert_eq!(state("10.0.0.5", "169.254.169.254:80", "route"), "ok");
}

/// A name with several addresses is as good as the worst of them, in whatever order they come.
#[test]
fn every_address_of_a_name_is_looked_at() {
    use common::small::{Inputs, subnet};
    let zone = value!({"kind": "dns#managedZone", "name": "z", "dnsName": "gcr.io.",
        "visibility": "private", "privateVisibilityConfig": {"networks":
            [{"networkUrl": "projects/p/global/networks/n"}]}});
    let route = value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000, "nextHopGateway": GATEWAY});
    let state = |addresses: &[&str]| {
        let record = value!({"kind": "dns#resourceRecordSet", "name": "gcr.io.", "type": "A",
            "rrdatas": addresses});
        let own = subnet(value!({"ipCidrRange": "10.50.0.0/24"}));
        let inputs = Inputs::of(&[own, zone.clone(), route.clone(), record]);
        let links = json(&["path", "10.50.0.5", "gcr.io", inputs.path()])["links"].clone();
        let found = links.as_array().unwrap().iter().find(|link| link["kind"] == "route").cloned();
        found.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&["10.50.0.20"]), "ok");
    // An endpoint that nobody gave may be there.
    assert_eq!(state(&["10.10.0.9"]), "not-given");
    assert_eq!(state(&["10.50.0.20", "10.90.0.9"]), "not-given");
    assert_eq!(state(&["10.10.0.9", "10.50.0.20"]), "not-given");
}

/// Another network's zone for names of Google's is no fault of a network that reaches their public
/// addresses; where a VIP is meant, or nothing else leads there, it is.
#[test]
fn a_zone_of_another_network_may_be_none_of_ours() {
    use common::small::{Inputs, cluster, subnet};
    let zone = |name: &str, domain: &str, network: &str| {
        value!({"kind": "dns#managedZone", "name": name, "dnsName": domain,
            "visibility": "private", "privateVisibilityConfig": {"networks":
                [{"networkUrl": format!("projects/p/global/networks/{network}")}]}})
    };
    let route = value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000, "nextHopGateway": GATEWAY});
    let private = value!({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28",
        "enablePrivateNodes": true}});
    let rule = common::small::own_rules()[0].clone();
    let asked = |access: bool, more: &[Value]| {
        let own = [
            cluster("c", private.clone()),
            subnet(value!({"privateIpGoogleAccess": access})),
            zone("other", "gcr.io.", "m"),
            route.clone(),
            rule.clone(),
            value!({"kind": "compute#router", "name": "r", "region": "regions/r",
                "network": "projects/p/global/networks/n"}),
        ];
        let inputs = Inputs::of(&[&own, more].concat());
        let links = json(&["path", "c", "gcr.io", inputs.path()])["links"].clone();
        let found = common::findings(&inputs.triage(), "dns-zone-not-attached").len();
        (links[0]["state"].as_str().unwrap().to_owned(), found)
    };
    assert_eq!(asked(true, &[]), ("ok".to_owned(), 0));
    assert_eq!(asked(true, &[zone("apis", "googleapis.com.", "n")]), ("broken".to_owned(), 1));
    assert_eq!(asked(false, &[]), ("broken".to_owned(), 1));
}

/// The restricted VIP serves less than the private one.
#[test]
fn not_every_host_is_served_by_the_restricted_vip() {
    for (host, vip, state) in [
        ("packages.cloud.google.com", "199.36.153.8", "ok"),
        ("packages.cloud.google.com", "199.36.153.4", "undetermined"),
        ("eu.gcr.io", "199.36.153.4", "ok"),
    ] {
        let mut world = World::sound();
        world.zone["dnsName"] = value!(format!("{host}."));
        world.records = vec![value!({"kind": "dns#resourceRecordSet", "name": format!("{host}."),
            "type": "A", "ttl": 300, "rrdatas": [vip]})];
        let answer = world.walk("blue", host);
        assert_eq!(answer["links"][0]["state"], state, "{host} {vip}: {answer:#}");
    }
}

/// Networks may have the same ranges: the one that is named is the one that is walked.
#[test]
fn a_way_begins_in_the_network_that_is_meant() {
    use common::small::{Inputs, cluster, deny_all, subnet};
    let there = |mut one: Value| {
        let link = one["network"].as_str().unwrap().replace("networks/n", "networks/m");
        one["network"] = value!(link);
        one["name"] = value!(format!("m-{}", one["name"].as_str().unwrap()));
        one
    };
    let closed = deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let intern = common::small::own_rules()[1].clone();
    let mut own = cluster("c", value!({}));
    own["network"] = value!("projects/p/global/networks/n");
    let mut other = cluster("d", value!({"subnetwork": "m-s", "id": "bbbbbbbb11112222"}));
    other["network"] = value!("projects/p/global/networks/m");
    let all = [
        subnet(value!({})),
        there(subnet(value!({}))),
        intern.clone(),
        there(intern),
        there(closed),
        own,
        other,
    ];
    let inputs = Inputs::of(&all);
    let state = |from: &str, more: &[&str]| {
        let asked = ["path", from, "198.51.100.7:443", inputs.path()];
        let links = json(&[&asked, more].concat())["links"].clone();
        let found = links.as_array().unwrap().iter().find(|link| link["kind"] == "firewall");
        found.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("10.0.0.5", &["--network", "n"]), "ok");
    assert_eq!(state("10.0.0.5", &["--network", "m"]), "broken");
    assert_eq!(state("10.0.0.5", &[]), "not-given");
    assert_eq!((state("s", &[]), state("m-s", &[])), ("ok".to_owned(), "broken".to_owned()));
    assert_eq!((state("c", &[]), state("d", &[])), ("ok".to_owned(), "broken".to_owned()));
}

/// What a route, a zone or a record says unreadably, or does not say though every export does, is
/// no default and no nothing.
#[test]
fn damaged_links_are_open() {
    let state = |change: &dyn Fn(&mut World), link: &str| {
        let mut world = World::sound();
        change(&mut world);
        let walked = world.walk("10.0.0.5", "gcr.io");
        let links = walked["links"].as_array().unwrap();
        let found = links.iter().find(|one| one["kind"] == link);
        (found.map(|one| one["state"].clone()), world.checks())
    };
    let (whole, sound) = state(&|_| (), "route");
    assert_eq!(whole, Some(value!("ok")));
    let open = |change: &dyn Fn(&mut World), link: &str, what: &str| {
        let (state, checks) = state(change, link);
        let state = state.unwrap();
        assert!(state == "not-given" || state == "undetermined", "{what}: {state}");
        // But for what is not known nothing is told.
        let more = checks.iter().find(|check| !sound.contains(check));
        assert!(more.is_none(), "{what}: {more:?}");
    };
    // The default route may come first where its rank is not known: it leads nowhere then.
    for (key, damaged) in
        [("priority", Value::Null), ("priority", value!("first")), ("tags", value!([{"tag": "t"}]))]
    {
        let change = |world: &mut World| world.vip_route[key] = damaged.clone();
        open(&change, "route", &format!("{key}: {damaged}"));
    }
    for damaged in [value!(null), value!([]), value!(["somewhere"])] {
        let change = |world: &mut World| world.records[0]["rrdatas"] = damaged.clone();
        open(&change, "name", &damaged.to_string());
    }
    for damaged in [value!([{"networkUrl": {"name": "n"}}]), value!(["n"])] {
        let change = |world: &mut World| {
            world.zone["privateVisibilityConfig"]["networks"] = damaged.clone();
        };
        open(&change, "name", &damaged.to_string());
    }
    let change = |world: &mut World| world.zone["visibility"] = value!("internal");
    let (state, _) = state(&change, "name");
    assert_eq!(state, Some(value!("ok")));
}

/// Wherever a route takes the addresses of a VIP, they are Google's.
#[test]
fn a_vip_that_is_led_elsewhere_is_broken() {
    for (key, hop) in [
        ("nextHopVpnTunnel", "projects/p/regions/r1/vpnTunnels/t"),
        ("nextHopPeering", "peer"),
        ("nextHopHub", "projects/p/locations/global/hubs/h"),
    ] {
        for range in ["199.36.153.4/30", "199.36.153.0/24"] {
            let mut world = World::sound();
            let route = world.vip_route.as_object_mut().unwrap();
            route.remove("nextHopGateway");
            route.insert(key.to_owned(), value!(hop));
            route.insert("destRange".to_owned(), value!(range));
            let walked = world.walk("10.0.0.5", "gcr.io");
            let links = walked["links"].as_array().unwrap();
            let route = links.iter().find(|one| one["kind"] == "route").unwrap();
            assert_eq!(route["state"], "broken", "{key} {range}: {walked:#}");
        }
    }
}

/// A NAT whose list is damaged is not judged, and no fix replaces the list.
#[test]
fn a_damaged_list_of_a_nat_is_open() {
    let asked = |list: Value| {
        let mut world = World::sound();
        world.router["nats"][0]["sourceSubnetworkIpRangesToNat"] = value!("LIST_OF_SUBNETWORKS");
        world.router["nats"][0]["subnetworks"] = list;
        let walked = world.walk("10.0.0.5", "quay.io");
        let links = walked["links"].as_array().unwrap();
        links.iter().find(|one| one["kind"] == "nat").unwrap()["state"].clone()
    };
    let other = value!({"name": "projects/p/regions/r1/subnetworks/other",
        "sourceIpRangesToNat": ["ALL_IP_RANGES"]});
    assert_eq!(asked(value!([other])), "broken");
    for gone in ["name", "sourceIpRangesToNat"] {
        let mut damaged = other.clone();
        damaged.as_object_mut().unwrap().remove(gone);
        assert_eq!(asked(value!([damaged])), "not-given", "{gone}");
    }
}

/// Whoever leaves is not yet let in: the receiver's firewall is a link of its own, where it is a
/// VM's.
#[test]
fn the_receiver_is_asked_too() {
    use common::small::{Inputs, cluster, own_rules, rule, subnet};
    let nfs = value!({"kind": "compute#instance", "name": "nfs", "zone": "zones/r-a",
        "id": "7", "creationTimestamp": "x", "tags": {"items": ["nfs-server"]},
        "networkInterfaces": [{"network": "projects/p/global/networks/n",
            "subnetwork": "projects/p/regions/r/subnetworks/other", "networkIP": "10.5.0.9"}]});
    let other = subnet(value!({"name": "other", "ipCidrRange": "10.5.0.0/24",
        "secondaryIpRanges": []}));
    let asked = |tag: &str, to: &str| {
        let open = rule(
            "open",
            value!({"sourceRanges": ["10.0.0.0/8"], "targetTags": [tag],
            "allowed": [{"IPProtocol": "tcp", "ports": ["2049"]}]}),
        );
        let mut all = vec![cluster("c", value!({})), subnet(value!({})), open];
        all.extend([nfs.clone(), other.clone()]);
        all.extend(own_rules());
        let inputs = Inputs::of(&all);
        let answer = json(&["path", "10.0.0.5", to, inputs.path()]);
        let links = answer["links"].as_array().unwrap().clone();
        let link = links.iter().find(|link| link["kind"] == "firewall").unwrap();
        let text = |key: &str| link[key].as_str().unwrap();
        format!("{} {}: {}", text("state"), text("object"), text("detail"))
    };
    let egress = "EGRESS allowed by implied allow egress; INGRESS";
    assert_eq!(asked("nfs-server", "10.5.0.9:2049"), format!("ok rule open: {egress} allowed"));
    for (tag, to, port) in [("nfs", "10.5.0.9:2049", 2049), ("nfs-server", "10.5.0.9:22", 22)] {
        let expected = format!("broken implied deny ingress: {egress} to tcp {port} denied");
        assert_eq!(asked(tag, to), expected);
    }
    // The control plane's firewall, and that of the internet, are nobody's here.
    let egress = "ok implied allow egress: EGRESS allowed";
    assert_eq!(asked("nfs", "172.16.0.2:443"), egress);
    assert_eq!(asked("nfs", "198.51.100.7:443"), egress);
}

/// What was lost of a list may lead elsewhere, whatever the rest of it says.
#[test]
fn a_lost_route_leaves_the_way_open() {
    let state = |host: &str, lost: Option<Value>| {
        let mut world = World::sound();
        world.rules.extend(lost);
        let walked = world.walk("10.0.0.5", host);
        let links = walked["links"].as_array().unwrap();
        links.iter().find(|one| one["kind"] == "route").unwrap()["state"].clone()
    };
    let route = value!({"kind": "compute#route", "name": "lost", "destRange": "199.36.153.4/31",
        "priority": 900, "nextHopIp": "10.0.0.9"});
    let policy = value!({"kind": "networkconnectivity#policyBasedRoute", "network": NETWORK,
        "filter": {"srcRange": "0.0.0.0/0", "destRange": "0.0.0.0/0", "protocolVersion": "IPV4"},
        "priority": 100, "nextHopIlbIp": "10.0.0.9"});
    let mut filtered = policy.clone();
    filtered["name"] = value!("projects/p/locations/global/policyBasedRoutes/pbr");
    filtered["filter"]["srcRange"] = value!("somewhere");
    let mut aimless = policy.clone();
    aimless["name"] = filtered["name"].clone();
    aimless.as_object_mut().unwrap().remove("nextHopIlbIp");
    aimless["nextHopOtherRoutes"] = Value::Null;
    for host in ["gcr.io", "quay.io", "10.0.0.7"] {
        assert_eq!(state(host, None), "ok", "{host}");
        for lost in [&policy, &filtered, &aimless] {
            assert_eq!(state(host, Some(lost.clone())), "undetermined", "{host}: {lost}");
        }
        // No route is as narrow as a subnetwork's own range.
        let expected = if host == "10.0.0.7" { "ok" } else { "undetermined" };
        assert_eq!(state(host, Some(route.clone())), expected, "{host}");
    }
}

/// What no list of routes holds may lead there all the same: what routers learn, and what peered
/// networks bring.
#[test]
fn routes_that_no_list_holds_leave_the_way_open() {
    let state = |host: &str, more: &[Value], change: &dyn Fn(&mut World)| {
        let mut world = World::sound();
        world.default_route["destRange"] = value!("192.0.2.0/24");
        world.vip_route = Value::Null;
        world.zone["dnsName"] = value!("corp.example.");
        world.records.clear();
        world.rules.extend(more.iter().cloned());
        change(&mut world);
        let walked = world.walk("10.0.0.5", host);
        let links = walked["links"].as_array().unwrap().clone();
        let speaks = world.checks().iter().any(|check| check == "default-route-missing");
        let link = links.iter().find(|one| one["kind"] == "route").unwrap();
        (link["state"].as_str().unwrap().to_owned(), speaks)
    };
    let told = |state: &str, speaks: bool| (state.to_owned(), speaks);
    for host in ["quay.io", "172.18.0.9"] {
        assert_eq!(state(host, &[], &|_| ()), told("broken", true), "{host}");
        let learning = |world: &mut World| world.router["bgpPeers"] = value!([{"name": "peer"}]);
        assert_eq!(state(host, &[], &learning), told("not-given", false), "{host}");
        // Its status shows all of them.
        let status = |ranges: &[&str]| {
            let route = |range: &&str| {
                value!({"destRange": range, "network": NETWORK, "priority": 100,
                    "nextHopVpnTunnel": "projects/p/regions/r1/vpnTunnels/t"})
            };
            let routes: Vec<Value> = ranges.iter().map(route).collect();
            value!({"kind": "compute#routerStatusResponse", "result": {"network": NETWORK,
                "bestRoutes": routes, "bgpPeerStatus": [{"name": "peer", "status": "UP"}]}})
        };
        // That of a router without peers tells nothing of others.
        let mut of_nat = status(&[]);
        of_nat["result"]["bgpPeerStatus"] = value!([]);
        assert_eq!(state(host, &[of_nat], &learning), told("not-given", false), "{host}");
        let none = status(&["192.168.0.0/24"]);
        assert_eq!(state(host, &[none], &learning), told("broken", true), "{host}");
        let both = status(&["0.0.0.0/0", "172.18.0.0/16"]);
        // What is behind the tunnel on the way to the internet nobody knows here.
        let expected = if host == "quay.io" { "undetermined" } else { "ok" };
        assert_eq!(state(host, &[both], &learning), told(expected, false), "{host}");
    }
    // No router learns a way to the VIPs.
    let mut world = World::sound();
    world.default_route["destRange"] = value!("192.0.2.0/24");
    world.vip_route = Value::Null;
    world.router["bgpPeers"] = value!([{"name": "peer"}]);
    assert!(world.checks().iter().any(|check| check == "private-route-missing"));
    // Subnetworks of a peered network, which an export of routes would show.
    let network = |peer: &str| {
        value!({"kind": "compute#network", "name": "n", "selfLink": format!("https://x/{NETWORK}"),
            "autoCreateSubnetworks": false, "peerings": [{"name": "x", "network": peer}]})
    };
    let peered = network("projects/q/global/networks/m");
    assert_eq!(state("172.18.0.9", std::slice::from_ref(&peered), &|_| ()).0, "not-given");
    let brought = value!({"kind": "compute#route", "name": "peering-route-1", "network": NETWORK,
        "destRange": "10.77.0.0/16", "priority": 0, "nextHopPeering": "x"});
    assert_eq!(state("172.18.0.9", &[peered, brought], &|_| ()).0, "broken");
    let of_gke = network("projects/gke-prod-x/global/networks/gke-n1-ab-net");
    assert_eq!(state("172.18.0.9", &[of_gke], &|_| ()).0, "broken");
}

/// A route to a VM that takes no packets for others leads nowhere.
#[test]
fn a_next_hop_has_to_take_packets() {
    let state = |fields: Value| {
        let mut world = World::sound();
        let mut vm = value!({"kind": "compute#instance", "name": "gateway", "zone": "zones/r1-a",
            "networkInterfaces": [{"network": NETWORK, "networkIP": "10.0.0.9"}]});
        vm.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let hop = |name: &str, to: Value| {
            let mut route = value!({"kind": "compute#route", "name": name, "network": NETWORK,
                "priority": 100});
            route.as_object_mut().unwrap().extend(to.as_object().unwrap().clone());
            route
        };
        let by_address = hop("a", value!({"destRange": "10.8.0.0/16", "nextHopIp": "10.0.0.9"}));
        let by_name = hop(
            "b",
            value!({"destRange": "10.9.0.0/16",
            "nextHopInstance": "https://x/compute/v1/projects/p/zones/r1-a/instances/gateway"}),
        );
        world.rules.extend([vm, by_address, by_name]);
        ["10.8.0.1", "10.9.0.1"].map(|to| {
            let walked = world.walk("10.0.0.5", to);
            let links = walked["links"].as_array().unwrap().clone();
            let link = links.iter().find(|one| one["kind"] == "route").unwrap();
            link["state"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(state(value!({"canIpForward": true, "status": "RUNNING"})), ["ok"; 2]);
    assert_eq!(state(value!({})), ["ok"; 2]);
    assert_eq!(state(value!({"canIpForward": false, "status": "RUNNING"})), ["broken"; 2]);
    assert_eq!(state(value!({"canIpForward": true, "status": "TERMINATED"})), ["broken"; 2]);
}

/// Names that no public DNS knows are not sent to the internet.
#[test]
fn names_inside_of_google_cloud_are_not_public() {
    let asked = |host: &str| {
        let mut world = World::sound();
        let vm = value!({"kind": "compute#instance", "name": "web", "zone": "zones/r1-a",
            "selfLink": "https://x/compute/v1/projects/p/zones/r1-a/instances/web",
            "networkInterfaces": [{"network": NETWORK, "networkIP": "10.0.0.9"}]});
        let deny = value!({"kind": "compute#firewall", "name": "out", "network": NETWORK,
            "direction": "EGRESS", "priority": 1000, "destinationRanges": ["0.0.0.0/0"],
            "denied": [{"IPProtocol": "all"}]});
        world.rules.extend([vm, deny]);
        let walked = world.walk("10.0.0.5", host);
        let links = walked["links"].as_array().unwrap().clone();
        let state = |kind: &str| {
            let link = links.iter().find(|one| one["kind"] == kind);
            link.map(|one| one["state"].as_str().unwrap().to_owned()).unwrap_or_default()
        };
        [state("name"), state("route"), state("firewall")]
    };
    for host in ["metadata.google.internal:80", "metadata:80"] {
        assert_eq!(asked(host), ["ok", "ok", "ok"], "{host}");
    }
    for host in ["web.r1-a.c.p.internal:22", "web:22"] {
        assert_eq!(asked(host), ["ok", "ok", "broken"], "{host}");
    }
    for host in ["web.r1-b.c.p.internal", "web.r1-a.c.q.internal", "web.mycorp.internal"] {
        assert_eq!(asked(host), ["not-given", "", ""], "{host}");
    }
    for host in ["db.r1-a.c.p.internal", "kubernetes.default.svc.cluster.local", "web.shop.svc"] {
        assert_eq!(asked(host), ["not-given", "", ""], "{host}");
    }
    assert_eq!(asked("quay.io"), ["ok", "ok", "broken"]);
}

/// An address of the nodes' range that no VM has, where VMs were given, carries nobody knows what.
#[test]
fn an_address_of_no_node_has_no_tag_of_nodes() {
    use common::small::{Inputs, TAG, cluster, rule, subnet};
    let node = value!({"kind": "compute#instance", "name": "gke-c-pool-1", "zone": "zones/r-a",
        "tags": {"items": [TAG]}, "labels": {"goog-k8s-cluster-name": "c"},
        "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.2"}]});
    let open = rule("db", value!({"sourceTags": [TAG], "allowed": [{"IPProtocol": "tcp"}]}));
    let verdict = |nodes: &[Value], from: &str| {
        let all = [&[cluster("c", value!({})), subnet(value!({})), open.clone()], nodes].concat();
        Inputs::of(&all).why(from, "10.0.0.9:5432", "INGRESS").0
    };
    let nodes = [node];
    assert_eq!(verdict(&[], "10.0.0.3"), "ALLOWED");
    assert_eq!(verdict(&nodes, "10.0.0.2"), "ALLOWED");
    assert_eq!(verdict(&nodes, "10.0.0.3"), "UNDETERMINED");
}
