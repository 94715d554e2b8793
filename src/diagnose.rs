//! The whole program on one screen: what was gathered becomes a report.

use std::sync::Arc;

use crate::checks::report::{self, NeedSummary, Report};
use crate::checks::{Evidence, exposure, needed, run_all};
use crate::correlate::causes::correlate;
use crate::correlate::expected::{Need, assumed_networks, needs, with_automatic_rules};
use crate::correlate::exposure::ways;
use crate::correlate::roads;
use crate::correlate::scope::Scope;
use crate::correlate::silent::{join, join_symptoms};
use crate::correlate::{Directory, Ledger};
use crate::ingest::document::{Place, yaml_items};
use crate::ingest::{cnrm, command, terraform};
use crate::model::{Cluster, Complaint, FirewallPolicy, FirewallRule, Inventory, PolicyKind};
use crate::render;
use crate::render::cnrm::Edit;
use crate::suggest::prove::same_rule;
use crate::suggest::{Change, Printed, Printer};

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The resources.
    pub inventory: Inventory,
    /// The log.
    pub ledger: Ledger,
    /// The inputs.
    pub inputs: Vec<report::InputSummary>,
    /// What could not be read.
    pub complaints: Vec<Complaint>,
}

/// bytes → records → flows → decisions → findings → suggestions → report: from the groups on.
#[must_use]
pub fn diagnose(gathered: &Gathered, scope: &Scope) -> Report {
    let inventory = &gathered.inventory;
    let directory = Directory::of(inventory);
    let assumed = with_automatic_rules(&directory);
    let with_assumed = assumed.as_ref().map(Directory::of);
    let mut needs = needs(with_assumed.as_ref().unwrap_or(&directory), scope);
    let exposed = ways(&directory, scope, &needs);
    needs.extend(exposed.needs);
    let mut correlation = correlate(&directory, gathered.ledger.roll_up(), scope);
    join(&mut correlation.causes, &needs, inventory);
    // An error may tell of needs by where it stands: the one inventory holds it, and its copy.
    let symptoms = &with_assumed.as_ref().unwrap_or(&directory).inventory.symptoms;
    correlation.told = join_symptoms(&mut correlation.causes, &needs, symptoms);
    correlation.needs = needs;
    correlation.ways = exposed.ways;
    correlation.roads = roads::broken(&directory, scope);
    let mut evidence = Evidence::new(&directory, &correlation, scope, &Rims);
    evidence.assumed = assumed.as_ref().map(assumed_networks).unwrap_or_default();
    let (findings, skipped) = run_all(&evidence);
    let log = gathered.ledger.counts();
    let not_given = report::not_given(inventory, &log);
    Report {
        inputs: gathered.inputs.clone(),
        log,
        inventory: report::count(inventory),
        ways: exposure::summaries(&correlation.ways, &findings),
        needs: of_needs(&correlation.needs, &inventory.clusters),
        findings,
        skipped,
        blind_spots: report::blind_spots(&evidence, &not_given),
        not_given,
        complaints: gathered.complaints.clone(),
        unused: inventory.unused.clone(),
        networks: directory.networks.clone(),
    }
}

