//! Whether what a rule would open is open already: by which rules, or by which it is denied.

use crate::correlate::Directory;
use crate::correlate::difference::{reach, regions};
use crate::engine::{Decider, EffectiveRules, Endpoint, Space, Verdict, evaluate_all};
use crate::model::{Expected, FirewallRule};
use crate::net::Identities;

/// What is already done for what a rule would allow.
#[derive(Debug, Clone)]
pub struct Covered<'a> {
    /// For all of it.
    pub verdict: Expected,
    /// Who decides where it is not allowed, else who allows it.
    pub deciders: Vec<Decider<'a>>,
}

/// Judges all that `rule` would match, for VMs that carry one of its targets and nothing else.
#[must_use]
pub fn covered<'a>(directory: &Directory<'a>, rule: &FirewallRule) -> Covered<'a> {
    let known = directory.networks.iter().find(|network| network.agrees(&rule.network));
    let network = known.unwrap_or(&rule.network);
    let rules = EffectiveRules::of(directory.inventory, network);
    if !rules.given {
        return Covered { verdict: Expected::Undetermined, deciders: Vec::new() };
    }
    let geography = directory.geography(network);
    let targets: Vec<Identities> = match rule.targets.is_everyone() {
        true => vec![Identities::default()],
        false => rule.targets.identities().into_iter().map(|one| Identities::from([one])).collect(),
    };
    let mut decisions = Vec::new();
    for flows in reach(rule) {
        for region in regions(&rules, &rules) {
            let space = Space {
                direction: rule.direction,
                network: network.clone(),
                region,
                flows: flows.clone(),
                own_address_known: true,
                endpoint: Endpoint::default(),
                peer: Endpoint::outside(),
                tells_apart: true,
                geography: &geography,
            };
            let pieces = evaluate_all(&rules, &space).into_iter().filter(|piece| {
                targets.iter().any(|carried| piece.space.flows.target.contains(carried))
            });
            decisions.extend(pieces.map(|piece| piece.decision));
        }
    }
    let any = |verdict: Verdict| decisions.iter().any(|one| one.verdict == verdict);
    let verdict = match (any(Verdict::Allowed), any(Verdict::Denied), any(Verdict::Undetermined)) {
        (true, false, false) => Expected::Allowed,
        (false, true, false) => Expected::Denied,
        (_, true, _) => Expected::Mixed,
        _ => Expected::Undetermined,
    };
    let telling = match verdict {
        Expected::Allowed => Verdict::Allowed,
        Expected::Undetermined => Verdict::Undetermined,
        Expected::Denied | Expected::Mixed => Verdict::Denied,
    };
    let mut deciders: Vec<Decider<'a>> = Vec::new();
    for decision in decisions.iter().filter(|one| one.verdict == telling) {
        if !deciders.iter().any(|one| one.is_same(&decision.decider)) {
            deciders.push(decision.decider);
        }
    }
    Covered { verdict, deciders }
}
