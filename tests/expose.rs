//! The ways into applications from outside: who could come, and what each way lacks.
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

fn cluster(private: bool) -> Value {
    value!({"name": "blue", "id": "5f0c2a9e4d1b4c7f8a6e0d3c", "location": "r1", "network": "n",
        "subnetwork": "nodes", "currentMasterVersion": "1.30", "status": "RUNNING",
        "selfLink": "https://container.googleapis.com/v1/projects/p/locations/r1/clusters/blue",
        "networkConfig": {"network": NETWORK, "subnetwork": "projects/p/regions/r1/subnetworks/nodes"},
        "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "useIpAliases": true},
        "privateClusterConfig": {"enablePrivateNodes": private, "masterIpv4CidrBlock": "172.16.0.32/28",
                                 "peeringName": "gke-x-peer"},
        "nodePools": [{"name": "a", "config": {"tags": ["t"]}}]})
}

fn subnetwork() -> Value {
    value!({"kind": "compute#subnetwork", "name": "nodes", "region": "r1", "network": NETWORK,
        "ipCidrRange": "10.0.0.0/24", "privateIpGoogleAccess": true,
        "selfLink": "https://x/projects/p/regions/r1/subnetworks/nodes",
        "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.1.0.0/16"}]})
}

fn allow(name: &str, sources: &[&str], ports: &[&str]) -> Value {
    value!({"kind": "compute#firewall", "name": name, "network": NETWORK, "priority": 1000,
        "direction": "INGRESS", "sourceRanges": sources,
        "allowed": [{"IPProtocol": "tcp", "ports": ports}]})
}

fn service(name: &str, kind: &str, ports: Value) -> Value {
    value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": kind, "selector": {"app": name}, "ports": ports}})
}

fn ingress(class: &str, annotations: Value, tls: Value, backend: (&str, u16)) -> Value {
    let mut own = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "front", "namespace": "shop", "annotations": annotations},
        "spec": {"tls": tls, "rules": [{"host": "shop.example.com",
            "http": {"paths": [{"path": "/", "backend": {"service": {"name": backend.0,
                "port": {"number": backend.1}}}}]}}]}});
    // GKE's own controller goes by the annotation.
    match class.starts_with("gce") {
        true => own["metadata"]["annotations"]["kubernetes.io/ingress.class"] = value!(class),
        false => own["spec"]["ingressClassName"] = value!(class),
    }
    own
}

struct Answer {
    ways: Vec<Value>,
    report: Value,
}

