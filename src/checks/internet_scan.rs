//! Somebody on the internet was kept out.
//!
//! What it means: connections from public addresses of nobody known were denied on their way in.
//! This is what the firewall is for.
//!
//! What it looks like: many ports, many sources, few packets each.
//!
//! What to do: nothing. If one of these addresses is a client of yours, allow that client by name
//! and range, never 0.0.0.0/0.
//!
//! Source: <https://cloud.google.com/vpc/docs/firewalls>

use std::net::IpAddr;

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Outcome, Severity};
use crate::correlate::{Cause, Question};
use crate::net::{Direction, FiveTuple, Protocol, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "internet-scan",
    title: "somebody on the internet was kept out",
    severity: Severity::Note,
    source: include_str!("internet_scan.rs"),
    claims: Some(claims),
    run,
};

/// Where Serverless VPC Access calls its connectors from: 35.199.224.0/19, tcp 667, udp 665 and 666
/// (<https://cloud.google.com/vpc/docs/configure-serverless-vpc-access>): no stranger, though
/// nothing that was given names it.
pub(super) fn is_of_connectors(cause: &Cause<'_>) -> bool {
    let is_own = |tuple: FiveTuple| {
        let from = match tuple.src {
            IpAddr::V4(one) => matches!(one.octets(), [35, 199, 224..=255, _]),
            IpAddr::V6(_) => false,
        };
        from && match tuple.protocol {
            Protocol::TCP => tuple.dst_port == 667,
            Protocol::UDP => [665, 666].contains(&tuple.dst_port),
            _ => false,
        }
    };
    // What was logged, whether or not it is known in which network.
    let mut logged = cause.questions.iter().flat_map(Question::connections).peekable();
    logged.peek().is_some() && logged.all(|one| is_own(one.tuple()))
}

fn claims(cause: &Cause<'_>) -> bool {
    cause.source.role == Role::Internet
        && !is_of_connectors(cause)
        && cause.destination.role != Role::LoadBalancer
        && cause.direction != Some(Direction::Egress)
}

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let found: Vec<_> = evidence
        .causes_of(check)
        .map(|cause| {
            let sources = cause.seen.sources.len();
            let plural = if sources == 1 { "address was" } else { "addresses were" };
            let title = format!(
                "{sources} public {plural} kept away from {}",
                blocked::who(&cause.destination)
            );
            let explanation = vec![blocked::denied_by(cause), "this is intended".to_owned()];
            let mut found = blocked::finding(check, cause, evidence, Words { title, explanation });
            found.no_fix = Some("intended denial: unknown public sources stay out".to_owned());
            found
        })
        .collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}
