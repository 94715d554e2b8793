//! Changes as manifests of Config Connector. What it keeps already is its own manifest with one
//! field changed; else it is the whole of the resource, since a manifest says all of it.

use serde_json::{Map, Value, json};

use crate::model::{Kept, ManagedZone, Nat};
use crate::render::cnrm::written;
use crate::render::resource::setting::{self, Resource};
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

/// The manifests; none where not all of one is known.
pub(super) fn of(change: &ResourceChange) -> Vec<Value> {
    let kept = change.kept().and_then(Kept::manifest);
    let object = match (kept, change) {
        (_, ResourceChange::UpdateReference { manifest, .. }) => manifest,
        (Some(manifest), _) => manifest,
        (None, _) => return setting::of(change).iter().map(manifest).collect(),
    };
    let mut written = written(object);
    let changed = written
        .get_mut("spec")
        .and_then(Value::as_object_mut)
        .and_then(|spec| change_of(spec, change));
    if changed.is_none() {
        return Vec::new();
    }
    // What the change makes besides stands before it.
    let mut all: Vec<Value> = match change {
        ResourceChange::ReplaceRecord { .. } => setting::of(change).iter().map(manifest).collect(),
        _ => Vec::new(),
    };
    all.pop();
    all.push(written);
    all
}

fn manifest(of: &Resource) -> Value {
    let mut metadata = json!({ "name": of.name });
    if let (Some(project), Some(fields)) = (&of.project, metadata.as_object_mut()) {
        let annotations = json!({ "cnrm.cloud.google.com/project-id": project });
        fields.insert("annotations".to_owned(), annotations);
    }
    if let (Some(fields), false) = (metadata.as_object_mut(), of.labels.is_empty()) {
        fields.insert("labels".to_owned(), json!(of.labels));
    }
    json!({
        "apiVersion": format!("{}.cnrm.cloud.google.com/v1beta1", of.kind.group),
        "kind": of.kind.manifest, "metadata": metadata,
        "spec": setting::of_manifest(&of.settings),
    })
}

/// Carries a change out in the `spec` of what it is of.
fn change_of(spec: &mut Map<String, Value>, change: &ResourceChange) -> Option<()> {
    match change {
        ResourceChange::EnableAccess(_) => {
            spec.insert("privateIpGoogleAccess".to_owned(), json!(true));
        }
        ResourceChange::UpdateRoute(_) => {
            spec.retain(|key, _| !key.starts_with("nextHop"));
            spec.insert("nextHopGateway".to_owned(), json!("default-internet-gateway"));
        }
        ResourceChange::ReplaceRecord { record, .. } => answer(spec, record)?,
        ResourceChange::AttachZone(zone) => attach(spec, zone)?,
        ResourceChange::WidenNat(nat) => widen(spec, nat)?,
        ResourceChange::UpdateReference { field, to, .. } => {
            let mut parts: Vec<&str> = field.split('.').collect();
            let last = parts.pop()?;
            let mut at = spec;
            for part in parts {
                at = match at.get_mut(part)? {
                    Value::Object(inner) => inner,
                    // Of several the change is not made.
                    Value::Array(list) if list.len() == 1 => list.first_mut()?.as_object_mut()?,
                    _ => return None,
                };
            }
            at.insert(last.to_owned(), json!({ "name": to }));
        }
        ResourceChange::AddRoute { .. }
        | ResourceChange::AddRecords { .. }
        | ResourceChange::AddNat { .. } => return None,
    }
    Some(())
}

fn answer(spec: &mut Map<String, Value>, record: &NewRecord) -> Option<()> {
    if spec.contains_key("routingPolicy") || spec.contains_key("rrdatasRefs") {
        return None;
    }
    spec.insert("rrdatas".to_owned(), json!(record.data));
    Some(())
}

fn attach(spec: &mut Map<String, Value>, zone: &ManagedZone) -> Option<()> {
    let config = spec.entry("privateVisibilityConfig").or_insert_with(|| json!({}));
    let list = config.as_object_mut()?.entry("networks").or_insert_with(|| json!([]));
    let list = list.as_array_mut()?;
    for network in zone.networks.get(list.len()..)? {
        list.push(json!({ "networkRef": { "external": network.network_link() } }));
    }
    Some(())
}

/// Ranges are added to those that are listed, in their place; where one of these was not understood
/// nobody knows which is which.
fn widen(spec: &mut Map<String, Value>, nat: &Nat) -> Option<()> {
    spec.insert("sourceSubnetworkIpRangesToNat".to_owned(), json!(nat.ranges));
    if nat.ranges != "LIST_OF_SUBNETWORKS" {
        spec.remove("subnetwork");
        return Some(());
    }
    let list = spec.entry("subnetwork").or_insert_with(|| json!([])).as_array_mut()?;
    if nat.subnetworks.len() < list.len() {
        return None;
    }
    for (place, listed) in nat.subnetworks.iter().enumerate() {
        if list.len() == place {
            list.push(json!({ "subnetworkRef": { "external": listed.id.name } }));
        }
        let own = list.get_mut(place)?.as_object_mut()?;
        own.insert("sourceIpRangesToNat".to_owned(), json!(listed.ranges));
        if !listed.secondary.is_empty() {
            own.insert("secondaryIpRangeNames".to_owned(), json!(listed.secondary));
        }
    }
    Some(())
}
