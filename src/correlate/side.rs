//! One end of connections of one kind: its role, its name, and the ranges that are known of it.

use std::net::IpAddr;

use crate::correlate::Who;
use crate::model::Reference;
use crate::net::{AddressSet, IpNet, Role};

/// One end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its role.
    pub role: Role,
    /// Its name, where it has one.
    pub name: String,
    /// Its known ranges; where it has none, the addresses of the log.
    pub ranges: Vec<IpNet>,
    /// Whether `ranges` are known ranges.
    pub known: bool,
    /// Why it has the role.
    pub because: String,
    /// Whether it is one VM, and the name is that VM's.
    pub is_vm: bool,
    /// The cluster, by its place in the inventory.
    pub cluster: Option<usize>,
    /// Whether the owner is in another network.
    pub elsewhere: bool,
    /// The network that the owner is in.
    pub network: Option<Reference>,
}

impl Side {
    /// Only these addresses of it. The VIPs are one each, whichever of its addresses is asked for.
    #[must_use]
    pub fn exactly(mut self, addresses: &[IpAddr]) -> Self {
        if self.role == Role::GoogleApis {
            return self;
        }
        let own: Vec<IpNet> = addresses.iter().map(|address| IpNet::from(*address)).collect();
        self.ranges = AddressSet::of(&own).ranges();
        self
    }
}

/// The most addresses of nobody known that are listed one by one.
const MOST_ADDRESSES: usize = 16;

/// One end, from who it is and the addresses that were seen of it.
#[must_use]
pub fn side(who: Who<'_>, seen: &[IpAddr]) -> Side {
    let known = !who.owner.ranges.is_empty();
    let ranges = if known {
        // The family that was seen: a rule holds ranges of one family only.
        let v4 = seen.iter().any(IpAddr::is_ipv4);
        who.owner.ranges.iter().filter(|range| range.addr().is_ipv4() == v4).copied().collect()
    } else {
        seen.iter().take(MOST_ADDRESSES).map(|address| IpNet::from(*address)).collect()
    };
    Side {
        role: who.owner.role,
        name: who.owner.name.clone(),
        ranges,
        known,
        because: match &who.owner.origin {
            Some(origin) => format!("{} ({origin})", who.owner.because),
            None => who.owner.because.clone(),
        },
        is_vm: who.owner.is_vm,
        cluster: who.owner.cluster,
        elsewhere: who.elsewhere,
        network: who.owner.network.clone(),
    }
}
