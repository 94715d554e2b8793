//! What `aws ec2 describe-…` prints: VPCs, subnets, instances, security groups, network ACLs.
//!
//! A security group and a network ACL become policies of their VPC: the group's rules are for VMs
//! that carry its id, the ACL's for addresses of its subnets. An entry of an ACL that allows hands
//! on to what comes after it; and since ACLs keep no state, the entries of the other direction are
//! asked again for the replies.
//!
//! Shapes: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html>.

mod acl;
mod settle;

pub use settle::settle;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::ingest::Read;
use crate::ingest::document::{Item, LISTS_OF_AMAZON};
use crate::ingest::fields::Fields;
use crate::model::cluster::{Interface, Provider};
use crate::model::firewall::{GoogleList, Layer4, Targets};
use crate::model::{
    Action, FirewallPolicy, FirewallRule, Instance, Inventory, Network, Origin, PolicyKind,
    Reference, Subnetwork,
};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Protocol, parse_address};

/// Whether an item is one of these, by the list that it came in or by its id.
#[must_use]
pub fn is_described(item: &Item) -> bool {
    let by_list = item.hint.as_deref().is_some_and(|hint| LISTS_OF_AMAZON.contains(&hint));
    let fields = Fields(&item.value);
    // Nothing of AWS has a kind, and nearly everything else does.
    by_list || !fields.has("kind") && shape_of(fields).is_some()
}

