//! Everything that is printed, as values: what was read, what was found, what could not be seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::exposure::WaySummary;
use crate::checks::finding::DecisionSummary;
use crate::checks::rule_not_logged::writes_no_log;
use crate::checks::{Evidence, Finding};
use crate::correlate::LogCounts;
use crate::correlate::expected::Need;
use crate::correlate::roads;
use crate::correlate::side::Side;
use crate::engine::Decider;
use crate::model::cluster::Provider;
use crate::model::listed::Listed;
use crate::model::{
    Action, Complaint, Expected, FirewallRule, Instance, Inventory, Origin, PolicyKind, Reference,
};
use crate::net::{Direction, Protocol};
use crate::suggest::name::{is_project, is_resource_name, resource_name};

/// One input as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSummary {
    /// As the person named it.
    pub path: String,
    /// `firewall-log`, `gcloud-firewalls`, `cnrm-manifests`, `mixed`, `unused`, `unrecognised`.
    pub kind: String,
    /// Its size as it was read, decompressed.
    pub bytes: u64,
    /// Entries and resources in it.
    pub items: u64,
    /// Complaints about it.
    pub complaints: u64,
}

/// Something that no log line can show, or that was not given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlindSpot {
    /// `implied-deny`, `rule-not-logged`, `protocol-not-logged`, `not-given`.
    pub kind: &'static str,
    /// What.
    pub detail: String,
}

/// A connection that a cluster needs, in owned words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedSummary {
    /// The cluster's name, where it is one's.
    pub cluster: Option<String>,
    /// The network.
    pub network: Option<String>,
    /// What it is needed for.
    pub reason: String,
    /// The client.
    pub from: Side,
    /// The server.
    pub to: Side,
    /// The protocol.
    pub protocol: String,
    /// The port; `None` is any, or one that is not known.
    pub port: Option<u16>,
    /// Whether it passes.
    pub verdict: Expected,
    /// At which end that was decided.
    pub direction: Direction,
    /// What decided; `None` where nothing could be asked.
    pub decision: Option<DecisionSummary>,
    /// Of webhooks: `Fail` or `Ignore`.
    pub failure_policy: Option<String>,
    /// Of webhooks: what they are asked about.
    pub scope: Option<String>,
    /// What happens while it does not pass.
    pub effect: Option<String>,
    /// Whether it is not certain that it is needed.
    pub doubtful: bool,
    /// Whether a rule decides that nobody gave.
    pub assumed: bool,
    /// Why it cannot work, firewall or not.
    pub missing: Option<String>,
    /// What is worth knowing.
    pub because: Vec<String>,
    /// Where it is said.
    pub origin: Origin,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The inputs, in the order in which they were read.
    pub inputs: Vec<InputSummary>,
    /// The log, whatever the filters leave of it.
    pub log: LogCounts,
    /// How many of what were described.
    pub inventory: BTreeMap<&'static str, u64>,
    /// What was not described.
    pub not_given: Vec<&'static str>,
    /// The findings, most important first.
    pub findings: Vec<Finding>,
    /// What the clusters need, and whether it passes.
    pub needs: Vec<NeedSummary>,
    /// The ways into applications from outside.
    pub ways: Vec<WaySummary>,
    /// Checks that could not look, and why.
    pub skipped: Vec<(&'static str, &'static str)>,
    /// What cannot be seen.
    pub blind_spots: Vec<BlindSpot>,
    /// What could not be read.
    pub complaints: Vec<Complaint>,
    /// Kinds that are known and not used.
    pub unused: BTreeMap<String, u64>,
    /// The networks that were looked at.
    pub networks: Vec<Reference>,
}

/// Counts of the inventory by the names that JSON gives them.
#[must_use]
pub fn count(inventory: &Inventory) -> BTreeMap<&'static str, u64> {
    let count = |number: usize| number as u64;
    // Config Connector describes a policy rule by rule.
    let of_kinds = |wanted: fn(PolicyKind) -> bool| {
        let own = inventory.policies.iter().filter(|policy| wanted(policy.kind));
        own.map(|policy| (policy.kind, policy.name.as_str())).collect::<BTreeSet<_>>().len()
    };
    let rules = inventory.firewall_rules.iter().filter(|rule| rule.stands_for().is_none());
    let mut counts = BTreeMap::from([
        ("networks", count(inventory.networks.len())),
        ("subnetworks", count(inventory.subnetworks.len())),
        ("firewall_rules", count(rules.count())),
        ("firewall_policies", count(of_kinds(|kind| !kind.is_of_amazon()))),
        ("routes", count(inventory.routes.len())),
        ("dns_zones", count(inventory.zones.len())),
        ("nats", count(inventory.nats.len())),
        ("clusters", count(inventory.clusters.len())),
        ("webhooks", inventory.workloads.webhook_configurations),
        ("services", count(inventory.workloads.services.len())),
    ]);
    if inventory.networks.iter().any(|network| network.provider == Provider::Amazon) {
        counts.insert("security_groups", count(of_kinds(|kind| kind == PolicyKind::SecurityGroup)));
        // Each is asked twice: for the replies, too.
        let acls = of_kinds(|kind| kind == PolicyKind::NetworkAcl) / 2;
        counts.insert("network_acls", count(acls));
        let own =
            |one: &&Instance| one.interfaces.iter().any(|nic| inventory.is_amazon(&nic.network));
        counts.insert("instances", count(inventory.instances.iter().filter(own).count()));
    }
    counts
}

