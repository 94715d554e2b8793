//! A VPC firewall rule from the Compute API's form (`allowed`, `IPProtocol`, `targetTags`) and from
//! Config Connector's (`allow`, `protocol`, `networkRef`): one reader, since the fields are the
//! same but for these names.
//!
//! Source: `Firewall` of the Compute API, `ComputeFirewall` of Config Connector's reference.

use std::collections::BTreeSet;

use crate::ingest::exported::{is_exported, is_linked};
use crate::ingest::fields::Fields;
use crate::ingest::kept;
use crate::ingest::terraform_resources::{RESOURCE, UNKNOWN};
use crate::model::firewall::{GoogleList, Layer4, SourceIdentity, Targets};
use crate::model::managed::gke_rule;
use crate::model::{Action, FirewallRule, Inventory, Origin, Owner, Reference};
use crate::net::{Direction, PortSet};

/// Puts the rules whose network nobody gave on each network that they may be on, where they are not
/// understood: what they say may hold there. Names are unique in a project, so one that is known by
/// its name is where that one is. Returns those for which no network is known.
pub fn house(inventory: &mut Inventory) -> Vec<FirewallRule> {
    let is_homeless = |rule: &mut FirewallRule| rule.network.name.is_empty();
    let homeless: Vec<_> = inventory.firewall_rules.extract_if(.., is_homeless).collect();
    let known = inventory.known_networks();
    let mut nowhere = Vec::new();
    for rule in homeless {
        let project = rule.network.project.as_ref();
        let may_be = |network: &&Reference| {
            network.project.is_none()
                || project.is_none_or(|own| network.project.as_ref() == Some(own))
        };
        let namesakes = inventory.firewall_rules.iter().filter(|one| one.name == rule.name);
        let mut networks: Vec<Reference> =
            namesakes.map(|one| &one.network).filter(may_be).cloned().collect();
        let is_told = !networks.is_empty();
        if !is_told {
            networks = known.iter().filter(may_be).cloned().collect();
        }
        if networks.is_empty() {
            nowhere.push(rule);
            continue;
        }
        for network in networks {
            let mut here = FirewallRule { network, ..rule.clone() };
            if !is_told {
                here.unmodelled.push("network: not given".to_owned());
            }
            inventory.firewall_rules.push(here);
        }
    }
    nowhere
}

/// What the two forms call their fields.
struct Dialect {
    allow: &'static str,
    deny: &'static str,
    protocol: &'static str,
}

const REST: Dialect = Dialect { allow: "allowed", deny: "denied", protocol: "IPProtocol" };
const MANIFEST: Dialect = Dialect { allow: "allow", deny: "deny", protocol: "protocol" };

/// Reads a rule of the Compute API. Where it names no network, as in a plan that refers to one it
/// does not name, or in a selection of fields, its network has no name.
#[must_use]
pub fn rest_rule(fields: Fields<'_>, origin: &Origin) -> Option<FirewallRule> {
    let id = fields.own_reference().or_else(|| nameless(fields))?;
    let network = fields.reference("network").unwrap_or_default();
    let mut rule = read(fields, &REST, network.or_project(id.project.as_deref()), origin);
    rule.owner = gke_rule(&id.name).map_or(Owner::User, Owner::Gke);
    rule.logged =
        fields.has("logConfig").then(|| fields.at("logConfig").flag("enable") == Some(true));
    rule.name = Some(id.name).filter(|name| !name.is_empty());
    let resource = fields.at(RESOURCE);
    for key in ["sourceServiceAccounts", "targetServiceAccounts"] {
        if fields.strange(key) > 0 {
            rule.unmodelled.push(key.to_owned());
        }
    }
    if !fields.has(RESOURCE) {
        doubt_selection(&mut rule, fields);
    }
    rule.terraform = kept::terraform_resource(fields).map(Box::new);
    rule.log_metadata =
        resource.text("metadata").or_else(|| fields.at("logConfig").text("metadata"));
    Some(rule)
}

