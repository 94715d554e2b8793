//! What runs in a cluster, as far as connections depend on it: Services and what stands behind
//! them, pods and their templates, webhooks and aggregated APIs, Ingresses.
//!
//! The firewall sees neither a Service nor its port: it sees the pod's own port, so all of this is
//! here to find that port and the pod that listens on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;

use crate::model::{ObjectName, Origin, Webhook};
use crate::net::Protocol;

/// A port by its number, or by the name that a container or a Service gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortName {
    /// Its number.
    Number(u16),
    /// Its name.
    Name(String),
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether an address is one that networks have inside (RFC 1918): Google's external ones are not.
fn is_own(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V4(one) if one.is_private())
}

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub id: ObjectName,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub kind: String,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// The labels of its pods; empty where somebody else keeps its endpoints.
    pub selector: BTreeMap<String, String>,
    /// `healthCheckNodePort`, which only the traffic policy Local has.
    pub health_check_port: Option<u16>,
    /// Whether only nodes with a pod of its own answer (`externalTrafficPolicy: Local`).
    pub local: bool,
    /// Addresses of its load balancer.
    pub addresses: Vec<IpAddr>,
    /// `loadBalancerClass`: whose controller makes its load balancer, where it is said.
    pub balancer_class: Option<String>,
    /// `loadBalancerSourceRanges`: whom its load balancer lets in; empty is anybody.
    pub source_ranges: Vec<crate::net::IpNet>,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// The BackendConfigs that it names, by port; for all others where none is said.
    pub backend_configs: Vec<(Option<String>, String)>,
    /// Whether its ports, or some of them, could not be read.
    pub ports_unread: bool,
    /// Whether some of its `loadBalancerSourceRanges` could not.
    pub sources_unread: bool,
    /// Whether it came out of a cluster: a manifest has no `uid` and no `clusterIP`.
    pub live: bool,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where it was read.
    pub origin: Origin,
}

impl Service {
    /// Whether its load balancer of Google's is inside of the network
    /// (<https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer-parameters>).
    #[must_use]
    pub fn is_internal(&self) -> bool {
        let keys = ["networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type"];
        let mut told = keys.iter().filter_map(|key| self.annotations.get(*key));
        told.any(|kind| kind.eq_ignore_ascii_case("internal"))
            || self.balancer_class.as_deref() == Some("networking.gke.io/l4-regional-internal")
            || self.is_googles() && !self.addresses.is_empty() && self.addresses.iter().all(is_own)
    }

    /// The BackendConfig that it names for a port.
    #[must_use]
    pub fn backend_config(&self, port: &ServicePort) -> Option<&str> {
        let of = |wanted: Option<&str>| {
            let mut all = self.backend_configs.iter();
            all.find(|(of, _)| of.as_deref() == wanted).map(|(_, name)| name.as_str())
        };
        let number = port.port.to_string();
        let by_name = port.name.as_deref().and_then(|name| of(Some(name)));
        by_name.or_else(|| of(Some(&number))).or_else(|| of(None))
    }

    /// Whether GKE makes its load balancer: one of a class of somebody else's it leaves alone.
    #[must_use]
    pub fn is_googles(&self) -> bool {
        self.balancer_class.as_deref().is_none_or(|class| class.starts_with("networking.gke.io/"))
    }
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port of the Service.
    pub port: u16,
    /// The port of the pods.
    pub target: PortName,
    /// The port of the nodes.
    pub node_port: Option<u16>,
    /// `appProtocol`: `kubernetes.io/h2c`, `https`, …
    pub application: Option<String>,
}

/// What stands behind a Service: of `Endpoints` or of one `EndpointSlice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The Service.
    pub service: ObjectName,
    /// Ports of the pods, by the Service's names for them.
    pub ports: Vec<(Option<String>, Protocol, u16)>,
    /// Addresses that are ready.
    pub ready: Vec<IpAddr>,
    /// How many are not.
    pub not_ready: usize,
    /// Whether there are others, that could not be read.
    pub unread: bool,
    /// Where it was read.
    pub origin: Origin,
}

