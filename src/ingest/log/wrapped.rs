//! Entries inside of something else: Pub/Sub messages, shippers' envelopes, documents in Elastic
//! Common Schema.
//!
//! ```text
//! {"ackId":"…","message":{"data":"eyJpbnNlcnRJZCI6…"}}        Pub/Sub pull: base64 of an entry
//! {"integration":"gcp","gcp":{"insertId":…}}                   a shipper
//! {"@timestamp":…,"source":{…},"gcp":{"firewall":{…}}}         Elastic Common Schema
//! ```

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use crate::ingest::log::entry::{Found, Wrapper, read_nested};
use crate::model::Record;
use crate::model::record::{FirewallRecord, LoggedInstance};

/// Both alphabets, padded or not.
static LENIENT: [GeneralPurpose; 2] = {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [
        GeneralPurpose::new(&alphabet::STANDARD, config),
        GeneralPurpose::new(&alphabet::URL_SAFE, config),
    ]
};

/// Opens the wrappers that were seen until one holds an entry. `whole` is the text around them.
pub(super) fn unwrap<'a>(wrappers: &[Wrapper<'a>], whole: &'a str, depth: u32) -> Found<'a> {
    let elastic_last = |wrapper: &&Wrapper<'_>| **wrapper != Wrapper::Elastic;
    let (inside, elastic_ones): (Vec<_>, Vec<_>) = wrappers.iter().partition(elastic_last);
    for wrapper in inside.into_iter().chain(elastic_ones) {
        let found = match wrapper {
            Wrapper::Inside(value) if value.starts_with('{') => read_nested(value, depth + 1).0,
            Wrapper::Inside(value) => text_inside(value, depth),
            Wrapper::PubSub(message) => pub_sub(message, depth),
            Wrapper::Elastic => elastic(whole, depth),
        };
        if !matches!(found, Found::NoEntry) {
            return found;
        }
    }
    Found::NoEntry
}

/// An entry that was written as a JSON text in a string.
fn text_inside<'a>(value: &str, wrappers: u32) -> Found<'a> {
    match serde_json::from_str::<String>(value) {
        Ok(text) if text.trim_start().starts_with('{') => owned(read_nested(&text, wrappers + 1).0),
        _ => Found::NoEntry,
    }
}

fn pub_sub<'a>(message: &str, wrappers: u32) -> Found<'a> {
    let Ok(message) = serde_json::from_str::<Value>(message) else {
        return Found::NoEntry;
    };
    let Some(data) = message.get("data").and_then(Value::as_str) else {
        return Found::NoEntry;
    };
    if data.trim_start().starts_with('{') {
        return owned(read_nested(data, wrappers + 1).0);
    }
    let decoded = LENIENT.iter().find_map(|engine| engine.decode(data.trim()).ok());
    match decoded.map(String::from_utf8) {
        Some(Ok(text)) => owned(read_nested(&text, wrappers + 1).0),
        _ => Found::BrokenEntry("a Pub/Sub message whose data is no base64 of UTF-8"),
    }
}

/// The entry as it was, where the document kept it (`event.original`), else put together again
/// from the fields of the schema.
fn elastic<'a>(whole: &str, wrappers: u32) -> Found<'a> {
    let Ok(document) = serde_json::from_str::<Value>(whole) else {
        return Found::NoEntry;
    };
    let at = |path: &str| document.pointer(path).cloned().unwrap_or(Value::Null);
    if is_of_another_maker(&document) {
        return Found::NoEntry;
    }
    if let Some(original) = at("/event/original").as_str() {
        let found = read_nested(original, wrappers + 1).0;
        if matches!(found, Found::Entry(_)) {
            return owned(found);
        }
    }
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
        return Found::NoEntry;
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
    owned(read_nested(&entry.to_string(), wrappers + 1).0)
}

/// Firewalls of all makers write documents of this form; they say whose they are.
fn is_of_another_maker(document: &Value) -> bool {
    const GOOGLE: [&str; 4] = ["gcp", "googlecloud", "google_cloud", "compute.googleapis.com"];
    let names = ["/event/dataset", "/data_stream/dataset", "/event/module", "/log/logger"];
    let mut said = names.iter().filter_map(|path| document.pointer(path)?.as_str()).peekable();
    let is_google = |name: &str| GOOGLE.iter().any(|word| name.contains(word));
    said.peek().is_some() && !said.any(is_google)
}

/// The same, holding its own strings: what it was read from ends here.
pub(super) fn owned<'a>(found: Found<'_>) -> Found<'a> {
    match found {
        Found::Entry(record) => Found::Entry(owned_record(record)),
        Found::Incomplete(record, what) => Found::Incomplete(owned_record(record), what),
        Found::BrokenEntry(what) => Found::BrokenEntry(what),
        Found::NoEntry => Found::NoEntry,
        // Its place is one in the decoded text, which nobody can look up.
        Found::NoJson(_) => Found::BrokenEntry("an entry inside of a wrapper that is no JSON"),
    }
}

fn owned_record<'a>(record: Record<'_>) -> Record<'a> {
    Record {
        insert_id: record.insert_id.into_owned().into(),
        timestamp: record.timestamp,
        project: record.project.into_owned().into(),
        disposition: record.disposition,
        kin: None,
        firewall: record.firewall.map(|firewall| FirewallRecord {
            tuple: firewall.tuple,
            disposition: firewall.disposition,
            direction: firewall.direction,
            reference: firewall.reference.into_owned().into(),
            priority: firewall.priority,
            instance: LoggedInstance {
                project: firewall.instance.project.into_owned().into(),
                name: firewall.instance.name.into_owned().into(),
            },
            vpc_project: firewall.vpc_project.into_owned().into(),
            vpc_name: firewall.vpc_name.into_owned().into(),
        }),
    }
}
