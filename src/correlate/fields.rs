//! The fields that `stats` groups by, and their values for a group of the log.

use crate::correlate::Directory;
use crate::correlate::group::Group;
use crate::model::{Reference, RuleReference};

/// Names of fields.
pub const FIELDS: [&str; 15] = [
    "project",
    "network",
    "direction",
    "disposition",
    "src_ip",
    "src_role",
    "src_name",
    "dest_ip",
    "dest_role",
    "dest_name",
    "dest_port",
    "protocol",
    "rule",
    "priority",
    "instance",
];

/// The value of a field for a group, empty where the log does not say.
#[must_use]
pub fn value(field: &str, group: &Group<'_>, directory: &Directory<'_>) -> String {
    let rule = RuleReference::parse(group.reference());
    let network = rule
        .as_ref()
        .and_then(RuleReference::network)
        .map_or_else(|| group.vpc().1.to_owned(), str::to_owned);
    let seen_from = (!network.is_empty()).then(|| Reference::new(None, &network));
    let who = |address| directory.who(address, seen_from.as_ref()).owner;
    match field {
        "project" => group.project().to_owned(),
        "network" => network,
        "direction" => group.direction().map(|one| one.to_string()).unwrap_or_default(),
        "disposition" => group.disposition().to_string(),
        "src_ip" => group.tuple().src.to_string(),
        "src_role" => who(group.tuple().src).role.id().to_owned(),
        "src_name" => who(group.tuple().src).name.clone(),
        "dest_ip" => group.tuple().dst.to_string(),
        "dest_role" => who(group.tuple().dst).role.id().to_owned(),
        "dest_name" => who(group.tuple().dst).name.clone(),
        "dest_port" if group.tuple().protocol.has_ports() => group.tuple().dst_port.to_string(),
        "protocol" => group.tuple().protocol.to_string(),
        "rule" => rule.map(|rule| rule.name().to_owned()).unwrap_or_default(),
        "priority" => group.priority().map(|one| one.to_string()).unwrap_or_default(),
        // Groups hold one VM each where this was asked for.
        "instance" => group.vm().map(|(_, name)| name.to_owned()).unwrap_or_default(),
        _ => String::new(),
    }
}
