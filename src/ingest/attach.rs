//! Policies, their rules and their associations, put together once everything was read: which
//! policy applies to which network, in which order, and what the address groups hold.

use std::collections::BTreeSet;

use crate::ingest::policies;
use crate::model::firewall::GoogleList;
use crate::model::inventory::AddressGroup;
use crate::model::{Association, Attachment};
use crate::model::{FirewallPolicy, FirewallRule, Inventory, PolicyKind, Reference};
use crate::net::IpNet;

/// Settles the policies of an inventory.
pub fn settle(inventory: &mut Inventory) {
    gather_rules(&mut inventory.policies);
    add_unread(inventory);
    forget_unread(&mut inventory.policies);
    attach(inventory);
    forget_repeated(&mut inventory.policies);
    reconcile(&mut inventory.policies);
    for group in &inventory.address_groups {
        for rule in inventory.policies.iter_mut().flat_map(|policy| &mut policy.rules) {
            expand(rule, group);
        }
    }
}

/// Policies that something names and nobody described: they are there all the same. Where effective
/// firewalls were given, they show those of the hierarchy that are effective; a network that names
/// its own policy contradicts an answer that does not show it.
fn add_unread(inventory: &mut Inventory) {
    let mut missing: Vec<FirewallPolicy> = Vec::new();
    for association in &inventory.associations {
        let is_told = match &association.to {
            Attachment::Network(network) => shows_one(inventory, association, network),
            Attachment::Organization(_) | Attachment::Folder(_) => {
                !inventory.effective_networks.is_empty()
            }
            Attachment::Subnetwork(_) => true,
        };
        let made = policies::only_named(association);
        let known = |one: &FirewallPolicy| {
            let is_shown = one.effective && one.is_called(&made.name);
            one.kind == made.kind && (is_shown || may_be_of(association, one))
        };
        if !is_told && !inventory.policies.iter().chain(&missing).any(known) {
            missing.push(made);
        }
    }
    inventory.policies.extend(missing);
}

/// Whether the effective firewalls of a network show a policy that may be an association's own:
/// by its number it may be any.
fn shows_one(inventory: &Inventory, association: &Association, network: &Reference) -> bool {
    let is_number = association.policy.bytes().all(|byte| byte.is_ascii_digit());
    inventory.policies.iter().any(|one| {
        one.effective
            && one.network.as_ref().is_none_or(|own| own.agrees(network))
            && matches!(one.kind, PolicyKind::GlobalNetwork | PolicyKind::RegionalNetwork)
            && (is_number || one.is_called(&association.policy))
    })
}

/// Of a policy that is described with its rules, and listed without them, the description stays.
fn forget_unread(policies: &mut Vec<FirewallPolicy>) {
    let (unread, mut kept): (Vec<_>, Vec<_>) =
        std::mem::take(policies).into_iter().partition(|one| one.unread);
    for policy in unread {
        match kept.iter_mut().find(|one| one.is_same(&policy)) {
            None => kept.push(policy),
            Some(one) => {
                for association in policy.attachments {
                    if !one.attached && !one.attachments.contains(&association) {
                        one.attachments.push(association);
                    }
                }
            }
        }
    }
    *policies = kept;
}

/// Config Connector describes a policy rule by rule: what belongs together becomes one policy.
fn gather_rules(policies: &mut Vec<FirewallPolicy>) {
    let mut kept: Vec<FirewallPolicy> = Vec::new();
    for policy in std::mem::take(policies) {
        let alone = !policy.attached && policy.rules.len() < 2;
        let before = kept.iter_mut().find(|one| {
            alone && !one.attached && one.attachments.is_empty() && one.is_same(&policy)
        });
        match before {
            None => kept.push(policy),
            Some(one) => {
                let label = one.label().to_owned();
                for rule in policy.rules {
                    let rule = FirewallRule { policy: Some(label.clone()), ..rule };
                    let same = |other: &FirewallRule| {
                        (other.priority, other.direction) == (rule.priority, rule.direction)
                    };
                    if !one.rules.iter().any(same) {
                        one.rules.push(rule);
                    }
                }
                if one.short_name.is_none() {
                    one.short_name = policy.short_name;
                }
            }
        }
    }
    for policy in &mut kept {
        let (label, kind, home) = (policy.label().to_owned(), policy.kind, policy.home());
        for rule in &mut policy.rules {
            rule.policy = Some(label.clone());
            rule.stage = Some(kind);
            rule.home = home.clone();
        }
    }
    *policies = kept;
}

/// Every policy goes to the networks that its associations name.
fn attach(inventory: &mut Inventory) {
    let own = inventory.policies.iter().flat_map(|policy| &policy.attachments);
    let organizations: BTreeSet<&str> = inventory
        .associations
        .iter()
        .chain(own)
        .filter_map(|one| match &one.to {
            Attachment::Organization(number) => Some(number.as_str()),
            _ => None,
        })
        .collect();
    let one_organization = organizations.len() == 1;
    let mut settled = Vec::new();
    for policy in &inventory.policies {
        let named = inventory.associations.iter().filter(|one| may_be_of(one, policy));
        let mut placed = false;
        for association in policy.attachments.iter().chain(named).filter(|_| !policy.attached) {
            let mut copy = policy.clone();
            copy.attachments.clear();
            copy.order = association.priority.unwrap_or(1000);
            match &association.to {
                Attachment::Network(network) => {
                    copy.network = Some(network.clone());
                    // Several policies may go by the name that a list of associations says.
                    let own = policy.attachments.contains(association);
                    let others =
                        inventory.policies.iter().filter(|one| may_be_of(association, one));
                    copy.attached = own || others.count() == 1;
                }
                // An organisation's policy applies to all of its projects.
                Attachment::Organization(_) => {
                    copy.order = 0;
                    copy.attached = one_organization;
                }
                // Whether the network's project is in that folder, nobody says.
                Attachment::Folder(_) => copy.order = 1,
                // ACLs are placed with their subnets.
                Attachment::Subnetwork(_) => {}
            }
            placed = true;
            settled.push(copy);
        }
        if !placed {
            settled.push(policy.clone());
        }
    }
    inventory.policies = settled;
}

