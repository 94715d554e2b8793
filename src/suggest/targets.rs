//! The VMs that a rule should apply to, by what they carry and others do not.
//!
//! `tag gke-blue-5f0c2a9e-node: node tag of the cluster`, `tag db: is on every VM in question`

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::correlate::{Directory, node_tags};
use crate::model::Cluster;
use crate::model::firewall::Targets;
use crate::net::Direction;
use crate::suggest::need::Need;

/// The VMs that a rule should apply to.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) targets: Targets,
    pub(super) notes: Vec<String>,
    /// Whether it is known that others carry the same.
    pub(super) for_others: bool,
}

impl Chosen {
    fn by(targets: Targets, note: String) -> Self {
        Self { targets, notes: vec![note], for_others: false }
    }

    fn by_tag(tag: String, note: String) -> Self {
        Self::by(Targets { tags: BTreeSet::from([tag]), ..Targets::default() }, note)
    }
}

/// The VMs that the rule should apply to: the cluster's node tag, else an account that all its
/// nodes share, else tags that all the VMs in question carry, else those of the deciding deny.
pub(super) fn chosen(need: &Need<'_, '_>, directory: &Directory<'_>) -> Chosen {
    let inventory = directory.inventory;
    let own = need.own.cluster.and_then(|at| Some((at, inventory.clusters.get(at)?)));
    if let Some((at, cluster)) = own {
        if let Some(found) = node_tags::node_tag(inventory, cluster) {
            let note = format!("node tag {} from {}", found.tag, found.because);
            return Chosen::by_tag(found.tag, note);
        }
        if let Some(chosen) = common_to_nodes(directory, at, cluster) {
            return chosen;
        }
    }
    let vms: Vec<_> = need.flows().map(|flow| &flow.endpoint.tags).collect();
    let common = vms.iter().map(|facts| facts.known()).reduce(|a, b| &a & &b).unwrap_or_default();
    let others = |tag: &String| others_with(tag, need, directory);
    if let Some((count, tag)) = common.into_iter().map(|tag| (others(&tag), tag)).min() {
        let note = format!("tag {tag} is on every VM in question");
        let mut chosen = Chosen::by_tag(tag, note);
        if count > 0 {
            chosen.notes.push(format!("{count} other VMs carry it, too: the rule is for all"));
            chosen.for_others = true;
        }
        return chosen;
    }
    match need.deny.filter(|deny| !deny.targets.is_everyone()) {
        Some(deny) => {
            let Targets { tags, service_accounts, .. } = deny.targets.clone();
            let targets = Targets { tags, service_accounts, ..Targets::default() };
            Chosen::by(targets, format!("for the same VMs as rule {}", deny.label()))
        }
        None => Chosen::default(),
    }
}

/// How many VMs of the network carry a tag besides those in question.
fn others_with(tag: &String, need: &Need<'_, '_>, directory: &Directory<'_>) -> usize {
    let own: BTreeSet<IpAddr> = need
        .flows()
        .map(|flow| match need.direction {
            Direction::Ingress => flow.tuple.dst,
            Direction::Egress => flow.tuple.src,
        })
        .collect();
    let vms = directory.inventory.instances.iter().filter(|vm| !vm.template);
    let here = vms.filter(|vm| vm.tags.contains(tag)).filter(|vm| {
        let mut nics = vm.interfaces.iter().filter(|nic| nic.network.agrees(need.network));
        nics.any(|nic| nic.address.is_none_or(|address| !own.contains(&address)))
    });
    here.count()
}

/// What all nodes of a cluster carry, and nobody else, as far as that is known: a tag, else their
/// account.
fn common_to_nodes(directory: &Directory<'_>, at: usize, cluster: &Cluster) -> Option<Chosen> {
    let inventory = directory.inventory;
    let node_tags::NodeFacts { tags, account, .. } = node_tags::common_to_nodes(inventory, cluster);
    let name = &cluster.id.name;
    let by_tag = tags.into_iter().map(|tag| {
        let note = format!("tag {tag} is on every node pool of {name}");
        Chosen::by_tag(tag, note)
    });
    let by_account = account.map(|account| {
        let note = format!("every node pool of {name} runs as {account}");
        let service_accounts = BTreeSet::from([account]);
        Chosen::by(Targets { service_accounts, ..Targets::default() }, note)
    });
    let mut all: Vec<Chosen> = by_tag.chain(by_account).collect();
    let other = |one: &Chosen| {
        let by_vm = node_tags::somebody_else(inventory, cluster, &one.targets)
            .map(|vm| format!("VM {} carries it, too, and is no node", vm.id.name));
        let by_cluster = || {
            let other = directory.other_cluster(at, &one.targets)?;
            Some(format!("nodes of {} carry it, too", other.id.name))
        };
        by_vm.or_else(by_cluster)
    };
    if let Some(place) = all.iter().position(|one| other(one).is_none()) {
        let mut chosen = all.swap_remove(place);
        if let Some(why) = unknown_others(directory, at, &chosen.targets) {
            chosen.notes.push(why);
            chosen.for_others = true;
        }
        return Some(chosen);
    }
    let mut first = all.into_iter().next()?;
    if let Some(who) = other(&first) {
        first.notes.push(format!("{who}: the rule is for both"));
        first.for_others = true;
    }
    Some(first)
}

/// Why nobody knows whether others carry the same.
fn unknown_others(directory: &Directory<'_>, cluster: usize, targets: &Targets) -> Option<String> {
    // <https://cloud.google.com/compute/docs/access/service-accounts#default_service_account>
    let is_default = |one: &&String| one.ends_with("-compute@developer.gserviceaccount.com");
    if let Some(account) = targets.service_accounts.iter().find(is_default) {
        return Some(format!(
            "{account} is what VMs run as by default: the rule is for all of them"
        ));
    }
    (!directory.are_listed(Some(cluster))).then(|| {
        "who else carries it was not given: gcloud compute instances list --format=json".to_owned()
    })
}
