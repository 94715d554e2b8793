//! GKE clusters, their node pools, and the VMs and templates that tell the tags of nodes.

use std::net::IpAddr;

use crate::model::{Origin, Reference};
use crate::net::IpNet;

/// Whose cloud it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Google Cloud.
    #[default]
    Google,
    /// AWS: security groups and network ACLs decide there, and no command of Google's helps.
    Amazon,
}

/// A GKE cluster, or one whose nodes are instances of Amazon's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Project, location and name.
    pub id: Reference,
    /// The long hexadecimal id; its first eight characters stand in the names of GKE's rules.
    pub hash: Option<String>,
    /// The network, where it is said.
    pub network: Option<Reference>,
    /// The subnetwork of the nodes, where it is said.
    pub subnetwork: Option<Reference>,
    /// Further subnetworks of its nodes, each with the names of its pod ranges.
    pub more_subnetworks: Vec<(Reference, Vec<String>)>,
    /// Pod ranges given as ranges.
    pub pod_ranges: Vec<IpNet>,
    /// Pod ranges given by the name of a secondary range.
    pub pod_range_names: Vec<String>,
    /// Service ranges given as ranges.
    pub service_ranges: Vec<IpNet>,
    /// Service ranges given by the name of a secondary range.
    pub service_range_names: Vec<String>,
    /// `masterIpv4CidrBlock`: the control plane's /28 of clusters joined by VPC peering.
    pub control_plane_range: Option<IpNet>,
    /// Whether the control plane is known to be joined by VPC peering, or by Private Service
    /// Connect; `None` where nothing says it.
    pub link: Option<ControlPlaneLink>,
    /// The name of that peering, in the cluster's network.
    pub peering: Option<String>,
    /// Whether its nodes have no external address.
    pub private_nodes: bool,
    /// Whether a plan is about to make it: what GKE writes for it is not there yet.
    pub is_planned: bool,
    /// Whether GKE's own controller serves none (`addonsConfig.httpLoadBalancing.disabled`).
    pub serves_no_ingresses: bool,
    /// Whether internal balancers have some of the nodes behind them, by network endpoint groups;
    /// `None` where nothing says it.
    pub subsetting: Option<bool>,
    /// Whether what pods send to the internet keeps their own address: by default it carries their
    /// node's (<https://cloud.google.com/kubernetes-engine/docs/concepts/ip-masquerade-agent>).
    pub keeps_pod_addresses: bool,
    /// Whether its nodes and pods have IPv6 addresses, too.
    pub dual_stack: bool,
    /// Whether Google keeps its nodes.
    pub is_autopilot: bool,
    /// Whose cloud its nodes are in.
    pub provider: Provider,
    /// Whether the log shows the control plane speaking from its own range, however it is joined.
    pub heard: bool,
    /// Its state, and what it says about it.
    pub state: State,
    /// Addresses of the control plane's endpoints.
    pub private_endpoint: Option<IpAddr>,
    /// The public endpoint.
    pub public_endpoint: Option<IpAddr>,
    /// The node pools.
    pub node_pools: Vec<NodePool>,
    /// Where it was read.
    pub origin: Origin,
}

/// How the control plane, which Google runs in a network of its own, is joined to the cluster's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlPlaneLink {
    /// By VPC peering: it speaks to the nodes from its own /28.
    Peering,
    /// By Private Service Connect: it speaks to the nodes through agents inside of the cluster.
    PrivateServiceConnect,
}

/// What a cluster, a node pool or an operation says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// `PROVISIONING`, `RUNNING`, `ERROR`, …; empty where it is not said.
    pub status: String,
    /// Messages and conditions.
    pub messages: Vec<String>,
}

/// An operation of GKE's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// `CREATE_CLUSTER` and the like.
    pub kind: String,
    /// The cluster, or the node pool.
    pub target: Option<Reference>,
    /// How far it came, stage by stage.
    pub stages: Vec<String>,
    /// Whether it ended with an error.
    pub failed: bool,
    /// Its status and what it says.
    pub state: State,
    /// Where it was read.
    pub origin: Origin,
}

/// A node pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePool {
    /// Its name.
    pub name: String,
    /// The cluster it belongs to, where it was described on its own.
    pub cluster: Option<Reference>,
    /// Network tags that the person gave its nodes.
    pub tags: Vec<String>,
    /// Whether these are all that the person gave them.
    pub complete: bool,
    /// The nodes' service account.
    pub service_account: Option<String>,
    /// Its own pod range.
    pub pod_range: Option<IpNet>,
    /// Its own pod range by the name of a secondary range.
    pub pod_range_name: Option<String>,
    /// Its state, and what it says about it.
    pub state: State,
    /// Where it was read.
    pub origin: Origin,
}

/// A VM, or the template of VMs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// Project, zone and name.
    pub id: Reference,
    /// Whether this is a template.
    pub template: bool,
    /// Network tags.
    pub tags: Vec<String>,
    /// Whether the export holds tags at all: a trimmed one does not.
    pub complete: bool,
    /// Whether it tells the service account, or that there is none.
    pub tells_account: bool,
    /// Service account.
    pub service_account: Option<String>,
    /// The networks of its interfaces with the internal address and alias ranges of each.
    pub interfaces: Vec<Interface>,
    /// Why it takes no packets that are for others, where it is said: it is stopped, or may not
    /// forward.
    pub takes_none: Option<&'static str>,
    /// The cluster that the metadata names (`cluster-name`), where it is a node.
    pub cluster: Option<String>,
    /// Where it was read.
    pub origin: Origin,
}

/// A network interface of a VM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its network.
    pub network: Reference,
    /// The primary internal address.
    pub address: Option<IpAddr>,
    /// Alias ranges: of pods, on a node.
    pub aliases: Vec<IpNet>,
    /// External addresses.
    pub external: Vec<IpAddr>,
    /// Whether it is meant to have one: one that is stopped has none at the moment.
    pub has_access: bool,
}

impl Cluster {
    /// The tag that GKE gives to the nodes: `gke-NAME-HASH-node`, the hash being the first eight
    /// characters of the cluster's id; long names are cut by GKE, and Autopilot names its nodes
    /// otherwise (`gk3-…`), so then it is not derived.
    #[must_use]
    pub fn node_tag(&self) -> Option<String> {
        let hash = self.hash.as_deref()?.get(..8)?;
        (self.id.name.len() <= 20 && !self.is_autopilot)
            .then(|| format!("gke-{}-{hash}-node", self.id.name))
    }
}