/// Pods: one of them, or the template of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// `Pod`, `Deployment`, `StatefulSet`, `DaemonSet`, …
    pub kind: String,
    /// Namespace and name.
    pub id: ObjectName,
    /// Labels of the pods.
    pub labels: BTreeMap<String, String>,
    /// Whether the pods sit on their node's address.
    pub host_network: bool,
    /// Ports that containers name.
    pub ports: Vec<ContainerPort>,
    /// The address, of a pod.
    pub address: Option<IpAddr>,
    /// Whether it runs and is ready, or how it should; `None` where the export does not say.
    pub ready: Option<bool>,
    /// Images of its containers.
    pub images: BTreeSet<String>,
    /// Secrets that it mounts.
    pub secrets: BTreeSet<String>,
    /// Whether they mount what a driver makes, which nobody can see in the specification.
    pub mounts_unknown: bool,
    /// Where it was read.
    pub origin: Origin,
}

/// A port that a container says it listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name.
    pub name: Option<String>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// `hostPort`: the port of its node that leads to it.
    pub host: Option<u16>,
}

/// An Ingress, or the routes of a Gateway: which Services the outside reaches through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// `Ingress`, `HTTPRoute`, `HTTPProxy`, …
    pub kind: String,
    /// Namespace and name.
    pub id: ObjectName,
    /// The class of its controller; empty is the cluster's default.
    pub class: String,
    /// Whether GKE's controller leaves it alone: the class is that controller's, and stands in
    /// `spec.ingressClassName`, by which it does not go.
    pub is_left_alone: bool,
    /// The Gateway that serves it, where it is a route, and the listeners of it that it names; none
    /// is all of them.
    pub gateway: Option<(ObjectName, BTreeSet<String>)>,
    /// The Services and ports behind it; an empty name is the only port that a Service has.
    pub backends: Vec<(ObjectName, PortName)>,
    /// The hosts that it serves; empty is all of them.
    pub hosts: Vec<String>,
    /// What it serves by TLS: hosts (none is all of them), and the secret.
    pub tls: Vec<(Vec<String>, Option<String>)>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where it was read.
    pub origin: Origin,
}

impl Gateway {
    /// The listeners that a route goes by.
    pub fn listeners_of<'a>(&'a self, route: &'a Ingress) -> impl Iterator<Item = &'a Listener> {
        let named = route.gateway.as_ref().map(|(_, sections)| sections);
        let all = self.listeners.iter();
        all.filter(move |one| named.is_none_or(|own| own.is_empty() || own.contains(&one.name)))
    }

    /// Whether it takes a route; `None` where labels decide it, or listeners that were not given.
    #[must_use]
    pub fn takes(&self, route: &Ingress) -> Option<bool> {
        if self.listeners.is_empty() {
            return Some(true);
        }
        let here = self.id.namespace == route.id.namespace;
        let taken: Vec<Option<bool>> = self
            .listeners_of(route)
            .map(|one| match one.takes {
                Takes::All => Some(true),
                Takes::Same => Some(here),
                Takes::Labelled => None,
                Takes::Nobodys => Some(false),
            })
            .collect();
        match (taken.contains(&Some(true)), taken.contains(&None) || taken.is_empty()) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

impl Ingress {
    /// Whether a Gateway serves it: this one.
    #[must_use]
    pub fn is_served_by(&self, gateway: &Gateway) -> bool {
        match &self.gateway {
            Some((id, _)) => gateway.id.agrees(id),
            None => self.is_route() && gateway.id.name == self.class,
        }
    }

    /// Whether a Gateway serves it.
    #[must_use]
    pub fn is_route(&self) -> bool {
        ["HTTPRoute", "GRPCRoute", "TCPRoute", "VirtualService"].contains(&self.kind.as_str())
    }
}

/// A `BackendConfig`, which Services name for their Ingresses, or a policy that names a Service for
/// its Gateways (`HealthCheckPolicy`, `GCPBackendPolicy`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendConfig {
    /// Namespace and name.
    pub id: ObjectName,
    /// The Service that a policy names.
    pub target: Option<String>,
    /// The port that probes go to, where it is not the serving port.
    pub health_check_port: Option<u16>,
    /// For how many seconds a connection may last.
    pub timeout: Option<u64>,
    /// The policy of Cloud Armor that says who may come.
    pub security_policy: Option<String>,
    /// Whether IAP asks who comes.
    pub iap: Option<bool>,
    /// Where it was read.
    pub origin: Origin,
}

/// A Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Namespace and name.
    pub id: ObjectName,
    /// Its class.
    pub class: String,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// Whether some of them could not be read.
    pub is_cut: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where it was read.
    pub origin: Origin,
}

