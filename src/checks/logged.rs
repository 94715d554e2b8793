//! What the log says of who denied a connection, held against the rules that were given.
//!
//! A rule that the log names and nobody gave decides before what is computed here, or did: nothing
//! is proven then, and no rule helps that does not outrank it.

use crate::checks::Evidence;
use crate::correlate::Cause;
use crate::correlate::usage::is_named;
use crate::engine::{Decider, match_rule, matching};
use crate::model::firewall::Targets;
use crate::model::{Action, FirewallRule, RuleReference};
use crate::suggest::NoFix;
use crate::suggest::change::target_texts;

/// Who denied it, in words, where that is none of what was given.
pub(super) fn unseen(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Option<String> {
    if cause.is_silent() {
        return None;
    }
    match &cause.logged_rule {
        Some(logged) if is_given(cause, evidence) => {
            let rule = for_other_vms(cause, logged, evidence)?;
            Some(format!(
                "the log says that {} denied it, which is for {}: these VMs are of them, though \
                 nothing that was given says so",
                named(logged, cause),
                target_texts(rule).join(", ")
            ))
        }
        Some(logged) => Some(format!(
            "the log says that {} denied it, which was not given: it may decide before",
            named(logged, cause)
        )),
        None if matches!(cause.decision.decider, Decider::Implied(_)) => Some(
            "the implied rule writes no log: a rule that was not given denied it, and the log does \
             not name it"
                .to_owned(),
        ),
        None => None,
    }
}

/// The rule that the log names, in words, where it is none of those that were given.
pub(super) fn stranger(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Option<String> {
    let logged = cause.logged_rule.as_ref().filter(|_| !cause.is_silent())?;
    (!is_given(cause, evidence)).then(|| named(logged, cause))
}

/// The deny that the log names, where only its targets keep it from what was denied: what is known
/// of the VMs is less than they carry.
fn for_other_vms<'e>(
    cause: &Cause<'_>,
    logged: &RuleReference,
    evidence: &Evidence<'e, '_>,
) -> Option<&'e FirewallRule> {
    let RuleReference::Vpc { rule: name, .. } = logged else { return None };
    let matches = |rule: &FirewallRule| {
        let mut flows = cause.flows();
        flows.any(|flow| match_rule(rule, flow, &mut ()) == matching::Outcome::Matched)
    };
    let network = cause.network.as_ref()?;
    evidence.directory.inventory.firewall_rules.iter().find(|rule| {
        let is_it = rule.name.as_deref() == Some(name) && rule.network.agrees(network);
        let for_all = || FirewallRule { targets: Targets::default(), ..(*rule).clone() };
        is_it
            && rule.action == Action::Deny
            && !rule.targets.is_everyone()
            && !matches(rule)
            && matches(&for_all())
    })
}

fn named(logged: &RuleReference, cause: &Cause<'_>) -> String {
    let kind = match logged {
        RuleReference::Vpc { .. } => "rule",
        RuleReference::Policy { .. } => "policy",
    };
    let priority = cause.logged_priority().map(|priority| format!(" (priority {priority})"));
    format!("{kind} {}{}", logged.name(), priority.unwrap_or_default())
}

/// Why a rule would not help against who denied it and was not given: it does not outrank that.
pub(super) fn outranked(
    cause: &Cause<'_>,
    rule: &FirewallRule,
    evidence: &Evidence<'_, '_>,
) -> Option<NoFix> {
    let logged = cause.logged_rule.as_ref()?;
    let given = || Some(for_other_vms(cause, logged, evidence)?.priority);
    let is_policy = matches!(logged, RuleReference::Policy { .. });
    // Of equal ranks the deny decides.
    let priority = cause.logged_priority().or_else(given);
    let is_above = priority.is_some_and(|priority| priority <= rule.priority);
    (is_policy || is_above).then(|| {
        NoFix::Other(format!(
            "the log names {}: a rule that does not outrank it changes nothing; export the \
             effective firewalls of the network, and the VMs, again",
            named(logged, cause)
        ))
    })
}

/// Whether the log names `rule`, or another that decides the same: of several denies of one
/// priority any may be named.
pub(super) fn is_logged(
    rule: &FirewallRule,
    logged: &RuleReference,
    cause: &Cause<'_>,
    evidence: &Evidence<'_, '_>,
) -> bool {
    match logged {
        RuleReference::Vpc { rule: name, .. } => {
            let inventory = evidence.directory.inventory;
            let equal = inventory.firewall_rules.iter().find(|other| {
                other.name.as_deref() == Some(name)
                    && other.network.agrees(&rule.network)
                    && (other.priority, other.action) == (rule.priority, rule.action)
            });
            let matches = |other: &FirewallRule| {
                let mut flows = cause.flows();
                flows.all(|flow| match_rule(other, flow, &mut ()) == matching::Outcome::Matched)
            };
            rule.policy.is_none()
                && (rule.name.as_deref() == Some(name.as_str()) || equal.is_some_and(matches))
        }
        RuleReference::Policy { .. } => {
            let priority = cause.logged_priority();
            is_named(rule, logged, cause.direction, priority, evidence.directory.inventory)
        }
    }
}

/// Whether the rule that the log names is among those given.
pub(super) fn is_given(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> bool {
    let Some(logged) = &cause.logged_rule else { return false };
    let inventory = evidence.directory.inventory;
    let priority = cause.logged_priority();
    inventory.all_rules().any(|rule| {
        let here = || cause.network.as_ref().is_some_and(|of| rule.network.agrees(of));
        is_named(rule, logged, cause.direction, priority, inventory)
            && (rule.policy.is_some() || here())
    })
}
