//! Real files that nobody here wrote. They are not part of the project: where they are missing
//! these tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{corpus, findings, folder, json};

/// The guide's cluster, its references put onto the network and subnetwork of that set.
fn renamed_cluster(manifest: &str) -> String {
    let (before, references) = manifest.split_once("  networkRef:\n").expect("a network");
    let references = references.replacen("name: kfname", "name: gke-no-internet-network", 1);
    let references = references.replacen("name: kfname", "name: priv-cluster-01", 1);
    format!("{before}  networkRef:\n{references}")
}

#[test]
fn the_guides_denial_is_explained_to_its_one_field() {
    let Some(corpus) = corpus() else { return };
    let set = corpus.join("kubeflow-private-gke/2020-04-21");
    let cluster = corpus.join("kubeflow-private-gke/2020-06-01/cluster-private-patch.yaml");
    let manifest = std::fs::read_to_string(cluster).unwrap();
    let paste = corpus.join("firewall-logs/logs-explorer-paste.txt");
    let (set, paste) = (set.to_str().unwrap(), paste.to_str().unwrap());

    let scratch = folder(&[("cluster.yaml", renamed_cluster(&manifest).as_bytes())]);
    let report = json(&["triage", set, scratch.path().to_str().unwrap(), paste]);
    let found = findings(&report, "control-plane-egress-blocked");
    assert_eq!(found.len(), 1);
    let finding = found[0];
    assert_eq!(finding["confidence"], "proven");
    assert_eq!(finding["flow"]["source"]["role"], "node");
    assert_eq!(finding["flow"]["destination"]["role"], "control-plane");
    assert_eq!(finding["flow"]["direction"], "EGRESS");
    let explained = finding["explanation"].to_string();
    assert!(explained.contains("inferred"), "{explained}");
    assert_eq!(finding["decision"]["decider"]["name"], "deny-egress");
    let nearest = &finding["decision"]["near_misses"][0];
    assert_eq!(nearest["rule"], "allow-master-node-egress");
    assert_eq!(nearest["mismatch"], "destination");
    assert!(nearest["detail"].as_str().unwrap().contains("172.16.0.0/28"));
    let fix = &finding["fixes"][0];
    assert_eq!(fix["rule"]["name"], "allow-master-node-egress");
    let ranges = fix["rule"]["destination_ranges"].to_string();
    assert!(ranges.contains("172.16.0.32/28"), "{ranges}");
    assert_eq!(fix["proof"]["denied_before"], 1);
    assert_eq!(fix["proof"]["allowed_after"], 1);

    // As it was published, the cluster is on another network, which nobody described.
    let scratch = folder(&[("cluster.yaml", manifest.as_bytes())]);
    let report = json(&["triage", set, scratch.path().to_str().unwrap(), paste]);
    let spots = report["blind_spots"].to_string();
    assert!(spots.contains("cluster kfname is on network kfname, which is not described"));
    let finding = findings(&report, "control-plane-egress-blocked")[0];
    assert_eq!(finding["fixes"], serde_json::json!([]));
    assert!(finding["no_fix"].as_str().unwrap().contains("not described"));

    // The later set opens the right range: the resources of now allow it.
    let later = corpus.join("kubeflow-private-gke/v1.1-branch");
    let report = json(&["triage", later.to_str().unwrap(), paste]);
    let finding = findings(&report, "snapshot-disagrees")[0];
    assert_eq!(finding["decision"]["verdict"], "ALLOWED");
    assert_eq!(finding["decision"]["decider"]["name"], "name-master-egress");
    assert!(finding["no_fix"].as_str().unwrap().contains("allow this"));
}

/// What one reads in the files with one's eyes: entries, firewall, denied, allowed, other, and how
/// many complaints.
#[test]
fn logs_are_counted_as_one_counts_them_by_eye() {
    let Some(corpus) = corpus() else { return };
    for (name, counts, complaints) in [
        ("beats-test.ndjson", [7, 7, 5, 2, 0], 0),
        ("beats-rare.ndjson", [2, 2, 2, 0, 0], 0),
        ("elastic-ecs-sample_event.json", [1, 1, 1, 0, 0], 0),
        ("google-secops-sample.json", [1, 1, 0, 1, 0], 0),
        ("logs-explorer-paste.txt", [1, 1, 1, 0, 0], 0),
        ("wazuh-audit-firewall-patch.ndjson", [1, 0, 0, 0, 1], 0),
        // Its source address was blackened: it counts, and cannot be judged.
        ("wazuh-denied.ndjson", [1, 1, 1, 0, 0], 1),
    ] {
        let path = corpus.join("firewall-logs").join(name);
        let report = json(&["triage", path.to_str().unwrap()]);
        let log = &report["log"];
        let keys = ["entries", "firewall", "denied", "allowed", "other"];
        let seen = keys.map(|key| log[key].as_u64().unwrap());
        assert_eq!(seen, counts, "{name}");
        assert_eq!(log["unparsable"], 0, "{name}");
        assert_eq!(report["complaints"].as_array().unwrap().len(), complaints, "{name}");
    }
}

