//! No private zone sends a host of Google's to the VIP.
//!
//! What it means: the network has private zones for other names of Google's, so the VIP is meant;
//! for this name there is none, public DNS answers, and the way to public addresses is closed.
//!
//! What it looks like: gcr.io works and pkg.dev times out at a public address.
//!
//! Why: every domain needs a zone of its own: googleapis.com, gcr.io, pkg.dev, and others.
//!
//! What to do: make a private zone for the domain, attached to this network, with the same records
//! as the others.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dns-zone-missing",
    title: "no private zone sends a host of Google's to the VIP",
    severity: Severity::Warning,
    source: include_str!("dns_zone_missing.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |_| {
        "no private zone sends it to the VIP, and the way to public addresses is closed".to_owned()
    },
    advice: "make a private zone for the domain with the same records as the others (gcloud dns \
             managed-zones create --visibility=private)",
};
