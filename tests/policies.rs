//! Every way in which policies come: effective firewalls, descriptions with associations, Config
//! Connector's kinds, address groups, both enforcement orders; asked through `sim`.
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
use serde_json::{Value, json};

/// A rule of a policy: `ingress deny 900 from 10.0.0.0/8 tcp:443`.
fn rule(notation: &str) -> Value {
    let words: Vec<&str> = notation.split_whitespace().collect();
    let (protocol, ports) = words[5].split_once(':').unwrap_or((words[5], ""));
    let mut layer = json!({"ipProtocol": protocol});
    if !ports.is_empty() {
        layer["ports"] = json!(ports.split(',').collect::<Vec<_>>());
    }
    let ranges: Vec<&str> = words[4].split(',').filter(|one| *one != "-").collect();
    let key = if words[0] == "ingress" { "srcIpRanges" } else { "destIpRanges" };
    let mut filter = json!({"layer4Configs": [layer]});
    if !ranges.is_empty() {
        filter[key] = json!(ranges);
    }
    json!({"kind": "compute#firewallPolicyRule", "direction": words[0].to_uppercase(),
           "action": words[1], "priority": words[2].parse::<u64>().unwrap(), "match": filter})
}

/// The same rule with more fields of its own, and of its match.
fn with(notation: &str, fields: Value, filter: Value) -> Value {
    let mut made = rule(notation);
    for (key, value) in fields.as_object().unwrap() {
        made[key] = value.clone();
    }
    for (key, value) in filter.as_object().unwrap() {
        made["match"][key] = value.clone();
    }
    made
}

fn vpc(name: &str, action: &str, priority: u64, range: &str) -> Value {
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    json!({"kind": "compute#firewall", "name": name, "network": network, "direction": "INGRESS",
           "priority": priority, "sourceRanges": [range], action: [{"IPProtocol": "all"}],
           "selfLink": format!("https://www.googleapis.com/compute/v1/projects/p/global/firewalls/{name}")})
}

fn network(order: &str) -> Value {
    json!({"kind": "compute#network", "name": "n", "networkFirewallPolicyEnforcementOrder": order,
           "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"})
}

fn effective(policies: Value, rules: &[Value]) -> Value {
    json!({"firewalls": rules, "firewallPolicys": policies})
}

/// `INGRESS tcp 443 from 10.0.0.7`, with everything known to be absent but what `more` says.
fn ask(inputs: &[Value], question: &str, more: &[&str]) -> Value {
    let files: Vec<(String, Vec<u8>)> = inputs
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("{number}.json"), value.to_string().into_bytes()))
        .collect();
    ask_files(&files, question, more)
}

fn ask_files(files: &[(String, Vec<u8>)], question: &str, more: &[&str]) -> Value {
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let folder = folder(&files);
    let words: Vec<&str> = question.split_whitespace().collect();
    let (peer, own) = if words[0] == "INGRESS" { ("--from", "--to") } else { ("--to", "--from") };
    let mut arguments = vec!["sim", "--format", "json", "--direction", words[0]];
    arguments.extend(["--protocol", words[1], "--port", words[2], peer, words[4]]);
    arguments.extend([own, "10.20.0.5"]);
    for flag in [
        "--source-tags",
        "--source-service-account",
        "--source-secure-tags",
        "--target-tags",
        "--target-service-account",
        "--target-secure-tags",
    ] {
        if !more.contains(&flag) && !more.contains(&format!("{flag} unknown").as_str()) {
            arguments.extend([flag, ""]);
        }
    }
    arguments.extend(more.iter().filter(|word| !word.ends_with(" unknown")));
    let path = folder.path().to_str().unwrap().to_owned();
    arguments.push(&path);
    let output = run(&arguments);
    let text = stdout(&output);
    let failed = || panic!("{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap_or_else(|_| failed())
}

#[track_caller]
fn check(inputs: &[Value], question: &str, more: &[&str], verdict: &str, decider: &str) -> Value {
    let answer = ask(inputs, question, more);
    assert_eq!(answer["verdict"], verdict, "{answer:#}");
    let by = &answer["decider"];
    let name = by["policy"].as_str().or(by["name"].as_str()).unwrap_or("nothing");
    let text = match by["priority"].as_u64().filter(|_| !by["policy"].is_null()) {
        Some(priority) => format!("{name} {priority}"),
        None => name.to_owned(),
    };
    assert_eq!(text, decider, "{answer:#}");
    answer
}

const WEB: &str = "INGRESS tcp 443 from 10.0.0.7";

#[test]
fn stages_are_asked_in_their_order() {
    let policy =
        |kind: &str, name: &str, rules: Value| json!({"name": name, "type": kind, "rules": rules});
    let deny =
        |priority: u64| json!([rule(&format!("ingress deny {priority} from 10.0.0.0/8 tcp"))]);
    let next = json!([rule("ingress goto_next 1 from 10.0.0.0/8 tcp")]);
    let allow = vpc("a", "allowed", 1000, "10.0.0.0/8");
    let rules = std::slice::from_ref(&allow);

    // The folder below the organisation, which hands on.
    let both = json!([policy("HIERARCHY", "1", next.clone()), policy("HIERARCHY", "2", deny(7))]);
    let answer = check(&[effective(both, rules)], WEB, &[], "DENIED", "2 7");
    assert_eq!(answer["decider"]["stage"], "hierarchical-policy");
    let system = json!([policy("HIERARCHY", "1", next), policy("SYSTEM_REGIONAL", "s", deny(8))]);
    let answer = check(&[effective(system, rules)], WEB, &[], "DENIED", "s 8");
    assert_eq!(answer["decider"]["stage"], "regional-system-policy");

    // A network's policy comes after the VPC rules, or before: the network says it.
    let global = effective(json!([policy("NETWORK", "g", deny(9))]), rules);
    let after = network("AFTER_CLASSIC_FIREWALL");
    let answer = check(&[global.clone(), after], WEB, &[], "ALLOWED", "a");
    assert_eq!(answer["decider"]["stage"], "vpc-rules");
    let before = network("BEFORE_CLASSIC_FIREWALL");
    let answer = check(&[global.clone(), before.clone()], WEB, &[], "DENIED", "g 9");
    assert_eq!(answer["decider"]["stage"], "global-network-policy");
    // Where nobody says it and it matters, that is the answer; the person may say it.
    let open = ask(std::slice::from_ref(&global), WEB, &[]);
    assert_eq!(open["verdict"], "UNDETERMINED", "{open:#}");
    assert!(open["because"][0].as_str().unwrap().contains("enforcement order"), "{open:#}");
    check(std::slice::from_ref(&global), WEB, &["--enforcement-order", "before"], "DENIED", "g 9");
    check(std::slice::from_ref(&global), WEB, &["--enforcement-order", "after"], "ALLOWED", "a");
    // The network's own word counts more.
    check(
        &[global.clone(), before.clone()],
        WEB,
        &["--enforcement-order", "after"],
        "DENIED",
        "g 9",
    );
    // Of two exports of the network, which one is the newer?
    let again = [global.clone(), before.clone(), before.clone()];
    check(&again, WEB, &[], "DENIED", "g 9");
    let both = [global, before, network("AFTER_CLASSIC_FIREWALL")];
    let open = ask(&both, WEB, &[]);
    assert_eq!(open["verdict"], "UNDETERMINED", "{open:#}");
    check(&both, WEB, &["--enforcement-order", "before"], "DENIED", "g 9");
    // Where it cannot matter nobody has to say it.
    let alone = effective(json!([policy("NETWORK", "g", deny(9))]), &[]);
    check(std::slice::from_ref(&alone), WEB, &["--network", "n"], "DENIED", "g 9");
    // Without a VPC rule the answer names no network, and nor need the question.
    check(&[alone], WEB, &[], "DENIED", "g 9");
}

/// A policy is one item of many rules: each knows its own line.
#[test]
fn rules_of_policies_know_their_lines() {
    let policy = json!({"name": "1", "type": "HIERARCHY", "rules": [
        rule("ingress goto_next 4 from 10.9.0.0/16 tcp"),
        rule("ingress deny 5 from 10.0.0.0/8 tcp")]});
    let whole = effective(json!([policy]), &[vpc("a", "allowed", 1000, "10.0.0.0/8")]);
    let text = serde_json::to_string_pretty(&whole).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("\"deny\"")).unwrap();
    let files = [("e.json".to_owned(), text.clone().into_bytes())];
    let answer = ask_files(&files, WEB, &[]);
    assert_eq!(answer["decider"]["priority"], 5);
    let said = usize::try_from(answer["decider"]["line"].as_u64().unwrap()).unwrap();
    // The rule starts a line or more above the word.
    let start = text.lines().take(line).collect::<Vec<_>>();
    let opening = start.iter().rposition(|line| line.trim() == "{").unwrap() + 1;
    assert_eq!(said, opening);
}

