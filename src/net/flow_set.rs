//! Sets of connections as disjoint boxes: sources × destinations × protocols and ports × what the
//! VM carries × what the other end carries. Exact: union, intersection, difference, emptiness, a
//! witness.
//!
//! A connection has both ends in one family; a box that holds no such connection is empty.

use std::net::IpAddr;

use crate::net::bearers::{Bearers, Identities};
use crate::net::{AddressSet, Protocol, TrafficSet};

/// The connections between any of these sources and any of these destinations, on any of these
/// ports, for such VMs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowBox {
    /// Sources.
    pub source: AddressSet,
    /// Destinations.
    pub destination: AddressSet,
    /// Protocols and ports.
    pub traffic: TrafficSet,
    /// The VMs whose firewall is asked.
    pub target: Bearers,
    /// The other end, by what it carries.
    pub peer: Bearers,
}

/// One connection of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its port, 0 where there is none.
    pub port: u16,
    /// What the VM carries.
    pub target: Identities,
    /// What the other end carries.
    pub peer: Identities,
}

/// An address of each set, both of one family: no connection has one end in either.
#[must_use]
pub fn a_pair(source: &AddressSet, destination: &AddressSet) -> Option<(IpAddr, IpAddr)> {
    let v4 = source.first_v4().zip(destination.first_v4());
    v4.or_else(|| source.first_v6().zip(destination.first_v6()))
}

impl FlowBox {
    /// Every connection.
    #[must_use]
    pub fn all() -> Self {
        Self {
            source: AddressSet::all(),
            destination: AddressSet::all(),
            traffic: TrafficSet::all(),
            target: Bearers::all(),
            peer: Bearers::all(),
        }
    }

    /// Whether no connection is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traffic.is_empty() || self.ends().is_none()
    }

    fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        a_pair(&self.source, &self.destination)
    }

    /// One connection of the box.
    #[must_use]
    pub fn witness(&self) -> Option<Witness> {
        let (source, destination) = self.ends()?;
        let (protocol, port) = self.traffic.first()?;
        let (target, peer) = (self.target.example()?, self.peer.example()?);
        Some(Witness { source, destination, protocol, port, target, peer })
    }

    /// The same connections, between ends of every kind.
    #[must_use]
    pub fn of_any_ends(self) -> Self {
        Self { target: Bearers::all(), peer: Bearers::all(), ..self }
    }

    /// Connections of both boxes.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let both = Self {
            source: self.source.intersection(&other.source),
            destination: self.destination.intersection(&other.destination),
            traffic: self.traffic.intersection(&other.traffic),
            target: self.target.intersection(&other.target)?,
            peer: self.peer.intersection(&other.peer)?,
        };
        (!both.is_empty()).then_some(both)
    }

    /// Connections of this box only, as disjoint boxes.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<Self> {
        if self.intersection(other).is_none() {
            return vec![self.clone()];
        }
        let mut left = Vec::new();
        let mut rest = self.clone();
        let outside = rest.source.difference(&other.source);
        left.push(Self { source: outside, ..rest.clone() });
        rest.source = rest.source.intersection(&other.source);
        let outside = rest.destination.difference(&other.destination);
        left.push(Self { destination: outside, ..rest.clone() });
        rest.destination = rest.destination.intersection(&other.destination);
        let outside = rest.traffic.difference(&other.traffic);
        left.push(Self { traffic: outside, ..rest.clone() });
        rest.traffic = rest.traffic.intersection(&other.traffic);
        for target in rest.target.difference(&other.target) {
            left.push(Self { target, ..rest.clone() });
        }
        if let Some(target) = rest.target.intersection(&other.target) {
            rest.target = target;
            for peer in rest.peer.difference(&other.peer) {
                left.push(Self { peer, ..rest.clone() });
            }
        }
        left.retain(|one| !one.is_empty());
        left
    }

    /// The two as one box, where they differ in one dimension only.
    fn joined(&self, other: &Self) -> Option<Self> {
        let same = [
            self.source == other.source,
            self.destination == other.destination,
            self.traffic == other.traffic,
            self.target == other.target,
            self.peer == other.peer,
        ];
        if same.iter().filter(|same| !**same).count() > 1 {
            return None;
        }
        let bearers = |a: &Bearers, b: &Bearers| match (a.covers(b), b.covers(a)) {
            (true, _) => Some(a.clone()),
            (_, true) => Some(b.clone()),
            _ => a.relaxed().find(|wide| {
                let mut left = wide.difference(a);
                left.retain(|one| !b.covers(one));
                left.is_empty() && wide.covers(b)
            }),
        };
        Some(Self {
            source: self.source.union(&other.source),
            destination: self.destination.union(&other.destination),
            traffic: self.traffic.union(&other.traffic),
            target: bearers(&self.target, &other.target)?,
            peer: bearers(&self.peer, &other.peer)?,
        })
    }
}

