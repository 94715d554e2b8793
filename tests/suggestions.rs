//! What is suggested, and what never is: ranks, targets and owners.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{Inputs, TAG, cluster, denied, deny_all, own_rules, rule, subnet};
use common::{findings, json};
use serde_json::{Value, json as value};

/// The fixes of the only finding of a check.
fn fixes(report: &Value, check: &str) -> Vec<Value> {
    let found = findings(report, check);
    assert_eq!(found.len(), 1, "{report:#}");
    found[0]["fixes"].as_array().unwrap().clone()
}

fn webhook_call() -> Value {
    denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1")
}

/// What a deny below the default says by name is not opened on the way over both.
#[test]
fn a_deny_by_name_is_not_outranked_by_the_way() {
    let all = [
        rule(
            "webhooks",
            value!({"priority": 5000, "sourceRanges": ["172.16.0.0/28"],
                "allowed": [{"IPProtocol": "tcp", "ports": ["22", "8443"]}]}),
        ),
        rule(
            "deny-ssh",
            value!({"denied": [{"IPProtocol": "tcp", "ports": ["22"]}],
                "sourceRanges": ["0.0.0.0/0"]}),
        ),
        deny_all(value!({"priority": 900})),
        cluster("c", value!({})),
        subnet(value!({})),
        webhook_call(),
    ];
    let report = Inputs::of(&all).triage();
    let webhook = fixes(&report, "webhook-port-blocked");
    assert_eq!(webhook.len(), 1, "{webhook:#?}");
    assert_eq!(webhook[0]["kind"], "add-firewall-rule");
    assert_eq!(webhook[0]["rule"]["layer4"], value!([{"protocol": "tcp", "ports": ["8443"]}]));
}

/// Everything between nodes and pods, but for what is denied by name.
#[test]
fn what_is_denied_by_name_is_spared() {
    let ssh = rule(
        "no-ssh",
        value!({"priority": 65100, "denied": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["10.0.0.0/8"]}),
    );
    let all = [ssh, deny_all(value!({})), cluster("c", value!({})), subnet(value!({}))];
    let inside = fixes(&Inputs::of(&all).triage(), "cluster-internal-blocked");
    let layers = inside[0]["rule"]["layer4"].as_array().unwrap();
    let tcp = layers.iter().find(|layer| layer["protocol"] == "tcp").unwrap();
    assert_eq!(tcp["ports"], value!(["0-21", "23-65535"]));
}

/// A deny of everything for some VMs is a quarantine, whatever holds for the whole network.
#[test]
fn a_quarantine_stands() {
    let [master, inside] = own_rules();
    let iap = rule(
        "iap",
        value!({"priority": 400, "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["35.235.240.0/20"]}),
    );
    let quarantine = deny_all(value!({"priority": 500, "targetTags": [TAG]}));
    let more = [cluster("c", value!({})), subnet(value!({})), webhook_call()];
    for own in [vec![master.clone(), inside.clone()], vec![master, inside, iap]] {
        let all = [own, vec![quarantine.clone()], more.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        for finding in report["findings"].as_array().unwrap() {
            if finding["severity"] != "error" {
                continue;
            }
            assert_eq!(finding["fixes"], value!([]), "{finding:#}");
            let why = finding["no_fix"].as_str().unwrap();
            assert!(why.starts_with("intended denial"), "{finding:#}");
        }
    }
}

/// What applies to all VMs, or opens what nobody asked for, wants a second look.
#[test]
fn more_than_was_asked_is_not_safe() {
    let [master, inside] = own_rules();
    let with = |own: Value| {
        let call = webhook_call();
        let all = [
            master.clone(),
            inside.clone(),
            deny_all(value!({})),
            own,
            cluster("c", value!({})),
            subnet(value!({})),
            call,
        ];
        let all = fixes(&Inputs::of(&all).triage(), "webhook-port-blocked");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.iter().map(|fix| (text(&fix["kind"]), text(&fix["safety"]))).collect::<Vec<_>>()
    };
    let pair = |kind: &str, safety: &str| (kind.to_owned(), safety.to_owned());
    let ports = |ports: &[&str]| value!([{"IPProtocol": "tcp", "ports": ports}]);
    let from = value!(["172.16.0.0/28"]);
    // Of the cluster's own nodes, and of this port: nothing else.
    let exact = value!({"disabled": true, "allowed": ports(&["8443"]), "sourceRanges": from,
        "targetTags": [TAG]});
    assert_eq!(with(rule("exact", exact))[0], pair("enable-firewall-rule", "safe"));
    let for_all = value!({"disabled": true, "allowed": ports(&["8443"]), "sourceRanges": from});
    assert_eq!(
        with(rule("for-all", for_all)),
        [pair("add-firewall-rule", "safe"), pair("enable-firewall-rule", "review")]
    );
    let another = value!({"disabled": true, "allowed": ports(&["22", "8443"]),
        "sourceRanges": from, "targetTags": [TAG]});
    let enabled = with(rule("another-port", another));
    assert!(enabled.contains(&pair("enable-firewall-rule", "review")), "{enabled:?}");
}

/// Health checks of a Service get their rule from GKE, under the balancer's name.
#[test]
fn rules_of_balancers_are_gkes() {
    let own = rule(
        "a0123456789abcdef0123456789abcde-hc",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["10256"]}], "targetTags": [TAG],
            "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"]}),
    );
    let [master, inside] = own_rules();
    let probe = denied("35.191.0.9", "10.1.0.5", 8080, "deny-all", "INGRESS", "gke-c-pool-1");
    let all = [
        master,
        inside,
        own,
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        probe,
    ];
    let fixes = fixes(&Inputs::of(&all).triage(), "health-check-blocked");
    assert!(fixes.iter().all(|fix| fix["kind"] == "add-firewall-rule"), "{fixes:#?}");
}

/// A tag that others carry, too, is no name for a cluster's nodes, where there is a better one.
#[test]
fn targets_are_the_clusters_own() {
    let pool = |account: &str| {
        value!({"id": null, "nodePools": [{"name": "pool", "config":
            {"tags": ["shared"], "serviceAccount": account}}]})
    };
    let vm = value!({"kind": "compute#instance", "name": "db", "zone": "zones/r-a",
        "tags": {"items": ["shared"]}, "serviceAccounts": [{"email": "db@p.iam.gserviceaccount.com"}],
        "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.9.0.5"}]});
    let with = |account: &str, listed: bool| {
        let mut node = vm.clone();
        node["name"] = value!("gke-c-pool-1");
        node["labels"] = value!({"goog-k8s-cluster-name": "c"});
        node["networkInterfaces"][0]["networkIP"] = value!("10.0.0.5");
        node["serviceAccounts"][0]["email"] = value!(account);
        let mut all = vec![
            deny_all(value!({})),
            cluster("c", pool(account)),
            subnet(value!({})),
            vm.clone(),
            webhook_call(),
        ];
        all.extend(listed.then_some(node));
        fixes(&Inputs::of(&all).triage(), "webhook-port-blocked")[0].clone()
    };
    let account = "nodes@p.iam.gserviceaccount.com";
    let fix = with(account, true);
    assert_eq!(fix["rule"]["target_service_accounts"], value!([account]), "{fix:#}");
    assert_eq!(fix["rule"]["target_tags"], value!([]));
    assert_eq!(fix["safety"], "safe");
    // Who else runs as it nobody knows without the nodes beside the others.
    let fix = with(account, false);
    assert_eq!(fix["safety"], "review");
    assert!(fix["notes"].to_string().contains("who else carries it was not given"), "{fix:#}");
    // What every VM runs as unless told otherwise is nobody's own.
    let default = "123456-compute@developer.gserviceaccount.com";
    let fix = with(default, true);
    assert_eq!(fix["safety"], "review");
    assert!(fix["notes"].to_string().contains("what VMs run as by default"), "{fix:#}");
    let fix = with("default", true);
    assert_eq!(fix["rule"]["target_tags"], value!(["shared"]), "{fix:#}");
    assert_eq!(fix["safety"], "review");
}

/// What somebody denies by name is no traffic that a cluster lives on.
#[test]
fn a_deny_of_ssh_is_no_broken_cluster() {
    let [master, inside] = own_rules();
    let ssh = |from: &str, ports: &[&str]| {
        rule(
            "deny-some",
            value!({"priority": 900, "denied": [{"IPProtocol": "tcp", "ports": ports}],
                "sourceRanges": [from]}),
        )
    };
    let found = |from: &str, ports: &[&str]| {
        let all = [
            master.clone(),
            inside.clone(),
            ssh(from, ports),
            cluster("c", value!({})),
            subnet(value!({})),
        ];
        findings(&Inputs::of(&all).triage(), "cluster-internal-blocked").len()
    };
    assert_eq!(found("0.0.0.0/0", &["22", "3389"]), 0);
    assert_eq!(found("0.0.0.0/0", &["1024-65535"]), 1);
    // A deny of a range that holds the pods may mean them.
    assert_eq!(found("10.0.0.0/8", &["22", "3389"]), 1);
}

