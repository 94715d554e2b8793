//! Firewall policies: inside of effective firewalls (`firewallPolicys`, spelled so), described or
//! listed on their own, and as Config Connector's manifests; their associations, and the
//! address groups that their rules name. [`crate::ingest::attach`] puts them together.
//!
//! Source: `FirewallPolicyRule`, `FirewallPolicyAssociation` and `networks.getEffectiveFirewalls`
//! of the Compute API, `AddressGroup` of the Network Security API.

use std::collections::BTreeSet;

use crate::ingest::document::RULE_LINE;
use crate::ingest::exported::is_exported;
use crate::ingest::fields::Fields;
use crate::ingest::rules::{layer4, unknown};
use crate::model::firewall::{Conditions, GoogleList, Layer4, NetworkContext};
use crate::model::inventory::AddressGroup;
use crate::model::{
    Action, FirewallPolicy, FirewallRule, Inventory, Origin, PolicyKind, Reference,
};
use crate::model::{Association, Attachment};
use crate::net::Direction;

/// Reads what has to do with policies.
pub fn of_shape(
    shape: &str,
    fields: Fields<'_>,
    origin: &Origin,
    into: &mut Inventory,
) -> Option<()> {
    match shape {
        "gcloud-effective-firewalls" => effective_policy(fields, origin, into)?,
        "gcloud-firewall-policies" => described_policy(fields, origin, into),
        "gcloud-firewall-policy-rules" => listed_rule(fields, origin, into),
        "gcloud-firewall-policy-associations" => {
            into.associations.push(association(fields, None, origin)?);
        }
        _ => address_group(fields, origin, into)?,
    }
    Some(())
}

/// Reads a policy of an answer of getEffectiveFirewalls: the policy itself, its place among the
/// others, and the network of the rules beside it, which the answer does not name. Without a
/// policy only the network is noted: its firewalls are known to the last rule.
fn effective_policy(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let network = fields.reference("network");
    if !fields.has("policy") {
        into.nameless_answers += usize::from(network.is_none());
        into.effective_networks.insert(network.unwrap_or_default());
        return Some(());
    }
    let order = u32::try_from(fields.number("order")?).unwrap_or(u32::MAX);
    let policy = fields.at("policy");
    let kind = match policy.text("type").as_deref() {
        Some("NETWORK") => PolicyKind::GlobalNetwork,
        Some("NETWORK_REGIONAL") => PolicyKind::RegionalNetwork,
        Some("SYSTEM" | "SYSTEM_GLOBAL" | "SYSTEM_REGIONAL") => PolicyKind::RegionalSystem,
        _ => PolicyKind::Hierarchical,
    };
    let read = read(policy, kind, order, origin);
    // Every policy ends with four rules of Google's.
    let read = if read.rules.is_empty() { unread(read) } else { read };
    into.policies.push(FirewallPolicy { network, attached: true, effective: true, ..read });
    Some(())
}

/// Reads a policy that is described or listed on its own, with the associations it shows.
fn described_policy(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) {
    // Policies of RDMA networks are another kind of thing.
    if fields.text("policyType").is_some_and(|kind| kind != "VPC_POLICY") {
        return;
    }
    let kind = if fields.text("policySource").as_deref() == Some("SYSTEM") {
        PolicyKind::RegionalSystem
    } else if fields.has("region") || fields.text_or_empty("selfLink").contains("/regions/") {
        PolicyKind::RegionalNetwork
    } else if fields.has("shortName") || fields.has("parent") || hangs_in_hierarchy(fields) {
        PolicyKind::Hierarchical
    } else {
        PolicyKind::GlobalNetwork
    };
    let mut policy = read(fields, kind, 0, origin);
    // Every policy ends with rules of Google's.
    if !fields.has("rules") || policy.rules.is_empty() && is_exported(fields) {
        policy = unread(policy);
    }
    let own = fields.list("associations");
    policy.attachments.extend(own.filter_map(|one| association(one, Some(&policy.name), origin)));
    into.policies.push(policy);
}

/// Whether its associations are with organisations or folders.
fn hangs_in_hierarchy(fields: Fields<'_>) -> bool {
    let mut targets = fields.list("associations").filter_map(|one| one.text("attachmentTarget"));
    targets.any(|target| !matches!(attachment(&target), Attachment::Network(_)))
}

