//! Changes as resources of Terraform's.

use serde_json::Value;

use crate::render::resource::setting::{self, Resource, Setting, Settings, Target};
use crate::render::terraform::{is_identifier, quoted};
use crate::suggest::ResourceChange;

/// A resource of Terraform's.
pub(in crate::render) fn block(kind: &str, name: &str, fields: &[(&str, String)]) -> String {
    let lines = attributes(fields, 1);
    format!("resource \"{kind}\" \"{}\" {{\n{lines}}}\n", name.replace('-', "_"))
}

/// A string.
pub(in crate::render) fn text(value: &str) -> String {
    quoted(value)
}

/// The resources; empty where Terraform knows nothing of it, or not all of one is known, or one
/// block makes several of them.
pub(super) fn of(change: &ResourceChange) -> String {
    let all = setting::of(change);
    let is_written =
        |one: &Resource| !one.terraform.as_ref().is_some_and(|resource| resource.is_one_of_several);
    if !all.iter().all(is_written) {
        return String::new();
    }
    all.iter().map(resource).collect::<Vec<_>>().join("\n")
}

fn resource(of: &Resource) -> String {
    let kept = of.terraform.as_ref().map(|resource| resource.name.as_str());
    let label = match kept.filter(|name| is_identifier(name)) {
        Some(name) => name.to_owned(),
        None => of.name.replace('-', "_"),
    };
    let (lines, blocks) = body(&of.settings, 1);
    let mut own = Vec::new();
    // The name of a record is what it answers.
    if !of.settings.iter().any(|(key, _)| *key == "name") {
        own.push(("name".to_owned(), quoted(&of.name)));
    }
    own.extend(lines);
    own.extend(of.project.as_deref().map(|project| ("project".to_owned(), quoted(project))));
    if !of.labels.is_empty() {
        let labels =
            of.labels.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value)));
        own.push(("labels".to_owned(), format!("{{ {} }}", labels.collect::<Vec<_>>().join(", "))));
    }
    let fields: Vec<(&str, String)> =
        own.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let lines = attributes(&fields, 1);
    format!("resource \"{}\" \"{label}\" {{\n{lines}{blocks}}}\n", of.kind.terraform)
}

fn attributes(fields: &[(&str, String)], depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let width = fields.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    fields.iter().map(|(key, value)| format!("{indent}{key:width$} = {value}\n")).collect()
}

/// What stands in a line of its own, and the blocks behind it.
fn body(settings: &Settings, depth: usize) -> (Vec<(String, String)>, String) {
    let (mut lines, mut blocks) = (Vec::new(), String::new());
    for (key, setting) in settings {
        let key = snake(key);
        match setting {
            Setting::Plain(value) => lines.push((key, literal(value))),
            Setting::To(to) => lines.push((key, referred(to))),
            Setting::ToAll(names) => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                lines.push((key, format!("[{}]", names.join(", "))));
            }
            Setting::Block(own) => blocks.push_str(&inner(&key, own, depth)),
            Setting::Blocks(all) => {
                all.iter().for_each(|own| blocks.push_str(&inner(&key, own, depth)));
            }
        }
    }
    (lines, blocks)
}

fn inner(key: &str, own: &Settings, depth: usize) -> String {
    let (lines, blocks) = body(own, depth + 1);
    let fields: Vec<(&str, String)> =
        lines.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let indent = "  ".repeat(depth);
    let lines = attributes(&fields, depth + 1);
    format!("{indent}{key} {{\n{lines}{blocks}{indent}}}\n")
}

fn referred(to: &Target) -> String {
    match to.made {
        // By reference, so that Terraform makes it first.
        Some(kind) => format!("{}.{}.name", kind.terraform, to.name.replace('-', "_")),
        None => quoted(&to.name),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// `privateIpGoogleAccess` to `private_ip_google_access`.
fn snake(key: &str) -> String {
    let mut made = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            made.push('_');
        }
        made.push(c.to_ascii_lowercase());
    }
    made
}
