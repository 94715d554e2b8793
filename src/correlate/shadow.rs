//! Rules that other rules leave nothing to decide, or only a part of what they name.

use std::collections::BTreeMap;

use crate::correlate::Directory;
use crate::correlate::difference::{Row, reach, regions, rows};
use crate::correlate::usage::pieces;
use crate::engine::{Decider, EffectiveRules, Endpoint, Geography, Space, Verdict, evaluate_all};
use crate::model::firewall::Targets;
use crate::model::{Action, FirewallRule, Reference};
use crate::net::{AddressSet, Bearers, Direction, FlowBox, FlowSet, Identities};

/// What others leave to a rule.
#[derive(Debug, Clone)]
pub struct Shadow<'a> {
    /// The rule.
    pub rule: &'a FirewallRule,
    /// The rules that decide before it, best first. Of a rule that is covered in part only those
    /// that do the opposite: where both do the same, nobody need care which one decides.
    pub covered_by: Vec<&'a FirewallRule>,
    /// What decides where no rule does: Google itself, or what comes after a rule that hands on.
    pub otherwise_by: Option<&'static str>,
    /// Whether connections that it names end the opposite way.
    pub is_contradicted: bool,
    /// The ranges, ports and targets of the rule that others overrule altogether.
    pub dead: Vec<String>,
    /// What is left to it, or decided alike by others, a protocol at a time; empty where nothing is
    /// left.
    pub rest: Vec<Row>,
}

impl Shadow<'_> {
    /// Whether the rule never decides.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Comparing every rule with every other takes too long beyond this number.
const MOST_RULES: usize = 3_000;

/// The rules of a network that others cover, whole or in a part that they name; `None` where that
/// cannot be said.
#[must_use]
pub fn shadows<'a>(directory: &Directory<'a>, network: &Reference) -> Option<Vec<Shadow<'a>>> {
    let rules = EffectiveRules::of(directory.inventory, network);
    if rules.order_is_open() || !rules.given || rules.all().count() > MOST_RULES {
        return None;
    }
    let geography = directory.geography(network);
    let look = Look { rules: &rules, geography: &geography, regions: regions(&rules, &rules) };
    let list = rules.all().filter(|rule| {
        // What hands on decides nothing anyway; of filters that are not understood nobody knows.
        let here = rule.target_networks.is_empty()
            || rule.target_networks.iter().any(|of| of.agrees(network));
        !rule.disabled && rule.action != Action::GotoNext && rule.is_understood() && here
    });
    Some(list.filter_map(|rule| look.at(rule)).collect())
}

struct Look<'l, 'a> {
    rules: &'l EffectiveRules<'a>,
    geography: &'l Geography,
    regions: Vec<Option<String>>,
}

/// What becomes of the connections that a rule names.
#[derive(Default)]
struct Fate<'a> {
    /// Decided by the rule itself.
    own: Vec<FlowBox>,
    /// Decided alike by others.
    alike: Vec<FlowBox>,
    /// Decided the opposite way.
    opposite: Vec<FlowBox>,
    /// Who decides before, with rank; whether for ends that are usual, and whether the opposite.
    before: BTreeMap<(usize, usize), Before<'a>>,
    /// What decides where no rule does.
    nobody: Option<&'static str>,
}

struct Before<'a> {
    rule: &'a FirewallRule,
    usual: bool,
}

