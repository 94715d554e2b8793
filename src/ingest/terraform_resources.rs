//! The resources of a Terraform state or plan: where they stand, what their expressions refer to,
//! and their values in the spelling of REST.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::ingest::fields::Fields;

/// A resource as it stands in its module.
pub(super) struct Resource<'a> {
    /// `module.net.google_compute_firewall.web`
    pub(super) address: String,
    /// `module.net`, empty for the root.
    pub(super) module: String,
    /// `google_compute_firewall`
    pub(super) kind: String,
    pub(super) name: String,
    /// Which of several it is, where `for_each` or `count` made it.
    pub(super) index: Option<String>,
    pub(super) values: Fields<'a>,
}

/// All resources of a module and of those inside of it.
pub(super) fn resources<'a>(
    module: Fields<'a>,
    path: &str,
    depth: u8,
    into: &mut Vec<Resource<'a>>,
) {
    for one in module.list("resources") {
        if one.text("mode").is_some_and(|mode| mode == "data") {
            continue;
        }
        // The address says both, too, where they were not selected.
        let address = one.text("address").unwrap_or_default();
        // Its own key may hold anything: `google_compute_firewall.web["10.0.0.0/8"]`.
        let own = address.rfind("[\"").filter(|_| address.ends_with(']'));
        let plain = own.and_then(|at| address.get(..at)).unwrap_or(&address);
        let mut parts = plain.rsplit('.');
        let (last, before) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let of_address = |text: &str| text.split('[').next().unwrap_or(text).to_owned();
        let kind = one.text("type").unwrap_or_else(|| of_address(before));
        let name = one.text("name").unwrap_or_else(|| of_address(last));
        into.push(Resource {
            address: one.text_or_empty("address"),
            module: path.to_owned(),
            kind,
            name,
            index: one.text("index"),
            values: one.at("values"),
        });
    }
    if depth < 16 {
        for child in module.list("child_modules") {
            resources(child, &child.text_or_empty("address"), depth + 1, into);
        }
    }
}

/// The key under which a rule knows the resource of Terraform's that it is.
pub(super) const RESOURCE: &str = "__terraform";

/// The key under which a rule knows the fields that a plan leaves open.
pub(super) const UNKNOWN: &str = "__unknown";

/// The kind of a NAT that stands by itself.
pub(super) const LONELY_NAT: &str = "terraform#routerNat";

/// Finds what an expression of the configuration refers to, and what a plan leaves open.
pub(super) struct Lookup<'a, 'r> {
    pub(super) all: &'r [Resource<'a>],
    configuration: Fields<'a>,
    /// `after_unknown` of the changes, by the address of the resource.
    unknown: BTreeMap<String, Fields<'a>>,
    /// What is made anew, by its address.
    created: BTreeSet<String>,
    /// How many resources each block makes.
    blocks: BTreeMap<Block<'r>, usize>,
}

/// A block of the configuration: kind, name, and its module without the keys of its calls.
type Block<'r> = (&'r str, &'r str, String);

fn block<'r>(resource: &'r Resource<'_>) -> Block<'r> {
    (&resource.kind, &resource.name, unkeyed(&resource.module))
}

