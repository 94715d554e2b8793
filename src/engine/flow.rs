//! The question put to the evaluator: a connection, seen from one of its ends.

use std::collections::BTreeSet;
use std::convert::Infallible;

use crate::engine::matching::{End, Fit, Mismatch, Probe, Side, Subject};
use crate::model::firewall::{Layer4, NetworkContext, Targets};
use crate::model::{FirewallRule, Reference};
use crate::net::{AddressSet, Direction, FiveTuple, Identities, Identity, Protocol, TrafficSet};

/// What is known of a set of names that a VM carries (tags, accounts).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Facts {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It carries these, and may carry more.
    AtLeast(BTreeSet<String>),
    /// It carries exactly these.
    Exactly(BTreeSet<String>),
}

impl Facts {
    /// It carries none.
    #[must_use]
    pub fn none() -> Self {
        Self::Exactly(BTreeSet::new())
    }

    /// It carries exactly these.
    #[must_use]
    pub fn exactly<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Exactly(names.into_iter().map(str::to_owned).collect())
    }

    /// The names that it is known to carry.
    #[must_use]
    pub fn known(&self) -> BTreeSet<String> {
        match self {
            Self::Unknown => BTreeSet::new(),
            Self::AtLeast(names) | Self::Exactly(names) => names.clone(),
        }
    }

    /// Whether it carries any of `wanted`; `None` where that is not known.
    #[must_use]
    pub fn any_of(&self, wanted: &BTreeSet<String>) -> Option<bool> {
        match self {
            Self::Exactly(names) => Some(!names.is_disjoint(wanted)),
            Self::AtLeast(names) if !names.is_disjoint(wanted) => Some(true),
            Self::AtLeast(_) | Self::Unknown => None,
        }
    }
}

/// What is known of one end of a connection besides its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Network tags.
    pub tags: Facts,
    /// Service accounts (a VM has at most one).
    pub service_accounts: Facts,
    /// Secure tags.
    pub secure_tags: Facts,
}

impl Endpoint {
    /// An end that is no VM of the network: it carries nothing.
    #[must_use]
    pub fn outside() -> Self {
        Self { tags: Facts::none(), service_accounts: Facts::none(), secure_tags: Facts::none() }
    }

    /// Whether it carries any of these names; `None` where that is not known.
    #[must_use]
    pub fn carries(&self, names: &Targets) -> Option<bool> {
        let pairs = [
            (&names.tags, &self.tags),
            (&names.service_accounts, &self.service_accounts),
            (&names.secure_tags, &self.secure_tags),
        ];
        let mut unknown = false;
        for (wanted, known) in pairs.into_iter().filter(|(wanted, _)| !wanted.is_empty()) {
            match known.any_of(wanted) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    }
}

impl Endpoint {
    /// Of `names`, those of kinds of which not everything is known.
    pub(super) fn open_names(&self, names: &Targets) -> Identities {
        let open = |facts: &Facts| !matches!(facts, Facts::Exactly(_));
        let mut all = names.identities();
        all.retain(|name| match name {
            Identity::Tag(_) => open(&self.tags),
            Identity::Account(_) => open(&self.service_accounts),
            Identity::SecureTag(_) => open(&self.secure_tags),
        });
        all
    }

    /// The same end, carrying these names and nothing else beyond what is known.
    pub(super) fn with(&self, names: &Identities) -> Self {
        let mut all = Targets::default();
        for name in names {
            match name {
                Identity::Tag(name) => all.tags.insert(name.clone()),
                Identity::Account(name) => all.service_accounts.insert(name.clone()),
                Identity::SecureTag(name) => all.secure_tags.insert(name.clone()),
            };
        }
        let both = |known: &Facts, more: BTreeSet<String>| {
            Facts::Exactly(known.known().union(&more).cloned().collect())
        };
        Self {
            tags: both(&self.tags, all.tags),
            service_accounts: both(&self.service_accounts, all.service_accounts),
            secure_tags: both(&self.secure_tags, all.secure_tags),
        }
    }
}

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
