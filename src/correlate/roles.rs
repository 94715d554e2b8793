//! Addresses to roles, with the reason: `172.16.0.34` is the control plane of cluster `kf`, because
//! its `masterIpv4CidrBlock` is `172.16.0.32/28` (cluster.yaml:3).
//!
//! The inventory's own ranges come first, the longest prefix before shorter ones; then Google's
//! well-known ranges; then "private, of nobody known" and "internet".

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

use crate::model::{Cluster, Inventory, Origin, Reference, Subnetwork};
use crate::net::well_known::vips;
use crate::net::{AddressSet, IpNet, Role, well_known};

/// Somebody who owns addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What it is.
    pub role: Role,
    /// Its name: the cluster's, the subnetwork's, the service's.
    pub name: String,
    /// All ranges of the same owner in the same role.
    pub ranges: Vec<IpNet>,
    /// The network it is in, where it is in one.
    pub network: Option<Reference>,
    /// Whether it is one VM, and the name is that VM's.
    pub is_vm: bool,
    /// The cluster it belongs to, by its place in the inventory.
    pub cluster: Option<usize>,
    /// Why: the field that says so.
    pub because: String,
    /// Where that field was read; `None` for well-known ranges.
    pub origin: Option<Origin>,
}

/// The answer to "who is this?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who<'a> {
    /// The owner.
    pub owner: &'a Owner,
    /// Whether the owner is in another network than the one that was asked about.
    pub elsewhere: bool,
}

/// The directory of addresses.
#[derive(Debug)]
pub struct Roles {
    owners: Vec<Owner>,
    v4: PrefixMap<Ipv4Net, Vec<usize>>,
    v6: PrefixMap<Ipv6Net, Vec<usize>>,
    private: Owner,
    internet: Owner,
}

