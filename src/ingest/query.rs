//! A line of a file of questions to a question: one JSON object a line, as policy unit tests are
//! written. What is wrong with a line is said by the field's name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ingest::fields::Fields;
use crate::model::query::{Expected, Query, QueryId, Told};
use crate::net::{Direction, IpNet, PortSet, Protocol, parse_cidr};

/// What a question must not leave out, or leaves out wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadQuery {
    /// The question's id, where it has one.
    pub id: Option<QueryId>,
    /// What is wrong.
    pub message: String,
}

const KEYS: [&str; 16] = [
    "id",
    "network",
    "region",
    "direction",
    "from",
    "to",
    "protocol",
    "port",
    "source_tags",
    "source_service_account",
    "source_secure_tags",
    "target_tags",
    "target_service_account",
    "target_secure_tags",
    "expect",
    "comment",
];

/// Reads a line.
pub fn parse(line: &str) -> Result<Query, BadQuery> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| bad(None, format!("no JSON, at column {}", error.column())))?;
    let fields = Fields(&value);
    let id = match value.get("id") {
        Some(Value::String(text)) => Some(QueryId::Text(text.clone())),
        Some(Value::Number(number)) => number.as_i64().map(QueryId::Number),
        _ => None,
    };
    read(fields, id.clone()).map_err(|message| bad(id, message))
}

fn bad(id: Option<QueryId>, message: String) -> BadQuery {
    BadQuery { id, message }
}

fn read(fields: Fields<'_>, id: Option<QueryId>) -> Result<Query, String> {
    let Some(members) = fields.0.as_object() else {
        return Err("a question is an object".to_owned());
    };
    // A key that is written wrongly would silently be unknown.
    if let Some(key) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("no such key: {key}"));
    }
    let direction: Direction = match fields.text("direction") {
        Some(text) => text.parse().map_err(|()| "direction is INGRESS or EGRESS".to_owned())?,
        None => return Err("direction is not given".to_owned()),
    };
    let ports = ports(fields)?;
    let protocol = match fields.text("protocol") {
        None => None,
        Some(text) => Some(protocol(&text)?),
    };
    let expect = match fields.text("expect") {
        None => None,
        Some(text) => Some(
            Expected::parse(&text)
                .ok_or_else(|| "expect is ALLOWED, DENIED, MIXED or UNDETERMINED".to_owned())?,
        ),
    };
    let query = Query {
        id,
        network: fields.reference("network"),
        region: fields.text("region"),
        direction,
        source: ranges(fields, "from")?,
        destination: ranges(fields, "to")?,
        protocol,
        ports,
        target: told(fields, "target")?,
        peer: told(fields, "source")?,
        expect,
    };
    complete(query)
}

/// Reads a protocol's name or number.
pub fn protocol(text: &str) -> Result<Protocol, String> {
    text.parse().map_err(|()| "protocol is a name such as tcp, or a number".to_owned())
}

/// What a question must say, whichever way it is asked.
pub fn complete(query: Query) -> Result<Query, String> {
    let (peer, key) = match query.direction {
        Direction::Ingress => (&query.source, "from"),
        Direction::Egress => (&query.destination, "to"),
    };
    if peer.is_none() {
        return Err(format!("{key} is not given: the other end of {}", query.direction));
    }
    if query.ports.is_some() && query.protocol.is_some_and(|one| !one.has_ports()) {
        return Err("this protocol has no ports".to_owned());
    }
    if query.ports.is_some() && query.protocol.is_none() {
        return Err("protocol is not given, but port is".to_owned());
    }
    Ok(query)
}

fn ports(fields: Fields<'_>) -> Result<Option<PortSet>, String> {
    let wrong = || "port is a number from 0 to 65535, or a range such as 8000-8100".to_owned();
    let mut all: Option<PortSet> = None;
    for text in fields.texts("port") {
        let one = PortSet::parse(&text).ok_or_else(wrong)?;
        all = Some(all.map_or_else(|| one.clone(), |sum| sum.union(&one)));
    }
    if fields.strange("port") > 0 { Err(wrong()) } else { Ok(all) }
}

fn ranges(fields: Fields<'_>, key: &str) -> Result<Option<Vec<IpNet>>, String> {
    if !fields.has(key) {
        return Ok(None);
    }
    let texts = fields.texts(key);
    let found: Vec<IpNet> = texts.iter().filter_map(|text| parse_cidr(text)).collect();
    if found.is_empty() || found.len() < texts.len() || fields.strange(key) > 0 {
        return Err(format!("{key} is an address or a range"));
    }
    Ok(Some(found))
}

/// An absent key means unknown; an empty list and null mean none.
fn told(fields: Fields<'_>, side: &str) -> Result<Told, String> {
    let names = |rest: &str| -> Result<Option<BTreeSet<String>>, String> {
        let key = format!("{side}_{rest}");
        match fields.0.get(&key) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(BTreeSet::new())),
            Some(_) if fields.strange(&key) > 0 => Err(format!("{key} holds names")),
            Some(_) => {
                Ok(Some(fields.texts(&key).into_iter().filter(|one| !one.is_empty()).collect()))
            }
        }
    };
    let told = Told {
        tags: names("tags")?,
        service_accounts: names("service_account")?,
        secure_tags: names("secure_tags")?,
    };
    if told.service_accounts.as_ref().is_some_and(|all| all.len() > 1) {
        return Err(format!("{side}_service_account is one account"));
    }
    Ok(told)
}
