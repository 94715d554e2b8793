//! JSON and YAML text to items, each with its line: the containers (lists, aggregated lists,
//! `kind: List`, command outputs around a list) are opened here, whatever they hold.
//!
//! The only file that knows of the YAML library. Its limits grow with the text, so that a large
//! list passes and an alias bomb does not; its errors never show the text, which may hold secrets.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use serde_saphyr::Spanned;

use crate::ingest::log::{begins_value, whole_value};
use crate::ingest::pages::{Members, Page};
use crate::model::{Complaint, Origin, complaint};

/// One resource, still untyped.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its value.
    pub value: Value,
    /// Where it stands.
    pub origin: Origin,
    /// What its container says of its kind: `subnetworks`, `clusters`.
    pub hint: Option<String>,
}

/// Where a text stands in its input.
#[derive(Debug, Clone)]
pub struct Place {
    /// The input.
    pub path: Arc<str>,
    /// The line of the text's first byte.
    pub line: u64,
    /// The byte of the text's first byte.
    pub byte: u64,
}

impl Place {
    fn complaint(&self, line: u64, byte: u64, message: String) -> Complaint {
        Complaint { path: self.path.to_string(), line, byte, message, did: complaint::SKIPPED_ITEM }
    }

    fn origin(&self, line: u64) -> Origin {
        Origin { path: Arc::clone(&self.path), line }
    }
}

/// What a text holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// Resources, untyped.
    pub items: Vec<Item>,
    /// What could not be read.
    pub complaints: Vec<Complaint>,
    /// The lists that were opened.
    pub pages: Vec<Page>,
}

impl Contents {
    fn of_complaint(complaint: Complaint) -> Self {
        Self { complaints: vec![complaint], ..Self::default() }
    }

    fn absorb(&mut self, next: Self) {
        let Self { items, complaints, pages } = next;
        self.items.extend(items);
        self.complaints.extend(complaints);
        self.pages.extend(pages);
    }
}

/// The items of one JSON value.
#[must_use]
pub fn json_items(text: &str, place: &Place) -> Contents {
    let mut opened = Opened { text, place, held: Contents::default(), counted: (0, 0) };
    // Most pieces are one item, and what is in them need not be looked at twice.
    if text.len() < SURELY_LONG
        && let Ok(mut value) = serde_json::from_str::<Value>(text)
        && !may_hold_items(&value)
    {
        number_rules(&mut value, text, place.line);
        opened.held.items.push(Item { value, origin: place.origin(place.line), hint: None });
        return opened.held;
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => opened.open(raw, None, 0),
        Err(error) => {
            let line = place.line + (error.line() as u64).saturating_sub(1);
            let message = format!("no JSON: {}", category(&error));
            opened.held.complaints.push(place.complaint(line, place.byte, message));
        }
    }
    opened.held
}

/// The items of the JSON values that start a line of a text: what a shell, or a person, put around
/// them is none of theirs. Behind one that is broken nothing is looked for.
#[must_use]
pub fn embedded(text: &str, place: &Place) -> Contents {
    let mut held = Contents::default();
    let (mut at, mut line) = (0, place.line);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if begins_value(rest.as_bytes()) {
            let byte = place.byte + at as u64;
            let here = Place { path: Arc::clone(&place.path), line, byte };
            let Some(length) = whole_value(rest.as_bytes()) else {
                let message = "the value has no end".to_owned();
                held.complaints.push(here.complaint(line, byte, message));
                break;
            };
            held.absorb(json_items(rest.get(..length).unwrap_or(""), &here));
            length
        } else {
            memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1)
        };
        line += lines_in(rest.get(..length).unwrap_or(""));
        at += length;
    }
    held
}

/// A longer text is a list of items, more often than not.
const SURELY_LONG: usize = 256 << 10;

