//! Rules that would have let a flow pass but for one thing, nearest first.
//!
//! `allow-control-plane` opens 172.16.0.0/28 and 172.16.0.32/28 was needed: that one field is what
//! a person looks for, and often all that has to change.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use crate::engine::decision::Decider;
use crate::engine::flow::{Flow, match_rule};
use crate::engine::matching::{Mismatch, Observer, Outcome};
use crate::model::{Action, FirewallRule, Owner, PolicyKind};
use crate::net::{AddressSet, cidr};

/// What keeps a near miss from allowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// It matches, but the decider outranks it.
    Priority,
    /// One field does not fit.
    Field(Mismatch),
}

impl Gap {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Field(mismatch) => mismatch.id(),
        }
    }
}

/// A rule that nearly allowed a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearMiss<'a> {
    /// The rule.
    pub rule: &'a FirewallRule,
    /// What it lacks.
    pub gap: Gap,
    /// How many leading bits its nearest range shares with the address, for ranges; all of them
    /// where it opens a part of what is needed.
    pub shared_bits: u32,
}

/// The near misses among `rules`, nearest first. Only allows count; `decider` tells which rank
/// would have been needed, and `kin` which addresses belong with the other end: a rule that opens
/// one of two ranges of health checks was meant for the second, too.
#[must_use]
pub fn near_misses<'a>(
    rules: impl IntoIterator<Item = &'a FirewallRule>,
    flow: &Flow,
    decider: Decider<'_>,
    kin: &AddressSet,
) -> Vec<NearMiss<'a>> {
    let mut found: Vec<NearMiss<'a>> = rules
        .into_iter()
        .filter(|rule| rule.action == Action::Allow)
        .filter_map(|rule| judge(rule, flow, decider, kin))
        .collect();
    // A range that shares less than its first byte with the address was never meant for it.
    let is_near = |miss: &NearMiss<'_>| match miss.gap {
        Gap::Field(Mismatch::Source | Mismatch::Destination) => miss.shared_bits >= 8,
        // Every security group lets out what it likes, which says nothing of what comes in.
        Gap::Field(Mismatch::Direction) => {
            let of_group = miss.rule.stage == Some(PolicyKind::SecurityGroup);
            !matches!(miss.rule.owner, Owner::Gke(_)) && !of_group
        }
        _ => true,
    };
    found.retain(is_near);
    found.sort_by_key(|miss| {
        let rank = match miss.gap {
            Gap::Priority => 0,
            Gap::Field(Mismatch::Disabled) => 1,
            Gap::Field(Mismatch::Port) => 2,
            Gap::Field(Mismatch::Source | Mismatch::Destination) if miss.shared_bits >= 16 => 2,
            Gap::Field(Mismatch::Target) => 3,
            Gap::Field(Mismatch::Protocol) => 4,
            Gap::Field(Mismatch::Network) => 5,
            Gap::Field(Mismatch::Source | Mismatch::Destination) => 6,
            Gap::Field(Mismatch::Direction) => 7,
        };
        // Rules that GKE writes were not meant by anybody, and cannot be corrected.
        let of_gke = matches!(miss.rule.owner, Owner::Gke(_));
        let name = miss.rule.name.as_deref();
        (of_gke, rank, Reverse(miss.shared_bits), miss.rule.priority, name)
    });
    found
}

/// How many fields miss, up to the second one: then the rule is no near miss.
struct Misses(usize);

impl Observer for Misses {
    const EXHAUSTIVE: bool = true;

    fn missed(&mut self, _: Mismatch) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn judge<'a>(
    rule: &'a FirewallRule,
    flow: &Flow,
    decider: Decider<'_>,
    kin: &AddressSet,
) -> Option<NearMiss<'a>> {
    let mut misses = Misses(0);
    let gap = match (match_rule(rule, flow, &mut misses), misses) {
        (Outcome::Matched, _) if outranked(decider) => Gap::Priority,
        (Outcome::Missed(mismatch), Misses(1)) => Gap::Field(mismatch),
        _ => return None,
    };
    let shared_bits = match gap {
        Gap::Field(Mismatch::Source) => nearest(rule.source.as_ref(), flow.tuple.src, kin),
        Gap::Field(Mismatch::Destination) => {
            nearest(rule.destination.as_ref(), flow.tuple.dst, kin)
        }
        _ => 128,
    };
    Some(NearMiss { rule, gap, shared_bits })
}

/// A rule that matches and yet does not decide is outranked: by a better priority, or by a stage
/// that is asked before.
fn outranked(decider: Decider<'_>) -> bool {
    matches!(decider, Decider::Rule(deny) if deny.action == Action::Deny)
}

fn nearest(ranges: Option<&AddressSet>, address: std::net::IpAddr, kin: &AddressSet) -> u32 {
    // By tag or account: whether that was near, no number tells.
    let Some(set) = ranges else { return 16 };
    if !set.intersection(kin).is_empty() {
        return 128;
    }
    set.ranges()
        .iter()
        .filter_map(|range| cidr::common_bits(range.addr(), address))
        .max()
        .unwrap_or(0)
}
