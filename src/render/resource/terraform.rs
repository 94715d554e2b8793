//! Changes as resources of Terraform's.

use serde_json::json;

use crate::model::{Nat, Reference, Subnetwork};
use crate::render::resource::record_name;
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

/// A resource of Terraform's; values are strings of JSON, which HCL reads alike where neither `${`
/// nor `%{` is in them: names that are validated hold no `$`.
pub(in crate::render) fn block(kind: &str, name: &str, fields: &[(&str, String)]) -> String {
    let label = name.replace('-', "_");
    let width = fields.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines: String =
        fields.iter().map(|(key, value)| format!("  {key:width$} = {value}\n")).collect();
    format!("resource \"{kind}\" \"{label}\" {{\n{lines}}}\n")
}

/// The name of a resource that is made here, by reference.
fn name_of(kind: &str, name: &str) -> String {
    format!("{kind}.{}.name", name.replace('-', "_"))
}

/// A resource with blocks of its own; these are indented as they come.
fn block_with(kind: &str, name: &str, fields: &[(&str, String)], inner: &str) -> String {
    let block = block(kind, name, fields);
    format!("{}{inner}}}\n", block.strip_suffix("}\n").unwrap_or(&block))
}

/// A block inside of a resource.
fn inner(name: &str, fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines: String =
        fields.iter().map(|(key, value)| format!("    {key:width$} = {value}\n")).collect();
    format!("  {name} {{\n{lines}  }}\n")
}

/// A string.
pub(in crate::render) fn text(value: &str) -> String {
    json!(value).to_string()
}

fn own_project(of: &Reference) -> Option<(&'static str, String)> {
    of.project.as_deref().map(|project| ("project", text(project)))
}

/// The resources; empty where Terraform knows nothing of it.
pub(super) fn of(change: &ResourceChange) -> String {
    match change {
        ResourceChange::UpdateReference { .. } => String::new(),
        ResourceChange::EnableAccess(one) => subnetwork(one),
        ResourceChange::AttachZone(one) => {
            zone_block(&one.id, &one.dns_name, &one.networks, &one.clusters)
        }
        ResourceChange::WidenNat(one) => nat(one),
        ResourceChange::ReplaceRecord { zone, record, added } => {
            let blocks = added
                .iter()
                .chain([record])
                .map(|record| record_block(zone, &text(&zone.name), record));
            blocks.collect::<Vec<_>>().join("\n")
        }
        ResourceChange::AddRoute { id, network, destination } => {
            let mut fields = vec![
                ("name", text(&id.name)),
                ("network", text(&network.name)),
                ("dest_range", text(&destination.to_string())),
                ("next_hop_gateway", text("default-internet-gateway")),
                ("priority", "1000".to_owned()),
            ];
            fields.extend(own_project(network));
            block("google_compute_route", &id.name, &fields)
        }
        ResourceChange::UpdateRoute(route) => {
            let mut fields = vec![
                ("name", text(&route.id.name)),
                ("network", text(&route.network.name)),
                ("dest_range", text(&route.destination.to_string())),
                ("next_hop_gateway", text("default-internet-gateway")),
                ("priority", route.priority.to_string()),
            ];
            if !route.tags.is_empty() {
                fields.push(("tags", json!(route.tags).to_string()));
            }
            fields.extend(own_project(&route.network));
            block("google_compute_route", &route.id.name, &fields)
        }
        ResourceChange::AddRecords { zone, made, records } => {
            record_blocks(zone, made.as_ref(), records)
        }
        ResourceChange::AddNat { name, router, is_router_made, network, region } => {
            let mut fields = vec![
                ("name", text(name)),
                // By reference, so that Terraform makes the router first.
                (
                    "router",
                    match is_router_made {
                        true => name_of("google_compute_router", &router.name),
                        false => text(&router.name),
                    },
                ),
                ("region", text(region)),
                ("nat_ip_allocate_option", text("AUTO_ONLY")),
                ("source_subnetwork_ip_ranges_to_nat", text("ALL_SUBNETWORKS_ALL_IP_RANGES")),
            ];
            fields.extend(own_project(network));
            let nat = block("google_compute_router_nat", name, &fields);
            if !is_router_made {
                return nat;
            }
            let mut fields = vec![
                ("name", text(&router.name)),
                ("network", text(&network.name)),
                ("region", text(region)),
            ];
            fields.extend(own_project(network));
            format!("{}\n{nat}", block("google_compute_router", &router.name, &fields))
        }
    }
}

