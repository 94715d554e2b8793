//! The network tag of a cluster's nodes, which no export of the cluster holds.
//!
//! `gke-blue-1a2b3c4d-node` is derived from the cluster's id, else seen on its VMs or their
//! template, else read off the targets of GKE's own rules. Where none of these was given, no tag is
//! invented.

use std::collections::BTreeSet;

use crate::model::cluster::Provider;
use crate::model::firewall::Targets;
use crate::model::managed::{cluster_of_node_tag, gke_rule, node_tag_of_rule};
use crate::model::{Cluster, Instance, Inventory, NodePool, Reference};

/// A node tag and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTag {
    /// The tag.
    pub tag: String,
    /// What told it.
    pub because: String,
}

/// The tag that every node of `cluster` carries: as its VMs or their template show it, as GKE's own
/// rules target it, or as it follows from the cluster's id.
#[must_use]
pub fn node_tag(inventory: &Inventory, cluster: &Cluster) -> Option<NodeTag> {
    let found = |tag: String, because: String| Some(NodeTag { tag, because });
    let hash = cluster.hash.as_deref().and_then(|hash| hash.get(..8));
    let own = |tag: &&String| {
        cluster_of_node_tag(tag) == Some(cluster.id.name.as_str())
            && hash.is_none_or(|hash| tag.ends_with(&format!("-{hash}-node")))
    };
    let here = |network: &Reference| cluster.network.as_ref().is_none_or(|of| network.agrees(of));
    for instance in &inventory.instances {
        if let Some(tag) = instance.tags.iter().find(own)
            && instance.interfaces.iter().all(|nic| here(&nic.network))
        {
            let what = if instance.template { "template" } else { "VM" };
            return found(tag.clone(), format!("{what} {}", instance.id.name));
        }
    }
    for rule in inventory.firewall_rules.iter().filter(|rule| here(&rule.network)) {
        let Some(name) = rule.name.as_deref().filter(|name| gke_rule(name).is_some()) else {
            continue;
        };
        let by_name = node_tag_of_rule(name).filter(|tag| own(&tag));
        if let Some(tag) = rule.targets.tags.iter().find(own).cloned().or(by_name) {
            return found(tag, format!("GKE's rule {name}"));
        }
    }
    found(cluster.node_tag()?, format!("the id of cluster {}", cluster.id.name))
}

/// What all nodes of a cluster are known to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Tags that every node has.
    pub tags: BTreeSet<String>,
    /// Whether no node can have another tag: all pools are described, and have the same.
    pub all_alike: bool,
    /// The account of every node.
    pub account: Option<String>,
    /// The tags of the nodes of each pool, each once; empty where nodes may have others.
    pub kinds: Vec<BTreeSet<String>>,
    /// What the names of a pool's nodes begin with, and their tags; empty where nodes may have
    /// others.
    pub pools: Vec<(String, BTreeSet<String>)>,
    /// Whether VMs of it were given: an address of the nodes' range that none of them has may be
    /// anybody's there, another VM's, or of what runs without one.
    pub is_listed: bool,
}

impl NodeFacts {
    /// The tags of a node by its name, which holds its pool's: `gke-CLUSTER-POOL-1a2b3c4d-x1q9`. A
    /// long one is cut, and tells nothing.
    #[must_use]
    pub fn tags_of(&self, vm_name: &str) -> Option<&BTreeSet<String>> {
        let is_hash = |text: &str| {
            let mut parts = text.split('-');
            let lengths = [parts.next(), parts.next()].map(|part| part.map_or(0, str::len));
            lengths == [8, 4] && parts.next().is_none()
        };
        let own = |start: &str| vm_name.strip_prefix(start).is_some_and(is_hash);
        let mut found = self.pools.iter().filter(|(start, _)| own(start));
        match (found.next(), found.next()) {
            (Some((_, tags)), None) => Some(tags),
            _ => None,
        }
    }
}

