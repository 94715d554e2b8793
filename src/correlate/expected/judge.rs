//! A connection that is needed, put to the evaluator: all of it, not a sample.

use crate::correlate::Directory;
use crate::correlate::expected::{Answer, Place};
use crate::correlate::side::Side;
use crate::engine::{
    Decider, Decision, EffectiveRules, Endpoint, Flow, Piece, Space, Verdict, evaluate_all,
    near_misses,
};
use crate::model::{Expected, Reference};
use crate::net::{AddressSet, Direction, FiveTuple, PortSet, Protocol, Role, TrafficSet, flow_set};

/// So many connections stand for what is denied.
const MOST_WITNESSES: usize = 8;

/// Where a rule stands that nobody gave.
pub(super) const ASSUMED: &str = "assumed";

/// What is asked.
pub(super) struct Ask<'q> {
    pub(super) from: &'q Side,
    pub(super) to: &'q Side,
    pub(super) protocol: Protocol,
    pub(super) ports: &'q PortSet,
}

impl Ask<'_> {
    fn traffic(&self) -> TrafficSet {
        match self.protocol.has_ports() {
            true => TrafficSet::of_ports(Some(self.protocol), self.ports),
            false => TrafficSet::of_point(self.protocol, 0),
        }
    }
}

/// An answer where nothing can be asked.
pub(super) fn open<'a>(direction: Direction) -> Answer<'a> {
    Answer {
        verdict: Expected::Undetermined,
        direction,
        decision: Decision::missing(),
        near_misses: Vec::new(),
        denied: Vec::new(),
        flow: None,
        is_assumed: false,
        is_open: true,
        receiver: None,
    }
}

impl<'a> Place<'_, 'a> {
    /// What the firewall does on the way: at the sender, where that is a VM of the cluster, then at
    /// the receiver. The first end that does not let it pass decides.
    pub(super) fn judge(&self, ask: &Ask<'_>) -> Answer<'a> {
        let is_vm = |side: &Side| matches!(side.role, Role::Node | Role::Pod);
        let mut ways = Vec::new();
        if is_vm(ask.from) {
            ways.push(Direction::Egress);
        }
        if is_vm(ask.to) {
            ways.push(Direction::Ingress);
        }
        let (Some(network), Some(rules)) = (&self.network, &self.rules) else {
            return open(ways.first().copied().unwrap_or(Direction::Ingress));
        };
        let asked = Asked { directory: self.directory, network, rules, vms: Some(self.at) };
        // Where all let it pass, what the receiver says is told.
        let mut answers: Vec<Answer<'a>> =
            ways.iter().rev().map(|way| asked.at(*way, ask)).collect();
        let order = |answer: &Answer<'_>| {
            let verdict = match answer.verdict {
                Expected::Denied => 0,
                Expected::Mixed => 1,
                Expected::Undetermined => 2,
                Expected::Allowed => 3,
            };
            // The sender is asked first.
            (verdict, verdict < 3 && answer.direction == Direction::Ingress)
        };
        answers.sort_by_key(order);
        let mut answers = answers.into_iter();
        let mut first = answers.next().unwrap_or_else(|| open(Direction::Ingress));
        first.receiver = answers.find(Answer::is_blocked).map(Box::new);
        first
    }
}

/// A network's rules, and whose VMs are asked.
pub(super) struct Asked<'q, 'a> {
    pub(super) directory: &'q Directory<'a>,
    pub(super) network: &'q Reference,
    pub(super) rules: &'q EffectiveRules<'a>,
    /// The cluster whose nodes they are, by its place in the inventory.
    pub(super) vms: Option<usize>,
}

