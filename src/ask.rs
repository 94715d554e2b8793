//! Questions about one connection: `why`, and the rows that `stats` counts.

use crate::checks::finding::decision_summary;
use crate::correlate::Directory;
use crate::correlate::scope::Scope;
use crate::correlate::side::side;
use crate::correlate::{Group, RollUp};
use crate::engine::{EffectiveRules, Endpoint, Facts, Trace, Verdict, evaluate, near_misses};
use crate::model::{Reference, RuleReference};
use crate::net::five_tuple::parse_endpoint;
use crate::net::{AddressSet, Direction, FiveTuple, Protocol, Role, parse_address};
use crate::render::why::{Asked, Why};

/// Reads `SRC` and `DST:PORT[/PROTO]`.
pub fn parse_connection(source: &str, destination: &str) -> Result<FiveTuple, String> {
    let (address, protocol) = match destination.rsplit_once('/') {
        Some((address, protocol)) => {
            let known = protocol.parse::<Protocol>();
            (address, known.map_err(|()| format!("{protocol} is no protocol"))?)
        }
        None => (destination, Protocol::TCP),
    };
    let (src, src_port) = match parse_endpoint(source) {
        Some((src, port)) => (src, port.unwrap_or(0)),
        None => return Err(format!("{source} is no address")),
    };
    let (dst, port) = match parse_endpoint(address) {
        Some(found) => found,
        None => match parse_address(address) {
            Some(dst) => (dst, None),
            None => return Err(format!("{address} is no address with a port")),
        },
    };
    match (port, protocol.has_ports()) {
        (None, true) => Err(format!("{destination} has no port: write {address}:443")),
        (Some(_), false) => Err(format!("{protocol} has no ports: write {dst}/{protocol}")),
        _ if src.is_ipv4() != dst.is_ipv4() => {
            Err(format!("{source} and {destination} are of different families"))
        }
        (port, _) => Ok(FiveTuple { src, src_port, dst, dst_port: port.unwrap_or(0), protocol }),
    }
}