#[test]
fn actions_and_conditions() {
    let allow = vpc("a", "allowed", 1000, "0.0.0.0/0");
    let with_rule = |rule: Value| {
        let policy =
            json!([{"name": "1", "shortName": "org", "type": "HIERARCHY", "rules": [rule]}]);
        effective(policy, std::slice::from_ref(&allow))
    };
    let deny =
        |fields: Value, filter: Value| with_rule(with("ingress deny 5 from - tcp", fields, filter));
    let inspect = rule("ingress apply_security_profile_group 5 from 10.0.0.0/8 tcp");
    let answer = check(&[with_rule(inspect)], WEB, &[], "UNDETERMINED", "org 5");
    assert!(answer["because"].to_string().contains("firewall endpoint"), "{answer:#}");

    // targetResources: for other networks only.
    let url = |name: &str| {
        format!("https://www.googleapis.com/compute/v1/projects/p/global/networks/{name}")
    };
    let ranges = json!({"srcIpRanges": ["10.0.0.0/8"]});
    let other = json!({"targetResources": [url("m")]});
    check(&[deny(other, ranges.clone())], WEB, &[], "ALLOWED", "a");
    let own = json!({"targetResources": [url("m"), url("n")]});
    check(&[deny(own, ranges.clone())], WEB, &[], "DENIED", "org 5");

    // Target accounts and secure tags.
    let account = json!({"targetServiceAccounts": ["db@p.iam.gserviceaccount.com"]});
    let db = ["--target-service-account", "db@p.iam.gserviceaccount.com"];
    check(&[deny(account.clone(), ranges.clone())], WEB, &db, "DENIED", "org 5");
    check(&[deny(account.clone(), ranges.clone())], WEB, &[], "ALLOWED", "a");
    let unknown = ["--target-service-account unknown"];
    let answer = check(&[deny(account, ranges.clone())], WEB, &unknown, "UNDETERMINED", "a");
    assert_eq!(answer["because"][0], "target service account is not given");
    let tag = json!({"targetSecureTags": [{"name": "tagValues/7", "state": "EFFECTIVE"}]});
    let tagged = ["--target-secure-tags", "tagValues/7"];
    check(&[deny(tag.clone(), ranges.clone())], WEB, &tagged, "DENIED", "org 5");
    check(&[deny(tag, ranges.clone())], WEB, &[], "ALLOWED", "a");

    // Sources: any of ranges and tags.
    let either =
        json!({"srcIpRanges": ["10.9.0.0/16"], "srcSecureTags": [{"name": "tagValues/8"}]});
    let tagged = ["--source-secure-tags", "tagValues/8"];
    check(&[deny(json!({}), either.clone())], WEB, &tagged, "DENIED", "org 5");
    check(&[deny(json!({}), either.clone())], WEB, &[], "ALLOWED", "a");
    check(&[deny(json!({}), either)], "INGRESS tcp 443 from 10.9.0.1", &[], "DENIED", "org 5");

    // Lists that only Google resolves: open where they would decide, both outcomes named.
    let names = json!({"srcFqdns": ["example.com"]});
    let answer = check(&[deny(json!({}), names.clone())], WEB, &[], "UNDETERMINED", "a");
    let because = answer["because"].to_string();
    assert!(
        because.contains("example.com") && because.contains("DENIED if it matches"),
        "{because}"
    );
    assert!(because.contains("otherwise ALLOWED by rule a"), "{because}");
    // Beside a range that decides anyway, they do not matter.
    let both = json!({"srcFqdns": ["example.com"], "srcIpRanges": ["10.0.0.0/8"]});
    check(&[deny(json!({}), both)], WEB, &[], "DENIED", "org 5");
    // Nor where what follows denies, too.
    let mut denied = deny(json!({}), names);
    denied["firewalls"] = json!([vpc("d", "denied", 1000, "0.0.0.0/0")]);
    check(&[denied], WEB, &[], "DENIED", "d");
    // Countries and threats are told by public addresses.
    for list in ["srcRegionCodes", "srcThreatIntelligences"] {
        let filter = json!({list: ["XX"]});
        check(&[deny(json!({}), filter.clone())], WEB, &[], "ALLOWED", "a");
        let public = "INGRESS tcp 443 from 203.0.113.9";
        check(&[deny(json!({}), filter)], public, &[], "UNDETERMINED", "a");
    }

    // Network contexts hold besides the ranges.
    let context = |name: &str, range: &str| {
        deny(json!({}), json!({"srcIpRanges": [range], "srcNetworkContext": name}))
    };
    check(&[context("INTERNET", "0.0.0.0/0")], WEB, &[], "ALLOWED", "a");
    check(&[context("NON_INTERNET", "0.0.0.0/0")], WEB, &[], "DENIED", "org 5");
    check(&[context("NON_INTERNET", "10.9.0.0/16")], WEB, &[], "ALLOWED", "a");
    let public = "INGRESS tcp 443 from 203.0.113.9";
    check(&[context("INTERNET", "0.0.0.0/0")], public, &[], "DENIED", "org 5");
    let subnet = json!({"kind": "compute#subnetwork", "name": "s", "ipCidrRange": "10.0.0.0/16",
        "network": url("n"), "region": "https://www.googleapis.com/compute/v1/projects/p/regions/r1",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p/regions/r1/subnetworks/s"});
    let intra = context("INTRA_VPC", "0.0.0.0/0");
    check(&[intra.clone(), subnet], WEB, &[], "DENIED", "org 5");
    let answer = check(&[intra], WEB, &[], "UNDETERMINED", "a");
    assert!(answer["because"].to_string().contains("on the internet"), "{answer:#}");
    // Of the VM's own end, no context says anything that is documented.
    let own = json!({"srcIpRanges": ["0.0.0.0/0"], "destNetworkContext": "NON_INTERNET"});
    check(&[deny(json!({}), own)], WEB, &[], "UNDETERMINED", "a");

    // A rule that is switched off, and one whose tags are gone.
    check(&[deny(json!({"disabled": true}), ranges.clone())], WEB, &[], "ALLOWED", "a");
    let gone = json!({"targetSecureTags": [{"name": "tagValues/7", "state": "INEFFECTIVE"}]});
    check(&[deny(gone, ranges)], WEB, &[], "ALLOWED", "a");
}

#[test]
fn address_groups_are_expanded_where_they_are_given() {
    let name = "organizations/1/locations/global/addressGroups/office";
    let filter = json!({"srcAddressGroups": [name]});
    let policy = json!([{"name": "1", "type": "HIERARCHY",
        "rules": [with("ingress deny 5 from - tcp", json!({}), filter)]}]);
    let firewalls = effective(policy, &[vpc("a", "allowed", 1000, "0.0.0.0/0")]);
    let answer = check(std::slice::from_ref(&firewalls), WEB, &[], "UNDETERMINED", "a");
    assert!(answer["because"].to_string().contains("addressGroups/office"), "{answer:#}");
    let group = json!({"name": name, "type": "IPV4", "capacity": 100,
        "items": ["10.0.0.0/24", "192.0.2.7"]});
    check(&[firewalls.clone(), group.clone()], WEB, &[], "DENIED", "1 5");
    let elsewhere = "INGRESS tcp 443 from 10.0.1.7";
    check(&[firewalls.clone(), group.clone()], elsewhere, &[], "ALLOWED", "a");
    check(&[firewalls, json!({"addressGroups": [group]})], WEB, &[], "DENIED", "1 5");
}

#[test]
fn policies_described_on_their_own() {
    let link = "https://www.googleapis.com/compute/v1/projects/p/global";
    let rules = json!([rule("ingress deny 5 from 10.0.0.0/8 tcp")]);
    let allow = vpc("a", "allowed", 1000, "0.0.0.0/0");
    let policy = |target: &str| {
        json!([{"kind": "compute#firewallPolicy", "name": "g", "rules": rules,
            "selfLink": format!("{link}/firewallPolicies/g"),
            "associations": [{"name": "x", "attachmentTarget": target}]}])
    };
    let before = network("BEFORE_CLASSIC_FIREWALL");
    let own = policy(&format!("{link}/networks/n"));
    check(&[own, allow.clone(), before.clone()], WEB, &[], "DENIED", "g 5");
    let other = policy(&format!("{link}/networks/m"));
    check(&[other, allow.clone(), before.clone()], WEB, &["--network", "n"], "ALLOWED", "a");

    // A region's policy is for the VMs of that region.
    let mut regional = policy(&format!("{link}/networks/n"));
    regional[0]["region"] = json!("https://www.googleapis.com/compute/v1/projects/p/regions/r1");
    let inputs = [regional, allow.clone(), before];
    check(&inputs, WEB, &["--region", "r1"], "DENIED", "g 5");
    check(&inputs, WEB, &["--region", "r2"], "ALLOWED", "a");
    let answer = check(&inputs, WEB, &[], "UNDETERMINED", "a");
    assert_eq!(answer["because"][0], "the VM's region is not given");

    // An organisation's policy is for all its networks; a folder's may be for this one.
    let hierarchical = |target: &str| {
        json!([{"kind": "compute#firewallPolicy", "name": "77", "shortName": "org", "rules": rules,
            "parent": "organizations/1", "associations": [{"attachmentTarget": target}]}])
    };
    check(&[hierarchical("organizations/1"), allow.clone()], WEB, &[], "DENIED", "org 5");
    let answer = check(&[hierarchical("folders/2"), allow.clone()], WEB, &[], "UNDETERMINED", "a");
    assert!(answer["because"].to_string().contains("which network"), "{answer:#}");
    // What is effective is known to the last rule: then the folder's policy does not apply.
    let all = effective(json!([]), &[allow]);
    check(&[hierarchical("folders/2"), all], WEB, &[], "ALLOWED", "a");
}

#[test]
fn manifests_of_policies() {
    let text = "
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeFirewallPolicy
metadata: {name: org-policy}
spec: {shortName: org, organizationRef: {external: organizations/1}}
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeFirewallPolicyRule
metadata: {name: deny-web}
spec:
  action: deny
  direction: INGRESS
  priority: 5
  firewallPolicyRef: {name: org-policy}
  match: {srcIPRanges: [10.0.0.0/16], layer4Configs: [{ipProtocol: tcp, ports: ['443']}]}
  targetResources: [{name: n}]
  targetServiceAccounts: [{external: db@p.iam.gserviceaccount.com}]
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeFirewallPolicyAssociation
metadata: {name: here}
spec:
  attachmentTargetRef: {external: organizations/1}
  firewallPolicyRef: {name: org-policy}
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeNetwork
metadata: {name: n, annotations: {cnrm.cloud.google.com/project-id: p}}
spec: {networkFirewallPolicyEnforcementOrder: BEFORE_CLASSIC_FIREWALL}
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeNetworkFirewallPolicy
metadata: {name: net-policy, annotations: {cnrm.cloud.google.com/project-id: p}}
spec: {projectRef: {external: projects/p}}
---
apiVersion: compute.cnrm.cloud.google.com/v1alpha1
kind: ComputeNetworkFirewallPolicyRule
metadata: {name: deny-more, annotations: {cnrm.cloud.google.com/project-id: p}}
spec:
  action: deny
  direction: INGRESS
  resourceID: '40'
  firewallPolicyRef: {name: net-policy}
  match: {srcIpRanges: [10.1.0.0/16], layer4Configs: [{ipProtocol: all}]}
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeNetworkFirewallPolicyAssociation
metadata: {name: there, annotations: {cnrm.cloud.google.com/project-id: p}}
spec:
  attachmentTargetRef: {name: n}
  firewallPolicyRef: {name: net-policy}
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeFirewall
metadata: {name: open, annotations: {cnrm.cloud.google.com/project-id: p}}
spec:
  networkRef: {name: n}
  allow: [{protocol: tcp}]
  sourceRanges: [10.0.0.0/8]
---
apiVersion: compute.cnrm.cloud.google.com/v1beta1
kind: ComputeFirewall
metadata: {name: by-account, annotations: {cnrm.cloud.google.com/project-id: p}}
spec:
  networkRef: {name: n}
  allow: [{protocol: udp}]
  sourceRanges: [10.0.0.0/8]
  targetServiceAccounts: [{name: db}]
";
    let files = [("all.yaml".to_owned(), text.as_bytes().to_vec())];
    let db = ["--target-service-account", "db@p.iam.gserviceaccount.com"];
    let verdict = |question: &str, more: &[&str]| {
        let answer = ask_files(&files, question, more);
        let policy = answer["decider"]["policy"].as_str().unwrap_or("-").to_owned();
        (answer["verdict"].as_str().unwrap().to_owned(), policy)
    };
    assert_eq!(verdict(WEB, &db), ("DENIED".to_owned(), "org".to_owned()));
    assert_eq!(verdict(WEB, &[]), ("ALLOWED".to_owned(), "-".to_owned()));
    assert_eq!(verdict("INGRESS tcp 80 from 10.0.0.7", &db).0, "ALLOWED");
    assert_eq!(verdict("INGRESS udp 53 from 10.0.0.7", &db).0, "ALLOWED");
    assert_eq!(verdict("INGRESS udp 53 from 10.0.0.7", &[]).0, "DENIED");
    let (denied, by) = verdict("INGRESS tcp 80 from 10.1.0.7", &[]);
    assert_eq!((denied.as_str(), by.as_str()), ("DENIED", "net-policy"));
}

/// Names are unique in a project and a place only: a policy gets its own associations.
#[test]
fn policies_of_one_name_are_told_apart() {
    let policy = |project: &str, region: Option<&str>, network: &str, action: &str| {
        let link = format!("https://www.googleapis.com/compute/v1/projects/{project}");
        let at = region.map_or("global".to_owned(), |region| format!("regions/{region}"));
        let mut made = json!({"kind": "compute#firewallPolicy", "name": "fw",
            "selfLink": format!("{link}/{at}/firewallPolicies/fw"),
            "rules": [rule(&format!("ingress {action} 100 from 10.0.0.0/8 tcp"))],
            "associations": [{"attachmentTarget": format!("{link}/global/networks/{network}")}]});
        if let Some(region) = region {
            made["region"] = json!(format!("{link}/regions/{region}"));
        }
        made
    };
    let rules = |network: &str| {
        let mut made = vpc("x", "allowed", 1000, "192.168.0.0/16");
        made["network"] = json!(network);
        made["name"] = json!(format!("x-{}", network.rsplit('/').next().unwrap()));
        made
    };
    let (a, b) = ("projects/pa/global/networks/a", "projects/pb/global/networks/b");
    let two =
        [policy("pa", None, "a", "allow"), policy("pb", None, "b", "deny"), rules(a), rules(b)];
    let order = ["--enforcement-order", "after", "--network"];
    let on = |network: &'static str| order.iter().copied().chain([network]).collect::<Vec<_>>();
    check(&two, WEB, &on("a"), "ALLOWED", "fw 100");
    check(&two, WEB, &on("b"), "DENIED", "fw 100");
    let regional = [
        policy("p", Some("us-east1"), "n", "allow"),
        policy("p", Some("us-west1"), "n", "deny"),
        vpc("x", "allowed", 1000, "192.168.0.0/16"),
        network("AFTER_CLASSIC_FIREWALL"),
    ];
    check(&regional, WEB, &["--region", "us-east1"], "ALLOWED", "fw 100");
    check(&regional, WEB, &["--region", "us-west1"], "DENIED", "fw 100");
    check(&regional, WEB, &["--region", "us-north1"], "DENIED", "implied deny ingress");
}

/// Of a policy that may apply nothing is asked below the rule that would decide in it.
#[test]
fn a_policy_that_may_apply_ends_where_it_decides() {
    let folder = |rules: Value| {
        json!([{"kind": "compute#firewallPolicy", "name": "7", "shortName": "f", "rules": rules,
            "associations": [{"attachmentTarget": "folders/1"}]}])
    };
    let allow = vpc("a", "allowed", 1000, "10.0.0.0/8");
    let rules = json!([
        rule("ingress allow 100 from 10.0.0.0/8 tcp:443"),
        rule("ingress deny 200 from 0.0.0.0/0 tcp")
    ]);
    check(&[folder(rules), allow.clone()], WEB, &[], "ALLOWED", "a");
    let rules = json!([
        rule("ingress goto_next 100 from 10.0.0.0/8 tcp:443"),
        rule("ingress deny 200 from 0.0.0.0/0 tcp")
    ]);
    check(&[folder(rules), allow], WEB, &[], "ALLOWED", "a");
}

/// A network whose VPC rules nobody gave may have any.
#[test]
fn vpc_rules_that_were_not_given_are_unknown() {
    let link = "https://www.googleapis.com/compute/v1/projects/p/global";
    let policy = json!([{"kind": "compute#firewallPolicy", "name": "g",
        "rules": [rule("ingress allow 5 from 10.0.0.0/8 tcp:22")],
        "associations": [{"attachmentTarget": format!("{link}/networks/n")}]}]);
    let after = [policy, network("AFTER_CLASSIC_FIREWALL")];
    let answer = ask(&after, WEB, &[]);
    assert_eq!(answer["verdict"], "UNDETERMINED", "{answer:#}");
    assert_eq!(answer["because"][0], "no firewall rule of this network was given");
    let before = [after[0].clone(), network("BEFORE_CLASSIC_FIREWALL")];
    check(&before, "INGRESS tcp 22 from 10.0.0.7", &[], "ALLOWED", "g 5");
}

/// With associations listed apart and one rule each, two projects' policies are still two.
#[test]
fn policies_of_two_projects_stay_two() {
    let of =
        |project: &str| format!("https://www.googleapis.com/compute/v1/projects/{project}/global");
    let mut inputs = Vec::new();
    for (project, action) in [("p", "allow"), ("q", "deny")] {
        let link = of(project);
        inputs.push(json!({"kind": "compute#firewallPolicy", "name": "np",
            "selfLink": format!("{link}/firewallPolicies/np"),
            "rules": [rule(&format!("ingress {action} 10 from 10.0.0.0/8 tcp"))]}));
        inputs.push(json!({"attachmentTarget": format!("{link}/networks/n"),
            "firewallPolicyId": "np"}));
        inputs.push(json!({"kind": "compute#network", "name": "n",
            "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL",
            "selfLink": format!("{link}/networks/n")}));
    }
    let on = |project: &str| format!("projects/{project}/global/networks/n");
    check(&inputs, WEB, &["--network", &on("p")], "ALLOWED", "np 10");
    check(&inputs, WEB, &["--network", &on("q")], "DENIED", "np 10");
}

/// Naming a network gives no rules, and an organisation's policy is for all of its networks.
#[test]
fn names_are_no_rules() {
    let org = json!([{"kind": "compute#firewallPolicy", "name": "77", "shortName": "org",
        "parent": "organizations/1", "associations": [{"attachmentTarget": "organizations/1"}],
        "rules": [rule("ingress deny 10 from 192.168.0.0/16 tcp")]}]);
    let answer = ask(std::slice::from_ref(&org), WEB, &["--network", "n"]);
    assert_eq!(answer["verdict"], "UNDETERMINED", "{answer:#}");
    let mut other = vpc("b", "allowed", 1000, "10.0.0.0/8");
    other["network"] = json!("projects/p/global/networks/m");
    let two = [org, vpc("a", "allowed", 1000, "192.168.0.0/16"), other];
    let from = "INGRESS tcp 443 from 192.168.0.7";
    check(&two, from, &["--network", "n"], "DENIED", "org 10");
    check(&two, from, &["--network", "m"], "DENIED", "org 10");
}

/// Effective firewalls that name their network are complete: a nameless answer is another one's.
#[test]
fn nameless_answers_are_not_given_away() {
    let named = effective(json!([]), &[vpc("ssh", "allowed", 1000, "192.168.0.0/16")]);
    let nameless = |action: &str| {
        let rules = json!([rule(&format!("ingress {action} 10 from 10.0.0.0/8 tcp"))]);
        effective(json!([{"name": "np", "type": "NETWORK", "rules": rules}]), &[])
    };
    let both = [named, nameless("allow")];
    check(&both, WEB, &["--network", "n"], "DENIED", "implied deny ingress");
    let answer = ask(&[nameless("allow"), nameless("deny")], WEB, &["--network", "n"]);
    assert_eq!(answer["verdict"], "UNDETERMINED", "{answer:#}");
}

/// A rule that is described twice, and not alike: nobody says which description is the newer one.
#[test]
fn contradictions_are_not_settled_by_the_order_of_files() {
    let two = [vpc("web", "denied", 1000, "10.0.0.0/8"), vpc("web", "allowed", 1000, "10.0.0.0/8")];
    for inputs in [two.clone(), [two[1].clone(), two[0].clone()]] {
        assert_eq!(ask(&inputs, WEB, &[])["verdict"], "UNDETERMINED");
    }
    check(&[two[0].clone(), two[0].clone()], WEB, &[], "DENIED", "web");
}

/// The same of a policy of the organization's, which the effective firewalls of a network show, and
/// which is described on its own: in whatever order, and where one of the two lacks it.
#[test]
fn a_policy_of_the_hierarchy_may_contradict_itself() {
    let rules = |action: &str| json!([rule(&format!("ingress {action} 5 from 10.0.0.0/8 tcp"))]);
    let shown = |rules: Value| {
        let own = json!([{"name": "10", "shortName": "org", "type": "HIERARCHY", "rules": rules}]);
        effective(own, &[vpc("a", "allowed", 1000, "10.0.0.0/8")])
    };
    let described = |rules: Value| {
        json!({"kind": "compute#firewallPolicy", "name": "10", "shortName": "org",
            "parent": "organizations/1", "rules": rules, "associations": [{"name": "x",
            "attachmentTarget": "organizations/1", "firewallPolicyId": "10"}]})
    };
    for inputs in [
        [shown(rules("allow")), described(rules("deny"))],
        [described(rules("deny")), shown(rules("allow"))],
    ] {
        assert_eq!(ask(&inputs, WEB, &[])["verdict"], "UNDETERMINED");
    }
    check(&[shown(rules("deny")), described(rules("deny"))], WEB, &[], "DENIED", "org 5");
    let none = effective(json!([]), &[vpc("a", "allowed", 1000, "10.0.0.0/8")]);
    assert_eq!(ask(&[none, described(rules("deny"))], WEB, &[])["verdict"], "UNDETERMINED");
}

/// A network, and a project, may be named by its number; the value of a secure tag by its name.
#[test]
fn other_words_for_one_thing_may_be_it() {
    let aimed = |at: &str| {
        let deny =
            with("ingress deny 5 from 10.0.0.0/8 tcp", json!({"targetResources": [at]}), json!({}));
        let own = json!([{"name": "10", "shortName": "org", "type": "HIERARCHY", "rules": [deny]}]);
        ask(&[effective(own, &[vpc("a", "allowed", 1000, "10.0.0.0/8")])], WEB, &[])["verdict"]
            .clone()
    };
    let link = "https://www.googleapis.com/compute/v1/projects";
    assert_eq!(aimed(&format!("{link}/p/global/networks/n")), "DENIED");
    assert_eq!(aimed(&format!("{link}/p/global/networks/m")), "ALLOWED");
    for other in ["p/global/networks/8490", "12345/global/networks/n", "12345/global/networks/8490"]
    {
        assert_eq!(aimed(&format!("{link}/{other}")), "UNDETERMINED", "{other}");
    }
    let tagged = with(
        "ingress deny 5 from 10.0.0.0/8 tcp",
        json!({"targetSecureTags": [{"name": "tagValues/7", "state": "EFFECTIVE"}]}),
        json!({}),
    );
    let own = json!([{"name": "10", "shortName": "org", "type": "HIERARCHY", "rules": [tagged]}]);
    let inputs = [effective(own, &[vpc("a", "allowed", 1000, "10.0.0.0/8")])];
    for (tag, verdict) in [
        ("tagValues/7", "DENIED"),
        ("7", "DENIED"),
        ("tagValues/8", "ALLOWED"),
        ("8", "ALLOWED"),
        ("p/env/prod", "UNDETERMINED"),
    ] {
        let answer = ask(&inputs, WEB, &["--target-secure-tags", tag]);
        assert_eq!(answer["verdict"], verdict, "{tag}: {answer:#}");
    }
}

/// Source tags are those of primary addresses: an alias carries none, though no cluster says so.
#[test]
fn alias_addresses_carry_no_tags() {
    let mut tagged = vpc("a", "allowed", 1000, "10.0.0.0/8");
    tagged.as_object_mut().unwrap().remove("sourceRanges");
    tagged["sourceTags"] = json!(["t"]);
    let subnet = json!({"kind": "compute#subnetwork", "name": "s", "ipCidrRange": "10.20.0.0/22",
        "network": "projects/p/global/networks/n", "region": "regions/r",
        "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.60.0.0/16"}]});
    let asked = |from: &str| {
        let question = format!("INGRESS tcp 443 from {from}");
        let more = ["--source-tags", "t"];
        ask(&[tagged.clone(), subnet.clone()], &question, &more)["verdict"].clone()
    };
    assert_eq!(asked("10.20.0.9"), "ALLOWED");
    assert_eq!(asked("10.60.0.7"), "DENIED");
}

