//! Changes as manifests of Config Connector.

use serde_json::{Value, json};

use crate::model::condition::ObjectId;
use crate::model::{ManagedZone, Nat, Reference, Subnetwork};
use crate::net::IpNet;
use crate::render::resource::record_name;
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

fn manifest(group: &str, kind: &str, name: &str, of: Option<&Reference>, spec: Value) -> Value {
    let project = of.and_then(|of| of.project.as_deref());
    let metadata = match project {
        Some(project) => json!({
            "name": name, "annotations": { "cnrm.cloud.google.com/project-id": project },
        }),
        None => json!({ "name": name }),
    };
    object(group, kind, metadata, spec)
}

fn object(group: &str, kind: &str, metadata: Value, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{group}.cnrm.cloud.google.com/v1beta1"), "kind": kind,
        "metadata": metadata, "spec": spec,
    })
}

fn network_reference(network: &Reference) -> Value {
    match &network.project {
        Some(project) => {
            json!({ "external": format!("projects/{project}/global/networks/{}", network.name) })
        }
        None => json!({ "name": network.name }),
    }
}

/// The manifests.
pub(super) fn of(change: &ResourceChange) -> Vec<Value> {
    match change {
        ResourceChange::EnableAccess(one) => vec![subnetwork(one)],
        ResourceChange::AttachZone(one) => vec![zone(one)],
        ResourceChange::WidenNat(one) => vec![nat(one)],
        ResourceChange::ReplaceRecord { zone, record, added } => {
            added.iter().chain([record]).map(|record| record_manifest(zone, record)).collect()
        }
        ResourceChange::AddRoute { id, network, destination } => vec![manifest(
            "compute",
            "ComputeRoute",
            &id.name,
            Some(network),
            json!({
                "destRange": destination.to_string(), "networkRef": network_reference(network),
                "nextHopGateway": "default-internet-gateway", "priority": 1000,
            }),
        )],
        ResourceChange::UpdateRoute(route) => {
            let mut spec = json!({
                "destRange": route.destination.to_string(),
                "networkRef": network_reference(&route.network),
                "nextHopGateway": "default-internet-gateway", "priority": route.priority,
            });
            if let (Some(fields), false) = (spec.as_object_mut(), route.tags.is_empty()) {
                fields.insert("tags".to_owned(), json!(route.tags));
            }
            vec![manifest("compute", "ComputeRoute", &route.id.name, Some(&route.network), spec)]
        }
        ResourceChange::AddRecords { zone, made, records } => {
            record_manifests(zone, made.as_ref(), records)
        }
        ResourceChange::AddNat { name, router, is_router_made, network, region } => {
            let nat = manifest(
                "compute",
                "ComputeRouterNAT",
                name,
                Some(network),
                json!({
                    "region": region, "routerRef": { "name": router.name },
                    "natIpAllocateOption": "AUTO_ONLY",
                    "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
                }),
            );
            let made = is_router_made.then(|| {
                let spec = json!({ "region": region, "networkRef": network_reference(network) });
                manifest("compute", "ComputeRouter", &router.name, Some(network), spec)
            });
            made.into_iter().chain([nat]).collect()
        }
        ResourceChange::UpdateReference { object, field, to } => {
            vec![reference_manifest(object, field, to)]
        }
    }
}

fn record_manifests(
    zone: &Reference,
    made: Option<&(String, Reference)>,
    records: &[NewRecord],
) -> Vec<Value> {
    let made = made.iter().map(|(dns_name, network)| {
        zone_manifest(zone, dns_name, std::slice::from_ref(network), &[])
    });
    let records = records.iter().map(|record| record_manifest(zone, record));
    made.chain(records).collect()
}

