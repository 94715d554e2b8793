//! What stands behind a port of a Service: the port of its pods, or why nobody can answer, or what
//! would have to be given to say it.
//!
//! `gate/gate:443 → targetPort "https" → containerPort 8443`

use crate::model::workload::{Endpoints, PortName, ServicePort, are_unlike};
use crate::model::{ObjectName, Service, Workloads};

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
    /// Whether the port is only the one that the component is known for.
    pub is_guessed: bool,
}

/// What was given of the cluster that is meant.
#[derive(Clone, Copy)]
struct Given<'w> {
    workloads: &'w Workloads,
    /// Whether endpoints may be its own.
    is_here: &'w dyn Fn(&Endpoints) -> bool,
}

impl<'w> Given<'w> {
    fn endpoints_of(self, id: &'w ObjectName) -> impl Iterator<Item = &'w Endpoints> {
        self.workloads.endpoints_of(id).filter(move |one| (self.is_here)(one))
    }
}

/// Follows a Service's port down to the pods.
#[must_use]
pub fn backend_of(workloads: &Workloads, id: &ObjectName, port: u16) -> Backend {
    backend_among(workloads, id, port, &|_| true)
}

/// The same, by those endpoints alone that may be of the cluster that is meant.
#[must_use]
pub(super) fn backend_among(
    workloads: &Workloads,
    id: &ObjectName,
    port: u16,
    is_here: &dyn Fn(&Endpoints) -> bool,
) -> Backend {
    let given = Given { workloads, is_here };
    let Some(service) = workloads.service(id) else { return without_service(given, id) };
    let Some(found) = service.ports.iter().find(|one| one.port == port) else {
        let ports: Vec<_> = service.ports.iter().map(|one| one.port.to_string()).collect();
        let has = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        if service.ports_unread {
            let lacks = format!("the ports of Service {id} could not be read ({})", service.origin);
            return Backend { lacks: Some(lacks), ..Backend::default() };
        }
        let missing = format!("Service {id} has no port {port} (it has {has})");
        return Backend { missing: Some(missing), ..Backend::default() };
    };
    // What the port leads to has to be the same wherever it was given.
    let alike = |other: &Service| {
        let same = |one: &&ServicePort| one.port == port && one.protocol == found.protocol;
        other.ports.iter().find(same).is_some_and(|one| one.target == found.target)
    };
    if !workloads.services_of(id).all(alike) {
        let lacks = format!(
            "Service {id} was given more than once, and not alike: give it as the cluster has it \
             now"
        );
        return Backend { lacks: Some(lacks), ..Backend::default() };
    }
    let on_nodes = workloads.pods_of(service).any(|pods| pods.host_network);
    let (port, lacks) = match pod_port(given, service, found) {
        Ok(port) => (Some(port), None),
        Err(lacks) => (None, Some(lacks)),
    };
    let missing = nobody_there(given, service).or_else(|| {
        let described = workloads.pods_of(service).any(|pods| !pods.ports.is_empty());
        (port.is_none() && described).then(|| {
            format!("no container of the pods of Service {id} names its port {}", found.target)
        })
    });
    let lacks = lacks.filter(|_| missing.is_none());
    let mut others: Vec<u16> = ports_of_endpoints(given, service, found).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| Some(*other) != port);
    Backend { port, others, on_nodes, missing, lacks, is_guessed: false }
}

/// Whether what is not among the given Services is not there: others of its namespace were given,
/// or those of all namespaces of a cluster.
fn without_service(given: Given<'_>, id: &ObjectName) -> Backend {
    let workloads = given.workloads;
    // Endpoints alone tell the port, too.
    let mut ports = given.endpoints_of(id).flat_map(|one| &one.ports);
    if let (Some((_, _, only)), None) = (ports.next(), ports.next()) {
        return Backend { port: Some(*only), ..Backend::default() };
    }
    let live = || workloads.services.iter().filter(|one| one.live);
    // One alone may have been asked for by its name, and several by a label; manifests are what
    // somebody put together.
    let own: Vec<&Service> = live().filter(|one| one.id.namespace == id.namespace).collect();
    let in_namespace = are_unlike(own.iter().map(|one| &one.labels));
    // Every cluster has Services in both of these: one answer with both is of all namespaces.
    let of_namespace =
        |namespace: &'static str| live().filter(move |one| one.id.namespace == namespace);
    let all_namespaces = of_namespace("default")
        .any(|one| of_namespace("kube-system").any(|other| other.origin.path == one.origin.path));
    let placeholder = id.namespace.contains('$') || id.name.contains('$');
    if !placeholder && !workloads.partial && (in_namespace || all_namespaces) {
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
fn pod_port(given: Given<'_>, service: &Service, port: &ServicePort) -> Result<u16, String> {
    let workloads = given.workloads;
    // What is dialled stands in the endpoints, whatever the Service says of its pods.
    let of_endpoints = ports_of_endpoints(given, service, port).next();
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
    given: Given<'w>,
    service: &'w Service,
    port: &'w ServicePort,
) -> impl Iterator<Item = u16> + 'w {
    let ports = given.endpoints_of(&service.id).flat_map(|one| &one.ports);
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
fn nobody_there(given: Given<'_>, service: &Service) -> Option<String> {
    let workloads = given.workloads;
    if workloads.partial {
        return None;
    }
    let id = &service.id;
    let mut told = given.endpoints_of(id).peekable();
    if told.peek().is_some() {
        let (mut ready, mut not_ready) = (0, 0);
        for one in told {
            if one.unread {
                return None;
            }
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
        return workloads.holds_all_pods_of(&id.namespace).then(|| {
            format!("no pod matches the selector of Service {id} ({of_namespace} pods were given)")
        });
    }
    // A rollout leaves old pods behind; one that is ready, or of which nobody knows, will do.
    all.iter()
        .all(|one| one.ready == Some(false))
        .then(|| format!("no pod of Service {id} is ready"))
}