/// An answer without any rule is an answer: only the implied rules apply.
#[test]
fn effective_firewalls_may_be_empty() {
    let empty = effective(json!([]), &[]);
    let named = ["--network", "n"];
    check(std::slice::from_ref(&empty), WEB, &named, "DENIED", "implied deny ingress");
    check(std::slice::from_ref(&empty), WEB, &[], "DENIED", "implied deny ingress");
    let egress = "EGRESS tcp 443 from 10.0.0.7";
    check(&[empty], egress, &named, "ALLOWED", "implied allow egress");
    // An answer that does not show the policy that its network names is not all of it.
    let mut naming = network("AFTER_CLASSIC_FIREWALL");
    naming["firewallPolicy"] = json!("projects/p/global/firewallPolicies/np");
    let of = |policies: Value| {
        let answer = effective(policies, &[vpc("web", "allowed", 1000, "192.168.0.0/16")]);
        ask(&[answer, naming.clone()], WEB, &[])["verdict"].clone()
    };
    assert_eq!(of(json!([])), "UNDETERMINED");
    let shown = |name: &str| json!([{"name": name, "type": "NETWORK", "rules": [rule("ingress allow 10 from - tcp:22")]}]);
    assert_eq!((of(shown("np")), of(shown("other"))), (json!("DENIED"), json!("UNDETERMINED")));
    // What is no list is no empty one.
    for damaged in [json!(null), json!("none"), json!(7)] {
        let answer = json!({"firewallPolicys": [], "firewalls": damaged});
        let inputs = [answer, network("AFTER_CLASSIC_FIREWALL")];
        assert_eq!(ask(&inputs, WEB, &[])["verdict"], "UNDETERMINED", "{damaged}");
    }
}

