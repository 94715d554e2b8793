//! A rule as Config Connector's ComputeFirewall; read back by `ingest/cnrm`.
//!
//! Fields: <https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computefirewall>.

use serde::Serialize;

use crate::model::firewall::Layer4;
use crate::model::{Action, FirewallRule, Owner};
use crate::net::IpNet;
use crate::render::gcloud::is_printable;
use crate::suggest::Change;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    direction: String,
    priority: u32,
    network_ref: NetworkRef,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_ranges: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination_ranges: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_service_accounts: Vec<External>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_service_accounts: Vec<External>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<LogConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum NetworkRef {
    Name(String),
    External(String),
}

#[derive(Serialize)]
struct External {
    external: String,
}

#[derive(Serialize)]
struct LogConfig {
    metadata: &'static str,
}

#[derive(Serialize)]
struct Part {
    protocol: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
}

/// The manifest; `None` where a name is none that the API takes.
#[must_use]
pub fn firewall_rule(change: &Change) -> Option<String> {
    let rule = change.rule();
    if !is_printable(rule) {
        return None;
    }
    let (allow, deny) = match rule.action {
        Action::Deny => (Vec::new(), parts(&rule.layer4)),
        _ => (parts(&rule.layer4), Vec::new()),
    };
    let manifest = Manifest {
        api_version: "compute.cnrm.cloud.google.com/v1beta1",
        kind: "ComputeFirewall",
        metadata: Metadata { name: rule.name.clone()? },
        spec: Spec {
            direction: rule.direction.to_string(),
            priority: rule.priority,
            network_ref: network(rule),
            allow,
            deny,
            source_ranges: ranges(&rule.source_ranges),
            destination_ranges: ranges(&rule.destination_ranges),
            source_tags: rule.source_identity.tags.iter().cloned().collect(),
            source_service_accounts: accounts(&rule.source_identity.service_accounts),
            target_tags: rule.targets.tags.iter().cloned().collect(),
            target_service_accounts: accounts(&rule.targets.service_accounts),
            disabled: rule.disabled,
            log_config: (rule.logged == Some(true))
                .then_some(LogConfig { metadata: "INCLUDE_ALL_METADATA" }),
        },
    };
    serde_saphyr::to_string(&manifest).ok()
}

/// A network that Config Connector keeps is referred to as its object; any other, as external.
fn network(rule: &FirewallRule) -> NetworkRef {
    match (&rule.network.project, &rule.owner) {
        (Some(project), owner) if *owner != Owner::ConfigConnector => NetworkRef::External(
            format!("projects/{project}/global/networks/{}", rule.network.name),
        ),
        _ => NetworkRef::Name(rule.network.name.clone()),
    }
}

fn accounts(list: &std::collections::BTreeSet<String>) -> Vec<External> {
    list.iter().map(|account| External { external: account.clone() }).collect()
}

fn ranges(list: &[IpNet]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn parts(list: &[Layer4]) -> Vec<Part> {
    list.iter()
        .map(|part| Part {
            protocol: part.protocol.map_or_else(|| "all".to_owned(), |one| one.to_string()),
            ports: part.ports.as_ref().map(|ports| ports.texts()).unwrap_or_default(),
        })
        .collect()
}
