//! Entries deep inside of something that nobody here knows: what a search, an API or a shipper put
//! around them, under whatever keys.
//!
//! ```text
//! {"hits":{"hits":[{"_source":{"jsonPayload":…}}]}}             an answer of Elasticsearch's
//! {"streams":[{"values":[["1791…","{\"insertId\":…}"]]}]}       of Loki's
//! {"record":{"payload":{"connection":…,"disposition":…}}}       a shipper's
//! {"jsonPayload.connection.src_ip":"10.0.0.1",…}                paths as keys
//! ```

use memchr::memmem;
use serde_json::{Map, Value};

use crate::ingest::log::csv;
use crate::ingest::log::entry::{Found, read_piece};

/// Keys at which an entry, or what holds one alone, is known.
const OF_ENTRIES: [&str; 7] = [
    "jsonPayload",
    "json_payload",
    "protoPayload",
    "textPayload",
    "connection",
    "@timestamp",
    "_source",
];

/// Keys of resources, and of plans and states of them, that entries of the firewall's log, and what
/// searches and shippers put around them, do not have.
const OF_RESOURCES: [&str; 14] = [
    "selfLink",
    "apiVersion",
    "planned_values",
    "resource_changes",
    "terraform_version",
    "format_version",
    "assetType",
    "asset_type",
    "IPProtocol",
    "sourceRanges",
    "destinationRanges",
    "layer4Configs",
    "networkInterfaces",
    "creationTimestamp",
];

/// What is buried deeper stays there.
const DEEPEST: usize = 32;

/// What an object that is no entry holds.
#[derive(Debug, Default)]
pub struct Buried {
    /// The JSON texts of the entries inside of it.
    pub entries: Vec<String>,
    /// Whether lists of resources stand beside them.
    pub has_resources: bool,
}

/// Looks for entries inside of an object that is none.
#[must_use]
pub fn buried(text: &str) -> Buried {
    let mut held = Buried::default();
    // Most of what is no entry is a resource, and speaks of no connection.
    let may_hold = ["src_ip", "@timestamp"].iter().any(|word| has(text, word));
    if may_hold && let Ok(object) = serde_json::from_str::<Value>(text) {
        held.dig(&object, DEEPEST);
    }
    held
}

fn has(text: &str, word: &str) -> bool {
    memmem::find(text.as_bytes(), word.as_bytes()).is_some()
}

impl Buried {
    fn dig(&mut self, value: &Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::Array(list) => {
                self.has_resources |= list.iter().any(is_resource);
                list.iter().for_each(|one| self.dig(one, depth));
            }
            // Whatever a resource quotes or speaks of, it is none of the log.
            Value::Object(members) if !self.entry(members) && !is_resource(value) => {
                let before = self.entries.len();
                members.values().for_each(|one| self.dig(one, depth));
                // Of one alone it may say when it was; of several it says something else.
                if let Some([only]) = self.entries.get_mut(before..)
                    && let Some(whole) = with_envelope(only, members)
                {
                    *only = whole;
                }
            }
            Value::String(text) if has(text, "src_ip") => {
                if let Ok(inner @ (Value::Object(_) | Value::Array(_) | Value::String(_))) =
                    serde_json::from_str(text.trim())
                {
                    self.dig(&inner, depth);
                }
            }
            _ => {}
        }
    }

    /// Takes an object that is an entry, or looks like one in other words.
    fn entry(&mut self, members: &Map<String, Value>) -> bool {
        let text = entry(members);
        let found = text.is_some();
        self.entries.extend(text);
        found
    }
}

/// An entry with its time and its id, where it lacks them and the object around it says them, in
/// whatever case a query wrote it.
fn with_envelope(entry: &str, members: &Map<String, Value>) -> Option<String> {
    const IDS: [&str; 3] = ["insertId", "insertid", "insert_id"];
    let Value::Object(mut whole) = serde_json::from_str(entry).ok()? else { return None };
    let says_when = |key: &String| key.to_ascii_lowercase().contains("time");
    let mut told = Vec::new();
    if !whole.keys().any(says_when) {
        told.extend(members.get("timestamp").map(|value| ("timestamp", value)));
    }
    if !IDS.iter().any(|key| whole.contains_key(*key)) {
        let id = IDS.iter().find_map(|key| members.get(*key));
        told.extend(id.map(|value| ("insertId", value)));
    }
    told.retain(|(_, value)| value.is_string());
    if told.is_empty() {
        return None;
    }
    whole.extend(told.into_iter().map(|(key, value)| (key.to_owned(), value.clone())));
    let text = serde_json::to_string(&whole).ok()?;
    matches!(read_piece(&text).0, Found::Entry(_) | Found::Incomplete(..)).then_some(text)
}

fn is_resource(value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let kind = members.get("kind").and_then(Value::as_str).unwrap_or("");
    kind.starts_with("compute#")
        || kind.starts_with("dns#")
        || members.keys().any(|key| OF_RESOURCES.contains(&key.as_str()))
}

