//! Everything that is looked up about one end of a connection: its role, and the tags and accounts
//! that the firewall goes by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::correlate::node_tags::{self, NodeFacts};
use crate::correlate::roles::is_private;
use crate::correlate::{Roles, Who};
use crate::engine::{Endpoint, Facts, Flow, Geography, Place};
use crate::model::firewall::Targets;
use crate::model::{Cluster, Instance, Inventory, Reference, Subnetwork};
use crate::net::{AddressSet, Direction, FiveTuple, IpNet, Protocol, Role};

/// The inventory with its roles.
#[derive(Debug)]
pub struct Directory<'a> {
    /// What was given.
    pub inventory: &'a Inventory,
    /// Whose addresses are whose.
    pub roles: Roles,
    /// The networks that anything described is in.
    pub networks: Vec<Reference>,
    nodes: Vec<NodeFacts>,
    by_name: HashMap<&'a str, Vec<&'a Instance>>,
    by_address: HashMap<IpAddr, Vec<&'a Instance>>,
    aliased: Vec<(IpNet, &'a Instance)>,
    entrances: BTreeSet<(Option<IpAddr>, Protocol, u16)>,
    geographies: Mutex<BTreeMap<Reference, Arc<Geography>>>,
}

impl<'a> Directory<'a> {
    /// The directory of an inventory.
    #[must_use]
    pub fn of(inventory: &'a Inventory) -> Self {
        let nodes = inventory
            .clusters
            .iter()
            .map(|cluster| node_tags::common_to_nodes(inventory, cluster))
            .collect();
        let mut aliased = Vec::new();
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_address: HashMap<_, Vec<_>> = HashMap::new();
        for instance in inventory.instances.iter().filter(|instance| !instance.template) {
            by_name.entry(instance.id.name.as_str()).or_default().push(instance);
            for address in instance.interfaces.iter().filter_map(|nic| nic.address) {
                by_address.entry(address).or_default().push(instance);
            }
            for range in instance.interfaces.iter().flat_map(|nic| &nic.aliases) {
                aliased.push((*range, instance));
            }
        }
        let networks = inventory.known_networks();
        Self {
            inventory,
            roles: Roles::of(inventory),
            networks,
            nodes,
            by_name,
            by_address,
            aliased,
            entrances: entrances(inventory),
            geographies: Mutex::default(),
        }
    }

    /// The internal address of the VM that has this external one.
    #[must_use]
    pub fn internal_of(&self, external: IpAddr) -> Option<IpAddr> {
        let vms = self.inventory.instances.iter().filter(|one| !one.template);
        let own = |nic: &&crate::model::cluster::Interface| nic.external.contains(&external);
        vms.flat_map(|one| &one.interfaces).find(own)?.address
    }

    /// Whether an application is exposed on this port: of every node, or of its load balancer's
    /// address.
    #[must_use]
    pub fn is_entrance(&self, tuple: &FiveTuple) -> bool {
        [None, Some(tuple.dst)]
            .into_iter()
            .any(|address| self.entrances.contains(&(address, tuple.protocol, tuple.dst_port)))
    }

    /// The ports by which applications are exposed, with the address where it is one alone.
    pub fn entrances(&self) -> impl Iterator<Item = (Option<IpAddr>, u16)> {
        self.entrances.iter().map(|(address, _, port)| (*address, *port))
    }

    /// The flow of a connection, seen from its VM.
    #[must_use]
    pub fn flow(
        &self,
        tuple: FiveTuple,
        direction: Direction,
        network: &Reference,
        vm_name: Option<&str>,
    ) -> Flow {
        let (own, other) = match direction {
            Direction::Ingress => (tuple.dst, tuple.src),
            Direction::Egress => (tuple.src, tuple.dst),
        };
        Flow {
            tuple,
            direction,
            network: network.clone(),
            endpoint: self.endpoint(own, network, vm_name),
            peer: self.peer(other, network),
            peer_is_external: self.is_external(other, network),
            peer_place: self.place(other, network),
            region: self.region(own, network),
        }
    }

