//! What all checks on denied connections share: a cause becomes a finding, with its decision, its
//! near misses and its proved fixes. A check adds its kind's own words.

use crate::checks::finding::{
    Confidence, Finding, FlowSummary, Observed, ResourceSummary, cause_id, decision_summary,
};
use crate::checks::logged;
use crate::checks::mended::Mended;
use crate::checks::{Check, Evidence, Outcome, Severity, needed};
use crate::correlate::Cause;
use crate::correlate::expected::Purpose;
use crate::correlate::side::Side;
use crate::engine::{Decider, Verdict};
use crate::engine::{match_rule, matching};
use crate::model::firewall::Layer4;
use crate::model::symptom::{Failure, SymptomKind};
use crate::model::webhook::CallTarget;
use crate::model::{Action, FirewallRule, ObjectName, Symptom};
use crate::net::Role;
use crate::suggest::{NoFix, Suggestion};

/// What a check says of a cause of its kind.
pub struct Words {
    /// One line.
    pub title: String,
    /// A few more.
    pub explanation: Vec<String>,
}

/// Finds all causes of a check's kind.
pub fn find(
    check: &Check,
    evidence: &Evidence<'_, '_>,
    words: fn(&Cause<'_>, &Evidence<'_, '_>) -> Words,
) -> Outcome {
    let causes = evidence.causes_of(check);
    let found: Vec<_> =
        causes.map(|cause| finding(check, cause, evidence, words(cause, evidence))).collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// One cause as a finding.
pub fn finding(
    check: &Check,
    cause: &Cause<'_>,
    evidence: &Evidence<'_, '_>,
    words: Words,
) -> Finding {
    let unseen = logged::unseen(cause, evidence);
    let Mended { fixes, no_fix } = evidence.mended(cause);
    let confidence = match cause.decision.verdict {
        Verdict::Denied if cause.is_silent() => needed::confidence(cause),
        Verdict::Denied if unseen.is_none() && is_here(cause) => Confidence::Proven,
        Verdict::Denied | Verdict::Allowed => Confidence::Likely,
        Verdict::Undetermined => Confidence::Possible,
    };
    let mut explanation = words.explanation;
    explanation.extend(needed::lines(cause, evidence));
    explanation.extend(unseen.filter(|_| cause.decision.verdict == Verdict::Denied));
    explanation.extend(inferred(cause));
    explanation.extend(assumed(cause));
    explanation.extend(planned(cause, evidence));
    let logged = cause.seen.sample.map(|(tuple, _)| tuple);
    let tuple = logged.or_else(|| cause.flows().next().map(|flow| flow.tuple));
    let made = Finding {
        id: cause_id(check.id, cause),
        check: check.id,
        severity: needed::severity(cause, check.severity),
        confidence,
        basis: needed::basis(cause),
        title: words.title,
        explanation,
        flow: Some(flow_summary(cause)),
        observed: (!cause.is_silent()).then(|| observed(cause)),
        needed: !cause.needs.is_empty(),
        decision: tuple.map(|tuple| decision_summary(&cause.decision, &cause.near_misses, &tuple)),
        resources: resources(cause, evidence),
        fixes,
        remedies: Vec::new(),
        // What is denied on purpose is not to be gone around.
        advice: match &no_fix {
            Some(NoFix::Intended(_)) => Vec::new(),
            _ => needed::advice(check, cause, evidence),
        },
        no_fix: no_fix.map(NoFix::why),
    };
    match answered(cause, evidence) {
        Some(symptom) => contradicted(made, symptom),
        None => made,
    }
}

/// The same, where an error shows that the packets arrived.
fn contradicted(finding: Finding, symptom: &Symptom) -> Finding {
    let note = format!(
        "but somebody answered: {} ({}); what was given is then not how it is: export it again",
        symptom.text, symptom.origin
    );
    let look = |fix: Suggestion| fix.with_note(note.clone(), true);
    let fixes = finding.fixes.into_iter().map(look).collect();
    let mut explanation = finding.explanation;
    explanation.push(note);
    let severity = finding.severity.min(Severity::Warning);
    Finding { severity, confidence: Confidence::Possible, explanation, fixes, ..finding }
}

/// An error of the same call that shows that its packets arrived: the firewall drops them without
/// a word.
fn answered<'a>(cause: &Cause<'_>, evidence: &Evidence<'_, 'a>) -> Option<&'a Symptom> {
    let by_answer = [Failure::Refused, Failure::Broken, Failure::Certificate, Failure::Answered];
    let is_called = |service: &ObjectName, port: u16| {
        cause.needs.iter().any(|need| match need.purpose {
            Purpose::Call(webhook) => match &webhook.target {
                CallTarget::Service(own, of) => own.agrees(service) && *of == port,
                CallTarget::Url(_) => false,
            },
            _ => false,
        })
    };
    let is_own = |symptom: &&Symptom| match &symptom.kind {
        SymptomKind::Webhook(call) | SymptomKind::AggregatedApi(call) => {
            call.service.as_ref().is_some_and(|(service, port)| is_called(service, *port))
        }
        _ => false,
    };
    let told = evidence.correlation.told.iter().map(|told| told.symptom);
    let own: Vec<&Symptom> = told.filter(|_| cause.is_silent()).filter(is_own).collect();
    // One answer may be of a restart, or of before; where others waited in vain, the rules agree.
    let in_vain = own.iter().any(|symptom| symptom.failure.may_be_firewall());
    own.into_iter().find(|symptom| !in_vain && by_answer.contains(&symptom.failure))
}