/// Whether a value is no item itself, perhaps, but holds some. Every item comes by here: each of
/// its keys is looked at once, and none is hashed.
fn may_hold_items(value: &Value) -> bool {
    let Some(members) = value.as_object() else { return true };
    let of_assets = |key: &str| matches!(key, "asset_type" | "assetType");
    let of_firewalls = |key: &str| matches!(key, "firewallPolicys" | "firewallPolicies");
    // Amazon's keys begin with a capital, and nobody else's do.
    let of_lists = |key: &str| match key.as_bytes().first() {
        Some(b'A'..=b'Z') => LISTS_OF_AMAZON.contains(&key),
        _ => matches!(key, "items" | "firewalls") || CONTAINERS.contains(&key),
    };
    // All but those of assets are plurals.
    let wraps =
        |key: &str| of_assets(key) || key.ends_with('s') && (of_lists(key) || of_firewalls(key));
    members.keys().any(|key| wraps(key))
}

/// What is wrong, without a word of the text.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "the text ends too early",
        _ => "a syntax error",
    }
}

struct Opened<'t> {
    text: &'t str,
    place: &'t Place,
    held: Contents,
    /// How far lines are counted, and how many there are: items come in their order, and counting
    /// from the start for each would take as long as the square of their number.
    counted: (usize, u64),
}

