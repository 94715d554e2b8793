//! What must become possible for a cause to be mended, and why it may be better left as it is.

use crate::correlate::expected;
use crate::correlate::side::Side;
use crate::correlate::{Cause, Directory, path};
use crate::engine::near_miss::Gap;
use crate::engine::{Decider, EffectiveRules, Flow, Space, Verdict, evaluate_all};
use crate::model::firewall::Layer4;
use crate::model::{Action, FirewallPolicy, FirewallRule, Owner, PolicyKind, Reference};
use crate::net::{AddressSet, Direction, IpNet, Protocol, Role, TrafficSet};
use crate::suggest::proposal::NoFix;

/// What must become possible.
pub(super) struct Need<'c, 'a> {
    pub(super) cause: &'c Cause<'a>,
    pub(super) network: &'c Reference,
    pub(super) direction: Direction,
    pub(super) peer: &'c Side,
    pub(super) own: &'c Side,
    pub(super) ranges: Vec<IpNet>,
    /// Of the cause alone.
    pub(super) layers: Vec<Layer4>,
    /// With those of its siblings.
    pub(super) all_layers: Vec<Layer4>,
    pub(super) siblings: Vec<&'c Cause<'a>>,
    pub(super) deny: Option<&'a FirewallRule>,
}

impl<'c, 'a> Need<'c, 'a> {
    /// What the wanted connections ask.
    pub(super) fn flows(&self) -> impl Iterator<Item = &'c Flow> {
        std::iter::once(self.cause).chain(self.siblings.iter().copied()).flat_map(Cause::flows)
    }

    /// The ranges that are needed and not open to these VMs already.
    pub(super) fn lacking(&self, directory: &Directory<'_>) -> Vec<IpNet> {
        let rules = EffectiveRules::of(directory.inventory, self.network);
        let geography = directory.geography(self.network);
        let is_open = |range: &IpNet| {
            let set = AddressSet::of([range]);
            let open = |flow: &Flow| {
                let mut space = Space::of_flow(flow, &geography);
                space.tells_apart = false;
                match self.direction {
                    Direction::Ingress => space.flows.source = set.clone(),
                    Direction::Egress => space.flows.destination = set.clone(),
                }
                let pieces = evaluate_all(&rules, &space);
                pieces.iter().all(|piece| piece.decision.verdict == Verdict::Allowed)
            };
            self.flows().all(open)
        };
        self.ranges.iter().filter(|range| !is_open(range)).copied().collect()
    }

    /// What a cause needs; or why nothing is to be done about it.
    pub(super) fn of(
        cause: &'c Cause<'a>,
        siblings: &[&'c Cause<'a>],
        directory: &Directory<'_>,
    ) -> Result<Self, NoFix> {
        let no = |why: &str| Err(NoFix::Other(why.to_owned()));
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
            return Err(NoFix::Other(if described {
                format!("{} {} is in network {of}, not in {network}", peer.role, peer.name)
            } else {
                format!("{} {} is in network {of}, which is not described", peer.role, peer.name)
            }));
        }
        let deny = intended(cause, directory)?;
        let ranges = peer_ranges(peer, cause, directory)?;
        let together = std::iter::once(cause).chain(siblings.iter().copied());
        Ok(Self {
            cause,
            network,
            direction,
            peer,
            own,
            ranges,
            layers: cause.layers(),
            all_layers: Layer4::merged(together.flat_map(Cause::layers)),
            siblings: siblings.to_vec(),
            deny,
        })
    }
}

/// Whether its clients were named.
fn is_named(need: &expected::Need<'_>) -> bool {
    need.purpose == expected::Purpose::Exposure
}

