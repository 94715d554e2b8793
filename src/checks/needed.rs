//! What all checks say of a cause that is needed: for what, what breaks without it, what was
//! assumed of it, and what became of the rule that GKE writes for it.

use std::collections::BTreeSet;

use crate::checks::finding::decision_summary;
use crate::checks::report::NeedSummary;
use crate::checks::{Basis, Check, Confidence, Evidence, Severity};
use crate::correlate::Cause;
use crate::correlate::expected::{Need, Purpose, automatic_rule};
use crate::engine::matching::Outcome;
use crate::engine::{Decider, match_rule};
use crate::model::components::component;
use crate::model::symptom::SymptomKind;
use crate::model::webhook::CallKind;
use crate::model::{Cluster, Expected, ObjectName, Owner, Symptom, Webhook};
use crate::net::{Direction, Protocol, Role};

/// So many needs are told one by one.
const MOST_TOLD: usize = 6;

/// Which check a cause belongs to that the log does not show.
#[must_use]
pub fn check_of(cause: &Cause<'_>) -> Option<&'static str> {
    let aggregated = |need: &Need<'_>| match need.purpose {
        Purpose::Call(webhook) => webhook.kind == CallKind::AggregatedApi,
        _ => false,
    };
    let first = cause.needs.first()?;
    if cause.needs.iter().all(|need| need.purpose == Purpose::Exposure) {
        return Some("exposure-blocked");
    }
    if cause.needs.iter().all(aggregated) {
        return Some("aggregated-api-blocked");
    }
    Some(match first.purpose {
        Purpose::Call(_) => "webhook-port-blocked",
        _ if !cause.is_silent() => return None,
        Purpose::Kubelet => "control-plane-ingress-blocked",
        Purpose::ControlPlane => "control-plane-egress-blocked",
        Purpose::Internal => "cluster-internal-blocked",
        Purpose::Probe => "health-check-blocked",
        Purpose::Iap => "iap-blocked",
        Purpose::Metadata => "dns-blocked",
        Purpose::Exposure => "exposure-blocked",
        // By the address.
        Purpose::Road => return None,
        Purpose::Pasted(symptom) => match symptom.kind {
            SymptomKind::Webhook(_) => "webhook-port-blocked",
            SymptomKind::AggregatedApi(_) => "aggregated-api-blocked",
            SymptomKind::Proxied(_) => "control-plane-ingress-blocked",
            SymptomKind::Iap(_) => "iap-blocked",
            // By the address.
            _ => return None,
        },
    })
}

/// Where the knowledge of a cause comes from.
#[must_use]
pub fn basis(cause: &Cause<'_>) -> Basis {
    if !cause.is_silent() {
        return Basis::Observed;
    }
    let is_logged = |need: &Need<'_>| {
        let by_protocol = [Protocol::TCP, Protocol::UDP].contains(&need.protocol);
        let by_rule = match need.answer.decision.decider {
            Decider::Rule(rule) => rule.logged == Some(true),
            _ => false,
        };
        by_protocol && by_rule
    };
    let pasted = |need: &Need<'_>| matches!(need.purpose, Purpose::Pasted(_));
    if cause.needs.iter().all(pasted) {
        return Basis::Symptom;
    }
    match cause.needs.iter().any(is_logged) {
        true => Basis::Configuration,
        false => Basis::Silent,
    }
}

/// How bad it is, where a check's findings are as bad as `usual`.
#[must_use]
pub fn severity(cause: &Cause<'_>, usual: Severity) -> Severity {
    if !cause.is_silent() || cause.needs.is_empty() {
        return usual;
    }
    let ignored = |need: &Need<'_>| match need.purpose {
        Purpose::Call(webhook) => webhook.failure_policy.as_deref() == Some("Ignore"),
        _ => false,
    };
    // Somebody saw it fail: that it may be needed is no guess then.
    let is_seen = |need: &Need<'_>| matches!(need.purpose, Purpose::Pasted(_));
    if cause.needs.iter().all(|need| need.doubtful) {
        let seen = !cause.symptoms.is_empty() || cause.needs.iter().any(is_seen);
        usual.min(if seen { Severity::Warning } else { Severity::Note })
    } else if cause.needs.iter().all(ignored) {
        usual.min(Severity::Warning)
    } else {
        usual
    }
}