fn shape_of(fields: Fields<'_>) -> Option<&'static str> {
    let has = |key: &str| fields.has(key);
    Some(match () {
        () if has("InstanceId") && has("VpcId") => "aws-instances",
        () if has("NetworkInterfaceId") && has("VpcId") => "aws-network-interfaces",
        () if has("GroupId") && (has("IpPermissions") || has("IpPermissionsEgress")) => {
            "aws-security-groups"
        }
        () if has("NetworkAclId") && has("Entries") => "aws-network-acls",
        () if has("SubnetId") && has("CidrBlock") => "aws-subnets",
        () if has("VpcId") && has("CidrBlock") => "aws-vpcs",
        () => return None,
    })
}

/// Reads one item into the inventory.
pub fn read(item: &Item, into: &mut Inventory) -> Read {
    let (fields, origin) = (Fields(&item.value), &item.origin);
    let Some(shape) = shape_of(fields) else {
        // Instances that are terminated have lost their VPC.
        return if fields.has("InstanceId") { Read::Noted } else { Read::Unrecognised };
    };
    let Some(network) = fields.text("VpcId").map(|id| Reference::new(None, &id)) else {
        return Read::Bad("it lacks its VPC");
    };
    let read = match shape {
        "aws-instances" => {
            instances(fields, &network, origin).map(|all| into.instances.extend(all))
        }
        // An instance's are described with it.
        "aws-network-interfaces" if fields.at("Attachment").has("InstanceId") => Some(()),
        "aws-network-interfaces" => {
            interface(fields, &network, origin).map(|one| into.instances.push(one))
        }
        "aws-security-groups" => group(fields, &network, origin).map(|one| into.policies.push(one)),
        "aws-network-acls" => acl::acl(fields, &network, origin, into),
        "aws-subnets" => subnet(fields, &network, origin).map(|one| into.subnetworks.push(one)),
        _ => Some(()),
    };
    if read.is_none() {
        return Read::Bad("it lacks its id or its range");
    }
    into.networks.push(Network {
        id: network,
        policies_first: Some(false),
        is_disputed: false,
        peering_names: None,
        default_route: None,
        provider: Provider::Amazon,
        origin: origin.clone(),
    });
    Read::Used(shape)
}

fn subnet(fields: Fields<'_>, network: &Reference, origin: &Origin) -> Option<Subnetwork> {
    let mut id = Reference::new(None, &fields.text("SubnetId")?);
    id.location = fields.text("AvailabilityZone");
    let v6 = fields.list("Ipv6CidrBlockAssociationSet");
    Some(Subnetwork {
        id,
        network: network.clone(),
        primary: Some(fields.range("CidrBlock")?),
        v6: v6.filter_map(|one| one.range("Ipv6CidrBlock")).collect(),
        secondary: Vec::new(),
        private_google_access: None,
        purpose: None,
        kept: None,
        origin: origin.clone(),
    })
}

/// Under which keys the tags of an instance tell its cluster; the first holds the name in its key
/// (<https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html>).
const CLUSTER_KEY: &str = "kubernetes.io/cluster/";
const CLUSTER_KEYS: [&str; 4] = [
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "alpha.eksctl.io/cluster-name",
    "KubernetesCluster",
];

fn cluster_of(fields: Fields<'_>) -> Option<String> {
    let tags: Vec<(String, String)> = fields
        .list("Tags")
        .filter_map(|tag| Some((tag.text("Key")?, tag.text_or_empty("Value"))))
        .collect();
    let by_key = tags.iter().find_map(|(key, _)| Some(key.strip_prefix(CLUSTER_KEY)?.to_owned()));
    by_key.or_else(|| {
        let of = |wanted: &&str| tags.iter().find(|(key, _)| key == *wanted);
        CLUSTER_KEYS.iter().find_map(of).map(|(_, value)| value.clone())
    })
}

fn groups(of: Fields<'_>, key: &str) -> BTreeSet<String> {
    of.list(key).filter_map(|group| group.text("GroupId")).collect()
}

fn address(of: Fields<'_>, key: &str) -> Option<IpAddr> {
    of.text(key).and_then(|text| parse_address(&text))
}

/// Groups are an interface's own: an instance is as many as its interfaces carry different ones.
fn instances(fields: Fields<'_>, network: &Reference, origin: &Origin) -> Option<Vec<Instance>> {
    let id = fields.text("InstanceId")?;
    let made = |name: String, carried: BTreeSet<String>, interface: Interface| Instance {
        id: Reference::new(None, &name),
        template: false,
        // Every interface has a group: an export without any was trimmed.
        complete: !carried.is_empty(),
        tags: carried.into_iter().collect(),
        tells_account: true,
        service_account: None,
        interfaces: vec![interface],
        takes_none: None,
        // What is stopped serves nothing.
        cluster: cluster_of(fields).filter(|_| is_running(fields)),
        origin: origin.clone(),
    };
    let mut found: Vec<Instance> = Vec::new();
    for nic in fields.list("NetworkInterfaces") {
        let mut carried = groups(nic, "Groups");
        if carried.is_empty() && !nic.has("Groups") {
            carried = groups(fields, "SecurityGroups");
        }
        let own = interface_of(nic, network);
        if let Some(one) = found.iter_mut().find(|one| one.tags.iter().eq(&carried)) {
            one.interfaces.push(own);
            continue;
        }
        // Further interfaces with groups of their own are for pods: node ports are the first one's.
        found.push(match found.is_empty() {
            true => made(id.clone(), carried, own),
            false => Instance {
                cluster: None,
                ..made(format!("{id} {}", nic.text_or_empty("NetworkInterfaceId")), carried, own)
            },
        });
    }
    if found.is_empty() {
        let own = Interface {
            network: network.clone(),
            address: address(fields, "PrivateIpAddress"),
            aliases: Vec::new(),
            has_access: true,
            external: address(fields, "PublicIpAddress").into_iter().collect(),
        };
        found.push(made(id, groups(fields, "SecurityGroups"), own));
    }
    Some(found)
}

fn is_running(fields: Fields<'_>) -> bool {
    let state = fields.at("State").text("Name");
    state.is_none_or(|state| ["running", "pending"].contains(&state.as_str()))
}

fn interface_of(nic: Fields<'_>, network: &Reference) -> Interface {
    let own = address(nic, "PrivateIpAddress");
    let mut one = Interface { network: network.clone(), address: own, ..Interface::default() };
    one.external.extend(address(nic.at("Association"), "PublicIp"));
    for further in nic.list("PrivateIpAddresses") {
        // Pods have such addresses, where the cluster's network plugin is Amazon's.
        let held = address(further, "PrivateIpAddress").filter(|found| Some(*found) != own);
        one.aliases.extend(held.map(IpNet::from));
        one.external.extend(address(further.at("Association"), "PublicIp"));
    }
    for further in nic.list("Ipv6Addresses") {
        one.aliases.extend(address(further, "Ipv6Address").map(IpNet::from));
    }
    one.external.sort();
    one.external.dedup();
    one
}

/// An interface of something else than an instance: of a balancer, a database, a function.
fn interface(fields: Fields<'_>, network: &Reference, origin: &Origin) -> Option<Instance> {
    let id = fields.text("NetworkInterfaceId")?;
    let interface = interface_of(fields, network);
    interface.address?;
    let carried = groups(fields, "Groups");
    Some(Instance {
        id: Reference::new(None, &id),
        complete: !carried.is_empty(),
        tags: carried.into_iter().collect(),
        interfaces: vec![interface],
        origin: origin.clone(),
        ..Instance::default()
    })
}

fn policy(
    kind: PolicyKind,
    (name, short_name): (String, Option<String>),
    network: &Reference,
    origin: &Origin,
) -> FirewallPolicy {
    FirewallPolicy {
        name,
        short_name,
        kind,
        network: Some(network.clone()),
        attached: true,
        effective: false,
        unread: false,
        project: None,
        attachments: Vec::new(),
        region: None,
        order: 0,
        rules: Vec::new(),
        origin: origin.clone(),
    }
}

/// A group that has one permission a rule, numbered as they are listed.
fn group(fields: Fields<'_>, network: &Reference, origin: &Origin) -> Option<FirewallPolicy> {
    let id = fields.text("GroupId")?;
    let short = fields.text("GroupName").map(|name| format!("{id} ({name})"));
    let mut group = policy(PolicyKind::SecurityGroup, (id.clone(), short), network, origin);
    for (key, direction) in
        [("IpPermissions", Direction::Ingress), ("IpPermissionsEgress", Direction::Egress)]
    {
        for (number, one) in (1..).zip(fields.list(key)) {
            let mut rule = permission(one, direction, network);
            rule.priority = number;
            rule.targets.tags.insert(id.clone());
            rule.origin = origin.clone();
            group.rules.push(rule);
        }
        if !fields.has(key) {
            group.rules.push(unknown_rule(&id, direction, network, format!("{key} is left out")));
        }
    }
    Some(group)
}

/// A rule that may be anything, since nobody gave it.
fn unknown_rule(
    group: &str,
    direction: Direction,
    network: &Reference,
    why: String,
) -> FirewallRule {
    let mut rule = FirewallRule::new(network.clone(), direction, 0, Action::Allow);
    rule.layer4 = vec![Layer4 { protocol: None, ports: None }];
    rule.targets.tags.insert(group.to_owned());
    rule.unmodelled = vec![why];
    rule
}

/// One permission of a group: its ranges, groups and prefix lists are ways to match.
#[must_use]
pub fn permission(fields: Fields<'_>, direction: Direction, network: &Reference) -> FirewallRule {
    let mut rule = FirewallRule::new(network.clone(), direction, 0, Action::Allow);
    let mut lists = BTreeSet::new();
    let mut ranges = Vec::new();
    for (list, key) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
        for one in fields.list(list) {
            match one.range(key) {
                Some(range) => ranges.push(range),
                None => {
                    lists.insert(GoogleList::Unreadable(format!("{list}: one that is no range")));
                }
            }
        }
    }
    for one in fields.list("PrefixListIds") {
        let id = one.text_or_empty("PrefixListId");
        lists.insert(GoogleList::NotGiven(format!("prefix list {id}")));
    }
    for one in fields.list("UserIdGroupPairs").filter(|pair| !pair.has("GroupId")) {
        let name = one.text_or_empty("GroupName");
        lists.insert(GoogleList::NotGiven(format!("the id of security group {name}")));
    }
    let pairs = fields.list("UserIdGroupPairs");
    let tags = pairs.filter_map(|pair| pair.text("GroupId")).collect();
    let identity = Targets { tags, ..Targets::default() };
    // What names nobody is for nobody.
    let is_nobodys = ranges.is_empty() && lists.is_empty() && identity.is_everyone();
    let nobody = is_nobodys.then(AddressSet::default);
    match direction {
        Direction::Ingress => {
            rule.set_source_ranges(ranges);
            rule.source = rule.source.take().or(nobody);
            rule.source_identity = identity;
            rule.source_conditions.lists = lists;
        }
        Direction::Egress => {
            rule.set_destination_ranges(ranges);
            rule.destination = rule.destination.take().or(nobody);
            rule.destination_identity = identity;
            rule.destination_conditions.lists = lists;
        }
    }
    let from_to = (fields.text("FromPort"), fields.text("ToPort"));
    match layer(&fields.text_or_empty("IpProtocol"), from_to) {
        Ok(layer) => rule.layer4 = vec![layer],
        Err((layer, why)) => {
            rule.layer4 = vec![layer];
            rule.unmodelled.push(why);
        }
    }
    rule
}