/// What was not described, in the words of the inventory, and how to get it.
pub const NEEDED: [(&str, &str); 7] = [
    ("firewall_rules", "gcloud compute firewall-rules list --format=json"),
    ("networks", "gcloud compute networks list --format=json"),
    ("subnetworks", "gcloud compute networks subnets list --format=json"),
    ("clusters", "gcloud container clusters list --format=json"),
    ("routes", "gcloud compute routes list --format=json"),
    ("nats", "gcloud compute routers list --format=json"),
    ("dns_zones", "gcloud dns managed-zones list --format=json"),
];

/// The same where everything is on AWS.
pub const NEEDED_ON_AMAZON: [(&str, &str); 4] = [
    ("security_groups", "aws ec2 describe-security-groups"),
    ("instances", "aws ec2 describe-instances"),
    ("subnetworks", "aws ec2 describe-subnets"),
    ("network_acls", "aws ec2 describe-network-acls"),
];

/// What was not given: never reported as fine.
#[must_use]
pub fn not_given(inventory: &Inventory, log: &LogCounts) -> Vec<&'static str> {
    let counts = count(inventory);
    let absent = |key: &str| counts.get(key).copied().unwrap_or(0) == 0;
    if inventory.is_all_amazon() {
        return NEEDED_ON_AMAZON.iter().map(|(key, _)| *key).filter(|key| absent(key)).collect();
    }
    let mut list: Vec<&'static str> = NEEDED
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| absent(key) && (*key != "firewall_rules" || inventory.policies.is_empty()))
        // A router tells of its NATs, and of none.
        .filter(|key| *key != "nats" || inventory.routers.is_empty())
        .filter(|key| {
            let listed = match *key {
                "firewall_rules" => Listed::Rules,
                "routes" => Listed::Routes,
                "nats" => Listed::Routers,
                "dns_zones" => Listed::Zones,
                _ => Listed::Other,
            };
            !inventory.has_none(listed)
        })
        .collect();
    if log.entries() == 0 {
        list.insert(0, "log");
    }
    list
}

/// How many needed connections a rule denies that writes no log.
fn denies_in_silence(evidence: &Evidence<'_, '_>, rule: &FirewallRule) -> String {
    let own = |need: &&Need<'_>| {
        let decided = match need.answer.decision.decider {
            Decider::Rule(other) => other.origin == rule.origin && other.label() == rule.label(),
            _ => false,
        };
        decided && need.is_blocked() && !need.doubtful
    };
    match evidence.correlation.needs.iter().filter(own).count() {
        0 => String::new(),
        1 => ", and denies 1 needed path".to_owned(),
        count => format!(", and denies {count} needed paths"),
    }
}

/// What a cluster needs and nobody can judge.
fn not_known(evidence: &Evidence<'_, '_>, cluster: usize, name: &str) -> Option<BlindSpot> {
    let needs = &evidence.correlation.needs;
    let own: Vec<_> =
        needs.iter().filter(|need| need.cluster == Some(cluster) && !need.doubtful).collect();
    let is_open =
        |need: &&&Need<'_>| need.answer.verdict == Expected::Undetermined && need.missing.is_none();
    let (all, open) = (own.len() as u64, own.iter().filter(is_open).count());
    (open > 0).then(|| BlindSpot {
        kind: "not-given",
        detail: format!(
            "cluster {name}: of {all} connections that it needs {open} cannot be judged by what \
             was given: vpcwhy reach lists them"
        ),
    })
}

/// Names that every node boots from, where what answers for them, or is on the way, does not tell.
fn undecided(evidence: &Evidence<'_, '_>, cluster: &str) -> Vec<BlindSpot> {
    let spot = |one| BlindSpot { kind: "not-given", detail: roads::undecided_words(cluster, &one) };
    roads::undecided(evidence.directory, cluster).into_iter().map(spot).collect()
}

/// How many needed connections the implied rule denies, and what would show them.
fn silent(evidence: &Evidence<'_, '_>, network: &Reference) -> String {
    let by_default = |need: &&Need<'_>| {
        let here = need.network.as_ref().is_some_and(|of| of.agrees(network));
        let implied = matches!(need.answer.decision.decider, Decider::Implied(_));
        here && need.is_blocked() && implied && !need.doubtful
    };
    let count = evidence.correlation.needs.iter().filter(by_default).count();
    if count == 0 || !is_resource_name(&network.name) {
        return String::new();
    }
    let project = network.project.as_deref().filter(|project| is_project(project));
    let project = project.map(|project| format!(" --project={project}")).unwrap_or_default();
    let name = resource_name(&[&network.name, "deny-all-logged"]);
    let (paths, are) = if count == 1 { ("path", "is") } else { ("paths", "are") };
    format!(
        ", and {count} needed {paths} {are} among it; to see all of it in the log: gcloud compute \
         firewall-rules create {name}{project} --network={} --direction=INGRESS --action=DENY \
         --rules=all --priority=65534 --enable-logging",
        network.name
    )
}

