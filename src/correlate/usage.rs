//! What the log shows of each rule: how often it decided, when, and which of the ranges, ports and
//! targets that it names were never met. Only of rules that write a log, and only within the log's
//! window.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use crate::correlate::questions::{Question, wider};
use crate::correlate::seen::Seen;
use crate::model::firewall::Layer4;
use crate::model::{FirewallRule, Inventory, RuleReference};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Protocol, Timestamp, TrafficSet};

/// What the log shows of one rule.
#[derive(Debug, Clone)]
pub struct Usage<'a> {
    /// The rule.
    pub rule: &'a FirewallRule,
    /// Distinct entries that name it.
    pub hits: u64,
    /// Distinct connections among them.
    pub connections: u64,
    /// The earliest and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What their connections are, all together.
    pub seen: Seen<'a>,
    /// The other ends that were met.
    pub peers: AddressSet,
    /// The protocols and ports that were met.
    pub traffic: TrafficSet,
    /// What the rule names and nothing met, in the words of the rule.
    pub unmet: Vec<String>,
}

impl Usage<'_> {
    /// Whether the rule writes log entries at all.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.rule.logged == Some(true) && self.can_be_seen()
    }

    /// Whether the rule is for anything that a log shows.
    #[must_use]
    pub fn can_be_seen(&self) -> bool {
        !self.rule.traffic().intersection(&LOGGED).is_empty()
    }
}

/// Whether an entry names this rule: VPC rules by network and name, rules of policies by the
/// policy's number or name, the direction and the priority, since they have no other name
/// (<https://cloud.google.com/firewall/docs/firewall-policy-log-format>).
#[must_use]
pub fn is_named(
    rule: &FirewallRule,
    reference: &RuleReference,
    direction: Option<Direction>,
    priority: Option<u32>,
    inventory: &Inventory,
) -> bool {
    match reference {
        RuleReference::Vpc { rule: name, network } => {
            rule.policy.is_none()
                && rule.name.as_ref() == Some(name)
                && (network.is_empty() || rule.network.name == *network)
        }
        RuleReference::Policy { policy, .. } => {
            let of_policy = || {
                let named = inventory.policies.iter().filter(|one| one.is_called(policy));
                let mut labels = named.map(|one| one.label());
                labels.any(|label| rule.policy.as_deref() == Some(label))
            };
            rule.policy.is_some()
                && direction.is_none_or(|direction| direction == rule.direction)
                && priority.is_none_or(|priority| priority == rule.priority)
                && (rule.policy.as_ref() == Some(policy) || of_policy())
        }
    }
}

/// What a log shows of all rules.
#[derive(Debug)]
pub struct UsageOfRules<'a> {
    /// Every rule, in the order of the inventory: VPC rules, then those of policies.
    pub rules: Vec<Usage<'a>>,
    /// Rules that entries name and that were not given, with how many entries name each.
    pub not_given: BTreeMap<String, u64>,
}

/// Counts what the connections show of each rule.
#[must_use]
pub fn usage<'a, 'c>(
    inventory: &'a Inventory,
    questions: impl Iterator<Item = &'c Question<'a>>,
) -> UsageOfRules<'a>
where
    'a: 'c,
{
    let mut all: Vec<Usage<'a>> = inventory.all_rules().map(unused).collect();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, one) in all.iter().enumerate() {
        let name = match (&one.rule.policy, &one.rule.name) {
            (Some(_), _) => one.rule.priority.to_string(),
            (None, Some(name)) => name.clone(),
            (None, None) => continue,
        };
        by_name.entry(name).or_default().push(at);
    }
    let mut met: HashMap<usize, Vec<&Question<'a>>> = HashMap::new();
    let mut not_given: BTreeMap<String, u64> = BTreeMap::new();
    for question in questions {
        let group = question.first;
        let Some(reference) = RuleReference::parse(group.reference()) else { continue };
        let direction = question.flow.as_ref().map(|flow| flow.direction);
        let name = match (&reference, group.priority()) {
            (RuleReference::Vpc { rule, .. }, _) => rule.clone(),
            (RuleReference::Policy { .. }, Some(priority)) => priority.to_string(),
            (RuleReference::Policy { .. }, None) => continue,
        };
        let found = by_name.get(&name).into_iter().flatten().find(|at| {
            let rule = all.get(**at).map(|one| one.rule);
            let here = |rule: &FirewallRule| {
                let network = question.flow.as_ref().map(|flow| &flow.network);
                rule.policy.is_some() || network.is_none_or(|of| rule.network.agrees(of))
            };
            rule.is_some_and(|rule| {
                here(rule) && is_named(rule, &reference, direction, group.priority(), inventory)
            })
        });
        match (found, &reference) {
            (Some(at), _) => met.entry(*at).or_default().push(question),
            (None, RuleReference::Vpc { .. }) => {
                *not_given.entry(name).or_default() += question.entries;
            }
            (None, RuleReference::Policy { policy, .. }) => {
                *not_given.entry(format!("{policy} {name}")).or_default() += question.entries;
            }
        }
    }
    for (at, one) in all.iter_mut().enumerate() {
        if let Some(questions) = met.get(&at) {
            one.take(questions);
        }
        one.unmet = unmet(one, met.get(&at).map_or(&[], Vec::as_slice));
    }
    UsageOfRules { rules: all, not_given }
}

