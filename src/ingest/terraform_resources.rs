//! The resources of a Terraform state or plan: where they stand, what their expressions refer to,
//! and their values in the spelling of REST.

use std::collections::BTreeMap;

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
        let (Some(kind), Some(name)) = (one.text("type"), one.text("name")) else { continue };
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

/// The key under which a rule knows the fields that a plan leaves open.
pub(super) const UNKNOWN: &str = "__unknown";

/// Finds what an expression of the configuration refers to, and what a plan leaves open.
pub(super) struct Lookup<'a, 'r> {
    pub(super) all: &'r [Resource<'a>],
    configuration: Fields<'a>,
    /// `after_unknown` of the changes, by the address of the resource.
    unknown: BTreeMap<String, Fields<'a>>,
}

impl<'a, 'r> Lookup<'a, 'r> {
    /// Of the resources of a plan or a state.
    pub(super) fn of(all: &'r [Resource<'a>], whole: Fields<'a>) -> Self {
        let changes = whole.list("resource_changes");
        let unknown = changes
            .filter_map(|one| Some((one.text("address")?, one.at("change").at("after_unknown"))))
            .collect();
        Self { all, configuration: whole.at("configuration").at("root_module"), unknown }
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
            (Some(expressions), field) => expressions.has(field),
            // Computed where it is not set: of the ways to name a source one has to be said.
            (None, "source_ranges") => {
                !["source_tags", "source_service_accounts"].iter().any(|one| values.has(one))
            }
            (None, field) => field != "destination_ranges",
        });
        open
    }

    /// The value of a field, or the name of the resource that its expression refers to.
    pub(super) fn text(&self, resource: &Resource<'_>, field: &str) -> Option<String> {
        if let Some(text) = resource.values.text(field).filter(|text| !text.is_empty()) {
            return Some(text);
        }
        let references = self.written(resource)?.at(field).texts("references");
        references.iter().find_map(|reference| self.named(reference, resource))
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
        let named = |one: &Fields<'_>| {
            let references = one.texts("references");
            references.iter().find_map(|reference| self.named(reference, resource))
        };
        found.iter().map(named).collect()
    }

    /// The expressions that a resource is written with.
    fn written(&self, resource: &Resource<'_>) -> Option<Fields<'_>> {
        let mut module = self.configuration;
        for call in resource.module.split('.').skip(1).step_by(2) {
            let call = call.split('[').next().unwrap_or(call);
            module = module.at("module_calls").at(call).at("module");
        }
        let own = format!("{}.{}", resource.kind, resource.name);
        let mut all = module.list("resources");
        let written = all.find(|one| one.text("address").as_ref() == Some(&own))?;
        Some(written.at("expressions"))
    }

    /// `google_compute_network.net.id` to that resource's name. Of several that `for_each` or
    /// `count` made it is the one of the same index: which one `[each.key]` means, a plan does not
    /// say.
    fn named(&self, reference: &str, by: &Resource<'_>) -> Option<String> {
        let mut parts = reference.split('.');
        let (kind, name) = (parts.next()?, parts.next()?);
        let name = name.split('[').next().unwrap_or(name);
        let same =
            |one: &&Resource<'_>| one.kind == kind && one.name == name && one.module == by.module;
        let mut all = self.all.iter().filter(same).peekable();
        let first = all.next()?;
        let of = match all.peek() {
            None => first,
            Some(_) => std::iter::once(first)
                .chain(all)
                .find(|one| one.index.is_some() && one.index == by.index)?,
        };
        of.values.first_text(&["self_link", "name", "short_name"])
    }
}

/// Blocks of which there is at most one, which REST holds as an object.
const SINGLE: [&str; 21] = [
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