/// Nothing in the corpus stops the program, and every file is something.
#[test]
fn every_file_of_the_corpus_is_read_without_an_end() {
    let Some(corpus) = corpus() else { return };
    for part in ["cnrm", "gcp-rest", "gcpdiag", "issue-outputs", "webhooks", "kubeflow-private-gke"]
    {
        let output = common::run(&["inventory", corpus.join(part).to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{part}: {}", common::stderr(&output));
    }
}

/// gcpdiag's own verdicts of a network whose policies and rules overlap.
#[test]
fn resources_of_a_real_project_are_understood() {
    let Some(corpus) = corpus() else { return };
    let report = json(&["inventory", corpus.join("gcpdiag/gke1").to_str().unwrap()]);
    let counts = &report["inventory"];
    assert_eq!(counts["clusters"], 7, "autopilot-gke1 and -gke2, gke1, 2, 3, 4 and 6");
    assert_eq!(counts["firewall_policies"], 1);
    let nodes = report["nodes"].as_array().unwrap();
    let tag =
        |name: &str| nodes.iter().find(|node| node["cluster"] == name).unwrap()["node_tag"].clone();
    assert_eq!(tag("gke4"), "gke-gke4-3520a9df-node");
    assert_eq!(tag("gke1"), "gke-gke1-c10b95be-node");
}

/// What another tool's authors assert about one real project. They call a range denied where any
/// part of it is.
#[test]
fn verdicts_of_another_tool_agree() {
    let Some(corpus) = corpus() else { return };
    let dump = corpus.join("gcpdiag/fw-policy/compute-effective-firewalls-default.json");
    let table = corpus.join("gcpdiag/expected/fw-policy.verdicts.tsv");
    let table = std::fs::read_to_string(table).unwrap();
    let none = |text: &str| if text.is_empty() { vec![] } else { vec![text.to_owned()] };
    let mut rows = 0;
    for row in table.lines().filter(|row| row.starts_with("test_")) {
        let cells: Vec<&str> = row.split('\t').collect();
        let question = serde_json::json!({
            "direction": "INGRESS", "from": cells[2], "protocol": cells[3], "port": cells[4],
            "source_tags": none(cells[5]), "target_tags": none(cells[6]),
            "source_service_account": none(cells[7]), "target_service_account": none(cells[8]),
        });
        let folder = folder(&[("q.jsonl", question.to_string().as_bytes())]);
        let file = folder.path().join("q.jsonl");
        let arguments = ["sim", "--batch", file.to_str().unwrap(), "-c", dump.to_str().unwrap()];
        let output = common::run(&arguments);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let verdict = if cells[9] == "allow" { "ALLOWED" } else { "DENIED" };
        let said = answer["verdict"].as_str().unwrap();
        assert!(said == verdict || (said, verdict) == ("MIXED", "DENIED"), "{row}\n{answer:#}");
        rows += 1;
        let Some((_, name)) = cells.get(10).and_then(|by| by.split_once(": ")) else { continue };
        let pieces = answer["pieces"].as_array().cloned().unwrap_or_default();
        let mut deciders = pieces.iter().filter(|piece| piece["verdict"] == verdict);
        let named = |by: &serde_json::Value| by["name"] == name || by["policy"] == name;
        let by = &answer["decider"];
        assert!(named(by) || deciders.any(|piece| named(&piece["decider"])), "{row}\n{answer:#}");
    }
    assert_eq!(rows, 17);
}

#[test]
fn every_dump_of_effective_firewalls_loads_without_a_complaint() {
    let Some(corpus) = corpus() else { return };
    let mut files = Vec::new();
    for folder in ["gcpdiag", "gcp-rest"] {
        let mut open = vec![corpus.join(folder)];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    open.push(path);
                } else if name.contains("effective-firewalls") {
                    files.push(path);
                }
            }
        }
    }
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let report = json(&["check", file.to_str().unwrap(), "--fail-on", "never"]);
        assert_eq!(report["complaints"], serde_json::json!([]), "{}", file.display());
        assert!(report["inventory"]["firewall_rules"].as_u64().unwrap() > 0, "{}", file.display());
    }
}
