//! Firewall policies of a Terraform state or plan: Terraform keeps a policy, each of its rules and
//! each of its associations apart; here they become one policy, as gcloud describes it.
//!
//! ```text
//! google_compute_network_firewall_policy.p             {"name": "p", "rules": [{…}],
//! google_compute_network_firewall_policy_rule.web   >   "associations": [{…}]}
//! google_compute_network_firewall_policy_association.n
//! ```

use serde_json::{Map, Value, json};

use crate::ingest::terraform_resources::{Lookup, Resource, UNKNOWN, camel, rename};
use crate::model::PolicyKind;

/// What the three kinds of policies begin with.
const KINDS: [(&str, PolicyKind); 3] = [
    ("google_compute_firewall_policy", PolicyKind::Hierarchical),
    ("google_compute_network_firewall_policy", PolicyKind::GlobalNetwork),
    ("google_compute_region_network_firewall_policy", PolicyKind::RegionalNetwork),
];

/// What a resource is to policies of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Policy,
    WithRules,
    Rule,
    Association,
}

/// What a resource is to firewall policies, and of which kind these are.
fn part_of(kind: &str) -> Option<(PolicyKind, Part)> {
    KINDS.into_iter().find_map(|(start, of)| {
        let part = match kind.strip_prefix(start)? {
            "" => Part::Policy,
            "_with_rules" => Part::WithRules,
            "_rule" => Part::Rule,
            "_association" => Part::Association,
            _ => return None,
        };
        Some((of, part))
    })
}

/// The kind of policy that a resource is a part of, where it is one.
pub(super) fn policy_kind(kind: &str) -> Option<PolicyKind> {
    part_of(kind).map(|(of, _)| of)
}

/// A policy on its way.
struct Policy {
    kind: PolicyKind,
    names: Vec<String>,
    fields: Map<String, Value>,
    /// Whether it is kept elsewhere: the rules that are here are not all that it has.
    is_bare: bool,
}

/// The policies among the resources.
pub(super) fn policies(all: &[Resource<'_>], lookup: &Lookup<'_, '_>) -> Vec<Value> {
    let mut made: Vec<Policy> = Vec::new();
    let own = |wanted: &'static [Part]| {
        all.iter().filter_map(move |one| {
            part_of(&one.kind).filter(|(_, part)| wanted.contains(part)).map(|of| (one, of))
        })
    };
    for (resource, (kind, part)) in own(&[Part::Policy, Part::WithRules]) {
        made.push(described(resource, kind, part, &lookup.unknown(resource, &["rule"])));
    }
    for (resource, (kind, part)) in own(&[Part::Rule, Part::Association]) {
        let Some(named) = lookup.text(resource, "firewall_policy") else {
            if part == Part::Rule {
                of_any(resource, kind, lookup, &mut made);
            }
            continue;
        };
        let name = named.rsplit('/').next().unwrap_or(&named).to_owned();
        let is_it = |one: &Policy| one.kind == kind && one.names.contains(&name);
        let at = made.iter().position(is_it).unwrap_or_else(|| {
            made.push(bare(resource, kind, &name));
            made.len() - 1
        });
        let Some(policy) = made.get_mut(at) else { continue };
        if policy.is_bare && part == Part::Rule {
            continue;
        }
        let (key, value) = match part {
            Part::Association => {
                let target = lookup.text(resource, "attachment_target");
                ("associations", json!({ "attachmentTarget": target }))
            }
            _ => ("rules", rule(camel(resource.values.0), &lookup.unknown(resource, &RULE))),
        };
        if let Value::Array(list) = policy.fields.entry(key).or_insert_with(|| json!([])) {
            list.push(value);
        }
    }
    made.into_iter().map(|one| Value::Object(one.fields)).collect()
}

