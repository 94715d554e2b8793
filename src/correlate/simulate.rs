//! Questions about connections that nobody has made: each is a set of them, and the answer holds
//! for every one, or says for which ones it is which.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use crate::correlate::Directory;
use crate::correlate::path::{self, Link};
use crate::correlate::scope::Scope;
use crate::engine::{
    Decider, Decision, Doubt, EffectiveRules, Endpoint, Facts, Flow, Geography, METADATA, Piece,
    Space, Verdict, evaluate, evaluate_all,
};
use crate::model::query::Told;
use crate::model::{Expected, FirewallRule, Query, Reference};
use crate::net::{AddressSet, Direction, FiveTuple, FlowBox, FlowSet, IpNet, PortSet, TrafficSet};

/// What a question leaves out and its answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// The source's network tags.
    SourceTags,
    /// The source's service account.
    SourceAccount,
    /// The source's secure tags.
    SourceSecureTags,
    /// The VM's network tags.
    TargetTags,
    /// The VM's service account.
    TargetAccount,
    /// The VM's secure tags.
    TargetSecureTags,
    /// The VM's address.
    Address,
    /// The VM's region.
    Region,
    /// The protocol.
    Protocol,
    /// The port.
    Port,
    /// The order of the network's stages.
    EnforcementOrder,
    /// Which network is meant.
    Network,
    /// Any rule of the network.
    Rules,
}

/// A part of the question with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// Which connections.
    pub flows: FlowBox,
    /// The answer.
    pub decision: Decision<'a>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The verdict for all of it.
    pub verdict: Expected,
    /// What decides: of several the one that outranks the others; `None` where it is mixed, or
    /// where nothing was given.
    pub decider: Option<Decider<'a>>,
    /// An address for which it is allowed, and one for which it is denied, where it is mixed.
    pub witness: Option<(IpAddr, IpAddr)>,
    /// What is not given and would be needed.
    pub lacks: BTreeSet<Lack>,
    /// Rules that may match, with why, and that decide nothing otherwise.
    pub doubts: Vec<(&'a FirewallRule, Doubt)>,
    /// The network that was asked, where it is known.
    pub network: Option<Reference>,
    /// The pieces.
    pub parts: Vec<Part<'a>>,
    /// The road of one EGRESS connection beyond the firewall, where routes were given. The verdict
    /// is the firewall's alone.
    pub road: Vec<Link>,
}

/// A network, ready to be asked.
#[derive(Debug)]
struct Prepared<'a> {
    rules: EffectiveRules<'a>,
    /// Surveyed when it is first asked for.
    geography: OnceLock<Arc<Geography>>,
}

/// Answers questions about the networks of an inventory.
#[derive(Debug)]
pub struct Simulator<'d, 'a> {
    directory: &'d Directory<'a>,
    /// The networks that the inventory knows.
    known: BTreeMap<Reference, Prepared<'a>>,
    /// Networks that questions name and nobody described, by what the question says.
    named: BTreeMap<Reference, Prepared<'a>>,
}

impl<'d, 'a> Simulator<'d, 'a> {
    /// Ready for all networks that are known.
    #[must_use]
    pub fn of(directory: &'d Directory<'a>) -> Self {
        let mut simulator = Self { directory, known: BTreeMap::new(), named: BTreeMap::new() };
        for network in &directory.networks {
            simulator.known.insert(network.clone(), simulator.prepared(network));
        }
        // Effective firewalls without a VPC rule name no network: they are of the only one.
        if simulator.known.is_empty() {
            let nameless = Reference::default();
            simulator.known.insert(nameless.clone(), simulator.prepared(&nameless));
        }
        simulator
    }

    /// Ready for the networks of one project, where that is all that is asked about.
    #[must_use]
    pub fn within(directory: &'d Directory<'a>, scope: &Scope) -> Self {
        let mut simulator = Self::of(directory);
        simulator.known.retain(|network, _| {
            scope.project.as_ref().is_none_or(|wanted| {
                network.project.as_ref().is_none_or(|project| project == wanted)
            })
        });
        simulator
    }

