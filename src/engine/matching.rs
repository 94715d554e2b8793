//! Whether a rule matches: the only place where the fields of rules are compared.
//!
//! What is compared with is a [`Subject`]: one connection ([`crate::engine::Flow`]) or a whole set
//! of them ([`crate::engine::Space`]). A set may fit a field in part; then the comparison says
//! where to cut it. A connection cannot be cut, and its type says so.
//!
//! An [`Observer`] decides how much is compared. `()` stops at the first field that misses, who
//! looks for near misses at the second, [`Trace`] looks at all of them. A second matcher for
//! explaining, or for sets, would be a second truth.

use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::engine::endpoint::Endpoint;
use crate::model::FirewallRule;
use crate::model::Reference;
use crate::model::firewall::{Conditions, GoogleList, NetworkContext, Targets};
use crate::net::{AddressSet, Direction, Protocol, TrafficSet};

/// A field of a rule that does not fit.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// The VM's tags or accounts are not known.
    Target,
    /// The other end's tags or accounts are not known.
    SourceIdentity,
    /// The VM's own address is not known.
    Address,
    /// The rule goes by a list that only Google can resolve.
    List,
    /// It is not known where the other end is: on the internet, in which network.
    Context,
    /// The rule holds a filter that is not understood.
    Unmodelled,
    /// It is not known whether the rule's policy is this network's.
    Attachment,
    /// The rule's policy is a region's, and the VM's region is not known.
    Region,
    /// It decides if a rule before it, which may match, hands on.
    HandedOn,
    /// It decides if the network asks its policies before the VPC rules, or only if after.
    Order,
}

/// What came of comparing a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Matched,
    /// It matches if the doubt is resolved so.
    Doubtful(Doubt),
    /// It does not match; the first field that misses.
    Missed(Mismatch),
}

/// Whether something fits a part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit<C> {
    /// All of it.
    Yes,
    /// Nothing of it.
    No,
    /// That is not known.
    Unknown,
    /// Some of it: where to cut.
    Partly(C),
}

impl<C> Fit<C> {
    /// A certain answer.
    pub fn from_bool(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    /// An answer that may not be known.
    pub fn from_known(fits: Option<bool>) -> Self {
        fits.map_or(Self::Unknown, Self::from_bool)
    }
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client.
    Source,
    /// The server.
    Destination,
}

/// An end, as the firewall that is asked sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The VM whose firewall is asked.
    Target,
    /// The other one.
    Peer,
}

impl End {
    /// The VM's end.
    #[must_use]
    pub fn own(direction: Direction) -> Self {
        match direction {
            Direction::Ingress => Self::Destination,
            Direction::Egress => Self::Source,
        }
    }

    /// The end that is not the VM's.
    #[must_use]
    pub fn peer(direction: Direction) -> Self {
        match direction {
            Direction::Ingress => Self::Source,
            Direction::Egress => Self::Destination,
        }
    }
}

/// What rules are looked up by.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// The other end.
    pub peer: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The port, 0 where there is none.
    pub port: u16,
    /// What is known of the VM.
    pub endpoint: &'a Endpoint,
}

/// What rules are compared with.
pub trait Subject {
    /// Where to cut a subject that fits in part.
    type Cut;
    /// Seen from the VM.
    fn direction(&self) -> Direction;
    /// The VM's network.
    fn network(&self) -> &Reference;
    /// The VM's region, where it is known.
    fn region(&self) -> Option<&str>;
    /// What an index is asked for, where there is one other end and one port.
    fn probe(&self) -> Option<Probe<'_>>;
    /// Whether an end is in a set of addresses.
    fn end_in(&self, end: End, set: &AddressSet) -> Fit<Self::Cut>;
    /// Whether protocol and port are in a set.
    fn traffic_in(&self, set: &TrafficSet) -> Fit<Self::Cut>;
    /// Whether protocol and port are the rule's; `Err` where they are not, with what is not.
    fn traffic_of(&self, rule: &FirewallRule) -> Result<Fit<Self::Cut>, Mismatch>;
    /// Whether a side carries any of these names.
    fn carries(&self, side: Side, names: &Targets) -> Fit<Self::Cut>;
    /// Whether the other end is where a rule wants it.
    fn peer_is_in(&self, context: &NetworkContext) -> Fit<Self::Cut>;
    /// Whether the other end is reached over the internet.
    fn peer_is_external(&self) -> Fit<Self::Cut>;
}

