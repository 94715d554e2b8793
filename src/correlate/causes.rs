//! Groups to causes: who was denied towards whom, on which port, by what.
//!
//! Every group is placed (its network and direction are found, from the entry or from the
//! addresses), judged again by the evaluator on the given resources, and put together with the
//! groups of the same roles, port and decider. The reason is never read out of the log.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::correlate::expected::{Need, Told};
use crate::correlate::exposure::Way;
use crate::correlate::group::Group;
use crate::correlate::questions::{Detail, Edges, Judged, Question, ask, wider};
use crate::correlate::roads::Road;
use crate::correlate::rollup::RollUp;
use crate::correlate::scope::Scope;
use crate::correlate::seen::{self, Seen};
use crate::correlate::side::{Side, side};
use crate::correlate::{Directory, Who};
use crate::engine::matching::Outcome;
use crate::engine::{
    Decider, Decision, EffectiveRules, Flow, NearMiss, Verdict, evaluate, match_rule, near_misses,
};
use crate::model::firewall::Layer4;
use crate::model::{
    Action, Disposition, FirewallRule, Inventory, Reference, RuleReference, Symptom,
};
use crate::net::{AddressSet, Direction, FiveTuple, IpNet, PortSet, Protocol, Role, Timestamp};

/// Denied connections of one kind.
#[derive(Debug, Clone)]
pub struct Cause<'a> {
    /// The network, where it is known.
    pub network: Option<Reference>,
    /// The direction, where it is known.
    pub direction: Option<Direction>,
    /// The client.
    pub source: Side,
    /// The server.
    pub destination: Side,
    /// The protocol.
    pub protocol: Protocol,
    /// The port; `None` for protocols without ports, and for scans of many.
    pub port: Option<u16>,
    /// The rule that the log names.
    pub logged_rule: Option<RuleReference>,
    /// Our answer for all its connections.
    pub decision: Decision<'a>,
    /// Rules that nearly allowed it.
    pub near_misses: Vec<NearMiss<'a>>,
    /// The questions that its connections put.
    pub questions: Vec<Question<'a>>,
    /// What its connections are, all together.
    pub seen: Seen<'a>,
    /// What of it is needed, whether the log shows it or not.
    pub needs: Vec<Need<'a>>,
    /// Errors that were pasted and tell of it.
    pub symptoms: Vec<&'a Symptom>,
    /// What the log shows of it, where all that is needed is more than that.
    pub parts: Vec<Layer4>,
}

