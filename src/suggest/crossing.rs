//! Denies that speak of some traffic by name, and that a change would outrank: what they name is
//! never opened by the way, even where a default above them decides today.
//!
//! ```text
//! 900 deny everything    1000 deny tcp:22        allow tcp at 899: crosses the deny of tcp:22
//! ```

use crate::correlate::difference::Changed;
use crate::model::firewall::{Layer4, Targets};
use crate::model::{Action, FirewallRule, Inventory};
use crate::net::{AddressSet, Direction, TrafficSet};
use crate::suggest::change::Change;

/// Denies of the same place that the rule outranks.
fn outranked<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
) -> impl Iterator<Item = &'i FirewallRule> {
    inventory.all_rules().filter(move |deny| {
        deny.action == Action::Deny
            && !deny.disabled
            && deny.direction == rule.direction
            && (deny.stage, &deny.policy) == (rule.stage, &rule.policy)
            && (rule.policy.is_some() || deny.network.agrees(&rule.network))
            && deny.priority > rule.priority
            && share(&deny.targets, &rule.targets)
    })
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
    let denies = outranked(inventory, rule).filter(|deny| peers_meet(deny, rule));
    let denied = TrafficSet::union_of(denies.map(named));
    without(layers, &denied)
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

/// A deny for VMs of other tags that a change comes to outrank: a VM may carry both.
pub(super) fn doubled<'i>(inventory: &'i Inventory, change: &Change) -> Option<&'i FirewallRule> {
    let after = change.rule();
    let before = change.before().filter(|before| !before.disabled).map(|before| before.priority);
    inventory.firewall_rules.iter().find(|deny| {
        let is_other = !deny.targets.is_everyone() && !share(&deny.targets, &after.targets);
        let comes_before =
            deny.priority > after.priority && before.is_none_or(|before| before >= deny.priority);
        deny.action == Action::Deny
            && !deny.disabled
            && deny.direction == after.direction
            && deny.network.agrees(&after.network)
            && is_other
            && comes_before
            && peers_meet(deny, after)
            && !deny.traffic().intersection(&after.traffic()).is_empty()
    })
}

/// The deny that a change crosses, by what it really opens.
pub(super) fn crossed<'i>(
    inventory: &'i Inventory,
    rule: &'i FirewallRule,
    changed: &[Changed<'_, '_>],
) -> Option<&'i FirewallRule> {
    outranked(inventory, rule).find(|deny| {
        let named = named(deny);
        changed.iter().any(|one| {
            let flows = &one.flows;
            let peer = match rule.direction {
                Direction::Ingress => &flows.source,
                Direction::Egress => &flows.destination,
            };
            one.direction == rule.direction
                && meets(peers(deny), Some(peer))
                && !flows.traffic.intersection(&named).is_empty()
        })
    })
}
