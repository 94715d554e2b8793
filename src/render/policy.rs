//! A rule of a firewall policy as a gcloud command and as Config Connector's manifest; read back by
//! `ingest/command` and `ingest/cnrm`.
//!
//! Flags: <https://cloud.google.com/sdk/gcloud/reference/compute/firewall-policies/rules/create> and
//! <https://cloud.google.com/sdk/gcloud/reference/compute/network-firewall-policies/rules/create>.

use serde::Serialize;

use crate::model::{Action, FirewallPolicy, FirewallRule, PolicyKind};
use crate::render::cnrm::{External, Manifest, Metadata, Part, accounts, parts, ranges};
use crate::render::gcloud::{layers, push_list, quoted, texts};
use crate::suggest::name::{is_account, is_project, is_resource_name};

/// Whether every name is one that Google Cloud takes.
fn is_printable(rule: &FirewallRule, policy: &FirewallPolicy) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match policy.kind {
        // A short name needs the organisation's number besides, which nobody gave.
        PolicyKind::Hierarchical => number(&policy.name),
        PolicyKind::GlobalNetwork => is_resource_name(&policy.name),
        PolicyKind::RegionalNetwork => {
            is_resource_name(&policy.name) && policy.region.as_deref().is_some_and(is_resource_name)
        }
        PolicyKind::RegionalSystem | PolicyKind::NetworkAcl | PolicyKind::SecurityGroup => false,
    };
    let networks = rule.target_networks.iter().all(|network| {
        is_resource_name(&network.name) && network.project.as_deref().is_some_and(is_project)
    });
    name && networks
        && rule.is_understood()
        && rule.network.project.as_deref().is_none_or(is_project)
        && rule.targets.tags.is_empty()
        && rule.targets.secure_tags.is_empty()
        && rule.source_identity.is_everyone()
        && rule.targets.service_accounts.iter().all(|account| is_account(account))
        && matches!(rule.action, Action::Allow | Action::Deny)
}

/// The links of the networks that the rule is for.
fn links(rule: &FirewallRule) -> Vec<String> {
    let link = |network: &crate::model::Reference| {
        let project = network.project.as_deref().unwrap_or("");
        let name = &network.name;
        format!("https://www.googleapis.com/compute/v1/projects/{project}/global/networks/{name}")
    };
    rule.target_networks.iter().map(link).collect()
}

/// The command; `None` where a name is none that the API takes.
#[must_use]
pub fn gcloud(rule: &FirewallRule, policy: &FirewallPolicy) -> Option<String> {
    if !is_printable(rule, policy) {
        return None;
    }
    let group = match policy.kind {
        PolicyKind::Hierarchical => "firewall-policies",
        _ => "network-firewall-policies",
    };
    let mut words: Vec<String> =
        ["gcloud", "compute", group, "rules", "create"].map(str::to_owned).to_vec();
    words.push(rule.priority.to_string());
    words.push(format!("--firewall-policy={}", policy.name));
    match (policy.kind, &policy.region) {
        (PolicyKind::Hierarchical, _) => {}
        (PolicyKind::RegionalNetwork, Some(region)) => {
            words.push(format!("--firewall-policy-region={region}"));
        }
        _ => words.push("--global-firewall-policy".to_owned()),
    }
    if policy.kind != PolicyKind::Hierarchical
        && let Some(project) = &rule.network.project
    {
        words.push(format!("--project={project}"));
    }
    words.push(format!("--action={}", rule.action));
    words.push(format!("--direction={}", rule.direction));
    words.push(format!("--layer4-configs={}", layers(&rule.layer4)));
    push_list(&mut words, "--src-ip-ranges", texts(&rule.source_ranges));
    push_list(&mut words, "--dest-ip-ranges", texts(&rule.destination_ranges));
    push_list(&mut words, "--target-resources", links(rule));
    let accounts = rule.targets.service_accounts.iter().cloned().collect();
    push_list(&mut words, "--target-service-accounts", accounts);
    if rule.logged == Some(true) {
        words.push("--enable-logging".to_owned());
    }
    let words: Option<Vec<_>> = words.iter().map(|word| quoted(word)).collect();
    Some(words?.join(" "))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    action: String,
    direction: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    #[serde(rename = "resourceID", skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    firewall_policy_ref: External,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_ref: Option<External>,
    #[serde(rename = "match")]
    filter: Filter,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_resources: Vec<External>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_service_accounts: Vec<External>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_service_account_refs: Vec<External>,
    enable_logging: bool,
}

/// The two kinds spell their ranges differently.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(rename = "srcIPRanges", skip_serializing_if = "Vec::is_empty")]
    src_of_folder: Vec<String>,
    #[serde(rename = "destIPRanges", skip_serializing_if = "Vec::is_empty")]
    dest_of_folder: Vec<String>,
    #[serde(rename = "srcIpRanges", skip_serializing_if = "Vec::is_empty")]
    src_of_network: Vec<String>,
    #[serde(rename = "destIpRanges", skip_serializing_if = "Vec::is_empty")]
    dest_of_network: Vec<String>,
    layer4_configs: Vec<Layer4Config>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer4Config {
    ip_protocol: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
}

/// The manifest; `None` where a name is none that the API takes, or where there is no such kind.
#[must_use]
pub fn cnrm(rule: &FirewallRule, policy: &FirewallPolicy) -> Option<String> {
    if !is_printable(rule, policy) || policy.kind == PolicyKind::RegionalNetwork {
        return None;
    }
    let of_folder = policy.kind == PolicyKind::Hierarchical;
    let external = |text: String| External { external: text };
    let layer4 = parts(&rule.layer4)
        .into_iter()
        .map(|Part { protocol, ports }| Layer4Config { ip_protocol: protocol, ports });
    let (source, destination) = (ranges(&rule.source_ranges), ranges(&rule.destination_ranges));
    let layer4_configs = layer4.collect();
    let filter = if of_folder {
        let (src_of_folder, dest_of_folder) = (source, destination);
        Filter { src_of_folder, dest_of_folder, layer4_configs, ..Filter::default() }
    } else {
        let (src_of_network, dest_of_network) = (source, destination);
        Filter { src_of_network, dest_of_network, layer4_configs, ..Filter::default() }
    };
    let mails = accounts(&rule.targets.service_accounts);
    let (target_service_accounts, target_service_account_refs) =
        if of_folder { (mails, Vec::new()) } else { (Vec::new(), mails) };
    let project = rule.network.project.clone().filter(|_| !of_folder);
    let manifest = Manifest {
        api_version: match of_folder {
            true => "compute.cnrm.cloud.google.com/v1beta1",
            false => "compute.cnrm.cloud.google.com/v1alpha1",
        },
        kind: match of_folder {
            true => "ComputeFirewallPolicyRule",
            false => "ComputeNetworkFirewallPolicyRule",
        },
        metadata: Metadata {
            name: format!("policy-{}-rule-{}", policy.name, rule.priority),
            ..Metadata::default()
        },
        spec: Spec {
            action: rule.action.to_string(),
            direction: rule.direction.to_string(),
            priority: of_folder.then_some(rule.priority),
            resource_id: (!of_folder).then(|| rule.priority.to_string()),
            firewall_policy_ref: external(match of_folder {
                true => format!("locations/global/firewallPolicies/{}", policy.name),
                false => policy.name.clone(),
            }),
            project_ref: project.map(external),
            filter,
            target_resources: links(rule).into_iter().map(external).collect(),
            target_service_accounts,
            target_service_account_refs,
            enable_logging: rule.logged == Some(true),
        },
    };
    serde_saphyr::to_string(&manifest).ok()
}
