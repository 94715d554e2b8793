//! The controller in front of an application cannot carry what it speaks, or is not told to.
//!
//! What it means: a backend speaks gRPC or websockets, and the annotation or field that has this
//! controller speak it is not there; or its time-out cuts streams.
//!
//! What it looks like: `rpc error: code = Unavailable`, `unexpected HTTP status code 502`,
//! `transport: received unexpected content-type "text/html"`; dashboards that lose their connection
//! every minute.
//!
//! Why: controllers speak HTTP/1.1 to backends unless told otherwise, each in its own way.
//!
//! What to do: set what is named here.
//!
//! Source: <https://docs.pachyderm.com/1.11.x/deploy-manage/deploy/ingress/>, and for each
//! controller its own docs, named in the finding.

use crate::checks::exposure::{finding, outcome};
use crate::checks::finding::{Confidence, Finding, Severity, id};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::exposure::{Unfit, Way, WayPort};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "exposure-controller-unfit",
    title: "a controller is not told to speak what the application speaks",
    severity: Severity::Warning,
    source: include_str!("exposure_controller_unfit.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    // Hosts of one Ingress share what it lacks.
    let ways = evidence.correlation.ways.iter();
    outcome(ways.flat_map(|way| way.unfit.iter().map(|unfit| of_way(check, way, unfit))))
}

fn of_way(check: &Check, way: &Way<'_>, unfit: &Unfit) -> Finding {
    let streams: Vec<&WayPort> =
        way.ports.iter().filter(|port| port.application.is_stream()).collect();
    let mut made = finding(check, way, &streams);
    made.id = id(check.id, &[&way.label(), &unfit.what]);
    made.title = format!("{}: {}", way.label(), unfit.what);
    made.explanation.push(format!("see {}", unfit.source));
    made.confidence = Confidence::Likely;
    made.no_fix = Some(format!("not the firewall: {}", unfit.how));
    made
}
