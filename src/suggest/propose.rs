//! What could be changed: corrections of the person's own rules that nearly allowed the traffic,
//! and a new rule. Or why nothing should be.
//!
//! Ranges come from the inventory or from Google's list, never from the log alone; a deny that was
//! made on purpose is not outranked; rules of GKE's are not edited.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::correlate::{Cause, Directory, path};
use crate::engine::near_miss::Gap;
use crate::engine::{Facts, Flow, Mismatch};
use crate::model::firewall::{Layer4, Targets};
use crate::model::{Action, FirewallPolicy, FirewallRule, Owner, PolicyKind};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Role, TrafficSet};
use crate::suggest::change::{Change, Safety, target_texts};
use crate::suggest::crossing;
use crate::suggest::earlier::Earlier;
use crate::suggest::group::group_addition;
use crate::suggest::inspection;
use crate::suggest::name::resource_name;
use crate::suggest::need::Need;
use crate::suggest::proposal::{NoFix, Proposal, exposes};
use crate::suggest::targets::{Chosen, chosen};

/// The changes that could mend `cause`, least opening first.
///
/// `siblings` are other causes of its kind, of the same two ends: a new rule is made for all of
/// them, since nobody wants one for every webhook.
pub fn propose<'c, 'a>(
    cause: &'c Cause<'a>,
    siblings: &[&'c Cause<'a>],
    directory: &Directory<'_>,
    earlier: &Earlier,
) -> Result<Vec<Proposal<'c, 'a>>, NoFix> {
    // What somebody denied on purpose is not opened by the way.
    let mendable = |one: &&&'c Cause<'a>| Need::of(one, &[], directory).is_ok();
    let siblings: Vec<&'c Cause<'a>> = siblings.iter().filter(mendable).copied().collect();
    let need = Need::of(cause, &siblings, directory)?;
    if directory.inventory.is_amazon(need.network) {
        return Ok(vec![group_addition(&need, directory)?]);
    }
    let mut proposals: Vec<Proposal<'c, 'a>> = cause
        .near_misses
        .iter()
        .take(MOST_NEAR_MISSES)
        .filter_map(|miss| {
            correction(&need, miss.rule, miss.gap, miss.shared_bits, directory, earlier)
        })
        .collect();
    proposals.extend(addition(&need, directory, earlier)?);
    proposals.extend(policy_addition(&need, directory, earlier));
    for one in &mut proposals {
        if let Some(deny) = crossing::doubled(directory.inventory, &one.change) {
            one.notes.push(format!(
                "rule {} denies this to {}: a VM that carries both is opened",
                deny.label(),
                target_texts(deny).join(", ")
            ));
            one.safety = one.safety.max(Safety::Review);
        }
        if let Some(deny) = crossing::unknown_behind(directory.inventory, &one.change) {
            one.notes.push(format!(
                "rule {}, which is asked after it, denies what nobody here knows the addresses of: \
                 it may be for these",
                deny.label()
            ));
            one.safety = one.safety.max(Safety::Review);
        }
        if let Some(why) = other_vip(&need, directory) {
            one.notes.push(why);
            one.safety = one.safety.max(Safety::Review);
        }
        if let Some(why) = doubts(&need, directory) {
            one.notes.push(why);
            one.safety = one.safety.max(Safety::Review);
        }
        if let Some(inspecting) = inspection::passed_by(directory.inventory, &one.change) {
            one.notes.push(format!(
                "rule {} has this inspected by a firewall endpoint: what is allowed before it \
                 passes without",
                inspecting.label()
            ));
            one.safety = one.safety.max(Safety::Review);
        }
    }
    rank(&need, directory, earlier, &mut proposals);
    // What leaves a deny for other VMs alone goes before what does not.
    let passes =
        |one: &Proposal<'_, '_>| crossing::doubled(directory.inventory, &one.change).is_some();
    proposals.sort_by_cached_key(passes);
    Ok(proposals)
}

