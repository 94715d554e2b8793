//! The question put to the evaluator: a connection, seen from one of its ends.

use std::collections::BTreeSet;

use crate::model::Reference;
use crate::net::{Direction, FiveTuple};

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
    /// The VM whose rules are asked.
    pub endpoint: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Whether the other end is outside of all private and described ranges.
    pub peer_is_external: bool,
}
