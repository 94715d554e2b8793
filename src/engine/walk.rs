//! The walk through the stages: what the VPC does with a connection or a set of them, and what
//! decided it.
//!
//! Stages are asked in order and the first rule that matches decides. A rule that only *may* match
//! (the VM's tags are not known) leaves two ways on: the walk follows both, and where they end
//! differently the verdict is Undetermined, never a guess.

use std::net::IpAddr;
use std::sync::LazyLock;

use crate::engine::decision::{Decider, Decision, Verdict};
use crate::engine::matching::{Doubt, End, Fit, Observer, Outcome, Subject, compare};
use crate::engine::stages::{Applies, EffectiveRules, Stage};
use crate::model::cluster::Provider;
use crate::model::{Action, FirewallRule};
use crate::net::{AddressSet, Direction, PortSet, Protocol, TrafficSet};

/// An evaluation on its way: where it stands, and the ways that it may have ended before.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk<'a> {
    in_other_order: bool,
    /// Past the traffic that no rule decides about.
    past_always: bool,
    /// Whether rules are looked up, not all compared.
    indexed: bool,
    stage: usize,
    rank: usize,
    /// Whether a doubtful `goto_next` of this stage may have led on.
    may_go_on: bool,
    allowed: bool,
    denied: bool,
    handed_on: bool,
    decider: Option<Decider<'a>>,
    doubts: Vec<(&'a FirewallRule, Doubt)>,
    not_given: bool,
}

/// How a stage ended.
enum StageEnd {
    /// Nothing more may happen.
    Decided,
    /// The next stage is asked, or may be.
    GoesOn,
}

impl<'a> Walk<'a> {
    /// At the start, where the order of the stages is not known and the other one is tried.
    pub(super) fn other() -> Self {
        Self { in_other_order: true, ..Self::default() }
    }

    /// Goes on to the end. An error is where the subject has to be cut; both parts can go on from
    /// here.
    pub(super) fn run<S: Subject, O: Observer>(
        &mut self,
        rules: &EffectiveRules<'a>,
        subject: &S,
        observer: &mut O,
    ) -> Result<Decision<'a>, S::Cut> {
        if !self.past_always {
            if let Some(decision) = always(subject, rules.provider)? {
                return Ok(decision);
            }
            self.past_always = true;
            // Whoever watches sees every rule. A set that can be looked up is not cut into others.
            self.indexed = !O::EXHAUSTIVE && subject.probe().is_some();
        }
        if !rules.given {
            return Ok(Decision::missing());
        }
        while let Some(stage) = rules.stage(self.stage, self.in_other_order) {
            if matches!(self.ask(stage, subject, observer)?, StageEnd::Decided) {
                return Ok(self.close());
            }
            self.stage += 1;
            self.rank = 0;
            self.may_go_on = false;
        }
        let direction = subject.direction();
        let (action, decider) = match (rules.provider, direction) {
            (Provider::Amazon, _) => (Action::Deny, Decider::NoGroupAllows(direction)),
            (_, Direction::Ingress) => (Action::Deny, Decider::Implied(direction)),
            (_, Direction::Egress) => (Action::Allow, Decider::Implied(direction)),
        };
        self.end(action);
        self.decider = self.decider.or(Some(decider));
        Ok(self.close())
    }

    fn ask<S: Subject, O: Observer>(
        &mut self,
        stage: &Stage<'a>,
        subject: &S,
        observer: &mut O,
    ) -> Result<StageEnd, S::Cut> {
        if !stage.given {
            // Anything may stand in it.
            (self.allowed, self.denied, self.not_given) = (true, true, true);
            return Ok(StageEnd::GoesOn);
        }
        let doubt_of_stage = match stage.applies_in(subject.region()) {
            Applies::No => return Ok(StageEnd::GoesOn),
            Applies::Yes => None,
            Applies::Perhaps(doubt) => Some(doubt),
        };
        let rules = stage.rules(subject.direction());
        let probe = if self.indexed { subject.probe() } else { None };
        let chosen = probe.and_then(|probe| stage.candidates(subject.direction(), &probe));
        let ranked = |rank: usize| match &chosen {
            Some(ranks) => rules.get(*ranks.get(rank)?).copied(),
            None => rules.get(rank).copied(),
        };
        while let Some(rule) = ranked(self.rank) {
            let outcome = compare(rule, subject, observer)?;
            self.rank += 1;
            match (outcome, doubt_of_stage) {
                (Outcome::Missed(_), _) => {}
                (Outcome::Doubtful(doubt), _) => self.may_end(rule, doubt),
                (Outcome::Matched, Some(doubt)) => {
                    // Where the stage applies, nothing below is asked; where not, nothing of it is.
                    self.may_end(rule, doubt);
                    return Ok(StageEnd::GoesOn);
                }
                (Outcome::Matched, None) if rule.action == Action::GotoNext => {
                    return Ok(StageEnd::GoesOn);
                }
                (Outcome::Matched, None) => {
                    self.end(rule.action);
                    match self.decider {
                        None => self.decider = Some(Decider::Rule(rule)),
                        Some(_) => self.doubts.push((rule, Doubt::HandedOn)),
                    }
                    return Ok(match self.may_go_on {
                        true => StageEnd::GoesOn,
                        false => StageEnd::Decided,
                    });
                }
            }
        }
        Ok(StageEnd::GoesOn)
    }

    fn may_end(&mut self, rule: &'a FirewallRule, doubt: Doubt) {
        self.doubts.push((rule, doubt));
        match rule.action {
            Action::GotoNext => self.may_go_on = true,
            action => self.end(action),
        }
    }

    fn end(&mut self, action: Action) {
        match action {
            Action::Allow => self.allowed = true,
            Action::Deny => self.denied = true,
            Action::Inspect | Action::GotoNext | Action::Unknown => self.handed_on = true,
        }
    }

    fn close(&mut self) -> Decision<'a> {
        let verdict = match (self.allowed, self.denied, self.handed_on) {
            (true, false, false) => Verdict::Allowed,
            (false, true, false) => Verdict::Denied,
            _ => Verdict::Undetermined,
        };
        let decider = self.decider.unwrap_or(Decider::Missing);
        let doubts = std::mem::take(&mut self.doubts);
        Decision { verdict, decider, doubts, not_given: self.not_given }
    }
}