/// A change that lets through what another finding asks for, too, says how much.
#[test]
fn what_passes_besides_is_counted() {
    let [master, inside] = own_rules();
    let wide = rule(
        "webhooks",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["9443"]}],
            "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG]}),
    );
    let call = |port: u16, from: &str| {
        denied(from, "10.1.0.5", port, "deny-all", "INGRESS", "gke-c-pool-1")
    };
    let all = [
        master,
        inside,
        wide,
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        call(8443, "172.16.0.2"),
        call(6443, "172.16.0.3"),
    ];
    let report = Inputs::of(&all).triage();
    let found = findings(&report, "webhook-port-blocked");
    let last = found.last().unwrap();
    let update = last["fixes"].as_array().unwrap().iter();
    let mut updates = update.filter(|fix| fix["kind"] == "update-firewall-rule");
    let proof = &updates.next().unwrap()["proof"];
    // Corrections of one rule add up: the second opens the first one's port as well.
    assert_eq!(proof["other_flows_changed"], 1, "{last:#}");
}

/// What Terraform keeps is changed in its configuration, which is printed as it stands there but
/// for the change; also where the same rule was exported, in whatever order.
#[test]
fn what_terraform_keeps_is_changed_there() {
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    let state = value!({"version": 4, "serial": 1, "lineage": "x", "resources": [
        {"module": "module.rules", "mode": "managed", "type": "google_compute_firewall",
         "name": "hooks", "instances": [{"index_key": 0, "attributes": {
            "name": "webhooks", "project": "p", "network": network, "priority": 900,
            "description": "calls of \"webhooks\"", "direction": "INGRESS", "disabled": false,
            "allow": [{"protocol": "tcp", "ports": ["443"]}], "deny": [],
            "log_config": [{"metadata": "EXCLUDE_ALL_METADATA"}], "target_tags": [TAG],
            "source_ranges": ["172.16.0.0/28"]}}]}]});
    let exported = rule(
        "webhooks",
        value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
    );
    let others = [
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        rule(
            "intern",
            value!({"sourceRanges": ["10.0.0.0/8"], "allowed": [{"IPProtocol": "all"}]}),
        ),
        webhook_call(),
    ];
    for own in [vec![state.clone()], vec![state.clone(), exported.clone()], vec![exported, state]] {
        let inputs = Inputs::of(&[own, others.to_vec()].concat());
        let fix = fixes(&inputs.triage(), "webhook-port-blocked").remove(0);
        assert_eq!(fix["kind"], "update-firewall-rule");
        assert_eq!(fix["safety"], "managed");
        let text = fix["as"]["terraform"].as_str().unwrap();
        for part in [
            r#"resource "google_compute_firewall" "hooks" {"#,
            r#"= "calls of \"webhooks\"""#,
            r#"metadata = "EXCLUDE_ALL_METADATA""#,
            r#"["443", "8443"]"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let told = common::stdout(&common::run(&["triage", inputs.path()]));
        assert!(told.contains("Terraform keeps webhooks as it is written"), "{told}");
        assert!(told.contains("module.rules.google_compute_firewall.hooks[0]"), "{told}");
        assert!(!told.contains("gcloud compute firewall-rules update"), "{told}");
    }
}

/// What mends the road mends the pull that failed on it, and routers without NATs say that there is
/// none.
#[test]
fn a_pull_that_fails_for_want_of_a_nat_gets_one() {
    let gateway = "projects/p/global/gateways/default-internet-gateway";
    let private = value!({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28",
        "enablePrivateNodes": true}});
    let mut all = vec![cluster("c", private), subnet(value!({"privateIpGoogleAccess": true}))];
    all.extend(own_rules());
    all.extend([
        value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0", "priority": 1000,
            "network": "projects/p/global/networks/n", "nextHopGateway": gateway}),
        value!({"kind": "compute#router", "name": "r", "region": "regions/r",
            "network": "projects/p/global/networks/n"}),
    ]);
    let text: String = all.iter().map(|one| format!("{one}\n")).collect();
    let error = "Failed to pull image \"quay.io/a/b:1\": rpc error: code = Unknown desc = failed to \
                 do request: Head \"https://quay.io/v2/a/b/manifests/1\": dial tcp \
                 44.206.77.171:443: i/o timeout\n";
    let scratch = common::folder(&[("all.ndjson", text.as_bytes()), ("e.txt", error.as_bytes())]);
    let report = common::json(&["triage", scratch.path().to_str().unwrap()]);
    let lacks = report["not_given"].as_array().unwrap();
    assert!(!lacks.contains(&value!("nats")), "{lacks:?}");
    for check in ["image-pull-failing", "nat-missing"] {
        let fixes = fixes(&report, check);
        assert_eq!(fixes[0]["kind"], "add-nat", "{check}: {fixes:#?}");
    }
    assert_eq!(findings(&report, "image-pull-failing")[0]["no_fix"], Value::Null);
}

/// Of a registry on the internet nobody knows the addresses: what denies them is told, and nothing
/// is opened.
#[test]
fn a_registry_behind_a_closed_egress_is_told_and_not_opened() {
    let pod = |image: &str| {
        value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"},
            "spec": {"containers": [{"name": "a", "image": image}]}})
    };
    let closed = deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let zone = value!({"kind": "dns#managedZone", "name": "gcr", "dnsName": "gcr.io.",
        "visibility": "private", "privateVisibilityConfig": {"networks":
            [{"networkUrl": "projects/p/global/networks/n"}]}});
    let told = |image: &str| {
        let all = [
            cluster("c", value!({})),
            subnet(value!({})),
            closed.clone(),
            zone.clone(),
            value!({"kind": "dns#resourceRecordSet", "name": "gcr.io.", "type": "A", "ttl": 300,
                "rrdatas": ["199.36.153.8"]}),
            pod(image),
        ];
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "external-egress-blocked");
        found.into_iter().cloned().collect::<Vec<_>>()
    };
    let found = told("quay.io/a/b:1");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["title"].as_str().unwrap().contains("quay.io"), "{found:#?}");
    assert_eq!((&found[0]["severity"], &found[0]["fixes"]), (&value!("warning"), &value!([])));
    assert!(found[0]["no_fix"].as_str().unwrap().contains("FQDN"), "{found:#?}");
    assert_eq!(told("gcr.io/a/b:1"), Vec::<Value>::new());
}

/// The log shows a part of what pods and nodes need: that is one cause, mended whole, or no more
/// than the log shows; its id is that of `check`, which knows no log. A name that nobody answers is
/// told for itself.
#[test]
fn a_part_in_the_log_is_one_cause_with_the_rest() {
    let closed = deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let all = |ports: &[u16]| {
        let mut all = vec![cluster("c", value!({})), subnet(value!({})), closed.clone()];
        all.extend(ports.iter().map(|port| {
            denied("10.1.0.5", "10.1.3.9", *port, "deny-all", "EGRESS", "gke-c-pool-1")
        }));
        all.extend(own_rules());
        Inputs::of(&all)
    };
    let silent = json(&["check", "--fail-on", "never", all(&[9100]).path()]);
    let silent = findings(&silent, "cluster-internal-blocked")[0].clone();
    for ports in [&[9100][..], &[9100, 8080]] {
        let report = all(ports).triage();
        let found = findings(&report, "cluster-internal-blocked");
        let [found] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!((&found["id"], &found["basis"]), (&silent["id"], &value!("observed")));
        assert_eq!(found["observed"]["count"], ports.len());
        assert_eq!(found["fixes"][0]["rule"], silent["fixes"][0]["rule"]);
        assert_eq!(found["fixes"][0]["proof"]["allowed_after"], ports.len());
        let narrow = found["fixes"].as_array().unwrap().iter().skip(1).collect::<Vec<_>>();
        match ports {
            [only] => {
                let layers = value!([{"protocol": "tcp", "ports": [only.to_string()]}]);
                assert_eq!(narrow[0]["rule"]["layer4"], layers, "{narrow:#?}");
            }
            _ => assert!(narrow.is_empty(), "{narrow:#?}"),
        }
    }
    let report = all(&[53]).triage();
    let (names, inside) =
        (findings(&report, "dns-blocked"), findings(&report, "cluster-internal-blocked"));
    assert_eq!((names.len(), inside.len()), (1, 1));
}