/// A rule whose name is made when it is applied (`"fw-${random_id.x.hex}"` in a plan), or was not
/// selected, decides all the same.
fn nameless(fields: Fields<'_>) -> Option<Reference> {
    let decides = fields.has(REST.allow) || fields.has(REST.deny);
    decides.then(|| Reference { project: fields.project(), ..Reference::default() })
}

/// Fields that the API writes for every rule
/// (<https://cloud.google.com/compute/docs/reference/rest/v1/firewalls>).
const ALWAYS_WRITTEN: [&str; 3] = ["direction", "priority", "disabled"];
/// One of these, too: where a rule names no other end, it is written as 0.0.0.0/0.
const ENDS: [&str; 4] =
    ["sourceRanges", "destinationRanges", "sourceTags", "sourceServiceAccounts"];

/// What a rule lacks of the fields that are always there was not exported, where it is an export:
/// nobody writes an id by hand. Other descriptions may be somebody's own, who relies on what the
/// API makes of them; but whether one without direction and sources is INGRESS nobody knows.
fn doubt_selection(rule: &mut FirewallRule, fields: Fields<'_>) {
    let unsaid = ALWAYS_WRITTEN.into_iter().filter(|key| !fields.has(key));
    rule.unsaid = unsaid.collect();
    let names_ends = |keys: &[&str]| keys.iter().any(|key| fields.list(key).next().is_some());
    let has_id = fields.has("id") || fields.has("creationTimestamp");
    let no_direction = rule.unsaid.contains(&"direction");
    let is_ingress = names_ends(&["sourceRanges", "sourceTags", "sourceServiceAccounts"])
        && !fields.has("destinationRanges");
    if no_direction && (has_id || !is_ingress) {
        rule.either_direction = true;
        rule.unmodelled.push(FirewallRule::not_said("direction"));
    }
    if rule.unsaid.contains(&"priority") && is_exported(fields) {
        // It may outrank everything.
        rule.priority = 0;
        rule.unmodelled.push(FirewallRule::not_said("priority"));
    }
    // Old exports, and those of Cloud Asset Inventory, leave `disabled` out where it is false.
    if is_linked(fields) && !names_ends(&ENDS) {
        rule.unmodelled.push(FirewallRule::not_said("sources and destinations"));
    }
}

/// Reads the `spec` of a manifest. Logging is on where `logConfig` is there at all, and, in the old
/// form, where `enableLogging` is true.
#[must_use]
pub fn manifest_rule(
    name: &str,
    spec: Fields<'_>,
    network: Reference,
    origin: &Origin,
) -> FirewallRule {
    let mut rule = read(spec, &MANIFEST, network, origin);
    rule.name = Some(name.to_owned());
    rule.owner = Owner::ConfigConnector;
    rule.logged = Some(spec.has("logConfig") || spec.flag("enableLogging") == Some(true));
    rule.log_metadata = spec.at("logConfig").text("metadata");
    rule
}

/// The priority, or what the API makes of none; `None` where it is none.
fn priority(fields: Fields<'_>) -> Option<u32> {
    if !fields.has("priority") {
        return Some(1000);
    }
    fields.number("priority").filter(|number| *number <= 65_535)?.try_into().ok()
}

