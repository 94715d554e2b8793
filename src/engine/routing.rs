//! The route that a packet takes out of a VM: a policy-based route, else a subnetwork's own range,
//! else the longest prefix among the routes that serve the VM, else the better priority.
//!
//! Priority decides between equal prefixes only: a default route of priority 100 does not capture
//! 199.36.153.4/30 at 1000 (<https://cloud.google.com/vpc/docs/routes#routeselection>). No route
//! of that kind overrules a subnetwork's, but policy-based ones are asked before all of them
//! (<https://cloud.google.com/vpc/docs/routes#policy-based-routes>).
//!
//! ```text
//! 199.36.153.5   199.36.153.4/30 priority 1000, not 0.0.0.0/0 priority 100
//! ```

use std::net::IpAddr;

use crate::engine::Facts;
use crate::model::listed::Listed;
use crate::model::{Inventory, PolicyRoute, Reference, Route, Subnetwork};
use crate::net::well_known::vips;

/// Where a packet goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Hop<'a> {
    /// Into a subnetwork of the network: only a policy-based route overrules that.
    Subnetwork(&'a Subnetwork),
    /// Along these routes, of equal rank.
    Routes(Vec<&'a Route>),
    /// Along the default route that a network is made with, which no export shows and no manifest
    /// takes away.
    MadeWith,
    /// Nowhere.
    Nowhere,
    /// It depends on the tags of the VM whether the first of these, or the second, serves it.
    Depends(&'a Route, Option<&'a Route>),
    /// A policy-based route takes it, or may, where the tags of the VM are not known.
    Policy(&'a PolicyRoute, bool),
    /// Along this route, of which nobody knows where it leads.
    Unsaid(&'a Route),
    /// No route that was given leads there, and one that a router learned may.
    Learned,
    /// No route of the network was given.
    NotGiven,
}

/// The next hop for `address`, from a VM that carries these tags.
#[must_use]
pub fn next_hop<'a>(
    inventory: &'a Inventory,
    network: &Reference,
    tags: &Facts,
    source: Option<IpAddr>,
    address: IpAddr,
) -> Hop<'a> {
    let inside = |one: &&Subnetwork| {
        let secondary = one.secondary.iter().map(|(_, range)| range);
        let ranges = one.primary.iter().chain(&one.v6).chain(secondary);
        one.network.agrees(network) && ranges.into_iter().any(|range| range.contains(&address))
    };
    if let Some(by_policy) = policy(inventory, network, tags, source, address) {
        return by_policy;
    }
    if let Some(found) = inventory.subnetworks.iter().find(inside) {
        return Hop::Subnetwork(found);
    }
    let own = || inventory.routes.iter().filter(|route| route.network.agrees(network));
    // A next hop that is gone or stopped takes its route out of the choice.
    let mut fitting: Vec<&Route> = own()
        .filter(|route| route.destination.contains(&address) && route.down.is_none())
        .collect();
    fitting.sort_by_key(|route| {
        (std::cmp::Reverse(route.destination.prefix_len()), route.priority, &route.id.name)
    });
    let serves = |route: &Route| serves(route, tags);
    let mut open = None;
    let mut chosen: Vec<&Route> = Vec::new();
    for route in fitting {
        match (serves(route), chosen.first()) {
            (Some(false), _) => {}
            (Some(true), None) => chosen.push(route),
            (Some(true), Some(first)) if is_equal(first, route) => chosen.push(route),
            (None, None) => open = open.or(Some(route)),
            (_, Some(_)) => {}
        }
    }
    match (open, chosen.first()) {
        (Some(open), first) => Hop::Depends(open, first.copied()),
        (None, Some(_)) => match chosen.iter().find(|route| route.next_hop.is_empty()) {
            Some(unsaid) => Hop::Unsaid(unsaid),
            None => Hop::Routes(chosen),
        },
        (None, None) => {
            let described = inventory.networks.iter().find(|one| one.id.agrees(network));
            let is_exported = own().any(|route| !route.is_written)
                || inventory.lists_none(Listed::Routes, network);
            match described.and_then(|one| one.default_route) {
                _ if inventory.is_partial(Listed::Routes) => Hop::NotGiven,
                // No router learns one to the internet gateway, which the VIPs need.
                _ if is_exported && !is_vip(address) && inventory.learns_routes(network) => {
                    Hop::Learned
                }
                _ if is_exported => Hop::Nowhere,
                Some(true) => Hop::MadeWith,
                // Nor does a peering bring one; of others neither was given.
                Some(false) if !is_vip(address) && is_taught(inventory, network) => Hop::Learned,
                Some(false) => Hop::Nowhere,
                None => Hop::NotGiven,
            }
        }
    }
}

/// Whether others may tell a network its routes.
fn is_taught(inventory: &Inventory, network: &Reference) -> bool {
    inventory.learns_routes(network) || inventory.is_peered(network)
}

fn is_vip(address: IpAddr) -> bool {
    vips().any(|vip| vip.range.contains(&address))
}

impl Hop<'_> {
    /// Whether a route of a list of which a part is lost may lead elsewhere.
    #[must_use]
    pub fn may_be_overruled(&self, inventory: &Inventory) -> bool {
        let by_policy = inventory.is_partial(Listed::PolicyRoutes);
        match self {
            // No other route is as narrow as a subnetwork's own.
            Self::Subnetwork(_) => by_policy,
            _ => by_policy || inventory.is_partial(Listed::Routes),
        }
    }
}

