//! Every sample gives the answer that is kept beside it. `UPDATE=1 cargo test --test cases` writes
//! the answers anew: read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::path::PathBuf;

use common::{findings, json, root, run, stdout};

fn cases() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root().join("samples"))
        .expect("samples")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

fn compare(path: PathBuf, actual: &str, differing: &mut Vec<String>) {
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, actual).expect("written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        differing.push(format!("{}\n--- now ---\n{actual}", path.display()));
    }
}

#[test]
fn every_sample_gives_its_answer() {
    let mut differing = Vec::new();
    for case in cases() {
        let folder = root().join("samples").join(&case);
        let inputs = format!("samples/{case}/inputs");
        let text = stdout(&run(&["triage", &inputs, "--width", "100", "--color", "never"]));
        compare(folder.join("expected.txt"), &text, &mut differing);
        let report = stdout(&run(&["triage", &inputs, "--format", "json"]));
        compare(folder.join("expected.json"), &report, &mut differing);
        assert!(folder.join("WHY.md").is_file(), "{case} has no WHY.md");
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_check_has_a_blocked_and_a_clear_sample() {
    for check in vpcwhy::checks::CHECKS {
        let blocked = json(&["triage", &format!("samples/{}/inputs", check.id)]);
        assert!(!findings(&blocked, check.id).is_empty(), "{} is not found", check.id);
        let clear = json(&["triage", &format!("samples/{}-clear/inputs", check.id)]);
        assert!(findings(&clear, check.id).is_empty(), "{} is found in the clear", check.id);
    }
}

/// Who is told that something was observed is told what: a count to sort by, a packet to look for.
#[test]
fn what_was_observed_is_shown() {
    for case in cases() {
        let report = json(&["triage", &format!("samples/{case}/inputs")]);
        for finding in report["findings"].as_array().unwrap() {
            let seen = finding["observed"]["sample"]["insert_id"].is_string();
            assert_eq!(finding["basis"] == "observed", seen, "{case}: {}", finding["title"]);
        }
    }
}

/// The kinds of remedy, with the one thing that must be in it: right answers for right reasons.
#[test]
fn remedies_are_the_smallest() {
    let first = |case: &str, check: &str| {
        let report = json(&["triage", &format!("samples/{case}/inputs")]);
        findings(&report, check)[0].clone()
    };
    let fix = |case: &str| first(case, case)["fixes"][0].clone();

    let control_plane = fix("control-plane-egress-blocked");
    assert_eq!(control_plane["kind"], "update-firewall-rule");
    assert_eq!(control_plane["safety"], "managed");
    assert_eq!(control_plane["rule"]["name"], "green-control-plane-egress");
    assert_eq!(
        control_plane["proof"]["opens"][0]["destinations"],
        serde_json::json!(["172.18.0.48/28"])
    );

    // GKE's own rule is disabled: it is not edited, a rule is added.
    let kubelet = fix("control-plane-ingress-blocked");
    assert_eq!(kubelet["kind"], "add-firewall-rule");
    assert_eq!(kubelet["rule"]["target_tags"], serde_json::json!(["gke-blue-5f0c2a9e-node"]));
    assert_eq!(kubelet["rule"]["source_ranges"], serde_json::json!(["172.20.0.16/28"]));

    let webhook = fix("webhook-port-blocked");
    assert_eq!(webhook["rule"]["name"], "blue-webhooks");
    assert_eq!(webhook["proof"]["opens"][0]["ports"], serde_json::json!(["8443"]));

    let probes = fix("health-check-blocked");
    assert_eq!(
        probes["rule"]["source_ranges"],
        serde_json::json!(["35.191.0.0/16", "130.211.0.0/22"])
    );
    assert_eq!(fix("iap-blocked")["kind"], "enable-firewall-rule");
    assert_eq!(
        fix("google-api-egress-blocked")["rule"]["destination_ranges"],
        serde_json::json!(["199.36.153.8/30", "199.36.153.4/30"])
    );
    for case in ["external-egress-blocked", "internet-scan", "unexplained-denial"] {
        let finding = first(case, case);
        assert_eq!(finding["fixes"], serde_json::json!([]), "{case}");
        assert!(finding["no_fix"].is_string(), "{case}");
    }
}