impl<'a, 'r> Lookup<'a, 'r> {
    /// Of the resources of a plan or a state.
    pub(super) fn of(all: &'r [Resource<'a>], whole: Fields<'a>) -> Self {
        let changes = whole.list("resource_changes");
        let unknown = changes
            .filter_map(|one| Some((one.text("address")?, one.at("change").at("after_unknown"))))
            .collect();
        let is_created =
            |one: &Fields<'_>| one.at("change").texts("actions") == ["create".to_owned()];
        let created = whole.list("resource_changes").filter(is_created);
        let created = created.filter_map(|one| one.text("address")).collect();
        let mut blocks = BTreeMap::new();
        for one in all {
            *blocks.entry(block(one)).or_default() += 1;
        }
        let configuration = whole.at("configuration").at("root_module");
        Self { all, configuration, unknown, created, blocks }
    }

    /// Which of these fields are known only after it was applied: they say something, and nobody
    /// knows what. Those that nobody wrote the provider fills in by itself.
    pub(super) fn unknown<'f>(&self, resource: &Resource<'_>, fields: &[&'f str]) -> Vec<&'f str> {
        fn is_open(value: &Value) -> bool {
            match value {
                Value::Bool(open) => *open,
                Value::Array(list) => list.iter().any(is_open),
                // Whether a tag is effective nobody writes.
                Value::Object(members) => {
                    members.iter().any(|(key, value)| key != "state" && is_open(value))
                }
                _ => false,
            }
        }
        let Some(unknown) = self.unknown.get(&resource.address) else { return Vec::new() };
        let mut open: Vec<&str> = fields
            .iter()
            .copied()
            .filter(|field| unknown.0.get(*field).is_some_and(is_open))
            .collect();
        if open.is_empty() {
            return open;
        }
        let written = self.written(resource);
        let values = resource.values;
        open.retain(|field| match (written, *field) {
            // The provider fills these in where nobody writes them. What a `dynamic` block makes
            // stands in no expression (<https://github.com/hashicorp/terraform/issues/28346>).
            (Some(expressions), "source_ranges" | "destination_ranges" | "direction") => {
                expressions.has(field)
            }
            (Some(_), _) => true,
            // Computed where it is not set: of the ways to name a source one has to be said.
            (None, "source_ranges") => {
                !["source_tags", "source_service_accounts"].iter().any(|one| values.has(one))
            }
            (None, field) => !["destination_ranges", "direction"].contains(&field),
        });
        open
    }

    /// Whether it is not there yet.
    pub(super) fn is_created(&self, resource: &Resource<'_>) -> bool {
        self.created.contains(&resource.address)
    }

    /// Whether its block makes several: by `for_each`, or by `count` where it counts more than one.
    pub(super) fn is_one_of_several(&self, resource: &Resource<'_>) -> bool {
        // Keys are texts; what `count` counts may be one alone.
        let of_key = resource.index.as_ref().is_some_and(|index| index.parse::<u64>().is_err());
        let made = self.blocks.get(&block(resource)).copied().unwrap_or_default();
        of_key || resource.module.contains("[\"") || made > 1
    }

    /// The value of a field, or the name of the resource that its expression refers to.
    pub(super) fn text(&self, resource: &Resource<'_>, field: &str) -> Option<String> {
        if let Some(text) = resource.values.text(field).filter(|text| !text.is_empty()) {
            return Some(text);
        }
        let written = self.written(resource)?.at(field);
        self.meant(written, &Scope::of(resource), DEEPEST)
    }

    /// The names of the resources that an expression inside of blocks refers to, block by block.
    pub(super) fn nested(&self, resource: &Resource<'_>, path: &[&str]) -> Vec<Option<String>> {
        fn walk<'v>(value: &'v Value, path: &[&str], into: &mut Vec<Fields<'v>>) {
            match (value, path) {
                (Value::Array(list), _) => list.iter().for_each(|one| walk(one, path, into)),
                (_, []) => into.push(Fields(value)),
                (_, [first, rest @ ..]) => {
                    value.get(*first).into_iter().for_each(|inner| walk(inner, rest, into));
                }
            }
        }
        let mut found = Vec::new();
        if let Some(written) = self.written(resource) {
            walk(written.0, path, &mut found);
        }
        let scope = Scope::of(resource);
        found.into_iter().map(|one| self.meant(one, &scope, DEEPEST)).collect()
    }

    /// The expressions that a resource is written with.
    fn written(&self, resource: &Resource<'_>) -> Option<Fields<'_>> {
        let own = format!("{}.{}", resource.kind, resource.name);
        let mut all = self.module(&resource.module).list("resources");
        let written = all.find(|one| one.text("address").as_ref() == Some(&own))?;
        Some(written.at("expressions"))
    }

    /// How a module is written.
    fn module(&self, path: &str) -> Fields<'a> {
        calls(path).into_iter().fold(self.configuration, |module, call| {
            module.at("module_calls").at(call).at("module")
        })
    }

    /// What an expression stands for: a constant, or the name of the resource that it refers to.
    fn meant(&self, expression: Fields<'_>, scope: &Scope<'_>, depth: u8) -> Option<String> {
        if let Some(text) = expression.text("constant_value").filter(|text| !text.is_empty()) {
            return Some(text);
        }
        let depth = depth.checked_sub(1)?;
        let references = expression.texts("references");
        references.iter().find_map(|reference| self.named(reference, scope, depth))
    }

    /// `google_compute_network.net.id` to that resource's name; `var.network` and `module.net.id`
    /// to what the call of the module gives, or its output. Of several that `for_each` or `count`
    /// made it is the one of the same index: which one `[each.key]` means, a plan does not say.
    fn named(&self, reference: &str, scope: &Scope<'_>, depth: u8) -> Option<String> {
        let mut parts = reference.split('.');
        let (kind, name) = (parts.next()?, parts.next()?);
        match kind {
            "var" => {
                let (outer, call) = outer_and_call(scope.module)?;
                let given = self.module(outer).at("module_calls").at(call).at("expressions");
                self.meant(given.at(name), &Scope { module: outer, index: None }, depth)
            }
            "module" => {
                let (call, output) = call_and_output(reference)?;
                let dot = if scope.module.is_empty() { "" } else { "." };
                let inner = format!("{}{dot}{call}", scope.module);
                let given = self.module(&inner).at("outputs").at(output).at("expression");
                self.meant(given, &Scope { module: &inner, index: None }, depth)
            }
            _ => self.resource(kind, bare(name), scope),
        }
    }

    fn resource(&self, kind: &str, name: &str, scope: &Scope<'_>) -> Option<String> {
        let same = |one: &&Resource<'_>| {
            one.kind == kind && one.name == name && one.module == scope.module
        };
        let mut all = self.all.iter().filter(same).peekable();
        let first = all.next()?;
        let of = match all.peek() {
            None => first,
            Some(_) => std::iter::once(first)
                .chain(all)
                .find(|one| one.index.is_some() && one.index.as_deref() == scope.index)?,
        };
        of.values.first_text(&["self_link", "name", "short_name"])
    }
}