/// How sure it is.
#[must_use]
pub fn confidence(cause: &Cause<'_>) -> Confidence {
    if cause.needs.iter().all(|need| need.doubtful) {
        return Confidence::Possible;
    }
    match cause.needs.iter().any(|need| need.answer.is_assumed) {
        true => Confidence::Likely,
        false => Confidence::Proven,
    }
}

/// What is told of a cause because it is needed.
#[must_use]
pub fn lines(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Vec<String> {
    let mut lines = once(cause.symptoms.iter().map(|symptom| seen(symptom)));
    lines.truncate(MOST_TOLD);
    let is_call = |symptom: &&Symptom| {
        matches!(
            symptom.kind,
            SymptomKind::Webhook(_)
                | SymptomKind::AggregatedApi(_)
                | SymptomKind::Kubelet(_)
                | SymptomKind::Proxied(_)
        )
    };
    if cause.destination.role == Role::ControlPlane && cause.symptoms.iter().any(is_call) {
        lines.push(
            "agents in the cluster dial the control plane and carry its calls: while they are kept \
             from it, it reaches no webhook and no kubelet"
                .to_owned(),
        );
    }
    let Some(first) = cause.needs.first() else { return lines };
    let told = once(cause.needs.iter().map(reason));
    let more = told.len().saturating_sub(MOST_TOLD);
    lines.extend(told.into_iter().take(MOST_TOLD));
    if more > 0 {
        lines.push(format!("and {more} more (vpcwhy reach lists them all)"));
    }
    if first.answer.verdict == Expected::Mixed {
        let rest = match first.answer.is_open {
            true => "a part of it is denied; what was given does not decide the rest",
            false => "a part of it is allowed: only some ranges, ports or VMs are denied",
        };
        lines.push(rest.to_owned());
    }
    let notes = once(cause.needs.iter().flat_map(|need| need.because.iter().cloned()));
    lines.extend(notes.into_iter().take(2));
    if cause.is_silent() && basis(cause) == Basis::Silent {
        lines.push(
            "no log line can show this: what denies it writes none, so its absence from a log \
             means nothing"
                .to_owned(),
        );
    }
    if evidence.assumes(first.network.as_ref()) {
        lines.push(
            "assumed: only manifests were given, and GKE writes rules of its own besides (master, \
             vms, all); an export of the network's rules replaces the assumption: gcloud compute \
             firewall-rules list --format=json"
                .to_owned(),
        );
    }
    let clusters = &evidence.directory.inventory.clusters;
    if let Some(cluster) = first.cluster.and_then(|at| clusters.get(at)) {
        lines.extend(own_rule(first, cluster, evidence));
    }
    lines
}

/// `seen 3 times: failed calling webhook … (errors.txt:4)`.
#[must_use]
pub fn seen(symptom: &Symptom) -> String {
    let times = match symptom.count {
        1 => String::new(),
        count => format!(" {count} times"),
    };
    format!("seen{times}: {} ({})", symptom.text, symptom.origin)
}

/// Each text once, in their order.
fn once(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// What would do without a change of the firewall: to serve on a port that GKE opens by itself. A
/// pod on its node's address cannot, since the kubelet has that port there.
#[must_use]
pub fn advice(check: &Check, cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Vec<String> {
    let of_calls = ["webhook-port-blocked", "aggregated-api-blocked"].contains(&check.id);
    let on_nodes = cause.destination.role == Role::Node;
    let known = matches!(cause.port, Some(443 | 10_250) | None) || cause.needs.is_empty();
    if !of_calls || on_nodes || known || !kubelet_port_is_open(cause, evidence) {
        return Vec::new();
    }
    let named = cause.needs.iter().filter_map(|need| {
        let (namespace, name) = need.to.name.split_once('/')?;
        let known = component(&ObjectName::new(namespace, name))?;
        let setting = known.setting?;
        Some(format!(
            "let {} listen on 10250, which GKE opens by itself, and change no firewall: chart \
             value {setting}",
            known.component
        ))
    });
    let mut all = once(named);
    if all.is_empty() {
        all.push(
            "let it listen on 10250 in its pods, which GKE opens by itself, and change no firewall"
                .to_owned(),
        );
    }
    all
}

/// Whether the control plane reaches 10250 as far as anybody knows: what is advised has to work.
#[must_use]
pub fn kubelet_port_is_open(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> bool {
    let cluster = cause.source.cluster.or(cause.needs.first().and_then(|need| need.cluster));
    let mut needs = evidence.correlation.needs.iter();
    !needs.any(|need| {
        need.purpose == Purpose::Kubelet && need.cluster == cluster && need.is_blocked()
    })
}

/// `admission webhook guard.example.com: Fail on pods: nothing can start (k8s.yaml:12)`.
fn reason(need: &Need<'_>) -> String {
    let effect = match need.purpose {
        Purpose::Call(webhook) => format!(": {}", webhook.blast_radius()),
        _ => String::new(),
    };
    format!("needed: {}{effect} ({})", need.reason, need.origin)
}

/// A need in owned words.
#[must_use]
pub fn summary(need: &Need<'_>, clusters: &[Cluster]) -> NeedSummary {
    let answer = &need.answer;
    let webhook = match need.purpose {
        Purpose::Call(webhook) => Some(webhook),
        _ => None,
    };
    let tuple = answer.denied.first().or(answer.flow.as_ref()).map(|flow| flow.tuple);
    NeedSummary {
        cluster: need.cluster.and_then(|at| clusters.get(at)).map(|one| one.id.name.clone()),
        network: need.network.as_ref().map(|network| network.name.clone()),
        reason: need.reason.clone(),
        from: need.from.clone(),
        to: need.to.clone(),
        protocol: need.protocol.to_string(),
        port: need.port,
        verdict: answer.verdict,
        direction: answer.direction,
        decision: tuple
            .map(|tuple| decision_summary(&answer.decision, &answer.near_misses, &tuple)),
        failure_policy: webhook.and_then(|one| one.failure_policy.clone()),
        scope: webhook.map(|one| one.scope.clone()),
        effect: webhook.map(Webhook::blast_radius),
        doubtful: need.doubtful,
        assumed: answer.is_assumed,
        missing: need.missing.clone(),
        because: need.because.clone(),
        origin: need.origin.clone(),
    }
}

/// What became of the rule that GKE writes for this.
fn own_rule(need: &Need<'_>, cluster: &Cluster, evidence: &Evidence<'_, '_>) -> Option<String> {
    if evidence.assumes(need.network.as_ref()) {
        return None;
    }
    if need.answer.direction == Direction::Egress {
        let text = "GKE writes no EGRESS rule of its own: it relies on the implied allow, which \
                    this deny takes away";
        return Some(text.to_owned());
    }
    let suffix = match (need.purpose, need.from.role) {
        (Purpose::Kubelet, Role::ControlPlane) => "master",
        (Purpose::Internal, Role::Node) => "vms",
        (Purpose::Internal, _) => "all",
        _ => return None,
    };
    let stem = format!("GKE's own rule gke-{}-HASH-{suffix}", cluster.id.name);
    let Some(rule) = automatic_rule(evidence.directory.inventory, cluster, suffix) else {
        return Some(format!("{stem} is missing from what was given"));
    };
    let name = rule.label();
    let is_own = matches!(need.answer.decision.decider, Decider::Rule(one) if one.policy.is_none());
    let answer = &need.answer;
    let asked = answer.denied.first().or(answer.flow.as_ref());
    let is_for_it = asked.is_some_and(|flow| match_rule(rule, flow, &mut ()) == Outcome::Matched);
    Some(match answer.decision.decider {
        _ if rule.disabled => format!("GKE's own rule {name} is disabled ({})", rule.origin),
        Decider::Rule(other) if is_for_it && !matches!(other.owner, Owner::Gke(_)) => {
            let above = if is_own { "" } else { " of a policy" };
            format!("GKE's own rule {name} is outranked by {}{above}", other.label())
        }
        _ => format!("GKE's own rule {name} does not allow all of this ({})", rule.origin),
    })
}
