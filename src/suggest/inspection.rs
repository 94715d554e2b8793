//! Policy rules that hand connections to a firewall endpoint (`apply_security_profile_group`,
//! <https://cloud.google.com/firewall/docs/about-intrusion-prevention>): an allow that is asked
//! before such a rule takes its connections out of the inspection.
//!
//! ```text
//! VPC rules, then policies    policy: inspect tcp:443, deny all    allow tcp: 443 passes unseen
//! ```

use crate::engine::EffectiveRules;
use crate::model::firewall::Layer4;
use crate::model::{Action, FirewallPolicy, FirewallRule, Inventory};
use crate::net::TrafficSet;
use crate::suggest::change::Change;
use crate::suggest::crossing;

/// Where a rule is asked: what comes first is less.
type Place = (usize, u32, Action);

fn place(rules: &EffectiveRules<'_>, rule: &FirewallRule) -> Option<Place> {
    let is_own = |policy: Option<&FirewallPolicy>| match policy {
        Some(policy) => policy.holds(rule),
        None => rule.policy.is_none(),
    };
    let stage = rules.stages().iter().position(|stage| is_own(stage.policy))?;
    Some((stage, rule.priority, rule.action))
}

/// The inspecting rules that a rule would be asked before, with their places. Whom they are for is
/// not compared: policies know VMs by other names than VPC rules do.
fn passed_over<'a>(
    rules: &EffectiveRules<'a>,
    rule: &FirewallRule,
) -> impl Iterator<Item = (Place, &'a FirewallRule)> {
    let own = place(rules, rule);
    let order_is_open = rules.order_is_open();
    rules.all().filter_map(move |inspecting| {
        let speaks_of_it = may_inspect(inspecting)
            && !inspecting.disabled
            && inspecting.direction == rule.direction
            && crossing::peers_meet(inspecting, rule);
        let place = place(rules, inspecting).filter(|_| speaks_of_it)?;
        let is_later = order_is_open || own.is_none_or(|own| own < place);
        is_later.then_some((place, inspecting))
    })
}

/// Whether anything is inspected at all.
fn is_inspected(inventory: &Inventory) -> bool {
    let mut rules = inventory.policies.iter().flat_map(|policy| &policy.rules);
    rules.any(may_inspect)
}

fn may_inspect(rule: &FirewallRule) -> bool {
    matches!(rule.action, Action::Inspect | Action::Unknown)
}

/// What a new rule may open of these layers and leave to inspection what is inspected today, which
/// is what no deny keeps from getting there.
pub(super) fn left_alone(
    inventory: &Inventory,
    rule: &FirewallRule,
    deny: Option<&FirewallRule>,
    layers: &[Layer4],
) -> Vec<Layer4> {
    if !is_inspected(inventory) {
        return layers.to_vec();
    }
    let rules = EffectiveRules::of(inventory, &rule.network);
    let deny = deny.and_then(|deny| place(&rules, deny));
    let reached = passed_over(&rules, rule)
        .filter(|(place, _)| deny.is_none_or(|deny| *place < deny))
        .map(|(_, inspecting)| inspecting.traffic());
    crossing::without(layers, &TrafficSet::union_of(reached))
}

/// The inspecting rule that would have seen some of what a change lets pass.
pub(super) fn passed_by<'i>(inventory: &'i Inventory, change: &Change) -> Option<&'i FirewallRule> {
    if !is_inspected(inventory) {
        return None;
    }
    let after = change.rule();
    let same_but_layers = |before: &&FirewallRule| {
        FirewallRule { layer4: before.layer4.clone(), ..after.clone() } == **before
    };
    let had = change.before().filter(same_but_layers).map(FirewallRule::traffic);
    let added = after.traffic().difference(&had.unwrap_or_default());
    let rules = EffectiveRules::of(inventory, &after.network);
    let sees = |inspecting: &&FirewallRule| !inspecting.traffic().intersection(&added).is_empty();
    passed_over(&rules, after).map(|(_, inspecting)| inspecting).find(sees)
}
