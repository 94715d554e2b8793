//! The answer of `stats`: a table of groups and their counts.

use serde_json::{Map, Value, json};

use crate::render::document::{Block, Document, thousands};

/// Groups with their counts, already sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// The fields that were grouped by, the time bucket last where there is one.
    pub fields: Vec<&'static str>,
    /// A value for each field, then the count, the first and the last moment.
    pub rows: Vec<StatsRow>,
}

/// One group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsRow {
    /// A value for each field.
    pub values: Vec<String>,
    /// Distinct entries.
    pub count: u64,
    /// The earliest.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
}

/// For people.
#[must_use]
pub fn document(stats: &Stats) -> Document {
    let mut head: Vec<&'static str> = stats.fields.clone();
    head.extend(["count", "first", "last"]);
    let rows = stats
        .rows
        .iter()
        .map(|row| {
            let mut cells = row.values.clone();
            cells.push(thousands(row.count));
            cells.push(row.first.clone().unwrap_or_default());
            cells.push(row.last.clone().unwrap_or_default());
            cells
        })
        .collect();
    Document(vec![Block::Table(head, rows)])
}

fn row(stats: &Stats, row: &StatsRow) -> Value {
    let mut out = Map::new();
    for (field, value) in stats.fields.iter().zip(&row.values) {
        out.insert((*field).to_owned(), value.clone().into());
    }
    out.insert("count".to_owned(), row.count.into());
    out.insert("first".to_owned(), row.first.clone().into());
    out.insert("last".to_owned(), row.last.clone().into());
    Value::Object(out)
}

/// For programs, one object a group.
#[must_use]
pub fn rows(stats: &Stats) -> Vec<Value> {
    stats.rows.iter().map(|one| row(stats, one)).collect()
}

/// For programs.
#[must_use]
pub fn json(stats: &Stats) -> Value {
    json!({ "schema": "vpcwhy/stats-v1", "group_by": stats.fields, "groups": rows(stats) })
}
