//! Errors that were pasted, where no denied connection explains them: not the firewall, and what to
//! look at instead; or what is missing to say, and the command that gives it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::checks::finding::{
    Basis, Confidence, Finding, FlowSummary, ResourceSummary, Severity, decision_summary, id,
};
use crate::checks::{Check, Evidence, Outcome, needed};
use crate::correlate::expected::Need;
use crate::correlate::expected::{Conclusion, Told};
use crate::correlate::side::Side;
use crate::model::symptom::{Call, KONNECTIVITY, SymptomKind};
use crate::model::{Expected, Inventory, Symptom, components};
use crate::net::{Direction, Protocol, Role};

/// What a check says of an error of its kind.
pub struct Words {
    /// One line.
    pub title: String,
    /// A few more.
    pub explanation: Vec<String>,
    /// Why there is nothing to change, beginning with the answer.
    pub no_fix: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Adds the findings about errors to those about connections.
#[must_use]
pub fn join(of_connections: Outcome, of_errors: Vec<Finding>) -> Outcome {
    match of_connections {
        Outcome::Found(mut found) => {
            found.extend(of_errors);
            Outcome::Found(found)
        }
        other if of_errors.is_empty() => other,
        _ => Outcome::Found(of_errors),
    }
}

/// The need that a conclusion speaks of.
#[must_use]
pub fn need_of<'e, 'a>(evidence: &Evidence<'e, 'a>, told: &Told<'a>) -> Option<&'e Need<'a>> {
    let at = match told.answer {
        Conclusion::Missing(at) | Conclusion::Elsewhere(at) => Some(at),
        Conclusion::CannotTell(at) => at,
        Conclusion::Firewall | Conclusion::NotFirewall => None,
    };
    evidence.correlation.needs.get(at?)
}

/// A finding about an error.
#[must_use]
pub fn finding(
    check: &Check,
    told: &Told<'_>,
    evidence: &Evidence<'_, '_>,
    words: Words,
) -> Finding {
    let symptom = told.symptom;
    let need = need_of(evidence, told);
    let mut explanation = vec![needed::seen(symptom)];
    explanation.extend(words.explanation);
    // A command says it all; the rule that it was read as may get further fields.
    let subject = match &symptom.kind {
        SymptomKind::FirewallChange { command, .. } => command.clone(),
        kind => format!("{kind:?} {:?}", symptom.failure),
    };
    let decision = need.and_then(|need| {
        let tuple = need.answer.flow.as_ref()?.tuple;
        Some(decision_summary(&need.answer.decision, &need.answer.near_misses, &tuple))
    });
    Finding {
        id: id(check.id, &[&subject]),
        check: check.id,
        severity: words.severity,
        confidence: words.confidence,
        basis: Basis::Symptom,
        title: words.title,
        explanation,
        flow: flow(symptom, need),
        observed: None,
        needed: false,
        decision,
        resources: vec![ResourceSummary {
            kind: "error-text",
            name: subject_of(symptom),
            origin: symptom.origin.clone(),
        }],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: Some(words.no_fix),
    }
}

/// Who could not reach whom, as far as text and resources tell.
fn flow(symptom: &Symptom, need: Option<&Need<'_>>) -> Option<FlowSummary> {
    let side = |role: Role, name: String| Side {
        role,
        name,
        ranges: Vec::new(),
        known: false,
        because: format!("the error names it ({})", symptom.origin),
        is_vm: false,
        cluster: None,
        elsewhere: false,
        network: None,
    };
    if let Some(need) = need {
        return Some(FlowSummary {
            network: need.network.as_ref().map(|network| network.name.clone()),
            direction: Some(need.answer.direction),
            protocol: Some(need.protocol.to_string()),
            ports: need.port.iter().map(ToString::to_string).collect(),
            source: need.from.clone(),
            destination: need.to.clone(),
        });
    }
    let (source, destination, port, direction) = match &symptom.kind {
        SymptomKind::Webhook(call)
        | SymptomKind::AggregatedApi(call)
        | SymptomKind::Proxied(call) => {
            let mut to = side(Role::Pod, callee(call));
            to.ranges = call.address.iter().map(|(address, _)| (*address).into()).collect();
            (side(Role::ControlPlane, String::new()), to, port_of(call), Direction::Ingress)
        }
        SymptomKind::Kubelet(call) => {
            let mut to = side(Role::Node, String::new());
            to.ranges = call.address.iter().map(|(address, _)| (*address).into()).collect();
            (side(Role::ControlPlane, String::new()), to, Some(10_250), Direction::Ingress)
        }
        SymptomKind::ImagePull { host, address, .. } => {
            let mut to = side(Role::Unknown, host.clone().unwrap_or_default());
            to.ranges = address.iter().map(|(address, _)| (*address).into()).collect();
            let port = address.map_or(443, |(_, port)| port);
            (side(Role::Node, String::new()), to, Some(port), Direction::Egress)
        }
        SymptomKind::Dialled(address, port) => {
            let mut to = side(Role::Unknown, String::new());
            to.ranges = vec![(*address).into()];
            (side(Role::Unknown, String::new()), to, Some(*port), Direction::Egress)
        }
        SymptomKind::NodeEgress(host) => {
            let to = match host.as_str() {
                "apiserver" | "konnectivity" => side(Role::ControlPlane, String::new()),
                host => side(Role::GoogleApis, host.to_owned()),
            };
            let port = if symptom.kind.is_by_agent() { KONNECTIVITY } else { 443 };
            (side(Role::Node, String::new()), to, Some(port), Direction::Egress)
        }
        _ => return None,
    };
    Some(FlowSummary {
        network: None,
        direction: Some(direction),
        protocol: Some(Protocol::TCP.to_string()),
        ports: port.iter().map(ToString::to_string).collect(),
        source,
        destination,
    })
}

/// The port that the firewall sees, as far as the text or the component tells it.
#[must_use]
pub fn port_of(call: &Call) -> Option<u16> {
    let usual = call.service.as_ref().and_then(|(id, _)| components::component(id));
    let dialled = call.address.map(|(_, port)| port).filter(|port| *port != 443);
    dialled.or(usual.map(|known| known.port)).or(call.address.map(|(_, port)| port))
}

/// Whom the API server called.
#[must_use]
pub fn callee(call: &Call) -> String {
    match (&call.service, &call.address, &call.name) {
        (Some((id, _)), _, _) => id.to_string(),
        (None, Some((address, port)), _) => format!("{address}:{port}"),
        (None, None, Some(name)) => name.clone(),
        (None, None, None) => "a webhook".to_owned(),
    }
}

fn subject_of(symptom: &Symptom) -> String {
    match &symptom.kind {
        SymptomKind::Webhook(call)
        | SymptomKind::AggregatedApi(call)
        | SymptomKind::Proxied(call) => call.name.clone().unwrap_or_else(|| callee(call)),
        SymptomKind::Kubelet(_) => "kubelet".to_owned(),
        SymptomKind::Client(_) => "kubectl".to_owned(),
        SymptomKind::ImagePull { host, image, .. } => {
            image.clone().or_else(|| host.clone()).unwrap_or_default()
        }
        SymptomKind::UnhealthyBackends(names) => names.join(", "),
        SymptomKind::FirewallChange { .. } => "Firewall change required".to_owned(),
        SymptomKind::NodesMissing(_) => "nodes".to_owned(),
        SymptomKind::Iap(_) => "IAP".to_owned(),
        SymptomKind::NodeEgress(host) => host.clone(),
        SymptomKind::Dialled(address, port) => SocketAddr::new(*address, *port).to_string(),
    }
}

/// Errors that come to the same are one finding, however each of them puts it.
#[must_use]
pub fn joined(mut all: Vec<Finding>) -> Vec<Finding> {
    let is_plain = |one: &Finding| one.basis == Basis::Symptom && one.fixes.is_empty();
    // Whichever comes first in the inputs tells it; the id is the same in any order.
    all.sort_by_cached_key(|one| {
        let place = one.resources.first().map(|first| first.origin.clone());
        place.filter(|_| is_plain(one))
    });
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<Finding> = Vec::new();
    for one in all {
        if !is_plain(&one) {
            kept.push(one);
            continue;
        }
        let key = format!("{:?} {} {:?}", one.severity, one.title, one.no_fix);
        let known = *places.entry(key).or_insert(kept.len());
        let Some(first) = kept.get_mut(known) else {
            kept.push(one);
            continue;
        };
        let seen = one.explanation.into_iter().next();
        first.explanation.extend(seen.filter(|line| !first.explanation.contains(line)));
        first.id = one.id.min(std::mem::take(&mut first.id));
        first.resources.extend(one.resources);
    }
    kept
}

/// Errors of calls that nothing explains, as `check` sees them.
#[must_use]
pub fn open_calls(
    check: &Check,
    evidence: &Evidence<'_, '_>,
    wanted: fn(&SymptomKind) -> Option<&Call>,
) -> Vec<Finding> {
    let open = evidence.correlation.told.iter().filter_map(|told| {
        let call = wanted(&told.symptom.kind)?;
        matches!(told.answer, Conclusion::CannotTell(_)).then_some((told, call))
    });
    open.map(|(told, call)| {
        let words = cannot_tell(evidence, told, call);
        finding(check, told, evidence, words)
    })
    .collect()
}

fn cannot_tell(evidence: &Evidence<'_, '_>, told: &Told<'_>, call: &Call) -> Words {
    let inventory = evidence.directory.inventory;
    let port = port_of(call).map(|port| format!(" on tcp {port}")).unwrap_or_default();
    let mut explanation = Vec::new();
    if let Some(known) = call.service.as_ref().and_then(|(id, _)| components::component(id)) {
        let is_open = matches!(known.port, 443 | 10_250);
        explanation.push(format!(
            "{} usually listens on {}{}",
            known.component,
            known.port,
            if is_open { ", which GKE opens by itself" } else { ", which GKE does not open" }
        ));
    }
    let mut lacks = Vec::new();
    if inventory.clusters.is_empty() {
        lacks.push("the cluster (gcloud container clusters describe CLUSTER --format=json)");
    }
    if inventory.firewall_rules.is_empty() && inventory.policies.is_empty() {
        lacks.push("the firewall rules (gcloud compute firewall-rules list --format=json)");
    }
    let is_known = matches!(told.symptom.kind, SymptomKind::Kubelet(_) | SymptomKind::Proxied(_))
        || call.service.as_ref().is_some_and(|(id, _)| inventory.workloads.service(id).is_some());
    if !is_known {
        lacks.push(
            "the Services and what is behind them (kubectl get \
             services,endpointslices,pods,validatingwebhookconfigurations,\
             mutatingwebhookconfigurations,apiservices --all-namespaces -o json)",
        );
    }
    if let Some(need) = need_of(evidence, told) {
        explanation.extend(need.because.iter().take(2).cloned());
    }
    explanation.push(told.symptom.failure.verdict().to_owned());
    Words {
        title: format!("nobody answered the API server at {}{port}", called(told.symptom, call)),
        no_fix: match lacks.as_slice() {
            [] => "cannot tell: what was given does not decide it".to_owned(),
            lacks => format!("cannot tell whether it is the firewall without {}", lacks.join("; ")),
        },
        explanation,
        severity: Severity::Warning,
        confidence: Confidence::Possible,
    }
}

/// Errors of calls that are not the firewall's doing, or that the firewall provably lets pass.
#[must_use]
pub fn closed_calls(check: &Check, evidence: &Evidence<'_, '_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in &evidence.correlation.told {
        let (SymptomKind::Webhook(call) | SymptomKind::AggregatedApi(call)) = &told.symptom.kind
        else {
            continue;
        };
        found.extend(closed_call(check, evidence, told, call));
    }
    found
}

/// An error of a call that is not the firewall's doing, or that it provably lets pass.
#[must_use]
pub fn closed_call(
    check: &Check,
    evidence: &Evidence<'_, '_>,
    told: &Told<'_>,
    call: &Call,
) -> Option<Finding> {
    let words = match told.answer {
        Conclusion::NotFirewall => not_firewall(told.symptom, call),
        Conclusion::Elsewhere(_) => elsewhere(evidence, told, call),
        Conclusion::Firewall | Conclusion::Missing(_) | Conclusion::CannotTell(_) => return None,
    };
    Some(finding(check, told, evidence, words))
}

/// Whom the API server called, as an error of its kind says it.
fn called(symptom: &Symptom, call: &Call) -> String {
    match (&symptom.kind, &call.address) {
        (SymptomKind::Kubelet(_), Some((address, _))) => format!("the kubelet of {address}"),
        (SymptomKind::Kubelet(_), None) => "a kubelet".to_owned(),
        _ => callee(call),
    }
}

fn not_firewall(symptom: &Symptom, call: &Call) -> Words {
    Words {
        title: format!("the call of {} fails, and not by the firewall", called(symptom, call)),
        explanation: Vec::new(),
        no_fix: format!("not the firewall: {}", symptom.failure.verdict()),
        severity: Severity::Warning,
        confidence: Confidence::Likely,
    }
}

fn elsewhere(evidence: &Evidence<'_, '_>, told: &Told<'_>, call: &Call) -> Words {
    let need = need_of(evidence, told);
    let port = need.and_then(|need| need.port).map(|port| format!(" on tcp {port}"));
    let decider = need.map(|need| crate::checks::blocked::allowed_by(need.answer.decision.decider));
    let proved = need.is_some_and(|need| need.answer.verdict == Expected::Allowed)
        && need.is_some_and(|need| !need.answer.is_assumed && !need.doubtful);
    let mut explanation = Vec::from_iter(decider);
    let look = match told.symptom.kind {
        SymptomKind::Kubelet(_) => {
            "look at the node: whether it is Ready and its kubelet answers; and at konnectivity \
             (kubectl -n kube-system get pods -l k8s-app=konnectivity-agent)"
        }
        _ => {
            "look at the pod: whether it is ready, answers within the time-out of the webhook, and \
             listens on that port; at network policies; and at whether this happened during an \
             install"
        }
    };
    explanation.push(look.to_owned());
    Words {
        title: format!(
            "the firewall lets the control plane reach {}{}: the cause is elsewhere",
            called(told.symptom, call),
            port.unwrap_or_default()
        ),
        explanation,
        no_fix: "not the firewall: the simulation lets it pass".to_owned(),
        severity: Severity::Warning,
        confidence: if proved { Confidence::Proven } else { Confidence::Likely },
    }
}

/// Errors of clients that the API server did not answer, whoever they were.
#[must_use]
pub fn client_errors(check: &Check, evidence: &Evidence<'_, '_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in &evidence.correlation.told {
        let SymptomKind::Client(call) = &told.symptom.kind else { continue };
        let failure = told.symptom.failure;
        let at = call.address.map(|(address, port)| format!(" at {address}:{port}"));
        let at = at.unwrap_or_default();
        let owner = call.address.map(|(address, _)| evidence.directory.who(address, None).owner);
        let of = owner.filter(|owner| owner.role == Role::ControlPlane);
        let of = of.map(|owner| format!(" of {}", owner.name)).unwrap_or_default();
        let no_fix = match told.answer {
            Conclusion::NotFirewall => format!("not the firewall: {}", failure.verdict()),
            _ => {
                let ends = call.address.map(|(address, port)| format!("{address}:{port}"));
                format!(
                    "cannot tell: who called is not in the error; from a VM: vpcwhy why CLIENT {} \
                     INPUT; a private endpoint answers its own network and, where its routes are \
                     exported, those that are joined to it",
                    ends.as_deref().unwrap_or("ADDRESS:443")
                )
            }
        };
        let authorized = "the control plane drops callers that are in none of its authorized \
                          networks, and no firewall rule or log shows it: gcloud container \
                          clusters describe CLUSTER \
                          --format='yaml(masterAuthorizedNetworksConfig,\
                          controlPlaneEndpointsConfig)'";
        let may_be = failure.may_be_firewall();
        let words = Words {
            title: format!("a client did not reach the control plane{of}{at}"),
            explanation: may_be.then(|| authorized.to_owned()).into_iter().collect(),
            no_fix,
            severity: Severity::Warning,
            confidence: Confidence::Possible,
        };
        found.push(finding(check, told, evidence, words));
    }
    found
}

/// Errors of nodes that could not reach a host which `is_own` knows, where no denied connection
/// explains them.
#[must_use]
pub fn node_errors(
    check: &Check,
    evidence: &Evidence<'_, '_>,
    is_own: fn(&str) -> bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in &evidence.correlation.told {
        let SymptomKind::NodeEgress(host) = &told.symptom.kind else { continue };
        if !is_own(host) {
            continue;
        }
        let no_fix = match told.answer {
            Conclusion::Firewall => continue,
            Conclusion::Elsewhere(_) if is_control_plane(host) => {
                "not the firewall: the rules let nodes reach it; look at routes, at the peering or \
                 the endpoint of the control plane, and at its authorized networks"
                    .to_owned()
            }
            Conclusion::Elsewhere(_) => {
                "not the firewall: the rules let nodes reach it; look at routes, DNS and Private \
                 Google Access"
                    .to_owned()
            }
            _ => without(evidence.directory.inventory, host),
        };
        let words = Words {
            title: match host.as_str() {
                "apiserver" => "nodes cannot reach the API server".to_owned(),
                "konnectivity" => {
                    "agents of konnectivity cannot reach the control plane on tcp 8132".to_owned()
                }
                host => format!("nodes cannot reach {host}"),
            },
            explanation: Vec::new(),
            no_fix,
            severity: Severity::Error,
            confidence: Confidence::Possible,
        };
        found.push(finding(check, told, evidence, words));
    }
    found
}

/// Whether nodes called the control plane, and no API of Google's.
#[must_use]
pub fn is_control_plane(host: &str) -> bool {
    ["apiserver", "konnectivity"].contains(&host)
}

/// What would have to be given to say what keeps nodes from a host.
fn without(inventory: &Inventory, host: &str) -> String {
    let no_rules = inventory.firewall_rules.is_empty() && inventory.policies.is_empty();
    let by_name = !is_control_plane(host);
    let all = [
        (inventory.clusters.is_empty(), "gcloud container clusters describe CLUSTER"),
        (inventory.subnetworks.is_empty(), "gcloud compute networks subnets list"),
        (no_rules, "gcloud compute firewall-rules list"),
        (inventory.routes.is_empty(), "gcloud compute routes list"),
        (by_name && inventory.zones.is_empty(), "gcloud dns managed-zones list"),
    ];
    let lacks: Vec<&str> = all.iter().filter(|(lacks, _)| *lacks).map(|(_, how)| *how).collect();
    match lacks.as_slice() {
        [] => "cannot tell: what was given does not decide it".to_owned(),
        lacks => format!(
            "cannot tell whether it is the firewall without these (--format=json): {}",
            lacks.join("; ")
        ),
    }
}