fn ask(objects: &[Value], arguments: &[&str]) -> Answer {
    let text: String = objects.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("all.json", text.as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let mut all = vec!["expose", path];
    all.extend(arguments);
    let ways = json(&all)["ways"].as_array().unwrap().clone();
    Answer { ways, report: json(&["triage", path]) }
}

impl Answer {
    #[track_caller]
    fn way(&self, kind: &str) -> &Value {
        let mut own = self.ways.iter().filter(|way| way["kind"] == kind);
        let found = own.next().unwrap_or_else(|| panic!("no {kind}: {:?}", self.ways));
        assert!(own.next().is_none(), "several of {kind}");
        found
    }

    fn titles(&self, check: &str) -> Vec<String> {
        let all = findings(&self.report, check);
        all.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn node_ports_are_as_open_as_the_rules_and_the_nodes_are() {
    let web = service(
        "api",
        "NodePort",
        value!([{"name": "grpc", "port": 9090, "targetPort": 9000, "nodePort": 31000}]),
    );
    let world = allow("all-node-ports", &["0.0.0.0/0"], &["30000-32767"]);
    let office = allow("office", &["203.0.113.0/24"], &["31000"]);
    let open = ask(&[cluster(false), subnetwork(), world.clone(), web.clone()], &[]);
    let way = open.way("node-port");
    assert_eq!((&way["verdict"], &way["clients"]), (&value!("ALLOWED"), &value!(["0.0.0.0/0"])));
    assert_eq!(way["ports"][0]["target_port"], 9000);
    assert_eq!(way["ports"][0]["application"], "grpc");
    assert_eq!(way["decision"]["decider"]["name"], "all-node-ports");
    assert_eq!(
        open.titles("exposure-too-open"),
        ["anybody on the internet can reach 9090 grpc (node port 31000) of node port shop/api: a \
          node port is no way for the internet"]
    );
    let found = findings(&open.report, "exposure-too-open");
    assert_eq!(way["findings"], value!([found[0]["id"]]));
    // Nodes without an external address are reached from inside alone.
    let inside = ask(&[cluster(true), subnetwork(), world, web.clone()], &[]);
    assert_eq!(inside.titles("exposure-too-open"), [""; 0]);
    let narrow = ask(&[cluster(false), subnetwork(), office, web], &[]);
    let way = narrow.way("node-port");
    assert_eq!((&way["verdict"], &way["clients"]), (&value!("MIXED"), &value!(["203.0.113.0/24"])));
    assert_eq!(narrow.titles("exposure-too-open"), [""; 0]);
}

#[test]
fn the_rule_that_named_clients_lack_is_printed_and_proved() {
    let web = service("web", "NodePort", value!([{"port": 443, "nodePort": 31443}]));
    let ssh = allow("ssh", &["198.51.100.0/24"], &["22"]);
    let objects = [cluster(false), subnetwork(), ssh, web];
    let text: String = objects.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("all.json", text.as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let ways = json(&["expose", "shop/web", path, "--clients", "203.0.113.0/24"]);
    let way = &ways["ways"][0];
    assert_eq!(way["verdict"], "DENIED");
    assert_eq!(way["findings"].as_array().unwrap().len(), 1, "{way:#}");
    let output = run(&["expose", path, "--clients", "203.0.113.0/24", "-v", "--width", "200"]);
    let text = common::stdout(&output);
    let rule =
        "--direction=INGRESS --action=ALLOW --rules=tcp:31443 --source-ranges=203.0.113.0/24";
    assert!(text.contains(rule), "{text}");
    assert!(text.contains("exposure-blocked"), "{text}");
    // Nobody was named: nothing is proposed, least of all for everybody.
    let bare = common::stdout(&run(&["expose", path, "-v"]));
    assert!(!bare.contains("--source-ranges"), "{bare}");
}

/// A rule that lets in anybody does not help whom the Service does not name, nor would another
/// rule: kube-proxy goes by the Service.
#[test]
fn whom_a_service_does_not_name_no_rule_lets_in() {
    let mut balancer = service("api", "LoadBalancer", value!([{"name": "http", "port": 80}]));
    balancer["status"] = value!({"loadBalancer": {"ingress": [{"ip": "34.1.2.3"}]}});
    balancer["spec"]["loadBalancerSourceRanges"] = value!(["203.0.113.0/24"]);
    for sources in ["0.0.0.0/0", "203.0.113.0/24"] {
        let objects =
            [cluster(false), subnetwork(), allow("own", &[sources], &["80"]), balancer.clone()];
        let with = |clients: &str| ask(&objects, &["--clients", clients]);
        let refused = with("198.51.100.7/32");
        let way = refused.way("load-balancer");
        assert_eq!((&way["verdict"], &way["decision"]), (&value!("DENIED"), &Value::Null));
        let why = "none of the clients is in loadBalancerSourceRanges";
        assert!(way["because"].to_string().contains(why), "{way:#}");
        let some = with("198.51.100.7/32,203.0.113.9/32");
        assert_eq!(some.way("load-balancer")["verdict"], "MIXED");
        assert_eq!(with("203.0.113.9/32").way("load-balancer")["verdict"], "ALLOWED");
        let anybody = ask(&objects, &[]);
        let way = anybody.way("load-balancer");
        assert_eq!(
            (&way["verdict"], &way["clients"]),
            (&value!("MIXED"), &value!(["203.0.113.0/24"]))
        );
        // Nothing is opened for who would not get in.
        let text: String = objects.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.json", text.as_bytes())]);
        let path = scratch.path().to_str().unwrap();
        for clients in ["198.51.100.7/32", "198.51.100.7/32,203.0.113.9/32"] {
            let text = common::stdout(&run(&["expose", path, "--clients", clients, "-v"]));
            assert!(!text.contains("--source-ranges"), "{text}");
            assert!(text.contains("add the clients to loadBalancerSourceRanges of the Service"));
        }
    }
}

#[test]
fn load_balancers_let_in_whom_they_and_the_rules_name() {
    let mut balancer = service("api", "LoadBalancer", value!([{"name": "http", "port": 80}]));
    balancer["status"] = value!({"loadBalancer": {"ingress": [{"ip": "34.1.2.3"}]}});
    let own = value!({"kind": "compute#firewall", "name": "k8s-fw-a1", "network": NETWORK,
        "priority": 1000, "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"],
        "destinationRanges": ["34.1.2.3"], "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]});
    let given = ask(&[cluster(false), subnetwork(), own, balancer.clone()], &[]);
    let way = given.way("load-balancer");
    assert_eq!((&way["verdict"], &way["address"]), (&value!("ALLOWED"), &value!("34.1.2.3")));
    assert_eq!(given.titles("exposure-no-tls").len(), 1);
    // Its rule is missing from what was exported.
    let other = allow("ssh", &["10.0.0.0/8"], &["22"]);
    let missing = ask(&[cluster(false), subnetwork(), other, balancer.clone()], &[]);
    assert_eq!(missing.way("load-balancer")["verdict"], "DENIED");
    assert_eq!(missing.titles("exposure-blocked"), ["nobody can reach load balancer shop/api"]);
    // Without rules its own word is all there is.
    balancer["spec"]["loadBalancerSourceRanges"] = value!(["203.0.113.0/24"]);
    let bare = ask(std::slice::from_ref(&balancer), &[]);
    let way = bare.way("load-balancer");
    assert_eq!(way["verdict"], "UNDETERMINED");
    assert_eq!(way["clients"], value!(["203.0.113.0/24"]));
    assert_eq!(bare.titles("exposure-too-open"), [""; 0]);
    balancer["spec"]["loadBalancerSourceRanges"] = value!([]);
    balancer["spec"]["ports"] = value!([{"port": 2379}]);
    assert_eq!(ask(&[balancer.clone()], &[]).titles("exposure-too-open").len(), 1);
    balancer["metadata"]["annotations"] =
        value!({"networking.gke.io/load-balancer-type": "Internal"});
    assert_eq!(ask(&[balancer], &[]).titles("exposure-too-open"), [""; 0]);
}

#[test]
fn denials_in_the_log_on_an_exposed_port_are_told_as_such() {
    let web = service("web", "NodePort", value!([{"port": 443, "nodePort": 31443}]));
    let mut deny = allow("deny-all", &["0.0.0.0/0"], &[]);
    deny.as_object_mut().unwrap().remove("allowed");
    deny["denied"] = value!([{"IPProtocol": "all"}]);
    deny["priority"] = value!(65000);
    deny["logConfig"] = value!({"enable": true});
    let entry = |port: u16| {
        value!({"insertId": format!("e{port}"), "timestamp": "2026-10-14T09:00:00.5Z",
            "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
            "resource": {"labels": {"project_id": "p"}, "type": "gce_subnetwork"},
            "jsonPayload": {"disposition": "DENIED",
                "connection": {"src_ip": "198.51.100.9", "src_port": 40000, "dest_ip": "10.0.0.5",
                               "dest_port": port, "protocol": 6},
                "rule_details": {"reference": "network:n/firewall:deny-all", "priority": 65000,
                                 "action": "DENY", "direction": "INGRESS"},
                "vpc": {"project_id": "p", "vpc_name": "n", "subnetwork_name": "nodes"}}})
    };
    let answer = ask(&[cluster(false), subnetwork(), deny, web, entry(31443), entry(31999)], &[]);
    let found = findings(&answer.report, "exposure-blocked");
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        one["title"],
        "connections from outside to node port shop/web are denied on tcp 31443"
    );
    // Whoever it was is let in by nobody but its owner.
    assert_eq!(one["fixes"], value!([]));
    assert!(one["no_fix"].as_str().unwrap().contains("--clients"));
    let checks: Vec<_> = answer.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["check"].clone())
        .collect();
    assert!(checks.contains(&value!("internet-scan")), "{checks:?}");
}

#[test]
fn naming_clients_hides_nothing_and_opens_no_way_from_outside() {
    let etcd = service("etcd", "NodePort", value!([{"port": 2379, "nodePort": 32379}]));
    let world = allow("all-node-ports", &["0.0.0.0/0"], &["30000-32767"]);
    let objects = [cluster(false), subnetwork(), world.clone(), etcd.clone()];
    let named = ask(&objects, &["--clients", "203.0.113.0/24"]);
    let way = named.way("node-port");
    assert_eq!((&way["verdict"], &way["clients"]), (&value!("ALLOWED"), &value!(["0.0.0.0/0"])));
    assert_eq!(way["findings"].as_array().unwrap().len(), 1);
    // An address inside is reached by nobody outside, whatever the rules say.
    let mut inner = service("api", "LoadBalancer", value!([{"port": 443}]));
    inner["metadata"]["annotations"] = value!({"networking.gke.io/load-balancer-type": "Internal"});
    inner["status"] = value!({"loadBalancer": {"ingress": [{"ip": "10.0.0.99"}]}});
    let rule = allow("k8s-fw-a", &["0.0.0.0/0"], &["443"]);
    let objects = [cluster(true), subnetwork(), rule, world, inner, etcd];
    for (clients, expected) in [("203.0.113.0/24", "DENIED"), ("10.9.0.0/16", "ALLOWED")] {
        let answer = ask(&objects, &["--clients", clients]);
        for kind in ["load-balancer", "node-port"] {
            assert_eq!(answer.way(kind)["verdict"], expected, "{kind} {clients}");
        }
    }
}

#[test]
fn a_rule_for_clients_opens_what_was_asked_for_and_nothing_inner() {
    let port = |port: u16, node: u16| value!([{"port": port, "nodePort": node}]);
    let objects = [
        cluster(false),
        subnetwork(),
        allow("ssh", &["198.51.100.0/24"], &["22"]),
        service("web", "NodePort", port(443, 31443)),
        service("other", "NodePort", port(443, 31444)),
        service("etcd", "NodePort", port(2379, 32379)),
    ];
    let text: String = objects.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("all.json", text.as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let printed = |name: &[&str]| {
        let mut all = vec!["expose"];
        all.extend(name);
        all.extend([path, "--clients", "203.0.113.0/24", "-v", "--width", "300"]);
        common::stdout(&run(&all))
    };
    let one = printed(&["shop/web"]);
    assert!(one.contains("--rules=tcp:31443 "), "{one}");
    assert!(one.contains("[review]"), "{one}");
    let all = printed(&[]);
    assert!(all.contains("tcp:31443-31444"), "{all}");
    assert!(!all.contains("tcp:32379"), "{all}");
}

#[test]
fn a_balancer_of_private_nodes_is_for_the_world_all_the_same() {
    let mut etcd = service("etcd", "LoadBalancer", value!([{"port": 2379}]));
    etcd["status"] = value!({"loadBalancer": {"ingress": [{"ip": "34.1.2.3"}]}});
    let own = value!({"kind": "compute#firewall", "name": "k8s-fw-a1", "network": NETWORK,
        "priority": 1000, "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"],
        "destinationRanges": ["34.1.2.3"], "allowed": [{"IPProtocol": "tcp", "ports": ["2379"]}]});
    let objects = [cluster(true), subnetwork(), own, etcd];
    for clients in [&[][..], &["--clients", "203.0.113.0/24"][..]] {
        let answer = ask(&objects, clients);
        let way = answer.way("load-balancer");
        assert_eq!(
            (&way["verdict"], &way["clients"]),
            (&value!("ALLOWED"), &value!(["0.0.0.0/0"]))
        );
        assert_eq!(way["findings"].as_array().unwrap().len(), 1, "{clients:?}");
    }
}

/// (class, annotations of the Ingress, of the Service, appProtocol, whether gRPC gets through)
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
    &'static str,
    bool,
);

const CONTROLLERS: [Row; 12] = [
    ("nginx", &[], &[], "", false),
    ("nginx", &[("nginx.ingress.kubernetes.io/backend-protocol", "GRPC")], &[], "", true),
    ("nginx", &[("nginx.ingress.kubernetes.io/backend-protocol", "HTTPS")], &[], "", false),
    ("gce", &[], &[], "", false),
    ("gce", &[], &[("cloud.google.com/app-protocols", "{\"grpc\":\"HTTP2\"}")], "", true),
    ("traefik", &[], &[("traefik.ingress.kubernetes.io/service.serversscheme", "h2c")], "", true),
    ("traefik", &[], &[], "", false),
    ("contour", &[], &[("projectcontour.io/upstream-protocol.h2c", "9090")], "", true),
    ("contour", &[], &[], "", false),
    ("haproxy", &[], &[("haproxy.org/server-proto", "h2")], "", true),
    ("haproxy", &[], &[], "", false),
    ("istio", &[], &[], "grpc", true),
];

#[test]
fn every_controller_has_its_own_word_for_grpc() {
    let map = |list: &[(&str, &str)]| -> Value {
        Value::Object(list.iter().map(|(key, text)| ((*key).to_owned(), value!(text))).collect())
    };
    for (class, of_ingress, of_service, protocol, expected) in CONTROLLERS {
        let mut api = service("api", "NodePort", value!([{"name": "grpc", "port": 9090}]));
        api["metadata"]["annotations"] = map(of_service);
        if !protocol.is_empty() {
            api["spec"]["ports"][0]["appProtocol"] = value!(protocol);
        }
        let tls = value!([{"secretName": "cert"}]);
        let answer = ask(&[api, ingress(class, map(of_ingress), tls, ("api", 9090))], &[]);
        let grpc = if expected { "yes" } else { "no" };
        assert_eq!(answer.way("ingress")["grpc"], grpc, "{class} {of_ingress:?} {of_service:?}");
        let told = answer.titles("exposure-controller-unfit");
        let lacks = told.iter().any(|title| title.contains("not told to speak gRPC"));
        assert_eq!(lacks, !expected, "{class}: {told:?}");
        assert_eq!(answer.titles("exposure-no-tls"), [""; 0], "{class}");
    }
}

#[test]
fn streams_are_cut_where_nobody_says_how_long_they_last() {
    let api = service("api", "ClusterIP", value!([{"name": "ws", "port": 8081}]));
    let tls = value!([{"secretName": "cert"}]);
    let cut = |class: &str, annotations: Value| {
        let objects = [api.clone(), ingress(class, annotations, tls.clone(), ("api", 8081))];
        ask(&objects, &[]).titles("exposure-controller-unfit")
    };
    let told = cut("nginx", value!({}));
    assert_eq!(
        told,
        ["ingress shop/front: ingress-nginx cuts streams to shop/api:8081 after 60 s"]
    );
    let long = value!({"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"});
    assert_eq!(cut("nginx", long), [""; 0]);
    let told = cut("contour", value!({}));
    assert!(told[0].contains("not told to let websockets"), "{told:?}");
    assert_eq!(cut("contour", value!({"projectcontour.io/websocket-routes": "/"})), [""; 0]);
}

#[test]
fn tls_covers_the_host_or_is_missing() {
    let api = service("api", "ClusterIP", value!([{"name": "http", "port": 80}]));
    let state = |annotations: Value, tls: Value| {
        let answer = ask(&[api.clone(), ingress("gce", annotations, tls, ("api", 80))], &[]);
        let state = answer.way("ingress")["tls"]["state"].as_str().unwrap().to_owned();
        (state, answer.titles("exposure-no-tls").len())
    };
    assert_eq!(state(value!({}), value!([])), ("off".to_owned(), 1));
    assert_eq!(state(value!({}), value!([{"secretName": "c"}])), ("on".to_owned(), 0));
    let others = value!([{"hosts": ["other.example.com"], "secretName": "c"}]);
    assert_eq!(state(value!({}), others), ("off".to_owned(), 1));
    let wild = value!([{"hosts": ["*.example.com"], "secretName": "c"}]);
    assert_eq!(state(value!({}), wild), ("on".to_owned(), 0));
    let managed = value!({"networking.gke.io/managed-certificates": "shop"});
    assert_eq!(state(managed, value!([])), ("on".to_owned(), 0));
}

#[test]
fn who_may_come_is_what_every_door_lets_through() {
    let api = service("api", "ClusterIP", value!([{"name": "http", "port": 80}]));
    let mut front = service("ingress-nginx-controller", "LoadBalancer", value!([{"port": 443}]));
    front["spec"]["loadBalancerSourceRanges"] = value!(["203.0.113.0/24", "198.51.100.0/24"]);
    let list =
        value!({"nginx.ingress.kubernetes.io/whitelist-source-range": "203.0.113.0/25,10.0.0.0/8"});
    let tls = value!([{"secretName": "cert"}]);
    let objects = [front, api, ingress("nginx", list, tls, ("api", 80))];
    let answer = ask(&objects, &[]);
    assert_eq!(answer.way("ingress")["clients"], value!(["203.0.113.0/25"]));
    let verdict = |clients: &str| {
        let answer = ask(&objects, &["--clients", clients]);
        answer.way("ingress")["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict("192.0.2.0/24"), "DENIED");
    assert_eq!(verdict("203.0.113.0/24"), "MIXED");
}

#[test]
fn an_internal_balancer_tells_whether_it_subsets() {
    let mut own = service("api", "LoadBalancer", value!([{"name": "http", "port": 80}]));
    own["metadata"]["annotations"] = value!({"networking.gke.io/load-balancer-type": "Internal"});
    let told = |subsetting: Option<bool>| {
        let mut cluster = cluster(true);
        match subsetting {
            Some(on) => cluster["networkConfig"]["enableL4ilbSubsetting"] = value!(on),
            None => cluster["networkConfig"] = Value::Null,
        }
        let answer = ask(&[cluster, subnetwork(), own.clone()], &[]);
        answer.way("load-balancer")["because"].to_string()
    };
    assert!(told(Some(true)).contains("internal, with subsetting"));
    assert!(told(Some(false)).contains("internal, without subsetting"));
    assert!(told(None).contains("does not say"));
}

/// A rule for everybody is narrowed to those who were named: it opens nothing, and they still pass.
#[test]
fn a_rule_that_is_too_open_is_narrowed_to_the_clients() {
    let web = service("web", "NodePort", value!([{"name": "http", "port": 80, "nodePort": 30080}]));
    let fixes = |rules: Vec<Value>, clients: &str| {
        let mut all = vec![cluster(false), subnetwork(), web.clone()];
        all.extend(rules);
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.json", text.as_bytes())]);
        let path = scratch.path().to_str().unwrap();
        let told = run(&["fix", path, "--clients", clients, "--as", "json"]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let all = told["findings"].as_array().unwrap();
        let open = all.iter().find(|one| one["check"] == "exposure-too-open");
        open.map(|one| one["fixes"].clone()).unwrap_or_default()
    };
    let open = || allow("open-nodes", &["0.0.0.0/0"], &["30000-32767"]);
    let narrowed = fixes(vec![open()], "203.0.113.0/24");
    let fix = &narrowed[0];
    assert_eq!(fix["kind"], "update-firewall-rule");
    assert_eq!(fix["rule"]["source_ranges"], value!(["203.0.113.0/24"]));
    assert_eq!(fix["proof"]["opens"], value!([]));
    assert_eq!(fix["proof"]["closes"][0]["ports"], value!(["30000-32767"]));
    let command = fix["as"]["gcloud"].as_str().unwrap();
    assert!(command.contains("update open-nodes"), "{command}");
    assert!(command.contains("--source-ranges=203.0.113.0/24"), "{command}");
    // Where two rules are open, to narrow one of them would change nothing for anybody.
    let two = vec![open(), allow("also", &["0.0.0.0/0"], &["30080"])];
    assert_eq!(fixes(two, "203.0.113.0/24"), value!([]));
    // A rule of GKE's own is not edited, and 0.0.0.0/0 is no narrowing.
    let of_gke = vec![allow("k8s-fw-a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6", &["0.0.0.0/0"], &["30080"])];
    assert_eq!(fixes(of_gke, "203.0.113.0/24"), value!([]));
    assert_eq!(fixes(vec![open()], "0.0.0.0/0"), value!([]));
}

/// A narrowing that leaves the port open to others, by another rule or protocol, is none.
#[test]
fn a_narrowing_that_leaves_it_open_is_not_offered() {
    let nodes = |protocol: &str, port: u16| {
        service(
            "web",
            "NodePort",
            value!([
            {"name": "a", "port": 80, "nodePort": port, "protocol": protocol},
            {"name": "b", "port": 81, "nodePort": port + 1, "protocol": protocol}]),
        )
    };
    let fixes = |web: Value, rules: Vec<Value>| {
        let mut all = vec![cluster(false), subnetwork(), web];
        all.extend(rules);
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.json", text.as_bytes())]);
        let path = scratch.path().to_str().unwrap();
        let told = run(&["fix", path, "--clients", "203.0.113.0/24", "--as", "json"]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let all = told["findings"].as_array().unwrap();
        let open = all.iter().find(|one| one["check"] == "exposure-too-open").unwrap().clone();
        open["fixes"].as_array().unwrap().len()
    };
    let world = &["0.0.0.0/0"][..];
    let mut udp = allow("udp", world, &["30080-30081"]);
    udp["allowed"][0]["IPProtocol"] = value!("udp");
    let tcp = || allow("tcp", world, &["30080-30081"]);
    assert_eq!(fixes(nodes("TCP", 30080), vec![tcp(), udp.clone()]), 1);
    assert_eq!(fixes(nodes("UDP", 30080), vec![tcp(), udp]), 1);
    let apart = vec![allow("one", world, &["30080"]), allow("two", world, &["30081"])];
    assert_eq!(fixes(nodes("TCP", 30080), apart), 0);
    // GKE's own rule for probes of load balancers is no way for others.
    let probes = allow(
        "k8s-fw-l7--5f0c2a9e4d1b4c7f",
        &["130.211.0.0/22", "35.191.0.0/16"],
        &["30000-32767"],
    );
    assert_eq!(fixes(nodes("TCP", 30080), vec![tcp(), probes]), 1);
    // A rule by another name for half of the internet is for the world, too.
    let half = vec![tcp(), allow("half", &["128.0.0.0/1"], &["30080"])];
    assert_eq!(fixes(nodes("TCP", 30080), half), 0);
}

/// Each backend of an Ingress has a policy of its own: one without any is for everybody.
#[test]
fn a_backend_without_a_policy_is_open_whatever_others_have() {
    let mut api = service("api", "NodePort", value!([{"name": "http", "port": 80}]));
    api["metadata"]["annotations"] =
        value!({"cloud.google.com/backend-config": "{\"default\": \"armed\"}"});
    let bare = service("bare", "NodePort", value!([{"name": "http", "port": 81}]));
    let config = value!({"apiVersion": "cloud.google.com/v1", "kind": "BackendConfig",
        "metadata": {"name": "armed", "namespace": "shop"},
        "spec": {"securityPolicy": {"name": "office"}}});
    let policy = value!({"kind": "compute#securityPolicy", "name": "office", "rules": [
        {"priority": 1, "action": "allow", "match": {"config": {"srcIpRanges": ["203.0.113.0/24"]}}},
        {"priority": 2_147_483_647_u64, "action": "deny(403)", "match": {"config": {"srcIpRanges": ["*"]}}}]});
    let mut front = ingress("gce", value!({}), value!([{"secretName": "cert"}]), ("api", 80));
    let path =
        value!({"path": "/bare", "backend": {"service": {"name": "bare", "port": {"number": 81}}}});
    let mut objects = vec![api, bare, config.clone(), policy, front.clone()];
    assert_eq!(ask(&objects, &[]).way("ingress")["clients"], value!(["203.0.113.0/24"]));
    front["spec"]["rules"][0]["http"]["paths"].as_array_mut().unwrap().push(path);
    *objects.last_mut().unwrap() = front;
    assert_eq!(ask(&objects, &[]).way("ingress")["clients"], value!(["0.0.0.0/0"]));
    // A configuration that is named and was not given may hold any policy.
    objects.retain(|one| *one != config);
    assert_eq!(ask(&objects, &[]).way("ingress")["clients_known"], false);
}

/// What a security policy of Cloud Armor says counts as far as it was described.
#[test]
fn cloud_armor_is_asked_where_it_was_described() {
    let mut api =
        service("api", "NodePort", value!([{"name": "http", "port": 80, "nodePort": 30080}]));
    api["metadata"]["annotations"] =
        value!({"cloud.google.com/backend-config": "{\"default\": \"armed\"}"});
    let config = value!({"apiVersion": "cloud.google.com/v1", "kind": "BackendConfig",
        "metadata": {"name": "armed", "namespace": "shop"},
        "spec": {"securityPolicy": {"name": "office"}}});
    let front = || ingress("gce", value!({}), value!([{"secretName": "cert"}]), ("api", 80));
    let rule = |priority: u64, action: &str, ranges: Value| {
        value!({"priority": priority, "action": action,
                "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ranges}}})
    };
    let last = || rule(2_147_483_647, "deny(403)", value!(["*"]));
    let clients = |rules: Option<Value>| {
        let mut objects = vec![api.clone(), config.clone(), front()];
        objects.extend(rules.map(
            |rules| value!({"kind": "compute#securityPolicy", "name": "office", "rules": rules}),
        ));
        let answer = ask(&objects, &[]);
        let way = answer.way("ingress");
        if way["clients_known"] == true { way["clients"].clone() } else { Value::Null }
    };
    assert_eq!(clients(None), Value::Null);
    let office = || rule(1000, "allow", value!(["203.0.113.0/24"]));
    assert_eq!(clients(Some(value!([last(), office()]))), value!(["203.0.113.0/24"]));
    // The lower number is asked first; what is only previewed is not asked.
    let deny = rule(10, "deny(404)", value!(["203.0.113.0/25"]));
    assert_eq!(clients(Some(value!([last(), office(), deny]))), value!(["203.0.113.128/25"]));
    let mut previewed = rule(10, "deny(404)", value!(["203.0.113.0/25"]));
    previewed["preview"] = value!(true);
    assert_eq!(clients(Some(value!([last(), office(), previewed]))), value!(["203.0.113.0/24"]));
    // An expression may let anybody in.
    let by_country = value!({"priority": 20, "action": "allow",
                             "match": {"expr": {"expression": "origin.region_code == 'DE'"}}});
    assert_eq!(clients(Some(value!([last(), office(), by_country])))[0], "0.0.0.0/0");
    let manifest = value!({"apiVersion": "compute.cnrm.cloud.google.com/v1beta1",
        "kind": "ComputeSecurityPolicy", "metadata": {"name": "office"},
        "spec": {"rule": [office(), last()]}});
    let answer = ask(&[api.clone(), config.clone(), front(), manifest], &[]);
    assert_eq!(answer.way("ingress")["clients"], value!(["203.0.113.0/24"]));
}

/// An ALB of AWS is internal, speaks HTTP/1.1 and ends silent streams, unless it is told otherwise.
#[test]
fn a_balancer_of_amazons_is_told_by_annotations() {
    let api = service("api", "NodePort", value!([{"name": "grpc", "port": 9090}]));
    let key = |key: &str| format!("alb.ingress.kubernetes.io/{key}");
    let answer = ask(&[api.clone(), ingress("alb", value!({}), value!([]), ("api", 9090))], &[]);
    let way = answer.way("ingress");
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("no"), &value!("off")));
    assert!(!way["clients"].to_string().contains("0.0.0.0/0"), "{way:#}");
    let told = answer.titles("exposure-controller-unfit");
    assert!(told.iter().any(|title| title.ends_with("cuts streams to shop/api:9090 after 60 s")));
    let told = value!({
        key("scheme"): "internet-facing", key("backend-protocol-version"): "GRPC",
        key("certificate-arn"): "arn:aws:acm:eu-west-1:111122223333:certificate/1",
        key("inbound-cidrs"): "203.0.113.0/24, 198.51.100.0/24",
        key("load-balancer-attributes"):
            "deletion_protection.enabled=true,idle_timeout.timeout_seconds=3600",
    });
    let answer = ask(&[api, ingress("alb", told, value!([]), ("api", 9090))], &[]);
    let way = answer.way("ingress");
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("yes"), &value!("on")));
    assert_eq!(way["clients"], value!(["198.51.100.0/24", "203.0.113.0/24"]));
    assert_eq!(answer.titles("exposure-controller-unfit"), [""; 0]);
}

#[test]
fn gateways_need_a_listener_with_a_certificate() {
    let api =
        service("api", "ClusterIP", value!([{"port": 9090, "appProtocol": "kubernetes.io/h2c"}]));
    let gateway = |listener: Value| {
        value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"gatewayClassName": "gke-l7-global-external-managed", "listeners": [listener]}})
    };
    let route = value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "edge"}], "hostnames": ["api.example.com"],
                 "rules": [{"backendRefs": [{"name": "api", "port": 9090}]}]}});
    let secure = value!({"port": 443, "protocol": "HTTPS",
                         "tls": {"certificateRefs": [{"name": "cert"}]}});
    let answer = ask(&[api.clone(), gateway(secure), route.clone()], &[]);
    let way = answer.way("gateway");
    assert_eq!((&way["tls"]["state"], &way["grpc"]), (&value!("on"), &value!("yes")));
    assert_eq!(way["host"], "api.example.com");
    let plain = value!({"port": 80, "protocol": "HTTP"});
    let answer = ask(&[api, gateway(plain), route], &[]);
    assert_eq!(answer.way("gateway")["tls"]["state"], "off");
    assert_eq!(answer.titles("exposure-no-tls").len(), 1);
}