impl Roles {
    /// The directory of what the inventory describes, over the well-known ranges.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let nobody = |role: Role, because: &str| Owner {
            role,
            name: String::new(),
            ranges: Vec::new(),
            network: None,
            is_vm: false,
            cluster: None,
            because: because.to_owned(),
            origin: None,
        };
        let mut roles = Self {
            owners: Vec::new(),
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
            private: nobody(Role::Unknown, "a private address in no range that was given"),
            internet: nobody(Role::Internet, "a public address in no range that is known"),
        };
        roles.add_instances(inventory);
        for (index, cluster) in inventory.clusters.iter().enumerate() {
            roles.add_cluster(inventory, index, cluster);
        }
        roles.add_frontends(inventory);
        for subnetwork in &inventory.subnetworks {
            roles.add_subnetwork(subnetwork);
        }
        roles.add_routes(inventory);
        for row in well_known::table() {
            roles.add(
                Owner {
                    role: row.role,
                    name: row.name.to_owned(),
                    ranges: well_known::ranges_with(row.role, row.name),
                    network: None,
                    is_vm: false,
                    cluster: None,
                    because: format!("{} is in Google's list ({})", row.range, row.source),
                    origin: None,
                },
                &[row.range],
            );
        }
        roles
    }

    /// All owners, in the order in which they were found.
    #[must_use]
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// All ranges that somebody owns.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        let v4 = self.v4.iter().map(|(range, _)| IpNet::V4(range));
        v4.chain(self.v6.iter().map(|(range, _)| IpNet::V6(range)))
    }

    /// Who `address` is, seen from `network`.
    #[must_use]
    pub fn who(&self, address: IpAddr, network: Option<&Reference>) -> Who<'_> {
        self.who_of(address, network, None)
    }

    /// The same, where it is known which cluster the VM belongs to: several may share a subnetwork.
    #[must_use]
    pub fn who_of(
        &self,
        address: IpAddr,
        network: Option<&Reference>,
        cluster: Option<usize>,
    ) -> Who<'_> {
        let owners: Vec<&Owner> = self.owners_of(address);
        let here = |owner: &&&Owner| match (&owner.network, network) {
            (Some(of), Some(network)) => of.agrees(network),
            _ => true,
        };
        let described = |owner: &&&Owner| owner.origin.is_some();
        // A load balancer has its address out of the range of the nodes that serve it.
        let own = |owner: &&&Owner| {
            cluster.is_some() && owner.cluster == cluster || owner.role == Role::LoadBalancer
        };
        // The inventory's own ranges here, then Google's, then the inventory's in other networks.
        let found = owners
            .iter()
            .filter(|owner| described(owner) && here(owner))
            .find(own)
            .or_else(|| owners.iter().filter(described).find(here))
            .or_else(|| owners.iter().find(|owner| owner.origin.is_none()));
        if let Some(owner) = found {
            return Who { owner, elsewhere: false };
        }
        if let Some(owner) = owners.first() {
            return Who { owner, elsewhere: true };
        }
        let nobody = if is_private(address) { &self.private } else { &self.internet };
        Who { owner: nobody, elsewhere: false }
    }

    /// All owners of an address, the longest prefix first; the first entered under a prefix is the
    /// most specific.
    fn owners_of(&self, address: IpAddr) -> Vec<&Owner> {
        let lists: Vec<&Vec<usize>> = match address {
            IpAddr::V4(v4) => self.v4.cover_values(&Ipv4Net::from(v4)).collect(),
            IpAddr::V6(v6) => self.v6.cover_values(&Ipv6Net::from(v6)).collect(),
        };
        let places = lists.iter().rev().flat_map(|list| list.iter());
        places.filter_map(|at| self.owners.get(*at)).collect()
    }

    /// The networks in which a VM of this address may be: more than one where ranges overlap.
    #[must_use]
    pub fn networks_of(&self, address: IpAddr) -> Vec<&Reference> {
        let mut list: Vec<&Reference> = Vec::new();
        for owner in self.owners_of(address) {
            let is_vm = matches!(owner.role, Role::Node | Role::Pod | Role::Subnet);
            if let Some(network) = owner.network.as_ref().filter(|_| is_vm)
                && !list.iter().any(|known| known.agrees(network))
            {
                list.push(network);
            }
        }
        list
    }

    /// Whether several clusters have their nodes at this address.
    #[must_use]
    pub fn is_shared(&self, address: IpAddr, network: &Reference) -> bool {
        let nodes = self.owners_of(address).into_iter().filter(|owner| {
            owner.role == Role::Node && owner.network.as_ref().is_none_or(|of| of.agrees(network))
        });
        let mut clusters: Vec<Option<usize>> = nodes.map(|owner| owner.cluster).collect();
        clusters.dedup();
        clusters.len() > 1
    }

    fn add(&mut self, owner: Owner, ranges: &[IpNet]) {
        let at = self.owners.len();
        self.owners.push(owner);
        for range in ranges {
            match range {
                IpNet::V4(net) => self.v4.entry(*net).or_default().push(at),
                IpNet::V6(net) => self.v6.entry(*net).or_default().push(at),
            }
        }
    }

    fn add_cluster(&mut self, inventory: &Inventory, index: usize, cluster: &Cluster) {
        let owner = |role: Role, ranges: &[IpNet], because: &str, origin: &Origin| Owner {
            role,
            name: cluster.id.name.clone(),
            ranges: ranges.to_vec(),
            network: cluster.network.clone(),
            is_vm: false,
            cluster: Some(index),
            because: format!("{because} of cluster {}", cluster.id.name),
            origin: Some(origin.clone()),
        };
        let range: Vec<IpNet> = cluster.control_plane_range.into_iter().collect();
        if !range.is_empty() {
            let owner = owner(Role::ControlPlane, &range, "masterIpv4CidrBlock", &cluster.origin);
            self.add(owner, &range);
        }
        for (endpoint, because) in [
            (cluster.private_endpoint, "private endpoint"),
            (cluster.public_endpoint, "public endpoint"),
        ] {
            let Some(address) = endpoint else { continue };
            let alone = IpNet::from(address);
            if !range.iter().any(|range| range.contains(&alone)) {
                let mut owner = owner(Role::ControlPlane, &[alone], because, &cluster.origin);
                if because == "public endpoint" {
                    owner.network = None;
                }
                self.add(owner, &[alone]);
            }
        }
        let subnetwork = inventory.subnetwork_of(cluster);
        let pods = pod_ranges(inventory, cluster, subnetwork);
        if !pods.is_empty() {
            self.add(owner(Role::Pod, &pods, "pod range", &cluster.origin), &pods);
        }
        let mut services = cluster.service_ranges.clone();
        services.extend(named_ranges(subnetwork, &cluster.service_range_names));
        if !services.is_empty() {
            let owner = owner(Role::Service, &services, "service range", &cluster.origin);
            self.add(owner, &services);
        }
        let more = inventory.more_subnetworks_of(cluster).map(|(subnetwork, _)| (subnetwork, "a"));
        for (subnetwork, which) in subnetwork.map(|one| (one, "the")).into_iter().chain(more) {
            let Some(primary) = subnetwork.primary else { continue };
            let name = &subnetwork.id.name;
            let because = format!("primary range of {name}, {which} node subnetwork");
            let owner = owner(Role::Node, &[primary], &because, &subnetwork.origin);
            self.add(owner, &[primary]);
        }
    }

    fn add_instances(&mut self, inventory: &Inventory) {
        for instance in inventory.instances.iter().filter(|instance| !instance.template) {
            for interface in &instance.interfaces {
                let cluster = instance.cluster.as_ref().and_then(|name| {
                    inventory.clusters.iter().position(|cluster| {
                        cluster.id.name == *name
                            && cluster
                                .network
                                .as_ref()
                                .is_none_or(|of| of.agrees(&interface.network))
                    })
                });
                let node = instance.cluster.is_some();
                // A node's known ranges are its subnetwork's: a rule for one VM's address rots.
                let known = cluster
                    .and_then(|at| inventory.clusters.get(at))
                    .and_then(|cluster| inventory.subnetwork_of(cluster)?.primary);
                for (address, inside) in interface
                    .address
                    .iter()
                    .map(|address| (*address, true))
                    .chain(interface.external.iter().map(|address| (*address, false)))
                {
                    let alone = IpNet::from(address);
                    self.add(
                        Owner {
                            role: if node { Role::Node } else { Role::Subnet },
                            name: instance
                                .cluster
                                .clone()
                                .unwrap_or_else(|| instance.id.name.clone()),
                            ranges: vec![known.filter(|_| inside).unwrap_or(alone)],
                            network: inside.then(|| interface.network.clone()),
                            is_vm: !node,
                            cluster,
                            because: format!("address of VM {}", instance.id.name),
                            origin: Some(instance.origin.clone()),
                        },
                        &[alone],
                    );
                }
            }
        }
    }

    /// The addresses of Services' load balancers, whose forwarding rules were not given.
    fn add_services(&mut self, inventory: &Inventory) {
        let network = match inventory.clusters.as_slice() {
            [only] => only.network.clone(),
            _ => None,
        };
        for service in &inventory.workloads.services {
            let own = service.addresses.iter().filter(|_| service.kind == "LoadBalancer");
            for address in own.map(|address| IpNet::from(*address)) {
                if inventory.frontends.iter().any(|one| one.address == address) {
                    continue;
                }
                let owner = Owner {
                    role: Role::LoadBalancer,
                    name: service.id.to_string(),
                    ranges: vec![address],
                    network: network.clone().filter(|_| service.is_internal()),
                    is_vm: false,
                    cluster: None,
                    because: format!("address of Service {}", service.id),
                    origin: Some(service.origin.clone()),
                };
                self.add(owner, &[address]);
            }
        }
    }

    fn add_frontends(&mut self, inventory: &Inventory) {
        for frontend in &inventory.frontends {
            self.add(
                Owner {
                    role: Role::LoadBalancer,
                    name: frontend.name.clone(),
                    ranges: vec![frontend.address],
                    network: frontend.network.clone(),
                    is_vm: false,
                    cluster: None,
                    because: format!("address of forwarding rule {}", frontend.name),
                    origin: Some(frontend.origin.clone()),
                },
                &[frontend.address],
            );
        }
        self.add_services(inventory);
        for nat in &inventory.nats {
            for address in &nat.addresses {
                self.add(
                    Owner {
                        role: Role::Nat,
                        name: nat.name.clone(),
                        ranges: vec![*address],
                        network: None,
                        is_vm: false,
                        cluster: None,
                        because: format!("address of Cloud NAT {}", nat.name),
                        origin: Some(nat.origin.clone()),
                    },
                    &[*address],
                );
            }
        }
    }

    fn add_subnetwork(&mut self, subnetwork: &Subnetwork) {
        let purpose = subnetwork.purpose.as_deref().unwrap_or("PRIVATE");
        let proxies = ["REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY"];
        let proxy = proxies.contains(&purpose) || purpose == "INTERNAL_HTTPS_LOAD_BALANCER";
        // What a cluster says of its own ranges goes before what is left of others in a subnetwork.
        let claimed: Vec<IpNet> = self
            .owners
            .iter()
            .filter(|owner| matches!(owner.role, Role::Pod | Role::Service))
            .filter(|owner| owner.network.as_ref().is_none_or(|of| of.agrees(&subnetwork.network)))
            .flat_map(|owner| owner.ranges.iter().copied())
            .collect();
        let free = |(_, range): &&(String, IpNet)| !claimed.iter().any(|own| own.contains(range));
        let secondary = subnetwork.secondary.iter().filter(free).map(|(name, range)| {
            (*range, format!("secondary range {name} of subnetwork {}", subnetwork.id.name))
        });
        let primary = subnetwork
            .primary
            .iter()
            .map(|range| (*range, format!("primary range of subnetwork {}", subnetwork.id.name)));
        let v6 = subnetwork
            .v6
            .iter()
            .map(|range| (*range, format!("IPv6 range of subnetwork {}", subnetwork.id.name)));
        for (range, because) in primary.chain(secondary).chain(v6) {
            self.add(
                Owner {
                    role: if proxy { Role::ProxySubnet } else { Role::Subnet },
                    name: subnetwork.id.name.clone(),
                    ranges: vec![range],
                    network: Some(subnetwork.network.clone()),
                    is_vm: false,
                    cluster: None,
                    because,
                    origin: Some(subnetwork.origin.clone()),
                },
                &[range],
            );
        }
    }

    fn add_routes(&mut self, inventory: &Inventory) {
        for route in &inventory.routes {
            let outside = ["/vpnTunnels/", "/interconnectAttachments/", "/hubs/"];
            let role = if route.by_peering {
                Role::Peered
            } else if outside.iter().any(|part| route.next_hop.contains(part)) {
                Role::OnPremises
            } else {
                continue;
            };
            // Wherever a route takes them, Google's VIPs are Google's.
            let takes_vip = vips().any(|vip| {
                vip.range.contains(&route.destination) || route.destination.contains(&vip.range)
            });
            if takes_vip {
                continue;
            }
            self.add(
                Owner {
                    role,
                    name: Reference::parse(&route.next_hop).name,
                    ranges: vec![route.destination],
                    network: Some(route.network.clone()),
                    is_vm: false,
                    cluster: None,
                    because: format!("route {}", route.id.name),
                    origin: Some(route.origin.clone()),
                },
                &[route.destination],
            );
        }
    }
}

