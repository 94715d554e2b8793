//! Answers that were once wrong, each as small as it gets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{Inputs, TAG, cluster, denied, deny_all, own_rules, rule, subnet};
use common::{findings, folder, json, run, ssh, stdout};
use serde_json::{Value, json as value};

/// Pods and nodes share their tags: what mends the one mends the other.
#[test]
fn one_change_mends_two_findings() {
    let [master, all] = own_rules();
    let inputs = Inputs::of(&[
        master,
        all,
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
        denied("172.16.0.2", "10.0.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
    ]);
    let report = inputs.triage();
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["fixes"][0]["rule"], found[1]["fixes"][0]["rule"]);
    let fix = stdout(&run(&["fix", inputs.path()]));
    assert_eq!(fix.matches("gcloud compute").count(), 1, "{fix}");
}

/// Two corrections of one rule add up: the second does not take back the first.
#[test]
fn corrections_of_one_rule_add_up() {
    let [master, all] = own_rules();
    let inputs = Inputs::of(&[
        master,
        all,
        rule(
            "hooks",
            value!({"allowed": [{"IPProtocol": "tcp", "ports": ["9443"]}],
            "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG]}),
        ),
        deny_all(value!({})),
        cluster("c", value!({})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
        denied("172.16.0.2", "10.1.0.5", 15017, "deny-all", "INGRESS", "gke-c-pool-1"),
    ]);
    let fix = stdout(&run(&["fix", inputs.path()]));
    let last = fix.lines().rfind(|line| line.starts_with("gcloud")).unwrap();
    assert!(last.contains("--rules=tcp:8443,tcp:9443,tcp:15017"), "{fix}");
}

#[test]
fn names_of_new_rules_differ() {
    let inputs = Inputs::of(&[
        deny_all(value!({})),
        cluster("a", value!({"clusterIpv4Cidr": "10.1.0.0/16"})),
        cluster(
            "b",
            value!({"clusterIpv4Cidr": "10.2.0.0/16", "id": "bbbbbbbb",
            "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.1.0/28"}}),
        ),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "x"),
        denied("172.16.1.2", "10.2.0.5", 8443, "deny-all", "INGRESS", "x"),
    ]);
    let report = inputs.triage();
    let found = findings(&report, "webhook-port-blocked");
    let names: Vec<_> = found.iter().map(|one| one["fixes"][0]["rule"]["name"].clone()).collect();
    assert_ne!(names[0], names[1]);
}

/// A deny that speaks of this traffic is not outranked, whatever else denies it, too.
#[test]
fn purposeful_denies_stand() {
    let named = |priority: u64| {
        rule(
            "aa-named",
            value!({"priority": priority, "denied":
        [{"IPProtocol": "tcp", "ports": ["8443"]}], "sourceRanges": ["172.16.0.0/12"]}),
        )
    };
    for (what, rules) in [
        ("equal rank", vec![named(1000), deny_all(value!({"priority": 1000}))]),
        ("below the default", vec![named(1500), deny_all(value!({"priority": 1400}))]),
        (
            "with another protocol",
            vec![rule(
                "mixed",
                value!({"priority": 1200, "sourceRanges": ["0.0.0.0/0"],
            "denied": [{"IPProtocol": "tcp", "ports": ["22", "8443"]}, {"IPProtocol": "icmp"}]}),
            )],
        ),
        ("quarantine", vec![deny_all(value!({"priority": 1000, "targetTags": [TAG]}))]),
        ("high default", vec![deny_all(value!({"priority": 10}))]),
    ] {
        let mut all = rules;
        all.push(cluster("c", value!({})));
        all.push(denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"));
        let report = Inputs::of(&all).triage();
        let finding = findings(&report, "webhook-port-blocked")[0];
        assert_eq!(finding["fixes"], value!([]), "{what}");
        assert!(finding["no_fix"].as_str().unwrap().starts_with("intended denial"), "{what}");
    }
}

/// An allow that is made outranks the default, and stays below what nobody asked about.
#[test]
fn the_priority_outranks_the_default_alone() {
    let inputs = Inputs::of(&[
        deny_all(value!({"priority": 900})),
        rule(
            "exception",
            value!({"priority": 800, "allowed": [{"IPProtocol": "tcp", "ports": ["1"]}],
            "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG]}),
        ),
        rule(
            "other-port",
            value!({"priority": 850, "denied": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["0.0.0.0/0"]}),
        ),
        cluster("c", value!({})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
    ]);
    let report = inputs.triage();
    let fixes = findings(&report, "webhook-port-blocked")[0]["fixes"].as_array().unwrap().clone();
    let added = fixes.iter().find(|fix| fix["kind"] == "add-firewall-rule").unwrap();
    assert_eq!(added["rule"]["priority"], 899);
}

/// Several clusters in one subnetwork: the VM's name tells whose node it is; without one it is not
/// known, and a VM that is no node carries no node tag.
#[test]
fn shared_subnetworks_are_not_guessed() {
    let inputs = Inputs::of(&[
        rule(
            "allow-a",
            value!({"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["10.9.0.0/16"],
            "targetTags": ["gke-a-aaaaaaaa-node"]}),
        ),
        deny_all(value!({})),
        cluster("a", value!({"clusterIpv4Cidr": "10.1.0.0/16"})),
        cluster("b", value!({"clusterIpv4Cidr": "10.2.0.0/16", "id": "bbbbbbbb1111"})),
        subnet(value!({})),
        denied("10.9.0.1", "10.0.0.7", 80, "deny-all", "INGRESS", "gke-b-pool-1"),
        denied("10.9.0.1", "10.0.0.8", 80, "deny-all", "INGRESS", "bastion-1"),
    ]);
    let report = inputs.triage();
    assert!(findings(&report, "snapshot-disagrees").is_empty(), "{report:#}");
    assert_eq!(inputs.why("10.9.0.1", "10.0.0.9:80", "INGRESS").0, "UNDETERMINED");
    assert_eq!(
        inputs.why("10.9.0.1", "10.0.0.7:80", "INGRESS"),
        ("DENIED".into(), "deny-all".into())
    );
}

/// Networks of one name in several projects are not mixed, and their findings have ids of their own.
#[test]
fn networks_of_one_name_are_told_apart() {
    let of = |project: &str, action: &str| {
        let mut rule = rule(
            "r",
            value!({"network": format!("projects/{project}/global/networks/n"),
            "sourceRanges": ["0.0.0.0/0"], "logConfig": {"enable": false}}),
        );
        rule[action] = value!([{"IPProtocol": "tcp"}]);
        rule
    };
    let inputs = Inputs::of(&[of("p", "allowed"), of("q", "denied")]);
    assert_eq!(inputs.why("10.9.0.1", "10.0.0.7:80", "INGRESS").0, "ALLOWED");
    let answer = json(&[
        "why",
        "10.9.0.1",
        "10.0.0.7:80",
        inputs.path(),
        "--network",
        "n",
        "--project",
        "q",
    ]);
    assert_eq!(answer["asked"][1]["decision"]["verdict"], "DENIED");
    let answer = json(&["why", "10.9.0.1", "10.0.0.7:80", inputs.path(), "--network", "n"]);
    assert!(answer["missing"].to_string().contains("--project"), "{answer:#}");

    let elsewhere =
        Inputs::of(&[of("q", "denied"), denied("10.9.0.1", "10.0.0.7", 80, "r", "INGRESS", "vm")]);
    assert_eq!(elsewhere.triage()["findings"][0]["decision"]["verdict"], "UNDETERMINED");
}

/// Two networks with the same ranges: neither is guessed, in whatever order they were read.
#[test]
fn overlapping_networks_are_not_guessed() {
    let inputs = Inputs::of(&[
        subnet(value!({})),
        subnet(value!({"name": "t", "network": "projects/p/global/networks/m"})),
        rule("a", value!({"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["0.0.0.0/0"]})),
        rule(
            "b",
            value!({"denied": [{"IPProtocol": "tcp"}], "sourceRanges": ["0.0.0.0/0"],
            "network": "projects/p/global/networks/m"}),
        ),
    ]);
    let answer = json(&["why", "10.0.0.4", "10.0.0.9:443", inputs.path()]);
    assert_eq!(answer["asked"], value!([]));
    assert!(answer["missing"].to_string().contains("--network"));
}

/// What is there and is not understood makes the answer Undetermined, never wrong.
#[test]
fn strange_values_are_never_taken_for_none() {
    let allow = value!([{"IPProtocol": "tcp"}]);
    for (what, fields) in [
        ("null range", value!({"sourceRanges": [null], "allowed": allow})),
        ("object", value!({"sourceRanges": [{"ref": "x"}], "allowed": allow})),
        ("placeholder", value!({"sourceRanges": ["podRange"], "allowed": allow})),
        ("null tag", value!({"targetTags": [null], "allowed": allow})),
        ("disabled", value!({"disabled": "${off}", "allowed": allow})),
        ("null port", value!({"allowed": [{"IPProtocol": "tcp", "ports": [null]}]})),
        ("no action", value!({})),
    ] {
        let inputs = Inputs::of(&[rule("r", fields), deny_all(value!({}))]);
        assert_eq!(inputs.why("10.9.0.1", "10.0.0.7:80", "INGRESS").0, "UNDETERMINED", "{what}");
    }
}

/// Source tags match the primary internal address of a VM, and nothing else.
#[test]
fn source_tags_match_primary_addresses_only() {
    let vm = value!({"kind": "compute#instance", "name": "web-1", "tags": {"items": ["web"]},
        "zone": "zones/r-a", "networkInterfaces": [{"network": "projects/p/global/networks/n",
        "networkIP": "10.0.0.4", "accessConfigs": [{"natIP": "34.9.9.7"}],
        "aliasIpRanges": [{"ipCidrRange": "10.3.0.0/24"}]}]});
    let inputs = Inputs::of(&[
        rule("by-tag", value!({"allowed": [{"IPProtocol": "tcp"}], "sourceTags": ["web"]})),
        deny_all(value!({})),
        vm,
        subnet(value!({})),
    ]);
    assert_eq!(inputs.why("10.0.0.4", "10.0.0.9:80", "INGRESS").0, "ALLOWED");
    assert_eq!(inputs.why("34.9.9.7", "10.0.0.9:80", "INGRESS").0, "DENIED");
    // To an external address, tcp 25 is always blocked, whoever's it is.
    assert_eq!(inputs.why("10.0.0.9", "34.9.9.7:25", "EGRESS").0, "DENIED");
    // A pod on that VM has the VM's tags as a target.
    let target = Inputs::of(&[
        rule(
            "to-web",
            value!({"allowed": [{"IPProtocol": "tcp"}], "targetTags": ["web"], "sourceRanges": ["10.9.0.0/16"]}),
        ),
        deny_all(value!({})),
        value!({"kind": "compute#instance", "name": "web-1", "tags": {"items": ["web"]},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.4",
            "aliasIpRanges": [{"ipCidrRange": "10.3.0.0/24"}]}]}),
    ]);
    assert_eq!(target.why("10.9.0.1", "10.3.0.8:80", "INGRESS").0, "ALLOWED");
}

/// A trimmed export of a VM holds no tags; a whole one without tags says that there are none.
#[test]
fn missing_tags_are_not_no_tags() {
    for (tags, verdict) in [(None, "UNDETERMINED"), (Some(value!({"fingerprint": "x"})), "DENIED")]
    {
        let mut vm = value!({"kind": "compute#instance", "name": "v", "networkInterfaces":
            [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.4"}]});
        if let Some(tags) = tags {
            vm["tags"] = tags;
        }
        let inputs = Inputs::of(&[
            rule(
                "to-web",
                value!({"allowed": [{"IPProtocol": "tcp"}], "targetTags": ["web"], "sourceRanges": ["0.0.0.0/0"]}),
            ),
            deny_all(value!({})),
            vm,
        ]);
        assert_eq!(inputs.why("10.9.0.1", "10.0.0.4:80", "INGRESS").0, verdict);
    }
}

/// A wrong tag on an allow is a near miss, where the tags of nodes are known whole.
#[test]
fn a_wrong_tag_is_a_near_miss() {
    let inputs = Inputs::of(&[
        rule(
            "wrong-tag",
            value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}],
            "sourceRanges": ["172.16.0.0/28"], "targetTags": ["gke-other-bbbbbbbb-node"]}),
        ),
        deny_all(value!({})),
        cluster("c", value!({})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
    ]);
    let report = inputs.triage();
    let finding = findings(&report, "webhook-port-blocked")[0];
    assert_eq!(finding["decision"]["verdict"], "DENIED");
    assert_eq!(finding["decision"]["near_misses"][0]["mismatch"], "target");
    let fix = &finding["fixes"][0];
    assert_eq!(fix["rule"]["name"], "wrong-tag");
    assert!(fix["rule"]["target_tags"].to_string().contains(TAG));
    assert_eq!(finding["fixes"][1]["rule"]["target_tags"], value!([TAG]));
}

/// The direction that the log leaves out is that of the rule it names.
#[test]
fn the_named_rule_tells_the_direction() {
    let mut entry = denied("10.0.0.4", "10.0.0.9", 80, "deny-all", "INGRESS", "v");
    entry["jsonPayload"]["rule_details"].as_object_mut().unwrap().remove("direction");
    let inputs = Inputs::of(&[
        deny_all(value!({})),
        rule(
            "deny-out",
            value!({"direction": "EGRESS", "priority": 65000, "denied": [{"IPProtocol": "all"}],
            "destinationRanges": ["0.0.0.0/0"]}),
        ),
        subnet(value!({})),
        entry,
    ]);
    let report = inputs.triage();
    assert!(findings(&report, "snapshot-disagrees").is_empty(), "{report:#}");
    assert_eq!(report["findings"][0]["flow"]["direction"], "INGRESS");
}

/// Policies of effective firewalls: order, goto_next, and what does not apply to VMs.
#[test]
fn policies_are_asked_in_their_place() {
    let policy = |rules: Value| {
        value!({"firewalls": [rule("vpc-allow", value!({"allowed": [{"IPProtocol": "tcp"}],
            "sourceRanges": ["0.0.0.0/0"]}))],
            "firewallPolicys": [{"name": "1", "shortName": "org", "type": "HIERARCHY", "rules": rules}]})
    };
    let one = |action: &str, extra: Value| {
        let mut rule = value!({"priority": 5000, "direction": "INGRESS", "action": action,
            "match": {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "tcp"}]}});
        for (key, field) in extra.as_object().unwrap() {
            rule[key] = field.clone();
        }
        rule
    };
    let verdict =
        |rules: Value| Inputs::of(&[policy(rules)]).why("10.9.0.1", "10.0.0.7:80", "INGRESS").0;
    assert_eq!(verdict(value!([one("deny", value!({}))])), "DENIED");
    assert_eq!(verdict(value!([one("goto_next", value!({}))])), "ALLOWED");
    assert_eq!(verdict(value!([one("apply_security_profile_group", value!({}))])), "UNDETERMINED");
    let lb = value!({"targetType": "INTERNAL_MANAGED_LB"});
    assert_eq!(verdict(value!([one("deny", lb)])), "ALLOWED");
    let tags = value!({"match": {"srcSecureTags": [{"name": "tagValues/1", "state": "INEFFECTIVE"}],
        "layer4Configs": [{"ipProtocol": "all"}]}});
    assert_eq!(verdict(value!([one("deny", tags)])), "ALLOWED");
    let fqdn =
        value!({"match": {"srcFqdns": ["example.com"], "layer4Configs": [{"ipProtocol": "all"}]}});
    assert_eq!(verdict(value!([one("deny", fqdn)])), "UNDETERMINED");

    // What a policy denies is not mended by a VPC rule; the VPC rule that is outranked is named.
    let mut entry = denied("172.16.0.2", "10.1.0.5", 8443, "x", "INGRESS", "gke-c-pool-1");
    entry["jsonPayload"]["rule_details"]["reference"] = value!("organization:1/firewallPolicy:1");
    let inputs =
        Inputs::of(&[policy(value!([one("deny", value!({}))])), cluster("c", value!({})), entry]);
    let report = inputs.triage();
    let finding = findings(&report, "webhook-port-blocked")[0];
    assert_eq!(finding["fixes"][0]["kind"], "add-policy-rule", "{finding:#}");
    assert_eq!(finding["decision"]["near_misses"][0]["mismatch"], "priority");
    assert!(findings(&report, "snapshot-disagrees").is_empty());
}

/// Of several denies of one priority the log may name any.
#[test]
fn equal_denies_agree_with_the_log() {
    let inputs = Inputs::of(&[
        deny_all(value!({})),
        deny_all(value!({"name": "another-deny"})),
        denied("203.0.113.9", "10.0.0.9", 22, "deny-all", "INGRESS", "v"),
    ]);
    assert!(findings(&inputs.triage(), "snapshot-disagrees").is_empty());
}

/// IPv6: a rule without any range is for IPv4; well-known and own ranges of both families.
#[test]
fn both_families() {
    let inputs = Inputs::of(&[
        rule("no-range", value!({"allowed": [{"IPProtocol": "tcp"}]})),
        subnet(value!({"ipv6CidrRange": "2600:1900:4000::/64"})),
    ]);
    assert_eq!(inputs.why("10.9.0.1", "10.0.0.7:80", "INGRESS").0, "ALLOWED");
    assert_ne!(inputs.why("2001:db8::1", "[2600:1900:4000::7]:80", "INGRESS").0, "ALLOWED");
}

/// A rule that is opened by tag opens to the tag, not to everybody.
#[test]
fn opening_by_tag_is_said_as_such() {
    let vm = |name: &str, ip: &str, tag: &str| {
        value!({"kind": "compute#instance", "name": name,
        "tags": {"items": [tag]}, "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": ip}]})
    };
    let inputs = Inputs::of(&[
        rule(
            "by-tag",
            value!({"allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], "sourceTags": ["web"], "disabled": true}),
        ),
        deny_all(value!({})),
        vm("a", "10.0.0.4", "web"),
        vm("b", "10.0.0.5", "db"),
        denied("10.0.0.4", "10.0.0.5", 80, "deny-all", "INGRESS", "b"),
    ]);
    let report = inputs.triage();
    let fixes = report["findings"][0]["fixes"].as_array().unwrap();
    let enabled = fixes.iter().find(|fix| fix["kind"] == "enable-firewall-rule").expect("enabled");
    assert_eq!(enabled["proof"]["opens"][0]["sources"], value!(["tag:web"]));
}

/// A manifest that is written anew keeps what is not the rule: its object's name and namespace, its
/// references, its description.
#[test]
fn manifests_keep_their_identity() {
    let manifests = "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeNetwork\nmetadata:\n  name: net-obj\n  namespace: ns1\n  annotations:\n    cnrm.cloud.google.com/project-id: p\nspec:\n  resourceID: n\n---\napiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeFirewall\nmetadata:\n  name: fw-obj\n  namespace: ns1\n  annotations:\n    cnrm.cloud.google.com/project-id: p\nspec:\n  resourceID: hooks\n  description: For the webhooks\n  allow:\n  - protocol: tcp\n    ports:\n    - \"9443\"\n  sourceRanges:\n  - 172.16.0.0/28\n  targetTags:\n  - gke-c-aaaaaaaa-node\n  networkRef:\n    name: net-obj\n  logConfig:\n    metadata: EXCLUDE_ALL_METADATA\n";
    let rest = [
        deny_all(value!({})),
        cluster("c", value!({})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
    ];
    let rest: String = rest.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("a.yaml", manifests.as_bytes()), ("b.ndjson", rest.as_bytes())]);
    let text = stdout(&run(&["fix", scratch.path().to_str().unwrap(), "--as", "cnrm"]));
    for line in [
        "name: fw-obj",
        "namespace: ns1",
        "cnrm.cloud.google.com/project-id: p",
        "resourceID: hooks",
        "description: For the webhooks",
        "name: net-obj",
        "metadata: EXCLUDE_ALL_METADATA",
        "- \"8443\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

/// A default at the usual priority is a default; GKE's own denies on other ports do not push a new
/// allow away from the usual priority, and GKE's own rules are not what a person nearly wrote.
#[test]
fn usual_priorities() {
    let kubelet = rule(
        "gke-c-aaaaaaaa-exkubelet",
        value!({"denied": [{"IPProtocol": "tcp", "ports": ["10255"]}],
        "sourceRanges": ["0.0.0.0/0"], "targetTags": [TAG]}),
    );
    let master = rule(
        "gke-c-aaaaaaaa-master",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["443", "10250"]}],
        "sourceRanges": ["172.16.0.0/28"], "targetTags": [TAG]}),
    );
    let wrong = rule(
        "hooks",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}],
        "sourceRanges": ["172.16.0.16/28"], "targetTags": [TAG]}),
    );
    for (default, priority) in [(65000, 1000), (1000, 999)] {
        let inputs = Inputs::of(&[
            kubelet.clone(),
            master.clone(),
            wrong.clone(),
            deny_all(value!({"priority": default})),
            cluster("c", value!({})),
            denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gke-c-pool-1"),
        ]);
        let report = inputs.triage();
        let finding = findings(&report, "webhook-port-blocked")[0];
        let fixes = finding["fixes"].as_array().unwrap();
        let added = fixes.iter().find(|fix| fix["kind"] == "add-firewall-rule").unwrap();
        assert_eq!(added["rule"]["priority"], priority);
        assert_eq!(finding["decision"]["near_misses"][0]["rule"], "hooks");
    }
}

