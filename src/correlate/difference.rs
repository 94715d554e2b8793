//! Two states of a network's firewall: exactly which connections change their verdict.
//!
//! Only where a rule was added, removed or changed can anything change; the sets that those rules
//! match are judged by both states, cut into pieces, and every piece whose verdict differs is in
//! the answer. So an empty answer is a proof that nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{
    Decider, Decision, Doubt, EffectiveRules, Endpoint, Geography, METADATA, Space, Verdict,
    evaluate_all,
};
use crate::model::{Action, FirewallRule, Reference};
use crate::net::{AddressSet, Bearers, Direction, FlowBox, FlowSet, TrafficPart};

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// They pass now, and did not before.
    Opens,
    /// They did, and do not any more.
    Closes,
    /// What was given does not decide it, before or after.
    Unclear,
}

/// Connections that change alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed<'b, 'a> {
    /// The network.
    pub network: Reference,
    /// Their direction.
    pub direction: Direction,
    /// The region of the VMs, where policies tell regions apart.
    pub region: Option<String>,
    /// Which.
    pub flows: FlowBox,
    /// What becomes of them.
    pub effect: Effect,
    /// What decided before.
    pub before: Vec<Decider<'b>>,
    /// What decides after.
    pub after: Vec<Decider<'a>>,
    /// The rules that make the difference.
    pub because: BTreeSet<String>,
    /// Rules that may match, before or after, where it is not decided.
    pub doubts: Vec<(&'a FirewallRule, Doubt)>,
}

/// A box in words, of one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Sources; empty for the VMs themselves (EGRESS), wherever they are.
    pub sources: Vec<String>,
    /// Destinations; empty for the VMs themselves (INGRESS).
    pub destinations: Vec<String>,
    /// What the VMs carry, `tag:…` or `account:…`, any of which suffices; empty for all of the
    /// network.
    pub targets: Vec<String>,
    /// What has to hold of the VMs besides, all of it: `not tag:…`, `tag:… or tag:…`.
    pub target_conditions: Vec<String>,
    /// What the other end has to carry besides having one of the addresses, all of it.
    pub source_conditions: Vec<String>,
    /// The protocol: `all` for every one, `other` for all that have no name.
    pub protocol: String,
    /// The ports; empty for all, and for protocols without.
    pub ports: Vec<String>,
}

impl Changed<'_, '_> {
    /// The box in words.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        rows(&self.flows, self.direction)
    }
}

/// A box a protocol at a time. The other end is always said; the VM's own addresses only where they
/// are fewer than all.
pub(super) fn rows(flows: &FlowBox, direction: Direction) -> Vec<Row> {
    // No connection has one end in a family and the other in another.
    let fits = |set: &AddressSet, other: &AddressSet| {
        let of = |has: bool, all: &AddressSet| {
            if has { set.intersection(all) } else { AddressSet::default() }
        };
        let v4 = of(other.first_v4().is_some(), AddressSet::all_v4());
        v4.union(&of(other.first_v6().is_some(), AddressSet::all_v6()))
    };
    let source = fits(&flows.source, &flows.destination);
    let destination = fits(&flows.destination, &flows.source);
    let everywhere = |set: &AddressSet, other: &AddressSet| *set == fits(&AddressSet::all(), other);
    let (peer, own) = match direction {
        Direction::Ingress => (&source, &destination),
        Direction::Egress => (&destination, &source),
    };
    let own_texts = if everywhere(own, peer) { Vec::new() } else { own.texts() };
    // Whoever carries it, wherever: then the names say all.
    let named = !flows.peer.is_everyone() && *peer == AddressSet::all();
    let (names, also) = flows.peer.any_and_also();
    let (peers, source_conditions) = match (named, names.is_empty()) {
        (true, false) => (names, also),
        _ => (peer.texts(), flows.peer.texts()),
    };
    let (sources, destinations) = match direction {
        Direction::Ingress => (peers, own_texts),
        Direction::Egress => (own_texts, peers),
    };
    let (targets, target_conditions) = flows.target.any_and_also();
    let row = |part: TrafficPart| Row {
        sources: sources.clone(),
        destinations: destinations.clone(),
        targets: targets.clone(),
        target_conditions: target_conditions.clone(),
        source_conditions: source_conditions.clone(),
        protocol: part.protocol,
        ports: part.ports,
    };
    flows.traffic.parts().into_iter().map(row).collect()
}

