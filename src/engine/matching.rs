//! Whether a rule matches a flow: the only place where the fields of rules are compared.
//!
//! Every caller goes through [`match_rule`]; an [`Observer`] decides how much of the comparison is
//! kept. `()` stops at the first field that misses; [`Trace`] looks at all of them, so that a
//! rule with a single miss can be told apart. A second matcher for explaining would be a second
//! truth.

use crate::engine::Flow;
use crate::model::FirewallRule;
use crate::model::firewall::{Layer4, SourceIdentity, Targets};
use crate::net::{AddressSet, Protocol};

/// A field of a rule that does not fit a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mismatch {
    /// The rule is switched off.
    Disabled,
    /// It belongs to another network.
    Network,
    /// It is for the other direction.
    Direction,
    /// It does not apply to this VM.
    Target,
    /// It is for other sources.
    Source,
    /// It is for other destinations.
    Destination,
    /// It is for other protocols.
    Protocol,
    /// It is for other ports.
    Port,
}

impl Mismatch {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Network => "network",
            Self::Direction => "direction",
            Self::Target => "target",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Protocol => "protocol",
            Self::Port => "port",
        }
    }
}

/// Why it is not certain that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The VM's tags or accounts are not known.
    Target,
    /// The other end's tags or accounts are not known.
    SourceIdentity,
    /// The rule holds a filter that is not understood.
    Unmodelled,
    /// It is not known whether the rule's policy is this network's.
    Attachment,
}

/// What came of comparing a rule with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Matched,
    /// It matches if the doubt is resolved so.
    Doubtful(Doubt),
    /// It does not match; the first field that misses.
    Missed(Mismatch),
}

/// Who watches the evaluation.
pub trait Observer {
    /// Whether every field is to be compared, even after a miss.
    const EXHAUSTIVE: bool;
    /// A field that misses.
    fn missed(&mut self, _rule: &FirewallRule, _mismatch: Mismatch) {}
    /// A rule that was compared.
    fn tried(&mut self, _rule: &FirewallRule, _outcome: Outcome) {}
}

impl Observer for () {
    const EXHAUSTIVE: bool = false;
}

/// Keeps everything, in the order in which it was compared.
#[derive(Debug, Default)]
pub struct Trace {
    /// Every rule that was tried, with all its misses.
    pub steps: Vec<Step>,
    pending: Vec<Mismatch>,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule's label.
    pub rule: String,
    /// What came of it.
    pub outcome: Outcome,
    /// All fields that miss.
    pub misses: Vec<Mismatch>,
}

impl Observer for Trace {
    const EXHAUSTIVE: bool = true;

    fn missed(&mut self, _rule: &FirewallRule, mismatch: Mismatch) {
        self.pending.push(mismatch);
    }

    fn tried(&mut self, rule: &FirewallRule, outcome: Outcome) {
        let misses = std::mem::take(&mut self.pending);
        self.steps.push(Step { rule: rule.label(), outcome, misses });
    }
}

/// Compares a rule with a flow, field by field.
pub fn match_rule<O: Observer>(rule: &FirewallRule, flow: &Flow, observer: &mut O) -> Outcome {
    let mut first_miss = None;
    let mut doubt = None;
    for compare in FIELDS {
        match compare(rule, flow) {
            Field::Fits => {}
            Field::Unclear(why) => doubt = doubt.or(Some(why)),
            Field::Misses(mismatch) => {
                observer.missed(rule, mismatch);
                first_miss = first_miss.or(Some(mismatch));
                if !O::EXHAUSTIVE {
                    break;
                }
            }
        }
    }
    let outcome = match (first_miss, doubt) {
        (Some(mismatch), _) => Outcome::Missed(mismatch),
        (None, Some(doubt)) => Outcome::Doubtful(doubt),
        (None, None) if !rule.unmodelled.is_empty() => Outcome::Doubtful(Doubt::Unmodelled),
        (None, None) => Outcome::Matched,
    };
    observer.tried(rule, outcome);
    outcome
}

enum Field {
    Fits,
    Unclear(Doubt),
    Misses(Mismatch),
}

