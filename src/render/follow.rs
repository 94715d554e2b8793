//! A cause of a live stream in a line, when it first comes by.
//!
//! `2026-10-14T09:00:07Z INGRESS tcp 8443   control plane blue > pod blue   DENIED by rule deny`

use serde_json::json;

use crate::checks::blocked::{describe, traffic};
use crate::checks::finding::decided_by;
use crate::checks::finding::decider_summary;
use crate::correlate::Cause;
use crate::engine::Verdict;
use crate::net::Timestamp;
use crate::render::escape::escape;
use crate::render::json as render_json;

/// For people.
#[must_use]
pub fn text(cause: &Cause<'_>, at: Option<Timestamp>) -> String {
    let at = at.map(|at| format!("{} ", at.to_second())).unwrap_or_default();
    let direction = cause.direction.map(|way| format!("{way} ")).unwrap_or_default();
    let logged = cause.logged_rule.as_ref().filter(|_| cause.decision.verdict != Verdict::Denied);
    let logged = logged.map(|rule| format!("; the log: DENIED by {}", rule.name()));
    let line = format!(
        "{at}{direction}{}   {} > {}   {}{}",
        traffic(cause),
        describe(&cause.source),
        describe(&cause.destination),
        decided_by(&cause.decision),
        logged.unwrap_or_default()
    );
    format!("{}\n", escape(&line))
}

/// For programs: one line.
#[must_use]
pub fn json(cause: &Cause<'_>, at: Option<Timestamp>) -> String {
    let decider = decider_summary(cause.decision.decider);
    let line = json!({
        "schema": "vpcwhy/follow-v1",
        "at": at.map(|at| at.to_string()),
        "network": cause.network.as_ref().map(|network| &network.name),
        "direction": cause.direction.map(|way| way.to_string()),
        "protocol": cause.protocol.to_string(),
        "port": cause.port,
        "source": render_json::side(&cause.source),
        "destination": render_json::side(&cause.destination),
        "verdict": cause.decision.verdict.to_string(),
        "decider": decider.map(|one| json!({
            "kind": one.kind, "name": one.name, "policy": one.policy, "priority": one.priority,
        })),
    });
    format!("{line}\n")
}
