//! Kubernetes manifests: kinds are counted, and named as known, until they are read.

use crate::ingest::Read;
use crate::ingest::document::Item;
use crate::ingest::fields::Fields;
use crate::model::Inventory;

/// Whether an item is an object of Kubernetes.
#[must_use]
pub fn is_object(item: &Item) -> bool {
    let fields = Fields(&item.value);
    fields.has("apiVersion") && fields.has("kind")
}

/// Counts one object.
pub fn read(item: &Item, into: &mut Inventory) -> Read {
    let kind = Fields(&item.value).text_or_empty("kind");
    match kind.as_str() {
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => into.webhooks += 1,
        "Service" => into.services += 1,
        _ => {}
    }
    *into.unused.entry(kind).or_default() += 1;
    Read::Unused
}
