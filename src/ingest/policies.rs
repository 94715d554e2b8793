//! Firewall policies: inside of effective firewalls (`firewallPolicys`, spelled so), and described
//! on their own with the networks they are attached to.
//!
//! Source: `FirewallPolicyRule` and `networks.getEffectiveFirewalls` of the Compute API.

use std::collections::BTreeSet;

use crate::ingest::fields::Fields;
use crate::ingest::rules::layer4;
use crate::model::firewall::Layer4;
use crate::model::{
    Action, FirewallPolicy, FirewallRule, Inventory, Origin, PolicyKind, Reference,
};
use crate::net::Direction;

/// Reads a policy of an answer of getEffectiveFirewalls: the policy itself, its place among the
/// others, and the network of the rules beside it, which the answer does not name.
pub fn effective_policy(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let network = fields.reference("network");
    let order = u32::try_from(fields.number("order")?).unwrap_or(u32::MAX);
    let policy = fields.at("policy");
    let kind = match policy.text("type").as_deref() {
        Some("NETWORK") => PolicyKind::GlobalNetwork,
        Some("NETWORK_REGIONAL") => PolicyKind::RegionalNetwork,
        Some("SYSTEM" | "SYSTEM_GLOBAL" | "SYSTEM_REGIONAL") => PolicyKind::RegionalSystem,
        _ => PolicyKind::Hierarchical,
    };
    into.policies.push(read(policy, kind, network, order, origin));
    Some(())
}

/// Reads a network firewall policy that is described on its own, once for each network that it is
/// attached to.
pub fn described_policy(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) {
    let kind =
        if fields.has("region") { PolicyKind::RegionalNetwork } else { PolicyKind::GlobalNetwork };
    let networks: Vec<Reference> = fields
        .list("associations")
        .filter_map(|one| one.text("attachmentTarget"))
        .filter(|target| target.contains("/networks/"))
        .map(|target| Reference::parse(&target))
        .collect();
    if networks.is_empty() {
        // Attached to folders or an organisation, or to nothing: it may apply.
        let kind = match fields.text("shortName") {
            Some(_) => PolicyKind::Hierarchical,
            None => kind,
        };
        let policy = read(fields, kind, None, 0, origin);
        into.policies.push(FirewallPolicy { attached: false, ..policy });
    }
    for network in networks {
        into.policies.push(read(fields, kind, Some(network), 0, origin));
    }
}

/// Reads a rule of Config Connector's (`ComputeFirewallPolicyRule`,
/// `ComputeNetworkFirewallPolicyRule`): to which networks its policy applies is told elsewhere.
pub fn manifest_rule(
    spec: Fields<'_>,
    kind: PolicyKind,
    policy: &str,
    origin: &Origin,
    into: &mut Inventory,
) {
    let mut rule = policy_rule(spec, policy, origin);
    if spec.list("targetServiceAccounts").chain(spec.list("targetServiceAccountRefs")).count() > 0 {
        rule.unmodelled.push("targetServiceAccounts".to_owned());
        rule.targets.service_accounts.clear();
    }
    into.policies.push(FirewallPolicy {
        name: policy.to_owned(),
        short_name: None,
        kind,
        network: None,
        attached: false,
        order: rule.priority,
        rules: vec![rule],
        origin: origin.clone(),
    });
}

fn read(
    fields: Fields<'_>,
    kind: PolicyKind,
    network: Option<Reference>,
    order: u32,
    origin: &Origin,
) -> FirewallPolicy {
    let name = fields.text_or_empty("name");
    let short_name = fields.first_text(&["shortName", "displayName"]);
    let label = short_name.clone().unwrap_or_else(|| name.clone());
    let rules = fields.list("rules").map(|rule| policy_rule(rule, &label, origin)).collect();
    FirewallPolicy {
        name,
        short_name,
        kind,
        network,
        attached: true,
        order,
        rules,
        origin: origin.clone(),
    }
}

