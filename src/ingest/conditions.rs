//! What every object of Config Connector has in common, whatever its kind: its name, its
//! references, and its Ready condition. `{"kind": "ComputeRoute", "spec": {"networkRef": {"name":
//! "kf"}}, "status": {"conditions": [...]}}`.
//!
//! Fields of references end with `Ref`; each holds `name` (and `namespace`) of an object, or
//! `external` (<https://cloud.google.com/config-connector/docs/how-to/creating-resource-references>).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::ingest::describe::{DESCRIBED, TABLE};
use crate::ingest::document::Item;
use crate::ingest::fields::Fields;
use crate::model::condition::{
    Condition, ConnectorObject, Existence, Health, ObjectId, ObjectReference, Referred,
};
use crate::model::{ObjectName, Reference};

/// Whether an item is a row of a table, of which only the condition is known.
#[must_use]
pub fn is_row(item: &Item) -> bool {
    Fields(&item.value).text("apiVersion").as_deref() == Some(TABLE)
}

/// What is common to all kinds; `None` where it has no name.
#[must_use]
pub fn object(item: &Item) -> Option<ConnectorObject> {
    let fields = Fields(&item.value);
    let (meta, spec, status) = (fields.at("metadata"), fields.at("spec"), fields.at("status"));
    // Config Connector's own settings are no resources: they have no Ready condition.
    let group = fields.text_or_empty("apiVersion");
    if group.split('/').next().is_some_and(|group| group.ends_with("core.cnrm.cloud.google.com")) {
        return None;
    }
    let name = meta.text("name").filter(|name| !name.is_empty())?;
    let namespace = meta.text_or_empty("namespace");
    let kind = kind_of(&fields.text_or_empty("kind"));
    let live = ["uid", "resourceVersion", "creationTimestamp", "managedFields"];
    let behind = match (meta.number("generation"), status.number("observedGeneration")) {
        (Some(own), Some(observed)) => observed < own,
        _ => false,
    };
    let has_status = status.0.as_object().is_some_and(|members| !members.is_empty());
    let mut references = Vec::new();
    collect(spec.0, "", &kind, &namespace, &mut references);
    let project = meta.at("annotations").text("cnrm.cloud.google.com/project-id");
    let resource = spec.text("resourceID").unwrap_or_else(|| name.clone());
    let mut object = ConnectorObject {
        id: ObjectId { kind, name: ObjectName { namespace, name } },
        resource: Reference::new(project.as_deref(), &resource),
        is_live: live.iter().any(|key| meta.has(key)) || has_status,
        is_behind: behind,
        condition: condition(status),
        existence: Existence::Unknown,
        references,
        text: text(item),
        origin: item.origin.clone(),
    };
    object.existence = match is_row(item) {
        // A table does not show what tells a failed creation from a failed change.
        true => Existence::Unknown,
        false => existence(&object, status),
    };
    Some(object)
}

/// The manifest as it was given; of what is only described nobody knows all of it.
fn text(item: &Item) -> Option<Arc<Value>> {
    let is_whole = !is_row(item) && item.hint.as_deref() != Some(DESCRIBED);
    is_whole.then(|| Arc::new(item.value.clone()))
}

/// The Ready condition. Where a text holds several, the last one is the object's own: a message
/// comes before the fields that it may imitate.
fn condition(status: Fields<'_>) -> Option<Condition> {
    let all: Vec<Fields<'_>> = status.list("conditions").filter(|one| one.0.is_object()).collect();
    let is_ready = |one: &&Fields<'_>| one.text("type").as_deref() == Some("Ready");
    let own = all.iter().rev().find(is_ready).or(match all.as_slice() {
        [only] if !only.has("type") => Some(only),
        _ => None,
    })?;
    Some(Condition {
        ready: own.flag("status"),
        reason: own.text_or_empty("reason"),
        message: own.text_or_empty("message"),
    })
}

