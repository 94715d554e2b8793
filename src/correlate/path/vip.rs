//! Which VIP of Google's APIs a network was made for, where its records lead to another one.
//!
//! `records lead to restricted.googleapis.com; route to-apis leads to private.googleapis.com`

use crate::engine::naming::redirects_google;
use crate::engine::routing::leads_to_vip;
use crate::model::{
    Action, FirewallRule, Inventory, ManagedZone, Origin, RecordSet, Reference, Route,
};
use crate::net::well_known::{Vip, vips};
use crate::net::{AddressSet, Direction, IpNet, parse_address};

/// What was made for a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The VIP.
    pub vip: Vip,
    /// `route to-apis`
    pub by: String,
    /// Where that was read.
    pub origin: Origin,
}

/// The other VIP that the network was made for, where two of three say so and neither routes nor
/// rules speak of the VIP of `range`: its routes, its EGRESS rules, the records of its other zones.
/// One witness against the records might be the one that is wrong.
#[must_use]
pub fn meant_otherwise(inventory: &Inventory, network: &Reference, range: &IpNet) -> Option<Meant> {
    let witnesses = against(inventory, network, range);
    (witnesses.len() > 1).then(|| witnesses.into_iter().next())?
}

/// The other VIP that anything at all of the network was made for: one witness may be wrong, and is
/// worth a look.
#[must_use]
pub fn may_be_meant_otherwise(
    inventory: &Inventory,
    network: &Reference,
    range: &IpNet,
) -> Option<Meant> {
    against(inventory, network, range).into_iter().next()
}

/// Who says that the network was made for another VIP than that of a range.
fn against(inventory: &Inventory, network: &Reference, range: &IpNet) -> Vec<Meant> {
    let Some(own) = vips().find(|vip| vip.range.contains(&range.addr())) else {
        return Vec::new();
    };
    let witnesses = [spoken_of(&routes(inventory, network)), spoken_of(&rules(inventory, network))];
    let mut for_other: Vec<Meant> = Vec::new();
    for witness in witnesses {
        match witness {
            Spoken::Nothing => {}
            Spoken::One(one) if one.vip != own => for_other.push(one),
            Spoken::One(_) | Spoken::Several => return Vec::new(),
        }
    }
    // Other zones are no witness alone: some names are kept off the VIP on purpose.
    let records = recorded(inventory, network);
    for_other.extend(records.into_iter().find(|one| one.vip != own));
    for_other
}

/// What a kind of resource speaks of.
enum Spoken {
    Nothing,
    One(Meant),
    Several,
}

/// Where each leads, what it is called, and where it was read.
type Ways = Vec<(AddressSet, String, Origin)>;

fn routes(inventory: &Inventory, network: &Reference) -> Ways {
    let own = |route: &&Route| route.network.agrees(network) && route.destination.prefix_len() > 0;
    let to = |route: &Route| {
        let to = AddressSet::of(std::slice::from_ref(&route.destination));
        (to, format!("route {}", route.id.name), route.origin.clone())
    };
    inventory.routes.iter().filter(own).map(to).collect()
}

fn rules(inventory: &Inventory, network: &Reference) -> Ways {
    let opens = |rule: &&FirewallRule| {
        rule.network.agrees(network)
            && rule.is_for(Direction::Egress)
            && rule.action == Action::Allow
            && !rule.disabled
    };
    let to = |rule: &FirewallRule| {
        let to = rule.destination.clone().filter(|set| !set.is_anywhere())?;
        Some((to, format!("rule {}", rule.label()), rule.origin.clone()))
    };
    inventory.firewall_rules.iter().filter(opens).filter_map(to).collect()
}

/// Whether a network is made for a VIP: private zones send names of Google's to one, or a route of
/// its own leads there.
pub fn is_meant(inventory: &Inventory, network: &Reference) -> bool {
    redirects_google(inventory, network) || leads_to_vip(inventory, network)
}

/// The VIPs that records of the network's private zones lead to.
#[must_use]
pub fn recorded(inventory: &Inventory, network: &Reference) -> Vec<Meant> {
    let sees =
        |zone: &&ManagedZone| zone.private && zone.networks.iter().any(|one| one.agrees(network));
    let zones: Vec<_> = inventory.zones.iter().filter(sees).collect();
    let own = |record: &&RecordSet| match &record.zone {
        Some(zone) => zones.iter().any(|one| one.id.agrees(zone)),
        None => !zones.is_empty(),
    };
    let mut found = Vec::new();
    for record in inventory.record_sets.iter().filter(own) {
        let addresses: Vec<_> = record.data.iter().filter_map(|text| parse_address(text)).collect();
        let led_to = vips().filter(|vip| addresses.iter().any(|one| vip.range.contains(one)));
        found.extend(led_to.map(|vip| Meant {
            vip,
            by: format!("record {}", record.name),
            origin: record.origin.clone(),
        }));
    }
    found
}

/// The VIPs that these cover whole.
fn spoken_of(all: &Ways) -> Spoken {
    let mut found: Vec<Meant> = Vec::new();
    for vip in vips() {
        let range = AddressSet::of(&[vip.range]);
        let first = all.iter().find(|(to, ..)| to.covers(&range));
        found.extend(first.map(|(_, by, origin)| Meant {
            vip,
            by: by.clone(),
            origin: origin.clone(),
        }));
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Spoken::Nothing,
        (Some(only), true) => Spoken::One(only),
        (Some(_), false) => Spoken::Several,
    }
}
