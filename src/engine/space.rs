//! A set of connections as a question: everything between these addresses on these ports, for one
//! VM of which some things are known, or for all VMs, told apart by what they carry.
//!
//! [`evaluate_all`] asks the same rules by the same matcher as for one connection. Where a rule
//! divides the set, the set is cut there and both parts go on; so every piece of the answer is as
//! good as any connection in it.

use crate::engine::decision::Decision;
use crate::engine::matching::{End, Fit, Mismatch, Probe, Side, Subject};
use crate::engine::walk::Walk;
use crate::engine::{EffectiveRules, Endpoint, Flow, Place};
use crate::model::firewall::{NetworkContext, Targets};
use crate::model::{FirewallRule, Reference};
use crate::net::flow_set::a_pair;
use crate::net::{AddressSet, Bearers, Direction, FiveTuple, FlowBox, Identities, TrafficSet};

/// Where addresses are, seen from a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Geography {
    /// The addresses that are reached over the internet.
    pub external: AddressSet,
    /// The addresses that carry no tag and no account: external ones, pods, other networks.
    pub nameless: AddressSet,
    /// All addresses, by place.
    pub places: Vec<(AddressSet, Place)>,
}

impl Geography {
    /// Where the other end of one connection is.
    #[must_use]
    pub fn of_flow(flow: &Flow) -> Self {
        let peer = AddressSet::one(match flow.direction {
            Direction::Ingress => flow.tuple.src,
            Direction::Egress => flow.tuple.dst,
        });
        let external = if flow.peer_is_external { peer.clone() } else { AddressSet::default() };
        let nameless = AddressSet::default();
        Self { external, nameless, places: vec![(peer, flow.peer_place.clone())] }
    }
}

/// A set of connections, as the firewalls of one network's VMs see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space<'g> {
    /// Whether they arrive or leave.
    pub direction: Direction,
    /// The network.
    pub network: Reference,
    /// The VM's region, where it is known.
    pub region: Option<String>,
    /// The connections.
    pub flows: FlowBox,
    /// Whether the VM's own addresses in `flows` are those that are asked about. Otherwise it has
    /// one of them, and which is not known.
    pub own_address_known: bool,
    /// What is known of the VM.
    pub endpoint: Endpoint,
    /// What is known of the other end.
    pub peer: Endpoint,
    /// Whether the set holds ends of every kind, as far as nothing is known of them, and
    /// `flows.target` and `flows.peer` tell them apart. Otherwise each end is of one kind, and
    /// which is not known.
    pub tells_apart: bool,
    /// Where addresses are.
    pub geography: &'g Geography,
}

/// Where a set is cut in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// By the addresses of an end.
    End(End, AddressSet),
    /// By protocol and port.
    Traffic(TrafficSet),
    /// By what a side carries.
    Bearers(Side, Identities),
}

/// A part of the set, with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'g, 'a> {
    /// The part.
    pub space: Space<'g>,
    /// The answer for each of its connections.
    pub decision: Decision<'a>,
}

impl<'g> Space<'g> {
    /// One connection, between ends of every kind that what is known leaves possible.
    #[must_use]
    pub fn of_flow(flow: &Flow, geography: &'g Geography) -> Self {
        let tuple = &flow.tuple;
        Self {
            direction: flow.direction,
            network: flow.network.clone(),
            region: flow.region.clone(),
            flows: FlowBox {
                source: AddressSet::one(tuple.src),
                destination: AddressSet::one(tuple.dst),
                traffic: TrafficSet::of_point(tuple.protocol, tuple.dst_port),
                ..FlowBox::all()
            },
            own_address_known: true,
            endpoint: flow.endpoint.clone(),
            peer: flow.peer.clone(),
            tells_apart: true,
            geography,
        }
    }

