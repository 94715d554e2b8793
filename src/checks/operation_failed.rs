//! An operation of GKE's failed.
//!
//! What it means: the creation or change of a cluster or node pool ended with an error; the
//! operation says at which stage.
//!
//! What it looks like: `gcloud container operations describe` shows `status: DONE` with an `error`
//! or a `statusMessage`; the cluster is ERROR, and disappears.
//!
//! Why: a stage that waits for nodes (health checking) fails where nodes cannot reach the control
//! plane or what they boot from; others name quotas, permissions, and zones without machines.
//!
//! What to do: mend the blocked paths that are named here, or what the message says, and try again.
//!
//! Source:
//! <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.operations>

use crate::checks::cluster_stuck::{
    SEE_THE_DOUBTFUL, blocked_paths, doubtful_paths, other_cause, path_words,
};
use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, Severity, id};
use crate::checks::{Check, Evidence, Outcome};
use crate::model::cluster::Operation;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "operation-failed",
    title: "an operation of GKE's failed",
    severity: Severity::Error,
    source: include_str!("operation_failed.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let operations = evidence.directory.inventory.operations.iter();
    let found: Vec<Finding> = operations
        .filter(|operation| operation.failed)
        .map(|operation| finding(check, operation, evidence))
        .collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn finding(check: &Check, operation: &Operation, evidence: &Evidence<'_, '_>) -> Finding {
    let clusters = &evidence.directory.inventory.clusters;
    let target = operation.target.as_ref();
    let at = target.and_then(|target| clusters.iter().position(|one| one.id.agrees(target)));
    let paths = match at {
        Some(at) => blocked_paths(evidence, Some(at)),
        None => Vec::new(),
    };
    let other = other_cause(&operation.state.messages);
    let mut explanation: Vec<String> =
        operation.stages.iter().map(|stage| format!("stage {stage}")).collect();
    explanation.extend(operation.state.messages.iter().map(|text| format!("it says: {text}")));
    explanation.extend(paths.iter().take(4).map(|need| path_words(need)));
    let doubtful = match at {
        Some(at) if paths.is_empty() => doubtful_paths(evidence, Some(at)),
        _ => Vec::new(),
    };
    explanation.extend(doubtful.iter().cloned());
    let of = target.map(|target| format!(" of {}", target.name)).unwrap_or_default();
    let kind = if operation.kind.is_empty() { "operation" } else { &operation.kind };
    let why = match (other, paths.first()) {
        (Some(why), _) => format!(": {why}"),
        (None, Some(need)) => format!(": {} is blocked", need.reason),
        (None, None) => String::new(),
    };
    Finding {
        id: id(check.id, &[&operation.name]),
        check: check.id,
        severity: check.severity,
        confidence: match (paths.is_empty(), other) {
            (false, None) => Confidence::Likely,
            _ => Confidence::Possible,
        },
        basis: Basis::Configuration,
        title: format!("{kind}{of} failed{why}"),
        explanation,
        flow: None,
        observed: None,
        needed: true,
        decision: None,
        resources: vec![ResourceSummary {
            kind: "operation",
            name: operation.name.clone(),
            origin: operation.origin.clone(),
        }],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some(match (other, paths.is_empty()) {
            (Some(why), _) => format!("not the firewall: {why}"),
            (None, false) => "mend the blocked paths, each a finding of its own".to_owned(),
            (None, true) if !doubtful.is_empty() => SEE_THE_DOUBTFUL.to_owned(),
            (None, true) => {
                "no blocked path of what was given explains it; see the message".to_owned()
            }
        }),
    }
}