/// GKE's front ends want TLS behind HTTP/2, unless they are told H2C.
#[test]
fn http2_to_pods_needs_tls_but_for_h2c() {
    let told = |protocol: &str| {
        let mut api = service("api", "NodePort", value!([{"name": "grpc", "port": 9090}]));
        api["metadata"]["annotations"] =
            value!({"cloud.google.com/app-protocols": format!("{{\"grpc\":\"{protocol}\"}}")});
        let pod = value!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "api", "namespace": "shop", "labels": {"app": "api"}},
            "spec": {"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 9090}]}]}});
        let front = ingress("gce", value!({}), value!([{"secretName": "cert"}]), ("api", 9090));
        ask(&[api, pod, front], &[]).titles("exposure-no-tls").len()
    };
    assert_eq!((told("HTTP2"), told("H2C")), (1, 0));
}

/// Istio's own kinds: a Gateway of another group than Kubernetes', and VirtualServices behind it.
#[test]
fn istios_gateways_serve_virtual_services() {
    let front =
        service("istio-ingressgateway", "LoadBalancer", value!([{"name": "https", "port": 443}]));
    let gateway = |server: Value| {
        value!({"apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]}})
    };
    let route = |gateways: Value, destination: Value| {
        value!({"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"hosts": ["api.example.com"], "gateways": gateways,
                     "http": [{"route": [{"destination": destination}]}]}})
    };
    let to = |port: &str| service("api", "ClusterIP", value!([{"name": port, "port": 9090}]));
    let own = || value!({"host": "api.shop.svc.cluster.local", "port": {"number": 9090}});
    let secure = || {
        value!({"port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                            "hosts": ["*"], "tls": {"mode": "SIMPLE", "credentialName": "cert"}})
    };
    let told = |objects: &[Value]| ask(objects, &[]);
    let answer = told(&[
        front.clone(),
        to("grpc-api"),
        gateway(secure()),
        route(value!(["shop/edge"]), own()),
    ]);
    let way = answer.way("gateway");
    assert_eq!((&way["host"], &way["tls"]["state"]), (&value!("api.example.com"), &value!("on")));
    assert_eq!((&way["grpc"], &way["controller"]), (&value!("yes"), &value!("Istio gateway")));
    assert_eq!(way["ports"][0]["port"], 9090);
    assert!(
        way["because"].to_string().contains("served by load balancer shop/istio-ingressgateway")
    );
    // The only port of a Service need not be said; a server of HTTP is none with TLS.
    let plain =
        value!({"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]});
    let answer =
        told(&[to("grpc-api"), gateway(plain), route(value!(["edge"]), value!({"host": "api"}))]);
    let way = answer.way("gateway");
    assert_eq!((&way["ports"][0]["port"], &way["tls"]["state"]), (&value!(9090), &value!("off")));
    assert_eq!(answer.titles("exposure-no-tls").len(), 1);
    // A name that does not begin with its protocol, and routes that are for the mesh alone.
    let answer = told(&[to("api"), gateway(secure()), route(value!(["edge"]), own())]);
    assert_eq!(answer.way("gateway")["grpc"], "no");
    let answer = told(&[to("grpc-api"), gateway(secure()), route(value!(["mesh"]), own())]);
    assert!(answer.ways.iter().all(|way| way["kind"] == "port-forward"), "{:?}", answer.ways);
}

/// Contour's and Traefik's own kinds say by fields what an Ingress says by annotations.
#[test]
fn proxies_and_ingress_routes_are_ways_as_ingresses_are() {
    let api = service("api", "ClusterIP", value!([{"name": "grpc", "port": 9090}]));
    let proxy = |more: Value, tls: Value| {
        let mut route = value!({"services": [{"name": "api", "port": 9090}]});
        for (key, field) in more.as_object().unwrap() {
            route[key] = field.clone();
        }
        value!({"apiVersion": "projectcontour.io/v1", "kind": "HTTPProxy",
            "metadata": {"name": "front", "namespace": "shop"},
            "spec": {"virtualhost": {"fqdn": "shop.example.com", "tls": tls}, "routes": [route]}})
    };
    let h2c = value!({"services": [{"name": "api", "port": 9090, "protocol": "h2c"}]});
    let answer = ask(&[api.clone(), proxy(h2c, value!({"secretName": "cert"}))], &[]);
    let way = answer.way("ingress");
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("yes"), &value!("on")));
    assert_eq!(
        (&way["host"], &way["controller"]),
        (&value!("shop.example.com"), &value!("Contour"))
    );
    let answer = ask(&[api.clone(), proxy(value!({}), Value::Null)], &[]);
    let way = answer.way("ingress");
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("no"), &value!("off")));
    assert_eq!(answer.titles("exposure-controller-unfit").len(), 1);
    let socket = service("api", "ClusterIP", value!([{"name": "ws", "port": 9090}]));
    let sockets = value!({"enableWebsockets": true});
    let unfit = |more: Value| {
        let objects = [socket.clone(), proxy(more, value!({"secretName": "cert"}))];
        ask(&objects, &[]).titles("exposure-controller-unfit").len()
    };
    assert_eq!((unfit(value!({})), unfit(sockets)), (1, 0));

    let route = |service: Value, tls: Value| {
        let mut made = value!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
            "metadata": {"name": "front", "namespace": "shop"},
            "spec": {"routes": [{"match": "Host(`shop.example.com`) && PathPrefix(`/`)",
                                 "kind": "Rule", "services": [service]}]}});
        if !tls.is_null() {
            made["spec"]["tls"] = tls;
        }
        made
    };
    let plain = || value!({"name": "api", "port": 9090});
    let answer = ask(&[api.clone(), route(plain(), Value::Null)], &[]);
    let way = answer.way("ingress");
    assert_eq!(
        (&way["host"], &way["controller"]),
        (&value!("shop.example.com"), &value!("Traefik"))
    );
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("no"), &value!("off")));
    let h2c = value!({"name": "api", "port": 9090, "scheme": "h2c"});
    let answer = ask(&[api, route(h2c, value!({"certResolver": "acme"}))], &[]);
    let way = answer.way("ingress");
    assert_eq!((&way["grpc"], &way["tls"]["state"]), (&value!("yes"), &value!("on")));
}

