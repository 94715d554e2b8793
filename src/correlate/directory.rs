//! Everything that is looked up about one end of a connection: its role, and the tags and accounts
//! that the firewall goes by.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::correlate::roles::is_private;
use crate::correlate::{Roles, Who, node_tags};
use crate::engine::{Endpoint, Facts, Flow};
use crate::model::{Instance, Inventory, Reference};
use crate::net::{Direction, FiveTuple, Role};

/// The inventory with its roles.
#[derive(Debug)]
pub struct Directory<'a> {
    /// What was given.
    pub inventory: &'a Inventory,
    /// Whose addresses are whose.
    pub roles: Roles,
    nodes: Vec<(BTreeSet<String>, Option<String>)>,
    by_name: HashMap<&'a str, Vec<&'a Instance>>,
    by_address: HashMap<IpAddr, Vec<&'a Instance>>,
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
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_address: HashMap<_, Vec<_>> = HashMap::new();
        for instance in inventory.instances.iter().filter(|instance| !instance.template) {
            by_name.entry(instance.id.name.as_str()).or_default().push(instance);
            for address in instance.interfaces.iter().filter_map(|nic| nic.address) {
                by_address.entry(address).or_default().push(instance);
            }
        }
        Self { inventory, roles: Roles::of(inventory), nodes, by_name, by_address }
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
        }
    }

    /// Whether an address is outside of everything private and described.
    fn is_external(&self, address: IpAddr, network: &Reference) -> bool {
        if is_private(address) {
            return false;
        }
        let who = self.roles.who(address, Some(network));
        matches!(who.owner.role, Role::Internet | Role::GooglePublic)
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
            return Endpoint {
                tags: Facts::exactly(instance.tags.iter().map(String::as_str)),
                service_accounts: Facts::exactly(instance.service_account.as_deref()),
                secure_tags: Facts::Unknown,
            };
        }
        let who = self.roles.who(address, Some(network));
        let cluster = who.owner.cluster.or_else(|| self.cluster_of_vm(vm_name?, network));
        match cluster.and_then(|at| self.nodes.get(at)) {
            Some((tags, account)) => Endpoint {
                tags: Facts::AtLeast(tags.clone()),
                service_accounts: match account {
                    Some(account) => Facts::exactly([account.as_str()]),
                    None => Facts::Unknown,
                },
                secure_tags: Facts::Unknown,
            },
            None => Endpoint::default(),
        }
    }

    /// What is known of the other end. Source tags and accounts match only the primary address of
    /// a VM in the same network: never a pod, nor anybody outside
    /// (<https://cloud.google.com/vpc/docs/firewalls>).
    fn peer(&self, address: IpAddr, network: &Reference) -> Endpoint {
        if let Some(instance) = self.instance_of_address(address, network) {
            return Endpoint {
                tags: Facts::exactly(instance.tags.iter().map(String::as_str)),
                service_accounts: Facts::exactly(instance.service_account.as_deref()),
                secure_tags: Facts::Unknown,
            };
        }
        let who = self.roles.who(address, Some(network));
        match who.owner.role {
            Role::Node if !who.elsewhere => self.endpoint(address, network, None),
            Role::Subnet | Role::Unknown if !who.elsewhere => Endpoint::default(),
            _ => Endpoint::outside(),
        }
    }

    fn instance_of_name(&self, name: &str, network: &Reference) -> Option<&'a Instance> {
        let on_network = |instance: &&&Instance| {
            instance.interfaces.iter().any(|nic| nic.network.agrees(network))
        };
        self.by_name.get(name)?.iter().find(on_network).copied()
    }

    fn instance_of_address(&self, address: IpAddr, network: &Reference) -> Option<&'a Instance> {
        let at_address = |instance: &&&Instance| {
            let mut interfaces = instance.interfaces.iter();
            interfaces.any(|nic| nic.address == Some(address) && nic.network.agrees(network))
        };
        self.by_address.get(&address)?.iter().find(at_address).copied()
    }

    /// The cluster whose nodes are named so: `gke-blue-default-pool-1a2b3c4d-x1y2`.
    fn cluster_of_vm(&self, vm_name: &str, network: &Reference) -> Option<usize> {
        let mut found = self.inventory.clusters.iter().enumerate().filter(|(_, cluster)| {
            vm_name.starts_with(&format!("gke-{}-", cluster.id.name))
                && cluster.network.as_ref().is_none_or(|of| of.agrees(network))
        });
        let only = found.next().map(|(at, _)| at);
        only.filter(|_| found.next().is_none())
    }

    /// Who `address` is, seen from `network`.
    #[must_use]
    pub fn who(&self, address: IpAddr, network: Option<&Reference>) -> Who<'_> {
        self.roles.who(address, network)
    }
}
