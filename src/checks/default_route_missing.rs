//! No default route leads out of the network.
//!
//! What it means: registries and sites outside of Google's VIPs are reached by a route for
//! 0.0.0.0/0 whose next hop is default-internet-gateway, and there is none.
//!
//! What it looks like: images of Docker Hub or quay.io time out, whatever Cloud NAT and rules say.
//!
//! Why: the network was made with deleteDefaultRoutesOnCreate, or the route was deleted to keep VMs
//! off the internet.
//!
//! What to do: if these hosts are meant to be reached, add the route; Cloud NAT needs it, too. If
//! not, mirror the images into a registry on the VIPs.
//!
//! Source: <https://cloud.google.com/vpc/docs/routes#default-route>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "default-route-missing",
    title: "no default route leads out",
    severity: Severity::Error,
    source: include_str!("default_route_missing.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| link.detail.clone(),
    advice: "add a default route if these hosts are to be reached (with Private Google Access that \
             is enough for Google's APIs; so is a route to 199.36.153.8/30 with private zones that \
             lead there); else mirror other registries' images into Artifact Registry",
};
