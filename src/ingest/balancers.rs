//! Backend services, health checks, instance groups and network endpoint groups as gcloud and the
//! REST API describe them.
//!
//! Fields: <https://cloud.google.com/compute/docs/reference/rest/v1/backendServices>,
//! `healthChecks`, `instanceGroups`, `networkEndpointGroups`, `targetPools`.

use crate::ingest::fields::Fields;
use crate::model::balancer::{
    ArmorRule, BackendGroup, BackendService, HealthCheck, SecurityPolicy,
};
use crate::model::{Inventory, Origin, Reference};
use crate::net::AddressSet;

fn references(texts: Vec<String>) -> Vec<Reference> {
    texts.iter().map(|text| Reference::parse(text)).collect()
}

/// Reads a backend service or a target pool.
pub fn backend_service(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let id = fields.own_reference()?;
    let mut groups: Vec<Reference> =
        fields.list("backends").filter_map(|backend| backend.reference("group")).collect();
    // A target pool names its VMs itself, and is always a passthrough balancer's.
    let is_pool = fields.has("instances");
    if is_pool {
        groups.push(id.clone());
    }
    let protocol = fields.text("protocol");
    into.balancers.services.push(BackendService {
        protocol: protocol
            .unwrap_or_else(|| if is_pool { "TCP".to_owned() } else { String::new() }),
        scheme: fields.text("loadBalancingScheme").unwrap_or_else(|| "EXTERNAL".to_owned()),
        port_name: fields.text("portName").filter(|name| !name.is_empty()),
        groups,
        health_checks: references(fields.texts("healthChecks")),
        origin: origin.clone(),
        id,
    });
    Some(())
}

/// Reads a health check, of today or of the legacy kinds.
pub fn health_check(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let id = fields.own_reference()?;
    let kinds = [
        "httpHealthCheck",
        "httpsHealthCheck",
        "http2HealthCheck",
        "tcpHealthCheck",
        "sslHealthCheck",
        "grpcHealthCheck",
    ];
    let of_kind = kinds.iter().map(|key| fields.at(key)).find(|one| one.0.is_object());
    let detail = of_kind.unwrap_or(fields);
    let fixed = !detail
        .text("portSpecification")
        .is_some_and(|text| text == "USE_SERVING_PORT" || text == "USE_NAMED_PORT");
    let port = detail.number("port").and_then(|port| u16::try_from(port).ok());
    into.balancers.health_checks.push(HealthCheck {
        port: port.filter(|port| fixed && *port > 0),
        origin: origin.clone(),
        id,
    });
    Some(())
}

/// Reads a security policy of Cloud Armor, its rules under `key`. One that is only previewed does
/// nothing yet, and one that throttles lets in.
#[must_use]
pub fn security_policy(
    name: &str,
    fields: Fields<'_>,
    key: &str,
    origin: &Origin,
) -> SecurityPolicy {
    let enforced = fields.list(key).filter(|rule| rule.flag("preview") != Some(true));
    let rules = enforced.map(|rule| {
        let config = rule.at("match").at("config");
        let is_everybody = config.texts("srcIpRanges").iter().any(|range| range == "*");
        let (ranges, bad) = config.ranges("srcIpRanges");
        let by_range = config.has("srcIpRanges") && bad == 0;
        let action = rule.text_or_empty("action");
        ArmorRule {
            priority: rule.number("priority").unwrap_or(u64::MAX),
            is_allow: ["allow", "throttle", "rate_based_ban"].contains(&action.as_str()),
            sources: match is_everybody {
                true => Some(AddressSet::all()),
                false => by_range.then(|| AddressSet::of(&ranges)),
            },
        }
    });
    SecurityPolicy { name: name.to_owned(), rules: rules.collect(), origin: origin.clone() }
}

/// Reads an instance group or a network endpoint group.
pub fn group(
    fields: Fields<'_>,
    of_endpoints: bool,
    origin: &Origin,
    into: &mut Inventory,
) -> Option<()> {
    let id = fields.own_reference()?;
    let port = |from: Fields<'_>, key: &str| u16::try_from(from.number(key)?).ok();
    let project = id.project.clone();
    let own = |key: &str| fields.reference(key).map(|one| one.or_project(project.as_deref()));
    into.balancers.groups.push(BackendGroup {
        of_endpoints,
        kind: fields.text_or_empty("networkEndpointType"),
        network: own("network"),
        subnetwork: own("subnetwork"),
        named_ports: fields
            .list("namedPorts")
            .filter_map(|one| Some((one.text("name")?, port(one, "port")?)))
            .collect(),
        default_port: port(fields, "defaultPort"),
        origin: origin.clone(),
        id,
    });
    Some(())
}
