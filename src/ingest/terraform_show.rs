//! `terraform show -json` of a state or of a plan, and a state as it is kept, as the resources that
//! gcloud would describe: the same fields by other names, so each becomes an item that the readers
//! of gcloud's take.
//!
//! ```json
//! {"format_version": "1.2", "planned_values": {"root_module": {"resources": [{"address":
//! "google_compute_firewall.web", "type": "google_compute_firewall", "values": {"name": "web"}}]}}}
//! ```
//!
//! A plan leaves out what is known only after it was applied: a network that is made by the same
//! plan is found by the expression that refers to it. Format:
//! <https://developer.hashicorp.com/terraform/internals/json-format>; fields:
//! <https://registry.terraform.io/providers/hashicorp/google/latest/docs>.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ingest::document::Item;
use crate::ingest::fields::Fields;
use crate::ingest::terraform_policies::{self, policy_kind};
use crate::ingest::terraform_resources::{
    Lookup, RESOURCE, Resource, UNKNOWN, camel, camel_key, fill, own_resource, rename, resources,
};
use crate::ingest::terraform_routers::{is_of_router, lonely_nat, nats, peerings, peers};
use crate::model::inventory::Planned;
use crate::model::{FirewallPolicy, Inventory, Origin, PolicyKind, Reference};

/// What a plan or a state holds.
#[derive(Debug, Default)]
pub struct Shown {
    /// The resources.
    pub items: Vec<Item>,
    /// What a plan changes or takes away.
    pub planned: Vec<Planned>,
    /// The firewall rules among it, as they were.
    pub before: Vec<Item>,
    /// Types that are not used, with how many there are of each.
    pub unused: BTreeMap<String, u64>,
}

/// Whether an item is a plan or a state.
#[must_use]
pub fn is_shown(item: &Item) -> bool {
    let fields = Fields(&item.value);
    fields.has("format_version") && (fields.has("planned_values") || fields.has("values"))
        || is_kept(fields)
}

/// Whether it is a state as it is kept (`terraform.tfstate`, `terraform state pull`).
fn is_kept(fields: Fields<'_>) -> bool {
    fields.number("version") == Some(4) && fields.has("lineage") && fields.has("resources")
}

/// A state as it is kept in the form that it is shown in. Its modules stand side by side, and so do
/// the copies that `count` and `for_each` made. No document describes it; the fields are those of
/// `stateV4` (<https://github.com/hashicorp/terraform/blob/v1.9.8/internal/states/statefile/version4.go>).
fn shown(kept: Fields<'_>) -> Value {
    let mut modules: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for one in kept.list("resources") {
        let into = modules.entry(one.text_or_empty("module")).or_default();
        if !one.has("instances") {
            into.push(json!({
                "address": "", "mode": one.text("mode"), "type": one.text("type"),
                "name": one.text("name"),
            }));
        }
        // What is deposed is about to be deleted.
        for copy in one.list("instances").filter(|copy| !copy.has("deposed")) {
            let (module, kind) = (one.text("module"), one.text_or_empty("type"));
            let own = format!("{kind}.{}", one.text_or_empty("name"));
            let of_module = module.map_or(own.clone(), |module| format!("{module}.{own}"));
            let address = match copy.0.get("index_key") {
                Some(key) if !key.is_null() => format!("{of_module}[{key}]"),
                _ => of_module,
            };
            into.push(json!({
                "address": address, "mode": one.text("mode"), "type": kind,
                "name": one.text("name"), "index": copy.text("index_key"),
                "values": copy.at("attributes").0,
            }));
        }
    }
    let root = modules.remove("").unwrap_or_default();
    let children: Vec<Value> = modules
        .into_iter()
        .map(|(address, resources)| json!({ "address": address, "resources": resources }))
        .collect();
    json!({ "values": { "root_module": { "resources": root, "child_modules": children } } })
}