    /// The part inside of the cut and the part outside, as far as there are connections in them.
    fn cut(&self, cut: &Cut) -> [Option<Self>; 2] {
        let flows = &self.flows;
        let (inside, outside) = match cut {
            Cut::End(End::Source, set) => (
                Some(FlowBox { source: flows.source.intersection(set), ..flows.clone() }),
                Some(FlowBox { source: flows.source.difference(set), ..flows.clone() }),
            ),
            Cut::End(End::Destination, set) => (
                Some(FlowBox { destination: flows.destination.intersection(set), ..flows.clone() }),
                Some(FlowBox { destination: flows.destination.difference(set), ..flows.clone() }),
            ),
            Cut::Traffic(set) => (
                Some(FlowBox { traffic: flows.traffic.intersection(set), ..flows.clone() }),
                Some(FlowBox { traffic: flows.traffic.difference(set), ..flows.clone() }),
            ),
            Cut::Bearers(Side::Target, names) => (
                flows.target.with_any(names).map(|target| FlowBox { target, ..flows.clone() }),
                flows.target.with_none(names).map(|target| FlowBox { target, ..flows.clone() }),
            ),
            Cut::Bearers(Side::Peer, names) => (
                flows.peer.with_any(names).map(|peer| FlowBox { peer, ..flows.clone() }),
                flows.peer.with_none(names).map(|peer| FlowBox { peer, ..flows.clone() }),
            ),
        };
        let part = |flows: Option<FlowBox>| {
            let flows = flows.filter(|flows| !flows.is_empty())?;
            Some(Self { flows, ..self.clone() })
        };
        [part(inside), part(outside)]
    }

    fn addresses(&self, end: End) -> &AddressSet {
        match end {
            End::Source => &self.flows.source,
            End::Destination => &self.flows.destination,
        }
    }

    /// One connection of the set.
    #[must_use]
    pub fn witness(&self) -> Option<Flow> {
        let found = self.flows.witness()?;
        let peer = match self.direction {
            Direction::Ingress => found.source,
            Direction::Egress => found.destination,
        };
        let told = |known: &Endpoint, names: &Identities| match self.tells_apart {
            true => known.with(names),
            false => known.clone(),
        };
        let place = self.geography.places.iter().find(|(set, _)| set.contains(peer));
        Some(Flow {
            tuple: FiveTuple {
                src: found.source,
                src_port: 0,
                dst: found.destination,
                dst_port: found.port,
                protocol: found.protocol,
            },
            direction: self.direction,
            network: self.network.clone(),
            region: self.region.clone(),
            endpoint: told(&self.endpoint, &found.target),
            peer: told(&self.peer, &found.peer),
            peer_is_external: self.geography.external.contains(peer),
            peer_place: place.map(|(_, place)| place.clone()).unwrap_or_default(),
        })
    }
}

