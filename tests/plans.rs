//! Policies that are there though nobody gave their rules, and what Terraform's states and plans
//! say of policies, of values that are not known yet, and of what goes away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{folder, run, stdout};
use serde_json::{Value, json as value};

const NETWORK: &str = "projects/p/global/networks/n";

fn web() -> Value {
    value!({"kind": "compute#firewall", "name": "web", "network": NETWORK, "direction": "INGRESS",
        "priority": 1000, "sourceRanges": ["0.0.0.0/0"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewalls/web"})
}

fn network(fields: Value) -> Value {
    let mut network = value!({"kind": "compute#network", "name": "n", "autoCreateSubnetworks": false,
        "selfLink": format!("https://www.googleapis.com/compute/v1/{NETWORK}")});
    for (key, field) in fields.as_object().unwrap() {
        network[key] = field.clone();
    }
    network
}

/// Verdict and decider of ssh from somewhere, asked of files in this order.
#[track_caller]
fn ssh(files: &[(&str, Value)], source: &str, more: &[&str]) -> (String, String) {
    let texts: Vec<(&str, String)> =
        files.iter().map(|(name, value)| (*name, value.to_string())).collect();
    let bytes: Vec<(&str, &[u8])> =
        texts.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let scratch = folder(&bytes);
    let paths: Vec<String> =
        files.iter().map(|(name, _)| scratch.path().join(name).display().to_string()).collect();
    let mut all: Vec<&str> = paths.iter().map(String::as_str).collect();
    all.extend(more);
    let answer = common::ssh(source, &all);
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let decider = &answer["decider"];
    let name = decider["name"].as_str().or_else(|| decider["policy"].as_str()).unwrap_or("");
    (text(&answer["verdict"]), format!("{name} {}", decider["priority"]))
}

/// Something names the policy, and nobody gave its rules: whatever the VPC rules say is not sure.
#[test]
fn a_policy_without_its_rules_may_decide_anything() {
    let rules = value!([{"kind": "compute#firewallPolicyRule", "action": "deny", "direction": "INGRESS",
        "priority": 100, "match": {"srcIpRanges": ["0.0.0.0/0"],
            "layer4Configs": [{"ipProtocol": "tcp", "ports": ["22"]}]}}]);
    let association = value!([{"attachmentTarget": "organizations/777", "firewallPolicyId": "842351",
        "name": "organizations/777"}]);
    let listed = value!([{"kind": "compute#firewallPolicy", "name": "np",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/np",
        "associations": [{"attachmentTarget": NETWORK, "name": "a"}]}]);
    let first = network(value!({"firewallPolicy": "projects/p/global/firewallPolicies/np",
        "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}));
    let own_order =
        network(value!({"networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}));
    for (name, other) in [
        ("rules", vec![("b.json", rules)]),
        ("association", vec![("b.json", association)]),
        ("list", vec![("b.json", listed.clone()), ("c.json", own_order)]),
        ("network", vec![("b.json", first.clone())]),
    ] {
        let mut files = vec![("a.json", web())];
        files.extend(other);
        assert_eq!(ssh(&files, "8.8.8.8", &[]).0, "UNDETERMINED", "{name}");
    }
    // With its rules it is as certain as any.
    let described = value!({"kind": "compute#firewallPolicy", "name": "np",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/np",
        "associations": [{"attachmentTarget": NETWORK, "name": "a"}],
        "rules": [{"action": "deny", "direction": "INGRESS", "priority": 7,
            "match": {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}}]});
    let all = [("a.json", web()), ("b.json", first), ("c.json", listed), ("d.json", described)];
    assert_eq!(ssh(&all, "8.8.8.8", &[]).0, "DENIED");
    // The network says which policy is its own, where the policy does not.
    let alone = value!({"kind": "compute#firewallPolicy", "name": "np",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/np",
        "rules": [{"action": "deny", "direction": "INGRESS", "priority": 7,
            "match": {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}}]});
    let named = [("a.json", web()), ("b.json", all[1].1.clone()), ("d.json", alone)];
    assert_eq!(ssh(&named, "8.8.8.8", &[]), ("DENIED".to_owned(), "np 7".to_owned()));
    // After the VPC rules it does not come to it where these decide.
    let after = network(value!({"firewallPolicy": "projects/p/global/firewallPolicies/np",
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"}));
    assert_eq!(ssh(&[("a.json", web()), ("b.json", after)], "8.8.8.8", &[]).0, "ALLOWED");
}

fn resource(kind: &str, name: &str, values: Value) -> Value {
    value!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name,
        "values": values})
}

fn state(resources: &[Value]) -> Value {
    value!({"format_version": "1.0", "values": {"root_module": {"resources": resources}}})
}

fn of_policy(action: &str) -> Vec<Value> {
    vec![
        resource(
            "google_compute_network",
            "n",
            value!({"name": "n", "project": "p",
            "network_firewall_policy_enforcement_order": "BEFORE_CLASSIC_FIREWALL",
            "self_link": format!("https://www.googleapis.com/compute/v1/{NETWORK}")}),
        ),
        resource(
            "google_compute_network_firewall_policy",
            "np",
            value!({"name": "np", "project": "p",
            "network_firewall_policy_id": "123"}),
        ),
        resource(
            "google_compute_network_firewall_policy_association",
            "a",
            value!({"name": "a", "firewall_policy": "np", "attachment_target": NETWORK, "project": "p"}),
        ),
        resource(
            "google_compute_network_firewall_policy_rule",
            "r",
            value!({"action": action,
            "direction": "INGRESS", "priority": 100, "firewall_policy": "np", "project": "p",
            "disabled": false, "target_secure_tags": [], "match": [{"src_ip_ranges": ["0.0.0.0/0"],
                "layer4_configs": [{"ip_protocol": "tcp", "ports": ["22"]}], "src_secure_tags": []}]}),
        ),
        resource(
            "google_compute_firewall",
            "web",
            value!({"name": "web", "project": "p",
            "network": NETWORK, "direction": "INGRESS", "priority": 1000, "source_ranges": ["10.0.0.0/8"],
            "allow": [{"protocol": "tcp", "ports": ["22"]}], "deny": []}),
        ),
    ]
}

/// Terraform keeps a policy, its rules and its associations apart.
#[test]
fn policies_of_terraform_decide() {
    let denied = ssh(&[("s.json", state(&of_policy("deny")))], "10.1.1.1", &[]);
    assert_eq!(denied.0, "DENIED");
    assert_eq!(ssh(&[("s.json", state(&of_policy("allow")))], "8.8.8.8", &[]).0, "ALLOWED");
    let old = folder(&[("s.json", state(&of_policy("deny")).to_string().as_bytes())]);
    let new = folder(&[("s.json", state(&of_policy("allow")).to_string().as_bytes())]);
    let paths = [&old, &new].map(|one| one.path().to_str().unwrap().to_owned());
    let text = stdout(&run(&["diff", &paths[0], &paths[1]]));
    assert!(text.contains("becomes reachable") && text.contains("tcp 22"), "{text}");
    // With its rules inside.
    let mut inside = of_policy("deny");
    inside.retain(|one| !one["type"].as_str().unwrap().ends_with("_rule"));
    inside[1] = resource(
        "google_compute_network_firewall_policy_with_rules",
        "np",
        value!({
        "name": "np", "project": "p", "rule": [{"action": "deny", "direction": "INGRESS", "priority": 5,
            "match": [{"src_ip_ranges": ["0.0.0.0/0"],
                       "layer4_config": [{"ip_protocol": "tcp", "ports": ["22"]}]}]}]}),
    );
    let (verdict, decider) = ssh(&[("s.json", state(&inside))], "10.1.1.1", &[]);
    assert_eq!((verdict.as_str(), decider.as_str()), ("DENIED", "np 5"));
    // A policy that is kept elsewhere has rules that nobody gave, whatever is added to it here.
    let mut elsewhere = of_policy("allow");
    elsewhere.remove(1);
    assert_eq!(ssh(&[("s.json", state(&elsewhere))], "8.8.8.8", &[]).0, "UNDETERMINED");
}

/// What is known only after it was applied is not known; what the provider fills in by itself was
/// never said.
#[test]
fn values_that_are_not_known_yet_are_not_everything() {
    let plan = |values: Value, unknown: Value, expressions: Value| {
        let mut all = value!({"name": "web", "project": "p", "network": NETWORK,
            "direction": "INGRESS", "priority": 1000, "deny": [],
            "allow": [{"protocol": "tcp", "ports": ["22"]}]});
        for (key, field) in values.as_object().unwrap() {
            all[key] = field.clone();
        }
        value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": [
                resource("google_compute_firewall", "web", all)]}},
            "resource_changes": [{"address": "google_compute_firewall.web",
                "type": "google_compute_firewall",
                "change": {"actions": ["create"], "before": null, "after_unknown": unknown}}],
            "configuration": {"root_module": {"resources": [
                {"address": "google_compute_firewall.web", "expressions": expressions}]}}})
    };
    let here = value!({"source_ranges": ["8.8.8.0/24"]});
    let ask = |plan: Value| ssh(&[("p.json", plan)], "8.8.8.8", &[]).0;
    let said = value!({"references": ["var.x"]});
    for (values, unknown, expressions) in [
        (value!({}), value!({"source_ranges": true}), value!({"source_ranges": said})),
        (here.clone(), value!({"target_tags": true}), value!({"target_tags": said})),
        (
            value!({"source_ranges": ["8.8.8.0/24"], "allow": [{"protocol": "tcp"}]}),
            value!({"allow": [{"ports": true}]}),
            value!({"allow": [{"ports": said}]}),
        ),
    ] {
        assert_eq!(ask(plan(values, unknown.clone(), expressions)), "UNDETERMINED", "{unknown}");
    }
    // What a `dynamic` block makes stands in no expression, and what decides the order of rules
    // decides, too.
    for (values, unknown) in [
        (
            value!({"source_ranges": ["8.8.8.0/24"], "allow": [{"protocol": "tcp"}]}),
            value!({"allow": [{"ports": true}]}),
        ),
        (here.clone(), value!({"priority": true})),
        (here.clone(), value!({"disabled": true})),
    ] {
        let written = value!({"source_ranges": {}});
        assert_eq!(ask(plan(values, unknown.clone(), written)), "UNDETERMINED", "{unknown}");
    }
    let computed = value!({"destination_ranges": true, "source_ranges": [false], "id": true,
        "direction": true});
    assert_eq!(ask(plan(here, computed, value!({"source_ranges": {}}))), "ALLOWED");
}

/// Modules hand the network on: by their arguments, by their outputs, and through several of them.
#[test]
fn a_network_that_modules_hand_on_is_found() {
    let rule = value!({"name": "web", "project": "p", "direction": "INGRESS", "priority": 1000,
        "source_ranges": ["8.8.8.0/24"], "allow": [{"protocol": "tcp", "ports": ["22"]}]});
    let of = |references: &[&str]| value!({"network": {"references": references}});
    let plan = |handed: &[&str]| {
        let rules = value!({"resources": [
            {"address": "google_compute_firewall.web", "expressions": of(&["var.vpc"])}]});
        let outer = value!({"module_calls": {"xmodule": {
            "expressions": {"vpc": {"references": ["var.vpc"]}}, "module": rules}}});
        let net = value!({"outputs": {"vpc": {"expression":
            {"references": ["google_compute_network.n.id", "google_compute_network.n"]}}}});
        let others = ["n", "m"].map(|network| {
            let mut other = rule.clone();
            other["name"] = value!(format!("of-{network}"));
            other["network"] = value!(format!("projects/p/global/networks/{network}"));
            other["allow"] = value!([{"protocol": "icmp"}]);
            resource("google_compute_firewall", network, other)
        });
        value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": others, "child_modules": [
                {"address": "module.net[\"a.b\"]", "resources": [
                    resource("google_compute_network", "n", value!({"name": "n", "project": "p"})),
                ]},
                {"address": "module.net[\"c\"]", "resources": [
                    resource("google_compute_network", "n", value!({"name": "m", "project": "p"})),
                ]},
                {"address": "module.outer", "child_modules": [
                    {"address": "module.outer.module.xmodule[0]", "resources": [
                        resource("google_compute_firewall", "web", rule.clone())]}]}]}},
            "configuration": {"root_module": {"module_calls": {
                "net": {"module": net},
                "outer": {"module": outer, "expressions": {"vpc": {"references": handed}}}}}}})
    };
    let ask = |references: &[&str]| {
        let folder = folder(&[("p.json", plan(references).to_string().as_bytes())]);
        let query = ["sim", "--direction", "INGRESS", "--from", "8.8.8.8", "--to", "10.0.0.2"];
        let own = ["--port", "22", "--protocol", "tcp", "--network"];
        let path = folder.path().display().to_string();
        ["n", "m"].map(|network| {
            let more = [network, "-c", &path, "--format", "json"];
            let all: Vec<&str> = query.iter().chain(&own).chain(&more).copied().collect();
            let answer: Value = serde_json::from_str(&stdout(&run(&all))).unwrap();
            answer["verdict"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(ask(&["module.net[\"a.b\"].vpc.id", "module.net"]), ["ALLOWED", "DENIED"]);
    assert_eq!(ask(&["module.net[\"c\"].vpc"]), ["DENIED", "ALLOWED"]);
    // Which of them it is, nobody says: it may be on either.
    assert_eq!(ask(&["local.vpc"]), ["UNDETERMINED", "UNDETERMINED"]);
}

/// A selection of fields that leaves the network out says nothing of where the rule is; another
/// description of it does.
#[test]
fn a_rule_without_its_network_may_be_on_any() {
    let mut bare = web();
    bare.as_object_mut().unwrap().remove("network");
    let mut deny = web();
    deny["allowed"] = value!([{"IPProtocol": "tcp", "ports": ["443"]}]);
    deny["name"] = value!("other");
    let asked = |files: &[(&str, Value)]| ssh(files, "8.8.8.8", &[]).0;
    assert_eq!(asked(&[("a.json", bare.clone()), ("n.json", network(value!({})))]), "UNDETERMINED");
    assert_eq!(asked(&[("a.json", bare.clone()), ("b.json", deny)]), "UNDETERMINED");
    assert_eq!(asked(&[("a.json", bare), ("b.json", web())]), "ALLOWED");
}

/// The same of the rules of policies, alone and inside of their policy.
#[test]
fn values_of_a_policy_that_are_not_known_yet_are_not_everything() {
    let plan = |resources: &[Value], of: &str, unknown: &Value, expressions: &Value| {
        let address = resources.iter().map(|one| &one["address"]);
        let address = address.clone().find(|one| one.as_str().unwrap().starts_with(of)).unwrap();
        value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": resources}},
            "resource_changes": [{"address": address, "type": of,
                "change": {"actions": ["create"], "before": null, "after_unknown": unknown}}],
            "configuration": {"root_module": {"resources": [
                {"address": address, "expressions": expressions}]}}})
    };
    let ask = |plan: Value| ssh(&[("p.json", plan)], "8.8.8.8", &[]).0;
    let said = value!({"references": ["var.x"]});
    let alone = "google_compute_network_firewall_policy_rule";
    for (unknown, expressions, verdict) in [
        (value!({"match": [{"src_ip_ranges": true}]}), value!({"match": [{}]}), "UNDETERMINED"),
        // By a `dynamic` block.
        (value!({"match": [{"src_ip_ranges": true}]}), value!({}), "UNDETERMINED"),
        (value!({"target_secure_tags": true}), value!({}), "UNDETERMINED"),
        (value!({"target_secure_tags": [{"state": true}]}), value!({}), "ALLOWED"),
        (value!({"action": true}), value!({"action": said}), "UNDETERMINED"),
        (value!({"id": true, "rule_tuple_count": true}), value!({}), "ALLOWED"),
    ] {
        let plan = plan(&of_policy("allow"), alone, &unknown, &expressions);
        assert_eq!(ask(plan), verdict, "{unknown}");
    }
}

/// A rule of which a plan does not know the policy yet may be of any, whatever other rules that has.
#[test]
fn a_rule_of_a_policy_that_is_not_known_yet_is_there() {
    let mut all = of_policy("allow");
    let second = |fields: Value| {
        let mut values = value!({"action": "deny", "direction": "INGRESS", "priority": 50,
            "project": "p", "disabled": false, "match": [{"src_ip_ranges": ["0.0.0.0/0"],
                "layer4_configs": [{"ip_protocol": "tcp", "ports": ["22"]}]}]});
        values.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        resource("google_compute_network_firewall_policy_rule", "second", values)
    };
    let plan = |resources: &[Value]| {
        value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": resources}}, "resource_changes": [
                {"address": "google_compute_network_firewall_policy_rule.second",
                 "type": "google_compute_network_firewall_policy_rule",
                 "change": {"actions": ["create"], "before": null,
                            "after_unknown": {"firewall_policy": true}}}]})
    };
    let ask = |resources: &[Value]| ssh(&[("p.json", plan(resources))], "8.8.8.8", &[]).0;
    assert_eq!(ask(&all), "ALLOWED");
    all.push(second(value!({})));
    assert_eq!(ask(&all), "UNDETERMINED");
    all.pop();
    all.push(second(value!({"firewall_policy": "np"})));
    assert_eq!(ask(&all), "DENIED");
}

