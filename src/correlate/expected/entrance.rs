//! What the firewall of a cluster's nodes lets in from outside, on the ports of an application.
//!
//! ```text
//! 0.0.0.0/0 > nodes of blue tcp 30650   DENIED; from 203.0.113.0/24 it passes
//! ```

use crate::correlate::Directory;
use crate::correlate::expected::assumed::is_exported;
use crate::correlate::expected::judge::{Ask, Asked, open};
use crate::correlate::expected::{Answer, Need, Place, Purpose};
use crate::correlate::node_tags;
use crate::correlate::side::Side;
use crate::model::cluster::Provider;
use crate::model::{Origin, Reference};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Protocol, Role};

/// What comes in.
#[derive(Debug, Clone)]
pub struct Entrance<'a> {
    /// What becomes of all that was asked about.
    pub answer: Answer<'a>,
    /// From where it passes, for a part of the ports at least.
    pub passing: AddressSet,
    /// The nodes, or the address that stands for them.
    pub to: Side,
    /// The network.
    pub network: Option<Reference>,
    /// Whether the rules of the network were exported: GKE's own are among them then.
    pub is_exported: bool,
}

/// Asks the nodes of the cluster at a place of the inventory. Packets of a passthrough balancer
/// arrive with its address: `address` is that one.
#[must_use]
pub fn entrance<'a>(
    directory: &Directory<'a>,
    cluster: usize,
    from: &Side,
    address: Option<&[IpNet]>,
    (protocol, ports): (Protocol, &PortSet),
) -> Option<Entrance<'a>> {
    let described = directory.inventory.clusters.get(cluster)?;
    let place = Place::of(directory, cluster, described);
    let mut to = place.side(Role::Node);
    if described.provider == Provider::Amazon {
        let nodes = node_tags::instances_of(directory.inventory, described);
        let addresses = nodes.flat_map(|node| &node.interfaces).filter_map(|nic| nic.address);
        to.ranges = addresses.map(IpNet::from).collect();
    } else if let Some(address) = address {
        to.ranges = address.to_vec();
    }
    let known = place.network.as_ref().zip(place.rules.as_ref());
    let ask = Ask { from, to: &to, protocol, ports };
    let (answer, passing) = match known {
        Some((network, rules)) => {
            let asked = Asked { directory, network, rules, vms: Some(cluster) };
            (asked.at(Direction::Ingress, &ask), asked.passing(Direction::Ingress, &ask))
        }
        None => (open(Direction::Ingress), AddressSet::default()),
    };
    let network = place.network.clone();
    let is_exported =
        network.as_ref().is_some_and(|network| is_exported(directory.inventory, network));
    Some(Entrance { answer, passing, to, network, is_exported })
}

impl<'a> Entrance<'a> {
    /// The same as something that is needed: its clients were named.
    #[must_use]
    pub fn need(
        &self,
        reason: String,
        cluster: usize,
        from: &Side,
        (protocol, port): (Protocol, u16),
        origin: &Origin,
    ) -> Need<'a> {
        Need {
            purpose: Purpose::Exposure,
            reason,
            cluster: Some(cluster),
            network: self.network.clone(),
            from: from.clone(),
            to: self.to.clone(),
            protocol,
            port: Some(port),
            doubtful: false,
            missing: None,
            because: Vec::new(),
            answer: self.answer.clone(),
            origin: origin.clone(),
        }
    }
}