/// The resources of a plan, as they will be, or of a state.
#[must_use]
pub fn items(item: &Item) -> Shown {
    if is_kept(Fields(&item.value)) {
        let origin = item.origin.clone();
        return items(&Item { value: shown(Fields(&item.value)), origin, hint: None });
    }
    let whole = Fields(&item.value);
    let planned = whole.has("planned_values");
    let root = whole.at(if planned { "planned_values" } else { "values" }).at("root_module");
    let mut all = Vec::new();
    resources(root, "", 0, &mut all);
    let mut shown = Shown::default();
    let lookup = Lookup::of(&all, whole);
    for resource in &all {
        match converted(resource, &lookup) {
            Some(value) => {
                let origin = item.origin.clone();
                shown.items.push(Item { value, origin, hint: None });
            }
            None if resource.kind == "google_compute_router_nat" => {
                // It is read with its router, which may be kept elsewhere.
                let mut routers = all.iter().filter(|one| one.kind == "google_compute_router");
                if !routers.any(|router| is_of_router(resource, router, &lookup)) {
                    let value = lonely_nat(resource, &lookup);
                    shown.items.push(Item { value, origin: item.origin.clone(), hint: None });
                }
            }
            // They are read with their router, their network.
            None if WITHIN.contains(&resource.kind.as_str()) => {}
            None if policy_kind(&resource.kind).is_some() => {}
            // A rule that does not say what it does may do anything.
            None if resource.kind == "google_compute_firewall" => {
                let value = json!({ "kind": "compute#firewall", "name": resource.name });
                shown.items.push(Item { value, origin: item.origin.clone(), hint: None });
            }
            None => *shown.unused.entry(resource.kind.clone()).or_default() += 1,
        }
    }
    // What is only forgotten stays where it is
    // (<https://developer.hashicorp.com/terraform/language/resources/syntax#removing-resources>).
    let forgotten = whole.list("resource_changes").filter_map(|one| {
        let is_forgotten = one.at("change").texts("actions") == ["forget".to_owned()];
        converted(&before(one, one.text("type").filter(|_| is_forgotten)?), &lookup)
    });
    shown.items.extend(forgotten.map(|value| Item {
        value,
        origin: item.origin.clone(),
        hint: None,
    }));
    for value in terraform_policies::policies(&all, &lookup) {
        shown.items.push(Item { value, origin: item.origin.clone(), hint: None });
    }
    shown.before = whole
        .list("resource_changes")
        .filter_map(|one| {
            let kind = one.text("type").filter(|kind| kind == "google_compute_firewall")?;
            changed(one, &item.origin)?;
            let value = converted(&before(one, kind), &lookup)?;
            Some(Item { value, origin: item.origin.clone(), hint: None })
        })
        .collect();
    shown.planned =
        whole.list("resource_changes").filter_map(|one| changed(one, &item.origin)).collect();
    shown
}

/// A resource as it was.
fn before<'a>(change: Fields<'a>, kind: String) -> Resource<'a> {
    let values = change.at("change").at("before");
    let (address, module, name) = (String::new(), String::new(), String::new());
    Resource { address, module, kind, name, index: None, values }
}

/// What a change takes the place of.
fn changed(one: Fields<'_>, origin: &Origin) -> Option<Planned> {
    let change = one.at("change");
    let actions = change.texts("actions");
    let before = change.at("before");
    let is_change = actions.iter().any(|action| action == "delete" || action == "update");
    // Rules of policies and associations change the policy.
    let policy = || before.reference("firewall_policy").map(|policy| policy.name);
    let kind = one.text("type")?;
    let own = || before.text("name");
    let name = if policy_kind(&kind).is_some() { policy().or_else(own) } else { own() };
    let name = name.filter(|_| is_change)?;
    let location = before.first_text(&["region", "location"]);
    let location = location.map(|text| Reference::parse(&text).name);
    let project = before.text("project");
    let zone = before.reference("managed_zone").unwrap_or_default();
    let of_record_set = || before.text("type").map(|kind| (kind, zone));
    let of_association = before.reference("attachment_target").map(|target| (kind.clone(), target));
    Some(Planned {
        resource: Reference { project, location, name },
        within: of_association.or_else(of_record_set),
        kind,
        path: Arc::clone(&origin.path),
    })
}

/// Takes out the exports of what a plan changes or takes away: they are of before.
pub fn replace(inventory: &mut Inventory) {
    let planned = std::mem::take(&mut inventory.planned);
    take_out(inventory, &planned);
    inventory.planned = planned;
}

/// Whether a resource of Terraform decides which rules there are.
#[must_use]
pub fn is_of_firewalls(kind: &str) -> bool {
    matches!(kind, "google_compute_firewall" | "google_compute_network")
        || policy_kind(kind).is_some()
}