/// The ranges to open towards, where they are known to belong to one owner.
fn peer_ranges(
    peer: &Side,
    cause: &Cause<'_>,
    directory: &Directory<'_>,
) -> Result<Vec<IpNet>, NoFix> {
    let no = |why: &str| Err(NoFix::Other(why.to_owned()));
    let network = cause.network.as_ref();
    let otherwise = |range: &IpNet| {
        network.and_then(|network| path::meant_otherwise(directory.inventory, network, range))
    };
    match peer.role {
        // Who keeps to one VIP keeps off what the other one serves besides.
        Role::GoogleApis if let Some(meant) = peer.ranges.iter().find_map(otherwise) => {
            Err(NoFix::Other(format!(
                "this network keeps to {}: {} ({}) was made for it; send the name there by DNS",
                meant.vip.name, meant.by, meant.origin
            )))
        }
        // <https://cloud.google.com/vpc/docs/configure-private-google-access#config-domain>
        Role::GoogleApis if !serves_port(cause) => {
            no("Google's APIs are served at 443 and 80 and nothing else: this is none of their own")
        }
        Role::DnsForwarder if cause.port != Some(53) => {
            no("Cloud DNS forwards queries to port 53 and nothing else: this is none of its own")
        }
        // Named by the person who asks, and not out of a log.
        Role::Internet if peer.known && cause.needs.iter().any(is_named) => {
            match peer.ranges.iter().any(|range| range.prefix_len() == 0) {
                true => no("a rule for 0.0.0.0/0 opens it to everybody: name who is to come"),
                false => Ok(peer.ranges.clone()),
            }
        }
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
        // The VIPs serve APIs (<https://cloud.google.com/vpc/docs/configure-private-google-access>).
        Role::GooglePublic if cause.port == Some(123) => {
            no("ask the metadata server for the time (NTP at 169.254.169.254), which no rule can \
             block")
        }
        Role::GooglePublic if !matches!(cause.port, Some(80 | 443)) => no(
            "these are Google's public addresses, which change, and no VIP serves this port: allow \
             the ranges of the service by a policy's FQDN object, or by what its own page lists",
        ),
        Role::GooglePublic => {
            no("these are Google's public addresses, which change: send the names to a VIP by DNS \
             (private, 199.36.153.8/30, or restricted, 199.36.153.4/30: the one that the rules and \
             the other zones are for), or allow the ranges of Google's published list by a policy")
        }
        Role::Unknown => {
            no("nothing that was given says whose addresses these are (describe the subnetworks, \
             clusters and peerings)")
        }
        _ if !peer.known => no("the range of the other end is not known"),
        _ => Ok(peer.ranges.clone()),
    }
}

/// Whether the ranges of Google's APIs serve the ports that are asked for.
fn serves_port(cause: &Cause<'_>) -> bool {
    cause.ports().iter().all(|port| matches!(port, 80 | 443))
}

/// The deny that decides, where it is a default that may be outranked. A deny that speaks of this
/// traffic, or that outranks everything on purpose, is left alone; so is one of a lower rank that
/// a new allow would overrule together with the default.
fn intended<'a>(
    cause: &Cause<'a>,
    directory: &Directory<'_>,
) -> Result<Option<&'a FirewallRule>, NoFix> {
    if let Some(why) = kept_out(cause, directory) {
        return Err(NoFix::Intended(why));
    }
    let rule = match cause.decision.decider {
        Decider::Implied(_) | Decider::NoGroupAllows(_) => None,
        Decider::Rule(rule) => Some(rule),
        Decider::AlwaysBlocked(what) => {
            return Err(NoFix::Other(format!("Google Cloud always blocks {what}")));
        }
        Decider::AlwaysAllowed(_) | Decider::Missing => {
            return Err(NoFix::Other("no rule of this network was given".to_owned()));
        }
    };
    if let Some(rule) = rule
        && let Some(policy) = &rule.policy
        && !rule.is_catch_all(cause.protocol)
    {
        return Err(by_policy(rule, policy, cause, directory));
    }
    if let Some(deny) = cause.denied_by_name(directory.inventory) {
        return Err(by_name(deny));
    }
    let Some(rule) = rule else { return Ok(None) };
    if !rule.is_catch_all(cause.protocol) {
        return Err(by_name(rule));
    }
    if rule.policy.is_some() {
        // What is denied to some VMs alone is no default.
        return if rule.targets.is_everyone() { Ok(Some(rule)) } else { Err(on_purpose(rule)) };
    }
    let has_exceptions = has_exceptions(rule, cause, directory);
    // A default stands at the usual priority, 1000, or below. One that stands higher, or that is
    // for some VMs only (a quarantine), is taken for a default only if somebody made exceptions, or
    // meant to.
    let usual = rule.priority >= 1000 && rule.targets.is_everyone();
    let meant = cause.near_misses.iter().any(|miss| {
        miss.gap == Gap::Priority && is_somebodys(miss.rule) && is_for_the_same(rule, miss.rule)
    });
    if !usual && !has_exceptions && !meant {
        return Err(on_purpose(rule));
    }
    if rule.priority == 0 {
        return Err(NoFix::Other(format!(
            "rule {} has priority 0: nothing outranks it",
            rule.label()
        )));
    }
    Ok(Some(rule))
}

fn on_purpose(rule: &FirewallRule) -> NoFix {
    NoFix::Intended(format!(
        "intended denial: rule {} (priority {}) denies everything{} on purpose",
        rule.label(),
        rule.priority,
        if rule.targets.is_everyone() { "" } else { " to its targets" }
    ))
}

fn by_name(rule: &FirewallRule) -> NoFix {
    let label = rule.label();
    NoFix::Intended(format!("intended denial: rule {label} denies this traffic by name"))
}

