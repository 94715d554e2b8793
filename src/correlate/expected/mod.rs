//! The connections that a cluster needs, whether anybody logged them or not: each with its reason,
//! the two ends, and what the firewall does to it.
//!
//! The commonest failure leaves no line in any log, since the implied deny cannot log: no rule lets
//! the control plane reach a webhook. So what must work is computed from the exports, and every
//! connection is put to the same evaluator as those of the log.
//!
//! ```text
//! control plane kf (172.16.0.32/28) > istio-system/istiod tcp 15017   admission webhook …   DENIED
//! ```

mod assumed;
mod backend;
mod calls;
mod cluster;
mod entrance;
mod iap;
mod judge;
mod pasted;
mod probes;

pub use assumed::{assumed_networks, automatic_rule, with_automatic_rules};
pub use backend::{Backend, backend_of};
pub use cluster::{BOOT, hear};
pub use entrance::{Entrance, entrance};
pub use pasted::{Conclusion, Told, tells_of};
pub use probes::FRONT_ENDS;

use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::scope::Scope;
use crate::correlate::side::Side;
use crate::engine::{Decision, EffectiveRules, Flow, NearMiss};
use crate::model::cluster::Provider;
use crate::model::{Cluster, Expected, Origin, Reference, Symptom, Webhook};
use crate::net::{Direction, IpNet, Protocol, Role};

/// What a connection is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The API server calls a webhook or an aggregated API.
    Call(&'a Webhook),
    /// The control plane reaches the kubelet.
    Kubelet,
    /// Nodes and pods reach the control plane.
    ControlPlane,
    /// Nodes and pods reach one another.
    Internal,
    /// A load balancer's probes, or its proxies, reach a backend.
    Probe,
    /// IAP reaches a VM.
    Iap,
    /// The metadata server answers, for names too.
    Metadata,
    /// Nodes reach what they boot from.
    Road,
    /// Clients that were named reach an application from outside.
    Exposure,
    /// An error that was pasted shows it.
    Pasted(&'a Symptom),
}

/// A connection that has to work.
#[derive(Debug, Clone)]
pub struct Need<'a> {
    /// What for.
    pub purpose: Purpose<'a>,
    /// The same in words.
    pub reason: String,
    /// The cluster, by its place in the inventory.
    pub cluster: Option<usize>,
    /// The network, where it is known.
    pub network: Option<Reference>,
    /// The client.
    pub from: Side,
    /// The server.
    pub to: Side,
    /// The protocol.
    pub protocol: Protocol,
    /// The port; `None` is any.
    pub port: Option<u16>,
    /// Whether it is not certain that this is needed at all.
    pub doubtful: bool,
    /// Why it cannot work, firewall or not: the Service or its pods are not there.
    pub missing: Option<String>,
    /// What is worth knowing about it.
    pub because: Vec<String>,
    /// What the firewall does.
    pub answer: Answer<'a>,
    /// Where it is said that it is needed.
    pub origin: Origin,
}

/// What the firewall does to a connection that is needed.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// For all of it.
    pub verdict: Expected,
    /// At which end it was decided.
    pub direction: Direction,
    /// What decides: of a part that is denied, where there is one.
    pub decision: Decision<'a>,
    /// Rules that nearly allow it.
    pub near_misses: Vec<NearMiss<'a>>,
    /// Connections that stand for what is denied.
    pub denied: Vec<Flow>,
    /// One that stands for all of it, where its ends are known.
    pub flow: Option<Flow>,
    /// Whether a rule decides that nobody gave: one that GKE writes by itself.
    pub is_assumed: bool,
    /// Whether what was given does not decide a part of it.
    pub is_open: bool,
    /// What the receiver says, where it denies it, too: each end is asked for itself
    /// (<https://cloud.google.com/firewall/docs/firewalls#specifications>).
    pub receiver: Option<Box<Answer<'a>>>,
}

impl Answer<'_> {
    /// Whether it does not pass.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(self.verdict, Expected::Denied | Expected::Mixed)
    }
}

impl Need<'_> {
    /// Whether the firewall breaks it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.answer.is_blocked()
    }
}

/// Everything that the clusters of the inventory need, cluster by cluster.
///
/// `directory` may be of an inventory with the rules that GKE writes by itself, see
/// [`with_automatic_rules`].
#[must_use]
pub fn needs<'a>(directory: &Directory<'a>, scope: &Scope) -> Vec<Need<'a>> {
    let inventory = directory.inventory;
    let mut all = Vec::new();
    let in_scope = |cluster: &Cluster| {
        // What a cluster on AWS needs of its groups is not known here.
        cluster.provider == Provider::Google
            && scope.cluster.as_ref().is_none_or(|name| cluster.id.name == *name)
            && network_of(directory, cluster).is_none_or(|network| scope.holds(&network))
    };
    let clusters = inventory.clusters.iter().enumerate().filter(|(_, one)| in_scope(one));
    let places: Vec<_> = clusters.map(|(at, cluster)| Place::of(directory, at, cluster)).collect();
    for place in &places {
        calls::needs(place, scope, &mut all);
        cluster::needs(place, &mut all);
        probes::of_cluster(place, &mut all);
    }
    pasted::needs(&places, &mut all);
    if inventory.clusters.is_empty() {
        calls::without_cluster(directory, &mut all);
    }
    probes::of_balancers(directory, scope, &mut all);
    iap::needs(directory, scope, &mut all);
    all
}

