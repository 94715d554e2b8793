//! The same resources in other words: what one export says, another must not take back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{Inputs, cluster, denied, deny_all, rule, subnet};
use common::{findings, folder, json, ssh};
use serde_json::{Value, json as value};

#[track_caller]
fn check_ssh(files: &[(&str, &[u8])], more: &[&str], verdict: &str) {
    let scratch = folder(files);
    let mut all = vec!["-c", scratch.path().to_str().unwrap()];
    all.extend(more);
    let answer = ssh("203.0.113.7", &all);
    assert_eq!(answer["verdict"], verdict, "{answer:#}");
}

fn manifest(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    value!({"apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

/// Config Connector's namespaces are projects, where objects of one name stand in several.
#[test]
fn namespaces_tell_projects_apart() {
    let network = |namespace: &str| manifest("ComputeNetwork", namespace, "n", value!({}));
    let open = manifest(
        "ComputeFirewall",
        "dev",
        "ssh",
        value!({"networkRef": {"name": "n"}, "direction": "INGRESS",
            "allow": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["0.0.0.0/0"]}),
    );
    let text = format!("{}\n{}\n{open}\n", network("dev"), network("prod"));
    let files = [("all.json", text.as_bytes())];
    check_ssh(&files, &["--project", "dev"], "ALLOWED");
    let scratch = folder(&files);
    let answer = ssh("203.0.113.7", &["-c", scratch.path().to_str().unwrap(), "--project", "prod"]);
    assert_ne!(answer["verdict"], "ALLOWED", "{answer:#}");
}

/// A reference into another namespace is to the project of the object there.
#[test]
fn references_reach_the_project_of_the_other_namespace() {
    let mut network = manifest("ComputeNetwork", "host", "n", value!({}));
    network["metadata"]["annotations"] = value!({"cnrm.cloud.google.com/project-id": "host-p"});
    let mut deny = manifest(
        "ComputeFirewall",
        "host",
        "deny-egress",
        value!({"networkRef": {"name": "n"}, "direction": "EGRESS", "priority": 65000,
            "deny": [{"protocol": "all"}], "destinationRanges": ["0.0.0.0/0"]}),
    );
    deny["metadata"]["annotations"] = network["metadata"]["annotations"].clone();
    let mut own = manifest(
        "ContainerCluster",
        "svc",
        "c",
        value!({"networkRef": {"name": "n", "namespace": "host"}, "location": "r",
            "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28"},
            "clusterIpv4Cidr": "10.1.0.0/16"}),
    );
    own["apiVersion"] = value!("container.cnrm.cloud.google.com/v1beta1");
    own["metadata"]["annotations"] = value!({"cnrm.cloud.google.com/project-id": "svc-p"});
    let text = format!("{network}\n{deny}\n{own}\n");
    let scratch = folder(&[("all.json", text.as_bytes())]);
    let report = json(&["triage", scratch.path().to_str().unwrap()]);
    assert_eq!(findings(&report, "control-plane-egress-blocked").len(), 1, "{report:#}");
}

/// `gcloud … describe` in a loop writes no mark between objects.
#[test]
fn descriptions_one_after_the_other_are_several() {
    let allow = "allowed:\n- IPProtocol: tcp\n  ports:\n  - '22'\ndirection: INGRESS\nkind: \
                 compute#firewall\nname: ssh\nnetwork: projects/p/global/networks/n\npriority: \
                 900\nsourceRanges:\n- 203.0.113.0/24\n";
    let deny = "denied:\n- IPProtocol: tcp\n  ports:\n  - '22'\ndirection: INGRESS\nkind: \
                compute#firewall\nname: no-ssh\nnetwork: projects/p/global/networks/n\npriority: \
                1000\nsourceRanges:\n- 0.0.0.0/0\n";
    // Before and behind: neither takes from the other.
    for text in [format!("{allow}{deny}"), format!("{deny}{allow}"), format!("{deny}{allow}{deny}")]
    {
        let files = [("all.yaml", text.as_bytes())];
        check_ssh(&files, &[], "ALLOWED");
        let scratch = folder(&files);
        let report = json(&["check", scratch.path().to_str().unwrap()]);
        assert_eq!(report["inventory"]["firewall_rules"], 2, "{text}");
        assert_eq!(report["complaints"], value!([]), "{text}");
    }
    let one = folder(&[("one.yaml", deny.as_bytes())]);
    let report = json(&["check", one.path().to_str().unwrap()]);
    assert_eq!(report["inventory"]["firewall_rules"], 1);
}

/// A rule does not differ from itself for being written in Terraform, too.
#[test]
fn what_is_exported_and_written_is_one() {
    let exported = rule(
        "ssh",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["203.0.113.0/24"]}),
    );
    let state = value!({"format_version": "1.0", "values": {"root_module": {"resources": [
        {"address": "google_compute_firewall.ssh", "mode": "managed",
         "type": "google_compute_firewall", "name": "ssh", "values": {
            "name": "ssh", "network": "projects/p/global/networks/n", "project": "p",
            "direction": "INGRESS", "priority": 1000, "disabled": false,
            "allow": [{"protocol": "tcp", "ports": ["22"]}], "deny": [],
            "log_config": [{"metadata": "INCLUDE_ALL_METADATA"}],
            "source_ranges": ["203.0.113.0/24"]}}]}}});
    let (exported, state) = (exported.to_string(), state.to_string());
    for files in [
        vec![("a.json", exported.as_bytes()), ("b.json", state.as_bytes())],
        vec![("a.json", state.as_bytes()), ("b.json", exported.as_bytes())],
    ] {
        check_ssh(&files, &[], "ALLOWED");
    }
}

