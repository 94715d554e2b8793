//! The one evaluator: a walk through the stages for one connection, and where doubts hang together
//! for every kind of VM that what is known leaves possible.

use crate::engine::matching::{Doubt, Observer};
use crate::engine::space::{Geography, Space, evaluate_all};
use crate::engine::walk::Walk;
use crate::engine::{Decision, EffectiveRules, Flow, Verdict};
use crate::model::FirewallRule;

/// Judges a connection by the rules of its network.
pub fn evaluate<'a, O: Observer>(
    rules: &EffectiveRules<'a>,
    flow: &Flow,
    observer: &mut O,
) -> Decision<'a> {
    let Ok(mut decision) = Walk::default().run(rules, flow, observer);
    if rules.order_is_open() {
        let Ok(other) = Walk::other().run(rules, flow, &mut ());
        decision = decision.or_in_other_order(other);
    }
    if let Some(verdict) = settled(rules, flow, &decision) {
        decision.verdict = verdict;
    }
    decision
}

/// The verdict where several doubts hang together: of a deny and an allow for the same unknown tag
/// the first decides, whether the VM carries it or not. Every kind of VM is asked.
fn settled(rules: &EffectiveRules<'_>, flow: &Flow, decision: &Decision<'_>) -> Option<Verdict> {
    match decision.verdict {
        Verdict::Undetermined => {}
        Verdict::Allowed | Verdict::Denied => return None,
    }
    // One doubt alone leaves both ways open.
    let by_name = |(_, doubt): &&(&FirewallRule, Doubt)| {
        matches!(doubt, Doubt::Target | Doubt::SourceIdentity)
    };
    decision.doubts.iter().filter(by_name).nth(1)?;
    let geography = Geography::of_flow(flow);
    let pieces = evaluate_all(rules, &Space::of_flow(flow, &geography));
    let mut verdicts = pieces.iter().map(|piece| piece.decision.verdict);
    let first = verdicts.next()?;
    verdicts.all(|verdict| verdict == first).then_some(first)
}