#[test]
fn authentication_is_told_by_what_was_pasted_alone() {
    let pachd = service("pachd", "LoadBalancer", value!([{"name": "api-grpc-port", "port": 650}]));
    let told = |pasted: Option<&str>| {
        let text = pachd.to_string();
        let mut files = vec![("pachd.json", text.as_bytes())];
        files.extend(pasted.map(|text| ("whoami.txt", text.as_bytes())));
        let scratch = folder(&files);
        let path = scratch.path().to_str().unwrap();
        let way = json(&["expose", path])["ways"][0]["authentication"].clone();
        let report = json(&["triage", path]);
        let found = findings(&report, "exposure-no-auth");
        let severity = found.first().map(|one| one["severity"].as_str().unwrap().to_owned());
        (way.as_str().unwrap().to_owned(), severity)
    };
    assert_eq!(told(None), ("unknown".to_owned(), Some("note".to_owned())));
    let off = "rpc error: code = Unimplemented desc = the auth service is not activated\n";
    assert_eq!(told(Some(off)), ("off".to_owned(), Some("error".to_owned())));
    assert_eq!(told(Some("You are \"github:somebody\"\n")), ("on".to_owned(), None));
}

#[test]
fn a_profile_describes_any_application() {
    let stock = service("stock", "LoadBalancer", value!([{"name": "main", "port": 7000}]));
    let profile =
        "name: shop\nports:\n- {service: stock, port: 7000, protocol: grpc, public: false}\n";
    let scratch =
        folder(&[("in/stock.json", stock.to_string().as_bytes()), ("p.yaml", profile.as_bytes())]);
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let plain = json(&["expose", &at("in")]);
    assert_eq!(plain["ways"][0]["ports"][0]["application"], "tcp");
    assert_eq!(plain["ways"][0]["findings"], value!([]));
    let told = json(&["expose", &at("in"), "--profile", &at("p.yaml")]);
    assert_eq!(told["ways"][0]["ports"][0]["application"], "grpc");
    assert!(!told["ways"][0]["findings"].as_array().unwrap().is_empty());
    let output = run(&["expose", &at("in"), "--profile", &at("in/stock.json")]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["expose", &at("in"), "--clients", "everybody"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn pachyderms_own_manifests_are_understood() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("pachyderm");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let old = json(&["expose", &path("google-deploy-manifest.1.9.json")]);
    let ways = old["ways"].as_array().unwrap();
    let rows: Vec<(&str, &str)> = ways
        .iter()
        .map(|way| (way["kind"].as_str().unwrap(), way["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("node-port", "default/dash"),
        ("node-port", "default/etcd"),
        ("node-port", "default/pachd"),
        ("port-forward", "default/etcd-headless"),
    ];
    assert_eq!(rows, expected);
    let ports: Vec<(u64, u64, &str)> = ways[2]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            let number = |key: &str| port[key].as_u64().unwrap();
            (number("node_port"), number("port"), port["application"].as_str().unwrap())
        })
        .collect();
    // targetPort is written as 0 there, which means the port itself.
    assert_eq!(ways[2]["ports"][0]["target_port"], 650);
    assert_eq!(ports[0], (30650, 650, "grpc"));
    assert_eq!(ports[5], (30600, 600, "http"));
    let report = json(&["check", &path("google-deploy-manifest.1.9.json")]);
    let named = |check: &str| {
        let all = findings(&report, check);
        let mut names: Vec<String> = all
            .iter()
            .map(|one| one["resources"][0]["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(named("exposure-too-open"), ["node port default/etcd", "node port default/pachd"]);
    assert_eq!(named("exposure-no-auth"), ["node port default/dash"]);
    let all = json(&["expose", folder.to_str().unwrap()]);
    let ingress = all["ways"].as_array().unwrap().iter().find(|way| way["kind"] == "ingress");
    let ingress = ingress.unwrap();
    assert_eq!(
        (&ingress["host"], &ingress["controller"]),
        (&value!("example.com"), &value!("Traefik"))
    );
    assert_eq!(ingress["tls"]["state"], "on");
    assert_eq!(ingress["websockets"], "yes");
}

/// Each row of the table of controllers has a sample that lacks something, and one that does not.
#[test]
fn every_controller_has_a_blocked_and_a_clear_sample() {
    for controller in vpcwhy::correlate::exposure::Controller::all() {
        let words: Vec<String> = controller
            .name
            .to_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let name = words.join("-");
        let unfit = |suffix: &str| {
            let report = json(&["check", &format!("samples/controller-{name}{suffix}/inputs")]);
            let found = findings(&report, "exposure-controller-unfit");
            found.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let told = unfit("");
        assert!(told.iter().all(|title| title.contains(controller.name)), "{name}: {told:?}");
        assert!(told.iter().any(|title| title.contains("gRPC")), "{name}: {told:?}");
        assert_eq!(unfit("-clear"), [""; 0], "{name}");
    }
}

/// A route goes by the listeners that it names, of the Gateway that it names, and only where that
/// takes routes of its namespace.
#[test]
fn a_route_goes_by_the_listeners_that_it_names() {
    let gateway = |namespace: &str, name: &str, class: &str, from: &str| {
        value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"gatewayClassName": class, "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP",
                 "allowedRoutes": {"namespaces": {"from": from}}},
                {"name": "https", "port": 443, "protocol": "HTTPS",
                 "tls": {"certificateRefs": [{"name": "cert"}]},
                 "allowedRoutes": {"namespaces": {"from": from}}}]}})
    };
    let route = |parents: Value| {
        value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"parentRefs": parents, "hostnames": ["shop.example.com"],
                "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}})
    };
    let web = service("web", "ClusterIP", value!([{"port": 80, "targetPort": 8080}]));
    let global = "gke-l7-global-external-managed";
    let way = |gateway: Value, parents: Value| {
        ask(&[web.clone(), gateway, route(parents)], &[]).way("gateway").clone()
    };
    let own = gateway("shop", "front", global, "Same");
    assert_eq!(way(own.clone(), value!([{"name": "front"}]))["tls"]["state"], "on");
    let plain = way(own.clone(), value!([{"name": "front", "sectionName": "http"}]));
    assert_eq!(plain["tls"]["state"], "off");
    let foreign = value!([{"name": "front", "namespace": "infra"}]);
    let refused = way(gateway("infra", "front", global, "Same"), foreign.clone());
    assert_eq!((&refused["verdict"], &refused["clients"]), (&value!("DENIED"), &value!([])));
    let taken = way(gateway("infra", "front", global, "All"), foreign.clone());
    assert_ne!(taken["verdict"], "DENIED");
    let labelled = way(gateway("infra", "front", global, "Selector"), foreign.clone());
    assert_eq!(labelled["verdict"], "UNDETERMINED");
    // Of two Gateways of one name the namespace tells which.
    let both = [
        web.clone(),
        gateway("aaa", "front", global, "All"),
        gateway("infra", "front", "gke-l7-rilb", "All"),
        route(foreign),
    ];
    assert_eq!(ask(&both, &[]).way("gateway")["clients"][0], "10.0.0.0/8");
    // A route of two Gateways is two ways.
    let two = [
        web,
        gateway("shop", "outer", global, "Same"),
        gateway("shop", "inner", "gke-l7-rilb", "Same"),
        route(value!([{"name": "outer"}, {"name": "inner"}])),
    ];
    assert_eq!(ask(&two, &[]).ways.iter().filter(|way| way["kind"] == "gateway").count(), 2);
}

/// GKE's own controller goes by the annotation, and does nothing where the field is set instead.
#[test]
fn gke_takes_ingresses_by_annotation() {
    let api =
        service("api", "ClusterIP", value!([{"name": "http", "port": 80, "targetPort": 8080}]));
    let with = |annotation: Option<&str>, field: Option<&str>| {
        let mut front = ingress("gce", value!({}), value!([]), ("api", 80));
        front["metadata"]["annotations"] = match annotation {
            Some(class) => value!({"kubernetes.io/ingress.class": class}),
            None => value!({}),
        };
        if let Some(class) = field {
            front["spec"]["ingressClassName"] = value!(class);
        }
        let objects = [cluster(true), subnetwork(), api.clone(), front];
        let text: String = objects.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.json", text.as_bytes())]);
        let needs = json(&["reach", scratch.path().to_str().unwrap()])["needs"].clone();
        let probes = needs.as_array().unwrap().iter().filter(|need| need["port"] == 8080);
        probes.filter(|need| need["from"]["role"] == "health-check").count()
    };
    assert_eq!(with(None, None), 1);
    assert_eq!(with(Some("gce"), Some("nginx")), 1);
    assert_eq!(with(None, Some("gce")), 0);
    assert_eq!(with(Some("nginx"), None), 0);
}

/// Nobody is said to lack a Service where the controller leaves the Ingress alone.
#[test]
fn an_ingress_that_gke_leaves_alone_says_why() {
    let api = service("api", "ClusterIP", value!([{"name": "http", "port": 80}]));
    let mut front = ingress("nginx", value!({}), value!([{"secretName": "cert"}]), ("api", 80));
    front["spec"]["ingressClassName"] = value!("gce");
    let answer = ask(&[api, front], &[]);
    let way = answer.way("ingress");
    assert_eq!(way["verdict"], "UNDETERMINED");
    let because = way["because"].as_array().unwrap();
    assert!(because[0].as_str().unwrap().contains("goes by the annotation"), "{way:#}");
}

/// A Service that several Ingresses share is judged for each of them.
#[test]
fn a_shared_backend_is_judged_for_all_who_share_it() {
    let api =
        service("api", "ClusterIP", value!([{"name": "http", "port": 80, "targetPort": 9090}]));
    let front = |name: &str| {
        let mut own = ingress("gce", value!({}), value!([{"secretName": "cert"}]), ("api", 80));
        own["metadata"]["name"] = value!(name);
        own
    };
    let closed = value!({"kind": "compute#firewall", "name": "deny", "network": NETWORK,
        "priority": 65000, "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"],
        "denied": [{"IPProtocol": "all"}]});
    let answer = ask(&[cluster(true), subnetwork(), closed, api, front("one"), front("two")], &[]);
    let fronts = answer.ways.iter().filter(|way| way["kind"] == "ingress");
    let verdicts: Vec<&Value> = fronts.map(|way| &way["verdict"]).collect();
    assert_eq!(verdicts, [&value!("DENIED"), &value!("DENIED")]);
}

