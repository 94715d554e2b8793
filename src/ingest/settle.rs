//! Descriptions of one thing put together, and what points elsewhere resolved. Where two differ
//! nobody says which is the newer one: rules are doubted, and so is what is judged by the rest.
//!
//! `subnetwork s: privateIpGoogleAccess is described otherwise, too: old.json:7`

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::ingest::copies::{all_differ, first_of_each, place};
use crate::ingest::{amazon, attach, policies, symptom};
use crate::model::cluster::Interface;
use crate::model::firewall::ManifestObject;
use crate::model::listed::Listed;
use crate::model::managed::is_rule_for;
use crate::model::symptom::SymptomKind;
use crate::model::{
    Cluster, Complaint, FirewallRule, Instance, Inventory, Kept, ManagedZone, Origin, Owner,
    Reference, Route, Subnetwork, Symptom, complaint,
};
use crate::net::{IpNet, parse_address};

/// Puts together what was described twice and resolves what points elsewhere. Of two inventories
/// that are put together what came first stays.
pub fn settle(inventory: &mut Inventory) {
    settle_all(inventory, Contradictions::FirstHolds);
}

/// The same of one inventory: nobody says which of two descriptions that differ is the newer one,
/// so what depends on it is not known. Returns what differs.
pub(super) fn doubting(inventory: &mut Inventory) -> Vec<Complaint> {
    let differing = settle_all(inventory, Contradictions::Doubted);
    differing.into_iter().map(Differing::complaint).collect()
}

/// Where a part of an input could not be read, the rules that it held may not be all of them: those
/// of its networks, and of its policies. Where none was read and it names some, these may be of any
/// network.
pub(super) fn doubt(inventory: &mut Inventory, path: &Arc<str>, names_rules: bool) {
    let read_here = |origin: &Origin| origin.path == *path;
    for policy in inventory.policies.iter_mut().filter(|policy| read_here(&policy.origin)) {
        policy.rules.extend(policies::stand_ins(policy, FirewallRule::LOST));
    }
    let rules = inventory.firewall_rules.iter().filter(|rule| read_here(&rule.origin));
    let mut networks: BTreeSet<Reference> = rules.map(|rule| rule.network.clone()).collect();
    let has_policies = inventory.policies.iter().any(|policy| read_here(&policy.origin));
    if networks.is_empty() && !has_policies && names_rules {
        networks = inventory.known_networks().into_iter().collect();
    }
    let origin = Origin { path: Arc::clone(path), line: 1 };
    stand_in(inventory, &networks, ("that was lost", FirewallRule::LOST), &origin);
}

/// Where only a part of a list was given its rules may be of any network that is known.
pub(super) fn doubt_everywhere(inventory: &mut Inventory, origin: &Origin) {
    let networks = inventory.known_networks().into_iter().collect();
    let why = ("that was not given", FirewallRule::IN_THE_REST);
    stand_in(inventory, &networks, why, origin);
}

