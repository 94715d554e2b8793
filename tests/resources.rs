//! Resources that should be there: what their Config Connector objects say, what they refer to,
//! and where manifests and exports differ.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{findings, folder, json};
use serde_json::{Value, json as value};
use vpcwhy::ingest::log::Form;
use vpcwhy::model::{
    Inventory, Kept, ManagedZone, Nat, NatSubnetwork, Origin, Reference, Subnetwork, ZoneTarget,
};
use vpcwhy::render::resource::forms;
use vpcwhy::suggest::ResourceChange;
use vpcwhy::suggest::resource::NewRecord;

/// An object as the cluster gives it.
fn object(kind: &str, name: &str, spec: Value, reason: &str, message: &str) -> Value {
    let group = if kind.starts_with("DNS") { "dns" } else { "compute" };
    let ready = if reason == "UpToDate" { "True" } else { "False" };
    value!({
        "apiVersion": format!("{group}.cnrm.cloud.google.com/v1beta1"), "kind": kind,
        "metadata": {"name": name, "namespace": "kf", "uid": name, "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1, "conditions": [
            {"type": "Ready", "status": ready, "reason": reason, "message": message}]},
    })
}

fn report(files: &[(&str, String)]) -> Value {
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let scratch = folder(&files);
    json(&["triage", scratch.path().to_str().unwrap()])
}

/// `check: title` of all findings on resources.
fn told(objects: &[Value]) -> Vec<String> {
    let all = report(&[("objects.json", value!({"kind": "List", "items": objects}).to_string())]);
    let checks = ["resource-not-ready", "dangling-reference", "wrong-network-reference"];
    let found = checks.iter().flat_map(|check| findings(&all, check));
    found
        .map(|one| {
            let words = |key: &str| one[key].as_str().unwrap().to_owned();
            format!("{}: {}", words("check"), words("title"))
        })
        .collect()
}

#[track_caller]
fn check(objects: &[Value], expected: &[&str]) {
    let found = told(objects);
    assert_eq!(found, expected);
    // The order of the input is irrelevant.
    let mut turned = objects.to_vec();
    turned.reverse();
    let mut again = told(&turned);
    again.sort();
    let mut found = found;
    found.sort();
    assert_eq!(again, found);
}

const WAITS: &str = "DependencyNotReady";

#[test]
fn the_end_of_the_chain_is_named_once() {
    let failed = "Update call failed: googleapi: Error 409: already exists";
    let network = object("ComputeNetwork", "net", value!({}), "UpdateFailed", failed);
    let of = value!({"networkRef": {"name": "net"}});
    let zone =
        object("DNSManagedZone", "z", of, WAITS, "reference ComputeNetwork kf/net is not ready");
    let of = value!({"managedZoneRef": {"name": "z"}, "name": "a.", "type": "A"});
    let record =
        object("DNSRecordSet", "r", of, WAITS, "reference DNSManagedZone kf/z is not ready");
    let name = "resource-not-ready: ComputeNetwork kf/net is not ready: a resource of its name is \
                there already";
    check(&[network, zone.clone(), record.clone()], &[name]);
    // Without the network's own object the finding says what to look at.
    check(&[zone, record], &["resource-not-ready: ComputeNetwork kf/net is not ready"]);
    // Two that wait for one another are told as they are, and end.
    let a = object(
        "ComputeRouter",
        "a",
        value!({}),
        WAITS,
        "reference ComputeRouter kf/b is not ready",
    );
    let b = object(
        "ComputeRouter",
        "b",
        value!({}),
        WAITS,
        "reference ComputeRouter kf/a is not ready",
    );
    assert_eq!(told(&[a, b]).len(), 2);
}

