//! An allow that admits much more than the log shows anybody to use.
//!
//! What it means: within the log's window, connections came under this rule from fewer ranges, or
//! on fewer ports, than it opens. What is open and not used is open for somebody else.
//!
//! What it looks like: tcp 1-65535 is allowed, and tcp 443 is all that was seen; three source
//! ranges are listed, and two of them never called.
//!
//! What to do: narrow the rule to what is used, after looking at a window that is long enough: a
//! monthly job is not seen in a day's log. Only rules that log are judged; health checks and
//! connections that stay open for long write fewer entries than one would think.
//!
//! Source: <https://cloud.google.com/network-intelligence-center/docs/firewall-insights/concepts/overview>

use crate::checks::finding::{
    Basis, Confidence, Finding, Observed, ResourceSummary, id, network_key,
};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::correlate::usage::{Usage, usage};
use crate::model::{Action, Disposition, Owner};
use crate::net::{Role, Timestamp, parse_cidr, well_known};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "rule-too-broad",
    title: "an allow that admits more than is used",
    severity: Severity::Note,
    source: include_str!("rule_too_broad.rs"),
    claims: None,
    run,
};

/// In nanoseconds.
const AN_HOUR: i64 = 3_600_000_000_000;

/// So many ports per port that was seen are too many.
const TOO_MANY_PORTS: u128 = 100;

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let passed = &evidence.correlation.passed;
    if passed.is_empty() {
        return Outcome::Skipped("the log shows no allowed connection");
    }
    let spans = || passed.iter().filter_map(|one| one.span);
    let window = spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max());
    let allowed = passed.iter().filter(|one| one.first.disposition() == Disposition::Allowed);
    let found: Vec<_> = usage(evidence.directory.inventory, allowed)
        .rules
        .iter()
        .filter(|one| one.rule.action == Action::Allow && one.is_logged() && one.hits > 0)
        .filter(|one| !matches!(one.rule.owner, Owner::Gke(_)))
        .filter(|one| one.rule.policy.is_some() || evidence.scope.holds(&one.rule.network))
        .filter_map(|one| finding(check, one, window))
        .collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// Google's ranges come as a list that is needed as a whole: probes come from any of them.
fn is_of_google(unmet: &str) -> bool {
    let range = unmet.split_whitespace().nth(1).and_then(parse_cidr);
    range.is_some_and(|range| {
        let mut table = well_known::table().iter();
        table.any(|row| row.role != Role::GooglePublic && row.range.contains(&range))
    })
}

fn finding(
    check: &Check,
    one: &Usage<'_>,
    window: Option<(Timestamp, Timestamp)>,
) -> Option<Finding> {
    let rule = one.rule;
    let (first, last) = one.span?;
    let wide = rule.traffic().count() > one.traffic.count().saturating_mul(TOO_MANY_PORTS);
    // In a few minutes much is not met that is needed.
    let long = window.is_some_and(|(first, last)| last.0.saturating_sub(first.0) >= AN_HOUR);
    let unmet: Vec<&String> = one.unmet.iter().filter(|unmet| !is_of_google(unmet)).collect();
    if !wide && (unmet.is_empty() || !long) {
        return None;
    }
    let used: Vec<String> = one
        .traffic
        .parts()
        .iter()
        .map(|part| format!("{} {}", part.protocol, part.ports.join(",")).trim_end().to_owned())
        .collect();
    let opened: Vec<String> = rule.layer4.iter().map(ToString::to_string).collect();
    let count = |number: u128, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let peers = count(one.peers.count(), "other address", "other addresses");
    let connections = count(one.connections.into(), "connection", "connections");
    let label = rule.label();
    let mut explanation =
        vec![format!("seen from {first} to {last}: {connections}, {}, {peers}", used.join("; "))];
    if wide {
        explanation.push(format!("it admits {}", opened.join("; ")));
    }
    for unmet in unmet.iter().take(10) {
        explanation.push(format!("never met: {unmet}"));
    }
    if unmet.len() > 10 {
        explanation.push(format!("and {} more", unmet.len() - 10));
    }
    explanation.push(format!("{}", rule.origin));
    Some(Finding {
        id: id(check.id, &[&network_key(&rule.network), &label]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Likely,
        basis: Basis::Observed,
        title: format!("rule {label} admits more than this log shows anybody to use"),
        explanation,
        flow: None,
        observed: Some(Observed::of(&one.seen, one.hits, one.span, None)),
        needed: false,
        decision: None,
        resources: vec![ResourceSummary {
            kind: "firewall-rule",
            name: label,
            origin: rule.origin.clone(),
        }],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some("what is not in this log may be in another one".to_owned()),
    })
}