/// A BackendConfig counts where a Service names it for the port, a policy where it names the
/// Service; neither does the other's work.
#[test]
fn configurations_count_where_they_are_named() {
    let iap = || value!({"iap": {"enabled": true}});
    let config = |name: &str| {
        value!({"apiVersion": "cloud.google.com/v1", "kind": "BackendConfig",
            "metadata": {"name": name, "namespace": "shop"}, "spec": iap()})
    };
    let with = |annotation: Option<&str>, name: &str| {
        let mut api = service(
            "api",
            "NodePort",
            value!([{"name": "http", "port": 80},
            {"name": "admin", "port": 81}]),
        );
        if let Some(text) = annotation {
            api["metadata"]["annotations"] = value!({"cloud.google.com/backend-config": text});
        }
        let front = ingress("gce", value!({}), value!([{"secretName": "cert"}]), ("api", 80));
        ask(&[api, config(name), front], &[]).way("ingress")["authentication"].clone()
    };
    assert_eq!(with(Some("{\"default\": \"asks\"}"), "asks"), "on");
    assert_eq!(with(Some("{\"ports\": {\"http\": \"asks\"}}"), "asks"), "on");
    assert_eq!(with(Some("{\"ports\": {\"80\": \"asks\"}}"), "asks"), "on");
    assert_ne!(with(Some("{\"ports\": {\"admin\": \"asks\"}}"), "asks"), "on");
    assert_ne!(with(None, "api"), "on");
}

