//! Nobody answers for a webhook or an aggregated API: the Service, its port or its pods are not
//! there. It is not the firewall.
//!
//! What it means: the configuration names a Service that does not exist, a port that it does not
//! have, or one behind which no pod is ready. The API server fails the call whatever the rules say.
//!
//! What it looks like: "failed calling webhook …: no endpoints available for service", "service …
//! not found", "connection refused"; after an uninstall the configuration was left behind, during
//! an install it came before its pods.
//!
//! What to do: see why the pods are not ready (`kubectl describe`), correct the Service, or delete
//! the configuration that was left behind. No firewall rule will help.
//!
//! Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>

use std::collections::BTreeMap;

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, id};
use crate::checks::{Check, Evidence, Outcome, Severity, needed, pasted};
use crate::correlate::expected::{Need, Purpose, tells_of};
use crate::model::webhook::CallKind;
use crate::model::{Symptom, Webhook};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "webhook-backend-missing",
    title: "nobody answers for a webhook or an aggregated API: not the firewall",
    severity: Severity::Error,
    source: include_str!("webhook_backend_missing.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    // Several webhooks of one Service are one cause.
    let mut causes: BTreeMap<(Option<usize>, &str), Vec<Called<'_, '_>>> = BTreeMap::new();
    for need in &evidence.correlation.needs {
        if let (Some(why), Purpose::Call(webhook)) = (&need.missing, need.purpose) {
            causes.entry((need.cluster, why.as_str())).or_default().push((need, webhook));
        }
    }
    let found: Vec<_> =
        causes.into_iter().map(|((_, why), needs)| finding(check, why, &needs, evidence)).collect();
    let found = if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) };
    pasted::join(found, pasted::closed_calls(check, evidence))
}

/// What is needed, and the webhook that needs it.
type Called<'e, 'a> = (&'e Need<'a>, &'a Webhook);

fn finding(
    check: &Check,
    why: &str,
    needs: &[(&Need<'_>, &Webhook)],
    evidence: &Evidence<'_, '_>,
) -> Finding {
    let clusters = &evidence.directory.inventory.clusters;
    let at = needs.first().and_then(|(need, _)| need.cluster);
    let cluster = at.and_then(|at| clusters.get(at)).map(|one| one.id.name.as_str());
    let told = evidence.correlation.told.iter().map(|told| told.symptom);
    let tells = |symptom: &&Symptom| needs.iter().any(|(need, _)| tells_of(symptom, need));
    let mut explanation: Vec<String> = told.filter(tells).take(3).map(needed::seen).collect();
    explanation.extend(needs.iter().take(6).map(|(need, webhook)| {
        format!("needed: {}: {} ({})", need.reason, webhook.blast_radius(), need.origin)
    }));
    explanation.push(
        "kubectl describe the pods of that Service, or delete the configuration if it was left \
         behind"
            .to_owned(),
    );
    let kind = |webhook: &Webhook| match webhook.kind {
        CallKind::AggregatedApi => "api-service",
        CallKind::Conversion => "custom-resource-definition",
        CallKind::Mutating | CallKind::Validating => "webhook-configuration",
    };
    let mut resources: Vec<ResourceSummary> = needs
        .iter()
        .map(|(_, webhook)| ResourceSummary {
            kind: kind(webhook),
            name: webhook.configuration.clone(),
            origin: webhook.origin.clone(),
        })
        .collect();
    resources.sort();
    resources.dedup();
    let ignored =
        needs.iter().all(|(_, webhook)| webhook.failure_policy.as_deref() == Some("Ignore"));
    Finding {
        id: id(check.id, &[cluster.unwrap_or(""), why]),
        check: check.id,
        severity: if ignored { Severity::Warning } else { check.severity },
        confidence: Confidence::Likely,
        basis: Basis::Configuration,
        title: why.to_owned(),
        explanation,
        flow: None,
        observed: None,
        needed: true,
        decision: None,
        resources,
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some("it is not the firewall: no rule would help".to_owned()),
    }
}