/// What the firewall of VMs, a cluster's or others, does to connections at their end: those that
/// leave, or those that arrive.
#[must_use]
pub fn at_one_end<'a>(
    directory: &Directory<'a>,
    network: &Reference,
    direction: Direction,
    cluster: Option<usize>,
    (from, to): (&Side, &Side),
    port: u16,
) -> Answer<'a> {
    let rules = EffectiveRules::of(directory.inventory, network);
    let ports = crate::net::PortSet::of([port]);
    let ask = judge::Ask { from, to, protocol: Protocol::TCP, ports: &ports };
    judge::Asked { directory, network, rules: &rules, vms: cluster }.at(direction, &ask)
}

/// The network of a cluster: its own word, else the only one there is.
fn network_of(directory: &Directory<'_>, cluster: &Cluster) -> Option<Reference> {
    let only = match directory.networks.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let said = cluster.network.as_ref();
    let known = said.and_then(|said| directory.networks.iter().find(|one| one.agrees(said)));
    known.or(said).or(only).cloned()
}

/// A cluster, ready to be asked about.
struct Place<'d, 'a> {
    directory: &'d Directory<'a>,
    at: usize,
    cluster: &'a Cluster,
    network: Option<Reference>,
    rules: Option<EffectiveRules<'a>>,
}

impl<'d, 'a> Place<'d, 'a> {
    fn of(directory: &'d Directory<'a>, at: usize, cluster: &'a Cluster) -> Self {
        let network = network_of(directory, cluster);
        let rules = network.as_ref().map(|of| EffectiveRules::of(directory.inventory, of));
        Self { directory, at, cluster, network, rules }
    }

    /// The ranges of the cluster in a role, and why.
    fn ranges(&self, role: Role) -> (Vec<IpNet>, String) {
        let own = |owner: &&crate::correlate::Owner| {
            owner.role == role && owner.cluster == Some(self.at) && !owner.is_vm
        };
        let owners: Vec<_> = self.directory.roles.owners().iter().filter(own).collect();
        let mut ranges: Vec<IpNet> = owners.iter().flat_map(|one| one.ranges.clone()).collect();
        ranges.sort();
        ranges.dedup();
        if ranges.is_empty() {
            return self.ranges_of_nodes(role);
        }
        // A described node knows its own address only where its subnetwork was not given.
        let wide = |range: &IpNet| range.prefix_len() < range.max_prefix_len();
        if role == Role::Node && ranges.iter().any(wide) {
            ranges.retain(wide);
        }
        let because = owners.first().map_or_else(
            || format!("the {role} range of cluster {} is not given", self.cluster.id.name),
            |owner| match &owner.origin {
                Some(origin) => format!("{} ({origin})", owner.because),
                None => owner.because.clone(),
            },
        );
        (ranges, because)
    }

    /// The addresses of Nodes and their pods, as Kubernetes tells them: where nothing else does.
    fn ranges_of_nodes(&self, role: Role) -> (Vec<IpNet>, String) {
        let inventory = self.directory.inventory;
        let prefix = format!("gke-{}-", self.cluster.id.name);
        let only = inventory.clusters.len() == 1;
        let nodes = inventory.workloads.nodes.iter();
        let own: Vec<_> = nodes.filter(|node| only || node.name.starts_with(&prefix)).collect();
        let mut ranges: Vec<IpNet> = match role {
            Role::Node => own.iter().filter_map(|node| Some(node.address?.into())).collect(),
            Role::Pod => own.iter().flat_map(|node| node.pod_ranges.clone()).collect(),
            _ => Vec::new(),
        };
        ranges.sort();
        ranges.dedup();
        let because = match own.first().filter(|_| !ranges.is_empty()) {
            Some(node) => format!("Nodes of cluster {} ({})", self.cluster.id.name, node.origin),
            None => format!("the {role} range of cluster {} is not given", self.cluster.id.name),
        };
        (ranges, because)
    }

    /// Another cluster's place, to be asked for its ranges alone.
    fn other(&self, at: usize) -> Option<Self> {
        let cluster = self.directory.inventory.clusters.get(at)?;
        Some(Self { directory: self.directory, at, cluster, network: None, rules: None })
    }

    /// Whether some of these addresses are of pods or nodes of the cluster, as far as their ranges
    /// were given.
    fn hold(&self, addresses: &[IpAddr]) -> Option<bool> {
        let known = [Role::Pod, Role::Node].map(|role| self.ranges(role).0);
        let mut all = known.iter().flatten();
        if addresses.is_empty() {
            return None;
        }
        match all.any(|range| addresses.iter().any(|one| range.contains(one))) {
            true => Some(true),
            false => known.iter().all(|ranges| !ranges.is_empty()).then_some(false),
        }
    }

    /// One end of the cluster's own.
    fn side(&self, role: Role) -> Side {
        let (ranges, because) = self.ranges(role);
        Side {
            role,
            name: self.cluster.id.name.clone(),
            known: !ranges.is_empty(),
            ranges,
            because,
            is_vm: false,
            cluster: Some(self.at),
            elsewhere: false,
            network: self.network.clone(),
        }
    }

    /// The pods behind a Service, or the nodes where they sit on their node's address. What is
    /// opened is opened for all pods: theirs change.
    fn backend(&self, name: &str, on_nodes: bool) -> Side {
        let role = if on_nodes { Role::Node } else { Role::Pod };
        Side { name: name.to_owned(), ..self.side(role) }
    }
}

/// An end that is no part of a cluster.
fn outside(role: Role, name: &str, ranges: Vec<IpNet>, because: &str) -> Side {
    Side {
        role,
        name: name.to_owned(),
        known: !ranges.is_empty(),
        ranges,
        because: because.to_owned(),
        is_vm: false,
        cluster: None,
        elsewhere: false,
        network: None,
    }
}
