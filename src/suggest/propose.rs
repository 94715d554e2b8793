//! What could be changed: corrections of the person's own rules that nearly allowed the traffic,
//! and a new rule. Or why nothing should be.
//!
//! Ranges come from the inventory or from Google's list, never from the log alone; a deny that was
//! made on purpose is not outranked; rules of GKE's are not edited.

use std::collections::BTreeSet;

use crate::correlate::causes::Side;
use crate::correlate::{Cause, Directory, Question, node_tags};
use crate::engine::matching::{Outcome, match_rule};
use crate::engine::near_miss::Gap;
use crate::engine::{Decider, EffectiveRules, Flow, Mismatch, Space, Verdict, evaluate_all};
use crate::model::firewall::{Layer4, Targets};
use crate::model::{Action, FirewallPolicy, FirewallRule, Owner, PolicyKind, Reference};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Role};
use crate::suggest::change::{Change, Safety};
use crate::suggest::name::resource_name;

/// A change that is yet to be proved.
#[derive(Debug, Clone)]
pub struct Proposal<'c, 'a> {
    /// The change.
    pub change: Change,
    /// What the connections ask that must pass after it.
    pub wanted: &'c [Question<'a>],
    /// The ranges that were asked for at the other end.
    pub needed: AddressSet,
    /// How far it may be trusted.
    pub safety: Safety,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

impl<'c, 'a> Proposal<'c, 'a> {
    /// A change that was proposed for another cause, for this one.
    #[must_use]
    pub fn again(change: &Change, cause: &'c Cause<'a>) -> Self {
        let rule = change.rule();
        let peer = match rule.direction {
            Direction::Ingress => &rule.source,
            Direction::Egress => &rule.destination,
        };
        let managed = change.before().is_some_and(|rule| rule.owner == Owner::ConfigConnector);
        Self {
            change: change.clone(),
            wanted: &cause.questions,
            needed: peer.clone().unwrap_or_default(),
            safety: if managed { Safety::Managed } else { Safety::Safe },
            notes: vec!["the same change mends another finding, too".to_owned()],
        }
    }
}

/// Why no change is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFix(pub String);

/// The changes that could mend `cause`, least opening first.
pub fn propose<'c, 'a>(
    cause: &'c Cause<'a>,
    directory: &Directory<'_>,
    earlier: &Earlier,
) -> Result<Vec<Proposal<'c, 'a>>, NoFix> {
    let need = Need::of(cause, directory)?;
    let mut proposals: Vec<Proposal<'c, 'a>> = cause
        .near_misses
        .iter()
        .take(MOST_NEAR_MISSES)
        .filter_map(|miss| {
            correction(&need, miss.rule, miss.gap, miss.shared_bits, directory, earlier)
        })
        .collect();
    proposals.extend(addition(&need, directory, earlier)?);
    proposals.extend(policy_addition(&need, directory));
    // Of what opens about as much, a correction of a rule that is there already comes first.
    proposals.sort_by_key(|proposal| {
        (proposal.change.magnitude(), matches!(proposal.change, Change::Add(_)))
    });
    Ok(proposals)
}

/// More corrections than this are not tried: the nearest ones are the ones that were meant.
const MOST_NEAR_MISSES: usize = 6;

/// What must become possible.
struct Need<'c, 'a> {
    cause: &'c Cause<'a>,
    network: &'c Reference,
    direction: Direction,
    peer: &'c Side,
    own: &'c Side,
    ranges: Vec<IpNet>,
    layer: Layer4,
    wanted: &'c [Question<'a>],
    deny: Option<&'a FirewallRule>,
}

