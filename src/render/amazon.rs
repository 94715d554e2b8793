//! A rule of a security group as a command of the AWS CLI and as resources of Terraform's; read
//! back by `ingest/command` and `ingest/terraform`.
//!
//! Command: <https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html>.
//! Resource: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/security_group_rule>.

use serde_json::{Value, json};

use crate::model::{FirewallPolicy, FirewallRule, PolicyKind};
use crate::net::{Direction, IpNet, Protocol};
use crate::render::resource::terraform::{block, text};
use crate::suggest::name::is_group;

fn is_printable(rule: &FirewallRule, group: &FirewallPolicy) -> bool {
    group.kind == PolicyKind::SecurityGroup
        && is_group(&group.name)
        && rule.is_understood()
        && rule.source_identity.is_everyone()
        && rule.destination_identity.is_everyone()
        && !peers(rule).is_empty()
}

fn peers(rule: &FirewallRule) -> &[IpNet] {
    match rule.direction {
        Direction::Ingress => &rule.source_ranges,
        Direction::Egress => &rule.destination_ranges,
    }
}

/// `IpProtocol` knows three names, and numbers
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
fn name_of(protocol: Protocol) -> String {
    match protocol {
        Protocol::TCP | Protocol::UDP | Protocol::ICMP => protocol.to_string(),
        Protocol(number) => number.to_string(),
    }
}

/// One protocol with one range of ports: what one permission holds. All of them without ports.
fn pieces(rule: &FirewallRule) -> Vec<(String, Option<(u16, u16)>)> {
    let mut all = Vec::new();
    for part in &rule.layer4 {
        let protocol = part.protocol.map_or_else(|| "-1".to_owned(), name_of);
        match &part.ports {
            None => all.push((protocol, None)),
            Some(ports) => all.extend(ports.parts().map(|range| (protocol.clone(), Some(range)))),
        }
    }
    all
}

fn of_family(rule: &FirewallRule, is_v4: bool) -> Vec<String> {
    let own = peers(rule).iter().filter(|range| range.addr().is_ipv4() == is_v4);
    own.map(ToString::to_string).collect()
}

/// The command; `None` where the group has no id that AWS gives.
#[must_use]
pub fn command(rule: &FirewallRule, group: &FirewallPolicy) -> Option<String> {
    if !is_printable(rule, group) {
        return None;
    }
    let ranges = |is_v4: bool, key: &str| -> Vec<Value> {
        of_family(rule, is_v4).into_iter().map(|range| json!({ key: range })).collect()
    };
    let permissions: Vec<Value> = pieces(rule)
        .into_iter()
        .map(|(protocol, ports)| {
            let mut one = serde_json::Map::new();
            one.insert("IpProtocol".to_owned(), json!(protocol));
            if let Some((low, high)) = ports {
                one.insert("FromPort".to_owned(), json!(low));
                one.insert("ToPort".to_owned(), json!(high));
            }
            for (is_v4, list, key) in
                [(true, "IpRanges", "CidrIp"), (false, "Ipv6Ranges", "CidrIpv6")]
            {
                let ranges = ranges(is_v4, key);
                if !ranges.is_empty() {
                    one.insert(list.to_owned(), json!(ranges));
                }
            }
            Value::Object(one)
        })
        .collect();
    let way = match rule.direction {
        Direction::Ingress => "authorize-security-group-ingress",
        Direction::Egress => "authorize-security-group-egress",
    };
    let permissions = Value::Array(permissions).to_string();
    let words = ["aws", "ec2", way, "--group-id", &group.name, "--ip-permissions", &permissions];
    shlex::try_join(words).ok()
}

/// The resources, one for each range of ports; `None` as above.
#[must_use]
pub fn terraform(rule: &FirewallRule, group: &FirewallPolicy) -> Option<String> {
    if !is_printable(rule, group) {
        return None;
    }
    let way = match rule.direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    let blocks = pieces(rule).into_iter().map(|(protocol, ports)| {
        // Without ports both are 0, but for protocols that have some.
        let last = if matches!(protocol.as_str(), "tcp" | "udp") { 65_535 } else { 0 };
        let (low, high) = ports.unwrap_or((0, last));
        let of = if protocol == "-1" { "all" } else { protocol.as_str() };
        let mut fields = vec![
            ("type", text(way)),
            ("security_group_id", text(&group.name)),
            ("protocol", text(&protocol)),
            ("from_port", low.to_string()),
            ("to_port", high.to_string()),
        ];
        for (is_v4, key) in [(true, "cidr_blocks"), (false, "ipv6_cidr_blocks")] {
            let ranges = of_family(rule, is_v4);
            if !ranges.is_empty() {
                fields.push((key, json!(ranges).to_string()));
            }
        }
        block("aws_security_group_rule", &format!("{}-{way}-{of}-{low}", group.name), &fields)
    });
    Some(blocks.collect::<Vec<_>>().join("\n"))
}