/// What a policy above the VPC denies is opened in that policy, or nowhere.
#[test]
fn what_a_policy_denies_is_opened_there() {
    let all = json!([{"name": "4711", "shortName": "org", "type": "HIERARCHY",
        "rules": [rule("ingress deny 900 from 0.0.0.0/0 tcp"), rule("egress allow 899 from - tcp")]}]);
    let cluster = json!({"name": "c", "network": "n", "subnetwork": "s", "location": "r1",
        "selfLink": "https://container.googleapis.com/v1/projects/p/locations/r1/clusters/c",
        "networkConfig": {"network": "projects/p/global/networks/n"}, "clusterIpv4Cidr": "10.1.0.0/16",
        "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28"}, "nodePools": []});
    let entry = json!({"insertId": "1", "timestamp": "2026-01-01T00:00:00Z",
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "jsonPayload": {"connection": {"src_ip": "172.16.0.2", "src_port": 40000,
            "dest_ip": "10.1.0.5", "dest_port": 8443, "protocol": 6}, "disposition": "DENIED",
            "rule_details": {"reference": "folder:1/firewallPolicy:4711", "priority": 900,
                "direction": "INGRESS", "action": "DENY"},
            "vpc": {"project_id": "p", "vpc_name": "n"}}});
    let report = |policies: &Value| {
        let firewalls = effective(policies.clone(), &[vpc("a", "allowed", 1000, "10.0.0.0/8")]);
        let files: Vec<Vec<u8>> =
            [&firewalls, &cluster, &entry].iter().map(|one| one.to_string().into_bytes()).collect();
        let folder = folder(&[("f.json", &files[0]), ("c.json", &files[1]), ("l.json", &files[2])]);
        let output = run(&["triage", "--format", "json", folder.path().to_str().unwrap()]);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        // The log names the policy by its number.
        let disagree = common::findings(&report, "snapshot-disagrees");
        let known = policies[0]["name"] == "4711";
        assert_eq!(disagree.is_empty(), known, "{report:#}");
        common::findings(&report, "webhook-port-blocked")[0].clone()
    };
    let finding = report(&all);
    let fix = &finding["fixes"][0];
    assert_eq!(fix["kind"], "add-policy-rule", "{finding:#}");
    assert_eq!(fix["safety"], "review");
    // 899 is taken in the policy; what the log shows comes first.
    assert_eq!(
        fix["as"]["gcloud"],
        "gcloud compute firewall-policies rules create 898 --firewall-policy=4711 --action=allow \
         --direction=INGRESS --layer4-configs=tcp:8443 --src-ip-ranges=172.16.0.0/28 \
         --dest-ip-ranges=10.1.0.0/16 \
         --target-resources=https://www.googleapis.com/compute/v1/projects/p/global/networks/n \
         --enable-logging"
    );
    assert!(fix["as"]["cnrm"].as_str().unwrap().contains("kind: ComputeFirewallPolicyRule"));
    assert_eq!(
        fix["proof"]["opens"],
        json!([{"sources": ["172.16.0.0/28"], "destinations": ["10.1.0.0/16"], "targets": [],
            "protocol": "tcp", "ports": ["8443"]}])
    );
    // Without the policy's number no command can name it.
    let mut nameless = all.clone();
    nameless[0]["name"] = json!("org");
    let finding = report(&nameless);
    assert_eq!(finding["fixes"], json!([]));
    let why = finding["no_fix"].as_str().unwrap();
    assert!(why.contains("org, rule 900, which you may not own"), "{why}");
    // A deny of just this traffic is meant.
    let mut named = all;
    named[0]["rules"][0] = rule("ingress deny 900 from 172.16.0.0/28 tcp:8443");
    let why = report(&named)["no_fix"].as_str().unwrap().to_owned();
    assert!(why.contains("denies this by name"), "{why}");
}