impl<'t> Opened<'t> {
    fn open(&mut self, raw: &'t RawValue, hint: Option<&str>, depth: u8) {
        let text = raw.get();
        if text.starts_with('[')
            && depth < 6
            && let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text)
        {
            for element in list {
                self.open(element, hint, depth + 1);
            }
            return;
        }
        if text.starts_with('{') && depth < 6 {
            match serde_json::from_str::<Members<'t>>(text) {
                Ok(members) if self.open_container(&members, hint, depth) => return,
                _ => {}
            }
        }
        let offset = offset_in(self.text, raw);
        let line = self.line_at(offset);
        match serde_json::from_str(text) {
            Ok(mut value) => {
                number_rules(&mut value, raw.get(), line);
                self.held.items.push(Item {
                    value,
                    origin: self.place.origin(line),
                    hint: hint.map(str::to_owned),
                });
            }
            Err(error) => {
                let byte = self.place.byte + offset as u64;
                let message = format!("no JSON: {}", category(&error));
                self.held.complaints.push(self.place.complaint(line, byte, message));
            }
        }
    }

    fn line_at(&mut self, offset: usize) -> u64 {
        let (counted, lines) = if offset < self.counted.0 { (0, 0) } else { self.counted };
        let lines = lines + lines_in(self.text.get(counted..offset).unwrap_or(""));
        self.counted = (offset, lines);
        self.place.line + lines
    }

    /// Opens an answer of getEffectiveFirewalls: rules, and policies of the same network. The
    /// answer does not name the network; its rules do.
    fn open_effective_firewalls(&mut self, members: &Members<'t>, depth: u8) {
        let before = self.held.items.len();
        match members.get("firewalls") {
            Some(rules) if rules.get().starts_with('[') => {
                self.open(rules, Some("compute#firewall"), depth + 1);
            }
            // What is no list stands for rules that nobody can read.
            Some(other) => {
                let value = serde_json::json!({"kind": "compute#firewall", "name": "firewalls"});
                let origin = self.origin_of(other);
                self.held.items.push(Item { value, origin, hint: None });
            }
            None => {}
        }
        let network =
            self.held.items.get(before).and_then(|rule| rule.value.get("network")).cloned();
        self.held.items.push(Item {
            value: serde_json::json!({"network": network}),
            origin: self.place.origin(self.place.line),
            hint: Some(EFFECTIVE_POLICY.to_owned()),
        });
        let mut order = 0;
        for key in ["firewallPolicys", "firewallPolicies"] {
            let Some(list) = members.get(key) else { continue };
            let first = self.held.items.len();
            self.open(list, Some(EFFECTIVE_POLICY), depth + 1);
            for item in self.held.items.iter_mut().skip(first) {
                let policy = item.value.take();
                item.value = serde_json::json!({
                    "policy": policy, "order": order, "network": network,
                });
                order += 1;
            }
        }
    }

    /// Notes that this list was opened.
    fn note_page(&mut self, kind: &str, members: &Members<'t>, list: &RawValue) {
        let origin = self.origin_of(list);
        let inside = list.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let nothing = inside.is_some_and(|inside| inside.trim().is_empty());
        self.held.pages.push(Page::of(kind, members, origin).holding(nothing));
    }

    fn origin_of(&mut self, raw: &RawValue) -> Origin {
        let line = self.line_at(offset_in(self.text, raw));
        self.place.origin(line)
    }

    /// Opens one region or zone of an aggregated list: `{"subnetworks": [...]}`.
    fn open_scope(&mut self, scope: &'t RawValue, kind: &str, depth: u8) {
        let Ok(members) = serde_json::from_str::<Members<'t>>(scope.get()) else { return };
        let origin = self.origin_of(scope);
        self.held.pages.extend(Page::of_scope(kind, &members, origin));
        for (key, list) in members.iter().filter(|(_, list)| list.get().starts_with('[')) {
            self.open(list, Some(key), depth);
        }
    }

    /// Opens an object that is only a container; false where it is an item itself.
    fn open_container(&mut self, members: &Members<'t>, hint: Option<&str>, depth: u8) -> bool {
        let kind =
            members.get("kind").and_then(|kind| serde_json::from_str::<String>(kind.get()).ok());
        // Typed lists leave the kind to the container: PodList, compute#firewallList.
        let of_kind = kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
        let elements = match of_kind.or(kind.as_deref()) {
            Some("") => "Object",
            Some(kind) => kind.strip_suffix("Aggregated").unwrap_or(kind),
            None => "",
        };
        // An address group has items of its own.
        let name = members.get("name").map_or("", |name| name.get());
        if let Some(items) = members.get("items").filter(|_| !name.contains("/addressGroups/")) {
            if items.get().starts_with('{')
                && let Ok(scopes) = serde_json::from_str::<Members<'t>>(items.get())
            {
                self.note_page(elements, members, items);
                let mut scopes: Vec<&RawValue> = scopes.into_values().collect();
                scopes.sort_by_key(|scope| offset_in(self.text, scope));
                // Most scopes hold nothing but the warning that they hold nothing.
                for scope in scopes {
                    self.open_scope(scope, elements, depth + 1);
                }
                return true;
            }
            if items.get().starts_with('[') {
                self.note_page(elements, members, items);
                self.open(items, of_kind.filter(|kind| !kind.is_empty()).or(hint), depth + 1);
                return true;
            }
        }
        if ["firewalls", "firewallPolicys", "firewallPolicies"]
            .iter()
            .any(|key| members.get(*key).is_some_and(|list| list.get().starts_with('[')))
        {
            self.open_effective_firewalls(members, depth);
            return true;
        }
        let mut containers = CONTAINERS.iter().chain(&LISTS_OF_AMAZON);
        if let Some((key, list)) = containers.find_map(|key| Some((*key, *members.get(*key)?)))
            && list.get().starts_with('[')
            && !["name", "InstanceId"].iter().any(|key| members.contains_key(*key))
        {
            self.note_page(key, members, list);
            self.open(list, Some(key), depth + 1);
            return true;
        }
        // Cloud Asset Inventory: {"asset_type": …, "resource": {"data": {…}}}.
        if members.contains_key("asset_type") || members.contains_key("assetType") {
            let resource = members.get("resource").map(|raw| raw.get()).unwrap_or("{}");
            let kind = ["asset_type", "assetType"]
                .iter()
                .find_map(|key| serde_json::from_str::<String>(members.get(*key)?.get()).ok());
            let of_asset = kind.as_deref().map(kind_of_asset);
            let hint = of_asset.as_deref().or(hint);
            if let Ok(resource) = serde_json::from_str::<Members<'t>>(resource)
                && let Some(data) = resource.get("data")
            {
                // BigQuery keeps it as a text.
                if let Ok(text) = serde_json::from_str::<String>(data.get()) {
                    let line = self.line_at(offset_in(self.text, data));
                    let here = Place { line, ..self.place.clone() };
                    let mut held = json_items(&text, &here);
                    for item in &mut held.items {
                        item.hint = hint.map(str::to_owned);
                    }
                    self.held.absorb(held);
                    return true;
                }
                self.open(data, hint, depth + 1);
                return true;
            }
        }
        false
    }
}

