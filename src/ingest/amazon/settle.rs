//! What only all inputs together tell: ACLs with their subnets, groups that nobody described, the
//! clusters of nodes.

use std::collections::BTreeSet;

use crate::ingest::amazon::acl::own_side;
use crate::ingest::amazon::{policy, unknown_rule};
use crate::model::Attachment;
use crate::model::cluster::Provider;
use crate::model::firewall::{GoogleList, Layer4};
use crate::model::{
    Action, Cluster, FirewallRule, Instance, Inventory, Origin, PolicyKind, Reference,
};
use crate::net::{AddressSet, Direction, IpNet};

/// Puts it together.
pub fn settle(inventory: &mut Inventory) {
    if !inventory.networks.iter().any(|one| one.provider == Provider::Amazon) {
        return;
    }
    let mut seen = BTreeSet::new();
    inventory
        .networks
        .retain(|one| one.provider == Provider::Google || seen.insert(one.id.clone()));
    place_acls(inventory);
    add_unknown_groups(inventory);
    add_clusters(inventory);
}

/// Entries are for addresses of the ACL's subnets, and not for what stays in one of them.
fn place_acls(inventory: &mut Inventory) {
    let subnets = &inventory.subnetworks;
    for policy in &mut inventory.policies {
        if policy.kind != PolicyKind::NetworkAcl || policy.attachments.is_empty() {
            continue;
        }
        let named: Vec<Reference> = std::mem::take(&mut policy.attachments)
            .into_iter()
            .filter_map(|one| match one.to {
                Attachment::Subnetwork(id) => Some(id),
                _ => None,
            })
            .collect();
        let mut all = AddressSet::default();
        let mut unknown = BTreeSet::new();
        let mut inner = Vec::new();
        for id in &named {
            let Some(subnet) = subnets.iter().find(|one| one.id.agrees(id)) else {
                let what = format!("subnet {} was not described", id.name);
                unknown.insert(GoogleList::Unreadable(what));
                continue;
            };
            let own = AddressSet::of(subnet.primary.iter().chain(&subnet.v6));
            all = all.union(&own);
            for direction in [Direction::Ingress, Direction::Egress] {
                let network = subnet.network.clone();
                let mut rule = FirewallRule::new(network, direction, 0, Action::GotoNext);
                rule.layer4 = vec![Layer4 { protocol: None, ports: None }];
                (rule.source, rule.destination) = (Some(own.clone()), Some(own.clone()));
                rule.origin = subnet.origin.clone();
                rule.policy = Some(policy.label().to_owned());
                rule.stage = Some(PolicyKind::NetworkAcl);
                inner.push(rule);
            }
        }
        for rule in &mut policy.rules {
            *own_side(rule) = Some(all.clone());
            let conditions = match rule.direction {
                Direction::Ingress => &mut rule.destination_conditions,
                Direction::Egress => &mut rule.source_conditions,
            };
            conditions.lists.clone_from(&unknown);
        }
        policy.rules.extend(inner);
    }
}

/// A group that an instance carries and nobody described may allow anything.
fn add_unknown_groups(inventory: &mut Inventory) {
    let mut missing: BTreeSet<(Reference, String)> = BTreeSet::new();
    for instance in &inventory.instances {
        for network in instance.interfaces.iter().map(|nic| &nic.network) {
            if !inventory.is_amazon(network) {
                continue;
            }
            let of =
                |group: &&String| !inventory.policies.iter().any(|policy| policy.name == **group);
            let groups = instance.tags.iter().filter(of);
            missing.extend(groups.map(|group| (network.clone(), group.clone())));
        }
    }
    for (network, group) in missing {
        let origin = Origin::default();
        let name = (group.clone(), None);
        let mut stub = policy(PolicyKind::SecurityGroup, name, &network, &origin);
        for direction in [Direction::Ingress, Direction::Egress] {
            let why = "it was not described: aws ec2 describe-security-groups".to_owned();
            let mut rule = unknown_rule(&group, direction, &network, why);
            rule.policy = Some(group.clone());
            rule.stage = Some(PolicyKind::SecurityGroup);
            stub.rules.push(rule);
        }
        inventory.policies.push(stub);
    }
}

/// Instances of one cluster are its nodes. Where no tag tells, Nodes of Kubernetes do; and where
/// Services are given with instances of one VPC, these are taken for the nodes.
fn add_clusters(inventory: &mut Inventory) {
    let amazon: Vec<Reference> = inventory
        .networks
        .iter()
        .filter(|one| one.provider == Provider::Amazon)
        .map(|one| one.id.clone())
        .collect();
    // What has an interface and is no instance runs no pods; further interfaces are no nodes.
    let is_own = |one: &Instance| {
        !one.id.name.contains("eni-")
            && one.interfaces.iter().any(|nic| amazon.iter().any(|id| id.agrees(&nic.network)))
    };
    let told =
        inventory.instances.iter().filter(|one| is_own(one)).any(|one| one.cluster.is_some());
    let nodes: BTreeSet<_> =
        inventory.workloads.nodes.iter().filter_map(|node| node.address).collect();
    let is_node = |one: &Instance| {
        nodes.is_empty()
            || one.interfaces.iter().any(|nic| nic.address.is_some_and(|a| nodes.contains(&a)))
    };
    // Where a cluster was described, the pods are its own.
    let lacks = inventory.clusters.is_empty() && !inventory.workloads.services.is_empty();
    if let ([only], false, true) = (amazon.as_slice(), told, lacks) {
        for one in inventory.instances.iter_mut().filter(|one| is_own(one) && is_node(one)) {
            one.cluster = Some(only.name.clone());
        }
    }
    let mut clusters: Vec<Cluster> = Vec::new();
    for one in inventory.instances.iter().filter(|one| is_own(one)) {
        let Some(name) = &one.cluster else { continue };
        let network = one.interfaces.first().map(|nic| nic.network.clone());
        // A global IPv6 address is as good as an external one.
        let is_global = |range: &IpNet| match range {
            IpNet::V4(_) => false,
            IpNet::V6(range) => range.addr().octets().first().is_some_and(|one| one >> 5 == 1),
        };
        let is_private = one
            .interfaces
            .iter()
            .all(|nic| nic.external.is_empty() && !nic.aliases.iter().any(is_global));
        let same = |known: &&mut Cluster| known.id.name == *name && known.network == network;
        match clusters.iter_mut().chain(&mut inventory.clusters).find(same) {
            Some(known) => known.private_nodes &= is_private,
            None => clusters.push(Cluster {
                id: Reference::new(None, name),
                network,
                private_nodes: is_private,
                is_planned: false,
                serves_no_ingresses: false,
                provider: Provider::Amazon,
                origin: one.origin.clone(),
                ..Cluster::default()
            }),
        }
    }
    inventory.clusters.extend(clusters);
}