/// A name that nothing bears is no application that is closed: a script would take it for one.
#[test]
fn what_nothing_is_called_is_no_application() {
    let pod = value!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "inner", "namespace": "shop", "labels": {"app": "inner"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let objects = [
        cluster(true),
        subnetwork(),
        service("web", "NodePort", value!([{"port": 80, "nodePort": 30080}])),
        pod,
    ];
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let place = folder(&[("all.json", lines.join("\n").as_bytes())]);
    let inputs = place.path().to_str().unwrap();
    for (name, status) in [("shop/web", 0), ("shop/inner", 0), ("shop/wbe", 3)] {
        let output = run(&["expose", name, inputs]);
        assert_eq!(output.status.code(), Some(status), "{name}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains("others"), name != "shop/web", "{name}: {text}");
    }
}

fn way<'w>(ways: &'w [Value], name: &str) -> &'w Value {
    let own = ways.iter().find(|way| way["name"] == name && way["kind"] != "port-forward");
    own.unwrap_or_else(|| panic!("no {name}: {ways:#?}"))
}

/// Nodes are as far out as they are seen to be: a cluster that does not say so may still have none
/// with an external address; and a host port on the loopback is no way at all.
#[test]
fn nodes_without_external_addresses_are_inside() {
    let open = allow("open", &["0.0.0.0/0"], &["30000-32767", "8080"]);
    let web = service("web", "NodePort", value!([{"port": 80, "nodePort": 30080}]));
    let node = |addresses: Value| {
        value!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n-1"},
            "status": {"addresses": addresses}})
    };
    let inner = value!({"type": "InternalIP", "address": "10.0.0.5"});
    let outer = value!({"type": "ExternalIP", "address": "34.1.2.3"});
    let vm = |access: Value| {
        value!({"kind": "compute#instance", "name": "gke-blue-a-1", "tags": {"items": ["t"]},
            "labels": {"goog-k8s-cluster-name": "blue"},
            "networkInterfaces": [{"network": NETWORK, "networkIP": "10.0.0.5", "accessConfigs": access}],
            "selfLink": "https://x/projects/p/zones/r1-a/instances/gke-blue-a-1"})
    };
    let too_open = |more: &[Value]| {
        let all = [&[cluster(false), subnetwork(), open.clone(), web.clone()], more].concat();
        ask(&all, &[]).titles("exposure-too-open").len()
    };
    assert_eq!(too_open(&[]), 1, "a public cluster");
    assert_eq!(too_open(&[node(value!([inner]))]), 0);
    assert_eq!(too_open(&[node(value!([inner, outer]))]), 1);
    assert_eq!(too_open(&[vm(value!([]))]), 0);
    assert_eq!(too_open(&[vm(value!([{"natIP": "34.1.2.3"}]))]), 1);
    let pod = |host: &str| {
        value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"},
            "spec": {"containers": [{"ports": [{"containerPort": 80, "hostPort": 8080, "hostIP": host}]}]}})
    };
    assert_eq!(too_open(&[pod("0.0.0.0")]), 2);
    assert_eq!(too_open(&[pod("127.0.0.1")]), 1);
}