fn reference_manifest(object: &ObjectId, field: &str, to: &str) -> Value {
    let group = [("DNS", "dns"), ("Container", "container")]
        .iter()
        .find(|(prefix, _)| object.kind.starts_with(prefix))
        .map_or("compute", |(_, group)| *group);
    let mut parts = field.split('.').rev();
    let last = parts.next().unwrap_or_default();
    let mut inner = json!({ last: { "name": to } });
    for part in parts {
        // Of these fields `networks` alone is a list.
        inner = match part {
            "networks" => json!({ part: [inner] }),
            _ => json!({ part: inner }),
        };
    }
    let ObjectId { kind, name } = object;
    let metadata = match name.namespace.as_str() {
        "" => json!({ "name": name.name }),
        namespace => json!({ "name": name.name, "namespace": namespace }),
    };
    self::object(group, kind, metadata, inner)
}

fn record_manifest(zone: &Reference, record: &NewRecord) -> Value {
    manifest(
        "dns",
        "DNSRecordSet",
        &record_name(zone, record),
        Some(zone),
        json!({
            "name": record.name, "type": record.kind, "ttl": 300,
            "managedZoneRef": { "name": zone.name }, "rrdatas": record.data,
        }),
    )
}

fn zone(one: &ManagedZone) -> Value {
    zone_manifest(&one.id, &one.dns_name, &one.networks, &one.clusters)
}

fn zone_manifest(
    id: &Reference,
    dns_name: &str,
    networks: &[Reference],
    clusters: &[String],
) -> Value {
    let networks: Vec<Value> =
        networks.iter().map(|one| json!({ "networkRef": network_reference(one) })).collect();
    let mut seen_by = json!({ "networks": networks });
    if let (Some(fields), false) = (seen_by.as_object_mut(), clusters.is_empty()) {
        let clusters: Vec<Value> =
            clusters.iter().map(|name| json!({ "gkeClusterNameRef": { "name": name } })).collect();
        fields.insert("gkeClusters".to_owned(), json!(clusters));
    }
    let spec = json!({
        "dnsName": dns_name, "visibility": "private", "privateVisibilityConfig": seen_by,
    });
    manifest("dns", "DNSManagedZone", &id.name, Some(id), spec)
}

/// All that is known of the subnetwork: a manifest says the whole of it.
fn subnetwork(one: &Subnetwork) -> Value {
    let mut spec = json!({
        "region": one.id.location, "networkRef": network_reference(&one.network),
        "privateIpGoogleAccess": true,
    });
    if let Some(fields) = spec.as_object_mut() {
        if let Some(range) = one.primary {
            fields.insert("ipCidrRange".to_owned(), json!(range.to_string()));
        }
        if !one.secondary.is_empty() {
            let of = |(name, range): &(String, IpNet)| {
                let range = range.to_string();
                json!({ "rangeName": name, "ipCidrRange": range })
            };
            let ranges: Vec<Value> = one.secondary.iter().map(of).collect();
            fields.insert("secondaryIpRange".to_owned(), json!(ranges));
        }
    }
    manifest("compute", "ComputeSubnetwork", &one.id.name, Some(&one.network), spec)
}

fn nat(one: &Nat) -> Value {
    let mut spec = json!({
        "region": one.region, "routerRef": { "name": one.router.name },
        "sourceSubnetworkIpRangesToNat": one.ranges,
    });
    let listed = one.subnetworks.iter().map(|listed| {
        let mut own = json!({
            "subnetworkRef": { "name": listed.id.name }, "sourceIpRangesToNat": listed.ranges,
        });
        if let (Some(fields), false) = (own.as_object_mut(), listed.secondary.is_empty()) {
            fields.insert("secondaryIpRangeNames".to_owned(), json!(listed.secondary));
        }
        own
    });
    if let (Some(fields), true) = (spec.as_object_mut(), one.ranges == "LIST_OF_SUBNETWORKS") {
        fields.insert("subnetwork".to_owned(), Value::Array(listed.collect()));
    }
    manifest("compute", "ComputeRouterNAT", &one.name, one.network.as_ref(), spec)
}
