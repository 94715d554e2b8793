//! The command line as scripts see it: exit statuses, streams, formats, compressed inputs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::io::Write as _;

use common::{folder, json, run, run_with, stderr, stdout};

const ENTRY: &str = r#"{"insertId":"a1","timestamp":"2026-10-14T09:00:07.5Z","logName":"projects/p/logs/compute.googleapis.com%2Ffirewall","jsonPayload":{"connection":{"src_ip":"10.0.0.1","src_port":4000,"dest_ip":"10.0.0.2","dest_port":443,"protocol":6},"disposition":"DENIED","rule_details":{"reference":"network:n/firewall:r","priority":1000,"direction":"INGRESS"}}}"#;

fn entry(id: &str) -> String {
    ENTRY.replace("\"a1\"", &format!("\"{id}\""))
}

#[test]
fn exit_statuses() {
    let sample = "samples/webhook-port-blocked/inputs";
    let clear = "samples/webhook-port-blocked-clear/inputs";
    for (arguments, status) in [
        (vec![sample], 0),
        (vec!["triage", sample, "--fail-on", "error"], 1),
        (vec!["triage", sample, "--fail-on", "warn"], 1),
        (vec!["triage", clear, "--fail-on", "error"], 0),
        (vec!["check", sample], 0),
        (vec!["check", "samples/rule-not-logged/inputs", "--fail-on", "note"], 1),
        (vec![], 2),
        (vec!["--nonsense"], 2),
        (vec!["triage", "does-not-exist.json"], 2),
        (vec!["triage", "samples/*.nothing"], 2),
        (vec!["triage", sample, "--only", "no-such-check"], 2),
        (vec!["why", "nobody", "10.0.0.1:1", sample], 2),
        (vec!["why", "2001:db8::1", "10.24.0.7:8443", sample], 2),
        (vec!["diff", "LICENSE", sample], 3),
        (vec!["fix", "F-00000000", sample], 2),
        (vec!["explain", "no-such-check"], 2),
        (vec!["triage", "LICENSE"], 3),
        (vec!["--version"], 0),
        (vec!["--help"], 0),
        (vec!["explain", "--all"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["man"], 0),
        (vec!["demo"], 0),
        (vec!["demo", "webhook", "--format", "json"], 0),
        (vec!["demo", "nonsense"], 2),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
        assert!(status != 0 || !output.stdout.is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn pages_of_checks_are_there_for_programs_too() {
    let all = json(&["explain", "--all"]);
    let checks = all["checks"].as_array().unwrap();
    assert_eq!(checks.len(), vpcwhy::checks::CHECKS.len());
    for (value, check) in checks.iter().zip(vpcwhy::checks::CHECKS) {
        assert_eq!(
            (value["id"].as_str(), value["severity"].as_str()),
            (Some(check.id), Some(check.severity.id()))
        );
        assert_eq!(value["page"], check.page());
    }
    assert_eq!(json(&["explain", "nat-missing"])["checks"].as_array().unwrap().len(), 1);
}

#[test]
fn results_go_to_output_and_messages_to_error() {
    let output = run(&["triage", "does-not-exist.json"]);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("does-not-exist.json"));
    let output = run(&["triage", "samples/webhook-port-blocked/inputs", "--format", "json"]);
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn standard_input_is_an_input() {
    let log = format!("{}\n{}\n", entry("a"), entry("b"));
    let output = run_with(&["-", "--format", "json"], Some(log.as_bytes()));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["log"]["denied"], 2);
    assert_eq!(report["inputs"][0]["path"], "-");
    let output = run_with(&["-", "--format", "json"], Some(b""));
    assert_eq!(output.status.code(), Some(3), "an empty input is no success");
}

#[test]
fn a_pipe_that_closes_early_is_no_failure() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_vpcwhy"))
        .args(["explain", "--all"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

#[test]
fn archives_are_read_with_all_their_members() {
    let (one, two) = (format!("{}\n", entry("a")), format!("{}\n", entry("b")));
    let gz: Vec<u8> = [gzip(&one), gzip(&two)].concat();
    let zst: Vec<u8> = [zstd(&one), zstd(&two)].concat();
    // The name says nothing: the content does.
    let scratch = folder(&[("gzip.txt", &gz), ("zstd.json", &zst)]);
    for name in ["gzip.txt", "zstd.json"] {
        let path = scratch.path().join(name);
        let report = json(&["triage", path.to_str().unwrap()]);
        assert_eq!(report["log"]["denied"], 2, "{name}");
        assert_eq!(report["complaints"], serde_json::json!([]), "{name}");
    }
    let cut = folder(&[("cut.gz", &gz[..gz.len() - 9])]);
    let report = json(&["triage", cut.path().to_str().unwrap()]);
    assert!(report["log"]["denied"].as_u64().unwrap() >= 1, "what came before counts");
    assert_eq!(report["complaints"].as_array().unwrap().len(), 1);
}

#[test]
fn copies_of_an_entry_count_once_over_all_files() {
    let log = format!("{}\n{}\n", entry("a"), entry("b"));
    let array = format!("[\n{},\n{}\n]", entry("b"), entry("c"));
    let scratch = folder(&[("one.ndjson", log.as_bytes()), ("two.json", array.as_bytes())]);
    let report = json(&["triage", scratch.path().to_str().unwrap()]);
    assert_eq!(report["log"]["denied"], 3);
    assert_eq!(report["log"]["duplicates"], 1);
    assert_eq!(report["findings"][0]["observed"]["count"], 3);
}

#[test]
fn since_and_until_limit_the_causes_and_not_the_counts() {
    let early = entry("a").replace("T09:00", "T08:00");
    let log = format!("{early}\n{}\n", entry("b"));
    let scratch = folder(&[("log.ndjson", log.as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let report = json(&["triage", path, "--since", "2026-10-14T08:30:00Z"]);
    assert_eq!(report["log"]["denied"], 2);
    assert_eq!(report["findings"][0]["observed"]["count"], 1);
    let report = json(&["triage", path, "--until", "2026-10-14T07:30:00Z"]);
    assert_eq!(report["findings"], serde_json::json!([]));
}

#[test]
fn entries_without_a_time_are_not_left_out_silently() {
    let undated = entry("a").replace("\"timestamp\"", "\"time\"");
    let scratch = folder(&[("log.ndjson", format!("{undated}\n{}\n", entry("b")).as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let since = ["triage", path, "--since", "2026-10-14T08:30:00Z"];
    let report = json(&since);
    assert_eq!(report["log"]["undated"], 1);
    assert_eq!(report["findings"][0]["observed"]["count"], 1);
    let text = stdout(&run(&since));
    assert!(text.contains("1 entry without a time: left out by --since"), "{text}");
    // Without the option it is looked at, and there is nothing to tell.
    let report = json(&["triage", path]);
    assert_eq!(report["log"].get("undated"), None);
    assert_eq!(report["findings"][0]["observed"]["count"], 2);
}

/// Errors of other logs are looked at like entries: within the window, and whatever numbers stand
/// around them.
#[test]
fn errors_in_a_log_are_read_by_their_words_and_their_time() {
    let error = |nanos: &str| {
        serde_json::json!({"insertId": "e", "logName": "projects/p/logs/stdout",
            "timestamp": format!("2026-10-14T09:00:01.{nanos}Z"),
            "textPayload": "failed calling webhook \"b.a.svc\": Post \"https://b.a.svc:443/x\": \
                            context deadline exceeded"})
    };
    let checks = |nanos: &str, more: &[&str]| {
        let scratch = folder(&[("log.json", error(nanos).to_string().as_bytes())]);
        let mut all = vec!["triage", scratch.path().to_str().unwrap()];
        all.extend(more);
        let report = json(&all);
        let found = report["findings"].as_array().unwrap();
        found.iter().map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(checks("123456789", &[]), ["webhook-port-blocked"]);
    assert_eq!(checks("124045678", &[]), ["webhook-port-blocked"]);
    assert_eq!(checks("124035678", &[]), ["webhook-port-blocked"]);
    assert_eq!(checks("1", &["--until", "2026-10-14T08:00:00Z"]), [""; 0]);
    assert_eq!(checks("1", &["--since", "2026-10-14T09:00:00Z"]), ["webhook-port-blocked"]);
}

/// JSON holds what the input held, and nothing that steers a terminal.
#[test]
fn json_steers_no_terminal() {
    let evil = "vm\u{9b}31m\u{202e}\u{7f}\u{2066}";
    let log = entry("a").replace("vm-1", evil);
    let log = if log.contains(evil) {
        log
    } else {
        log.replace("\"vm_name\":\"", &format!("\"vm_name\":\"{evil}"))
    };
    let scratch = folder(&[("log.ndjson", log.as_bytes()), (&format!("{evil}.json"), b"{}")]);
    let path = scratch.path().to_str().unwrap();
    for format in ["json", "ndjson", "sarif"] {
        let text = stdout(&run(&["triage", path, "--format", format]));
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2066}');
        assert!(!text.chars().any(steers), "{format}");
    }
    let report = json(&["triage", path]);
    let paths = report["inputs"].as_array().unwrap().iter();
    assert!(paths.clone().any(|one| one["path"].as_str().unwrap().contains(evil)), "{report:#}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let inputs = ["triage", "samples/webhook-port-blocked/inputs", "samples/internet-scan/inputs"];
    let with = |threads: &str| {
        let mut all = inputs.to_vec();
        all.extend(["--format", "json", "--threads", threads]);
        stdout(&run(&all))
    };
    assert_eq!(with("1"), with("2"));
    assert_eq!(with("2"), with("5"));
}

#[test]
fn narrow_terminals_get_cards_and_colour_is_a_choice() {
    let sample = "samples/webhook-port-blocked/inputs";
    let narrow = stdout(&run(&[sample, "--width", "60"]));
    assert!(narrow.contains("DENIED BY  deny-all-ingress 65000"), "{narrow}");
    assert!(!stdout(&run(&[sample])).contains('\u{1b}'));
    assert!(stdout(&run(&[sample, "--color", "always"])).contains("\u{1b}[31m"));
}

#[test]
fn formats_are_what_they_say() {
    let sample = "samples/webhook-port-blocked/inputs";
    let lines = stdout(&run(&["triage", sample, "--format", "ndjson"]));
    for line in lines.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(finding["id"].is_string());
    }
    let why = ["why", "172.20.0.18", "10.24.0.7:8443", sample, "--format", "ndjson"];
    let path = ["path", "blue", "gcr.io", sample, "--format", "ndjson"];
    for asked in [&why[..], &path[..], &["diff", sample, sample, "--format", "ndjson"][..]] {
        assert_eq!(stdout(&run(asked)).lines().count(), 1, "{asked:?}");
    }
    let markdown = stdout(&run(&["triage", sample, "--format", "markdown"]));
    assert!(markdown.contains("| ID | DENIED |"), "{markdown}");
    let scratch = folder(&[]);
    let file = scratch.path().join("out.json");
    let output = run(&["triage", sample, "--format", "json", "-o", file.to_str().unwrap()]);
    assert!(output.stdout.is_empty());
    let written = std::fs::read(&file).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
}

/// The answer of `sim`, whose status tells the verdict.
fn simulated(arguments: &[&str]) -> serde_json::Value {
    let output = run(&[&["sim", "--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// A network by its name, its project and name, or its link is one network, for every command.
#[test]
fn networks_are_named_as_people_name_them() {
    let sample = "samples/webhook-port-blocked/inputs";
    let link = "https://www.googleapis.com/compute/v1/projects/shop-prod/global/networks/shop";
    for name in ["shop", "shop-prod/shop", "projects/shop-prod/global/networks/shop", link] {
        let asked = |command: &str| {
            let mut arguments = vec![command];
            if command == "why" {
                arguments.extend(["172.20.0.18", "10.24.0.7:8443"]);
            }
            arguments.extend([sample, "--network", name, "--format", "json"]);
            let output = run(&arguments);
            assert_eq!(stderr(&output), "", "{command} {name}");
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
        };
        assert_eq!(asked("triage")["findings"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(asked("why")["asked"].as_array().unwrap().len(), 1, "{name}");
        let question = ["--direction", "INGRESS", "--from", "172.20.0.18", "--to", "10.24.0.7"];
        let more = ["--protocol", "tcp", "--port", "8443", "--network", name];
        let answer = simulated(&[&["-c", sample], &question[..], &more[..]].concat());
        assert_ne!(answer["decider"], serde_json::Value::Null, "{name}: {answer:#}");
    }
    let other = run(&["triage", sample, "--network", "shop-test/shop"]);
    assert!(stderr(&other).contains("no network shop is described"), "{}", stderr(&other));
}

/// The networks of two projects share their names: the project alone tells which one is meant.
#[test]
fn a_project_chooses_the_network() {
    let rule = |project: &str, action: &str| {
        format!(
            "{{\"kind\":\"compute#firewall\",\"name\":\"r\",\"network\":\"projects/{project}/global/\
             networks/n\",\"direction\":\"INGRESS\",\"priority\":1000,\"sourceRanges\":[\"10.0.0.0/8\"],\
             \"{action}\":[{{\"IPProtocol\":\"all\"}}]}}\n"
        )
    };
    let rules = rule("p", "allowed") + &rule("q", "denied");
    let scratch = folder(&[("rules.json", rules.as_bytes())]);
    let path = scratch.path().to_str().unwrap();
    let verdict = |more: &[&str]| {
        let asked = ["-c", path, "--direction", "INGRESS", "--from", "10.0.0.9"];
        let what = ["--protocol", "tcp", "--port", "80", "--target-tags", ""];
        simulated(&[&asked[..], &what[..], more].concat())["verdict"].clone()
    };
    assert_eq!(verdict(&[]), "UNDETERMINED");
    assert_eq!(
        (verdict(&["--project", "p"]), verdict(&["--project", "q"])),
        ("ALLOWED".into(), "DENIED".into())
    );
    assert_eq!(
        (verdict(&["--network", "p/n"]), verdict(&["--network", "q/n"])),
        ("ALLOWED".into(), "DENIED".into())
    );
    assert_eq!(verdict(&["--project", "r"]), "UNDETERMINED");
    let head = stdout(&run(&["triage", path]));
    assert!(head.contains("networks p/n, q/n"), "{head}");
}

/// Flags may stand before the command, which is no file then.
#[test]
fn flags_before_the_command_are_its_own() {
    let sample = "samples/webhook-port-blocked/inputs";
    let plain = stdout(&run(&["check", sample, "--format", "json", "-q"]));
    assert!(!plain.is_empty());
    assert_eq!(stdout(&run(&["--format", "json", "-q", "check", sample])), plain);
    assert_eq!(stdout(&run(&["--format=json", "check", "-q", sample])), plain);
    let why = ["why", "172.20.0.18", "10.24.0.7:8443"];
    assert_eq!(
        stdout(&run(&[&["-c", sample], &why[..]].concat())),
        stdout(&run(&[&why[..], &[sample]].concat()))
    );
    // What stands behind this is none.
    assert_eq!(run(&["-q", "--", "check", sample]).status.code(), Some(2));
    // The value of a flag is none.
    assert_eq!(run(&["-c", "check", sample]).status.code(), Some(2));
}

#[test]
fn only_and_ignore_choose_checks() {
    let inputs = "samples/rule-not-logged/inputs";
    let checks = |more: &[&str]| {
        let report = json(&[&["check", inputs], more].concat());
        let found = report["findings"].as_array().unwrap();
        found.iter().map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = checks(&[]);
    assert_eq!(all.len(), 2);
    let ignored = checks(&["--ignore", "rule-not-logged"]);
    assert_eq!(ignored, ["google-api-egress-blocked"]);
    assert_eq!(checks(&["--ignore", "rule-not-logged,google-api-egress-blocked"]), [""; 0]);
    let report = json(&["check", inputs, "--only", "rule-not-logged"]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn fix_prints_each_language() {
    let inputs = "samples/webhook-port-blocked/inputs";
    for (language, word) in [
        ("gcloud", "gcloud compute firewall-rules update blue-webhooks"),
        ("cnrm", "kind: ComputeFirewall"),
        ("terraform", "resource \"google_compute_firewall\" \"blue_webhooks\""),
        ("json", "\"schema\": \"vpcwhy/fix-v1\""),
    ] {
        let text = stdout(&run(&["fix", inputs, "--as", language]));
        assert!(text.contains(word), "{language}: {text}");
    }
}

#[test]
fn why_tells_the_decider_and_the_near_miss() {
    let inputs = "samples/webhook-port-blocked/inputs";
    let answer = json(&["why", "172.20.0.18", "10.24.0.7:8443", inputs]);
    let asked = &answer["asked"][0];
    assert_eq!(asked["direction"], "INGRESS");
    assert_eq!(asked["decision"]["verdict"], "DENIED");
    assert_eq!(asked["decision"]["decider"]["name"], "deny-all-ingress");
    assert_eq!(asked["decision"]["near_misses"][0]["rule"], "blue-webhooks");
    let answer = json(&["why", "172.20.0.18", "10.24.0.7:9443/tcp", inputs]);
    assert_eq!(answer["asked"][0]["decision"]["verdict"], "ALLOWED");
    let answer = json(&["why", "10.24.0.7", "10.20.0.6/icmp", inputs]);
    assert_eq!(answer["asked"][1]["decision"]["decider"]["name"], "gke-blue-5f0c2a9e-all");
}

#[cfg(not(feature = "frames"))]
#[test]
fn without_frames_stats_says_so() {
    let output = run(&["stats", "samples/internet-scan/inputs"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--features frames"));
}

#[cfg(feature = "frames")]
#[test]
fn stats_sums_are_those_of_the_log() {
    let inputs = "samples/internet-scan/inputs";
    let report = json(&["triage", inputs]);
    for arguments in [
        vec!["stats", inputs],
        vec!["stats", inputs, "--group-by", "dest_port"],
        vec!["stats", inputs, "--group-by", "instance,dest_port"],
        vec!["stats", inputs, "--group-by", "src_ip,dest_port,rule", "--per", "1m"],
    ] {
        let stats = json(&arguments);
        let groups = stats["groups"].as_array().unwrap();
        let sum: u64 = groups.iter().map(|group| group["count"].as_u64().unwrap()).sum();
        assert_eq!(sum, report["log"]["firewall"].as_u64().unwrap(), "{arguments:?}");
    }
    let output = run(&["stats", inputs, "--group-by", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
}

/// What is to be typed next judges what was judged here: the same network, with the same rules
/// tried.
#[test]
fn what_comes_next_asks_the_same() {
    let sample = "samples/webhook-port-blocked/inputs";
    let rule = "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeFirewall\nmetadata: \
                {name: tried}\nspec: {networkRef: {external: projects/shop-prod/global/networks/shop}, \
                direction: INGRESS, priority: 900, sourceRanges: [192.0.2.0/24], allow: [{protocol: \
                tcp}]}\n";
    let scratch = folder(&[("a rule.yaml", rule.as_bytes())]);
    let file = scratch.path().join("a rule.yaml");
    let flags = ["--network", "shop-prod/shop", "--what-if", file.to_str().unwrap()];
    let text = stdout(&run(&[&["triage", sample], &flags[..], &["--width", "400"]].concat()));
    let next = text.lines().find(|line| line.starts_with("next")).expect(&text);
    assert!(next.contains(&format!("{sample} --network shop-prod/shop --what-if '")), "{next}");
    assert!(next.contains("a rule.yaml' --as gcloud"), "{next}");
}

/// What is read alone says enough: rows without ends, commands in the project that they are for,
/// checks beside a log that they do not judge, and changes that delete something first.
#[test]
fn every_line_says_what_it_is_about() {
    let twins =
        stdout(&run(&["triage", "samples/controller-gke-ingress/inputs", "--width", "200"]));
    assert!(twins.contains("is not told to speak gRPC"), "{twins}");
    assert!(
        twins.lines().any(|line| line.contains(" ! F-") && line.contains("cuts streams")),
        "{twins}"
    );
    let fix = stdout(&run(&["fix", "samples/control-plane-egress-blocked/inputs"]));
    let command = fix.lines().find(|line| line.starts_with("gcloud")).unwrap();
    assert!(command.contains(" update green-control-plane-egress --project=garden-dev "), "{fix}");
    let route = stdout(&run(&["fix", "samples/private-route-wrong-next-hop/inputs"]));
    assert!(route.contains("# update route [review]: deletes it, and makes it anew"), "{route}");
    let check = stdout(&run(&["check", "samples/webhook-port-blocked/inputs", "--width", "200"]));
    assert!(check.contains("which check does not judge: triage does"), "{check}");
    // A denial that the rules which are tried would end is none that is intended.
    let manifest = stdout(&run(&["fix", "samples/webhook-port-blocked/inputs", "--as", "cnrm"]));
    let scratch = folder(&[("fix.yaml", manifest.as_bytes())]);
    let tried = scratch.path().join("fix.yaml");
    let sample = "samples/webhook-port-blocked/inputs";
    let told = stdout(&run(&["triage", sample, "--what-if", tried.to_str().unwrap()]));
    assert!(told.contains("1 would pass now"), "{told}");
    assert!(!told.contains("intended"), "{told}");
}