    fn prepared(&self, network: &Reference) -> Prepared<'a> {
        Prepared {
            rules: EffectiveRules::of(self.directory.inventory, network),
            geography: OnceLock::new(),
        }
    }

    /// Makes ready for a question's network, which need not be known.
    pub fn expect(&mut self, query: &Query) {
        if let Some(network) = &query.network
            && !self.known.keys().any(|known| known.agrees(network))
            && !self.named.contains_key(network)
        {
            self.named.insert(network.clone(), self.prepared(network));
        }
    }

    /// The network that a question is about; `Err` where it could be several.
    fn network(&self, query: &Query) -> Result<Option<(&Reference, &Prepared<'a>)>, ()> {
        let wanted = query.network.as_ref();
        let agrees = |network: &Reference| wanted.is_none_or(|wanted| network.agrees(wanted));
        let mut agreeing = self.known.iter().filter(|(network, _)| agrees(network));
        match (agreeing.next(), agreeing.next()) {
            (Some(_), Some(_)) => Err(()),
            (Some(only), None) => Ok(Some(only)),
            (None, _) => Ok(wanted.and_then(|wanted| self.named.get_key_value(wanted))),
        }
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self, query: &Query) -> Answer<'a> {
        let (network, prepared) = match self.network(query) {
            Ok(Some(found)) => found,
            Ok(None) => return nothing(Lack::Rules, None),
            Err(()) => return nothing(Lack::Network, None),
        };
        if !prepared.rules.given {
            return nothing(Lack::Rules, Some(network.clone()));
        }
        if let Some(part) = self.of_one(query, network, prepared) {
            let ends = part.flows.source.first().zip(part.flows.destination.first());
            let answer = summed(query, network, &prepared.rules, vec![part]);
            let road = match (query.direction, ends) {
                (Direction::Egress, Some((source, destination))) => {
                    path::road(self.directory, network, [source, destination])
                }
                _ => Vec::new(),
            };
            return Answer { road, ..answer };
        }
        let parts = self
            .spaces(query, network, self.geography(network, prepared))
            .iter()
            .flat_map(|space| evaluate_all(&prepared.rules, space))
            .flat_map(|piece| refined(&prepared.rules, piece))
            .collect();
        summed(query, network, &prepared.rules, parts)
    }

    fn geography<'p>(&self, network: &Reference, of: &'p Prepared<'a>) -> &'p Geography {
        of.geography.get_or_init(|| self.directory.geography(network))
    }

    /// The question about one connection, the short way; `None` where it is about many.
    fn of_one(
        &self,
        query: &Query,
        network: &Reference,
        prepared: &Prepared<'a>,
    ) -> Option<Part<'a>> {
        let single = |ranges: &Option<Vec<IpNet>>| match ranges.as_deref() {
            Some([only]) if only.prefix_len() == only.max_prefix_len() => Some(only.addr()),
            _ => None,
        };
        let (src, dst) = (single(&query.source)?, single(&query.destination)?);
        let protocol = query.protocol?;
        let dst_port = match &query.ports {
            Some(ports) if ports.count() == 1 => ports.parts().next()?.0,
            None if !protocol.has_ports() => 0,
            _ => return None,
        };
        if src.is_ipv4() != dst.is_ipv4() {
            return None;
        }
        let peer = match query.direction {
            Direction::Ingress => src,
            Direction::Egress => dst,
        };
        let geography = self.geography(network, prepared);
        let external = geography.external.contains(peer);
        let nameless = geography.nameless.contains(peer);
        let known = endpoint(&query.peer);
        let place = geography.places.iter().find(|(set, _)| set.contains(peer));
        let flow = Flow {
            tuple: FiveTuple { src, src_port: 0, dst, dst_port, protocol },
            direction: query.direction,
            network: network.clone(),
            region: query.region.clone(),
            endpoint: endpoint(&query.target),
            peer: if nameless { Endpoint::outside() } else { known },
            peer_is_external: external,
            peer_place: place.map(|(_, place)| place.clone()).unwrap_or_default(),
        };
        let decision = evaluate(&prepared.rules, &flow, &mut ());
        let flows = FlowBox {
            source: AddressSet::one(src),
            destination: AddressSet::one(dst),
            traffic: TrafficSet::of_point(protocol, dst_port),
            ..FlowBox::all()
        };
        Some(Part { flows, decision })
    }

    /// The question as sets. Tags and accounts match the primary address of a VM in the network,
    /// and nothing else: not a pod's, nor any outside (<https://cloud.google.com/vpc/docs/firewalls>).
    fn spaces<'g>(
        &self,
        query: &Query,
        network: &Reference,
        geography: &'g Geography,
    ) -> Vec<Space<'g>> {
        let set = |ranges: &Option<Vec<_>>| ranges.as_ref().map(AddressSet::of);
        let (source, destination) = (set(&query.source), set(&query.destination));
        let (own, peer) = match query.direction {
            Direction::Ingress => (&destination, &source),
            Direction::Egress => (&source, &destination),
        };
        let own_address_known = own.is_some();
        // A port that is left out is one of those that are used: nobody listens on 0.
        let traffic = match (query.protocol, &query.ports) {
            (protocol, None) => {
                let used = TrafficSet::of_ports(protocol, &PortSet::of([0]));
                TrafficSet::of_protocol(protocol).difference(&used)
            }
            (protocol, Some(ports)) => TrafficSet::of_ports(protocol, ports),
        };
        let whole = Space {
            direction: query.direction,
            network: network.clone(),
            region: query.region.clone(),
            flows: FlowBox {
                source: source.clone().unwrap_or_else(|| of_family(peer)),
                destination: destination.clone().unwrap_or_else(|| of_family(peer)),
                traffic,
                ..FlowBox::all()
            },
            own_address_known,
            endpoint: endpoint(&query.target),
            peer: endpoint(&query.peer),
            tells_apart: false,
            geography,
        };
        let peer = peer.clone().unwrap_or_else(AddressSet::all);
        // The metadata server is nobody's client, and answers whatever the rules say: a range that
        // merely holds its address does not ask for it.
        let metadata = AddressSet::one(METADATA);
        let peer = if peer == metadata { peer } else { peer.difference(&metadata) };
        if query.direction == Direction::Egress {
            let flows = FlowBox { destination: peer, ..whole.flows.clone() };
            return vec![Space { flows, ..whole }];
        }
        let outside = peer.intersection(&geography.nameless);
        let inside = peer.difference(&geography.nameless);
        let with = |source, peer: Endpoint| Space {
            flows: FlowBox { source, ..whole.flows.clone() },
            peer,
            ..whole.clone()
        };
        let outsider = Endpoint::outside();
        [with(inside, whole.peer.clone()), with(outside, outsider)]
            .into_iter()
            .filter(|space| !space.flows.is_empty())
            .collect()
    }
}

