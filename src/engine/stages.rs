//! The rules of one network in the order in which they are asked.
//!
//! hierarchical policies → regional system policies → VPC rules → global network policies →
//! regional network policies → implied rules; a network whose enforcement order is
//! BEFORE_CLASSIC_FIREWALL asks its network policies before the VPC rules. Order and swap:
//! <https://cloud.google.com/firewall/docs/firewall-policies-rule-eval-order>. Where nobody says
//! which order a network has and it makes a difference, both are tried.

use std::sync::OnceLock;

use crate::engine::decision::Decider;
use crate::engine::index::Index;
use crate::engine::matching::{Doubt, Probe};
use crate::model::cluster::Provider;
use crate::model::listed::Listed;
use crate::model::{FirewallPolicy, FirewallRule, Inventory, PolicyKind, Reference};
use crate::net::Direction;

/// One stage: rules that are asked together, best priority first.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    /// The policy, `None` for the VPC rules.
    pub policy: Option<&'a FirewallPolicy>,
    /// Whether its rules were given: a network whose VPC rules nobody exported may have any.
    pub(super) given: bool,
    /// Why it is not certain that the stage applies, where it is not.
    doubt: Option<Doubt>,
    /// INGRESS rules.
    ingress: Rules<'a>,
    /// EGRESS rules.
    egress: Rules<'a>,
}

#[derive(Debug, Clone)]
struct Rules<'a> {
    ordered: Vec<&'a FirewallRule>,
    /// Made when it is first asked for: a proof of a few connections needs none.
    index: OnceLock<Index>,
}

/// Whether a stage is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    Yes,
    No,
    Perhaps(Doubt),
}

/// From so many rules on an index is faster than a look at each.
const WORTH_AN_INDEX: usize = 48;

impl<'a> Rules<'a> {
    fn new(ordered: Vec<&'a FirewallRule>) -> Self {
        Self { ordered, index: OnceLock::new() }
    }
}

impl<'a> Stage<'a> {
    fn new(
        policy: Option<&'a FirewallPolicy>,
        rules: impl Iterator<Item = &'a FirewallRule>,
        doubt: Option<Doubt>,
    ) -> Self {
        let mut rules: Vec<_> = rules.collect();
        // Between equal priorities a deny wins (Firewall.priority in the Compute API). The name
        // only makes the order the same for every order of the input.
        rules.sort_by(|a, b| {
            let key = |rule: &'a FirewallRule| (rule.priority, rule.action, rule.name.as_deref());
            key(a).cmp(&key(b))
        });
        let of = |direction| {
            let own = rules.iter().copied().filter(|rule| rule.is_for(direction));
            Rules::new(own.collect())
        };
        let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
        Self { policy, given: true, doubt, ingress, egress }
    }

    fn of(&self, direction: Direction) -> &Rules<'a> {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// What has to be the same for two stages to be asked alike, besides their rules.
    pub(crate) fn place(&self) -> impl PartialEq {
        let policy = self.policy.map(|policy| {
            let names = (policy.name.clone(), policy.short_name.clone());
            (policy.kind, names, policy.region.clone())
        });
        (policy, self.doubt, self.given)
    }

    /// The rules of a direction, in order.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[&'a FirewallRule] {
        &self.of(direction).ordered
    }

    /// The places, in order, of the rules that may match; `None` where all have to be looked at.
    pub(super) fn candidates(&self, of: Direction, probe: &Probe<'_>) -> Option<Vec<usize>> {
        let rules = self.of(of);
        if rules.ordered.len() < WORTH_AN_INDEX {
            return None;
        }
        let index = rules.index.get_or_init(|| Index::of(&rules.ordered));
        Some(index.candidates(probe))
    }

    /// Whether it is asked for a VM of this region.
    pub(super) fn applies_in(&self, region: Option<&str>) -> Applies {
        if let Some(of_policy) = self.policy.and_then(|policy| policy.region.as_deref()) {
            match region {
                Some(region) if region == of_policy => {}
                Some(_) => return Applies::No,
                None => return Applies::Perhaps(Doubt::Region),
            }
        }
        self.doubt.map_or(Applies::Yes, Applies::Perhaps)
    }

    /// Whether anything in it could ever decide.
    fn decides(&self) -> bool {
        let decides =
            |rule: &&FirewallRule| !rule.disabled && rule.action != crate::model::Action::GotoNext;
        self.ingress.ordered.iter().chain(&self.egress.ordered).any(decides)
    }
}