/// What a log can show.
static LOGGED: LazyLock<TrafficSet> = LazyLock::new(|| {
    let both = [Protocol::TCP, Protocol::UDP];
    TrafficSet::union_of(both.map(|protocol| TrafficSet::of_protocol(Some(protocol))))
});

fn unused(rule: &FirewallRule) -> Usage<'_> {
    Usage {
        rule,
        hits: 0,
        connections: 0,
        span: None,
        seen: Seen::default(),
        peers: AddressSet::default(),
        traffic: TrafficSet::default(),
        unmet: Vec::new(),
    }
}

impl<'a> Usage<'a> {
    fn take(&mut self, questions: &[&Question<'a>]) {
        self.seen = Seen::of(questions.iter().copied());
        let mut traffic = BTreeSet::new();
        for question in questions {
            self.hits += question.entries;
            self.span = wider(self.span, question.span);
            self.connections += question.len() as u64;
            for connection in question.connections() {
                let tuple = connection.tuple();
                traffic.insert((tuple.protocol, tuple.dst_port));
            }
        }
        let peers = match self.rule.direction {
            Direction::Ingress => &self.seen.sources,
            Direction::Egress => &self.seen.destinations,
        };
        let peers: Vec<IpNet> = peers.iter().map(|peer| IpNet::from(*peer)).collect();
        self.peers = AddressSet::of(&peers);
        let points = traffic.iter().map(|(protocol, port)| TrafficSet::of_point(*protocol, *port));
        self.traffic = TrafficSet::union_of(points);
    }
}

/// The ranges, ports and names of the rule that no connection met.
fn unmet(one: &Usage<'_>, questions: &[&Question<'_>]) -> Vec<String> {
    let rule = one.rule;
    let mut list = Vec::new();
    let (ranges, own_ranges, what) = match rule.direction {
        Direction::Ingress => (&rule.source_ranges, &rule.destination_ranges, "source"),
        Direction::Egress => (&rule.destination_ranges, &rule.source_ranges, "destination"),
    };
    for range in ranges {
        if AddressSet::of([range]).intersection(&one.peers).is_empty() {
            list.push(format!("{what} {range}"));
        }
    }
    for range in own_ranges {
        // Whatever a rule names begins and ends at edges: one connection tells for all.
        let own = |one: &&&Question<'_>| {
            let tuple = one.first.tuple();
            range.contains(&match rule.direction {
                Direction::Ingress => tuple.dst,
                Direction::Egress => tuple.src,
            })
        };
        if !questions.iter().any(|one| own(&one)) {
            list.push(format!("range {range} of the VMs"));
        }
    }
    // Only TCP and UDP are logged (<https://cloud.google.com/firewall/docs/firewall-rules-logging>).
    for part in &rule.layer4 {
        for (ports, text) in pieces(part) {
            let seen = ports.intersection(&LOGGED);
            if !seen.is_empty() && seen.intersection(&one.traffic).is_empty() {
                list.push(text);
            }
        }
    }
    list
}

/// A protocol with its ports, each range for itself.
pub(super) fn pieces(part: &Layer4) -> Vec<(TrafficSet, String)> {
    let Some(ports) = &part.ports else { return vec![(part.traffic(), part.to_string())] };
    ports
        .parts()
        .map(|range| {
            let ports = Some(PortSet::of_ranges([range]));
            let piece = Layer4 { protocol: part.protocol, ports };
            (piece.traffic(), piece.to_string())
        })
        .collect()
}