#[test]
fn reasons_count_more_than_the_status_and_nothing_is_news_where_all_is_well() {
    let mut network = object("ComputeNetwork", "net", value!({}), "UpToDate", "");
    check(std::slice::from_ref(&network), &[]);
    network["status"]["conditions"][0]["reason"] = value!("UpdateFailed");
    network["status"]["conditions"][0]["message"] = value!("Update call failed: Error 400: x");
    check(
        std::slice::from_ref(&network),
        &["resource-not-ready: ComputeNetwork kf/net is not ready: the API rejects a value"],
    );
    let mut behind = object("ComputeNetwork", "net", value!({}), "UpToDate", "");
    behind["metadata"]["generation"] = value!(2);
    check(
        &[behind],
        &["resource-not-ready: ComputeNetwork kf/net is not ready: its status is of an older \
           generation than its manifest"],
    );
    let mut unseen = object("ComputeNetwork", "net", value!({}), "", "");
    unseen.as_object_mut().unwrap().remove("status");
    check(
        std::slice::from_ref(&unseen),
        &[
            "resource-not-ready: ComputeNetwork kf/net is not ready: no controller ever looked at it",
        ],
    );
    // A manifest of a repository has no status, and needs none.
    unseen["metadata"].as_object_mut().unwrap().remove("uid");
    check(&[unseen], &[]);
}

#[test]
fn what_is_no_resource_or_no_kin_is_left_alone() {
    // Config Connector's own settings have no Ready condition.
    let settings = value!({
        "apiVersion": "core.cnrm.cloud.google.com/v1beta1", "kind": "ConfigConnectorContext",
        "metadata": {"name": "configconnectorcontext.core", "namespace": "kf", "uid": "1"},
        "status": {"healthy": true},
    });
    let cluster = object("ContainerCluster", "blue", value!({}), "UpToDate", "");
    // AlloyDB's clusters are none of GKE's.
    let mut database =
        object("AlloyDBInstance", "db", value!({"clusterRef": {"name": "x"}}), "", "");
    database["apiVersion"] = value!("alloydb.cnrm.cloud.google.com/v1beta1");
    database.as_object_mut().unwrap().remove("status");
    database["metadata"].as_object_mut().unwrap().remove("uid");
    check(&[settings, cluster, database], &[]);
    // A table that leaves out the kind may mean either of two.
    let of = |kind: &str| object(kind, "kf", value!({}), "UpToDate", "");
    let objects = value!({"kind": "List", "items": [of("ComputeNetwork"), of("ComputeRouter")]});
    let table = "NAME  AGE  READY  STATUS  STATUS AGE\nkf  3h  False  UpdateFailed  2h\n";
    let all = report(&[("o.json", objects.to_string()), ("t.txt", table.to_owned())]);
    let found = findings(&all, "resource-not-ready");
    let titles: Vec<_> = found.iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["object kf is not ready: it failed"]);
}

#[test]
fn references_dangle_only_where_others_of_their_kind_are_given() {
    let rule = |reference: Value| {
        let mut rule = object(
            "ComputeFirewall",
            "f",
            value!({"networkRef": reference, "allow": [{"protocol": "tcp"}]}),
            "",
            "",
        );
        rule.as_object_mut().unwrap().remove("status");
        rule["metadata"].as_object_mut().unwrap().remove("uid");
        rule
    };
    let network = object("ComputeNetwork", "net", value!({}), "UpToDate", "");
    check(&[rule(value!({"name": "net"})), network.clone()], &[]);
    check(&[rule(value!({"name": "nett"}))], &[]);
    let told = "dangling-reference: ComputeFirewall kf/f refers to ComputeNetwork kf/nett, which \
                no manifest makes";
    check(&[rule(value!({"name": "nett"})), network.clone()], &[told]);
    let far = value!({"name": "net", "namespace": "other"});
    let told = "dangling-reference: ComputeFirewall kf/f refers to ComputeNetwork other/net, which \
                no manifest makes";
    check(&[rule(far), network], &[told]);
}

