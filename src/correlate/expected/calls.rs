//! Whom the API server calls, and at which port: webhooks, aggregated APIs, conversions.
//!
//! GKE's API server dials the pod itself, so what counts is the port of the pod: the Service's
//! `targetPort`, by number, or by a name that the endpoints or the containers resolve
//! (<https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules>).

use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::expected::backend::{Backend, backend_among, backend_of};
use crate::correlate::expected::cluster::{Wanted, unknown};
use crate::correlate::expected::{Need, Place, Purpose, outside, pasted};
use crate::correlate::scope::Scope;
use crate::engine::{Piece, Space, Verdict, evaluate_all};
use crate::model::webhook::CallTarget;
use crate::model::workload::Endpoints;
use crate::model::{Expected, ObjectName, Webhook, Workloads};
use crate::net::{AddressSet, Direction, FiveTuple, IpNet, Protocol, Role};

/// What the API server of a cluster calls.
pub(super) fn needs<'a>(place: &Place<'_, 'a>, scope: &Scope, into: &mut Vec<Need<'a>>) {
    let inventory = place.directory.inventory;
    let several = inventory.clusters.len() > 1;
    for webhook in distinct(&inventory.workloads) {
        let needs = match &webhook.target {
            CallTarget::Url(url) => vec![of_url(place, webhook, url)],
            CallTarget::Service(id, port) => {
                let whose = if several { belongs(place, id) } else { Whose::Here };
                let all = || of_service(place, webhook, id, *port);
                match whose {
                    Whose::Elsewhere => continue,
                    // Of what was exported once, a cluster that was named is the one.
                    Whose::Unknown if scope.cluster.is_none() => {
                        all().into_iter().map(nobodys).collect()
                    }
                    Whose::Several => vec![several_told(place, webhook, id)],
                    Whose::Here | Whose::Unknown => all(),
                }
            }
        };
        into.extend(needs);
    }
}

/// Every webhook once: manifests and exports may both hold it.
fn distinct(workloads: &Workloads) -> impl Iterator<Item = &Webhook> {
    let mut seen = std::collections::BTreeSet::new();
    workloads.webhooks.iter().filter(move |webhook| {
        // Two clusters may have one of a name, each with a Service of its own.
        seen.insert((webhook.kind, &webhook.configuration, &webhook.name, &webhook.target))
    })
}

/// Whose a Service is, where there are several clusters.
enum Whose {
    /// This cluster's.
    Here,
    /// Another one's.
    Elsewhere,
    /// Nobody says it.
    Unknown,
    /// Several clusters have one of this name, and they are not alike.
    Several,
}

/// Whether a Service is this cluster's, by the addresses of its pods.
fn belongs(place: &Place<'_, '_>, id: &ObjectName) -> Whose {
    let workloads = &place.directory.inventory.workloads;
    let mut told = workloads.services_of(id);
    let first = told.next();
    if told.any(|one| first.is_some_and(|first| first.ports != one.ports)) {
        return Whose::Several;
    }
    let mut addresses: Vec<_> =
        workloads.endpoints_of(id).flat_map(|one| one.ready.iter().copied()).collect();
    if let Some(service) = first.or_else(|| workloads.service(id)) {
        addresses.extend(workloads.pods_of(service).filter_map(|pods| pods.address));
    }
    let here = place.hold(&addresses);
    let elsewhere = |address: &IpAddr| {
        let others = (0..place.directory.inventory.clusters.len()).filter(|at| *at != place.at);
        let holds = |one: Place<'_, '_>| one.hold(std::slice::from_ref(address)) == Some(true);
        others.filter_map(|at| place.other(at)).any(holds)
    };
    let own = |one: &&IpAddr| place.hold(std::slice::from_ref(one)) == Some(true);
    match here {
        // Two networks may use the same ranges, and clusters of one share a subnetwork.
        Some(true) if addresses.iter().filter(own).all(elsewhere) => Whose::Unknown,
        Some(true) => Whose::Here,
        Some(false) => Whose::Elsewhere,
        None if addresses.iter().any(elsewhere) => Whose::Elsewhere,
        None => Whose::Unknown,
    }
}

