//! A manifest and the export of the same resource say different things.
//!
//! What it means: a rule, route, subnetwork, zone or record set is given twice, as a Config
//! Connector manifest and as gcloud describes it, and some fields differ.
//!
//! What it looks like: the repository looks right, and the connection is denied all the same.
//!
//! Why: somebody changed the resource by hand and the controller does not run, or has not looked
//! again; the manifest was changed and never applied; or it was applied to another project. The
//! export is what the VPC does, so everything else here is judged by it.
//!
//! What to do: apply the manifest, or write down there what was changed by hand: Config Connector
//! would take it back.
//!
//! Source: <https://cloud.google.com/config-connector/docs/concepts/managed-resources>

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, Severity, id};
use crate::checks::{Check, Evidence, Outcome};
use crate::model::Drift;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "resource-drifted",
    title: "a manifest and the export of the same resource differ",
    severity: Severity::Warning,
    source: include_str!("resource_drifted.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let inventory = evidence.directory.inventory;
    if inventory.objects.is_empty() {
        return Outcome::Skipped("no manifest of Config Connector's was given");
    }
    let found: Vec<Finding> = inventory.drifts.iter().map(|drift| finding(check, drift)).collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn finding(check: &Check, drift: &Drift) -> Finding {
    let name = &drift.resource.name;
    let fields: Vec<&str> = drift.fields.iter().map(|one| one.field).collect();
    let resource = |origin: &crate::model::Origin| ResourceSummary {
        kind: drift.kind,
        name: name.clone(),
        origin: origin.clone(),
    };
    Finding {
        id: id(check.id, &[drift.kind, &drift.resource.to_string()]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Proven,
        basis: Basis::Configuration,
        title: format!(
            "{} {name} is not as its manifest says: {}",
            drift.kind.replace('-', " "),
            fields.join(", ")
        ),
        explanation: drift
            .fields
            .iter()
            .map(|one| {
                format!(
                    "{}: {} in the manifest, {} in the export",
                    one.field, one.manifest, one.export
                )
            })
            .collect(),
        flow: None,
        observed: None,
        needed: false,
        decision: None,
        resources: vec![resource(&drift.manifest), resource(&drift.export)],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some(
            "which of the two is meant, nobody says: apply the manifest (kubectl apply), or write \
             there what was changed by hand"
                .to_owned(),
        ),
    }
}