impl<'c, 'a> Need<'c, 'a> {
    /// What the wanted connections ask.
    fn flows(&self) -> impl Iterator<Item = &'c Flow> {
        self.wanted.iter().filter_map(|question| question.flow.as_ref())
    }

    fn of(cause: &'c Cause<'a>, directory: &Directory<'_>) -> Result<Self, NoFix> {
        let no = |why: &str| Err(NoFix(why.to_owned()));
        let (Some(network), Some(direction)) = (cause.network.as_ref(), cause.direction) else {
            return no("the network of these connections is not known");
        };
        match cause.decision.verdict {
            Verdict::Denied => {}
            Verdict::Allowed => return no("the rules that were given allow this already"),
            Verdict::Undetermined if cause.decision.decider == Decider::Missing => {
                return no("no firewall rule of this network was given, so nothing can be proved");
            }
            Verdict::Undetermined => {
                return no("what was given does not decide this, so no change can be proved");
            }
        }
        let (peer, own) = match direction {
            Direction::Ingress => (&cause.source, &cause.destination),
            Direction::Egress => (&cause.destination, &cause.source),
        };
        if peer.elsewhere {
            let of = peer.network.as_ref().map(ToString::to_string).unwrap_or_default();
            let described =
                peer.network.as_ref().is_some_and(|of| directory.inventory.knows_network(of));
            return Err(NoFix(if described {
                format!("{} {} is in network {of}, not in {network}", peer.role, peer.name)
            } else {
                format!("{} {} is in network {of}, which is not described", peer.role, peer.name)
            }));
        }
        let deny = intended(cause, directory)?;
        let ranges = peer_ranges(peer, cause)?;
        let ports = cause.port.map(|port| PortSet::of([port]));
        Ok(Self {
            cause,
            network,
            direction,
            peer,
            own,
            ranges,
            layer: Layer4 { protocol: Some(cause.protocol), ports },
            wanted: &cause.questions,
            deny,
        })
    }
}

/// The ranges to open towards, where they are known to belong to one owner.
fn peer_ranges(peer: &Side, cause: &Cause<'_>) -> Result<Vec<IpNet>, NoFix> {
    let no = |why: &str| Err(NoFix(why.to_owned()));
    match peer.role {
        Role::Internet => no(
            "these are public addresses that nothing here names: a rule for addresses out of a log \
             would rot; name the destination, or use an FQDN object of a firewall policy",
        ),
        Role::HealthCheck if cause.direction == Some(Direction::Egress) => {
            no("health checks need no EGRESS rule: replies of an allowed connection pass")
        }
        Role::GooglePublic if cause.port == Some(53) => no(
            "ask the metadata server (169.254.169.254) instead, which no rule can block, or name \
             this resolver's address yourself",
        ),
        Role::GooglePublic => no(
            "these are Google's public addresses, which change: send the names to the private VIP \
             (199.36.153.8/30) by DNS, or allow the ranges of Google's published list by a policy",
        ),
        Role::Unknown => {
            no("nothing that was given says whose addresses these are (describe the subnetworks, \
             clusters and peerings)")
        }
        _ if !peer.known => no("the range of the other end is not known"),
        _ => Ok(peer.ranges.clone()),
    }
}

