//! Reads back the `google_compute_firewall` resources that render prints: the inverse of
//! `render/terraform`. It knows literal values only, which is all that is printed; a configuration
//! with variables is not an input.

use serde_json::{Map, Value};

use crate::ingest::amazon;
use crate::ingest::fields::Fields;
use crate::ingest::rules;
use crate::model::{FirewallRule, Origin, Reference};
use crate::net::Direction;

/// The rule that one resource block stands for.
#[must_use]
pub fn firewall_rule(text: &str, network: &Reference) -> Option<FirewallRule> {
    let mut reader = Reader { text, at: 0 };
    let head: Vec<Value> = vec![reader.value()?, reader.value()?, reader.value()?];
    if head.first()? != "resource" || head.get(1)? != "google_compute_firewall" {
        return None;
    }
    let Value::Object(body) = reader.block()? else {
        return None;
    };
    reader.space();
    if reader.at < text.len() {
        return None;
    }
    let value = as_rest(body)?;
    let rule = rules::rest_rule(Fields(&value), &Origin::default())?;
    (rule.network.name == network.name).then_some(FirewallRule { network: network.clone(), ..rule })
}

/// The rule that resources of a security group's rules stand for, the inverse of `render/amazon`.
#[must_use]
pub fn group_rule(text: &str, group: &str, network: &Reference) -> Option<FirewallRule> {
    let mut reader = Reader { text, at: 0 };
    let mut rules = Vec::new();
    while !reader.rest().trim().is_empty() {
        let head: Vec<Value> = vec![reader.value()?, reader.value()?, reader.value()?];
        if head.first()? != "resource" || head.get(1)? != "aws_security_group_rule" {
            return None;
        }
        let body = reader.block()?;
        let fields = Fields(&body);
        if fields.text("security_group_id")? != group {
            return None;
        }
        let direction = match fields.text("type")?.as_str() {
            "ingress" => Direction::Ingress,
            "egress" => Direction::Egress,
            _ => return None,
        };
        let ranges = |key: &str, own: &str| -> Vec<Value> {
            fields.texts(key).into_iter().map(|range| serde_json::json!({ own: range })).collect()
        };
        let protocol = fields.text("protocol")?;
        let mut one = serde_json::json!({
            "IpProtocol": protocol, "IpRanges": ranges("cidr_blocks", "CidrIp"),
            "Ipv6Ranges": ranges("ipv6_cidr_blocks", "CidrIpv6"),
        });
        let ports = (fields.number("from_port")?, fields.number("to_port")?);
        // Of a protocol that has none, both are 0; all of them is no range.
        if !matches!(ports, (0, 0) | (0, 65_535)) {
            let members = one.as_object_mut()?;
            members.insert("FromPort".to_owned(), Value::from(ports.0));
            members.insert("ToPort".to_owned(), Value::from(ports.1));
        }
        rules.push(amazon::permission(Fields(&one), direction, network));
    }
    amazon::joined(rules, group)
}

/// Terraform's names to the Compute API's.
fn as_rest(body: Map<String, Value>) -> Option<Value> {
    const NAMES: [(&str, &str); 12] = [
        ("name", "name"),
        ("network", "network"),
        ("direction", "direction"),
        ("priority", "priority"),
        ("disabled", "disabled"),
        ("source_ranges", "sourceRanges"),
        ("destination_ranges", "destinationRanges"),
        ("source_tags", "sourceTags"),
        ("target_tags", "targetTags"),
        ("source_service_accounts", "sourceServiceAccounts"),
        ("target_service_accounts", "targetServiceAccounts"),
        ("allow", "allowed"),
    ];
    let mut rest = Map::new();
    rest.insert(
        "logConfig".to_owned(),
        serde_json::json!({"enable": body.contains_key("log_config")}),
    );
    for (key, value) in body {
        match NAMES.iter().find(|(theirs, _)| *theirs == key) {
            Some((_, ours)) => {
                rest.insert((*ours).to_owned(), value);
            }
            None if matches!(key.as_str(), "project" | "log_config" | "description") => {}
            None if key == "deny" => {
                rest.insert("denied".to_owned(), value);
            }
            None => return None,
        }
    }
    Some(Value::Object(rest))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, symbol: char) -> Option<()> {
        self.space();
        self.rest().starts_with(symbol).then(|| self.at += symbol.len_utf8())
    }

    /// A literal, or a bare word as its own name.
    fn value(&mut self) -> Option<Value> {
        self.space();
        match self.rest().chars().next()? {
            '"' => self.string().map(Value::String),
            '[' => {
                self.eat('[')?;
                let mut list = Vec::new();
                while self.eat(']').is_none() {
                    list.push(self.value()?);
                    let _ = self.eat(',');
                }
                Some(Value::Array(list))
            }
            _ => {
                let word = self.word()?;
                Some(match word.as_str() {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    _ => word.parse::<u32>().map_or(Value::String(word), Value::from),
                })
            }
        }
    }

    fn word(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = rest.get(..end).filter(|word| !word.is_empty())?.to_owned();
        self.at += end;
        Some(word)
    }

    /// A quoted string. `$${` and `%%{` stand for `${` and `%{`, which would be templates.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        while *bytes.get(at)? != b'"' {
            at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
        }
        self.at = at + 1;
        let text: String = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        let bare = text.replace("$${", "").replace("%%{", "");
        if bare.contains("${") || bare.contains("%{") {
            return None;
        }
        Some(text.replace("$${", "${").replace("%%{", "%{"))
    }

    /// `{ key = value … key { … } … }`; blocks that come several times make a list.
    fn block(&mut self) -> Option<Value> {
        self.eat('{')?;
        let mut members: Map<String, Value> = Map::new();
        while self.eat('}').is_none() {
            self.space();
            let key = self.word()?;
            if self.eat('=').is_some() {
                let value = self.value()?;
                members.insert(key, value);
            } else {
                let block = self.block()?;
                match members.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(list) => list.push(block),
                    _ => return None,
                }
            }
        }
        Some(Value::Object(members))
    }
}
