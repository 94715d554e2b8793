//! An IP protocol by its number; printed by the name that firewall rules use where there is one.
//!
//! The names are those of `Firewall.allowed[].IPProtocol` in the Compute API, and `gre`, which it
//! takes as a number only; anything else is written as its IANA number (ICMPv6 is `58`).

use std::fmt;
use std::str::FromStr;

/// An IANA protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

const NAMES: [(&str, u8); 8] = [
    ("icmp", 1),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("sctp", 132),
];

impl Protocol {
    /// TCP, 6.
    pub const TCP: Self = Self(6);
    /// UDP, 17.
    pub const UDP: Self = Self(17);
    /// ICMP, 1.
    pub const ICMP: Self = Self(1);
    /// GRE, 47.
    pub const GRE: Self = Self(47);
    /// SCTP, 132.
    pub const SCTP: Self = Self(132);

    /// Whether rules call it by a name.
    #[must_use]
    pub fn has_name(self) -> bool {
        NAMES.iter().any(|(_, number)| *number == self.0)
    }

    /// What the Compute API takes in a rule, and AWS, too: GRE has a name for people only
    /// (<https://cloud.google.com/firewall/docs/firewalls#protocols_and_ports>).
    #[must_use]
    pub fn in_rules(self) -> String {
        if self == Self::GRE { self.0.to_string() } else { self.to_string() }
    }

    /// Whether packets of this protocol carry ports that a rule can name.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some((_, number)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self(*number));
        }
        if text.eq_ignore_ascii_case("icmpv6") || text.eq_ignore_ascii_case("ipv6-icmp") {
            return Ok(Self(58));
        }
        text.parse().map(Self).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn names_and_numbers_mean_the_same() {
        assert_eq!("TCP".parse(), Ok(Protocol::TCP));
        assert_eq!("6".parse(), Ok(Protocol::TCP));
        assert_eq!("58".parse::<Protocol>().unwrap().to_string(), "58");
        assert_eq!("all".parse::<Protocol>(), Err(()));
        assert_eq!("256".parse::<Protocol>(), Err(()));
        assert_eq!(Protocol::GRE.to_string().parse(), Ok(Protocol::GRE));
        assert_eq!(
            (Protocol::GRE.in_rules(), Protocol::TCP.in_rules()),
            ("47".into(), "tcp".into())
        );
    }
}
