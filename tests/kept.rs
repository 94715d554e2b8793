//! What a printed change leaves alone stays as it was given: descriptions, labels, logging,
//! annotations, and everything else that no verdict depends on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::collections::BTreeMap;

use common::small::{Inputs, TAG, cluster, denied, deny_all, rule, subnet};
use common::{findings, folder, json, root};
use serde_json::{Value, json as value};

/// What `triage` says of a sample in which some files are others.
fn triage(sample: &str, other: &[(&str, Value)]) -> Value {
    let inputs = root().join("samples").join(sample).join("inputs");
    let mut files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(inputs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    for (name, value) in other {
        files.insert((*name).to_owned(), value.to_string().into_bytes());
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
    let scratch = folder(&files);
    json(&["triage", scratch.path().to_str().unwrap()])
}

/// The fixes of the only finding of a check.
fn fixes(sample: &str, check: &str, other: &[(&str, Value)]) -> Vec<Value> {
    let report = triage(sample, other);
    let found = findings(&report, check);
    assert_eq!(found.len(), 1, "{report:#}");
    found[0]["fixes"].as_array().unwrap().clone()
}

fn given(sample: &str, file: &str) -> Value {
    let path = root().join("samples").join(sample).join("inputs").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn holds(text: &Value, parts: &[&str]) {
    let text = text.as_str().unwrap();
    for part in parts {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn a_subnetwork_keeps_its_flow_logs_and_its_stack() {
    let sample = "private-google-access-disabled";
    let mut subnetworks = given(sample, "subnetworks.json");
    let one = &mut subnetworks[0];
    one["description"] = value!("nodes of ${shop}\nand no others");
    one["stackType"] = value!("IPV4_ONLY");
    one["logConfig"] = value!({"enable": true, "flowSampling": 0.5,
        "aggregationInterval": "INTERVAL_5_SEC", "metadata": "INCLUDE_ALL_METADATA"});
    let fix = &fixes(sample, sample, &[("subnetworks.json", subnetworks.clone())])[0];
    holds(
        &fix["as"]["terraform"],
        &[
            r#"= "nodes of $${shop}\nand no others""#,
            "  log_config {\n",
            r#"    aggregation_interval = "INTERVAL_5_SEC""#,
            "    flow_sampling        = 0.5\n",
            r#"  stack_type               = "IPV4_ONLY""#,
        ],
    );
    holds(
        &fix["as"]["cnrm"],
        &["stackType: IPV4_ONLY", "flowSampling: 0.5", "nodes of ${shop}\n    and no others"],
    );
    assert_eq!(fix["safety"], "review");
    // What is switched off is nothing to be written: there it would be on.
    subnetworks[0]["logConfig"] = value!({"enable": false, "flowSampling": 0.5});
    let fix = &fixes(sample, sample, &[("subnetworks.json", subnetworks.clone())])[0];
    assert!(!fix["as"]["terraform"].as_str().unwrap().contains("log_config"), "{fix:#}");
    // A text that steers terminals is no text to be printed.
    subnetworks[0]["description"] = value!("\u{1b}[2J \u{202e}");
    let fix = &fixes(sample, sample, &[("subnetworks.json", subnetworks)])[0];
    let text = fix["as"].to_string();
    assert!(!text.contains('\u{202e}') && fix["as"]["gcloud"].is_string(), "{text}");
    assert_eq!(fix["as"].get("terraform"), None);
}

/// What Config Connector keeps is its manifest with one field changed, and comes before commands.
#[test]
fn a_manifest_keeps_all_but_what_is_changed() {
    let sample = "private-google-access-disabled";
    let manifest = value!({
        "apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": "ComputeSubnetwork",
        "metadata": {"name": "nodes-object", "namespace": "net", "uid": "1", "generation": 4,
            "labels": {"team": "shop"},
            "annotations": {"cnrm.cloud.google.com/project-id": "shop-prod",
                "cnrm.cloud.google.com/deletion-policy": "abandon",
                "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {"resourceID": "shop-nodes", "region": "europe-west1",
            "networkRef": {"external": "projects/shop-prod/global/networks/shop"},
            "ipCidrRange": "10.20.0.0/22", "privateIpGoogleAccess": false,
            "logConfig": {"aggregationInterval": "INTERVAL_5_SEC"},
            "secondaryIpRange": [{"rangeName": "pods", "ipCidrRange": "10.24.0.0/14"},
                {"rangeName": "services", "ipCidrRange": "10.28.0.0/20"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "UpToDate"}]},
    });
    let exported = given(sample, "subnetworks.json");
    for subnetworks in [value!([]), exported] {
        let files = [("subnetworks.json", subnetworks), ("nodes.json", manifest.clone())];
        let fix = &fixes(sample, sample, &files)[0];
        let cnrm = &fix["as"]["cnrm"];
        holds(
            cnrm,
            &[
                "name: nodes-object",
                "namespace: net",
                "team: shop",
                "deletion-policy: abandon",
                "resourceID: shop-nodes",
                "privateIpGoogleAccess: true",
                "aggregationInterval: INTERVAL_5_SEC",
                "rangeName: services",
            ],
        );
        for part in ["uid", "status", "generation", "last-applied"] {
            assert!(!cnrm.as_str().unwrap().contains(part), "{cnrm}");
        }
        assert_eq!(fix["safety"], "managed");
        let note = fix["notes"].to_string();
        assert!(note.contains("Config Connector keeps it as it is written"), "{note}");
        assert!(note.contains("nodes.json:1"), "{note}");
    }
}

#[test]
fn a_nat_keeps_its_addresses_and_ports() {
    let sample = "nat-range-uncovered";
    let mut routers = given(sample, "routers.json");
    let nat = &mut routers[0]["nats"][0];
    let address = "https://www.googleapis.com/compute/v1/projects/shop-prod/regions/europe-west1/\
                   addresses/out-1";
    nat["natIpAllocateOption"] = value!("MANUAL_ONLY");
    nat["natIps"] = value!([address]);
    nat["minPortsPerVm"] = value!(256);
    nat["logConfig"] = value!({"enable": true, "filter": "ERRORS_ONLY"});
    let fix = &fixes(sample, sample, &[("routers.json", routers.clone())])[0];
    holds(
        &fix["as"]["terraform"],
        &[
            r#"= "MANUAL_ONLY""#,
            &format!(r#"= ["{address}"]"#),
            "= 256\n",
            "  log_config {\n    enable = true\n    filter = \"ERRORS_ONLY\"\n",
        ],
    );
    holds(
        &fix["as"]["cnrm"],
        &["natIpAllocateOption: MANUAL_ONLY", "routerRef:\n    external: out", "natIps:", address],
    );
    // Rules of its own are not written in these: what is written would take them away.
    routers[0]["nats"][0]["rules"] = value!([{"ruleNumber": 1, "match": "x"}]);
    let fix = &fixes(sample, sample, &[("routers.json", routers)])[0];
    assert_eq!(fix["as"].as_object().unwrap().keys().collect::<Vec<_>>(), ["gcloud"]);
}

#[test]
fn a_record_keeps_its_time_to_live_and_a_zone_its_clusters() {
    let sample = "dns-record-wrong-target";
    let mut records = given(sample, "records.json");
    records[2]["ttl"] = value!(21_600);
    let fix = &fixes(sample, sample, &[("records.json", records)])[0];
    holds(&fix["as"]["terraform"], &["= 21600\n"]);
    holds(&fix["as"]["cnrm"], &["ttl: 21600"]);

    let sample = "dns-zone-not-attached";
    let mut zones = given(sample, "zones.json");
    let cluster = "projects/shop-old-prod/locations/europe-west1/clusters/old";
    zones[1]["privateVisibilityConfig"]["gkeClusters"] = value!([{"gkeClusterName": cluster}]);
    zones[1]["description"] = value!("images");
    zones[1]["labels"] = value!({"team": "shop"});
    let fix = &fixes(sample, sample, &[("zones.json", zones)])[0];
    let named = format!("gke_cluster_name = \"{cluster}\"");
    holds(&fix["as"]["terraform"], &[&named, r#"= "images""#, r#"{ "team" = "shop" }"#]);
    let named = format!("gkeClusterNameRef:\n        external: {cluster}");
    holds(&fix["as"]["cnrm"], &[&named, "description: images", "team: shop"]);
    holds(&fix["as"]["gcloud"], &[&format!(" --gkeclusters={cluster}")]);
}

/// A rule of which an export and a manifest are given, and the port that its webhook needs.
fn webhook_rule(spec: Value, exported: Option<Value>) -> Value {
    let mut manifest = value!({
        "apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": "ComputeFirewall",
        "metadata": {"name": "webhooks", "namespace": "net", "labels": {"team": "shop"},
            "annotations": {"cnrm.cloud.google.com/project-id": "p",
                "cnrm.cloud.google.com/deletion-policy": "abandon"}},
        "spec": {"description": "calls of webhooks\nfrom the control plane", "priority": 900,
            "networkRef": {"external": "projects/p/global/networks/n"},
            "sourceRanges": ["172.16.0.0/28"], "allow": [{"protocol": "tcp", "ports": ["443"]}],
            "targetServiceAccounts": [{"name": "nodes"}],
            "logConfig": {"metadata": "EXCLUDE_ALL_METADATA"}},
    });
    for (key, field) in spec.as_object().unwrap() {
        manifest["spec"][key] = field.clone();
    }
    let account = "nodes@p.iam.gserviceaccount.com";
    let pools = value!({"nodePools": [{"name": "pool", "config": {"serviceAccount": account}}]});
    let mut all = vec![
        manifest,
        deny_all(value!({})),
        cluster("c", pools),
        subnet(value!({})),
        rule(
            "intern",
            value!({"sourceRanges": ["10.0.0.0/8"], "allowed": [{"IPProtocol": "all"}]}),
        ),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
    ];
    all.extend(exported.map(|fields| rule("webhooks", fields)));
    let report = Inputs::of(&all).triage();
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(found.len(), 1, "{report:#}");
    found[0]["fixes"][0].clone()
}

#[test]
fn a_rule_of_config_connectors_changes_by_one_field() {
    let fix = webhook_rule(value!({}), None);
    assert_eq!(
        (&fix["kind"], &fix["safety"]),
        (&value!("update-firewall-rule"), &value!("managed"))
    );
    holds(
        &fix["as"]["cnrm"],
        &[
            "team: shop",
            "deletion-policy: abandon",
            "calls of webhooks\n    from the control plane",
            "EXCLUDE_ALL_METADATA",
            "targetServiceAccounts:\n  - name: nodes",
            "\"8443\"",
        ],
    );
    assert!(!fix["as"]["cnrm"].as_str().unwrap().contains("direction"), "{fix:#}");
    // Of what the export says otherwise the manifest would make the old again.
    let exported = value!({"priority": 800, "sourceRanges": ["172.16.0.0/28"],
        "targetServiceAccounts": ["nodes@p.iam.gserviceaccount.com"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]});
    let fix = webhook_rule(value!({}), Some(exported));
    holds(&fix["as"]["cnrm"], &["priority: 800", "deletion-policy: abandon", "\"8443\""]);
    assert!(fix["notes"].to_string().contains("all.ndjson:1"), "{fix:#}");
}

/// A rule that was only exported keeps what its export says of it.
#[test]
fn an_exported_rule_keeps_its_description_and_its_metadata() {
    let own = rule(
        "webhooks",
        value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}], "description": "two\nlines",
            "logConfig": {"enable": true, "metadata": "EXCLUDE_ALL_METADATA"}}),
    );
    let call = denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1");
    let all = [own, deny_all(value!({})), cluster("c", value!({})), subnet(value!({})), call];
    let report = Inputs::of(&all).triage();
    let fix = &findings(&report, "webhook-port-blocked")[0]["fixes"][0];
    assert_eq!(fix["kind"], "update-firewall-rule");
    holds(&fix["as"]["terraform"], &[r#""two\nlines""#, r#""EXCLUDE_ALL_METADATA""#]);
    holds(&fix["as"]["cnrm"], &["two\n    lines", "metadata: EXCLUDE_ALL_METADATA"]);
}

/// A block that makes several rules is not written for one of them.
#[test]
fn one_of_several_is_not_written_by_itself() {
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    let instance = |key: Value, name: &str, port: &str| {
        value!({"index_key": key, "attributes": {
            "name": name, "project": "p", "network": network, "priority": 900,
            "direction": "INGRESS", "disabled": false, "deny": [],
            "allow": [{"protocol": "tcp", "ports": [port]}], "log_config": [{"metadata": "X"}],
            "target_tags": [TAG], "source_ranges": ["172.16.0.0/28"]}})
    };
    let of = |instances: &[Value]| {
        let state = value!({"version": 4, "serial": 1, "lineage": "x", "resources": [
            {"mode": "managed", "type": "google_compute_firewall", "name": "hooks",
             "instances": instances}]});
        let call = denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1");
        let all = [state, deny_all(value!({})), cluster("c", value!({})), subnet(value!({})), call];
        let inputs = Inputs::of(&all);
        let report = inputs.triage();
        let fix = findings(&report, "webhook-port-blocked")[0]["fixes"][0].clone();
        let id = findings(&report, "webhook-port-blocked")[0]["id"].as_str().unwrap().to_owned();
        let told = common::run(&["fix", &id, inputs.path(), "--as", "terraform"]);
        (fix, common::stdout(&told))
    };
    for several in [
        vec![instance(value!("web"), "webhooks", "443")],
        vec![instance(value!(0), "webhooks", "443"), instance(value!(1), "others", "22")],
    ] {
        let (fix, told) = of(&several);
        assert_eq!(fix["as"].get("terraform"), None, "{fix:#}");
        assert!(fix["notes"].to_string().contains("one of several that its block makes"));
        assert!(!told.contains("resource \""), "{told}");
        assert!(told.contains("# not printed as terraform"), "{told}");
    }
    let (fix, _) = of(&[instance(value!(0), "webhooks", "443")]);
    holds(&fix["as"]["terraform"], &[r#"resource "google_compute_firewall" "hooks" {"#]);
}

/// Rules of one name in two projects are two resources, and two objects.
#[test]
fn rules_of_one_name_in_two_projects_are_two_objects() {
    let of = |project: &str| {
        let here = |value: Value| -> Value {
            let text = value.to_string().replace("projects/p/", &format!("projects/{project}/"));
            serde_json::from_str(&text.replace("\"p\"", &format!("\"{project}\""))).unwrap()
        };
        let own = value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]});
        let call = denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1");
        let all = [
            rule("webhooks", own),
            deny_all(value!({})),
            cluster("c", value!({})),
            subnet(value!({"selfLink": "projects/p/regions/r/subnetworks/s"})),
            call,
        ];
        all.map(here).to_vec()
    };
    let report = Inputs::of(&[of("p-1"), of("p-2")].concat()).triage();
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(found.len(), 2, "{report:#}");
    for one in found {
        let fix = &one["fixes"][0];
        let is_first = fix["as"]["gcloud"].as_str().unwrap().contains("--project=p-1");
        let (label, object) = if is_first {
            ("p_1_webhooks", "p-1-webhooks")
        } else {
            ("p_2_webhooks", "p-2-webhooks")
        };
        let label = format!("\"google_compute_firewall\" \"{label}\"");
        holds(&fix["as"]["terraform"], &[&label, "= \"webhooks\""]);
        holds(&fix["as"]["cnrm"], &[&format!("name: {object}\n"), "resourceID: webhooks"]);
    }
}

/// A block of a module that is called several times is written once, for all of its calls.
#[test]
fn one_of_several_modules_is_not_written_by_itself() {
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    let hooks = |module: Option<&str>, name: &str| {
        value!({"module": module, "mode": "managed", "type": "google_compute_firewall",
            "name": "hooks", "instances": [{"attributes": {
                "name": name, "project": "p", "network": network, "priority": 900,
                "direction": "INGRESS", "disabled": false, "deny": [],
                "allow": [{"protocol": "tcp", "ports": ["443"]}], "target_tags": [TAG],
                "source_ranges": ["172.16.0.0/28"]}}]})
    };
    let of = |resources: &[Value]| {
        let state = value!({"version": 4, "serial": 1, "lineage": "x", "resources": resources});
        let call = denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1");
        let all = [state, deny_all(value!({})), cluster("c", value!({})), subnet(value!({})), call];
        let report = Inputs::of(&all).triage();
        findings(&report, "webhook-port-blocked")[0]["fixes"][0]["as"].clone()
    };
    let keyed = [hooks(Some("module.net[\"a\"]"), "webhooks")];
    let counted =
        [hooks(Some("module.net[0]"), "webhooks"), hooks(Some("module.net[1]"), "others")];
    assert_eq!(of(&keyed).get("terraform"), None);
    assert_eq!(of(&counted).get("terraform"), None);
    for alone in [None, Some("module.net"), Some("module.net[0]")] {
        assert!(of(&[hooks(alone, "webhooks")])["terraform"].is_string(), "{alone:?}");
    }
}

/// What could not be written again is not written in the language that would take it away.
#[test]
fn what_nobody_knows_to_write_is_not_taken_away() {
    let sample = "private-google-access-disabled";
    let with = |fields: Value| {
        let mut subnetworks = given(sample, "subnetworks.json");
        for (key, field) in fields.as_object().unwrap() {
            subnetworks[0][key] = field.clone();
        }
        let fix = fixes(sample, sample, &[("subnetworks.json", subnetworks)])[0].clone();
        fix["as"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(with(value!({"reservedInternalRange": "", "fingerprint": "x"})).len(), 3);
    assert_eq!(with(value!({"reservedInternalRange": "networkconnectivity/r"})), ["gcloud"]);

    let sample = "nat-range-uncovered";
    let mut routers = given(sample, "routers.json");
    routers[0]["nats"][0]["autoNetworkTier"] = value!("PREMIUM");
    let fix = &fixes(sample, sample, &[("routers.json", routers)])[0];
    holds(&fix["as"]["terraform"], &["auto_network_tier"]);
    assert!(!fix["as"]["cnrm"].as_str().unwrap().contains("autoNetworkTier"), "{fix:#}");
}

/// Answers that depend on who asks are read in every dialect, and not replaced by a plain list.
#[test]
fn routing_policies_are_records_and_stay() {
    let sample = "dns-record-wrong-target";
    let of = |policy: Value| {
        let mut records = given(sample, "records.json");
        records[2].as_object_mut().unwrap().remove("rrdatas");
        records[2]["routingPolicy"] = policy;
        triage(sample, &[("records.json", records)])
    };
    let right = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"];
    let wrong = ["199.36.153.8", "199.36.153.4"];
    for (addresses, count) in [(&right[..], 0), (&wrong[..], 1)] {
        for policy in [
            value!({"wrr": {"items": [{"weight": 1, "rrdatas": addresses}]}}),
            value!({"wrr": [{"weight": 1, "rrdatas": addresses}]}),
        ] {
            let report = of(policy);
            let found = findings(&report, "dns-record-wrong-target");
            assert_eq!(found.len(), count, "{report:#}");
            assert!(findings(&report, "dns-record-missing").is_empty(), "{report:#}");
            assert!(found.iter().all(|one| one["fixes"] == value!([])), "{report:#}");
        }
    }
}

/// Manifests and configurations hold the list where the API has `items` in between.
#[test]
fn routing_policies_are_read_in_every_dialect() {
    let addresses = ["199.36.153.8", "199.36.153.9"];
    let listed = value!([{"weight": 1, "rrdatas": addresses}]);
    let manifest = value!({
        "apiVersion": "dns.cnrm.cloud.google.com/v1beta1", "kind": "DNSRecordSet",
        "metadata": {"name": "gcr", "namespace": "net"},
        "spec": {"name": "gcr.io.", "type": "A", "managedZoneRef": {"name": "gcr"},
            "routingPolicy": {"wrr": listed}},
    });
    let state = value!({"version": 4, "serial": 1, "lineage": "x", "resources": [
        {"mode": "managed", "type": "google_dns_record_set", "name": "gcr", "instances": [
            {"attributes": {"name": "gcr.io.", "type": "A", "managed_zone": "gcr",
                "routing_policy": [{"wrr": listed, "geo": [], "primary_backup": []}]}}]}]});
    for dialect in [manifest, state] {
        let read = common::inventory(std::slice::from_ref(&dialect));
        assert_eq!(read.record_sets[0].data, addresses, "{dialect}");
    }
}

/// A router that another network has is not taken for a new one.
#[test]
fn a_new_router_has_a_name_that_nothing_has() {
    let sample = "nat-missing";
    let other = |name: &str| {
        value!([{"kind": "compute#router", "name": name,
            "network": "projects/shop-prod/global/networks/other",
            "region": "projects/shop-prod/regions/europe-west1"}])
    };
    let of = |name: &str| {
        let fix = &fixes(sample, sample, &[("routers.json", other(name))])[0];
        fix["as"]["gcloud"].as_str().unwrap().to_owned()
    };
    let free = of("another");
    assert!(free.contains("routers create shop-europe-west1-router --"), "{free}");
    assert!(free.contains("--router=shop-europe-west1-router "), "{free}");
    let taken = of("shop-europe-west1-router");
    assert!(taken.contains("routers create shop-europe-west1-router-2 --"), "{taken}");
    assert!(taken.contains("--router=shop-europe-west1-router-2 "), "{taken}");
}

/// What a manifest of Config Connector's cannot change in place is said to be made anew.
#[test]
fn a_route_is_not_changed_in_place() {
    let sample = "private-route-wrong-next-hop";
    let manifest = value!({
        "apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": "ComputeRoute",
        "metadata": {"name": "to-private-vip", "namespace": "net",
            "annotations": {"cnrm.cloud.google.com/project-id": "shop-prod"}},
        "spec": {"destRange": "199.36.153.8/30", "priority": 1000, "nextHopIp": "10.20.0.9",
            "networkRef": {"external": "projects/shop-prod/global/networks/shop"}},
    });
    let mut routes = given(sample, "routes.json");
    routes.as_array_mut().unwrap().retain(|one| one["name"] != "to-private-vip");
    let files = [("routes.json", routes), ("vip.json", manifest)];
    let fix = &fixes(sample, sample, &files)[0];
    assert_eq!(fix["kind"], "update-route", "{fix:#}");
    assert!(fix["notes"].to_string().contains("cannot be changed in place"), "{fix:#}");
    assert!(!fix["as"]["cnrm"].as_str().unwrap().contains("nextHopIp"), "{fix:#}");
}

/// Two networks that are to see one zone: each change sets the whole list, so one holds both.
#[test]
fn one_zone_for_two_networks_is_changed_once() {
    let sample = "dns-zone-not-attached";
    let twice = |file: &str| {
        let one = given(sample, file);
        let other: Value = serde_json::from_str(
            &one.to_string()
                .replace("global/networks/shop\"", "global/networks/mall\"")
                .replace("\"network\":\"shop\"", "\"network\":\"mall\"")
                .replace("shop-nodes", "mall-nodes")
                .replace("to-private-vip", "mall-to-private-vip")
                .replace("clusters/blue", "clusters/green")
                .replace("\"blue\"", "\"green\"")
                .replace("10.20.", "10.60.")
                .replace("10.24.", "10.64.")
                .replace("10.28.", "10.68."),
        )
        .unwrap();
        let all = [one.as_array().unwrap().clone(), other.as_array().unwrap().clone()].concat();
        Value::Array(all).to_string().into_bytes()
    };
    let mut zones = given(sample, "zones.json");
    let mall = value!({"networkUrl": "projects/shop-prod/global/networks/mall"});
    for at in [0, 2] {
        let networks = &mut zones[at]["privateVisibilityConfig"]["networks"];
        networks.as_array_mut().unwrap().push(mall.clone());
    }
    let zones = zones.to_string().into_bytes();
    let records = given(sample, "records.json").to_string().into_bytes();
    let doubled =
        ["clusters.json", "subnetworks.json", "routes.json"].map(|file| (file, twice(file)));
    let mut files: Vec<(&str, &[u8])> =
        doubled.iter().map(|(name, text)| (*name, text.as_slice())).collect();
    files.extend([("zones.json", zones.as_slice()), ("records.json", records.as_slice())]);
    let scratch = folder(&files);
    let path = scratch.path().to_str().unwrap();
    let report = json(&["triage", path]);
    assert_eq!(findings(&report, "dns-zone-not-attached").len(), 2, "{report:#}");
    let told = common::stdout(&common::run(&["fix", path, "--as", "gcloud"]));
    let updates: Vec<&str> =
        told.lines().filter(|line| line.starts_with("gcloud dns managed-zones update")).collect();
    let [only] = updates.as_slice() else { panic!("{told}") };
    let mut names: Vec<&str> = only
        .split(['=', ','])
        .filter_map(|one| one.rsplit_once("networks/"))
        .map(|(_, name)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["mall", "shop", "shop-old"], "{only}");
}
