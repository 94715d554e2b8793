//! A route to the VIP is there, and another one takes its packets.
//!
//! What it means: several routes hold the VIP's address. The longest prefix wins; between equal
//! ones, the better (lower) priority. The winner leads somewhere else than
//! default-internet-gateway.
//!
//! What it looks like: the right route is there to be seen, and pulls time out all the same.
//!
//! Why: a route for 199.36.153.0/24, or for all of it, to a VPN, a peering or an appliance. A
//! default route of a better priority does not do this: its prefix is shorter.
//!
//! What to do: make the route for the VIP as long as the one that wins, with a better priority.
//!
//! Source: <https://cloud.google.com/vpc/docs/routes#routeselection>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "private-route-outranked",
    title: "another route takes the packets for the VIP",
    severity: Severity::Error,
    source: include_str!("private_route_outranked.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| format!("another route takes its packets: {}", link.detail),
    advice: "give the route for the VIP a prefix as long as that one and a better priority, or \
             take the other away",
};
