//! The answer and its reasons, as values: nothing here is worded.

use crate::engine::matching::Doubt;
use crate::model::FirewallRule;
use crate::net::Direction;

/// Our computed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The connection passes.
    Allowed,
    /// It does not.
    Denied,
    /// What was given does not decide it.
    Undetermined,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Undetermined => "UNDETERMINED",
        })
    }
}

/// What decided. The default has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider<'a> {
    /// A rule, of the VPC or of a policy.
    Rule(&'a FirewallRule),
    /// The implied deny of INGRESS or allow of EGRESS.
    Implied(Direction),
    /// No rule of the security groups of an AWS instance allows it: there is no other default.
    NoGroupAllows(Direction),
    /// Traffic that no rule can block; which.
    AlwaysAllowed(&'static str),
    /// Traffic that no rule can allow; which.
    AlwaysBlocked(&'static str),
    /// No rule of the network was given.
    Missing,
}

impl Decider<'_> {
    /// Whether both are the same rule, or the same default.
    #[must_use]
    pub fn is_same(&self, other: &Decider<'_>) -> bool {
        match (self, other) {
            (Self::Rule(a), Decider::Rule(b)) => std::ptr::eq(*a, *b),
            (Self::Implied(a), Decider::Implied(b))
            | (Self::NoGroupAllows(a), Decider::NoGroupAllows(b)) => a == b,
            (Self::AlwaysAllowed(a), Decider::AlwaysAllowed(b))
            | (Self::AlwaysBlocked(a), Decider::AlwaysBlocked(b)) => a == b,
            (Self::Missing, Decider::Missing) => true,
            _ => false,
        }
    }
}

/// The answer and its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The answer.
    pub verdict: Verdict,
    /// What decided it; where the verdict is Undetermined, what would if no doubtful rule matches.
    pub decider: Decider<'a>,
    /// Rules ranking above the decider that may match, in order.
    pub doubts: Vec<(&'a FirewallRule, Doubt)>,
    /// Whether it came to the VPC rules, and none of them was given.
    pub not_given: bool,
}

impl<'a> Decision<'a> {
    /// An answer without doubts.
    #[must_use]
    pub fn fixed(verdict: Verdict, decider: Decider<'a>) -> Self {
        Self { verdict, decider, doubts: Vec::new(), not_given: false }
    }

    /// Nothing is known.
    #[must_use]
    pub fn missing() -> Self {
        Self::fixed(Verdict::Undetermined, Decider::Missing)
    }

    /// What holds whichever way the network's stages are ordered.
    #[must_use]
    pub fn or_in_other_order(mut self, other: Self) -> Self {
        if self.verdict == other.verdict {
            return self;
        }
        if !self.decider.is_same(&other.decider) {
            let deciders = [self.decider, other.decider];
            self.doubts.extend(deciders.into_iter().filter_map(|decider| match decider {
                Decider::Rule(rule) => Some((rule, Doubt::Order)),
                _ => None,
            }));
        }
        for (rule, doubt) in other.doubts {
            if !self.doubts.iter().any(|(known, _)| std::ptr::eq(*known, rule)) {
                self.doubts.push((rule, doubt));
            }
        }
        self.verdict = Verdict::Undetermined;
        self.not_given |= other.not_given;
        self
    }
}
