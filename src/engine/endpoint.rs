//! What is known of one end of a connection besides its address, as three-valued facts.

use std::collections::BTreeSet;

use crate::model::firewall::Targets;
use crate::net::{Identities, Identity};

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