impl<'a> Look<'_, 'a> {
    fn at(&self, rule: &'a FirewallRule) -> Option<Shadow<'a>> {
        let fate = self.fate(rule);
        let whole = fate.own.is_empty();
        let rank = |other: &FirewallRule| self.rules.rank(&Decider::Rule(other));
        let any_usual = fate.before.values().any(|before| before.usual);
        let covers = |before: &&Before<'a>| match whole {
            true => before.usual || !any_usual,
            false => before.usual && opposite(before.rule, rule),
        };
        let mut covered_by: Vec<&FirewallRule> =
            fate.before.values().filter(covers).map(|before| before.rule).collect();
        covered_by.sort_by_key(|other| rank(other));
        // An exception to a rule that does the same contradicts that one, not this.
        let same: Vec<&FirewallRule> =
            covered_by.iter().filter(|other| other.action == rule.action).copied().collect();
        let contradicts = |other: &&FirewallRule| {
            opposite(other, rule) && !same.iter().any(|one| holds(one, other))
        };
        let by_nobody = covered_by.is_empty() && !fate.opposite.is_empty();
        let is_contradicted = covered_by.iter().any(contradicts) || by_nobody;
        let dead = if whole { Vec::new() } else { self.dead(rule, &fate) };
        if !whole && dead.is_empty() {
            // A rule within this one is an exception to it, and a default is there to be overruled.
            let crosses = |other: &&FirewallRule| !holds(rule, other);
            covered_by.retain(crosses);
            if covered_by.is_empty() || rule.names_any_peer() {
                return None;
            }
        }
        let rest = match whole {
            true => Vec::new(),
            false => {
                let left = fate.own.into_iter().chain(fate.alike);
                let boxes = FlowSet::of_all(left).fewest();
                boxes.iter().flat_map(|flows| rows(flows, rule.direction)).collect()
            }
        };
        let otherwise_by = fate.nobody.filter(|_| covered_by.is_empty());
        Some(Shadow { rule, covered_by, otherwise_by, is_contradicted, dead, rest })
    }

    fn fate(&self, rule: &'a FirewallRule) -> Fate<'a> {
        let mut fate = Fate::default();
        let own_rank = self.rules.rank(&Decider::Rule(rule));
        let wanted = match rule.action {
            Action::Allow => Some(Verdict::Allowed),
            Action::Deny => Some(Verdict::Denied),
            Action::GotoNext | Action::Inspect | Action::Unknown => None,
        };
        for flows in reach(rule) {
            for region in &self.regions {
                let space = Space {
                    direction: rule.direction,
                    network: self.rules.network.clone(),
                    region: region.clone(),
                    flows: flows.clone(),
                    own_address_known: true,
                    endpoint: Endpoint::default(),
                    peer: Endpoint::default(),
                    tells_apart: true,
                    geography: self.geography,
                };
                for piece in evaluate_all(self.rules, &space) {
                    let decision = &piece.decision;
                    let flows = piece.space.flows;
                    let doubted =
                        decision.doubts.iter().any(|(other, _)| std::ptr::eq(*other, rule));
                    if decision.decider.is_same(&Decider::Rule(rule)) || doubted {
                        fate.own.push(flows);
                        continue;
                    }
                    match decision.decider {
                        Decider::Rule(other) if self.rules.rank(&decision.decider) < own_rank => {
                            let rank = self.rules.rank(&decision.decider);
                            let usual = is_usual(rule, &flows);
                            let before = fate.before.entry(rank);
                            before.or_insert(Before { rule: other, usual: false }).usual |= usual;
                        }
                        Decider::AlwaysBlocked(what) | Decider::AlwaysAllowed(what) => {
                            fate.nobody = fate.nobody.or(Some(what));
                        }
                        Decider::Rule(_)
                        | Decider::Implied(_)
                        | Decider::NoGroupAllows(_)
                        | Decider::Missing => {
                            fate.nobody = Some("what comes after a rule that hands it on");
                        }
                    }
                    if wanted == Some(decision.verdict) {
                        fate.alike.push(flows);
                    } else {
                        fate.opposite.push(flows);
                    }
                }
            }
        }
        fate
    }

    /// The parts that the rule names (a range, some ports, a target) of which every connection of
    /// usual ends is decided the opposite way.
    fn dead(&self, rule: &FirewallRule, fate: &Fate<'_>) -> Vec<String> {
        let usual = |list: &[FlowBox]| -> Vec<FlowBox> {
            list.iter().filter(|flows| is_usual(rule, flows)).cloned().collect()
        };
        let (own, alike) = (usual(&fate.own), usual(&fate.alike));
        let opposite = usual(&fate.opposite);
        let is_dead = |part: &FlowBox| {
            let meets = |list: &[FlowBox]| list.iter().any(|one| one.intersection(part).is_some());
            meets(&opposite) && !meets(&own) && !meets(&alike)
        };
        let (ranges, word) = match rule.direction {
            Direction::Ingress => (&rule.source_ranges, "source"),
            Direction::Egress => (&rule.destination_ranges, "destination"),
        };
        let mut dead = Vec::new();
        for range in ranges.iter().filter(|_| ranges.len() > 1) {
            let set = AddressSet::of([range]);
            let part = match rule.direction {
                Direction::Ingress => FlowBox { source: set, ..FlowBox::all() },
                Direction::Egress => FlowBox { destination: set, ..FlowBox::all() },
            };
            if is_dead(&part) {
                dead.push(format!("{word} {range}"));
            }
        }
        let pieces: Vec<_> = rule.layer4.iter().flat_map(pieces).collect();
        for (traffic, text) in pieces.iter().filter(|_| pieces.len() > 1) {
            if is_dead(&FlowBox { traffic: traffic.clone(), ..FlowBox::all() }) {
                dead.push(text.clone());
            }
        }
        let names = rule.targets.identities();
        for name in names.iter().filter(|_| names.len() > 1) {
            // A VM that carries this one only.
            let others = names.iter().filter(|other| *other != name).cloned().collect();
            let alone = Bearers::all().with_any(&Identities::from([name.clone()]));
            let alone = alone.and_then(|target| target.with_none(&others));
            let part = alone.map(|target| FlowBox { target, ..FlowBox::all() });
            if part.is_some_and(|part| is_dead(&part)) {
                dead.push(format!("target {name}"));
            }
        }
        dead
    }
}

/// Whether two rules contradict one another.
#[must_use]
pub fn opposite(a: &FirewallRule, b: &FirewallRule) -> bool {
    matches!((a.action, b.action), (Action::Allow, Action::Deny) | (Action::Deny, Action::Allow))
}

/// Whether `rule` matches everything that `other` matches.
fn holds(rule: &FirewallRule, other: &FirewallRule) -> bool {
    FlowSet::of_all(reach(rule)).covers(&FlowSet::of_all(reach(other)))
}

/// Whether it holds for ends that carry one of the names that the rule lists, and nothing else: a
/// VM with the tags of two clusters is possible, and nobody's.
fn is_usual(rule: &FirewallRule, flows: &FlowBox) -> bool {
    let each = |names: &Targets| -> Vec<Identities> {
        let names = names.identities();
        names.into_iter().map(|name| Identities::from([name])).collect()
    };
    let vms = match rule.targets.is_everyone() {
        true => vec![Identities::default()],
        false => each(&rule.targets),
    };
    let mut peers = each(&rule.source_identity);
    peers.extend(each(&rule.destination_identity));
    peers.push(Identities::default());
    vms.iter().any(|carried| flows.target.contains(carried))
        && peers.iter().any(|carried| flows.peer.contains(carried))
}