/// Reads `HOST` and `HOST:PORT`, of a name or an address; 443 where no port is said.
pub fn parse_host(text: &str) -> Result<(String, u16), String> {
    if parse_address(text).is_some() {
        return Ok((text.to_owned(), 443));
    }
    if let Some((address, port)) = parse_endpoint(text) {
        return Ok((address.to_string(), port.unwrap_or(443)));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => {
            (host, port.parse().map_err(|_| format!("{port} is no port: write {host}:443"))?)
        }
        None => (text, 443),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() < 64
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let host = host.trim_end_matches('.');
    match host.split('.').all(is_label) {
        true => Ok((host.to_owned(), port)),
        false => Err(format!("{text} is no host: write NAME:PORT or ADDRESS:PORT")),
    }
}

/// Asks the firewalls of both ends.
#[must_use]
pub fn why(directory: &Directory<'_>, roll_up: &RollUp, tuple: FiveTuple, scope: &Scope) -> Why {
    let known: Vec<&Reference> = directory.networks.iter().filter(|of| scope.holds(of)).collect();
    let mut missing = Vec::new();
    let named = match (&scope.network, known.as_slice()) {
        (Some(_), [only]) => Some((*only).clone()),
        (Some(named), []) => Some(named.clone().or_project(scope.project.as_deref())),
        (Some(named), _) => {
            missing.push(format!("which network {named} is meant: name --project"));
            None
        }
        (None, _) => None,
    };
    let mut logged: Vec<Group<'_>> = roll_up
        .each()
        .filter(|group| {
            let seen = group.tuple();
            (seen.src, seen.dst, seen.dst_port, seen.protocol)
                == (tuple.src, tuple.dst, tuple.dst_port, tuple.protocol)
        })
        .collect();
    logged.sort_unstable_by(Group::compare);
    // Firewalls see what arrives at an external address at the internal one.
    let inside = FiveTuple { dst: directory.internal_of(tuple.dst).unwrap_or(tuple.dst), ..tuple };
    let ways = ways(directory, &inside, named.as_ref(), &known, &mut missing);
    let asked: Vec<Asked> = ways
        .iter()
        .map(|(direction, network)| match direction {
            Direction::Ingress => ask(directory, inside, *direction, network, &logged),
            Direction::Egress => ask(directory, tuple, *direction, network, &logged),
        })
        .collect();
    let seen_from = ways.first().map(|(_, network)| network);
    let end = |address| side(directory.who(address, seen_from), &[address]);
    Why {
        tuple,
        source: end(tuple.src),
        destination: end(tuple.dst),
        asked,
        logged: logged.iter().map(log_line).collect(),
        missing,
    }
}

/// Whose firewalls stand between the two: the source's, if it is a VM, then the destination's.
fn ways(
    directory: &Directory<'_>,
    tuple: &FiveTuple,
    named: Option<&Reference>,
    known: &[&Reference],
    missing: &mut Vec<String>,
) -> Vec<(Direction, Reference)> {
    let mut ways = Vec::new();
    for (address, direction) in [(tuple.src, Direction::Egress), (tuple.dst, Direction::Ingress)] {
        let mut of: Vec<&Reference> = directory.roles.networks_of(address);
        of.retain(|network| known.iter().any(|one| one.agrees(network)));
        let role = directory.who(address, named).owner.role;
        match (named, of.as_slice(), known) {
            (Some(named), of, _) if of.iter().any(|one| one.agrees(named)) => {
                ways.push((direction, named.clone()));
            }
            (None, [only], _) => ways.push((direction, (*only).clone())),
            (None, [_, _, ..], _) => {
                let names: Vec<_> = of.iter().map(|one| one.name.as_str()).collect();
                let names = names.join(", ");
                missing.push(format!("in which network {address} is ({names}): name --network"));
            }
            // Of nobody known: it may be a VM of the network that was named, or of the only one.
            (Some(named), [], _) if role == Role::Unknown => {
                ways.push((direction, named.clone()));
            }
            (None, [], [only]) if role == Role::Unknown => {
                ways.push((direction, (*only).clone()));
            }
            (_, [], _) if role == Role::Unknown => missing.push(format!(
                "whose address {address} is: describe its subnetwork, or name --network"
            )),
            _ => {}
        }
    }
    if ways.is_empty() && missing.is_empty() {
        missing.push("neither end is a VM of a network that was described".to_owned());
    }
    ways
}

fn ask(
    directory: &Directory<'_>,
    tuple: FiveTuple,
    direction: Direction,
    network: &Reference,
    logged: &[Group<'_>],
) -> Asked {
    let vm = logged
        .iter()
        .filter(|group| group.direction() == Some(direction))
        .find_map(|group| group.vm())
        .map(|(_, name)| name);
    let flow = directory.flow(tuple, direction, network, vm);
    let rules = EffectiveRules::of(directory.inventory, network);
    let mut trace = Trace::default();
    let decision = evaluate(&rules, &flow, &mut trace);
    let other_end = match direction {
        Direction::Ingress => tuple.src,
        Direction::Egress => tuple.dst,
    };
    let kin = AddressSet::of(&directory.who(other_end, Some(network)).owner.ranges);
    let near = match decision.verdict {
        Verdict::Allowed => Vec::new(),
        Verdict::Denied | Verdict::Undetermined => {
            let rules = directory.inventory.own_rules(network);
            near_misses(rules, &flow, decision.decider, &kin)
        }
    };
    Asked {
        direction,
        network: network.name.clone(),
        decision: decision_summary(&decision, &near, &tuple),
        steps: trace.steps,
        vm: known_of(&flow.endpoint, directory.inventory.is_amazon(network)),
    }
}

fn known_of(endpoint: &Endpoint, on_amazon: bool) -> Vec<String> {
    let words = |what: &str, facts: &Facts| match facts {
        Facts::Unknown => format!("{what}: not known"),
        Facts::AtLeast(names) if names.is_empty() => format!("{what}: not known"),
        Facts::AtLeast(names) => {
            let names: Vec<_> = names.iter().cloned().collect();
            format!("{what}: {}, perhaps more", names.join(", "))
        }
        Facts::Exactly(names) if names.is_empty() => format!("{what}: none"),
        Facts::Exactly(names) => {
            let names: Vec<_> = names.iter().cloned().collect();
            format!("{what}: {}", names.join(", "))
        }
    };
    if on_amazon {
        return vec![words("security groups", &endpoint.tags)];
    }
    vec![words("tags", &endpoint.tags), words("service account", &endpoint.service_accounts)]
}

fn log_line(group: &Group<'_>) -> String {
    let rule = RuleReference::parse(group.reference());
    let by = rule.map(|rule| format!(" by {}", rule.name())).unwrap_or_default();
    let span = group
        .span()
        .map(|(first, last)| format!(", {} to {}", first.to_second(), last.to_second()))
        .unwrap_or_default();
    format!("{}{by}, {} ×{span}", group.disposition(), group.count())
}
