//! Pieces of resources to the inventory. Each input has a [`Reader`], or several, each for the next
//! pieces of it: they are put together in any grouping, as long as the order is kept. [`finish`]
//! resolves what could not be resolved while things were still missing.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde_json::Value;

use crate::ingest::document::{self, Item, Place};
use crate::ingest::log::{Form, paste};
use crate::ingest::{
    Read, amazon, attach, cnrm, conditions, describe, drift, gcloud, kubernetes, rules, symptom,
    terraform_show,
};
use crate::model::condition::Existence;
use crate::model::{
    Cluster, Complaint, FirewallRule, Inventory, Origin, Owner, Reference, Symptom, complaint,
};

/// What one input turned out to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Kinds of items with how many of each.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Items of known kinds that are not used.
    pub unused: u64,
    /// Items that are nothing known.
    pub unrecognised: u64,
    /// The line of the first of them.
    pub first_unrecognised: Option<u64>,
}

impl Summary {
    fn absorb(&mut self, next: Self) {
        let Self { kinds, unused, unrecognised, first_unrecognised } = next;
        for (kind, count) in kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.unused += unused;
        self.unrecognised += unrecognised;
        self.first_unrecognised = self.first_unrecognised.or(first_unrecognised);
    }
}

/// Reads the resources of one input.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    inventory: Inventory,
    /// Config Connector's objects refer to one another, and are read when all are there.
    manifests: Vec<Item>,
    summary: Summary,
    complaints: Vec<Complaint>,
}

impl Reader {
    /// Takes in one piece.
    pub fn piece(&mut self, text: &str, form: Form, place: &Place) {
        let contents = contents_of(text, form, place);
        self.complaints.extend(contents.complaints);
        for item in contents.items {
            self.item(item);
        }
        self.symptoms(contents.symptoms);
        if let Some(told) = contents.authentication {
            *self.summary.kinds.entry("pachctl-output").or_default() += 1;
            self.inventory.pachyderm_authentication.get_or_insert(told);
        }
    }

    /// Takes in what another one read of the same input, behind what this one did.
    pub fn absorb(&mut self, next: Self) {
        let Self { inventory, manifests, summary, complaints } = next;
        self.inventory.absorb(inventory);
        self.manifests.extend(manifests);
        self.summary.absorb(summary);
        self.complaints.extend(complaints);
    }

    fn symptoms(&mut self, found: Vec<Symptom>) {
        if !found.is_empty() {
            *self.summary.kinds.entry("error-texts").or_default() += found.len() as u64;
        }
        self.inventory.symptoms.extend(found);
    }

    /// Takes in one item.
    fn item(&mut self, item: Item) {
        if cnrm::is_manifest(&item) {
            cnrm::collect_names(&item, &mut self.inventory);
            self.manifests.push(item);
            return;
        }
        if terraform_show::is_shown(&item) {
            let shown = terraform_show::items(&item);
            self.inventory.planned.extend(shown.planned);
            let mut replaced = Inventory::default();
            for one in &shown.before {
                gcloud::read(one, &mut replaced);
            }
            self.inventory.replaced_rules.extend(replaced.firewall_rules);
            for (kind, count) in shown.unused {
                *self.inventory.unused.entry(kind).or_default() += count;
            }
            let (routes, rules) =
                (self.inventory.routes.len(), self.inventory.firewall_rules.len());
            for one in shown.items {
                self.item(one);
            }
            for route in self.inventory.routes.iter_mut().skip(routes) {
                route.is_written = true;
            }
            for rule in self.inventory.firewall_rules.iter_mut().skip(rules) {
                rule.is_written = true;
                if rule.owner == Owner::User {
                    rule.owner = Owner::Terraform;
                }
            }
            return self.note(Read::Noted, &item);
        }
        let read = if kubernetes::is_object(&item) {
            kubernetes::read(&item, &mut self.inventory)
        } else if amazon::is_described(&item) {
            amazon::read(&item, &mut self.inventory)
        } else {
            gcloud::read(&item, &mut self.inventory)
        };
        // A log line of a controller's is no resource, and may tell what fails.
        if read == Read::Unrecognised {
            let found = symptoms_in(&item);
            if !found.is_empty() {
                return self.symptoms(found);
            }
        }
        self.note(read, &item);
    }

