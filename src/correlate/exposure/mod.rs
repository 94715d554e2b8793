//! The ways into applications from outside of the cluster: node ports, load balancers, Ingresses,
//! Gateways; who could come by each, and what it lacks.
//!
//! ```text
//! node port default/pachd 30650 > 650 grpc   from 0.0.0.0/0   TLS off   ALLOWED by open-node-ports
//! ```

mod controller;
mod ingresses;
mod services;

pub use controller::Controller;

use std::net::IpAddr;
use std::sync::LazyLock;

use crate::correlate::Directory;
use crate::correlate::expected::{Answer, Entrance, Need, entrance};
use crate::correlate::scope::Scope;
use crate::correlate::side::Side;
use crate::model::application::{Application, application, known_port};
use crate::model::cluster::Provider;
use crate::model::workload::{PortName, ServicePort};
use crate::model::{Expected, ObjectName, Origin, Service};
use crate::net::{AddressSet, IpNet, PortSet, Protocol, Role, parse_cidr};

/// What kind of way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WayKind {
    /// By a port of every node, or of the node that the pod is on.
    NodePort,
    /// By a load balancer of the Service's own.
    LoadBalancer,
    /// By an Ingress.
    Ingress,
    /// By a Gateway and its routes.
    Gateway,
    /// Not at all from outside: `kubectl port-forward` alone.
    PortForward,
}

impl WayKind {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::NodePort => "node-port",
            Self::LoadBalancer => "load-balancer",
            Self::Ingress => "ingress",
            Self::Gateway => "gateway",
            Self::PortForward => "port-forward",
        }
    }
}

/// A fact that may be not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whether it is so; `None` where nobody says it.
    pub holds: Option<bool>,
    /// Why.
    pub detail: String,
}

impl Known {
    fn new(holds: Option<bool>, detail: impl Into<String>) -> Self {
        Self { holds, detail: detail.into() }
    }
}

/// A port on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayPort {
    /// The Service.
    pub service: ObjectName,
    /// The Service's port.
    pub port: u16,
    /// The node's.
    pub node_port: Option<u16>,
    /// The pod's, where it could be found.
    pub target_port: Option<u16>,
    /// Its protocol.
    pub protocol: crate::net::Protocol,
    /// What is spoken.
    pub application: Application,
    /// Whether it may be public, where that is known.
    pub may_be_public: Option<bool>,
    /// The application that it belongs to, where that is known.
    pub of: String,
    /// Whether the pods speak TLS on it.
    pub tls: Option<bool>,
    /// Whether GKE's front ends are told to speak HTTP/2 to it without TLS.
    pub is_plain_http2: bool,
}

/// What a controller lacks to serve a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What.
    pub what: String,
    /// What turns it on.
    pub how: String,
    /// Where that is said.
    pub source: &'static str,
}

/// One way.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    /// What it is.
    pub kind: WayKind,
    /// The Service, the Ingress, the Gateway.
    pub name: ObjectName,
    /// Its host.
    pub host: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// The ports, down to the pods.
    pub ports: Vec<WayPort>,
    /// Who could come; `None` where that is not known.
    pub clients: Option<AddressSet>,
    /// Whether it is inside of the network only.
    pub is_internal: bool,
    /// The cluster, by its place in the inventory, where it was given.
    pub cluster: Option<usize>,
    /// Whose cloud it is in.
    pub provider: Provider,
    /// Whether clients speak TLS.
    pub tls: Known,
    /// Whether gRPC gets through.
    pub grpc: Option<bool>,
    /// Whether websockets do.
    pub websockets: Option<bool>,
    /// Whether anybody asks who comes.
    pub authentication: Known,
    /// What serves it.
    pub controller: Option<&'static Controller>,
    /// What the controller lacks.
    pub unfit: Vec<Unfit>,
    /// Whether the clients get through: those that were named, else anybody.
    pub verdict: Expected,
    /// What the firewall says.
    pub answer: Option<Answer<'a>>,
    /// What is worth knowing.
    pub because: Vec<String>,
    /// Where it was read.
    pub origin: Origin,
}

impl Way<'_> {
    /// Whether anybody on the internet could come.
    #[must_use]
    pub fn is_for_the_world(&self) -> bool {
        let half = 1_u128 << 31;
        !self.is_internal
            && self
                .clients
                .as_ref()
                .is_some_and(|set| set.difference(AddressSet::private()).count() >= half)
    }

    /// `node port default/pachd`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.kind.id().replace('-', " "), self.name)
    }
}