/// A policy that is known to be there, and whose rules nobody gave: one that allows and one that
/// denies stand for them, and either may match anything.
#[must_use]
pub fn unread(policy: FirewallPolicy) -> FirewallPolicy {
    let rules = stand_ins(&policy, FirewallRule::NOT_GIVEN).to_vec();
    FirewallPolicy { rules, unread: true, ..policy }
}

/// What stands for the rules of a policy that nobody knows.
pub(super) fn stand_ins(policy: &FirewallPolicy, why: &'static str) -> [FirewallRule; 2] {
    FirewallRule::stand_ins(&Reference::default(), why, &policy.origin).map(|rule| FirewallRule {
        policy: Some(policy.label().to_owned()),
        stage: Some(policy.kind),
        ..rule
    })
}

/// The policy that an association names and nobody described.
#[must_use]
pub fn only_named(association: &Association) -> FirewallPolicy {
    let kind = match (&association.to, &association.region) {
        (Attachment::Network(_), None) => PolicyKind::GlobalNetwork,
        (Attachment::Network(_), Some(_)) => PolicyKind::RegionalNetwork,
        _ => PolicyKind::Hierarchical,
    };
    unread(FirewallPolicy {
        name: association.policy.clone(),
        short_name: None,
        kind,
        network: None,
        attached: false,
        effective: false,
        unread: false,
        project: association.project.clone(),
        attachments: Vec::new(),
        region: association.region.clone(),
        order: 0,
        rules: Vec::new(),
        origin: association.origin.clone(),
    })
}

/// Reads a rule of `firewall-policies list-rules`, which does not say whose it is: what policy that
/// is, and whether it applies, is not known.
fn listed_rule(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) {
    let label = format!("the policy of {}", origin.path);
    let rule = policy_rule(fields, &label, origin);
    into.policies.push(FirewallPolicy {
        name: label,
        short_name: None,
        kind: PolicyKind::Hierarchical,
        network: None,
        attached: false,
        effective: false,
        unread: false,
        project: None,
        attachments: Vec::new(),
        region: None,
        order: 0,
        rules: vec![rule],
        origin: origin.clone(),
    });
}

/// Reads an association, of the policy that shows it or of the one that it names.
pub fn association(
    fields: Fields<'_>,
    policy: Option<&str>,
    origin: &Origin,
) -> Option<Association> {
    let target = fields.text("attachmentTarget")?;
    let named = fields.first_text(&["firewallPolicyId", "shortName", "displayName"]);
    Some(Association {
        policy: policy.map(str::to_owned).or(named)?,
        to: attachment(&target),
        project: None,
        region: None,
        priority: fields.number("priority").and_then(|one| u32::try_from(one).ok()),
        origin: origin.clone(),
    })
}

/// Whether the policies of a network decide before its rules. Where that is not said it is what the
/// API makes of it, but for an export, which always says it
/// (<https://cloud.google.com/compute/docs/reference/rest/v1/networks>).
pub(super) fn policies_first(network: Fields<'_>, exported: bool) -> Option<bool> {
    let key = "networkFirewallPolicyEnforcementOrder";
    match network.text(key).as_deref() {
        Some("BEFORE_CLASSIC_FIREWALL") => Some(true),
        Some("AFTER_CLASSIC_FIREWALL") => Some(false),
        None if !exported && !network.has(key) => Some(false),
        _ => None,
    }
}

/// What a target stands for: `organizations/1`, `folders/2`, or a network.
#[must_use]
pub fn attachment(target: &str) -> Attachment {
    let mut parts = target.rsplit('/');
    let (last, before) = (parts.next().unwrap_or(target), parts.next().unwrap_or(""));
    match before {
        "organizations" => Attachment::Organization(last.to_owned()),
        "folders" => Attachment::Folder(last.to_owned()),
        _ => Attachment::Network(Reference::parse(target)),
    }
}

/// Reads an address group.
fn address_group(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let (ranges, bad) = fields.ranges("items");
    into.address_groups.push(AddressGroup {
        id: group_id(&fields.text("name")?),
        ranges: (bad == 0).then_some(ranges),
        origin: origin.clone(),
    });
    Some(())
}

