//! A rule that can never decide, or never for a part of what it names.
//!
//! What it means: other rules, which are asked before it, match everything that it matches. It does
//! nothing; and where those rules do the opposite, somebody believes in an access, or in a
//! protection, that is not there.
//!
//! What it looks like: an allow at priority 1000 for a network that a deny at 900 covers; the same
//! range opened twice; a rule of the VPC that a folder's policy never lets come to a decision.
//!
//! A rule that lies within another and does the opposite is an exception to it, and what any
//! address may do is a default for the rest: neither is worth a word. Two rules that overlap, do
//! opposite things and of which neither holds the other are: what their overlap gets is up to the
//! priority.
//!
//! What to do: delete it where it says the same as the others. Where it says the opposite and was
//! meant, give it a better (lower) priority than the rules that cover it, or narrow those. A rule
//! that is covered in part decides only on the rest, which is said here; that may be just what was
//! meant.
//!
//! Source:
//! <https://cloud.google.com/network-intelligence-center/docs/firewall-insights/concepts/overview>

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, id, network_key};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::correlate::shadow::{Shadow, shadows};
use crate::model::{FirewallRule, Owner};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "rule-shadowed",
    title: "a rule that can never decide, or not on all that it names",
    severity: Severity::Warning,
    source: include_str!("rule_shadowed.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let inventory = evidence.directory.inventory;
    if inventory.firewall_rules.is_empty() && inventory.policies.is_empty() {
        return Outcome::Skipped("no firewall rule was given");
    }
    let mut found = Vec::new();
    let mut all_judged = true;
    for network in &evidence.directory.networks {
        // Groups of AWS only allow, and every ACL ends with a deny of its own: what others cover
        // there is no mistake.
        if !evidence.scope.holds(network) || inventory.is_amazon(network) {
            continue;
        }
        let Some(list) = shadows(evidence.directory, network) else {
            all_judged = false;
            continue;
        };
        for shadow in list.iter().filter(|shadow| is_worth_a_word(shadow)) {
            let network = network_key(network);
            found.push(finding(check, shadow, &network));
        }
    }
    match (found.is_empty(), all_judged) {
        (false, _) => Outcome::Found(found),
        (true, true) => Outcome::Clear,
        (true, false) => Outcome::Skipped("too many rules, or the enforcement order is not known"),
    }
}

/// A default that others make exceptions to is covered in part on purpose, and GKE writes pairs of
/// rules that go together.
fn is_worth_a_word(shadow: &Shadow<'_>) -> bool {
    let rule = shadow.rule;
    let of_gke = |rule: &FirewallRule| matches!(rule.owner, Owner::Gke(_));
    let by_design = of_gke(rule) && shadow.covered_by.iter().all(|other| of_gke(other));
    shadow.is_whole() || !by_design
}

fn finding(check: &Check, shadow: &Shadow<'_>, network: &str) -> Finding {
    let rule = shadow.rule;
    let label = rule.label();
    let differs = shadow.is_contradicted;
    let names: Vec<_> = shadow.covered_by.iter().map(|other| other.label()).collect();
    let (by, come) = match names.as_slice() {
        [] => (shadow.otherwise_by.unwrap_or("another rule").to_owned(), "comes"),
        [only] => (only.clone(), "comes"),
        [one, two, three, _, ..] => (format!("{one}, {two}, {three} and others"), "come"),
        names => (names.join(", "), "come"),
    };
    let do_otherwise = match (differs, names.len() > 1) {
        (true, true) => "do otherwise",
        (true, false) => "does otherwise",
        (false, true) => "do the same",
        (false, false) => "does the same",
    };
    let title = match (shadow.is_whole(), shadow.otherwise_by) {
        (true, None) => format!("rule {label} never decides: {by} {come} first and {do_otherwise}"),
        (true, Some(why)) => format!("rule {label} never decides: {why}"),
        (false, _) if shadow.dead.is_empty() => {
            format!("rule {label} decides only a part of what it names: {by} {come} first")
        }
        (false, _) => {
            let dead = shadow.dead.join(", ");
            format!("rule {label} does not hold for {dead}: {by} {come} first")
        }
    };
    let explanation = explanation(shadow);
    let summary = |rule: &FirewallRule| ResourceSummary {
        kind: "firewall-rule",
        name: rule.label(),
        origin: rule.origin.clone(),
    };
    let resources = std::iter::once(rule).chain(shadow.covered_by.iter().copied());
    let whole = if shadow.is_whole() { "whole" } else { "part" };
    Finding {
        id: id(check.id, &[network, &label, &rule.direction.to_string(), whole]),
        check: check.id,
        severity: match (shadow.is_whole(), differs) {
            (true, true) => check.severity,
            _ => Severity::Note,
        },
        confidence: Confidence::Proven,
        basis: Basis::Configuration,
        title,
        explanation,
        flow: None,
        observed: None,
        needed: false,
        decision: None,
        resources: resources.map(summary).collect(),
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some(
            "whether to delete it or to give it a better priority, only its author knows"
                .to_owned(),
        ),
    }
}

/// The rule, what covers it, and what is left.
fn explanation(shadow: &Shadow<'_>) -> Vec<String> {
    let rule = shadow.rule;
    let mut explanation = vec![format!(
        "{} {}, priority {}: {}",
        rule.direction, rule.action, rule.priority, rule.origin
    )];
    for other in shadow.covered_by.iter().take(8) {
        explanation.push(format!(
            "covered by {} {} {}, priority {}: {}",
            other.label(),
            other.direction,
            other.action,
            other.priority,
            other.origin
        ));
    }
    for row in shadow.rest.iter().take(6) {
        let list = |texts: &[String], all: &str| match texts {
            [] => all.to_owned(),
            [first, second, third, _, ..] => format!("{first}, {second}, {third}, …"),
            texts => texts.join(", "),
        };
        let ports = row.ports.join(",");
        explanation.push(format!(
            "it holds for {} {} > {}{}",
            format!("{} {ports}", row.protocol).trim_end(),
            list(&row.sources, "the VMs"),
            list(&row.destinations, "the VMs"),
            if row.targets.is_empty() {
                String::new()
            } else {
                format!(" ({})", row.targets.join(" and "))
            }
        ));
    }
    explanation
}