/// Whether a route of the network's own leads to a VIP of Google's APIs.
#[must_use]
pub fn leads_to_vip(inventory: &Inventory, network: &Reference) -> bool {
    let mut own = inventory.routes.iter().filter(|route| route.network.agrees(network));
    own.any(|route| vips().any(|vip| vip.range.contains(&route.destination)))
}

/// The policy-based route that takes a packet: of those that fit the one asked first. Where that
/// is for VMs with tags that are not known, it may.
fn policy<'a>(
    inventory: &'a Inventory,
    network: &Reference,
    tags: &Facts,
    source: Option<IpAddr>,
    address: IpAddr,
) -> Option<Hop<'a>> {
    let mut fitting: Vec<&PolicyRoute> = inventory
        .policy_routes
        .iter()
        .filter(|one| {
            one.network.agrees(network)
                && !one.by_interconnect
                && one.destination.contains(&address)
                && source.is_none_or(|source| one.source.contains(&source))
                && one.protocol.is_none_or(|of| of == crate::net::Protocol::TCP)
        })
        .collect();
    fitting.sort_by_key(|one| (one.priority, &one.id.name));
    for one in fitting {
        let serves = match one.tags.is_empty() {
            true => Some(true),
            false => tags.any_of(&one.tags.iter().cloned().collect()),
        };
        let is_certain = match serves {
            Some(false) => continue,
            Some(true) => source.is_some(),
            None => false,
        };
        // One without next hop leaves packets to the other routes.
        match (&one.next_hop, is_certain) {
            (None, true) => return None,
            (_, is_certain) => return Some(Hop::Policy(one, is_certain)),
        }
    }
    None
}

fn is_equal(a: &Route, b: &Route) -> bool {
    (a.destination, a.priority) == (b.destination, b.priority)
}

/// Whether a route is for a VM that carries these tags; `None` where that is not known.
#[must_use]
pub fn serves(route: &Route, tags: &Facts) -> Option<bool> {
    match route.tags.is_empty() {
        true => Some(true),
        false => tags.any_of(&route.tags.iter().cloned().collect()),
    }
}

/// Whether a route leads to the internet, and to Google's VIPs.
#[must_use]
pub fn is_internet_gateway(route: &Route) -> bool {
    route.next_hop.rsplit('/').next() == Some("default-internet-gateway")
}

#[cfg(test)]
mod tests {
    use super::{Hop, next_hop};
    use crate::engine::Facts;
    use crate::model::{Inventory, Network, Origin, PolicyRoute, Reference, Route};

    fn route(name: &str, destination: &str, priority: u32, tags: &[&str]) -> Route {
        Route {
            id: Reference::new(None, name),
            network: Reference::new(None, "n"),
            destination: destination.parse().unwrap(),
            priority,
            next_hop: "default-internet-gateway".to_owned(),
            by_peering: false,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            is_written: false,
            down: None,
            kept: None,
            origin: Origin::default(),
        }
    }

    fn told(hop: &Hop<'_>) -> String {
        match hop {
            Hop::Subnetwork(_) => "subnetwork".to_owned(),
            Hop::Routes(list) => {
                list.iter().map(|one| one.id.name.as_str()).collect::<Vec<_>>().join(" ")
            }
            Hop::MadeWith => "made with".to_owned(),
            Hop::Nowhere => "nowhere".to_owned(),
            Hop::Depends(first, then) => {
                format!("{} or {}", first.id.name, then.map_or("", |one| one.id.name.as_str()))
            }
            Hop::Policy(one, true) => format!("by {}", one.id.name),
            Hop::Policy(one, false) => format!("perhaps by {}", one.id.name),
            Hop::Unsaid(route) => format!("unsaid by {}", route.id.name),
            Hop::Learned => "learned".to_owned(),
            Hop::NotGiven => "not given".to_owned(),
        }
    }

