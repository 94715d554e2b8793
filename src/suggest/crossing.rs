//! Denies that speak of some traffic by name, and that a change would outrank: what they name is
//! never opened by the way, even where a default above them decides today.
//!
//! ```text
//! 900 deny everything    1000 deny tcp:22        allow tcp at 899: crosses the deny of tcp:22
//! ```

use crate::correlate::difference::Changed;
use crate::model::firewall::{GoogleList, Layer4, Targets};
use crate::model::{Action, FirewallPolicy, FirewallRule, Inventory};
use crate::net::{AddressSet, Direction, TrafficSet};
use crate::suggest::change::Change;

/// Denies that the rule comes before, with what they say by name: of the same place, or of a policy
/// behind the VPC's rules.
fn outranked<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
) -> impl Iterator<Item = (&'i FirewallRule, TrafficSet)> {
    let beside = inventory.all_rules().filter(move |deny| {
        (deny.stage, &deny.policy, &deny.home) == (rule.stage, &rule.policy, &rule.home)
            && (rule.policy.is_some() || deny.network.agrees(&rule.network))
            && deny.priority > rule.priority
            && deny.action == Action::Deny
    });
    let beside = beside.map(|deny| (deny, named(deny)));
    let below = below(inventory, rule, named);
    beside.chain(below).chain(behind(inventory, rule, named)).filter(move |(deny, _)| {
        !deny.disabled && deny.direction == rule.direction && share(&deny.targets, &rule.targets)
    })
}

/// The VPC's denies, which what a policy above them allows is never asked, with what they say and
/// no VPC rule before them takes.
fn below<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
    says: fn(&FirewallRule) -> TrafficSet,
) -> impl Iterator<Item = (&'i FirewallRule, TrafficSet)> {
    let own = inventory.firewall_rules.iter().filter(move |one| {
        rule.policy.is_some()
            && !one.disabled
            && one.direction == rule.direction
            && one.network.agrees(&rule.network)
            && peers_meet(one, rule)
    });
    let (denies, allows): (Vec<&FirewallRule>, Vec<&FirewallRule>) =
        own.partition(|one| one.action == Action::Deny);
    denies.into_iter().map(move |deny| {
        let takes = |allow: &&&FirewallRule| {
            allow.priority < deny.priority
                && allow.targets.is_everyone()
                && allow.is_understood()
                && covers_peers(allow, rule)
        };
        let taken = TrafficSet::union_of(allows.iter().filter(takes).map(|one| one.traffic()));
        (deny, says(deny).difference(&taken))
    })
}

/// The denies of policies that are asked after this rule, where it is the VPC's, with what they say
/// and no rule before them in their policy takes.
fn behind<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
    says: fn(&FirewallRule) -> TrafficSet,
) -> impl Iterator<Item = (&'i FirewallRule, TrafficSet)> {
    let own = rule.policy.is_none().then_some(&rule.network);
    let policies = own.map(|network| inventory.policies_behind(network)).unwrap_or_default();
    let mut found = Vec::new();
    for (at, policy) in policies.iter().enumerate() {
        // Whom a list of Google's, or a context, means is none of the inventory's.
        let denies = policy.rules.iter().filter(|one| {
            one.action == Action::Deny && !one.disabled && one.direction == rule.direction
        });
        for deny in denies.filter(|deny| !goes_by_lists(deny) && peers_meet(deny, rule)) {
            let takes = |earlier: &&FirewallRule| {
                !earlier.disabled
                    && earlier.direction == deny.direction
                    && earlier.targets.is_everyone()
                    && earlier.is_understood()
                    && !goes_by_lists(earlier)
                    && covers_peers(earlier, rule)
            };
            let beside = policy.rules.iter().filter(|earlier| {
                earlier.priority < deny.priority && earlier.action != Action::Deny
            });
            let beside = beside.filter(takes).map(FirewallRule::traffic);
            let before = policies.iter().take(at).flat_map(|policy| {
                let rules = policy.rules.iter();
                let allows = rules.filter(|one| {
                    !matches!(one.action, Action::Deny | Action::GotoNext) && takes(one)
                });
                allows.map(|allow| allow.traffic().difference(&handed_on(policy, allow, rule)))
            });
            let taken = TrafficSet::union_of(beside.chain(before));
            found.push((deny, says(deny).difference(&taken)));
        }
    }
    found.into_iter()
}

