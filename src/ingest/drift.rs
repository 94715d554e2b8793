//! Where a manifest and the export of the same resource say different things. Both are here only
//! until they are put together, when the export stays: it is what the VPC does.
//!
//! `route kf-apis: destRange 199.36.153.4/30 in the manifest, 199.36.153.8/30 in the export`.

use std::collections::BTreeSet;

use crate::model::condition::{Difference, Drift, Existence};
use crate::model::{
    FirewallRule, Inventory, ManagedZone, Origin, Owner, RecordSet, Reference, Route, Subnetwork,
};
use crate::net::IpNet;

/// Every resource of which both are given, and differ.
#[must_use]
pub fn drifts(inventory: &Inventory) -> Vec<Drift> {
    let manifests: BTreeSet<&Origin> = inventory.objects.iter().map(|one| &one.origin).collect();
    if manifests.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let rules = inventory.firewall_rules.iter().filter(|rule| rule.policy.is_none());
    let (written, exported): (Vec<_>, Vec<_>) =
        rules.partition(|rule| rule.owner == Owner::ConfigConnector);
    for rule in written {
        let same =
            |one: &&&FirewallRule| one.name == rule.name && one.network.agrees(&rule.network);
        if let Some(export) = exported.iter().find(same) {
            let id = Reference::new(
                rule.network.project.as_deref(),
                rule.name.as_deref().unwrap_or_default(),
            );
            let mut differences = differences(&rule_fields(rule), &rule_fields(export));
            differences.retain(|one| says(export, one.field));
            note("firewall-rule", &id, differences, (&rule.origin, &export.origin), &mut found);
        } else if let Some(twin) = exported.iter().find(|one| is_twin(one, rule)) {
            let id = Reference::new(None, rule.name.as_deref().unwrap_or_default());
            let pair = [("networkRef", rule.network.name.clone(), twin.network.name.clone())];
            note("firewall-rule", &id, listed(pair), (&rule.origin, &twin.origin), &mut found);
        }
    }
    each("route", &inventory.routes, &manifests, &mut found, |one: &Route| One {
        id: &one.id,
        network: Some(&one.network),
        origin: &one.origin,
        fields: vec![
            ("networkRef", one.network.name.clone()),
            ("destRange", one.destination.to_string()),
            ("priority", one.priority.to_string()),
            ("nextHop", one.next_hop.rsplit('/').next().unwrap_or("").to_owned()),
            ("tags", sorted(one.tags.iter().cloned())),
        ],
    });
    each("subnetwork", &inventory.subnetworks, &manifests, &mut found, |one: &Subnetwork| One {
        id: &one.id,
        network: Some(&one.network),
        origin: &one.origin,
        fields: vec![
            ("ipCidrRange", one.primary.map(|range| range.to_string()).unwrap_or_default()),
            ("privateIpGoogleAccess", (one.private_google_access == Some(true)).to_string()),
            (
                "secondaryIpRange",
                sorted(one.secondary.iter().map(|(name, range)| format!("{name} {range}"))),
            ),
        ],
    });
    each("dns-zone", &inventory.zones, &manifests, &mut found, |one: &ManagedZone| One {
        id: &one.id,
        network: None,
        origin: &one.origin,
        fields: vec![
            ("dnsName", one.dns_name.clone()),
            ("visibility", if one.private { "private" } else { "public" }.to_owned()),
            ("networks", sorted(one.networks.iter().map(|network| network.name.clone()))),
        ],
    });
    records(&inventory.record_sets, &manifests, &mut found);
    // What was never created differs from nothing.
    let absent = |drift: &Drift| {
        inventory.objects.iter().any(|object| {
            object.origin == drift.manifest
                && object.resource.name == drift.resource.name
                && object.existence == Existence::NeverCreated
        })
    };
    found.retain(|drift| !absent(drift));
    found
}

/// Whether the export of a rule says a field: a selection of fields leaves out others, and what
/// cannot be read is not told.
fn says(export: &FirewallRule, field: &str) -> bool {
    let no_ends = FirewallRule::not_said("sources and destinations");
    match field {
        "logConfig" => export.logged.is_some(),
        "sourceRanges" | "destinationRanges" => !export.unmodelled.contains(&no_ends),
        field => {
            !export.unsaid.contains(&field)
                && !export.unmodelled.iter().any(|what| what.starts_with(field))
        }
    }
}

/// Of one name in one project, and on another network.
fn is_twin(one: &FirewallRule, rule: &FirewallRule) -> bool {
    let projects = one.network.project.as_ref().zip(rule.network.project.as_ref());
    one.name == rule.name && projects.is_some_and(|(a, b)| a == b)
}