    fn note(&mut self, read: Read, item: &Item) {
        let summary = &mut self.summary;
        match read {
            Read::Used(kind) => *summary.kinds.entry(kind).or_default() += 1,
            Read::Noted => {}
            Read::Unused => summary.unused += 1,
            Read::Unrecognised => {
                summary.unrecognised += 1;
                summary.first_unrecognised.get_or_insert(item.origin.line);
            }
            Read::Bad(what) => {
                summary.unrecognised += 1;
                self.complaints.push(Complaint {
                    path: item.origin.path.to_string(),
                    line: item.origin.line,
                    byte: 0,
                    message: what.to_owned(),
                    did: complaint::SKIPPED_ITEM,
                });
            }
        }
    }
}

/// A manifest tells of its object whatever its kind, and of the resource unless its status shows
/// that this was never created.
fn manifest(item: &Item, inventory: &mut Inventory) -> Read {
    let object = conditions::object(item);
    let told = object.as_ref().is_some_and(|object| object.condition.is_some());
    let existence = object.as_ref().map_or(Existence::Unknown, |object| object.existence);
    inventory.objects.extend(object);
    let read = match existence {
        _ if conditions::is_row(item) => return Read::Used("kubectl-table"),
        Existence::NeverCreated if cnrm::is_link(item) => Read::Used(cnrm::MANIFESTS),
        _ => cnrm::read(item, inventory),
    };
    if read == Read::Unused && told { Read::Used(cnrm::MANIFESTS) } else { read }
}

/// All inputs as one inventory, references resolved and double descriptions put together; what each
/// input held, and everything that could not be used.
#[must_use]
pub fn finish(mut inputs: Vec<Reader>) -> (Inventory, Vec<Summary>, Vec<Complaint>) {
    let own = inputs.iter_mut().map(|input| std::mem::take(&mut input.inventory));
    let mut inventory = own.reduce(Inventory::and).unwrap_or_default();
    for input in &mut inputs {
        for item in std::mem::take(&mut input.manifests) {
            let read = manifest(&item, &mut inventory);
            input.note(read, &item);
        }
    }
    let homeless = rules::house(&mut inventory);
    terraform_show::replace(&mut inventory);
    conditions::merge(&mut inventory.objects);
    inventory.drifts = drift::drifts(&inventory);
    settle_all(&mut inventory, Contradictions::Doubted);
    let mut complaints: Vec<Complaint> = homeless.iter().map(without_network).collect();
    let mut summaries = Vec::new();
    for input in inputs {
        complaints.extend(input.complaints);
        summaries.push(input.summary);
    }
    for rule in inventory.all_rules() {
        for what in rule.riddles() {
            complaints.push(Complaint {
                path: rule.origin.path.to_string(),
                line: rule.origin.line,
                byte: 0,
                message: format!("rule {}: not understood: {what}", rule.label()),
                did: complaint::KEPT_UNDETERMINED,
            });
        }
    }
    (inventory, summaries, complaints)
}

/// A rule that may be anywhere, where nowhere is known.
fn without_network(rule: &FirewallRule) -> Complaint {
    Complaint {
        path: rule.origin.path.to_string(),
        line: rule.origin.line,
        byte: 0,
        message: format!("rule {}: its network is not given, and no other is known", rule.label()),
        did: complaint::SKIPPED_ITEM,
    }
}

/// What a piece of an input holds.
#[derive(Debug, Default)]
struct Contents {
    /// Resources, untyped.
    items: Vec<Item>,
    /// What could not be read.
    complaints: Vec<Complaint>,
    /// Errors that were pasted.
    symptoms: Vec<Symptom>,
    /// What `pachctl auth whoami` printed.
    authentication: Option<(bool, Origin)>,
}

