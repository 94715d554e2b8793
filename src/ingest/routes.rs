//! Routes and policy-based routes of the Compute and the Network Connectivity API.

use crate::ingest::fields::Fields;
use crate::ingest::kept;
use crate::model::listed::Listed;
use crate::model::{Inventory, Origin, PolicyRoute, Reference, Route};
use crate::net::parse_cidr;

const NEXT_HOPS: [&str; 9] = [
    "nextHopGateway",
    "nextHopIp",
    "nextHopInstance",
    "nextHopIlb",
    "nextHopVpnTunnel",
    "nextHopPeering",
    "nextHopNetwork",
    "nextHopHub",
    "nextHopInterconnectAttachment",
];

/// The routes that a router's status shows: the best of those that were learned
/// (<https://cloud.google.com/compute/docs/reference/rest/v1/routers/getRouterStatus>). Their next
/// hop is what a tunnel or an attachment leads to.
pub(super) fn learned(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let result = fields.at("result");
    let network = result.reference("network")?;
    for one in result.list("bestRoutes") {
        let Some(destination) = one.range("destRange") else {
            into.lists.partial.insert(Listed::Routes);
            continue;
        };
        let next_hop = one.first_text(&NEXT_HOPS).unwrap_or_default();
        // Several of equal rank are several: the name tells them apart.
        let name = format!("learned-{destination}-{}", Reference::parse(&next_hop).name);
        into.routes.push(Route {
            id: Reference::new(network.project.as_deref(), &name),
            network: network.clone(),
            destination,
            priority: one.number("priority").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            next_hop,
            by_peering: false,
            tags: Vec::new(),
            // As of a manifest: it does not show the other routes.
            is_written: true,
            down: down(one),
            kept: None,
            origin: origin.clone(),
        });
    }
    // One without peers, which is there for Cloud NAT, learns nothing.
    let peers: Vec<String> =
        result.list("bgpPeerStatus").filter_map(|peer| peer.text("name")).collect();
    if !peers.is_empty() {
        into.learned.given.insert((network, peers));
    }
    Some(())
}

/// A route.
pub(super) fn route(fields: Fields<'_>, origin: &Origin) -> Option<Route> {
    let id = fields.own_reference()?;
    let said = fields.number("priority").and_then(|number| u32::try_from(number).ok());
    // The API writes it for every route. Without it this one may come first, and nothing is said
    // of where it leads then.
    let of_export = ["id", "creationTimestamp", "selfLink", "kind"];
    let is_exported = of_export.into_iter().any(|key| fields.has(key));
    let is_open =
        said.is_none() && (fields.has("priority") || is_exported) || fields.strange("tags") > 0;
    let next_hop = fields.first_text(&NEXT_HOPS).filter(|_| !is_open).unwrap_or_default();
    Some(Route {
        network: fields.reference("network")?.or_project(id.project.as_deref()),
        destination: fields.range("destRange")?,
        priority: if is_open { 0 } else { said.unwrap_or(1000) },
        next_hop,
        by_peering: fields.has("nextHopPeering"),
        tags: fields.names("tags"),
        is_written: false,
        down: down(fields),
        kept: kept::exported(fields, origin),
        origin: origin.clone(),
        id,
    })
}

/// What the export says of a next hop that takes no packets: `warnings[].code` and `routeStatus` of
/// the Compute API's `Route`.
fn down(fields: Fields<'_>) -> Option<String> {
    const CODES: [&str; 5] = [
        "NEXT_HOP_INSTANCE_NOT_FOUND",
        "NEXT_HOP_NOT_RUNNING",
        "NEXT_HOP_CANNOT_IP_FORWARD",
        "NEXT_HOP_INSTANCE_NOT_ON_NETWORK",
        "NEXT_HOP_ADDRESS_NOT_ASSIGNED",
    ];
    let told = fields.list("warnings").filter_map(|one| one.text("code"));
    let by_warning = told.into_iter().find(|code| CODES.contains(&code.as_str()));
    let status = fields.text("routeStatus");
    by_warning.or(status.filter(|status| ["INACTIVE", "DROPPED"].contains(&status.as_str())))
}

/// A policy-based route (<https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.global.policyBasedRoutes>);
/// none where it is not said in full what it takes and where to.
pub(super) fn policy_route(fields: Fields<'_>, origin: &Origin) -> Option<PolicyRoute> {
    let id = Reference::parse(&fields.text("name")?);
    let filter = fields.at("filter");
    let is_damaged = |key: &str| filter.has(key) && filter.range(key).is_none();
    let leads = fields.has("nextHopIlbIp") || fields.has("nextHopOtherRoutes");
    if ["srcRange", "destRange"].into_iter().any(is_damaged) || !leads {
        return None;
    }
    let anywhere = || parse_cidr("0.0.0.0/0");
    let protocol = filter.text("ipProtocol").filter(|text| !text.eq_ignore_ascii_case("all"));
    Some(PolicyRoute {
        network: fields.reference("network")?.or_project(id.project.as_deref()),
        priority: fields.number("priority").and_then(|n| u32::try_from(n).ok()).unwrap_or(1000),
        source: filter.range("srcRange").or_else(anywhere)?,
        destination: filter.range("destRange").or_else(anywhere)?,
        protocol: protocol.and_then(|text| text.parse().ok()),
        tags: fields.at("virtualMachine").names("tags"),
        by_interconnect: fields.has("interconnectAttachment"),
        next_hop: fields.text("nextHopIlbIp"),
        origin: origin.clone(),
        id,
    })
}