/// Autopilot's names begin with gk3: its tag is read off its rules, and its rules are GKE's.
#[test]
fn autopilot_is_gke_too() {
    let inputs = Inputs::of(&[
        rule(
            "gk3-c-aaaaaaaa-master",
            value!({"allowed": [{"IPProtocol": "tcp", "ports": ["443", "10250"]}],
            "sourceRanges": ["172.16.0.0/28"], "targetTags": ["gk3-c-aaaaaaaa-node"]}),
        ),
        deny_all(value!({})),
        cluster("c", value!({"autopilot": {"enabled": true}, "nodePools": []})),
        denied("172.16.0.2", "10.1.0.5", 8443, "deny-all", "INGRESS", "gk3-c-pool-1"),
    ]);
    let report = inputs.triage();
    let fixes = findings(&report, "webhook-port-blocked")[0]["fixes"].as_array().unwrap().clone();
    assert_eq!(fixes.len(), 1);
    assert_eq!(fixes[0]["rule"]["target_tags"], value!(["gk3-c-aaaaaaaa-node"]));
}

/// Probes of passthrough load balancers need all four ranges, whatever else is denied beside them.
#[test]
fn probes_of_both_kinds_are_mended() {
    let inputs = Inputs::of(&[
        deny_all(value!({})),
        cluster("c", value!({})),
        subnet(value!({})),
        denied("35.191.1.2", "10.0.0.5", 10256, "deny-all", "INGRESS", "gke-c-pool-1"),
        denied("209.85.152.9", "10.0.0.5", 10256, "deny-all", "INGRESS", "gke-c-pool-1"),
    ]);
    let report = inputs.triage();
    let found = findings(&report, "health-check-blocked");
    let widest = found
        .iter()
        .map(|one| one["fixes"][0]["rule"]["source_ranges"].as_array().unwrap().len())
        .max();
    assert_eq!(widest, Some(4), "{report:#}");
}

