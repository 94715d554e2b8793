//! `sim`, `diff`, `--what-if` and `stats --rules`, as scripts rely on them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{folder, run, run_with, stderr, stdout};
use serde_json::{Value, json};
use tempfile::TempDir;

fn rule(name: &str, fields: Value) -> Value {
    let mut made = json!({"kind": "compute#firewall", "name": name, "direction": "INGRESS",
        "network": "projects/p/global/networks/kf", "priority": 1000,
        "logConfig": {"enable": true}});
    for (key, value) in fields.as_object().unwrap() {
        made[key] = value.clone();
    }
    made
}

fn tcp(ports: &[&str]) -> Value {
    json!([{"IPProtocol": "tcp", "ports": ports}])
}

fn rules() -> Vec<Value> {
    vec![
        rule(
            "web",
            json!({"allowed": tcp(&["80", "443"]), "sourceRanges": ["10.0.0.0/8"],
            "targetTags": ["web"]}),
        ),
        rule(
            "no-guests",
            json!({"denied": [{"IPProtocol": "all"}], "priority": 900,
            "sourceRanges": ["10.0.0.16/28"]}),
        ),
        rule(
            "by-tag",
            json!({"allowed": tcp(&["5432"]), "sourceTags": ["app"],
            "targetTags": ["db"]}),
        ),
    ]
}

fn at(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn written(rules: &[Value]) -> TempDir {
    folder(&[("rules.json", Value::from(rules.to_vec()).to_string().as_bytes())])
}

fn batch(rules: &[Value], questions: &str, more: &[&str]) -> (Vec<Value>, i32, String) {
    let folder = written(rules);
    let path = at(&folder, "rules.json");
    let mut arguments = vec!["sim", "--batch", "-", "-c", &path];
    arguments.extend(more);
    let output = run_with(&arguments, Some(questions.as_bytes()));
    let lines = stdout(&output);
    let answers = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (answers, output.status.code().unwrap(), stderr(&output))
}

fn question(id: &str, fields: Value) -> String {
    let mut asked = json!({"id": id, "network": "kf", "direction": "INGRESS", "protocol": "tcp",
        "port": 443, "source_tags": [], "source_service_account": null, "target_tags": ["web"],
        "target_service_account": null});
    for (key, value) in fields.as_object().unwrap() {
        match value.as_str() {
            Some("-") => drop(asked.as_object_mut().unwrap().remove(key)),
            _ => asked[key] = value.clone(),
        }
    }
    format!("{asked}\n")
}

#[test]
fn a_batch_is_answered_in_order() {
    let lines = [
        question("one", json!({"from": "10.0.0.1", "expect": "ALLOWED"})),
        question("range", json!({"from": "10.0.0.0/24", "to": "10.2.0.7", "expect": "MIXED"})),
        "\n# by hand\n// as well\r\n".to_owned(),
        question("denied", json!({"from": "10.0.0.17", "expect": "DENIED"})),
        question("tags", json!({"from": "10.9.0.1", "target_tags": "-", "expect": "UNDETERMINED"})),
        question("ports", json!({"from": "10.9.0.1", "port": "-", "expect": "UNDETERMINED"})),
        question(
            "icmp",
            json!({"from": "10.9.0.1", "port": "-", "protocol": 1, "expect": "denied"}),
        ),
    ];
    let (answers, status, message) = batch(&rules(), &lines.concat(), &[]);
    assert_eq!(status, 0, "{message}\n{answers:#?}");
    let ids: Vec<_> = answers.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["one", "range", "denied", "tags", "ports", "icmp"]);
    assert_eq!(answers[0]["decider"]["kind"], "vpc-rule");
    assert_eq!(answers[0]["decider"]["name"], "web");
    assert_eq!(answers[0]["witness"], Value::Null);
    assert_eq!(answers[1]["witness"], json!({"allowed": "10.0.0.0", "denied": "10.0.0.16"}));
    assert_eq!(answers[1]["decider"], Value::Null);
    assert_eq!(answers[1]["pieces"].as_array().unwrap().len(), 2);
    assert_eq!(answers[2]["decider"]["name"], "no-guests");
    assert_eq!(answers[3]["because"][0], "target tags are not given");
    assert_eq!(answers[4]["because"], json!(["port is not given"]));
    assert_eq!(answers[5]["decider"]["name"], "implied deny ingress");
    assert!(answers.iter().all(|one| one["ok"] == true));
}

