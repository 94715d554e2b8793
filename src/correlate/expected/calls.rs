//! Whom the API server calls, and at which port: webhooks, aggregated APIs, conversions.
//!
//! GKE's API server dials the pod itself, so what counts is the port of the pod: the Service's
//! `targetPort`, by number, or by a name that the endpoints or the containers resolve
//! (<https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules>).

use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::expected::cluster::{Wanted, unknown};
use crate::correlate::expected::{Need, Place, Purpose, outside};
use crate::correlate::scope::Scope;
use crate::model::workload::{CallTarget, PortName, ServicePort};
use crate::model::{Expected, ObjectName, Service, Webhook, Workloads};
use crate::net::{IpNet, Protocol, Role};

/// What stands behind a port of a Service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backend {
    /// The port of the pods, where it could be found.
    pub port: Option<u16>,
    /// The ports of other pods, where they do not agree.
    pub others: Vec<u16>,
    /// Whether the pods sit on their nodes' addresses.
    pub on_nodes: bool,
    /// Why nobody can answer.
    pub missing: Option<String>,
    /// What would have to be given to say more.
    pub lacks: Option<String>,
}

/// Follows a Service's port down to the pods.
#[must_use]
pub fn backend_of(workloads: &Workloads, id: &ObjectName, port: u16) -> Backend {
    let Some(service) = workloads.service(id) else { return without_service(workloads, id) };
    let Some(found) = service.ports.iter().find(|one| one.port == port) else {
        let ports: Vec<_> = service.ports.iter().map(|one| one.port.to_string()).collect();
        let has = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        let missing = format!("Service {id} has no port {port} (it has {has})");
        return Backend { missing: Some(missing), ..Backend::default() };
    };
    let on_nodes = workloads.pods_of(service).any(|pods| pods.host_network);
    let (port, lacks) = match pod_port(workloads, service, found) {
        Ok(port) => (Some(port), None),
        Err(lacks) => (None, Some(lacks)),
    };
    let missing = nobody_there(workloads, service).or_else(|| {
        let described = workloads.pods_of(service).any(|pods| !pods.ports.is_empty());
        (port.is_none() && described).then(|| {
            format!("no container of the pods of Service {id} names its port {}", found.target)
        })
    });
    let lacks = lacks.filter(|_| missing.is_none());
    let mut others: Vec<u16> = ports_of_endpoints(workloads, service, found).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| Some(*other) != port);
    Backend { port, others, on_nodes, missing, lacks }
}

/// Whether what is not among the given Services is not there: others of its namespace were given,
/// or those of all namespaces of a cluster.
fn without_service(workloads: &Workloads, id: &ObjectName) -> Backend {
    // Endpoints alone tell the port, too.
    let mut ports = workloads.endpoints_of(id).flat_map(|one| &one.ports);
    if let (Some((_, _, only)), None) = (ports.next(), ports.next()) {
        return Backend { port: Some(*only), ..Backend::default() };
    }
    // One alone may have been asked for by its name.
    let of_namespace = |namespace: &str| {
        workloads.services.iter().filter(|one| one.id.namespace == namespace).count()
    };
    // Every cluster has Services in both of these: who gave both gave all namespaces.
    let is_given = |namespace: &str| {
        workloads.services.iter().any(|one| one.live && one.id.namespace == namespace)
    };
    let all_namespaces = ["default", "kube-system"].into_iter().all(is_given);
    let in_namespace = of_namespace(&id.namespace) > 1;
    let placeholder = id.namespace.contains('$') || id.name.contains('$');
    if !placeholder && (in_namespace || all_namespaces) {
        let missing = format!("Service {id} is not there, though others were given");
        return Backend { missing: Some(missing), ..Backend::default() };
    }
    let lacks = format!(
        "Service {id} was not given: kubectl get services,endpointslices,pods --all-namespaces -o \
         json"
    );
    Backend { lacks: Some(lacks), ..Backend::default() }
}

/// The port of the pods, or what would tell it.
fn pod_port(workloads: &Workloads, service: &Service, port: &ServicePort) -> Result<u16, String> {
    // What is dialled stands in the endpoints, whatever the Service says of its pods.
    let of_endpoints = ports_of_endpoints(workloads, service, port).next();
    let name = match &port.target {
        PortName::Number(number) => return Ok(of_endpoints.unwrap_or(*number)),
        PortName::Name(name) => name,
    };
    let of_containers = || {
        let all = workloads.pods_of(service).flat_map(|pods| &pods.ports);
        let mut named = all.filter(|one| one.name.as_ref() == Some(name));
        named.find(|one| one.protocol == port.protocol).map(|one| one.number)
    };
    of_endpoints
        .or_else(of_containers)
        .or_else(|| only_of_name(workloads, service, port, name))
        .ok_or_else(|| {
            format!(
                "port {name} of Service {} is a name that its pods resolve: kubectl get \
             endpointslices,pods --all-namespaces -o json",
                service.id
            )
        })
}

