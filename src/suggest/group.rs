//! A rule that is missing in a security group of AWS: groups only allow, so one more rule in a
//! group that the instances carry is the whole change. What a network ACL denies never comes here.

use crate::correlate::{Directory, node_tags};
use crate::model::Action;
use crate::model::{FirewallPolicy, FirewallRule, PolicyKind};
use crate::net::{AddressSet, Direction};
use crate::suggest::change::{Change, Safety};
use crate::suggest::need::Need;
use crate::suggest::proposal::{NoFix, Proposal};

/// The rule, in the one group that fits best.
pub(super) fn group_addition<'c, 'a>(
    need: &Need<'c, 'a>,
    directory: &Directory<'_>,
) -> Result<Proposal<'c, 'a>, NoFix> {
    let (group, mut notes) = group_of(need, directory)?;
    let last = group.rules.iter().map(|rule| rule.priority).max().unwrap_or(0);
    let mut rule = FirewallRule::new(need.network.clone(), need.direction, last + 1, Action::Allow);
    rule.policy = Some(group.label().to_owned());
    rule.home = group.home();
    rule.stage = Some(PolicyKind::SecurityGroup);
    rule.targets.tags.insert(group.name.clone());
    let ranges = need.lacking(directory);
    match need.direction {
        Direction::Ingress => rule.set_source_ranges(ranges),
        Direction::Egress => rule.set_destination_ranges(ranges),
    }
    rule.layer4.clone_from(&need.all_layers);
    notes.push("whatever else carries this group is opened to the same clients".to_owned());
    let mut wanted = vec![need.cause];
    wanted.extend(&need.siblings);
    Ok(Proposal {
        change: Change::Add(Box::new(rule)),
        wanted,
        needed: AddressSet::of(&need.ranges),
        safety: Safety::Review,
        notes,
    })
}

/// A group that all of the instances carry and that was described; the default group of a VPC, and
/// those that Kubernetes makes for its balancers, come last.
fn group_of<'d>(
    need: &Need<'_, '_>,
    directory: &Directory<'d>,
) -> Result<(&'d FirewallPolicy, Vec<String>), NoFix> {
    let inventory = directory.inventory;
    let cluster = need.own.cluster.and_then(|at| inventory.clusters.get(at));
    let (carried, because) = match cluster {
        Some(cluster) => {
            let facts = node_tags::common_to_nodes(inventory, cluster);
            (facts.tags, format!("every node of {} carries it", cluster.id.name))
        }
        None => {
            let mut all = need.flows().map(|flow| flow.endpoint.tags.known());
            let first = all.next().unwrap_or_default();
            let common = all.fold(first, |common, own| &common & &own);
            (common, "the instances carry it".to_owned())
        }
    };
    let own = |policy: &&FirewallPolicy| {
        policy.kind == PolicyKind::SecurityGroup
            && carried.contains(&policy.name)
            && !policy.origin.path.is_empty()
    };
    let is_last = |policy: &&FirewallPolicy| {
        let label = policy.label();
        (label.ends_with("(default)") || label.contains("(k8s-"), policy.name.clone())
    };
    let found = inventory.policies.iter().filter(own).min_by_key(is_last);
    match found {
        Some(group) => Ok((group, vec![format!("group {}: {because}", group.label())])),
        None => Err(NoFix::Other(
            "no security group is known that all of the instances carry (aws ec2 \
             describe-instances, aws ec2 describe-security-groups)"
                .to_owned(),
        )),
    }
}