/// What Google always blocks is not mended, nor taken for a disagreement.
#[test]
fn mail_is_always_blocked() {
    let inputs = Inputs::of(&[
        rule(
            "deny-out",
            value!({"direction": "EGRESS", "priority": 65000, "denied": [{"IPProtocol": "all"}],
            "destinationRanges": ["0.0.0.0/0"]}),
        ),
        subnet(value!({})),
        denied("10.0.0.5", "198.51.100.9", 25, "deny-out", "EGRESS", "v"),
    ]);
    let report = inputs.triage();
    assert!(findings(&report, "snapshot-disagrees").is_empty());
    let finding = findings(&report, "external-egress-blocked")[0];
    assert!(finding["no_fix"].as_str().unwrap().contains("always blocks"), "{finding:#}");
}

/// A policy that is described on its own may apply or not: where it would decide, the answer is
/// Undetermined, and where it would not, it is the VPC's.
#[test]
fn policies_on_their_own_are_doubtful() {
    let policy = value!({"kind": "compute#firewallPolicy", "name": "123", "shortName": "org",
        "rules": [{"priority": 10, "direction": "INGRESS", "action": "deny", "match":
            {"srcIpRanges": ["10.9.0.0/16"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["80"]}]}}]});
    let manifest = value!({"apiVersion": "compute.cnrm.cloud.google.com/v1beta1",
        "kind": "ComputeFirewallPolicyRule", "metadata": {"name": "x"}, "spec": {
            "firewallPolicyRef": {"name": "org"}, "priority": 10, "direction": "INGRESS",
            "action": "deny", "match": {"srcIPRanges": ["10.9.0.0/16"],
            "layer4Configs": [{"ipProtocol": "tcp", "ports": ["80"]}]}}});
    for policy in [policy, manifest] {
        let inputs = Inputs::of(&[
            rule(
                "allow",
                value!({"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["0.0.0.0/0"]}),
            ),
            policy,
        ]);
        assert_eq!(inputs.why("10.9.0.1", "10.0.0.7:80", "INGRESS").0, "UNDETERMINED");
        assert_eq!(inputs.why("10.9.0.1", "10.0.0.7:81", "INGRESS").0, "ALLOWED");
    }
}

/// Exporters write `peeringName` empty where Private Service Connect joins the control plane: it
/// does not speak from a range of its own then.
#[test]
fn an_empty_name_of_a_peering_is_none() {
    let with = |fields: Value| {
        let mut private = value!({"masterIpv4CidrBlock": "172.16.0.0/28",
            "privateEndpointSubnetwork": "projects/p/regions/r/subnetworks/s"});
        private["peeringName"] = fields;
        let own = cluster("c", value!({"privateClusterConfig": private}));
        let report = Inputs::of(&[own, subnet(value!({})), deny_all(value!({}))]).triage();
        let found = findings(&report, "control-plane-ingress-blocked");
        found.iter().filter(|one| one["severity"] == "error").count()
    };
    assert_eq!((with(value!("")), with(value!("gke-peer"))), (0, 1));
}

/// Autopilot names its nodes otherwise: a tag that no VM carries is not derived.
#[test]
fn no_tag_is_derived_for_autopilot() {
    let with = |autopilot: bool| {
        let own = cluster("c", value!({"autopilot": {"enabled": autopilot}}));
        let text = Inputs::of(&[own, subnet(value!({})), deny_all(value!({}))]).triage();
        text["findings"].to_string().contains(TAG)
    };
    assert!(with(false) && !with(true));
}

/// A plan or a state holds what is managed there, and GKE writes its rules by itself.
#[test]
fn the_rules_of_a_plan_are_not_all_rules() {
    let written = value!({"format_version": "1.2", "planned_values": {"root_module": {"resources": [
        {"address": "google_compute_firewall.ssh", "mode": "managed",
         "type": "google_compute_firewall", "name": "ssh",
         "values": {"name": "ssh", "network": "projects/p/global/networks/n", "project": "p",
            "direction": "INGRESS", "priority": 1000, "source_ranges": ["35.235.240.0/20"],
            "allow": [{"protocol": "tcp", "ports": ["22"]}]}}]}}});
    let exported = rule(
        "ssh",
        value!({"sourceRanges": ["35.235.240.0/20"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}),
    );
    let blocked = |rule: Value| {
        let report = Inputs::of(&[cluster("c", value!({})), subnet(value!({})), rule]).triage();
        findings(&report, "control-plane-ingress-blocked").len()
    };
    assert_eq!((blocked(written), blocked(exported)), (0, 1));
}

/// The Compute API takes GRE by its number alone.
#[test]
fn gre_is_printed_as_a_number() {
    let own = rule(
        "vpn",
        value!({"sourceRanges": ["10.9.0.0/24"], "targetTags": [TAG],
        "allowed": [{"IPProtocol": "47"}, {"IPProtocol": "tcp", "ports": ["443"]}]}),
    );
    let vm = value!({"kind": "compute#instance", "name": "vm-1", "tags": {"items": [TAG]},
        "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.9"}],
        "selfLink": "https://x/projects/p/zones/z/instances/vm-1"});
    let client = subnet(value!({"name": "clients", "ipCidrRange": "10.9.0.0/24"}));
    let log = denied("10.9.0.2", "10.0.0.9", 8443, "deny-all", "INGRESS", "vm-1");
    let inputs = Inputs::of(&[own, deny_all(value!({})), vm, client, subnet(value!({})), log]);
    let report = inputs.triage();
    let fixes = findings(&report, "cluster-internal-blocked")
        .into_iter()
        .chain(findings(&report, "unexplained-denial"))
        .flat_map(|one| one["fixes"].as_array().unwrap().clone())
        .collect::<Vec<_>>();
    let update = fixes.iter().find(|fix| fix["rule"]["name"] == "vpn").expect("a correction");
    let printed = update["as"].to_string();
    assert!(printed.contains("--rules=47,tcp:443,tcp:8443"), "{printed}");
    assert!(!printed.contains("gre"), "{printed}");
}

