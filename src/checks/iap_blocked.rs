//! Identity-Aware Proxy cannot reach a VM.
//!
//! What it means: TCP forwarding by IAP (gcloud compute ssh --tunnel-through-iap, RDP through IAP)
//! comes from 35.235.240.0/20 and is denied.
//!
//! What it looks like: "Error while connecting [4003: failed to connect to backend]".
//!
//! What to do: allow the port from 35.235.240.0/20, where access through IAP is wanted.
//!
//! Source: <https://cloud.google.com/iap/docs/using-tcp-forwarding>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity};
use crate::correlate::Cause;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "iap-blocked",
    title: "IAP cannot reach a VM",
    severity: Severity::Warning,
    source: include_str!("iap_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| blocked::find(check, evidence, words),
};

fn claims(cause: &Cause<'_>) -> bool {
    cause.source.role == Role::Iap && cause.direction != Some(Direction::Egress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let to = blocked::who(&cause.destination);
    let title = format!("IAP cannot reach {to} on {}", blocked::traffic(cause));
    Words { title, explanation: vec![blocked::denied_by(cause)] }
}