#[test]
fn what_was_never_created_is_left_out_of_the_simulation() {
    let spec = value!({"networkRef": {"name": "net"}, "direction": "INGRESS",
                       "allow": [{"protocol": "tcp", "ports": ["443"]}],
                       "sourceRanges": ["10.0.0.0/8"]});
    let waits = "reference ComputeNetwork kf/net is not ready";
    let absent = object("ComputeFirewall", "f", spec.clone(), WAITS, waits);
    let count = |object: &Value| {
        let text = object.to_string();
        report(&[("o.json", text)])["inventory"]["firewall_rules"].as_u64().unwrap()
    };
    assert_eq!(count(&absent), 0);
    // It was there before its network became unready.
    let mut there = absent.clone();
    there["status"]["selfLink"] = value!("https://x/projects/p/global/firewalls/f");
    assert_eq!(count(&there), 1);
    assert_eq!(count(&object("ComputeFirewall", "f", spec, "UpToDate", "")), 1);
}

#[test]
fn tables_and_descriptions_tell_the_same_as_yaml() {
    let table = "NAME                                             AGE   READY   STATUS         STATUS AGE\n\
                 computenetwork.compute.cnrm.cloud.google.com/net   3h    True    UpdateFailed   2h\n\
                 computenetwork.compute.cnrm.cloud.google.com/two   3h    True    UpToDate       2h\n";
    let all = report(&[("get.txt", table.to_owned())]);
    let found = findings(&all, "resource-not-ready");
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(one["title"], "ComputeNetwork net is not ready: it failed");
    let described = "Name:         net\nNamespace:    kf\nLabels:       <none>\nAnnotations:  <none>\n\
        API Version:  compute.cnrm.cloud.google.com/v1beta1\nKind:         ComputeNetwork\n\
        Metadata:\n  Generation:  1\n  UID:         1-2\nSpec:\n  Routing Mode:  REGIONAL\nStatus:\n  \
        Conditions:\n    Message:  Update call failed: quota 'NETWORKS' exceeded\n    Reason:   \
        UpdateFailed\n    Status:   False\n    Type:     Ready\nEvents:  <none>\n";
    let both = [("get.txt", table.to_owned()), ("describe.txt", described.to_owned())];
    let all = report(&both);
    let found = findings(&all, "resource-not-ready");
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(one["title"], "ComputeNetwork kf/net is not ready: a quota is exhausted");
}