fn record_blocks(
    zone: &Reference,
    made: Option<&(String, Reference)>,
    records: &[NewRecord],
) -> String {
    let made = made
        .iter()
        .map(|(dns_name, network)| zone_block(zone, dns_name, std::slice::from_ref(network), &[]));
    let zone_name = match made.len() {
        0 => text(&zone.name),
        // By reference, so that Terraform makes the zone first.
        _ => name_of("google_dns_managed_zone", &zone.name),
    };
    let records = records.iter().map(|record| record_block(zone, &zone_name, record));
    made.chain(records).collect::<Vec<_>>().join("\n")
}

fn record_block(zone: &Reference, zone_name: &str, record: &NewRecord) -> String {
    let mut fields = vec![
        ("managed_zone", zone_name.to_owned()),
        ("name", text(&record.name)),
        ("type", text(record.kind)),
        ("ttl", "300".to_owned()),
        ("rrdatas", json!(record.data).to_string()),
    ];
    fields.extend(own_project(zone));
    block("google_dns_record_set", &record_name(zone, record), &fields)
}

fn zone_block(
    id: &Reference,
    dns_name: &str,
    networks: &[Reference],
    clusters: &[String],
) -> String {
    let mut fields = vec![
        ("name", text(&id.name)),
        ("dns_name", text(dns_name)),
        ("visibility", text("private")),
    ];
    fields.extend(own_project(id));
    let url = |network: &Reference| match &network.project {
        Some(project) => format!("projects/{project}/global/networks/{}", network.name),
        None => format!("global/networks/{}", network.name),
    };
    let networks = networks.iter().map(|one| ("networks", "network_url", url(one)));
    let clusters = clusters.iter().map(|name| ("gke_clusters", "gke_cluster_name", name.clone()));
    let seen_by: String = networks
        .chain(clusters)
        .map(|(kind, key, value)| {
            format!("    {kind} {{\n      {key} = {}\n    }}\n", text(&value))
        })
        .collect();
    let seen_by = format!("  private_visibility_config {{\n{seen_by}  }}\n");
    block_with("google_dns_managed_zone", &id.name, &fields, &seen_by)
}

fn subnetwork(one: &Subnetwork) -> String {
    let mut fields = vec![
        ("name", text(&one.id.name)),
        ("network", text(&one.network.name)),
        ("region", text(one.id.location.as_deref().unwrap_or_default())),
    ];
    fields.extend(one.primary.map(|range| ("ip_cidr_range", text(&range.to_string()))));
    fields.push(("private_ip_google_access", "true".to_owned()));
    fields.extend(own_project(&one.network));
    let ranges = one.secondary.iter().map(|(name, range)| {
        let own = [("range_name", text(name)), ("ip_cidr_range", text(&range.to_string()))];
        inner("secondary_ip_range", &own)
    });
    let ranges: String = ranges.collect();
    block_with("google_compute_subnetwork", &one.id.name, &fields, &ranges)
}

fn nat(one: &Nat) -> String {
    let mut fields = vec![
        ("name", text(&one.name)),
        ("router", text(&one.router.name)),
        ("region", text(one.region.as_deref().unwrap_or_default())),
        ("source_subnetwork_ip_ranges_to_nat", text(&one.ranges)),
    ];
    fields.extend(one.network.as_ref().and_then(own_project));
    let listed = one.subnetworks.iter().filter(|_| one.ranges == "LIST_OF_SUBNETWORKS");
    let listed = listed.map(|listed| {
        let mut own = vec![
            ("name", text(&listed.id.name)),
            ("source_ip_ranges_to_nat", json!(listed.ranges).to_string()),
        ];
        if !listed.secondary.is_empty() {
            own.push(("secondary_ip_range_names", json!(listed.secondary).to_string()));
        }
        inner("subnetwork", &own)
    });
    let listed: String = listed.collect();
    block_with("google_compute_router_nat", &one.name, &fields, &listed)
}