/// One more port is opened where it is asked for, not on all VMs because a rule for all of them is
/// near; and a rule of many ports is not given one more source for the sake of one.
#[test]
fn the_narrowest_change_comes_first() {
    let vm = |name: &str, address: &str, tag: &str| {
        value!({"kind": "compute#instance", "name": name, "tags": {"items": [tag]},
            "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": address}],
            "selfLink": format!("https://x/projects/p/zones/z/instances/{name}")})
    };
    let clients = subnet(value!({"name": "clients", "ipCidrRange": "10.9.0.0/24"}));
    let ask = |near: Value| {
        let log = denied("10.9.0.2", "10.0.0.9", 5432, "deny-all", "INGRESS", "db-1");
        let all = [
            near,
            deny_all(value!({})),
            vm("db-1", "10.0.0.9", "db"),
            vm("web-1", "10.0.0.8", "web"),
            clients.clone(),
            subnet(value!({})),
            log,
        ];
        let report = Inputs::of(&all).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.iter().find(|one| one["observed"]["count"] == 1).expect("the denial");
        own["fixes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fix| {
                (
                    fix["kind"].as_str().unwrap().to_owned(),
                    fix["safety"].as_str().unwrap().to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let words = |kind: &str, safety: &str| (kind.to_owned(), safety.to_owned());
    let for_all = rule(
        "web",
        value!({"sourceRanges": ["10.9.0.0/24"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
    );
    // What only the log knows of wants a look, whichever it is.
    let expected = [words("add-firewall-rule", "review"), words("update-firewall-rule", "review")];
    assert_eq!(ask(for_all), expected);
    let many_ports = rule(
        "admin",
        value!({"sourceRanges": ["10.9.4.0/24"], "targetTags": ["db"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["22", "3306", "5432", "9090"]}]}),
    );
    assert_eq!(ask(many_ports), expected);
    // What is for these VMs and lacks one port is corrected.
    let own = rule(
        "db",
        value!({"sourceRanges": ["10.9.0.0/24"], "targetTags": ["db"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
    );
    assert_eq!(ask(own)[0], words("update-firewall-rule", "review"));
}

/// What nodes log of NetworkPolicies has connections and dispositions as well, and so have the
/// firewalls of others in Elastic's form: no rule of the VPC denied them.
#[test]
fn denials_of_others_are_not_the_vpcs() {
    let connection = value!({"src_ip": "10.1.0.4", "src_port": 4000, "dest_ip": "10.1.0.5",
        "dest_port": 8080, "protocol": "tcp", "direction": "ingress"});
    let policy = value!({"connection": connection, "disposition": "deny", "node_name": "gke-c-1",
        "policies": [], "timestamp": "2026-10-14T09:00:00Z"});
    let projected = value!({"timestamp": "2026-10-14T09:00:00Z", "jsonPayload": policy});
    let elastic = |dataset: &str| {
        value!({"@timestamp": "2026-10-14T09:00:00Z", "event": {"dataset": dataset, "type": ["denied"]},
            "source": {"ip": "10.1.0.4", "port": 4000}, "destination": {"ip": "10.1.0.5", "port": 8080},
            "network": {"transport": "tcp", "direction": "inbound"}})
    };
    for (entry, denied) in
        [(policy, 0), (projected, 0), (elastic("cisco_asa.log"), 0), (elastic("gcp.firewall"), 1)]
    {
        let report = Inputs::of(&[entry.clone(), cluster("c", value!({})), rule(
            "ssh",
            value!({"allowed": [{"IPProtocol": "tcp", "ports": ["22"]}], "sourceRanges": ["10.9.0.0/24"]}),
        )]).triage();
        assert_eq!(report["log"]["denied"], denied, "{entry}");
    }
}

/// An export of some fields may leave the disposition out, which is what the rule did, or write
/// times as numbers.
#[test]
fn entries_of_few_fields_are_read() {
    let mut whole = denied("10.1.0.4", "10.1.0.5", 8080, "deny-all", "INGRESS", "vm-1");
    whole["jsonPayload"].as_object_mut().unwrap().remove("disposition");
    whole.as_object_mut().unwrap().remove("logName");
    whole["jsonPayload"]["rule_details"]["action"] = value!("DENY");
    for time in [
        value!("2026-10-14T09:00:01Z"),
        value!("1.791968401E9"),
        value!(1_791_968_401),
        value!(1_791_968_401_000_u64),
        value!({"seconds": 1_791_968_401, "nanos": 0}),
    ] {
        whole["timestamp"] = time.clone();
        let inputs = Inputs::of(std::slice::from_ref(&whole));
        let log =
            json(&["triage", inputs.path(), "--since", "2026-10-14T09:00:00Z"])["log"].clone();
        assert_eq!(
            (&log["denied"], &log["first"]),
            (&value!(1), &value!("2026-10-14T09:00:01Z")),
            "{time}"
        );
    }
}

/// A rule that the log names and nobody gave decides before what was given: nothing is proven, and
/// what does not outrank it is no fix.
#[test]
fn a_decider_that_was_not_given_is_not_gone_around() {
    let ask = |reference: &str, priority: u32| {
        let mut log = denied("10.0.0.4", "10.0.0.5", 8080, "x", "INGRESS", "vm-1");
        log["jsonPayload"]["rule_details"]["reference"] = value!(reference);
        log["jsonPayload"]["rule_details"]["priority"] = value!(priority);
        let report = Inputs::of(&[log, deny_all(value!({})), subnet(value!({}))]).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let is_denial = |one: &&Value| one["observed"]["count"] == 1 && !one["flow"].is_null();
        let own = found.iter().find(is_denial).unwrap();
        (
            own["confidence"].as_str().unwrap().to_owned(),
            !own["fixes"].as_array().unwrap().is_empty(),
        )
    };
    let words = |confidence: &str, mends: bool| (confidence.to_owned(), mends);
    assert_eq!(ask("network:n/firewall:deny-all", 65000), words("proven", true));
    assert_eq!(ask("network:n/firewall:block", 500), words("likely", false));
    assert_eq!(ask("network:n/firewall:block", 1000), words("likely", false));
    assert_eq!(ask("network:n/firewall:other-default", 65100), words("likely", true));
    assert_eq!(ask("organization:1/firewallPolicy:99", 100), words("likely", false));
}

/// The log of one project is not held against another's network of the same name without a word.
#[test]
fn the_project_of_a_log_is_not_forgotten() {
    let ask = |project: &str| {
        let mut log = denied("10.0.0.4", "10.0.0.5", 8080, "deny-all", "INGRESS", "vm-1");
        log["logName"] =
            value!(format!("projects/{project}/logs/compute.googleapis.com%2Ffirewall"));
        log["jsonPayload"].as_object_mut().unwrap().remove("vpc");
        log["jsonPayload"].as_object_mut().unwrap().remove("instance");
        let report = Inputs::of(&[log, deny_all(value!({})), subnet(value!({}))]).triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.iter().find(|one| one["observed"]["count"] == 1).unwrap().clone();
        let told = own["explanation"].to_string().contains("taken for that of p");
        (own["confidence"].as_str().unwrap().to_owned(), told)
    };
    assert_eq!(ask("p"), ("proven".to_owned(), false));
    assert_eq!(ask("q"), ("likely".to_owned(), true));
}

/// White space means nothing in JSON: one value is one value wherever its lines break.
#[test]
fn a_value_that_begins_on_one_line_goes_on_in_the_next() {
    let policy = value!({"name": "1", "shortName": "org", "type": "HIERARCHY", "rules": [
        {"action": "deny", "direction": "INGRESS", "priority": 5, "match": {
            "srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]}}]});
    let open = rule(
        "web",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["0.0.0.0/0"]}),
    );
    for text in [
        format!("{{\"firewallPolicys\":[\n{policy}\n],\n\"firewalls\":[\n{open}\n]}}\n"),
        format!("{{\"firewalls\":[\n{open}\n],\"firewallPolicys\":[{policy}]}}\n"),
        format!("{{\"firewalls\":\n[{open}],\n\"firewallPolicys\":\n[{policy}]}}\n"),
    ] {
        let scratch = folder(&[("effective.json", text.as_bytes())]);
        let answer = ssh("8.8.8.8", &[scratch.path().to_str().unwrap()]);
        assert_eq!(answer["verdict"], "DENIED", "{text}");
    }
}

/// Two zones of one name: the records of each are told by their file, or by nothing.
#[test]
fn records_of_twin_zones_are_not_mixed() {
    let zone = |name: &str, network: &str| {
        value!({"kind": "dns#managedZone", "name": name, "dnsName": "gcr.io.", "visibility": "private",
            "privateVisibilityConfig": {"networks": [
                {"networkUrl": format!("projects/p/global/networks/{network}")}]}})
    };
    let records = |last: u8| {
        value!([{"kind": "dns#resourceRecordSet", "name": "gcr.io.", "type": "A", "ttl": 300,
            "rrdatas": [format!("199.36.153.{last}")]}])
        .to_string()
    };
    let rest = value!([zone("gcr-prod", "n"), zone("gcr-dev", "m"), cluster("c", value!({})),
        subnet(value!({})),
        {"kind": "compute#route", "name": "default", "network": "projects/p/global/networks/n",
         "destRange": "0.0.0.0/0", "priority": 1000,
         "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"}])
    .to_string();
    let name = |first: &str, second: &str| {
        let scratch = folder(&[
            ("all.json", rest.as_bytes()),
            (first, records(4).as_bytes()),
            (second, records(8).as_bytes()),
        ]);
        let path = scratch.path().to_str().unwrap();
        json(&["path", "c", "gcr.io", path])["links"][0].clone()
    };
    let told = name("records-gcr-prod.json", "records-gcr-dev.json");
    assert_eq!(told["state"], "ok", "{told:#}");
    assert!(told["detail"].as_str().unwrap().contains("199.36.153.4"), "{told:#}");
    assert_eq!(name("a.json", "b.json")["state"], "undetermined");
}

/// What `>` of Windows PowerShell writes, and what others put around an entry.
#[test]
fn entries_in_other_clothes_are_read() {
    let entry = denied("10.1.0.4", "10.1.0.5", 8080, "deny-all", "INGRESS", "vm-1");
    let text = format!("{entry}\n");
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(order).collect::<Vec<u8>>()
    };
    let behind = |prefix: &str| format!("{prefix}{entry}\n").into_bytes();
    let inside = |value: Value| value.to_string().into_bytes();
    for (name, bytes) in [
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
        ("fluentd", behind("2026-10-14 09:00:00 +0000 gcp.firewall: ")),
        ("grep", behind("logs/fw.json:")),
        ("CRI", behind("2026-10-14T09:00:00Z stdout F ")),
        ("HEC", inside(value!({"time": 1, "event": entry}))),
        ("HEC of text", inside(value!({"time": 1, "event": entry.to_string()}))),
        ("Datadog", inside(value!({"data": [{"id": "a", "attributes": {"attributes": entry}}]}))),
        ("logs", inside(value!({"logs": [entry]}))),
        ("results", inside(value!({"results": [{"_raw": entry.to_string()}]}))),
    ] {
        let scratch = folder(&[("log.txt", &bytes)]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        assert_eq!(report["log"]["denied"], 1, "{name}: {}", report["complaints"]);
        assert_eq!(report["log"]["unparsable"], 0, "{name}");
    }
}

/// A list under a name that shippers use, and nothing of a log in it.
#[test]
fn lists_of_something_else_are_left_where_they_are() {
    for key in ["data", "logs", "results"] {
        let mut open = rule(
            "web",
            value!({"sourceRanges": ["0.0.0.0/0"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}),
        );
        open[key] = value!([{"owner": "team"}]);
        let scratch = folder(&[("rule.json", open.to_string().as_bytes())]);
        let answer = ssh("8.8.8.8", &[scratch.path().to_str().unwrap()]);
        assert_eq!(answer["decider"]["name"], "web", "{key}: {answer}");
    }
}

/// Pulls that fail for reasons of their own are not the network's, and layers come from another
/// host than the registry.
#[test]
fn pulls_fail_for_many_reasons() {
    for (text, title, fix) in [
        ("toomanyrequests: You have reached your pull rate limit", "answered", "not the network"),
        (
            "failed to extract layer: write /x: no space left on device",
            "answered",
            "not the network",
        ),
        (
            "no matching manifest for linux/arm64 in the manifest list",
            "answered",
            "not the network",
        ),
        (
            "dial tcp: lookup gcr.io on 10.30.0.10:53: read udp 10.1.0.4:9->10.30.0.10:53: i/o timeout",
            "the resolver does not answer",
            "cannot tell",
        ),
        (
            "dial tcp: lookup gcr.io on 169.254.169.254:53: read udp 10.1.0.4:9: i/o timeout",
            "is not resolved",
            "not the firewall",
        ),
        (
            "failed to copy: Get \"https://storage.googleapis.com/a/b\": dial tcp 142.250.9.207:443: i/o timeout",
            "nobody answered for storage.googleapis.com",
            "",
        ),
    ] {
        let pull = format!("Failed to pull image \"gcr.io/p/a:1\": {text}\n");
        let scratch = folder(&[("error.txt", pull.as_bytes())]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        let found = findings(&report, "image-pull-failing");
        let [one] = found.as_slice() else { panic!("{text}: {report:#}") };
        assert!(one["title"].as_str().unwrap().contains(title), "{one:#}");
        assert!(one["no_fix"].as_str().unwrap().contains(fix), "{one:#}");
    }
}

/// Nodes that get to none of Google's public addresses, and to no VIP, do not boot.
#[test]
fn a_deny_of_everything_outside_cuts_nodes_off() {
    let egress = |name: &str, priority: u32, key: &str, to: &str| {
        rule(
            name,
            value!({"direction": "EGRESS", "priority": priority, "destinationRanges": [to],
                key: [{"IPProtocol": "all"}]}),
        )
    };
    let zone = value!({"kind": "dns#managedZone", "name": "corp", "dnsName": "corp.example.",
        "visibility": "private", "privateVisibilityConfig": {"networks": [
            {"networkUrl": "projects/p/global/networks/n"}]}});
    let blocked = |rules: &[Value]| {
        let mut all = vec![cluster("c", value!({})), subnet(value!({})), zone.clone()];
        all.extend(own_rules());
        all.extend(rules.iter().cloned());
        let report = Inputs::of(&all).triage();
        findings(&report, "google-api-egress-blocked").len()
    };
    let inside = egress("inside", 1000, "allowed", "10.0.0.0/8");
    let deny = egress("deny-out", 65000, "denied", "0.0.0.0/0");
    assert_eq!(blocked(&[inside.clone(), deny.clone()]), 1);
    assert_eq!(blocked(std::slice::from_ref(&inside)), 0);
    // Where some are let out to, nobody knows which one is asked.
    let some = egress("some", 1000, "allowed", "142.250.0.0/15");
    assert_eq!(blocked(&[inside, deny, some]), 0);
}

/// An error that somebody saw weighs more than a guess, though the port is only the usual one.
#[test]
fn a_webhook_that_timed_out_is_no_note() {
    let error = "failed calling webhook \"validation.gatekeeper.sh\": failed to call webhook: Post \
                 \"https://gatekeeper-webhook-service.gatekeeper-system.svc:443/v1/admit?timeout=3s\": \
                 context deadline exceeded\n";
    let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
    all.extend(own_rules());
    let text: String = all.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("all.ndjson", text.as_bytes()), ("error.txt", error.as_bytes())]);
    let report = json(&["triage", scratch.path().to_str().unwrap()]);
    let found = findings(&report, "webhook-port-blocked");
    let [one] = found.as_slice() else { panic!("{report:#}") };
    assert_eq!((&one["severity"], &one["confidence"]), (&value!("warning"), &value!("possible")));
}

/// The object of the webhook takes nothing away from what an error tells: its Service was not given,
/// and the port of its pods is the one that was dialled.
#[test]
fn an_error_tells_the_port_that_no_service_does() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "gate"},
        "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {
            "service": {"namespace": "gate", "name": "gate", "port": 443}}}]});
    let asked = |address: &str, more: &[Value]| {
        let error = format!(
            "failed calling webhook \"gate.example.com\": failed to call webhook: Post \
             \"https://gate.gate.svc:443/v?timeout=3s\": dial tcp {address}: i/o timeout\n"
        );
        let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
        all.extend(own_rules());
        all.extend(more.to_vec());
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.ndjson", text.as_bytes()), ("error.txt", error.as_bytes())]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        let found = findings(&report, "webhook-port-blocked");
        let [one] = found.as_slice() else { panic!("{report:#}") };
        let [fix, ..] = one["fixes"].as_array().unwrap().as_slice() else { panic!("{one:#}") };
        let layers = fix["rule"]["layer4"].clone();
        (one["severity"].clone(), one["confidence"].clone(), layers)
    };
    let port = value!([{"protocol": "tcp", "ports": ["8443"]}]);
    let proven = (value!("error"), value!("proven"), port.clone());
    assert_eq!(asked("10.1.0.5:8443", &[]), proven);
    assert_eq!(asked("10.1.0.5:8443", std::slice::from_ref(&hook)), proven);
    // An address of nobody's is a doubt, and no reason to be silent.
    let possible = (value!("warning"), value!("possible"), port);
    assert_eq!(asked("10.77.0.5:8443", &[]), possible);
    assert_eq!(asked("10.77.0.5:8443", &[hook]), possible);
}

/// A control plane that is joined by Private Service Connect calls through agents: where these are
/// kept from it, a webhook that does not answer is not the pod's fault.
#[test]
fn agents_that_are_kept_away_carry_no_call() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "gate"},
        "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {
            "service": {"namespace": "gate", "name": "gate", "port": 443}}}]});
    let service = value!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "gate", "namespace": "gate"},
        "spec": {"selector": {"app": "gate"}, "ports": [{"port": 443, "targetPort": 8443}]}});
    let psc = value!({"privateClusterConfig": {"enablePrivateNodes": true,
        "privateEndpointSubnetwork": "projects/p/regions/r/subnetworks/s",
        "privateEndpoint": "10.0.0.2"}});
    let error = "failed calling webhook \"gate.example.com\": failed to call webhook: Post \
                 \"https://gate.gate.svc:443/v?timeout=3s\": context deadline exceeded\n";
    let asked = |more: &[Value]| {
        let mut all = vec![cluster("c", psc.clone()), subnet(value!({})), hook.clone()];
        all.push(service.clone());
        all.extend(own_rules());
        all.extend(more.to_vec());
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[("all.ndjson", text.as_bytes()), ("error.txt", error.as_bytes())]);
        json(&["triage", scratch.path().to_str().unwrap()])
    };
    let open = asked(&[]);
    assert_eq!(findings(&open, "webhook-backend-missing").len(), 1, "{open:#}");
    let closed = asked(&[rule(
        "no-agents",
        value!({"direction": "EGRESS", "priority": 900, "denied": [{"IPProtocol": "all"}],
            "destinationRanges": ["10.0.0.2/32"]}),
    )]);
    assert_eq!(findings(&closed, "webhook-backend-missing").len(), 0, "{closed:#}");
    let found = findings(&closed, "control-plane-egress-blocked");
    assert!(found[0]["explanation"].to_string().contains("gate.example.com"), "{found:#?}");
}

