//! Addresses on the internet cannot be reached.
//!
//! What it means: an EGRESS deny stops connections to public addresses that are not Google's.
//!
//! What it looks like: pulls from docker.io or quay.io time out, packages do not install, calls to
//! a partner's API hang.
//!
//! Where no log was given, the registries that pods' images name are asked for.
//!
//! Why: usually a deny-all EGRESS rule that is there on purpose. Whether this destination should
//! be reachable is for you to say.
//!
//! What to do: find out whose addresses these are. Addresses of a CDN change: a rule for what the
//! log shows would rot. FQDN objects in a network firewall policy follow the name instead.
//!
//! Source: <https://cloud.google.com/firewall/docs/firewall-policies-rule-details>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Outcome, Severity, roads};
use crate::correlate::Cause;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "external-egress-blocked",
    title: "addresses on the internet cannot be reached",
    severity: Severity::Warning,
    source: include_str!("external_egress_blocked.rs"),
    claims: Some(claims),
    run,
};

const WORDS: roads::Words = roads::Words {
    title: |link| format!("{} by {}", link.detail, link.object),
    advice: "its addresses are not known here: keep the images in Artifact Registry, which the \
             VIPs serve, or allow the host by its name in a network firewall policy (FQDN objects)",
};

/// What was denied, and, where the log shows nothing of it, the registries that pods need.
fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let denied = blocked::find(check, evidence, words);
    if matches!(denied, Outcome::Found(_)) {
        return denied;
    }
    match roads::find(check, evidence, &WORDS) {
        Outcome::Found(found) => Outcome::Found(found),
        _ => denied,
    }
}

fn claims(cause: &Cause<'_>) -> bool {
    cause.destination.role == Role::Internet && cause.direction != Some(Direction::Ingress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let from = blocked::who(&cause.source);
    let title = format!("{from} cannot reach the internet on {}", blocked::traffic(cause));
    let count = cause.seen.destinations.len();
    let plural = if count == 1 { "address" } else { "addresses" };
    let explanation = vec![
        blocked::denied_by(cause),
        format!("{count} {plural} of nobody known here: name the destination before opening it"),
    ];
    Words { title, explanation }
}