/// `projects/p/locations/global/addressGroups/g` out of any of its spellings.
fn group_id(text: &str) -> String {
    let starts = ["organizations/", "projects/"];
    let start = starts.iter().filter_map(|start| text.find(start)).min().unwrap_or(0);
    text.get(start..).unwrap_or(text).to_owned()
}

/// Reads a rule of Config Connector's (`ComputeFirewallPolicyRule`,
/// `ComputeNetworkFirewallPolicyRule`): to which networks its policy applies is told elsewhere.
pub fn manifest_rule(
    spec: Fields<'_>,
    kind: PolicyKind,
    policy: &str,
    names: &ManifestNames,
    origin: &Origin,
) -> FirewallPolicy {
    let mut rule = policy_rule(spec, policy, origin);
    // Of network policies the object's name is the priority.
    if !spec.has("priority")
        && let Ok(priority) = names.resource.parse()
    {
        rule.priority = priority;
        rule.unmodelled.retain(|what| what != "priority");
    }
    rule.targets.service_accounts.clone_from(&names.accounts);
    if names.unknown_accounts {
        rule.unmodelled.push("targetServiceAccounts".to_owned());
        rule.targets.service_accounts.clear();
    }
    rule.target_networks.clone_from(&names.networks);
    FirewallPolicy {
        name: policy.to_owned(),
        short_name: None,
        kind,
        network: None,
        attached: false,
        effective: false,
        unread: false,
        project: names.project.clone().filter(|_| kind != PolicyKind::Hierarchical),
        attachments: Vec::new(),
        region: names.region.clone(),
        order: 0,
        rules: vec![rule],
        origin: origin.clone(),
    }
}

/// What a manifest says by references to other objects, resolved.
#[derive(Debug, Clone, Default)]
pub struct ManifestNames {
    /// The resource's own name.
    pub resource: String,
    /// E-mail addresses of the target accounts.
    pub accounts: BTreeSet<String>,
    /// Whether there are accounts that could not be resolved.
    pub unknown_accounts: bool,
    /// The target networks.
    pub networks: Vec<Reference>,
    /// The project of the object.
    pub project: Option<String>,
    /// The region, where the object says one.
    pub region: Option<String>,
}

fn read(fields: Fields<'_>, kind: PolicyKind, order: u32, origin: &Origin) -> FirewallPolicy {
    let name = fields.text_or_empty("name");
    let short_name = fields.first_text(&["shortName", "displayName"]);
    let label = short_name.clone().unwrap_or_else(|| name.clone());
    let rules = fields.list("rules").map(|rule| policy_rule(rule, &label, origin)).collect();
    FirewallPolicy {
        name,
        short_name,
        kind,
        network: None,
        attached: false,
        effective: false,
        unread: false,
        project: fields.project().filter(|_| kind != PolicyKind::Hierarchical),
        attachments: Vec::new(),
        region: fields
            .reference("region")
            .map(|region| region.name)
            // That of one of the hierarchy says `locations/global`.
            .or_else(|| {
                let of_link = || Reference::parse(&fields.text_or_empty("selfLink")).location;
                (kind == PolicyKind::RegionalNetwork).then(of_link).flatten()
            }),
        order,
        rules,
        origin: origin.clone(),
    }
}

