//! A line of a file of questions to a question: one JSON object a line, as policy unit tests are
//! written. What is wrong with a line is said by the field's name.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::Reference;
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

/// The keys of a question, each still a text: an absent one is told from null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'t> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    network: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    region: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    direction: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    from: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    to: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    protocol: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    port: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    source_tags: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    source_service_account: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    source_secure_tags: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    target_tags: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    target_service_account: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    target_secure_tags: Option<&'t RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    expect: Option<&'t RawValue>,
    /// For whoever reads the file.
    #[serde(default)]
    comment: Option<IgnoredAny>,
}

/// What is there, also where it is null.
fn present<'de: 't, 't, D: Deserializer<'de>>(from: D) -> Result<Option<&'t RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a line.
pub fn parse(text: &str) -> Result<Query, BadQuery> {
    let line: Line<'_> = match serde_json::from_str(text) {
        // A list of values in their order would be taken, too.
        Ok(_) if !text.trim_start().starts_with('{') => {
            return Err(BadQuery { id: None, message: "a question is an object".to_owned() });
        }
        Ok(line) => line,
        Err(error) => return Err(not_a_question(text, &error)),
    };
    let _ = line.comment;
    let id = id(line.id).map_err(|()| BadQuery {
        id: None,
        message: "id is a text or a whole number".to_owned(),
    })?;
    read(&line, id.clone()).map_err(|message| BadQuery { id, message })
}

fn id(raw: Option<&RawValue>) -> Result<Option<QueryId>, ()> {
    let Some(raw) = raw else { return Ok(None) };
    match value(raw) {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(QueryId::Text(text))),
        Value::Number(number) => number.as_i64().map(QueryId::Number).map(Some).ok_or(()),
        _ => Err(()),
    }
}

/// A key that is written wrongly would silently be unknown, so it is named; other errors are told
/// by their place, and never show the text.
fn not_a_question(text: &str, error: &serde_json::Error) -> BadQuery {
    let id_of = |value: &Value| match value.get("id") {
        Some(Value::String(text)) => Some(QueryId::Text(text.clone())),
        Some(Value::Number(number)) => number.as_i64().map(QueryId::Number),
        _ => None,
    };
    let message = error.to_string();
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        let column = error.column();
        return BadQuery { id: None, message: format!("no JSON, at column {column}") };
    };
    let named = |word: &str| message.starts_with(word).then(|| message.split('`').nth(1)).flatten();
    let message = match (value.is_object(), named("unknown field"), named("duplicate field")) {
        (false, _, _) => "a question is an object".to_owned(),
        (true, Some(key), _) => format!("no such key: {key}"),
        (true, _, Some(key)) => format!("{key} is given twice"),
        (true, None, None) => format!("no question, at column {}", error.column()),
    };
    BadQuery { id: id_of(&value), message }
}

/// One value of a line; it has been checked that it is JSON.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

/// The texts of a value: one, or a list; `Err` where something else is in it.
fn texts(raw: &RawValue) -> Result<Vec<String>, ()> {
    let one = |value: Value| match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(()),
    };
    match value(raw) {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => list.into_iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn text(raw: Option<&RawValue>, key: &str) -> Result<Option<String>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let all = texts(raw).map_err(|()| format!("{key} is a text"))?;
    if all.len() > 1 { Err(format!("{key} is one text")) } else { Ok(all.into_iter().next()) }
}

fn read(line: &Line<'_>, id: Option<QueryId>) -> Result<Query, String> {
    let direction: Direction = match text(line.direction, "direction")? {
        Some(text) => text.parse().map_err(|()| "direction is INGRESS or EGRESS".to_owned())?,
        None => return Err("direction is not given".to_owned()),
    };
    let protocol = match text(line.protocol, "protocol")? {
        None => None,
        Some(text) => Some(protocol(&text)?),
    };
    let expect = match text(line.expect, "expect")? {
        None => None,
        Some(text) => Some(
            Expected::parse(&text)
                .ok_or_else(|| "expect is ALLOWED, DENIED, MIXED or UNDETERMINED".to_owned())?,
        ),
    };
    let network = text(line.network, "network")?.filter(|text| !text.is_empty());
    let query = Query {
        id,
        network: network.map(|text| Reference::parse(&text)),
        region: text(line.region, "region")?,
        direction,
        source: ranges(line.from, "from")?,
        destination: ranges(line.to, "to")?,
        protocol,
        ports: ports(line.port)?,
        target: Told {
            tags: names(line.target_tags, "target_tags")?,
            service_accounts: account(line.target_service_account, "target_service_account")?,
            secure_tags: names(line.target_secure_tags, "target_secure_tags")?,
        },
        peer: Told {
            tags: names(line.source_tags, "source_tags")?,
            service_accounts: account(line.source_service_account, "source_service_account")?,
            secure_tags: names(line.source_secure_tags, "source_secure_tags")?,
        },
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
    let families = |ranges: &Option<Vec<IpNet>>| {
        let all = ranges.as_deref().unwrap_or_default();
        [all.iter().any(|one| one.addr().is_ipv4()), all.iter().any(|one| one.addr().is_ipv6())]
    };
    let ([v4, v6], [to_v4, to_v6]) = (families(&query.source), families(&query.destination));
    if query.source.is_some() && query.destination.is_some() && !(v4 && to_v4 || v6 && to_v6) {
        return Err("from and to are of different families".to_owned());
    }
    if query.ports.is_some() && query.protocol.is_none() {
        return Err("protocol is not given, but port is".to_owned());
    }
    Ok(query)
}

fn ports(raw: Option<&RawValue>) -> Result<Option<PortSet>, String> {
    let wrong = || "port is a number from 0 to 65535, or a range such as 8000-8100".to_owned();
    let Some(raw) = raw else { return Ok(None) };
    let mut all: Option<PortSet> = None;
    for text in texts(raw).map_err(|()| wrong())? {
        let one = PortSet::parse(&text).ok_or_else(wrong)?;
        all = Some(all.map_or_else(|| one.clone(), |sum| sum.union(&one)));
    }
    Ok(all)
}

fn ranges(raw: Option<&RawValue>, key: &str) -> Result<Option<Vec<IpNet>>, String> {
    let wrong = || format!("{key} is an address or a range");
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(None) };
    let texts = texts(raw).map_err(|()| wrong())?;
    let found: Option<Vec<IpNet>> = texts.iter().map(|text| parse_cidr(text)).collect();
    found.filter(|found| !found.is_empty()).map(Some).ok_or_else(wrong)
}

/// An absent key means unknown; an empty list and null mean none.
fn names(raw: Option<&RawValue>, key: &str) -> Result<Option<BTreeSet<String>>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let texts = texts(raw).map_err(|()| format!("{key} holds names"))?;
    if texts.iter().any(|one| one.contains(',')) {
        return Err(format!("{key} is a list: one name each"));
    }
    Ok(Some(texts.into_iter().filter(|one| !one.is_empty()).collect()))
}

fn account(raw: Option<&RawValue>, key: &str) -> Result<Option<BTreeSet<String>>, String> {
    let names = names(raw, key)?;
    match &names {
        Some(all) if all.len() > 1 => Err(format!("{key} is one account")),
        _ => Ok(names),
    }
}