/// The deny that decides, where it is a default that may be outranked. A deny that speaks of this
/// traffic, or that outranks everything on purpose, is left alone; so is one of a lower rank that
/// a new allow would overrule together with the default.
fn intended<'a>(
    cause: &Cause<'a>,
    directory: &Directory<'_>,
) -> Result<Option<&'a FirewallRule>, NoFix> {
    let by_name = |rule: &FirewallRule| {
        let label = rule.label();
        NoFix(format!("intended denial: rule {label} denies this traffic by name"))
    };
    let rule = match cause.decision.decider {
        Decider::Implied(_) => None,
        Decider::Rule(rule) => Some(rule),
        Decider::AlwaysBlocked(what) => {
            return Err(NoFix(format!("Google Cloud always blocks {what}")));
        }
        Decider::AlwaysAllowed(_) | Decider::Missing => {
            return Err(NoFix("no rule of this network was given".to_owned()));
        }
    };
    if let Some((rule, policy)) = rule.and_then(|rule| Some((rule, rule.policy.as_ref()?)))
        && !rule.is_catch_all(cause.protocol)
    {
        let priority = rule.priority;
        return Err(NoFix(format!(
            "a policy above the VPC decides: {policy}, rule {priority}, denies this by name"
        )));
    }
    let inventory = directory.inventory;
    let denies = inventory.firewall_rules.iter().filter(|rule| rule.action == Action::Deny);
    let on_purpose = denies.filter(|rule| !rule.is_catch_all(cause.protocol)).find(|rule| {
        let mut flows = cause.flows();
        flows.any(|flow| match_rule(rule, flow, &mut ()) == Outcome::Matched)
    });
    if let Some(deny) = on_purpose {
        return Err(by_name(deny));
    }
    let Some(rule) = rule else { return Ok(None) };
    if !rule.is_catch_all(cause.protocol) {
        return Err(by_name(rule));
    }
    if rule.policy.is_some() {
        return Ok(Some(rule));
    }
    let meets = |other: &FirewallRule| {
        rule.targets.is_everyone()
            || other.targets.is_everyone()
            || !rule.targets.tags.is_disjoint(&other.targets.tags)
            || !rule.targets.service_accounts.is_disjoint(&other.targets.service_accounts)
    };
    let has_exceptions = inventory.firewall_rules.iter().any(|other| {
        other.action == Action::Allow
            && other.direction == rule.direction
            && other.network.agrees(&rule.network)
            && !matches!(other.owner, Owner::Gke(_))
            && other.priority < rule.priority
            && meets(other)
    });
    // A default stands at the usual priority, 1000, or below. One that stands higher, or that is
    // for some VMs only (a quarantine), is taken for a default only if somebody made exceptions, or
    // meant to.
    let usual = rule.priority >= 1000 && rule.targets.is_everyone();
    let meant = cause.near_misses.iter().any(|miss| miss.gap == Gap::Priority);
    if !usual && !has_exceptions && !meant {
        return Err(NoFix(format!(
            "intended denial: rule {} (priority {}) denies everything{} on purpose",
            rule.label(),
            rule.priority,
            if rule.targets.is_everyone() { "" } else { " to its targets" }
        )));
    }
    if rule.priority == 0 {
        return Err(NoFix(format!("rule {} has priority 0: nothing outranks it", rule.label())));
    }
    Ok(Some(rule))
}

/// A rule of the person's own that lacks one thing, with that thing.
fn correction<'c, 'a>(
    need: &Need<'c, 'a>,
    rule: &FirewallRule,
    gap: Gap,
    bits: u32,
    directory: &Directory<'_>,
    earlier: &Earlier,
) -> Option<Proposal<'c, 'a>> {
    if matches!(rule.owner, Owner::Gke(_)) || rule.policy.is_some() {
        return None;
    }
    let mut after = earlier.rule(rule).clone();
    match gap {
        Gap::Field(Mismatch::Disabled) => after.disabled = false,
        Gap::Field(Mismatch::Port) => {
            let ports = need.layer.ports.as_ref()?;
            let of_protocol = |part: &&mut Layer4| part.protocol == need.layer.protocol;
            let part = after.layer4.iter_mut().find(of_protocol)?;
            part.ports = Some(part.ports.as_ref()?.union(ports));
        }
        Gap::Field(Mismatch::Protocol) => after.layer4.push(need.layer.clone()),
        Gap::Field(Mismatch::Source) if need.direction == Direction::Ingress && bits >= 16 => {
            after.set_source_ranges(widened(&after.source_ranges, &need.ranges)?);
        }
        Gap::Field(Mismatch::Destination) if need.direction == Direction::Egress && bits >= 16 => {
            after.set_destination_ranges(widened(&after.destination_ranges, &need.ranges)?);
        }
        Gap::Field(Mismatch::Target) if !rule.targets.tags.is_empty() => {
            let (targets, _) = targets(need, directory);
            if targets.tags.is_empty() {
                return None;
            }
            after.targets.tags.extend(targets.tags);
        }
        Gap::Priority => after.priority = need.deny?.priority.checked_sub(1)?,
        _ => return None,
    }
    let managed = rule.owner == Owner::ConfigConnector;
    let mut notes = Vec::new();
    if managed {
        notes.push(format!(
            "Config Connector keeps {} as its manifest says ({}): change it there",
            rule.label(),
            rule.origin
        ));
    }
    Some(Proposal {
        change: Change::Update { before: Box::new(rule.clone()), after: Box::new(after) },
        wanted: need.wanted,
        needed: AddressSet::of(&need.ranges),
        safety: if managed { Safety::Managed } else { Safety::Safe },
        notes,
    })
}

