//! Pieces of resources to the inventory. Each input has a [`Reader`], or several, each for the next
//! pieces of it: they are put together in any grouping, as long as the order is kept. [`finish`]
//! resolves what could not be resolved while things were still missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memmem;
use serde_json::Value;

use crate::ingest::document::{self, Contents, Item, Place};
use crate::ingest::log::{Form, buried, paste};
use crate::ingest::pages::{self, Page};
use crate::ingest::{
    Read, amazon, cnrm, conditions, describe, drift, gcloud, kubernetes, rules, settle, symptom,
    terraform_show,
};
use crate::model::condition::Existence;
use crate::model::listed::Listed;
use crate::model::{Complaint, FirewallRule, Inventory, Origin, Owner, Symptom, complaint};

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
    /// The input, where a part of it could not be read.
    damaged: Option<Arc<str>>,
    /// Whether that part names rules.
    rules_lost: bool,
    /// The lists that were opened.
    pages: Vec<Page>,
}

impl Reader {
    /// Says that a part of the input could not be read: it may have held more rules.
    pub fn doubt(&mut self, path: &Arc<str>) {
        self.damaged.get_or_insert_with(|| Arc::clone(path));
    }

    /// Says that a part of the input could not be read, and that it names rules: where none of them
    /// was read they may be of any network.
    pub fn lose_rules(&mut self, path: &Arc<str>) {
        self.doubt(path);
        self.rules_lost = true;
    }

    /// Takes in one piece.
    pub fn piece(&mut self, text: &str, form: Form, place: &Place) {
        let (held, told) = contents_of(text, form, place);
        // A document beside sound ones; who writes none of these writes no rules there.
        let is_lost = held.items.is_empty() && !held.complaints.is_empty();
        if form == Form::Yaml && is_lost && may_hold_rules(text) {
            self.doubt(&place.path);
        }
        let is_unread = held.items.is_empty() && told.symptoms.is_empty();
        let is_cut = form == Form::Text && !held.complaints.is_empty();
        let of_words = matches!(form, Form::Text | Form::Yaml);
        if of_words && (is_unread || is_cut) && describes_rules(text) {
            self.lose_rules(&place.path);
        }
        self.complaints.extend(held.complaints);
        self.pages.extend(held.pages);
        for item in held.items {
            self.item(item);
        }
        self.symptoms(told.symptoms);
        if let Some(told) = told.authentication {
            *self.summary.kinds.entry("pachctl-output").or_default() += 1;
            self.inventory.pachyderm_authentication.get_or_insert(told);
        }
    }

    /// Takes in what stood around a list whose elements came one by one.
    pub fn around(&mut self, text: &str, place: &Place) {
        let pages = document::json_items(text, place).pages;
        // Its elements came one by one.
        self.pages.extend(pages.into_iter().map(|page| page.holding(false)));
    }