fn contents_of(text: &str, form: Form, place: &Place) -> Contents {
    if describe::may_hold(text) && matches!(form, Form::Yaml | Form::Text) {
        let (items, complaints) = describe::items(text, place);
        if !items.is_empty() || !complaints.is_empty() {
            let symptoms = symptom::read(text, place);
            return Contents { items, complaints, symptoms, ..Contents::default() };
        }
    }
    let (items, complaints) = match form {
        Form::Yaml => document::yaml_items(text, place),
        Form::Lines | Form::Json => document::json_items(text, place),
        Form::Paste | Form::Csv | Form::Text => (Vec::new(), Vec::new()),
    };
    // A description may look like YAML until it does not.
    if items.is_empty() {
        let symptoms = symptom::read(text, place);
        let authentication = symptom::pachyderm_authentication(text, place);
        if !symptoms.is_empty() || authentication.is_some() {
            return Contents { symptoms, authentication, ..Contents::default() };
        }
        if is_table(text) {
            let complaint = Complaint {
                path: place.path.to_string(),
                line: place.line,
                byte: place.byte,
                message: "a table of log entries: their fields are cut there".to_owned(),
                did: "left it out; export JSON (--format=json; Logs Explorer: Download, JSON)",
            };
            return Contents { complaints: vec![complaint], ..Contents::default() };
        }
    }
    Contents { items, complaints, ..Contents::default() }
}

/// Whether a text is a table of log entries: CSV of the Logs Explorer's or of BigQuery's, `csv` and
/// `table` of gcloud's.
fn is_table(text: &str) -> bool {
    const COLUMNS: [&str; 7] = [
        "jsonpayload",
        "json_payload",
        "insertid",
        "insert_id",
        "src_ip",
        "dest_ip",
        "disposition",
    ];
    let Some(head) = text.lines().find(|line| !line.trim().is_empty()) else { return false };
    let head = head.get(..head.len().min(4_096)).unwrap_or("").to_ascii_lowercase();
    let columns = head.split([',', ';', '\t', ' ']).filter(|one| !one.trim().is_empty());
    let known = |one: &&str| COLUMNS.iter().any(|column| one.contains(column));
    columns.filter(known).count() > 1
}

/// The errors in the texts of an item.
fn symptoms_in(item: &Item) -> Vec<Symptom> {
    fn texts(value: &Value, into: &mut String) {
        match value {
            Value::String(text) => {
                into.push_str(text);
                into.push('\n');
            }
            Value::Array(list) => list.iter().for_each(|one| texts(one, into)),
            Value::Object(members) => members.values().for_each(|one| texts(one, into)),
            _ => {}
        }
    }
    let mut all = String::new();
    texts(&item.value, &mut all);
    let place = Place { path: Arc::clone(&item.origin.path), line: item.origin.line, byte: 0 };
    let mut found = symptom::read(&all, &place);
    for one in &mut found {
        one.origin.line = item.origin.line;
    }
    found
}

/// What a piece of text is to the log.
#[derive(Debug)]
pub enum AsLog {
    /// Entries, as the JSON texts that the log's own reader takes.
    Entries(Vec<String>),
    /// It would be an entry, but cannot be read.
    Broken,
    /// Nothing of a log.
    No,
}

/// Turns a pasted entry or a YAML document into the JSON texts of log entries, where it is one.
#[must_use]
pub fn as_log(text: &str, form: Form, place: &Place) -> AsLog {
    let json = |value: &Value| serde_json::to_string(value).unwrap_or_default();
    match form {
        Form::Paste => match paste::parse(text) {
            Ok(value) => AsLog::Entries(vec![json(&value)]),
            Err(_) => AsLog::Broken,
        },
        Form::Yaml => {
            if !LOG_KEYS.iter().any(|key| text.contains(key)) {
                return AsLog::No;
            }
            let (items, complaints) = document::yaml_items(text, place);
            let is_entry = |item: &Item| LOG_KEYS.iter().any(|key| item.value.get(*key).is_some());
            if items.is_empty() && !complaints.is_empty() {
                AsLog::Broken
            } else if !items.is_empty() && items.iter().all(is_entry) {
                AsLog::Entries(items.iter().map(|item| json(&item.value)).collect())
            } else {
                AsLog::No
            }
        }
        Form::Lines | Form::Json | Form::Csv | Form::Text => AsLog::No,
    }
}

/// Keys that only log entries, and what wraps them, have at their top.
const LOG_KEYS: [&str; 6] =
    ["insertId", "jsonPayload", "logName", "disposition", "protoPayload", "ackId"];

/// Puts together what was described twice and resolves what points elsewhere. Of two inventories
/// that are put together what came first stays.
pub fn settle(inventory: &mut Inventory) {
    settle_all(inventory, Contradictions::FirstHolds);
}

