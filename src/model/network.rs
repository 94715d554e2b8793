//! Networks, subnetworks, routes, NATs and DNS zones as their exports describe them.

use std::collections::BTreeSet;

use crate::model::cluster::Provider;
use crate::model::{Kept, Origin, Reference};
use crate::net::{IpNet, parse_address};

/// A VPC network that is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Project and name.
    pub id: Reference,
    /// Whether network firewall policies come before the VPC rules
    /// (`networkFirewallPolicyEnforcementOrder: BEFORE_CLASSIC_FIREWALL`); `None` where
    /// descriptions differ.
    pub policies_first: Option<bool>,
    /// Whether two descriptions contradict each other in that.
    pub is_disputed: bool,
    /// Names of the peerings, where the description lists them.
    pub peering_names: Option<Vec<String>>,
    /// Whether it was made with a default route, where a manifest says it: an export of routes
    /// holds the route itself.
    pub default_route: Option<bool>,
    /// Whose cloud it is in.
    pub provider: Provider,
    /// Where it was read.
    pub origin: Origin,
}

/// A subnetwork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnetwork {
    /// Project, region and name.
    pub id: Reference,
    /// Its network.
    pub network: Reference,
    /// The primary range, for VMs.
    pub primary: Option<IpNet>,
    /// IPv6 ranges, internal and external.
    pub v6: Vec<IpNet>,
    /// Named secondary ranges, for pods and services.
    pub secondary: Vec<(String, IpNet)>,
    /// Whether VMs without external address reach Google APIs.
    pub private_google_access: Option<bool>,
    /// `purpose`, where it is said: PRIVATE, REGIONAL_MANAGED_PROXY, …
    pub purpose: Option<String>,
    /// As it was given.
    pub kept: Option<Kept>,
    /// Where it was read.
    pub origin: Origin,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Project and name.
    pub id: Reference,
    /// Its network.
    pub network: Reference,
    /// Destination.
    pub destination: IpNet,
    /// Priority between equal prefixes.
    pub priority: u32,
    /// The next hop as it is written: `default-internet-gateway`, an address, a peering's name.
    pub next_hop: String,
    /// Whether the next hop is a peering.
    pub by_peering: bool,
    /// Tags of the VMs that it serves; empty means all.
    pub tags: Vec<String>,
    /// Whether it stands in a manifest or a plan: those leave out the route that a network is made
    /// with, which an export holds.
    pub is_written: bool,
    /// Why its next hop takes no packets: it is gone, stopped, or may not forward.
    pub down: Option<String>,
    /// As it was given.
    pub kept: Option<Kept>,
    /// Where it was read.
    pub origin: Origin,
}

/// What routers learn from their BGP peers: no list of routes holds it
/// (<https://cloud.google.com/sdk/gcloud/reference/compute/routes/list>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// The routers that have BGP peers.
    pub by: Vec<Reference>,
    /// The networks of which a router's status was given (`gcloud compute routers get-status`),
    /// with the peers that it names.
    pub given: BTreeSet<(Reference, Vec<String>)>,
}

impl Learned {
    /// Takes in what others say.
    pub fn absorb(&mut self, other: Self) {
        self.by.extend(other.by);
        self.given.extend(other.given);
    }
}

/// A Cloud NAT of a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Its name.
    pub name: String,
    /// The router it belongs to.
    pub router: Reference,
    /// The router's network; `None` where the router was not described.
    pub network: Option<Reference>,
    /// Its region, where it is said.
    pub region: Option<String>,
    /// `ALL_SUBNETWORKS_ALL_IP_RANGES` and the like.
    pub ranges: String,
    /// The subnetworks that it lists.
    pub subnetworks: Vec<NatSubnetwork>,
    /// External addresses it was given by hand, where the export holds addresses.
    pub addresses: Vec<IpNet>,
    /// As it was given.
    pub kept: Option<Kept>,
    /// Where it was read.
    pub origin: Origin,
}

impl Nat {
    /// Whether it says all of what it translates
    /// (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>, `RouterNat`).
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let says = |one: &NatSubnetwork| {
            let by_name = one.ranges.iter().any(|ranges| ranges == "LIST_OF_SECONDARY_IP_RANGES");
            !one.id.name.is_empty()
                && !one.ranges.is_empty()
                && (!by_name || !one.secondary.is_empty())
        };
        match self.ranges.as_str() {
            "ALL_SUBNETWORKS_ALL_IP_RANGES" | "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES" => true,
            "LIST_OF_SUBNETWORKS" => self.subnetworks.iter().all(says),
            _ => false,
        }
    }
}