/// What nobody can ask the firewall about is not denied, and not open: addresses of IPv6, lists that
/// cannot be read, balancers that GKE leaves to others.
#[test]
fn balancers_that_cannot_be_judged_are_not() {
    let with = |fields: Value, addresses: Value| {
        let mut one = service("web", "LoadBalancer", value!([{"port": 443, "targetPort": 8443}]));
        one["spec"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        one["status"] = value!({"loadBalancer": {"ingress": addresses}});
        let open = allow("k8s-fw-a1", &["0.0.0.0/0"], &["443"]);
        let answer = ask(&[cluster(true), subnetwork(), open, one], &[]);
        let found = way(&answer.ways, "shop/web").clone();
        let known = found["clients_known"] == true;
        (
            found["verdict"].as_str().unwrap().to_owned(),
            if known { found["clients"].clone() } else { Value::Null },
            answer.titles("exposure-blocked").len(),
        )
    };
    let v4 = value!([{"ip": "34.1.2.3"}]);
    let (verdict, clients, blocked) = with(value!({}), v4.clone());
    assert_eq!((verdict.as_str(), &clients, blocked), ("ALLOWED", &value!(["0.0.0.0/0"]), 0));
    for (fields, addresses) in [
        (value!({"loadBalancerSourceRanges": ["2001:db8::/32"]}), value!([{"ip": "2600:1900::9"}])),
        (value!({}), value!([{"ip": "2600:1900::9"}])),
        (value!({"loadBalancerSourceRanges": ["198.51.100.0/24", "REDACTED"]}), v4.clone()),
        (value!({"loadBalancerClass": "tailscale"}), v4.clone()),
    ] {
        let (verdict, clients, blocked) = with(fields.clone(), addresses);
        let found = (verdict.as_str(), &clients, blocked);
        assert_eq!(found, ("UNDETERMINED", &Value::Null, 0), "{fields}");
    }
    // Its address tells that it is inside, where annotations were cut.
    let (_, clients, _) = with(value!({}), value!([{"ip": "10.0.0.50"}]));
    assert!(!clients.to_string().contains("\"0.0.0.0/0\""), "{clients}");
}

/// Of two controllers of a kind the address tells which one serves an Ingress.
#[test]
fn an_ingress_is_served_by_the_controller_at_its_address() {
    let front = |name: &str, address: &str| {
        let mut one = service(name, "LoadBalancer", value!([{"port": 443, "targetPort": 8443}]));
        one["status"] = value!({"loadBalancer": {"ingress": [{"ip": address}]}});
        one
    };
    let outer = front("ingress-nginx-controller", "34.1.2.3");
    let inner = front("inner-ingress-nginx", "10.0.0.77");
    let web = service("web", "ClusterIP", value!([{"port": 80}]));
    let served = |address: Value, fronts: &[Value]| {
        let mut one = ingress("nginx", value!({}), value!([]), ("web", 80));
        one["status"] = value!({"loadBalancer": {"ingress": address}});
        let all = [&[cluster(true), subnetwork(), web.clone(), one], fronts].concat();
        let answer = ask(&all, &[]);
        way(&answer.ways, "shop/front")["because"].to_string()
    };
    let both = [outer.clone(), inner];
    assert!(
        served(value!([{"ip": "10.0.0.77"}]), &both)
            .contains("served by load balancer shop/inner-ingress-nginx")
    );
    assert!(served(value!([]), &both).contains("several Services may be that of"));
    assert!(
        served(value!([]), &[outer])
            .contains("served by load balancer shop/ingress-nginx-controller")
    );
}

/// Where GKE's own controller is switched off it serves nobody, and needs no rule.
#[test]
fn a_controller_that_is_switched_off_needs_no_probes() {
    let web = service("web", "NodePort", value!([{"port": 80, "nodePort": 30080}]));
    let one = ingress("gce", value!({}), value!([]), ("web", 80));
    let asked = |off: bool| {
        let mut own = cluster(true);
        own["addonsConfig"] = value!({"httpLoadBalancing": {"disabled": off}});
        let deny = value!({"kind": "compute#firewall", "name": "deny", "network": NETWORK,
            "priority": 1000, "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"],
            "denied": [{"IPProtocol": "all"}]});
        let answer = ask(&[own, subnetwork(), deny, web.clone(), one.clone()], &[]);
        let verdict = way(&answer.ways, "shop/front")["verdict"].clone();
        (answer.titles("health-check-blocked").len(), verdict)
    };
    assert_eq!(asked(false), (1, value!("DENIED")));
    assert_eq!(asked(true), (0, value!("UNDETERMINED")));
}