type Compare = fn(&FirewallRule, &Flow) -> Field;

// Cheap comparisons that miss often stand first; the order is otherwise free, since a rule
// matches only where every field fits.
const FIELDS: [Compare; 7] = [direction, network, layer4, source, destination, target, switched_on];

fn fits_or(fits: bool, mismatch: Mismatch) -> Field {
    if fits { Field::Fits } else { Field::Misses(mismatch) }
}

fn direction(rule: &FirewallRule, flow: &Flow) -> Field {
    fits_or(rule.direction == flow.direction, Mismatch::Direction)
}

fn network(rule: &FirewallRule, flow: &Flow) -> Field {
    // The networks of a policy's rules are the policy's own: stages have chosen them already.
    fits_or(rule.policy.is_some() || rule.network.agrees(&flow.network), Mismatch::Network)
}

fn switched_on(rule: &FirewallRule, _: &Flow) -> Field {
    fits_or(!rule.disabled, Mismatch::Disabled)
}

fn layer4(rule: &FirewallRule, flow: &Flow) -> Field {
    let (protocol, port) = (flow.tuple.protocol, flow.tuple.dst_port);
    let mut named = false;
    for part in &rule.layer4 {
        if part.protocol.is_none_or(|wanted| wanted == protocol) {
            named = true;
            if port_fits(part, protocol, port) {
                return Field::Fits;
            }
        }
    }
    Field::Misses(if named { Mismatch::Port } else { Mismatch::Protocol })
}

fn port_fits(part: &Layer4, protocol: Protocol, port: u16) -> bool {
    // A part with ports never matches a packet that has none.
    part.ports.as_ref().is_none_or(|ports| protocol.has_ports() && ports.contains(port))
}

fn source(rule: &FirewallRule, flow: &Flow) -> Field {
    if rule.source.is_none() && rule.source_identity.is_empty() {
        // A VPC rule that names no range at all means 0.0.0.0/0, which holds no IPv6 address.
        let means_v4 = rule.policy.is_none() && rule.destination.is_none();
        return if means_v4 && flow.tuple.src.is_ipv6() {
            Field::Unclear(Doubt::Unmodelled)
        } else {
            Field::Fits
        };
    }
    if rule.source.as_ref().is_some_and(|set| set.contains(flow.tuple.src)) {
        return Field::Fits;
    }
    match carries(&rule.source_identity, flow) {
        Some(true) => Field::Fits,
        Some(false) => Field::Misses(Mismatch::Source),
        None => Field::Unclear(Doubt::SourceIdentity),
    }
}

/// Whether the source carries any identity that the rule names; `None` where it is not known.
fn carries(identity: &SourceIdentity, flow: &Flow) -> Option<bool> {
    any([
        (&identity.tags, &flow.peer.tags),
        (&identity.service_accounts, &flow.peer.service_accounts),
        (&identity.secure_tags, &flow.peer.secure_tags),
    ])
}

fn target(rule: &FirewallRule, flow: &Flow) -> Field {
    let Targets { tags, service_accounts, secure_tags } = &rule.targets;
    if rule.targets.is_everyone() {
        return Field::Fits;
    }
    let applies = any([
        (tags, &flow.endpoint.tags),
        (service_accounts, &flow.endpoint.service_accounts),
        (secure_tags, &flow.endpoint.secure_tags),
    ]);
    match applies {
        Some(true) => Field::Fits,
        Some(false) => Field::Misses(Mismatch::Target),
        None => Field::Unclear(Doubt::Target),
    }
}

type Names = std::collections::BTreeSet<String>;

fn any<const N: usize>(pairs: [(&Names, &crate::engine::Facts); N]) -> Option<bool> {
    let mut unknown = false;
    for (wanted, known) in pairs {
        if wanted.is_empty() {
            continue;
        }
        match known.any_of(wanted) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(false)
}

fn destination(rule: &FirewallRule, flow: &Flow) -> Field {
    let fits = |set: &AddressSet| set.contains(flow.tuple.dst);
    fits_or(rule.destination.as_ref().is_none_or(fits), Mismatch::Destination)
}
