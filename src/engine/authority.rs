//! Who answers for names, or would if it were attached: private zones, and rules of response
//! policies.
//!
//! ```text
//! response policy googles: rule apis for *.googleapis.com.
//! ```

use crate::engine::domains::{is_under, plain};
use crate::model::{Inventory, ManagedZone, Origin, ResponsePolicy, ResponseRule};

/// Who answers for a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Authority<'a> {
    /// A private zone.
    Zone(&'a ManagedZone),
    /// A rule of a response policy.
    Rule(&'a ResponseRule),
}

impl Authority<'_> {
    /// What it is called.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Zone(zone) => format!("managed zone {}", zone.id.name),
            Self::Rule(rule) => format!("response policy rule {}", rule.name),
        }
    }

    /// Where it was read.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Zone(zone) => &zone.origin,
            Self::Rule(rule) => &rule.origin,
        }
    }
}

/// What would answer for a name, and does not answer this network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unseen<'a> {
    /// A private zone.
    Zone(&'a ManagedZone),
    /// A response policy, with its rule for the name.
    Policy(&'a ResponsePolicy, &'a ResponseRule),
}

impl Unseen<'_> {
    /// What it is called.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Zone(zone) => format!("managed zone {}", zone.id.name),
            Self::Policy(policy, _) => format!("response policy {}", policy.id.name),
        }
    }

    /// What it answers for.
    #[must_use]
    pub fn answers_for(&self) -> String {
        match self {
            Self::Zone(zone) => format!("the private zone for {}", zone.dns_name),
            Self::Policy(_, rule) => format!("the rule {} for {}", rule.name, rule.dns_name),
        }
    }

    /// Where it was read.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Zone(zone) => &zone.origin,
            Self::Policy(policy, _) => &policy.origin,
        }
    }
}

/// The rules of a response policy. An export of rules does not say whose they are: of one policy
/// they are its.
pub(super) fn own_rules<'a>(
    inventory: &'a Inventory,
    policy: &ResponsePolicy,
) -> Vec<&'a ResponseRule> {
    let own = |rule: &&ResponseRule| match &rule.policy {
        Some(of) => of.agrees(&policy.id),
        None => inventory.response_policies.len() == 1,
    };
    inventory.response_rules.iter().filter(own).collect()
}

/// The rule of the longest name that is the name, or a wildcard above it.
pub(super) fn rule_for<'a>(rules: &[&'a ResponseRule], name: &str) -> Option<&'a ResponseRule> {
    let fits = |rule: &&&ResponseRule| {
        let of = plain(&rule.dns_name);
        match of.strip_prefix("*.").or((of == "*").then_some("")) {
            Some(suffix) => name != suffix && is_under(name, suffix),
            None => name == of,
        }
    };
    let length = |rule: &&&ResponseRule| {
        let of = plain(&rule.dns_name);
        (of.trim_start_matches('*').trim_start_matches('.').len(), !of.starts_with('*'))
    };
    rules.iter().filter(fits).max_by_key(length).copied()
}