/// Objects of Kubernetes do not say whose they are: of two clusters with a Service of one name, and
/// other ports, neither is judged by the other's, in whatever order they are given.
#[test]
fn objects_of_two_clusters_are_not_mixed() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "gate"},
        "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {
            "service": {"namespace": "gate", "name": "gate", "port": 443}}}]});
    let service = |port: u16| {
        value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gate", "namespace": "gate"},
            "spec": {"type": "ClusterIP", "selector": {"app": "gate"},
                "ports": [{"port": 443, "targetPort": port}]}})
    };
    let green = cluster(
        "green",
        value!({"id": "bbbbbbbb11112222", "clusterIpv4Cidr": "10.2.0.0/16",
            "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.16/28"}}),
    );
    let world = |objects: &[Value], more: &[&str]| {
        let mut all = vec![cluster("c", value!({})), green.clone(), subnet(value!({}))];
        all.extend(own_rules());
        all.extend(objects.iter().cloned());
        let inputs = Inputs::of(&all);
        let mut words = vec!["triage", inputs.path()];
        words.extend(more);
        let report = json(&words);
        let found = findings(&report, "webhook-port-blocked");
        found.iter().map(|one| one["severity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (service(8443), service(10250));
    for objects in [
        [hook.clone(), first.clone(), hook.clone(), second.clone()],
        [hook.clone(), second, hook.clone(), first.clone()],
    ] {
        assert_eq!(world(&objects, &[]), [""; 0]);
    }
    // Given once, it may be either's; a cluster that is named has it.
    let once = [hook, first];
    assert_eq!(world(&once, &[]), ["note", "note"]);
    assert_eq!(world(&once, &["--cluster", "c"]), ["error"]);
}

/// Endpoints tell by their addresses whose they are: a name of a port is resolved by the cluster's
/// own; and where two networks use the same ranges, they tell nothing.
#[test]
fn endpoints_are_of_the_cluster_whose_ranges_hold_them() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "gate"},
        "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {
            "service": {"namespace": "gate", "name": "gate", "port": 443}}}]});
    let service = value!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "gate", "namespace": "gate", "uid": "u"},
        "spec": {"selector": {"app": "gate"}, "ports": [{"name": "x", "port": 443, "targetPort": "https"}]}});
    let slice = |address: &str, port: u16| {
        value!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": address, "namespace": "gate",
                "labels": {"kubernetes.io/service-name": "gate"}},
            "addressType": "IPv4", "ports": [{"name": "x", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}]})
    };
    let green = |pods: &str, network: &str| {
        cluster(
            "green",
            value!({"id": "bbbbbbbb11112222", "clusterIpv4Cidr": pods, "network": network,
                "subnetwork": "s2",
                "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.16/28"}}),
        )
    };
    let second = |network: &str| {
        subnet(value!({"name": "s2", "ipCidrRange": "10.3.0.0/24",
            "network": format!("projects/p/global/networks/{network}")}))
    };
    let asked = |green: Value, second: Value, slices: &[Value]| {
        let mut all = vec![cluster("c", value!({})), green, subnet(value!({})), second];
        all.extend([hook.clone(), service.clone()]);
        all.extend(slices.iter().cloned());
        let report = json(&["reach", Inputs::of(&all).path()]);
        let needs = report["needs"].as_array().unwrap().clone();
        let own = needs.iter().filter(|one| one["reason"].to_string().contains("gate.example.com"));
        let told = own.map(|one| {
            (
                one["from"]["name"].as_str().unwrap().to_owned(),
                one["port"].clone(),
                one["doubtful"] == true,
            )
        });
        told.collect::<Vec<_>>()
    };
    let both = [slice("10.1.0.5", 9443), slice("10.9.0.5", 8443)];
    assert_eq!(
        asked(green("10.9.0.0/16", "n"), second("n"), &both),
        [("c".to_owned(), value!(9443), false), ("green".to_owned(), value!(8443), false)]
    );
    assert_eq!(
        asked(green("10.1.0.0/16", "m"), second("m"), &both[..1]),
        [("c".to_owned(), value!(9443), true), ("green".to_owned(), value!(9443), true)]
    );
}

/// A table has lost what the fields are: it is said what to export instead.
#[test]
fn tables_of_entries_are_refused_with_the_remedy() {
    for text in [
        "insertId,jsonPayload.connection.src_ip,jsonPayload.disposition\na,10.0.0.1,DENIED\n",
        "INSERT_ID  SRC_IP    DEST_IP\na          10.0.0.1  10.0.0.2\n",
    ] {
        let scratch = folder(&[("log.csv", text.as_bytes())]);
        let output = run(&["triage", scratch.path().to_str().unwrap(), "--format", "json"]);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let complaints = report["complaints"].as_array().unwrap();
        let [one] = complaints.as_slice() else { panic!("{complaints:?}") };
        assert!(one["did"].as_str().unwrap().contains("--format=json"), "{one}");
        assert_eq!(output.status.code(), Some(3));
    }
}
