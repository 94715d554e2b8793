//! Routing and names by a second, plain reading: it tests every address bit by bit and every name
//! label by label, and shares no helper with the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde_json::{Value, json};

use common::inventory;
use vpcwhy::engine::Facts;
use vpcwhy::engine::naming::{Resolved, resolve};
use vpcwhy::engine::routing::{Hop, next_hop};
use vpcwhy::model::Reference;

const NETWORK: &str = "projects/p/global/networks/n";

#[derive(Debug, Clone)]
struct Route {
    base: u32,
    length: u32,
    priority: u32,
    gateway: bool,
}

fn route() -> impl Strategy<Value = Route> {
    (0_u32..64, 0_u32..=6, 0_u32..4, any::<bool>()).prop_map(|(base, length, priority, gateway)| {
        // Six bits of addresses: prefixes meet often.
        let base = (199 << 24) | ((base >> (6 - length)) << (6 - length) << 2);
        let length = if length == 0 { 0 } else { 24 + length };
        Route { base: if length == 0 { 0 } else { base }, length, priority, gateway }
    })
}

fn text(route: &Route) -> String {
    format!("{}/{}", Ipv4Addr::from(route.base), route.length)
}

fn export(number: usize, route: &Route) -> Value {
    let hop = if route.gateway { "gateways/default-internet-gateway" } else { "vpnTunnels/t" };
    json!({"kind": "compute#route", "name": format!("r{number}"), "network": NETWORK,
           "destRange": text(route), "priority": route.priority,
           "nextHopGateway": format!("projects/p/{hop}")})
}

/// Bit by bit: how many leading bits of the route the address has, all of them or it is none.
fn holds(route: &Route, address: u32) -> bool {
    (0..route.length).all(|bit| (route.base >> (31 - bit)) & 1 == (address >> (31 - bit)) & 1)
}

fn chosen(routes: &[Route], address: u32) -> Vec<usize> {
    let mut best: Option<(u32, u32)> = None;
    for route in routes.iter().filter(|route| holds(route, address)) {
        let better = match best {
            None => true,
            Some((length, priority)) => {
                route.length > length || route.length == length && route.priority < priority
            }
        };
        if better {
            best = Some((route.length, route.priority));
        }
    }
    let numbers = 0..routes.len();
    let equal = |at: &usize| {
        let route = &routes[*at];
        holds(route, address) && best == Some((route.length, route.priority))
    };
    numbers.filter(equal).collect()
}

fn asked(routes: &[Route], address: u32) -> Vec<usize> {
    let exports: Vec<Value> =
        routes.iter().enumerate().map(|(number, route)| export(number, route)).collect();
    let inventory = inventory(&exports);
    let network = Reference::parse(NETWORK);
    let address = Ipv4Addr::from(address).into();
    match next_hop(&inventory, &network, &Facts::none(), None, address) {
        Hop::Routes(found) => {
            let number = |one: &&vpcwhy::model::Route| one.id.name[1..].parse().unwrap();
            let mut numbers: Vec<usize> = found.iter().map(number).collect();
            numbers.sort_unstable();
            numbers
        }
        Hop::Nowhere => Vec::new(),
        other => panic!("{other:?}"),
    }
}

const LABELS: [&str; 3] = ["a", "b", "gcr"];

/// A name of one to four labels, the last of which is `io`.
fn name() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(&LABELS[..]), 0..3).prop_map(|mut labels| {
        labels.push("io");
        labels
    })
}

/// Zones by their apex, each with records: whether a wildcard, the labels below the apex, an octet.
type Zone = (Vec<&'static str>, Vec<(bool, Vec<&'static str>, u8)>);

fn zone() -> impl Strategy<Value = Zone> {
    let record = (any::<bool>(), name(), 1_u8..200);
    (name(), proptest::collection::vec(record, 1..4)).prop_map(|(apex, records)| {
        let below = records.into_iter().map(|(wild, mut labels, octet)| {
            labels.pop();
            (wild, labels, octet)
        });
        let below = below.collect();
        (apex, below)
    })
}

fn joined(labels: &[&str]) -> String {
    format!("{}.", labels.join("."))
}

fn full(apex: &[&'static str], below: &[&'static str]) -> Vec<&'static str> {
    below.iter().chain(apex).copied().collect()
}