fn settle_all(inventory: &mut Inventory, contradictions: Contradictions) {
    let routers: Vec<(Reference, Reference)> = inventory
        .routers
        .iter()
        .map(|(router, network, _)| (router.clone(), network.clone()))
        .collect();
    for nat in inventory.nats.iter_mut().filter(|nat| nat.network.is_none()) {
        nat.network = routers
            .iter()
            .find(|(router, _)| router.agrees(&nat.router))
            .map(|(_, network)| network.clone());
    }
    settle_projects(inventory);
    settle_rules(&mut inventory.firewall_rules, contradictions);
    settle_clusters(&mut inventory.clusters);
    first_of_each(&mut inventory.networks, |one| &one.id.name, |a, b| a.id.agrees(&b.id));
    first_of_each(
        &mut inventory.subnetworks,
        |one| &one.id.name,
        |a, b| a.id.agrees(&b.id) && a.network.agrees(&b.network),
    );
    first_of_each(
        &mut inventory.routes,
        |one| &one.id.name,
        |a, b| a.id.agrees(&b.id) && a.network.agrees(&b.network),
    );
    first_of_each(
        &mut inventory.instances,
        |one| &one.id.name,
        |a, b| a.id.agrees(&b.id) && a.template == b.template,
    );
    first_of_each(
        &mut inventory.zones,
        |one| &one.id.name,
        |a, b| a.id.agrees(&b.id) && a.dns_name == b.dns_name && a.private == b.private,
    );
    first_of_each(
        &mut inventory.nats,
        |one| &one.name,
        |a, b| a.router.agrees(&b.router) && a.region == b.region && a.ranges == b.ranges,
    );
    attach::settle(inventory);
    amazon::settle(inventory);
    // The same error in several places is one.
    inventory.symptoms = symptom::merged(std::mem::take(&mut inventory.symptoms));
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

/// Whether each thing has a name of its own: nothing is described twice then, as mostly.
fn all_differ<'t, T: Hash + Eq>(mut names: impl Iterator<Item = T> + 't) -> bool {
    let mut seen = HashSet::with_hasher(RandomState::default());
    names.all(|name| seen.insert(name))
}

/// Keeps the first of things that are the same; those have one name, so only such are compared.
fn first_of_each<T>(list: &mut Vec<T>, name: impl Fn(&T) -> &str, same: impl Fn(&T, &T) -> bool) {
    if all_differ(list.iter().map(&name)) {
        return;
    }
    let mut kept: Vec<T> = Vec::with_capacity(list.len());
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for one in std::mem::take(list) {
        let places = by_name.entry(name(&one).to_owned()).or_default();
        let mut before = places.iter().filter_map(|at| kept.get(*at));
        if !before.any(|before| same(before, &one)) {
            places.push(kept.len());
            kept.push(one);
        }
    }
    *list = kept;
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
    let same =
        |a: &FirewallRule, b: &FirewallRule| a.name == b.name && a.network.agrees(&b.network);
    let mut kept: Vec<FirewallRule> = Vec::with_capacity(rules.len());
    let mut by_name: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for rule in std::mem::take(rules) {
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
                        let manifest = one.manifest.take();
                        *one = FirewallRule { owner: Owner::ConfigConnector, manifest, ..rule };
                    }
                    (false, true) => {
                        one.owner = Owner::ConfigConnector;
                        one.manifest = rule.manifest;
                    }
                    // What is exported is there, and Terraform keeps it.
                    _ if one.decides_like(&rule) => {
                        let terraform = one.terraform.take().or(rule.terraform.clone());
                        let owner = match &terraform {
                            Some(_) if one.owner == Owner::User => Owner::Terraform,
                            _ => one.owner.clone(),
                        };
                        if one.is_written && !rule.is_written {
                            *one = rule;
                        }
                        (one.owner, one.terraform) = (owner, terraform);
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

/// Of a cluster that was described twice the richer description stays: the export, which knows its
/// id, before the manifest.
fn settle_clusters(clusters: &mut Vec<Cluster>) {
    clusters.sort_by_key(|cluster| cluster.hash.is_none());
    first_of_each(clusters, |one| &one.id.name, |a, b| a.id.agrees(&b.id));
}
