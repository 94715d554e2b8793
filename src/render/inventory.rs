//! The answer of `inventory`: what was understood, and who owns which addresses.

use serde_json::{Value, json};

use crate::checks::Report;
use crate::correlate::{Directory, node_tags};
use crate::model::cluster::Provider;
use crate::render::document::{Block, Document, plural};

/// For people.
#[must_use]
pub fn document(report: &Report, directory: &Directory<'_>) -> Document {
    let mut document = Document::default();
    document.push(Block::Heading("Inputs".to_owned()));
    let rows = report
        .inputs
        .iter()
        .map(|input| {
            vec![
                input.path.clone(),
                input.kind.clone(),
                input.items.to_string(),
                input.bytes.to_string(),
            ]
        })
        .collect();
    document.push(Block::Table(vec!["INPUT", "KIND", "ITEMS", "BYTES"], rows));
    document.push(Block::Blank);
    document.push(Block::Heading("Described".to_owned()));
    let counts = report.inventory.iter().filter(|(_, count)| **count > 0);
    let rows = counts.map(|(key, count)| vec![key.replace('_', " "), count.to_string()]).collect();
    document.push(Block::Table(vec!["WHAT", "COUNT"], rows));
    for (kind, count) in &report.unused {
        document.entry("unused", format!("{count} {kind}: known, not looked at yet"));
    }
    if !report.not_given.is_empty() {
        document.entry("lacks", report.not_given.join(", ").replace('_', " "));
    }
    document.push(Block::Blank);
    document.push(Block::Heading("Who owns which addresses".to_owned()));
    let rows = owners(directory);
    document.push(Block::Table(vec!["RANGE", "ROLE", "NAME", "NETWORK", "BECAUSE"], rows));
    let groups = groups(directory);
    if !groups.is_empty() {
        document.push(Block::Blank);
        document.push(Block::Heading("Nodes on AWS".to_owned()));
        document.push(Block::Table(vec!["CLUSTER", "SECURITY GROUPS", "FROM"], groups));
    }
    let tags = tags(directory);
    if !tags.is_empty() {
        document.push(Block::Blank);
        document.push(Block::Heading("Nodes".to_owned()));
        document.push(Block::Table(vec!["CLUSTER", "NODE TAG", "FROM"], tags));
    }
    document
}

fn owners(directory: &Directory<'_>) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let own = directory.roles.owners().iter().filter(|owner| owner.origin.is_some());
    for owner in own {
        for range in &owner.ranges {
            rows.push(vec![
                range.to_string(),
                owner.role.to_string(),
                owner.name.clone(),
                owner.network.as_ref().map(|network| network.name.clone()).unwrap_or_default(),
                owner.origin.as_ref().map_or_else(
                    || owner.because.clone(),
                    |origin| format!("{} ({origin})", owner.because),
                ),
            ]);
        }
    }
    rows
}

/// The groups of nodes on AWS.
fn groups(directory: &Directory<'_>) -> Vec<Vec<String>> {
    let inventory = directory.inventory;
    let clusters = inventory.clusters.iter();
    let own = clusters.filter(|cluster| cluster.provider == Provider::Amazon);
    own.map(|cluster| {
        let nodes = node_tags::instances_of(inventory, cluster).count();
        let facts = node_tags::common_to_nodes(inventory, cluster);
        let groups: Vec<_> = facts.tags.into_iter().collect();
        let nodes = plural(nodes as u64, "instance", "instances");
        vec![cluster.id.name.clone(), groups.join(", "), nodes]
    })
    .collect()
}

fn tags(directory: &Directory<'_>) -> Vec<Vec<String>> {
    directory
        .inventory
        .clusters
        .iter()
        .filter(|cluster| cluster.provider == Provider::Google)
        .map(|cluster| match node_tags::node_tag(directory.inventory, cluster) {
            Some(found) => vec![cluster.id.name.clone(), found.tag, found.because],
            None => vec![
                cluster.id.name.clone(),
                "not known".to_owned(),
                "no id, VM, template or rule of GKE's tells it".to_owned(),
            ],
        })
        .collect()
}

/// For programs.
#[must_use]
pub fn json(report: &Report, directory: &Directory<'_>) -> Value {
    let mut value = crate::render::json::report(report);
    let ranges: Vec<Value> = directory
        .roles
        .owners()
        .iter()
        .map(|owner| {
            json!({
                "role": owner.role.id(), "name": owner.name,
                "ranges": owner.ranges.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "network": owner.network.as_ref().map(|network| &network.name),
                "because": owner.because,
                "path": owner.origin.as_ref().map(|origin| origin.path.to_string()),
                "line": owner.origin.as_ref().map(|origin| origin.line),
            })
        })
        .collect();
    let nodes: Vec<Value> = tags(directory)
        .into_iter()
        .map(|row| {
            let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
            json!({"cluster": cell(0), "node_tag": cell(1), "because": cell(2)})
        })
        .collect();
    let mut out = serde_json::Map::new();
    out.insert("schema".to_owned(), "vpcwhy/inventory-v1".into());
    for key in ["version", "inputs", "inventory", "not_given", "unused", "complaints"] {
        if let Some(part) = value.get_mut(key) {
            out.insert(key.to_owned(), part.take());
        }
    }
    out.insert("ranges".to_owned(), ranges.into());
    out.insert("nodes".to_owned(), nodes.into());
    Value::Object(out)
}
