//! A record of a private zone leads to the wrong addresses.
//!
//! What it means: a private zone for a name of Google's holds public addresses, or addresses of
//! several kinds, where all four of one VIP belong; or those of one VIP, where the routes, or the
//! EGRESS rules, were made for the other one.
//!
//! What it looks like: pulls that work for weeks and then time out; some that work and some that do
//! not.
//!
//! Why: public addresses of Google's change, and rules and routes that were made for one VIP do not
//! hold for the other.
//!
//! What to do: replace the data of the record by the four addresses of one VIP: 199.36.153.8 to .11
//! (private), or 199.36.153.4 to .7 (restricted).
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#config-domain>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dns-record-wrong-target",
    title: "a private zone leads to the wrong addresses",
    severity: Severity::Error,
    source: include_str!("dns_record_wrong_target.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |_| "a private zone leads to the wrong addresses".to_owned(),
    advice: "replace the record by the four addresses of one VIP (gcloud dns record-sets update)",
};