/// Everything that decides for a network.
#[derive(Debug, Clone)]
pub struct EffectiveRules<'a> {
    /// The network.
    pub network: Reference,
    /// The stages, in order.
    stages: Vec<Stage<'a>>,
    /// Their places in the other order, where it is not known which one the network has.
    other_order: Option<Vec<usize>>,
    /// Whether any rule or policy of the network was given at all.
    pub given: bool,
    /// Whose cloud it is: its defaults differ.
    pub(super) provider: Provider,
}

impl<'a> EffectiveRules<'a> {
    /// The stages of `network` as `inventory` describes them.
    #[must_use]
    pub fn of(inventory: &'a Inventory, network: &Reference) -> Self {
        let known = Known::of(inventory, network);
        if inventory.is_amazon(network) {
            return Self::on_amazon(&known);
        }
        let above = known.stages(&[PolicyKind::Hierarchical, PolicyKind::RegionalSystem]);
        let own = known.stages(&[PolicyKind::GlobalNetwork, PolicyKind::RegionalNetwork]);
        let vpc = known.vpc();
        let given = vpc.given || !above.is_empty() || !own.is_empty();
        let policies_first = inventory.policies_first(network);
        let matters = vpc.decides() && own.iter().any(Stage::decides);
        let (start, middle) = (above.len(), own.len());
        let mut stages = above;
        if policies_first == Some(true) {
            stages.extend(own);
            stages.push(vpc);
        } else {
            stages.push(vpc);
            stages.extend(own);
        }
        let other_order = (policies_first.is_none() && matters).then(|| {
            let own = start + 1..start + 1 + middle;
            (0..start).chain(own).chain([start]).collect()
        });
        let provider = Provider::Google;
        Self { network: network.clone(), stages, other_order, given, provider }
    }

    /// A packet has to pass the ACLs, and then any of the groups; which of them is asked first is
    /// the same for the verdict, and what an ACL denies no group allows.
    fn on_amazon(known: &Known<'a, '_>) -> Self {
        let mut stages = known.stages(&[PolicyKind::NetworkAcl]);
        let groups = known.stages(&[PolicyKind::SecurityGroup]);
        let given = !groups.is_empty();
        stages.extend(groups);
        let (network, other_order) = (known.network.clone(), None);
        Self { network, stages, other_order, given, provider: Provider::Amazon }
    }

    /// Has the defaults of AWS hold, where one side of a comparison alone says that it is a VPC
    /// there.
    pub fn take_as_amazons(&mut self) {
        self.provider = Provider::Amazon;
    }

    /// Takes what was not given for empty: in a comparison, what is on one side only. Says whether
    /// anything was missing.
    pub fn take_as_complete(&mut self) -> bool {
        let missing = !self.given || self.stages.iter().any(|stage| !stage.given);
        self.given = true;
        for stage in &mut self.stages {
            stage.given = true;
        }
        missing
    }

    /// The stages, in order.
    #[must_use]
    pub fn stages(&self) -> &[Stage<'a>] {
        &self.stages
    }

    /// All rules, in the order of their stages.
    pub fn all(&self) -> impl Iterator<Item = &'a FirewallRule> {
        let of = |stage: &Stage<'a>| {
            let both = stage.ingress.ordered.iter().chain(&stage.egress.ordered);
            both.copied().collect::<Vec<_>>()
        };
        self.stages.iter().flat_map(of)
    }

    /// The place of a decider among all: what is asked first comes first.
    #[must_use]
    pub fn rank(&self, decider: &Decider<'_>) -> (usize, usize) {
        match decider {
            Decider::AlwaysAllowed(_) | Decider::AlwaysBlocked(_) => (0, 0),
            Decider::Rule(rule) => {
                let place = self.stages.iter().enumerate().find_map(|(at, stage)| {
                    let mut own = stage.rules(rule.direction).iter();
                    own.position(|one| std::ptr::eq(*one, *rule)).map(|rank| (at + 1, rank))
                });
                place.unwrap_or((usize::MAX - 1, 0))
            }
            Decider::Implied(_) | Decider::NoGroupAllows(_) | Decider::Missing => (usize::MAX, 0),
        }
    }

    /// Whether it is not known in which order the stages are asked, and that could matter.
    #[must_use]
    pub fn order_is_open(&self) -> bool {
        self.other_order.is_some()
    }

    /// The stage that is asked at this place.
    pub(super) fn stage(&self, place: usize, in_other_order: bool) -> Option<&Stage<'a>> {
        match &self.other_order {
            Some(order) if in_other_order => self.stages.get(*order.get(place)?),
            _ => self.stages.get(place),
        }
    }
}

/// What is known of a network's firewall.
struct Known<'a, 'n> {
    inventory: &'a Inventory,
    network: &'n Reference,
    /// Whether its own effective firewalls were given.
    answered: bool,
    /// Whether effective firewalls that name no network may be another one's: an answer without a
    /// VPC rule names none.
    several: bool,
    /// Whether there is only one region that a policy could be for.
    one_region: bool,
    /// Whether all that is effective in it is known, to the last rule.
    complete: bool,
}