/// What the resources of an asset type call themselves
/// (<https://cloud.google.com/asset-inventory/docs/asset-types>). Kinds that are of no use here are
/// known by the name of their type.
fn kind_of_asset(of: &str) -> String {
    match of.split_once('/') {
        Some(("container.googleapis.com", "Cluster")) => "clusters".to_owned(),
        Some(("container.googleapis.com", "NodePool")) => "nodePools".to_owned(),
        Some((service @ ("compute.googleapis.com" | "dns.googleapis.com"), name)) => {
            let mut letters = name.chars();
            let first = letters.next().map(|letter| letter.to_ascii_lowercase());
            let service = service.split('.').next().unwrap_or_default();
            format!("{service}#{}{}", first.map(String::from).unwrap_or_default(), letters.as_str())
        }
        Some((group, kind)) if group == "k8s.io" || group.ends_with(".k8s.io") => kind.to_owned(),
        _ => of.to_owned(),
    }
}

/// Where a value that a text lent starts in it.
fn offset_in(text: &str, value: &RawValue) -> usize {
    (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

fn lines_in(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// The key under which a rule of a policy knows its line: a policy is one item, and its rules are
/// what people look for.
pub const RULE_LINE: &str = "__line";

/// Notes the line of every rule of a policy that starts on `line`.
fn number_rules(policy: &mut Value, text: &str, line: u64) {
    let Some(rules) = policy.get_mut("rules").and_then(Value::as_array_mut) else { return };
    let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return };
    let list = members.get("rules").map_or("[]", |list| list.get());
    let Ok(pieces) = serde_json::from_str::<Vec<&RawValue>>(list) else { return };
    let (mut at, mut seen) = (0, line);
    for (rule, piece) in rules.iter_mut().zip(pieces) {
        let start = offset_in(text, piece);
        seen += lines_in(text.get(at..start).unwrap_or(""));
        at = start;
        if let Some(fields) = rule.as_object_mut() {
            fields.insert(RULE_LINE.to_owned(), Value::from(seen));
        }
    }
}

/// What the policies of effective firewalls are called on their way to their reader.
pub const EFFECTIVE_POLICY: &str = "effective-firewall-policy";

/// Keys under which command outputs and REST answers hold their list.
const CONTAINERS: [&str; 23] = [
    "entries",
    "events",
    "receivedMessages",
    "clusters",
    "nodePools",
    "managedZones",
    "rrsets",
    "operations",
    "subnetworks",
    "routers",
    "forwardingRules",
    "addresses",
    "instances",
    "backendServices",
    "healthChecks",
    "instanceGroups",
    "instanceTemplates",
    "responsePolicies",
    "responsePolicyRules",
    "policyBasedRoutes",
    "networkEndpointGroups",
    "addressGroups",
    "associations",
];

/// The same of AWS. An instance has security groups, too, and is no list of them.
pub const LISTS_OF_AMAZON: [&str; 7] = [
    "SecurityGroups",
    "NetworkAcls",
    "Subnets",
    "Vpcs",
    "Reservations",
    "Instances",
    "NetworkInterfaces",
];

/// The items of one YAML document.
#[must_use]
pub fn yaml_items(text: &str, place: &Place) -> Contents {
    let value: Value = match serde_saphyr::from_str_with_options(text, options(text.len())) {
        Ok(value) => value,
        Err(error) => {
            let at = error.location();
            let line = place.line + at.map_or(0, |at| at.line().saturating_sub(1));
            let message = format!("no YAML: {}", yaml_problem(&error));
            return Contents::of_complaint(place.complaint(line, place.byte, message));
        }
    };
    let lines = element_lines(text, &value);
    let whole = serde_json::to_string(&value).unwrap_or_default();
    // One road for both languages: the containers are opened as JSON, the lines come from YAML.
    let mut held = json_items(&whole, &Place { line: 1, ..place.clone() });
    let first = first_line(text);
    for page in &mut held.pages {
        page.origin.line = place.line + first - 1;
    }
    let mut names = Names { rest: text, line: 0, misses: 0 };
    for (index, item) in held.items.iter_mut().enumerate() {
        // In deeper containers the line that names the item has to do.
        let name = item.value.get("name").and_then(Value::as_str);
        let by_name = || names.line_of(name?);
        let line = lines.get(index).copied().or_else(by_name).unwrap_or(first);
        item.origin.line = place.line + line.saturating_sub(1);
        // Of rules inside of a policy YAML's lines are not known.
        let policy = if item.value.get("policy").is_some() {
            item.value.get_mut("policy")
        } else {
            Some(&mut item.value)
        };
        let rules = policy.and_then(|policy| policy.get_mut("rules")?.as_array_mut());
        for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
            rule.remove(RULE_LINE);
        }
    }
    held
}

/// The lines that name items, read once: each item's is behind that of the one before.
struct Names<'t> {
    rest: &'t str,
    /// How many lines were read.
    line: u64,
    /// How many names were not found.
    misses: u32,
}

