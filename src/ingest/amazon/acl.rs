//! Network ACLs: their entries, and the same again for replies.
//!
//! Shape: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html>.

use crate::ingest::amazon::{layer, policy};
use crate::ingest::fields::Fields;
use crate::model::firewall::Layer4;
use crate::model::{
    Action, FirewallPolicy, FirewallRule, Inventory, Origin, PolicyKind, Reference,
};
use crate::model::{Association, Attachment};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Protocol};

/// The entry that every ACL ends with.
const LAST: u32 = FirewallPolicy::LAST_ENTRY;

/// Ports that clients are answered on: what Amazon says to open for replies
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports>).
const EPHEMERAL: (u16, u16) = (1024, u16::MAX);

/// An ACL is two policies: its entries, and the same for replies.
pub(super) fn acl(
    fields: Fields<'_>,
    network: &Reference,
    origin: &Origin,
    into: &mut Inventory,
) -> Option<()> {
    let id = fields.text("NetworkAclId")?;
    let kind = PolicyKind::NetworkAcl;
    let mut first = policy(kind, (id.clone(), None), network, origin);
    let replies = format!("{id}, for replies");
    let mut second = policy(kind, (replies, None), network, origin);
    second.order = 1;
    let subnets = fields.list("Associations").filter_map(|one| one.text("SubnetId"));
    let attached: Vec<Association> = subnets
        .map(|subnet| Association {
            policy: id.clone(),
            to: Attachment::Subnetwork(Reference::new(None, &subnet)),
            project: None,
            region: None,
            priority: None,
            origin: origin.clone(),
        })
        .collect();
    for direction in [Direction::Ingress, Direction::Egress] {
        let egress = direction == Direction::Egress;
        let own = |entry: &Fields<'_>| entry.flag("Egress").is_none_or(|own| own == egress);
        let mut entries: Vec<FirewallRule> = fields
            .list("Entries")
            .filter(own)
            .map(|entry| entry_rule(entry, direction, network, origin))
            .collect();
        if !entries.iter().any(|entry| entry.priority >= LAST) {
            let mut last = FirewallRule::new(network.clone(), direction, LAST, Action::Deny);
            last.layer4 = vec![Layer4 { protocol: None, ports: None }];
            last.origin = origin.clone();
            entries.push(last);
        }
        entries.sort_by_key(|entry| entry.priority);
        second.rules.extend(for_replies(&entries));
        first.rules.extend(entries);
    }
    // Without a subnet they are for nobody; where that was not selected, perhaps for all.
    let is_placed = fields.at("Associations").0.is_array();
    for rule in first.rules.iter_mut().chain(&mut second.rules) {
        if is_placed {
            *own_side(rule) = Some(AddressSet::default());
        } else {
            rule.unmodelled.push("Associations".to_owned());
        }
    }
    for mut one in [first, second] {
        one.attachments.clone_from(&attached);
        into.policies.push(one);
    }
    Some(())
}

fn entry_rule(
    entry: Fields<'_>,
    direction: Direction,
    network: &Reference,
    origin: &Origin,
) -> FirewallRule {
    let number = entry.number("RuleNumber").and_then(|number| u32::try_from(number).ok());
    let action = match entry.text_or_empty("RuleAction").as_str() {
        "allow" => Action::GotoNext,
        "deny" => Action::Deny,
        _ => Action::Unknown,
    };
    let mut rule = FirewallRule::new(network.clone(), direction, number.unwrap_or(0), action);
    if action == Action::Unknown {
        rule.unmodelled.push("RuleAction".to_owned());
    }
    if entry.flag("Egress").is_none() {
        rule.unmodelled.push("Egress".to_owned());
    }
    let ports = entry.at("PortRange");
    match layer(&entry.text_or_empty("Protocol"), (ports.text("From"), ports.text("To"))) {
        Ok(layer) => rule.layer4 = vec![layer],
        Err((layer, why)) => {
            rule.layer4 = vec![layer];
            rule.unmodelled.push(why);
        }
    }
    let types = entry.at("IcmpTypeCode");
    if types.number("Type").is_some() {
        rule.unmodelled.push("ICMP types".to_owned());
    }
    if number.is_none() {
        rule.unmodelled.push("RuleNumber".to_owned());
    }
    let ranges: Vec<IpNet> =
        ["CidrBlock", "Ipv6CidrBlock"].into_iter().filter_map(|key| entry.range(key)).collect();
    if ranges.is_empty() {
        rule.unmodelled.push("CidrBlock".to_owned());
    }
    match direction {
        Direction::Ingress => rule.set_source_ranges(ranges),
        Direction::Egress => rule.set_destination_ranges(ranges),
    }
    rule.origin = origin.clone();
    rule
}

/// What the entries of one direction say to the replies of connections of the other one: they go
/// to the port that the client has chosen.
fn for_replies(entries: &[FirewallRule]) -> Vec<FirewallRule> {
    let chosen = PortSet::of_ranges([EPHEMERAL]);
    let mut rules: Vec<FirewallRule> = Vec::new();
    for entry in entries {
        let mut rule = entry.clone();
        rule.direction = match entry.direction {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        std::mem::swap(&mut rule.source, &mut rule.destination);
        std::mem::swap(&mut rule.source_ranges, &mut rule.destination_ranges);
        // Entries that follow one another and differ in their ports only are one.
        let like = |before: &&mut FirewallRule| {
            before.action == rule.action
                && (&before.source, &before.destination) == (&rule.source, &rule.destination)
                && before.unmodelled == rule.unmodelled
                && protocols(before) == protocols(&rule)
        };
        match rules.last_mut().filter(like) {
            Some(before) => {
                let own = std::mem::take(&mut before.layer4);
                before.set_layers(own.into_iter().chain(rule.layer4));
            }
            None => rules.push(rule),
        }
    }
    rules.retain_mut(|rule| {
        let ports: Vec<PortSet> = rule.layer4.iter().filter_map(|one| one.ports.clone()).collect();
        for one in &mut rule.layer4 {
            one.ports = None;
        }
        let Some(ports) = ports.into_iter().reduce(|a, b| a.union(&b)) else { return true };
        // A sliver that is denied below what Linux and Windows choose from (3389, say) is no word
        // about replies.
        let usual = PortSet::of_ranges([(32_768, u16::MAX)]);
        if rule.action == Action::Deny && ports.difference(&usual) == ports {
            return false;
        }
        if !chosen.difference(&ports).is_empty() {
            let texts = ports.texts().join(",");
            rule.unmodelled.push(format!(
                "replies go to a port that the client chooses, and this is for {texts}"
            ));
        }
        ports.difference(&chosen) != ports
    });
    rules
}

/// The addresses whose ACL it is.
pub(super) fn own_side(rule: &mut FirewallRule) -> &mut Option<AddressSet> {
    match rule.direction {
        Direction::Ingress => &mut rule.destination,
        Direction::Egress => &mut rule.source,
    }
}

fn protocols(rule: &FirewallRule) -> Vec<Option<Protocol>> {
    rule.layer4.iter().map(|one| one.protocol).collect()
}