/// Who watches the evaluation.
pub trait Observer {
    /// Whether every rule is to be compared, also those that an index would leave out.
    const EXHAUSTIVE: bool;
    /// A field that misses; says whether the rule's other fields are to be compared as well.
    fn missed(&mut self, _mismatch: Mismatch) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
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

    fn missed(&mut self, mismatch: Mismatch) -> ControlFlow<()> {
        self.pending.push(mismatch);
        ControlFlow::Continue(())
    }

    fn tried(&mut self, rule: &FirewallRule, outcome: Outcome) {
        let misses = std::mem::take(&mut self.pending);
        self.steps.push(Step { rule: rule.label(), outcome, misses });
    }
}

/// Compares a rule with a subject, field by field; an error is where to cut it first.
pub fn compare<S: Subject, O: Observer>(
    rule: &FirewallRule,
    subject: &S,
    observer: &mut O,
) -> Result<Outcome, S::Cut> {
    let mut first_miss = None;
    let mut doubt = None;
    let mut cut = None;
    // Cheap comparisons that miss often stand first; the order is otherwise free, since a rule
    // matches only where every field fits.
    let fields = [direction, network, layer4, source, destination, target, switched_on];
    for field in fields {
        match field(rule, subject) {
            Field::Fits => {}
            Field::Unclear(why) => doubt = doubt.or(Some(why)),
            Field::Divides(at) => cut = cut.or(Some(at)),
            Field::Misses(mismatch) => {
                first_miss = first_miss.or(Some(mismatch));
                if observer.missed(mismatch).is_break() {
                    break;
                }
            }
        }
    }
    let outcome = match (first_miss, cut, doubt) {
        (Some(mismatch), _, _) => Outcome::Missed(mismatch),
        (None, Some(cut), _) => return Err(cut),
        (None, None, Some(doubt)) => Outcome::Doubtful(doubt),
        (None, None, None) if !rule.unmodelled.is_empty() => Outcome::Doubtful(Doubt::Unmodelled),
        (None, None, None) => Outcome::Matched,
    };
    observer.tried(rule, outcome);
    Ok(outcome)
}

enum Field<C> {
    Fits,
    Unclear(Doubt),
    Misses(Mismatch),
    Divides(C),
}

impl<C> Field<C> {
    fn of(fit: Fit<C>, doubt: Doubt, mismatch: Mismatch) -> Self {
        match fit {
            Fit::Yes => Self::Fits,
            Fit::No => Self::Misses(mismatch),
            Fit::Unknown => Self::Unclear(doubt),
            Fit::Partly(cut) => Self::Divides(cut),
        }
    }

    fn certain(fits: bool, mismatch: Mismatch) -> Self {
        if fits { Self::Fits } else { Self::Misses(mismatch) }
    }
}

fn direction<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    Field::certain(rule.is_for(subject.direction()), Mismatch::Direction)
}

fn network<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    let fits = if rule.policy.is_none() {
        rule.network.agrees(subject.network())
    } else {
        // The networks of a policy are the policy's own, and stages have chosen them already; its
        // rules may be for some of them.
        let named = |network: &Reference| network.agrees(subject.network());
        let may_be = |network: &Reference| network.may_be(subject.network());
        let own = &rule.target_networks;
        if !own.iter().any(named) && own.iter().any(may_be) {
            return Field::Unclear(Doubt::Attachment);
        }
        own.is_empty() || own.iter().any(named)
    };
    Field::certain(fits, Mismatch::Network)
}

fn switched_on<S: Subject>(rule: &FirewallRule, _: &S) -> Field<S::Cut> {
    Field::certain(!rule.disabled, Mismatch::Disabled)
}

