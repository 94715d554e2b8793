//! The question put to the evaluator: a connection, seen from one of its ends.

use std::convert::Infallible;

use crate::engine::endpoint::Endpoint;
use crate::engine::matching::{
    End, Fit, Mismatch, Observer, Outcome, Probe, Side, Subject, compare,
};
use crate::model::firewall::{Layer4, NetworkContext, Targets};
use crate::model::{FirewallRule, Reference};
use crate::net::{AddressSet, Direction, FiveTuple, Protocol, TrafficSet};

/// Where the other end is, as far as network contexts go by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nothing is known.
    #[default]
    Unknown,
    /// On the internet.
    Internet,
    /// Not on the internet; whether it is in a network, and in which, is not known.
    NonInternet,
    /// In this network.
    Network(Reference),
}

impl Place {
    /// Whether it is where a rule of `network`'s wants it; `None` where that is not known.
    #[must_use]
    pub fn is_in(&self, context: &NetworkContext, network: &Reference) -> Option<bool> {
        let in_any = |networks: &[Reference]| match self {
            Self::Network(own) => Some(networks.iter().any(|one| one.agrees(own))),
            Self::Internet => Some(false),
            Self::NonInternet | Self::Unknown => None,
        };
        match (context, self) {
            (NetworkContext::Internet | NetworkContext::NonInternet, Self::Unknown) => None,
            (NetworkContext::Internet, place) => Some(*place == Self::Internet),
            (NetworkContext::NonInternet, place) => Some(*place != Self::Internet),
            (NetworkContext::IntraVpc, _) => in_any(std::slice::from_ref(network)),
            (NetworkContext::Networks(networks), _) => in_any(networks),
        }
    }
}

/// A connection as the firewall of one VM sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The connection.
    pub tuple: FiveTuple,
    /// Whether it arrives at the VM or leaves it.
    pub direction: Direction,
    /// The VM's network.
    pub network: Reference,
    /// The VM's region, where it is known.
    pub region: Option<String>,
    /// The VM whose rules are asked.
    pub endpoint: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Whether the other end is outside of all private and described ranges.
    pub peer_is_external: bool,
    /// Where the other end is.
    pub peer_place: Place,
}

/// Compares a rule with a connection.
pub fn match_rule<O: Observer>(rule: &FirewallRule, flow: &Flow, observer: &mut O) -> Outcome {
    let Ok(outcome): Result<Outcome, Infallible> = compare(rule, flow, observer);
    outcome
}

impl Subject for Flow {
    type Cut = Infallible;

    fn direction(&self) -> Direction {
        self.direction
    }

    fn network(&self) -> &Reference {
        &self.network
    }

    fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    fn probe(&self) -> Option<Probe<'_>> {
        let peer = match self.direction {
            Direction::Ingress => self.tuple.src,
            Direction::Egress => self.tuple.dst,
        };
        let (protocol, port) = (self.tuple.protocol, self.tuple.dst_port);
        Some(Probe { peer, protocol, port, endpoint: &self.endpoint })
    }

    fn end_in(&self, end: End, set: &AddressSet) -> Fit<Infallible> {
        Fit::from_bool(set.contains(match end {
            End::Source => self.tuple.src,
            End::Destination => self.tuple.dst,
        }))
    }

    fn traffic_in(&self, set: &TrafficSet) -> Fit<Infallible> {
        Fit::from_bool(set.contains(self.tuple.protocol, self.tuple.dst_port))
    }

    fn traffic_of(&self, rule: &FirewallRule) -> Result<Fit<Infallible>, Mismatch> {
        let (protocol, port) = (self.tuple.protocol, self.tuple.dst_port);
        let mut named = false;
        for part in &rule.layer4 {
            if part.protocol.is_none_or(|wanted| wanted == protocol) {
                named = true;
                if port_fits(part, protocol, port) {
                    return Ok(Fit::Yes);
                }
            }
        }
        Err(if named { Mismatch::Port } else { Mismatch::Protocol })
    }

    fn carries(&self, side: Side, names: &Targets) -> Fit<Infallible> {
        Fit::from_known(match side {
            Side::Target => self.endpoint.carries(names),
            Side::Peer => self.peer.carries(names),
        })
    }

    fn peer_is_in(&self, context: &NetworkContext) -> Fit<Infallible> {
        Fit::from_known(self.peer_place.is_in(context, &self.network))
    }

    fn peer_is_external(&self) -> Fit<Infallible> {
        Fit::from_bool(self.peer_is_external)
    }
}

fn port_fits(part: &Layer4, protocol: Protocol, port: u16) -> bool {
    // A part with ports never matches a packet that has none.
    part.ports.as_ref().is_none_or(|ports| protocol.has_ports() && ports.contains(port))
}