/// Conditions that no offline reader can decide.
const UNDECIDABLE: [&str; 13] = [
    "srcFqdns",
    "destFqdns",
    "srcRegionCodes",
    "destRegionCodes",
    "srcThreatIntelligences",
    "destThreatIntelligences",
    "srcAddressGroups",
    "destAddressGroups",
    "srcNetworks",
    "srcNetworkContext",
    "srcNetworkType",
    "destNetworkContext",
    "destNetworkType",
];

fn policy_rule(fields: Fields<'_>, policy: &str, origin: &Origin) -> FirewallRule {
    let mut unmodelled: Vec<String> = Vec::new();
    let mut note = |what: &str| unmodelled.push(what.to_owned());
    let action = match fields.text_or_empty("action").to_ascii_lowercase().as_str() {
        "allow" => Action::Allow,
        "deny" => Action::Deny,
        "goto_next" => Action::GotoNext,
        _ => Action::Inspect,
    };
    let direction = fields.text("direction").and_then(|text| text.parse().ok());
    if direction.is_none() {
        note("direction");
    }
    let priority = fields.number("priority").and_then(|number| u32::try_from(number).ok());
    let filter = fields.at("match");
    for key in UNDECIDABLE {
        if filter.list(key).next().is_some() {
            note(key);
        }
    }
    if fields.list("targetResources").next().is_some() {
        note("targetResources");
    }
    if fields.list("targetForwardingRules").next().is_some() {
        note("targetForwardingRules");
    }
    let mut layers = Vec::new();
    for part in filter.list("layer4Configs") {
        match layer4(part, "ipProtocol") {
            Some(part) => layers.push(part),
            None => note("layer4Configs"),
        }
    }
    if layers.is_empty() {
        layers.push(Layer4 { protocol: None, ports: None });
    }
    // Config Connector spells one of its kinds with a capital P.
    let spelled = |rest: &str, manifest: &str| {
        filter.ranges(if filter.has(manifest) { manifest } else { rest })
    };
    let (sources, bad_sources) = spelled("srcIpRanges", "srcIPRanges");
    let (destinations, bad_destinations) = spelled("destIpRanges", "destIPRanges");
    if bad_sources + bad_destinations > 0 {
        note("ranges");
    }
    // Where another condition names sources too, the ranges are one way of several to match.
    let only_ranges = unmodelled.is_empty();
    let mut rule = FirewallRule::new(
        Reference::default(),
        direction.unwrap_or(Direction::Ingress),
        priority.unwrap_or(0),
        action,
    );
    if only_ranges {
        rule.set_source_ranges(sources);
        rule.set_destination_ranges(destinations);
    }
    rule.set_layers(layers);
    rule.policy = Some(policy.to_owned());
    rule.name = fields.text("ruleName").filter(|name| !name.is_empty());
    // A rule for load balancers says nothing about VMs; nor does one all of whose tags are gone.
    let only_tags = filter.list("srcIpRanges").next().is_none();
    rule.disabled = fields.flag("disabled") == Some(true)
        || ineffective(fields, "targetSecureTags")
        || ineffective(filter, "srcSecureTags") && only_tags
        || fields.text("targetType").is_some_and(|kind| kind == "INTERNAL_MANAGED_LB");
    rule.logged = Some(fields.flag("enableLogging") == Some(true));
    rule.source_identity.secure_tags = tags(filter, "srcSecureTags");
    rule.targets.secure_tags = tags(fields, "targetSecureTags");
    rule.targets.service_accounts = fields.texts("targetServiceAccounts").into_iter().collect();
    rule.unmodelled = unmodelled;
    rule.origin = origin.clone();
    rule
}

fn tags(fields: Fields<'_>, key: &str) -> BTreeSet<String> {
    let effective = |tag: &Fields<'_>| tag.text("state").as_deref() != Some("INEFFECTIVE");
    fields.list(key).filter(effective).filter_map(|tag| tag.text("name")).collect()
}

/// A rule all of whose target tags are ineffective is ignored (`FirewallPolicyRule` in the API).
fn ineffective(fields: Fields<'_>, key: &str) -> bool {
    let mut states = fields.list(key).map(|tag| tag.text("state")).peekable();
    states.peek().is_some() && states.all(|state| state.as_deref() == Some("INEFFECTIVE"))
}
