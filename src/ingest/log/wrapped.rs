//! Entries inside of something else: Pub/Sub messages, shippers' envelopes, documents in Elastic
//! Common Schema.
//!
//! ```text
//! {"ackId":"…","message":{"data":"eyJpbnNlcnRJZCI6…"}}        Pub/Sub pull: base64 of an entry
//! {"integration":"gcp","gcp":{"insertId":…}}                   a shipper
//! {"@timestamp":…,"source":{…},"gcp":{"firewall":{…}}}         Elastic Common Schema
//! ```

use std::borrow::Cow;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

/// What holds an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapper<'a> {
    /// The entry stands as an object, or as a text, under a key of a shipper.
    Inside(&'a str),
    /// A Pub/Sub message.
    PubSub(&'a str),
    /// Elastic Common Schema.
    Elastic,
}

/// The text of what may be an entry, or why it cannot be had.
pub(super) type Inside<'a> = Result<Cow<'a, str>, &'static str>;

/// Both alphabets, padded or not.
static LENIENT: [GeneralPurpose; 2] = {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [
        GeneralPurpose::new(&alphabet::STANDARD, config),
        GeneralPurpose::new(&alphabet::URL_SAFE, config),
    ]
};

/// What the wrappers of an object hold: the first that is an entry is the one. `whole` is the text
/// around them.
pub(super) fn inside<'a>(
    wrappers: &[Wrapper<'a>],
    whole: &str,
) -> impl Iterator<Item = Inside<'a>> {
    // A schema repeats what a shipper may have kept as it was.
    let is_elastic = |wrapper: &&Wrapper<'_>| **wrapper == Wrapper::Elastic;
    let kept = wrappers.iter().filter(move |wrapper| !is_elastic(wrapper));
    kept.chain(wrappers.iter().filter(is_elastic)).flat_map(|wrapper| match wrapper {
        Wrapper::Inside(value) if value.starts_with('{') => vec![Ok(Cow::Borrowed(*value))],
        Wrapper::Inside(value) => text_inside(value).map(Ok).into_iter().collect(),
        Wrapper::PubSub(message) => pub_sub(message).into_iter().collect(),
        Wrapper::Elastic => elastic(whole).into_iter().map(Ok).collect(),
    })
}

/// An entry that was written as a JSON text in a string.
fn text_inside(value: &str) -> Option<Cow<'static, str>> {
    let text = serde_json::from_str::<String>(value).ok()?;
    text.trim_start().starts_with('{').then_some(Cow::Owned(text))
}

fn pub_sub(message: &str) -> Option<Inside<'static>> {
    let message = serde_json::from_str::<Value>(message).ok()?;
    let data = message.get("data").and_then(Value::as_str)?;
    if data.trim_start().starts_with('{') {
        return Some(Ok(Cow::Owned(data.to_owned())));
    }
    let decoded = LENIENT.iter().find_map(|engine| engine.decode(data.trim()).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    Some(text.map(Cow::Owned).ok_or("a Pub/Sub message whose data is no base64 of UTF-8"))
}

/// The entry as it was, where the document kept it (`event.original`), then put together again
/// from the fields of the schema.
fn elastic(whole: &str) -> Vec<Cow<'static, str>> {
    let document = serde_json::from_str::<Value>(whole).ok();
    let Some(document) = document.filter(|document| !is_of_another_maker(document)) else {
        return Vec::new();
    };
    let original = document.pointer("/event/original").and_then(Value::as_str);
    let original = original.filter(|text| text.trim_start().starts_with('{')).map(str::to_owned);
    original.into_iter().chain(put_together(&document)).map(Cow::Owned).collect()
}

fn put_together(document: &Value) -> Option<String> {
    let at = |path: &str| document.pointer(path).cloned().unwrap_or(Value::Null);
    let rule = ["/gcp/firewall/rule_details", "/json/rule_details"].map(at);
    let rule = rule.into_iter().find(|rule| !rule.is_null()).unwrap_or(Value::Null);
    let types: Vec<String> = match at("/event/type") {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => vec![one],
        _ => Vec::new(),
    };
    let disposition = if types.iter().any(|one| one == "denied") {
        json!("DENIED")
    } else if types.iter().any(|one| one == "allowed") {
        json!("ALLOWED")
    } else {
        rule.get("action").cloned().unwrap_or(Value::Null)
    };
    if disposition.is_null() || at("/source/ip").is_null() || at("/destination/ip").is_null() {
        return None;
    }
    let direction = match at("/network/direction").as_str() {
        _ if rule.get("direction").is_some() => rule.get("direction").cloned(),
        Some("inbound" | "ingress") => Some(json!("INGRESS")),
        Some("outbound" | "egress") => Some(json!("EGRESS")),
        _ => None,
    };
    let ingress = direction.as_ref().and_then(Value::as_str) == Some("INGRESS");
    let (own, own_name) = if ingress {
        ("/gcp/destination", at("/destination/domain"))
    } else {
        ("/gcp/source", at("/source/domain"))
    };
    let protocol = [at("/network/iana_number"), at("/network/transport")];
    let entry = json!({
        "insertId": at("/event/id"),
        "timestamp": at("/@timestamp"),
        "logName": at("/log/logger"),
        "resource": {"labels": {"project_id": at("/cloud/project/id")}},
        "jsonPayload": {
            "connection": {
                "src_ip": at("/source/ip"), "src_port": at("/source/port"),
                "dest_ip": at("/destination/ip"), "dest_port": at("/destination/port"),
                "protocol": protocol.into_iter().find(|one| !one.is_null()),
            },
            "disposition": disposition,
            "rule_details": {
                "reference": at("/rule/name"),
                "priority": rule.get("priority"),
                "direction": direction,
            },
            "instance": {
                "project_id": at(&format!("{own}/instance/project_id")), "vm_name": own_name,
            },
            "vpc": at(&format!("{own}/vpc")),
        }
    });
    Some(entry.to_string())
}

/// Firewalls of all makers write documents of this form; they say whose they are.
fn is_of_another_maker(document: &Value) -> bool {
    const GOOGLE: [&str; 4] = ["gcp", "googlecloud", "google_cloud", "compute.googleapis.com"];
    let names = ["/event/dataset", "/data_stream/dataset", "/event/module", "/log/logger"];
    let mut said = names.iter().filter_map(|path| document.pointer(path)?.as_str()).peekable();
    let is_google = |name: &str| GOOGLE.iter().any(|word| name.contains(word));
    said.peek().is_some() && !said.any(is_google)
}