/// The rule's own ranges and those needed, of one family: a rule holds only one.
fn widened(own: &[IpNet], needed: &[IpNet]) -> Option<Vec<IpNet>> {
    let is_v4 = |range: &IpNet| range.addr().is_ipv4();
    let family = own.first().map(is_v4)?;
    if needed.iter().any(|range| is_v4(range) != family) {
        return None;
    }
    let covered = AddressSet::of(own);
    let mut all = own.to_vec();
    all.extend(needed.iter().filter(|range| !covered.covers(&AddressSet::of([*range]))));
    Some(all)
}

/// The ranges that are needed and not open to these VMs already.
fn lacking(need: &Need<'_, '_>, directory: &Directory<'_>) -> Vec<IpNet> {
    let rules = EffectiveRules::of(directory.inventory, need.network);
    let geography = directory.geography(need.network);
    let is_open = |range: &IpNet| {
        let set = AddressSet::of([range]);
        let open = |flow: &Flow| {
            let mut space = Space::of_flow(flow, &geography);
            space.tells_apart = false;
            match need.direction {
                Direction::Ingress => space.flows.source = set.clone(),
                Direction::Egress => space.flows.destination = set.clone(),
            }
            let pieces = evaluate_all(&rules, &space);
            pieces.iter().all(|piece| piece.decision.verdict == Verdict::Allowed)
        };
        need.flows().all(open)
    };
    need.ranges.iter().filter(|range| !is_open(range)).copied().collect()
}

/// A new rule for exactly this.
fn addition<'c, 'a>(
    need: &Need<'c, 'a>,
    directory: &Directory<'_>,
    earlier: &Earlier,
) -> Result<Option<Proposal<'c, 'a>>, NoFix> {
    let Some(priority) = free_priority(need, directory) else {
        return Ok(None);
    };
    let mut rule = FirewallRule::new(need.network.clone(), need.direction, priority, Action::Allow);
    let (targets, mut notes) = targets(need, directory);
    let mut safety = Safety::Safe;
    rule.targets = targets;
    let lacking = lacking(need, directory);
    match need.direction {
        Direction::Ingress => {
            rule.set_source_ranges(lacking);
            if rule.targets.is_everyone() && need.own.known {
                rule.set_destination_ranges(need.own.ranges.clone());
                notes.push(format!(
                    "no tag of the VMs is known, so the rule is narrowed to their range, {}",
                    texts(&need.own.ranges)
                ));
                safety = Safety::Review;
            }
        }
        Direction::Egress => rule.set_destination_ranges(lacking),
    }
    let narrowed = need.direction == Direction::Ingress && rule.destination.is_some();
    if rule.targets.is_everyone() && !narrowed {
        notes.push("no tag of the VMs is known: the rule applies to the whole network".to_owned());
        safety = Safety::Review;
    }
    if need.deny.is_some_and(|deny| !deny.targets.is_everyone()) {
        safety = Safety::Review;
    }
    rule.layer4 = vec![need.layer.clone()];
    rule.logged = Some(true);
    rule.name = Some(free_name(need, directory, earlier));
    Ok(Some(Proposal {
        change: Change::Add(Box::new(rule)),
        wanted: need.wanted,
        needed: AddressSet::of(&need.ranges),
        safety,
        notes,
    }))
}

