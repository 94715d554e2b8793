//! What was given of lists, as far as something is concluded from what is not in them.
//!
//! `routers list` said `[]`: there is no Cloud NAT. Nobody listed routers: nobody knows.

use std::collections::BTreeSet;

use crate::model::listed::Listed;
use crate::model::{Inventory, ManagedZone, Reference};

impl Inventory {
    /// Whether a router of a network may have learned routes that nobody gave.
    #[must_use]
    pub fn learns_routes(&self, network: &Reference) -> bool {
        let own = self.routers.iter().filter(|(_, of, _)| of.agrees(network));
        let learning: BTreeSet<&Reference> = own
            .filter(|(router, ..)| self.learned.by.iter().any(|one| one.agrees(router)))
            .map(|(router, ..)| router)
            .collect();
        let given = self.learned.given.iter().filter(|(of, _)| of.agrees(network)).count();
        learning.len() > given
    }

    /// Whether a network is peered with one whose subnetworks may be anywhere: GKE's own, which a
    /// cluster of former times is peered with, have the control plane's range alone.
    #[must_use]
    pub fn is_peered(&self, network: &Reference) -> bool {
        let is_gke =
            |peer: &Reference| peer.name.starts_with("gke-n") && peer.name.ends_with("-net");
        self.peerings.iter().any(|(own, peer)| own.agrees(network) && !is_gke(peer))
    }

    /// Whether only a part of a list was given: what is not in it may be there all the same.
    #[must_use]
    pub fn is_partial(&self, listed: Listed) -> bool {
        self.lists.partial.contains(&listed)
    }

    /// Whether a list was given that holds none in this network's project. One that does not say
    /// its project may be of any, where there are several.
    #[must_use]
    pub fn lists_none(&self, listed: Listed, network: &Reference) -> bool {
        let mut own = self.lists.none.iter().filter(|(of, _)| *of == listed).peekable();
        if own.peek().is_none() || self.is_partial(listed) {
            return false;
        }
        own.any(|(_, project)| match (project, &network.project) {
            (Some(project), Some(own)) => project == own,
            _ => self.is_of_one_project(),
        })
    }

    /// The project of a network, by its own word, or by that of all that was described of it.
    #[must_use]
    pub fn project_of(&self, network: &Reference) -> Option<String> {
        let networks = self.networks.iter().map(|one| &one.id);
        let of_subnetworks = self.subnetworks.iter().map(|one| &one.network);
        // A cluster may be in a project that uses the network of another one.
        let of_rules = self.firewall_rules.iter().map(|one| &one.network);
        let all = networks.chain(of_subnetworks).chain(of_rules);
        let same = all.filter(|one| one.agrees(network)).filter_map(|one| one.project.as_ref());
        let told: BTreeSet<&String> = same.collect();
        let only = told.first().filter(|_| told.len() == 1).map(|one| (*one).clone());
        network.project.clone().or(only)
    }

    /// Whether nothing that was described is of a second project.
    fn is_of_one_project(&self) -> bool {
        let networks = self.networks.iter().map(|one| &one.id);
        let of_rules = self.firewall_rules.iter().map(|one| &one.network);
        let of_subnetworks = self.subnetworks.iter().map(|one| &one.network);
        let of_clusters =
            self.clusters.iter().flat_map(|one| [Some(&one.id), one.network.as_ref()]);
        let all = networks.chain(of_rules).chain(of_subnetworks).chain(of_clusters.flatten());
        let mut projects = all.filter_map(|one| one.project.as_deref());
        let first = projects.next();
        projects.all(|one| Some(one) == first)
    }

    /// Whether lists of this were given that hold none for any network that is known.
    #[must_use]
    pub fn has_none(&self, listed: Listed) -> bool {
        let is_listed = self.lists.none.iter().any(|(of, _)| *of == listed);
        let known = if is_listed { self.known_networks() } else { Vec::new() };
        !known.is_empty() && known.iter().all(|network| self.lists_none(listed, network))
    }

    /// Whether the zones of DNS were given that a network may see: those of other projects come in
    /// another list.
    #[must_use]
    pub fn has_zones_for(&self, network: &Reference) -> bool {
        let is_elsewhere = |seen_by: &Reference| {
            let projects = seen_by.project.as_ref().zip(network.project.as_ref());
            projects.is_some_and(|(its, own)| its != own)
        };
        let may_be_its = |zone: &ManagedZone| {
            zone.networks.is_empty() || !zone.networks.iter().all(is_elsewhere)
        };
        let given = self.zones.iter().any(may_be_its) || self.lists_none(Listed::Zones, network);
        given && !self.is_partial(Listed::Zones)
    }
}