/// A key that is absent is unknown; `null` and `[]` are none.
#[test]
fn unknown_is_not_none() {
    let db = json!({"from": "10.9.0.1", "port": 5432, "target_tags": ["db"]});
    let with = |key: &str, value: Value| {
        let mut fields = db.clone();
        fields[key] = value;
        let (answers, status, _) = batch(&rules(), &question("q", fields), &[]);
        assert_eq!(answers[0].get("ok"), None, "nothing was expected");
        (answers[0]["verdict"].as_str().unwrap().to_owned(), status)
    };
    assert_eq!(with("source_tags", json!(["app"])), ("ALLOWED".to_owned(), 0));
    assert_eq!(with("source_tags", json!([])), ("DENIED".to_owned(), 1));
    assert_eq!(with("source_tags", Value::Null), ("DENIED".to_owned(), 1));
    assert_eq!(with("source_tags", json!("-")), ("UNDETERMINED".to_owned(), 1));
    // Nobody on the internet carries a tag of this network.
    let mut outside = db;
    outside["from"] = json!("203.0.113.5");
    outside["source_tags"] = json!("-");
    assert_eq!(batch(&rules(), &question("q", outside), &[]).0[0]["verdict"], "DENIED");
}

#[test]
fn what_hangs_together_is_not_doubted_twice() {
    let both = [
        rule(
            "deny",
            json!({"denied": tcp(&["443"]), "sourceRanges": ["10.0.0.0/8"],
            "targetTags": ["web"], "priority": 900}),
        ),
        rule(
            "allow",
            json!({"allowed": tcp(&["443"]), "sourceRanges": ["10.0.0.0/8"],
            "targetTags": ["web"]}),
        ),
    ];
    // With the tag the deny decides, without it the implied deny.
    for own in [json!("10.2.0.7"), json!("-")] {
        let fields = json!({"from": "10.0.0.0/24", "to": own, "target_tags": "-"});
        let (answers, ..) = batch(&both, &question("q", fields), &[]);
        assert_eq!(answers[0]["verdict"], "DENIED", "{:#}", answers[0]);
    }
}

fn verdict(rules: &[Value], fields: Value) -> String {
    let (answers, ..) = batch(rules, &question("q", fields), &[]);
    answers[0]["verdict"].as_str().unwrap().to_owned()
}

/// What is left out is one value; where the answer is the same for all of them, it is the answer.
#[test]
fn what_is_left_out_matters_only_where_it_does() {
    let half = [rule(
        "half",
        json!({"allowed": [{"IPProtocol": "tcp"}],
        "sourceRanges": ["10.0.0.0/25"]}),
    )];
    let ask = |rules: &[Value], from: &str| verdict(rules, json!({"from": from, "port": "-"}));
    assert_eq!(ask(&half, "10.0.0.0/24"), "MIXED");
    let all = [rule("all", json!({"allowed": tcp(&["1-65535"]), "sourceRanges": ["10.0.0.0/8"]}))];
    assert_eq!(ask(&all, "10.0.0.7"), "ALLOWED", "nobody listens on port 0");
    // The VM's address, too: whichever it is, the first rule or neither.
    let to = |name: &str, action: &str, priority: u64, ranges: Value| {
        rule(
            name,
            json!({action: [{"IPProtocol": "tcp"}], "priority": priority,
            "sourceRanges": ["10.0.0.0/8"], "destinationRanges": ranges}),
        )
    };
    let pair = [
        to("no", "denied", 100, json!(["10.1.0.0/24"])),
        to("yes", "allowed", 200, json!(["10.1.0.0/24"])),
    ];
    assert_eq!(verdict(&pair, json!({"from": "10.0.0.7"})), "DENIED");
    let halves = [
        to("low", "allowed", 100, json!(["0.0.0.0/1"])),
        to("high", "allowed", 100, json!(["128.0.0.0/1"])),
    ];
    assert_eq!(verdict(&halves, json!({"from": "10.0.0.7"})), "ALLOWED");
    assert_eq!(verdict(&pair[1..], json!({"from": "10.0.0.7"})), "UNDETERMINED");
}

/// A range that merely holds the metadata server's address does not ask for it.
#[test]
fn everybody_is_denied_where_nobody_is_allowed() {
    let anybody = json!({"from": "0.0.0.0/0", "port": 22});
    assert_eq!(verdict(&rules()[..1], anybody), "DENIED");
    assert_eq!(verdict(&rules()[..1], json!({"from": "169.254.169.254"})), "ALLOWED");
}

#[test]
fn lines_do_not_change_one_another() {
    let alone = question("a", json!({"from": "10.0.0.1", "network": "-"}));
    let typo = question("b", json!({"from": "10.0.0.1", "network": "typo"}));
    let (answers, ..) = batch(&rules(), &format!("{alone}{typo}{alone}"), &[]);
    let verdicts: Vec<_> = answers.iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["ALLOWED", "UNDETERMINED", "ALLOWED"]);
    assert_eq!(answers[1]["because"], json!(["no firewall rule of this network was given"]));
}

