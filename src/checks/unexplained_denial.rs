//! A denial that fits no known kind.
//!
//! What it means: connections were denied, and what was given does not tell what they are for.
//!
//! What to do: describe more (subnetworks, clusters, instances, routes), so that the addresses get
//! names. Where the ends and the port are wanted, the finding still says what denies them and
//! which rules nearly allow them.
//!
//! Source: <https://cloud.google.com/firewall/docs/firewall-rules-logging>

use crate::checks::blocked::{self, Words};
use crate::checks::internet_scan::is_of_connectors;
use crate::checks::{Check, Evidence, Severity};
use crate::correlate::Cause;
use crate::net::Role;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "unexplained-denial",
    title: "a denial that fits no known kind",
    severity: Severity::Warning,
    source: include_str!("unexplained_denial.rs"),
    claims: Some(claims),
    run: |check, evidence| blocked::find(check, evidence, words),
};

fn claims(cause: &Cause<'_>) -> bool {
    // The last of the list that claims: whatever is left.
    !cause.questions.is_empty()
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let (from, to) = (blocked::who(&cause.source), blocked::who(&cause.destination));
    let title = format!("{from} cannot reach {to} on {}", blocked::traffic(cause));
    let mut explanation = vec![blocked::denied_by(cause)];
    if is_of_connectors(cause) {
        explanation.push(
            "35.199.224.0/19 is where Serverless VPC Access calls its connectors from (tcp 667, \
             udp 665 and 666): where this VM is one, what it connects is down"
                .to_owned(),
        );
    }
    if cause.destination.role == Role::HealthCheck {
        explanation.push(
            "health checks need no EGRESS rule: replies of an allowed connection pass".to_owned(),
        );
    }
    Words { title, explanation }
}
