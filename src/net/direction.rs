//! The direction of a connection as the firewall sees it: from the VM whose rules are asked.
//!
//! A connection between two VMs is asked twice: EGRESS at its source, INGRESS at its destination.

use std::fmt;
use std::str::FromStr;

/// INGRESS arrives at the VM, EGRESS leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The VM is the destination.
    Ingress,
    /// The VM is the source.
    Egress,
}

impl Direction {
    /// The other one: what leaves one VM enters the other.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "INGRESS",
            Self::Egress => "EGRESS",
        })
    }
}

impl FromStr for Direction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.eq_ignore_ascii_case("INGRESS") {
            Ok(Self::Ingress)
        } else if text.eq_ignore_ascii_case("EGRESS") {
            Ok(Self::Egress)
        } else {
            Err(())
        }
    }
}
