//! Who answers for a name: zones, response policies, and other networks that zones peer with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{Inputs, cluster, own_rules, rule, subnet};
use common::{findings, json};
use serde_json::{Value, json as value};

const VIP: [&str; 4] = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"];

fn egress(name: &str, fields: Value) -> Value {
    let mut made = rule(name, value!({"direction": "EGRESS"}));
    for (key, field) in fields.as_object().unwrap() {
        made[key] = field.clone();
    }
    made
}

/// A private cluster that reaches nothing but the private VIP, its control plane and itself.
fn closed() -> Vec<Value> {
    let [master, inside] = own_rules();
    let to = |range: &str| value!([range]);
    let all = value!([{"IPProtocol": "all"}]);
    let allow = |name: &str, range: &str| {
        egress(name, value!({"priority": 900, "destinationRanges": to(range), "allowed": all}))
    };
    let link = |kind: &str, name: &str, fields: Value| {
        let mut made = value!({"kind": kind, "name": name,
            "network": "projects/p/global/networks/n"});
        for (key, field) in fields.as_object().unwrap() {
            made[key] = field.clone();
        }
        made
    };
    vec![
        master,
        inside,
        allow("to-vip", "199.36.153.8/30"),
        allow("to-own", "10.0.0.0/8"),
        allow("to-master", "172.16.0.0/28"),
        egress("deny-egress", value!({"destinationRanges": to("0.0.0.0/0"), "denied": all})),
        cluster(
            "c",
            value!({"privateClusterConfig":
            {"masterIpv4CidrBlock": "172.16.0.0/28", "enablePrivateNodes": true}}),
        ),
        subnet(value!({"privateIpGoogleAccess": true})),
        link(
            "compute#route",
            "vip",
            value!({"destRange": "199.36.153.8/30", "priority": 1000,
                "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"}),
        ),
        value!({"kind": "dns#managedZone", "name": "corp", "dnsName": "corp.internal.",
            "visibility": "private", "privateVisibilityConfig":
            {"networks": [{"networkUrl": "projects/p/global/networks/n"}]}}),
    ]
}

fn policy(networks: &[&str]) -> Value {
    let networks: Vec<Value> = networks
        .iter()
        .map(|name| value!({"networkUrl": format!("projects/p/global/networks/{name}")}))
        .collect();
    value!({"kind": "dns#responsePolicy", "responsePolicyName": "googles", "networks": networks})
}

fn policy_rule(name: &str, dns_name: &str, kind: &str, data: &[&str]) -> Value {
    value!({"kind": "dns#responsePolicyRule", "ruleName": name, "dnsName": dns_name,
        "localData": {"localDatas": [{"name": dns_name, "type": kind, "rrdatas": data}]}})
}

/// Names of googleapis.com and gcr.io by rules of a response policy.
fn rules() -> [Value; 3] {
    let vip = "private.googleapis.com.";
    [
        policy_rule("apis", "*.googleapis.com.", "CNAME", &[vip]),
        policy_rule("vip", vip, "A", &VIP),
        policy_rule("gcr", "gcr.io.", "CNAME", &[vip]),
    ]
}

#[test]
fn a_response_policy_of_another_network_is_not_attached() {
    let with = |networks: &[&str]| {
        let all = [closed(), rules().to_vec(), vec![policy(networks)]].concat();
        Inputs::of(&all).triage()
    };
    let report = with(&["other"]);
    let found = findings(&report, "dns-zone-not-attached");
    assert_eq!(found.len(), 1, "one policy is one cause: {report:#}");
    let title = found[0]["title"].as_str().unwrap();
    assert!(title.contains("response policy googles is not attached"), "{title}");
    assert!(title.contains("storage.googleapis.com, gcr.io"), "{title}");
    assert!(findings(&report, "default-route-missing").is_empty(), "{report:#}");
    let report = with(&["n"]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report:#}");
}

/// A network whose response policy sends other names of Google's to the VIP means it for this, too.
#[test]
fn a_name_that_the_response_policy_leaves_out_lacks_its_zone() {
    let pull = "Failed to pull image \"europe-docker.pkg.dev/p/r/app:1\": failed to do request: \
                Head \"https://europe-docker.pkg.dev/v2/p/r/app/manifests/1\": dial tcp \
                142.250.27.82:443: i/o timeout";
    let event = value!({"apiVersion": "v1", "kind": "Event", "reason": "Failed", "message": pull,
        "metadata": {"name": "e", "namespace": "d"}, "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": "d"}});
    let all = [closed(), rules().to_vec(), vec![policy(&["n"]), event]].concat();
    let report = Inputs::of(&all).triage();
    assert_eq!(findings(&report, "dns-zone-missing").len(), 1, "{report:#}");
    assert!(findings(&report, "default-route-missing").is_empty(), "{report:#}");
}

