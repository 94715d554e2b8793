//! The one evaluator: what the VPC does with a flow, and what decided it.
//!
//! Stages are asked in order and the first rule that matches decides. A rule that only *may* match
//! (the VM's tags are not known) leaves two ways on: the evaluation follows both, and where they
//! end differently the verdict is Undetermined, never a guess.

use std::net::IpAddr;

use crate::engine::matching::{Doubt, Observer, Outcome, match_rule};
use crate::engine::{EffectiveRules, Flow};
use crate::model::{Action, FirewallRule};
use crate::net::{Direction, Protocol};

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
    /// Traffic that no rule can block; which.
    AlwaysAllowed(&'static str),
    /// Traffic that no rule can allow; which.
    AlwaysBlocked(&'static str),
    /// No rule of the network was given.
    Missing,
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
}

impl Decision<'_> {
    fn fixed(verdict: Verdict, decider: Decider<'_>) -> Decision<'_> {
        Decision { verdict, decider, doubts: Vec::new() }
    }
}

/// Judges a flow by the rules of its network.
pub fn evaluate<'a, O: Observer>(
    rules: &EffectiveRules<'a>,
    flow: &Flow,
    observer: &mut O,
) -> Decision<'a> {
    if let Some(why) = always_allowed(flow) {
        return Decision::fixed(Verdict::Allowed, Decider::AlwaysAllowed(why));
    }
    if let Some(why) = always_blocked(flow) {
        return Decision::fixed(Verdict::Denied, Decider::AlwaysBlocked(why));
    }
    if !rules.given {
        return Decision::fixed(Verdict::Undetermined, Decider::Missing);
    }
    let mut ways = Ways::default();
    let mut decider = None;
    for stage in &rules.stages {
        // Certain to get here, or only if a doubtful goto_next matched in a stage before.
        let mut goes_on = true;
        let mut may_go_on = false;
        for rule in stage.rules(flow.direction).iter().copied() {
            let outcome = match match_rule(rule, flow, observer) {
                Outcome::Matched if !stage.certain => Outcome::Doubtful(Doubt::Attachment),
                outcome => outcome,
            };
            match outcome {
                Outcome::Missed(_) => {}
                Outcome::Doubtful(doubt) => {
                    ways.doubts.push((rule, doubt));
                    match rule.action {
                        Action::GotoNext => may_go_on = true,
                        action => ways.end(action),
                    }
                }
                Outcome::Matched if rule.action == Action::GotoNext => break,
                Outcome::Matched => {
                    ways.end(rule.action);
                    decider = decider.or(Some(Decider::Rule(rule)));
                    goes_on = false;
                    break;
                }
            }
        }
        if !goes_on && !may_go_on {
            return ways.close(decider);
        }
    }
    ways.end(match flow.direction {
        Direction::Ingress => Action::Deny,
        Direction::Egress => Action::Allow,
    });
    ways.close(decider.or(Some(Decider::Implied(flow.direction))))
}

/// The ways that the evaluation may have ended.
#[derive(Default)]
struct Ways<'a> {
    allowed: bool,
    denied: bool,
    handed_on: bool,
    doubts: Vec<(&'a FirewallRule, Doubt)>,
}

impl<'a> Ways<'a> {
    fn end(&mut self, action: Action) {
        match action {
            Action::Allow => self.allowed = true,
            Action::Deny => self.denied = true,
            Action::Inspect | Action::GotoNext => self.handed_on = true,
        }
    }

    fn close(self, decider: Option<Decider<'a>>) -> Decision<'a> {
        let verdict = match (self.allowed, self.denied, self.handed_on) {
            (true, false, false) => Verdict::Allowed,
            (false, true, false) => Verdict::Denied,
            _ => Verdict::Undetermined,
        };
        Decision { verdict, decider: decider.unwrap_or(Decider::Missing), doubts: self.doubts }
    }
}

const METADATA_V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

/// The metadata server answers every VM: DHCP, DNS, NTP and metadata
/// (<https://cloud.google.com/vpc/docs/firewalls>, "Always allowed traffic").
fn always_allowed(flow: &Flow) -> Option<&'static str> {
    let other_end = match flow.direction {
        Direction::Ingress => flow.tuple.src,
        Direction::Egress => flow.tuple.dst,
    };
    (other_end == METADATA_V4).then_some("traffic with the metadata server")
}

/// The same page, "Blocked and limited traffic".
fn always_blocked(flow: &Flow) -> Option<&'static str> {
    let tuple = &flow.tuple;
    if flow.direction == Direction::Ingress {
        let dhcp = if tuple.dst.is_ipv4() { 68 } else { 546 };
        return (tuple.protocol == Protocol::UDP && tuple.dst_port == dhcp)
            .then_some("DHCP replies that do not come from the metadata server");
    }
    if !flow.peer_is_external {
        return None;
    }
    if tuple.protocol == Protocol::TCP && tuple.dst_port == 25 {
        return Some("tcp 25 to external addresses");
    }
    // TCP, UDP, ICMP, ICMPv6, AH, ESP, SCTP, GRE, and IPIP on older networks.
    let usual = matches!(tuple.protocol.0, 1 | 4 | 6 | 17 | 47 | 50 | 51 | 58 | 132);
    (!usual).then_some("this protocol to external addresses")
}
