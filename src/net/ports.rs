//! Sets of ports, read and printed as rules write them: `443`, `8000-8100`.

use crate::net::intervals::Intervals;

/// A set of ports; equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(Intervals);

impl PortSet {
    /// Every port.
    #[must_use]
    pub fn all() -> Self {
        Self(Intervals::from_parts([(0, u128::from(u16::MAX))]))
    }

    /// The set of these ports.
    #[must_use]
    pub fn of(ports: impl IntoIterator<Item = u16>) -> Self {
        Self(Intervals::from_parts(ports.into_iter().map(|port| (port.into(), port.into()))))
    }

    /// The set of these ranges, ends included.
    #[must_use]
    pub fn of_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let wide = |(low, high): (u16, u16)| (low.into(), high.into());
        Self(Intervals::from_parts(ranges.into_iter().map(wide)))
    }

    /// The ranges, ascending, ends included.
    pub fn parts(&self) -> impl Iterator<Item = (u16, u16)> {
        let narrow = |end: u128| u16::try_from(end).unwrap_or(u16::MAX);
        self.0.parts().iter().map(move |(low, high)| (narrow(*low), narrow(*high)))
    }

    /// The set written as `443` or `8000-8100`; an error where it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high): (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        (low <= high).then(|| Self(Intervals::from_parts([(low.into(), high.into())])))
    }

    /// Whether `port` is a member.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(port.into())
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every port but possibly 0 is a member: `0-65535` and `1-65535` both say "all".
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.covers(&Intervals::from_parts([(1, u128::from(u16::MAX))]))
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
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

    /// How many ports there are.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.0.count()
    }

    /// The ports as a rule lists them, ascending.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0
            .parts()
            .iter()
            .map(|(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") })
            .collect()
    }

    /// A member outside the set that stands right beside it, for a probe that must stay denied.
    #[must_use]
    pub fn neighbour(&self) -> Option<u16> {
        let (_, high) = self.0.parts().last()?;
        let above = u16::try_from(high + 1).ok();
        above.or_else(|| {
            let (low, _) = self.0.parts().first()?;
            u16::try_from(low.checked_sub(1)?).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PortSet;

    #[test]
    fn reads_what_rules_write() {
        assert_eq!(PortSet::parse("443").unwrap().texts(), ["443"]);
        assert_eq!(PortSet::parse("8000-8100").unwrap().count(), 101);
        for bad in ["", "-1", "70000", "9-3", "https", "1-2-3"] {
            assert!(PortSet::parse(bad).is_none(), "{bad:?} is no port");
        }
    }

    #[test]
    fn every_port_is_written_two_ways() {
        assert!(PortSet::parse("0-65535").unwrap().is_everything());
        assert!(PortSet::parse("1-65535").unwrap().is_everything());
        assert!(!PortSet::parse("2-65535").unwrap().is_everything());
    }
}