fn layer4<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    match subject.traffic_of(rule) {
        Ok(fit) => Field::of(fit, Doubt::Unmodelled, Mismatch::Port),
        Err(mismatch) => Field::Misses(mismatch),
    }
}

fn target<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    if rule.targets.is_everyone() {
        return Field::Fits;
    }
    Field::of(subject.carries(Side::Target, &rule.targets), Doubt::Target, Mismatch::Target)
}

fn source<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    // A VPC rule that names no range at all means 0.0.0.0/0, which holds no IPv6 address.
    let names_nothing = rule.policy.is_none()
        && rule.source.is_none()
        && rule.destination.is_none()
        && rule.source_identity.is_everyone()
        && rule.source_conditions.lists.is_empty()
        && rule.destination_conditions.lists.is_empty();
    if names_nothing {
        return match subject.end_in(End::Source, AddressSet::all_v6()) {
            Fit::No => Field::Fits,
            Fit::Yes | Fit::Unknown => Field::Unclear(Doubt::Unmodelled),
            Fit::Partly(cut) => Field::Divides(cut),
        };
    }
    let filter = Filter {
        end: End::Source,
        ranges: rule.source.as_ref(),
        identity: Some(&rule.source_identity),
        conditions: &rule.source_conditions,
        mismatch: Mismatch::Source,
    };
    filter.compare(subject)
}

fn destination<S: Subject>(rule: &FirewallRule, subject: &S) -> Field<S::Cut> {
    let filter = Filter {
        end: End::Destination,
        ranges: rule.destination.as_ref(),
        identity: Some(&rule.destination_identity),
        conditions: &rule.destination_conditions,
        mismatch: Mismatch::Destination,
    };
    filter.compare(subject)
}

/// What a rule says of one end.
struct Filter<'r> {
    end: End,
    ranges: Option<&'r AddressSet>,
    identity: Option<&'r Targets>,
    conditions: &'r Conditions,
    mismatch: Mismatch,
}