/// Two exports of one thing that differ are of two days, and nobody says which is the newer one:
/// what they decide is not known, and a complaint names both.
#[test]
fn descriptions_that_differ_are_told() {
    let access = |on: bool| subnet(value!({"privateIpGoogleAccess": on}));
    let route = |hop: &str| {
        value!({"kind": "compute#route", "name": "r", "network": "projects/p/global/networks/n",
            "destRange": "0.0.0.0/0", "priority": 1000, "nextHopGateway": hop})
    };
    let gateway = "projects/p/global/gateways/default-internet-gateway";
    let told = |values: &[Value]| {
        let private = value!({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28",
                "enablePrivateNodes": true}});
        let inputs = Inputs::of(&[&[cluster("c", private)], values].concat());
        let report = json(&["check", inputs.path()]);
        let complaints = report["complaints"].as_array().unwrap();
        let messages = complaints.iter().map(|one| one["message"].as_str().unwrap().to_owned());
        let links = json(&["path", "10.0.0.5", "gcr.io", inputs.path()])["links"].clone();
        let access = |link: &&Value| link["kind"] == "private-google-access";
        let link = links.as_array().unwrap().iter().find(access).expect("asked").clone();
        (messages.collect::<Vec<_>>(), link["detail"].as_str().unwrap().to_owned())
    };
    let (messages, detail) = told(&[access(false), access(false), route(gateway)]);
    assert_eq!((messages, detail.contains("is off")), (vec![], true), "{detail}");
    for both in [[access(true), access(false)], [access(false), access(true)]] {
        let (messages, detail) = told(&[&both[..], &[route(gateway)]].concat());
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].starts_with("subnetwork s: privateIpGoogleAccess"), "{messages:?}");
        assert!(detail.contains("does not say"), "{detail}");
    }
    let mut other = route(gateway);
    other["priority"] = value!(900);
    let (messages, _) = told(&[route(gateway), other]);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].starts_with("route r: priority"), "{messages:?}");
}