/// The metadata server of every VM.
pub const METADATA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

/// Traffic that no rule decides about.
struct Always {
    direction: Option<Direction>,
    traffic: TrafficSet,
    peer: Peer,
    own: &'static AddressSet,
    decision: Decision<'static>,
}

enum Peer {
    Anybody,
    External,
    In(AddressSet),
}

/// The metadata server answers every VM: DHCP, DNS, NTP and metadata; the rest is "Blocked and
/// limited traffic" of the same page (<https://cloud.google.com/vpc/docs/firewalls>).
static ALWAYS: LazyLock<Vec<Always>> = LazyLock::new(|| {
    let anywhere: &'static AddressSet = {
        static ALL: LazyLock<AddressSet> = LazyLock::new(AddressSet::all);
        &ALL
    };
    let blocked = |what| Decision::fixed(Verdict::Denied, Decider::AlwaysBlocked(what));
    let dhcp = "DHCP replies that do not come from the metadata server";
    let udp = |port| TrafficSet::of_ports(Some(Protocol::UDP), &PortSet::of([port]));
    let to = |own, port| Always {
        direction: Some(Direction::Ingress),
        traffic: udp(port),
        peer: Peer::Anybody,
        own,
        decision: blocked(dhcp),
    };
    let outwards = |traffic, what| Always {
        direction: Some(Direction::Egress),
        traffic,
        peer: Peer::External,
        own: anywhere,
        decision: blocked(what),
    };
    // TCP, UDP, ICMP, ICMPv6, AH, ESP, SCTP, GRE, and IPIP on older networks.
    let usual = [1, 4, 6, 17, 47, 50, 51, 58, 132]
        .map(|number| TrafficSet::of_protocol(Some(Protocol(number))));
    let usual = usual.iter().fold(TrafficSet::default(), |sum, one| sum.union(one));
    let mail = TrafficSet::of_ports(Some(Protocol::TCP), &PortSet::of([25]));
    vec![
        Always {
            direction: None,
            traffic: TrafficSet::all(),
            peer: Peer::In(AddressSet::one(METADATA)),
            own: anywhere,
            decision: Decision::fixed(
                Verdict::Allowed,
                Decider::AlwaysAllowed("traffic with the metadata server"),
            ),
        },
        to(AddressSet::all_v4(), 68),
        to(AddressSet::all_v6(), 546),
        outwards(mail, "tcp 25 to external addresses"),
        outwards(TrafficSet::all().difference(&usual), "this protocol to external addresses"),
    ]
});