#[test]
fn exports_and_manifests_that_differ_are_told_field_by_field() {
    let manifest = value!({
        "apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": "ComputeRoute",
        "metadata": {"name": "apis", "namespace": "kf",
                     "annotations": {"cnrm.cloud.google.com/project-id": "p"}},
        "spec": {"networkRef": {"name": "net"}, "destRange": "199.36.153.4/30",
                 "nextHopGateway": "default-internet-gateway"},
    });
    let export = |range: &str| {
        value!({"kind": "compute#route", "name": "apis", "destRange": range, "priority": 1000,
                "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/net",
                "nextHopGateway": "https://x/projects/p/global/gateways/default-internet-gateway",
                "selfLink": "https://x/projects/p/global/routes/apis"})
    };
    let drifted = |range: &str| {
        let files = [("a.json", manifest.to_string()), ("b.json", export(range).to_string())];
        let all = report(&files);
        findings(&all, "resource-drifted")
            .iter()
            .flat_map(|one| one["explanation"].as_array().unwrap().clone())
            .map(|line| line.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(drifted("199.36.153.4/30").is_empty());
    let expected = "destRange: 199.36.153.4/30 in the manifest, 199.36.153.8/30 in the export";
    assert_eq!(drifted("199.36.153.8/30"), [expected]);
}

/// What a selection of fields leaves out is no difference.
#[test]
fn fields_that_were_not_exported_do_not_differ() {
    let manifest = value!({
        "apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": "ComputeFirewall",
        "metadata": {"name": "web", "namespace": "kf",
                     "annotations": {"cnrm.cloud.google.com/project-id": "p"}},
        "spec": {"networkRef": {"name": "net"}, "direction": "INGRESS", "priority": 900,
                 "sourceRanges": ["10.0.0.0/8"], "allow": [{"protocol": "tcp", "ports": ["443"]}],
                 "logConfig": {"metadata": "INCLUDE_ALL_METADATA"}},
    });
    let whole = value!({"name": "web", "id": "7", "selfLink": "https://x/projects/p/global/firewalls/web",
        "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/net",
        "direction": "INGRESS", "priority": 900, "sourceRanges": ["10.0.0.0/8"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}], "logConfig": {"enable": true},
        "disabled": false});
    let drifted = |gone: &str, changed: Option<Value>| {
        let mut export = whole.clone();
        export.as_object_mut().unwrap().remove(gone);
        if let Some(value) = changed {
            export[gone] = value;
        }
        let files = [("a.json", manifest.to_string()), ("b.json", export.to_string())];
        findings(&report(&files), "resource-drifted").len()
    };
    for gone in ["logConfig", "priority", "sourceRanges", "disabled", "direction"] {
        assert_eq!(drifted(gone, None), 0, "{gone}");
    }
    assert_eq!(drifted("logConfig", Some(value!({"enable": false}))), 1);
    assert_eq!(drifted("priority", Some(value!(800))), 1);
    assert_eq!(drifted("sourceRanges", Some(value!(["10.0.0.0/9"]))), 1);
}

#[test]
fn a_plan_takes_the_place_of_what_it_changes() {
    let export = |name: &str, port: &str| {
        value!({"kind": "compute#firewall", "name": name, "priority": 1000, "direction": "INGRESS",
                "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/net",
                "sourceRanges": ["10.0.0.0/8"], "allowed": [{"IPProtocol": "tcp", "ports": [port]}]})
    };
    let exports = value!([export("a", "443"), export("b", "22"), export("c", "80")]);
    let after = value!({"name": "a", "project": "p", "direction": "INGRESS", "priority": 1000,
        "network": "projects/p/global/networks/net", "source_ranges": ["10.0.0.0/8"],
        "allow": [{"protocol": "tcp", "ports": ["8443"]}]});
    let change = |name: &str, actions: Value| {
        value!({"type": "google_compute_firewall",
                "change": {"actions": actions, "before": {"name": name, "project": "p"}}})
    };
    let plan = value!({
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [{"mode": "managed", "name": "a",
            "address": "google_compute_firewall.a", "type": "google_compute_firewall",
            "values": after}]}},
        "resource_changes": [change("a", value!(["update"])), change("b", value!(["delete"])),
                             change("c", value!(["no-op"]))],
    });
    let verdict = |port: &str, files: &[(&str, &[u8])]| {
        let scratch = folder(files);
        let path = scratch.path().to_str().unwrap();
        let arguments = [
            "sim",
            "--direction",
            "INGRESS",
            "--from",
            "10.0.0.1",
            "--to",
            "10.0.0.2",
            "--protocol",
            "tcp",
            "--port",
            port,
            "--network",
            "net",
            path,
            "--format",
            "json",
        ];
        let output = common::run(&arguments);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["verdict"].as_str().unwrap().to_owned()
    };
    let (exports, plan) = (exports.to_string(), plan.to_string());
    let before = [("rules.json", exports.as_bytes())];
    let both = [("plan.json", plan.as_bytes()), ("rules.json", exports.as_bytes())];
    for (port, then, now) in [
        ("443", "ALLOWED", "DENIED"),
        ("8443", "DENIED", "ALLOWED"),
        ("22", "ALLOWED", "DENIED"),
        ("80", "ALLOWED", "ALLOWED"),
    ] {
        assert_eq!(verdict(port, &before), then, "{port}");
        assert_eq!(verdict(port, &both), now, "{port} with the plan");
    }
}

