//! What a VM or a pod of a network gets for a name, from the zones that were given.
//!
//! The private zone of the longest suffix that the network or the cluster sees answers; what it has
//! no record for does not exist, and public DNS is not asked
//! (<https://cloud.google.com/dns/docs/vpc-name-res-order>). A wildcard does not cover the name
//! that it stands under.
//!
//! ```text
//! eu.gcr.io   zone gcr.io.: CNAME *.gcr.io. > gcr.io.: A 199.36.153.4 …
//! ```

use std::net::IpAddr;

use crate::model::{Inventory, ManagedZone, RecordSet, Reference, ZoneTarget};
use crate::net::parse_address;

/// What a name comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved<'a> {
    /// Addresses, out of the records of private zones, in the order in which they were followed.
    Addresses(Vec<IpAddr>, Vec<&'a RecordSet>, &'a ManagedZone),
    /// A private zone answers that there is no such name.
    NoSuchName {
        /// The zone.
        zone: &'a ManagedZone,
        /// The name that it was asked for: the alias' target, where one was followed.
        name: String,
        /// The records that led there.
        followed: Vec<&'a RecordSet>,
    },
    /// The records of the zone that answers were not given.
    RecordsNotGiven(&'a ManagedZone),
    /// Somebody else answers for the zone: other name servers, or another network.
    Elsewhere(&'a ManagedZone),
    /// Public DNS, under this name. A private zone of that suffix may be there, and not be seen
    /// from here.
    Public(String, Option<&'a ManagedZone>),
    /// Aliases that lead in a circle.
    Circle(&'a ManagedZone),
}

/// Aliases are followed so far.
const MOST_ALIASES: usize = 8;

/// A name as it is compared: in lower case, without the dot at its end.
#[must_use]
pub fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Resolves `host`, asked in `network`, on a node or a pod of `cluster`.
#[must_use]
pub fn resolve<'a>(
    inventory: &'a Inventory,
    network: &Reference,
    cluster: Option<&str>,
    host: &str,
) -> Resolved<'a> {
    let mut name = plain(host);
    let mut followed: Vec<&'a RecordSet> = Vec::new();
    let mut last = None;
    for _ in 0..MOST_ALIASES {
        let seen = |zone: &&ManagedZone| is_seen(zone, network, cluster);
        let Some(zone) = longest(inventory.zones.iter().filter(seen), &name) else {
            let unseen = |zone: &&ManagedZone| zone.private && !is_seen(zone, network, cluster);
            let unseen = longest(inventory.zones.iter().filter(unseen), &name);
            return Resolved::Public(name, unseen);
        };
        last = Some(zone);
        if zone.target != ZoneTarget::Records {
            return Resolved::Elsewhere(zone);
        }
        let records: Vec<&RecordSet> =
            inventory.record_sets.iter().filter(|one| is_of(inventory, one, zone)).collect();
        if records.is_empty() {
            return Resolved::RecordsNotGiven(zone);
        }
        let answers = answers(&records, &name, &plain(&zone.dns_name));
        if let Some(alias) = answers.iter().find(|one| one.kind == "CNAME") {
            let target = alias.data.first().map(|text| plain(text)).unwrap_or_default();
            // The wildcard that leads to the VIP's name stands for that name, too, where it has no
            // record of its own.
            if target == name {
                return Resolved::NoSuchName { zone, name, followed };
            }
            followed.push(alias);
            name = target;
            continue;
        }
        let addresses: Vec<IpAddr> = answers
            .iter()
            .flat_map(|one| &one.data)
            .filter_map(|text| parse_address(text))
            .collect();
        if addresses.is_empty() {
            return Resolved::NoSuchName { zone, name, followed };
        }
        followed.extend(answers);
        return Resolved::Addresses(addresses, followed, zone);
    }
    match last {
        Some(zone) => Resolved::Circle(zone),
        None => Resolved::Public(name, None),
    }
}

/// Whether a private zone is seen from a network, or from a cluster.
fn is_seen(zone: &ManagedZone, network: &Reference, cluster: Option<&str>) -> bool {
    let by_cluster = cluster.is_some_and(|name| zone.clusters.iter().any(|one| one == name));
    zone.private && (by_cluster || zone.networks.iter().any(|one| one.agrees(network)))
}

/// The zone of the longest suffix of a name.
fn longest<'a>(
    zones: impl Iterator<Item = &'a ManagedZone>,
    name: &str,
) -> Option<&'a ManagedZone> {
    let holds = |zone: &&ManagedZone| is_under(name, &plain(&zone.dns_name));
    zones.filter(holds).max_by_key(|zone| plain(&zone.dns_name).len())
}