struct Piece<'b, 'a> {
    flows: FlowBox,
    effect: Effect,
    before: Decision<'b>,
    after: Decision<'a>,
}

/// What changes for the VMs of one network.
#[must_use]
pub fn between<'b, 'a>(
    before: &EffectiveRules<'b>,
    after: &EffectiveRules<'a>,
    geography: &Geography,
) -> Vec<Changed<'b, 'a>> {
    let mut by_region: Vec<Vec<Changed<'b, 'a>>> = Vec::new();
    for region in regions(before, after) {
        let mut all = Vec::new();
        for direction in [Direction::Ingress, Direction::Egress] {
            let mut scope = Scope {
                direction,
                region: region.clone(),
                before,
                after,
                geography,
                differing: BTreeSet::new(),
            };
            let touched = scope.touched();
            let pieces = scope.pieces(&touched);
            for effect in [Effect::Opens, Effect::Closes, Effect::Unclear] {
                all.extend(scope.joined(&pieces, effect));
            }
        }
        by_region.push(all);
    }
    // What is the same in every region is said once.
    let plain = |list: &[Changed<'_, '_>]| -> Vec<(Direction, FlowBox, Effect, BTreeSet<String>)> {
        let one = |changed: &Changed<'_, '_>| {
            let because = changed.because.clone();
            (changed.direction, changed.flows.clone(), changed.effect, because)
        };
        list.iter().map(one).collect()
    };
    let first = by_region.first().map(|list| plain(list)).unwrap_or_default();
    if by_region.len() > 1 && by_region.iter().all(|list| plain(list) == first) {
        by_region.truncate(1);
        for changed in by_region.iter_mut().flatten() {
            changed.region = None;
        }
    }
    by_region.into_iter().flatten().collect()
}

/// The regions that policies tell apart, and all others.
pub(super) fn regions(
    before: &EffectiveRules<'_>,
    after: &EffectiveRules<'_>,
) -> Vec<Option<String>> {
    let stages = before.stages().iter().chain(after.stages());
    let named: BTreeSet<String> = stages.filter_map(|stage| stage.policy?.region.clone()).collect();
    if named.is_empty() {
        return vec![None];
    }
    named.into_iter().map(Some).chain([Some(ELSEWHERE.to_owned())]).collect()
}

/// What a region is called that no policy is for.
pub const ELSEWHERE: &str = "elsewhere";

struct Scope<'s, 'b, 'a> {
    direction: Direction,
    region: Option<String>,
    before: &'s EffectiveRules<'b>,
    after: &'s EffectiveRules<'a>,
    geography: &'s Geography,
    /// The labels of the rules that are not the same on both sides.
    differing: BTreeSet<String>,
}