impl Names<'_> {
    /// After so many that no line says nothing more is looked for: every one costs all of the text.
    const MOST_MISSES: u32 = 16;

    /// The next line that says `name: NAME`, counted from 1.
    fn line_of(&mut self, name: &str) -> Option<u64> {
        let says = |line: &str| {
            let line = line.trim_start().trim_start_matches("- ");
            let value = line.strip_prefix("name:");
            value.map(|value| value.trim().trim_matches(['"', '\''])) == Some(name)
        };
        if self.misses > Self::MOST_MISSES {
            return None;
        }
        let mut read = 0;
        for (number, line) in self.rest.split_inclusive('\n').enumerate() {
            read += line.len();
            if says(line) {
                self.line += number as u64 + 1;
                self.rest = self.rest.get(read..).unwrap_or("");
                return Some(self.line);
            }
        }
        self.misses += 1;
        None
    }
}

/// The line of the first content, counted from 1.
fn first_line(text: &str) -> u64 {
    let skipped = text.lines().take_while(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    1 + skipped.count() as u64
}

/// The lines of the elements, where the document is a list or holds one under `items`.
fn element_lines(text: &str, value: &Value) -> Vec<u64> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Spanned<IgnoredAny>>,
    }
    let options = options(text.len());
    // Elements mostly come one by one: to parse them again would tell nothing.
    if value.as_array().is_some_and(|list| list.len() == 1) {
        return vec![first_line(text)];
    }
    let list = if value.is_array() {
        serde_saphyr::from_str_with_options::<Vec<Spanned<IgnoredAny>>>(text, options).ok()
    } else if value.get("items").is_some_and(Value::is_array) {
        serde_saphyr::from_str_with_options::<List>(text, options).ok().map(|list| list.items)
    } else {
        None
    };
    list.unwrap_or_default().iter().map(|element| element.referenced.line()).collect()
}

fn options(length: usize) -> serde_saphyr::Options {
    // A node takes at least two bytes ("- "): a text cannot hold more than half its length.
    let nodes = (length / 2 + 1_000).min(200_000_000);
    let mut options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    if let Some(budget) = options.budget.as_mut() {
        budget.max_nodes = budget.max_nodes.max(nodes);
        budget.max_events = budget.max_events.max(nodes.saturating_mul(3));
        budget.max_total_scalar_bytes = budget.max_total_scalar_bytes.max(length.saturating_mul(2));
    }
    options
}

/// The kind of problem in words that hold nothing of the text.
fn yaml_problem(error: &serde_saphyr::Error) -> &'static str {
    let text = error.to_string();
    if text.contains("budget") {
        "more nodes or aliases than a file of its size may hold (export with -o json)"
    } else if text.contains("recursion") {
        "nested too deeply"
    } else {
        "a syntax error"
    }
}