/// Clusters may get further subnetworks: whose nodes and pods are there is known, too.
#[test]
fn clusters_reach_over_several_subnetworks() {
    let second = subnet(value!({"name": "s2", "ipCidrRange": "10.4.0.0/24",
        "secondaryIpRanges": [{"rangeName": "pods-2", "ipCidrRange": "10.5.0.0/16"},
            {"rangeName": "others", "ipCidrRange": "10.6.0.0/16"}]}));
    let config = value!([{"subnetwork": "projects/p/regions/r/subnetworks/s2",
        "podIpv4RangeNames": ["pods-2"], "status": "ACTIVE"}]);
    for key in ["additionalIpRangesConfigs", "additionalIpRangesConfig"] {
        let own = cluster("c", value!({"ipAllocationPolicy": {key: config}}));
        let inputs = Inputs::of(&[own, subnet(value!({})), second.clone()]);
        let known = json(&["inventory", inputs.path()]).to_string();
        for range in ["10.0.0.0/24", "10.4.0.0/24", "10.5.0.0/16", "10.1.0.0/16"] {
            assert!(known.contains(range), "{range}: {known}");
        }
        assert!(known.contains("the node subnetwork"), "{known}");
        let report = Inputs::of(&[
            cluster("c", value!({"ipAllocationPolicy": {key: config}})),
            subnet(value!({})),
            second.clone(),
            deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
                "destinationRanges": ["0.0.0.0/0"]})),
            denied("10.5.0.9", "172.16.0.2", 443, "deny-all", "EGRESS", "gke-c-pool-1"),
            denied("10.4.0.9", "172.16.0.2", 443, "deny-all", "EGRESS", "gke-c-pool-1"),
        ])
        .triage();
        let found = findings(&report, "control-plane-egress-blocked");
        let roles: Vec<_> = found.iter().map(|one| &one["flow"]["source"]["role"]).collect();
        assert!(!roles.is_empty(), "{report:#}");
        assert!(roles.iter().all(|role| **role == "pod" || **role == "node"), "{report:#}");
        let seen: u64 = found.iter().map(|one| one["observed"]["count"].as_u64().unwrap()).sum();
        assert_eq!(seen, 2, "{report:#}");
    }
    // A region whose name begins another's is not that one.
    let here = subnet(value!({"region": "regions/us-west1", "ipCidrRange": "10.7.0.0/24"}));
    let there = cluster("c", value!({"location": "us-west10-a"}));
    let known = json(&["inventory", Inputs::of(&[there, here]).path()]).to_string();
    assert!(!known.contains("the node subnetwork"), "{known}");
}

/// A state as Terraform keeps it: modules by their path, copies by their key, no deposed ones.
#[test]
fn a_state_is_read_as_it_is_kept() {
    let rule = |name: &str, range: &str| {
        value!({"schema_version": 1, "index_key": name, "attributes": {
            "name": name, "project": "p", "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "direction": "INGRESS", "priority": 1000, "disabled": false,
            "allow": [{"protocol": "tcp", "ports": ["22"]}], "deny": [], "log_config": [],
            "source_ranges": [range], "destination_ranges": []}})
    };
    let mut deposed = rule("gone", "203.0.113.0/24");
    deposed["deposed"] = value!("0a1b2c3d");
    let state = |rules: Vec<Value>| {
        value!({"version": 4, "terraform_version": "1.9.8", "serial": 7, "lineage": "5c0f0a3e",
            "outputs": {}, "check_results": null, "resources": [
                {"mode": "data", "type": "google_compute_firewall", "name": "other",
                 "provider": "provider[\"registry.terraform.io/hashicorp/google\"]",
                 "instances": [rule("read", "203.0.113.0/24")]},
                {"module": "module.rules[\"a.b\"]", "mode": "managed",
                 "type": "google_compute_firewall", "name": "ssh", "instances": rules}]})
        .to_string()
    };
    let two = state(vec![rule("a", "192.0.2.0/24"), rule("b", "203.0.113.0/24")]);
    check_ssh(&[("terraform.tfstate", two.as_bytes())], &[], "ALLOWED");
    let one = state(vec![rule("a", "192.0.2.0/24"), deposed]);
    check_ssh(&[("terraform.tfstate", one.as_bytes())], &[], "DENIED");
}

/// Autopilot's nodes have the tags that the cluster names for all of them; a VM shows what it has.
#[test]
fn tags_of_nodes_come_from_the_cluster_and_from_its_vms() {
    let tagged = value!({"autopilot": {"enabled": true},
        "nodePoolAutoConfig": {"networkTags": {"tags": ["workers"]}}});
    let plain = value!({});
    let vm = value!({"kind": "compute#instance", "name": "gke-c-pool-1", "zone": "zones/r-a",
        "tags": {"items": ["workers"]}, "serviceAccounts": [],
        "metadata": {"items": [{"key": "cluster-name", "value": "c"}]},
        "networkInterfaces": [{"network": "projects/p/global/networks/n",
            "networkIP": "10.0.0.5"}]});
    let to_masters = |fields: Value| {
        let mut own = rule(
            "to-master",
            value!({"direction": "EGRESS", "targetTags": ["workers"],
            "allowed": [{"IPProtocol": "tcp"}], "destinationRanges": ["172.16.0.0/28"]}),
        );
        own.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        own
    };
    let closed = deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let found = |more: &[Value]| {
        let all = [&[closed.clone(), to_masters(value!({})), subnet(value!({}))], more].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "control-plane-egress-blocked");
        found.iter().filter(|one| one["confidence"] == "proven").count()
    };
    assert_eq!(found(&[cluster("c", tagged)]), 0);
    assert_eq!(found(&[cluster("c", plain.clone())]), 1);
    assert_eq!(found(&[cluster("c", plain), vm]), 0);
}

