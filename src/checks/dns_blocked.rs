//! Names cannot be resolved.
//!
//! What it means: DNS connections (port 53, or 853 over TLS) are denied: to the pods of kube-dns,
//! to a name server of your own or outside, or from Cloud DNS forwarding its queries
//! (35.199.192.0/19).
//!
//! What it looks like: "lookup HOST on 10.0.0.10:53: i/o timeout", "server misbehaving",
//! "Temporary failure in name resolution".
//!
//! Why not the metadata server: VMs and NodeLocal DNS ask 169.254.169.254, which no rule can
//! block.
//!
//! What to do: allow udp and tcp 53 to the name server that is meant to answer.
//!
//! Source: <https://cloud.google.com/dns/docs/vpc-name-res-order>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity};
use crate::correlate::Cause;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dns-blocked",
    title: "names cannot be resolved",
    severity: Severity::Error,
    source: include_str!("dns_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| blocked::find(check, evidence, words),
};

fn claims(cause: &Cause<'_>) -> bool {
    let forwarded = cause.source.role == Role::DnsForwarder;
    cause.asks_for_names() || forwarded && cause.direction != Some(Direction::Egress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let (from, to) = (blocked::who(&cause.source), blocked::who(&cause.destination));
    let title = format!("{from} cannot ask the name server at {to} on {}", blocked::traffic(cause));
    let explanation = vec![
        blocked::denied_by(cause),
        "names stay unresolved; the metadata server (169.254.169.254) cannot be blocked and still \
         answers"
            .to_owned(),
    ];
    Words { title, explanation }
}
