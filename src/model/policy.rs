//! A firewall policy: rules that are attached to an organisation, a folder or networks, and asked
//! before or behind those of a VPC. A network ACL and a security group of AWS are kept as one, too.

use crate::model::attachment::Association;
use crate::model::firewall::PolicyHome;
use crate::model::{FirewallRule, Origin, PolicyKind, Reference};

/// A firewall policy and where it is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallPolicy {
    /// Its name: a number for hierarchical ones.
    pub name: String,
    /// The name people call it by.
    pub short_name: Option<String>,
    /// Its stage.
    pub kind: PolicyKind,
    /// The network whose effective firewalls showed it; `None` where it is not known to which
    /// network it applies.
    pub network: Option<Reference>,
    /// Whether it is known to apply there. A policy that is described on its own may be attached to
    /// a folder that holds the network, or not.
    pub attached: bool,
    /// Whether it stands in an answer of getEffectiveFirewalls, and so every VPC rule beside it.
    pub effective: bool,
    /// Whether nobody gave its rules: it is there, and may allow or deny anything.
    pub unread: bool,
    /// Its project, where it is known; hierarchical ones have none.
    pub project: Option<String>,
    /// What it is attached to, as far as its own description says.
    pub attachments: Vec<Association>,
    /// The region of a regional one, where it is known.
    pub region: Option<String>,
    /// Its place among the policies of its stage, lower first.
    pub order: u32,
    /// Its rules, in no order.
    pub rules: Vec<FirewallRule>,
    /// Where it was read.
    pub origin: Origin,
}

impl FirewallPolicy {
    /// The number of the entry that every network ACL ends with (`*`), which denies.
    pub const LAST_ENTRY: u32 = 32_767;

    /// Whether it goes by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.short_name.as_deref() == Some(name)
    }

    /// Where it is.
    #[must_use]
    pub fn home(&self) -> PolicyHome {
        PolicyHome { project: self.project.clone(), region: self.region.clone() }
    }

    /// Whether a rule is one of its own, or would be.
    #[must_use]
    pub fn holds(&self, rule: &FirewallRule) -> bool {
        Some(self.kind) == rule.stage
            && rule.policy.as_deref().is_some_and(|label| self.is_called(label))
            && self.home() == rule.home
    }

    /// Whether both describe one policy.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        fn agree(a: &Option<String>, b: &Option<String>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        self.kind == other.kind
            && agree(&self.region, &other.region)
            && agree(&self.project, &other.project)
            && (self.is_called(&other.name) || other.is_called(&self.name))
    }

    /// The name to call it by.
    #[must_use]
    pub fn label(&self) -> &str {
        self.short_name.as_deref().unwrap_or(&self.name)
    }
}
