//! The log and the given resources do not agree.
//!
//! What it means: judged by the rules that were given, a logged connection would have ended
//! differently, or another rule would have decided it.
//!
//! What it looks like: the log says DENIED and the rules of now allow it; the log names a rule
//! that is not among those given.
//!
//! Why: the rules changed between the log and the export; the export is of another project; part
//! of the rules was not given (a folder's policy, rules that another tool wrote).
//!
//! What to do: export the effective firewalls of the network now (gcloud compute networks
//! get-effective-firewalls NETWORK), and read a fresh log. Where the rules of now allow it, it may
//! be mended already.
//!
//! Source: <https://cloud.google.com/firewall/docs/firewall-rules-logging>

use std::collections::BTreeMap;

use crate::checks::blocked::{self, Words};
use crate::checks::finding::{
    Basis, Confidence, Finding, Observed, ResourceSummary, id, network_key,
};
use crate::checks::logged::{self, is_given, is_logged};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::correlate::{Cause, Question};
use crate::engine::{Decider, Verdict};
use crate::model::{Disposition, FirewallRule, PolicyKind, Reference, RuleReference};
use crate::suggest::name::{is_project, is_resource_name};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "snapshot-disagrees",
    title: "the log and the given resources do not agree",
    severity: Severity::Warning,
    source: include_str!("snapshot_disagrees.rs"),
    claims: Some(claims),
    run,
};

fn claims(cause: &Cause<'_>) -> bool {
    cause.decision.verdict == Verdict::Allowed
}

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let mut found: Vec<Finding> = evidence
        .causes_of(check)
        .map(|cause| {
            let (from, to) = (blocked::who(&cause.source), blocked::who(&cause.destination));
            let traffic = blocked::traffic(cause);
            let tried = evidence.scope.what_if;
            let stranger = logged::stranger(cause, evidence).filter(|_| !tried);
            let title = if tried {
                format!("{from} to {to} on {traffic} was denied and would pass now")
            } else if let Some(rule) = &stranger {
                format!("{rule}, which was not given, denied {from} to {to} on {traffic}")
            } else {
                format!("the log denies {from} to {to} on {traffic}; the resources given allow it")
            };
            let why = match tried {
                true => "by the rules that are tried, or by those given",
                false => "the rules changed since, or others decided than those given",
            };
            let mut explanation = vec![blocked::allowed_by(cause.decision.decider)];
            explanation.push(match &stranger {
                Some(_) => "of the rules that were given; the one that the log names is none of \
                            them, and came before"
                    .to_owned(),
                None => why.to_owned(),
            });
            let mut finding =
                blocked::finding(check, cause, evidence, Words { title, explanation });
            finding.no_fix = Some(match &stranger {
                Some(_) => not_decided(cause),
                None => "the resources given now allow this".to_owned(),
            });
            if tried {
                finding.severity = Severity::Note;
            }
            finding
        })
        .collect();
    found.extend(other_deciders(check, evidence));
    found.extend(now_denied(check, evidence));
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// What would show the rule that the log names.
fn not_decided(cause: &Cause<'_>) -> String {
    let network = cause.network.as_ref().filter(|network| is_resource_name(&network.name));
    let project = network.and_then(|network| network.project.as_deref());
    let project = project.filter(|project| is_project(project));
    let project = project.map(|project| format!(" --project={project}")).unwrap_or_default();
    let name = network.map_or("NETWORK", |network| &network.name);
    format!(
        "what was given does not hold what decided: gcloud compute networks \
         get-effective-firewalls {name}{project} --format=json"
    )
}