fn nothing<'a>(lack: Lack, network: Option<Reference>) -> Answer<'a> {
    Answer {
        verdict: Expected::Undetermined,
        decider: None,
        witness: None,
        lacks: BTreeSet::from([lack]),
        doubts: Vec::new(),
        network,
        parts: Vec::new(),
        road: Vec::new(),
    }
}

/// Every address that could talk to these: both ends of a connection are of one family.
fn of_family(peer: &Option<AddressSet>) -> AddressSet {
    let has = |first: fn(&AddressSet) -> Option<IpAddr>| {
        peer.as_ref().is_none_or(|set| first(set).is_some())
    };
    match (has(AddressSet::first_v4), has(AddressSet::first_v6)) {
        (true, false) => AddressSet::all_v4().clone(),
        (false, true) => AddressSet::all_v6().clone(),
        _ => AddressSet::all(),
    }
}

fn endpoint(told: &Told) -> Endpoint {
    let facts = |names: &Option<BTreeSet<String>>| match names {
        None => Facts::Unknown,
        Some(names) => Facts::Exactly(names.clone()),
    };
    Endpoint {
        tags: facts(&told.tags),
        service_accounts: facts(&told.service_accounts),
        secure_tags: secure_tags(told.secure_tags.as_ref()),
    }
}

/// Rules name the values of secure tags by their numbers (`tagValues/7`). Which number another name
/// has (`project/key/value`) is not known here, so what it stands for may be any.
fn secure_tags(names: Option<&BTreeSet<String>>) -> Facts {
    let Some(names) = names else { return Facts::Unknown };
    let number = |name: &String| match name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("tagValues/{name}"),
        false => name.clone(),
    };
    let all: BTreeSet<String> = names.iter().map(number).collect();
    match all.iter().all(|name| name.starts_with("tagValues/")) {
        true => Facts::Exactly(all),
        false => Facts::AtLeast(all),
    }
}