fn read(
    fields: Fields<'_>,
    dialect: &Dialect,
    network: Reference,
    origin: &Origin,
) -> FirewallRule {
    let mut unmodelled = Vec::new();
    let direction =
        fields.has("direction").then(|| fields.text_or_empty("direction").parse::<Direction>());
    if matches!(direction, Some(Err(()))) {
        unmodelled.push("direction".to_owned());
    }
    let priority = priority(fields).unwrap_or_else(|| {
        unmodelled.push("priority".to_owned());
        // It may outrank everything.
        0
    });
    let says = |key: &str| fields.list(key).next().is_some();
    let (action, keys): (_, &[_]) = match (says(dialect.allow), says(dialect.deny)) {
        (true, false) => (Action::Allow, &[dialect.allow]),
        (false, true) => (Action::Deny, &[dialect.deny]),
        (true, true) => (Action::Unknown, &[dialect.allow, dialect.deny]),
        (false, false) => (Action::Unknown, &[]),
    };
    if says(dialect.allow) && says(dialect.deny) {
        unmodelled.push("both allow and deny".to_owned());
    }
    let way = direction.and_then(Result::ok).unwrap_or(Direction::Ingress);
    let mut rule = FirewallRule::new(network, way, priority, action);
    rule.either_direction = matches!(direction, Some(Err(())));
    rule.description = fields.text("description").filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    for (key, part) in keys.iter().flat_map(|key| fields.list(key).map(move |part| (key, part))) {
        match layer4(part, dialect.protocol) {
            Some(part) => parts.push(part),
            None => {
                // A part that is not understood may match anything.
                unmodelled.push(format!("{key}: protocol or ports"));
                parts.push(Layer4 { protocol: None, ports: None });
            }
        }
    }
    if parts.is_empty() {
        unmodelled.push("neither allowed nor denied".to_owned());
        parts.push(Layer4 { protocol: None, ports: None });
    }
    rule.set_layers(parts);
    set_ranges(&mut rule, fields);
    rule.source_identity = SourceIdentity {
        tags: fields.names("sourceTags").into_iter().collect(),
        service_accounts: fields.names("sourceServiceAccounts").into_iter().collect(),
        secure_tags: BTreeSet::new(),
    };
    rule.targets = Targets {
        tags: fields.names("targetTags").into_iter().collect(),
        service_accounts: fields.names("targetServiceAccounts").into_iter().collect(),
        secure_tags: BTreeSet::new(),
    };
    rule.disabled = fields.flag("disabled") == Some(true);
    if fields.has("disabled") && fields.flag("disabled").is_none() {
        unmodelled.push("disabled".to_owned());
    }
    // Accounts of manifests are objects and are read apart.
    for key in ["sourceTags", "targetTags"] {
        if fields.strange(key) > 0 {
            unmodelled.push(key.to_owned());
        }
    }
    unmodelled.extend(unknown(fields));
    rule.unmodelled = unmodelled;
    rule.origin = origin.clone();
    rule
}

/// The fields that a plan leaves open, in words.
pub(super) fn unknown(fields: Fields<'_>) -> impl Iterator<Item = String> {
    fields.texts(UNKNOWN).into_iter().map(|field| format!("{field}: not known yet"))
}

/// Ranges; where one is none (an unfilled placeholder), it may stand for any address besides those
/// that are understood.
fn set_ranges(rule: &mut FirewallRule, fields: Fields<'_>) {
    for key in ["sourceRanges", "destinationRanges"] {
        let (ranges, bad) = fields.ranges(key);
        let unreadable =
            (bad > 0).then(|| GoogleList::Unreadable(format!("{key}: {bad} that are no ranges")));
        if key == "sourceRanges" {
            rule.set_source_ranges(ranges);
            rule.source_conditions.lists.extend(unreadable);
        } else {
            rule.set_destination_ranges(ranges);
            rule.destination_conditions.lists.extend(unreadable);
        }
    }
}

/// One protocol with its ports; `None` where either is not understood.
#[must_use]
pub fn layer4(part: Fields<'_>, protocol_key: &str) -> Option<Layer4> {
    let name = part.first_text(&[protocol_key, "IPProtocol", "ipProtocol", "protocol"])?;
    let protocol = if name.eq_ignore_ascii_case("all") { None } else { Some(name.parse().ok()?) };
    if part.strange("ports") > 0 {
        return None;
    }
    let mut ports: Option<PortSet> = None;
    for text in part.texts("ports") {
        let range = PortSet::parse(&text)?;
        ports = Some(ports.map_or_else(|| range.clone(), |sum| sum.union(&range)));
    }
    Some(Layer4 { protocol, ports })
}
