//! A change to a VPC's firewall rules, and what it opens.

use crate::model::{FirewallPolicy, FirewallRule, Inventory, PolicyKind};
use crate::net::{AddressSet, Direction, TrafficSet};

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
    /// Config Connector or Terraform keeps the object: its text is the place to change it.
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
            Self::Add(rule) if rule.stage == Some(PolicyKind::SecurityGroup) => {
                "add-security-group-rule"
            }
            Self::Add(rule) if rule.policy.is_some() => "add-policy-rule",
            Self::Add(_) => "add-firewall-rule",
            Self::Update { before, after } if before.disabled && !after.disabled => {
                "enable-firewall-rule"
            }
            Self::Update { .. } => "update-firewall-rule",
        }
    }

    /// The inventory after the change, with `rule` as the changed one.
    #[must_use]
    pub fn apply(&self, mut changed: Inventory, rule: &FirewallRule) -> Inventory {
        match (self, &rule.policy) {
            (Self::Add(_), None) => changed.firewall_rules.push(rule.clone()),
            (Self::Add(_), Some(_)) => {
                let own = |policy: &&mut FirewallPolicy| policy.holds(rule);
                for policy in changed.policies.iter_mut().filter(own) {
                    policy.rules.push(rule.clone());
                }
            }
            (Self::Update { before, .. }, _) => {
                let mut rules = changed.firewall_rules.iter_mut();
                if let Some(place) = rules.find(|one| **one == **before) {
                    *place = rule.clone();
                }
            }
        }
        changed
    }

    /// How much is opened at the most, in (address, port) pairs of the other end, for ranking: the
    /// rule's whole space, less what it matched before where one field grew.
    #[must_use]
    pub fn weight(&self) -> u128 {
        let after = self.rule();
        let same_reach = |rule: &&FirewallRule| {
            !rule.disabled && rule.priority == after.priority && rule.targets == after.targets
        };
        let before = self.before().filter(same_reach);
        let peers = |rule: &FirewallRule| {
            let (set, named) = match rule.direction {
                Direction::Ingress => (&rule.source, !rule.source_identity.is_everyone()),
                Direction::Egress => (&rule.destination, false),
            };
            match set {
                Some(set) => set.clone(),
                None if named => AddressSet::default(),
                None => AddressSet::all(),
            }
        };
        let (all, traffic) = (peers(after), after.traffic());
        let grown = before.map(|before| {
            let (peer, more) = (peers(before), traffic.difference(&before.traffic()));
            (all.difference(&peer), more)
        });
        let pairs = |peers: &AddressSet, traffic: &TrafficSet| {
            peers.count().max(1).saturating_mul(traffic.count())
        };
        match grown {
            Some((peers, _)) if !peers.is_empty() => pairs(&peers, &traffic),
            Some((_, more)) if !more.is_empty() => pairs(&all, &more),
            _ => pairs(&all, &traffic),
        }
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
