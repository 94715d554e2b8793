//! Addresses, ranges and exact sets of them.
//!
//! `10.0.0.0/8` is a range, `10.0.0.7` alone is `10.0.0.7/32`, and an IPv4 address mapped into
//! IPv6 (`::ffff:10.0.0.7`) is the IPv4 address: it is normalised here, once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

pub use ipnet::IpNet;
use ipnet::{Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::net::intervals::Intervals;

/// Reads an address; a mapped IPv4 address becomes the IPv4 address.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Reads `10.0.0.1` as logs write it; `None` for any other form, which may be an address all the
/// same: this is on the path of every log entry.
#[must_use]
pub fn parse_plain_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut bits, mut part, mut digits, mut dots) = (0_u32, 0_u32, 0, 0);
    for byte in text {
        match byte {
            // A leading zero would be octal to some.
            b'0'..=b'9' if digits < 3 && (digits == 0 || part > 0) => {
                part = part * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && dots < 3 && part < 256 => {
                bits = bits << 8 | part;
                (part, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0 && part < 256).then(|| Ipv4Addr::from_bits(bits << 8 | part))
}

/// Reads a range or a bare address, which real manifests use in place of a /32
/// (`destinationRanges: ["3.211.199.249"]`). Host bits are dropped, as the API shows them.
#[must_use]
pub fn parse_cidr(text: &str) -> Option<IpNet> {
    let text = text.trim();
    if let Some(address) = parse_address(text) {
        return Some(IpNet::from(address));
    }
    match text.parse::<IpNet>().ok()?.trunc() {
        IpNet::V6(net) if net.prefix_len() >= 96 => match net.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, net.prefix_len() - 96).ok().map(IpNet::V4),
            None => Some(IpNet::V6(net)),
        },
        net => Some(net),
    }
}

/// How many leading bits two addresses share; `None` where their families differ.
#[must_use]
pub fn common_bits(a: IpAddr, b: IpAddr) -> Option<u32> {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        (IpAddr::V6(a), IpAddr::V6(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        _ => None,
    }
}

/// A set of addresses of both families; equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressSet {
    v4: Intervals,
    v6: Intervals,
}

impl AddressSet {
    /// Every address of both families.
    #[must_use]
    pub fn all() -> Self {
        Self {
            v4: Intervals::from_parts([(0, u128::from(u32::MAX))]),
            v6: Intervals::from_parts([(0, u128::MAX)]),
        }
    }

    /// The union of these ranges.
    #[must_use]
    pub fn of<'a>(ranges: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                IpNet::V4(net) => {
                    v4.push((net.network().to_bits().into(), net.broadcast().to_bits().into()));
                }
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self { v4: Intervals::from_parts(v4), v6: Intervals::from_parts(v6) }
    }

    /// Whether `address` is a member.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits().into()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether every member of `other` is a member.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.v4.covers(&other.v4) && self.v6.covers(&other.v6)
    }

    /// The addresses that are on no public network: private ones, those shared with carriers,
    /// link-local, loopback and reserved (RFC 1918, 6598, 3927, 1112; 4193, 4291).
    #[must_use]
    pub fn private() -> &'static Self {
        static PRIVATE: LazyLock<AddressSet> = LazyLock::new(|| {
            let ranges = [
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "100.64.0.0/10",
                "169.254.0.0/16",
                "127.0.0.0/8",
                "240.0.0.0/4",
                "fc00::/7",
                "fe80::/10",
                "::1",
            ];
            let ranges: Vec<_> = ranges.iter().filter_map(|text| parse_cidr(text)).collect();
            AddressSet::of(&ranges)
        });
        &PRIVATE
    }

    /// One address.
    #[must_use]
    pub fn one(address: IpAddr) -> Self {
        Self::of([&IpNet::from(address)])
    }

    /// The first addresses of the set's intervals, and those right behind them: between two of
    /// these nothing changes.
    #[must_use]
    pub fn edges(&self) -> Vec<IpAddr> {
        let v4 = self.v4.parts().iter().flat_map(|(low, high)| [Some(*low), high.checked_add(1)]);
        let v6 = self.v6.parts().iter().flat_map(|(low, high)| [Some(*low), high.checked_add(1)]);
        let v4 = v4.flatten().filter_map(|at| u32::try_from(at).ok().map(Ipv4Addr::from_bits));
        let v6 = v6.flatten().map(Ipv6Addr::from_bits);
        v4.map(IpAddr::from).chain(v6.map(IpAddr::from)).collect()
    }

    /// All addresses between these pairs, ends included; both of a pair are of one family.
    #[must_use]
    pub fn of_parts(pairs: &[(IpAddr, IpAddr)]) -> Self {
        let v4 = pairs.iter().filter_map(|pair| match pair {
            (IpAddr::V4(low), IpAddr::V4(high)) => {
                Some((low.to_bits().into(), high.to_bits().into()))
            }
            _ => None,
        });
        let v6 = pairs.iter().filter_map(|pair| match pair {
            (IpAddr::V6(low), IpAddr::V6(high)) => Some((low.to_bits(), high.to_bits())),
            _ => None,
        });
        Self { v4: Intervals::from_parts(v4), v6: Intervals::from_parts(v6) }
    }

    /// Whether the whole of one family is in the set: `0.0.0.0/0` or `::/0`.
    #[must_use]
    pub fn is_anywhere(&self) -> bool {
        let all = Self::all();
        self.v4 == all.v4 || self.v6 == all.v6
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// Members of this set only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// How many addresses there are, capped at the largest number.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.v4.count().saturating_add(self.v6.count())
    }

    /// The set as the fewest ranges, ascending, IPv4 first.
    #[must_use]
    pub fn ranges(&self) -> Vec<IpNet> {
        let v4 = self.v4.parts().iter().flat_map(|&(low, high)| {
            let (low, high) = (u32::try_from(low), u32::try_from(high));
            let (low, high) = (low.unwrap_or(u32::MAX), high.unwrap_or(u32::MAX));
            Ipv4Subnets::new(Ipv4Addr::from_bits(low), Ipv4Addr::from_bits(high), 0)
                .map(IpNet::V4)
                .collect::<Vec<_>>()
        });
        let v6 = self.v6.parts().iter().flat_map(|&(low, high)| {
            Ipv6Subnets::new(Ipv6Addr::from_bits(low), Ipv6Addr::from_bits(high), 0)
                .map(IpNet::V6)
                .collect::<Vec<_>>()
        });
        v4.chain(v6).collect()
    }

    /// The ranges as text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.ranges().iter().map(ToString::to_string).collect()
    }

    /// The set in few words: its ranges, or one range with what it lacks where that is shorter.
    /// `0.0.0.0/0 except 10.0.0.16/28`.
    #[must_use]
    pub fn words(&self, most: usize) -> String {
        let families = [
            Self { v6: Intervals::default(), ..self.clone() },
            Self { v4: Intervals::default(), ..self.clone() },
        ];
        let texts = families.iter().filter(|set| !set.is_empty()).map(|set| {
            let ranges = set.ranges();
            let holes = set.cover().map(|cover| (cover, Self::of([&cover]).difference(set)));
            match holes {
                Some((cover, holes)) if holes.ranges().len() + 1 < ranges.len() => {
                    format!("{cover} except {}", listed(&holes.ranges(), most))
                }
                _ => listed(&ranges, most),
            }
        });
        texts.collect::<Vec<_>>().join(", ")
    }

    /// The smallest range that holds all members of a set of one family.
    fn cover(&self) -> Option<IpNet> {
        let ranges = self.ranges();
        let (first, last) = (ranges.first()?.network(), ranges.last()?.broadcast());
        let length = common_bits(first, last)?;
        IpNet::new(first, u8::try_from(length).ok()?).ok().map(|range| range.trunc())
    }

    /// The lowest member.
    #[must_use]
    pub fn first(&self) -> Option<IpAddr> {
        self.first_v4().or_else(|| self.first_v6())
    }

    /// The lowest IPv4 member.
    #[must_use]
    pub fn first_v4(&self) -> Option<IpAddr> {
        let (low, _) = self.v4.parts().first()?;
        u32::try_from(*low).ok().map(|bits| Ipv4Addr::from_bits(bits).into())
    }

    /// The lowest IPv6 member.
    #[must_use]
    pub fn first_v6(&self) -> Option<IpAddr> {
        self.v6.parts().first().map(|(low, _)| Ipv6Addr::from_bits(*low).into())
    }

    /// Every IPv4 address.
    #[must_use]
    pub fn all_v4() -> &'static Self {
        static ALL: LazyLock<AddressSet> =
            LazyLock::new(|| AddressSet { v6: Intervals::default(), ..AddressSet::all() });
        &ALL
    }

    /// Every IPv6 address.
    #[must_use]
    pub fn all_v6() -> &'static Self {
        static ALL: LazyLock<AddressSet> =
            LazyLock::new(|| AddressSet { v4: Intervals::default(), ..AddressSet::all() });
        &ALL
    }

    /// An address just outside the set: right above its highest IPv4 member, or below its lowest.
    #[must_use]
    pub fn neighbour(&self) -> Option<IpAddr> {
        if let (Some((low, _)), Some((_, high))) = (self.v4.parts().first(), self.v4.parts().last())
        {
            let below = low.checked_sub(1).and_then(|bits| u32::try_from(bits).ok());
            let bits = u32::try_from(high + 1).ok().or(below)?;
            return Some(Ipv4Addr::from_bits(bits).into());
        }
        let (_, high) = self.v6.parts().last()?;
        high.checked_add(1).map(|bits| Ipv6Addr::from_bits(bits).into())
    }
}