/// Whether an object is the one that was named `NAMESPACE/NAME`; a manifest may leave the namespace
/// out.
#[must_use]
pub fn is_of(named: &str, object: &ObjectName) -> bool {
    match named.split_once('/') {
        Some((namespace, name)) => object.agrees(&ObjectName::new(namespace, name)),
        None => object.name == named,
    }
}

/// Addresses from which nobody comes: this network, loopback, link-local, multicast and reserved
/// ones (RFC 6890).
static NOBODYS: LazyLock<AddressSet> = LazyLock::new(|| {
    let ranges = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
    AddressSet::of(&ranges.iter().filter_map(|text| parse_cidr(text)).collect::<Vec<_>>())
});

/// Everybody who can get to an address inside, or outside, of a network.
fn anybody(is_internal: bool) -> &'static AddressSet {
    if is_internal { AddressSet::private() } else { AddressSet::all_v4() }
}

/// Who gets through, said as shortly as it can be: those from whom nobody comes are left out.
fn passing(found: &AddressSet, way: &Way<'_>) -> AddressSet {
    let all = anybody(way.is_internal);
    let asked = match (way.provider, way.is_internal) {
        (Provider::Amazon, false) => all.difference(AddressSet::private()),
        _ => all.clone(),
    };
    match found.union(&NOBODYS).covers(&asked) {
        true => all.clone(),
        false => found.clone(),
    }
}

/// Everything that the ways are computed from.
struct World<'w, 'a> {
    directory: &'w Directory<'a>,
    scope: &'w Scope,
    needs: &'w [Need<'a>],
    /// The cluster, by its place in the inventory.
    cluster: Option<usize>,
}

/// The ways, and what the named clients need.
#[derive(Debug, Default)]
pub struct Ways<'a> {
    /// The ways.
    pub ways: Vec<Way<'a>>,
    /// What the named clients need of the firewall.
    pub needs: Vec<Need<'a>>,
}

