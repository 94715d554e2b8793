//! The answer of `stats --rules`: what the log shows of each rule, and over which window.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::correlate::LogCounts;
use crate::correlate::usage::Usage;
use crate::render::document::{Block, Document, Style, plural, styled, thousands};

/// What a reader takes from the counts.
fn verdict(one: &Usage<'_>) -> &'static str {
    let denies = one.rule.action == crate::model::Action::Deny;
    match (one.rule.disabled, one.rule.logged, one.hits) {
        (true, _, _) => "disabled",
        _ if !one.can_be_seen() => "never logged",
        (false, Some(true), 0) => "no hits",
        (false, Some(true), _) if denies => "denies with hits",
        (false, Some(true), _) if !one.unmet.is_empty() => "used in part",
        (false, Some(true), _) => "used",
        (false, _, 0) => "does not log",
        (false, _, _) => "logged before",
    }
}

/// What was never met means something only where the rule logs.
fn unmet<'u>(one: &'u Usage<'_>) -> &'u [String] {
    if one.is_logged() && one.hits > 0 { &one.unmet } else { &[] }
}

/// For people.
#[must_use]
pub fn document(
    list: &[Usage<'_>],
    log: &LogCounts,
    not_given: &BTreeMap<String, u64>,
) -> Document {
    let mut document = Document::default();
    let window = match (log.first, log.last) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "no log entry was read: nothing can be said about hits".to_owned(),
    };
    document.push(Block::Entry("window", vec![styled(Style::Strong, window)]));
    let rows = list
        .iter()
        .map(|one| {
            let rule = one.rule;
            let mut left = unmet(one).iter().take(3).cloned().collect::<Vec<_>>();
            if unmet(one).len() > 3 {
                left.push(format!("… {} more", unmet(one).len() - 3));
            }
            vec![
                rule.label(),
                rule.network.name.clone(),
                rule.direction.to_string(),
                rule.action.to_string(),
                rule.priority.to_string(),
                thousands(one.hits),
                one.span.map(|(_, last)| last.to_second().to_string()).unwrap_or_default(),
                verdict(one).to_owned(),
                left.join(", "),
            ]
        })
        .collect();
    let head = vec![
        "RULE",
        "NETWORK",
        "DIRECTION",
        "ACTION",
        "PRIORITY",
        "HITS",
        "LAST",
        "USE",
        "NEVER MET",
    ];
    document.push(Block::Table(head, rows));
    for (name, count) in not_given {
        let entries = plural(*count, "entry names", "entries name");
        document.entry("lacks", format!("{entries} {name}, which is not among the rules given"));
    }
    document
        .line("Only rules that log can show hits; what this window does not hold, another may.");
    document
}

/// For programs.
#[must_use]
pub fn json(list: &[Usage<'_>], log: &LogCounts, not_given: &BTreeMap<String, u64>) -> Value {
    let time = |at: Option<crate::net::Timestamp>| at.map(|at| at.to_string());
    json!({
        "schema": "vpcwhy/rule-stats-v1",
        "window": {"first": time(log.first), "last": time(log.last)},
        "rules": rows(list),
        "not_given": not_given,
    })
}

/// One value a rule.
#[must_use]
pub fn rows(list: &[Usage<'_>]) -> Vec<Value> {
    let one = |one: &Usage<'_>| {
        let rule = one.rule;
        json!({
            "rule": rule.name, "policy": rule.policy, "network": rule.network.name,
            "direction": rule.direction.to_string(), "action": rule.action.to_string(),
            "priority": rule.priority, "logged": rule.logged, "disabled": rule.disabled,
            "hits": one.hits, "connections": one.connections,
            "first": one.span.map(|(first, _)| first.to_string()),
            "last": one.span.map(|(_, last)| last.to_string()),
            "use": verdict(one), "never_met": unmet(one),
            "path": rule.origin.path.to_string(), "line": rule.origin.line,
        })
    };
    list.iter().map(one).collect()
}
