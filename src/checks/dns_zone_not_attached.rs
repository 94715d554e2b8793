//! A private zone is there, and the network that needs it does not see it.
//!
//! What it means: a private zone, or a response policy, answers only the networks and clusters that
//! it lists; to all others it does not exist, and public DNS answers.
//!
//! What it looks like: the zone looks right in every way, and image pulls go to public addresses.
//!
//! Why: the zone was made for another network, or the network was made anew under another name.
//!
//! What to do: add the network to the zone's list, keeping those that are there.
//!
//! Source: <https://cloud.google.com/dns/docs/zones#create-private-zone>

use crate::checks::roads::{self, Words};
use crate::checks::{Check, Severity};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dns-zone-not-attached",
    title: "a private zone is not seen by the network that needs it",
    severity: Severity::Error,
    source: include_str!("dns_zone_not_attached.rs"),
    claims: None,
    run: |check, evidence| roads::find(check, evidence, &WORDS),
};

const WORDS: Words = Words {
    title: |link| format!("{} is not attached to this network", link.object),
    advice: "attach it to this network, naming all networks that it is to have (gcloud dns \
             managed-zones update ZONE --networks=…, gcloud dns response-policies update POLICY \
             --networks=…)",
};
