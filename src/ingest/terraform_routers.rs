//! What Terraform keeps apart and Google Cloud keeps together: NATs and BGP peers with their
//! router, peerings with their network.

use serde_json::{Value, json};

use crate::ingest::terraform_resources::{
    LONELY_NAT, Lookup, RESOURCE, Resource, camel, fill, own_resource, rename,
};
use crate::model::Reference;

/// Whether a NAT or a peer is this router's: routers of several regions and projects share names.
pub(super) fn is_of_router(
    own: &Resource<'_>,
    router: &Resource<'_>,
    lookup: &Lookup<'_, '_>,
) -> bool {
    let named = lookup.text(own, "router").map(|text| Reference::parse(&text).name);
    let alike = |field: &str| {
        let both = own.values.text(field).zip(router.values.text(field));
        both.is_none_or(|(a, b)| Reference::parse(&a).name == Reference::parse(&b).name)
    };
    named == router.values.text("name") && alike("region") && alike("project")
}

/// The NATs of a router, which Terraform keeps apart.
pub(super) fn nats(router: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Vec<Value> {
    let own = |one: &&Resource<'_>| {
        one.kind == "google_compute_router_nat" && is_of_router(one, router, lookup)
    };
    lookup.all.iter().filter(own).map(|one| nat(one, lookup)).collect()
}

fn nat(one: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Value {
    let mut nat = camel(one.values.0);
    if let Some(nat) = nat.as_object_mut() {
        rename(nat, "subnetwork", "subnetworks");
        nat.insert(RESOURCE.to_owned(), own_resource(one, lookup, None));
    }
    fill(nat.get_mut("subnetworks"), "name", &lookup.nested(one, &["subnetwork", "name"]));
    nat
}

/// A NAT whose router is described elsewhere, or is not known yet.
pub(super) fn lonely_nat(one: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Value {
    let router = lookup.text(one, "router").map(|text| Reference::parse(&text).name);
    json!({
        "kind": LONELY_NAT, "router": router, "region": one.values.text("region"),
        "project": one.values.text("project"), "nats": [nat(one, lookup)],
    })
}

/// The names of the peers of a router by BGP, which Terraform keeps apart.
pub(super) fn peers(router: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Vec<Value> {
    let own = |one: &&Resource<'_>| {
        one.kind == "google_compute_router_peer" && is_of_router(one, router, lookup)
    };
    let peer = |one: &Resource<'_>| json!({ "name": one.values.text("name") });
    lookup.all.iter().filter(own).map(peer).collect()
}

/// The peerings of a network: each names its own by a link, or by the expression for one.
pub(super) fn peerings(network: &Resource<'_>, lookup: &Lookup<'_, '_>) -> Vec<Value> {
    let name = network.values.text("name");
    let is_own = |one: &&Resource<'_>| {
        let own = lookup.text(one, "network").map(|text| Reference::parse(&text));
        let project = network.values.text("project");
        one.kind == "google_compute_network_peering"
            && own.is_some_and(|own| {
                Some(&own.name) == name.as_ref()
                    && own.project.zip(project).is_none_or(|(one, other)| one == other)
            })
    };
    let peering = |one: &Resource<'_>| {
        let peer = lookup.text(one, "peer_network");
        json!({ "name": one.values.text("name"), "network": peer })
    };
    lookup.all.iter().filter(is_own).map(peering).collect()
}