/// An object may stand in a table and in a description: the one that tells more stays.
pub fn merge(objects: &mut Vec<ConnectorObject>) {
    let mut kept: Vec<ConnectorObject> = Vec::with_capacity(objects.len());
    // By name first: only those may be one.
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for object in std::mem::take(objects) {
        let places = by_name.entry(object.id.name.name.clone()).or_default();
        let kind = |one: &ConnectorObject| one.id.kind.is_empty() || object.id.kind.is_empty();
        let same = |one: &ConnectorObject| {
            (one.id.kind == object.id.kind || kind(one)) && one.id.name.agrees(&object.id.name)
        };
        let mut alike = places.iter().copied().filter(|at| kept.get(*at).is_some_and(same));
        // One whose kind is not known may be any of several.
        let only = match (alike.next(), alike.next()) {
            (Some(_), Some(_)) if object.id.kind.is_empty() => None,
            (first, _) => first,
        };
        match only {
            None => {
                places.push(kept.len());
                kept.push(object);
            }
            Some(at) => kept.get_mut(at).into_iter().for_each(|one| put_together(one, &object)),
        }
    }
    *objects = kept;
}

/// Takes over what another description of the same object tells besides, or tells better.
fn put_together(one: &mut ConnectorObject, other: &ConnectorObject) {
    let told = |of: &ConnectorObject| {
        of.condition.as_ref().is_some_and(|condition| !condition.message.is_empty())
    };
    if one.condition.is_none() || told(other) && !told(one) {
        one.condition.clone_from(&other.condition);
        one.is_behind = other.is_behind;
    }
    if one.id.kind.is_empty() {
        one.id.clone_from(&other.id);
    }
    if one.references.is_empty() && !other.references.is_empty() {
        one.references.clone_from(&other.references);
        one.resource.clone_from(&other.resource);
        one.text.clone_from(&other.text);
        // A row of a table is not where the object stands.
        one.origin.clone_from(&other.origin);
    }
    if one.existence == Existence::Unknown {
        one.existence = other.existence;
    }
    one.is_live |= other.is_live;
}

/// What only the status of a resource that is there holds.
const TRACES: [&str; 9] = [
    "selfLink",
    "creationTimestamp",
    "creationTime",
    "createTime",
    "managedZoneId",
    "nameServers",
    "externalRef",
    "endpoint",
    "ruleTupleCount",
];

/// Kinds whose status names the resource as soon as it is there.
const NAMED: [&str; 8] = [
    "ComputeFirewall",
    "ComputeNetwork",
    "ComputeSubnetwork",
    "ComputeRoute",
    "ComputeRouter",
    "ContainerCluster",
    "DNSManagedZone",
    "ComputeAddress",
];

/// Whether the resource is there. Of records and NATs the status never tells: what waits for
/// another object, or failed to be created, was not created.
fn existence(object: &ConnectorObject, status: Fields<'_>) -> Existence {
    if TRACES.iter().any(|key| status.has(key)) {
        return Existence::Created;
    }
    match object.health() {
        Health::Unknown => Existence::Unknown,
        Health::Ready | Health::Stale => Existence::Created,
        Health::Waiting | Health::Unmanaged => Existence::NeverCreated,
        Health::Failed | Health::InProgress => {
            let condition = object.condition.clone().unwrap_or_default();
            let failed = condition.message.contains("Error creating");
            let creating = condition.reason.starts_with("Creat");
            match failed || creating || NAMED.contains(&object.id.kind.as_str()) {
                true => Existence::NeverCreated,
                false => Existence::Unknown,
            }
        }
    }
}