/// A subnetwork that a Cloud NAT lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatSubnetwork {
    /// The subnetwork.
    pub id: Reference,
    /// Which of its ranges: `ALL_IP_RANGES`, `PRIMARY_IP_RANGE`, `LIST_OF_SECONDARY_IP_RANGES`.
    pub ranges: Vec<String>,
    /// The secondary ranges that it names.
    pub secondary: Vec<String>,
}

impl NatSubnetwork {
    /// Takes in what another list has of it besides.
    pub fn widen(&mut self, other: &Self) {
        fn join(own: &mut Vec<String>, other: &[String]) {
            let new: Vec<_> = other.iter().filter(|one| !own.contains(one)).cloned().collect();
            own.extend(new);
        }
        join(&mut self.ranges, &other.ranges);
        join(&mut self.secondary, &other.secondary);
    }
}

/// Who answers for a managed zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoneTarget {
    /// Its own records.
    Records,
    /// Name servers somewhere else.
    Forwarding,
    /// Another network.
    Peering(Option<Reference>),
}

/// A managed zone of Cloud DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedZone {
    /// Its name.
    pub id: Reference,
    /// The suffix it answers for: `gcr.io.`.
    pub dns_name: String,
    /// Whether it is private.
    pub private: bool,
    /// The networks that see it.
    pub networks: Vec<Reference>,
    /// The clusters that see it, by name.
    pub clusters: Vec<String>,
    /// Whether nobody knows who sees it: a selection of fields left it out.
    pub is_hidden: bool,
    /// Who answers.
    pub target: ZoneTarget,
    /// As it was given.
    pub kept: Option<Kept>,
    /// Where it was read.
    pub origin: Origin,
}

/// A record set of a managed zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// The name it answers: `*.gcr.io.`.
    pub name: String,
    /// Its type: A, AAAA, CNAME.
    pub kind: String,
    /// The zone, where the export says it.
    pub zone: Option<Reference>,
    /// The answers.
    pub data: Vec<String>,
    /// As it was given.
    pub kept: Option<Kept>,
    /// Where it was read.
    pub origin: Origin,
}

impl RecordSet {
    /// Whether one of its answers is one of its type.
    #[must_use]
    pub fn is_readable(&self, answer: &str) -> bool {
        let is_of_addresses = matches!(self.kind.as_str(), "A" | "AAAA");
        !answer.is_empty() && (!is_of_addresses || parse_address(answer).is_some())
    }
}

/// A response policy of Cloud DNS: it answers before zones do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponsePolicy {
    /// Its name.
    pub id: Reference,
    /// The networks that it answers for.
    pub networks: Vec<Reference>,
    /// The clusters that it answers for.
    pub clusters: Vec<String>,
    /// Whether nobody knows whom it answers for.
    pub is_hidden: bool,
    /// Where it was read.
    pub origin: Origin,
}

/// A rule of a response policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRule {
    /// Its name.
    pub name: String,
    /// Its policy; exports do not say it.
    pub policy: Option<Reference>,
    /// `gcr.io.` or `*.gcr.io.`
    pub dns_name: String,
    /// The records that it answers with, by type; none where it lets the name pass.
    pub records: Vec<(String, Vec<String>)>,
    /// Where it was read.
    pub origin: Origin,
}

/// A DNS server policy that sends all names of networks to other name servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServerPolicy {
    /// Its name.
    pub id: Reference,
    /// The networks.
    pub networks: Vec<Reference>,
    /// Where it was read.
    pub origin: Origin,
}

/// A policy-based route: it is asked before any other route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRoute {
    /// Its name.
    pub id: Reference,
    /// The network.
    pub network: Reference,
    /// The lowest is asked first.
    pub priority: u32,
    /// Where packets come from.
    pub source: IpNet,
    /// Where they go.
    pub destination: IpNet,
    /// Only this protocol.
    pub protocol: Option<crate::net::Protocol>,
    /// Only VMs with one of these; empty is all of the network.
    pub tags: Vec<String>,
    /// Only what comes by an interconnect, which no VM's packets do.
    pub by_interconnect: bool,
    /// The load balancer that gets them; `None` leaves them to the other routes.
    pub next_hop: Option<String>,
    /// Where it was read.
    pub origin: Origin,
}
