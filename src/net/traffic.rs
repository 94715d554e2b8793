//! Sets of protocols and ports as one dimension: `tcp 443, udp 53, icmp` is a set of points, where
//! a protocol without ports is the one point at port 0.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::net::intervals::Intervals;
use crate::net::{PortSet, Protocol};

/// A set of (protocol, port) pairs; equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficSet(Intervals);

/// One protocol of a set, as rules and reports write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficPart {
    /// `tcp`, `all`, or `other` for all protocols that have no name here.
    pub protocol: String,
    /// The ports; empty for protocols without, and for all of them.
    pub ports: Vec<String>,
}

/// Protocols with ports, ascending; the others come first in the numbering of points, one each, so
/// that everything together is one interval.
const WITH_PORTS: [Protocol; 3] = [Protocol::TCP, Protocol::UDP, Protocol::SCTP];
const WITHOUT_PORTS: u128 = 256 - 3;

fn point(protocol: Protocol, port: u16) -> u128 {
    match WITH_PORTS.iter().position(|one| *one == protocol) {
        Some(place) => WITHOUT_PORTS + (place as u128) * 65_536 + u128::from(port),
        None => {
            let skipped = WITH_PORTS.iter().filter(|one| one.0 < protocol.0).count();
            u128::from(protocol.0) - skipped as u128
        }
    }
}

/// The protocols that rules call by their number only.
static NAMELESS: LazyLock<TrafficSet> = LazyLock::new(|| {
    let nameless = protocols().filter(|one| !one.has_name());
    TrafficSet(Intervals::from_parts(nameless.map(whole)))
});

fn protocol_at(at: u128) -> Option<Protocol> {
    let past = at.checked_sub(WITHOUT_PORTS).map(|past| past / 65_536);
    match past {
        Some(place) => WITH_PORTS.get(usize::try_from(place).ok()?).copied(),
        None => {
            let number = WITH_PORTS.iter().fold(at, |number, skipped| {
                if number >= u128::from(skipped.0) { number + 1 } else { number }
            });
            u8::try_from(number).ok().map(Protocol)
        }
    }
}

fn port_at(at: u128) -> u16 {
    let past = at.checked_sub(WITHOUT_PORTS).map_or(0, |past| past % 65_536);
    u16::try_from(past).unwrap_or(u16::MAX)
}

fn whole(protocol: Protocol) -> (u128, u128) {
    (point(protocol, 0), point(protocol, u16::MAX))
}

fn protocols() -> impl Iterator<Item = Protocol> {
    (0..=u8::MAX).map(Protocol)
}

impl TrafficSet {
    /// Every protocol on every port.
    #[must_use]
    pub fn all() -> Self {
        let last = point(Protocol::SCTP, u16::MAX);
        Self(Intervals::from_parts([(0, last)]))
    }

    /// A protocol on every port; every protocol where none is given.
    #[must_use]
    pub fn of_protocol(protocol: Option<Protocol>) -> Self {
        protocol.map_or_else(Self::all, |one| Self(Intervals::from_parts([whole(one)])))
    }

    /// A protocol on these ports; every protocol that has ports where none is given. A protocol
    /// without ports has none of them.
    #[must_use]
    pub fn of_ports(protocol: Option<Protocol>, ports: &PortSet) -> Self {
        let wanted = |one: &Protocol| protocol.is_none_or(|only| only == *one);
        let parts = WITH_PORTS.into_iter().filter(wanted).flat_map(|one| {
            ports.parts().map(move |(low, high)| (point(one, low), point(one, high)))
        });
        Self(Intervals::from_parts(parts))
    }

    /// One protocol on one port.
    #[must_use]
    pub fn of_point(protocol: Protocol, port: u16) -> Self {
        let at = point(protocol, port);
        Self(Intervals::from_parts([(at, at)]))
    }

    /// Whether a protocol on a port is a member.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.0.contains(point(protocol, port))
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every member of `other` is a member.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.0.covers(&other.0)
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// The union of many sets.
    #[must_use]
    pub fn union_of(sets: impl IntoIterator<Item = Self>) -> Self {
        let sets: Vec<Self> = sets.into_iter().collect();
        Self(Intervals::from_parts(sets.iter().flat_map(|set| set.0.parts().iter().copied())))
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }

