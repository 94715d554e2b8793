//! Whether what a rule would open is open already: by which rules, or by which it is denied.

use std::collections::BTreeSet;

use crate::correlate::Directory;
use crate::correlate::difference::{reach, regions};
use crate::engine::{Decider, EffectiveRules, Endpoint, Facts, Space, Verdict, evaluate_all};
use crate::model::{Cluster, Expected, FirewallRule, Instance, Reference};
use crate::net::{Identities, Identity};

/// What is already done for what a rule would allow.
#[derive(Debug, Clone)]
pub struct Covered<'a> {
    /// For all of it.
    pub verdict: Expected,
    /// Who decides where it is not allowed, else who allows it.
    pub deciders: Vec<Decider<'a>>,
    /// Whether all that carry the rule's targets are known, and what else they carry.
    pub is_sure: bool,
}

/// What VMs of a network carry that carry one of the targets of a rule, with all that they carry
/// besides; and whether these are known to be all of them.
fn carriers(
    directory: &Directory<'_>,
    network: &Reference,
    rule: &FirewallRule,
) -> (Vec<Identities>, bool) {
    let wanted = rule.targets.identities();
    let of = |tags: &BTreeSet<String>, account: Option<&String>| -> Identities {
        let tags = tags.iter().cloned().map(Identity::Tag);
        tags.chain(account.cloned().map(Identity::Account)).collect()
    };
    let inventory = directory.inventory;
    let here = |cluster: &Cluster| cluster.network.as_ref().is_none_or(|of| of.agrees(network));
    let clusters = inventory.clusters.iter().enumerate().filter(|(_, cluster)| here(cluster));
    let mut known: Vec<Identities> = Vec::new();
    let mut is_sure = true;
    for node in clusters.flat_map(|(at, _)| directory.nodes_of(at)) {
        let accounts = node.service_accounts.known();
        let own = of(&node.tags.known(), accounts.iter().next());
        let is_whole = matches!(node.tags, Facts::Exactly(_));
        if !own.is_disjoint(&wanted) {
            is_sure &= is_whole;
            known.push(own);
        }
    }
    let of_network = |vm: &&Instance| {
        !vm.template && vm.interfaces.iter().any(|nic| nic.network.agrees(network))
    };
    for vm in inventory.instances.iter().filter(of_network) {
        let own = of(&vm.tags.iter().cloned().collect(), vm.service_account.as_ref());
        if !own.is_disjoint(&wanted) {
            is_sure &= vm.complete;
            known.push(own);
        }
    }
    known.sort();
    known.dedup();
    if known.is_empty() {
        return (wanted.into_iter().map(|one| Identities::from([one])).collect(), false);
    }
    (known, is_sure)
}

/// Judges all that `rule` would match, for the VMs that carry one of its targets; where none are
/// known, for such as carry nothing else.
#[must_use]
pub fn covered<'a>(directory: &Directory<'a>, rule: &FirewallRule) -> Covered<'a> {
    let known = directory.networks.iter().find(|network| network.agrees(&rule.network));
    let network = known.unwrap_or(&rule.network);
    let rules = EffectiveRules::of(directory.inventory, network);
    if !rules.given {
        let (verdict, deciders) = (Expected::Undetermined, Vec::new());
        return Covered { verdict, deciders, is_sure: false };
    }
    let geography = directory.geography(network);
    let (targets, is_sure) = match rule.targets.is_everyone() {
        true => (vec![Identities::default()], true),
        false => carriers(directory, network, rule),
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
    Covered { verdict, deciders, is_sure }
}