    /// The region of the VM at this address: its subnetwork's.
    fn region(&self, address: IpAddr, network: &Reference) -> Option<String> {
        let holds = |subnetwork: &&Subnetwork| {
            let ranges = subnetwork.primary.iter().chain(&subnetwork.v6);
            let secondary = subnetwork.secondary.iter().map(|(_, range)| range);
            subnetwork.network.agrees(network)
                && ranges.chain(secondary).any(|range| range.contains(&address))
        };
        self.inventory.subnetworks.iter().find(holds)?.id.location.clone()
    }

    /// Where an address is, as network contexts mean it: the internet, or not
    /// (<https://cloud.google.com/firewall/docs/understand-network-contexts>).
    fn place(&self, address: IpAddr, network: &Reference) -> Place {
        let owner = self.roles.who(address, Some(network)).owner;
        match (owner.role, &owner.network) {
            (Role::Node | Role::Pod | Role::Subnet, Some(network)) => {
                Place::Network(network.clone())
            }
            // Traffic to the private VIPs and to the metadata server is no internet traffic.
            (Role::GoogleApis | Role::Metadata, _) => Place::NonInternet,
            _ if is_private(address) => Place::NonInternet,
            (Role::Internet, _) => Place::Internet,
            // Probes and proxies of Google's come either way.
            _ => Place::Unknown,
        }
    }

    /// Where all addresses are, seen from a network.
    #[must_use]
    pub fn geography(&self, network: &Reference) -> Arc<Geography> {
        let Ok(mut known) = self.geographies.lock() else {
            return Arc::new(self.survey(network));
        };
        let known = known.entry(network.clone());
        Arc::clone(known.or_insert_with(|| Arc::new(self.survey(network))))
    }

    fn survey(&self, network: &Reference) -> Geography {
        let mut starts: BTreeSet<IpAddr> = AddressSet::all().edges().into_iter().collect();
        starts.extend(AddressSet::private().edges());
        for owner in self.roles.owners() {
            starts.extend(AddressSet::of(&owner.ranges).edges());
        }
        starts.extend(self.roles.prefixes().flat_map(|range| AddressSet::of([&range]).edges()));
        let mut places: BTreeMap<Place, AddressSet> = BTreeMap::new();
        let mut external = AddressSet::default();
        let ends = starts.iter().skip(1).map(Some).chain([None]);
        // Between two neighbouring edges every address has the same owners.
        let mut parts: BTreeMap<(Place, bool, bool), Vec<(IpAddr, IpAddr)>> = BTreeMap::new();
        for (low, next) in starts.iter().zip(ends) {
            let high = last_before(*low, next.copied());
            let nameless = self.peer(*low, network) == Endpoint::outside();
            let key = (self.place(*low, network), self.is_external(*low, network), nameless);
            parts.entry(key).or_default().push((*low, high));
        }
        let mut nameless = AddressSet::default();
        for ((place, is_external, is_nameless), ranges) in parts {
            let set = AddressSet::of_parts(&ranges);
            if is_nameless {
                nameless = nameless.union(&set);
            }
            if is_external {
                external = external.union(&set);
            }
            let sum = places.entry(place).or_default();
            *sum = sum.union(&set);
        }
        let places = places.into_iter().map(|(at, set)| (set, at)).collect();
        Geography { external, nameless, places }
    }

    /// Whether an address is reached over the internet: public, and no range inside a network.
    fn is_external(&self, address: IpAddr, network: &Reference) -> bool {
        if is_private(address) {
            return false;
        }
        let owner = self.roles.who(address, Some(network)).owner;
        let on_vip = matches!(owner.role, Role::GoogleApis | Role::Metadata);
        owner.network.is_none() && !on_vip
    }