impl<'b, 'a> Scope<'_, 'b, 'a> {
    /// The connections that rules match which are not the same on both sides.
    fn touched(&mut self) -> FlowSet {
        let pairs = || self.before.stages().iter().zip(self.after.stages());
        let alike = self.before.stages().len() == self.after.stages().len()
            && pairs().all(|(old, new)| old.place() == new.place())
            && self.before.order_is_open() == self.after.order_is_open()
            && self.before.given == self.after.given;
        if !alike {
            let (old, new) = (self.rules(self.before), self.rules(self.after));
            let differing = unmatched(&old, &new).into_iter().chain(unmatched(&new, &old));
            self.differing = differing.map(FirewallRule::label).collect();
            return FlowSet::of(FlowBox::all());
        }
        // Stage by stage: a rule that moves into another policy is asked elsewhere.
        let mut changed: Vec<&FirewallRule> = Vec::new();
        for (old, new) in pairs() {
            let (old, new) = (old.rules(self.direction), new.rules(self.direction));
            changed.extend(unmatched(old, new));
            changed.extend(unmatched(new, old));
        }
        let boxes: Vec<FlowBox> = changed.iter().flat_map(|rule| reach(rule)).collect();
        let differing = changed.iter().map(|rule| rule.label()).collect();
        self.differing = differing;
        FlowSet::of_all(boxes)
    }

    fn rules<'r>(&self, of: &EffectiveRules<'r>) -> Vec<&'r FirewallRule> {
        let stages = of.stages().iter();
        stages.flat_map(|stage| stage.rules(self.direction).iter().copied()).collect()
    }

    fn space(&self, flows: FlowBox, network: &Reference) -> Space<'_> {
        Space {
            direction: self.direction,
            network: network.clone(),
            region: self.region.clone(),
            flows,
            own_address_known: true,
            endpoint: Endpoint::default(),
            peer: Endpoint::default(),
            tells_apart: true,
            geography: self.geography,
        }
    }

    fn pieces(&self, touched: &FlowSet) -> Vec<Piece<'b, 'a>> {
        let mut pieces = Vec::new();
        for one in touched.boxes() {
            let space = self.space(one.clone(), &self.before.network);
            for old in evaluate_all(self.before, &space) {
                let space = self.space(old.space.flows, &self.after.network);
                for new in evaluate_all(self.after, &space) {
                    let Some(effect) = effect(&old.decision, &new.decision) else { continue };
                    pieces.push(Piece {
                        flows: new.space.flows,
                        effect,
                        before: old.decision.clone(),
                        after: new.decision,
                    });
                }
            }
        }
        pieces
    }

    /// The box without the metadata server's address, unless that makes it longer to say.
    fn without_metadata(&self, flows: FlowBox) -> FlowBox {
        let metadata = AddressSet::one(METADATA);
        let less = |set: &AddressSet| {
            let rest = set.difference(&metadata);
            if rest.ranges().len() <= set.ranges().len() { rest } else { set.clone() }
        };
        match self.direction {
            Direction::Ingress => FlowBox { source: less(&flows.source), ..flows },
            Direction::Egress => FlowBox { destination: less(&flows.destination), ..flows },
        }
    }

    /// The pieces of one effect, as the fewest boxes.
    fn joined(&self, pieces: &[Piece<'b, 'a>], effect: Effect) -> Vec<Changed<'b, 'a>> {
        let own: Vec<&Piece<'_, '_>> =
            pieces.iter().filter(|piece| piece.effect == effect).collect();
        let set = FlowSet::of_all(own.iter().map(|piece| piece.flows.clone()));
        // The metadata server answers whatever the rules say: a box may reach over its address.
        let metadata = AddressSet::one(METADATA);
        let free = FlowSet::of(match self.direction {
            Direction::Ingress => FlowBox { source: metadata, ..FlowBox::all() },
            Direction::Egress => FlowBox { destination: metadata, ..FlowBox::all() },
        });
        let boxes = if set.is_empty() { Vec::new() } else { set.fewest_over(&free) };
        let joined = boxes.into_iter().map(|flows| self.without_metadata(flows)).map(|flows| {
            let mut changed = Changed {
                network: self.after.network.clone(),
                direction: self.direction,
                region: self.region.clone(),
                effect,
                before: Vec::new(),
                after: Vec::new(),
                because: BTreeSet::new(),
                doubts: Vec::new(),
                flows,
            };
            for piece in &own {
                if piece.flows.intersection(&changed.flows).is_some() {
                    changed.add(piece, &self.differing);
                }
            }
            changed
        });
        joined.collect()
    }
}

impl<'b, 'a> Changed<'b, 'a> {
    fn add(&mut self, piece: &Piece<'b, 'a>, differing: &BTreeSet<String>) {
        if !self.before.iter().any(|one| one.is_same(&piece.before.decider)) {
            self.before.push(piece.before.decider);
        }
        if !self.after.iter().any(|one| one.is_same(&piece.after.decider)) {
            self.after.push(piece.after.decider);
        }
        if self.effect == Effect::Unclear {
            for (rule, doubt) in &piece.after.doubts {
                if !self.doubts.iter().any(|(known, _)| std::ptr::eq(*known, *rule)) {
                    self.doubts.push((rule, *doubt));
                }
            }
        }
        let cited: Vec<&FirewallRule> =
            [cited(&piece.before), cited(&piece.after)].into_iter().flatten().collect();
        // A rule that is the same on both sides makes no difference, unless its place does.
        let differs = |rule: &&&FirewallRule| differing.contains(&rule.label());
        let any = cited.iter().any(|rule| differs(&rule));
        let names = cited.iter().filter(|rule| !any || differs(rule));
        self.because.extend(names.map(|rule| format!("rule {}", rule.label())));
    }
}

fn cited<'r>(decision: &Decision<'r>) -> Vec<&'r FirewallRule> {
    let decider = match decision.decider {
        Decider::Rule(rule) => Some(rule),
        _ => None,
    };
    decider.into_iter().chain(decision.doubts.iter().map(|(rule, _)| *rule)).collect()
}