/// For the rules of these networks that nobody knows.
fn stand_in(
    inventory: &mut Inventory,
    networks: &BTreeSet<Reference>,
    (name, why): (&str, &'static str),
    origin: &Origin,
) {
    for network in networks {
        let unknown = FirewallRule::stand_ins(network, why, origin);
        let name = Some(name.to_owned());
        let unknown = unknown.map(|rule| FirewallRule { name: name.clone(), ..rule });
        inventory.firewall_rules.extend(unknown);
    }
}

/// Something that is described twice, and not alike.
struct Differing {
    what: String,
    field: &'static str,
    kept: Origin,
    other: Origin,
}

impl Differing {
    fn complaint(self) -> Complaint {
        let Self { what, field, kept, other } = self;
        Complaint {
            path: other.path.to_string(),
            line: other.line,
            byte: 0,
            message: format!("{what}: {field} is described otherwise, too: {kept}"),
            did: complaint::KEPT_FIRST,
        }
    }
}

fn settle_all(inventory: &mut Inventory, contradictions: Contradictions) -> Vec<Differing> {
    settle_nats(inventory);
    settle_projects(inventory);
    settle_interfaces(inventory);
    settle_next_hops(inventory);
    settle_shared(inventory);
    settle_rules(&mut inventory.firewall_rules, contradictions);
    settle_clusters(&mut inventory.clusters);
    let differing = put_together(inventory, contradictions == Contradictions::Doubted);
    first_of_each(
        &mut inventory.instances,
        |one| place(&one.id),
        |a, b| a.id.agrees(&b.id) && a.template == b.template,
        |_, _| {},
    );
    first_of_each(
        &mut inventory.nats,
        |one| (&one.name, None),
        |a, b| a.router.agrees(&b.router) && a.region == b.region && a.ranges == b.ranges,
        |kept, other| Kept::prefer(&mut kept.kept, other.kept.as_ref()),
    );
    attach::settle(inventory);
    amazon::settle(inventory);
    settle_copies(inventory);
    place_requested(inventory);
    // The same error in several places is one.
    inventory.symptoms = symptom::merged(std::mem::take(&mut inventory.symptoms));
    differing
}

/// A file that was given twice tells nothing twice.
fn settle_copies(inventory: &mut Inventory) {
    first_of_each(
        &mut inventory.record_sets,
        |one| (&one.name, None),
        |a, b| (&a.kind, &a.zone, &a.data) == (&b.kind, &b.zone, &b.data),
        |kept, other| Kept::prefer(&mut kept.kept, other.kept.as_ref()),
    );
    let workloads = &mut inventory.workloads;
    leave_out_copies(
        &mut workloads.services,
        |one| (one.id.namespace.clone(), one.id.name.clone()),
        |one| &mut one.origin,
    );
    leave_out_copies(
        &mut workloads.ingresses,
        |one| (one.id.namespace.clone(), one.id.name.clone()),
        |one| &mut one.origin,
    );
    // The same files in another order tell the same in the same order.
    workloads
        .webhooks
        .sort_by(|a, b| (&a.name, &a.configuration).cmp(&(&b.name, &b.configuration)));
    leave_out_copies(
        &mut workloads.webhooks,
        |one| (one.configuration.clone(), one.name.clone()),
        |one| &mut one.origin,
    );
    leave_out_copies(
        &mut inventory.operations,
        |one| (one.kind.clone(), one.name.clone()),
        |one| &mut one.origin,
    );
}

/// So many of one name are compared; more are none of a file that was given twice.
const MOST_OF_A_NAME: usize = 8;

/// Leaves out what is like another one in everything but where it was read.
fn leave_out_copies<T: PartialEq>(
    list: &mut Vec<T>,
    name: impl Fn(&T) -> (String, String),
    origin: impl Fn(&mut T) -> &mut Origin,
) {
    let mut kept: Vec<T> = Vec::with_capacity(list.len());
    let mut by_name: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for mut one in std::mem::take(list) {
        let places = by_name.entry(name(&one)).or_default();
        // Where it was read is not compared.
        let read = origin(&mut one).clone();
        let is_copy = places.iter().any(|at| {
            kept.get_mut(*at).is_some_and(|before| {
                origin(&mut one).clone_from(origin(before));
                *before == one
            })
        });
        *origin(&mut one) = read;
        if !is_copy {
            if places.len() < MOST_OF_A_NAME {
                places.push(kept.len());
            }
            kept.push(one);
        }
    }
    *list = kept;
}

/// A rule that a controller asks to be changed is where the one of its name is.
fn place_requested(inventory: &mut Inventory) {
    let is_asked = |symptom: &&mut Symptom| match &symptom.kind {
        SymptomKind::FirewallChange { rule: Some(rule), .. } => rule.network.name.is_empty(),
        _ => false,
    };
    let mut asked = inventory.symptoms.iter_mut().filter(is_asked).peekable();
    if asked.peek().is_none() {
        return;
    }
    let mut by_name: BTreeMap<Option<&str>, Vec<&FirewallRule>> = BTreeMap::new();
    for rule in &inventory.firewall_rules {
        by_name.entry(rule.name.as_deref()).or_default().push(rule);
    }
    for symptom in asked {
        let SymptomKind::FirewallChange { rule: Some(rule), .. } = &mut symptom.kind else {
            continue;
        };
        let of_name = by_name.get(&rule.name.as_deref()).into_iter().flatten();
        let project = rule.network.project.as_ref();
        let mut there = of_name.filter(|one| {
            let its = one.network.project.as_ref().zip(project);
            its.is_none_or(|(its, own)| its == own)
        });
        if let (Some(there), None) = (there.next(), there.next()) {
            rule.network.clone_from(&there.network);
            (rule.direction, rule.priority) = (there.direction, there.priority);
        }
    }
}

/// Keeps one description of each thing; where it is doubted, returns in what the others differ.
fn put_together(inventory: &mut Inventory, doubted: bool) -> Vec<Differing> {
    let manifests: BTreeSet<Origin> =
        inventory.objects.iter().map(|one| one.origin.clone()).collect();
    // An export is what there is, whatever its manifest says: a finding tells what differs.
    let doubts = |kept: &Origin, other: &Origin| {
        doubted && manifests.contains(kept) == manifests.contains(other)
    };
    let mut differing = Vec::new();
    let mut note = |what: String, fields: Vec<&'static str>, kept: &Origin, other: &Origin| {
        let one = |field| {
            let (kept, other) = (kept.clone(), other.clone());
            Differing { what: what.clone(), field, kept, other }
        };
        differing.extend(fields.into_iter().filter(|_| doubts(kept, other)).map(one));
    };
    first_of_each(
        &mut inventory.networks,
        |one| place(&one.id),
        |a, b| a.id.agrees(&b.id),
        |kept, other| {
            let both = kept.policies_first.zip(other.policies_first);
            let differ = doubts(&kept.origin, &other.origin) && both.is_some_and(|(a, b)| a != b);
            // A selection of fields beside the whole does not say it. What a manifest leaves out is
            // no more said.
            let alike = manifests.contains(&kept.origin) == manifests.contains(&other.origin);
            kept.is_disputed |= differ || other.is_disputed;
            if kept.is_disputed {
                kept.policies_first = None;
            } else if alike {
                kept.policies_first = kept.policies_first.or(other.policies_first);
            }
            let field = differ.then_some("networkFirewallPolicyEnforcementOrder");
            let what = format!("network {}", kept.id);
            note(what, field.into_iter().collect(), &kept.origin, &other.origin);
        },
    );
    first_of_each(
        &mut inventory.subnetworks,
        |one| place(&one.id),
        |a, b| a.id.agrees(&b.id) && a.network.agrees(&b.network),
        |kept, other| {
            let fields = differing_subnetwork(kept, other);
            if doubts(&kept.origin, &other.origin) && fields.contains(&PRIVATE_ACCESS) {
                kept.private_google_access = None;
            }
            Kept::prefer(&mut kept.kept, other.kept.as_ref());
            note(format!("subnetwork {}", kept.id), fields, &kept.origin, &other.origin);
        },
    );
    first_of_each(
        &mut inventory.routes,
        |one| place(&one.id),
        |a, b| a.id.agrees(&b.id) && a.network.agrees(&b.network),
        |kept, other| {
            let fields = differing_route(kept, other);
            Kept::prefer(&mut kept.kept, other.kept.as_ref());
            note(format!("route {}", kept.id), fields, &kept.origin, &other.origin);
        },
    );
    first_of_each(
        &mut inventory.zones,
        |one| place(&one.id),
        |a, b| a.id.agrees(&b.id) && a.dns_name == b.dns_name && a.private == b.private,
        |kept, other| {
            let names = |zone: &ManagedZone| -> BTreeSet<String> {
                zone.networks.iter().map(|network| network.name.clone()).collect()
            };
            let differ = (names(kept) != names(other)).then_some("networks");
            let what = format!("managed zone {}", kept.id);
            Kept::prefer(&mut kept.kept, other.kept.as_ref());
            note(what, differ.into_iter().collect(), &kept.origin, &other.origin);
        },
    );
    differing
}

