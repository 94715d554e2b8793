//! Private Google Access is off, and the nodes have no external address.
//!
//! What it means: a VM without external address reaches Google's APIs, on a VIP or on public
//! addresses, only where its subnetwork has Private Google Access on.
//!
//! What it looks like: everything else is right, and image pulls and node registration time out.
//!
//! Why: it is off by default. Cloud NAT does not help on the way to the VIPs.
//!
//! What to do: turn it on for the nodes' subnetwork; it changes nothing else.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#enabling-pga>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "private-google-access-disabled",
    title: "Private Google Access is off for VMs without external address",
    severity: Severity::Error,
    source: include_str!("private_google_access_disabled.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |_| "Private Google Access is off, and the nodes have no external address".to_owned(),
    advice: "turn Private Google Access on for the subnetwork of the nodes",
};