/// So many modules hand a value on.
const DEEPEST: u8 = 16;

/// Where an expression is written.
struct Scope<'s> {
    module: &'s str,
    /// Which of several resources it is of.
    index: Option<&'s str>,
}

impl<'s> Scope<'s> {
    fn of(resource: &'s Resource<'_>) -> Self {
        Self { module: &resource.module, index: resource.index.as_deref() }
    }
}

/// The path of a module without the keys of its calls.
fn unkeyed(path: &str) -> String {
    let mut made = String::new();
    let mut is_key = false;
    for c in path.chars() {
        match c {
            '[' => is_key = true,
            ']' => is_key = false,
            c if !is_key => made.push(c),
            _ => {}
        }
    }
    made
}

/// The names of the calls of `module.a.module.b["c.d"]`: `a` and `b`.
fn calls(path: &str) -> Vec<&str> {
    let calls = path.strip_prefix("module.").into_iter().flat_map(|rest| rest.split(".module."));
    calls.map(bare).collect()
}

/// What stands before an index.
fn bare(text: &str) -> &str {
    text.split('[').next().unwrap_or(text)
}

/// `module.a.module.b[0]` to the module `module.a`, which calls it `b`.
fn outer_and_call(path: &str) -> Option<(&str, &str)> {
    let own = || path.strip_prefix("module.").map(|call| ("", call));
    let (outer, call) = path.rsplit_once(".module.").or_else(own)?;
    Some((outer, bare(call)))
}

/// `module.net["a.b"].network.id` to the module `module.net["a.b"]` and its output `network`.
fn call_and_output(reference: &str) -> Option<(&str, &str)> {
    let call = reference.strip_prefix("module.")?;
    let key =
        call.find(['.', '[']).filter(|at| call.get(*at..).is_some_and(|c| c.starts_with('[')));
    let from = key.map_or(0, |_| call.find(']').unwrap_or(0));
    let dot = reference.len() - call.len() + from + call.get(from..)?.find('.')?;
    let output = reference.get(dot + 1..)?;
    Some((reference.get(..dot)?, output.split(['.', '[']).next().unwrap_or(output)))
}

/// Blocks of which there is at most one, which REST holds as an object.
const SINGLE: [&str; 26] = [
    "backupGeo",
    "cloudLoggingConfig",
    "primary",
    "primaryBackup",
    "routingPolicy",
    "defaultSnatStatus",
    "match",
    "ipAllocationPolicy",
    "privateClusterConfig",
    "networkConfig",
    "nodeConfig",
    "privateVisibilityConfig",
    "forwardingConfig",
    "peeringConfig",
    "targetNetwork",
    "controlPlaneEndpointsConfig",
    "ipEndpointsConfig",
    "additionalPodRangesConfig",
    "masterAuthorizedNetworksConfig",
    "logConfig",
    "localData",
    "alternativeNameServerConfig",
    "serviceAccount",
    "confidentialNodes",
    "releaseChannel",
    "masterGlobalAccessConfig",
];

/// Keys in the spelling of REST; empty blocks are left out.
pub(super) fn camel(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut made = Map::new();
            for (key, inner) in members {
                let key = camel_key(key);
                let inner = match inner {
                    Value::Null => continue,
                    // Their keys are names of their own.
                    inner if key.to_ascii_lowercase().ends_with("labels") => inner.clone(),
                    Value::Array(list) if SINGLE.contains(&key.as_str()) => match list.first() {
                        None => continue,
                        Some(Value::Null) => json!({}),
                        // Accounts of nodes are a text, of instances a block.
                        Some(first) => camel(first),
                    },
                    inner => camel(inner),
                };
                made.insert(key, inner);
            }
            Value::Object(made)
        }
        Value::Array(list) => Value::Array(list.iter().map(camel).collect()),
        other => other.clone(),
    }
}

pub(super) fn camel_key(key: &str) -> String {
    let mut words = key.split('_');
    let mut made = words.next().unwrap_or("").to_owned();
    for word in words {
        let mut letters = word.chars();
        made.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        made.push_str(letters.as_str());
    }
    made
}

/// The same value under another key.
pub(super) fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

/// What an item knows of the resource that it was.
pub(super) fn own_resource(
    resource: &Resource<'_>,
    lookup: &Lookup<'_, '_>,
    log_metadata: Option<&Value>,
) -> Value {
    json!({
        "address": resource.address, "name": resource.name, "metadata": log_metadata,
        "several": lookup.is_one_of_several(resource),
        "created": lookup.is_created(resource),
    })
}

/// Names what a plan leaves open in the blocks of a list, where their expressions tell it.
pub(super) fn fill(list: Option<&mut Value>, key: &str, named: &[Option<String>]) {
    let blocks = list.and_then(Value::as_array_mut).into_iter().flatten();
    for (block, name) in blocks.zip(named) {
        if let (Some(block), Some(name)) = (block.as_object_mut(), name)
            && block.get(key).is_none_or(Value::is_null)
        {
            block.insert(key.to_owned(), json!(name));
        }
    }
}