impl<'a> Cause<'a> {
    /// Distinct denied entries.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.questions.iter().map(|question| question.entries).sum()
    }

    /// The earliest and the latest.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.questions.iter().fold(None, |span, question| wider(span, question.span))
    }

    /// What the log did not say and was concluded.
    #[must_use]
    pub fn inferred(&self) -> Vec<&'static str> {
        let any = |what: fn(&Question<'_>) -> bool| self.questions.iter().any(what);
        let mut list = Vec::new();
        if any(|question| question.direction_inferred) {
            list.push("direction");
        }
        if any(|question| question.network_inferred) {
            list.push("network");
        }
        list
    }

    /// The project whose log it is, where the network was taken for that of another project.
    #[must_use]
    pub fn assumed_from(&self) -> Option<&str> {
        let network = self.network.as_ref()?;
        let mut groups = self.questions.iter().map(|question| &question.first);
        groups.find(|group| is_assumed(network, group)).map(|group| group.project())
    }

    /// Whether the log shows nothing of it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.questions.is_empty()
    }

    /// What the log shows alone, where all that is needed is more than that and it is on one port.
    #[must_use]
    pub fn part(&self) -> Option<Self> {
        let [Layer4 { protocol: Some(protocol), ports }] = self.parts.as_slice() else {
            return None;
        };
        let [port] = self.seen.ports.as_slice() else { return None };
        ports.is_some().then(|| Self {
            protocol: *protocol,
            port: Some(*port),
            needs: Vec::new(),
            parts: Vec::new(),
            ..self.clone()
        })
    }

    /// Whether what is needed tells what it is about: the log shows nothing of it, or a part.
    #[must_use]
    pub fn is_as_needed(&self) -> bool {
        self.is_silent() || !self.parts.is_empty()
    }

    /// Whether names are asked for.
    #[must_use]
    pub fn asks_for_names(&self) -> bool {
        matches!(self.port, Some(53 | 853)) && self.source.role != Role::Internet
    }

    /// A rule of the network's own, or of a policy behind these, that denies some of it and no
    /// default is.
    #[must_use]
    pub fn denied_by_name<'i>(&self, inventory: &'i Inventory) -> Option<&'i FirewallRule> {
        let matches =
            |rule: &FirewallRule, flow| match_rule(rule, flow, &mut ()) == Outcome::Matched;
        let by_name =
            |rule: &&FirewallRule| rule.action == Action::Deny && !rule.is_catch_all(self.protocol);
        let mut denies = inventory.firewall_rules.iter().filter(by_name);
        let own = denies.find(|rule| self.flows().any(|flow| matches(rule, flow)));
        own.or_else(|| {
            let policies: Vec<_> = self
                .network
                .iter()
                .flat_map(|network| inventory.policies_behind(network))
                .collect();
            // In a policy the first that matches decides, a deny before others of its rank; what
            // hands on leaves it to the next one.
            let decides = |flow| {
                let firsts = policies.iter().filter_map(|policy| {
                    let matching = policy.rules.iter().filter(|rule| matches(rule, flow));
                    matching.min_by_key(|rule| (rule.priority, rule.action != Action::Deny))
                });
                firsts.into_iter().find(|rule| rule.action != Action::GotoNext)
            };
            self.flows().filter_map(decides).find(by_name)
        })
    }

    /// Whether a policy decides that is asked only after the network's own rules, for certain.
    #[must_use]
    pub fn is_decided_behind_rules(&self, inventory: &Inventory) -> bool {
        let Decider::Rule(FirewallRule { stage: Some(stage), .. }) = self.decision.decider else {
            return false;
        };
        let network = self.network.as_ref();
        network.is_some_and(|of| inventory.is_above_rules(*stage, of) == Some(false))
    }

    /// What its connections ask, each question once.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        let logged = self.questions.iter().filter_map(|question| question.flow.as_ref());
        logged.chain(self.unlogged())
    }

    /// What stands for the connections that are needed and that nobody logged.
    pub fn unlogged(&self) -> impl Iterator<Item = &Flow> {
        let silent = self.needs.iter().filter(|_| self.is_as_needed());
        silent.flat_map(|need| &need.answer.denied)
    }

    /// Shows the flows with how many connections each stands for: where the log shows some, what is
    /// needed besides is none of them.
    pub fn each_flow(&self, detail: Detail, mut show: impl FnMut(&Flow, usize)) {
        for question in &self.questions {
            question.each_flow(detail, &mut show);
        }
        for flow in self.unlogged() {
            show(flow, usize::from(self.is_silent()));
        }
    }

    /// Protocols and ports: those of the log, else all that is needed.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer4> {
        let layer = |protocol: Protocol, port: Option<u16>| Layer4 {
            protocol: Some(protocol),
            ports: port.map(|port| PortSet::of([port])),
        };
        if !self.is_as_needed() {
            return vec![layer(self.protocol, self.port)];
        }
        Layer4::merged(self.needs.iter().map(|need| layer(need.protocol, need.port)))
    }

    /// The ports that it is about, in their order.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        let mut ports = self.seen.ports.clone();
        let silent = self.needs.iter().filter(|_| self.is_silent());
        ports.extend(silent.filter_map(|need| need.port));
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// The priority of the rule that the log names.
    #[must_use]
    pub fn logged_priority(&self) -> Option<u32> {
        self.questions.iter().find_map(|question| question.first.priority())
    }
}

/// What came of the log.
#[derive(Debug, Default)]
pub struct Correlation<'a> {
    /// Causes of denials, the most frequent first.
    pub causes: Vec<Cause<'a>>,
    /// What connections ask that the log shows as allowed or intercepted.
    pub passed: Vec<Question<'a>>,
    /// What tells questions apart.
    pub edges: Edges,
    /// Everything that the clusters need.
    pub needs: Vec<Need<'a>>,
    /// What the pasted errors come down to.
    pub told: Vec<Told<'a>>,
    /// Roads to registries and Google's APIs that do not hold.
    pub roads: Vec<Road<'a>>,
    /// The ways into applications from outside.
    pub ways: Vec<Way<'a>>,
}