/// A route to a VM that is stopped, or may not forward, takes no packets: an export of routes that
/// is older, or made by hand, does not say it.
fn settle_next_hops(inventory: &mut Inventory) {
    let Inventory { routes, instances, .. } = inventory;
    let mut by_name: HashMap<&str, Vec<&Instance>> = HashMap::new();
    let mut by_address: HashMap<IpAddr, Vec<&Instance>> = HashMap::new();
    for vm in instances.iter().filter(|vm| !vm.template && vm.takes_none.is_some()) {
        by_name.entry(&vm.id.name).or_default().push(vm);
        for address in vm.interfaces.iter().filter_map(|nic| nic.address) {
            by_address.entry(address).or_default().push(vm);
        }
    }
    if by_name.is_empty() {
        return;
    }
    for route in routes.iter_mut().filter(|route| route.down.is_none() && !route.by_peering) {
        let found = if route.next_hop.contains("/instances/") {
            let to = Reference::parse(&route.next_hop);
            let mut named = by_name.get(to.name.as_str()).into_iter().flatten();
            named.find(|vm| vm.id.agrees(&to))
        } else {
            let address = parse_address(&route.next_hop);
            let at = address.and_then(|address| by_address.get(&address));
            let has_it =
                |nic: &Interface| nic.address == address && nic.network.agrees(&route.network);
            at.into_iter().flatten().find(|vm| vm.interfaces.iter().any(has_it))
        };
        route.down = found.and_then(|vm| vm.takes_none).map(str::to_owned);
    }
}

