//! What tells that the API wrote a description, and how much of it: what an export leaves out is
//! empty in a whole one, and not known in a selection of fields.

use crate::ingest::fields::Fields;

/// Whether the API wrote this: nobody writes an id or a link to the thing itself by hand.
pub(super) fn is_exported(fields: Fields<'_>) -> bool {
    is_linked(fields) || fields.text("kind").is_some_and(|kind| kind.starts_with("compute#"))
}

/// The same by more than its kind, which people write, too.
pub(super) fn is_linked(fields: Fields<'_>) -> bool {
    let own = ["id", "creationTimestamp", "selfLink", "selfLinkWithId"];
    own.iter().any(|key| fields.has(key))
        || fields.text("network").is_some_and(|link| link.starts_with("https://"))
}

/// Whether the API wrote this network: some of its fields nobody writes by hand.
pub(super) fn is_exported_network(fields: Fields<'_>) -> bool {
    is_exported(fields) || fields.has("subnetworks") || fields.has("peerings")
}

/// Whether a network was exported with all its fields
/// (<https://cloud.google.com/compute/docs/reference/rest/v1/networks>): the API leaves out lists
/// that are empty.
pub(super) fn is_whole_network(fields: Fields<'_>) -> bool {
    ["id", "creationTimestamp", "selfLink", "routingConfig"].iter().all(|key| fields.has(key))
}
