//! What leaves the program besides answers on a terminal: pages, tables, scripts, live lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{folder, json, run, run_with, stderr, stdout};
use serde_json::{Value, json as value};

const SAMPLE: &str = "samples/three-witnesses/inputs";

#[test]
fn a_report_is_one_page_that_fetches_nothing() {
    let page = stdout(&run(&["report", SAMPLE]));
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let report = json(&["triage", SAMPLE]);
    for finding in report["findings"].as_array().unwrap() {
        assert!(page.contains(finding["id"].as_str().unwrap()), "{finding:#}");
    }
    for word in ["<script", "<img", "<link", "src=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("What clusters need"), "{page}");
    let folder = folder(&[]);
    let file = folder.path().join("report.html");
    let told = run(&["report", SAMPLE, "-o", file.to_str().unwrap()]);
    assert_eq!(stdout(&told), "");
    assert_eq!(std::fs::read_to_string(file).unwrap(), page);
    let markdown = stdout(&run(&["report", SAMPLE, "--format", "markdown"]));
    assert!(markdown.contains("### What clusters need"), "{markdown}");
}

#[test]
fn findings_go_to_code_scanning_and_to_spreadsheets() {
    let report = json(&["triage", SAMPLE]);
    let findings = report["findings"].as_array().unwrap();
    let sarif: Value =
        serde_json::from_str(&stdout(&run(&["report", SAMPLE, "--format", "sarif"]))).unwrap();
    let (run_of, results) = (&sarif["runs"][0], sarif["runs"][0]["results"].as_array().unwrap());
    assert_eq!((&sarif["version"], results.len()), (&value!("2.1.0"), findings.len()));
    let rules = run_of["tool"]["driver"]["rules"].as_array().unwrap();
    for (result, finding) in results.iter().zip(findings) {
        assert_eq!(result["ruleId"], finding["check"]);
        assert_eq!(result["level"], finding["severity"]);
        assert_eq!(result["partialFingerprints"]["vpcwhy/v1"], finding["id"]);
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
        let place = &result["locations"][0]["physicalLocation"];
        let path = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(common::root().join(path).is_file(), "{path}");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
    }
    let csv = stdout(&run(&["triage", "samples/exposure-too-open/inputs", "--format", "csv"]));
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(rows[0].starts_with("\"id\",\"check\",\"severity\""), "{csv}");
    let count = json(&["triage", "samples/exposure-too-open/inputs"]);
    assert_eq!(rows.len(), count["findings"].as_array().unwrap().len() + 2);
    // Forms of findings are of no use for anything else.
    let wrong = run(&["inventory", SAMPLE, "--format", "sarif"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}

#[test]
fn the_script_of_exports_reads_and_does_nothing_else() {
    let script =
        stdout(&run(&["collect", "--project", "p-1", "--cluster", "blue", "--location", "r1"]));
    let folder = folder(&[("collect.sh", script.as_bytes())]);
    let file = folder.path().join("collect.sh");
    let checked = Command::new("sh").arg("-n").arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", stderr(&checked));
    let reads = ["list", "describe", "read", "get-effective-firewalls", "get"];
    let commands = script
        .split(['\n', '('])
        .filter(|line| line.contains("gcloud ") || line.contains("kubectl "));
    let mut count = 0;
    for line in commands.filter(|line| !line.starts_with('#')) {
        assert!(line.split_whitespace().any(|word| reads.contains(&word)), "{line}");
        for word in ["create", "delete", "update", "apply", "patch", "set", "add"] {
            assert!(!line.split_whitespace().any(|one| one == word), "{line}");
        }
        count += 1;
    }
    assert!(count > 20, "{script}");
    for hostile in ["p; rm -rf ~", "$(reboot)", "P'"] {
        let told = run(&["collect", "--project", hostile]);
        assert_eq!((told.status.code(), stdout(&told).len()), (Some(2), 0), "{hostile}");
    }
    let told = run(&["collect", "--project", "p", "--cluster", "x`id`"]);
    assert_eq!(told.status.code(), Some(2));
    let told = run(&["collect", "--project", "p", "--freshness", "2h;id"]);
    assert_eq!(told.status.code(), Some(2));
    let quoted = stdout(&run(&["collect", "--project", "p", "--folder", "a b;c"]));
    assert!(quoted.contains("folder='a b;c'"), "{quoted}");
}

/// A stream tells each cause once, and ends with what the same entries as a file give.
#[test]
fn a_stream_tells_each_cause_once_and_ends_with_the_answer() {
    let log = std::fs::read(common::root().join(SAMPLE).join("log.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_slice(&log).unwrap();
    let lines: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
    let rules = format!("{SAMPLE}/firewall-rules.json");
    let clusters = format!("{SAMPLE}/clusters.json");
    let arguments = ["follow", "-", "-c", &rules, "-c", &clusters];
    let told = stdout(&run_with(&arguments, Some(lines.as_bytes())));
    let first = told.lines().next().unwrap();
    assert!(first.contains("INGRESS tcp 8443   control plane blue"), "{told}");
    assert!(first.contains("DENIED by rule deny-all-ingress"), "{told}");
    let (live, answer) = told.split_once("read     ").unwrap();
    assert_eq!(live.lines().count(), 1, "{told}");
    assert!(answer.contains("8 log entries (8 DENIED)"), "{answer}");
    // An array, or entries in another layout, is the same stream.
    assert_eq!(stdout(&run_with(&arguments, Some(&log))), told);
    let as_lines = [&arguments[..], &["--format", "ndjson"]].concat();
    let told = stdout(&run_with(&as_lines, Some(lines.as_bytes())));
    let parsed: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed[0]["schema"], "vpcwhy/follow-v1");
    assert_eq!(parsed[0]["decider"]["name"], "deny-all-ingress");
    assert_eq!(parsed[1]["check"], "webhook-port-blocked");
    // Something else than a log is no stream, and a file is none.
    assert_eq!(run(&["follow", SAMPLE]).status.code(), Some(2));
    let broken = run_with(&["follow", "-"], Some(b"{\"a\": \n{\"insertId\"\n\xff\n"));
    assert_eq!(broken.status.code(), Some(3), "{}", stderr(&broken));
}

/// The answer at the end is the one that the same bytes give without following: bad entries have
/// their places, and resources and errors among the entries are read.
#[test]
fn what_else_a_stream_holds_is_read_as_ever() {
    let read = |name: &str| std::fs::read(common::root().join(SAMPLE).join(name)).unwrap();
    let entries: Vec<Value> = serde_json::from_slice(&read("log.json")).unwrap();
    let clusters: Value = serde_json::from_slice(&read("clusters.json")).unwrap();
    let mut lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    lines.insert(3, "{\"insertId\": bad".to_owned());
    lines.push(clusters.to_string());
    let stream = lines.join("\n");
    let rules = format!("{SAMPLE}/firewall-rules.json");
    let told = stdout(&run_with(&["follow", "-", "-c", &rules], Some(stream.as_bytes())));
    let (live, answer) = told.split_at(told.find("read     ").unwrap());
    assert_eq!(live.lines().count(), 1, "{told}");
    assert!(answer.contains("problem  -:4:"), "{answer}");
    assert!(answer.contains("control plane blue"), "{answer}");
    let at_once = run_with(&["triage", "-", "-c", &rules], Some(stream.as_bytes()));
    assert_eq!(answer, stdout(&at_once));
}

/// A cause is told while the stream is still open.
#[test]
fn a_cause_is_told_before_the_stream_ends() {
    let log = std::fs::read(common::root().join(SAMPLE).join("log.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_slice(&log).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpcwhy"))
        .args(["follow", "-", "-c", &format!("{SAMPLE}/firewall-rules.json")])
        .current_dir(common::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, answer) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (give, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(answer).lines() {
            if give.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    writeln!(stream, "{}", entries[0]).unwrap();
    // Far more than it needs; without a bound, a program that waits for the end would hang here.
    let first = lines.recv_timeout(Duration::from_secs(120));
    drop(stream);
    assert!(first.is_ok_and(|line| line.contains("DENIED by rule deny-all-ingress")));
    assert!(child.wait().unwrap().code().is_some());
}