/// The network of a NAT is its router's.
fn settle_nats(inventory: &mut Inventory) {
    for nat in inventory.nats.iter_mut().filter(|nat| nat.network.is_none()) {
        let mut routers = inventory.routers.iter();
        let own = routers.find(|(router, ..)| router.agrees(&nat.router));
        nat.network = own.map(|(_, network, _)| network.clone());
    }
    // It may be of any network.
    if inventory.nats.iter().any(|nat| nat.network.is_none()) {
        inventory.lists.partial.insert(Listed::Routers);
    }
}

const PRIVATE_ACCESS: &str = "privateIpGoogleAccess";

/// The fields that two descriptions of one subnetwork both give, and give differently.
fn differing_subnetwork(a: &Subnetwork, b: &Subnetwork) -> Vec<&'static str> {
    fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
        a.zip(b).is_some_and(|(a, b)| a != b)
    }
    let secondary = |(name, range): &(String, IpNet)| {
        let other = b.secondary.iter().find(|(own, _)| own == name);
        differ(Some(range), other.map(|(_, range)| range))
    };
    [
        ("ipCidrRange", differ(a.primary.as_ref(), b.primary.as_ref())),
        (
            PRIVATE_ACCESS,
            differ(a.private_google_access.as_ref(), b.private_google_access.as_ref()),
        ),
        ("secondaryIpRanges", a.secondary.iter().any(secondary)),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

/// The fields in which two descriptions of one route differ.
fn differing_route(a: &Route, b: &Route) -> Vec<&'static str> {
    let hop = |route: &Route| route.next_hop.rsplit('/').next().unwrap_or("").to_owned();
    [
        ("destRange", a.destination != b.destination),
        ("priority", a.priority != b.priority),
        ("nextHop", hop(a) != hop(b)),
        ("tags", a.tags != b.tags),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

/// A reference that names no project means the only described network of its name.
fn settle_projects(inventory: &mut Inventory) {
    let networks: Vec<Reference> = inventory.networks.iter().map(|one| one.id.clone()).collect();
    for rule in inventory.firewall_rules.iter_mut().filter(|rule| rule.network.project.is_none()) {
        let mut of_name = networks.iter().filter(|one| one.name == rule.network.name);
        if let (Some(only), None) = (of_name.next(), of_name.next()) {
            rule.network.project.clone_from(&only.project);
        }
    }
}

/// A cluster whose export names its network without the project is on the one that holds GKE's own
/// rules for it, which may be another project's
/// (<https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-shared-vpc>); else on one of its
/// own project.
fn settle_shared(inventory: &mut Inventory) {
    for cluster in &mut inventory.clusters {
        let Some(network) = &mut cluster.network else { continue };
        if network.project.is_none() {
            // Without its id a cluster of another project may have the same name.
            let id = cluster.hash.as_deref();
            let is_gkes = |rule: &&FirewallRule| {
                let made = |name: &str| is_rule_for(name, &cluster.id.name, id);
                rule.network.name == network.name && rule.name.as_deref().is_some_and(made)
            };
            let mut all = inventory.firewall_rules.iter().filter(|_| id.is_some());
            let found = all.find(is_gkes);
            let project = found.and_then(|rule| rule.network.project.clone());
            network.project = project.or_else(|| cluster.id.project.clone());
        }
        if let Some(subnetwork) = cluster.subnetwork.as_mut().filter(|one| one.project.is_none()) {
            subnetwork.project.clone_from(&network.project);
        }
    }
}

/// Where an export of VMs does not name their network, it is the only one that is known, or not
/// known.
fn settle_interfaces(inventory: &mut Inventory) {
    let is_homeless = |nic: &Interface| nic.network.name.is_empty();
    if !inventory.instances.iter().flat_map(|one| &one.interfaces).any(is_homeless) {
        return;
    }
    let known = inventory.known_networks();
    for instance in &mut inventory.instances {
        if let [only] = known.as_slice() {
            for nic in instance.interfaces.iter_mut().filter(|nic| is_homeless(nic)) {
                nic.network = only.clone();
            }
        }
        instance.interfaces.retain(|nic| !is_homeless(nic));
    }
}

/// What becomes of a rule that is described twice, and not alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contradictions {
    /// Nobody says which description is the newer one.
    Doubted,
    /// What came first was meant to go before.
    FirstHolds,
}

/// A rule that is exported and written in a manifest is one rule: what is exported is what the VPC
/// does, and the manifest says who owns it.
fn settle_rules(rules: &mut Vec<FirewallRule>, contradictions: Contradictions) {
    if all_differ(rules.iter().map(|rule| &rule.name)) {
        return;
    }
    let same = |a: &FirewallRule, b: &FirewallRule| {
        a.name.is_some() && a.name == b.name && a.network.agrees(&b.network)
    };
    let mut kept: Vec<FirewallRule> = Vec::with_capacity(rules.len());
    let mut by_name: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for rule in std::mem::take(rules) {
        if rule.name.is_none() {
            kept.push(rule);
            continue;
        }
        let places = by_name.entry(rule.name.clone()).or_default();
        let mut doubted = None;
        let before =
            places.iter().copied().find(|at| kept.get(*at).is_some_and(|one| same(one, &rule)));
        match before.and_then(|at| kept.get_mut(at)) {
            None => {
                places.push(kept.len());
                kept.push(rule);
            }
            Some(one) => {
                let manifest = |rule: &FirewallRule| rule.owner == Owner::ConfigConnector;
                match (manifest(one), manifest(&rule)) {
                    (true, false) => {
                        let manifest = exported(one.manifest.take());
                        *one = FirewallRule { owner: Owner::ConfigConnector, manifest, ..rule };
                    }
                    (false, true) => {
                        one.owner = Owner::ConfigConnector;
                        one.manifest = exported(rule.manifest);
                    }
                    // A selection of the fields of a rule that was given whole tells nothing new.
                    _ if rule.is_selection_of(one) => {}
                    _ if one.is_selection_of(&rule) => *one = rule,
                    // What is exported is there, and Terraform keeps it.
                    _ if one.decides_like(&rule) => {
                        // What it is described by is what is written, too.
                        let (description, log_metadata) = match (&one.terraform, &rule.terraform) {
                            (None, Some(_)) => (&rule.description, &rule.log_metadata),
                            _ => (&one.description, &one.log_metadata),
                        };
                        let words = (description.clone(), log_metadata.clone());
                        let terraform = one.terraform.take().or(rule.terraform.clone());
                        let owner = match &terraform {
                            Some(_) if one.owner == Owner::User => Owner::Terraform,
                            _ => one.owner.clone(),
                        };
                        if one.is_written && !rule.is_written {
                            *one = rule;
                        }
                        (one.owner, one.terraform) = (owner, terraform);
                        (one.description, one.log_metadata) = words;
                    }
                    // Which of the two is the one of now, nobody says: either may be.
                    _ if contradictions == Contradictions::Doubted => {
                        one.unmodelled.push(format!("described otherwise, too: {}", rule.origin));
                        let mut rule = rule;
                        rule.unmodelled.push(format!("described otherwise, too: {}", one.origin));
                        doubted = Some(rule);
                    }
                    _ if !one.is_understood() && !rule.is_understood() => doubted = Some(rule),
                    _ => {}
                }
            }
        }
        kept.extend(doubted);
    }
    *rules = kept;
}

fn exported(manifest: Option<Box<ManifestObject>>) -> Option<Box<ManifestObject>> {
    manifest.map(|own| Box::new(ManifestObject { is_exported: true, ..*own }))
}

/// Of a cluster that was described twice the richer description stays: the export, which knows its
/// id, before the manifest.
fn settle_clusters(clusters: &mut Vec<Cluster>) {
    clusters.sort_by_key(|cluster| cluster.hash.is_none());
    first_of_each(clusters, |one| place(&one.id), |a, b| a.id.agrees(&b.id), |_, _| {});
}
