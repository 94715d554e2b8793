//! The world can reach a port that is not for the world.
//!
//! What it means: anybody on the internet could come by a node port, to a port that is for the
//! application itself or for whoever runs it (etcd, databases, dashboards, metrics, object
//! stores), or to gRPC without TLS.
//!
//! What it looks like: nothing fails. Scanners find it within hours.
//!
//! Why: `type: NodePort` or `LoadBalancer` was a quick way in; a rule for the node ports has
//! 0.0.0.0/0; `loadBalancerSourceRanges` was left out.
//!
//! What to do: name who may come: `loadBalancerSourceRanges`, the controller's list of ranges, or
//! the sources of the rule; or make it a ClusterIP and go through an Ingress, or kubectl
//! port-forward.
//!
//! Source: <https://docs.pachyderm.com/1.11.x/deploy-manage/deploy/ingress/>,
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster>

use crate::checks::exposure::{finding, outcome, ports_words};
use crate::checks::finding::{Confidence, Finding, Severity};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::exposure::{Way, WayKind, WayPort};
use crate::engine::Decider;
use crate::model::Expected;
use crate::model::application::Application;
use crate::model::cluster::Provider;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "exposure-too-open",
    title: "the world can reach a port that is not for it",
    severity: Severity::Warning,
    source: include_str!("exposure_too_open.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let ways = evidence.correlation.ways.iter();
    outcome(ways.filter_map(|way| {
        match way.is_for_the_world() && way.verdict != Expected::Denied {
            true => of_way(check, way),
            false => of_unknown(check, way),
        }
    }))
}

/// What no way should lead to, on a way of which nobody knows who could come by it.
fn of_unknown(check: &Check, way: &Way<'_>) -> Option<Finding> {
    let unknown = way.clients.is_none() && way.verdict == Expected::Undetermined;
    if !unknown || way.is_internal || way.kind != WayKind::NodePort {
        return None;
    }
    let never: Vec<&WayPort> =
        way.ports.iter().filter(|port| port.may_be_public == Some(false)).collect();
    if never.is_empty() {
        return None;
    }
    let mut made = finding(check, way, &never);
    made.title = format!(
        "{} opens {} on every node: whoever the firewall lets in may come",
        way.label(),
        ports_words(&never)
    );
    made.confidence = Confidence::Possible;
    made.no_fix = Some(narrowing(way));
    Some(made)
}

fn of_way(check: &Check, way: &Way<'_>) -> Option<Finding> {
    let never: Vec<&WayPort> =
        way.ports.iter().filter(|port| port.may_be_public == Some(false)).collect();
    let bare = |port: &&WayPort| {
        port.application == Application::Grpc
            && port.tls == Some(false)
            && way.tls.holds != Some(true)
    };
    let bare: Vec<&WayPort> = way.ports.iter().filter(bare).collect();
    let by_node = way.kind == WayKind::NodePort;
    let (ports, why, severity) = if !never.is_empty() {
        let of = never.iter().map(|port| port.service.to_string()).next().unwrap_or_default();
        (never, format!("{of} is for the inside alone"), Severity::Error)
    } else if !bare.is_empty() {
        (bare, "gRPC without TLS".to_owned(), check.severity)
    } else if by_node {
        let ports = way.ports.iter().collect();
        (ports, "a node port is no way for the internet".to_owned(), check.severity)
    } else {
        return None;
    };
    let certain = way.verdict == Expected::Allowed;
    let mut made = finding(check, way, &ports);
    made.title = format!(
        "anybody on the internet {} {} of {}: {why}",
        if certain { "can reach" } else { "may reach" },
        ports_words(&ports),
        way.label()
    );
    made.severity = severity;
    made.confidence = if certain { Confidence::Proven } else { Confidence::Likely };
    made.no_fix = Some(narrowing(way));
    Some(made)
}

/// The change that narrows it: whom to let in, nobody but its owner can say.
fn narrowing(way: &Way<'_>) -> String {
    let rule = way.answer.as_ref().and_then(|answer| match answer.decision.decider {
        Decider::Rule(rule) => Some(format!("{} ({})", rule.label(), rule.origin)),
        _ => None,
    });
    match (way.kind, rule) {
        (WayKind::NodePort, Some(rule)) => format!(
            "name who may come: narrow the sources of rule {rule}, or make the Service a ClusterIP"
        ),
        (WayKind::NodePort, None) => "make the Service a ClusterIP, or have a rule name who may \
                                      come"
            .to_owned(),
        (WayKind::LoadBalancer, _) if way.provider == Provider::Amazon => {
            "name who may come in spec.loadBalancerSourceRanges, or make the balancer internal \
             (service.beta.kubernetes.io/aws-load-balancer-scheme: internal)"
                .to_owned()
        }
        (WayKind::LoadBalancer, _) => {
            "name who may come in spec.loadBalancerSourceRanges, or make \
                                       the balancer internal (networking.gke.io/\
                                       load-balancer-type: Internal)"
                .to_owned()
        }
        _ => match way.controller.and_then(|one| one.allow_lists.first()) {
            Some(key) => format!("name who may come: annotate the Ingress, {key}: CIDR,…"),
            None => "name who may come in a policy of Cloud Armor, or have IAP ask".to_owned(),
        },
    }
}
