//! A fix in words: what it does, in the language that its rule is kept in, and its proof.
//!
//! ```text
//! fix      change one field of rule kf-cm, its ports [managed]
//! proof    simulated: 3 of 3 distinct denied connections pass · …
//! ```

use crate::correlate::difference::Row;
use crate::render::document::{Block, Document, Style, styled};
use crate::suggest::Suggestion;

/// One fix with its proof.
pub fn fix(document: &mut Document, fix: &Suggestion) {
    document.entry("fix", outline(fix));
    for note in fix.notes() {
        document.entry("", note.clone());
    }
    // What a manifest or a configuration says is changed there; a command would be undone.
    let (language, of) = match keeper(fix) {
        Some("terraform") => ("hcl", "terraform"),
        Some(language) => ("yaml", language),
        None => ("sh", "gcloud"),
    };
    if let Some(text) = fix.text(of).or_else(|| fix.text("aws")) {
        document.push(Block::Code(language, text.to_owned()));
    }
    document.push(Block::Entry("proof", vec![styled(Style::Good, proof(fix))]));
}

/// The language of the text that a rule is kept by.
pub(super) fn keeper(fix: &Suggestion) -> Option<&'static str> {
    let (_, language) = fix.change().before()?.owner.keeper()?;
    Some(language)
}

/// What a fix does, in a line.
#[must_use]
pub fn outline(fix: &Suggestion) -> String {
    let rule = fix.change().rule();
    let safety = fix.safety().id();
    let name = rule.name.as_deref().unwrap_or("");
    match (fix.change().kind(), fix.change().before()) {
        ("add-policy-rule", _) => {
            let policy = rule.policy.as_deref().unwrap_or("");
            format!("add rule {} to policy {policy} [{safety}]", rule.priority)
        }
        ("add-security-group-rule", _) => {
            let group = rule.policy.as_deref().unwrap_or("");
            format!("add a rule to security group {group} [{safety}]")
        }
        ("add-firewall-rule", _) => format!("add rule {name} [{safety}]"),
        ("enable-firewall-rule", _) => format!("enable rule {name} [{safety}]"),
        (_, Some(before)) => {
            let field = if before.source_ranges != rule.source_ranges {
                "its source ranges"
            } else if before.destination_ranges != rule.destination_ranges {
                "its destination ranges"
            } else if before.priority != rule.priority {
                "its priority"
            } else if before.targets != rule.targets {
                "its target tags"
            } else if before.layer4 != rule.layer4 {
                "its ports"
            } else {
                "its logging"
            };
            format!("change one field of rule {name}, {field} [{safety}]")
        }
        _ => name.to_owned(),
    }
}

/// The proof, in a line.
#[must_use]
pub fn proof(fix: &Suggestion) -> String {
    let proof = fix.proof();
    if !proof.closes.is_empty() {
        return format!(
            "simulated: the clients still pass · opens nothing · {} logged connections stop · \
             closes {}",
            proof.other_flows_changed,
            boxes(&proof.closes)
        );
    }
    if proof.opens.is_empty() {
        return "simulated: no verdict changes, nothing is opened".to_owned();
    }
    format!(
        "simulated: {} of {} distinct denied connections pass · {} other logged connections \
         change · {} canaries stay denied · opens {}",
        proof.allowed_after,
        proof.denied_before,
        proof.other_flows_changed,
        proof.still_denied,
        boxes(&proof.opens)
    )
}

/// Connections in words.
fn boxes(rows: &[Row]) -> String {
    let all: Vec<_> = rows
        .iter()
        .map(|one| {
            let ports = if one.ports.is_empty() {
                String::new()
            } else {
                format!(" {}", one.ports.join(","))
            };
            let or = |list: &[String], all: &str| {
                if list.is_empty() { all.to_owned() } else { list.join(", ") }
            };
            let targets = or(&one.targets, "all VMs of the network");
            match (one.sources.is_empty(), one.destinations.is_empty()) {
                (_, true) => {
                    format!("{}{ports} from {} to {targets}", one.protocol, or(&one.sources, ""))
                }
                (true, _) => {
                    format!(
                        "{}{ports} from {targets} to {}",
                        one.protocol,
                        or(&one.destinations, "")
                    )
                }
                _ => format!(
                    "{}{ports} from {} to {} at {targets}",
                    one.protocol,
                    or(&one.sources, ""),
                    or(&one.destinations, "")
                ),
            }
        })
        .collect();
    all.join(" and ")
}
