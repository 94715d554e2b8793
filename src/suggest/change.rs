//! A change to a VPC's firewall rules, and what it opens.

use crate::model::firewall::Layer4;
use crate::model::{FirewallRule, Inventory};
use crate::net::{AddressSet, PortSet, Protocol};

/// One change to one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A rule that is not there yet.
    Add(Box<FirewallRule>),
    /// A rule as it stands, and as it would.
    Update {
        /// As it stands.
        before: Box<FirewallRule>,
        /// As it would stand.
        after: Box<FirewallRule>,
    },
}

/// How far a change may be trusted without a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// It opens what was asked for, to a known range, on known VMs.
    Safe,
    /// It applies to more than the VMs in question, or something about it is assumed.
    Review,
    /// Config Connector owns the object: the manifest is the place to change it.
    Managed,
}

impl Safety {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Review => "review",
            Self::Managed => "managed",
        }
    }
}

/// A box of connections that a change opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Sources, empty for the VMs themselves (EGRESS).
    pub sources: Vec<String>,
    /// Destinations, empty for the VMs themselves (INGRESS).
    pub destinations: Vec<String>,
    /// The VMs it applies to, `tag:…` or `account:…`; empty for all of the network.
    pub targets: Vec<String>,
    /// The protocol, `all` for every one.
    pub protocol: String,
    /// The ports, empty for protocols without.
    pub ports: Vec<String>,
    /// How many (address, port) pairs the other end is given, for ranking.
    weight: u128,
}

impl Change {
    /// The rule as it would stand.
    #[must_use]
    pub fn rule(&self) -> &FirewallRule {
        match self {
            Self::Add(rule) => rule,
            Self::Update { after, .. } => after,
        }
    }

    /// The rule as it stands, where it does.
    #[must_use]
    pub fn before(&self) -> Option<&FirewallRule> {
        match self {
            Self::Add(_) => None,
            Self::Update { before, .. } => Some(before),
        }
    }

    /// The word that stands in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Add(_) => "add-firewall-rule",
            Self::Update { before, after } if before.disabled && !after.disabled => {
                "enable-firewall-rule"
            }
            Self::Update { .. } => "update-firewall-rule",
        }
    }

    /// The VPC rules of the inventory after the change, with `rule` as the changed one.
    #[must_use]
    pub fn apply(&self, inventory: &Inventory, rule: &FirewallRule) -> Vec<FirewallRule> {
        let mut rules = inventory.firewall_rules.clone();
        match self {
            Self::Add(_) => rules.push(rule.clone()),
            Self::Update { before, .. } => {
                if let Some(place) = rules.iter_mut().find(|one| **one == **before) {
                    *place = rule.clone();
                }
            }
        }
        rules
    }

    /// What the change opens at the most: the rule's whole space, less what the rule matched
    /// before where one field grew. Other rules may have allowed part of it already.
    #[must_use]
    pub fn opens(&self) -> Vec<Opened> {
        let after = self.rule();
        let same_reach = |rule: &&FirewallRule| {
            !rule.disabled && rule.priority == after.priority && rule.targets == after.targets
        };
        let before = self.before().filter(same_reach);
        let Some(before) = before else {
            return after.layer4.iter().map(|part| opened(after, part, None)).collect();
        };
        let grown = |new: &Option<AddressSet>, old: &Option<AddressSet>| match (new, old) {
            (Some(new), Some(old)) => Some(new.difference(old)).filter(|set| !set.is_empty()),
            _ => None,
        };
        if let Some(set) = grown(&after.source, &before.source)
            .or_else(|| grown(&after.destination, &before.destination))
        {
            return after.layer4.iter().map(|part| opened(after, part, Some(&set))).collect();
        }
        after
            .layer4
            .iter()
            .filter_map(|part| {
                let old = part.protocol.and_then(|protocol| before.ports_of(protocol));
                match (&part.ports, old) {
                    (Some(new), Some(old)) => {
                        let ports = Some(new.difference(&old)).filter(|set| !set.is_empty())?;
                        let grown = Layer4 { protocol: part.protocol, ports: Some(ports) };
                        Some(opened(after, &grown, None))
                    }
                    (_, None) => Some(opened(after, part, None)),
                    (None, Some(_)) => None,
                }
            })
            .collect()
    }

    /// The order of magnitude of what is opened, for ranking.
    #[must_use]
    pub fn magnitude(&self) -> u32 {
        let weight = self.opens().iter().fold(0_u128, |sum, one| sum.saturating_add(one.weight));
        weight.checked_ilog10().unwrap_or(0)
    }
}

fn opened(rule: &FirewallRule, part: &Layer4, grown: Option<&AddressSet>) -> Opened {
    use crate::net::Direction::{Egress, Ingress};
    let peer = match rule.direction {
        Ingress => rule.source.as_ref(),
        Egress => rule.destination.as_ref(),
    };
    // A rule that names its sources by tag or account opens to those alone.
    let named = &rule.source_identity;
    let nobody = AddressSet::default();
    let everyone = AddressSet::all();
    let default = if named.is_everyone() { &everyone } else { &nobody };
    let peer = grown.or(peer).unwrap_or(default);
    let mut peers = peer.texts();
    if grown.is_none() {
        peers.extend(named.tags.iter().map(|tag| format!("tag:{tag}")));
        peers.extend(named.service_accounts.iter().map(|one| format!("account:{one}")));
    }
    let own = match rule.direction {
        Ingress => rule.destination.as_ref(),
        Egress => rule.source.as_ref(),
    };
    let own_texts = own.map(AddressSet::texts).unwrap_or_default();
    let (sources, destinations) = match rule.direction {
        Ingress => (peers, own_texts),
        Egress => (own_texts, peers),
    };
    let has_ports = part.protocol.is_none_or(Protocol::has_ports);
    let ports = part.ports.clone().or_else(|| has_ports.then(PortSet::all));
    let count = ports.as_ref().map_or(1, PortSet::count);
    Opened {
        sources,
        destinations,
        targets: target_texts(rule),
        protocol: part.protocol.map_or_else(|| "all".to_owned(), |one| one.to_string()),
        ports: ports.map(|ports| ports.texts()).unwrap_or_default(),
        weight: peer.count().max(1).saturating_mul(count),
    }
}

/// The VMs that a rule applies to, in words that tell tags from accounts.
#[must_use]
pub fn target_texts(rule: &FirewallRule) -> Vec<String> {
    let tags = rule.targets.tags.iter().map(|tag| format!("tag:{tag}"));
    let accounts = rule.targets.service_accounts.iter().map(|one| format!("account:{one}"));
    let secure = rule.targets.secure_tags.iter().map(|tag| format!("secure-tag:{tag}"));
    tags.chain(accounts).chain(secure).collect()
}