/// What every rule of a policy says, and an export of this one does not, is not known; nor is what
/// cannot be read, or what nobody here knows yet.
#[test]
fn what_a_rule_of_a_policy_does_not_say_is_open() {
    let policy = |rules: Value| json!([{"name": "np", "type": "NETWORK", "rules": rules}]);
    let asked = |policies: Value| {
        let rules = [vpc("web", "allowed", 1000, "192.168.0.0/16")];
        let answer = ask(&[effective(policies, &rules)], WEB, &[]);
        (answer["verdict"].as_str().unwrap().to_owned(), answer["because"].to_string())
    };
    let whole = |gone: &str| {
        let mut rule = rule("ingress allow 10 from 10.0.0.0/8 tcp:22");
        let (object, key) = match gone.split_once('.') {
            Some((object, key)) => (rule.get_mut(object).unwrap(), key),
            None => (&mut rule, gone),
        };
        object.as_object_mut().unwrap().remove(key);
        rule
    };
    assert_eq!(asked(policy(json!([whole("")]))).0, "DENIED");
    for gone in ["match", "match.layer4Configs"] {
        let (verdict, because) = asked(policy(json!([whole(gone)])));
        assert_eq!(verdict, "UNDETERMINED", "{gone}");
        assert!(because.contains("may match"), "{gone}: {because}");
    }
    let web = "ingress allow 10 from 10.0.0.0/8 tcp:443";
    let mut either = rule(web);
    either.as_object_mut().unwrap().remove("direction");
    assert_eq!(asked(policy(json!([rule(web)]))).0, "ALLOWED");
    assert_eq!(asked(policy(json!([either]))).0, "UNDETERMINED");
    for (key, value) in [
        ("targetSecureTags", json!([{"state": "EFFECTIVE"}])),
        ("targetSecureTags", json!([null])),
        ("targetSecureTags", json!(42)),
        ("targetServiceAccounts", json!([null])),
        ("targetResources", json!([{}])),
        ("disabled", json!("perhaps")),
    ] {
        let open = with(web, json!({key: value}), json!({}));
        assert_eq!(asked(policy(json!([open]))).0, "UNDETERMINED", "{key}: {value}");
    }
    for (key, value) in [("srcSecureTags", json!([{}])), ("srcNovelty", json!(["x"]))] {
        let open = with(web, json!({}), json!({key: value}));
        assert_eq!(asked(policy(json!([open]))).0, "UNDETERMINED", "{key}: {value}");
    }
    // What says nothing narrows nothing.
    let plain = with(web, json!({"targetResources": []}), json!({"srcNovelty": []}));
    assert_eq!(asked(policy(json!([plain]))).0, "ALLOWED");
    // Of a policy without any rule nobody gave the rules.
    for rules in [json!([]), json!(null), json!("none")] {
        assert_eq!(asked(policy(rules)).0, "UNDETERMINED");
    }
    assert_eq!(asked(json!("a text")).0, "UNDETERMINED");
}