impl Subject for Space<'_> {
    type Cut = Cut;

    fn direction(&self) -> Direction {
        self.direction
    }

    fn network(&self) -> &Reference {
        &self.network
    }

    fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    fn probe(&self) -> Option<Probe<'_>> {
        let peers = self.addresses(End::peer(self.direction));
        let single = peers.count() == 1 && self.flows.traffic.count() == 1;
        let (protocol, port) = self.flows.traffic.first().filter(|_| single)?;
        Some(Probe { peer: peers.first()?, protocol, port, endpoint: &self.endpoint })
    }

    fn end_in(&self, end: End, set: &AddressSet) -> Fit<Cut> {
        let all = self.addresses(end);
        let other = self.addresses(match end {
            End::Source => End::Destination,
            End::Destination => End::Source,
        });
        if a_pair(&all.intersection(set), other).is_none() {
            return Fit::No;
        }
        if set.covers(all) {
            return Fit::Yes;
        }
        if end == End::own(self.direction) && !self.own_address_known {
            return Fit::Unknown;
        }
        Fit::Partly(Cut::End(end, set.clone()))
    }

    fn traffic_in(&self, set: &TrafficSet) -> Fit<Cut> {
        if self.flows.traffic.intersection(set).is_empty() {
            Fit::No
        } else if set.covers(&self.flows.traffic) {
            Fit::Yes
        } else {
            Fit::Partly(Cut::Traffic(set.clone()))
        }
    }

    fn traffic_of(&self, rule: &FirewallRule) -> Result<Fit<Cut>, Mismatch> {
        let fit = self.traffic_in(&rule.traffic());
        if fit != Fit::No {
            return Ok(fit);
        }
        let named = rule.layer4.iter().any(|part| {
            let protocol = TrafficSet::of_protocol(part.protocol);
            !self.flows.traffic.intersection(&protocol).is_empty()
        });
        Err(if named { Mismatch::Port } else { Mismatch::Protocol })
    }

    fn carries(&self, side: Side, names: &Targets) -> Fit<Cut> {
        let (known, told_apart): (_, &Bearers) = match side {
            Side::Target => (&self.endpoint, &self.flows.target),
            Side::Peer => (&self.peer, &self.flows.peer),
        };
        if let Some(certain) = known.carries(names) {
            return Fit::from_bool(certain);
        }
        if !self.tells_apart {
            return Fit::Unknown;
        }
        let names = known.open_names(names);
        match (told_apart.with_any(&names), told_apart.with_none(&names)) {
            (Some(_), None) => Fit::Yes,
            (None, _) => Fit::No,
            (Some(_), Some(_)) => Fit::Partly(Cut::Bearers(side, names)),
        }
    }

    fn peer_is_in(&self, context: &NetworkContext) -> Fit<Cut> {
        let end = End::peer(self.direction);
        let peers = self.addresses(end);
        let in_places = |wanted: Option<bool>| {
            let places = self.geography.places.iter();
            places
                .filter(|(_, place)| place.is_in(context, &self.network) == wanted)
                .fold(AddressSet::default(), |sum, (set, _)| sum.union(set))
        };
        let (yes, no) = (in_places(Some(true)), in_places(Some(false)));
        for (set, fit) in [(&yes, Fit::Yes), (&no, Fit::No)] {
            if set.covers(peers) {
                return fit;
            }
            if !set.intersection(peers).is_empty() {
                return Fit::Partly(Cut::End(end, set.clone()));
            }
        }
        Fit::Unknown
    }

    fn peer_is_external(&self) -> Fit<Cut> {
        self.end_in(End::peer(self.direction), &self.geography.external)
    }
}

/// More pieces than this are not made: a set that falls into more is answered as Undetermined.
const MOST_PIECES: usize = 200_000;

/// The answer for every connection of the set, in pieces that do not overlap.
#[must_use]
pub fn evaluate_all<'g, 'a>(rules: &EffectiveRules<'a>, space: &Space<'g>) -> Vec<Piece<'g, 'a>> {
    let pieces = one_order(rules, space, Walk::default);
    if !rules.order_is_open() {
        return pieces;
    }
    // Both orders of the stages: what they agree on is certain.
    pieces
        .into_iter()
        .flat_map(|piece| {
            one_order(rules, &piece.space, Walk::other).into_iter().map(move |other| Piece {
                decision: piece.decision.clone().or_in_other_order(other.decision),
                space: other.space,
            })
        })
        .collect()
}

fn one_order<'g, 'a>(
    rules: &EffectiveRules<'a>,
    space: &Space<'g>,
    start: fn() -> Walk<'a>,
) -> Vec<Piece<'g, 'a>> {
    let mut pieces = Vec::new();
    let mut open = Vec::new();
    if !space.flows.is_empty() {
        open.push((space.clone(), start()));
    }
    while let Some((space, mut walk)) = open.pop() {
        match walk.run(rules, &space, &mut ()) {
            Ok(decision) => pieces.push(Piece { space, decision }),
            Err(_) if pieces.len() + open.len() > MOST_PIECES => {
                pieces.push(Piece { space, decision: Decision::missing() });
            }
            Err(cut) => {
                let parts = space.cut(&cut).into_iter().rev().flatten();
                open.extend(parts.map(|part| (part, walk.clone())));
            }
        }
    }
    pieces
}
