//! A question about a connection that nobody has made yet: what `sim` is asked, alone or in a file
//! of policy unit tests.
//!
//! What a question leaves out is unknown (`None`), and never taken for none.

use std::collections::BTreeSet;

use crate::model::Reference;
use crate::net::{Direction, IpNet, PortSet, Protocol};

/// How a question is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryId {
    /// By a word.
    Text(String),
    /// By a number.
    Number(i64),
}

/// What a question says of one end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Its network tags.
    pub tags: Option<BTreeSet<String>>,
    /// Its service account: one or none.
    pub service_accounts: Option<BTreeSet<String>>,
    /// Its secure tags.
    pub secure_tags: Option<BTreeSet<String>>,
}

/// An answer that a question expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// All of it passes.
    Allowed,
    /// Nothing of it passes.
    Denied,
    /// Some of it passes, some does not.
    Mixed,
    /// What was given does not decide it.
    Undetermined,
}

impl Expected {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Mixed => "MIXED",
            Self::Undetermined => "UNDETERMINED",
        }
    }

    /// Reads that word, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Allowed, Self::Denied, Self::Mixed, Self::Undetermined];
        all.into_iter().find(|one| one.id().eq_ignore_ascii_case(text.trim()))
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What it is called.
    pub id: Option<QueryId>,
    /// The network.
    pub network: Option<Reference>,
    /// The VM's region.
    pub region: Option<String>,
    /// Seen from the VM.
    pub direction: Direction,
    /// The client's addresses; `None` where it is the VM and they are not known.
    pub source: Option<Vec<IpNet>>,
    /// The server's addresses; `None` where it is the VM and they are not known.
    pub destination: Option<Vec<IpNet>>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// The ports.
    pub ports: Option<PortSet>,
    /// The VM that the rules apply to.
    pub target: Told,
    /// The other end of INGRESS.
    pub peer: Told,
    /// The answer that is expected.
    pub expect: Option<Expected>,
}