    /// Members of this set only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }

    /// How many members there are.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.0.count()
    }

    /// The lowest member.
    #[must_use]
    pub fn first(&self) -> Option<(Protocol, u16)> {
        let (low, _) = self.0.parts().first()?;
        Some((protocol_at(*low)?, port_at(*low)))
    }

    /// The ports of one protocol.
    #[must_use]
    pub fn ports_of(&self, protocol: Protocol) -> PortSet {
        let own = self.0.intersection(&Intervals::from_parts([whole(protocol)]));
        PortSet::of_ranges(own.parts().iter().map(|(low, high)| (port_at(*low), port_at(*high))))
    }

    /// The set a protocol at a time, the named ones first. Protocols without a name are numbers,
    /// and `other` where all of them are in.
    #[must_use]
    pub fn parts(&self) -> Vec<TrafficPart> {
        if *self == Self::all() {
            return vec![TrafficPart { protocol: "all".to_owned(), ports: Vec::new() }];
        }
        let all_nameless = self.covers(&NAMELESS);
        let of_interval = |(low, high): &(u128, u128)| {
            let without = (*low..=(*high).min(WITHOUT_PORTS - 1)).filter_map(protocol_at);
            let with = WITH_PORTS.into_iter().filter(|one| {
                let (first, last) = whole(*one);
                first <= *high && *low <= last
            });
            without.chain(with).collect::<Vec<_>>()
        };
        let present: BTreeSet<Protocol> = self.0.parts().iter().flat_map(of_interval).collect();
        let mut parts: Vec<TrafficPart> = present
            .into_iter()
            .filter(|one| one.has_name() || !all_nameless)
            .map(|one| {
                let ports = self.ports_of(one);
                let every = !one.has_ports() || ports == PortSet::all();
                let texts = if every { Vec::new() } else { ports.texts() };
                TrafficPart { protocol: one.to_string(), ports: texts }
            })
            .collect();
        if all_nameless {
            parts.push(TrafficPart { protocol: "other".to_owned(), ports: Vec::new() });
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::TrafficSet;
    use crate::net::{PortSet, Protocol};

    #[test]
    fn protocols_without_ports_are_one_point() {
        assert!(TrafficSet::of_protocol(Some(Protocol::ICMP)).contains(Protocol::ICMP, 7));
        assert_eq!(TrafficSet::of_protocol(Some(Protocol::ICMP)).count(), 1);
        let web = TrafficSet::of_ports(None, &PortSet::of([443]));
        assert!(web.contains(Protocol::TCP, 443) && web.contains(Protocol::SCTP, 443));
        assert!(!web.contains(Protocol::ICMP, 443), "a part with ports needs a packet with ports");
    }

    #[test]
    fn every_protocol_is_in_all_and_stands_for_itself() {
        assert_eq!(TrafficSet::all().count(), 253 + 3 * 65_536);
        for number in 0..=u8::MAX {
            let one = TrafficSet::of_protocol(Some(Protocol(number)));
            assert!(TrafficSet::all().covers(&one));
            assert_eq!(one.first(), Some((Protocol(number), 0)));
            let port = if Protocol(number).has_ports() { 65_535 } else { 0 };
            let last = TrafficSet::of_point(Protocol(number), 65_535);
            assert_eq!(last.first(), Some((Protocol(number), port)));
        }
    }

    #[test]
    fn parts_read_as_rules_write_them() {
        let text = |set: &TrafficSet| {
            let parts = set.parts();
            let one = |part: &super::TrafficPart| {
                format!("{} {}", part.protocol, part.ports.join(",")).trim_end().to_owned()
            };
            parts.iter().map(one).collect::<Vec<_>>().join(" | ")
        };
        assert_eq!(text(&TrafficSet::all()), "all");
        let tcp = TrafficSet::of_protocol(Some(Protocol::TCP));
        assert_eq!(text(&tcp), "tcp");
        let rest = TrafficSet::all().difference(&tcp);
        assert_eq!(text(&rest), "icmp | ipip | udp | gre | esp | ah | sctp | other");
        let web = TrafficSet::of_ports(Some(Protocol::TCP), &PortSet::of([443, 80, 81]));
        assert_eq!(text(&web), "tcp 80-81,443");
    }
}