/// What somebody denies by name is no part of what is mended.
#[test]
fn a_part_that_is_denied_by_name_stays_apart() {
    let closed = |name: &str, priority: u32, denied: Value| {
        rule(
            name,
            value!({"direction": "EGRESS", "destinationRanges": ["0.0.0.0/0"],
            "priority": priority, "denied": [denied]}),
        )
    };
    let mut all = vec![
        cluster("c", value!({})),
        subnet(value!({})),
        closed("deny-all", 65000, value!({"IPProtocol": "all"})),
        closed("no-databases", 65001, value!({"IPProtocol": "tcp", "ports": ["5432"]})),
        denied("10.1.0.5", "10.1.3.9", 5432, "deny-all", "EGRESS", "gke-c-pool-1"),
    ];
    all.extend(own_rules());
    let report = Inputs::of(&all).triage();
    let found = findings(&report, "cluster-internal-blocked");
    let fixes = |observed: bool| {
        let own = found.iter().find(|one| one["observed"].is_null() != observed).expect("found");
        own["fixes"].clone()
    };
    assert_eq!(fixes(true), value!([]));
    assert!(!fixes(false)[0]["rule"]["layer4"].to_string().contains("5432\""));
}

/// A deny that the log names is for these VMs, whatever is known of their tags.
#[test]
fn the_log_tells_whom_a_deny_is_for() {
    let quarantine = |name: &str| {
        rule(
            name,
            value!({"priority": 100, "denied": [{"IPProtocol": "all"}],
            "sourceRanges": ["0.0.0.0/0"], "targetTags": ["infected"]}),
        )
    };
    let asked = |logged: &str| {
        let mut all = vec![
            cluster("c", value!({})),
            subnet(value!({})),
            deny_all(value!({})),
            quarantine("quarantine"),
            denied("172.16.0.2", "10.1.0.5", 8443, logged, "INGRESS", "gke-c-pool-1"),
        ];
        all.extend(own_rules());
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "webhook-port-blocked")[0].clone();
        (found["confidence"].clone(), found["fixes"].as_array().unwrap().len())
    };
    assert_eq!(asked("quarantine"), (value!("likely"), 0));
    assert_eq!(asked("deny-all").0, value!("proven"));
}

/// A VM may carry the tag of a quarantine and that of the nodes: to outrank the quarantine's deny
/// wants a second look.
#[test]
fn a_deny_for_other_tags_may_be_for_these_vms_too() {
    let asked = |priority: u32, range: &str| {
        let quarantine = rule(
            "quarantine",
            value!({"priority": priority, "denied": [{"IPProtocol": "all"}],
                "sourceRanges": [range], "targetTags": ["infected"]}),
        );
        let mut all = vec![
            cluster("c", value!({})),
            subnet(value!({})),
            deny_all(value!({"priority": 1000})),
            quarantine,
            webhook_call(),
        ];
        all.extend(own_rules());
        let fix = fixes(&Inputs::of(&all).triage(), "webhook-port-blocked").remove(0);
        (fix["safety"].clone(), fix["notes"].to_string().contains("quarantine"))
    };
    assert_eq!(asked(1500, "172.16.0.0/12"), (value!("review"), true));
    assert_eq!(asked(1500, "192.168.0.0/16"), (value!("safe"), false));
    assert_eq!(asked(500, "172.16.0.0/12"), (value!("safe"), false));
}

/// The effective firewalls of network `n`, whose policy is asked after the VPC's own rules.
fn with_policy_after(own: &[Value], policy_rules: &Value) -> [Value; 2] {
    [
        value!({"kind": "compute#network", "name": "n",
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"}),
        value!({"firewalls": own,
            "firewallPolicys": [{"name": "np", "type": "NETWORK", "rules": policy_rules}]}),
    ]
}

fn policy_rule(priority: u32, action: &str, layers: &Value) -> Value {
    value!({"priority": priority, "direction": "EGRESS", "action": action, "enableLogging": true,
        "match": {"destIpRanges": ["0.0.0.0/0"], "layer4Configs": layers}})
}

/// What a firewall endpoint inspects today is not taken out of it on the way.
#[test]
fn what_is_inspected_stays_inspected() {
    let https = value!([{"ipProtocol": "tcp", "ports": ["443"]}]);
    let rules = value!([
        policy_rule(10, "apply_security_profile_group", &https),
        policy_rule(100, "deny", &value!([{"ipProtocol": "all"}])),
    ]);
    let given = with_policy_after(&own_rules(), &rules);
    let all = [given.to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let inside = fixes(&Inputs::of(&all).triage(), "cluster-internal-blocked");
    let layers = inside[0]["rule"]["layer4"].as_array().unwrap();
    let tcp = layers.iter().find(|layer| layer["protocol"] == "tcp").unwrap();
    assert_eq!(tcp["ports"], value!(["0-442", "444-65535"]), "{inside:#?}");
    assert_eq!(inside[0]["safety"], "safe");
}

/// What a deny of the VPC keeps from being inspected would not be inspected behind an allow.
#[test]
fn what_would_be_inspected_wants_a_second_look() {
    let https = value!([{"ipProtocol": "tcp", "ports": ["443"]}]);
    let inspected = value!([policy_rule(10, "apply_security_profile_group", &https)]);
    let egress = |fields: Value| {
        let mut rule = rule(
            "closed",
            value!({"direction": "EGRESS", "priority": 65000,
            "destinationRanges": ["0.0.0.0/0"], "denied": [{"IPProtocol": "all"}]}),
        );
        for (key, field) in fields.as_object().unwrap() {
            rule[key] = field.clone();
        }
        rule
    };
    for (rules, safety) in [(inspected, "review"), (value!([]), "safe")] {
        let own = [own_rules().to_vec(), vec![egress(value!({}))]].concat();
        let given = with_policy_after(&own, &rules);
        let all = [given.to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
        let to_master = fixes(&Inputs::of(&all).triage(), "control-plane-egress-blocked");
        assert_eq!(to_master[0]["safety"], safety, "{to_master:#?}");
        let names_it = to_master[0]["notes"].to_string().contains("inspected by a firewall");
        assert_eq!(names_it, safety == "review");
    }
}

/// A webhook of namespace `hooks`, and its Service.
fn webhook(name: &str, port: u16) -> [Value; 2] {
    [
        value!({"apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name},
            "webhooks": [{"name": format!("{name}.example"),
                "clientConfig": {"service": {"namespace": "hooks", "name": name}}}]}),
        value!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": "hooks", "name": name},
            "spec": {"ports": [{"port": 443, "targetPort": port}], "selector": {"app": name}}}),
    ]
}

/// A change for two findings says so where one of them is asked for, which decides the status, too.
#[test]
fn a_change_for_two_findings_says_so() {
    let endpoints = |name: &str, port: u16| {
        value!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"namespace": "hooks", "name": name},
            "subsets": [{"addresses": [{"ip": "10.1.0.5"}], "ports": [{"port": port}]}]})
    };
    let served = |name: &str, port: u16| {
        [webhook(name, port).to_vec(), vec![endpoints(name, port)]].concat()
    };
    let [master, inside] = own_rules();
    let world =
        [master, inside, deny_all(value!({})), cluster("c", value!({})), subnet(value!({}))];
    let all = [world.to_vec(), served("one", 8443), served("two", 9443)];
    let all = all.concat();
    let inputs = Inputs::of(&all);
    let report = inputs.triage();
    let found = findings(&report, "webhook-port-blocked");
    let [one, other] = found.as_slice() else { panic!("{report:#}") };
    let id = |finding: &Value| finding["id"].as_str().unwrap().to_owned();
    let (one, other) = (id(one), id(other));
    let told = common::run(&["fix", &one, inputs.path(), "--fail-on", "error"]);
    assert_eq!(told.status.code(), Some(1));
    let told = common::stdout(&common::run(&["fix", &one, inputs.path()]));
    assert!(told.contains(&format!("# it is the change for {other}, too")), "{told}");
}

fn service(addresses: &[&str], source_ranges: &[&str]) -> Value {
    let ingress: Vec<Value> = addresses.iter().map(|ip| value!({"ip": ip})).collect();
    value!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": "edge", "name": "gw",
            "annotations": {"networking.gke.io/load-balancer-type": "Internal"}},
        "spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": source_ranges,
            "ports": [{"port": 443, "targetPort": 8443, "nodePort": 30443}]},
        "status": {"loadBalancer": {"ingress": ingress}}})
}