fn listed(ranges: &[IpNet], most: usize) -> String {
    let mut texts: Vec<String> = ranges.iter().take(most).map(ToString::to_string).collect();
    if ranges.len() > most {
        texts.push(format!("… {} more", ranges.len() - most));
    }
    texts.join(", ")
}

/// The v4 and v6 default routes, `0.0.0.0/0` and `::/0`.
#[must_use]
pub fn anywhere() -> [IpNet; 2] {
    [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())]
}

#[cfg(test)]
mod tests {
    use super::{AddressSet, parse_address, parse_cidr};

    fn set(texts: &[&str]) -> AddressSet {
        AddressSet::of(&texts.iter().map(|text| parse_cidr(text).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn bare_mapped_and_untidy_ranges() {
        assert_eq!(parse_cidr("3.211.199.249").unwrap().to_string(), "3.211.199.249/32");
        assert_eq!(parse_cidr("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(parse_cidr("::ffff:10.0.0.0/104").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(parse_address("::ffff:10.0.0.7").unwrap().to_string(), "10.0.0.7");
        for bad in ["10.0.0.0/40", "podIpv4Range", "10.0.0/8", ""] {
            assert!(parse_cidr(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn sets_come_back_as_the_fewest_ranges() {
        assert_eq!(set(&["10.0.0.0/9", "10.128.0.0/9"]).texts(), ["10.0.0.0/8"]);
        let without = set(&["10.0.0.0/30"]).difference(&set(&["10.0.0.1"]));
        assert_eq!(without.texts(), ["10.0.0.0/32", "10.0.0.2/31"]);
        assert_eq!(AddressSet::all().texts(), ["0.0.0.0/0", "::/0"]);
    }

    #[test]
    fn few_words_say_the_same() {
        let all = set(&["0.0.0.0/0"]);
        assert_eq!(
            all.difference(&set(&["10.0.0.16/28"])).words(4),
            "0.0.0.0/0 except 10.0.0.16/28"
        );
        assert_eq!(set(&["10.0.0.0/24", "10.0.2.0/24"]).words(4), "10.0.0.0/24, 10.0.2.0/24");
        assert_eq!(
            set(&["10.0.0.1", "10.0.0.3", "10.0.0.5"]).words(2),
            "10.0.0.1/32, 10.0.0.3/32, … 1 more"
        );
        assert_eq!(AddressSet::all().words(4), "0.0.0.0/0, ::/0");
    }

    #[test]
    fn the_neighbour_is_outside() {
        let range = set(&["172.16.0.32/28"]);
        assert_eq!(range.neighbour().unwrap().to_string(), "172.16.0.48");
        assert!(!range.contains(range.neighbour().unwrap()));
    }
}