/// What all nodes of `cluster` are known to carry.
#[must_use]
pub fn common_to_nodes(inventory: &Inventory, cluster: &Cluster) -> NodeFacts {
    if cluster.provider == Provider::Amazon {
        return groups_of_nodes(inventory, cluster);
    }
    let own = inventory
        .node_pools
        .iter()
        .filter(|pool| pool.cluster.as_ref().is_some_and(|of| of.agrees(&cluster.id)));
    let pools: Vec<_> = cluster.node_pools.iter().chain(own).collect();
    let node_tag = node_tag(inventory, cluster);
    let mut sets = kinds_of_nodes(inventory, cluster, &pools, node_tag.as_ref());
    let common = in_all(&sets);
    sets.sort();
    sets.dedup();
    // The id comes with the export of the whole cluster, pools and all.
    let all_known =
        cluster.hash.is_some() && node_tag.is_some() && pools.iter().all(|pool| pool.complete);
    let all_alike = all_known && sets.len() == 1;
    let mut tags = common;
    tags.extend(node_tag.map(|found| found.tag));
    let kinds = match all_known {
        true => sets.iter().map(|own| own.union(&tags).cloned().collect()).collect(),
        false => Vec::new(),
    };
    let of_pool = |pool: &&NodePool| {
        let start = format!("gke-{}-{}-", cluster.id.name, pool.name);
        let own: BTreeSet<String> = pool.tags.iter().cloned().collect();
        (start, &own | &tags)
    };
    let by_pool = pools.iter().copied().filter(|_| all_known);
    let by_pool: Vec<_> = by_pool.map(|pool| of_pool(&pool)).collect();
    let accounts: BTreeSet<_> =
        pools.iter().map(|pool| pool.service_account.as_deref().unwrap_or("default")).collect();
    let account = match accounts.iter().next() {
        // "default" is the Compute Engine default account, whose number no export here holds.
        Some(only) if accounts.len() == 1 && *only != "default" => Some((*only).to_owned()),
        _ => None,
    };
    let is_listed = instances_of(inventory, cluster).any(|node| !node.template);
    NodeFacts { tags, all_alike, account, kinds, pools: by_pool, is_listed }
}

/// The tags that a person gave nodes: those of each pool, or, where VMs of it show what they really
/// carry, those of the VMs.
fn kinds_of_nodes(
    inventory: &Inventory,
    cluster: &Cluster,
    pools: &[&NodePool],
    automatic: Option<&NodeTag>,
) -> Vec<BTreeSet<String>> {
    let nodes: Vec<&Instance> =
        instances_of(inventory, cluster).filter(|node| node.complete && !node.template).collect();
    // `gke-CLUSTER-POOL-…`
    let is_shown = |pool: &&&NodePool| {
        let part = format!("-{}-", pool.name);
        nodes.iter().any(|node| node.id.name.contains(&part))
    };
    let by_pool = pools.iter().filter(|pool| !is_shown(pool));
    let by_pool = by_pool.map(|pool| pool.tags.iter().cloned().collect());
    let persons = |tag: &&String| automatic.is_none_or(|own| own.tag != **tag);
    let by_vm = nodes.iter().map(|node| node.tags.iter().filter(persons).cloned().collect());
    by_pool.chain(by_vm).collect()
}

/// What all of the sets hold.
fn in_all(sets: &[BTreeSet<String>]) -> BTreeSet<String> {
    let all = sets.iter().cloned();
    all.reduce(|common, set| &common & &set).unwrap_or_default()
}

/// A VM that is no node of the cluster, as far as was given, and that a rule for these targets
/// would be for, too.
#[must_use]
pub fn somebody_else<'a>(
    inventory: &'a Inventory,
    cluster: &Cluster,
    targets: &Targets,
) -> Option<&'a Instance> {
    inventory.instances.iter().find(|one| {
        let here =
            |network: &Reference| cluster.network.as_ref().is_none_or(|of| of.agrees(network));
        let carries = one.tags.iter().any(|tag| targets.tags.contains(tag))
            || one.service_account.iter().any(|own| targets.service_accounts.contains(own));
        !one.template
            && one.cluster.as_deref() != Some(cluster.id.name.as_str())
            && !one.tags.iter().any(|tag| cluster_of_node_tag(tag) == Some(&cluster.id.name))
            && one.interfaces.iter().any(|nic| here(&nic.network))
            && carries
    })
}

/// The instances of Amazon's that are a cluster's nodes.
pub fn instances_of<'a>(
    inventory: &'a Inventory,
    cluster: &Cluster,
) -> impl Iterator<Item = &'a Instance> {
    inventory.instances.iter().filter(move |one| {
        let here =
            |network: &Reference| cluster.network.as_ref().is_none_or(|of| of.agrees(network));
        one.cluster.as_deref() == Some(cluster.id.name.as_str())
            && one.interfaces.iter().all(|nic| here(&nic.network))
    })
}

/// The security groups of nodes, each combination once.
fn groups_of_nodes(inventory: &Inventory, cluster: &Cluster) -> NodeFacts {
    let nodes: Vec<&Instance> = instances_of(inventory, cluster).collect();
    let mut kinds: Vec<BTreeSet<String>> =
        nodes.iter().map(|node| node.tags.iter().cloned().collect()).collect();
    kinds.sort();
    kinds.dedup();
    let common = in_all(&kinds);
    let all_known = nodes.iter().all(|node| node.complete);
    let all_alike = all_known && kinds.len() == 1;
    let kinds = if all_known { kinds } else { Vec::new() };
    NodeFacts { tags: common, all_alike, account: None, kinds, pools: Vec::new(), is_listed: false }
}
