//! One log entry of firewall rules logging, as far as an answer can depend on it.
//!
//! Fields and their spellings: <https://cloud.google.com/firewall/docs/firewall-rules-logging>,
//! `LogEntry` of the Logging API, and entries seen in the wild (`action` is DENY, not DENIED).

use std::borrow::Cow;
use std::fmt;

use crate::net::{Direction, FiveTuple, Timestamp};

/// What the log says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// The connection was allowed.
    Allowed,
    /// The connection was denied.
    Denied,
    /// The connection was handed to a firewall endpoint (policies only).
    Intercepted,
}

impl Disposition {
    /// Reads ALLOWED, DENIED and INTERCEPTED, and the actions ALLOW and DENY.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "ALLOWED" | "ALLOW" => Some(Self::Allowed),
            "DENIED" | "DENY" => Some(Self::Denied),
            "INTERCEPTED" => Some(Self::Intercepted),
            _ => None,
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Intercepted => "INTERCEPTED",
        })
    }
}

/// The rule that a record names: `network:default/firewall:allow-ssh`, or a policy, whose rules
/// have no name of their own and are told apart by direction and priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleReference {
    /// A VPC firewall rule of a network.
    Vpc {
        /// The network's name.
        network: String,
        /// The rule's name.
        rule: String,
    },
    /// A firewall policy; `scope` is what stands before it, kept as it came.
    Policy {
        /// `network:lz-hub`, `organization:1`, `folder:2`, or a tier.
        scope: String,
        /// Its name or number.
        policy: String,
    },
}

impl RuleReference {
    /// Reads the reference of a record; `None` where it is in no form that is known.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scope, last) = text.rsplit_once('/').unwrap_or(("", text));
        if let Some(policy) = last.strip_prefix("firewallPolicy:") {
            return Some(Self::Policy { scope: scope.to_owned(), policy: policy.to_owned() });
        }
        let rule = last.strip_prefix("firewall:")?.to_owned();
        let network = scope.strip_prefix("network:").unwrap_or(scope).to_owned();
        Some(Self::Vpc { network, rule })
    }

    /// The network that the reference names.
    #[must_use]
    pub fn network(&self) -> Option<&str> {
        match self {
            Self::Vpc { network, .. } => (!network.is_empty()).then_some(network.as_str()),
            Self::Policy { scope, .. } => scope.strip_prefix("network:"),
        }
    }

    /// The name of the rule or the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Vpc { rule, .. } => rule,
            Self::Policy { policy, .. } => policy,
        }
    }
}

/// A VM that a record names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedInstance<'a> {
    /// The VM's project (the service project, in a Shared VPC).
    pub project: Cow<'a, str>,
    /// The VM's name.
    pub name: Cow<'a, str>,
}

/// One entry, borrowed from the bytes it was read from wherever they hold no escape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// `insertId`, empty where there is none.
    pub insert_id: Cow<'a, str>,
    /// `timestamp`.
    pub timestamp: Option<Timestamp>,
    /// The project of `logName`, else of the resource's labels.
    pub project: Cow<'a, str>,
    /// What the firewall did; `None` for entries of other logs.
    pub disposition: Option<Disposition>,
    /// The connection it did it to; `None` also where the entry's addresses cannot be read.
    pub firewall: Option<FirewallRecord<'a>>,
    /// Records of one reader that have the same number have the same project, disposition,
    /// direction, rule and network: these need not be compared again.
    pub kin: Option<u32>,
}

impl Record<'_> {
    /// The same, holding its own strings; of no reader's kin.
    #[must_use]
    pub fn into_owned<'a>(self) -> Record<'a> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Record {
            insert_id: owned(self.insert_id),
            timestamp: self.timestamp,
            project: owned(self.project),
            disposition: self.disposition,
            kin: None,
            firewall: self.firewall.map(|firewall| FirewallRecord {
                tuple: firewall.tuple,
                disposition: firewall.disposition,
                direction: firewall.direction,
                reference: owned(firewall.reference),
                priority: firewall.priority,
                instance: LoggedInstance {
                    project: owned(firewall.instance.project),
                    name: owned(firewall.instance.name),
                },
                vpc_project: owned(firewall.vpc_project),
                vpc_name: owned(firewall.vpc_name),
            }),
        }
    }
}

/// The payload of a firewall entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallRecord<'a> {
    /// The connection.
    pub tuple: FiveTuple,
    /// What happened to it.
    pub disposition: Disposition,
    /// The direction, where the entry says it.
    pub direction: Option<Direction>,
    /// `rule_details.reference`, as it came; empty where there is none.
    pub reference: Cow<'a, str>,
    /// `rule_details.priority`.
    pub priority: Option<u32>,
    /// The VM whose firewall wrote the entry.
    pub instance: LoggedInstance<'a>,
    /// The network's project (the host project, in a Shared VPC).
    pub vpc_project: Cow<'a, str>,
    /// The network.
    pub vpc_name: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::RuleReference;

    #[test]
    fn references_of_rules_and_policies() {
        let vpc = RuleReference::parse("network:default/firewall:adrian-test-1").unwrap();
        assert_eq!((vpc.network(), vpc.name()), (Some("default"), "adrian-test-1"));
        let policy = RuleReference::parse("network:lz-hub/firewallPolicy:lz").unwrap();
        assert_eq!((policy.network(), policy.name()), (Some("lz-hub"), "lz"));
        let folder = RuleReference::parse("folder:12/firewallPolicy:34").unwrap();
        assert_eq!((folder.network(), folder.name()), (None, "34"));
        assert!(RuleReference::parse("something else").is_none());
    }
}