fn of_needs(needs: &[Need<'_>], clusters: &[Cluster]) -> Vec<NeedSummary> {
    needs.iter().map(|need| needed::summary(need, clusters)).collect()
}

/// Prints changes with render and reads them back with ingest: here the two rims meet.
#[derive(Debug)]
pub struct Rims;

impl Printer for Rims {
    fn print(&self, change: &Change, before: &Inventory) -> Option<Vec<Printed>> {
        let network = &change.rule().network;
        if change.rule().policy.is_some() {
            let own = |policy: &&FirewallPolicy| policy.holds(change.rule());
            return policy_rule(change, before.policies.iter().find(own)?);
        }
        let gcloud = render::gcloud::firewall_rule(change, before.project_of(network).as_deref())?;
        let mut forms = vec![Printed {
            language: "gcloud",
            parsed: command::firewall_rule(&gcloud, before, network),
            text: gcloud,
        }];
        forms.extend(manifest(change, before));
        let own = own_name(change.rule(), before);
        forms.extend(render::terraform::firewall_rule(change, &own).map(|text| Printed {
            language: "terraform",
            parsed: terraform::firewall_rule(&text, network),
            text,
        }));
        Some(forms)
    }
}

/// What a rule is called among the objects of all projects: names are unique in one alone.
fn own_name(rule: &FirewallRule, before: &Inventory) -> String {
    let name = rule.name.clone().unwrap_or_default();
    let mut others = before.firewall_rules.iter();
    let is_shared =
        others.any(|one| one.name == rule.name && one.network.project != rule.network.project);
    match &rule.network.project {
        Some(project) if is_shared => format!("{project}-{name}"),
        _ => name,
    }
}

/// The manifest that changes least and reads back as what is wanted.
fn manifest(change: &Change, before: &Inventory) -> Option<Printed> {
    let own = own_name(change.rule(), before);
    let printed = |edit: Edit| {
        let text = render::cnrm::firewall_rule(change, &own, edit)?;
        Some(Printed { language: "cnrm", parsed: read_manifest(&text, change, before), text })
    };
    let is_it =
        |one: &Printed| one.parsed.as_ref().is_some_and(|parsed| same_rule(parsed, change.rule()));
    printed(Edit::Least).filter(is_it).or_else(|| printed(Edit::Whole))
}

/// The printed forms of a rule of a policy.
fn policy_rule(change: &Change, policy: &FirewallPolicy) -> Option<Vec<Printed>> {
    let rule = change.rule();
    if policy.kind == PolicyKind::SecurityGroup {
        return group_rule(rule, policy);
    }
    // Both forms name the policy, and not to which network it belongs.
    let of_policy = |read: FirewallRule| FirewallRule {
        network: rule.network.clone(),
        policy: rule.policy.clone(),
        stage: rule.stage,
        home: rule.home.clone(),
        ..read
    };
    let gcloud = render::policy::gcloud(rule, policy)?;
    let mut forms = vec![Printed {
        language: "gcloud",
        parsed: command::policy_rule(&gcloud, policy).map(of_policy),
        text: gcloud,
    }];
    if let Some(text) = render::policy::cnrm(rule, policy) {
        let place = Place { path: Arc::from("printed"), line: 1, byte: 0 };
        let items = yaml_items(&text, &place).items;
        let mut alone = Inventory::default();
        if let [item] = items.as_slice() {
            cnrm::read(item, None, &mut alone);
        }
        let read = alone.policies.pop().filter(|read| read.name == policy.name);
        let parsed = read.and_then(|mut read| read.rules.pop()).map(of_policy);
        forms.push(Printed { language: "cnrm", text, parsed });
    }
    Some(forms)
}

/// The printed forms of a rule of a security group: no command of Google's is among them.
fn group_rule(rule: &FirewallRule, group: &FirewallPolicy) -> Option<Vec<Printed>> {
    // The forms name the group, and rules of groups have no number.
    let of_group = |read: FirewallRule| FirewallRule {
        policy: rule.policy.clone(),
        stage: rule.stage,
        home: rule.home.clone(),
        priority: rule.priority,
        ..read
    };
    let network = &rule.network;
    let aws = render::amazon::command(rule, group)?;
    let terraform = render::amazon::terraform(rule, group)?;
    let parsed = command::group_rule(&aws, &group.name, network).map(of_group);
    let as_resources = terraform::group_rule(&terraform, &group.name, network).map(of_group);
    Some(vec![
        Printed { language: "aws", parsed, text: aws },
        Printed { language: "terraform", parsed: as_resources, text: terraform },
    ])
}

fn read_manifest(text: &str, change: &Change, before: &Inventory) -> Option<FirewallRule> {
    let place = Place { path: Arc::from("printed"), line: 1, byte: 0 };
    let held = yaml_items(text, &place);
    let (Some(item), true) = (held.items.first(), held.complaints.is_empty()) else {
        return None;
    };
    // Objects go by other names than their resources: these are known.
    let mut alone = Inventory { aliases: before.aliases.clone(), ..Inventory::default() };
    cnrm::read(item, None, &mut alone);
    let rule = alone.firewall_rules.pop()?;
    // A manifest without project names the network of its own namespace.
    let network = &change.rule().network;
    rule.network.agrees(network).then(|| FirewallRule { network: network.clone(), ..rule })
}