/// Permissions that differ in their ports only, as one rule of their group.
#[must_use]
pub fn joined(
    permissions: impl IntoIterator<Item = FirewallRule>,
    group: &str,
) -> Option<FirewallRule> {
    let mut permissions = permissions.into_iter();
    let mut rule = permissions.next()?;
    for next in permissions {
        let same = rule.source == next.source
            && rule.destination == next.destination
            && rule.source_identity == next.source_identity
            && rule.destination_identity == next.destination_identity;
        if !same {
            return None;
        }
        let own = std::mem::take(&mut rule.layer4);
        rule.set_layers(own.into_iter().chain(next.layer4));
        rule.unmodelled.extend(next.unmodelled);
    }
    rule.targets.tags.insert(group.to_owned());
    Some(rule)
}

/// A protocol with its ports; the error has what may be meant, and what is not understood.
fn layer(
    protocol: &str,
    (from, to): (Option<String>, Option<String>),
) -> Result<Layer4, (Layer4, String)> {
    let any = Layer4 { protocol: None, ports: None };
    if protocol == "-1" || protocol == "all" {
        return Ok(any);
    }
    let Ok(protocol) = protocol.parse::<Protocol>() else {
        return Err((any, "IpProtocol".to_owned()));
    };
    let all = Layer4 { protocol: Some(protocol), ports: None };
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i32>().ok());
    match (number(from), number(to)) {
        // Only all protocols, and those without ports, have none.
        (None, _) | (Some(_), None) if protocol.has_ports() => {
            Err((all, "FromPort and ToPort".to_owned()))
        }
        (None | Some(-1), _) => Ok(all),
        // Of ICMP these are type and code.
        (Some(_), _) if !protocol.has_ports() => Err((all, "ICMP types".to_owned())),
        (Some(low), high) => {
            let high = high.unwrap_or(low);
            match (u16::try_from(low), u16::try_from(high)) {
                (Ok(low), Ok(high)) if low <= high => {
                    Ok(Layer4 { ports: Some(PortSet::of_ranges([(low, high)])), ..all })
                }
                _ => Err((all, "FromPort and ToPort".to_owned())),
            }
        }
    }
}
