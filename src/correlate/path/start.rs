//! Where a way begins: who it is, where it is, and what it carries.

use std::net::IpAddr;

use crate::correlate::scope::Scope;
use crate::correlate::side::{Side, side};
use crate::correlate::{Directory, Owner};
use crate::engine::Facts;
use crate::model::{Cluster, Reference, Subnetwork};
use crate::net::Role;

/// Where the way begins.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// Who it is.
    pub side: Side,
    /// Its network, where it is known.
    pub network: Option<Reference>,
    /// Its cluster, by its place in the inventory.
    pub cluster: Option<usize>,
    /// Its subnetwork, where it was given.
    pub subnetwork: Option<&'a Subnetwork>,
    /// The secondary range that it is in, where it is in one.
    pub secondary: Option<String>,
    /// Whether it has an external address of its own; `None` where nobody says it.
    pub is_external: Option<bool>,
    /// Its tags.
    pub tags: Facts,
}

/// Finds where a way begins: an address, a cluster (its nodes; `NAME/pods` its pods), a subnetwork,
/// a VM or Node, or a pod by `NAMESPACE/NAME`; in the networks of the scope.
pub fn start<'a>(
    directory: &Directory<'a>,
    scope: &Scope,
    from: &str,
) -> Result<Start<'a>, String> {
    let start = found(directory, scope, from)?;
    match start.network.as_ref().filter(|network| directory.inventory.is_amazon(network)) {
        None => Ok(start),
        Some(network) => Err(format!(
            "{from} is in {network}, on AWS: roads are walked in Google Cloud only; what the \
             groups say: vpcwhy why SOURCE ADDRESS:PORT"
        )),
    }
}

fn found<'a>(directory: &Directory<'a>, scope: &Scope, from: &str) -> Result<Start<'a>, String> {
    let inventory = directory.inventory;
    let asked = |network: &Reference| scope.holds(network);
    if let Some(address) = crate::net::parse_address(from) {
        return Ok(exactly(directory, address, &asked));
    }
    let (name, pods) = match from.strip_suffix("/pods") {
        Some(name) => (name, true),
        None => (from, false),
    };
    let named = |at: &usize| {
        let here = |one: &Cluster| one.network.as_ref().is_none_or(asked);
        inventory.clusters.get(*at).is_some_and(|one| one.id.name == name && here(one))
    };
    if let Some(at) = (0..inventory.clusters.len()).find(named) {
        let role = if pods { Role::Pod } else { Role::Node };
        return of_cluster(directory, at, role)
            .ok_or_else(|| format!("the {role} range of cluster {name} is not given"));
    }
    let named = |one: &&Subnetwork| one.id.name == from && asked(&one.network);
    if let Some(subnetwork) = inventory.subnetworks.iter().find(named) {
        let address = subnetwork.primary.map(|range| range.addr());
        let address = address.ok_or_else(|| format!("subnetwork {from} has no range"))?;
        return Ok(at_address(directory, address, &|network| network.agrees(&subnetwork.network)));
    }
    let vm = inventory.instances.iter().find(|one| !one.template && one.id.name == from);
    if let Some(vm) = vm {
        let mut here = vm.interfaces.iter().filter(|nic| asked(&nic.network));
        let own = here.find_map(|nic| Some((nic.address?, &nic.network)));
        let (address, own) = own.ok_or_else(|| format!("VM {from} has no address here"))?;
        return Ok(exactly(directory, address, &|network| network.agrees(own)));
    }
    let workloads = &inventory.workloads;
    if let Some(address) =
        workloads.nodes.iter().find(|one| one.name == from).and_then(|one| one.address)
    {
        return Ok(exactly(directory, address, &asked));
    }
    let pod =
        workloads.workloads.iter().find(|one| one.kind == "Pod" && one.id.to_string() == from);
    if let Some(address) = pod.and_then(|pod| pod.address) {
        return Ok(exactly(directory, address, &asked));
    }
    Err(format!("{from} is no address, cluster, subnetwork, VM, Node or pod that was given"))
}

fn of_cluster<'a>(directory: &Directory<'a>, at: usize, role: Role) -> Option<Start<'a>> {
    let own = |owner: &&Owner| owner.role == role && owner.cluster == Some(at) && !owner.is_vm;
    let owner = directory.roles.owners().iter().find(own)?;
    let address = owner.ranges.first()?.addr();
    let here = |network: &Reference| owner.network.as_ref().is_none_or(|own| own.agrees(network));
    let mut start = at_address(directory, address, &here);
    start.is_external = None;
    // Several clusters may share the subnetwork.
    start.cluster = Some(at);
    start.side.name.clone_from(&owner.name);
    start.side.cluster = Some(at);
    start.side.role = role;
    Some(with_cluster(directory, start))
}

/// Whoever has this address, and nobody of the same range.
pub(super) fn exactly<'a>(
    directory: &Directory<'a>,
    address: IpAddr,
    here: &dyn Fn(&Reference) -> bool,
) -> Start<'a> {
    let start = at_address(directory, address, here);
    Start { side: start.side.exactly(&[address]), ..start }
}

/// Whoever has this address in a network that is meant, with all of the range: networks may have
/// the same ranges.
fn at_address<'a>(
    directory: &Directory<'a>,
    address: IpAddr,
    here: &dyn Fn(&Reference) -> bool,
) -> Start<'a> {
    let inventory = directory.inventory;
    // A VM shows whether it has an external address.
    let nics = inventory.instances.iter().filter(|vm| !vm.template).flat_map(|vm| &vm.interfaces);
    let mut nics = nics.into_iter().filter(|nic| here(&nic.network));
    let own = nics.find(|nic| nic.address == Some(address));
    let external = own.map(|nic| !nic.external.is_empty());
    let mut networks = directory.roles.networks_of(address);
    networks.retain(|network| here(network));
    let network = match networks.as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    let who = directory.who(address, network.as_ref());
    let holds = |one: &&Subnetwork| {
        let secondary = one.secondary.iter().map(|(_, range)| range);
        let own = network.as_ref().is_none_or(|of| one.network.agrees(of));
        own && one.primary.iter().chain(secondary).any(|range| range.contains(&address))
    };
    let subnetwork = inventory.subnetworks.iter().find(holds);
    let secondary = subnetwork.and_then(|one| {
        let found = one.secondary.iter().find(|(_, range)| range.contains(&address));
        found.map(|(name, _)| name.clone())
    });
    let tags = network.as_ref().map(|of| directory.endpoint(address, of, None).tags);
    let start = Start {
        cluster: who.owner.cluster,
        side: side(who, &[address]),
        subnetwork,
        secondary,
        is_external: external,
        tags: tags.unwrap_or_default(),
        network,
    };
    with_cluster(directory, start)
}

/// What a cluster says of its nodes.
fn with_cluster<'a>(directory: &Directory<'a>, mut start: Start<'a>) -> Start<'a> {
    let Some(at) = start.cluster else { return start };
    let Some(cluster) = directory.inventory.clusters.get(at) else { return start };
    // Pods are in the nodes' subnetwork, under a secondary range that the cluster names.
    start.subnetwork = start.subnetwork.or_else(|| directory.inventory.subnetwork_of(cluster));
    if start.side.role == Role::Pod {
        start.secondary = start
            .secondary
            .or_else(|| cluster.pod_range_names.first().cloned())
            .or_else(|| Some("the pods' range".to_owned()));
    }
    start.is_external = start.is_external.or(Some(!cluster.private_nodes));
    if let [only] = directory.nodes_of(at).as_slice() {
        start.tags = only.tags.clone();
    }
    start
}
