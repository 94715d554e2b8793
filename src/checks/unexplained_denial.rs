//! A denial that fits no known kind.
//!
//! What it means: connections were denied, and what was given does not tell what they are for; or
//! an error says that nobody answered at an address, and not who asked.
//!
//! What it looks like: "dial tcp 10.127.0.4:3307: i/o timeout", "connection to server at
//! "192.168.40.10", port 5432 failed: Connection timed out".
//!
//! What to do: describe more (subnetworks, clusters, instances, routes), so that the addresses get
//! names. Where the ends and the port are wanted, the finding still says what denies them and
//! which rules nearly allow them.
//!
//! Source: <https://cloud.google.com/firewall/docs/firewall-rules-logging>

use std::net::SocketAddr;

use crate::checks::blocked::{self, Words};
use crate::checks::finding::{Confidence, Finding};
use crate::checks::internet_scan::is_of_connectors;
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::correlate::expected::{Conclusion, Told};
use crate::correlate::path::{self, Path, State};
use crate::model::symptom::SymptomKind;
use crate::net::Role;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "unexplained-denial",
    title: "a denial that fits no known kind",
    severity: Severity::Warning,
    source: include_str!("unexplained_denial.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let told = evidence.correlation.told.iter();
        let is_open = |told: &&Told<'_>| told.answer != Conclusion::Firewall;
        let mut dialled = told.filter(is_open).filter_map(|told| Some((told, dialled(told)?)));
        let mut found: Vec<Finding> = dialled
            .by_ref()
            .take(MOST_DIALLED)
            .map(|(told, to)| unanswered(check, told, to, evidence))
            .collect();
        let left = dialled.count();
        if let Some(last) = found.last_mut().filter(|_| left > 0) {
            last.explanation.push(format!("at {left} more addresses nobody answered either"));
        }
        pasted::join(blocked::find(check, evidence, words), found)
    },
};

/// Of more addresses at which nobody answered only how many there are is told.
const MOST_DIALLED: usize = 8;

/// Of more clusters nobody knows whose pods asked.
const MOST_CLUSTERS: usize = 3;

/// Where nobody answered, of an error that says no more.
fn dialled(told: &Told<'_>) -> Option<SocketAddr> {
    match told.symptom.kind {
        SymptomKind::Dialled(address, port) => Some(SocketAddr::new(address, port)),
        _ => None,
    }
}

/// An error of somebody whom nobody answered: the way from the pods of what was given is walked.
fn unanswered(
    check: &Check,
    told: &Told<'_>,
    to: SocketAddr,
    evidence: &Evidence<'_, '_>,
) -> Finding {
    let directory = evidence.directory;
    let clusters = &directory.inventory.clusters;
    let asked = if clusters.len() > MOST_CLUSTERS { &[][..] } else { clusters };
    let ways: Vec<_> = asked
        .iter()
        .filter_map(|cluster| {
            let from = format!("{}/pods", cluster.id.name);
            let start = path::start(directory, evidence.scope, &from).ok()?;
            Some((from, path::walk_to(directory, start, &to.ip().to_string(), to.ip(), to.port())))
        })
        .collect();
    let mut explanation = Vec::new();
    for (from, way) in &ways {
        let at = way
            .first_broken()
            .or_else(|| way.links.iter().position(|link| link.state != State::Ok));
        let how = match at.and_then(|at| way.links.get(at)) {
            Some(link) => {
                let state = if link.state == State::Broken { "broken" } else { "not decided" };
                format!("{} {state}: {}: {}", link.kind, link.object, link.detail)
            }
            None => "every link holds".to_owned(),
        };
        explanation.push(format!("the way there from {from}: {how}"));
    }
    let is_broken = |(_, way): &(String, Path<'_>)| way.first_broken().is_some();
    let holds = |(_, way): &(String, Path<'_>)| way.links.iter().all(|one| one.state == State::Ok);
    let who = "who asked is not in the error";
    let no_fix = if ways.iter().any(is_broken) {
        format!(
            "{who}: where it was one of these, that link is why; link by link: vpcwhy path FROM \
             {to} INPUT"
        )
    } else if !ways.is_empty() && ways.iter().all(holds) {
        format!(
            "not the firewall, where it was one of these: look at what listens there; {who}, so \
             for others: vpcwhy why CLIENT {to} INPUT"
        )
    } else {
        format!(
            "cannot tell whether it is the firewall: {who}: vpcwhy why CLIENT {to} INPUT, and \
             vpcwhy path CLIENT {to} INPUT"
        )
    };
    let words = pasted::Words {
        title: format!("nobody answered at {to}"),
        explanation,
        no_fix,
        severity: Severity::Warning,
        confidence: Confidence::Possible,
    };
    pasted::finding(check, told, evidence, words)
}

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