fn is_under(name: &str, suffix: &str) -> bool {
    name == suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a record is one of a zone's. What gcloud lists does not say: the longest suffix does.
fn is_of(inventory: &Inventory, record: &RecordSet, zone: &ManagedZone) -> bool {
    match &record.zone {
        Some(of) => of.agrees(&zone.id),
        None => {
            let name = plain(record.name.strip_prefix("*.").unwrap_or(&record.name));
            let private = inventory.zones.iter().filter(|one| one.private);
            longest(private, &name).is_some_and(|one| one.dns_name == zone.dns_name)
        }
    }
}

/// The records that answer for a name: its own, else those of the nearest wildcard.
fn answers<'a>(records: &[&'a RecordSet], name: &str, apex: &str) -> Vec<&'a RecordSet> {
    let of = |wanted: &str| -> Vec<&'a RecordSet> {
        let telling = |one: &&&RecordSet| ["A", "AAAA", "CNAME"].contains(&one.kind.as_str());
        let own = records.iter().filter(|one| plain(&one.name) == wanted);
        own.filter(telling).copied().collect()
    };
    let own = of(name);
    if !own.is_empty() {
        return own;
    }
    let mut rest = name;
    while rest != apex {
        let Some((_, parent)) = rest.split_once('.') else { break };
        let wild = of(&format!("*.{parent}"));
        if !wild.is_empty() {
            return wild;
        }
        // A name that is there hides the wildcards above it.
        if records.iter().any(|one| plain(&one.name) == parent) && parent != apex {
            break;
        }
        rest = parent;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::{Resolved, resolve};
    use crate::model::{Inventory, ManagedZone, Origin, RecordSet, Reference, ZoneTarget};

    fn zone(name: &str, dns_name: &str, network: &str) -> ManagedZone {
        ManagedZone {
            id: Reference::new(None, name),
            dns_name: dns_name.to_owned(),
            private: true,
            networks: vec![Reference::new(None, network)],
            clusters: Vec::new(),
            target: ZoneTarget::Records,
            origin: Origin::default(),
        }
    }

    fn record(zone: Option<&str>, name: &str, kind: &str, data: &[&str]) -> RecordSet {
        RecordSet {
            name: name.to_owned(),
            kind: kind.to_owned(),
            zone: zone.map(|zone| Reference::new(None, zone)),
            data: data.iter().map(|text| (*text).to_owned()).collect(),
            origin: Origin::default(),
        }
    }

    fn guide() -> Inventory {
        Inventory {
            zones: vec![zone("gcr", "gcr.io.", "n"), zone("apis", "googleapis.com.", "n")],
            record_sets: vec![
                record(None, "gcr.io.", "A", &["199.36.153.4", "199.36.153.5"]),
                record(None, "*.gcr.io.", "CNAME", &["gcr.io."]),
                record(Some("apis"), "*.googleapis.com.", "CNAME", &["restricted.googleapis.com."]),
                record(Some("apis"), "restricted.googleapis.com.", "A", &["199.36.153.4"]),
            ],
            ..Inventory::default()
        }
    }

    #[track_caller]
    fn check(inventory: &Inventory, host: &str, expected: &str) {
        let told = match resolve(inventory, &Reference::new(None, "n"), Some("blue"), host) {
            Resolved::Addresses(addresses, followed, zone) => {
                format!("{} by {} in {}", addresses[0], followed.len(), zone.id.name)
            }
            Resolved::NoSuchName { zone, name, .. } => format!("no {name} in {}", zone.id.name),
            Resolved::RecordsNotGiven(zone) => format!("no records of {}", zone.id.name),
            Resolved::Elsewhere(zone) => format!("elsewhere by {}", zone.id.name),
            Resolved::Public(name, None) => format!("public {name}"),
            Resolved::Public(name, Some(zone)) => format!("public {name}, not {}", zone.id.name),
            Resolved::Circle(_) => "a circle".to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn zones_answer_by_the_longest_suffix_and_for_all_of_it() {
        let all = guide();
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        check(&all, "EU.gcr.io.", "199.36.153.4 by 2 in gcr");
        check(&all, "storage.googleapis.com", "199.36.153.4 by 2 in apis");
        check(&all, "europe-docker.pkg.dev", "public europe-docker.pkg.dev");
        check(&all, "notgcr.io", "public notgcr.io");
        // The apex is not covered by the wildcard, nor anything by the apex.
        let mut apex_only = guide();
        apex_only.record_sets.remove(1);
        check(&apex_only, "eu.gcr.io", "no eu.gcr.io in gcr");
        let mut wild_only = guide();
        wild_only.record_sets.remove(0);
        check(&wild_only, "eu.gcr.io", "no gcr.io in gcr");
        // The VIP's own name has to be in the zone that shadows it.
        let mut shadowed = guide();
        shadowed.record_sets.pop();
        let missing = "no restricted.googleapis.com in apis";
        check(&shadowed, "storage.googleapis.com", missing);
    }

    #[test]
    fn who_sees_a_zone_and_who_answers_for_it() {
        let mut all = guide();
        all.zones[0].networks = vec![Reference::new(None, "other")];
        check(&all, "gcr.io", "public gcr.io, not gcr");
        all.zones[0].clusters = vec!["blue".to_owned()];
        check(&all, "gcr.io", "199.36.153.4 by 1 in gcr");
        all.zones[0].target = ZoneTarget::Forwarding;
        check(&all, "gcr.io", "elsewhere by gcr");
        let mut bare = guide();
        bare.record_sets.clear();
        check(&bare, "gcr.io", "no records of gcr");
        let mut round = guide();
        round.record_sets[0] = record(None, "gcr.io.", "CNAME", &["x.gcr.io."]);
        check(&round, "gcr.io", "a circle");
    }
}
