//! Changes of other resources than rules as gcloud commands, Config Connector manifests and
//! Terraform. Every name was validated before ([`ResourceChange::is_printable`]); documents are
//! serialised.
//!
//! `gcloud compute routes create kf-to-google-apis --network=kf …`

use serde_json::{Value, json};

use crate::model::Reference;
use crate::model::condition::ObjectId;
use crate::render::cnrm;
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

/// The languages it can be said in, best first.
#[must_use]
pub fn forms(change: &ResourceChange) -> Vec<(&'static str, String)> {
    let cnrm = cnrm::documents(&manifests(change));
    let all = [("gcloud", gcloud(change)), ("cnrm", cnrm), ("terraform", terraform(change))];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn project(of: &Reference) -> String {
    of.project.as_deref().map(|project| format!(" --project={project}")).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map(|text| text.into_owned()).unwrap_or_default()
}

fn gcloud(change: &ResourceChange) -> String {
    match change {
        ResourceChange::EnableAccess(one) => format!(
            "gcloud compute networks subnets update {}{} --region={} \
             --enable-private-ip-google-access",
            one.id.name,
            project(&one.network),
            one.id.location.as_deref().unwrap_or_default()
        ),
        ResourceChange::AddRoute { id, network, destination } => format!(
            "gcloud compute routes create {}{} --network={} --destination-range={destination} \
             --next-hop-gateway=default-internet-gateway --priority=1000",
            id.name,
            project(network),
            network.name
        ),
        // Routes cannot be changed in place.
        ResourceChange::UpdateRoute(route) => {
            let tags = match route.tags.as_slice() {
                [] => String::new(),
                tags => format!(" --tags={}", tags.join(",")),
            };
            let project = project(&route.network);
            format!(
                "gcloud compute routes delete {0}{project}\ngcloud compute routes create \
                 {0}{project} --network={1} --destination-range={2} \
                 --next-hop-gateway=default-internet-gateway --priority={3}{tags}",
                route.id.name, route.network.name, route.destination, route.priority
            )
        }
        ResourceChange::AddRecords { zone, made, records } => {
            record_commands(zone, made.as_ref(), records)
        }
        ResourceChange::AttachZone { zone, networks } => {
            // Where networks of several projects see a zone, each is named whole.
            let same = networks.iter().all(|one| one.project == zone.project);
            let named = |one: &Reference| match (&one.project, same) {
                (Some(project), false) => {
                    format!("projects/{project}/global/networks/{}", one.name)
                }
                _ => one.name.clone(),
            };
            let names: Vec<_> = networks.iter().map(named).collect();
            format!(
                "gcloud dns managed-zones update {}{} --networks={}",
                zone.name,
                project(zone),
                names.join(",")
            )
        }
        ResourceChange::AddNat { name, router, is_router_made, network, region } => {
            let nat = format!(
                "gcloud compute routers nats create {name}{} --router={} --region={region} \
                 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges",
                project(network),
                router.name
            );
            if !is_router_made {
                return nat;
            }
            format!(
                "gcloud compute routers create {}{} --network={} --region={region}\n{nat}",
                router.name,
                project(network),
                network.name
            )
        }
        ResourceChange::UpdateReference { .. } => String::new(),
    }
}

fn record_commands(
    zone: &Reference,
    made: Option<&(String, Reference)>,
    records: &[NewRecord],
) -> String {
    let made = made.iter().map(|(dns_name, network)| {
        format!(
            "gcloud dns managed-zones create {}{} --dns-name={dns_name} \
             --visibility=private --networks={} --description={}",
            zone.name,
            project(zone),
            network.name,
            quoted("Google APIs on a VIP")
        )
    });
    let records = records.iter().map(|record| {
        format!(
            "gcloud dns record-sets create {}{} --zone={} --type={} --ttl=300 \
             --rrdatas={}",
            quoted(&record.name),
            project(zone),
            zone.name,
            record.kind,
            record.data.join(",")
        )
    });
    made.chain(records).collect::<Vec<_>>().join("\n")
}

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

fn manifests(change: &ResourceChange) -> Vec<Value> {
    match change {
        // A manifest of a subnetwork says all of it: the one that is there is the place to change.
        ResourceChange::EnableAccess(_) | ResourceChange::AttachZone { .. } => Vec::new(),
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
        let seen_by = [json!({ "networkRef": network_reference(network) })];
        manifest(
            "dns",
            "DNSManagedZone",
            &zone.name,
            Some(zone),
            json!({
                "dnsName": dns_name, "visibility": "private",
                "privateVisibilityConfig": { "networks": seen_by },
            }),
        )
    });
    let records = records.iter().map(|record| {
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
    });
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

fn record_name(zone: &Reference, record: &NewRecord) -> String {
    let name = record.name.replace('*', "any");
    crate::suggest::name::resource_name(&[&zone.name, &name, record.kind])
}

/// A resource of Terraform's; values are strings of JSON, which HCL reads alike where neither `${`
/// nor `%{` is in them: names that are validated hold no `$`.
fn block(kind: &str, name: &str, fields: &[(&str, String)]) -> String {
    let label = name.replace('-', "_");
    let width = fields.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines: String =
        fields.iter().map(|(key, value)| format!("  {key:width$} = {value}\n")).collect();
    format!("resource \"{kind}\" \"{label}\" {{\n{lines}}}\n")
}

fn text(value: &str) -> String {
    json!(value).to_string()
}

fn own_project(of: &Reference) -> Option<(&'static str, String)> {
    of.project.as_deref().map(|project| ("project", text(project)))
}

fn terraform(change: &ResourceChange) -> String {
    match change {
        ResourceChange::EnableAccess(_)
        | ResourceChange::AttachZone { .. }
        | ResourceChange::UpdateReference { .. } => String::new(),
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
                ("router", text(&router.name)),
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
    let made = made.iter().map(|(dns_name, network)| {
        let url = match &network.project {
            Some(project) => format!("projects/{project}/global/networks/{}", network.name),
            None => format!("global/networks/{}", network.name),
        };
        let mut fields = vec![
            ("name", text(&zone.name)),
            ("dns_name", text(dns_name)),
            ("visibility", text("private")),
        ];
        fields.extend(own_project(zone));
        let block = block("google_dns_managed_zone", &zone.name, &fields);
        let seen = format!(
            "  private_visibility_config {{\n    networks {{\n      network_url = {}\n    \
             }}\n  }}\n}}\n",
            text(&url)
        );
        format!("{}{seen}", block.strip_suffix("}\n").unwrap_or(&block))
    });
    let records = records.iter().map(|record| {
        let mut fields = vec![
            ("managed_zone", text(&zone.name)),
            ("name", text(&record.name)),
            ("type", text(record.kind)),
            ("ttl", "300".to_owned()),
            ("rrdatas", json!(record.data).to_string()),
        ];
        fields.extend(own_project(zone));
        block("google_dns_record_set", &record_name(zone, record), &fields)
    });
    made.chain(records).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same_change() {
        let network = Reference::new(Some("p-1"), "kf");
        let change = ResourceChange::AddRecords {
            zone: Reference::new(Some("p-1"), "gcr"),
            made: Some(("gcr.io.".to_owned(), network)),
            records: vec![NewRecord {
                name: "*.gcr.io.".to_owned(),
                kind: "CNAME",
                data: vec!["gcr.io.".to_owned()],
            }],
        };
        assert!(change.is_printable());
        let forms = forms(&change);
        let [("gcloud", gcloud), ("cnrm", cnrm), ("terraform", terraform)] = forms.as_slice()
        else {
            panic!("{forms:?}")
        };
        let expected = "gcloud dns record-sets create '*.gcr.io.' --project=p-1 --zone=gcr \
                        --type=CNAME --ttl=300 --rrdatas=gcr.io.";
        assert_eq!(gcloud.lines().nth(1), Some(expected));
        assert!(cnrm.contains("projects/p-1/global/networks/kf"), "{cnrm}");
        assert!(terraform.contains("network_url = \"projects/p-1/global/networks/kf\""));
        let hostile =
            ResourceChange::AttachZone { zone: Reference::new(None, "a;b"), networks: Vec::new() };
        assert!(!hostile.is_printable());
    }
}
