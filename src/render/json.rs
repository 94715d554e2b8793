//! The report as JSON: the public interface, field by field. Fields are only ever added.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::checks::finding::{
    DeciderSummary, DecisionSummary, Finding, FlowSummary, NO_GROUP_ALLOWS, Observed,
    ResourceSummary, implied_name, rule_kind, stage_id,
};
use crate::checks::{Check, Report};
use crate::correlate::LogCounts;
use crate::correlate::difference::Row;
use crate::correlate::side::Side;
use crate::engine::Decider;
use crate::model::FirewallRule;
use crate::net::IpNet;
use crate::render::resource as resource_forms;
use crate::suggest::Suggestion;

/// The languages that a change is printed in.
pub const LANGUAGES: [&str; 4] = ["gcloud", "cnrm", "terraform", "aws"];

/// The counts of the log with what memory did not suffice for, and what no time was known of;
/// nothing more where there is no such thing.
fn with_limits(mut counts: Value, log: &LogCounts) -> Value {
    if let (Some(rolled), Some(counts)) = (log.rolled_up, counts.as_object_mut()) {
        let told = json!({
            "prefix_v4": rolled.v4, "prefix_v6": rolled.v6,
            "more_than": rolled.more_than, "left": rolled.left,
        });
        counts.insert("rolled_up".to_owned(), told);
    }
    if let (Some(from), Some(counts)) = (log.copies_from, counts.as_object_mut()) {
        counts.insert("duplicates_found_from".to_owned(), json!(from.to_string()));
    }
    if let (true, Some(counts)) = (log.undated > 0, counts.as_object_mut()) {
        counts.insert("undated".to_owned(), json!(log.undated));
    }
    counts
}

/// `triage --format json` and `check --format json`.
#[must_use]
pub fn report(report: &Report) -> Value {
    let log = &report.log;
    let time = |at: Option<crate::net::Timestamp>| at.map(|at| at.to_string());
    let inputs: Vec<Value> = report
        .inputs
        .iter()
        .map(|input| {
            json!({
                "path": input.path, "kind": input.kind, "bytes": input.bytes,
                "items": input.items, "complaints": input.complaints,
            })
        })
        .collect();
    let complaints: Vec<Value> = report
        .complaints
        .iter()
        .map(|one| {
            json!({
                "path": one.path, "line": one.line, "byte": one.byte,
                "message": one.message, "did": one.did,
            })
        })
        .collect();
    let counts = json!({
        "entries": log.entries(), "firewall": log.firewall(), "denied": log.denied,
        "allowed": log.allowed, "intercepted": log.intercepted,
        "duplicates": log.duplicates, "other": log.other, "unparsable": log.unparsable,
        "first": time(log.first), "last": time(log.last),
    });
    let counts = with_limits(counts, log);
    json!({
        "schema": "vpcwhy/triage-v1",
        "version": env!("CARGO_PKG_VERSION"),
        "inputs": inputs,
        "log": counts,
        "inventory": report.inventory,
        "not_given": report.not_given,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "blind_spots": report
            .blind_spots
            .iter()
            .map(|spot| json!({"kind": spot.kind, "detail": spot.detail}))
            .collect::<Vec<_>>(),
        "unused": report.unused,
        "complaints": complaints,
    })
}

/// One finding.
#[must_use]
pub fn finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "check": finding.check,
        "severity": finding.severity.id(),
        "confidence": finding.confidence.id(),
        "basis": finding.basis.id(),
        "title": finding.title,
        "explanation": finding.explanation,
        "flow": finding.flow.as_ref().map(flow),
        "observed": finding.observed.as_ref().map(observed),
        "decision": finding.decision.as_ref().map(decision),
        "resources": finding.resources.iter().map(resource).collect::<Vec<_>>(),
        "fixes": fixes(finding),
        "no_fix": finding.no_fix,
    })
}

fn flow(flow: &FlowSummary) -> Value {
    json!({
        "network": flow.network,
        "direction": flow.direction.map(|direction| direction.to_string()),
        "protocol": flow.protocol,
        "ports": flow.ports,
        "source": side(&flow.source),
        "destination": side(&flow.destination),
    })
}