/// The text of an object that is an entry, or looks like one in other words.
fn entry(members: &Map<String, Value>) -> Option<String> {
    let known = OF_ENTRIES.iter().any(|key| members.contains_key(*key));
    let whole = if known { members } else { &csv::nested(members).unwrap_or_default() };
    let is_entry = |text: &String| match read_piece(text).0 {
        Found::NoEntry => false,
        // Names alone make no entry.
        Found::BrokenEntry(_) => known,
        _ => true,
    };
    let text = (!whole.is_empty()).then(|| serde_json::to_string(whole).ok()).flatten();
    text.filter(is_entry)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::buried;

    fn entry(source: &str) -> Value {
        json!({"insertId": source, "timestamp": "2026-10-14T09:00:00Z", "jsonPayload": {
            "connection": {"src_ip": source, "dest_ip": "10.0.0.2", "dest_port": 443, "protocol": 6},
            "disposition": "DENIED"}})
    }

    #[track_caller]
    fn check(around: &Value, expected: usize) {
        let found = buried(&around.to_string()).entries;
        assert_eq!(found.len(), expected, "{around:#}: {found:?}");
        assert!(found.iter().all(|text| text.contains("10.0.0.2")), "{found:?}");
    }

    #[test]
    fn whatever_stands_around_entries_they_are_found() {
        let (one, two) = (entry("10.0.0.1"), entry("10.0.0.9"));
        let text = one.to_string();
        check(
            &json!({"took": 3, "hits": {"total": 2, "hits": [{"_source": one}, {"_source": two}]}}),
            2,
        );
        check(&json!({"streams": [{"values": [["1", text], ["2", two.to_string()]]}]}), 2);
        check(&json!({"record": {"payload": one["jsonPayload"]}}), 1);
        check(&json!({"body": json!(text).to_string()}), 1);
        check(&json!({"rows": [[text]], "note": "10.0.0.2"}), 1);
        check(
            &json!({"jsonPayload.connection.src_ip": "10.0.0.1", "jsonPayload.disposition": "DENIED",
                "jsonPayload.connection.dest_ip": "10.0.0.2", "timestamp": "2026-10-14T09:00:00Z"}),
            1,
        );
    }

    #[test]
    fn what_stands_around_an_entry_says_when_and_which_it_is() {
        let inner = entry("10.0.0.1")["jsonPayload"].clone();
        for around in [
            json!({"timestamp": "2026-10-14T09:00:00Z", "insertid": "i", "jsonpayload": inner}),
            json!({"timestamp": "2026-10-14T09:00:00Z", "insert_id": "i", "row": {"payload": inner}}),
        ] {
            let found = buried(&around.to_string()).entries;
            let [one] = found.as_slice() else { panic!("{found:?}") };
            let read: Value = serde_json::from_str(one).unwrap();
            let told = (read["timestamp"].as_str(), read["insertId"].as_str());
            assert_eq!(told, (Some("2026-10-14T09:00:00Z"), Some("i")), "{around}");
        }
        // It is that of one alone, and an entry's own word goes first.
        let both = json!({"timestamp": "2026-10-15T00:00:00Z", "insertId": "batch", "records": [
            {"payload": inner}, {"payload": entry("10.0.0.9")["jsonPayload"]}]});
        let found = buried(&both.to_string()).entries;
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| !one.contains("batch")), "{found:?}");
        let mut other = entry("10.0.0.1");
        other["timestamp"] = json!({"seconds": 1_791_968_400, "nanos": 0});
        let around = json!({"logName": "projects/p/logs/stdout", "timestamp": "2026-11-20T00:00:00Z",
            "wrapped": other});
        let found = buried(&around.to_string()).entries;
        assert!(!found[0].contains("2026-11-20") && !found[0].contains("stdout"), "{found:?}");
        let own =
            json!({"timestamp": "2026-10-15T00:00:00Z", "hit": {"_source": entry("10.0.0.1")}});
        assert!(buried(&own.to_string()).entries[0].contains("2026-10-14T09:00:00Z"));
    }

    #[test]
    fn resources_around_and_beside_entries_hide_none_and_are_not_lost() {
        let asset = json!({"selfLink": "x", "asset_type": "y", "description": entry("10.0.0.7").to_string()});
        let hit = json!({"_source": {"asset": asset, "record": {"payload": entry("10.0.0.1")}}});
        check(&json!({"hits": {"hits": [hit]}}), 1);
        assert!(!buried(&hit.to_string()).has_resources, "one that an entry speaks of");
        let both =
            json!({"firewalls": [{"name": "a", "sourceRanges": []}], "logs": [entry("10.0.0.1")]});
        check(&both, 1);
        assert!(buried(&both.to_string()).has_resources);
    }

    #[test]
    fn what_is_no_entry_is_none() {
        check(&json!({"connection": {"src_ip": "10.0.0.1"}}), 0);
        check(&json!({"filter": "jsonPayload.connection.src_ip=\"10.0.0.1\""}), 0);
        check(&json!({"apiVersion": "v1", "data": {"sample": entry("10.0.0.1").to_string()}}), 0);
        let quoted = entry("10.0.0.1").to_string();
        check(&json!({"kind": "compute#firewall", "name": "a", "description": quoted}), 0);
        check(&json!({"name": "a", "sourceRanges": [], "description": quoted}), 0);
        check(&json!({"format_version": "1.2", "planned_values": {"content": quoted}}), 0);
        check(
            &json!({"labels": {"src_ip": "EXTRACT(x)", "dest_ip": "EXTRACT(y)", "disposition": "z"}}),
            0,
        );
    }
}