#[test]
fn a_plan_says_what_it_breaks() {
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/net";
    let exports = value!([
        {"kind": "compute#subnetwork", "name": "nodes", "region": "r1", "network": network,
         "ipCidrRange": "10.0.0.0/24",
         "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.1.0.0/16"}]},
        {"kind": "compute#firewall", "name": "to-kubelets", "priority": 1000, "network": network,
         "direction": "INGRESS", "sourceRanges": ["172.16.0.0/28"],
         "allowed": [{"IPProtocol": "tcp"}]},
        {"kind": "compute#firewall", "name": "ssh", "priority": 1000, "network": network,
         "direction": "INGRESS", "sourceRanges": ["192.168.0.0/24"],
         "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]},
        {"name": "blue", "location": "r1", "network": "net", "subnetwork": "nodes",
         "currentMasterVersion": "1.30",
         "selfLink": "https://container.googleapis.com/v1/projects/p/locations/r1/clusters/blue",
         "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods"},
         "privateClusterConfig": {"enablePrivateNodes": true, "peeringName": "x",
                                  "masterIpv4CidrBlock": "172.16.0.0/28"}},
    ]);
    let plan = value!({
        "format_version": "1.2", "planned_values": {"root_module": {}},
        "resource_changes": [{"type": "google_compute_firewall", "change": {
            "actions": ["delete"], "after": null,
            "before": {"name": "to-kubelets", "project": "p", "direction": "INGRESS",
                       "priority": 1000, "network": network, "source_ranges": ["172.16.0.0/28"],
                       "allow": [{"protocol": "tcp", "ports": []}]}}}],
    });
    let (exports, plan) = (exports.to_string(), plan.to_string());
    let told = |files: &[(&str, String)]| -> Vec<String> {
        let all = report(files);
        let found = findings(&all, "control-plane-ingress-blocked");
        let lines = found.iter().flat_map(|one| one["explanation"].as_array().unwrap().clone());
        let lines = lines.map(|line| line.as_str().unwrap().to_owned());
        lines.filter(|line| line.contains("the plan breaks it")).collect()
    };
    assert_eq!(told(&[("a.json", exports.clone())]), [""; 0]);
    let with_plan = told(&[("a.json", exports), ("plan.json", plan)]);
    assert!(with_plan[0].contains("rule to-kubelets allows it as it is"), "{with_plan:?}");
}

/// The inventory that the printed manifests of a change describe.
fn printed(change: &ResourceChange) -> Inventory {
    let text = forms(change).into_iter().find(|(language, _)| *language == "cnrm").unwrap().1;
    let mut reader = vpcwhy::ingest::reader::Reader::default();
    for document in text.split("---\n") {
        let path = std::sync::Arc::from("printed.yaml");
        let place = vpcwhy::ingest::document::Place { path, line: 1, byte: 0 };
        reader.piece(document, Form::Yaml, &place);
    }
    let (inventory, _, complaints) = vpcwhy::ingest::reader::finish(vec![reader]);
    assert!(complaints.is_empty(), "{complaints:?}");
    inventory
}

/// What a printed change describes, read back, is what the change does.
#[test]
fn manifests_of_resources_read_back_as_what_they_change() {
    let network = Reference::new(Some("p-1"), "kf");
    let route = ResourceChange::AddRoute {
        id: Reference::new(Some("p-1"), "to-apis"),
        network: network.clone(),
        destination: "199.36.153.8/30".parse().unwrap(),
    };
    let records = ResourceChange::AddRecords {
        zone: Reference::new(Some("p-1"), "gcr"),
        made: Some(("gcr.io.".to_owned(), network.clone())),
        records: vec![
            NewRecord {
                name: "gcr.io.".to_owned(),
                kind: "A",
                data: vec!["199.36.153.8".to_owned()],
            },
            NewRecord {
                name: "*.gcr.io.".to_owned(),
                kind: "CNAME",
                data: vec!["gcr.io.".to_owned()],
            },
        ],
    };
    let nat = ResourceChange::AddNat {
        name: "kf-nat".to_owned(),
        router: Reference::new(Some("p-1"), "kf-router"),
        is_router_made: true,
        network,
        region: "europe-west1".to_owned(),
    };
    let none = Inventory::default();
    let (read, wanted) = (printed(&route), route.applied(&none));
    let of = |one: &Inventory| {
        let found = &one.routes[0];
        (found.id.name.clone(), found.network.clone(), found.destination, found.priority)
    };
    assert_eq!(of(&read), of(&wanted));
    let (read, wanted) = (printed(&records), records.applied(&none));
    let of = |one: &Inventory| {
        let zone = &one.zones[0];
        let sets = one.record_sets.iter();
        let sets = sets.map(|set| (set.name.clone(), set.kind.clone(), set.data.clone()));
        let networks = zone.networks.clone();
        (zone.dns_name.clone(), zone.private, networks, sets.collect::<Vec<_>>())
    };
    assert_eq!(of(&read), of(&wanted));
    let (read, wanted) = (printed(&nat), nat.applied(&none));
    let of = |one: &Inventory| {
        let found = &one.nats[0];
        let routers = one.routers.iter().map(|(_, network, _)| network.clone());
        (
            found.name.clone(),
            found.ranges.clone(),
            found.region.clone(),
            routers.collect::<Vec<_>>(),
        )
    };
    assert_eq!(of(&read), of(&wanted));
}

