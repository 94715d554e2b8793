//! Routers as the Compute API describes them, with the NATs and the BGP peers that they have
//! (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>).

use crate::ingest::fields::Fields;
use crate::ingest::kept;
use crate::model::listed::Listed;
use crate::model::{Inventory, Nat, NatSubnetwork, Origin, Reference};
use crate::net::parse_cidr;

/// A router.
pub(super) fn router(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let id = fields.own_reference()?;
    let network = fields.reference("network")?.or_project(id.project.as_deref());
    nats(fields, (&id, Some(network.clone())), origin, into);
    if fields.list("bgpPeers").next().is_some() {
        into.learned.by.push(id.clone());
    }
    into.routers.push((id, network, origin.clone()));
    Some(())
}

/// A NAT that Terraform keeps apart from its router, which tells the network.
pub(super) fn lonely_nat(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let location = fields.text("region").map(|text| Reference::parse(&text).name);
    let project = fields.text("project");
    let router = Reference { project, location, name: fields.text("router")? };
    nats(fields, (&router, None), origin, into);
    Some(())
}

fn nats(
    fields: Fields<'_>,
    (id, network): (&Reference, Option<Reference>),
    origin: &Origin,
    into: &mut Inventory,
) {
    // A private NAT is between networks: nothing leaves for the internet by it.
    let public = |nat: &Fields<'_>| {
        // By default it is for VMs; it may be for proxies alone.
        let kinds = nat.texts("endpointTypes");
        let for_vms = kinds.is_empty() || kinds.iter().any(|kind| kind == "ENDPOINT_TYPE_VM");
        for_vms && nat.text("type").as_deref() != Some("PRIVATE")
    };
    if fields.get("nats").is_some_and(|nats| !nats.is_array()) {
        into.lists.partial.insert(Listed::Routers);
    }
    // Which subnetworks, the API writes wherever it says that there is a list of them.
    let ranges = |nat: Fields<'_>| {
        let said = nat.text_or_empty("sourceSubnetworkIpRangesToNat");
        let is_cut = said == "LIST_OF_SUBNETWORKS" && !nat.at("subnetworks").0.is_array();
        if is_cut { String::new() } else { said }
    };
    for nat in fields.list("nats").filter(public) {
        into.nats.push(Nat {
            name: nat.text_or_empty("name"),
            router: id.clone(),
            network: network.clone(),
            region: id.location.clone(),
            ranges: ranges(nat),
            subnetworks: nat
                .list("subnetworks")
                .map(|one| NatSubnetwork {
                    id: one.reference("name").unwrap_or_default(),
                    ranges: one.texts("sourceIpRangesToNat"),
                    secondary: one.texts("secondaryIpRangeNames"),
                })
                .collect(),
            // References to address resources hold no address; a bare address is one.
            addresses: nat.texts("natIps").iter().filter_map(|text| parse_cidr(text)).collect(),
            kept: kept::exported(nat, origin),
            origin: origin.clone(),
        });
    }
}