    /// What is known of the VM whose firewall is asked. Pods have their node's tags: their
    /// addresses belong to the node's interface.
    #[must_use]
    pub fn endpoint(
        &self,
        address: IpAddr,
        network: &Reference,
        vm_name: Option<&str>,
    ) -> Endpoint {
        let instance = vm_name
            .and_then(|name| self.instance_of_name(name, network))
            .or_else(|| self.instance_of_address(address, network));
        if let Some(instance) = instance {
            return carried_by(instance);
        }
        let owner = self.roles.who(address, Some(network)).owner;
        let cluster = match vm_name {
            // Only the cluster's own nodes hold addresses of its pod ranges.
            _ if owner.role == Role::Pod => owner.cluster,
            // The name tells: a VM that is named like no node may carry anything.
            Some(name) => self.cluster_of_vm(name, network),
            // Where the nodes were given, one that is not among them may be any VM of the range.
            None => {
                let may_be_another =
                    self.roles.is_shared(address, network) || self.are_listed(owner.cluster);
                owner.cluster.filter(|_| owner.role != Role::Node || !may_be_another)
            }
        };
        let Some(known) = cluster.and_then(|at| self.nodes.get(at)) else {
            return Endpoint::default();
        };
        let all = carried_by_all(known);
        match vm_name.and_then(|name| known.tags_of(name)) {
            Some(tags) => Endpoint { tags: Facts::Exactly(tags.clone()), ..all },
            None => all,
        }
    }