/// Source tags match primary addresses of VMs: nobody outside has one, and no pod.
#[test]
fn tags_are_of_vms() {
    let mut all = rules();
    let link = "https://www.googleapis.com/compute/v1/projects/p";
    all.push(json!({"kind": "compute#subnetwork", "name": "s", "ipCidrRange": "10.9.0.0/16",
        "network": format!("{link}/global/networks/kf"), "region": format!("{link}/regions/r1"),
        "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.50.0.0/16"}],
        "selfLink": format!("{link}/regions/r1/subnetworks/s")}));
    all.push(json!({"name": "c", "location": "r1", "network": "kf", "subnetwork": "s",
        "selfLink": "https://container.googleapis.com/v1/projects/p/locations/r1/clusters/c",
        "clusterIpv4Cidr": "10.50.0.0/16", "currentMasterVersion": "1.30"}));
    let from = |address: &str| {
        verdict(
            &all,
            json!({"from": address, "port": 5432, "source_tags": ["app"],
            "target_tags": ["db"]}),
        )
    };
    assert_eq!(from("10.9.0.7"), "ALLOWED");
    assert_eq!(from("8.8.8.8"), "DENIED");
    assert_eq!(from("10.50.0.7"), "DENIED");
}

/// What cannot be read may be anything; what can be read holds.
#[test]
fn placeholders_are_not_forgotten() {
    let allow = |fields: Value| {
        let mut made = rule("r", json!({"allowed": [{"IPProtocol": "tcp"}]}));
        for (key, value) in fields.as_object().unwrap() {
            made[key] = value.clone();
        }
        verdict(&[made], json!({"from": "10.0.0.7"}))
    };
    assert_eq!(allow(json!({"sourceRanges": ["${X}"], "sourceTags": ["t"]})), "UNDETERMINED");
    assert_eq!(allow(json!({"sourceRanges": ["10.0.0.0/8", "${X}"]})), "ALLOWED");
    assert_eq!(allow(json!({"sourceRanges": ["10.9.0.0/16", "${X}"]})), "UNDETERMINED");
    let ranked = [
        rule(
            "a",
            json!({"allowed": [{"IPProtocol": "tcp"}], "priority": 900,
            "sourceRanges": ["10.0.0.0/8"]}),
        ),
        rule(
            "d",
            json!({"denied": [{"IPProtocol": "tcp"}], "priority": "${P}",
            "sourceRanges": ["10.0.0.0/8"]}),
        ),
    ];
    assert_eq!(verdict(&ranked, json!({"from": "10.0.0.7"})), "UNDETERMINED");
    let way = [rule("d", json!({"denied": [{"IPProtocol": "tcp"}], "direction": "${D}"}))];
    let out = json!({"direction": "EGRESS", "to": "10.0.0.7"});
    assert_eq!(verdict(&way, out), "UNDETERMINED");
}