fn pod_ranges(
    inventory: &Inventory,
    cluster: &Cluster,
    subnetwork: Option<&Subnetwork>,
) -> Vec<IpNet> {
    let mut ranges = cluster.pod_ranges.clone();
    ranges.extend(named_ranges(subnetwork, &cluster.pod_range_names));
    let own = inventory
        .node_pools
        .iter()
        .filter(|pool| pool.cluster.as_ref().is_some_and(|of| of.agrees(&cluster.id)));
    let more: Vec<_> = inventory.more_subnetworks_of(cluster).collect();
    for (subnetwork, names) in &more {
        ranges.extend(named_ranges(Some(subnetwork), names));
    }
    for pool in cluster.node_pools.iter().chain(own) {
        ranges.extend(pool.pod_range);
        let all = subnetwork.into_iter().chain(more.iter().map(|(subnetwork, _)| *subnetwork));
        for subnetwork in all {
            ranges.extend(named_ranges(Some(subnetwork), pool.pod_range_name.as_slice()));
        }
    }
    ranges.sort();
    ranges.dedup();
    ranges
}

fn named_ranges(subnetwork: Option<&Subnetwork>, names: &[String]) -> Vec<IpNet> {
    let secondary = subnetwork.map(|subnetwork| subnetwork.secondary.as_slice());
    let of_name = |(name, _): &&(String, IpNet)| names.contains(name);
    secondary.unwrap_or_default().iter().filter(of_name).map(|(_, range)| *range).collect()
}

/// Whether an address is for use inside of networks: RFC 1918, shared address space (RFC 6598),
/// link-local, loopback, class E (which GKE takes for pods), unique local IPv6.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    AddressSet::private().contains(address)
}