    /// Another cluster of the same network, whose nodes a rule for these targets would be for, too.
    #[must_use]
    pub fn other_cluster(&self, cluster: usize, targets: &Targets) -> Option<&'a Cluster> {
        let own = self.inventory.clusters.get(cluster)?;
        let here = |one: &Cluster| match (&one.network, &own.network) {
            (Some(one), Some(own)) => one.agrees(own),
            _ => true,
        };
        let carries = |nodes: &NodeFacts| {
            let mut by_tag = nodes.kinds.iter().chain([&nodes.tags]);
            let account = nodes.account.as_ref();
            by_tag.any(|tags| !tags.is_disjoint(&targets.tags))
                || account.is_some_and(|account| targets.service_accounts.contains(account))
        };
        let all = self.inventory.clusters.iter().zip(&self.nodes).enumerate();
        let mut others = all.filter(|(at, (one, _))| *at != cluster && here(one));
        others.find(|(_, (_, nodes))| carries(nodes)).map(|(_, (one, _))| one)
    }

    /// What the nodes of a cluster carry, by its place in the inventory: of each kind, as its pools
    /// show them, or what all are known to carry.
    #[must_use]
    pub fn nodes_of(&self, cluster: usize) -> Vec<Endpoint> {
        let Some(known) = self.nodes.get(cluster) else { return vec![Endpoint::default()] };
        let all = carried_by_all(known);
        if known.kinds.is_empty() {
            return vec![all];
        }
        let of_kind = |tags: &BTreeSet<String>| Endpoint {
            tags: Facts::Exactly(tags.clone()),
            ..all.clone()
        };
        known.kinds.iter().map(of_kind).collect()
    }

    /// What is known of the other end. Source tags and accounts match only the primary address of
    /// a VM in the same network: never a pod, an external address, nor anybody outside
    /// (<https://cloud.google.com/vpc/docs/firewalls>).
    fn peer(&self, address: IpAddr, network: &Reference) -> Endpoint {
        if self.inventory.is_amazon(network) {
            return self.peer_on_amazon(address, network);
        }
        let primary = self.by_address.get(&address).into_iter().flatten().find(|instance| {
            let mut interfaces = instance.interfaces.iter();
            interfaces.any(|nic| nic.address == Some(address) && nic.network.agrees(network))
        });
        if let Some(instance) = primary {
            return carried_by(instance);
        }
        let who = self.roles.who(address, Some(network));
        match who.owner.role {
            _ if who.elsewhere || self.is_external(address, network) => Endpoint::outside(),
            Role::Node if self.are_listed(who.owner.cluster) => Endpoint::default(),
            Role::Node => self.endpoint(address, network, None),
            Role::Subnet if self.is_alias(address, network) => Endpoint::outside(),
            Role::Subnet | Role::Unknown => Endpoint::default(),
            _ => Endpoint::outside(),
        }
    }

    /// Whether the VMs of a cluster were given.
    #[must_use]
    pub fn are_listed(&self, cluster: Option<usize>) -> bool {
        cluster.and_then(|at| self.nodes.get(at)).is_some_and(|nodes| nodes.is_listed)
    }

    /// Whether an address is in a secondary range: there are alias addresses alone.
    fn is_alias(&self, address: IpAddr, network: &Reference) -> bool {
        let own = self.inventory.subnetworks.iter().filter(|one| one.network.agrees(network));
        own.flat_map(|one| &one.secondary).any(|(_, range)| range.contains(&address))
    }

    /// On AWS every private address of an interface has its groups, pods' and those of peered VPCs
    /// as well (<https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html>).
    fn peer_on_amazon(&self, address: IpAddr, network: &Reference) -> Endpoint {
        if let Some(own) = self.instance_of_address(address, network) {
            return carried_by(own);
        }
        let of_amazon = |one: &&Instance| {
            one.interfaces.iter().any(|nic| self.inventory.is_amazon(&nic.network))
        };
        let at = self.by_address.get(&address).into_iter().flatten().copied();
        let held = self.aliased.iter().filter(|(range, _)| range.contains(&address));
        let mut elsewhere = at.chain(held.map(|(_, one)| *one)).filter(of_amazon);
        match (elsewhere.next(), elsewhere.next()) {
            (Some(only), None) => carried_by(only),
            (None, None) if !is_private(address) => Endpoint::outside(),
            _ => Endpoint::default(),
        }
    }

    /// The address of the only VM that may be meant.
    #[must_use]
    pub fn address_of(&self, vm: &Reference, network: Option<&Reference>) -> Option<IpAddr> {
        let named = self.by_name.get(vm.name.as_str())?.iter().filter(|one| one.id.agrees(vm));
        let nics = named.flat_map(|one| &one.interfaces);
        let mut own = nics.filter(|nic| network.is_none_or(|of| nic.network.agrees(of)));
        match (own.next(), own.next()) {
            (Some(only), None) => only.address,
            _ => None,
        }
    }

    fn instance_of_name(&self, name: &str, network: &Reference) -> Option<&'a Instance> {
        let on_network = |instance: &&&Instance| {
            instance.interfaces.iter().any(|nic| nic.network.agrees(network))
        };
        self.by_name.get(name)?.iter().find(on_network).copied()
    }

    /// The VM that has this address, or whose alias ranges hold it: a pod's node.
    fn instance_of_address(&self, address: IpAddr, network: &Reference) -> Option<&'a Instance> {
        let at_address = |instance: &&&Instance| {
            let mut interfaces = instance.interfaces.iter();
            interfaces.any(|nic| nic.address == Some(address) && nic.network.agrees(network))
        };
        let own = self.by_address.get(&address).and_then(|list| list.iter().find(at_address));
        own.copied().or_else(|| {
            let mut aliased = self.aliased.iter().filter(|(range, _)| range.contains(&address));
            aliased
                .find(|(_, one)| one.interfaces.iter().any(|nic| nic.network.agrees(network)))
                .map(|(_, one)| *one)
        })
    }

    /// What a VM's name says, in whatever network: of VMs of one kind the same is known.
    #[must_use]
    pub fn vm_kind(&self, name: &str) -> VmKind {
        if self.by_name.contains_key(name) {
            return VmKind::Described(name.to_owned());
        }
        let clusters = self.inventory.clusters.iter().enumerate();
        let named = clusters.filter(|(_, cluster)| is_node_name(name, &cluster.id.name));
        VmKind::NodeOf(named.map(|(at, _)| at).collect())
    }

    /// The cluster whose nodes are named so: `gke-blue-default-pool-1a2b3c4d-x1y2`. Of `shop` and
    /// `shop-eu` the longer name is meant.
    fn cluster_of_vm(&self, vm_name: &str, network: &Reference) -> Option<usize> {
        let clusters = self.inventory.clusters.iter().enumerate().filter(|(_, cluster)| {
            is_node_name(vm_name, &cluster.id.name)
                && cluster.network.as_ref().is_none_or(|of| of.agrees(network))
        });
        clusters.max_by_key(|(_, cluster)| cluster.id.name.len()).map(|(at, _)| at)
    }

    /// Who the VM at `address` is, where the log names it.
    #[must_use]
    pub fn who_vm(
        &self,
        address: IpAddr,
        network: Option<&Reference>,
        vm_name: Option<&str>,
    ) -> Who<'_> {
        let cluster = network.zip(vm_name).and_then(|(of, name)| self.cluster_of_vm(name, of));
        self.roles.who_of(address, network, cluster)
    }

    /// Who `address` is, seen from `network`.
    #[must_use]
    pub fn who(&self, address: IpAddr, network: Option<&Reference>) -> Who<'_> {
        self.roles.who(address, network)
    }
}