/// Whom a Service keeps out of its load balancer is let in by the Service, not by a rule beside.
#[test]
fn whom_a_service_keeps_out_is_not_let_in() {
    let [master, inside] = own_rules();
    let on_premises = rule(
        "from-office",
        value!({"sourceRanges": ["192.168.0.0/16"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}),
    );
    let route = value!({"kind": "compute#route", "name": "office", "destRange": "192.168.0.0/16",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopVpnTunnel": "projects/p/regions/r/vpnTunnels/t1"});
    let call = denied("192.168.7.9", "10.0.0.201", 443, "deny-all", "INGRESS", "gke-c-pool-1");
    let world = [
        master,
        inside,
        on_premises,
        route,
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        call,
    ];
    let of = |source_ranges: &[&str]| {
        let all = [world.to_vec(), vec![service(&["10.0.0.201"], source_ranges)]].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "unexplained-denial");
        assert_eq!(found.len(), 1, "{report:#}");
        assert_eq!(found[0]["flow"]["destination"]["role"], "load-balancer", "{report:#}");
        assert_eq!(found[0]["flow"]["destination"]["name"], "edge/gw");
        found[0].clone()
    };
    let kept_out = of(&["10.0.0.0/8"]);
    assert_eq!(kept_out["fixes"], value!([]), "{kept_out:#}");
    let why = kept_out["no_fix"].as_str().unwrap();
    assert!(why.contains("change its loadBalancerSourceRanges"), "{why}");
    // Whom it does not keep out is let in at its address alone.
    for fix in of(&["192.168.0.0/16"])["fixes"].as_array().unwrap() {
        if fix["kind"] == "add-firewall-rule" {
            assert_eq!(fix["rule"]["destination_ranges"], value!(["10.0.0.201/32"]), "{fix:#}");
        }
    }
}

/// What the log saw pass goes on passing, though nobody knows the tags by which it did.
#[test]
fn what_passed_is_not_changed_by_being_let_pass() {
    let [master, inside] = own_rules();
    let hooks = rule(
        "webhooks",
        value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": ["pool-a"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    );
    let gpu = value!({"kind": "compute#instance", "name": "gke-c-gpu-1", "zone": "zones/r-a",
        "tags": {"items": [TAG, "pool-gpu"]},
        "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.9",
            "aliasIpRanges": [{"ipCidrRange": "10.1.9.0/24"}]}]});
    let mut passed = denied("172.16.0.2", "10.1.8.5", 8443, "webhooks", "INGRESS", "gke-c-a-1");
    passed["jsonPayload"]["disposition"] = value!("ALLOWED");
    let call = denied("172.16.0.2", "10.1.9.5", 8443, "deny-all", "INGRESS", "gke-c-gpu-1");
    let world = [
        master,
        inside,
        hooks,
        gpu,
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        passed,
        call,
    ];
    let found = fixes(&Inputs::of(&world).triage(), "webhook-port-blocked");
    assert!(!found.is_empty());
    assert!(found.iter().all(|fix| fix["proof"]["other_flows_changed"] == 0), "{found:#?}");
    // What passed though the rules that were given deny it says that these are of another time.
    let of_another_time: Vec<Value> =
        world.iter().filter(|one| one["name"] != "webhooks").cloned().collect();
    let report = Inputs::of(&of_another_time).triage();
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(found[0]["fixes"], value!([]), "{report:#}");
    assert!(found[0]["no_fix"].as_str().unwrap().contains("changes 1 other"), "{report:#}");
}

/// What only the configuration shows to be needed is needed from the whole range.
#[test]
fn what_is_needed_passes_whole() {
    let hooks = |range: &str| {
        rule(
            "webhooks",
            value!({"priority": 900, "sourceRanges": [range], "targetTags": [TAG],
                "allowed": [{"IPProtocol": "tcp", "ports": ["9443"]}]}),
        )
    };
    let webhook = [
        value!({"apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "one"},
            "webhooks": [{"name": "one.example",
                "clientConfig": {"service": {"namespace": "hooks", "name": "one"}}}]}),
        value!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": "hooks", "name": "one"},
            "spec": {"ports": [{"port": 443, "targetPort": 8443}], "selector": {"app": "one"}}}),
        value!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"namespace": "hooks", "name": "one"},
            "subsets": [{"addresses": [{"ip": "10.1.0.5"}], "ports": [{"port": 8443}]}]}),
    ];
    let [master, inside] = own_rules();
    let of = |range: &str| {
        let world = [master.clone(), inside.clone(), deny_all(value!({})), hooks(range)].to_vec();
        let more = [cluster("c", value!({})), subnet(value!({}))].to_vec();
        let all = [world, more, webhook.to_vec()].concat();
        fixes(&Inputs::of(&all).triage(), "webhook-port-blocked")[0]["kind"].clone()
    };
    assert_eq!(of("172.16.0.0/28"), "update-firewall-rule");
    for part in ["172.16.0.0/32", "172.16.0.0/29", "172.16.0.8/29"] {
        assert_eq!(of(part), "add-firewall-rule", "{part}");
    }
}

/// A tag that nodes of two clusters carry is for both.
#[test]
fn a_rule_for_two_clusters_comes_last() {
    let pools = value!([{"name": "pool", "config": {"tags": ["shared"]}}]);
    let green = value!({"nodePools": pools, "subnetwork": "g", "clusterIpv4Cidr": "10.2.0.0/16",
        "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.16/28"}, "id": "bbbbbbbb22223333"});
    let hooks = rule(
        "webhooks",
        value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": ["shared"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    );
    let call = denied("172.16.0.18", "10.2.0.5", 8443, "deny-all", "INGRESS", "gke-green-pool-1");
    let subnets = [subnet(value!({})), subnet(value!({"name": "g", "ipCidrRange": "10.0.1.0/24"}))];
    let clusters = [cluster("c", value!({"nodePools": pools})), cluster("green", green)];
    let all = [
        vec![hooks, deny_all(value!({})), call],
        subnets.to_vec(),
        clusters.to_vec(),
        own_rules().to_vec(),
    ];
    let found = fixes(&Inputs::of(&all.concat()).triage(), "webhook-port-blocked");
    assert_eq!(found[0]["kind"], "add-firewall-rule", "{found:#?}");
    assert_eq!(found[0]["rule"]["target_tags"], value!(["gke-green-bbbbbbbb-node"]));
    let update = found.iter().find(|fix| fix["kind"] == "update-firewall-rule").expect("an update");
    assert_eq!(update["safety"], "review", "{update:#}");
}

