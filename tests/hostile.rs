//! Every input is hostile: names that are commands, escapes and markup, in every position, and what
//! is printed of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{findings, folder, json, run, stdout};
use serde_json::{Value, json};

const EVIL: [&str; 6] = [
    "x; rm -rf ~",
    "$(touch /tmp/owned)",
    "a\u{1b}[2Jb\u{7}\r",
    "<script>alert(1)</script>",
    "' --quiet || echo '",
    "\u{202e}txt.exe|`id`",
];

/// A blocked webhook in which one place holds a hostile name.
fn inputs(place: &str, evil: &str) -> Vec<Value> {
    let name = |at: &str, good: &str| if at == place { evil.to_owned() } else { good.to_owned() };
    let network = name("network", "n");
    let project = name("project", "p");
    let tag = name("tag", "web");
    vec![
        json!([
            {"kind": "compute#firewall", "name": name("rule", "hooks"), "network":
             format!("projects/{project}/global/networks/{network}"), "direction": "INGRESS",
             "priority": 1000, "allowed": [{"IPProtocol": "tcp", "ports": ["9443"]}],
             "sourceRanges": ["172.16.0.0/28"], "targetTags": [tag],
             "logConfig": {"enable": true}},
            {"kind": "compute#firewall", "name": name("deny", "deny-all"), "network":
             format!("projects/{project}/global/networks/{network}"), "direction": "INGRESS",
             "priority": 65000, "denied": [{"IPProtocol": "all"}],
             "sourceRanges": ["0.0.0.0/0"], "logConfig": {"enable": false}}
        ]),
        json!([{"name": name("cluster", "c"), "network": network, "currentMasterVersion": "1",
                "clusterIpv4Cidr": "10.1.0.0/16", "nodePools": [{"name": "a", "config": {"tags": [tag]}}],
                "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28"}}]),
        json!({"insertId": name("insert-id", "i"), "timestamp": "2026-10-14T09:00:00Z",
               "logName": format!("projects/{project}/logs/compute.googleapis.com%2Ffirewall"),
               "jsonPayload": {"disposition": "DENIED",
                "connection": {"src_ip": "172.16.0.2", "src_port": 1, "dest_ip": "10.1.0.9",
                               "dest_port": 8443, "protocol": 6},
                "instance": {"vm_name": name("vm", "vm-1"), "project_id": project},
                "rule_details": {"direction": "INGRESS",
                    "reference": format!("network:{network}/firewall:{}", name("deny", "deny-all"))},
                "vpc": {"project_id": project, "vpc_name": network}}}),
    ]
}

const PLACES: [&str; 9] =
    ["none", "network", "project", "tag", "rule", "deny", "cluster", "insert-id", "vm"];

#[test]
fn no_control_character_reaches_a_terminal_and_no_markup_a_page() {
    for place in PLACES {
        for evil in EVIL {
            let texts: Vec<String> = inputs(place, evil).iter().map(Value::to_string).collect();
            let files: Vec<(String, &[u8])> = texts
                .iter()
                .enumerate()
                .map(|(at, text)| (format!("{at}.json"), text.as_bytes()))
                .collect();
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(name, b)| (name.as_str(), *b)).collect();
            let scratch = folder(&files);
            let path = scratch.path().to_str().unwrap();
            for arguments in [
                vec!["triage", path, "-v"],
                vec!["inventory", path],
                vec!["fix", path, "--all", "--as", "gcloud"],
                vec!["fix", path, "--all", "--as", "cnrm"],
                vec!["fix", path, "--all", "--as", "terraform"],
                vec!["why", "172.16.0.2", "10.1.0.9:8443", path, "-v"],
                vec!["triage", path, "--format", "markdown"],
            ] {
                let text = stdout(&run(&arguments));
                assert!(
                    text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
                    "{place} {arguments:?}: {text:?}"
                );
                if arguments.contains(&"markdown") {
                    assert!(!text.contains("<script"), "{place}: {text}");
                }
            }
        }
    }
}

/// What is printed to be pasted holds only names that the API takes; the words are exactly the
/// program's own.
#[test]
fn commands_hold_no_word_of_anybody_else() {
    for place in PLACES {
        for evil in EVIL {
            let texts: Vec<String> = inputs(place, evil).iter().map(Value::to_string).collect();
            let scratch = folder(&[
                ("0.json", texts[0].as_bytes()),
                ("1.json", texts[1].as_bytes()),
                ("2.json", texts[2].as_bytes()),
            ]);
            let path = scratch.path().to_str().unwrap();
            let fixes = stdout(&run(&["fix", path, "--all", "--as", "gcloud"]));
            for line in fixes.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                let words = shlex::split(line).expect("a command line");
                assert_eq!(words[..3], ["gcloud", "compute", "firewall-rules"], "{line}");
                assert!(vpcwhy::suggest::name::is_resource_name(&words[4]), "{line}");
                assert!(words[5..].iter().all(|word| word.starts_with("--")), "{line}");
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@ '".contains(c);
                assert!(line.chars().all(plain), "{place}: {line}");
            }
            let report = json(&["triage", path]);
            for finding in report["findings"].as_array().unwrap() {
                for fix in finding["fixes"].as_array().unwrap() {
                    let text = fix["as"]["gcloud"].as_str().unwrap();
                    assert!(!text.contains(evil), "{place}: {text}");
                }
            }
        }
    }
}

#[test]
fn an_unharmed_input_is_mended() {
    let texts: Vec<String> = inputs("none", "").iter().map(Value::to_string).collect();
    let scratch = folder(&[
        ("0.json", texts[0].as_bytes()),
        ("1.json", texts[1].as_bytes()),
        ("2.json", texts[2].as_bytes()),
    ]);
    let report = json(&["triage", scratch.path().to_str().unwrap()]);
    let finding = findings(&report, "webhook-port-blocked")[0];
    assert_eq!(finding["fixes"][0]["rule"]["name"], "hooks");
}

/// Bombs and depths end in a complaint.
#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (from, to) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .zip(["b", "c", "d", "e", "f", "g", "h", "i", "j"])
    {
        let many = vec![format!("*{from}"); 9].join(",");
        bomb.push_str(&format!("{to}: &{to} [{many}]\n"));
    }
    let deep = "[".repeat(200_000);
    let deep_object = "{\"a\":".repeat(100_000);
    let good =
        br#"{"kind":"compute#firewall","name":"r","network":"n","allowed":[{"IPProtocol":"tcp"}]}"#;
    let scratch = folder(&[
        ("bomb.yaml", bomb.as_bytes()),
        ("deep.json", deep.as_bytes()),
        ("deep2.json", deep_object.as_bytes()),
        ("good.json", good),
    ]);
    let report = json(&["inventory", scratch.path().to_str().unwrap()]);
    assert_eq!(report["inventory"]["firewall_rules"], 1);
    assert!(report["complaints"].as_array().unwrap().len() >= 2);
}

/// Secrets in a file that cannot be read are not shown.
#[test]
fn errors_show_nothing_of_the_text() {
    let yaml = b"kind: Secret\ndata:\n  password: hunter2secret\n bad indentation: [\n";
    let json_text = b"{\"password\": \"hunter2secret\", oops}";
    let scratch = folder(&[("a.yaml", yaml), ("b.json", json_text)]);
    let output = run(&["triage", scratch.path().to_str().unwrap(), "-v"]);
    let all = format!("{}{}", stdout(&output), common::stderr(&output));
    assert!(!all.contains("hunter2secret"), "{all}");
}