/// Whether an association that names its policy may mean this one.
fn may_be_of(association: &Association, policy: &FirewallPolicy) -> bool {
    let of_kind = match (&association.to, policy.kind) {
        (Attachment::Network(network), PolicyKind::GlobalNetwork | PolicyKind::RegionalNetwork) => {
            let said = association.project.as_ref().or(network.project.as_ref());
            let project =
                said.is_none_or(|said| policy.project.as_ref().is_none_or(|own| own == said));
            project && (association.region.is_none() || association.region == policy.region)
        }
        (Attachment::Organization(_) | Attachment::Folder(_), PolicyKind::Hierarchical) => true,
        _ => false,
    };
    of_kind && policy.is_called(&association.policy)
}

/// A policy that several exports show is one. The effective firewalls of a VM leave out rules for
/// others (<https://cloud.google.com/compute/docs/reference/rest/v1/instances/getEffectiveFirewalls>),
/// so what one lacks and another has counts; where that does not explain it,
/// nobody says which description is the newer one.
fn forget_repeated(policies: &mut Vec<FirewallPolicy>) {
    let mut kept: Vec<FirewallPolicy> = Vec::new();
    for policy in std::mem::take(policies) {
        let same = |one: &&mut FirewallPolicy| {
            one.is_same(&policy)
                && one.region == policy.region
                && match (&one.network, &policy.network) {
                    (Some(a), Some(b)) => a.agrees(b),
                    (None, None) => one.attached == policy.attached,
                    _ => false,
                }
        };
        match kept.iter_mut().find(same) {
            None => kept.push(policy),
            Some(one) => {
                one.attached |= policy.attached;
                one.short_name = one.short_name.take().or_else(|| policy.short_name.clone());
                put_together(one, policy);
            }
        }
    }
    *policies = kept;
}

/// The effective firewalls of a network show the policies of its organization and folders, whose
/// own descriptions name no network: where the two differ, nobody says which is the newer one.
fn reconcile(policies: &mut [FirewallPolicy]) {
    let is_described = |one: &&FirewallPolicy| {
        one.kind == PolicyKind::Hierarchical && !one.effective && !one.unread
    };
    let described: Vec<FirewallPolicy> = policies.iter().filter(is_described).cloned().collect();
    for effective in policies.iter_mut().filter(|one| one.effective) {
        for other in &described {
            if effective.is_same(other) {
                put_together(effective, other.clone());
            }
        }
    }
}

/// Puts the rules of two descriptions of one policy together.
fn put_together(one: &mut FirewallPolicy, other: FirewallPolicy) {
    if one.rules.is_empty() || other.rules.is_empty() {
        one.rules.extend(other.rules);
        one.effective |= other.effective;
        return;
    }
    let place = |rule: &FirewallRule| (rule.priority, rule.direction);
    let has = |list: &[FirewallRule], rule: &FirewallRule| {
        list.iter().any(|known| place(known) == place(rule) && known.decides_like(rule))
    };
    let doubt = |rule: &mut FirewallRule, lacking: &FirewallPolicy| {
        if !lacking.effective || rule.targets.is_everyone() {
            rule.unmodelled.push(format!("another description, {}, lacks it", lacking.origin));
        }
    };
    for rule in one.rules.iter_mut().filter(|rule| !has(&other.rules, rule)) {
        doubt(rule, &other);
    }
    let mut more: Vec<FirewallRule> =
        other.rules.iter().filter(|rule| !has(&one.rules, rule)).cloned().collect();
    for rule in &mut more {
        doubt(rule, one);
    }
    one.rules.extend(more);
    one.effective |= other.effective;
}

/// Puts the ranges of a group in the place of its name.
fn expand(rule: &mut FirewallRule, group: &AddressGroup) {
    let holds = |list: &GoogleList| match list {
        GoogleList::AddressGroup(name) => {
            *name == group.id || group.id.rsplit('/').next() == Some(name)
        }
        _ => false,
    };
    let Some(ranges) = &group.ranges else {
        let what = format!("address group {}: holds what is no range", group.id);
        for conditions in [&mut rule.source_conditions, &mut rule.destination_conditions] {
            if conditions.lists.iter().any(holds) {
                conditions.lists.retain(|list| !holds(list));
                conditions.lists.insert(GoogleList::Unreadable(what.clone()));
            }
        }
        return;
    };
    let with = |own: &[IpNet]| own.iter().chain(ranges).copied().collect::<Vec<_>>();
    if rule.source_conditions.lists.iter().any(holds) {
        rule.source_conditions.lists.retain(|list| !holds(list));
        rule.set_source_ranges(with(&rule.source_ranges));
        rule.source.get_or_insert_default();
    }
    if rule.destination_conditions.lists.iter().any(holds) {
        rule.destination_conditions.lists.retain(|list| !holds(list));
        rule.set_destination_ranges(with(&rule.destination_ranges));
        rule.destination.get_or_insert_default();
    }
}
