//! Tables of entries, an entry a row: what the Logs Explorer downloads as CSV, BigQuery and Log
//! Analytics save, gcloud prints with `--format=csv(…)`. The first row names the columns, and each
//! maker names them in his own way:
//!
//! ```text
//! insertId,jsonPayload.connection.dest_ip,…,timestamp      paths
//! insert_id,jsonPayload_connection_dest_ip,…               paths, flattened
//! timestamp,dest_ip,dest_port,disposition                  the last parts of paths
//! insert_id,json_payload,timestamp                         payloads as JSON texts
//! ```
//!
//! A row becomes the JSON of its entry, which the one reader of entries takes.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use crate::ingest::log::extent::looks_like_entry;

/// What may part columns.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Members of a payload that matter, by their paths in it.
const OF_PAYLOAD: [&[&str]; 17] = [
    &["connection", "src_ip"],
    &["connection", "src_port"],
    &["connection", "dest_ip"],
    &["connection", "dest_port"],
    &["connection", "protocol"],
    &["disposition"],
    &["rule_details", "reference"],
    &["rule_details", "priority"],
    &["rule_details", "direction"],
    &["rule_details", "action"],
    &["instance", "vm_name"],
    &["instance", "project_id"],
    &["vpc", "vpc_name"],
    &["vpc", "project_id"],
    &["remote_instance", "vm_name"],
    &["remote_vpc", "vpc_name"],
    &["node_name"],
];

/// Members around the payload.
const OF_ENTRY: [&str; 11] = [
    "insertId",
    "insert_id",
    "timestamp",
    "receiveTimestamp",
    "logName",
    "log_name",
    "jsonPayload",
    "json_payload",
    "resource",
    "labels",
    "project_id",
];

/// Names of the whole payload.
const PAYLOADS: [&str; 2] = ["jsonPayload", "json_payload"];

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub(super) delimiter: u8,
    names: Vec<String>,
    /// Where the values of each stand in an entry.
    paths: Vec<Vec<String>>,
}

impl Columns {
    /// The columns that a first row names; `None` where they are not those of entries.
    #[must_use]
    pub fn of(head: &str) -> Option<Self> {
        let own = Self::of_anything(head)?;
        let has = |wanted: &[&str]| own.paths.iter().any(|path| path == wanted);
        let ends = ["src_ip", "dest_ip"];
        let connections = ends.iter().all(|end| has(&["jsonPayload", "connection", end]));
        let payloads = PAYLOADS.iter().any(|name| has(&[name]));
        let envelopes = ["insertId", "insert_id", "timestamp", "logName", "log_name"];
        let envelope = envelopes.iter().any(|name| has(&[name]));
        (connections || payloads && envelope).then_some(own)
    }

    /// The columns of any table: in some cells of it there may be whole entries.
    #[must_use]
    pub fn of_anything(head: &str) -> Option<Self> {
        let parted = |delimiter: &u8| {
            let names = row(head.as_bytes(), *delimiter, true)?.1;
            (names.len() > 1).then_some((*delimiter, names))
        };
        let (delimiter, names) = DELIMITERS.iter().find_map(parted)?;
        let paths = names.iter().map(|name| path(name)).collect();
        Some(Self { delimiter, names, paths })
    }

    /// Whether its rows are counts of entries, as a query groups them: which of them are in a count
    /// it does not say.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        let counts = |name: &String| {
            let name = name.to_ascii_lowercase();
            matches!(name.as_str(), "count" | "f0_" | "n" | "cnt" | "hits" | "total")
                || name.starts_with("count(")
                || name.ends_with("_count")
        };
        let ids = ["insertId", "insert_id"];
        let has_id = self.names.iter().any(|name| ids.iter().any(|id| name.ends_with(id)));
        !has_id && self.names.iter().any(counts)
    }

    /// The JSON of the entry in a row; `None` for a row of other columns than the first.
    #[must_use]
    pub fn entry(&self, text: &str) -> Option<String> {
        let (_, cells) = row(text.as_bytes(), self.delimiter, true)?;
        if cells.len() != self.names.len() {
            return None;
        }
        let mut entry = Map::new();
        for (path, cell) in self.paths.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            put(&mut entry, path, value(cell));
        }
        serde_json::to_string(&entry).ok()
    }

    /// Whether a row names the columns again: tables were put one after the other.
    #[must_use]
    pub fn are_named_by(&self, text: &str) -> bool {
        row(text.as_bytes(), self.delimiter, true).is_some_and(|(_, names)| names == self.names)
    }
}