impl<'a> Asked<'_, 'a> {
    /// Every kind of VM that an end may be.
    fn ends(&self, role: Role, found: &Endpoint) -> Vec<Endpoint> {
        match (self.vms, role) {
            (Some(cluster), Role::Node | Role::Pod) => self.directory.nodes_of(cluster),
            _ => vec![found.clone()],
        }
    }

    /// The answer of one end.
    pub(super) fn at(&self, direction: Direction, ask: &Ask<'_>) -> Answer<'a> {
        let summed = |flows: Vec<Flow>, pieces: &[Piece<'_, 'a>], peers: &AddressSet| {
            self.summed(direction, flows, pieces, peers)
        };
        self.in_pieces(direction, ask, summed).unwrap_or_else(|| open(direction))
    }

    /// The addresses of the other end from which anything of it passes for certain.
    pub(super) fn passing(&self, direction: Direction, ask: &Ask<'_>) -> AddressSet {
        let passing = |_: Vec<Flow>, pieces: &[Piece<'_, 'a>], _: &AddressSet| {
            let passes = |piece: &&Piece<'_, 'a>| piece.decision.verdict == Verdict::Allowed;
            pieces.iter().filter(passes).fold(AddressSet::default(), |all, piece| {
                let flows = &piece.space.flows;
                all.union(match direction {
                    Direction::Ingress => &flows.source,
                    Direction::Egress => &flows.destination,
                })
            })
        };
        self.in_pieces(direction, ask, passing).unwrap_or_default()
    }

    /// Cuts what is asked into pieces that rules treat alike; `None` where nothing can be asked.
    fn in_pieces<T>(
        &self,
        direction: Direction,
        ask: &Ask<'_>,
        then: impl FnOnce(Vec<Flow>, &[Piece<'_, 'a>], &AddressSet) -> T,
    ) -> Option<T> {
        let (own, peer) = match direction {
            Direction::Ingress => (ask.to, ask.from),
            Direction::Egress => (ask.from, ask.to),
        };
        let peers = AddressSet::of(&peer.ranges);
        if peers.is_empty() || !self.rules.given {
            return None;
        }
        let v4 = peers.first_v4().is_some();
        let family = if v4 { AddressSet::all_v4() } else { AddressSet::all_v6() };
        let vms = match own.ranges.as_slice() {
            [] => family.clone(),
            ranges => AddressSet::of(ranges),
        };
        let (source, destination) = match direction {
            Direction::Ingress => (peers.clone(), vms),
            Direction::Egress => (vms, peers.clone()),
        };
        let (src, dst) = flow_set::a_pair(&source, &destination)?;
        let first = ask.ports.parts().next();
        let (protocol, dst_port) = (ask.protocol, first.map_or(1, |(low, _)| low));
        let tuple = FiveTuple { src, src_port: 0, dst, dst_port, protocol };
        let flows = self.flows(tuple, direction, own.role, peer.role);
        let geography = self.directory.geography(self.network);
        let mut pieces = Vec::new();
        for flow in &flows {
            let mut space = Space::of_flow(flow, &geography);
            space.flows.source = source.clone();
            space.flows.destination = destination.clone();
            space.flows.traffic = ask.traffic();
            space.own_address_known = !own.ranges.is_empty();
            space.tells_apart = false;
            pieces.extend(evaluate_all(self.rules, &space));
        }
        Some(then(flows, &pieces, &peers))
    }

    /// The flow between ends of each kind.
    fn flows(&self, tuple: FiveTuple, direction: Direction, own: Role, peer: Role) -> Vec<Flow> {
        let flow = self.directory.flow(tuple, direction, self.network, None);
        // Pods carry nothing where they are the other end.
        let peers = match peer {
            Role::Node => self.ends(peer, &flow.peer),
            _ => vec![flow.peer.clone()],
        };
        let mut all = Vec::new();
        for endpoint in self.ends(own, &flow.endpoint) {
            for peer in &peers {
                let (endpoint, peer) = (endpoint.clone(), peer.clone());
                all.push(Flow { endpoint, peer, ..flow.clone() });
            }
        }
        all
    }

    fn summed(
        &self,
        direction: Direction,
        flows: Vec<Flow>,
        pieces: &[Piece<'_, 'a>],
        peers: &AddressSet,
    ) -> Answer<'a> {
        let of =
            |verdict: Verdict| pieces.iter().filter(move |piece| piece.decision.verdict == verdict);
        let any = |verdict: Verdict| of(verdict).next().is_some();
        let verdict =
            match (any(Verdict::Allowed), any(Verdict::Denied), any(Verdict::Undetermined)) {
                (false, true, false) => Expected::Denied,
                (_, true, _) => Expected::Mixed,
                (true, false, false) => Expected::Allowed,
                _ => Expected::Undetermined,
            };
        let telling = match verdict {
            Expected::Allowed => Verdict::Allowed,
            Expected::Undetermined => Verdict::Undetermined,
            Expected::Denied | Expected::Mixed => Verdict::Denied,
        };
        // Of several that allow it the one that lets in most tells more.
        let reach = |piece: &&Piece<'_, '_>| match direction {
            Direction::Ingress => piece.space.flows.source.count(),
            Direction::Egress => piece.space.flows.destination.count(),
        };
        let first = match telling {
            Verdict::Allowed => of(telling).min_by_key(|piece| std::cmp::Reverse(reach(piece))),
            _ => of(telling).next(),
        };
        let decision = first.map_or_else(Decision::missing, |one| one.decision.clone());
        let denied: Vec<Flow> = of(Verdict::Denied)
            .filter_map(|piece| Some((piece, piece.space.flows.witness()?)))
            .take(MOST_WITNESSES)
            .map(|(piece, at)| {
                let tuple = FiveTuple {
                    src: at.source,
                    src_port: 0,
                    dst: at.destination,
                    dst_port: at.port,
                    protocol: at.protocol,
                };
                let flow = self.directory.flow(tuple, direction, self.network, None);
                let (endpoint, peer) = (piece.space.endpoint.clone(), piece.space.peer.clone());
                Flow { endpoint, peer, ..flow }
            })
            .collect();
        let near_misses = match denied.first() {
            Some(flow) => {
                let rules = self.directory.inventory.own_rules(self.network);
                near_misses(rules, flow, decision.decider, peers)
            }
            None => Vec::new(),
        };
        let nobodys = |decider: Decider<'_>| match decider {
            Decider::Rule(rule) => &*rule.origin.path == ASSUMED,
            _ => false,
        };
        let is_assumed = pieces.iter().any(|piece| nobodys(piece.decision.decider));
        let flow = flows.into_iter().next();
        let is_open = any(Verdict::Undetermined);
        Answer {
            verdict,
            direction,
            decision,
            near_misses,
            denied,
            flow,
            is_assumed,
            is_open,
            receiver: None,
        }
    }
}