/// What no log can show, and what was not given.
#[must_use]
pub fn blind_spots(evidence: &Evidence<'_, '_>, not_given: &[&'static str]) -> Vec<BlindSpot> {
    let inventory = evidence.directory.inventory;
    let mut spots = Vec::new();
    let has_default = |network: &Reference| {
        inventory.firewall_rules.iter().any(|rule| {
            rule.network.agrees(network)
                && rule.direction == Direction::Ingress
                && rule.action == Action::Deny
                && !rule.disabled
                && rule.targets.is_everyone()
                && [Protocol::TCP, Protocol::UDP].iter().all(|one| rule.is_catch_all(*one))
        })
    };
    let networks = &evidence.directory.networks;
    let silent_default = |one: &&Reference| !has_default(one) && !inventory.is_amazon(one);
    for network in networks.iter().filter(silent_default) {
        spots.push(BlindSpot {
            kind: "implied-deny",
            detail: format!(
                "network {network}: what no INGRESS rule allows is denied by the implied rule, \
                 which cannot log{}",
                silent(evidence, network)
            ),
        });
    }
    for rule in inventory.firewall_rules.iter().filter(|rule| writes_no_log(rule)) {
        spots.push(BlindSpot {
            kind: "rule-not-logged",
            detail: format!(
                "rule {} of network {} does not log{}",
                rule.label(),
                rule.network,
                denies_in_silence(evidence, rule)
            ),
        });
    }
    if !inventory.is_all_amazon() {
        spots.push(BlindSpot {
            kind: "protocol-not-logged",
            detail: "only TCP and UDP are logged; ICMP, ESP, AH, SCTP and GRE never are".to_owned(),
        });
    }
    for (at, cluster) in inventory.clusters.iter().enumerate() {
        spots.extend(not_known(evidence, at, &cluster.id.name));
        spots.extend(undecided(evidence, &cluster.id.name));
        if cluster.dual_stack {
            let name = &cluster.id.name;
            let detail = format!("cluster {name} has IPv6, too: what it needs there is not judged");
            spots.push(BlindSpot { kind: "not-given", detail });
        }
        if let Some(network) = &cluster.network
            && !inventory.knows_network(network)
        {
            spots.push(BlindSpot {
                kind: "not-given",
                detail: format!(
                    "cluster {} is on network {network}, which is not described",
                    cluster.id.name
                ),
            });
        }
    }
    spots.extend(unseen(inventory, not_given));
    spots
}

/// Fields of rules that no rule of an input has: somebody selected others, or wrote them by hand.
/// `disabled` alone is left out by old exports, and where it is false by Cloud Asset Inventory.
fn unsaid(inventory: &Inventory) -> impl Iterator<Item = String> {
    let mut by_input: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for rule in &inventory.firewall_rules {
        let unsaid = by_input.entry(&rule.origin.path).or_insert_with(|| rule.unsaid.clone());
        unsaid.retain(|key| rule.unsaid.contains(key));
    }
    let as_taken = |key: &&'static str| match *key {
        "direction" => "direction (INGRESS, where it has sources)",
        "priority" => "priority (1000)",
        _ => "disabled (no)",
    };
    let is_telling = |keys: &[&str]| keys.iter().any(|key| *key != "disabled");
    by_input.into_iter().filter(move |(_, keys)| is_telling(keys)).map(move |(path, keys)| {
        let keys: Vec<&str> = keys.iter().map(as_taken).collect();
        format!(
            "{path}: no firewall rule there says its {}: taken as the API does; gcloud compute \
             firewall-rules list --format=json holds all fields",
            keys.join(", ")
        )
    })
}

/// What was not given, or not whole.
fn unseen(inventory: &Inventory, not_given: &[&'static str]) -> Vec<BlindSpot> {
    let all_amazon = inventory.is_all_amazon();
    let table: &[(&str, &str)] = if all_amazon { &NEEDED_ON_AMAZON } else { &NEEDED };
    let parts = inventory.lists.partial.iter().filter_map(|listed| listed.unjudged());
    let of_parts =
        parts.map(|what| format!("only a part of a list was given: {what} is not judged"));
    let of_nothing = not_given.iter().map(|key| match table.iter().find(|(name, _)| name == key) {
        Some((_, how)) => format!("{key}: not judged; {how}"),
        None => format!("{key}: no log entry was read"),
    });
    let all = of_parts.chain(unsaid(inventory)).chain(of_nothing);
    all.map(|detail| BlindSpot { kind: "not-given", detail }).collect()
}