/// The piece, and where its doubts hang together its parts: a deny and an allow for one unknown
/// tag deny, whether the VM carries it or not. Every kind of end is asked, and where all agree,
/// that is the answer.
fn refined<'a>(rules: &EffectiveRules<'a>, piece: Piece<'_, 'a>) -> Vec<Part<'a>> {
    let whole = |piece: Piece<'_, 'a>| Part { flows: piece.space.flows, decision: piece.decision };
    let by_name = |(_, doubt): &&(&FirewallRule, Doubt)| {
        matches!(doubt, Doubt::Target | Doubt::SourceIdentity | Doubt::Address)
    };
    let doubts = piece.decision.doubts.iter().filter(by_name).count();
    if piece.decision.verdict != Verdict::Undetermined || doubts < 2 {
        return vec![whole(piece)];
    }
    let every_kind = Space { tells_apart: true, own_address_known: true, ..piece.space.clone() };
    let pieces = evaluate_all(rules, &every_kind);
    let (direction, own_known) = (piece.space.direction, piece.space.own_address_known);
    // Seen from the other end, whatever the VM carries and wherever it is.
    let outline = |flows: FlowBox| {
        let flows = flows.of_any_ends();
        match (own_known, direction) {
            (true, _) => flows,
            (false, Direction::Ingress) => {
                FlowBox { destination: piece.space.flows.destination.clone(), ..flows }
            }
            (false, Direction::Egress) => {
                FlowBox { source: piece.space.flows.source.clone(), ..flows }
            }
        }
    };
    let seen_as = |verdict: Verdict| {
        let of = pieces.iter().filter(|piece| piece.decision.verdict == verdict);
        FlowSet::of_all(of.map(|piece| outline(piece.space.flows.clone())))
    };
    let sets = [Verdict::Allowed, Verdict::Denied, Verdict::Undetermined]
        .map(|verdict| (verdict, seen_as(verdict)));
    let mut parts = Vec::new();
    let mut rest = FlowSet::of(outline(piece.space.flows.clone()));
    for (verdict, set) in sets.iter().filter(|(verdict, _)| *verdict != Verdict::Undetermined) {
        let others = sets.iter().filter(|(other, _)| other != verdict);
        let sure = others.fold(set.clone(), |left, (_, other)| left.difference(other));
        rest = rest.difference(&sure);
        let decision = Decision { verdict: *verdict, ..piece.decision.clone() };
        parts.extend(
            sure.boxes().iter().map(|one| Part { flows: one.clone(), decision: decision.clone() }),
        );
    }
    parts.extend(
        rest.boxes()
            .iter()
            .map(|one| Part { flows: one.clone(), decision: piece.decision.clone() }),
    );
    parts
}

fn summed<'a>(
    query: &Query,
    network: &Reference,
    rules: &EffectiveRules<'a>,
    parts: Vec<Part<'a>>,
) -> Answer<'a> {
    let of = |verdict: Verdict| parts.iter().filter(move |part| part.decision.verdict == verdict);
    let any = |verdict: Verdict| of(verdict).next().is_some();
    let (allowed, denied) = (any(Verdict::Allowed), any(Verdict::Denied));
    let open = any(Verdict::Undetermined);
    // What was left out is one value that is not known, not all of them.
    let no_port = query.ports.is_none() && query.protocol.is_none_or(|one| one.has_ports());
    let divided = usize::from(allowed) + usize::from(denied) + usize::from(open) > 1;
    let mut lacks = BTreeSet::new();
    if divided && query.protocol.is_none() {
        lacks.insert(Lack::Protocol);
    }
    if divided && no_port {
        lacks.insert(Lack::Port);
    }
    let alike = !open && no_port && query.protocol.is_some() && any_port_alike(&parts);
    if alike {
        lacks.clear();
    }
    let verdict = match (allowed, denied, open) {
        (true, true, _) if !no_port || alike => Expected::Mixed,
        (true, false, false) => Expected::Allowed,
        (false, true, false) => Expected::Denied,
        _ => Expected::Undetermined,
    };
    let mut doubts: Vec<(&FirewallRule, Doubt)> = Vec::new();
    if of(Verdict::Undetermined).any(|part| part.decision.not_given) {
        lacks.insert(Lack::Rules);
    }
    if verdict == Expected::Undetermined {
        for (rule, doubt) in of(Verdict::Undetermined).flat_map(|part| &part.decision.doubts) {
            if !doubts.iter().any(|(other, _)| std::ptr::eq(*other, *rule)) {
                doubts.push((rule, *doubt));
            }
            lacks.extend(lacking(query, rule, *doubt));
        }
    }
    let witness = (verdict == Expected::Mixed).then(|| witness(query, &parts)).flatten();
    let of_verdict = match verdict {
        Expected::Allowed => Some(Verdict::Allowed),
        Expected::Denied => Some(Verdict::Denied),
        Expected::Undetermined => Some(Verdict::Undetermined),
        Expected::Mixed => None,
    };
    let mut deciders: Vec<Decider<'a>> = Vec::new();
    for part in of_verdict.into_iter().flat_map(of) {
        if !deciders.iter().any(|one| one.is_same(&part.decision.decider)) {
            deciders.push(part.decision.decider);
        }
    }
    let decider = match deciders.as_slice() {
        [only] => Some(*only),
        several => several.iter().min_by_key(|one| rules.rank(one)).copied(),
    };
    let network = Some(network.clone());
    let road = Vec::new();
    Answer { verdict, decider, witness, lacks, doubts, network, parts, road }
}