/// A rule for exactly this in the policy that denies it, where that policy is asked before the VPC
/// rules: no rule of the VPC's would help then.
fn policy_addition<'c, 'a>(
    need: &Need<'c, 'a>,
    directory: &Directory<'_>,
) -> Option<Proposal<'c, 'a>> {
    let inventory = directory.inventory;
    let deny = need.deny.filter(|deny| deny.policy.is_some())?;
    let stage = deny.stage?;
    let first = match stage {
        PolicyKind::Hierarchical => true,
        PolicyKind::RegionalSystem => false,
        PolicyKind::GlobalNetwork | PolicyKind::RegionalNetwork => {
            inventory.policies_first(need.network) == Some(true)
        }
    };
    let own = |policy: &&FirewallPolicy| {
        policy.kind == stage && deny.policy.as_deref() == Some(policy.label())
    };
    let policy = inventory.policies.iter().filter(|_| first).find(own)?;
    // Priorities are unique within a policy, and a rule has to outrank the one that denies.
    let taken = |priority: &u32| policy.rules.iter().any(|rule| rule.priority == *priority);
    let priority = (0..deny.priority).rev().find(|priority| !taken(priority))?;
    let mut rule = FirewallRule::new(need.network.clone(), need.direction, priority, Action::Allow);
    rule.policy.clone_from(&deny.policy);
    rule.stage = Some(stage);
    let (mut targets, mut notes) = targets(need, directory);
    // Policies do not know network tags.
    if !targets.tags.is_empty() {
        notes.clear();
        targets.tags.clear();
    }
    rule.targets = targets;
    match need.direction {
        Direction::Ingress => {
            rule.set_source_ranges(need.ranges.clone());
            if rule.targets.is_everyone() && need.own.known {
                rule.set_destination_ranges(need.own.ranges.clone());
            }
        }
        Direction::Egress => rule.set_destination_ranges(need.ranges.clone()),
    }
    rule.layer4 = vec![need.layer.clone()];
    rule.logged = Some(true);
    if stage == PolicyKind::Hierarchical {
        // Without it the rule would be for every network of the folder.
        need.network.project.as_ref()?;
        rule.target_networks = vec![need.network.clone()];
    }
    notes.insert(
        0,
        format!(
            "this is decided by policy {}, which you may not own: it comes before the VPC's rules",
            policy.label()
        ),
    );
    Some(Proposal {
        change: Change::Add(Box::new(rule)),
        wanted: need.wanted,
        needed: AddressSet::of(&need.ranges),
        safety: Safety::Review,
        notes,
    })
}