/// One end.
#[must_use]
pub fn side(side: &Side) -> Value {
    json!({
        "role": side.role.id(),
        "name": side.name,
        "ranges": texts(&side.ranges),
        "because": side.because,
    })
}

fn texts(ranges: &[IpNet]) -> Vec<String> {
    ranges.iter().map(ToString::to_string).collect()
}

fn observed(observed: &Observed) -> Value {
    json!({
        "count": observed.count,
        "first": observed.span.map(|(first, _)| first.to_string()),
        "last": observed.span.map(|(_, last)| last.to_string()),
        "sources": observed.sources,
        "destinations": observed.destinations,
        "instances": observed.instances,
        "rule": observed.rule,
        "sample": observed.sample.as_ref().map(|(insert_id, tuple)| json!({
            "insert_id": (!insert_id.is_empty()).then_some(insert_id),
            "src_ip": tuple.src.to_string(),
            "src_port": tuple.protocol.has_ports().then_some(tuple.src_port),
            "dest_ip": tuple.dst.to_string(),
            "dest_port": tuple.protocol.has_ports().then_some(tuple.dst_port),
            "protocol": tuple.protocol.to_string(),
        })),
    })
}

/// What decided, its fields in the order of the contract.
#[derive(Debug, Clone, Serialize)]
pub struct DeciderLine<'d> {
    kind: &'static str,
    name: Option<&'d str>,
    policy: Option<&'d str>,
    priority: Option<u32>,
    stage: Option<&'static str>,
    path: Option<&'d str>,
    line: Option<u64>,
}

impl<'d> DeciderLine<'d> {
    /// Of a decision; `None` where no rule was given.
    #[must_use]
    pub fn of(decider: Decider<'d>) -> Option<Self> {
        let fixed = |kind, name, priority| Self {
            kind,
            name: Some(name),
            policy: None,
            priority,
            stage: None,
            path: None,
            line: None,
        };
        Some(match decider {
            Decider::Rule(rule) => Self {
                kind: rule_kind(rule),
                name: rule.name.as_deref(),
                policy: rule.policy.as_deref(),
                priority: Some(rule.priority),
                stage: Some(stage_id(rule)),
                path: Some(&rule.origin.path),
                line: Some(rule.origin.line),
            },
            Decider::Implied(direction) => {
                fixed("implied-rule", implied_name(direction), Some(65_535))
            }
            Decider::NoGroupAllows(_) => fixed("implied-rule", NO_GROUP_ALLOWS, None),
            Decider::AlwaysAllowed(what) => fixed("always-allowed", what, None),
            Decider::AlwaysBlocked(what) => fixed("always-blocked", what, None),
            Decider::Missing => return None,
        })
    }

    fn of_summary(decider: &'d DeciderSummary) -> Self {
        Self {
            kind: decider.kind,
            name: decider.name.as_deref(),
            policy: decider.policy.as_deref(),
            priority: decider.priority,
            stage: decider.stage,
            path: decider.origin.as_ref().map(|origin| &*origin.path),
            line: decider.origin.as_ref().map(|origin| origin.line),
        }
    }
}

/// A decision.
#[must_use]
pub fn decision(decision: &DecisionSummary) -> Value {
    json!({
        "verdict": decision.verdict.to_string(),
        "decider": decision.decider.as_ref().map(DeciderLine::of_summary),
        "because": decision.doubts,
        "near_misses": decision.near_misses.iter().map(|miss| json!({
            "rule": miss.rule,
            "priority": miss.priority,
            "mismatch": miss.mismatch,
            "detail": miss.detail,
            "path": miss.origin.path.to_string(),
            "line": miss.origin.line,
        })).collect::<Vec<_>>(),
    })
}

fn resource(resource: &ResourceSummary) -> Value {
    json!({
        "kind": resource.kind, "name": resource.name,
        "path": resource.origin.path.to_string(), "line": resource.origin.line,
    })
}