/// An address that is allowed, and one that is denied: of the other end where that tells, else of
/// the VM. One that is only allowed, or only denied, tells more than one that is both.
fn witness(query: &Query, parts: &[Part<'_>]) -> Option<(IpAddr, IpAddr)> {
    let peer_is_source = query.direction == Direction::Ingress;
    let pair = |of_source: bool| {
        let all = |verdict: Verdict| {
            let of = parts.iter().filter(|part| part.decision.verdict == verdict);
            of.fold(AddressSet::default(), |sum, part| match of_source {
                true => sum.union(&part.flows.source),
                false => sum.union(&part.flows.destination),
            })
        };
        let (allowed, denied) = (all(Verdict::Allowed), all(Verdict::Denied));
        let only = |set: &AddressSet, other: &AddressSet| {
            set.difference(other).first().or_else(|| set.first())
        };
        only(&allowed, &denied).zip(only(&denied, &allowed))
    };
    let peer = pair(peer_is_source);
    peer.filter(|pair| pair.0 != pair.1)
        .or_else(|| pair(!peer_is_source).filter(|pair| pair.0 != pair.1))
        .or(peer)
}

/// Whether the same ends are allowed on every port: then it does not matter which one is meant.
fn any_port_alike(parts: &[Part<'_>]) -> bool {
    let whole = TrafficSet::union_of(parts.iter().map(|part| part.flows.traffic.clone()));
    let ends = |verdict: Verdict| {
        let of = parts.iter().filter(move |part| part.decision.verdict == verdict);
        FlowSet::of_all(of.map(|part| FlowBox { traffic: whole.clone(), ..part.flows.clone() }))
    };
    ends(Verdict::Allowed).intersection(&ends(Verdict::Denied)).is_empty()
}

/// What the question would have to say to resolve a doubt.
fn lacking(query: &Query, rule: &FirewallRule, doubt: Doubt) -> Vec<Lack> {
    let of = |told: &Told, names: &crate::model::firewall::Targets, lacks: [Lack; 3]| {
        let unknown = [
            !names.tags.is_empty() && told.tags.is_none(),
            !names.service_accounts.is_empty() && told.service_accounts.is_none(),
            !names.secure_tags.is_empty() && told.secure_tags.is_none(),
        ];
        unknown.into_iter().zip(lacks).filter(|(one, _)| *one).map(|(_, lack)| lack).collect()
    };
    match doubt {
        Doubt::Target => of(
            &query.target,
            &rule.targets,
            [Lack::TargetTags, Lack::TargetAccount, Lack::TargetSecureTags],
        ),
        Doubt::SourceIdentity => of(
            &query.peer,
            &rule.source_identity,
            [Lack::SourceTags, Lack::SourceAccount, Lack::SourceSecureTags],
        ),
        Doubt::Address => vec![Lack::Address],
        Doubt::Region => vec![Lack::Region],
        Doubt::Order => vec![Lack::EnforcementOrder],
        Doubt::List | Doubt::Context | Doubt::Unmodelled | Doubt::Attachment | Doubt::HandedOn => {
            Vec::new()
        }
    }
}