/// TLS is off where that is seen, and not where nobody can look.
#[test]
fn tls_that_cannot_be_seen_is_not_off() {
    let web = service("web", "ClusterIP", value!([{"port": 80}]));
    let tls = |annotations: Value| {
        let one = ingress("traefik", annotations, value!([]), ("web", 80));
        let answer = ask(&[cluster(true), subnetwork(), web.clone(), one], &[]);
        way(&answer.ways, "shop/front")["tls"]["state"].clone()
    };
    assert_eq!(tls(value!({})), "off");
    assert_eq!(tls(value!({"traefik.ingress.kubernetes.io/router.tls": "true"})), "on");
    assert_eq!(tls(value!({"nginx.ingress.kubernetes.io/ssl-passthrough": "true"})), "unknown");
    let grpc =
        service("api", "NodePort", value!([{"name": "grpc", "port": 9090, "nodePort": 31000}]));
    let pods = |volumes: Value| {
        let pod = value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api", "namespace": "shop",
            "labels": {"app": "api"}}, "spec": {"containers": [{"name": "c"}], "volumes": volumes}});
        let answer = ask(&[cluster(true), subnetwork(), grpc.clone(), pod], &[]);
        way(&answer.ways, "shop/api")["tls"]["state"].clone()
    };
    assert_eq!(pods(value!([])), "off");
    assert_eq!(pods(value!([{"projected": {"sources": [{"secret": {"name": "api-tls"}}]}}])), "on");
    assert_eq!(pods(value!([{"csi": {"driver": "csi.cert-manager.io"}}])), "unknown");
}

/// Of an Ingress with a backend that was not given nobody knows whether all of it is reached.
#[test]
fn a_backend_that_was_not_given_leaves_the_way_open() {
    let front = {
        let mut one = service("ingress-nginx-controller", "LoadBalancer", value!([{"port": 443}]));
        one["status"] = value!({"loadBalancer": {"ingress": [{"ip": "34.1.2.3"}]}});
        one
    };
    let web = service("web", "ClusterIP", value!([{"port": 80}]));
    let open = allow("k8s-fw-a1", &["0.0.0.0/0"], &["443"]);
    let asked = |more: bool| {
        let mut one = ingress("nginx", value!({}), value!([]), ("web", 80));
        let other = value!({"path": "/x", "backend": {"service": {"name": "other", "port": {"number": 80}}}});
        if more {
            one["spec"]["rules"][0]["http"]["paths"].as_array_mut().unwrap().push(other);
        }
        let all = [cluster(true), subnetwork(), open.clone(), front.clone(), web.clone(), one];
        way(&ask(&all, &[]).ways, "shop/front")["verdict"].clone()
    };
    assert_eq!((asked(false), asked(true)), (value!("ALLOWED"), value!("UNDETERMINED")));
}

/// The rule that is named is the one that lets the world in, wherever it stands.
#[test]
fn the_rule_that_lets_most_in_is_named() {
    let web = service("web", "NodePort", value!([{"port": 80, "nodePort": 30080}]));
    let inside = allow("inside", &["10.1.0.0/16"], &["1-65535"]);
    let open = allow("open", &["0.0.0.0/0"], &["30000-32767"]);
    for rules in [[inside.clone(), open.clone()], [open, inside]] {
        let all = [&[cluster(false), subnetwork(), web.clone()][..], &rules].concat();
        let answer = ask(&all, &[]);
        assert_eq!(way(&answer.ways, "shop/web")["decision"]["decider"]["name"], "open");
    }
}