/// The same for changes of what is there: a manifest says all that is known of it.
#[test]
fn manifests_of_changed_resources_say_the_whole_of_them() {
    let network = || Reference::new(Some("p-1"), "kf");
    let mut nodes = Reference::new(Some("p-1"), "nodes");
    nodes.location = Some("europe-west1".to_owned());
    let subnetwork = Subnetwork {
        id: nodes.clone(),
        network: network(),
        primary: Some("10.0.0.0/22".parse().unwrap()),
        v6: Vec::new(),
        secondary: vec![("pods".to_owned(), "10.4.0.0/14".parse().unwrap())],
        private_google_access: Some(false),
        purpose: None,
        kept: None,
        origin: Origin::default(),
    };
    let before = Inventory { subnetworks: vec![subnetwork.clone()], ..Inventory::default() };
    let change = ResourceChange::EnableAccess(subnetwork);
    let of = |one: &Inventory| {
        let Subnetwork { network, primary, secondary, private_google_access, .. } =
            one.subnetworks[0].clone();
        (network, primary, secondary, private_google_access)
    };
    assert_eq!(of(&printed(&change)), of(&change.applied(&before)));
    assert_eq!(of(&printed(&change)).3, Some(true));

    let mut zone = ManagedZone {
        id: Reference::new(Some("p-1"), "gcr"),
        dns_name: "gcr.io.".to_owned(),
        private: true,
        networks: vec![Reference::new(Some("p-2"), "other")],
        clusters: Vec::new(),
        is_hidden: false,
        target: ZoneTarget::Records,
        kept: None,
        origin: Origin::default(),
    };
    let before = Inventory { zones: vec![zone.clone()], ..Inventory::default() };
    zone.networks.push(network());
    let change = ResourceChange::AttachZone(zone);
    let of = |one: &Inventory| {
        let ManagedZone { dns_name, private, mut networks, .. } = one.zones[0].clone();
        networks.sort();
        (dns_name, private, networks)
    };
    assert_eq!(of(&printed(&change)), of(&change.applied(&before)));
    assert_eq!(of(&printed(&change)).2.len(), 2);

    let nat = Nat {
        name: "out".to_owned(),
        router: Reference::new(Some("p-1"), "kf-router"),
        network: Some(network()),
        region: Some("europe-west1".to_owned()),
        ranges: "LIST_OF_SUBNETWORKS".to_owned(),
        subnetworks: vec![NatSubnetwork {
            id: nodes,
            ranges: vec!["PRIMARY_IP_RANGE".into(), "LIST_OF_SECONDARY_IP_RANGES".into()],
            secondary: vec!["pods".to_owned()],
        }],
        addresses: Vec::new(),
        kept: None,
        origin: Origin::default(),
    };
    // How it gets its addresses has to be said, and nobody did.
    let languages = |change: &ResourceChange| -> Vec<&str> {
        forms(change).into_iter().map(|(language, _)| language).collect()
    };
    assert_eq!(languages(&ResourceChange::WidenNat(nat.clone())), ["gcloud"]);
    let given = value!({"natIpAllocateOption": "AUTO_ONLY", "minPortsPerVm": 64,
        "logConfig": {"enable": true, "filter": "ERRORS_ONLY"}});
    let text = std::sync::Arc::new(given);
    let kept = Kept { form: vpcwhy::model::kept::Form::Export, text, origin: Origin::default() };
    let nat = Nat { kept: Some(kept), ..nat };
    let change = ResourceChange::WidenNat(nat.clone());
    let read = printed(&change);
    let listed = |one: &Nat| {
        let own = &one.subnetworks[0];
        (own.id.name.clone(), own.ranges.clone(), own.secondary.clone())
    };
    assert_eq!(listed(&read.nats[0]), listed(&nat));
    let command = forms(&change)[0].1.clone();
    assert!(command.ends_with("--nat-custom-subnet-ip-ranges=nodes,nodes:pods"), "{command}");
}