/// A plan replaces what was exported, in whatever order they are given, and what it takes away is
/// gone where it is tried.
#[test]
fn what_a_plan_changes_is_not_there_any_more() {
    let deny = value!({"kind": "compute#firewallPolicy", "name": "np",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/np",
        "associations": [{"attachmentTarget": NETWORK, "name": "a"}],
        "rules": [{"action": "deny", "direction": "INGRESS", "priority": 7,
            "match": {"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}}]});
    let exported =
        network(value!({"networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"}));
    let values = |order: &str| {
        value!({"name": "n", "project": "p", "network_firewall_policy_enforcement_order": order,
            "self_link": format!("https://www.googleapis.com/compute/v1/{NETWORK}")})
    };
    let plan = value!({"format_version": "1.2",
        "planned_values": {"root_module": {"resources": [
            resource("google_compute_network", "n", values("BEFORE_CLASSIC_FIREWALL"))]}},
        "resource_changes": [{"address": "google_compute_network.n", "type": "google_compute_network",
            "change": {"actions": ["update"], "before": values("AFTER_CLASSIC_FIREWALL")}}]});
    let mut files = [("a.json", web()), ("b.json", exported), ("c.json", deny), ("d.json", plan)];
    for _ in 0..files.len() {
        files.rotate_left(1);
        assert_eq!(ssh(&files, "8.8.8.8", &[]).0, "DENIED", "{}", files[0].0);
    }
    let gone = value!({"format_version": "1.2", "planned_values": {"root_module": {"resources": [
            resource("google_compute_firewall", "other", value!({"name": "other", "project": "p",
                "network": NETWORK, "direction": "INGRESS", "priority": 1000,
                "source_ranges": ["10.0.0.0/8"], "allow": [{"protocol": "icmp"}]}))]}},
        "resource_changes": [{"address": "google_compute_firewall.web",
            "type": "google_compute_firewall",
            "change": {"actions": ["delete"], "before": {"name": "web", "project": "p"}}}]});
    let tried = folder(&[("plan.json", gone.to_string().as_bytes())]);
    let path = tried.path().join("plan.json").display().to_string();
    assert_eq!(ssh(&[("a.json", web())], "8.8.8.8", &["--what-if", &path]).0, "DENIED");
}

/// What else a tried plan holds: an address group of its own, an association that it takes away,
/// other resources that it changes.
#[test]
fn plans_that_are_tried_change_rules_and_nothing_else() {
    let asked = |files: &[(&str, Value)], tried: &Value| {
        let folder = folder(&[("plan.json", tried.to_string().as_bytes())]);
        let path = folder.path().join("plan.json").display().to_string();
        ssh(files, "8.8.8.8", &["--what-if", &path])
    };
    let answer = |verdict: &str, decider: &str| (verdict.to_owned(), decider.to_owned());
    let group = |range: &str| {
        value!({"name": "projects/p/locations/global/addressGroups/g", "type": "IPV4",
            "capacity": 10, "items": [range]})
    };
    let policy = value!({"kind": "compute#firewallPolicy", "name": "np",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/firewallPolicies/np",
        "associations": [{"attachmentTarget": NETWORK, "name": "a"}],
        "rules": [{"action": "deny", "direction": "INGRESS", "priority": 7,
            "match": {"srcAddressGroups": ["projects/p/locations/global/addressGroups/g"],
                "layer4Configs": [{"ipProtocol": "all"}]}}]});
    let first =
        network(value!({"networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}));
    let tried = value!([policy, group("8.8.8.0/24")]);
    let files = [("a.json", web()), ("b.json", first)];
    assert_eq!(asked(&files, &tried), answer("DENIED", "np 7"));
    // The rules of the folder hold the group's ranges already.
    let scratch = folder(&[
        ("a.json", web().to_string().as_bytes()),
        ("g.json", group("10.9.0.0/24").to_string().as_bytes()),
        ("try.json", tried.to_string().as_bytes()),
    ]);
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let output = run(&["check", &path("a.json"), &path("g.json"), "--what-if", &path("try.json")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(common::stderr(&output).contains("addressGroups/g has other ranges"));
    // A network that is exported names the policy that the plan detaches. Whether something else
    // attaches it, nobody says.
    let mut kept = of_policy("deny");
    kept.remove(2);
    kept.pop();
    let mut detached = state(&kept);
    detached["resource_changes"] = value!([{"address": "a",
        "type": "google_compute_network_firewall_policy_association",
        "change": {"actions": ["delete"],
            "before": {"name": "a", "firewall_policy": "np", "attachment_target": NETWORK}}}]);
    let attached = network(value!({"firewallPolicy": "projects/p/global/firewallPolicies/np",
        "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}));
    let mut closed = policy;
    closed["rules"][0]["match"] =
        value!({"srcIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]});
    let files = [("a.json", web()), ("b.json", attached), ("c.json", closed)];
    assert_eq!(ssh(&files, "8.8.8.8", &[]), answer("DENIED", "np 7"));
    assert_eq!(asked(&files, &detached), answer("UNDETERMINED", "web 1000"));
    // A cluster that is changed, too, is as the folder says.
    let cluster = value!({"name": "c", "location": "r", "network": "n", "subnetwork": "s",
        "currentMasterVersion": "1.30.1", "clusterIpv4Cidr": "10.1.0.0/16",
        "selfLink": "https://container.googleapis.com/v1/projects/p/locations/r/clusters/c",
        "nodePools": [{"name": "pool", "config": {"serviceAccount": "default"}}]});
    let subnet = value!({"kind": "compute#subnetwork", "name": "s", "network": NETWORK,
        "ipCidrRange": "10.0.0.0/24", "region": "projects/p/regions/r",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/regions/r/subnetworks/s"});
    let mut plan = state(&[]);
    plan["resource_changes"] = value!([{"address": "c", "type": "google_container_cluster",
            "change": {"actions": ["update"], "before": {"name": "c", "project": "p"}}},
        {"address": "f", "type": "google_compute_firewall",
            "change": {"actions": ["delete"], "before": {"name": "old", "project": "p"}}}]);
    let scratch = folder(&[
        ("folder/c.json", cluster.to_string().as_bytes()),
        ("folder/s.json", subnet.to_string().as_bytes()),
        ("plan.json", plan.to_string().as_bytes()),
    ]);
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let road = stdout(&run(&["path", "c", "gcr.io", &path("folder")]));
    let tried =
        stdout(&run(&["path", "c", "gcr.io", &path("folder"), "--what-if", &path("plan.json")]));
    assert!(road.contains("gcr.io"), "{road}");
    assert_eq!(road, tried);
}

/// A rule of a state that does not say what it does may do anything; what a resource speaks of is
/// no entry of the log, and takes no resource away.
#[test]
fn rules_of_terraform_are_not_lost() {
    let rule = |name: &str, fields: Value| {
        let mut values = value!({"name": name, "project": "p", "network": NETWORK, "priority": 1000,
            "direction": "INGRESS", "source_ranges": ["0.0.0.0/0"]});
        values.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        resource("google_compute_firewall", name, values)
    };
    let open = rule("open", value!({"allow": [{"protocol": "tcp", "ports": ["22"]}]}));
    let deny = rule("deny", value!({"deny": [{"protocol": "all"}], "priority": 10}));
    let ask = |resources: &[Value]| ssh(&[("s.json", state(resources))], "8.8.8.8", &[]).0;
    assert_eq!(ask(std::slice::from_ref(&open)), "ALLOWED");
    assert_eq!(ask(&[open.clone(), deny.clone()]), "DENIED");
    let mut bare = deny.clone();
    bare.as_object_mut().unwrap().remove("values");
    assert_eq!(ask(&[open.clone(), bare]), "UNDETERMINED");
    let mut by_address = deny.clone();
    for key in ["type", "name"] {
        by_address.as_object_mut().unwrap().remove(key);
    }
    for address in [
        "google_compute_firewall.deny[\"10.0.0.0/8\"]",
        "module.fw[\"a.b\"].google_compute_firewall.deny",
        "module.fw[\"a.b\"].google_compute_firewall.deny[\"c.d\"]",
        "google_compute_firewall.deny[0]",
    ] {
        by_address["address"] = value!(address);
        assert_eq!(ask(&[open.clone(), by_address.clone()]), "DENIED", "{address}");
    }
    let metric = resource(
        "google_logging_metric",
        "m",
        value!({"name": "m", "label_extractors": {"src_ip": "EXTRACT(a)", "dest_ip": "EXTRACT(b)",
            "disposition": "EXTRACT(c)"}}),
    );
    let quoted = common::small::denied("10.0.0.1", "10.0.0.2", 22, "r", "INGRESS", "v").to_string();
    let object = resource("google_storage_bucket_object", "o", value!({"content": quoted}));
    assert_eq!(ask(&[open, deny, metric, object]), "DENIED");
}

/// What a plan only forgets stays where it is.
#[test]
fn what_is_forgotten_is_still_there() {
    let values = |action: &str| {
        let mut values = value!({"name": action, "project": "p", "network": NETWORK,
            "direction": "INGRESS", "priority": 1000, "source_ranges": ["0.0.0.0/0"]});
        values[action] = value!([{"protocol": "tcp", "ports": ["22"]}]);
        values
    };
    let ask = |action: &str| {
        let plan = value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": [
                resource("google_compute_firewall", "web", values("allow"))]}},
            "resource_changes": [{"address": "google_compute_firewall.no",
                "type": "google_compute_firewall",
                "change": {"actions": [action], "before": values("deny"), "after": null}}]});
        ssh(&[("p.json", plan)], "8.8.8.8", &[]).0
    };
    assert_eq!((ask("delete"), ask("forget")), ("ALLOWED".to_owned(), "DENIED".to_owned()));
}

/// The rules that GKE writes for a cluster are not in an export that is older than it.
#[test]
fn a_cluster_that_a_plan_makes_has_its_rules_to_come() {
    let cluster = value!({"name": "c", "project": "p", "location": "r", "network": NETWORK,
        "subnetwork": "projects/p/regions/r/subnetworks/s",
        "ip_allocation_policy": [{"cluster_ipv4_cidr_block": "10.1.0.0/16"}],
        "private_cluster_config": [{"enable_private_nodes": true, "master_ipv4_cidr_block": "172.16.0.0/28"}]});
    let exported = value!([
        {"kind": "compute#subnetwork", "name": "s", "ipCidrRange": "10.0.0.0/24", "network": NETWORK,
         "region": "regions/r", "selfLink": "https://x/projects/p/regions/r/subnetworks/s"},
        web(), {"kind": "compute#firewall", "name": "deny", "network": NETWORK, "direction": "INGRESS",
         "priority": 65000, "sourceRanges": ["0.0.0.0/0"], "denied": [{"IPProtocol": "all"}]}]);
    let errors = |actions: Value| {
        let plan = value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": [
                {"address": "google_container_cluster.c", "mode": "managed",
                 "type": "google_container_cluster", "name": "c", "values": cluster}]}},
            "resource_changes": [{"address": "google_container_cluster.c",
                "type": "google_container_cluster", "change": {"actions": actions, "before": null}}]});
        let scratch = folder(&[
            ("p.json", plan.to_string().as_bytes()),
            ("e.json", exported.to_string().as_bytes()),
        ]);
        let report = common::json(&["triage", scratch.path().to_str().unwrap()]);
        common::findings(&report, "control-plane-ingress-blocked").len()
    };
    assert_eq!((errors(value!(["no-op"])), errors(value!(["create"]))), (1, 0));
}

/// What a plan does not know of zones and routes yet leaves open what depends on it.
#[test]
fn ways_that_are_not_known_yet_are_open() {
    let base = |network: Value| {
        vec![
            resource("google_compute_network", "n", network),
            resource(
                "google_compute_subnetwork",
                "s",
                value!({"name": "s", "project": "p",
                "region": "r", "network": NETWORK, "ip_cidr_range": "10.0.0.0/24",
                "private_ip_google_access": true}),
            ),
        ]
    };
    let whole = value!({"name": "n", "project": "p", "delete_default_routes_on_create": true});
    let link = |resources: Vec<Value>, unknown: Value, host: &str, kind: &str| {
        let last = resources.last().unwrap().clone();
        let plan = value!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": resources}},
            "resource_changes": [{"address": last["address"], "type": last["type"],
                "change": {"actions": ["create"], "before": null, "after_unknown": unknown}}]});
        let scratch = folder(&[("p.json", plan.to_string().as_bytes())]);
        let path = common::json(&["path", "10.0.0.5", host, scratch.path().to_str().unwrap()]);
        let links = path["links"].as_array().unwrap().clone();
        let found = links.iter().find(|one| one["kind"] == kind).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    let with = |kind: &str, values: Value| {
        let mut all = base(whole.clone());
        all.push(resource(kind, "x", values));
        all
    };
    // Zones.
    let zone = |visible: Value| {
        with(
            "google_dns_managed_zone",
            value!({"name": "z", "project": "p", "dns_name": "gcr.io.",
            "visibility": "private", "private_visibility_config": visible}),
        )
    };
    let nobody = value!([{"networks": [], "gke_clusters": []}]);
    assert_eq!(link(zone(nobody.clone()), value!({}), "gcr.io", "name"), "broken");
    for unknown in [
        value!({"private_visibility_config": [{"networks": true}]}),
        value!({"private_visibility_config": true}),
    ] {
        assert_eq!(
            link(zone(nobody.clone()), unknown.clone(), "gcr.io", "name"),
            "undetermined",
            "{unknown}"
        );
    }
    // Routes.
    let route = || {
        with(
            "google_compute_route",
            value!({"name": "r", "project": "p", "network": NETWORK,
            "dest_range": "0.0.0.0/0", "priority": 1000, "next_hop_gateway": "default-internet-gateway"}),
        )
    };
    assert_eq!(link(route(), value!({}), "203.0.113.9", "route"), "ok");
    for unknown in [value!({"tags": true}), value!({"priority": true})] {
        assert_eq!(
            link(route(), unknown.clone(), "203.0.113.9", "route"),
            "not-given",
            "{unknown}"
        );
    }
    // Others may tell it a default route.
    let router = |peers: bool| {
        let mut all = with(
            "google_compute_router",
            value!({"name": "r", "project": "p",
            "region": "r", "network": NETWORK}),
        );
        if peers {
            all.push(resource(
                "google_compute_router_peer",
                "x",
                value!({"name": "x", "project": "p",
                "region": "r", "router": "r"}),
            ));
        }
        link(all, value!({}), "203.0.113.9", "route")
    };
    assert_eq!((router(false), router(true)), ("broken".to_owned(), "not-given".to_owned()));
    let peering = with(
        "google_compute_network_peering",
        value!({"name": "x", "network": NETWORK,
        "peer_network": "projects/q/global/networks/m"}),
    );
    assert_eq!(link(peering, value!({}), "203.0.113.9", "route"), "not-given");
}