/// One resource as it is compared.
struct One<'a> {
    id: &'a Reference,
    network: Option<&'a Reference>,
    origin: &'a Origin,
    fields: Vec<(&'static str, String)>,
}

fn each<T>(
    kind: &'static str,
    list: &[T],
    manifests: &BTreeSet<&Origin>,
    found: &mut Vec<Drift>,
    of: impl Fn(&T) -> One<'_>,
) {
    let (written, exported): (Vec<One<'_>>, Vec<One<'_>>) =
        list.iter().map(of).partition(|one| manifests.contains(one.origin));
    for one in written {
        let same = |other: &&One<'_>| {
            let networks = one.network.zip(other.network);
            one.id.agrees(other.id)
                && (kind == "route" || networks.is_none_or(|(a, b)| a.agrees(b)))
        };
        if let Some(export) = exported.iter().find(same) {
            let differences = differences(&one.fields, &export.fields);
            note(kind, one.id, differences, (one.origin, export.origin), found);
        }
    }
}

/// A record set has no name of its own: its DNS name and type make it.
fn records(list: &[RecordSet], manifests: &BTreeSet<&Origin>, found: &mut Vec<Drift>) {
    let (written, exported): (Vec<_>, Vec<_>) =
        list.iter().partition(|one| manifests.contains(&one.origin));
    for one in written {
        let same = |other: &&&RecordSet| other.name == one.name && other.kind == one.kind;
        let mut others = exported.iter().filter(same);
        // Of two zones with the same name nobody says which one is meant.
        let (Some(export), None) = (others.next(), others.next()) else { continue };
        let data =
            |of: &RecordSet| sorted(of.data.iter().map(|text| text.trim_matches('"').to_owned()));
        let differences = differences(&[("rrdatas", data(one))], &[("rrdatas", data(export))]);
        let id = Reference::new(None, &format!("{} {}", one.name, one.kind));
        note("dns-record", &id, differences, (&one.origin, &export.origin), found);
    }
}

fn note(
    kind: &'static str,
    resource: &Reference,
    fields: Vec<Difference>,
    (manifest, export): (&Origin, &Origin),
    found: &mut Vec<Drift>,
) {
    if !fields.is_empty() {
        let (manifest, export) = (manifest.clone(), export.clone());
        found.push(Drift { kind, resource: resource.clone(), fields, manifest, export });
    }
}

fn differences(
    manifest: &[(&'static str, String)],
    export: &[(&'static str, String)],
) -> Vec<Difference> {
    let pairs = manifest.iter().zip(export);
    listed(pairs.map(|((field, own), (_, other))| (*field, own.clone(), other.clone())))
}

fn listed(pairs: impl IntoIterator<Item = (&'static str, String, String)>) -> Vec<Difference> {
    let differ = pairs.into_iter().filter(|(_, manifest, export)| manifest != export);
    differ.map(|(field, manifest, export)| Difference { field, manifest, export }).collect()
}

fn sorted(texts: impl Iterator<Item = String>) -> String {
    let all: BTreeSet<String> = texts.collect();
    if all.is_empty() { "none".to_owned() } else { Vec::from_iter(all).join(", ") }
}

fn ranges(list: &[IpNet]) -> String {
    sorted(list.iter().map(ToString::to_string))
}

fn rule_fields(rule: &FirewallRule) -> Vec<(&'static str, String)> {
    let layers = sorted(rule.layer4.iter().map(ToString::to_string));
    // Without a source a rule is for all of them, which exports spell out.
    let sources = match (rule.source_ranges.as_slice(), &rule.source_identity) {
        ([], identity)
            if identity.is_everyone() && rule.direction == crate::net::Direction::Ingress =>
        {
            "0.0.0.0/0".to_owned()
        }
        (list, _) => ranges(list),
    };
    let destinations = match rule.destination_ranges.as_slice() {
        [] if rule.direction == crate::net::Direction::Egress => "0.0.0.0/0".to_owned(),
        list => ranges(list),
    };
    vec![
        ("direction", rule.direction.to_string()),
        ("priority", rule.priority.to_string()),
        ("disabled", rule.disabled.to_string()),
        ("action", format!("{:?}", rule.action).to_lowercase()),
        ("ports", layers),
        ("sourceRanges", sources),
        ("destinationRanges", destinations),
        ("sourceTags", sorted(rule.source_identity.tags.iter().cloned())),
        ("targetTags", sorted(rule.targets.tags.iter().cloned())),
        ("logConfig", if rule.logged == Some(true) { "on" } else { "off" }.to_owned()),
    ]
}
