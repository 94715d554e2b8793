//! What a list is a list of, as far as it matters whether all of it was given: what is not in a
//! part of a list may be in the rest of it.

use std::collections::BTreeSet;

/// What lists say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Those of which only a part was given.
    pub partial: BTreeSet<Listed>,
    /// Those that were given and hold nothing, with the project that they are of.
    pub none: BTreeSet<(Listed, Option<String>)>,
}

impl Lists {
    /// Takes in what others say.
    pub fn absorb(&mut self, other: Self) {
        self.partial.extend(other.partial);
        self.none.extend(other.none);
    }
}

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listed {
    /// Firewall rules or policies, or nobody knows what.
    Rules,
    /// Routes.
    Routes,
    /// Policy-based routes.
    PolicyRoutes,
    /// Routers, with their NATs.
    Routers,
    /// DNS zones.
    Zones,
    /// DNS records.
    Records,
    /// Objects of Kubernetes.
    Objects,
    /// What nothing is concluded from that is not there.
    Other,
}

impl Listed {
    /// By what the elements, or the list, call their kind: `compute#route`, `Pod`, `rrsets`.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind {
            "compute#route" => Self::Routes,
            "policyBasedRoutes" => Self::PolicyRoutes,
            "compute#router" | "routers" => Self::Routers,
            "managedZones" => Self::Zones,
            "rrsets" => Self::Records,
            "" | "assets" => Self::Rules,
            kind if kind.contains("irewall") => Self::Rules,
            kind if kind.starts_with(|first: char| first.is_ascii_uppercase()) => Self::Objects,
            _ => Self::Other,
        }
    }

    /// What is not concluded from a part of it.
    #[must_use]
    pub fn unjudged(self) -> Option<&'static str> {
        Some(match self {
            Self::Rules => "firewall rules: what the given ones do not decide",
            Self::Routes => "routes: where another one may lead",
            Self::PolicyRoutes => "policy-based routes: what another one may take",
            Self::Routers => "routers: regions without a given NAT",
            Self::Zones => "DNS zones: names that no given one answers for",
            Self::Records => "DNS records: names that are not among them",
            Self::Objects => "objects of Kubernetes: Services without given pods",
            Self::Other => return None,
        })
    }
}