/// What the zones answer: `None` is public DNS, `Some(None)` that there is no such name.
fn answer(zones: &[Zone], host: &[&'static str]) -> Option<Option<Vec<u8>>> {
    let under =
        |apex: &[&str]| host.len() >= apex.len() && host[host.len() - apex.len()..] == *apex;
    let (apex, records) =
        zones.iter().filter(|(apex, _)| under(apex)).max_by_key(|(apex, _)| apex.len())?;
    let named = |wild: bool, labels: &[&'static str]| -> Vec<u8> {
        let own = records
            .iter()
            .filter(|(is_wild, below, _)| *is_wild == wild && full(apex, below) == labels);
        own.map(|(_, _, octet)| *octet).collect()
    };
    // RFC 4592: what exists no wildcard stands for, and below the closest name that exists only its
    // own one.
    let exists = |labels: &[&'static str]| {
        let name = |(wild, below, _): &(bool, Vec<&'static str>, u8)| {
            let star: &[&'static str] = if *wild { &["*"] } else { &[] };
            [star, &full(apex, below)].concat()
        };
        labels == *apex || records.iter().any(|record| name(record).ends_with(labels))
    };
    let found = if exists(host) {
        named(false, host)
    } else {
        let mut rest = &host[1..];
        while !exists(rest) {
            rest = &rest[1..];
        }
        named(true, rest)
    };
    Some((!found.is_empty()).then_some(found))
}

fn resolved(zones: &[Zone], host: &[&'static str]) -> Option<Option<Vec<u8>>> {
    let mut exports = Vec::new();
    for (number, (apex, records)) in zones.iter().enumerate() {
        let zone = format!("z{number}");
        exports.push(json!({"kind": "dns#managedZone", "name": zone, "dnsName": joined(apex),
            "visibility": "private",
            "privateVisibilityConfig": {"networks": [{"networkUrl": NETWORK}]}}));
        for (wild, below, octet) in records {
            let mark = if *wild { "*." } else { "" };
            exports.push(json!({"kind": "dns#resourceRecordSet", "type": "A", "managedZone": zone,
                "name": format!("{mark}{}", joined(&full(apex, below))),
                "rrdatas": [format!("10.0.0.{octet}")]}));
        }
    }
    let inventory = inventory(&exports);
    let host = joined(host);
    match resolve(&inventory, &Reference::parse(NETWORK), None, &host) {
        Resolved::Addresses(addresses, ..) => {
            let octet = |text: String| text.rsplit('.').next().unwrap().parse().unwrap();
            Some(Some(addresses.iter().map(|one| octet(one.to_string())).collect()))
        }
        Resolved::NoSuchName { .. } => Some(None),
        Resolved::Public(..) => None,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_longest_prefix_is_taken(
        routes in proptest::collection::vec(route(), 1..7), low in 0_u32..256,
    ) {
        let address = (199 << 24) | low;
        let expected = chosen(&routes, address);
        prop_assert_eq!(&asked(&routes, address), &expected);
        // The order of the input is irrelevant.
        let mut turned = routes.clone();
        turned.reverse();
        let last = routes.len() - 1;
        let mut back: Vec<usize> = asked(&turned, address).iter().map(|at| last - at).collect();
        back.sort_unstable();
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn a_more_specific_route_changes_no_other_destination(
        mut routes in proptest::collection::vec(route(), 1..6), more in route(), low in 0_u32..256,
    ) {
        let address = (199 << 24) | low;
        prop_assume!(!holds(&more, address));
        let before = asked(&routes, address);
        routes.push(more);
        prop_assert_eq!(asked(&routes, address), before);
    }

    #[test]
    fn names_come_to_what_the_zones_say(
        mut zones in proptest::collection::vec(zone(), 1..4), host in name(),
    ) {
        // Two zones of one name cannot be seen from one network.
        zones.sort_by_key(|(apex, _)| apex.clone());
        zones.dedup_by_key(|(apex, _)| apex.clone());
        // Nor does a name have two record sets of one type.
        for (_, records) in &mut zones {
            records.sort();
            records.dedup_by_key(|(wild, below, _)| (*wild, below.clone()));
        }
        let expected = answer(&zones, &host);
        prop_assert_eq!(resolved(&zones, &host), expected);
    }
}