    #[track_caller]
    fn check(routes: &[Route], tags: &Facts, address: &str, expected: &str) {
        let inventory = Inventory { routes: routes.to_vec(), ..Inventory::default() };
        let network = Reference::new(None, "n");
        let hop = next_hop(&inventory, &network, tags, None, address.parse().unwrap());
        assert_eq!(told(&hop), expected);
    }

    #[test]
    fn the_longest_prefix_wins_and_priority_only_between_equals() {
        let none = Facts::none();
        let default = route("default", "0.0.0.0/0", 100, &[]);
        let vip = route("vip", "199.36.153.4/30", 1000, &[]);
        let both = [default.clone(), vip.clone()];
        check(&both, &none, "199.36.153.5", "vip");
        check(&both, &none, "199.36.153.9", "default");
        let better = route("better", "199.36.153.4/30", 900, &[]);
        check(&[default.clone(), vip.clone(), better], &none, "199.36.153.5", "better");
        let twin = route("twin", "199.36.153.4/30", 1000, &[]);
        check(&[vip.clone(), twin], &none, "199.36.153.5", "twin vip");
        let gone = Route {
            down: Some("NEXT_HOP_NOT_RUNNING".to_owned()),
            ..route("gone", "199.36.153.4/31", 100, &[])
        };
        check(&[gone, vip.clone()], &none, "199.36.153.5", "vip");
        check(&[vip], &none, "8.8.8.8", "nowhere");
        check(&[], &none, "8.8.8.8", "not given");
    }

    #[test]
    fn tags_choose_among_routes() {
        let default = route("default", "0.0.0.0/0", 1000, &[]);
        let tagged = route("tagged", "0.0.0.0/0", 900, &["proxy"]);
        let both = [default, tagged];
        check(&both, &Facts::exactly(["proxy"]), "8.8.8.8", "tagged");
        check(&both, &Facts::none(), "8.8.8.8", "default");
        check(&both, &Facts::Unknown, "8.8.8.8", "tagged or default");
    }

    #[test]
    fn policies_are_asked_before_routes() {
        let by = |name: &str, priority, destination: &str, tags: &[&str], to: Option<&str>| {
            PolicyRoute {
                id: Reference::new(None, name),
                network: Reference::new(None, "n"),
                priority,
                source: "10.0.0.0/8".parse().unwrap(),
                destination: destination.parse().unwrap(),
                protocol: None,
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                by_interconnect: false,
                next_hop: to.map(str::to_owned),
                origin: Origin::default(),
            }
        };
        let check = |policies: &[PolicyRoute], tags: &Facts, source: &str, expected: &str| {
            let inventory = Inventory {
                routes: vec![route("default", "0.0.0.0/0", 1000, &[])],
                policy_routes: policies.to_vec(),
                ..Inventory::default()
            };
            let network = Reference::new(None, "n");
            let source = Some(source.parse().unwrap());
            let hop = next_hop(&inventory, &network, tags, source, "8.8.8.8".parse().unwrap());
            assert_eq!(told(&hop), expected);
        };
        let all = by("all", 200, "0.0.0.0/0", &[], Some("10.9.9.9"));
        let skip = by("skip", 100, "8.8.8.0/24", &[], None);
        let tagged = by("tagged", 50, "0.0.0.0/0", &["proxied"], Some("10.9.9.9"));
        let none = Facts::none();
        check(std::slice::from_ref(&all), &none, "10.0.0.1", "by all");
        check(std::slice::from_ref(&all), &none, "172.16.0.1", "default");
        check(&[all.clone(), skip], &none, "10.0.0.1", "default");
        check(&[all.clone(), tagged.clone()], &none, "10.0.0.1", "by all");
        check(&[all, tagged], &Facts::Unknown, "10.0.0.1", "perhaps by tagged");
    }

    #[test]
    fn a_network_is_made_with_a_default_route_unless_it_says_no() {
        let network = |default_route| Network {
            id: Reference::new(None, "n"),
            policies_first: Some(false),
            is_disputed: false,
            peering_names: None,
            default_route,
            provider: crate::model::cluster::Provider::Google,
            origin: Origin::default(),
        };
        let hop = |default_route| {
            let networks = vec![network(default_route)];
            let inventory = Inventory { networks, ..Inventory::default() };
            let of = Reference::new(None, "n");
            let hop = next_hop(&inventory, &of, &Facts::none(), None, "8.8.8.8".parse().unwrap());
            format!("{hop:?}")
        };
        assert_eq!(
            [hop(Some(true)), hop(Some(false)), hop(None)],
            ["MadeWith", "Nowhere", "NotGiven"]
        );
    }
}
