//! Rules that other rules leave nothing to decide, or only a part of what they name.

use std::collections::BTreeMap;

use crate::correlate::Directory;
use crate::correlate::difference::{Row, reach, regions, rows};
use crate::engine::{Decider, EffectiveRules, Endpoint, Space, evaluate_all};
use crate::model::firewall::Targets;
use crate::model::{Action, FirewallRule, Reference};
use crate::net::{FlowBox, FlowSet, Identities};

/// What others leave to a rule.
#[derive(Debug, Clone)]
pub struct Shadow<'a> {
    /// The rule.
    pub rule: &'a FirewallRule,
    /// The rules that decide before it, best first. Of a rule that is covered in part only those
    /// that do the opposite: where both do the same, nobody need care which one decides.
    pub covered_by: Vec<&'a FirewallRule>,
    /// What is left to it, or decided alike by others, a protocol at a time; empty where nothing is
    /// left.
    pub rest: Vec<Row>,
}

/// Whether two rules contradict one another.
#[must_use]
pub fn opposite(a: &FirewallRule, b: &FirewallRule) -> bool {
    matches!((a.action, b.action), (Action::Allow, Action::Deny) | (Action::Deny, Action::Allow))
}

impl Shadow<'_> {
    /// Whether the rule never decides.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Whether everything that `other` matches is in `rule`: then it was made as an exception to it.
fn is_exception(other: &FirewallRule, rule: &FirewallRule) -> bool {
    let all =
        |rule: &FirewallRule| FlowSet::of_all(reach(rule).into_iter().map(FlowBox::of_any_ends));
    all(rule).covers(&all(other))
}

/// Whether it holds for ends that carry nothing but what the rule names: a VM with the tags of two
/// clusters is possible, and nobody's.
fn is_usual(rule: &FirewallRule, flows: &FlowBox) -> bool {
    let own = |names: &Targets| {
        let mut accounts = names.service_accounts.iter();
        let first = accounts.next().cloned();
        Targets { service_accounts: first.into_iter().collect(), ..names.clone() }.identities()
    };
    let peers = [Identities::default(), own(&rule.source_identity)];
    flows.target.contains(&own(&rule.targets))
        && peers.iter().any(|carried| flows.peer.contains(carried))
}

/// Comparing every rule with every other takes too long beyond this number.
const MOST_RULES: usize = 3_000;

/// The rules of a network of which a part is covered; `None` where that cannot be said.
#[must_use]
pub fn shadows<'a>(directory: &Directory<'a>, network: &Reference) -> Option<Vec<Shadow<'a>>> {
    let rules = EffectiveRules::of(directory.inventory, network);
    let count: usize = rules.all().count();
    if rules.order_is_open() || count > MOST_RULES {
        return None;
    }
    let geography = directory.geography(network);
    let regions = regions(&rules, &rules);
    let mut list = Vec::new();
    for rule in rules.all() {
        // What hands on decides nothing anyway; of filters that are not understood nobody knows.
        if rule.disabled || rule.action == Action::GotoNext || !rule.is_understood() {
            continue;
        }
        let mut covered: BTreeMap<(usize, usize), (&FirewallRule, bool)> = BTreeMap::new();
        let mut rest = Vec::new();
        let mut alike = Vec::new();
        for flows in reach(rule) {
            for region in &regions {
                let space = Space {
                    direction: rule.direction,
                    network: network.clone(),
                    region: region.clone(),
                    flows: flows.clone(),
                    own_address_known: true,
                    endpoint: Endpoint::default(),
                    peer: Endpoint::default(),
                    tells_apart: true,
                    geography: &geography,
                };
                for piece in evaluate_all(&rules, &space) {
                    let decider = piece.decision.decider;
                    if decider.is_same(&Decider::Rule(rule)) {
                        rest.push(piece.space.flows);
                    } else if let Decider::Rule(other) = decider
                        && rules.rank(&decider) < rules.rank(&Decider::Rule(rule))
                    {
                        let usual = is_usual(rule, &piece.space.flows);
                        let seen = covered.entry(rules.rank(&decider)).or_insert((other, false));
                        seen.1 |= usual;
                        if !opposite(other, rule) {
                            alike.push(piece.space.flows);
                        }
                    }
                    // A rule that may match, and would have gone before.
                    let doubts = piece.decision.doubts.iter().map(|(rule, _)| *rule);
                    if doubts.into_iter().any(|other| std::ptr::eq(other, rule)) {
                        rest.push(flows.clone());
                    }
                }
            }
        }
        let whole = rest.is_empty();
        let any_usual = covered.values().any(|(_, usual)| *usual);
        let tells = |(other, usual): &(&FirewallRule, bool)| match whole {
            true => *usual || !any_usual,
            false => *usual && opposite(other, rule) && !is_exception(other, rule),
        };
        let covered_by: Vec<&FirewallRule> =
            covered.into_values().filter(tells).map(|(other, _)| other).collect();
        if !whole {
            rest.extend(alike);
        }
        if covered_by.is_empty() && !rest.is_empty() {
            continue;
        }
        let boxes = FlowSet::of_all(rest).fewest();
        let rest = boxes.iter().flat_map(|flows| rows(flows, rule.direction)).collect();
        list.push(Shadow { rule, covered_by, rest });
    }
    Some(list)
}