/// What a policy may hand on to the next one before its rule that allows it is asked.
fn handed_on(policy: &FirewallPolicy, allow: &FirewallRule, rule: &FirewallRule) -> TrafficSet {
    let hands_on = policy.rules.iter().filter(|one| {
        one.action == Action::GotoNext
            && !one.disabled
            && one.direction == allow.direction
            && one.priority < allow.priority
            && peers_meet(one, rule)
    });
    TrafficSet::union_of(hands_on.map(FirewallRule::traffic))
}

/// Whether a rule goes by lists that Google keeps, or by a network's context.
fn goes_by_lists(rule: &FirewallRule) -> bool {
    let ends = [&rule.source_conditions, &rule.destination_conditions];
    ends.iter().any(|end| !end.lists.is_empty() || end.context.is_some())
}

/// Whether a rule speaks of all other ends that another one does.
fn covers_peers(rule: &FirewallRule, other: &FirewallRule) -> bool {
    match (peers(rule), peers(other)) {
        (None, _) => true,
        (Some(own), Some(others)) => own.covers(others),
        (Some(_), None) => false,
    }
}

/// What a deny says by name: nothing of the protocols on which it denies everything to everybody.
fn named(deny: &FirewallRule) -> TrafficSet {
    let of_layer = |layer: &Layer4| match layer.protocol {
        Some(protocol) if deny.is_catch_all(protocol) => TrafficSet::default(),
        None if deny.names_any_peer() && layer.ports.is_none() => TrafficSet::default(),
        _ => layer.traffic(),
    };
    TrafficSet::union_of(deny.layer4.iter().map(of_layer))
}

fn share(a: &Targets, b: &Targets) -> bool {
    a.is_everyone()
        || b.is_everyone()
        || !a.tags.is_disjoint(&b.tags)
        || !a.service_accounts.is_disjoint(&b.service_accounts)
        || !a.secure_tags.is_disjoint(&b.secure_tags)
}

/// The other ends that a rule speaks of.
fn peers(rule: &FirewallRule) -> Option<&AddressSet> {
    match rule.direction {
        Direction::Ingress => rule.source.as_ref(),
        Direction::Egress => rule.destination.as_ref(),
    }
}

/// Whether two rules of one direction may speak of the same other ends.
pub(super) fn peers_meet(one: &FirewallRule, other: &FirewallRule) -> bool {
    meets(peers(one), peers(other))
}

fn meets(peers: Option<&AddressSet>, others: Option<&AddressSet>) -> bool {
    match (peers, others) {
        (Some(one), Some(other)) => !one.intersection(other).is_empty(),
        _ => true,
    }
}

/// What a new rule may open of these layers without crossing a deny.
pub(super) fn spared(inventory: &Inventory, rule: &FirewallRule, layers: &[Layer4]) -> Vec<Layer4> {
    let denies = outranked(inventory, rule).filter(|(deny, _)| peers_meet(deny, rule));
    let denied = TrafficSet::union_of(denies.map(|(_, named)| named));
    without(layers, &denied)
}

/// What of these layers stays denied by name, and by which rule.
pub(super) fn left_denied(
    inventory: &Inventory,
    rule: &FirewallRule,
    layers: &[Layer4],
) -> Option<String> {
    let wanted = TrafficSet::union_of(layers.iter().map(Layer4::traffic));
    let denies = outranked(inventory, rule).filter(|(deny, _)| peers_meet(deny, rule));
    let mut left: Vec<String> = denies
        .filter_map(|(deny, named)| {
            let denied = named.intersection(&wanted);
            let is_left = |layer: &&Layer4| !layer.traffic().intersection(&denied).is_empty();
            let texts: Vec<String> =
                deny.layer4.iter().filter(is_left).map(ToString::to_string).collect();
            (!texts.is_empty()).then(|| format!("{} (rule {})", texts.join(", "), deny.label()))
        })
        .collect();
    left.sort();
    left.dedup();
    (!left.is_empty()).then(|| format!("stays denied by name: {}", left.join("; ")))
}