/// Whose routes a listener takes (`allowedRoutes.namespaces.from`;
/// <https://gateway-api.sigs.k8s.io/reference/spec/#fromnamespaces>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Of every namespace.
    All,
    /// Of the Gateway's own, as where nothing is said.
    Same,
    /// Of namespaces with certain labels.
    Labelled,
    /// Nobody's.
    Nobodys,
}

/// A listener of a Gateway's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Whose routes it takes.
    pub takes: Takes,
    /// Its port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`.
    pub protocol: String,
    /// The certificates that it names.
    pub certificates: Vec<String>,
}

/// A Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name, which is its VM's.
    pub name: String,
    /// Its internal address.
    pub address: Option<IpAddr>,
    /// Whether it has an external address, where its addresses were given.
    pub is_external: Option<bool>,
    /// The range of its pods.
    pub pod_ranges: Vec<crate::net::IpNet>,
    /// Whether it is ready.
    pub ready: Option<bool>,
    /// Where it was read.
    pub origin: Origin,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workloads {
    /// Services.
    pub services: Vec<Service>,
    /// What stands behind them.
    pub endpoints: Vec<Endpoints>,
    /// Pods and their templates.
    pub workloads: Vec<Workload>,
    /// Webhooks and aggregated APIs.
    pub webhooks: Vec<Webhook>,
    /// How many webhook configurations there were.
    pub webhook_configurations: u64,
    /// Ingresses and routes.
    pub ingresses: Vec<Ingress>,
    /// Gateways.
    pub gateways: Vec<Gateway>,
    /// How backends are probed.
    pub backend_configs: Vec<BackendConfig>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Whether only a part of a list of them was given.
    pub partial: bool,
    /// Made when it is first asked for: a cluster has thousands of Services and pods.
    labels: OnceLock<(usize, LabelIndex)>,
}

/// Whether these are several that have no label in common: nobody selected them by one.
pub fn are_unlike<'l>(mut all: impl Iterator<Item = &'l BTreeMap<String, String>>) -> bool {
    let Some(first) = all.next() else { return false };
    let mut rest = all.peekable();
    let mut common: Vec<_> = first.iter().collect();
    rest.peek().is_some()
        && rest.any(|labels| {
            common.retain(|(key, value)| labels.get(*key) == Some(*value));
            common.is_empty()
        })
}

/// Places of pods by a label.
type LabelIndex = BTreeMap<(String, String), Vec<usize>>;

impl Workloads {
    /// The Service of a name, where it was given: as the cluster has it, rather than as a manifest
    /// would have it.
    #[must_use]
    pub fn service(&self, id: &ObjectName) -> Option<&Service> {
        self.services_of(id).next()
    }

