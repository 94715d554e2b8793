//! No route leads to the VIP that DNS answers with.
//!
//! What it means: DNS sends Google's names to 199.36.153.4/30 or 199.36.153.8/30, and neither a
//! route for that range nor a default route is there.
//!
//! What it looks like: "dial tcp 199.36.153.5:443: i/o timeout".
//!
//! Why: the network was made without its default route, and the route for the VIP was left out, or
//! is for the other VIP, for another network, or for VMs with a tag that nodes do not have.
//!
//! What to do: add a route for the VIP with the next hop default-internet-gateway: packets to it do
//! not leave Google's network.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#config-routing>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "private-route-missing",
    title: "no route leads to the VIP",
    severity: Severity::Error,
    source: include_str!("private_route_missing.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| link.detail.clone(),
    advice: "add a route for the VIP whose next hop is default-internet-gateway",
};
