//! Logged connections that put the same question to the firewall, asked once.
//!
//! A million distinct connections ask a few thousand questions: between two neighbouring edges of
//! everything that was described (ranges of rules, of roles, of VMs; Google's own), and with one
//! port, one VM of a kind and one rule in the log, every connection is placed and judged alike. A
//! [`Question`] holds one of them, its answer, and the places of all the others.
//!
//! ```text
//! tcp 10.24.3.7 > 10.20.0.4:8080 and tcp 10.24.9.9 > 10.20.0.5:8080   pods to nodes: one question
//! ```

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;

use crate::correlate::Directory;
use crate::correlate::directory::VmKind;
use crate::correlate::group::Group;
use crate::correlate::rollup::{RollUp, Slot};
use crate::engine::{Decision, Flow, METADATA};
use crate::model::FirewallRule;
use crate::net::{AddressSet, Direction, PortSet, Protocol, Role, Timestamp};

/// Connections of the log that are placed and judged alike.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The first of them, in the order of their contents.
    pub first: Group<'a>,
    /// The question that the first one puts; `None` where network or direction could not be found.
    pub flow: Option<Flow>,
    /// Whether the direction stands nowhere in the log and was concluded from the addresses.
    pub direction_inferred: bool,
    /// Whether the network was.
    pub network_inferred: bool,
    /// Our answer.
    pub decision: Decision<'a>,
    /// Distinct entries of all of them.
    pub entries: u64,
    /// The earliest and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether they are on several ports, which nothing described tells apart.
    pub several_ports: bool,
    roll_up: &'a RollUp,
    slots: Vec<Slot>,
}

impl<'a> Question<'a> {
    /// How many distinct connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// There is always one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The connections, in no particular order.
    pub fn connections(&self) -> impl Iterator<Item = Group<'a>> + use<'_, 'a> {
        self.slots.iter().filter_map(|slot| self.roll_up.group(*slot))
    }

    /// The places of the connections.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Shows the flows of the question with how many connections each stands for: one for all, or,
    /// where a rule is to be judged that tells them apart, each for itself.
    pub fn each_flow(&self, detail: Detail, mut show: impl FnMut(&Flow, usize)) {
        let Some(flow) = &self.flow else { return };
        if detail == Detail::Together || detail == Detail::PortsApart && !self.several_ports {
            return show(flow, self.len());
        }
        let mut flow = flow.clone();
        for group in self.connections() {
            flow.tuple = group.tuple();
            show(&flow, 1);
        }
    }
}

/// How closely the connections of a question are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// One stands for all.
    Together,
    /// One stands for all of one port.
    PortsApart,
    /// Each for itself.
    Apart,
}

/// Where anything that was described begins or ends.
#[derive(Debug, Default)]
pub struct Edges {
    v4: Vec<u32>,
    v6: Vec<u128>,
    ports: Vec<u16>,
    /// Whether what begins at an edge of `v4` is the internet and nobody's, from wherever seen.
    nobodys: Vec<bool>,
}

impl Edges {
    /// Of all that a directory knows.
    #[must_use]
    pub fn of(directory: &Directory<'_>) -> Self {
        let inventory = directory.inventory;
        let mut sets: Vec<IpAddr> = Vec::new();
        let mut ports: BTreeSet<u16> = BTreeSet::from([0]);
        for port in [25, 68, 546] {
            ports.extend([port, port + 1]);
        }
        for rule in inventory.all_rules() {
            for set in [&rule.source, &rule.destination].into_iter().flatten() {
                sets.extend(set.edges());
            }
            let of_rule = rule.layer4.iter().filter_map(|part| part.ports.as_ref());
            for (low, high) in of_rule.flat_map(PortSet::parts) {
                ports.extend([Some(low), high.checked_add(1)].into_iter().flatten());
            }
        }
        sets.extend(AddressSet::private().edges());
        sets.extend(AddressSet::all().edges());
        sets.extend(AddressSet::one(METADATA).edges());
        for owner in directory.roles.owners() {
            sets.extend(AddressSet::of(&owner.ranges).edges());
        }
        sets.extend(directory.roles.prefixes().flat_map(|range| AddressSet::of([&range]).edges()));
        for range in inventory.instances.iter().flat_map(|one| &one.interfaces) {
            sets.extend(AddressSet::of(&range.aliases).edges());
        }
        for subnetwork in &inventory.subnetworks {
            let own = subnetwork.primary.iter().chain(&subnetwork.v6);
            sets.extend(AddressSet::of(own).edges());
            sets.extend(AddressSet::of(subnetwork.secondary.iter().map(|(_, r)| r)).edges());
        }
        for (address, port) in directory.entrances() {
            ports.extend([Some(port), port.checked_add(1)].into_iter().flatten());
            sets.extend(address.iter().flat_map(|one| AddressSet::one(*one).edges()));
        }
        sets.sort_unstable();
        sets.dedup();
        let mut edges = Self { ports: ports.into_iter().collect(), ..Self::default() };
        for address in sets {
            match address {
                IpAddr::V4(v4) => edges.v4.push(v4.to_bits()),
                IpAddr::V6(v6) => edges.v6.push(v6.to_bits()),
            }
        }
        let nobody = |bits: &u32| {
            let owner = directory.who(Ipv4Addr::from_bits(*bits).into(), None).owner;
            owner.role == Role::Internet && owner.ranges.is_empty()
        };
        edges.nobodys = edges.v4.iter().map(nobody).collect();
        edges
    }

