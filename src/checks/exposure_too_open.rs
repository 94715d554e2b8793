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
use crate::correlate::Directory;
use crate::correlate::expected::entrance;
use crate::correlate::exposure::{Way, WayKind, WayPort, clients};
use crate::engine::Decider;
use crate::model::application::Application;
use crate::model::cluster::Provider;
use crate::model::{Action, Expected, FirewallRule, Inventory, Owner};
use crate::net::well_known::{self, WellKnown};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Role, TrafficSet};
use crate::suggest::name::is_resource_name;
use crate::suggest::{Change, Suggestion, prove_narrowing};

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
        if !way.is_for_the_world() || way.verdict == Expected::Denied {
            return of_unknown(check, way);
        }
        let mut made = of_way(check, way)?;
        if let Some(fix) = narrowed(way, evidence) {
            made.no_fix = None;
            made.fixes.push(fix);
        }
        made.advice.extend(patch(way, &evidence.scope.clients));
        Some(made)
    }))
}

/// The command that names the clients in a Service's own list, which may only narrow it: names of
/// Services are as those of resources (RFC 1035).
fn patch(way: &Way<'_>, named: &[IpNet]) -> Option<String> {
    let is_inner = way.ports.iter().any(|port| port.may_be_public == Some(false));
    if way.kind != WayKind::LoadBalancer || is_inner || named.is_empty() {
        return None;
    }
    if named.iter().any(|range| range.prefix_len() == 0) {
        return None;
    }
    let (name, namespace) = (way.name.name.as_str(), way.name.namespace.as_str());
    if !is_resource_name(name) || !is_resource_name(namespace) {
        return None;
    }
    let ranges: Vec<String> = named.iter().map(ToString::to_string).collect();
    let patch = serde_json::json!({ "spec": { "loadBalancerSourceRanges": ranges } });
    Some(format!(
        "kubectl patch service {name} --namespace {namespace} --type merge --patch '{patch}'"
    ))
}

/// The one rule that lets everybody to a node port, with the clients that were named as its
/// sources instead: proved to open nothing, and to let them through as before.
fn narrowed(way: &Way<'_>, evidence: &Evidence<'_, '_>) -> Option<Suggestion> {
    let named = &evidence.scope.clients;
    let cluster = way.cluster.filter(|_| way.kind == WayKind::NodePort)?;
    // A rule holds ranges of one family.
    let fits = |range: &IpNet| range.prefix_len() > 0 && range.addr().is_ipv4();
    if named.is_empty() || !named.iter().all(fits) {
        return None;
    }
    let (directory, from) = (evidence.directory, clients(named.clone(), true));
    let protocol = way.ports.first()?.protocol;
    if way.ports.iter().any(|port| port.protocol != protocol) {
        return None;
    }
    let ports = PortSet::of(way.ports.iter().filter_map(|port| port.node_port));
    let traffic = (protocol, &ports);
    let needed = TrafficSet::of_ports(Some(protocol), &ports);
    let network = entrance(directory, cluster, &from, None, traffic)?.network?;
    let opens = |rule: &&FirewallRule| {
        rule.network.agrees(&network)
            && rule.direction == Direction::Ingress
            && rule.action == Action::Allow
            && !rule.disabled
            && rule.source.as_ref().is_some_and(AddressSet::is_anywhere)
            && !rule.traffic().intersection(&needed).is_empty()
    };
    let mut rules = directory.inventory.firewall_rules.iter().filter(opens);
    let (Some(rule), None) = (rules.next(), rules.next()) else { return None };
    if matches!(rule.owner, Owner::Gke(_)) || !rule.source_identity.is_everyone() {
        return None;
    }
    let mut after = rule.clone();
    after.set_source_ranges(named.clone());
    let change = Change::Update { before: Box::new(rule.clone()), after: Box::new(after) };
    let mut notes = vec!["whatever else this rule lets in is closed, too".to_owned()];
    notes.extend(rule.kept_by());
    let correlation = evidence.correlation;
    let causes = correlation.causes.iter().flat_map(|cause| &cause.questions);
    let logged: Vec<_> = causes.chain(&correlation.passed).collect();
    let keeps = |changed: &Inventory| {
        let directory = Directory::of(changed);
        let asked = |from| entrance(&directory, cluster, from, None, traffic);
        let pass = asked(&from).is_some_and(|asked| asked.answer.verdict == Expected::Allowed);
        // And nobody else from outside does any more, but probes and proxies of Google's, which
        // GKE's own rules let in.
        let probes = |row: &&WellKnown| matches!(row.role, Role::HealthCheck | Role::Iap);
        let googles = well_known::table().iter().filter(probes);
        let googles: Vec<IpNet> = googles.map(|row| row.range).collect();
        let world = AddressSet::all_v4().difference(AddressSet::private());
        let world = world.difference(&AddressSet::of(&googles));
        let others = world.difference(&AddressSet::of(named));
        let others = asked(&clients(others.ranges(), false));
        pass && others.is_some_and(|asked| asked.answer.verdict == Expected::Denied)
    };
    let edges = &correlation.edges;
    prove_narrowing(directory, (change, notes), &logged, edges, evidence.printer, &keeps).ok()
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