/// The same of any plan.
pub fn take_out(inventory: &mut Inventory, planned: &[Planned]) {
    for planned in planned {
        let gone = |id: &Reference, origin: &Origin| {
            id.agrees(&planned.resource) && origin.path != planned.path
        };
        match planned.kind.as_str() {
            "google_compute_firewall" => inventory.firewall_rules.retain(|rule| {
                let id = Reference {
                    name: rule.name.clone().unwrap_or_default(),
                    ..rule.network.clone()
                };
                !gone(&id, &rule.origin)
            }),
            "google_compute_network" => {
                inventory.networks.retain(|one| !gone(&one.id, &one.origin));
            }
            "google_compute_instance" => {
                inventory.instances.retain(|one| one.template || !gone(&one.id, &one.origin));
            }
            "google_container_cluster" => {
                inventory.clusters.retain(|one| !gone(&one.id, &one.origin));
            }
            "google_container_node_pool" => inventory.node_pools.retain(|one| {
                let name = one.name.clone();
                !gone(&Reference { name, ..one.cluster.clone().unwrap_or_default() }, &one.origin)
            }),
            "google_compute_route" => {
                inventory.routes.retain(|one| !gone(&one.id, &one.origin));
            }
            "google_compute_subnetwork" => {
                inventory.subnetworks.retain(|one| !gone(&one.id, &one.origin));
            }
            "google_compute_router_nat" => inventory.nats.retain(|one| {
                let location = one.region.clone();
                let id = Reference { location, name: one.name.clone(), ..one.router.clone() };
                !gone(&id, &one.origin)
            }),
            "google_dns_managed_zone" => inventory.zones.retain(|one| !gone(&one.id, &one.origin)),
            "google_dns_record_set" => inventory.record_sets.retain(|one| {
                let id = Reference { name: one.name.clone(), ..Reference::default() };
                let same = planned.within.as_ref().is_some_and(|(kind, zone)| {
                    *kind == one.kind && one.zone.as_ref().is_none_or(|of| of.agrees(zone))
                });
                !(same && gone(&id, &one.origin))
            }),
            kind => {
                if let Some(kind) = policy_kind(kind) {
                    take_out_policy(inventory, planned, kind);
                }
            }
        }
    }
}

/// Takes out a policy, and an association that is changed: networks name it, and so do lists.
fn take_out_policy(inventory: &mut Inventory, planned: &Planned, kind: PolicyKind) {
    let name = &planned.resource.name;
    let is_it = |one: &FirewallPolicy| {
        one.kind == kind && one.is_called(name) && one.origin.path != planned.path
    };
    if let Some((_, target)) = &planned.within {
        let policies = &inventory.policies;
        let called =
            |by: &String| by == name || policies.iter().any(|one| is_it(one) && one.is_called(by));
        inventory.associations.retain(|one| {
            let region = one.region.as_ref().zip(planned.resource.location.as_ref());
            one.origin.path == planned.path
                || !called(&one.policy)
                || !one.to.is(target)
                || region.is_some_and(|(one, other)| one != other)
        });
    }
    inventory.policies.retain(|one| !is_it(one));
}