/// The layers without some traffic.
pub(super) fn without(layers: &[Layer4], away: &TrafficSet) -> Vec<Layer4> {
    let spare = |layer: &Layer4| {
        let all = layer.traffic();
        let left = all.difference(away);
        if left == all {
            return Some(layer.clone());
        }
        let protocol = layer.protocol.filter(|protocol| protocol.has_ports())?;
        let ports = left.ports_of(protocol);
        (!ports.is_empty()).then_some(Layer4 { protocol: Some(protocol), ports: Some(ports) })
    };
    layers.iter().filter_map(spare).collect()
}

/// A deny for VMs of other tags that a change comes before with what it opens: a VM may carry both.
pub(super) fn doubled<'i>(
    inventory: &'i Inventory,
    change: &'i Change,
) -> Option<&'i FirewallRule> {
    let after = change.rule();
    let (traffic, opened) = grown(change);
    let beside = inventory
        .firewall_rules
        .iter()
        .filter(|deny| deny.network.agrees(&after.network))
        .filter(|deny| after.policy.is_some() || deny.priority > after.priority);
    let beside = beside.map(|deny| (deny, deny.traffic()));
    let mut all = beside.chain(behind(inventory, after, FirewallRule::traffic));
    let found = all.find(|(deny, says)| {
        let is_other = !deny.targets.is_everyone()
            && (after.targets.is_everyone() || !share(&deny.targets, &after.targets));
        deny.action == Action::Deny
            && !deny.disabled
            && deny.direction == after.direction
            && is_other
            && meets(peers(deny), opened.as_ref())
            && !says.intersection(&traffic).is_empty()
    });
    found.map(|(deny, _)| deny)
}

/// A deny of a policy behind the VPC's rules that goes by what the inventory does not tell: groups,
/// names, places, contexts. What a change lets pass may be what it is for.
pub(super) fn unknown_behind<'i>(
    inventory: &'i Inventory,
    change: &'i Change,
) -> Option<&'i FirewallRule> {
    let after = change.rule();
    if after.policy.is_some() {
        return None;
    }
    let (traffic, opened) = grown(change);
    // No list of places and threats holds private addresses.
    let private = opened.is_some_and(|peers| AddressSet::private().covers(&peers));
    let may_mean = |list: &GoogleList| {
        !private || !matches!(list, GoogleList::Region(_) | GoogleList::ThreatIntelligence(_))
    };
    let policies = inventory.policies_behind(&after.network);
    policies.into_iter().flat_map(|policy| &policy.rules).find(|deny| {
        let end = match deny.direction {
            Direction::Ingress => &deny.source_conditions,
            Direction::Egress => &deny.destination_conditions,
        };
        deny.action == Action::Deny
            && !deny.disabled
            && deny.direction == after.direction
            && (end.context.is_some() || end.lists.iter().any(may_mean))
            && share(&deny.targets, &after.targets)
            && !deny.traffic().intersection(&traffic).is_empty()
    })
}

/// The traffic, and the other ends, that a change opens: of a rule of which only one of the two
/// grows, what is new.
fn grown(change: &Change) -> (TrafficSet, Option<AddressSet>) {
    let after = change.rule();
    let all = (after.traffic(), peers(after).cloned());
    let Some(before) = change.before().filter(|before| !before.disabled) else { return all };
    let same = (before.priority, &before.targets) == (after.priority, &after.targets);
    match (same, peers(before) == peers(after)) {
        (false, _) => all,
        (true, true) => (after.traffic().difference(&before.traffic()), all.1),
        (true, false) if before.traffic() == after.traffic() => {
            let own = peers(before).cloned().unwrap_or_else(AddressSet::all);
            (all.0, all.1.map(|peers| peers.difference(&own)))
        }
        (true, false) => all,
    }
}

/// The deny that a change crosses, by what it really opens.
pub(super) fn crossed<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
    changed: &[Changed<'_, '_>],
) -> Option<&'i FirewallRule> {
    let found = outranked(inventory, rule).find(|(deny, named)| {
        changed.iter().any(|one| {
            let flows = &one.flows;
            let peer = match rule.direction {
                Direction::Ingress => &flows.source,
                Direction::Egress => &flows.destination,
            };
            one.direction == rule.direction
                && meets(peers(deny), Some(peer))
                && !flows.traffic.intersection(named).is_empty()
        })
    });
    found.map(|(deny, _)| deny)
}