/// A rule of a policy that a plan does not know yet: it may be of any.
fn of_any(
    resource: &Resource<'_>,
    kind: PolicyKind,
    lookup: &Lookup<'_, '_>,
    made: &mut Vec<Policy>,
) {
    if !made.iter().any(|one| one.kind == kind) {
        made.push(bare(resource, kind, "a policy that is not known yet"));
    }
    let mut unknown = lookup.unknown(resource, &RULE);
    unknown.push("firewall_policy");
    for policy in made.iter_mut().filter(|one| one.kind == kind && !one.is_bare) {
        let rules = policy.fields.entry("rules").or_insert_with(|| json!([]));
        if let Value::Array(list) = rules {
            list.push(rule(camel(resource.values.0), &unknown));
        }
    }
}

/// A policy that is a resource of its own. Without a rule beside it nobody knows its rules.
fn described(resource: &Resource<'_>, kind: PolicyKind, part: Part, unknown: &[&str]) -> Policy {
    const NAMES: [&str; 5] =
        ["name", "short_name", "firewall_policy_id", "network_firewall_policy_id", "policy_name"];
    let mut fields = match camel(resource.values.0) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    rename(&mut fields, "policyName", "name");
    fields.remove("rules");
    if part == Part::WithRules
        && let Some(Value::Array(rules)) = fields.remove("rule")
    {
        // "If unspecified an INGRESS rule is created": so the provider documents `rule.direction`,
        // of these resources alone.
        let with_direction = |one: Value| match one {
            Value::Object(mut rule) if rule.get("direction").is_none_or(Value::is_null) => {
                rule.insert("direction".to_owned(), json!("INGRESS"));
                Value::Object(rule)
            }
            one => one,
        };
        let rules = rules.into_iter().map(with_direction).map(|one| rule(one, unknown));
        fields.insert("rules".to_owned(), rules.collect());
    }
    fields.insert("kind".to_owned(), json!("compute#firewallPolicy"));
    let mut names: Vec<String> = NAMES.iter().filter_map(|key| resource.values.text(key)).collect();
    let links = ["self_link", "id"].iter().filter_map(|key| resource.values.reference(key));
    names.extend(links.map(|link| link.name));
    names.retain(|name| !name.is_empty());
    // One that is not applied yet has no number.
    let fallback = names.first().cloned().unwrap_or_else(|| resource.name.clone());
    fields.entry("name").or_insert_with(|| json!(fallback));
    Policy { kind, names, fields, is_bare: false }
}

/// A policy that is kept elsewhere: nobody gave its rules, to the last one.
fn bare(resource: &Resource<'_>, kind: PolicyKind, name: &str) -> Policy {
    let mut fields = Map::new();
    fields.insert("kind".to_owned(), json!("compute#firewallPolicy"));
    fields.insert("name".to_owned(), json!(name));
    for key in ["region", "project"] {
        if let Some(text) = resource.values.text(key) {
            fields.insert(key.to_owned(), json!(text));
        }
    }
    if kind == PolicyKind::Hierarchical {
        fields.insert("shortName".to_owned(), json!(name));
    }
    Policy { kind, names: vec![name.to_owned()], fields, is_bare: true }
}

/// The fields of a rule by which it matches and decides.
const RULE: [&str; 8] = [
    "match",
    "target_secure_tags",
    "target_service_accounts",
    "target_resources",
    "action",
    "direction",
    "priority",
    "disabled",
];

/// A rule; of those inside of a policy some fields are called otherwise.
fn rule(value: Value, unknown: &[&str]) -> Value {
    let Value::Object(mut fields) = value else { return value };
    fields.insert(UNKNOWN.to_owned(), json!(unknown));
    rename(&mut fields, "targetSecureTag", "targetSecureTags");
    if let Some(filter) = fields.get_mut("match").and_then(Value::as_object_mut) {
        rename(filter, "layer4Config", "layer4Configs");
        rename(filter, "srcSecureTag", "srcSecureTags");
    }
    Value::Object(fields)
}