/// Why somebody should look first, whatever the change is: what is denied at an unusual rank may
/// have been closed on purpose, and of what the log alone shows nobody said that it is wanted.
fn doubts(need: &Need<'_, '_>, directory: &Directory<'_>) -> Option<String> {
    let deny = need.deny.filter(|deny| deny.policy.is_none() && deny.priority < 1000);
    if let Some(deny) = deny {
        return Some(format!(
            "rule {} (priority {}) stands above the usual place of a default: make sure that it is \
             one",
            deny.label(),
            deny.priority
        ));
    }
    if !need.cause.needs.is_empty() {
        let may_be = need.cause.is_silent() && need.cause.needs.iter().all(|one| one.doubtful);
        return may_be.then(|| "nothing shows for certain that this is needed".to_owned());
    }
    let role = need.peer.role;
    // Google's own callers log in nowhere.
    let by_google = matches!(role, Role::ControlPlane | Role::HealthCheck | Role::ProxySubnet);
    let to_people = need.cause.port.is_some_and(|port| [22, 23, 445, 3389].contains(&port));
    if by_google && to_people {
        return Some(format!("{role} ask for no logins: look at what this really is"));
    }
    if !is_expected(need) {
        let all = texts(&need.ranges);
        let what = match need.direction {
            Direction::Ingress => "it lets in all of",
            Direction::Egress => "it opens the way to all of",
        };
        return Some(format!(
            "known from the log alone: nothing given asks for it, and {what} {all}"
        ));
    }
    let webhooks = directory.inventory.workloads.webhook_configurations > 0;
    (role == Role::ControlPlane && need.direction == Direction::Ingress && webhooks)
        .then(|| "no webhook or aggregated API that was given asks for this port".to_owned())
}

/// What shows that a network may be made for another VIP than the one that would be opened: the
/// private one serves what the perimeter of VPC Service Controls keeps in.
fn other_vip(need: &Need<'_, '_>, directory: &Directory<'_>) -> Option<String> {
    let otherwise =
        |range: &IpNet| path::may_be_meant_otherwise(directory.inventory, need.network, range);
    let meant = need.ranges.iter().find_map(otherwise)?;
    Some(format!(
        "{} ({}) was made for {}: keep to that one, unless this is wanted, too",
        meant.by, meant.origin, meant.vip.name
    ))
}

/// Whether such traffic is what a cluster is there for, or what Google's own callers do, though
/// nothing that was given asks for this.
fn is_expected(need: &Need<'_, '_>) -> bool {
    let (peer, own) = (need.peer, need.own.cluster);
    match peer.role {
        // Both come by way of Google, which asks who they are.
        Role::HealthCheck | Role::Iap => true,
        Role::Node | Role::Pod | Role::Service | Role::ControlPlane => {
            peer.cluster.is_some() && peer.cluster == own
        }
        // Nobody's VMs but a cluster's are known to need these.
        Role::GoogleApis | Role::Metadata | Role::DnsForwarder => own.is_some(),
        Role::ProxySubnet => true,
        _ => false,
    }
}

/// Of what opens about as much, a correction of a rule that is there already comes first; one that
/// opens more than twice as much as a new rule would, or VMs that nobody asked about, comes last
/// and wants a second look. A rule for all VMs was meant for all of them: one more range it may
/// take, but not one more port on each.
fn rank(
    need: &Need<'_, '_>,
    directory: &Directory<'_>,
    earlier: &Earlier,
    proposals: &mut [Proposal<'_, '_>],
) {
    // What another finding opened is not opened once more.
    let weight = |change: &Change| match change {
        Change::Update { before, after } => {
            let before = Box::new(earlier.rule(before).clone());
            Change::Update { before, after: after.clone() }.weight()
        }
        added => added.weight(),
    };
    let is_for_all = |rule: &FirewallRule| {
        let own = match rule.direction {
            Direction::Ingress => &rule.destination,
            Direction::Egress => &rule.source,
        };
        rule.targets.is_everyone() && own.is_none()
    };
    let added = |one: &Proposal<'_, '_>| match &one.change {
        Change::Add(rule) => Some((weight(&one.change), is_for_all(rule))),
        _ => None,
    };
    let Some((exact, for_all)) = proposals.iter().filter_map(added).min() else {
        return proposals.sort_by_key(|one| weight(&one.change));
    };
    let wanted = TrafficSet::union_of(need.all_layers.iter().map(Layer4::traffic));
    let is_wider = |one: &Proposal<'_, '_>| {
        let after = one.change.rule();
        let Some(before) = one.change.before() else { return false };
        let grows = before.traffic() != after.traffic() || before.disabled;
        let on_all = is_for_all(after) && !for_all && grows;
        let grows_for = |flow: &Flow| is_for_others(flow, &after.targets);
        let is_shared = || {
            let own = need.own.cluster;
            own.is_some_and(|own| directory.other_cluster(own, &after.targets).is_some())
        };
        let on_others =
            before.targets == after.targets && (need.flows().any(grows_for) || is_shared());
        // What a higher rank opens is all of the rule.
        let outranks = before.priority != after.priority && !wanted.covers(&after.traffic());
        on_all || on_others || outranks || weight(&one.change) > exact.saturating_mul(2)
    };
    let is_more_than_asked = |one: &Proposal<'_, '_>| {
        let after = one.change.rule();
        let Some(before) = one.change.before() else { return false };
        let same = FirewallRule { layer4: before.layer4.clone(), ..after.clone() } == *before;
        let has = if same { earlier.rule(before).traffic() } else { TrafficSet::default() };
        !wanted.covers(&after.traffic().difference(&has)) || is_for_all(after)
    };
    let opens_more = |one: &Proposal<'_, '_>| weight(&one.change) > exact;
    let wants_a_look =
        |one: &&mut Proposal<'_, '_>| is_wider(one) || is_more_than_asked(one) || opens_more(one);
    for one in proposals.iter_mut().filter(wants_a_look) {
        if one.safety == Safety::Safe {
            one.safety = Safety::Review;
        }
    }
    proposals.sort_by_key(|one| (is_wider(one), added(one).is_some(), weight(&one.change)));
}