/// The resource as gcloud would describe it.
fn converted(resource: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Option<Value> {
    let (kind, segment) = match resource.kind.as_str() {
        "google_compute_firewall" => ("compute#firewall", "global/firewalls"),
        "google_compute_network" => ("compute#network", "global/networks"),
        "google_compute_subnetwork" => ("compute#subnetwork", "regions/*/subnetworks"),
        "google_compute_route" => ("compute#route", "global/routes"),
        "google_compute_router" => ("compute#router", "regions/*/routers"),
        "google_compute_instance" => ("compute#instance", "zones/*/instances"),
        "google_dns_managed_zone" => ("dns#managedZone", "managedZones"),
        "google_dns_record_set" => ("dns#resourceRecordSet", ""),
        "google_dns_policy" => ("dns#policy", ""),
        "google_dns_response_policy" => ("dns#responsePolicy", ""),
        "google_dns_response_policy_rule" => ("dns#responsePolicyRule", ""),
        "google_container_cluster" => ("clusters", "locations/*/clusters"),
        "google_container_node_pool" => ("nodePools", ""),
        _ => return None,
    };
    let mut made = camel(resource.values.0);
    let fields = made.as_object_mut()?;
    fields.insert("kind".to_owned(), json!(kind));
    let references = ["network", "subnetwork", "cluster", "managed_zone", "response_policy"];
    for field in references {
        if let Some(text) = lookup.text(resource, field) {
            fields.insert(camel_key(field), json!(text));
        }
    }
    // The project, where it is said, stands in the link.
    if !segment.is_empty()
        && !fields.contains_key("selfLink")
        && let Some(link) = self_link(resource.values, segment)
    {
        fields.insert("selfLink".to_owned(), json!(link));
    }
    let metadata = fields.get("logConfig").and_then(|config| config.get("metadata"));
    fields.insert(RESOURCE.to_owned(), own_resource(resource, lookup, metadata));
    match resource.kind.as_str() {
        "google_compute_firewall" => {
            firewall(fields);
            fields.insert(UNKNOWN.to_owned(), json!(lookup.unknown(resource, &RULE)));
        }
        "google_compute_subnetwork" => rename(fields, "secondaryIpRange", "secondaryIpRanges"),
        "google_compute_router" => {
            let nats = nats(resource, lookup);
            fields.insert("nats".to_owned(), Value::Array(nats));
            let peers = peers(resource, lookup);
            if !peers.is_empty() {
                fields.insert("bgpPeers".to_owned(), Value::Array(peers));
            }
        }
        "google_compute_network" => {
            let peerings = peerings(resource, lookup);
            if !peerings.is_empty() {
                fields.insert("peerings".to_owned(), Value::Array(peerings));
            }
        }
        "google_dns_response_policy" => {
            let named = lookup.nested(resource, &["networks", "network_url"]);
            fill(fields.get_mut("networks"), "networkUrl", &named);
        }
        "google_dns_managed_zone" => {
            let path = ["private_visibility_config", "networks", "network_url"];
            let named = lookup.nested(resource, &path);
            let networks = fields
                .get_mut("privateVisibilityConfig")
                .and_then(|config| config.get_mut("networks"));
            fill(networks, "networkUrl", &named);
        }
        "google_compute_instance" => instance(fields),
        "google_container_node_pool" => rename(fields, "nodeConfig", "config"),
        "google_container_cluster" => cluster(fields),
        _ => {}
    }
    leave_open(resource, lookup, fields);
    Some(made)
}

/// The link that a resource will have; `*` in the segment is where it is.
fn self_link(values: Fields<'_>, segment: &str) -> Option<String> {
    let (project, name) = (values.text("project")?, values.text("name")?);
    let segment = match segment.contains('*') {
        true => {
            let place = values.first_text(&["zone", "region", "location"])?;
            segment.replace('*', &Reference::parse(&place).name)
        }
        false => segment.to_owned(),
    };
    Some(format!("projects/{project}/{segment}/{name}"))
}

/// What is read with the resource that it is a part of.
const WITHIN: [&str; 2] = ["google_compute_router_peer", "google_compute_network_peering"];

/// What a plan does not know yet of a resource that is no rule, said in the way in which an export
/// that was cut says it.
fn leave_open(resource: &Resource<'_>, lookup: &Lookup<'_, '_>, fields: &mut Map<String, Value>) {
    let is_open = |field: &str| !lookup.unknown(resource, &[field]).is_empty();
    match resource.kind.as_str() {
        "google_compute_route" => {
            if is_open("tags") {
                fields.insert("tags".to_owned(), json!([null]));
            }
            if is_open("priority") {
                fields.insert("priority".to_owned(), json!("not known yet"));
            }
        }
        "google_dns_managed_zone" => {
            let visible = fields.get("privateVisibilityConfig").map(Fields);
            let all = || visible.into_iter().flat_map(|one| one.list("networks"));
            let is_lost = all().next().is_none() || all().any(|one| !one.has("networkUrl"));
            if is_open("private_visibility_config") && is_lost {
                fields.insert("privateVisibilityConfig".to_owned(), json!("not known yet"));
            }
        }
        "google_dns_response_policy" => {
            let lists = fields.get("networks").map(Fields);
            if is_open("networks") && lists.is_none_or(|one| !one.0.is_array()) {
                fields.insert("networks".to_owned(), json!("not known yet"));
            }
        }
        _ => {}
    }
}

/// The fields by which a VPC rule matches.
const RULE: [&str; 11] = [
    "priority",
    "direction",
    "disabled",
    "source_ranges",
    "destination_ranges",
    "source_tags",
    "source_service_accounts",
    "target_tags",
    "target_service_accounts",
    "allow",
    "deny",
];

fn firewall(fields: &mut Map<String, Value>) {
    for (block, list) in [("allow", "allowed"), ("deny", "denied")] {
        let Some(Value::Array(parts)) = fields.remove(block) else { continue };
        let parts: Vec<Value> = parts
            .into_iter()
            .filter_map(|part| match part {
                Value::Object(mut part) => {
                    rename(&mut part, "protocol", "IPProtocol");
                    // No ports are all of them.
                    let none =
                        part.get("ports").and_then(Value::as_array).is_some_and(Vec::is_empty);
                    if none {
                        part.remove("ports");
                    }
                    Some(Value::Object(part))
                }
                _ => None,
            })
            .collect();
        if !parts.is_empty() {
            fields.insert(list.to_owned(), Value::Array(parts));
        }
    }
    let logged = fields.remove("logConfig").is_some()
        || fields.get("enableLogging").and_then(Value::as_bool) == Some(true);
    fields.insert("logConfig".to_owned(), json!({ "enable": logged }));
}

fn instance(fields: &mut Map<String, Value>) {
    if let Some(tags) = fields.remove("tags") {
        fields.insert("tags".to_owned(), json!({ "items": tags }));
    }
    rename(fields, "networkInterface", "networkInterfaces");
    if let Some(account) = fields.remove("serviceAccount") {
        fields.insert("serviceAccounts".to_owned(), json!([account]));
    }
    let interfaces = fields.get_mut("networkInterfaces").and_then(Value::as_array_mut);
    for one in interfaces.into_iter().flatten().filter_map(Value::as_object_mut) {
        rename(one, "networkIp", "networkIP");
        rename(one, "accessConfig", "accessConfigs");
        rename(one, "aliasIpRange", "aliasIpRanges");
    }
}

fn cluster(fields: &mut Map<String, Value>) {
    rename(fields, "nodePool", "nodePools");
    let pools = fields.get_mut("nodePools").and_then(Value::as_array_mut);
    for pool in pools.into_iter().flatten().filter_map(Value::as_object_mut) {
        rename(pool, "nodeConfig", "config");
    }
    let own = fields.get("nodeConfig").cloned();
    let removed = fields.get("removeDefaultNodePool").and_then(Value::as_bool) == Some(true);
    if let Some(config) = own.filter(|_| !removed && !fields.contains_key("nodePools")) {
        let pools = json!([{ "name": "default-pool", "config": config }]);
        fields.insert("nodePools".to_owned(), pools);
    }
    // Terraform's id is a path, GKE's a number.
    fields.remove("id");
    if let Some(enabled) =
        fields.remove("enableAutopilot").filter(|one| one.as_bool() == Some(true))
    {
        fields.insert("autopilot".to_owned(), json!({ "enabled": enabled }));
    }
    let moved = [
        ("defaultSnatStatus", "defaultSnatStatus"),
        ("enableL4IlbSubsetting", "enableL4ilbSubsetting"),
    ];
    for (own, of_network) in moved {
        let Some(value) = fields.remove(own) else { continue };
        let config = fields.entry("networkConfig").or_insert_with(|| json!({}));
        if let Some(config) = config.as_object_mut() {
            config.insert(of_network.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_the_same_plan_is_found_by_its_expression() {
        let value = json!({
            "format_version": "1.2",
            "planned_values": {"root_module": {"child_modules": [{
                "address": "module.net[0]",
                "resources": [
                    {"type": "google_compute_network", "name": "vpc", "mode": "managed",
                     "values": {"name": "blue"}},
                    {"type": "google_compute_firewall", "name": "web", "mode": "managed",
                     "values": {"name": "web", "project": "p-1", "source_ranges": ["10.0.0.0/8"],
                                "allow": [{"protocol": "tcp", "ports": ["443"]},
                                          {"protocol": "icmp", "ports": []}],
                                "deny": [], "log_config": [{"metadata": "X"}]}},
                ],
            }]}},
            "configuration": {"root_module": {"module_calls": {"net": {"module": {"resources": [
                {"address": "google_compute_firewall.web",
                 "expressions": {"network": {"references": ["google_compute_network.vpc.id",
                                                            "google_compute_network.vpc"]}}}]}}}}},
            "resource_changes": [
                {"type": "google_compute_firewall",
                 "change": {"actions": ["delete"], "before": {"name": "old", "project": "p-1"}}},
                {"type": "google_compute_firewall",
                 "change": {"actions": ["create"], "before": null}},
            ],
        });
        let item = Item { value, origin: Origin::default(), hint: None };
        assert!(is_shown(&item));
        let shown = items(&item);
        let [network, rule] = shown.items.as_slice() else { panic!("{shown:?}") };
        assert_eq!(network.value["kind"], "compute#network");
        assert_eq!(rule.value["network"], "blue");
        assert_eq!(
            rule.value["allowed"],
            json!([{"IPProtocol": "tcp", "ports": ["443"]}, {"IPProtocol": "icmp"}])
        );
        assert_eq!(rule.value["logConfig"], json!({"enable": true}));
        assert_eq!(rule.value["sourceRanges"], json!(["10.0.0.0/8"]));
        assert_eq!(rule.value.get("denied"), None);
        let [gone] = shown.planned.as_slice() else { panic!("{shown:?}") };
        assert_eq!(gone.resource, Reference::new(Some("p-1"), "old"));
    }
}