#[test]
fn bad_questions_are_answered_and_stop_nothing() {
    let bad = [
        ("{not json", "no JSON"),
        ("[1]", "a question is an object"),
        (r#"[{"id": "b"}]"#, "a question is an object"),
        (r#"{"id": 1.5, "direction": "INGRESS", "from": "10.0.0.1"}"#, "id is a text"),
        (r#"{"direction": "INGRESS", "from": "10.0.0.1", "to": "fd00::1"}"#, "different families"),
        (r#"{"direction": "INGRESS", "from": "10.0.0.1", "target_tags": "a,b"}"#, "is a list"),
        (r#"{"id": "b", "direction": "INGRESS", "from": "x"}"#, "from is an address or a range"),
        (r#"{"id": "b", "direction": "INGRESS"}"#, "from is not given"),
        (r#"{"id": "b", "direction": "EGRESS", "from": "10.0.0.1"}"#, "to is not given"),
        (r#"{"id": "b", "from": "10.0.0.1"}"#, "direction is not given"),
        (
            r#"{"id": "b", "direction": "INGRESS", "from": "10.0.0.1", "target_tag": ["a"]}"#,
            "no such key: target_tag",
        ),
        (r#"{"id": "b", "direction": "INGRESS", "from": "10.0.0.1", "port": 70000}"#, "port is"),
        (
            r#"{"id": "b", "direction": "INGRESS", "from": "10.0.0.1", "protocol": "icmp", "port": 1}"#,
            "this protocol has no ports",
        ),
    ];
    for (line, message) in bad {
        let good = question("good", json!({"from": "10.0.0.1"}));
        let (answers, status, _) = batch(&rules(), &format!("{line}\n{good}"), &[]);
        assert_eq!(answers.len(), 2, "{line}");
        assert_eq!(answers[0]["verdict"], "UNDETERMINED", "{line}");
        assert_eq!(answers[0]["ok"], false, "{line}");
        let because = answers[0]["because"][0].as_str().unwrap();
        assert!(because.contains(message), "{line}: {because}");
        assert_eq!(answers[1]["verdict"], "ALLOWED", "{line}");
        assert_eq!(status, 1, "{line}");
    }
}

#[test]
fn one_question_of_the_command_line() {
    let folder = written(&rules());
    let path = at(&folder, "rules.json");
    let ask = |words: &[&str]| {
        let mut arguments = vec!["sim", "--direction", "INGRESS", "--protocol", "tcp"];
        arguments.extend(["--port", "443", "--network", "kf", "-c", &path]);
        arguments.extend(words);
        run(&arguments)
    };
    let known = ["--target-tags", "web", "--source-tags", "", "--from"];
    let with = |from: &'static str| known.iter().copied().chain([from]).collect::<Vec<_>>();
    let output = ask(&with("10.0.0.1"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("ALLOWED   tcp 443   10.0.0.1 > the VM\n"));
    let output = ask(&with("10.0.0.0/24"));
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("denied   for example 10.0.0.16"), "{text}");
    let mut expecting = with("10.0.0.17");
    expecting.extend(["--expect", "DENIED"]);
    assert_eq!(ask(&expecting).status.code(), Some(0));
    assert_eq!(ask(&["--from", "nowhere"]).status.code(), Some(2));
    let output = run(&["sim", "--direction", "INGRESS", "--from", "10.0.0.1", &path]);
    assert!(stdout(&output).contains("protocol is not given"), "{}", stdout(&output));
}

fn diff(old: &[Value], new: &[Value], more: &[&str]) -> Value {
    let folder = folder(&[
        ("old.json", Value::from(old.to_vec()).to_string().as_bytes()),
        ("new.json", Value::from(new.to_vec()).to_string().as_bytes()),
    ]);
    let (old, new) = (at(&folder, "old.json"), at(&folder, "new.json"));
    let mut arguments = vec!["diff", &old, &new, "--format", "json"];
    arguments.extend(more);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// A box of the answer, without the deciders.
fn outline(found: &Value) -> Value {
    let mut found = found.clone();
    for key in ["before", "after", "roles", "region", "project"] {
        found.as_object_mut().unwrap().remove(key);
    }
    found
}

#[test]
fn a_difference_is_the_fewest_boxes() {
    let old = [rule(
        "a",
        json!({"allowed": tcp(&["90", "91"]), "sourceRanges": ["10.0.0.0/8"],
        "targetTags": ["web"]}),
    )];
    let mut new = old.clone();
    new[0]["allowed"] = tcp(&["90"]);
    let answer = diff(&old, &new, &[]);
    assert_eq!(answer["schema"], "vpcwhy/diff-v1");
    assert_eq!(answer["opens"], json!([]));
    assert_eq!(
        outline(&answer["closes"][0]),
        json!({"network": "kf", "direction": "INGRESS", "sources": ["10.0.0.0/8"],
            "destinations": [], "targets": ["tag:web"], "protocol": "tcp", "ports": ["91"],
            "because": ["rule a"]})
    );
    assert_eq!(answer["closes"].as_array().unwrap().len(), 1);
    let back = diff(&new, &old, &[]);
    assert_eq!(outline(&back["opens"][0]), outline(&answer["closes"][0]));
    assert_eq!(back["closes"], json!([]));

    // A deny that goes away lets what is below it decide.
    let answer = diff(&rules(), &rules()[..1], &[]);
    let opens = outline(&answer["opens"][0]);
    assert_eq!(opens["sources"], json!(["10.0.0.16/28"]));
    assert_eq!(opens["targets"], json!(["tag:web"]));
    assert_eq!(opens["ports"], json!(["80", "443"]));
    assert_eq!(opens["because"], json!(["rule no-guests"]));
    // By tag: whoever carries it, wherever.
    let answer = diff(&rules()[2..], &rules()[..1], &[]);
    let closes = outline(&answer["closes"][0]);
    assert_eq!(closes["sources"], json!(["tag:app"]));
    assert_eq!(closes["targets"], json!(["tag:db"]));
}

#[test]
fn nothing_changes_is_a_proof() {
    let mut new = rules();
    new.reverse();
    // The same in other words: ranges split, ports merged, logging and description changed, a rule
    // that never decides, one that is switched off.
    new[2]["sourceRanges"] = json!(["10.0.0.0/9", "10.128.0.0/9"]);
    new[2]["allowed"] =
        json!([{"IPProtocol": "6", "ports": ["80"]}, {"IPProtocol": "TCP", "ports": ["443"]}]);
    new[2]["logConfig"] = json!({"enable": false});
    new[2]["description"] = json!("the web");
    new.push(rule(
        "again",
        json!({"allowed": tcp(&["443"]), "priority": 2000,
        "sourceRanges": ["10.7.0.0/16"], "targetTags": ["web"]}),
    ));
    new.push(rule(
        "off",
        json!({"allowed": tcp(&["1"]), "disabled": true,
        "sourceRanges": ["0.0.0.0/0"]}),
    ));
    let answer = diff(&rules(), &new, &[]);
    for key in ["opens", "closes", "undetermined"] {
        assert_eq!(answer[key], json!([]), "{answer:#}");
    }
    let folder = written(&rules());
    let path = at(&folder, "rules.json");
    let text = stdout(&run(&["diff", &path, &path]));
    assert!(text.starts_with("nothing changes: proved"), "{text}");
}

/// A change below a rule that may hand on is no "nothing": the doubt leads there.
#[test]
fn what_comes_after_a_doubt_is_compared() {
    let rule = |action: &str, priority: u64, filter: Value| {
        let mut filter = filter;
        filter["layer4Configs"] = json!([{"ipProtocol": "tcp"}]);
        json!({"direction": "EGRESS", "action": action, "priority": priority, "match": filter})
    };
    let state = |last: &str| {
        let org = json!({"name": "1", "type": "HIERARCHY", "rules": [
            rule("goto_next", 100, json!({"destFqdns": ["a.example"]})),
            rule("deny", 200, json!({"destIpRanges": ["0.0.0.0/0"]}))]});
        let folder = json!({"name": "2", "type": "HIERARCHY", "rules": [
            rule(last, 200, json!({"destIpRanges": ["0.0.0.0/0"]}))]});
        json!({"firewalls": rules(), "firewallPolicys": [org, folder]})
    };
    let answer = diff(&[state("deny")], &[state("allow")], &[]);
    assert_eq!((&answer["opens"], &answer["closes"]), (&json!([]), &json!([])));
    let open = answer["undetermined"].as_array().unwrap();
    assert!(!open.is_empty(), "{answer:#}");
    assert!(open[0]["because"].to_string().contains("a.example"), "{answer:#}");
    // The same doubt before the same end is no change, whatever rule brings it about.
    let with = |priority: u64| {
        let org = json!({"name": "1", "type": "HIERARCHY", "rules": [
            rule("allow", 100, json!({"destFqdns": ["x.example"]}))]});
        let deny = json!({"kind": "compute#firewall", "name": "deny-eg", "direction": "EGRESS",
            "network": "projects/p/global/networks/kf", "priority": priority,
            "destinationRanges": ["0.0.0.0/0"], "denied": [{"IPProtocol": "all"}]});
        json!({"firewalls": [deny], "firewallPolicys": [org]})
    };
    let answer = diff(&[with(65_000)], &[with(64_000)], &[]);
    for key in ["opens", "closes", "undetermined"] {
        assert_eq!(answer[key], json!([]), "{answer:#}");
    }
}

/// Where a policy applies is a part of what it does.
#[test]
fn a_policy_that_moves_changes_something() {
    let link = "https://www.googleapis.com/compute/v1/projects/p";
    let policy = |region: &str, to: Value| {
        json!({"kind": "compute#firewallPolicy", "name": "rp", "associations": to,
            "region": format!("{link}/regions/{region}"),
            "selfLink": format!("{link}/regions/{region}/firewallPolicies/rp"),
            "rules": [{"direction": "INGRESS", "action": "allow", "priority": 10,
                "match": {"srcIpRanges": ["10.0.0.0/8"],
                    "layer4Configs": [{"ipProtocol": "tcp", "ports": ["80"]}]}}]})
    };
    let network = json!({"kind": "compute#network", "name": "kf",
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
        "selfLink": format!("{link}/global/networks/kf")});
    let other = rule("x", json!({"allowed": tcp(&["22"]), "sourceRanges": ["192.168.0.0/16"]}));
    let here = json!([{"attachmentTarget": format!("{link}/global/networks/kf")}]);
    let state =
        |region: &str, to: &Value| [network.clone(), other.clone(), policy(region, to.clone())];
    let moved = diff(&state("us-central1", &here), &state("europe-west1", &here), &[]);
    assert_eq!(moved["opens"][0]["region"], "europe-west1", "{moved:#}");
    assert_eq!(moved["closes"][0]["region"], "us-central1", "{moved:#}");
    let loose = diff(&state("us-central1", &here), &state("us-central1", &json!([])), &[]);
    let all: Vec<_> = ["opens", "closes", "undetermined"]
        .iter()
        .flat_map(|key| loose[key].as_array().unwrap())
        .collect();
    assert!(!all.is_empty(), "{loose:#}");
}

/// The last rule of a network goes: compared as if there were none, and the note says so.
#[test]
fn a_side_without_rules_is_compared_as_such() {
    let web = rule("web", json!({"allowed": tcp(&["80"]), "sourceRanges": ["10.0.0.0/8"]}));
    let answer = diff(&[web], &[], &[]);
    assert_eq!(answer["closes"][0]["ports"], json!(["80"]), "{answer:#}");
    assert_eq!(answer["undetermined"], json!([]));
    assert!(answer["notes"][0].as_str().unwrap().contains("as if there were none"));
}

/// Whoever reads a box must see every condition of it, and no family that it does not hold.
#[test]
fn a_box_says_all_its_conditions() {
    let base = rule("base", json!({"allowed": tcp(&["22"]), "sourceRanges": ["10.1.0.0/16"]}));
    let tag = |fields: Value| {
        let mut made = rule("by-tag", json!({"allowed": tcp(&["22"]), "sourceTags": ["bastion"]}));
        for (key, value) in fields.as_object().unwrap() {
            made[key] = value.clone();
        }
        made
    };
    let answer = diff(std::slice::from_ref(&base), &[base.clone(), tag(json!({}))], &[]);
    let open = &answer["opens"][0];
    assert_eq!(open["source_conditions"], json!(["tag:bastion"]), "{answer:#}");
    assert!(!open["sources"].to_string().contains("bastion"));
    let folder = folder(&[
        ("old.json", json!([base]).to_string().as_bytes()),
        ("new.json", json!([base, tag(json!({}))]).to_string().as_bytes()),
    ]);
    let text = stdout(&run(&["diff", &at(&folder, "old.json"), &at(&folder, "new.json")]));
    assert!(text.contains("tag:bastion in 0.0.0.0/0 except 10.1.0.0/16"), "{text}");

    // For one family only.
    let v4 = tag(json!({"destinationRanges": ["0.0.0.0/0"]}));
    let answer = diff(std::slice::from_ref(&base), &[base.clone(), v4], &[]);
    let sources = answer["opens"][0]["sources"].to_string();
    assert!(!sources.contains("::/0"), "{sources}");
    // A rule for one address behind a balancer is one box.
    let balancer = rule(
        "lb",
        json!({"allowed": tcp(&["80"]), "sourceRanges": ["0.0.0.0/0"],
        "destinationRanges": ["34.1.2.3/32"]}),
    );
    let answer = diff(std::slice::from_ref(&base), &[base.clone(), balancer], &[]);
    assert_eq!(answer["opens"].as_array().unwrap().len(), 1);
    assert_eq!(answer["opens"][0]["sources"], json!(["0.0.0.0/0"]), "{answer:#}");
    assert_eq!(answer["opens"][0]["destinations"], json!(["34.1.2.3/32"]));
    // Any of several targets suffices; what has to hold besides is said apart.
    let two = rule(
        "two",
        json!({"allowed": tcp(&["80"]), "sourceRanges": ["10.2.0.0/16"],
        "targetTags": ["a", "b"]}),
    );
    let not = rule(
        "not",
        json!({"denied": tcp(&["80"]), "sourceRanges": ["10.2.0.0/16"],
        "targetTags": ["c"], "priority": 900}),
    );
    let answer = diff(&[base.clone(), not.clone()], &[base, not, two], &[]);
    assert_eq!(answer["opens"][0]["targets"], json!(["tag:a", "tag:b"]));
    assert_eq!(answer["opens"][0]["target_conditions"], json!(["not tag:c"]));
}

fn checked(rules: &[Value]) -> Value {
    let folder = written(rules);
    let output =
        run(&["check", &at(&folder, "rules.json"), "--format", "json", "--fail-on", "never"]);
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn shadows(rules: &[Value]) -> Vec<(String, String)> {
    common::findings(&checked(rules), "rule-shadowed")
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            (text("severity"), text("title"))
        })
        .collect()
}

#[track_caller]
fn shadow(rules: &[Value], severity: &str, title: &str) {
    assert_eq!(shadows(rules), [(severity.to_owned(), title.to_owned())]);
}

/// A network of which nobody knows the order hides nothing of the others.
#[test]
fn shadows_of_one_network_do_not_wait_for_another() {
    let own = |name: &str, action: &str, priority: u64| {
        serde_json::json!({"kind": "compute#firewall", "name": name, "direction": "INGRESS",
            "network": "projects/p/global/networks/n", "priority": priority,
            "sourceRanges": ["10.0.0.0/8"], action: [{"IPProtocol": "tcp"}]})
    };
    let both = [own("first", "denied", 100), own("ssh", "allowed", 200)];
    let other = serde_json::json!({"kind": "compute#network", "name": "other",
        "selfLink": "https://x/projects/p/global/networks/other"});
    let (alone, beside) = (shadows(&both), shadows(&[&both[..], &[other]].concat()));
    assert_eq!(alone.len(), 1);
    assert_eq!(alone, beside);
}

#[test]
fn rules_that_others_cover() {
    let one = |name: &str, action: &str, priority: u64, more: Value| {
        let mut made = rule(
            name,
            json!({action: tcp(&["80"]), "priority": priority,
            "sourceRanges": ["10.0.0.0/8"]}),
        );
        for (key, value) in more.as_object().unwrap() {
            made[key] = value.clone();
        }
        made
    };
    let everything = |name: &str, priority: u64| {
        rule(
            name,
            json!({"denied": [{"IPProtocol": "all"}], "priority": priority,
            "sourceRanges": ["0.0.0.0/0"]}),
        )
    };
    // Each VM that it is for is covered by a rule of its own: both are named.
    let mix = [
        one("allow-a", "allowed", 500, json!({"targetTags": ["a"]})),
        one("deny-b", "denied", 600, json!({"targetTags": ["b"]})),
        one("al", "allowed", 1000, json!({"targetTags": ["a", "b"]})),
    ];
    shadow(&mix, "warning", "rule al never decides: allow-a, deny-b come first and do otherwise");
    // One of its targets only.
    let mut part = mix.clone();
    part[2]["targetTags"] = json!(["a", "b", "c"]);
    shadow(&part, "note", "rule al does not hold for target tag:b: deny-b comes first");
    // A second default says the same; an exception to the first one is none to that.
    let defaults =
        [one("a", "allowed", 500, json!({})), everything("d1", 65_000), everything("d2", 65_500)];
    shadow(&defaults, "note", "rule d2 never decides: a, d1 come first and do the same");
    // A default is there to be overruled, and an exception within a rule is made on purpose.
    let exceptions = [
        one("guest", "denied", 500, json!({"sourceRanges": ["10.66.0.0/16"]})),
        one("office", "allowed", 1000, json!({})),
        everything("d1", 65_000),
    ];
    assert_eq!(shadows(&exceptions), []);
    // Two rules that cross: neither holds the other, and what both name is the first one's.
    let block = [
        rule(
            "block",
            json!({"denied": [{"IPProtocol": "all"}], "priority": 10,
            "sourceRanges": ["10.66.0.0/16", "45.0.0.0/8"]}),
        ),
        one("office", "allowed", 1000, json!({})),
    ];
    let title = "rule office decides only a part of what it names: block comes first";
    shadow(&block, "note", title);
    let report = checked(&block);
    let found = common::findings(&report, "rule-shadowed");
    let rest = "it holds for tcp 80 10.0.0.0/10, 10.64.0.0/15, 10.67.0.0/16, … > the VMs";
    assert_eq!(found[0]["explanation"][2], rest);
    // What Google blocks no rule allows.
    let mail = [rule(
        "smtp",
        json!({"allowed": tcp(&["25"]), "direction": "EGRESS",
        "destinationRanges": ["8.8.8.8/32"]}),
    )];
    shadow(&mail, "warning", "rule smtp never decides: tcp 25 to external addresses");
}

/// Only TCP and UDP are logged: of the rest nobody knows whether it is used.
#[test]
fn what_no_log_can_show_is_not_called_unused() {
    let ping = [
        rule(
            "ping",
            json!({"allowed": [{"IPProtocol": "icmp"},
        {"IPProtocol": "tcp", "ports": ["443"]}], "sourceRanges": ["10.0.0.0/8"]}),
        ),
        rule("only", json!({"allowed": [{"IPProtocol": "icmp"}], "sourceRanges": ["10.0.0.0/8"]})),
    ];
    let log: String = (1..3)
        .map(|host| format!("{}\n", entry(&format!("10.0.0.{host}"), 443, "ALLOWED", "ping")))
        .collect();
    let folder = folder(&[
        ("rules.json", Value::from(ping.to_vec()).to_string().as_bytes()),
        ("log.ndjson", log.as_bytes()),
    ]);
    let output = run(&["stats", "--rules", folder.path().to_str().unwrap(), "--format", "json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(answer["rules"][0]["never_met"], json!([]));
    assert_eq!(answer["rules"][0]["use"], "used");
    assert_eq!(answer["rules"][1]["use"], "never logged");
}

fn entry(src: &str, port: u16, disposition: &str, reference: &str) -> Value {
    json!({"insertId": format!("{src}-{port}"), "timestamp": "2026-01-01T00:00:00Z",
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "jsonPayload": {"connection": {"src_ip": src, "src_port": 40000, "dest_ip": "10.2.0.7",
            "dest_port": port, "protocol": 6}, "disposition": disposition,
            "rule_details": {"reference": format!("network:kf/firewall:{reference}"),
                "priority": 1000, "direction": "INGRESS"},
            "vpc": {"project_id": "p", "vpc_name": "kf"}}})
}

#[test]
fn a_log_shows_who_would_notice() {
    let old = [rule("a", json!({"allowed": tcp(&["90", "91"]), "sourceRanges": ["10.0.0.0/8"]}))];
    let mut new = old.clone();
    new[0]["allowed"] = tcp(&["90"]);
    let log = [entry("10.0.0.1", 90, "ALLOWED", "a"), entry("10.0.0.2", 91, "ALLOWED", "a")];
    let text = log.iter().map(|one| format!("{one}\n")).collect::<String>();
    let other = text.replace("network:kf", "network:zz").replace("\"kf\"", "\"zz\"");
    let folder = folder(&[("log.ndjson", text.as_bytes()), ("other.ndjson", other.as_bytes())]);
    let answer = diff(&old, &new, &[&at(&folder, "log.ndjson")]);
    assert_eq!(answer["judged"], 2);
    let logged = answer["logged"].as_array().unwrap();
    assert_eq!(logged.len(), 1, "{answer:#}");
    assert_eq!(logged[0]["src_ip"], "10.0.0.2");
    // Of a network that nobody described nothing is judged.
    let elsewhere = diff(&old, &new, &[&at(&folder, "other.ndjson")]);
    assert_eq!(elsewhere["judged"], 0, "{elsewhere:#}");
    assert_eq!((&logged[0]["before"], &logged[0]["after"]), (&json!("ALLOWED"), &json!("DENIED")));
}

#[test]
fn what_if_is_tried_on_every_command() {
    let tried = rule(
        "no-guests",
        json!({"denied": tcp(&["1"]), "priority": 900,
        "sourceRanges": ["10.0.0.16/28"]}),
    );
    let folder = folder(&[
        ("rules.json", Value::from(rules()).to_string().as_bytes()),
        ("try.json", tried.to_string().as_bytes()),
        ("log.ndjson", entry("10.0.0.17", 443, "DENIED", "no-guests").to_string().as_bytes()),
        ("empty.json", b"{}"),
    ]);
    let (rules, tried) = (at(&folder, "rules.json"), at(&folder, "try.json"));
    let (log, empty) = (at(&folder, "log.ndjson"), at(&folder, "empty.json"));
    let ask = |more: &[&str]| {
        let mut arguments = vec!["sim", "--direction", "INGRESS", "--protocol", "tcp", "--port"];
        arguments.extend(["443", "--from", "10.0.0.17", "--target-tags", "web", "-c", &rules]);
        arguments.extend(more);
        run(&arguments)
    };
    assert!(stdout(&ask(&[])).starts_with("DENIED"));
    assert!(stdout(&ask(&["--what-if", &tried])).starts_with("ALLOWED"));
    assert_eq!(ask(&["--what-if", &empty]).status.code(), Some(2));
    let why = |more: &[&str]| {
        let mut arguments = vec!["why", "10.0.0.17", "10.2.0.7:1", "--network", "kf", &rules];
        arguments.extend(more);
        stdout(&run(&arguments))
    };
    assert!(why(&["--what-if", &tried]).contains("no-guests"));
    let report = |more: &[&str]| {
        let mut arguments = vec!["triage", "--format", "json", &log, "-c", &rules];
        arguments.extend(more);
        let report: Value = serde_json::from_str(&stdout(&run(&arguments))).unwrap();
        report["findings"][0]["decision"]["decider"]["name"].clone()
    };
    assert_eq!(report(&[]), "no-guests");
    assert_ne!(report(&["--what-if", &tried]), "no-guests");
    // What the log shows denied and would pass is no disagreement with what is there.
    let open = rule(
        "no-guests",
        json!({"allowed": tcp(&["443"]), "priority": 900,
        "sourceRanges": ["10.0.0.16/28"]}),
    );
    std::fs::write(&tried, open.to_string()).unwrap();
    let output = run(&["triage", "--format", "json", &log, "-c", &rules, "--what-if", &tried]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let passes = common::findings(&report, "snapshot-disagrees")[0];
    assert_eq!(passes["severity"], "note", "{report:#}");
    assert!(passes["title"].as_str().unwrap().ends_with("was denied and would pass now"));
}

#[test]
fn rules_and_what_nothing_met() {
    let log: String = (1..4)
        .map(|host| format!("{}\n", entry(&format!("10.0.0.{host}"), 443, "ALLOWED", "web")))
        .chain([entry("10.0.0.9", 1, "DENIED", "gone").to_string()])
        .collect();
    let folder = folder(&[
        ("rules.json", Value::from(rules()).to_string().as_bytes()),
        ("log.ndjson", log.as_bytes()),
    ]);
    let path = folder.path().to_str().unwrap();
    let output = run(&["stats", "--rules", path, "--format", "json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(answer["window"]["first"], "2026-01-01T00:00:00Z");
    let of = |name: &str| {
        let all = answer["rules"].as_array().unwrap();
        all.iter().find(|rule| rule["rule"] == name).unwrap().clone()
    };
    let web = of("web");
    assert_eq!((&web["hits"], &web["use"]), (&json!(3), &json!("used in part")));
    assert_eq!(web["never_met"], json!(["tcp 80"]));
    assert_eq!(of("no-guests")["use"], "no hits");
    assert_eq!(answer["not_given"], json!({"gone": 1}));
}