/// The proved fixes, then what would do without a change of rules.
#[must_use]
pub fn fixes(finding: &Finding) -> Vec<Value> {
    let advice = finding.advice.iter().map(|text| {
        json!({
            "kind": "advice", "safety": "review", "notes": [text], "rule": null, "as": {},
            "proof": null,
        })
    });
    let remedies = finding.remedies.iter().map(|remedy| {
        let forms = resource_forms::forms(&remedy.change).into_iter();
        let forms: Map<String, Value> =
            forms.map(|(language, text)| (language.to_owned(), json!(text))).collect();
        json!({
            "kind": remedy.change.kind(), "safety": remedy.safety().id(), "notes": [remedy.note],
            "rule": null, "as": forms, "proof": null,
        })
    });
    finding.fixes.iter().map(fix).chain(remedies).chain(advice).collect()
}

/// A fix with its printed forms and its proof.
#[must_use]
pub fn fix(fix: &Suggestion) -> Value {
    let proof = fix.proof();
    let forms: serde_json::Map<String, Value> = LANGUAGES
        .iter()
        .filter_map(|language| Some(((*language).to_owned(), fix.text(language)?.into())))
        .collect();
    let mut shown = json!({
        "denied_before": proof.denied_before,
        "allowed_after": proof.allowed_after,
        "other_flows_changed": proof.other_flows_changed,
        "still_denied": proof.still_denied,
        "opens": proof.opens.iter().map(opened).collect::<Vec<_>>(),
    });
    if let (Some(members), false) = (shown.as_object_mut(), proof.closes.is_empty()) {
        members.insert("closes".to_owned(), proof.closes.iter().map(opened).collect());
    }
    json!({
        "kind": fix.change().kind(),
        "safety": fix.safety().id(),
        "notes": fix.notes(),
        "rule": rule(fix.change().rule()),
        "as": forms,
        "proof": shown,
    })
}

/// A box of connections, of one protocol. Conditions are said where there are any.
#[must_use]
pub fn opened(row: &Row) -> Value {
    let mut value = json!({
        "sources": row.sources, "destinations": row.destinations,
        "targets": row.targets, "protocol": row.protocol, "ports": row.ports,
    });
    if let Some(members) = value.as_object_mut() {
        for (key, conditions) in [
            ("source_conditions", &row.source_conditions),
            ("target_conditions", &row.target_conditions),
        ] {
            if !conditions.is_empty() {
                members.insert(key.to_owned(), json!(conditions));
            }
        }
    }
    value
}

/// A rule as it would stand.
#[must_use]
pub fn rule(rule: &FirewallRule) -> Value {
    #[derive(Serialize)]
    struct Part {
        protocol: String,
        ports: Vec<String>,
    }
    let layer4: Vec<Part> = rule
        .layer4
        .iter()
        .map(|part| Part {
            protocol: part.protocol.map_or_else(|| "all".to_owned(), |one| one.to_string()),
            ports: part.ports.as_ref().map(|ports| ports.texts()).unwrap_or_default(),
        })
        .collect();
    json!({
        "name": rule.name,
        "policy": rule.policy,
        "network": rule.network.name,
        "direction": rule.direction.to_string(),
        "action": rule.action.to_string(),
        "priority": rule.priority,
        "source_ranges": texts(&rule.source_ranges),
        "destination_ranges": texts(&rule.destination_ranges),
        "source_tags": rule.source_identity.tags,
        "target_tags": rule.targets.tags,
        "source_service_accounts": rule.source_identity.service_accounts,
        "target_service_accounts": rule.targets.service_accounts,
        "layer4": layer4,
        "disabled": rule.disabled,
        "logged": rule.logged.unwrap_or(false),
    })
}

/// The page of a check.
#[must_use]
pub fn check(check: &Check) -> Value {
    json!({
        "id": check.id, "severity": check.severity.id(), "title": check.title,
        "page": check.page(),
    })
}

/// The pages of checks.
#[must_use]
pub fn checks(pages: &[Value]) -> Value {
    json!({ "schema": "vpcwhy/explain-v1", "checks": pages })
}