/// Denied on both sides, by different rules.
fn other_deciders<'e>(check: &'e Check, evidence: &'e Evidence<'_, '_>) -> Vec<Finding> {
    let mut differing: BTreeMap<(String, String), (&RuleReference, Vec<&Cause<'_>>)> =
        BTreeMap::new();
    for cause in &evidence.correlation.causes {
        let Some(logged) = &cause.logged_rule else {
            continue;
        };
        // The rule that is named may be the one, by tags, or an order, that nobody gave.
        let mut doubts = cause.decision.doubts.iter();
        let may_be_it = doubts.any(|(rule, _)| is_logged(rule, logged, cause, evidence));
        if cause.decision.verdict != Verdict::Denied || may_be_it || is_order_open(cause, evidence)
        {
            continue;
        }
        let ours = match cause.decision.decider {
            Decider::Rule(rule) if is_logged(rule, logged, cause, evidence) => continue,
            Decider::Rule(rule) => format!("rule {}", rule.label()),
            Decider::Implied(_) => "the implied deny".to_owned(),
            // Logs are of Google Cloud.
            Decider::NoGroupAllows(_) => continue,
            // What is always blocked is logged by whatever rule denies it besides.
            Decider::AlwaysBlocked(_) | Decider::AlwaysAllowed(_) | Decider::Missing => continue,
        };
        let network = cause.network.as_ref().map(network_key).unwrap_or_default();
        let theirs = format!("{} of network {network}", logged.name());
        differing.entry((theirs, ours)).or_insert((logged, Vec::new())).1.push(cause);
    }
    differing
        .into_iter()
        .map(|((theirs, ours), (logged, causes))| {
            let questions: Vec<&Question<'_>> =
                causes.iter().flat_map(|cause| &cause.questions).collect();
            let observed = Observed::of_questions(&questions, Some(logged));
            let known = causes.iter().any(|cause| is_given(cause, evidence));
            let reason = if known {
                "the rule is given, but would not decide this: it, or the VM's tags, changed since"
            } else {
                "the rule is not among those given: the export is older, newer or not complete"
            };
            Finding {
                id: id(check.id, &[&theirs, &ours]),
                check: check.id,
                severity: check.severity,
                confidence: Confidence::Proven,
                basis: Basis::Observed,
                title: format!("the log names {theirs}; by the resources given, {ours} decides"),
                explanation: vec![format!("{} denied entries", observed.count), reason.to_owned()],
                flow: None,
                observed: Some(observed),
                needed: false,
                decision: None,
                resources: Vec::new(),
                fixes: Vec::new(),
                remedies: Vec::new(),
                advice: Vec::new(),
                no_fix: Some("export the effective firewalls of the network again".to_owned()),
            }
        })
        .collect()
}

/// Whether nobody knows if policies of the network come before its rules.
fn is_order_open(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> bool {
    let inventory = evidence.directory.inventory;
    let is_open = |network: &Reference| {
        inventory.is_above_rules(PolicyKind::GlobalNetwork, network).is_none()
    };
    let of_policy = matches!(cause.logged_rule, Some(RuleReference::Policy { .. }));
    of_policy && is_given(cause, evidence) && cause.network.as_ref().is_some_and(is_open)
}

/// Allowed in the log, denied by the given rules.
fn now_denied(check: &Check, evidence: &Evidence<'_, '_>) -> Vec<Finding> {
    let mut by_decider: BTreeMap<String, (Option<&FirewallRule>, Vec<&Question<'_>>)> =
        BTreeMap::new();
    for question in &evidence.correlation.passed {
        // What was inspected was let pass so far, by a rule that none of those given outranks.
        let allowed = question.first.disposition() != Disposition::Denied;
        if !allowed || question.decision.verdict != Verdict::Denied {
            continue;
        }
        let (key, rule) = match question.decision.decider {
            Decider::Rule(rule) => (format!("rule {}", rule.label()), Some(rule)),
            _ => ("the implied deny".to_owned(), None),
        };
        by_decider.entry(key).or_insert((rule, Vec::new())).1.push(question);
    }
    by_decider
        .into_iter()
        .filter_map(|(decider, (rule, questions))| {
            let observed = Observed::of_questions(&questions, None);
            let such = questions.first()?.first.tuple();
            let is_allowed = |one: &&Question<'_>| one.first.disposition() == Disposition::Allowed;
            let what = match questions.iter().all(is_allowed) {
                true => "allowed",
                false => "allowed or intercepted",
            };
            Some(Finding {
                id: id(check.id, &["now denied", &decider]),
                check: check.id,
                severity: check.severity,
                confidence: Confidence::Proven,
                basis: Basis::Observed,
                title: format!("the log allows what {decider} of the resources given denies"),
                explanation: vec![format!("{} {what} entries, such as {such}", observed.count)],
                flow: None,
                observed: Some(observed),
                needed: false,
                decision: None,
                resources: rule
                    .map(|rule| ResourceSummary {
                        kind: "firewall-rule",
                        name: rule.label(),
                        origin: rule.origin.clone(),
                    })
                    .into_iter()
                    .collect(),
                fixes: Vec::new(),
                remedies: Vec::new(),
                advice: Vec::new(),
                no_fix: Some("export the effective firewalls of the network again".to_owned()),
            })
        })
        .collect()
}
