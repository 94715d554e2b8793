//! An application that has users of its own is exposed, and its authentication is off, or cannot be
//! seen.
//!
//! What it means: Pachyderm can be reached from outside. Without its own authentication whoever
//! gets there may read and delete everything.
//!
//! What it looks like: `pachctl auth whoami` says `the auth service is not activated`.
//!
//! Why: a new deployment starts without it.
//!
//! What to do: `pachctl auth activate`, then name an identity provider. No export of the cluster
//! shows whether it is on: paste what `pachctl auth whoami` prints into a file of the folder.
//!
//! Source: <https://docs.pachyderm.com/1.11.x/deploy-manage/deploy/ingress/>,
//! <https://docs.pachyderm.com/1.11.x/enterprise/auth/auth/>

use crate::checks::exposure::{finding, outcome};
use crate::checks::finding::{Basis, Confidence, Finding, Severity, id};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::exposure::{Way, WayKind, WayPort};
use crate::model::Expected;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "exposure-no-auth",
    title: "an exposed application does not ask who comes",
    severity: Severity::Error,
    source: include_str!("exposure_no_auth.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let ways = evidence.correlation.ways.iter();
    let exposed: Vec<&Way<'_>> = ways.filter(|way| is_exposed(way)).collect();
    outcome(of_application(check, &exposed))
}

/// Whether Pachyderm can be reached by it, or may be, and who comes is not asked on the way.
fn is_exposed(way: &Way<'_>) -> bool {
    let nobody = way.clients.as_ref().is_some_and(crate::net::AddressSet::is_empty);
    let outside = way.kind != WayKind::PortForward && way.verdict != Expected::Denied && !nobody;
    // What is not for the outside has another finding.
    let mut own = way.ports.iter().filter(|port| port.of == "pachyderm");
    outside
        && way.authentication.holds != Some(true)
        && own.any(|port| port.may_be_public == Some(true))
}

/// The application's authentication is one thing, however many ways lead there.
fn of_application(check: &Check, ways: &[&Way<'_>]) -> Option<Finding> {
    let first = ways.first()?;
    let own: Vec<&WayPort> = first.ports.iter().filter(|port| port.of == "pachyderm").collect();
    let mut made = finding(check, first, &own);
    made.id = id(check.id, &["pachyderm"]);
    for way in ways.iter().skip(1) {
        made.resources.extend(finding(check, way, &own).resources);
    }
    made.resources.dedup();
    let mut labels: Vec<String> = ways.iter().map(|way| way.label()).collect();
    labels.sort();
    labels.dedup();
    made.explanation = vec![format!("by: {}", labels.join(", "))];
    match first.authentication.holds {
        Some(_) => {
            made.title = "Pachyderm is exposed, and its authentication is off".to_owned();
            made.confidence = Confidence::Proven;
            made.basis = Basis::Symptom;
            made.explanation.insert(0, first.authentication.detail.clone());
            made.no_fix = Some("activate it: pachctl auth activate".to_owned());
        }
        None => {
            made.title = "Pachyderm is exposed: whether its authentication is on, no export shows"
                .to_owned();
            made.severity = Severity::Note;
            made.confidence = Confidence::Possible;
            made.no_fix = Some(
                "cannot tell: paste what this prints into a file of the folder: pachctl auth whoami"
                    .to_owned(),
            );
        }
    }
    Some(made)
}