/// What a pair of decisions comes to; `None` where nothing changes.
fn effect(before: &Decision<'_>, after: &Decision<'_>) -> Option<Effect> {
    match (before.verdict, after.verdict) {
        (Verdict::Denied, Verdict::Allowed) => Some(Effect::Opens),
        (Verdict::Allowed, Verdict::Denied) => Some(Effect::Closes),
        (Verdict::Allowed, Verdict::Allowed) | (Verdict::Denied, Verdict::Denied) => None,
        (Verdict::Undetermined, Verdict::Undetermined) => {
            // The same doubts in the same order, each ending the same way, and the same end.
            let same = |(a, b): (&(&FirewallRule, Doubt), &(&FirewallRule, Doubt))| {
                let alike = match a.1 {
                    Doubt::HandedOn | Doubt::Order => a.0.action == b.0.action,
                    _ => a.0.decides_like(&FirewallRule { priority: a.0.priority, ..b.0.clone() }),
                };
                a.1 == b.1 && alike
            };
            let doubts = before.doubts.len() == after.doubts.len()
                && before.doubts.iter().zip(&after.doubts).all(same);
            let given = before.not_given == after.not_given;
            let end = outcome(before.decider) == outcome(after.decider);
            (!(end && doubts && given)).then_some(Effect::Unclear)
        }
        _ => Some(Effect::Unclear),
    }
}

/// What a decider does.
fn outcome(decider: Decider<'_>) -> Option<Action> {
    match decider {
        Decider::Rule(rule) => Some(rule.action),
        Decider::Implied(Direction::Ingress)
        | Decider::NoGroupAllows(_)
        | Decider::AlwaysBlocked(_) => Some(Action::Deny),
        Decider::Implied(Direction::Egress) | Decider::AlwaysAllowed(_) => Some(Action::Allow),
        Decider::Missing => None,
    }
}

/// The rules of `list` that are not in `other`, each as often as it is there.
fn unmatched<'r>(list: &[&'r FirewallRule], other: &[&FirewallRule]) -> Vec<&'r FirewallRule> {
    let key = |rule: &FirewallRule| (rule.label(), rule.priority, rule.action);
    let mut left: BTreeMap<_, Vec<&FirewallRule>> = BTreeMap::new();
    for rule in other {
        left.entry(key(rule)).or_default().push(rule);
    }
    let mut rest = Vec::new();
    for rule in list {
        let same = left.get_mut(&key(rule));
        let found = same.and_then(|all| {
            let at = all.iter().position(|one| one.decides_like(rule))?;
            Some(all.swap_remove(at))
        });
        if found.is_none() {
            rest.push(*rule);
        }
    }
    rest
}

/// Connections that the rule may match: all that it matches, and perhaps more.
pub(super) fn reach(rule: &FirewallRule) -> Vec<FlowBox> {
    if rule.disabled {
        return Vec::new();
    }
    if !rule.is_understood() {
        return vec![FlowBox::all()];
    }
    let target = match rule.targets.is_everyone() {
        true => Some(Bearers::all()),
        false => Bearers::all().with_any(&rule.targets.identities()),
    };
    let Some(target) = target else { return Vec::new() };
    let set = |set: &Option<AddressSet>, listed: bool| match set {
        Some(set) if !listed => set.clone(),
        _ => AddressSet::all(),
    };
    let destination = set(&rule.destination, !rule.destination_conditions.lists.is_empty());
    let whole = FlowBox {
        source: set(&rule.source, !rule.source_conditions.lists.is_empty()),
        destination,
        traffic: rule.traffic(),
        target,
        peer: Bearers::all(),
    };
    let anywhere = AddressSet::all();
    let (names, ranges, by_name) = match rule.direction {
        Direction::Ingress => {
            (&rule.source_identity, &rule.source, FlowBox { source: anywhere, ..whole.clone() })
        }
        Direction::Egress => {
            let by_name = FlowBox { destination: anywhere, ..whole.clone() };
            (&rule.destination_identity, &rule.destination, by_name)
        }
    };
    if names.is_everyone() {
        return vec![whole];
    }
    let named = Bearers::all().with_any(&names.identities());
    let by_name = named.map(|peer| FlowBox { peer, ..by_name });
    let by_range = ranges.is_some().then_some(whole);
    by_range.into_iter().chain(by_name).collect()
}