/// What a rule of a policy denies that is no default.
fn by_policy(
    rule: &FirewallRule,
    policy: &str,
    cause: &Cause<'_>,
    directory: &Directory<'_>,
) -> NoFix {
    let priority = rule.priority;
    match rule.stage {
        Some(PolicyKind::NetworkAcl) if priority == FirewallPolicy::LAST_ENTRY => no_entry(policy),
        Some(PolicyKind::NetworkAcl) => by_name(rule),
        _ if cause.is_decided_behind_rules(directory.inventory) => NoFix::Intended(format!(
            "intended denial: policy {policy}, rule {priority}, denies this by name"
        )),
        _ => NoFix::Other(format!(
            "a policy above the VPC decides: {policy}, rule {priority}, denies this by name"
        )),
    }
}

/// Whom a Service's load balancer does not let in: GKE writes its rule from the Service, and so do
/// its nodes filter
/// (<https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer-parameters#lb_source_ranges>).
fn kept_out(cause: &Cause<'_>, directory: &Directory<'_>) -> Option<String> {
    if cause.direction != Some(Direction::Ingress) {
        return None;
    }
    let services = &directory.inventory.workloads.services;
    let of = |flow: &Flow| {
        services.iter().find(|service| {
            let own = service.addresses.contains(&flow.tuple.dst);
            let lets_in = AddressSet::of(&service.source_ranges).contains(flow.tuple.src);
            own && !service.source_ranges.is_empty() && !lets_in
        })
    };
    let service = cause.flows().find_map(of)?;
    let is_probe = cause.source.role == Role::HealthCheck;
    let ranges: Vec<String> = service.source_ranges.iter().map(ToString::to_string).collect();
    (!is_probe).then(|| {
        format!(
            "intended denial: Service {} lets in {} alone: change its loadBalancerSourceRanges, \
             from which GKE writes its rule",
            service.id,
            ranges.join(", ")
        )
    })
}

/// What an ACL denies no group allows.
fn no_entry(acl: &str) -> NoFix {
    NoFix::Other(format!(
        "no entry of network ACL {acl} allows it, whatever the groups say: its author has to \
         number one (aws ec2 create-network-acl-entry)"
    ))
}

/// Whether somebody made exceptions to a default: one that is for these ends or this traffic. Of a
/// deny for all VMs several of any kind tell the same; one may be the key that is kept for whoever
/// locked everything.
fn has_exceptions(rule: &FirewallRule, cause: &Cause<'_>, directory: &Directory<'_>) -> bool {
    let exceptions: Vec<&FirewallRule> = directory
        .inventory
        .firewall_rules
        .iter()
        .filter(|other| {
            other.action == Action::Allow
                && !other.disabled
                && other.direction == rule.direction
                && other.network.agrees(&rule.network)
                && is_somebodys(other)
                && other.priority < rule.priority
                && is_for_the_same(rule, other)
        })
        .collect();
    let wanted = TrafficSet::union_of(cause.layers().iter().map(Layer4::traffic));
    let is_wide = |set: &TrafficSet| set.covers(&TrafficSet::of_protocol(Some(Protocol::TCP)));
    let peer = match rule.direction {
        Direction::Ingress => &cause.source,
        Direction::Egress => &cause.destination,
    };
    let peers = AddressSet::of(&peer.ranges);
    let concerns = |other: &&FirewallRule| {
        let others = match rule.direction {
            Direction::Ingress => other.source.as_ref(),
            Direction::Egress => other.destination.as_ref(),
        };
        // What is about all ports is about these, too, and says nothing of them: such is the key
        // that is kept for whoever looks into a quarantine.
        let one_by_one = !is_wide(&other.traffic()) && !is_wide(&wanted);
        others.is_some_and(|others| !others.intersection(&peers).is_empty())
            || one_by_one && !other.traffic().intersection(&wanted).is_empty()
    };
    // At the usual rank several exceptions tell a default whomever it is for; right above it, one.
    let for_all = rule.targets.is_everyone();
    let enough = match rule.priority {
        1000.. => 2,
        900.. if for_all => 1,
        _ if for_all => 4,
        _ => usize::MAX,
    };
    exceptions.iter().any(concerns) || exceptions.len() >= enough
}

/// Whether a person wrote a rule: GKE's own do not show what somebody meant.
fn is_somebodys(rule: &FirewallRule) -> bool {
    !matches!(rule.owner, Owner::Gke(_))
}

/// Whether a rule speaks of the VMs that a deny is for: to a quarantine, what holds for all VMs of
/// the network is no exception.
fn is_for_the_same(deny: &FirewallRule, other: &FirewallRule) -> bool {
    let (own, others) = (&deny.targets, &other.targets);
    own.is_everyone()
        || !own.tags.is_disjoint(&others.tags)
        || !own.service_accounts.is_disjoint(&others.service_accounts)
}