/// Whether some of the names by which a rule knows its targets are not this VM's, for certain: they
/// stand for others.
fn is_for_others(flow: &Flow, targets: &Targets) -> bool {
    let end = &flow.endpoint;
    let foreign = |names: &BTreeSet<String>, known: &Facts| match known {
        Facts::Exactly(own) => !names.is_subset(own),
        Facts::AtLeast(_) | Facts::Unknown => false,
    };
    foreign(&targets.tags, &end.tags)
        || foreign(&targets.service_accounts, &end.service_accounts)
        || foreign(&targets.secure_tags, &end.secure_tags)
}

/// More corrections than this are not tried: the nearest ones are the ones that were meant.
const MOST_NEAR_MISSES: usize = 6;

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
        Gap::Field(Mismatch::Port | Mismatch::Protocol) => {
            let own = std::mem::take(&mut after.layer4);
            after.set_layers(own.into_iter().chain(need.layers.iter().cloned()));
        }
        Gap::Field(Mismatch::Source) if need.direction == Direction::Ingress && bits >= 16 => {
            after.set_source_ranges(widened(&after.source_ranges, &need.ranges)?);
        }
        Gap::Field(Mismatch::Destination) if need.direction == Direction::Egress && bits >= 16 => {
            after.set_destination_ranges(widened(&after.destination_ranges, &need.ranges)?);
        }
        Gap::Field(Mismatch::Target) if !rule.targets.tags.is_empty() => {
            let Chosen { targets, .. } = chosen(need, directory);
            if targets.tags.is_empty() {
                return None;
            }
            after.targets.tags.extend(targets.tags);
        }
        Gap::Priority => after.priority = need.deny?.priority.checked_sub(1)?,
        _ => return None,
    }
    let mut notes: Vec<String> = rule.kept_by().into_iter().collect();
    // What is denied to some VMs alone is meant for these.
    let is_default = need.deny.is_none_or(|deny| deny.targets.is_everyone());
    let safety = match (notes.is_empty(), is_default) {
        (false, _) => Safety::Managed,
        (true, false) => Safety::Review,
        (true, true) => Safety::Safe,
    };
    if earlier.rule(rule) != rule {
        notes.push(
            "holds what another finding changes of this rule, too: carry it out after that one"
                .to_owned(),
        );
    }
    Some(Proposal {
        change: Change::Update { before: Box::new(rule.clone()), after: Box::new(after) },
        wanted: vec![need.cause],
        needed: AddressSet::of(&need.ranges),
        safety,
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
    let Chosen { targets, mut notes, for_others } = chosen(need, directory);
    // Whom the outside is opened to, somebody should look at again.
    let mut safety = if exposes(need.cause) { Safety::Review } else { Safety::Safe };
    rule.targets = targets;
    let lacking = need.lacking(directory);
    match need.direction {
        Direction::Ingress => {
            rule.set_source_ranges(lacking);
            // Nodes are more than what a load balancer of theirs forwards; probes are of them all.
            let is_probe = need.peer.role == Role::HealthCheck;
            if need.own.role == Role::LoadBalancer && need.own.known && !is_probe {
                rule.set_destination_ranges(need.own.ranges.clone());
            } else if let Some(addresses) = balancers(need, directory).filter(|_| !is_probe) {
                rule.set_destination_ranges(addresses);
            }
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
    if for_others || need.deny.is_some_and(|deny| !deny.targets.is_everyone()) {
        safety = Safety::Review;
    }
    let layers = crossing::spared(directory.inventory, &rule, &need.all_layers);
    notes.extend(crossing::left_denied(directory.inventory, &rule, &need.all_layers));
    rule.layer4 = inspection::left_alone(directory.inventory, &rule, need.deny, &layers);
    if rule.layer4.is_empty() {
        return Ok(None);
    }
    rule.logged = Some(true);
    rule.name = Some(free_name(need, &rule, directory, earlier));
    let mut wanted = vec![need.cause];
    wanted.extend(&need.siblings);
    Ok(Some(Proposal {
        change: Change::Add(Box::new(rule)),
        wanted,
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
    earlier: &Earlier,
) -> Option<Proposal<'c, 'a>> {
    let inventory = directory.inventory;
    let deny = need.deny.filter(|deny| deny.policy.is_some())?;
    let stage = deny.stage?;
    // The system's policies are Google's.
    let first = stage != PolicyKind::RegionalSystem
        && inventory.is_above_rules(stage, need.network) == Some(true);
    let own = |policy: &&FirewallPolicy| policy.holds(deny);
    let policy = inventory.policies.iter().filter(|_| first).find(own)?;
    // Priorities are unique within a policy, and a rule has to outrank the one that denies.
    let suggested = earlier.added().filter(|rule| policy.holds(rule));
    let taken: BTreeSet<u32> =
        policy.rules.iter().chain(suggested).map(|rule| rule.priority).collect();
    let taken = |priority: &u32| taken.contains(priority);
    let priority = (0..deny.priority).rev().find(|priority| !taken(priority))?;
    let mut rule = FirewallRule::new(need.network.clone(), need.direction, priority, Action::Allow);
    rule.policy.clone_from(&deny.policy);
    rule.stage = Some(stage);
    rule.home = policy.home();
    let Chosen { mut targets, mut notes, .. } = chosen(need, directory);
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
    let layers = crossing::spared(inventory, &rule, &need.layers);
    rule.layer4 = inspection::left_alone(inventory, &rule, need.deny, &layers);
    if rule.layer4.is_empty() {
        return None;
    }
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
        wanted: vec![need.cause],
        needed: AddressSet::of(&need.ranges),
        safety: Safety::Review,
        notes,
    })
}

/// The addresses of load balancers, where all that is wanted goes to some: what they forward keeps
/// it, and nothing else of the VMs is to be opened.
fn balancers(need: &Need<'_, '_>, directory: &Directory<'_>) -> Option<Vec<IpNet>> {
    let inventory = directory.inventory;
    let of_services = inventory.workloads.services.iter().flat_map(|one| one.addresses.clone());
    let of_services: BTreeSet<IpAddr> = of_services.collect();
    let is_one = |address: &IpAddr| {
        let mut frontends = inventory.frontends.iter().filter(|one| !one.serves_apis);
        of_services.contains(address) || frontends.any(|one| one.address.contains(address))
    };
    let asked: BTreeSet<IpAddr> = need.flows().map(|flow| flow.tuple.dst).collect();
    let all = !asked.is_empty() && asked.iter().all(is_one);
    all.then(|| asked.into_iter().map(IpNet::from).collect())
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
        let meets = |one: &Layer4| !one.traffic().intersection(&rule.traffic()).is_empty();
        peers && need.all_layers.iter().any(meets)
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

/// A name that no rule has, nor another suggestion for something else: names are unique in a
/// project.
fn free_name(
    need: &Need<'_, '_>,
    rule: &FirewallRule,
    directory: &Directory<'_>,
    earlier: &Earlier,
) -> String {
    let (protocol, port) = match need.all_layers.as_slice() {
        [only] => {
            let ports = only.ports.as_ref().map(PortSet::texts).unwrap_or_default();
            (only.protocol.map(|one| one.to_string()).unwrap_or_default(), ports.join("-"))
        }
        _ => (String::new(), String::new()),
    };
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
    let names: BTreeSet<&str> =
        inventory.firewall_rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
    (1..)
        .map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") })
        .find(|name| !names.contains(name.as_str()) && !earlier.takes(name, rule))
        .unwrap_or(name)
}
