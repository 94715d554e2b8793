//! Cloud DNS as manifests describe it.

use crate::ingest::cnrm::Manifest;
use crate::ingest::dns;
use crate::ingest::fields::Fields;
use crate::model::listed::Listed;
use crate::model::{
    Inventory, ManagedZone, NameServerPolicy, RecordSet, Reference, ResponsePolicy, ResponseRule,
    ZoneTarget,
};

pub(super) fn zone(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let visible = spec.at("privateVisibilityConfig");
    let networks: Vec<Reference> = visible
        .list("networks")
        .filter_map(|one| manifest.reference(one.at("networkRef"), "ComputeNetwork", into))
        .collect();
    let is_hidden = networks.len() < visible.list("networks").count();
    let clusters = visible.list("gkeClusters");
    let cluster = |one: Fields<'_>| {
        let at = one.at("gkeClusterNameRef");
        Some(Reference::parse(&at.first_text(&["external", "name"])?).name)
    };
    let peered = spec.at("peeringConfig").at("targetNetwork").at("networkRef");
    into.zones.push(ManagedZone {
        clusters: clusters.filter_map(cluster).collect(),
        target: if spec.has("forwardingConfig") {
            ZoneTarget::Forwarding
        } else if spec.has("peeringConfig") {
            ZoneTarget::Peering(manifest.reference(peered, "ComputeNetwork", into))
        } else {
            ZoneTarget::Records
        },
        id: manifest.id(),
        dns_name: spec.text("dnsName")?,
        private: spec.text("visibility").as_deref() == Some("private"),
        networks,
        is_hidden,
        kept: manifest.kept(),
        origin: manifest.origin.clone(),
    });
    Some(())
}

pub(super) fn record_set(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    // Addresses and names by reference: of other objects nobody here knows what they come to
    // (<https://cloud.google.com/config-connector/docs/reference/resource-docs/dns/dnsrecordset>).
    let mut data = dns::answers(spec);
    data.extend(spec.list("rrdatasRefs").map(|one| one.text_or_empty("external")));
    if data.is_empty() || data.iter().any(String::is_empty) {
        into.lists.partial.insert(Listed::Records);
    }
    into.record_sets.push(RecordSet {
        name: spec.text("name")?,
        kind: spec.text("type")?,
        zone: manifest.reference(spec.at("managedZoneRef"), "DNSManagedZone", into),
        data,
        kept: manifest.kept(),
        origin: manifest.origin.clone(),
    });
    Some(())
}

fn networks(manifest: &Manifest<'_>, names: &Inventory) -> Vec<Reference> {
    let all = manifest.spec.list("networks");
    all.filter_map(|one| manifest.reference(one.at("networkRef"), "ComputeNetwork", names))
        .collect()
}

pub(super) fn response_policy(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let clusters = manifest.spec.list("gkeClusters");
    let cluster = |one: Fields<'_>| {
        let name = one.text("gkeClusterName");
        let name =
            name.or_else(|| one.at("gkeClusterNameRef").first_text(&["external", "name"]))?;
        Some(Reference::parse(&name).name)
    };
    into.response_policies.push(ResponsePolicy {
        id: manifest.id(),
        networks: networks(manifest, into),
        clusters: clusters.filter_map(cluster).collect(),
        is_hidden: false,
        origin: manifest.origin.clone(),
    });
    Some(())
}

pub(super) fn response_rule(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    into.response_rules.push(ResponseRule {
        name: manifest.id().name,
        policy: manifest.reference(spec.at("responsePolicyRef"), "DNSResponsePolicy", into),
        dns_name: spec.text("dnsName")?,
        records: dns::local_data(spec),
        origin: manifest.origin.clone(),
    });
    Some(())
}

/// A policy without other name servers says nothing about what a name leads to.
pub(super) fn dns_policy(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let servers = manifest.spec.at("alternativeNameServerConfig");
    if servers.list("targetNameServers").next().is_some() {
        into.name_servers.push(NameServerPolicy {
            id: manifest.id(),
            networks: networks(manifest, into),
            origin: manifest.origin.clone(),
        });
    }
    Some(())
}