impl<'a, 'n> Known<'a, 'n> {
    fn of(inventory: &'a Inventory, network: &'n Reference) -> Self {
        let answers = || inventory.effective_networks.iter();
        // One that names no network is not this network's own, whether that has a name or not.
        let answered = answers().any(|one| !one.name.is_empty() && one.agrees(network));
        // Asked only where something names no network: it takes a look at every rule.
        let unplaced = |one: &FirewallPolicy| one.effective && one.network.is_none();
        let asked = inventory.nameless_answers > 0 || inventory.policies.iter().any(unplaced);
        let several =
            inventory.nameless_answers > 1 || asked && inventory.known_networks().len() > 1;
        let regionals = inventory.policies.iter().filter(|policy| {
            policy.kind == PolicyKind::RegionalNetwork && applies(policy, network)
        });
        let one_region = regions_of(inventory, network) < 2 && regionals.count() < 2;
        let nameless = answers().any(|one| one.name.is_empty());
        let complete = answered || nameless && !several;
        Self { inventory, network, answered, several, one_region, complete }
    }

    /// Why it is not certain that a policy applies.
    fn doubt_of(&self, policy: &FirewallPolicy) -> Option<Doubt> {
        // What is attached to an organisation is for all of its networks.
        let placed = match &policy.network {
            Some(named) => named.agrees(self.network),
            None => !policy.effective || !self.several,
        };
        let contradicted = self.complete && is_told(policy) && !policy.effective;
        if !policy.attached || !placed || contradicted {
            return Some(Doubt::Attachment);
        }
        // The effective firewalls of a region do not say which region it is.
        let somewhere = policy.kind == PolicyKind::RegionalNetwork && policy.region.is_none();
        (somewhere && !self.one_region).then_some(Doubt::Region)
    }

    fn is_asked(&self, policy: &FirewallPolicy) -> bool {
        // An answer that names the network has all that is effective there: another answer's
        // policies are another network's, and one that is described besides and does not show up
        // does not apply, unless it says itself that it does. Regional ones are no part of that.
        let elsewhere = policy.effective && policy.network.is_none() && self.answered;
        let told = is_told(policy) && self.complete;
        let shows_up = |one: &FirewallPolicy| {
            one.effective && applies(one, self.network) && one.is_same(policy)
        };
        applies(policy, self.network)
            && !elsewhere
            && (policy.effective
                || !told
                || policy.attached && !self.inventory.policies.iter().any(shows_up))
    }

    /// The stages of policies of these kinds, in order.
    fn stages(&self, kinds: &[PolicyKind]) -> Vec<Stage<'a>> {
        let asked =
            |policy: &&FirewallPolicy| kinds.contains(&policy.kind) && self.is_asked(policy);
        let mut policies: Vec<_> = self.inventory.policies.iter().filter(asked).collect();
        policies.sort_by_key(|policy| (policy.kind, policy.order, policy.name.as_str()));
        policies
            .into_iter()
            .map(|policy| Stage::new(Some(policy), policy.rules.iter(), self.doubt_of(policy)))
            .collect()
    }

    /// The VPC rules.
    fn vpc(&self) -> Stage<'a> {
        let rules = self.inventory.firewall_rules.iter();
        let own = rules.filter(|rule| rule.network.agrees(self.network));
        let mut vpc = Stage::new(None, own, None);
        let of_answer = |policy: &FirewallPolicy| policy.effective && self.is_asked(policy);
        vpc.given = self.complete
            || !vpc.ingress.ordered.is_empty()
            || !vpc.egress.ordered.is_empty()
            || self.inventory.policies.iter().any(of_answer)
            || self.inventory.lists_none(Listed::Rules, self.network);
        vpc
    }
}

/// Whether the effective firewalls of a network show a policy of this kind.
fn is_told(policy: &FirewallPolicy) -> bool {
    matches!(policy.kind, PolicyKind::Hierarchical | PolicyKind::GlobalNetwork)
}

/// In how many regions the network is known to have subnetworks.
fn regions_of(inventory: &Inventory, network: &Reference) -> usize {
    let own = inventory.subnetworks.iter().filter(|one| one.network.agrees(network));
    let regions = own.filter_map(|one| one.id.location.as_deref());
    regions.collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether a policy is this network's, or may be.
fn applies(policy: &FirewallPolicy, network: &Reference) -> bool {
    policy.network.as_ref().is_none_or(|of| of.agrees(network) || of.may_be(network))
}
