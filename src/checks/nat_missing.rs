//! No Cloud NAT translates for nodes without external address.
//!
//! What it means: a VM without external address reaches the internet only through a Cloud NAT of
//! its own network and region.
//!
//! What it looks like: "dial tcp 44.206.77.171:443: i/o timeout" for images of quay.io or Docker
//! Hub.
//!
//! Why: there is no Cloud NAT, or it is in another region or network.
//!
//! What to do: make a router and a Cloud NAT in the nodes' region; it lets nobody in. Or mirror the
//! images into a registry on the VIPs.
//!
//! Source: <https://cloud.google.com/nat/docs/gke-example>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "nat-missing",
    title: "no Cloud NAT for VMs without external address",
    severity: Severity::Error,
    source: include_str!("nat_missing.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| link.detail.clone(),
    advice: "make a Cloud NAT in the region of the nodes (gcloud compute routers create, gcloud \
             compute routers nats create); it lets nobody in",
};
