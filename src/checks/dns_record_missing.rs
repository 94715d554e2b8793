//! A private zone answers for a name and has no record of it.
//!
//! What it means: the zone of the longest suffix that the network sees answers, and what it has no
//! record for does not exist: public DNS is not asked.
//!
//! What it looks like: "no such host" for us.gcr.io while gcr.io works, or for every name under
//! googleapis.com; image pulls fail, and nodes do not boot.
//!
//! Why: a wildcard does not cover the name that it stands under, nor that name the ones below it;
//! and the zone for googleapis.com hides the public restricted.googleapis.com, whose A record has
//! to stand in it, too.
//!
//! What to do: add the record: A for the zone's own name, CNAME for the wildcard, and A for the
//! VIP's name inside of the zone.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#config-domain>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dns-record-missing",
    title: "a private zone has no record of a host that nodes need",
    severity: Severity::Error,
    source: include_str!("dns_record_missing.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |_| "a private zone answers and has no record".to_owned(),
    advice: "add the missing record to the zone: an A record of the VIP for its own name, a CNAME \
             for the wildcard (gcloud dns record-sets create)",
};
