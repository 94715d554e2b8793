//! Which records a zone has, and which of them answer for a name.
//!
//! ```text
//! eu.gcr.io   in zone gcr.io.: *.gcr.io. CNAME, unless eu.gcr.io. has a record of any type
//! ```

use crate::engine::domains::{is_under, plain};
use crate::model::{Inventory, ManagedZone, RecordSet, ZoneTarget};

/// The zone of the longest suffix of a name.
pub(super) fn longest<'a>(
    zones: impl Iterator<Item = &'a ManagedZone>,
    name: &str,
) -> Option<&'a ManagedZone> {
    let holds = |zone: &&ManagedZone| is_under(name, &plain(&zone.dns_name));
    zones.filter(holds).max_by_key(|zone| plain(&zone.dns_name).len())
}

/// Whether a record is one of a zone's. What gcloud lists does not say: the longest suffix does,
/// and of several zones of one name that one which its file is called by.
pub(super) fn is_of(inventory: &Inventory, record: &RecordSet, zone: &ManagedZone) -> bool {
    match &record.zone {
        Some(of) => of.agrees(&zone.id),
        None => {
            let name = plain(record.name.strip_prefix("*.").unwrap_or(&record.name));
            let longest = longest(inventory.zones.iter(), &name);
            let is_here = longest.is_some_and(|one| one.dns_name == zone.dns_name);
            let mut twins = inventory.zones.iter().filter(|one| one.dns_name == zone.dns_name);
            let is_another = |one: &ManagedZone| one.id != zone.id && is_called_by(record, one);
            is_here && (is_called_by(record, zone) || !twins.any(is_another))
        }
    }
}

/// Whether a record may as well be that of another zone of the same name.
pub(super) fn is_anybodys(inventory: &Inventory, record: &RecordSet, zone: &ManagedZone) -> bool {
    // Zones that others answer for have no records.
    let mut twins =
        inventory.zones.iter().filter(|one| one.id != zone.id && one.target == ZoneTarget::Records);
    record.zone.is_none()
        && !is_called_by(record, zone)
        && twins.any(|one| plain(&one.dns_name) == plain(&zone.dns_name))
}

/// Whether the file of a record is called by a zone: `records-ZONE.json`.
fn is_called_by(record: &RecordSet, zone: &ManagedZone) -> bool {
    let file = record.origin.path.rsplit(['/', '\\']).next().unwrap_or("");
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let before = stem.strip_suffix(zone.id.name.as_str());
    before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '_']))
}

/// The records that answer for a name: its own, else those of the wildcard under the nearest name
/// above it that exists. A name exists that has records of any type, or names under it, and no
/// wildcard stands for one that exists (RFC 4592, 2.2.2 and 3.3.1).
pub(super) fn answers<'a>(records: &[&'a RecordSet], name: &str, apex: &str) -> Vec<&'a RecordSet> {
    let names: Vec<String> = records.iter().map(|one| plain(&one.name)).collect();
    let exists = |wanted: &str| wanted == apex || names.iter().any(|one| is_under(one, wanted));
    let of = |wanted: &str| -> Vec<&'a RecordSet> {
        let telling = |one: &&RecordSet| ["A", "AAAA", "CNAME"].contains(&one.kind.as_str());
        let own = records.iter().zip(&names).filter(|(_, name)| *name == wanted);
        own.map(|(record, _)| *record).filter(telling).collect()
    };
    if exists(name) {
        return of(name);
    }
    let mut rest = name;
    loop {
        rest = rest.split_once('.').map_or("", |(_, parent)| parent);
        if exists(rest) {
            let wildcard = if rest.is_empty() { "*".to_owned() } else { format!("*.{rest}") };
            return of(&wildcard);
        }
    }
}