/// The numbers of a Service's port in its endpoints: pods may resolve a name differently.
fn ports_of_endpoints<'w>(
    workloads: &'w Workloads,
    service: &'w Service,
    port: &'w ServicePort,
) -> impl Iterator<Item = u16> + 'w {
    let ports = workloads.endpoints_of(&service.id).flat_map(|one| &one.ports);
    let own = ports.filter(|(of, protocol, _)| {
        let same = of.is_none() || *of == port.name || service.ports.len() == 1;
        same && *protocol == port.protocol
    });
    own.map(|(_, _, number)| *number)
}

/// Manifests leave labels and selectors to what puts them together: where all containers of that
/// namespace that name this port give it one number, that is it.
fn only_of_name(
    workloads: &Workloads,
    service: &Service,
    port: &ServicePort,
    name: &str,
) -> Option<u16> {
    if service.live {
        return None;
    }
    let near = workloads.workloads.iter().filter(|one| {
        one.id.namespace == service.id.namespace && one.origin.path == service.origin.path
    });
    let named = near
        .flat_map(|one| &one.ports)
        .filter(|one| one.name.as_deref() == Some(name) && one.protocol == port.protocol);
    let numbers: std::collections::BTreeSet<u16> = named.map(|one| one.number).collect();
    numbers.first().copied().filter(|_| numbers.len() == 1)
}

/// Why no pod answers for a Service, as far as what was given shows it.
fn nobody_there(workloads: &Workloads, service: &Service) -> Option<String> {
    let id = &service.id;
    let mut given = workloads.endpoints_of(id).peekable();
    if given.peek().is_some() {
        let (mut ready, mut not_ready) = (0, 0);
        for one in given {
            ready += one.ready.len();
            not_ready += one.not_ready;
        }
        return match (ready, not_ready) {
            (0, 0) => Some(format!("Service {id} has no endpoints: no pod matches its selector")),
            (0, some) => Some(format!("none of the {some} pods of Service {id} is ready")),
            _ => None,
        };
    }
    if service.selector.is_empty() {
        return None;
    }
    let all: Vec<_> = workloads.pods_of(service).collect();
    if all.is_empty() {
        let pods = workloads.workloads.iter().filter(|one| one.kind == "Pod");
        let of_namespace = pods.filter(|one| one.id.namespace == id.namespace).count();
        return (of_namespace > 0).then(|| {
            format!("no pod matches the selector of Service {id} ({of_namespace} pods were given)")
        });
    }
    // A rollout leaves old pods behind; one that is ready, or of which nobody knows, will do.
    all.iter()
        .all(|one| one.ready == Some(false))
        .then(|| format!("no pod of Service {id} is ready"))
}

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
    let mut told = workloads.services.iter().filter(|one| one.id == *id);
    let first = told.next();
    if told.any(|one| first.is_some_and(|first| first.ports != one.ports)) {
        return Whose::Several;
    }
    let mut addresses: Vec<_> =
        workloads.endpoints_of(id).flat_map(|one| one.ready.iter().copied()).collect();
    if let Some(service) = first.or_else(|| workloads.service(id)) {
        addresses.extend(workloads.pods_of(service).filter_map(|pods| pods.address));
    }
    let mut ranges = place.ranges(Role::Pod).0;
    ranges.extend(place.ranges(Role::Node).0);
    let mut here = addresses.iter().map(|one| ranges.iter().any(|range| range.contains(one)));
    match (addresses.is_empty(), here.any(|is_here| is_here)) {
        (true, _) => Whose::Unknown,
        (false, true) => Whose::Here,
        (false, false) => Whose::Elsewhere,
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
    let backend = backend_of(&place.directory.inventory.workloads, id, port);
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
    let mut own = place.ranges(Role::Pod).0;
    own.extend(place.ranges(Role::Node).0);
    let is_own = |address: &IpAddr| own.iter().any(|range| range.contains(address));
    if own.is_empty() || all.iter().any(is_own) { Vec::new() } else { all }
}

fn of_backend<'a>(
    place: &Place<'_, 'a>,
    webhook: &'a Webhook,
    (id, port): (&ObjectName, u16),
    backend: Backend,
) -> Need<'a> {
    let name = id.to_string();
    let (from, doubtful, note) = place.caller();
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
    need.missing = backend.missing;
    need.origin = webhook.origin.clone();
    need
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
