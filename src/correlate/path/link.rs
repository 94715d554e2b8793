//! One link of a way: what it is, how it is, and what is wrong with it.
//!
//! `route broken: routes of kf: no default route`

use crate::model::Origin;

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Ok,
    /// It does not.
    Broken,
    /// What was given does not decide it.
    Undetermined,
    /// What would decide it was not given.
    NotGiven,
}

impl State {
    /// Of several links that all have to hold, the heaviest tells what becomes of the way.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::NotGiven => 1,
            Self::Undetermined => 2,
            Self::Broken => 3,
        }
    }

    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Broken => "broken",
            Self::Undetermined => "undetermined",
            Self::NotGiven => "not-given",
        }
    }
}

/// What is wrong with a link that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A private zone is there, and not seen from here.
    ZoneUnseen,
    /// The zone that answers has no record of the name.
    NoRecord,
    /// The zone that answers leads to the wrong addresses.
    WrongTarget,
    /// No route leads there.
    NoRoute,
    /// The route leads somewhere else.
    WrongHop,
    /// A rule denies it.
    Denied,
    /// A rule denies some of the addresses that it may be: not decided, then.
    PartlyDenied,
    /// Private Google Access is off.
    AccessOff,
    /// There is no Cloud NAT.
    NoNat,
    /// The Cloud NAT does not cover the range.
    Uncovered,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `name`, `address`, `route`, `firewall`, `private-google-access`, `nat`.
    pub kind: &'static str,
    /// How it is.
    pub state: State,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// What decides it.
    pub object: String,
    /// What that says.
    pub detail: String,
    /// Where it was read.
    pub origin: Option<Origin>,
}

/// The first link of a way that is broken, by its place.
#[must_use]
pub fn first_broken(links: &[Link]) -> Option<usize> {
    links.iter().position(|link| link.state == State::Broken)
}

pub(super) fn link(
    kind: &'static str,
    state: State,
    object: impl Into<String>,
    detail: impl Into<String>,
) -> Link {
    Link { kind, state, fault: None, object: object.into(), detail: detail.into(), origin: None }
}

impl Link {
    /// Says what is wrong, where it is broken.
    pub(super) fn by(self, fault: Fault) -> Self {
        let fault = (self.state == State::Broken).then_some(fault);
        Self { fault, ..self }
    }

    pub(super) fn read_at(self, origin: &Origin) -> Self {
        Self { origin: Some(origin.clone()), ..self }
    }
}