/// Whether it is judged in the network that the log means.
fn is_here(cause: &Cause<'_>) -> bool {
    let elsewhere = cause.source.elsewhere || cause.destination.elsewhere;
    !elsewhere && cause.assumed_from().is_none()
}

/// In whose network it is, where the log is another project's.
fn assumed(cause: &Cause<'_>) -> Option<String> {
    let (project, network) = (cause.assumed_from()?, cause.network.as_ref()?);
    Some(format!(
        "the log is of project {project}, and does not say whose network {network} is: taken for \
         that of {}, the only one that was given",
        network.project.as_deref().unwrap_or("another project")
    ))
}

/// The rule that lets it pass as things are, and that a plan changes or takes away.
fn planned(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Option<String> {
    let flow = cause.flows().next()?;
    let allows = |rule: &&FirewallRule| {
        rule.action == Action::Allow
            && match_rule(rule, flow, &mut ()) == matching::Outcome::Matched
    };
    let rule = evidence.directory.inventory.replaced_rules.iter().find(allows)?;
    Some(format!(
        "the plan breaks it: rule {} allows it as it is, and {} changes that",
        rule.label(),
        rule.origin.path
    ))
}

/// What the log did not say.
fn inferred(cause: &Cause<'_>) -> Option<String> {
    let list = cause.inferred();
    let what = match list.as_slice() {
        [] => return None,
        [one] => (*one).to_owned(),
        all => all.join(" and "),
    };
    let direction = cause.direction.map(|of| of.to_string()).unwrap_or_default();
    let network = cause.network.as_ref().map(ToString::to_string).unwrap_or_default();
    let rule = if cause.logged_rule.is_none() { ", nor which rule denied it" } else { "" };
    Some(format!(
        "the log does not say the {what}{rule}: {direction} in network {network} is inferred from \
         the addresses"
    ))
}

/// `control plane kf (172.16.0.32/28)`.
#[must_use]
pub fn describe(side: &Side) -> String {
    let name = if side.name.is_empty() { String::new() } else { format!(" {}", side.name) };
    let ranges: Vec<_> = side.ranges.iter().take(2).map(ToString::to_string).collect();
    let more = if side.ranges.len() > 2 { ", …" } else { "" };
    let name = match side.role {
        Role::HealthCheck | Role::Metadata | Role::DnsForwarder => String::new(),
        _ => name,
    };
    let role = if side.is_vm { "VM".to_owned() } else { side.role.to_string() };
    if ranges.is_empty() {
        format!("{role}{name}")
    } else {
        format!("{role}{name} ({}{more})", ranges.join(", "))
    }
}

/// `nodes of kf`, for titles.
#[must_use]
pub fn who(side: &Side) -> String {
    let of = |plural: &str| {
        if side.name.is_empty() { plural.to_owned() } else { format!("{plural} of {}", side.name) }
    };
    match side.role {
        Role::Node => of("nodes"),
        Role::Pod => of("pods"),
        Role::Service => of("Services"),
        Role::ControlPlane => of("the control plane"),
        Role::HealthCheck => "health checks".to_owned(),
        Role::Iap => "IAP".to_owned(),
        Role::GoogleApis => side.name.clone(),
        Role::GooglePublic => "Google's public addresses".to_owned(),
        Role::Internet => "the internet".to_owned(),
        Role::Unknown => "a private address of nobody known".to_owned(),
        Role::Subnet if side.is_vm => format!("VM {}", side.name),
        Role::Subnet => format!("VMs of subnetwork {}", side.name),
        Role::Metadata | Role::DnsForwarder => side.role.to_string(),
        _ => describe(side),
    }
}

/// `tcp 443`.
#[must_use]
pub fn traffic(cause: &Cause<'_>) -> String {
    listed(&cause.layers())
}

/// `tcp 443 and udp`.
#[must_use]
pub fn listed(layers: &[Layer4]) -> String {
    let layers: Vec<_> = layers.iter().map(ToString::to_string).collect();
    match layers.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What denied it, as the end of a sentence.
#[must_use]
pub fn denied_by(cause: &Cause<'_>) -> String {
    match cause.decision.decider {
        Decider::Rule(_) | Decider::Implied(_)
            if cause.decision.verdict == Verdict::Undetermined =>
        {
            let logged = cause.logged_rule.as_ref();
            let named = logged.map(|rule| format!("; the log names {}", rule.name()));
            let named = named.unwrap_or_default();
            format!("what was given does not decide it{named}")
        }
        Decider::Rule(rule) => {
            format!("rule {} (priority {}) denies it: {}", rule.label(), rule.priority, rule.origin)
        }
        Decider::Implied(_) => "no rule allows it: the implied deny applies".to_owned(),
        Decider::NoGroupAllows(_) => "no rule of its security groups allows it".to_owned(),
        Decider::AlwaysBlocked(what) => format!("Google Cloud always blocks {what}"),
        Decider::AlwaysAllowed(what) => format!("no rule can block {what}"),
        Decider::Missing => match &cause.logged_rule {
            Some(rule) => format!(
                "the log names {}; no rule of its network was given, so it is not judged here",
                rule.name()
            ),
            None => "no firewall rule of its network was given, so it is not judged".to_owned(),
        },
    }
}

/// What let it pass, as the end of a sentence.
#[must_use]
pub fn allowed_by(decider: Decider<'_>) -> String {
    match decider {
        Decider::Rule(rule) => {
            format!("rule {} (priority {}) allows it: {}", rule.label(), rule.priority, rule.origin)
        }
        Decider::Implied(_) => "no rule denies it: the implied allow applies".to_owned(),
        Decider::AlwaysAllowed(what) => format!("no rule can block {what}"),
        Decider::AlwaysBlocked(_) | Decider::NoGroupAllows(_) | Decider::Missing => {
            "nothing denies it".to_owned()
        }
    }
}

/// So many ports of a scan are listed.
const MOST_PORTS: usize = 16;

fn flow_summary(cause: &Cause<'_>) -> FlowSummary {
    let silent = || cause.needs.iter().filter(|_| cause.is_silent());
    // Of what is needed whole the log shows a part.
    let protocol = match cause.parts.as_slice() {
        [] => silent().all(|need| need.protocol == cause.protocol).then_some(cause.protocol),
        [only] => only.protocol,
        _ => None,
    };
    FlowSummary {
        network: cause.network.as_ref().map(|of| of.name.clone()),
        direction: cause.direction,
        protocol: protocol.map(|protocol| protocol.to_string()),
        ports: cause.ports().iter().take(MOST_PORTS).map(ToString::to_string).collect(),
        source: cause.source.clone(),
        destination: cause.destination.clone(),
    }
}

fn observed(cause: &Cause<'_>) -> Observed {
    let rule = cause.logged_rule.as_ref();
    Observed::of(&cause.seen, cause.count(), cause.span(), rule)
}

fn resources(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Vec<ResourceSummary> {
    let mut list = Vec::new();
    if let Decider::Rule(rule) = cause.decision.decider {
        list.push(ResourceSummary {
            kind: "firewall-rule",
            name: rule.label(),
            origin: rule.origin.clone(),
        });
    }
    for miss in cause.near_misses.iter().take(1) {
        list.push(ResourceSummary {
            kind: "firewall-rule",
            name: miss.rule.label(),
            origin: miss.rule.origin.clone(),
        });
    }
    for side in [&cause.source, &cause.destination] {
        let cluster = side.cluster.and_then(|at| evidence.directory.inventory.clusters.get(at));
        if let Some(cluster) = cluster {
            list.push(ResourceSummary {
                kind: "cluster",
                name: cluster.id.name.clone(),
                origin: cluster.origin.clone(),
            });
        }
    }
    list.sort();
    list.dedup();
    list
}