/// The order of enforcement is a default where a network is made, and no default of an export's.
#[test]
fn an_order_that_was_not_exported_is_not_known() {
    let policies = json!([{"name": "np", "type": "NETWORK",
        "rules": [rule("ingress deny 10 from 10.0.0.0/8 tcp:443")]}]);
    let firewalls = effective(policies, &[vpc("web", "allowed", 1000, "10.0.0.0/8")]);
    let asked = |network: Value| {
        ask(&[firewalls.clone(), network], WEB, &[])["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(asked(network("AFTER_CLASSIC_FIREWALL")), "ALLOWED");
    assert_eq!(asked(network("BEFORE_CLASSIC_FIREWALL")), "DENIED");
    for order in ["", "AROUND_CLASSIC_FIREWALL", "before_classic_firewall"] {
        assert_eq!(asked(network(order)), "UNDETERMINED", "{order}");
    }
    let mut selected = network("");
    selected.as_object_mut().unwrap().remove("networkFirewallPolicyEnforcementOrder");
    assert_eq!(asked(selected.clone()), "UNDETERMINED");
    // Of three that contradict each other none is believed, in whatever order.
    let three = ["BEFORE", "AFTER", "AFTER"].map(|one| network(&format!("{one}_CLASSIC_FIREWALL")));
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0]] {
        let mut all = vec![firewalls.clone()];
        all.extend(order.map(|at| three[at].clone()));
        assert_eq!(ask(&all, WEB, &[])["verdict"], "UNDETERMINED", "{order:?}");
    }
    // Beside the whole export a selection takes nothing away.
    let both = [firewalls.clone(), selected, network("BEFORE_CLASSIC_FIREWALL")];
    assert_eq!(ask(&both, WEB, &[])["verdict"], "DENIED");
}