    /// The number of the stretch between edges that holds an address.
    fn stretch(&self, address: IpAddr) -> (bool, usize) {
        match address {
            IpAddr::V4(v4) => (true, self.v4.partition_point(|edge| *edge <= v4.to_bits())),
            IpAddr::V6(v6) => (false, self.v6.partition_point(|edge| *edge <= v6.to_bits())),
        }
    }

    fn is_nobodys(&self, stretch: (bool, usize)) -> bool {
        let at = stretch.1.checked_sub(1);
        stretch.0 && at.and_then(|at| self.nobodys.get(at)).copied().unwrap_or(false)
    }

    fn port_stretch(&self, port: u16) -> u16 {
        let at = self.ports.partition_point(|edge| *edge <= port);
        at.checked_sub(1).and_then(|at| self.ports.get(at)).copied().unwrap_or(0)
    }

    /// How closely questions are to be looked at where this rule is judged: it may be a new one.
    #[must_use]
    pub fn detail(&self, rule: &FirewallRule) -> Detail {
        let known = |address: &IpAddr| match address {
            IpAddr::V4(v4) => self.v4.binary_search(&v4.to_bits()).is_ok(),
            IpAddr::V6(v6) => self.v6.binary_search(&v6.to_bits()).is_ok(),
        };
        let sets = [&rule.source, &rule.destination];
        if !sets.into_iter().flatten().all(|set| set.edges().iter().all(known)) {
            return Detail::Apart;
        }
        let known = |port: u16| self.ports.binary_search(&port).is_ok();
        let mut parts = rule.layer4.iter().filter_map(|part| part.ports.as_ref());
        let all = parts.all(|ports| {
            ports.parts().all(|(low, high)| known(low) && high.checked_add(1).is_none_or(known))
        });
        if all { Detail::Together } else { Detail::PortsApart }
    }
}

/// A connection of the log, placed and judged.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) flow: Option<Flow>,
    pub(super) direction_inferred: bool,
    pub(super) network_inferred: bool,
    pub(super) decision: Decision<'a>,
}

/// What connections that are placed and judged alike have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Likeness {
    context: u32,
    vm: usize,
    src: (bool, usize),
    dst: (bool, usize),
    port: u16,
    protocol: Protocol,
}

/// Puts the connections of the log together by the questions that they ask, in the order of their
/// contents, and has each judged once.
pub(super) fn ask<'a>(
    directory: &Directory<'a>,
    edges: &Edges,
    roll_up: &'a RollUp,
    mut judge: impl FnMut(Group<'a>) -> Judged<'a>,
) -> Vec<Question<'a>> {
    struct Alike<'a> {
        first: Group<'a>,
        entries: u64,
        span: Option<(Timestamp, Timestamp)>,
        several_ports: bool,
        slots: Vec<Slot>,
    }
    let mut kinds: Vec<VmKind> = Vec::new();
    let mut kind_of_vm: HashMap<u32, usize, RandomState> = HashMap::default();
    let mut places: HashMap<Likeness, usize, RandomState> = HashMap::default();
    let mut all: Vec<Alike<'a>> = Vec::new();
    for group in roll_up.each() {
        let vm = group.vm().map_or(0, |(number, name)| {
            *kind_of_vm.entry(number).or_insert_with(|| {
                let kind = directory.vm_kind(name);
                let known = kinds.iter().position(|one| *one == kind);
                1 + known.unwrap_or_else(|| {
                    kinds.push(kind);
                    kinds.len() - 1
                })
            })
        });
        let tuple = group.tuple();
        let src = edges.stretch(tuple.src);
        // Somebody outside who tries many ports asks one question for all that no rule tells apart.
        let scan = edges.is_nobodys(src) && group.direction() == Some(Direction::Ingress);
        let port = if scan { edges.port_stretch(tuple.dst_port) } else { tuple.dst_port };
        let dst = edges.stretch(tuple.dst);
        let context = group.context();
        let likeness = Likeness { context, vm, src, dst, port, protocol: tuple.protocol };
        let place = *places.entry(likeness).or_insert(all.len());
        match all.get_mut(place) {
            None => all.push(Alike {
                first: group,
                entries: group.count(),
                span: group.span(),
                several_ports: false,
                slots: vec![group.slot()],
            }),
            Some(alike) => {
                alike.entries += group.count();
                alike.span = wider(alike.span, group.span());
                alike.several_ports |= alike.first.tuple().dst_port != tuple.dst_port;
                alike.slots.push(group.slot());
                if group.compare(&alike.first).is_lt() {
                    alike.first = group;
                }
            }
        }
    }
    all.sort_unstable_by(|a, b| a.first.compare(&b.first));
    all.into_iter()
        .map(|Alike { first, entries, span, several_ports, slots }| {
            let judged = judge(first);
            Question {
                first,
                flow: judged.flow,
                direction_inferred: judged.direction_inferred,
                network_inferred: judged.network_inferred,
                decision: judged.decision,
                entries,
                span,
                several_ports,
                roll_up,
                slots,
            }
        })
        .collect()
}

/// The span that holds both.
#[must_use]
pub(crate) fn wider(
    a: Option<(Timestamp, Timestamp)>,
    b: Option<(Timestamp, Timestamp)>,
) -> Option<(Timestamp, Timestamp)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}