    /// The same, as often as it was given.
    pub fn services_of<'w>(&'w self, id: &ObjectName) -> impl Iterator<Item = &'w Service> {
        let exact = self.services.iter().any(|one| one.id == *id);
        let id = id.clone();
        let named = move |one: &&Service| if exact { one.id == id } else { one.id.agrees(&id) };
        let named = self.services.iter().filter(named);
        let is_live = named.clone().any(|one| one.live);
        named.filter(move |one| one.live == is_live)
    }

    /// Whether pods of a namespace were given as a whole, and not those that somebody selected: all
    /// namespaces came in one answer, or the pods have no label in common.
    #[must_use]
    pub fn holds_all_pods_of(&self, namespace: &str) -> bool {
        let pods = || self.workloads.iter().filter(|one| one.kind == "Pod");
        let own: Vec<&Workload> = pods().filter(|one| one.id.namespace == namespace).collect();
        // There are always some in kube-system.
        let beside = |own: &Workload| {
            pods()
                .any(|one| one.id.namespace == "kube-system" && one.origin.path == own.origin.path)
        };
        let by_answer = own.first().is_some_and(|one| namespace != "kube-system" && beside(one));
        by_answer || are_unlike(own.iter().map(|one| &one.labels))
    }

    /// What was given of how a Service's port is served: to Ingresses by the BackendConfig that the
    /// Service names for it, to routes by the policies that name the Service.
    pub fn backend_configs_of<'w>(
        &'w self,
        ingress: &'w Ingress,
        service: &'w Service,
        port: &'w ServicePort,
    ) -> impl Iterator<Item = &'w BackendConfig> {
        let named = service.backend_config(port);
        self.backend_configs.iter().filter(move |config| {
            let here = ObjectName { name: config.id.name.clone(), ..service.id.clone() };
            let is_meant = match (&config.target, ingress.is_route()) {
                (Some(target), true) => *target == service.id.name,
                (None, false) => named == Some(config.id.name.as_str()),
                _ => false,
            };
            is_meant && config.id.agrees(&here)
        })
    }

    /// What was given of what stands behind a Service.
    pub fn endpoints_of<'w>(&'w self, id: &'w ObjectName) -> impl Iterator<Item = &'w Endpoints> {
        self.endpoints.iter().filter(move |one| one.service.agrees(id))
    }

    /// Pods and templates by each of their labels. What came later than the index is not in it.
    fn by_label(&self) -> &(usize, LabelIndex) {
        self.labels.get_or_init(|| {
            let mut index = LabelIndex::new();
            for (place, one) in self.workloads.iter().enumerate() {
                for (key, value) in &one.labels {
                    index.entry((key.clone(), value.clone())).or_default().push(place);
                }
            }
            (self.workloads.len(), index)
        })
    }

    /// Those that carry a label, and perhaps others.
    fn with_label<'w>(
        &'w self,
        label: Option<(&'w String, &'w String)>,
    ) -> Box<dyn Iterator<Item = &'w Workload> + 'w> {
        let (count, index) = self.by_label();
        match label {
            Some((key, value)) if *count == self.workloads.len() => {
                let places = index.get(&(key.clone(), value.clone())).into_iter().flatten();
                Box::new(places.filter_map(|place| self.workloads.get(*place)))
            }
            _ => Box::new(self.workloads.iter()),
        }
    }

    /// The pods of a Service, and the templates that make them.
    pub fn pods_of<'w>(&'w self, service: &'w Service) -> impl Iterator<Item = &'w Workload> {
        self.with_label(service.selector.iter().next()).filter(move |one| {
            let space = |name: &ObjectName| !name.namespace.is_empty();
            let known = space(&one.id) && space(&service.id);
            let apart = known && one.id.namespace != service.id.namespace;
            !apart
                && !service.selector.is_empty()
                && service.selector.iter().all(|(key, value)| one.labels.get(key) == Some(value))
        })
    }

    /// Takes everything from `other`.
    pub fn absorb(&mut self, other: Self) {
        let Self {
            services,
            endpoints,
            workloads,
            webhooks,
            webhook_configurations,
            ingresses,
            gateways,
            backend_configs,
            nodes,
            partial,
            labels: _, // made anew
        } = other;
        self.services.extend(services);
        self.endpoints.extend(endpoints);
        self.workloads.extend(workloads);
        self.webhooks.extend(webhooks);
        self.webhook_configurations += webhook_configurations;
        self.ingresses.extend(ingresses);
        self.gateways.extend(gateways);
        self.backend_configs.extend(backend_configs);
        self.nodes.extend(nodes);
        self.partial |= partial;
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
            + self.endpoints.len()
            + self.workloads.len()
            + self.webhooks.len()
            + self.ingresses.len()
            + self.gateways.len()
            + self.backend_configs.len()
            + self.nodes.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