/// Two changes of one list are one: whoever came later would take the other back.
#[test]
fn changes_of_one_list_are_joined() {
    let id = |name: &str| Reference::new(Some("p-1"), name);
    let listed = |name: &str, ranges: &[&str], secondary: &[&str]| NatSubnetwork {
        id: id(name),
        ranges: ranges.iter().map(|one| (*one).to_owned()).collect(),
        secondary: secondary.iter().map(|one| (*one).to_owned()).collect(),
    };
    let nat = |name: &str, subnetworks: Vec<NatSubnetwork>| {
        ResourceChange::WidenNat(Nat {
            name: name.to_owned(),
            router: id("router"),
            network: Some(id("kf")),
            region: Some("r1".to_owned()),
            ranges: "LIST_OF_SUBNETWORKS".to_owned(),
            subnetworks,
            addresses: Vec::new(),
            kept: None,
            origin: Origin::default(),
        })
    };
    let (primary, some) = ("PRIMARY_IP_RANGE", "LIST_OF_SECONDARY_IP_RANGES");
    let one = nat("out", vec![listed("a", &[primary], &[])]);
    let other = nat("out", vec![listed("a", &[some], &["pods"]), listed("b", &[primary], &[])]);
    let both =
        nat("out", vec![listed("a", &[primary, some], &["pods"]), listed("b", &[primary], &[])]);
    assert_eq!(one.joined(&other), Some(both));
    assert_eq!(one.joined(&nat("elsewhere", Vec::new())), None);
    let route = ResourceChange::AddRoute {
        id: id("to-apis"),
        network: id("kf"),
        destination: "199.36.153.8/30".parse().unwrap(),
    };
    assert_eq!(route.joined(&route), None);
}

/// A plan leaves out the default route that Google makes with a network; an export would hold it.
#[test]
fn a_plan_knows_of_the_default_route_that_it_leaves_out() {
    let resource = |kind: &str, values: Value| {
        value!({"mode": "managed", "type": kind, "name": "x",
        "address": format!("{kind}.x"), "values": values})
    };
    let state = |deleted: bool| {
        value!({"format_version": "1.0", "values": {"root_module": {"resources": [
            resource("google_compute_network",
                     value!({"name": "net", "project": "p",
                             "delete_default_routes_on_create": deleted})),
            resource("google_compute_subnetwork",
                     value!({"name": "nodes", "project": "p", "region": "r1",
                             "network": "projects/p/global/networks/net",
                             "ip_cidr_range": "10.0.0.0/24"})),
            resource("google_compute_route",
                     value!({"name": "vip", "project": "p", "dest_range": "199.36.153.8/30",
                             "network": "projects/p/global/networks/net",
                             "next_hop_gateway": "default-internet-gateway", "priority": 1000})),
        ]}}})
    };
    let route = |deleted: bool| {
        let text = state(deleted).to_string();
        let scratch = folder(&[("state.json", text.as_bytes())]);
        let answer = json(&["path", "nodes", "quay.io", scratch.path().to_str().unwrap()]);
        let links = answer["links"].as_array().unwrap().clone();
        let link = links.iter().find(|link| link["kind"] == "route").unwrap().clone();
        (link["state"].as_str().unwrap().to_owned(), link["object"].as_str().unwrap().to_owned())
    };
    assert_eq!(route(false), ("ok".to_owned(), "default route".to_owned()));
    assert_eq!(route(true), ("broken".to_owned(), "routes of net".to_owned()));
}
