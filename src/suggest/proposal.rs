//! What is proposed before it is proved, or why nothing is.

use crate::correlate::Cause;
use crate::correlate::expected::Purpose;
use crate::net::AddressSet;
use crate::suggest::change::{Change, Safety};

/// A change that is yet to be proved.
#[derive(Debug, Clone)]
pub struct Proposal<'c, 'a> {
    /// The change.
    pub change: Change,
    /// The causes whose connections must pass after it; none where nothing is to pass.
    pub wanted: Vec<&'c Cause<'a>>,
    /// The ranges that were asked for at the other end.
    pub needed: AddressSet,
    /// How far it may be trusted.
    pub safety: Safety,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

/// Whether it lets the outside in.
pub(super) fn exposes(cause: &Cause<'_>) -> bool {
    cause.needs.iter().any(|need| need.purpose == Purpose::Exposure)
}

/// Why no change is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoFix {
    /// Somebody denies it on purpose: nothing should go around that.
    Intended(String),
    /// Nothing can be offered, and why.
    Other(String),
}

impl NoFix {
    /// Why.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::Intended(why) | Self::Other(why) => why,
        }
    }
}