/// The effective firewalls of a VM leave out what is for others: that takes nothing from a policy.
#[test]
fn effective_firewalls_of_a_vm_are_not_the_whole_policy() {
    let allow = |priority: u64, account: Option<&str>| {
        let mut rule = value!({"action": "allow", "direction": "INGRESS", "priority": priority,
            "match": {"srcIpRanges": ["203.0.113.0/24"],
                      "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]}});
        if let Some(account) = account {
            rule["targetServiceAccounts"] = value!([account]);
        }
        rule
    };
    let web = "web@p.iam.gserviceaccount.com";
    let described = |rules: Value| {
        value!({"kind": "compute#firewallPolicy", "name": "pol",
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/pol",
            "associations": [{"name": "a", "attachmentTarget":
                "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"}],
            "rules": rules})
        .to_string()
    };
    let effective = |rules: Value| {
        value!({"firewallPolicys": [{"name": "pol", "displayName": "pol", "type": "NETWORK",
                "rules": rules}],
            "firewalls": [rule("icmp", value!({"allowed": [{"IPProtocol": "icmp"}],
                "sourceRanges": ["0.0.0.0/0"]}))]})
        .to_string()
    };
    let other = value!([{"action": "deny", "direction": "INGRESS", "priority": 900,
        "match": {"srcIpRanges": ["192.0.2.0/24"], "layer4Configs": [{"ipProtocol": "all"}]}}]);
    let all = described(value!([allow(100, Some(web)), other[0]]));
    let of_one = effective(other.clone());
    let of_web = effective(value!([allow(100, Some(web)), other[0]]));
    let asked = ["--target-service-account", web, "--target-secure-tags="];
    for pair in [[&all, &of_one], [&of_one, &all], [&of_one, &of_web], [&of_web, &of_one]] {
        let files = [("a.json", pair[0].as_bytes()), ("b.json", pair[1].as_bytes())];
        let scratch = folder(&files);
        let mut more = vec!["-c", scratch.path().to_str().unwrap()];
        more.extend(asked);
        let answer = common::run(
            &[
                &[
                    "sim",
                    "--direction",
                    "INGRESS",
                    "--protocol",
                    "tcp",
                    "--port",
                    "22",
                    "--from",
                    "203.0.113.7",
                    "--to",
                    "10.0.0.5",
                    "--network",
                    "n",
                    "--target-tags=",
                    "--format",
                    "json",
                ],
                more.as_slice(),
            ]
            .concat(),
        );
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(answer["verdict"], "ALLOWED", "{answer:#}");
    }
    // A rule for all VMs is left out by nobody: one of the two is old.
    let (new, old) = (described(value!([allow(100, None), other[0]])), described(other.clone()));
    check_ssh(&[("a.json", new.as_bytes()), ("b.json", old.as_bytes())], &[], "UNDETERMINED");
}

/// A plan of these resources; `written` are their expressions, by address.
fn plan(resources: &[(&str, &str, Value, Value)], written: Value) -> String {
    let planned: Vec<Value> = resources
        .iter()
        .map(|(kind, name, index, values)| {
            let mut one = value!({"address": format!("{kind}.{name}"), "mode": "managed",
                "type": kind, "name": name, "values": values});
            if !index.is_null() {
                one["address"] = value!(format!("{kind}.{name}[{index}]"));
                one["index"] = index.clone();
            }
            one
        })
        .collect();
    let written: Vec<Value> = written
        .as_object()
        .unwrap()
        .iter()
        .map(|(address, expressions)| value!({"address": address, "expressions": expressions}))
        .collect();
    value!({"format_version": "1.2", "planned_values": {"root_module": {"resources": planned}},
        "configuration": {"root_module": {"resources": written}}, "resource_changes": []})
    .to_string()
}

/// What `for_each` makes belongs together by its key; a plan does not say which `[each.key]` is.
#[test]
fn resources_of_a_loop_go_with_those_of_their_own_key() {
    let none = Value::Null;
    let web = |key: &str, port: &str| {
        (
            "google_compute_firewall",
            "web",
            value!(key),
            value!({"name": format!("web-{key}"),
            "project": "p", "direction": "INGRESS", "source_ranges": ["203.0.113.0/24"],
            "allow": [{"protocol": "tcp", "ports": [port]}]}),
        )
    };
    let net = |key: &str| {
        ("google_compute_network", "vpc", value!(key), value!({"name": key, "project": "p"}))
    };
    let written = value!({"google_compute_firewall.web":
        {"network": {"references": ["google_compute_network.vpc", "each.key"]}}});
    let text = plan(&[net("m"), net("n"), web("m", "22"), web("n", "443")], written.clone());
    check_ssh(&[("plan.json", text.as_bytes())], &[], "DENIED");
    let text = plan(&[net("m"), net("n"), web("m", "443"), web("n", "22")], written.clone());
    check_ssh(&[("plan.json", text.as_bytes())], &[], "ALLOWED");
    // One for all needs no key.
    let only = ("google_compute_network", "vpc", none, value!({"name": "n", "project": "p"}));
    let text = plan(&[only, web("m", "22")], written);
    check_ssh(&[("plan.json", text.as_bytes())], &[], "ALLOWED");
}

/// What a plan leaves open inside of blocks is what their expressions refer to; routers of one name
/// are told apart by their region, and a NAT whose router is kept elsewhere is said to be unused.
#[test]
fn blocks_of_a_plan_say_what_they_refer_to() {
    let none = || Value::Null;
    let network = ("google_compute_network", "n", none(), value!({"name": "n", "project": "p"}));
    let zone = (
        "google_dns_managed_zone",
        "z",
        none(),
        value!({"name": "z", "project": "p",
        "dns_name": "googleapis.com.", "visibility": "private",
        "private_visibility_config": [{"networks": [{}], "gke_clusters": []}]}),
    );
    let router = |region: &str| {
        (
            "google_compute_router",
            "r",
            value!(region),
            value!({"name": "r", "project": "p",
            "region": region, "network": "n"}),
        )
    };
    let nat = (
        "google_compute_router_nat",
        "nat",
        none(),
        value!({"name": "nat", "project": "p",
        "region": "r1", "router": "r",
        "source_subnetwork_ip_ranges_to_nat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}),
    );
    let written = value!({"google_dns_managed_zone.z": {"private_visibility_config": [{"networks":
        [{"network_url": {"references": ["google_compute_network.n.id", "google_compute_network.n"]}}]}]}});
    let subnetwork = (
        "google_compute_subnetwork",
        "s",
        none(),
        value!({"name": "s", "project": "p",
        "region": "r1", "network": "n", "ip_cidr_range": "10.0.0.0/24"}),
    );
    let name = |written: &Value| {
        let text = plan(&[network.clone(), zone.clone(), subnetwork.clone()], written.clone());
        let scratch = folder(&[("plan.json", text.as_bytes())]);
        let path = scratch.path().to_str().unwrap();
        json(&["path", "10.0.0.5", "storage.googleapis.com", path])["links"][0]["state"].clone()
    };
    // Which network it is for, nobody knows without what it refers to.
    assert_eq!(name(&value!({})), "undetermined");
    assert_eq!(name(&written), "not-given");
    let report = |resources: &[(&str, &str, Value, Value)]| {
        let text = plan(resources, written.clone());
        let scratch = folder(&[("plan.json", text.as_bytes())]);
        json(&["triage", scratch.path().to_str().unwrap()])
    };
    let whole = report(&[network.clone(), router("r1"), router("r2"), nat.clone()]);
    assert_eq!(whole["inventory"]["nats"], 1);
    // A router that is described elsewhere tells whose NAT it is; until then it may be anybody's.
    let exit = |resources: &[(&str, &str, Value, Value)], more: &str| {
        let text = plan(resources, written.clone());
        let scratch = folder(&[("plan.json", text.as_bytes()), ("more.json", more.as_bytes())]);
        let path = scratch.path().to_str().unwrap();
        let links = json(&["path", "10.0.0.5", "203.0.113.9", path])["links"].clone();
        let nat =
            links.as_array().unwrap().iter().find(|one| one["kind"] == "nat").unwrap().clone();
        nat["state"].clone()
    };
    let alone = [network.clone(), subnetwork.clone(), router("r2"), nat.clone()];
    assert_eq!(exit(&alone[..3], "{}"), "broken");
    assert_ne!(exit(&alone, "{}"), "broken");
    let exported = value!([{"kind": "compute#router", "name": "r", "network": "projects/p/global/networks/n",
        "region": "regions/r1", "selfLink": "https://x/projects/p/regions/r1/routers/r"}]);
    assert_eq!(exit(&alone, &exported.to_string()), "ok");
    let mut unknown = nat;
    unknown.3.as_object_mut().unwrap().remove("router");
    let unknown = [network, subnetwork, router("r2"), unknown];
    assert_ne!(exit(&unknown, "{}"), "broken");
}

/// An export that was cut off may have held more rules: what the others say is not sure then.
#[test]
fn an_export_that_was_cut_off_is_not_all_of_it() {
    let allow = rule(
        "ssh",
        value!({"priority": 900, "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["203.0.113.0/24"]}),
    );
    let deny = deny_all(value!({"priority": 100}));
    let whole = format!("[{allow},\n{deny}]\n");
    check_ssh(&[("all.json", whole.as_bytes())], &[], "DENIED");
    let end = whole.find("\n{").unwrap();
    for cut in [end, end + 1, end + 40] {
        let text = whole.get(..cut).unwrap();
        let files = [("all.json", text.as_bytes())];
        check_ssh(&files, &[], "UNDETERMINED");
        let scratch = folder(&files);
        let report = json(&["check", scratch.path().to_str().unwrap()]);
        assert!(!report["complaints"].as_array().unwrap().is_empty(), "{text}");
        assert_eq!(report["inventory"]["firewall_rules"], 1, "{text}");
    }
    // It may have been one that allows.
    let closed = format!("[{},\n", deny_all(value!({"priority": 900})));
    check_ssh(&[("all.json", closed.as_bytes())], &[], "UNDETERMINED");
    // Of a policy, too.
    let of_policy = value!({"kind": "compute#firewallPolicy", "name": "np", "rules": [
        {"action": "deny", "direction": "INGRESS", "priority": 100,
         "match": {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}}],
        "associations": [{"name": "a", "attachmentTarget": "projects/p/global/networks/n"}]});
    let network = value!({"kind": "compute#network", "name": "n",
        "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"});
    for (end, verdict) in [("]", "DENIED"), (",", "UNDETERMINED")] {
        let text = format!("[{of_policy}{end}\n");
        let network = network.to_string();
        let files = [("p.json", text.as_bytes()), ("n.json", network.as_bytes())];
        check_ssh(&files, &[], verdict);
    }
    // A line of a log that is broken is no rule.
    let log = format!(
        "{}\n{{\"insertId\": \"x\n",
        denied("10.0.0.1", "10.0.0.2", 22, "r", "INGRESS", "v")
    );
    check_ssh(&[("all.json", whole.as_bytes()), ("log.json", log.as_bytes())], &[], "DENIED");
}

/// A document of YAML that cannot be read may be a rule, unless it says what else it is.
#[test]
fn a_broken_document_may_be_a_rule() {
    let allow = "kind: compute#firewall\nname: ssh\nnetwork: projects/p/global/networks/n\n\
                 direction: INGRESS\npriority: 900\nallowed:\n- IPProtocol: tcp\n  ports: ['22']\n\
                 sourceRanges: [203.0.113.0/24]\n";
    for (broken, verdict) in [
        ("kind: ComputeFirewall\nspec: [\n", "UNDETERMINED"),
        ("direction: INGRESS\n  deny: :\n - x\n", "UNDETERMINED"),
        ("apiVersion: apps/v1\nkind: Deployment\nspec: {{ .Values.x }}\n", "ALLOWED"),
    ] {
        let text = format!("{allow}---\n{broken}");
        check_ssh(&[("all.yaml", text.as_bytes())], &[], verdict);
    }
}