/// Where the values of a column stand in an entry.
fn path(name: &str) -> Vec<String> {
    let name = name.trim();
    // What Elasticsearch holds its documents under.
    let name = name.strip_prefix("_source.").unwrap_or(name);
    let parts: Vec<&str> = name.split('.').map(as_known).collect();
    let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    let in_payload = |parts: &[&str]| {
        let inner = parts.iter().map(|part| (*part).to_owned());
        std::iter::once("jsonPayload".to_owned()).chain(inner).collect()
    };
    match parts.as_slice() {
        [only] => {
            let lower = only.to_ascii_lowercase();
            let flat = ["jsonpayload_", "json_payload_"];
            let inner = flat.iter().find_map(|prefix| lower.strip_prefix(prefix));
            let is_meant = |path: &&&[&str]| match inner {
                Some(inner) => path.join("_") == inner,
                // That of the other end, or of a project, may be anybody's.
                None => path.last() == Some(only) && !path.contains(&"project_id"),
            };
            let known = OF_PAYLOAD.iter().find(is_meant);
            known.map_or_else(|| owned(&parts), |path| in_payload(path))
        }
        // `connection.src_ip`, as a payload is pasted without its entry.
        [first, ..] if OF_PAYLOAD.iter().any(|path| path.first() == Some(first)) => {
            in_payload(&parts)
        }
        _ => owned(&parts),
    }
}

/// A part of a path as the API spells it: tables are headed in capitals, too.
fn as_known(part: &str) -> &str {
    let of_payload = OF_PAYLOAD.iter().flat_map(|path| path.iter());
    let mut known = OF_ENTRY.iter().chain(of_payload);
    known.find(|known| known.eq_ignore_ascii_case(part)).map_or(part, |known| known)
}

/// Objects and lists stand in cells as JSON texts.
fn value(cell: String) -> Value {
    let is_json = cell.starts_with(['{', '[']);
    let json = is_json.then(|| serde_json::from_str(&cell).ok()).flatten();
    json.unwrap_or(Value::String(cell))
}

