//! The rules that GKE writes by itself, where only manifests were given: a repository does not hold
//! them, and without them nothing would seem to work. Where the network's rules were exported, the
//! export is believed, also in what it does not hold.

use std::sync::Arc;

use crate::correlate::Directory;
use crate::correlate::expected::judge::ASSUMED;
use crate::correlate::expected::{Place, cluster, probes};
use crate::model::automatic::{self, AutomaticRule};
use crate::model::managed::is_rule_for;
use crate::model::{Cluster, FirewallRule, Inventory, Origin, Owner, Reference};
use crate::net::{Direction, IpNet, Role, well_known};

/// The inventory with GKE's own rules, for networks of which no export was given but only
/// manifests; `None` where nothing is to be added.
#[must_use]
pub fn with_automatic_rules(directory: &Directory<'_>) -> Option<Inventory> {
    let inventory = directory.inventory;
    let mut added = Vec::new();
    for (at, cluster) in inventory.clusters.iter().enumerate() {
        let place = Place::of(directory, at, cluster);
        let Some(network) = place.network.clone() else { continue };
        // An export is older than the cluster that a plan makes.
        let is_there = is_exported(inventory, &network) && !cluster.is_planned;
        if is_there || !inventory.has_firewall_of(&network) {
            continue;
        }
        for row in automatic::table() {
            added.extend(assumed(&place, &network, row));
        }
    }
    if added.is_empty() {
        return None;
    }
    let mut with = inventory.clone();
    with.firewall_rules.extend(added);
    Some(with)
}

/// The networks of which rules were assumed.
#[must_use]
pub fn assumed_networks(inventory: &Inventory) -> Vec<Reference> {
    let assumed = inventory.firewall_rules.iter().filter(|rule| &*rule.origin.path == ASSUMED);
    let mut networks: Vec<Reference> = assumed.map(|rule| rule.network.clone()).collect();
    networks.sort();
    networks.dedup();
    networks
}

/// Whether the rules of a network were exported: then what is not among them is not there.
pub(super) fn is_exported(inventory: &Inventory, network: &Reference) -> bool {
    let answers = |one: &Reference| one.agrees(network);
    let here = |rule: &&FirewallRule| rule.network.agrees(network);
    let is_kept = |rule: &FirewallRule| {
        rule.is_written || rule.manifest.as_ref().is_some_and(|own| !own.is_exported)
    };
    let own = || inventory.firewall_rules.iter().filter(here);
    let (kept, exported) =
        (own().any(is_kept), own().filter(|rule| !is_kept(rule)).take(2).count());
    // Beside manifests a single rule was described, and not the network's list.
    inventory.is_amazon(network)
        || inventory.effective_networks.iter().any(answers)
        || exported > usize::from(kept)
}

fn assumed(
    place: &Place<'_, '_>,
    network: &Reference,
    row: &'static AutomaticRule,
) -> Option<FirewallRule> {
    let name = &place.cluster.id.name;
    let probes = |name: &str| -> Vec<IpNet> {
        let ranges = well_known::ranges_with(Role::HealthCheck, name);
        ranges.into_iter().filter(|range| range.addr().is_ipv4()).collect()
    };
    let sources = match row.sources {
        "control-plane" if cluster::speaks_from_its_range(place.cluster) => {
            place.cluster.control_plane_range.into_iter().collect()
        }
        "control-plane" => Vec::new(),
        "nodes" => place.ranges(Role::Node).0,
        "pods" => place.ranges(Role::Pod).0,
        "load-balancer-probes" if probes::has_ingress(place) => probes(probes::PROXIED),
        "passthrough-probes" if probes::has_balancer(place) => probes(probes::PASSTHROUGH),
        "anywhere" => crate::net::cidr::anywhere().into_iter().take(1).collect(),
        _ => Vec::new(),
    };
    if sources.is_empty() {
        return None;
    }
    let mut rule = FirewallRule::new(network.clone(), Direction::Ingress, row.priority, row.action);
    rule.name = Some(match row.rule {
        "l7" => format!("k8s-fw-l7--{name}"),
        "node-http-hc" => format!("k8s-{name}-node-http-hc"),
        suffix => format!("gke-{name}-HASH-{suffix}"),
    });
    rule.set_source_ranges(sources);
    rule.set_layers(row.traffic.iter().cloned().chain(probes::extra(place, row.rule)));
    let known = crate::correlate::node_tags::node_tag(place.directory.inventory, place.cluster);
    match known {
        Some(found) => {
            rule.targets.tags.insert(found.tag);
        }
        None => {
            let mut own = place.ranges(Role::Node).0;
            own.extend(place.ranges(Role::Pod).0);
            rule.set_destination_ranges(own);
        }
    }
    rule.owner = Owner::Gke("automatic rule of GKE");
    rule.origin = Origin { path: Arc::from(ASSUMED), line: 0 };
    Some(rule)
}

/// GKE's own rule of a cluster by how its name ends, where it is there.
#[must_use]
pub fn automatic_rule<'a>(
    inventory: &'a Inventory,
    cluster: &Cluster,
    suffix: &str,
) -> Option<&'a FirewallRule> {
    inventory.firewall_rules.iter().find(|rule| {
        rule.name.as_deref().is_some_and(|name| {
            name.ends_with(&format!("-{suffix}"))
                && is_rule_for(name, &cluster.id.name, cluster.hash.as_deref())
        })
    })
}