/// What a VM's name says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VmKind {
    /// It is described.
    Described(String),
    /// It is named like a node of one of these clusters, by their places in the inventory.
    NodeOf(Vec<usize>),
}

fn is_node_name(vm: &str, cluster: &str) -> bool {
    let rest = vm.strip_prefix("gke-").or_else(|| vm.strip_prefix("gk3-"));
    rest.and_then(|rest| rest.strip_prefix(cluster)).is_some_and(|rest| rest.starts_with('-'))
}

/// The last address before `next`, or of the family.
fn last_before(low: IpAddr, next: Option<IpAddr>) -> IpAddr {
    match (low, next) {
        (IpAddr::V4(_), Some(IpAddr::V4(next))) => {
            std::net::Ipv4Addr::from_bits(next.to_bits().saturating_sub(1)).into()
        }
        (IpAddr::V4(_), _) => std::net::Ipv4Addr::BROADCAST.into(),
        (IpAddr::V6(_), Some(IpAddr::V6(next))) => {
            std::net::Ipv6Addr::from_bits(next.to_bits().saturating_sub(1)).into()
        }
        (IpAddr::V6(_), _) => std::net::Ipv6Addr::from_bits(u128::MAX).into(),
    }
}

/// What every node of a cluster carries.
fn carried_by_all(known: &NodeFacts) -> Endpoint {
    let tags = known.tags.clone();
    Endpoint {
        tags: if known.all_alike { Facts::Exactly(tags) } else { Facts::AtLeast(tags) },
        service_accounts: match &known.account {
            Some(account) => Facts::exactly([account.as_str()]),
            None => Facts::Unknown,
        },
        secure_tags: Facts::Unknown,
    }
}

/// What a described VM carries. A trimmed export tells only what it shows.
fn carried_by(instance: &Instance) -> Endpoint {
    let tags = Facts::exactly(instance.tags.iter().map(String::as_str));
    let accounts = Facts::exactly(instance.service_account.as_deref());
    let at_least = |facts| match facts {
        Facts::Exactly(names) => Facts::AtLeast(names),
        other => other,
    };
    Endpoint {
        tags: if instance.complete { tags } else { at_least(tags) },
        service_accounts: if instance.tells_account { accounts } else { at_least(accounts) },
        secure_tags: Facts::Unknown,
    }
}

/// The ports by which Services are exposed, with the address where it is one alone.
fn entrances(inventory: &Inventory) -> BTreeSet<(Option<IpAddr>, Protocol, u16)> {
    let mut all = BTreeSet::new();
    for service in &inventory.workloads.services {
        for port in &service.ports {
            match service.kind.as_str() {
                "NodePort" => all.extend(port.node_port.map(|node| (None, port.protocol, node))),
                "LoadBalancer" => all.extend(
                    service.addresses.iter().map(|one| (Some(*one), port.protocol, port.port)),
                ),
                _ => {}
            }
        }
    }
    all
}
