//! Google's health checks cannot reach the backends.
//!
//! What it means: probes from Google's ranges to a VM, node or pod are denied.
//!
//! What it looks like: "All backend services are in UNHEALTHY state", 502 from the load balancer,
//! a GKE Ingress that never gets healthy.
//!
//! Why: probes come from 35.191.0.0/16 and 130.211.0.0/22, for passthrough load balancers also
//! from 209.85.152.0/22 and 209.85.204.0/22, to the backend's own port: node port, or the pod's
//! port with container-native load balancing. A rule for 80 and 443 does not cover them, nor does
//! one of two ranges.
//!
//! What to do: allow the probed port from all of the ranges. An EGRESS rule is not needed: replies
//! of an allowed connection pass.
//!
//! Source: <https://cloud.google.com/load-balancing/docs/firewall-rules>

use crate::checks::blocked::{self, Words};
use crate::checks::finding::{Confidence, Finding};
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::correlate::expected::{Conclusion, FRONT_ENDS, Need, Purpose, Told};
use crate::model::symptom::SymptomKind;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "health-check-blocked",
    title: "health checks cannot reach the backends",
    severity: Severity::Error,
    source: include_str!("health_check_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let open =
            evidence.correlation.told.iter().filter_map(|told| unhealthy(check, told, evidence));
        pasted::join(blocked::find(check, evidence, words), open.collect())
    },
};

fn claims(cause: &Cause<'_>) -> bool {
    let of_balancer = match cause.source.role {
        Role::HealthCheck => true,
        // Other traffic of a proxy-only subnet is not what a balancer was described to need.
        Role::ProxySubnet => cause.needs.iter().any(|need| need.purpose == Purpose::Probe),
        _ => false,
    };
    of_balancer && cause.direction != Some(Direction::Egress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let to = blocked::who(&cause.destination);
    let by_front_ends = |need: &Need<'_>| need.reason.starts_with(FRONT_ENDS);
    let only_requests = !cause.needs.is_empty() && cause.needs.iter().all(by_front_ends);
    let (who, what) = if cause.source.role == Role::ProxySubnet {
        // Envoys of a proxy-only subnetwork carry the traffic, and probes come from elsewhere.
        (
            "the load balancer's proxies",
            "probes may pass, and the backends be HEALTHY: requests end in 503, or hang",
        )
    } else if only_requests {
        (
            "the load balancer's front ends",
            "they come from the ranges of its probes, which ask another port and may pass: the \
             backends are HEALTHY, and requests fail: with 502, where they are HTTP",
        )
    } else {
        ("health checks", "without probes the backends are UNHEALTHY and get no traffic")
    };
    let title = format!("{who} cannot reach {to} on {}", blocked::traffic(cause));
    Words { title, explanation: vec![blocked::denied_by(cause), what.to_owned()] }
}

/// Backends that somebody says are unhealthy, where no probe is denied by what was given.
fn unhealthy(check: &Check, told: &Told<'_>, evidence: &Evidence<'_, '_>) -> Option<Finding> {
    let SymptomKind::UnhealthyBackends(names) = &told.symptom.kind else { return None };
    let which = match names.as_slice() {
        [] => "backends are unhealthy".to_owned(),
        names => format!("{} is unhealthy", names.join(", ")),
    };
    let (no_fix, confidence) = match told.answer {
        Conclusion::Elsewhere(_) => (
            "not the firewall: every probe that was described passes; look at the port and path of \
             the health check, and at whether the pods are ready",
            Confidence::Likely,
        ),
        Conclusion::CannotTell(_) | Conclusion::NotFirewall | Conclusion::Missing(_) => (
            "cannot tell whether it is the firewall without what is probed and the rules (gcloud \
             compute backend-services list, health-checks list, instance-groups list, \
             network-endpoint-groups list, firewall-rules list, --format=json)",
            Confidence::Possible,
        ),
        Conclusion::Firewall => return None,
    };
    let words = pasted::Words {
        title: which,
        explanation: Vec::new(),
        no_fix: no_fix.to_owned(),
        severity: Severity::Warning,
        confidence,
    };
    Some(pasted::finding(check, told, evidence, words))
}