fn put(into: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            into.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// The entry of an object whose keys are columns; `None` where they are none of an entry's.
pub(super) fn nested(flat: &Map<String, Value>) -> Option<Map<String, Value>> {
    let paths: Vec<Vec<String>> = flat.keys().map(|key| path(key)).collect();
    let has = |wanted: &[&str]| {
        paths.iter().any(|path| {
            path.first().is_some_and(|one| one == "jsonPayload")
                && path.get(1..).is_some_and(|rest| rest == wanted)
        })
    };
    if !(has(&["connection", "src_ip"]) && has(&["connection", "dest_ip"]) && has(&["disposition"]))
    {
        return None;
    }
    let mut entry = Map::new();
    for (path, value) in paths.iter().zip(flat.values()) {
        // A search gives lists, mostly of one value.
        let only = value.as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
        put(&mut entry, path, only.unwrap_or(value).clone());
    }
    Some(entry)
}

/// Whether a text begins with the columns of entries, or with those of a table that holds some.
pub(super) fn begins(head: &str) -> bool {
    let head = head.trim_start();
    let (first, rest) = head.split_once('\n').unwrap_or((head, ""));
    let holds_entry = |columns: Columns| {
        let (_, cells) = row(rest.as_bytes(), columns.delimiter, true)?;
        let mut cells = cells.iter().filter(|_| cells.len() == columns.names.len());
        cells.find(|cell| cell.starts_with('{') && looks_like_entry(cell.as_bytes()))?;
        Some(columns)
    };
    // A line of JSON is none of a table.
    let is_table = |columns: &Columns| columns.names.iter().all(|name| !name.contains(['{', ':']));
    let of_table = || Columns::of_anything(first.trim()).filter(is_table).and_then(holds_entry);
    Columns::of(first.trim()).or_else(of_table).is_some()
}

/// The cells of the first row, and how many bytes it takes; `None` where its end is not there.
pub(super) fn row(text: &[u8], delimiter: u8, at_end: bool) -> Option<(usize, Vec<String>)> {
    let mut reader: Reader = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut out, mut ends) = (vec![0; 1 << 10], vec![0; 64]);
    let (mut read, mut written, mut ended) = (0, 0, 0);
    loop {
        let (result, fresh, bytes, cells) =
            reader.read_record(text.get(read..)?, out.get_mut(written..)?, ends.get_mut(ended..)?);
        (read, written, ended) = (read + fresh, written + bytes, ended + cells);
        match result {
            ReadRecordResult::OutputFull => out.resize(out.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::Record => break,
            // Asked once more with nothing, it ends the row.
            ReadRecordResult::InputEmpty if at_end => {}
            ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
        }
    }
    let mut start = 0;
    let mut cells = Vec::with_capacity(ended);
    for end in ends.get(..ended)? {
        cells.push(String::from_utf8_lossy(out.get(start..*end)?).trim().to_owned());
        start = *end;
    }
    Some((read, cells))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Columns;

    #[track_caller]
    fn check(head: &str, row: &str, expected: Value) {
        let columns = Columns::of(head).expect("columns of entries");
        let entry = columns.entry(row).expect("a row of these columns");
        assert_eq!(serde_json::from_str::<Value>(&entry).unwrap(), expected);
    }

    #[test]
    fn every_maker_names_the_columns_in_his_own_way() {
        let tuple = json!({ "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "dest_port": "443" });
        let payload = json!({ "connection": tuple, "disposition": "DENIED" });
        let row = "10.0.0.1,10.0.0.2,443,DENIED,2026-10-14T09:00:00Z";
        let expected = json!({ "jsonPayload": payload, "timestamp": "2026-10-14T09:00:00Z" });
        for head in [
            "jsonPayload.connection.src_ip,jsonPayload.connection.dest_ip,\
             jsonPayload.connection.dest_port,jsonPayload.disposition,timestamp",
            "jsonPayload_connection_src_ip,jsonPayload_connection_dest_ip,\
             jsonPayload_connection_dest_port,jsonPayload_disposition,timestamp",
            "src_ip,dest_ip,dest_port,disposition,timestamp",
            "connection.src_ip,connection.dest_ip,connection.dest_port,disposition,timestamp",
            "SRC_IP,DEST_IP,DEST_PORT,DISPOSITION,TIMESTAMP",
            "JSONPAYLOAD_CONNECTION_SRC_IP,JSONPAYLOAD_CONNECTION_DEST_IP,\
             JSONPAYLOAD_CONNECTION_DEST_PORT,JSONPAYLOAD_DISPOSITION,TIMESTAMP",
            "_source.jsonPayload.connection.src_ip,_source.jsonPayload.connection.dest_ip,\
             _source.jsonPayload.connection.dest_port,_source.jsonPayload.disposition,\
             _source.timestamp",
        ] {
            check(head, row, expected.clone());
            for delimiter in [";", "|", "\t"] {
                let by = |text: &str| text.replace(',', delimiter);
                check(&by(head), &by(row), expected.clone());
            }
        }
    }

    #[test]
    fn cells_hold_quotes_line_breaks_and_json() {
        check(
            "insertId\ttimestamp\tjsonPayload\ttextPayload",
            "a\t\t\"{\"\"disposition\"\": \"\"DENIED\"\"}\"\t\"two\nlines, \"\"quoted\"\"\"",
            json!({ "insertId": "a", "jsonPayload": { "disposition": "DENIED" },
                    "textPayload": "two\nlines, \"quoted\"" }),
        );
    }

    #[test]
    fn other_tables_are_none_of_entries() {
        for head in ["name,priority,direction", "timestamp", "src_ip,port", "insertId,severity", ""]
        {
            assert_eq!(Columns::of(head), None, "{head}");
        }
        let columns = Columns::of("src_ip,dest_ip").unwrap();
        assert_eq!(columns.entry("10.0.0.1"), None);
        assert!(columns.are_named_by("\"src_ip\",dest_ip"));
    }
}