fn policy_rule(fields: Fields<'_>, policy: &str, origin: &Origin) -> FirewallRule {
    let mut unmodelled: Vec<String> = Vec::new();
    let mut note = |what: &str| unmodelled.push(what.to_owned());
    let action = match fields.text_or_empty("action").to_ascii_lowercase().as_str() {
        "allow" => Action::Allow,
        "deny" => Action::Deny,
        "goto_next" => Action::GotoNext,
        "apply_security_profile_group" => Action::Inspect,
        _ => {
            note("action");
            Action::Unknown
        }
    };
    // The API writes it for every rule, as a manifest and a plan do.
    let direction = fields.text("direction").and_then(|text| text.parse().ok());
    if direction.is_none() {
        note("direction");
    }
    let priority = fields.number("priority").and_then(|number| u32::try_from(number).ok());
    if priority.is_none() {
        note("priority");
    }
    let filter = fields.at("match");
    let mut layers = Vec::new();
    for part in filter.list("layer4Configs") {
        match layer4(part, "ipProtocol") {
            Some(part) => layers.push(part),
            None => note("layer4Configs"),
        }
    }
    // Required of every rule: who sees none sees a part of it.
    if layers.is_empty() {
        note("layer4Configs");
    }
    if unmodelled.iter().any(|what| what == "layer4Configs") {
        layers.push(Layer4 { protocol: None, ports: None });
    }
    let mut rule = FirewallRule::new(
        Reference::default(),
        direction.unwrap_or(Direction::Ingress),
        priority.unwrap_or(0),
        action,
    );
    rule.either_direction = direction.is_none();
    rule.set_layers(layers);
    set_ends(&mut rule, filter, &mut unmodelled);
    // The API counts the parts of every rule, and no rule that it shows is without an end.
    let mut ends = CONDITIONS.iter().filter(|key| **key != "layer4Configs");
    let names_end = ends.any(|key| filter.has(key));
    if fields.has("ruleTupleCount") && !names_end {
        unmodelled.push(FirewallRule::not_said("sources and destinations"));
    }
    rule.policy = Some(policy.to_owned());
    rule.name = fields.text("ruleName").filter(|name| !name.is_empty());
    // A rule for load balancers says nothing about VMs; nor does one all of whose tags are gone.
    let only_tags = filter.list("srcIpRanges").next().is_none();
    rule.disabled = fields.flag("disabled") == Some(true)
        || ineffective(fields, "targetSecureTags")
        || ineffective(filter, "srcSecureTags") && only_tags
        || fields.text("targetType").is_some_and(|kind| kind == "INTERNAL_MANAGED_LB");
    rule.logged = Some(fields.flag("enableLogging") == Some(true));
    rule.source_identity.secure_tags = tags(filter, "srcSecureTags", &mut unmodelled);
    rule.targets.secure_tags = tags(fields, "targetSecureTags", &mut unmodelled);
    rule.targets.service_accounts = fields.texts("targetServiceAccounts").into_iter().collect();
    let networks = fields.texts("targetResources");
    rule.target_networks = networks.iter().map(|text| Reference::parse(text)).collect();
    unmodelled.extend(unreadable(fields, filter));
    unmodelled.extend(unknown(fields));
    rule.unmodelled = unmodelled;
    let line = fields.number(RULE_LINE).unwrap_or(origin.line);
    rule.origin = Origin { line, ..origin.clone() };
    rule
}

/// Ranges, lists and contexts of both ends.
fn set_ends(rule: &mut FirewallRule, filter: Fields<'_>, unmodelled: &mut Vec<String>) {
    for (end, manifest_ranges) in [("src", "srcIPRanges"), ("dest", "destIPRanges")] {
        let key = |rest: &str| format!("{end}{rest}");
        // Config Connector spells one of its kinds with a capital P.
        let ranges = key("IpRanges");
        let spelled = if filter.has(manifest_ranges) { manifest_ranges } else { &ranges };
        let (ranges, bad) = filter.ranges(spelled);
        let mut lists = BTreeSet::new();
        // What is none may stand for any address.
        if bad > 0 {
            let what = format!("{spelled}: {bad} that are no ranges");
            lists.insert(GoogleList::Unreadable(what));
        }
        for rest in ["Fqdns", "RegionCodes", "ThreatIntelligences"] {
            let mut names = filter.texts(&key(rest));
            names.sort();
            if names.is_empty() && filter.list(&key(rest)).next().is_none() {
                continue;
            }
            lists.insert(match rest {
                "Fqdns" => GoogleList::Fqdn(names),
                "RegionCodes" => GoogleList::Region(names),
                _ => GoogleList::ThreatIntelligence(names),
            });
        }
        for group in filter.list(&key("AddressGroups")) {
            let name = group.0.as_str().map(str::to_owned);
            let name = name.or_else(|| group.first_text(&["external", "name"]));
            lists.insert(GoogleList::AddressGroup(group_id(&name.unwrap_or_default())));
        }
        let context = context(filter, end, unmodelled);
        let conditions = Conditions { lists, context };
        if end == "src" {
            rule.set_source_ranges(ranges);
            rule.source_conditions = conditions;
        } else {
            rule.set_destination_ranges(ranges);
            rule.destination_conditions = conditions;
        }
    }
}

