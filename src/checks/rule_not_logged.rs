//! A deny rule that writes no log.
//!
//! What it means: connections that this rule denies leave no line in any log, so "no DENIED lines"
//! does not mean that nothing is denied.
//!
//! What to do: switch logging on for the rule. Logs of a busy deny-all rule cost money;
//! EXCLUDE_ALL metadata makes the entries smaller. The implied deny cannot log at all: a deny-all
//! rule of your own at priority 65534 with logging makes its denials visible.
//!
//! Source: <https://cloud.google.com/firewall/docs/firewall-rules-logging>

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, id, network_key};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::model::{Action, FirewallRule, Owner};
use crate::net::AddressSet;
use crate::suggest::{Change, Others, Proposal, Safety, prove};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "rule-not-logged",
    title: "a deny rule that writes no log",
    severity: Severity::Note,
    source: include_str!("rule_not_logged.rs"),
    claims: None,
    run,
};

/// Whether this is a deny whose denials leave no line.
pub(super) fn writes_no_log(rule: &FirewallRule) -> bool {
    rule.action == Action::Deny && !rule.disabled && rule.logged == Some(false)
}

/// Whether it is one whose logging somebody could switch on: GKE keeps its own rules as they are.
fn is_silent(rule: &FirewallRule) -> bool {
    writes_no_log(rule) && !matches!(rule.owner, Owner::Gke(_))
}

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let rules = &evidence.directory.inventory.firewall_rules;
    if rules.is_empty() {
        return Outcome::Skipped("no firewall rule was given");
    }
    let found: Vec<_> = rules
        .iter()
        .filter(|rule| is_silent(rule) && evidence.scope.holds(&rule.network))
        .map(|rule| finding(check, rule, evidence))
        .collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn finding(check: &Check, rule: &FirewallRule, evidence: &Evidence<'_, '_>) -> Finding {
    let after = FirewallRule { logged: Some(true), ..rule.clone() };
    let notes: Vec<String> = rule.kept_by().into_iter().collect();
    let proposal = Proposal {
        change: Change::Update { before: Box::new(rule.clone()), after: Box::new(after) },
        wanted: Vec::new(),
        needed: AddressSet::default(),
        safety: if notes.is_empty() { Safety::Safe } else { Safety::Managed },
        notes,
    };
    let edges = &evidence.correlation.edges;
    let others = Others { stay: evidence.logged.clone(), ..Others::default() };
    let proved = prove(evidence.directory, proposal, &others, edges, evidence.printer);
    let fixes: Vec<_> = proved.into_iter().collect();
    Finding {
        id: id(check.id, &[&network_key(&rule.network), &rule.label()]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Proven,
        basis: Basis::Configuration,
        title: format!("what rule {} denies leaves no log line", rule.label()),
        explanation: vec![format!(
            "{} deny in network {}, priority {}, logging off: {}",
            rule.direction, rule.network, rule.priority, rule.origin
        )],
        flow: None,
        observed: None,
        needed: false,
        decision: None,
        resources: vec![ResourceSummary {
            kind: "firewall-rule",
            name: rule.label(),
            origin: rule.origin.clone(),
        }],
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: fixes.is_empty().then(|| "its change could not be proved".to_owned()),
        fixes,
    }
}
