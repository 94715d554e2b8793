//! The rules of one network in the order in which they are asked.
//!
//! hierarchical policies → regional system policies → VPC rules → global network policies →
//! regional network policies → implied rules; a network whose enforcement order is
//! BEFORE_CLASSIC_FIREWALL asks its network policies before the VPC rules. Order and swap:
//! <https://cloud.google.com/firewall/docs/firewall-policies-rule-eval-order>.

use crate::model::{FirewallPolicy, FirewallRule, Inventory, PolicyKind, Reference};
use crate::net::Direction;

/// One stage: rules that are asked together, best priority first.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    /// The policy, `None` for the VPC rules.
    pub policy: Option<&'a FirewallPolicy>,
    /// Whether it is certain that the stage applies to this network.
    pub certain: bool,
    /// INGRESS rules.
    ingress: Vec<&'a FirewallRule>,
    /// EGRESS rules.
    egress: Vec<&'a FirewallRule>,
}

impl<'a> Stage<'a> {
    fn new(
        policy: Option<&'a FirewallPolicy>,
        rules: impl Iterator<Item = &'a FirewallRule>,
    ) -> Self {
        let mut rules: Vec<_> = rules.collect();
        // Between equal priorities a deny wins (Firewall.priority in the Compute API). The name
        // only makes the order the same for every order of the input.
        rules.sort_by(|a, b| {
            let key = |rule: &'a FirewallRule| (rule.priority, rule.action, rule.name.as_deref());
            key(a).cmp(&key(b))
        });
        let of = |direction| {
            rules.iter().copied().filter(|rule| rule.direction == direction).collect::<Vec<_>>()
        };
        let certain = true;
        Self { policy, certain, ingress: of(Direction::Ingress), egress: of(Direction::Egress) }
    }

    /// The rules of a direction, in order.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[&'a FirewallRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// Everything that decides for a network.
#[derive(Debug, Clone)]
pub struct EffectiveRules<'a> {
    /// The network.
    pub network: Reference,
    /// The stages, in order.
    pub stages: Vec<Stage<'a>>,
    /// Whether any rule or policy of the network was given at all.
    pub given: bool,
}

impl<'a> EffectiveRules<'a> {
    /// The stages of `network` as `inventory` describes them.
    #[must_use]
    pub fn of(inventory: &'a Inventory, network: &Reference) -> Self {
        Self::with(&inventory.firewall_rules, inventory, network)
    }

    /// The same with other VPC rules in place of the inventory's: a change, before it is made.
    #[must_use]
    pub fn with(rules: &'a [FirewallRule], inventory: &'a Inventory, network: &Reference) -> Self {
        let policies_first = inventory
            .networks
            .iter()
            .any(|described| described.id.agrees(network) && described.policies_first);
        let of_kind = |kind: PolicyKind| {
            let mut policies: Vec<_> = inventory
                .policies
                .iter()
                .filter(|policy| policy.kind == kind && applies(policy, network))
                .collect();
            policies.sort_by_key(|policy| (policy.order, policy.name.as_str()));
            policies.into_iter().map(|policy| Stage::new(Some(policy), policy.rules.iter()))
        };
        let vpc = Stage::new(None, rules.iter().filter(|rule| rule.network.agrees(network)));
        let mut stages: Vec<Stage<'a>> = of_kind(PolicyKind::Hierarchical).collect();
        stages.extend(of_kind(PolicyKind::RegionalSystem));
        if !policies_first {
            stages.push(vpc.clone());
        }
        stages.extend(of_kind(PolicyKind::GlobalNetwork));
        stages.extend(of_kind(PolicyKind::RegionalNetwork));
        if policies_first {
            stages.push(vpc);
        }
        // Effective firewalls without a VPC rule do not name their network: with several networks
        // it may be another one's. A policy that is described on its own may apply or not.
        let several = inventory.known_networks().len() > 1;
        for stage in &mut stages {
            stage.certain = stage
                .policy
                .is_none_or(|policy| policy.attached && (policy.network.is_some() || !several));
        }
        let given = stages.iter().any(|stage| {
            stage.policy.is_some() || !stage.ingress.is_empty() || !stage.egress.is_empty()
        });
        Self { network: network.clone(), stages, given }
    }
}

fn applies(policy: &FirewallPolicy, network: &Reference) -> bool {
    policy.network.as_ref().is_none_or(|of| of.agrees(network))
}