/// The name of a node tells its pool, and so its tags.
#[test]
fn a_node_carries_what_its_pool_does() {
    let pool = |name: &str, tag: &str| value!({"name": name, "config": {"tags": [tag]}});
    let pools = value!({"nodePools": [pool("a", "pool-a"), pool("a-gpu", "pool-gpu")]});
    let hooks = rule(
        "webhooks",
        value!({"priority": 900, "sourceRanges": ["172.16.0.0/28"], "targetTags": ["pool-a"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    );
    let [master, inside] = own_rules();
    let of = |vm: &str| {
        let call = denied("172.16.0.2", "10.0.0.5", 8443, "deny-all", "INGRESS", vm);
        let rules = [master.clone(), inside.clone(), hooks.clone(), deny_all(value!({}))].to_vec();
        let more = [cluster("c", pools.clone()), subnet(value!({})), call].to_vec();
        Inputs::of(&[rules, more].concat()).triage()
    };
    let blocked =
        |report: &Value| findings(report, "webhook-port-blocked").first().cloned().cloned();
    let found = blocked(&of("gke-c-a-gpu-cc33dd44-z1q9")).expect("it is blocked");
    assert_eq!(found["decision"]["verdict"], "DENIED");
    assert_ne!(found["fixes"], value!([]));
    // The other pool's is let in by what was given, and any node may be of either.
    let report = of("gke-c-a-cc33dd44-z1q9");
    assert_eq!(blocked(&report), None);
    assert_eq!(findings(&report, "snapshot-disagrees").len(), 1, "{report:#}");
    let found = blocked(&of("gke-c-node-1")).expect("it may be");
    assert_eq!(found["decision"]["verdict"], "UNDETERMINED");
}

/// A policy that is asked behind the VPC's rules is not above them: what it denies by name is left
/// alone because that was meant.
#[test]
fn a_policy_behind_the_rules_is_not_above_them() {
    let denies = value!([{"priority": 100, "direction": "EGRESS", "action": "deny",
        "match": {"destIpRanges": ["172.16.0.0/28"],
            "layer4Configs": [{"ipProtocol": "tcp", "ports": ["443"]}]}}]);
    let [network, firewalls] = with_policy_after(&own_rules(), &denies);
    for (order, why) in [
        ("AFTER_CLASSIC_FIREWALL", "intended denial: policy np, rule 100"),
        ("BEFORE_CLASSIC_FIREWALL", "a policy above the VPC decides: np, rule 100"),
    ] {
        let mut network = network.clone();
        network["networkFirewallPolicyEnforcementOrder"] = value!(order);
        let call = denied("10.0.0.5", "172.16.0.2", 443, "x", "EGRESS", "gke-c-pool-1");
        let mut call = call;
        call["jsonPayload"]["rule_details"]["reference"] = value!("network:n/firewallPolicy:np");
        let more = [cluster("c", value!({})), subnet(value!({})), call];
        let all = [vec![network, firewalls.clone()], more.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "control-plane-egress-blocked");
        assert!(found[0]["no_fix"].as_str().unwrap().starts_with(why), "{order}: {report:#}");
    }
}

/// Each end is asked for itself: what is denied at both is denied twice, and to let it out alone
/// does not let it in.
#[test]
fn both_ends_have_to_let_it_pass() {
    let egress = deny_all(value!({"name": "deny-out", "direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let vm = |name: &str, address: &str, tag: &str| {
        value!({"kind": "compute#instance", "name": name, "tags": {"items": [tag]},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": address}],
            "selfLink": format!("https://x/projects/p/zones/z/instances/{name}")})
    };
    let told = |there: Value| {
        let log = denied("10.0.0.8", "10.0.0.9", 5432, "deny-out", "EGRESS", "web-1");
        let vms = [vm("web-1", "10.0.0.8", "web"), vm("db-1", "10.0.0.9", "db")];
        let all = [&[egress.clone(), there, subnet(value!({})), log][..], &vms].concat();
        let report = Inputs::of(&all).triage();
        let fix = report["findings"][0]["fixes"][0].clone();
        (fix["safety"].clone(), fix["notes"].to_string())
    };
    let (_, notes) = told(deny_all(value!({})));
    assert!(
        notes.contains("the other end denies it, too (INGRESS DENIED by rule deny-all"),
        "{notes}"
    );
    let by_name = value!({"denied": [{"IPProtocol": "tcp", "ports": ["5432"]}], "priority": 10});
    let (safety, notes) = told(deny_all(by_name));
    assert_eq!(safety, "review");
    assert!(notes.contains("both have to let it pass"), "{notes}");
    let (safety, notes) = told(rule(
        "all",
        value!({"allowed": [{"IPProtocol": "all"}],
        "sourceRanges": ["10.0.0.0/8"]}),
    ));
    assert_eq!(safety, "review", "nothing asks for it");
    assert!(!notes.contains("other end"), "{notes}");
    // What a cluster needs is told for both ends.
    let all = [egress, deny_all(value!({})), cluster("c", value!({})), subnet(value!({}))];
    let report = Inputs::of(&all).triage();
    let inside = findings(&report, "cluster-internal-blocked");
    let ways: Vec<&Value> = inside.iter().map(|one| &one["flow"]["direction"]).collect();
    assert_eq!((ways.len(), ways.contains(&&value!("INGRESS"))), (2, true), "{ways:?}");
}

/// Carried out in the order in which they are listed, no correction takes another one back, and one
/// that opens more than was asked wants a second look.
#[test]
fn corrections_add_up_in_the_order_in_which_they_are_listed() {
    let own = rule(
        "outgoing",
        value!({"direction": "EGRESS", "priority": 900,
        "destinationRanges": ["172.16.0.0/28"], "targetTags": [TAG],
        "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]}),
    );
    let egress = deny_all(value!({"direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let mut all = vec![own, egress, cluster("c", value!({})), subnet(value!({}))];
    all.extend(own_rules());
    // As often on either port; nodes are told behind pods.
    let to = |from: &str, to: &str, port: u16| {
        denied(from, to, port, "deny-all", "EGRESS", "gke-c-pool-1")
    };
    all.extend([to("10.1.0.5", "172.16.0.3", 443), to("10.1.0.6", "172.16.0.3", 443)]);
    all.extend([to("10.0.0.5", "172.16.0.3", 8132), to("10.0.0.5", "172.16.0.2", 8132)]);
    let report = Inputs::of(&all).triage();
    let found = findings(&report, "control-plane-egress-blocked");
    let ports = |at: usize| found[at]["fixes"][0]["rule"]["layer4"][0]["ports"].clone();
    assert!(found.len() >= 2, "{found:#?}");
    let (first, last) = (ports(0), ports(found.len() - 1));
    assert_eq!(first, value!(["443", "8080"]));
    assert_eq!(last, value!(["443", "8080", "8132"]));
    // A rule for two ranges, where one is asked for.
    let wide = rule(
        "wide",
        value!({"direction": "EGRESS", "priority": 900, "targetTags": [TAG],
        "destinationRanges": ["172.16.0.0/28", "10.9.0.0/30"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]}),
    );
    all[0] = wide;
    let report = Inputs::of(&all).triage();
    let fix = &findings(&report, "control-plane-egress-blocked")[0]["fixes"][0];
    assert_eq!(
        (&fix["kind"], &fix["safety"]),
        (&value!("update-firewall-rule"), &value!("review"))
    );
}

/// What a policy behind the VPC's rules denies by name is not opened before it: left alone, spared,
/// or told.
#[test]
fn what_a_policy_behind_denies_by_name_is_not_passed_by() {
    let asked = |policy: Value, check: &str| {
        let rules = value!([policy]);
        let [network, firewalls] = with_policy_after(&[deny_all(value!({}))], &rules);
        let more = [cluster("c", value!({})), subnet(value!({})), webhook_call()];
        let all = [vec![network, firewalls], more.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, check);
        let finding = found.iter().find(|one| one["observed"].is_object()).unwrap_or(&found[0]);
        (*finding).clone()
    };
    let from = |action: &str, ports: &[&str], more: Value| {
        let mut rule = value!({"priority": 100, "direction": "INGRESS", "action": action,
            "match": {"srcIpRanges": ["10.0.0.0/8", "172.16.0.0/12"],
                "layer4Configs": [{"ipProtocol": "tcp", "ports": ports}]}});
        for (key, field) in more.as_object().unwrap() {
            rule[key] = field.clone();
        }
        rule
    };
    let webhook = |policy: Value| asked(policy, "webhook-port-blocked");
    let denied = webhook(from("deny", &["8443"], value!({})));
    assert_eq!(denied["fixes"], value!([]), "{denied:#}");
    assert!(denied["no_fix"].as_str().unwrap().starts_with("intended denial: rule np 100"));
    for other in [from("deny", &["22"], value!({})), from("goto_next", &["8443"], value!({}))] {
        let open = webhook(other);
        assert_eq!(open["fixes"][0]["safety"], "safe", "{open:#}");
    }
    // What a rule before it takes, it never sees; nor whom no list of Google's means.
    let first = |action: &str| {
        let mut rule = from(action, &["8443"], value!({}));
        rule["priority"] = value!(50);
        let [network, firewalls] = with_policy_after(
            &[deny_all(value!({}))],
            &value!([rule, from("deny", &["8443"], value!({}))]),
        );
        let more = [cluster("c", value!({})), subnet(value!({})), webhook_call()];
        let all = [vec![network, firewalls], more.to_vec()].concat();
        fixes(&Inputs::of(&all).triage(), "webhook-port-blocked")[0]["safety"].clone()
    };
    assert_eq!((first("allow"), first("goto_next")), (value!("safe"), value!("safe")));
    // A policy that is asked before it may allow it.
    let [network, mut firewalls] =
        with_policy_after(&[deny_all(value!({}))], &value!([from("allow", &["8443"], value!({}))]));
    let regional = value!({"name": "rp", "type": "NETWORK_REGIONAL",
        "rules": [from("deny", &["8443"], value!({}))]});
    let more = [cluster("c", value!({})), subnet(value!({})), webhook_call()];
    let asked_of = |firewalls: &Value| {
        let all = [vec![network.clone(), firewalls.clone()], more.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        findings(&report, "webhook-port-blocked")[0]["no_fix"].clone()
    };
    firewalls["firewallPolicys"].as_array_mut().unwrap().push(regional);
    assert_eq!(asked_of(&firewalls), Value::Null);
    firewalls["firewallPolicys"].as_array_mut().unwrap().remove(0);
    assert!(asked_of(&firewalls).as_str().unwrap().starts_with("intended denial"));
    // One of a region is for what is there.
    let of_region = |region: &str| {
        let policy = value!({"kind": "compute#firewallPolicy", "name": "rp",
            "region": format!("projects/p/regions/{region}"),
            "selfLink": format!("https://x/compute/v1/projects/p/regions/{region}/firewallPolicies/rp"),
            "associations": [{"name": "a", "attachmentTarget": "projects/p/global/networks/n"}],
            "rules": [from("deny", &["8443"], value!({}))]});
        let [network, _] = with_policy_after(&[], &value!([]));
        let all = [vec![network, policy, deny_all(value!({}))], more.to_vec()].concat();
        let report = Inputs::of(&all).triage();
        findings(&report, "webhook-port-blocked")[0]["no_fix"].clone()
    };
    assert!(of_region("r").as_str().unwrap().starts_with("intended denial: rule rp 100"));
    assert_eq!(of_region("elsewhere"), Value::Null);
    let mut abroad = from("deny", &["8443"], value!({}));
    abroad["match"]["srcRegionCodes"] = value!(["CN"]);
    abroad["match"].as_object_mut().unwrap().remove("srcIpRanges");
    assert_eq!(webhook(abroad)["fixes"][0]["safety"], "safe");
    // A VM may carry the tag that the policy speaks of.
    let tag = value!({"targetSecureTags": [{"name": "tagValues/7", "state": "EFFECTIVE"}]});
    let tagged = webhook(from("deny", &["8443"], tag));
    assert_eq!(tagged["fixes"][0]["safety"], "review", "{tagged:#}");
    assert!(tagged["fixes"][0]["notes"].to_string().contains("tagValues/7"));
    // Of everything that is needed these ports stay closed, and that is said.
    let inside = asked(from("deny", &["22", "3389"], value!({})), "cluster-internal-blocked");
    let fix = &inside["fixes"][0];
    let layers = fix["rule"]["layer4"].as_array().unwrap();
    let tcp = layers.iter().find(|layer| layer["protocol"] == "tcp").unwrap();
    assert_eq!(tcp["ports"], value!(["0-21", "23-3388", "3390-65535"]));
    let note = "stays denied by name: tcp 22,3389 (rule np 100)";
    assert!(fix["notes"].to_string().contains(note), "{fix:#}");
    // What a policy allows the next one never sees, unless it handed it on before.
    let stays_denied = |before: Value| {
        let allow = from("allow", &["22"], value!({}));
        let [network, mut firewalls] =
            with_policy_after(&[deny_all(value!({}))], &value!([before, allow]));
        let next = value!({"name": "rp", "type": "NETWORK_REGIONAL",
            "rules": [from("deny", &["22"], value!({}))]});
        firewalls["firewallPolicys"].as_array_mut().unwrap().push(next);
        let all = [vec![network, firewalls], more.to_vec()].concat();
        let fix = fixes(&Inputs::of(&all).triage(), "cluster-internal-blocked")[0].clone();
        fix["notes"].to_string().contains("stays denied by name: tcp 22 (rule rp 100)")
    };
    let before =
        |ports: &[&str], priority: u64| from("goto_next", ports, value!({"priority": priority}));
    assert!(!stays_denied(before(&["80"], 50)));
    assert!(!stays_denied(before(&["20-30"], 150)));
    assert!(stays_denied(before(&["20-30"], 50)));
}

/// A correction that grows over a quarantine wants a second look, as a new rule does; one that
/// stays below it goes first.
#[test]
fn a_correction_does_not_pass_a_quarantine_by() {
    let asked = |quarantine: Value, webhooks: Value| {
        let quarantine = deny_all(quarantine);
        let own = rule("webhooks", webhooks);
        let more = [deny_all(value!({"priority": 65100})), own, quarantine, webhook_call()];
        let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
        all.extend(more);
        all.extend(own_rules());
        let all = fixes(&Inputs::of(&all).triage(), "webhook-port-blocked");
        let of = |fix: &Value| (fix["kind"].clone(), fix["safety"].clone());
        all.iter().map(of).filter(|(kind, _)| kind != "advice").collect::<Vec<_>>()
    };
    let infected = value!({"name": "quarantine", "priority": 2000, "targetTags": ["infected"]});
    let ports = |ports: &[&str]| {
        value!({"sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG],
            "allowed": [{"IPProtocol": "tcp", "ports": ports}]})
    };
    let pair = |kind: &str, safety: &str| (value!(kind), value!(safety));
    assert_eq!(
        asked(infected.clone(), ports(&["9443"])),
        [pair("add-firewall-rule", "safe"), pair("update-firewall-rule", "review")]
    );
    // What the quarantine does not speak of opens nothing there.
    let mut of_ssh = infected.clone();
    of_ssh["denied"] = value!([{"IPProtocol": "tcp", "ports": ["22"]}]);
    assert_eq!(asked(of_ssh, ports(&["9443"]))[0], pair("update-firewall-rule", "safe"));
    // Where the deny that decides is for some VMs alone, neither is safe.
    let [master, inside] = own_rules();
    let targeted = deny_all(value!({"targetTags": [TAG]}));
    let own = rule("webhooks", ports(&["9443"]));
    let more = [cluster("c", value!({})), subnet(value!({})), webhook_call()];
    let all = [vec![master, inside, targeted, own], more.to_vec()].concat();
    let all = fixes(&Inputs::of(&all).triage(), "webhook-port-blocked");
    assert!(all.iter().all(|fix| fix["safety"] == "review"), "{all:#?}");
}

/// What wants a second look for one finding wants it for the next, too; and one name is that of one
/// rule.
#[test]
fn suggestions_for_several_findings_agree() {
    let quarantine =
        deny_all(value!({"name": "quarantine", "priority": 65100, "targetTags": ["infected"]}));
    let mut all = vec![cluster("c", value!({})), subnet(value!({})), deny_all(value!({}))];
    all.extend(own_rules());
    all.extend(webhook("one", 8443));
    all.extend(webhook("two", 9443));
    let of = |all: &[Value]| {
        let report = Inputs::of(all).triage();
        let found = findings(&report, "webhook-port-blocked");
        assert_eq!(found.len(), 2, "{report:#}");
        found.iter().map(|one| one["fixes"][0].clone()).collect::<Vec<_>>()
    };
    assert!(of(&all).iter().all(|fix| fix["safety"] == "safe"));
    all.push(quarantine);
    for fix in of(&all) {
        assert_eq!(fix["safety"], "review", "{fix:#}");
        assert!(fix["notes"].to_string().contains("quarantine denies this"), "{fix:#}");
    }
    // Two clusters, whose nodes are reached by one name from outside.
    let other = cluster(
        "d",
        value!({"id": "bbbbbbbb11112222", "clusterIpv4Cidr": "10.2.0.0/16", "subnetwork": "s2",
            "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.1.0/28"}}),
    );
    let tagged = rule(
        "gke-d-bbbbbbbb-master",
        value!({"sourceRanges": ["172.16.1.0/28"], "targetTags": ["gke-d-bbbbbbbb-node"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443", "10250"]}]}),
    );
    let second = subnet(value!({"name": "s2", "ipCidrRange": "10.3.0.0/24"}));
    let mut all = vec![cluster("c", value!({})), other, subnet(value!({})), second, tagged];
    all.extend([deny_all(value!({}))]);
    all.extend(own_rules());
    for (to, vm) in [("10.0.0.5", "gke-c-pool-1"), ("10.3.0.5", "gke-d-pool-1")] {
        all.push(denied("35.235.240.9", to, 22, "deny-all", "INGRESS", vm));
    }
    let report = Inputs::of(&all).triage();
    let mut rules = std::collections::BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        for fix in finding["fixes"].as_array().unwrap() {
            if fix["kind"] != "add-firewall-rule" {
                continue;
            }
            let name = fix["rule"]["name"].as_str().unwrap().to_owned();
            let known = rules.entry(name).or_insert_with(|| fix["rule"].clone());
            assert_eq!(*known, fix["rule"]);
        }
    }
    let of_iap = rules.keys().filter(|name| name.contains("iap")).count();
    assert_eq!(of_iap, 2, "{rules:#?}");
}

/// The fixes for one kind of finding in a world of one cluster, and why there are none.
fn world(more: &[Value], check: &str) -> (Vec<Value>, String) {
    let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
    all.extend(more.iter().cloned());
    let report = Inputs::of(&all).triage();
    let found = findings(&report, check);
    let fixes = found.iter().flat_map(|one| one["fixes"].as_array().unwrap().clone());
    let why = found.iter().map(|one| one["no_fix"].as_str().unwrap_or_default());
    (fixes.filter(|fix| fix["kind"] != "advice").collect(), why.collect::<Vec<_>>().join(" "))
}

/// Whoever locks everything keeps a key; whoever isolates a VM looks into it. Neither makes a
/// default of the lock.
#[test]
fn an_exception_for_somebody_else_makes_no_default() {
    let lock = |fields: Value| {
        let mut deny = deny_all(value!({"name": "lock", "priority": 10}));
        deny.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        deny
    };
    let key = |name: &str, fields: Value| {
        let mut allow = rule(
            name,
            value!({"priority": 5, "sourceRanges": ["10.99.0.0/24"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}),
        );
        allow.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        allow
    };
    let check = "webhook-port-blocked";
    let asked = |more: &[Value]| {
        let call = [webhook_call()];
        world(&[more, &own_rules(), &call].concat(), check)
    };
    for own in [
        vec![],
        vec![key("key", value!({}))],
        vec![key("key", value!({"disabled": true, "allowed": [{"IPProtocol": "tcp"}]}))],
    ] {
        let (fixes, why) = asked(&[vec![lock(value!({}))], own.clone()].concat());
        assert!(fixes.is_empty(), "{own:#?}");
        assert!(why.contains("intended denial: rule lock"), "{why}");
    }
    // Two keys are still keys: many exceptions, or one for these clients, show a default that
    // stands high.
    let named = |number: u8| {
        let from = format!("10.{number}.0.0/24");
        key(&format!("web-{number}"), value!({"sourceRanges": [from]}))
    };
    let several = [96, 97, 98, 99].map(named);
    let (fixes, why) = asked(&[&[lock(value!({}))], &several[..2]].concat());
    assert!(fixes.is_empty(), "{fixes:#?}");
    assert!(why.contains("intended denial: rule lock"), "{why}");
    let ours = [key("master", value!({"sourceRanges": ["172.16.0.0/28"]}))];
    for own in [&several[..], &ours] {
        let (fixes, why) = asked(&[&[lock(value!({}))], own].concat());
        assert!(!fixes.is_empty(), "{why}");
        assert!(fixes.iter().all(|fix| fix["safety"] == "review"), "{fixes:#?}");
    }
    // For some VMs alone it is no default, however many look into them.
    let tag = value!({"targetTags": [TAG]});
    let tagged = |mut one: Value| {
        one["targetTags"] = tag["targetTags"].clone();
        one
    };
    // Who looks into all of it, at all ports, makes no exception for anybody else.
    let forensics = tagged(key("key", value!({"allowed": [{"IPProtocol": "all"}]})));
    let (fixes, why) = asked(&[lock(tag.clone()), forensics]);
    assert!(fixes.is_empty(), "{fixes:#?}");
    assert!(why.contains("denies everything to its targets on purpose"), "{why}");
    // Unless it stands where defaults do.
    let usual = lock(value!({"priority": 65000, "targetTags": [TAG]}));
    let (fixes, why) = asked(&[&[usual][..], &several.clone().map(tagged)].concat());
    assert!(!fixes.is_empty(), "{why}");
    let (fixes, why) = asked(&[lock(value!({"priority": 999})), key("key", value!({}))]);
    assert!(!fixes.is_empty(), "{why}");
    let forensics = several.clone().map(tagged);
    let (fixes, why) = asked(&[&[lock(tag.clone())], &forensics[..]].concat());
    assert!(fixes.is_empty(), "{fixes:#?}");
    assert!(why.contains("denies everything to its targets on purpose"), "{why}");
}

/// The same where a policy does it: an allow above it would be for everybody.
#[test]
fn a_policy_that_isolates_some_vms_is_left_alone() {
    let asked = |target: Value| {
        let mut deny = value!({"priority": 10, "direction": "INGRESS", "action": "deny", "match":
            {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}});
        deny.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let firewalls = value!({"firewallPolicys": [{"name": "7", "shortName": "hp",
            "type": "HIERARCHY", "rules": [deny]}], "firewalls": own_rules()});
        let call = denied("172.16.0.2", "10.0.0.5", 8443, "x", "INGRESS", "gke-c-pool-1");
        let mut account = cluster("c", value!({}));
        account["nodePools"][0]["config"] = value!({"tags": [], "serviceAccount": "quarantined@p"});
        let all = [account, subnet(value!({})), firewalls, call];
        let report = Inputs::of(&all).triage();
        report["findings"][0].clone()
    };
    let all = asked(value!({}));
    assert_eq!(all["fixes"][0]["safety"], "review", "{all:#}");
    let some = asked(value!({"targetServiceAccounts": ["quarantined@p"]}));
    assert_eq!(some["fixes"], value!([]), "{some:#}");
    assert!(
        some["no_fix"].as_str().unwrap().starts_with("intended denial: rule hp 10"),
        "{some:#}"
    );
}

/// What a policy above the VPC allows no rule of the VPC's is asked: those deny by name all the
/// same.
#[test]
fn an_allow_above_the_rules_spares_what_they_deny_by_name() {
    let asked = |more: &[Value]| {
        let deny = value!({"priority": 100, "direction": "INGRESS", "action": "deny", "match":
            {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}});
        let mut rules = own_rules().to_vec();
        rules.extend(more.iter().cloned());
        let firewalls = value!({"firewallPolicys": [{"name": "7", "shortName": "hp",
            "type": "HIERARCHY", "rules": [deny]}], "firewalls": rules});
        let (fixes, _) = world(&[firewalls, webhook_call()], "webhook-port-blocked");
        let of_policy =
            |fix: &&Value| fix["rule"]["policy"].is_string() || fix["rule"]["stage"].is_string();
        (fixes.iter().filter(of_policy).count(), fixes)
    };
    let (open, fixes) = asked(&[]);
    assert_eq!(open, 1, "{fixes:#?}");
    let by_name = |fields: Value| {
        let mut deny = rule(
            "no",
            value!({"priority": 500, "sourceRanges": ["172.16.0.5/32"],
            "denied": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
        );
        deny.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        deny
    };
    assert_eq!(asked(&[by_name(value!({}))]).0, 0);
    assert_eq!(asked(&[by_name(value!({"sourceRanges": ["192.168.0.0/16"]}))]).0, 1);
    assert_eq!(asked(&[by_name(value!({"disabled": true}))]).0, 1);
    // What a rule before it takes it never denies.
    let before = rule(
        "yes",
        value!({"priority": 400, "sourceRanges": ["172.16.0.0/28"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    );
    assert_eq!(asked(&[by_name(value!({})), before]).0, 1);
    // Some of its VMs may be in quarantine, and the policy would be for all of them.
    let quarantine = deny_all(value!({"name": "q", "priority": 5, "targetTags": ["infected"]}));
    let notes = asked(&[quarantine]).1[0]["notes"].to_string();
    assert!(notes.contains("rule q denies this to tag:infected"), "{notes}");
}

/// One packet out of a range of somebody else's is no reason to let in all of the range unseen.
#[test]
fn what_the_log_alone_shows_of_others_wants_a_look() {
    let route = value!({"kind": "compute#route", "name": "vpn", "destRange": "192.168.0.0/16",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopVpnTunnel": "projects/p/regions/r/vpnTunnels/t"});
    let asked = |from: &str, port: u16| {
        let log = denied(from, "10.0.0.5", port, "deny-all", "INGRESS", "gke-c-pool-1");
        let all = [
            &[cluster("c", value!({})), subnet(value!({})), route.clone(), log][..],
            &[deny_all(value!({}))],
            &own_rules(),
        ]
        .concat();
        let report = Inputs::of(&all).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.iter().find(|one| one["observed"]["count"] == 1).expect("the denial");
        let fix = own["fixes"][0].clone();
        (fix["safety"].clone(), fix["notes"].to_string())
    };
    let (safety, notes) = asked("192.168.3.4", 445);
    assert_eq!(safety, "review");
    assert!(notes.contains("known from the log alone"), "{notes}");
    assert_eq!(asked("172.16.0.2", 8443).0, "safe");
    let (safety, notes) = asked("172.16.0.2", 22);
    assert_eq!(safety, "review");
    assert!(notes.contains("ask for no logins"), "{notes}");
}

/// Of several tags that VMs carry the one that nobody else does.
#[test]
fn a_rule_is_for_the_tag_that_others_lack() {
    let vm = |name: &str, address: &str, tags: &[&str]| {
        value!({"kind": "compute#instance", "name": name, "tags": {"items": tags},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": address}],
            "selfLink": format!("https://x/projects/p/zones/z/instances/{name}")})
    };
    let asked = |tags: &[&str]| {
        let log = denied("10.0.0.8", "10.0.0.9", 5432, "deny-all", "INGRESS", "db");
        let vms = [vm("web", "10.0.0.8", &["all-vms", "web"]), vm("db", "10.0.0.9", tags)];
        let all = [&[deny_all(value!({})), subnet(value!({})), log][..], &vms].concat();
        let fix = Inputs::of(&all).triage()["findings"][0]["fixes"][0].clone();
        let others = fix["notes"].to_string().contains("1 other VMs carry it, too");
        (fix["rule"]["target_tags"].clone(), others)
    };
    assert_eq!(asked(&["all-vms", "db"]), (value!(["db"]), false));
    assert_eq!(asked(&["all-vms"]), (value!(["all-vms"]), true));
}

/// Policies of several regions and projects share names: the rule goes into the one that denies,
/// and into no other.
#[test]
fn a_rule_goes_into_the_policy_that_denies() {
    let policy = |region: &str, rules: Value| {
        value!({"kind": "compute#firewallPolicy", "name": "guard",
            "region": format!("https://x/compute/v1/projects/p/regions/{region}"), "selfLink":
                format!("https://x/compute/v1/projects/p/regions/{region}/firewallPolicies/guard"),
            "associations": [{"name": "a", "attachmentTarget": "projects/p/global/networks/n"}],
            "rules": rules})
    };
    let all = |action: &str, priority: u64, from: &str| {
        value!({"priority": priority, "direction": "INGRESS", "action": action, "match":
            {"srcIpRanges": [from], "layer4Configs": [{"ipProtocol": "all"}]}})
    };
    let first = value!({"kind": "compute#network", "name": "n", "selfLink":
        "https://x/compute/v1/projects/p/global/networks/n",
        "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"});
    let elsewhere = policy(
        "elsewhere",
        value!([all("allow", 99, "192.168.0.0/16"), all("deny", 2000, "0.0.0.0/0")]),
    );
    let here = policy("r", value!([all("deny", 100, "0.0.0.0/0")]));
    let call = denied("172.16.0.2", "10.0.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1");
    let (fixes, why) = world(&[elsewhere, here, first, call], "webhook-port-blocked");
    let fix = fixes.iter().find(|fix| fix["kind"] == "add-policy-rule").expect(&why);
    let gcloud = fix["as"]["gcloud"].as_str().unwrap();
    assert!(gcloud.contains("--firewall-policy-region=r"), "{gcloud}");
    assert_eq!(fix["rule"]["priority"], 99, "{fix:#}");
    assert_eq!(fix["proof"]["opens"].as_array().unwrap().len(), 1, "{fix:#}");
}

/// What a VIP does not serve is not sent there; who keeps to the one is not let out to the other;
/// and Cloud DNS asks on one port.
#[test]
fn each_of_googles_ranges_is_for_what_it_serves() {
    let out = deny_all(value!({"name": "out", "direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let asked = |to: &str, port: u16, more: &[Value]| {
        let log = denied("10.0.0.5", to, port, "out", "EGRESS", "gke-c-pool-1");
        let own = [cluster("c", value!({})), subnet(value!({})), out.clone(), log];
        let all = [&own[..], &own_rules(), more].concat();
        let report = Inputs::of(&all).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.iter().find(|one| one["observed"]["count"] == 1).expect("the denial");
        (own["fixes"].as_array().unwrap().len(), own["no_fix"].as_str().unwrap_or("").to_owned())
    };
    assert!(asked("142.250.27.108", 443, &[]).1.contains("send the names to a VIP"));
    assert!(asked("216.239.35.0", 123, &[]).1.contains("NTP at 169.254.169.254"));
    assert!(asked("142.250.27.108", 587, &[]).1.contains("no VIP serves this port"));
    let restricted = |name: &str, fields: Value| {
        let mut one = value!({"name": name, "network": "projects/p/global/networks/n"});
        one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        one
    };
    let vip = "199.36.153.4/30";
    let perimeter = [
        restricted(
            "route",
            value!({"kind": "compute#route", "destRange": vip, "priority": 1000,
            "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"}),
        ),
        restricted(
            "rule",
            value!({"kind": "compute#firewall", "direction": "EGRESS",
            "priority": 900, "destinationRanges": [vip],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
        ),
    ];
    assert_ne!(asked("199.36.153.8", 443, &[]).0, 0);
    let (fixes, why) = asked("199.36.153.8", 443, &perimeter);
    assert_eq!(fixes, 0);
    assert!(why.contains("this network keeps to restricted.googleapis.com"), "{why}");
}

/// What calls connectors is no stranger.
#[test]
fn calls_of_connectors_are_no_scan() {
    let check = |from: &str, port: u16| {
        let log = denied(from, "10.0.0.5", port, "deny-all", "INGRESS", "aet-connector-1");
        let all = [subnet(value!({})), deny_all(value!({})), log];
        Inputs::of(&all).triage()["findings"][0]["check"].clone()
    };
    assert_eq!(check("35.199.225.9", 667), "unexplained-denial");
    assert_eq!(check("35.199.225.9", 22), "internet-scan");
    assert_eq!(check("35.200.225.9", 667), "internet-scan");
    // Of a log that names no network, and of which nothing else is known, too.
    let bare = |from: &str, port: u16| {
        let mut log = denied(from, "10.0.0.5", port, "deny-all", "INGRESS", "vm");
        let payload = log["jsonPayload"].as_object_mut().unwrap();
        payload.retain(|key, _| ["connection", "disposition"].contains(&key.as_str()));
        Inputs::of(&[log]).triage()["findings"][0]["check"].clone()
    };
    assert_eq!(bare("45.3.2.1", 22), "internet-scan");
    assert_eq!(bare("35.199.225.9", 667), "unexplained-denial");
}

/// Where the nodes were given, an address of their range that is none of theirs may be any VM's.
#[test]
fn a_stranger_in_the_range_of_nodes_carries_what_nobody_knows() {
    let vm = |name: &str, address: &str, labels: Value| {
        value!({"kind": "compute#instance", "name": name, "labels": labels,
            "tags": {"items": [TAG]},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": address}],
            "selfLink": format!("https://x/projects/p/zones/z/instances/{name}")})
    };
    let node = vm("gke-c-pool-1", "10.0.0.5", value!({"goog-k8s-cluster-name": "c"}));
    let [master, inside] = own_rules();
    let all = [cluster("c", value!({})), subnet(value!({})), master, inside, deny_all(value!({}))];
    let without = Inputs::of(&all);
    let asked =
        |inputs: &Inputs, to: &str| inputs.why("172.16.0.2", &format!("{to}:10250"), "INGRESS").0;
    assert_eq!(asked(&without, "10.0.0.9"), "ALLOWED", "nobody gave the nodes");
    let with = Inputs::of(&[&all[..], &[node]].concat());
    assert_eq!(
        (asked(&with, "10.0.0.5"), asked(&with, "10.0.0.9")),
        ("ALLOWED".into(), "UNDETERMINED".into())
    );
}

/// What nothing but the log speaks of is no `safe` rule, unless clusters live on it; and what a role
/// does not serve is none at all.
#[test]
fn the_log_alone_makes_nothing_safe() {
    let clients = subnet(value!({"name": "clients", "ipCidrRange": "10.9.0.0/24"}));
    let egress = deny_all(value!({"name": "deny-out", "direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let zone = value!({"kind": "dns#managedZone", "name": "apis", "dnsName": "googleapis.com.",
        "visibility": "private", "privateVisibilityConfig": {"networks":
            [{"networkUrl": "https://x/projects/p/global/networks/n"}]}});
    let vip = |address: &str| {
        value!({"kind": "dns#resourceRecordSet", "name": "*.googleapis.com.", "type": "A", "ttl": 300,
            "rrdatas": [address]})
    };
    let asked = |log: Value, more: &[Value]| {
        let all = [
            deny_all(value!({})),
            egress.clone(),
            cluster("c", value!({})),
            subnet(value!({})),
            clients.clone(),
            log,
        ];
        let report = Inputs::of(&[&all[..], more].concat()).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.into_iter().find(|one| one["observed"]["count"] == 1).unwrap();
        (
            own["fixes"][0]["safety"].clone(),
            own["fixes"][0]["notes"].to_string() + &own["no_fix"].to_string(),
        )
    };
    let from =
        |src: &str, port| denied(src, "10.0.0.5", port, "deny-all", "INGRESS", "gke-c-pool-1");
    let to = |dst: &str, port| denied("10.0.0.5", dst, port, "deny-out", "EGRESS", "gke-c-pool-1");
    assert_eq!(asked(from("172.16.0.2", 8443), &[]).0, "safe");
    assert_eq!(asked(from("35.191.0.9", 8080), &[]).0, "safe");
    for (log, why) in [
        (from("10.9.0.3", 22), "it lets in all of 10.9.0.0/24"),
        (to("10.9.0.3", 5432), "it opens the way to all of 10.9.0.0/24"),
    ] {
        let (safety, words) = asked(log, &[]);
        assert_eq!(safety, "review", "{words}");
        assert!(words.contains(why), "{words}");
    }
    assert_eq!(asked(to("199.36.153.9", 443), &[]).0, "safe");
    let (safety, words) = asked(to("199.36.153.9", 22), &[]);
    assert_eq!(safety, Value::Null, "{words}");
    assert!(words.contains("served at 443 and 80"), "{words}");
    // One witness for the other VIP is enough to look twice.
    let (safety, words) = asked(to("199.36.153.9", 443), &[zone, vip("199.36.153.5")]);
    assert_eq!(safety, "review", "{words}");
    assert!(words.contains("was made for restricted.googleapis.com"), "{words}");
}