/// "Security groups do not filter traffic destined to and from" DNS, metadata, time and the like:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>, and neither do ACLs.
static ALWAYS_ON_AMAZON: LazyLock<Vec<Always>> = LazyLock::new(|| {
    static ALL: LazyLock<AddressSet> = LazyLock::new(AddressSet::all);
    let ranges = ["169.254.169.253", "169.254.169.254", "169.254.169.123", "169.254.170.2"];
    let ranges = ranges.iter().filter_map(|text| crate::net::parse_cidr(text));
    vec![Always {
        direction: None,
        traffic: TrafficSet::all(),
        peer: Peer::In(AddressSet::of(&ranges.collect::<Vec<_>>())),
        own: &ALL,
        decision: Decision::fixed(
            Verdict::Allowed,
            Decider::AlwaysAllowed("traffic with Amazon's DNS, metadata and time"),
        ),
    }]
});

fn always<'a, S: Subject>(subject: &S, provider: Provider) -> Result<Option<Decision<'a>>, S::Cut> {
    let direction = subject.direction();
    let (peer, own) = (End::peer(direction), End::own(direction));
    let table = match provider {
        Provider::Google => &ALWAYS,
        Provider::Amazon => &ALWAYS_ON_AMAZON,
    };
    'next: for one in table.iter() {
        if one.direction.is_some_and(|of| of != direction) {
            continue;
        }
        let tests: [&dyn Fn() -> Fit<S::Cut>; 3] = [
            &|| subject.traffic_in(&one.traffic),
            &|| match &one.peer {
                Peer::Anybody => Fit::Yes,
                Peer::External => subject.peer_is_external(),
                Peer::In(set) => subject.end_in(peer, set),
            },
            &|| subject.end_in(own, one.own),
        ];
        let mut cut = None;
        for test in tests {
            match test() {
                Fit::Yes => {}
                // What is not known of the VM's own address is its family at the most, and the
                // other end has told that.
                Fit::No | Fit::Unknown => continue 'next,
                Fit::Partly(at) => cut = cut.or(Some(at)),
            }
        }
        match cut {
            Some(cut) => return Err(cut),
            None => return Ok(Some(one.decision.clone())),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Decider, Decision, Direction, Doubt, FirewallRule, Verdict};
    use crate::model::{Action, Reference};

    #[test]
    fn deciders_are_the_same_or_not() {
        let rule = |priority| {
            FirewallRule::new(Reference::default(), Direction::Ingress, priority, Action::Deny)
        };
        // Two rules that say the same are still two.
        let rules = [rule(1), rule(1)];
        let [one, two] = &rules;
        let deciders = [
            Decider::Rule(one),
            Decider::Rule(two),
            Decider::Implied(Direction::Ingress),
            Decider::Implied(Direction::Egress),
            Decider::AlwaysAllowed("a"),
            Decider::AlwaysAllowed("b"),
            Decider::AlwaysBlocked("a"),
            Decider::Missing,
        ];
        for (at, a) in deciders.iter().enumerate() {
            for (other, b) in deciders.iter().enumerate() {
                assert_eq!(a.is_same(b), at == other, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn two_orders_hold_only_where_they_agree() {
        let rule = |action| FirewallRule::new(Reference::default(), Direction::Ingress, 1, action);
        let (allow, deny) = (rule(Action::Allow), rule(Action::Deny));
        let allowed = Decision::fixed(Verdict::Allowed, Decider::Rule(&allow));
        let denied = Decision::fixed(Verdict::Denied, Decider::Rule(&deny));
        assert_eq!(allowed.clone().or_in_other_order(allowed.clone()), allowed);
        let open = allowed.clone().or_in_other_order(denied.clone());
        assert_eq!(open.verdict, Verdict::Undetermined);
        assert_eq!(open.decider, Decider::Rule(&allow));
        assert_eq!(open.doubts, [(&allow, Doubt::Order), (&deny, Doubt::Order)]);
        assert!(!open.not_given);
        // A doubt of the other order is one, and so is what nobody gave.
        let mut doubtful = Decision::missing();
        doubtful.doubts = vec![(&deny, Doubt::Target)];
        doubtful.not_given = true;
        let open = allowed.or_in_other_order(doubtful.clone());
        assert_eq!(open.doubts, [(&allow, Doubt::Order), (&deny, Doubt::Target)]);
        assert!(open.not_given);
        // One that is known already is not told twice.
        assert_eq!(doubtful.or_in_other_order(denied).doubts.len(), 2);
    }

    #[test]
    fn verdicts_are_called_as_in_logs() {
        let all = [Verdict::Allowed, Verdict::Denied, Verdict::Undetermined];
        let words = all.map(|verdict| verdict.to_string());
        assert_eq!(words, ["ALLOWED", "DENIED", "UNDETERMINED"]);
    }
}
