//! Which of many rules may match a connection, without a look at each.
//!
//! A rule is entered under what it demands: a range of the other end, a name that the VM carries,
//! a protocol and port. A connection is looked up under everything that it could meet, and what
//! comes back is a superset of the rules that match or may match, in their order. The matcher
//! still compares every one of them; the law "indexed equals linear" ties both.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;

use crate::engine::Facts;
use crate::engine::matching::Probe;
use crate::model::FirewallRule;
use crate::net::Direction;

/// What a rule demands of the VM.
const EVERYONE: u32 = 0;
/// Rules that go by tags, by accounts, by secure tags: for VMs of which these are not known.
const BY_TAG: u32 = 1;
const BY_ACCOUNT: u32 = 2;
const BY_SECURE_TAG: u32 = 3;
const FIRST_NAME: u32 = 4;

/// A rule that lists more single ports, or has more names than this to be entered under, is
/// entered under every port.
const MOST_ENTRIES: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    target: u32,
    /// 0 for any, else protocol and port.
    traffic: u32,
    /// The first address of the range, and its length; `NO_RANGE` for any.
    address: u128,
    length: u16,
}

const NO_RANGE: u16 = u16::MAX;
/// Lengths of IPv6 ranges are told apart from those of IPv4.
const V6: u16 = 1_000;

/// The rules of one stage and direction, by what they demand.
#[derive(Debug, Clone)]
pub(super) struct Index {
    rules: HashMap<Key, Vec<usize>, FixedState>,
    names: HashMap<(u32, String), u32, FixedState>,
    /// The lengths of ranges that occur, 32-bit and 128-bit ones.
    lengths: [Vec<u8>; 2],
}

impl Index {
    /// The index of rules in their order.
    pub(super) fn of(ordered: &[&FirewallRule]) -> Self {
        let mut index = Self {
            rules: HashMap::default(),
            names: HashMap::default(),
            lengths: [Vec::new(), Vec::new()],
        };
        for (rank, rule) in ordered.iter().enumerate() {
            index.enter(rank, rule);
        }
        for lengths in &mut index.lengths {
            lengths.sort_unstable();
            lengths.dedup();
        }
        index
    }

    fn enter(&mut self, rank: usize, rule: &FirewallRule) {
        let ranges = self.ranges(rule);
        let targets = self.targets(rule);
        let traffic = if targets.len() > MOST_ENTRIES { vec![0] } else { traffic(rule) };
        for (address, length) in ranges {
            for target in &targets {
                for traffic in &traffic {
                    let key = Key { target: *target, traffic: *traffic, address, length };
                    self.rules.entry(key).or_default().push(rank);
                }
            }
        }
    }

    /// The ranges that the other end has to be in; any, where it may match by something else.
    fn ranges(&mut self, rule: &FirewallRule) -> Vec<(u128, u16)> {
        let (set, conditions, identity) = match rule.direction {
            Direction::Ingress => {
                (rule.source.as_ref(), &rule.source_conditions, !rule.source_identity.is_everyone())
            }
            Direction::Egress => (
                rule.destination.as_ref(),
                &rule.destination_conditions,
                !rule.destination_identity.is_everyone(),
            ),
        };
        let sure = !identity && conditions.lists.is_empty() && !rule.either_direction;
        let Some(set) = set.filter(|_| sure) else {
            return vec![(0, NO_RANGE)];
        };
        let ranges = set.ranges();
        for range in &ranges {
            let lengths =
                if range.addr().is_ipv4() { &mut self.lengths[0] } else { &mut self.lengths[1] };
            lengths.push(range.prefix_len());
        }
        ranges.iter().map(|range| first_of(range.network(), range.prefix_len())).collect()
    }

    /// The names that the VM has to carry one of.
    fn targets(&mut self, rule: &FirewallRule) -> Vec<u32> {
        if rule.targets.is_everyone() {
            return vec![EVERYONE];
        }
        let kinds = [
            (BY_TAG, &rule.targets.tags),
            (BY_ACCOUNT, &rule.targets.service_accounts),
            (BY_SECURE_TAG, &rule.targets.secure_tags),
        ];
        let mut all = Vec::new();
        for (kind, names) in kinds.into_iter().filter(|(_, names)| !names.is_empty()) {
            all.push(kind);
            for name in names {
                let next = FIRST_NAME + u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                all.push(*self.names.entry((kind, name.clone())).or_insert(next));
            }
        }
        all
    }

    /// The places of the rules that may match, ascending.
    pub(super) fn candidates(&self, probe: &Probe<'_>) -> Vec<usize> {
        let mut targets = vec![EVERYONE];
        let kinds = [
            (BY_TAG, &probe.endpoint.tags),
            (BY_ACCOUNT, &probe.endpoint.service_accounts),
            (BY_SECURE_TAG, &probe.endpoint.secure_tags),
        ];
        for (kind, facts) in kinds {
            match facts {
                Facts::Exactly(names) => targets
                    .extend(names.iter().filter_map(|name| self.names.get(&(kind, name.clone())))),
                Facts::AtLeast(_) | Facts::Unknown => targets.push(kind),
            }
        }
        let peer = probe.peer;
        let lengths = if peer.is_ipv4() { &self.lengths[0] } else { &self.lengths[1] };
        let ranges = lengths.iter().map(|length| first_of(peer, *length));
        let exact = point(probe.protocol.0, probe.port);
        let mut found = Vec::new();
        for (address, length) in ranges.chain([(0, NO_RANGE)]) {
            for target in &targets {
                for traffic in [0, exact] {
                    let key = Key { target: *target, traffic, address, length };
                    found.extend(self.rules.get(&key).into_iter().flatten());
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The first address of the range of this length that holds `address`, told apart by family.
fn first_of(address: IpAddr, length: u8) -> (u128, u16) {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            (u128::from(v4.to_bits() & mask), u16::from(length))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            (v6.to_bits() & mask, V6 + u16::from(length))
        }
    }
}

fn point(protocol: u8, port: u16) -> u32 {
    1 << 24 | u32::from(protocol) << 16 | u32::from(port)
}

/// The single ports that a rule names; any, where it names ranges or many.
fn traffic(rule: &FirewallRule) -> Vec<u32> {
    let mut all = Vec::new();
    for part in &rule.layer4 {
        let (Some(protocol), Some(ports)) = (part.protocol, &part.ports) else { return vec![0] };
        for (low, high) in ports.parts() {
            if low != high || all.len() >= MOST_ENTRIES {
                return vec![0];
            }
            all.push(point(protocol.0, low));
        }
    }
    all
}