/// A need of one of several clusters, nobody knows which.
fn nobodys(mut need: Need<'_>) -> Need<'_> {
    need.doubtful = true;
    need.because.push(
        "several clusters were given, and whose webhook this is is not said: name --cluster, or \
         give its pods"
            .to_owned(),
    );
    need
}

/// Services of one name that are not alike: which of them a cluster has decides the port.
fn several_told<'a>(place: &Place<'_, 'a>, webhook: &'a Webhook, id: &ObjectName) -> Need<'a> {
    let because = format!(
        "Service {id} was given more than once, and not alike: give the exports of one cluster at \
         a time"
    );
    let wanted = Wanted {
        purpose: Purpose::Call(webhook),
        reason: webhook.words(),
        from: place.caller().0,
        to: place.backend(&id.to_string(), false),
        protocol: Protocol::TCP,
        port: None,
        doubtful: true,
        because: vec![because],
    };
    place.unknown(wanted, &webhook.origin)
}

/// What is called behind a Service, by the port of each of its pods.
fn of_service<'a>(
    place: &Place<'_, 'a>,
    webhook: &'a Webhook,
    id: &ObjectName,
    port: u16,
) -> Vec<Need<'a>> {
    let inventory = place.directory.inventory;
    // Objects of several clusters share names.
    let several = inventory.clusters.len() > 1;
    let is_here = |one: &Endpoints| !several || place.hold(&one.ready) != Some(false);
    let mut backend = backend_among(&inventory.workloads, id, port, &is_here);
    if backend.port.is_none() && backend.missing.is_none() {
        backend = pasted::backend_of_error(place, webhook, id, backend);
    }
    let others = backend.others.clone();
    let mut needs = vec![of_backend(place, webhook, (id, port), backend.clone())];
    needs.extend(others.into_iter().map(|other| {
        let backend = Backend { port: Some(other), ..backend.clone() };
        of_backend(place, webhook, (id, port), backend)
    }));
    needs
}

/// Whom a Service has that is no pod and no node of the cluster: somebody wrote its endpoints.
fn strangers(place: &Place<'_, '_>, id: &ObjectName) -> Vec<IpAddr> {
    let endpoints = place.directory.inventory.workloads.endpoints_of(id);
    let all: Vec<IpAddr> = endpoints.flat_map(|one| one.ready.iter().copied()).collect();
    if place.hold(&all) == Some(false) { all } else { Vec::new() }
}

fn of_backend<'a>(
    place: &Place<'_, 'a>,
    webhook: &'a Webhook,
    (id, port): (&ObjectName, u16),
    backend: Backend,
) -> Need<'a> {
    let name = id.to_string();
    let (from, doubtful, note) = place.caller();
    let doubtful = doubtful || backend.is_guessed;
    let mut because = Vec::from_iter(note);
    let wanted = |port, to, doubtful, because| Wanted {
        purpose: Purpose::Call(webhook),
        reason: webhook.words(),
        from: from.clone(),
        to,
        protocol: Protocol::TCP,
        port,
        doubtful,
        because,
    };
    if name == "default/kubernetes" {
        // The API server is behind this Service itself: nothing crosses the firewall, and the
        // aggregated API that it goes on to is a need of its own.
        because.clear();
        because.push("it calls the API server itself, which calls an aggregated API".to_owned());
        let to = place.side(Role::ControlPlane);
        let mut need = place.unknown(wanted(Some(port), to, false, because), &webhook.origin);
        need.answer.verdict = Expected::Allowed;
        return need;
    }
    because.extend(backend.lacks.clone());
    let strangers = strangers(place, id);
    if let Some(first) = strangers.first() {
        because.push(format!("its endpoints ({first}) are no pods or nodes of the cluster"));
        let ranges = strangers.iter().copied().map(IpNet::from).collect();
        let to = outside(Role::Unknown, &name, ranges, "an address out of its endpoints");
        let need = place.unknown(wanted(backend.port, to, true, because), &webhook.origin);
        return Need { missing: backend.missing, ..need };
    }
    let to = place.backend(&name, backend.on_nodes);
    let Some(port) = backend.port else {
        let need = place.unknown(wanted(None, to, doubtful, because), &webhook.origin);
        return Need { missing: backend.missing, ..need };
    };
    if matches!(port, 443 | 10_250) && !doubtful {
        because.push("GKE opens 443 and 10250 from the control plane by itself".to_owned());
    }
    let mut need = place.need(wanted(Some(port), to, doubtful, because));
    if need.answer.verdict == Expected::Mixed
        && let Some(address) = answers_now(place, id, port)
    {
        // What may come to be, where its pods are put elsewhere, explains no error of today.
        need.doubtful = true;
        need.because.push(format!(
            "where its pods are now ({address}) it is allowed: it depends on the node"
        ));
    }
    need.missing = backend.missing;
    need.origin = webhook.origin.clone();
    need
}