/// A selection of fields leaves out the kind, the region, or whom a rule is for: what is left tells
/// that there is a policy, and not that it says nothing.
#[test]
fn policies_of_a_selection_are_policies() {
    let allow = vpc("a", "allowed", 1000, "0.0.0.0/0");
    let deny = rule("ingress deny 10 from 10.0.0.0/8 tcp");
    let bare = |mut rule: Value| {
        rule.as_object_mut().unwrap().remove("kind");
        rule
    };
    let attached =
        json!([{"attachmentTarget": "https://x/compute/v1/projects/p/global/networks/n"}]);
    let np = json!({"name": "np", "associations": attached, "rules": [bare(deny.clone())]});
    let first = network("BEFORE_CLASSIC_FIREWALL");
    check(&[np.clone(), first.clone(), allow.clone()], WEB, &[], "DENIED", "np 10");
    let of_organization = json!({"id": "7", "name": "7", "rules": [bare(deny.clone())],
        "associations": [{"attachmentTarget": "organizations/1"}]});
    let after = network("AFTER_CLASSIC_FIREWALL");
    check(&[of_organization, after.clone(), allow.clone()], WEB, &[], "DENIED", "7 10");
    let verdict = |inputs: &[Value]| ask(inputs, WEB, &[])["verdict"].clone();
    // Of a list of rules nobody knows where they hold.
    let listed = [bare(deny.clone()), allow.clone(), after.clone()];
    assert_eq!(verdict(&listed), "UNDETERMINED");
    let row = json!({"rule_type": "org-firewall", "ip_ranges": "10.0.0.0/8", "action": "deny"});
    assert_eq!(verdict(&[row, allow.clone(), after.clone()]), "UNDETERMINED");
    // Every policy ends with rules of Google's.
    let mut empty = np.clone();
    empty.as_object_mut().unwrap().extend(
        json!({"kind": "compute#firewallPolicy", "id": "8", "rules": []})
            .as_object()
            .unwrap()
            .clone(),
    );
    assert_eq!(verdict(&[empty, first.clone(), allow.clone()]), "UNDETERMINED");
    // One of the hierarchy says where it is, and is for all regions.
    let mut of_all = json!({"kind": "compute#firewallPolicy", "name": "77", "shortName": "h",
        "parent": "organizations/1", "rules": [deny.clone()],
        "associations": [{"attachmentTarget": "organizations/1"}]});
    of_all["selfLink"] = json!("https://x/compute/v1/locations/global/firewallPolicies/77");
    check(&[of_all, after.clone(), allow.clone()], WEB, &[], "DENIED", "h 10");
    // Its link says its region.
    let mut regional = np;
    regional["kind"] = json!("compute#firewallPolicy");
    regional["selfLink"] = json!("https://x/compute/v1/projects/p/regions/r/firewallPolicies/np");
    let answer = ask(&[regional, first.clone(), allow.clone()], WEB, &[]);
    assert_eq!(answer["verdict"], "UNDETERMINED", "{answer:#}");
    // An exported rule that names no end was cut.
    let mut cut = deny;
    cut["ruleTupleCount"] = json!(2);
    cut["match"].as_object_mut().unwrap().remove("srcIpRanges");
    let policy = |rule: &Value| json!([{"name": "np", "type": "NETWORK", "rules": [rule]}]);
    let rules = std::slice::from_ref(&allow);
    assert_eq!(verdict(&[effective(policy(&cut), rules), first.clone()]), "UNDETERMINED");
    cut.as_object_mut().unwrap().remove("ruleTupleCount");
    assert_eq!(verdict(&[effective(policy(&cut), rules), first.clone()]), "DENIED");
    // Nobody writes by hand which subnetworks a network has.
    let order = |more: Value| {
        let mut own = json!({"name": "n", "autoCreateSubnetworks": false});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let np = json!({"name": "np", "associations": attached,
            "rules": [rule("ingress deny 10 from 10.0.0.0/8 tcp")]});
        verdict(&[np, own, allow.clone()])
    };
    assert_eq!(order(json!({})), "ALLOWED");
    assert_eq!(order(json!({"subnetworks": []})), "UNDETERMINED");
}

/// A policy of another project by the same name is none that was given.
#[test]
fn a_policy_of_another_project_is_another_one() {
    let allow = vpc("a", "allowed", 1000, "0.0.0.0/0");
    let named = |project: &str| {
        json!({"kind": "compute#network", "name": "n", "firewallPolicy": "projects/p/global/firewallPolicies/np",
            "networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL",
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "description": project})
    };
    let policy = |project: &str| {
        json!({"kind": "compute#firewallPolicy", "name": "np", "id": "7",
            "selfLink": format!("https://x/compute/v1/projects/{project}/global/firewallPolicies/np"),
            "associations": [{"attachmentTarget": format!("projects/{project}/global/networks/n")}],
            "rules": [rule("ingress deny 10 from 192.168.0.0/16 tcp")]})
    };
    let verdict = |project: &str| {
        let inputs = [named(project), policy(project), allow.clone()];
        ask(&inputs, WEB, &["--project", "p"])["verdict"].clone()
    };
    assert_eq!(verdict("p"), "ALLOWED");
    assert_eq!(verdict("q"), "UNDETERMINED");
}
