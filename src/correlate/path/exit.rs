//! What lets packets out of the network: Private Google Access, Cloud NAT, an external address.
//!
//! `private-google-access broken: subnetwork kf: Private Google Access is off`

use crate::correlate::path::link::{Fault, Link, State, link};
use crate::correlate::path::{Class, Way};
use crate::model::listed::Listed;
use crate::model::{Nat, Subnetwork};

impl Way<'_, '_> {
    /// What lets packets out of the network: nothing for what is inside.
    pub(super) fn exit(&self) -> Vec<Link> {
        let outer = match self.class {
            Class::Inside => return Vec::new(),
            // NAT translates nothing to the VIPs.
            Class::Vip => return vec![self.private_google_access()],
            Class::GooglePublic => self.private_google_access(),
            Class::Internet => return vec![self.nat()],
        };
        // Either of them will do.
        if outer.state == State::Ok {
            return vec![outer];
        }
        let nat = self.nat();
        match (outer.state, nat.state) {
            (State::Broken, State::Broken) | (State::NotGiven, State::NotGiven) => vec![outer, nat],
            (_, State::Ok) => vec![nat],
            // The one may do where the other does not, and was not given.
            _ => vec![Link { state: State::Undetermined, fault: None, ..outer }, nat],
        }
    }

    fn private_google_access(&self) -> Link {
        let kind = "private-google-access";
        if self.start.is_external == Some(true) {
            return link(kind, State::Ok, "external address", "not needed");
        }
        let Some(subnetwork) = self.start.subnetwork else {
            let how = "gcloud compute networks subnets list --format=json";
            return link(kind, State::NotGiven, "subnetwork", how);
        };
        let (state, detail) = match subnetwork.private_google_access {
            Some(true) => (State::Ok, "Private Google Access is on"),
            Some(false) => (State::Broken, "Private Google Access is off"),
            None => {
                (State::NotGiven, "whether Private Google Access is on, the export does not say")
            }
        };
        link(kind, state, format!("subnetwork {}", subnetwork.id.name), detail)
            .by(Fault::AccessOff)
            .read_at(&subnetwork.origin)
    }

    fn nat(&self) -> Link {
        if self.start.is_external == Some(true) {
            return link("nat", State::Ok, "external address", "not needed");
        }
        let inventory = self.directory.inventory;
        let (Some(network), Some(subnetwork)) = (&self.start.network, self.start.subnetwork) else {
            return link(
                "nat",
                State::NotGiven,
                "subnetwork",
                "gcloud compute networks subnets list",
            );
        };
        let here = |nat: &&Nat| {
            let own = nat.network.as_ref().is_some_and(|of| of.agrees(network));
            let region = nat.region.as_deref().zip(subnetwork.id.location.as_deref());
            own && region.is_none_or(|(nat, own)| nat == own)
        };
        let mut own = inventory.nats.iter().filter(here).peekable();
        if own.peek().is_none() {
            let none_given = inventory.routers.is_empty()
                && inventory.nats.is_empty()
                && !inventory.lists_none(Listed::Routers, network);
            if none_given || inventory.is_partial(Listed::Routers) {
                let how = "gcloud compute routers list --format=json";
                return link("nat", State::NotGiven, "Cloud NAT", how);
            }
            let region = subnetwork.id.location.as_deref().unwrap_or("its region");
            let detail = format!("no Cloud NAT of this network in {region}");
            return link("nat", State::Broken, "Cloud NAT", detail).by(Fault::NoNat);
        }
        let all: Vec<&Nat> = own.collect();
        let cluster = self.start.cluster.and_then(|at| inventory.clusters.get(at));
        let secondary = self.start.secondary.as_deref();
        // A pod's packets carry its node's address when they come to the NAT.
        let by_node = cluster.is_some_and(|one| !one.keeps_pod_addresses);
        let asked = secondary.filter(|_| !by_node);
        let found = |range: Option<&str>| all.iter().find(|nat| covers(nat, subnetwork, range));
        match found(asked) {
            Some(nat) => {
                let by_node = if by_node && secondary.is_some() {
                    ": by default pods leave under the address of their node"
                } else {
                    ""
                };
                let detail = format!("{}{by_node}", nat.ranges);
                link("nat", State::Ok, format!("Cloud NAT {}", nat.name), detail)
                    .read_at(&nat.origin)
            }
            None if let Some(nat) = all.iter().find(|nat| !nat.is_whole()) => {
                let detail = "what it translates is not said in full: gcloud compute routers list \
                              --format=json";
                link("nat", State::NotGiven, format!("Cloud NAT {}", nat.name), detail)
                    .read_at(&nat.origin)
            }
            None if by_node && secondary.is_some() && found(secondary).is_some() => {
                let detail = "covers the pods' range alone, and by default pods leave under the \
                              address of their node: which it is, ip-masq-agent's configuration \
                              says";
                link("nat", State::Undetermined, "Cloud NAT", detail)
            }
            None => {
                let names: Vec<_> = all.iter().map(|nat| nat.name.clone()).collect();
                let range = asked.unwrap_or("the primary range");
                let detail = format!("does not cover {range} of subnetwork {}", subnetwork.id.name);
                let made =
                    link("nat", State::Broken, format!("Cloud NAT {}", names.join(", ")), detail)
                        .by(Fault::Uncovered);
                match all.first() {
                    Some(nat) => made.read_at(&nat.origin),
                    None => made,
                }
            }
        }
    }
}

/// Whether a Cloud NAT translates a range of a subnetwork: a secondary one by its name, or the
/// primary (<https://cloud.google.com/nat/docs/nat-rules-overview>, `RouterNat` of the Compute
/// API).
#[must_use]
pub fn covers(nat: &Nat, subnetwork: &Subnetwork, secondary: Option<&str>) -> bool {
    match nat.ranges.as_str() {
        "ALL_SUBNETWORKS_ALL_IP_RANGES" => true,
        "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES" => secondary.is_none(),
        _ => nat.subnetworks.iter().filter(|one| one.id.agrees(&subnetwork.id)).any(|one| {
            one.ranges.iter().any(|ranges| match (ranges.as_str(), secondary) {
                ("ALL_IP_RANGES", _) => true,
                ("PRIMARY_IP_RANGE", None) => true,
                ("LIST_OF_SECONDARY_IP_RANGES", Some(name)) => {
                    one.secondary.iter().any(|own| own == name)
                }
                _ => false,
            })
        }),
    }
}
