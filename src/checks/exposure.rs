//! What all checks on ways into applications share: the finding about one way, and the way in owned
//! words.

use crate::checks::finding::{
    Basis, Confidence, DecisionSummary, Finding, FlowSummary, ResourceSummary, decision_summary, id,
};
use crate::checks::{Check, Outcome};
use crate::correlate::Cause;
use crate::correlate::exposure::{Known, Way, WayKind, WayPort};
use crate::correlate::side::Side;
use crate::model::{Expected, ObjectName, Origin};
use crate::net::{Direction, Role};

/// A way in owned words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaySummary {
    /// `node-port`, `load-balancer`, `ingress`, `gateway`, `port-forward`.
    pub kind: &'static str,
    /// The Service, the Ingress, the route.
    pub id: ObjectName,
    /// The same in words.
    pub name: String,
    /// Its host.
    pub host: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Its ports.
    pub ports: Vec<WayPort>,
    /// Who could come; `None` where that is not known.
    pub clients: Option<Vec<String>>,
    /// TLS.
    pub tls: Known,
    /// gRPC.
    pub grpc: Option<bool>,
    /// Websockets.
    pub websockets: Option<bool>,
    /// Who comes is asked.
    pub authentication: Known,
    /// What serves it.
    pub controller: Option<&'static str>,
    /// Whether clients get through.
    pub verdict: Expected,
    /// What the firewall says.
    pub decision: Option<DecisionSummary>,
    /// Findings on it.
    pub findings: Vec<String>,
    /// What is worth knowing.
    pub because: Vec<String>,
    /// Where it was read.
    pub origin: Origin,
}

/// All ways in owned words, each with the findings on it.
#[must_use]
pub fn summaries(ways: &[Way<'_>], findings: &[Finding]) -> Vec<WaySummary> {
    ways.iter().map(|way| summary(way, findings)).collect()
}

fn summary(way: &Way<'_>, findings: &[Finding]) -> WaySummary {
    let own = |finding: &&Finding| {
        let here = |one: &ResourceSummary| one == &resource(way);
        finding.check.starts_with("exposure-") && finding.resources.iter().any(here)
    };
    WaySummary {
        kind: way.kind.id(),
        id: way.name.clone(),
        name: way.name.to_string(),
        host: way.host.clone(),
        address: way.address.map(|address| address.to_string()),
        ports: way.ports.clone(),
        clients: way.clients.as_ref().map(crate::net::AddressSet::texts),
        tls: way.tls.clone(),
        grpc: way.grpc,
        websockets: way.websockets,
        authentication: way.authentication.clone(),
        controller: way.controller.map(|one| one.name),
        verdict: way.verdict,
        decision: decision(way),
        findings: findings.iter().filter(own).map(|finding| finding.id.clone()).collect(),
        because: way.because.clone(),
        origin: way.origin.clone(),
    }
}

fn decision(way: &Way<'_>) -> Option<DecisionSummary> {
    let answer = way.answer.as_ref()?;
    let tuple = answer.denied.first().or(answer.flow.as_ref())?.tuple;
    Some(decision_summary(&answer.decision, &answer.near_misses, &tuple))
}

/// Whether denied connections come from outside to a port of this way: of its nodes, or of its
/// load balancer's address.
#[must_use]
pub fn is_entered(way: &Way<'_>, cause: &Cause<'_>) -> bool {
    let from_outside =
        cause.direction == Some(Direction::Ingress) && cause.source.role == Role::Internet;
    let on = |port: &WayPort| match way.kind {
        WayKind::NodePort => port.node_port == cause.port,
        WayKind::LoadBalancer => {
            let own = |address| cause.seen.destinations.binary_search(&address).is_ok();
            Some(port.port) == cause.port && way.address.is_some_and(own)
        }
        _ => false,
    };
    let mut ports = way.ports.iter().filter(|port| port.protocol == cause.protocol);
    from_outside && cause.port.is_some() && ports.any(on)
}

/// The way as a resource that a finding speaks of.
#[must_use]
pub fn resource(way: &Way<'_>) -> ResourceSummary {
    let host = way.host.as_ref().map(|host| format!(" ({host})")).unwrap_or_default();
    let name = format!("{}{host}", way.label());
    ResourceSummary { kind: way.kind.id(), name, origin: way.origin.clone() }
}

/// What a finding on a way says of it in any case.
#[must_use]
pub fn finding(check: &Check, way: &Way<'_>, ports: &[&WayPort]) -> Finding {
    let host = way.host.as_deref().unwrap_or("");
    let numbers: Vec<String> = ports.iter().map(|port| port.port.to_string()).collect();
    let name = way.name.to_string();
    let clients = way.clients.as_ref();
    let mut behind: Vec<String> = ports.iter().map(|port| port.service.to_string()).collect();
    behind.sort();
    behind.dedup();
    let side = |role: Role, name: &str, because: &str| Side {
        role,
        name: name.to_owned(),
        ranges: Vec::new(),
        known: false,
        because: because.to_owned(),
        is_vm: false,
        cluster: None,
        elsewhere: false,
        network: None,
    };
    let source = Side {
        ranges: clients.map(crate::net::AddressSet::ranges).unwrap_or_default(),
        known: clients.is_some(),
        ..side(Role::Internet, "clients", "whoever could come")
    };
    Finding {
        id: id(check.id, &[way.kind.id(), &name, host, &numbers.join(",")]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Likely,
        basis: Basis::Configuration,
        title: String::new(),
        explanation: way.because.clone(),
        flow: Some(FlowSummary {
            network: None,
            direction: Some(Direction::Ingress),
            protocol: ports.first().map(|port| port.protocol.to_string()),
            ports: numbers,
            source,
            destination: side(Role::Service, &behind.join(", "), "what is behind it"),
        }),
        observed: None,
        needed: false,
        decision: decision(way),
        resources: vec![resource(way)],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: None,
    }
}

/// What a check found, each thing once: an object may have been given twice.
#[must_use]
pub fn outcome(found: impl IntoIterator<Item = Finding>) -> Outcome {
    let mut once: Vec<Finding> = Vec::new();
    for one in found {
        if !once.iter().any(|before| before.id == one.id) {
            once.push(one);
        }
    }
    if once.is_empty() { Outcome::Clear } else { Outcome::Found(once) }
}

/// `650 grpc, 657 http`.
#[must_use]
pub fn ports_words(ports: &[&WayPort]) -> String {
    let all = ports.iter().map(|port| {
        let node = port.node_port.map(|node| format!(" (node port {node})")).unwrap_or_default();
        format!("{} {}{node}", port.port, port.application.id())
    });
    all.collect::<Vec<_>>().join(", ")
}
