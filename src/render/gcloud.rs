//! A change as a `gcloud compute firewall-rules` command; read back by `ingest/command`.
//!
//! Names are validated before they are quoted: what is printed is pasted into a shell. Flags:
//! <https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules>.

use crate::model::firewall::Layer4;
use crate::model::{Action, FirewallRule};
use crate::net::IpNet;
use crate::suggest::Change;
use crate::suggest::name::{is_account, is_project, is_resource_name};

/// The command, in the project of the network, where that is known; `None` where a name is none
/// that the API takes.
#[must_use]
pub fn firewall_rule(change: &Change, project: Option<&str>) -> Option<String> {
    let rule = change.rule();
    if !is_printable(rule) {
        return None;
    }
    let name = rule.name.clone()?;
    let mut words: Vec<String> =
        ["gcloud", "compute", "firewall-rules"].map(str::to_owned).to_vec();
    match change.before() {
        None => words.extend(["create".to_owned(), name]),
        Some(_) => words.extend(["update".to_owned(), name]),
    }
    if let Some(project) = project.filter(|project| is_project(project)) {
        words.push(format!("--project={project}"));
    }
    match change.before() {
        None => create_flags(rule, &mut words),
        Some(before) => update_flags(before, rule, &mut words),
    }
    let words: Option<Vec<_>> = words.iter().map(|word| quoted(word)).collect();
    Some(words?.join(" "))
}

/// Quotes a word where a shell would read anything into it. A comma stands for itself outside of
/// braces, so lists of ranges stay as people write them.
pub(super) fn quoted(word: &str) -> Option<String> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@".contains(&byte);
    if word.bytes().all(bare) && !word.is_empty() {
        return Some(word.to_owned());
    }
    shlex::try_quote(word).ok().map(|word| word.into_owned())
}

/// Whether every name in a rule is one that Google Cloud takes.
#[must_use]
pub fn is_printable(rule: &FirewallRule) -> bool {
    let targets = &rule.targets;
    let sources = &rule.source_identity;
    rule.policy.is_none()
        && rule.is_understood()
        && rule.name.as_deref().is_some_and(is_resource_name)
        && is_resource_name(&rule.network.name)
        && rule.network.project.as_deref().is_none_or(is_project)
        && targets.tags.iter().chain(&sources.tags).all(|tag| is_resource_name(tag))
        && targets
            .service_accounts
            .iter()
            .chain(&sources.service_accounts)
            .all(|account| is_account(account))
        && targets.secure_tags.is_empty()
        && sources.secure_tags.is_empty()
        && matches!(rule.action, Action::Allow | Action::Deny)
}

fn create_flags(rule: &FirewallRule, words: &mut Vec<String>) {
    words.push(format!("--network={}", rule.network.name));
    words.push(format!("--direction={}", rule.direction));
    let action = if rule.action == Action::Deny { "DENY" } else { "ALLOW" };
    words.push(format!("--action={action}"));
    words.push(format!("--rules={}", layers(&rule.layer4)));
    let source = texts(&rule.source_ranges);
    push_list(words, "--source-ranges", source);
    push_list(words, "--destination-ranges", texts(&rule.destination_ranges));
    push_list(words, "--source-tags", rule.source_identity.tags.iter().cloned().collect());
    push_list(
        words,
        "--source-service-accounts",
        rule.source_identity.service_accounts.iter().cloned().collect(),
    );
    push_list(words, "--target-tags", rule.targets.tags.iter().cloned().collect());
    push_list(
        words,
        "--target-service-accounts",
        rule.targets.service_accounts.iter().cloned().collect(),
    );
    words.push(format!("--priority={}", rule.priority));
    if rule.logged == Some(true) {
        words.push("--enable-logging".to_owned());
    }
}

/// Only what differs: the rest of the rule is left as it is.
fn update_flags(before: &FirewallRule, after: &FirewallRule, words: &mut Vec<String>) {
    if before.layer4 != after.layer4 {
        words.push(format!("--rules={}", layers(&after.layer4)));
    }
    if before.source_ranges != after.source_ranges {
        push_list(words, "--source-ranges", texts(&after.source_ranges));
    }
    if before.destination_ranges != after.destination_ranges {
        push_list(words, "--destination-ranges", texts(&after.destination_ranges));
    }
    if before.targets.tags != after.targets.tags {
        push_list(words, "--target-tags", after.targets.tags.iter().cloned().collect());
    }
    if before.priority != after.priority {
        words.push(format!("--priority={}", after.priority));
    }
    if before.disabled && !after.disabled {
        words.push("--no-disabled".to_owned());
    }
    if before.logged != after.logged && after.logged == Some(true) {
        words.push("--enable-logging".to_owned());
    }
}

pub(super) fn push_list(words: &mut Vec<String>, flag: &str, values: Vec<String>) {
    if !values.is_empty() {
        words.push(format!("{flag}={}", values.join(",")));
    }
}

pub(super) fn texts(list: &[IpNet]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// `tcp:443,tcp:8000-8100,icmp`.
pub(super) fn layers(parts: &[Layer4]) -> String {
    let mut texts = Vec::new();
    for part in parts {
        let protocol = part.protocol.map_or_else(|| "all".to_owned(), |one| one.in_rules());
        match &part.ports {
            None => texts.push(protocol),
            Some(ports) => {
                texts.extend(ports.texts().iter().map(|port| format!("{protocol}:{port}")));
            }
        }
    }
    texts.join(",")
}
