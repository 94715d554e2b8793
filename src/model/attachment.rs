//! Where firewall policies hold: a policy says what, an association says of what.

use crate::model::{Origin, Reference};

/// What a firewall policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// An organisation, by its number.
    Organization(String),
    /// A folder, by its number.
    Folder(String),
    /// A network.
    Network(Reference),
    /// A subnet, of a network ACL of AWS.
    Subnetwork(Reference),
}

impl Attachment {
    /// Whether a reference means it.
    #[must_use]
    pub fn is(&self, target: &Reference) -> bool {
        match self {
            Self::Organization(number) | Self::Folder(number) => *number == target.name,
            Self::Network(own) | Self::Subnetwork(own) => own.agrees(target),
        }
    }
}

/// Where a policy is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The policy, by its name, number or short name.
    pub policy: String,
    /// What to.
    pub to: Attachment,
    /// The policy's project, where it is said.
    pub project: Option<String>,
    /// The policy's region, where it is said.
    pub region: Option<String>,
    /// Its place among the policies there.
    pub priority: Option<u32>,
    /// Where it was read.
    pub origin: Origin,
}