/// Places, judges and groups.
#[must_use]
pub fn correlate<'a>(
    directory: &Directory<'a>,
    roll_up: &'a RollUp,
    scope: &Scope,
) -> Correlation<'a> {
    // Without a connection nobody asks where anything begins.
    let edges = if roll_up.is_empty() { Edges::default() } else { Edges::of(directory) };
    let mut causes: BTreeMap<CauseKey, Vec<Question<'a>>> = BTreeMap::new();
    let mut passed = Vec::new();
    for question in judge_with(directory, &edges, roll_up, scope) {
        if question.first.disposition() == Disposition::Denied {
            causes.entry(cause_key(directory, &question)).or_default().push(question);
        } else {
            passed.push(question);
        }
    }
    let questions: Vec<&[Question<'a>]> = causes.values().map(Vec::as_slice).collect();
    let seen = seen::of_each(roll_up, &questions);
    let mut causes: Vec<_> = causes
        .into_iter()
        .zip(seen)
        .filter_map(|((key, questions), seen)| cause(directory, &key, questions, seen))
        .collect();
    // Stable: causes of equal weight stay in the order of their keys.
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count()));
    Correlation {
        causes,
        passed,
        edges,
        needs: Vec::new(),
        told: Vec::new(),
        roads: Vec::new(),
        ways: Vec::new(),
    }
}

/// Places and judges every connection that is asked about, in the order of their contents.
#[must_use]
pub fn judge_all<'a>(
    directory: &Directory<'a>,
    roll_up: &'a RollUp,
    scope: &Scope,
) -> Vec<Question<'a>> {
    judge_with(directory, &Edges::of(directory), roll_up, scope)
}

fn judge_with<'a>(
    directory: &Directory<'a>,
    edges: &Edges,
    roll_up: &'a RollUp,
    scope: &Scope,
) -> Vec<Question<'a>> {
    let mut judge = Judge { directory, rules: HashMap::new() };
    let mut questions = ask(directory, edges, roll_up, |group| judge.connection(group));
    questions.retain(|question| in_scope(directory, question, scope));
    questions
}

struct Judge<'d, 'a> {
    directory: &'d Directory<'a>,
    rules: HashMap<Reference, EffectiveRules<'a>>,
}

