//! A rule as a `google_compute_firewall` resource; read back by `ingest/terraform`.
//!
//! Arguments: <https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/compute_firewall>.

use std::fmt::Write as _;

use crate::model::Action;
use crate::net::IpNet;
use crate::render::escape::is_harmless;
use crate::render::gcloud::is_printable;
use crate::suggest::Change;

/// The resource; `None` where a name is none that the API takes, a text is none to be printed, or
/// one block makes several rules.
#[must_use]
pub fn firewall_rule(change: &Change, own_name: &str) -> Option<String> {
    let rule = change.rule();
    if !is_printable(rule) {
        return None;
    }
    let name = rule.name.as_deref()?;
    let kept = rule.terraform.as_deref();
    if kept.is_some_and(|kept| kept.is_one_of_several) {
        return None;
    }
    let own = kept.map(|kept| kept.name.clone()).filter(|own| is_identifier(own));
    let own = own.unwrap_or_else(|| own_name.replace('-', "_"));
    let mut text = format!("resource \"google_compute_firewall\" {} {{\n", quoted(&own));
    let mut line = |key: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {key:<23} = {value}");
    };
    line("name", quoted(name));
    if let Some(project) = &rule.network.project {
        line("project", quoted(project));
    }
    if let Some(description) = &rule.description {
        line("description", quoted(description));
    }
    line("network", quoted(&rule.network.name));
    line("direction", quoted(&rule.direction.to_string()));
    line("priority", rule.priority.to_string());
    let ranges = |list: &[IpNet]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (key, list) in [
        ("source_ranges", ranges(&rule.source_ranges)),
        ("destination_ranges", ranges(&rule.destination_ranges)),
        ("source_tags", rule.source_identity.tags.iter().cloned().collect()),
        (
            "source_service_accounts",
            rule.source_identity.service_accounts.iter().cloned().collect(),
        ),
        ("target_tags", rule.targets.tags.iter().cloned().collect()),
        ("target_service_accounts", rule.targets.service_accounts.iter().cloned().collect()),
    ] {
        if !list.is_empty() {
            line(key, listed(&list));
        }
    }
    if rule.disabled {
        line("disabled", "true".to_owned());
    }
    let block = if rule.action == Action::Deny { "deny" } else { "allow" };
    for part in &rule.layer4 {
        let protocol = part.protocol.map_or_else(|| "all".to_owned(), |one| one.in_rules());
        let _ = write!(text, "  {block} {{\n    protocol = {}\n", quoted(&protocol));
        if let Some(ports) = &part.ports {
            let _ = writeln!(text, "    ports    = {}", listed(&ports.texts()));
        }
        text.push_str("  }\n");
    }
    if rule.logged == Some(true) {
        let metadata = rule.log_metadata.as_deref().unwrap_or("INCLUDE_ALL_METADATA");
        let _ = write!(text, "  log_config {{\n    metadata = {}\n  }}\n", quoted(metadata));
    }
    text.push_str("}\n");
    is_harmless(&text).then_some(text)
}

/// A name of HCL's.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn listed(values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

/// A string literal. JSON's escapes are a part of HCL's; `${` and `%{` would start a template.
pub(super) fn quoted(text: &str) -> String {
    let literal = serde_json::Value::from(text).to_string();
    literal.replace("${", "$${").replace("%{", "%%{")
}