impl Filter<'_> {
    /// Ranges, identities and lists are ways to match, any of which suffices; a network context has
    /// to hold besides (<https://cloud.google.com/firewall/docs/understand-network-contexts>).
    fn compare<S: Subject>(&self, subject: &S) -> Field<S::Cut> {
        let by_name = self.by_name(subject);
        let Some(context) = &self.conditions.context else { return by_name };
        if matches!(by_name, Field::Misses(_)) {
            return by_name;
        }
        // A context is a word about the other end; of the VM's own nobody says what it means.
        let placed = if self.end == End::peer(subject.direction()) {
            Field::of(subject.peer_is_in(context), Doubt::Context, self.mismatch)
        } else {
            Field::Unclear(Doubt::Context)
        };
        match (by_name, placed) {
            (_, Field::Misses(mismatch)) => Field::Misses(mismatch),
            (Field::Divides(cut), _) | (_, Field::Divides(cut)) => Field::Divides(cut),
            (Field::Fits, placed) => placed,
            (by_name, _) => by_name,
        }
    }

    fn by_name<S: Subject>(&self, subject: &S) -> Field<S::Cut> {
        let identity = self.identity.filter(|names| !names.is_everyone());
        let lists = &self.conditions.lists;
        if self.ranges.is_none() && identity.is_none() && lists.is_empty() {
            return Field::Fits;
        }
        let mut doubt = None;
        let mut cut = None;
        let by_address = self.ranges.map(|set| (subject.end_in(self.end, set), Doubt::Address));
        let by_identity = identity
            .into_iter()
            .map(|names| (subject.carries(Side::Peer, names), Doubt::SourceIdentity));
        let by_list = lists.iter().map(|list| (self.in_list(list, subject), Doubt::List));
        for (fit, why) in by_address.into_iter().chain(by_identity).chain(by_list) {
            match fit {
                Fit::Yes => return Field::Fits,
                Fit::No => {}
                Fit::Unknown => doubt = doubt.or(Some(why)),
                Fit::Partly(at) => cut = cut.or(Some(at)),
            }
        }
        match (cut, doubt) {
            (Some(cut), _) => Field::Divides(cut),
            (None, Some(doubt)) => Field::Unclear(doubt),
            (None, None) => Field::Misses(self.mismatch),
        }
    }

    /// Whether a list may hold the end: countries and threats are told by public addresses only.
    fn in_list<S: Subject>(&self, list: &GoogleList, subject: &S) -> Fit<S::Cut> {
        match list {
            GoogleList::Fqdn(_)
            | GoogleList::AddressGroup(_)
            | GoogleList::NotGiven(_)
            | GoogleList::Unreadable(_) => Fit::Unknown,
            GoogleList::Region(_) | GoogleList::ThreatIntelligence(_) => {
                match subject.end_in(self.end, AddressSet::private()) {
                    Fit::Yes => Fit::No,
                    Fit::No | Fit::Unknown => Fit::Unknown,
                    Fit::Partly(cut) => Fit::Partly(cut),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Doubt, Mismatch, Outcome, Trace};
    use crate::engine::{Endpoint, Flow, Place, match_rule};
    use crate::model::firewall::Layer4;
    use crate::model::{Action, FirewallRule, Reference};
    use crate::net::{Direction, Protocol, parse_cidr};

    fn flow() -> Flow {
        Flow {
            tuple: "tcp 10.0.0.1:40000 > 10.1.0.5:443".parse().unwrap(),
            direction: Direction::Ingress,
            network: Reference::new(None, "n"),
            region: None,
            endpoint: Endpoint::outside(),
            peer: Endpoint::outside(),
            peer_is_external: false,
            peer_place: Place::Unknown,
        }
    }

    /// Allows udp from 192.168.0.0/16 to VMs with a tag, and is switched off.
    fn far() -> FirewallRule {
        let network = Reference::new(None, "m");
        let mut rule = FirewallRule::new(network, Direction::Egress, 1000, Action::Allow);
        rule.name = Some("far".to_owned());
        rule.layer4 = vec![Layer4 { protocol: Some(Protocol::UDP), ports: None }];
        rule.set_source_ranges(vec![parse_cidr("192.168.0.0/16").unwrap()]);
        rule.set_destination_ranges(vec![parse_cidr("192.168.0.0/16").unwrap()]);
        rule.targets.tags.insert("web".to_owned());
        rule.disabled = true;
        rule
    }

    #[test]
    fn a_trace_keeps_every_miss_of_every_rule() {
        let mut trace = Trace::default();
        let outcome = match_rule(&far(), &flow(), &mut trace);
        assert_eq!(outcome, Outcome::Missed(Mismatch::Direction));
        assert_eq!(trace.steps.len(), 1);
        let step = &trace.steps[0];
        assert_eq!((step.rule.as_str(), step.outcome), ("far", outcome));
        let words: Vec<_> = step.misses.iter().map(|miss| miss.id()).collect();
        assert_eq!(
            words,
            ["direction", "network", "protocol", "source", "destination", "target", "disabled"]
        );
        assert_eq!(Mismatch::Port.id(), "port");
        // The short way says the first of them.
        assert_eq!(match_rule(&far(), &flow(), &mut ()), outcome);
    }

    #[test]
    fn what_is_not_understood_matches_for_certain_never() {
        let network = Reference::new(None, "n");
        let mut rule = FirewallRule::new(network, Direction::Ingress, 1000, Action::Allow);
        rule.layer4 = vec![Layer4 { protocol: None, ports: None }];
        assert_eq!(match_rule(&rule, &flow(), &mut ()), Outcome::Matched);
        rule.unmodelled.push("disabled".to_owned());
        assert_eq!(match_rule(&rule, &flow(), &mut ()), Outcome::Doubtful(Doubt::Unmodelled));
        // But what misses for certain misses.
        rule.layer4 = vec![Layer4 { protocol: Some(Protocol::UDP), ports: None }];
        let missed = Outcome::Missed(Mismatch::Protocol);
        assert_eq!(match_rule(&rule, &flow(), &mut ()), missed);
    }
}