impl<'a> Judge<'_, 'a> {
    fn decide(&mut self, flow: &Flow) -> Decision<'a> {
        let inventory = self.directory.inventory;
        let rules = self
            .rules
            .entry(flow.network.clone())
            .or_insert_with(|| EffectiveRules::of(inventory, &flow.network));
        evaluate(rules, flow, &mut ())
    }

    fn connection(&mut self, group: Group<'a>) -> Judged<'a> {
        let tuple = group.tuple();
        let logged_network = logged_network(self.directory, &group);
        let direction = group.direction().or_else(|| self.direction_of_rule(&group));
        let vm_name = group.vm().map(|(_, name)| name);
        let mut judged: Vec<(Flow, Decision<'a>)> = self
            .ways(&tuple, direction, logged_network.as_ref())
            .iter()
            .map(|(direction, network)| {
                let flow = self.directory.flow(tuple, *direction, network, vm_name);
                let decision = self.decide(&flow);
                (flow, decision)
            })
            .collect();
        // Both ends are VMs and the entry does not say whose firewall spoke: EGRESS is asked first
        // in reality, so the first end that denies is the one.
        let denies = judged.iter().position(|(_, decision)| decision.verdict == Verdict::Denied);
        let chosen = denies.unwrap_or(0);
        let (flow, decision) = if chosen < judged.len() {
            let (flow, decision) = judged.swap_remove(chosen);
            (Some(flow), decision)
        } else {
            (None, nothing_known())
        };
        Judged {
            direction_inferred: direction.is_none() && flow.is_some(),
            network_inferred: logged_network.is_none() && flow.is_some(),
            flow,
            decision,
        }
    }

    /// The directions and networks that a connection may have been judged in.
    fn ways(
        &self,
        tuple: &FiveTuple,
        direction: Option<Direction>,
        network: Option<&Reference>,
    ) -> Vec<(Direction, Reference)> {
        if let (Some(direction), Some(network)) = (direction, network) {
            return vec![(direction, network.clone())];
        }
        [(tuple.src, Direction::Egress), (tuple.dst, Direction::Ingress)]
            .into_iter()
            .filter(|(_, way)| direction.is_none_or(|known| known == *way))
            .filter_map(|(address, way)| Some((way, vm_network(self.directory, address, network)?)))
            .collect()
    }

    /// The direction of the rule that the entry names, where that rule was given.
    fn direction_of_rule(&self, group: &Group<'_>) -> Option<Direction> {
        let RuleReference::Vpc { network, rule } = RuleReference::parse(group.reference())? else {
            return None;
        };
        let rules = &self.directory.inventory.firewall_rules;
        let named =
            |one: &&FirewallRule| one.name.as_ref() == Some(&rule) && one.network.name == network;
        rules.iter().find(named).map(|one| one.direction)
    }
}

fn nothing_known<'a>() -> Decision<'a> {
    Decision::missing()
}

/// The network that the entry names. The rule's reference holds only its name. The project is
/// what the metadata say, else the log's own where such a network is known, else that of the only
/// known network of that name: of two, neither is guessed.
fn logged_network(directory: &Directory<'_>, group: &Group<'_>) -> Option<Reference> {
    let (project, name) = group.vpc();
    let of_rule = RuleReference::parse(group.reference());
    let name =
        of_rule.as_ref().and_then(RuleReference::network).or((!name.is_empty()).then_some(name))?;
    let known: Vec<Reference> =
        directory.networks.iter().filter(|network| network.name == name).cloned().collect();
    let in_project = |project: &str| {
        let stated = Reference::new(Some(project), name);
        known.iter().find(|network| network.agrees(&stated)).cloned()
    };
    if !project.is_empty() {
        return Some(in_project(project).unwrap_or_else(|| Reference::new(Some(project), name)));
    }
    match (in_project(group.project()), known.as_slice()) {
        (Some(of_log), _) if !group.project().is_empty() => Some(of_log),
        (_, [only]) => Some(only.clone()),
        (_, []) => Some(Reference::new(None, name)),
        // Several projects have a network of this name, and nothing says which is meant.
        (_, _) => None,
    }
}

/// Whether a network is taken for the one that the entry means, though the log is another
/// project's: in a Shared VPC that may be, and a network called `default` is in most projects.
fn is_assumed(network: &Reference, group: &Group<'_>) -> bool {
    let (said, _) = group.vpc();
    let of_log = group.project();
    let other = network.project.as_deref().is_some_and(|own| own != of_log);
    said.is_empty() && !of_log.is_empty() && other
}

/// The network of the VM at this address, where the inventory knows exactly one.
fn vm_network(
    directory: &Directory<'_>,
    address: IpAddr,
    network: Option<&Reference>,
) -> Option<Reference> {
    let networks = directory.roles.networks_of(address);
    match (network, networks.as_slice()) {
        (Some(network), all) => all.iter().any(|of| of.agrees(network)).then(|| network.clone()),
        (None, [only]) => Some((*only).clone()),
        (None, _) => None,
    }
}

fn in_scope(directory: &Directory<'_>, question: &Question<'_>, scope: &Scope) -> bool {
    let network = question.flow.as_ref().map(|flow| &flow.network);
    let project = |wanted: &String| {
        let of_network = network.and_then(|network| network.project.as_ref());
        of_network == Some(wanted)
            || question.first.project() == wanted
            || question.first.vpc().0 == wanted
    };
    let cluster = |wanted: &String| {
        [question.first.tuple().src, question.first.tuple().dst].iter().any(|address| {
            let owner = directory.who(*address, network).owner;
            let cluster = owner.cluster.and_then(|at| directory.inventory.clusters.get(at));
            cluster.is_some_and(|cluster| cluster.id.name == *wanted)
        })
    };
    scope.network.as_ref().is_none_or(|wanted| network.is_some_and(|of| of.agrees(wanted)))
        && scope.project.as_ref().is_none_or(project)
        && scope.cluster.as_ref().is_none_or(cluster)
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CauseKey {
    network: Option<Reference>,
    direction: Option<Direction>,
    source: End,
    destination: End,
    protocol: Protocol,
    port: Option<u16>,
    reference: String,
    decider: String,
    verdict: Verdict,
}

/// Role, name and ranges: a cluster's control plane may be reached at several.
type End = (Role, String, Vec<IpNet>);

fn cause_key(directory: &Directory<'_>, question: &Question<'_>) -> CauseKey {
    let tuple = question.first.tuple();
    let flow = question.flow.as_ref();
    let network = flow.map(|flow| &flow.network);
    let direction = flow.map(|flow| flow.direction).or(question.first.direction());
    let vm = |way: Direction| {
        let name = question.first.vm().map(|(_, name)| name);
        name.filter(|_| direction == Some(way))
    };
    let source = directory.who_vm(tuple.src, network, vm(Direction::Egress));
    let destination = directory.who_vm(tuple.dst, network, vm(Direction::Ingress));
    let role = |who: Who<'_>| (who.owner.role, who.owner.name.clone(), who.owner.ranges.clone());
    // Somebody outside who tries many ports is one cause, not thousands; on the port of an
    // application it may be a client.
    let scan = source.owner.role == Role::Internet
        && direction != Some(Direction::Egress)
        && !directory.is_entrance(&tuple);
    CauseKey {
        network: network.cloned(),
        direction,
        source: role(source),
        destination: role(destination),
        protocol: tuple.protocol,
        port: (tuple.protocol.has_ports() && !scan).then_some(tuple.dst_port),
        reference: question.first.reference().to_owned(),
        decider: decider_key(question.decision.decider),
        verdict: question.decision.verdict,
    }
}

/// A text that is equal for equal causes, whatever else was seen of them.
#[must_use]
pub fn cause_text(cause: &Cause<'_>) -> String {
    let end = |side: &Side| format!("{} {} {:?}", side.role, side.name, side.known);
    format!(
        "{:?} {:?} {} {} {} {:?} {}",
        cause.network,
        cause.direction,
        end(&cause.source),
        end(&cause.destination),
        cause.protocol,
        cause.port,
        decider_key(cause.decision.decider)
    )
}

/// A text that is equal for equal deciders, for keys and ids.
#[must_use]
pub fn decider_key(decider: Decider<'_>) -> String {
    match decider {
        Decider::Rule(rule) => {
            format!("rule {:?} {} {:?}", rule.policy, rule.label(), rule.origin)
        }
        Decider::Implied(direction) => format!("implied {direction}"),
        Decider::NoGroupAllows(direction) => format!("no group {direction}"),
        Decider::AlwaysAllowed(what) => format!("always allowed: {what}"),
        Decider::AlwaysBlocked(what) => format!("always blocked: {what}"),
        Decider::Missing => "missing".to_owned(),
    }
}

fn cause<'a>(
    directory: &Directory<'a>,
    key: &CauseKey,
    questions: Vec<Question<'a>>,
    seen: Seen<'a>,
) -> Option<Cause<'a>> {
    // The first of the heaviest.
    let heaviest = questions.iter().rev().max_by_key(|question| question.entries)?;
    let decision = heaviest.decision.clone();
    let vm = heaviest.first.vm().map(|(_, name)| name);
    let tuple = heaviest.first.tuple();
    let side = |address: IpAddr, way: Direction, seen: &[IpAddr]| {
        let vm = vm.filter(|_| key.direction == Some(way));
        side(directory.who_vm(address, key.network.as_ref(), vm), seen)
    };
    let source = side(tuple.src, Direction::Egress, &seen.sources);
    let destination = side(tuple.dst, Direction::Ingress, &seen.destinations);
    let peer = if key.direction == Some(Direction::Egress) { &destination } else { &source };
    // Nobody on the internet was meant by a rule that misses them.
    let near_misses = match &heaviest.flow {
        Some(flow) if decision.verdict != Verdict::Allowed && peer.role != Role::Internet => {
            let kin = if peer.known { AddressSet::of(&peer.ranges) } else { AddressSet::default() };
            let rules = directory.inventory.firewall_rules.iter();
            near_misses(rules, flow, decision.decider, &kin)
        }
        _ => Vec::new(),
    };
    Some(Cause {
        network: key.network.clone(),
        direction: key.direction,
        source,
        destination,
        protocol: key.protocol,
        port: key.port,
        logged_rule: RuleReference::parse(&key.reference),
        decision,
        near_misses,
        questions,
        seen,
        needs: Vec::new(),
        symptoms: Vec::new(),
        parts: Vec::new(),
    })
}