    /// Takes in what another one read of the same input, behind what this one did.
    pub fn absorb(&mut self, next: Self) {
        let Self { inventory, manifests, summary, complaints, damaged, rules_lost, pages } = next;
        self.pages.extend(pages);
        self.damaged = self.damaged.take().or(damaged);
        self.rules_lost |= rules_lost;
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
        let is_read = matches!(read, Read::Used(_) | Read::Noted);
        if !is_read && speaks_as_rule(&item.value) {
            self.lose_rules(&item.origin.path);
            if !matches!(read, Read::Bad(_)) {
                self.complaints.push(Complaint {
                    path: item.origin.path.to_string(),
                    line: item.origin.line,
                    byte: 0,
                    message: "what seems to be a firewall rule lacks its kind".to_owned(),
                    did: complaint::SKIPPED_ITEM,
                });
            }
        }
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

/// Whether something may be a firewall rule that lacks what would tell that it is one: words that
/// others use, too, are not enough.
fn speaks_as_rule(value: &Value) -> bool {
    let has = |at: &Value, keys: &[&str]| keys.iter().any(|key| at.get(key).is_some());
    let opens = |at: &Value, key: &str| {
        let parts = at.get(key).and_then(Value::as_array);
        let of_rule = |part: &Value| has(part, &["IPProtocol", "protocol"]);
        parts.is_some_and(|parts| parts.iter().any(of_rule))
    };
    let ends = ["sourceRanges", "destinationRanges", "targetTags", "sourceTags"];
    let of_rest = opens(value, "allowed")
        || opens(value, "denied")
        || has(value, &ends) && has(value, &["network"]);
    let of_spec = |spec: &Value| {
        has(spec, &["networkRef"])
            && (has(spec, &ends) || opens(spec, "allow") || opens(spec, "deny"))
    };
    let of_policy = |rule: &Value| {
        has(rule, &["action"]) && rule.get("match").is_some_and(|at| has(at, &["layer4Configs"]))
    };
    let rules = value.get("rules").and_then(Value::as_array);
    let is_policy = of_policy(value) || rules.is_some_and(|rules| rules.iter().any(of_policy));
    // Effective firewalls as a table.
    let is_row = has(value, &["rule_type"]) && has(value, &["ip_ranges"]);
    let kind = ["assetType", "asset_type"].iter().find_map(|key| value.get(key)?.as_str());
    let is_asset = kind.is_some_and(|kind| kind.contains("/Firewall"));
    is_policy
        || is_row
        || is_asset
        || of_rest
        || value.get("spec").is_some_and(of_spec)
        || is_kind_of_rules(value)
}

/// Config Connector's kinds of rules.
const KINDS_OF_RULES: [&str; 4] = [
    "ComputeFirewall",
    "ComputeFirewallPolicyRule",
    "ComputeNetworkFirewallPolicyRule",
    "ComputeRegionNetworkFirewallPolicyRule",
];

/// Whether a manifest, or what is left of one, is of a kind that holds rules.
fn is_kind_of_rules(value: &Value) -> bool {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let spec = |key: &str| value.get("spec").is_some_and(|spec| spec.get(key).is_some());
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    // Without a kind it may be of any; with another maker's version it is none.
    let may_be = version.contains("cnrm") || version.is_empty() && kind.is_empty();
    KINDS_OF_RULES.contains(&kind)
        // Cut in its middle.
        || version.contains("cnrm")
            && kind.len() > "Compute".len()
            && KINDS_OF_RULES.iter().any(|whole| whole.starts_with(kind))
        || may_be && (spec("firewallPolicyRef") || spec("match") && spec("direction"))
}

/// A manifest tells of its object whatever its kind, and of the resource unless its status shows
/// that this was never created.
fn manifest(item: &Item, inventory: &mut Inventory) -> Read {
    let object = conditions::object(item);
    let told = object.as_ref().is_some_and(|object| object.condition.is_some());
    let existence = object.as_ref().map_or(Existence::Unknown, |object| object.existence);
    let text = object.as_ref().and_then(|object| object.text.clone());
    inventory.objects.extend(object);
    let read = match existence {
        _ if conditions::is_row(item) => return Read::Used("kubectl-table"),
        Existence::NeverCreated if cnrm::is_link(item) => Read::Used(cnrm::MANIFESTS),
        _ => cnrm::read(item, text.as_ref(), inventory),
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
    let mut complaints: Vec<Complaint> = homeless.iter().map(without_network).collect();
    complaints.extend(settle::doubting(&mut inventory));
    for input in &inputs {
        if let Some(path) = &input.damaged {
            settle::doubt(&mut inventory, path, input.rules_lost);
            let kinds = input.summary.kinds.keys();
            inventory.lists.partial.extend(kinds.filter_map(|kind| gcloud::listed(kind)));
        }
    }
    complaints.extend(note_partial_lists(&mut inputs, &mut inventory));
    let mut summaries = Vec::new();
    for input in inputs {
        complaints.extend(input.complaints);
        summaries.push(input.summary);
    }
    // Of what stands for the rest of a list the list itself has told.
    let told = |rule: &&FirewallRule| rule.stands_for() != Some(FirewallRule::IN_THE_REST);
    for rule in inventory.all_rules().filter(told) {
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

/// What is not in the part of a list that was given may be there all the same.
fn note_partial_lists(inputs: &mut [Reader], inventory: &mut Inventory) -> Vec<Complaint> {
    let mut pages: Vec<Page> = Vec::new();
    for input in inputs {
        let Summary { kinds, unused, unrecognised, .. } = &input.summary;
        // A list that does not say what it is of is of what was found in it.
        let of_rules = kinds.keys().any(|kind| kind.contains("firewall"));
        let is_empty = kinds.is_empty() && unused + unrecognised == 0;
        let own = std::mem::take(&mut input.pages).into_iter();
        let first = pages.len();
        pages.extend(own.map(|page| page.or_of_rules(of_rules || is_empty)));
        let mut own = pages.iter().skip(first);
        if is_empty && own.any(|page| page.none_of().is_some()) {
            input.summary.kinds.insert("empty-list", 0);
        }
    }
    let unfinished = pages::unfinished(&pages);
    if let Some(page) = unfinished.iter().find(|page| page.listed() == Listed::Rules) {
        settle::doubt_everywhere(inventory, &page.origin);
    }
    inventory.lists.none = pages.iter().filter_map(Page::none_of).collect();
    inventory.lists.partial.extend(unfinished.iter().map(|page| page.listed()));
    inventory.workloads.partial = inventory.is_partial(Listed::Objects);
    unfinished.into_iter().map(Page::complaint).collect()
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

/// What somebody pasted that is no resource.
#[derive(Debug, Default)]
struct Told {
    /// Errors.
    symptoms: Vec<Symptom>,
    /// What `pachctl auth whoami` printed.
    authentication: Option<(bool, Origin)>,
}

fn contents_of(text: &str, form: Form, place: &Place) -> (Contents, Told) {
    if describe::may_hold(text) && matches!(form, Form::Yaml | Form::Text) {
        let (items, complaints) = describe::items(text, place);
        if !items.is_empty() || !complaints.is_empty() {
            let symptoms = symptom::read(text, place);
            let held = Contents { items, complaints, ..Contents::default() };
            return (held, Told { symptoms, authentication: None });
        }
    }
    let held = match form {
        Form::Yaml => document::yaml_items(text, place),
        Form::Lines | Form::Json => document::json_items(text, place),
        Form::Paste | Form::Csv | Form::Text => Contents::default(),
    };
    // A description may look like YAML until it does not.
    if held.items.is_empty() && held.pages.is_empty() {
        let symptoms = symptom::read(text, place);
        let authentication = symptom::pachyderm_authentication(text, place);
        if !symptoms.is_empty() || authentication.is_some() {
            return (Contents::default(), Told { symptoms, authentication });
        }
        if is_table(text) {
            let complaint = Complaint {
                path: place.path.to_string(),
                line: place.line,
                byte: place.byte,
                message: "a table of log entries: their fields are cut there".to_owned(),
                did: "left it out; export JSON (--format=json; Logs Explorer: Download, JSON)",
            };
            let held = Contents { complaints: vec![complaint], ..Contents::default() };
            return (held, Told::default());
        }
        if form == Form::Text {
            return (document::embedded(text, place), Told::default());
        }
        // `WARNING: …` is a key of YAML's to who only looks at it.
        let begins = |line: &str| line.starts_with(['{', '[']);
        if form == Form::Yaml && !held.complaints.is_empty() && text.lines().any(begins) {
            let behind = document::embedded(text, place);
            if !behind.items.is_empty() {
                return (behind, Told::default());
            }
        }
    }
    (held, Told::default())
}

/// Whether a document that could not be read may hold firewall rules, by the kinds that it names.
fn may_hold_rules(text: &str) -> bool {
    let kind = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        let kind = line.strip_prefix("kind:")?.trim().trim_matches(['"', '\'']).to_owned();
        (!kind.is_empty()).then_some(kind)
    };
    let mut kinds = text.lines().filter_map(kind).peekable();
    let of_rules = |kind: String| kind.contains("irewall") || kind == "List";
    kinds.peek().is_none() || kinds.any(of_rules)
}

/// What the parts of a rule are called, in all its forms.
const TRAFFIC_OF_RULES: [&[u8]; 3] = [b"IPProtocol", b"ipProtocol", b"layer4Configs"];
/// And its ends.
const ENDS_OF_RULES: [&[u8]; 7] = [
    b"sourceRanges",
    b"destinationRanges",
    b"srcIpRanges",
    b"destIpRanges",
    b"targetTags",
    b"targetServiceAccounts",
    b"compute#firewall",
];

/// Whether a text says that it is a manifest of a rule: `kind: ComputeFirewall`, in JSON, too.
fn holds_manifest_of_rule(text: &[u8]) -> bool {
    let mut places =
        memmem::find_iter(text, b"kind").map(|at| text.get(at + 4..).unwrap_or_default());
    places.any(|rest| {
        let mark = |byte: &u8| matches!(byte, b'"' | b':' | b' ');
        let said =
            rest.get(rest.iter().take_while(|byte| mark(byte)).count()..).unwrap_or_default();
        let length = said.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        KINDS_OF_RULES.iter().any(|kind| said.get(..length) == Some(kind.as_bytes()))
    })
}

fn holds_one_of(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| memmem::find(text, word).is_some())
}

/// Whether it holds a word that only descriptions of firewall rules hold.
#[must_use]
pub fn names_rules(text: &[u8]) -> bool {
    holds_one_of(text, &TRAFFIC_OF_RULES)
        || holds_one_of(text, &ENDS_OF_RULES)
        || holds_manifest_of_rule(text)
}

/// Whether a text of no known form describes firewall rules: quoted, coloured, behind something.
fn describes_rules(text: &str) -> bool {
    let begins = ["apiVersion:", "kind:", "---"];
    let is_manifest = begins.iter().any(|word| text.trim_start().starts_with(word))
        || text.contains("cnrm.cloud.google.com/");
    let text = text.as_bytes();
    is_manifest && holds_manifest_of_rule(text)
        || holds_one_of(text, &TRAFFIC_OF_RULES) && holds_one_of(text, &ENDS_OF_RULES)
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
            Ok((entries, rest)) => {
                // Something of another form was pasted behind them.
                let behind = document::embedded(rest, place).items;
                let behind = behind.iter().filter(|item| is_entry(item)).map(|item| &item.value);
                AsLog::Entries(entries.iter().chain(behind).map(json).collect())
            }
            Err(_) => AsLog::Broken,
        },
        Form::Yaml => {
            if !LOG_KEYS.iter().any(|key| text.contains(key)) {
                return AsLog::No;
            }
            let Contents { items, complaints, .. } = document::yaml_items(text, place);
            let is_log = |item: &Item| {
                is_entry(item) || {
                    let held = buried(&json(&item.value));
                    !held.entries.is_empty() && !held.has_resources
                }
            };
            if items.is_empty() && !complaints.is_empty() {
                AsLog::Broken
            } else if !items.is_empty() && items.iter().all(is_log) {
                AsLog::Entries(items.iter().map(|item| json(&item.value)).collect())
            } else {
                AsLog::No
            }
        }
        Form::Lines | Form::Json | Form::Csv | Form::Text => AsLog::No,
    }
}

fn is_entry(item: &Item) -> bool {
    LOG_KEYS.iter().any(|key| item.value.get(*key).is_some())
}

/// Keys that only log entries, and what wraps them, have at their top.
const LOG_KEYS: [&str; 6] =
    ["insertId", "jsonPayload", "logName", "disposition", "protoPayload", "ackId"];