/// A zone that peers with another network answers what that network's zones do.
#[test]
fn peering_zones_are_followed() {
    let peering = value!({"kind": "dns#managedZone", "name": "peer", "dnsName": "googleapis.com.",
        "visibility": "private",
        "privateVisibilityConfig": {"networks": [{"networkUrl": "projects/p/global/networks/n"}]},
        "peeringConfig": {"targetNetwork": {"networkUrl": "projects/p/global/networks/hub"}}});
    let zone = value!({"kind": "dns#managedZone", "name": "apis", "dnsName": "googleapis.com.",
        "visibility": "private", "privateVisibilityConfig":
        {"networks": [{"networkUrl": "projects/p/global/networks/hub"}]}});
    let record = |name: &str, kind: &str, data: &[&str]| {
        value!({"kind": "dns#resourceRecordSet", "name": name, "type": kind, "rrdatas": data,
            "managedZone": "apis"})
    };
    let wild = record("*.googleapis.com.", "CNAME", &["private.googleapis.com."]);
    let vip = record("private.googleapis.com.", "A", &VIP);
    let first_link = |more: &[Value]| {
        let all = [closed(), vec![peering.clone()], more.to_vec()].concat();
        let inputs = Inputs::of(&all);
        let report = inputs.triage();
        let answer = json(&["path", "s", "storage.googleapis.com", inputs.path()]);
        let link = &answer["links"][0];
        let text = |key: &str| link[key].as_str().unwrap().to_owned();
        (text("state"), text("object"), report)
    };
    let (state, object, report) = first_link(&[zone.clone(), wild.clone(), vip]);
    assert_eq!((state.as_str(), object.as_str()), ("ok", "managed zone apis"));
    assert!(!report["blind_spots"].to_string().contains("storage.googleapis.com"), "{report:#}");
    let (state, object, report) = first_link(&[zone, wild]);
    assert_eq!((state.as_str(), object.as_str()), ("broken", "managed zone apis"));
    assert_eq!(findings(&report, "dns-record-missing").len(), 1, "{report:#}");
    // What the other network has was not given: then that is said.
    let (state, object, report) = first_link(&[]);
    assert_eq!((state.as_str(), object.as_str()), ("undetermined", "managed zone peer"));
    let spots = report["blind_spots"].to_string();
    assert!(spots.contains("the way to storage.googleapis.com is not judged"), "{spots}");
    assert!(!spots.contains("gcr.io"), "{spots}");
}

/// A route to the VIP for other VMs does not serve these, and is not outranked by what does.
#[test]
fn a_route_for_other_vms_is_named() {
    let mut all = closed();
    for one in &mut all {
        if one["kind"] == "compute#route" {
            one["tags"] = value!(["legacy-vm"]);
        }
        if one["currentMasterVersion"].is_string() {
            one["nodePools"] = value!([{"name": "pool", "config": {"tags": ["own"]}}]);
        }
    }
    let appliance = value!({"kind": "compute#route", "name": "appliance", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 800, "nextHopIp": "10.0.0.99"});
    let all = [all, rules().to_vec(), vec![policy(&["n"])]].concat();
    for (more, check) in
        [(Some(appliance), "private-route-wrong-next-hop"), (None, "private-route-missing")]
    {
        let report = Inputs::of(&[all.clone(), Vec::from_iter(more)].concat()).triage();
        let found = findings(&report, check);
        assert_eq!(found.len(), 1, "{check}: {report:#}");
        let title = found[0]["title"].as_str().unwrap();
        assert!(title.contains("vip is for VMs with tag legacy-vm"), "{title}");
        let added = found[0]["fixes"][0]["as"]["gcloud"].as_str().unwrap();
        assert!(added.contains("routes create n-to-google-apis"), "{added}");
    }
}

/// An image that runs was pulled: that its registry cannot be reached is no error by itself.
#[test]
fn an_image_that_runs_was_pulled() {
    let pod = |ready: &str| {
        value!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "cache", "name": format!("redis-{ready}"), "uid": "1"},
            "spec": {"containers": [{"name": "redis", "image": "redis:7.2"}]},
            "status": {"phase": "Running", "podIP": "10.1.0.9",
                "conditions": [{"type": "Ready", "status": ready}]}})
    };
    let of = |pods: &[Value]| {
        let all = [closed(), rules().to_vec(), vec![policy(&["n"])], pods.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "default-route-missing");
        assert_eq!(found.len(), 1, "{report:#}");
        (found[0]["severity"].clone(), found[0]["explanation"].to_string())
    };
    let (severity, why) = of(&[pod("True")]);
    assert_eq!(severity, "warning");
    assert!(why.contains("pulled before"), "{why}");
    for pods in [vec![pod("False")], vec![pod("True"), pod("False")]] {
        let (severity, why) = of(&pods);
        assert_eq!(severity, "error");
        assert!(!why.contains("pulled before"), "{why}");
    }
}