/// A set of connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowSet(Vec<FlowBox>);

impl FlowSet {
    /// The set of one box.
    #[must_use]
    pub fn of(one: FlowBox) -> Self {
        Self(if one.is_empty() { Vec::new() } else { vec![one] })
    }

    /// The union of these boxes.
    #[must_use]
    pub fn of_all(boxes: impl IntoIterator<Item = FlowBox>) -> Self {
        let mut set = Self::default();
        for one in boxes {
            set.add(one);
        }
        set
    }

    /// The boxes, disjoint.
    #[must_use]
    pub fn boxes(&self) -> &[FlowBox] {
        &self.0
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One member.
    #[must_use]
    pub fn witness(&self) -> Option<Witness> {
        self.0.iter().find_map(FlowBox::witness)
    }

    fn add(&mut self, one: FlowBox) {
        let fresh = Self::of(one).difference(self);
        self.0.extend(fresh.0);
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.extend(other.difference(self).0);
        set
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| (a, b)));
        Self(pairs.filter_map(|(a, b)| a.intersection(b)).collect())
    }

    /// Members of this set only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for cut in &other.0 {
            left = left.iter().flat_map(|one| one.difference(cut)).collect();
        }
        Self(left)
    }

    /// Whether every member of `other` is a member.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Puts boxes together that differ in one dimension only.
    fn join(&mut self) {
        let mut at = 0;
        while at < self.0.len() {
            let Some(one) = self.0.get(at).cloned() else { break };
            let found = self
                .0
                .iter()
                .enumerate()
                .skip(at + 1)
                .find_map(|(place, other)| Some((place, one.joined(other)?)));
            match found {
                Some((place, both)) => {
                    self.0.swap_remove(place);
                    if let Some(first) = self.0.get_mut(at) {
                        *first = both;
                    }
                    at = 0;
                }
                None => at += 1,
            }
        }
    }

    /// The set as few, large boxes that may overlap: the shortest way to say it. Ordered.
    #[must_use]
    pub fn fewest(&self) -> Vec<FlowBox> {
        self.fewest_over(&Self::default())
    }

    /// The same, where the boxes may reach over `free`: connections that nobody asks about.
    #[must_use]
    pub fn fewest_over(&self, free: &Self) -> Vec<FlowBox> {
        // A family at a time; what is alike in both is one box, since no connection mixes them.
        let of = |set: &Self, all: &AddressSet| {
            let parts = set.0.iter().map(|one| FlowBox {
                source: one.source.intersection(all),
                destination: one.destination.intersection(all),
                ..one.clone()
            });
            Self(parts.filter(|one| !one.is_empty()).collect())
        };
        let (v4, v6) = (AddressSet::all_v4(), AddressSet::all_v6());
        let mut boxes = of(self, v4).fewest_of_one(&of(free, v4), v4);
        for six in of(self, v6).fewest_of_one(&of(free, v6), v6) {
            let alike = |four: &&mut FlowBox| {
                four.source.first_v6().is_none()
                    && four.traffic == six.traffic
                    && four.target == six.target
                    && four.peer == six.peer
            };
            match boxes.iter_mut().find(alike) {
                Some(four) => {
                    four.source = four.source.union(&six.source);
                    four.destination = four.destination.union(&six.destination);
                }
                None => boxes.push(six),
            }
        }
        // Boxes of both families may have been taken apart for nothing.
        if boxes.len() > self.0.len() {
            boxes.clone_from(&self.0);
        }
        boxes.sort();
        boxes
    }

    /// The same for a set of one family.
    fn fewest_of_one(&self, free: &Self, family: &AddressSet) -> Vec<FlowBox> {
        let mut disjoint = self.clone();
        disjoint.0.sort();
        if disjoint.0.len() <= MOST_TO_JOIN {
            disjoint.join();
        }
        let alone = disjoint.0.len() < 2 && free.is_empty();
        if alone || disjoint.0.len() > MOST_TO_WIDEN {
            return disjoint.0;
        }
        let room = disjoint.union(free);
        let wide: Vec<FlowBox> = disjoint.0.iter().map(|one| room.widened(one, family)).collect();
        // Greedy: the box that covers most of what is left, until nothing is left.
        let mut left = disjoint.clone();
        let mut chosen: Vec<FlowBox> = Vec::new();
        while !left.is_empty() {
            let covered = |one: &&FlowBox| {
                left.0.iter().filter(|part| part.difference(one).is_empty()).count()
            };
            // The first of the best: what comes first is as good.
            let best = wide.iter().rev().max_by_key(covered);
            let Some(best) = best.filter(|one| covered(one) > 0).cloned() else {
                chosen.extend(left.0);
                break;
            };
            left = left.difference(&Self(vec![best.clone()]));
            chosen.push(best);
        }
        // What the others say together need not be said.
        let mut at = chosen.len();
        while at > 0 {
            at -= 1;
            let (before, after) = chosen.split_at(at);
            let Some((one, after)) = after.split_first() else { break };
            let others = Self(before.iter().chain(after).cloned().collect());
            if Self::of(one.clone()).difference(&others).is_empty() {
                chosen.remove(at);
            }
        }
        chosen.sort();
        chosen
    }

    /// The box, as large as the set lets it be, one dimension after the other.
    fn widened(&self, one: &FlowBox, family: &AddressSet) -> FlowBox {
        let mut wide = one.clone();
        let holds = |larger: &FlowBox| Self::of(larger.clone()).difference(self).is_empty();
        loop {
            let slacker = wide.target.relaxed().map(|target| FlowBox { target, ..wide.clone() });
            let other = wide.peer.relaxed().map(|peer| FlowBox { peer, ..wide.clone() });
            let Some(larger) = slacker.chain(other).find(&holds) else { break };
            wide = larger;
        }
        let beyond = |larger: FlowBox| Self::of(larger).difference(self);
        let lacking = beyond(FlowBox { traffic: TrafficSet::all(), ..wide.clone() });
        let unwanted =
            lacking.0.iter().fold(TrafficSet::default(), |sum, one| sum.union(&one.traffic));
        wide.traffic = TrafficSet::all().difference(&unwanted);
        let lacking = beyond(FlowBox { source: family.clone(), ..wide.clone() });
        let unwanted =
            lacking.0.iter().fold(AddressSet::default(), |sum, one| sum.union(&one.source));
        wide.source = family.difference(&unwanted);
        let lacking = beyond(FlowBox { destination: family.clone(), ..wide.clone() });
        let unwanted =
            lacking.0.iter().fold(AddressSet::default(), |sum, one| sum.union(&one.destination));
        wide.destination = family.difference(&unwanted);
        wide
    }
}

/// Joining compares every pair, widening subtracts every box from every box: beyond these numbers
/// the disjoint boxes are said as they are.
const MOST_TO_JOIN: usize = 2_000;
const MOST_TO_WIDEN: usize = 64;
