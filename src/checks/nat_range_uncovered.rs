//! The Cloud NAT does not cover the range that asks.
//!
//! What it means: a Cloud NAT translates the ranges that it lists: all, primary ones only, or some
//! subnetworks with some of their secondary ranges.
//!
//! What it looks like: nodes reach the internet and pods do not, or the reverse.
//!
//! Why: it was made for another subnetwork, or for primary ranges, and pods are in a secondary one.
//!
//! What to do: add the range to the Cloud NAT's list.
//!
//! Source: <https://cloud.google.com/nat/docs/nat-rules-overview>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "nat-range-uncovered",
    title: "the Cloud NAT does not cover the nodes' range",
    severity: Severity::Error,
    source: include_str!("nat_range_uncovered.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| format!("{} {}", link.object, link.detail),
    advice: "add the range to the Cloud NAT (gcloud compute routers nats update)",
};