/// All ways into the cluster that was given.
#[must_use]
pub fn ways<'a>(directory: &Directory<'a>, scope: &Scope, needs: &[Need<'a>]) -> Ways<'a> {
    let inventory = directory.inventory;
    let named = |name: &String| inventory.clusters.iter().position(|one| one.id.name == *name);
    let cluster = match (&scope.cluster, inventory.clusters.len()) {
        (Some(name), _) => named(name),
        (None, 1) => Some(0),
        _ => None,
    };
    let world = World { directory, scope, needs, cluster };
    let mut found = Ways::default();
    services::ways(&world, &mut found);
    ingresses::ways(&world, &mut found);
    found.ways.sort_by(|a, b| {
        (a.kind, &a.name, &a.host, &a.origin).cmp(&(b.kind, &b.name, &b.host, &b.origin))
    });
    found
}

/// Clients from these ranges: those that were named, or anybody.
#[must_use]
pub fn clients(ranges: Vec<IpNet>, are_named: bool) -> Side {
    Side {
        role: Role::Internet,
        name: if are_named { "clients".to_owned() } else { String::new() },
        ranges,
        known: are_named,
        because: if are_named { "named by --clients" } else { "anybody" }.to_owned(),
        is_vm: false,
        cluster: None,
        elsewhere: false,
        network: None,
    }
}

impl<'a> World<'_, 'a> {
    /// Whose cloud the cluster is in; where none was given, that of the networks.
    fn provider(&self) -> Provider {
        let inventory = self.directory.inventory;
        match self.cluster.and_then(|at| inventory.clusters.get(at)) {
            Some(cluster) => cluster.provider,
            None if inventory.is_all_amazon() => Provider::Amazon,
            None => Provider::Google,
        }
    }

    /// The clients that were named, where somebody did.
    fn named(&self, admitted: &AddressSet) -> Option<Side> {
        let named = AddressSet::of(&self.scope.clients).intersection(admitted).ranges();
        (!named.is_empty()).then(|| clients(named, true))
    }

    /// What becomes of the named clients, or of anybody who can get to an address of that kind;
    /// and from where anybody gets through, whoever was named.
    fn entrance(
        &self,
        cluster: usize,
        is_internal: bool,
        address: Option<&[IpNet]>,
        traffic: (Protocol, &PortSet),
        admitted: &AddressSet,
    ) -> Option<(Entrance<'a>, AddressSet)> {
        let asked = |from: &Side| entrance(self.directory, cluster, from, address, traffic);
        let mut all = anybody(is_internal).difference(&NOBODYS);
        // Inside of a subnet no ACL is asked: whoever is there does not come from outside.
        if self.provider() == Provider::Amazon && !is_internal {
            all = all.difference(AddressSet::private());
        }
        let all = all.ranges();
        let anybody = asked(&clients(all, false))?;
        let passing = anybody.passing.clone();
        match self.named(admitted) {
            Some(named) => Some((asked(&named)?, passing)),
            None => Some((anybody, passing)),
        }
    }

    /// Whether a way leads to the application that was asked about; to any where none was named.
    fn is_asked(&self, way: &Way<'_>) -> bool {
        let Some(name) = &self.scope.application else { return true };
        is_of(name, &way.name) || way.ports.iter().any(|port| is_of(name, &port.service))
    }

    /// Whether some of the named clients are outside of the network that a way is inside of.
    fn has_outsiders(&self, way: &Way<'_>) -> bool {
        let named = AddressSet::of(&self.scope.clients);
        way.is_internal && !named.difference(AddressSet::private()).is_empty()
    }

    /// No way from outside leads to an address inside, whatever the firewall says.
    fn come_from_outside(&self, way: &mut Way<'_>) {
        if self.has_outsiders(way) {
            let why = "some clients come from outside, where no way leads to an address inside";
            way.because.push(why.to_owned());
            way.verdict = Expected::Denied;
        }
    }

    /// A port of a Service, down to its pods.
    fn port(&self, service: &Service, port: &ServicePort) -> WayPort {
        let workloads = &self.directory.inventory.workloads;
        let target = crate::correlate::expected::backend_of(workloads, &service.id, port.port).port;
        let way = self.of_target(service, port, target);
        WayPort { tls: self.pods_speak_tls(service, way.application), ..way }
    }

    /// A port that nobody reaches from outside, as far as the Service tells it.
    fn inner_port(&self, service: &Service, port: &ServicePort) -> WayPort {
        let target = match &port.target {
            PortName::Number(number) => Some(*number),
            PortName::Name(_) => None,
        };
        self.of_target(service, port, target)
    }

    fn of_target(&self, service: &Service, port: &ServicePort, target: Option<u16>) -> WayPort {
        let services = &self.directory.inventory.workloads.services;
        let known = known_port(&self.scope.profile, services, service, port, target);
        WayPort {
            service: service.id.clone(),
            port: port.port,
            node_port: port.node_port,
            target_port: target,
            protocol: port.protocol,
            application: application(known, port),
            may_be_public: known.map(|known| known.is_public),
            of: known.map(|known| known.application.clone()).unwrap_or_default(),
            tls: None,
            is_plain_http2: service
                .annotations
                .get("cloud.google.com/app-protocols")
                .is_some_and(|told| told.to_ascii_uppercase().contains("H2C")),
        }
    }

    /// Whether the pods speak TLS: by what the port says, or by a certificate that they mount.
    fn pods_speak_tls(&self, service: &Service, application: Application) -> Option<bool> {
        if application == Application::Https {
            return Some(true);
        }
        let workloads = &self.directory.inventory.workloads;
        let mut pods = workloads.pods_of(service).peekable();
        let described = pods.peek().is_some();
        let is_certificate = |secret: &String| secret.contains("tls") || secret.contains("cert");
        let mut is_unknown = false;
        for pods in pods {
            if pods.secrets.iter().any(is_certificate) {
                return Some(true);
            }
            is_unknown |= pods.mounts_unknown;
        }
        match application {
            Application::Tcp => None,
            _ if is_unknown => None,
            // What mounts no certificate has none, where its pods are known.
            _ if described => Some(false),
            Application::Http | Application::WebSocket => Some(false),
            _ => None,
        }
    }

    /// Whether anybody asks who comes, as far as what was pasted tells.
    fn authentication(&self, ports: &[WayPort]) -> Known {
        let is_pachyderm = ports.iter().any(|port| port.of == "pachyderm");
        match (&self.directory.inventory.pachyderm_authentication, is_pachyderm) {
            (Some((on, origin)), true) => {
                let word = if *on { "activated" } else { "not activated" };
                Known::new(Some(*on), format!("Pachyderm's own is {word} ({origin})"))
            }
            (None, true) => Known::new(None, "no export shows it: pachctl auth whoami"),
            _ => Known::new(None, "no export shows it"),
        }
    }
}
