//! Reads back the `gcloud compute firewall-rules` commands that render prints: the inverse of
//! `render/gcloud`. What it cannot read is not shown to anybody.

use crate::ingest::amazon;
use crate::ingest::fields::Fields;
use crate::ingest::rules::layer4;
use crate::model::firewall::{Layer4, Targets};
use crate::model::{Action, FirewallPolicy, FirewallRule, Inventory, PolicyKind, Reference};
use crate::net::{Direction, IpNet, parse_cidr};

/// The rule as it would stand after the command, given the rules that stand before it.
#[must_use]
pub fn firewall_rule(text: &str, before: &Inventory, network: &Reference) -> Option<FirewallRule> {
    let words = shlex::split(&text.replace("\\\n", " "))?;
    let mut words = words.iter().map(String::as_str);
    for expected in ["gcloud", "compute", "firewall-rules"] {
        if words.next()? != expected {
            return None;
        }
    }
    let verb = words.next()?;
    let name = words.next()?;
    let mut rule = match verb {
        "create" => {
            let mut rule =
                FirewallRule::new(network.clone(), Direction::Ingress, 1000, Action::Allow);
            rule.logged = Some(false);
            rule
        }
        "update" => {
            let same = |rule: &&FirewallRule| {
                rule.name.as_deref() == Some(name) && rule.network.agrees(network)
            };
            before.firewall_rules.iter().find(same)?.clone()
        }
        _ => return None,
    };
    rule.name = Some(name.to_owned());
    for flag in words {
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        set(&mut rule, key, value, verb)?;
    }
    Some(rule)
}

/// The rule that a command would make which a controller asks somebody else to run: with its flags
/// apart from their values, and a description that says nothing here. To change a rule the command
/// says all of it but its network, which then has no name here.
///
/// <https://github.com/kubernetes/ingress-gce/blob/master/pkg/firewalls/firewalls.go>
#[must_use]
pub fn requested_rule(text: &str) -> Option<FirewallRule> {
    let words = shlex::split(text)?;
    let mut flags: Vec<String> = Vec::new();
    for word in words {
        match flags.last_mut() {
            Some(flag)
                if flag.starts_with("--") && !flag.contains('=') && !word.starts_with("--") =>
            {
                flag.push('=');
                flag.push_str(&word);
            }
            _ => flags.push(word),
        }
    }
    let value = |key: &str| {
        let own = flags.iter().find_map(|flag| flag.strip_prefix(key)?.strip_prefix('='));
        own.filter(|text| !text.is_empty())
    };
    let network = Reference::parse(value("--network").unwrap_or_default());
    let network = network.or_project(value("--project"));
    match flags.get_mut(3) {
        Some(verb) if verb == "update" => "create".clone_into(verb),
        _ if network.name.is_empty() => return None,
        _ => {}
    }
    flags.retain(|flag| !flag.starts_with("--description") && !flag.starts_with("--network="));
    let line = shlex::try_join(flags.iter().map(String::as_str)).ok()?;
    let rule = firewall_rule(&line, &Inventory::default(), &network)?;
    (!rule.layer4.is_empty()).then_some(rule)
}

/// The rule that a command adds to a policy.
#[must_use]
pub fn policy_rule(text: &str, policy: &FirewallPolicy) -> Option<FirewallRule> {
    let words = shlex::split(text)?;
    let mut words = words.iter().map(String::as_str);
    let group = match policy.kind {
        PolicyKind::Hierarchical => "firewall-policies",
        _ => "network-firewall-policies",
    };
    for expected in ["gcloud", "compute", group, "rules", "create"] {
        if words.next()? != expected {
            return None;
        }
    }
    let priority = words.next()?.parse().ok()?;
    let network = Reference::default();
    let mut rule = FirewallRule::new(network, Direction::Ingress, priority, Action::Inspect);
    rule.logged = Some(false);
    let mut named = false;
    for flag in words {
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        match key {
            "--firewall-policy" => named = value == policy.name,
            "--global-firewall-policy" if policy.kind == PolicyKind::GlobalNetwork => {}
            "--firewall-policy-region" if policy.region.as_deref() == Some(value) => {}
            "--action" => {
                rule.action = match value {
                    "allow" => Action::Allow,
                    "deny" => Action::Deny,
                    _ => return None,
                }
            }
            "--layer4-configs" => rule.set_layers(layers(value)?),
            "--src-ip-ranges" => set(&mut rule, "--source-ranges", value, "create")?,
            "--dest-ip-ranges" => set(&mut rule, "--destination-ranges", value, "create")?,
            "--target-resources" => {
                rule.target_networks = value.split(',').map(Reference::parse).collect();
            }
            "--direction" | "--project" | "--target-service-accounts" | "--enable-logging" => {
                set(&mut rule, key, value, "create")?;
            }
            _ => return None,
        }
    }
    named.then_some(rule)
}

/// The rule that a command of the AWS CLI adds to a security group, the inverse of
/// `render/amazon`.
#[must_use]
pub fn group_rule(text: &str, group: &str, network: &Reference) -> Option<FirewallRule> {
    let words = shlex::split(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["aws", "ec2", way, "--group-id", id, "--ip-permissions", permissions] = words.as_slice()
    else {
        return None;
    };
    let direction = match *way {
        "authorize-security-group-ingress" => Direction::Ingress,
        "authorize-security-group-egress" => Direction::Egress,
        _ => return None,
    };
    let permissions: serde_json::Value = serde_json::from_str(permissions).ok()?;
    let read = permissions.as_array()?.iter();
    let rules = read.map(|one| amazon::permission(Fields(one), direction, network));
    (*id == group).then(|| amazon::joined(rules, group))?
}

fn set(rule: &mut FirewallRule, key: &str, value: &str, verb: &str) -> Option<()> {
    let list = || value.split(',').filter(|one| !one.is_empty()).map(str::to_owned);
    let ranges = || list().map(|one| parse_cidr(&one)).collect::<Option<Vec<IpNet>>>();
    match key {
        "--project" => {}
        "--network" => {
            let named = Reference::parse(value);
            if verb != "create" || named.name != rule.network.name {
                return None;
            }
        }
        "--direction" => rule.direction = value.parse().ok()?,
        "--priority" => rule.priority = value.parse().ok()?,
        "--action" => {
            rule.action = match value {
                "ALLOW" => Action::Allow,
                "DENY" => Action::Deny,
                _ => return None,
            }
        }
        "--rules" | "--allow" => rule.set_layers(layers(value)?),
        "--source-ranges" => rule.set_source_ranges(ranges()?),
        "--destination-ranges" => rule.set_destination_ranges(ranges()?),
        "--source-tags" => rule.source_identity.tags = list().collect(),
        "--source-service-accounts" => rule.source_identity.service_accounts = list().collect(),
        "--target-tags" => rule.targets.tags = list().collect(),
        "--target-service-accounts" => {
            rule.targets =
                Targets { service_accounts: list().collect(), ..std::mem::take(&mut rule.targets) };
        }
        "--enable-logging" => rule.logged = Some(true),
        "--no-disabled" => rule.disabled = false,
        _ => return None,
    }
    Some(())
}

/// `tcp:443,tcp:8000-8100,icmp`.
fn layers(text: &str) -> Option<Vec<Layer4>> {
    text.split(',')
        .map(|word| {
            let (protocol, ports) = match word.split_once(':') {
                Some((protocol, ports)) => (protocol, vec![ports]),
                None => (word, Vec::new()),
            };
            let value = serde_json::json!({ "IPProtocol": protocol, "ports": ports });
            layer4(Fields(&value), "IPProtocol")
        })
        .collect()
}
