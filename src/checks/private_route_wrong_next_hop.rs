//! The route to the VIP leads somewhere else than default-internet-gateway.
//!
//! What it means: packets to the private and restricted VIP are delivered only by the next hop
//! default-internet-gateway; any other takes them out of Google's network, where nobody answers.
//!
//! What it looks like: "dial tcp 199.36.153.9:443: i/o timeout", and nothing in any log.
//!
//! Why: the default route leads to a VPN or an appliance, and no route of its own was made for the
//! VIP.
//!
//! What to do: add a route for the VIP whose next hop is default-internet-gateway.
//!
//! Source: <https://cloud.google.com/vpc/docs/configure-private-google-access#config-routing>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "private-route-wrong-next-hop",
    title: "the route to the VIP has the wrong next hop",
    severity: Severity::Error,
    source: include_str!("private_route_wrong_next_hop.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| link.detail.clone(),
    advice: "add a route for exactly the VIP whose next hop is default-internet-gateway",
};