/// The kind that a field names, where it does not say it itself.
const KINDS: [(&str, &str); 22] = [
    ("networkRef", "ComputeNetwork"),
    ("subnetworkRef", "ComputeSubnetwork"),
    ("privateEndpointSubnetworkRef", "ComputeSubnetwork"),
    ("routerRef", "ComputeRouter"),
    ("clusterRef", "ContainerCluster"),
    ("gkeClusterNameRef", "ContainerCluster"),
    ("managedZoneRef", "DNSManagedZone"),
    ("nextHopInstanceRef", "ComputeInstance"),
    ("instanceRef", "ComputeInstance"),
    ("nextHopILBRef", "ComputeForwardingRule"),
    ("nextHopVPNTunnelRef", "ComputeVPNTunnel"),
    ("addressRef", "ComputeAddress"),
    ("ipAddressRef", "ComputeAddress"),
    ("natIps", "ComputeAddress"),
    ("healthCheckRef", "ComputeHealthCheck"),
    ("backendServiceRef", "ComputeBackendService"),
    ("urlMapRef", "ComputeURLMap"),
    ("responsePolicyRef", "DNSResponsePolicy"),
    ("serviceAccountRef", "IAMServiceAccount"),
    ("folderRef", "Folder"),
    ("projectRef", "Project"),
    ("securityPolicyRef", "ComputeSecurityPolicy"),
];

/// All references of a value, with the field that holds each.
fn collect(value: &Value, path: &str, own: &str, namespace: &str, into: &mut Vec<ObjectReference>) {
    match value {
        Value::Array(list) => {
            list.iter().for_each(|one| collect(one, path, own, namespace, into));
        }
        Value::Object(members) => {
            for (key, inner) in members {
                let field = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let single = std::slice::from_ref(inner);
                let is_reference = key.ends_with("Ref") || key.ends_with("Refs") || key == "natIps";
                let list =
                    if is_reference { inner.as_array().map_or(single, Vec::as_slice) } else { &[] };
                let found =
                    list.iter().filter_map(|at| reference(Fields(at), &field, key, own, namespace));
                let before = into.len();
                into.extend(found);
                if into.len() == before {
                    collect(inner, &field, own, namespace, into);
                }
            }
        }
        _ => {}
    }
}

fn reference(
    at: Fields<'_>,
    field: &str,
    key: &str,
    own: &str,
    namespace: &str,
) -> Option<ObjectReference> {
    let external = at.text("external").filter(|text| !text.is_empty());
    let to = match (external, at.text("name").filter(|text| !text.is_empty())) {
        (Some(external), _) => Referred::External(Reference::parse(&external)),
        (None, Some(name)) => {
            let said = at.text("namespace").filter(|text| !text.is_empty());
            let namespace = said.unwrap_or_else(|| namespace.to_owned());
            Referred::Object(ObjectName { namespace, name })
        }
        (None, None) => return None,
    };
    // Other groups call other kinds by the same field: `clusterRef` of AlloyDB is none of GKE's.
    let own_groups = ["Compute", "Container", "DNS", "GKE"];
    let of_any_group =
        ["networkRef", "subnetworkRef", "serviceAccountRef", "projectRef", "folderRef"];
    let means =
        of_any_group.contains(&key) || own_groups.iter().any(|group| own.starts_with(group));
    let table = || KINDS.iter().filter(|_| means);
    let known = || table().find(|(of, _)| *of == key).map(|(_, kind)| (*kind).to_owned());
    // Rules and associations of a policy refer to a policy of their own sort.
    let policy = || {
        let sort = own.strip_suffix("Rule").or_else(|| own.strip_suffix("Association"))?;
        (key == "firewallPolicyRef").then(|| sort.to_owned())
    };
    let kind = at.text("kind").or_else(known).or_else(policy).unwrap_or_default();
    Some(ObjectReference { field: field.to_owned(), kind, to })
}

/// `computefirewall` of a table to `ComputeFirewall`.
fn kind_of(text: &str) -> String {
    let known = KINDS.iter().map(|(_, kind)| *kind).chain(OTHERS);
    let mut same = known.filter(|kind| kind.eq_ignore_ascii_case(text));
    same.next().map_or_else(|| text.to_owned(), str::to_owned)
}

/// Kinds that no reference above names.
const OTHERS: [&str; 8] = [
    "ComputeFirewall",
    "ComputeRoute",
    "ComputeRouterNAT",
    "ContainerNodePool",
    "DNSRecordSet",
    "DNSPolicy",
    "ComputeNetworkPeering",
    "ComputeFirewallPolicy",
];