/// A pod of a Service, where the firewall lets the control plane reach all of those that are ready.
fn answers_now(place: &Place<'_, '_>, id: &ObjectName, port: u16) -> Option<IpAddr> {
    let (directory, rules) = (place.directory, place.rules.as_ref()?);
    let network = place.network.as_ref()?;
    let callers = AddressSet::of(&place.caller().0.ranges);
    let workloads = &directory.inventory.workloads;
    let mut ready: Vec<IpAddr> =
        workloads.endpoints_of(id).flat_map(|one| one.ready.iter().copied()).collect();
    if let Some(service) = workloads.service(id).filter(|_| ready.is_empty()) {
        let pods = workloads.pods_of(service).filter(|pods| pods.ready != Some(false));
        ready.extend(pods.filter_map(|pods| pods.address));
    }
    let geography = directory.geography(network);
    ready.retain(|one| place.hold(std::slice::from_ref(one)) != Some(false));
    for dst in &ready {
        let range =
            callers.ranges().into_iter().find(|one| one.addr().is_ipv4() == dst.is_ipv4())?;
        let (src, dst_port, protocol) = (range.addr(), port, Protocol::TCP);
        let tuple = FiveTuple { src, src_port: 0, dst: *dst, dst_port, protocol };
        let flow = directory.flow(tuple, Direction::Ingress, network, None);
        let mut space = Space::of_flow(&flow, &geography);
        // From wherever it calls.
        space.flows.source = callers.clone();
        let pieces = evaluate_all(rules, &space);
        let passes = |piece: &Piece<'_, '_>| piece.decision.verdict == Verdict::Allowed;
        if !pieces.iter().all(passes) {
            return None;
        }
    }
    ready.first().copied()
}

fn of_url<'a>(place: &Place<'_, 'a>, webhook: &'a Webhook, url: &str) -> Need<'a> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    };
    let ranges = Vec::from_iter(crate::net::parse_address(host).map(IpNet::from));
    let because = vec![
        "it names a URL, no Service: no rule of this network's INGRESS is asked unless that is one \
         of its VMs"
            .to_owned(),
    ];
    let wanted = Wanted {
        purpose: Purpose::Call(webhook),
        reason: webhook.words(),
        from: place.caller().0,
        to: outside(Role::Unknown, host, ranges, "clientConfig.url"),
        protocol: Protocol::TCP,
        port: Some(port.unwrap_or(443)),
        doubtful: true,
        because,
    };
    place.unknown(wanted, &webhook.origin)
}

/// Webhooks of which nobody knows the cluster: the ports can be said, the firewall cannot be asked.
pub(super) fn without_cluster<'a>(directory: &Directory<'a>, into: &mut Vec<Need<'a>>) {
    let workloads = &directory.inventory.workloads;
    for webhook in distinct(workloads) {
        let CallTarget::Service(id, port) = &webhook.target else { continue };
        let backend = backend_of(workloads, id, *port);
        let mut because = vec![
            "the cluster is not given: gcloud container clusters describe CLUSTER --format=json"
                .to_owned(),
        ];
        because.extend(backend.lacks);
        let role = if backend.on_nodes { Role::Node } else { Role::Pod };
        let wanted = Wanted {
            purpose: Purpose::Call(webhook),
            reason: webhook.words(),
            from: outside(Role::ControlPlane, "", Vec::new(), "the cluster is not given"),
            to: outside(role, &id.to_string(), Vec::new(), "the cluster is not given"),
            protocol: Protocol::TCP,
            port: backend.port,
            doubtful: false,
            because,
        };
        let mut need = unknown(wanted, &webhook.origin);
        need.missing = backend.missing;
        into.push(need);
    }
}