/// `srcNetworkContext`, called `srcNetworkType` and `srcNetworkScope` in earlier versions.
fn context(filter: Fields<'_>, end: &str, unmodelled: &mut Vec<String>) -> Option<NetworkContext> {
    let names =
        ["NetworkContext", "NetworkType", "NetworkScope"].map(|rest| format!("{end}{rest}"));
    let networks = || {
        let texts = filter.texts(&format!("{end}Networks"));
        texts.iter().map(|text| Reference::parse(text)).collect::<Vec<_>>()
    };
    let text = names.iter().find_map(|name| filter.text(name)).unwrap_or_default();
    match text.to_ascii_uppercase().replace('-', "_").as_str() {
        "" | "UNSPECIFIED" if networks().is_empty() => None,
        "" | "UNSPECIFIED" | "VPC_NETWORKS" => Some(NetworkContext::Networks(networks())),
        "INTERNET" => Some(NetworkContext::Internet),
        "NON_INTERNET" => Some(NetworkContext::NonInternet),
        "INTRA_VPC" => Some(NetworkContext::IntraVpc),
        _ => {
            unmodelled.push(format!("{end}NetworkContext"));
            None
        }
    }
}

/// Conditions of `match`: `FirewallPolicyRuleMatcher` of the API, and Config Connector's spellings.
const CONDITIONS: [&str; 21] = [
    "layer4Configs",
    "srcIpRanges",
    "destIpRanges",
    "srcIPRanges",
    "destIPRanges",
    "srcFqdns",
    "destFqdns",
    "srcRegionCodes",
    "destRegionCodes",
    "srcThreatIntelligences",
    "destThreatIntelligences",
    "srcAddressGroups",
    "destAddressGroups",
    "srcNetworkContext",
    "destNetworkContext",
    "srcNetworkType",
    "destNetworkType",
    "srcNetworkScope",
    "destNetworkScope",
    "srcNetworks",
    "srcSecureTags",
];

/// What is there and cannot be read: whom the rule is for, or what it matches, is not known.
fn unreadable(fields: Fields<'_>, filter: Fields<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if fields.has("disabled") && fields.flag("disabled").is_none() {
        found.push("disabled".to_owned());
    }
    // Accounts of manifests are objects, and read apart.
    for key in ["targetServiceAccounts", "targetResources"] {
        let none = |one: Fields<'_>| !one.has_text() && one.first_text(REFERENCES).is_none();
        if fields.list(key).any(none) {
            found.push(key.to_owned());
        }
    }
    let members = filter.0.as_object().into_iter().flatten();
    let more = members.filter(|(key, value)| {
        let known = CONDITIONS.contains(&key.as_str());
        let says_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        // Keys of our own begin so.
        !known && !says_nothing && !key.starts_with("__")
    });
    found.extend(more.map(|(key, _)| format!("match.{key}")));
    found
}

/// Who refers to an object in a manifest says one of these.
const REFERENCES: &[&str] = &["external", "name"];

fn tags(fields: Fields<'_>, key: &str, unmodelled: &mut Vec<String>) -> BTreeSet<String> {
    let effective = |tag: &Fields<'_>| tag.text("state").as_deref() != Some("INEFFECTIVE");
    let name = |tag: Fields<'_>| tag.text("name").or_else(|| tag.0.as_str().map(str::to_owned));
    let mut names = BTreeSet::new();
    for tag in fields.list(key).filter(effective) {
        match name(tag).filter(|name| !name.is_empty()) {
            Some(name) => _ = names.insert(name),
            // It may be any.
            None => unmodelled.push(key.to_owned()),
        }
    }
    names
}

/// A rule all of whose tags of one end are ineffective is ignored (`FirewallPolicyRule`).
fn ineffective(fields: Fields<'_>, key: &str) -> bool {
    let mut states = fields.list(key).map(|tag| tag.text("state")).peekable();
    states.peek().is_some() && states.all(|state| state.as_deref() == Some("INEFFECTIVE"))
}
