//! Google APIs cannot be reached.
//!
//! What it means: an EGRESS deny stops connections to the private or restricted VIP, to the ranges
//! of direct connectivity, or to Google's public addresses.
//!
//! What it looks like: image pulls from gcr.io and pkg.dev time out ("Failed to pull image … dial
//! tcp 199.36.153.5:443: i/o timeout"), nodes do not register, logs and metrics stop.
//!
//! Why: an address in 199.36.153.4/30 (restricted) or 199.36.153.8/30 (private) means that DNS is
//! right and the firewall is not. A public Google address means that DNS does not send the name to
//! a VIP.
//!
//! What to do: allow tcp 443 to the VIP that your DNS answers with, and to 34.126.0.0/18 (direct
//! connectivity). For public addresses set up the private zone instead of opening them.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::correlate::expected::Purpose;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "google-api-egress-blocked",
    title: "Google APIs cannot be reached",
    severity: Severity::Error,
    source: include_str!("google_api_egress_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let errors = pasted::node_errors(check, evidence, |host| !pasted::is_control_plane(host));
        pasted::join(blocked::find(check, evidence, words), errors)
    },
};

fn claims(cause: &Cause<'_>) -> bool {
    let google = match cause.destination.role {
        Role::GoogleApis | Role::GooglePublic => true,
        // An endpoint of Private Service Connect, where DNS leads nodes there.
        Role::LoadBalancer => cause.needs.iter().any(|need| need.purpose == Purpose::Road),
        _ => false,
    };
    google && cause.direction != Some(Direction::Ingress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let (from, to) = (blocked::who(&cause.source), blocked::who(&cause.destination));
    let title = format!("{from} cannot reach {to} on {}", blocked::traffic(cause));
    let mut explanation = vec![blocked::denied_by(cause)];
    explanation.push(match cause.destination.role {
        Role::GoogleApis => "image pulls, logs and node registration go this way".to_owned(),
        Role::LoadBalancer => {
            "an endpoint of Private Service Connect for Google APIs: image pulls, \
                               logs and node registration go this way"
                .to_owned()
        }
        _ if matches!(cause.port, Some(80 | 443)) => {
            "a public Google address: DNS does not send this name to the private or restricted VIP"
                .to_owned()
        }
        _ => "a public Google address: what it serves on this port no VIP does".to_owned(),
    });
    Words { title, explanation }
}