fn texts(ranges: &[IpNet]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A priority that outranks the deciding deny and no other deny that speaks of this traffic:
/// the usual 1000 where it does that, else the one right above the deciding deny.
fn free_priority(need: &Need<'_, '_>, directory: &Directory<'_>) -> Option<u32> {
    // The implied deny stands below every rule. A deny of equal priority still wins.
    let below = need.deny.filter(|deny| deny.policy.is_none()).map_or(65_535, |deny| deny.priority);
    let right_above = below.checked_sub(1)?;
    let overlaps = |rule: &&FirewallRule| {
        let peer = match need.direction {
            Direction::Ingress => &rule.source,
            Direction::Egress => &rule.destination,
        };
        let ranges = AddressSet::of(&need.ranges);
        let peers = peer.as_ref().is_none_or(|set| !set.intersection(&ranges).is_empty());
        let layers = rule
            .layer4
            .iter()
            .any(|part| part.protocol.is_none() || part.protocol == need.layer.protocol);
        let ports = match (&need.layer.ports, need.layer.protocol) {
            (Some(wanted), Some(protocol)) => {
                rule.ports_of(protocol).is_some_and(|ports| !ports.intersection(wanted).is_empty())
            }
            _ => true,
        };
        peers && layers && ports
    };
    let outranked = |priority: u32| {
        directory
            .inventory
            .firewall_rules
            .iter()
            .filter(|rule| {
                rule.action == Action::Deny
                    && !rule.disabled
                    && rule.direction == need.direction
                    && rule.network.agrees(need.network)
                    && (priority + 1..below).contains(&rule.priority)
            })
            .any(|rule| overlaps(&rule))
    };
    Some(if 1000 < below && !outranked(1000) { 1000 } else { right_above })
}

/// The VMs that the rule should apply to: the cluster's node tag, else an account that all its
/// nodes share, else tags that all the VMs in question carry, else those of the deciding deny.
fn targets(need: &Need<'_, '_>, directory: &Directory<'_>) -> (Targets, Vec<String>) {
    let inventory = directory.inventory;
    let mut targets = Targets::default();
    let mut notes = Vec::new();
    if let Some(cluster) = need.own.cluster.and_then(|at| inventory.clusters.get(at)) {
        if let Some(found) = node_tags::node_tag(inventory, cluster) {
            notes.push(format!("node tag {} from {}", found.tag, found.because));
            targets.tags.insert(found.tag);
            return (targets, notes);
        }
        let node_tags::NodeFacts { tags, account, .. } =
            node_tags::common_to_nodes(inventory, cluster);
        if let Some(tag) = tags.into_iter().next() {
            notes.push(format!("tag {tag} is on every node pool of {}", cluster.id.name));
            targets.tags.insert(tag);
            return (targets, notes);
        }
        if let Some(account) = account {
            notes.push(format!("every node pool of {} runs as {account}", cluster.id.name));
            targets.service_accounts.insert(account);
            return (targets, notes);
        }
    }
    let vms: Vec<_> = need.flows().map(|flow| &flow.endpoint.tags).collect();
    let common = vms.iter().map(|facts| facts.known()).reduce(|a, b| &a & &b).unwrap_or_default();
    if let Some(tag) = common.into_iter().next() {
        notes.push(format!("tag {tag} is on every VM in question"));
        targets.tags.insert(tag);
        return (targets, notes);
    }
    if let Some(deny) = need.deny.filter(|deny| !deny.targets.is_everyone()) {
        targets.tags = deny.targets.tags.clone();
        targets.service_accounts = deny.targets.service_accounts.clone();
        notes.push(format!("for the same VMs as rule {}", deny.label()));
    }
    (targets, notes)
}

/// A name that no rule has, nor another suggestion for something else: names are unique in a
/// project.
fn free_name(need: &Need<'_, '_>, directory: &Directory<'_>, earlier: &Earlier) -> String {
    let port = need.cause.port.map(|port| port.to_string()).unwrap_or_default();
    let protocol = need.cause.protocol.to_string();
    let who = match need.peer.role {
        Role::HealthCheck | Role::Iap => need.peer.role.id().to_owned(),
        _ if need.peer.name.is_empty() => need.peer.role.id().to_owned(),
        _ => format!("{}-{}", need.peer.role.id(), need.peer.name),
    };
    let way = match need.direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let network = need.network.name.as_str();
    let name = resource_name(&[network, "allow", way, &who, &protocol, &port]);
    let inventory = directory.inventory;
    let mut names: BTreeSet<&str> =
        inventory.firewall_rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
    names.extend(earlier.names());
    (1..)
        .map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") })
        .find(|name| !names.contains(name.as_str()))
        .unwrap_or(name)
}

/// What other suggestions of the same run change already: names are not taken twice, and two
/// corrections of one rule add up, in whatever order they are carried out.
#[derive(Debug, Clone, Default)]
pub struct Earlier(pub Vec<Change>);

impl Earlier {
    /// The rule as it would stand after the earlier suggestions.
    fn rule<'r>(&'r self, rule: &'r FirewallRule) -> &'r FirewallRule {
        let same = |change: &&Change| change.before().is_some_and(|before| before == rule);
        self.0.iter().rev().find(same).map_or(rule, Change::rule)
    }

    /// Names of rules that would be added.
    fn names(&self) -> impl Iterator<Item = &str> {
        let added = self.0.iter().filter(|change| change.before().is_none());
        added.filter_map(|change| change.rule().name.as_deref())
    }
}
