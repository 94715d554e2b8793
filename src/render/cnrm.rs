//! A rule as Config Connector's ComputeFirewall; read back by `ingest/cnrm`.
//!
//! Fields: <https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computefirewall>.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::model::firewall::{Layer4, ManifestObject, NetworkReference};
use crate::model::{Action, FirewallRule};
use crate::net::IpNet;
use crate::render::escape::is_harmless;
use crate::render::gcloud::is_printable;
use crate::suggest::Change;
use crate::suggest::name::is_project;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest<S> {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) metadata: Metadata,
    pub(super) spec: S,
}

#[derive(Serialize, Default)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<Annotations>,
}

#[derive(Serialize)]
pub(super) struct Annotations {
    #[serde(rename = "cnrm.cloud.google.com/project-id")]
    project: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "resourceID", skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
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

#[derive(Serialize, Default)]
struct NetworkRef {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<String>,
}

#[derive(Serialize)]
pub(super) struct External {
    pub(super) external: String,
}

#[derive(Serialize)]
struct LogConfig {
    metadata: String,
}

#[derive(Serialize)]
pub(super) struct Part {
    pub(super) protocol: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<String>,
}

/// Manifests as the documents of one file.
#[must_use]
pub fn documents(manifests: &[Value]) -> String {
    let texts = manifests.iter().filter_map(|one| serde_saphyr::to_string(one).ok());
    texts.collect::<Vec<_>>().join("---\n")
}

/// A manifest as it is written: without what the cluster adds to it.
pub(super) fn written(object: &Value) -> Value {
    let given = |key: &str| object.get(key).cloned().unwrap_or_default();
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels", "annotations"] {
        if let Some(value) = object.get("metadata").and_then(|own| own.get(key)) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(all) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        all.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    json!({
        "apiVersion": given("apiVersion"), "kind": given("kind"), "metadata": metadata,
        "spec": given("spec"),
    })
}

/// How much of a manifest that is there is written anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The fields that the change is about.
    Least,
    /// All by which a rule matches: an export that differs from its manifest is what there is.
    Whole,
}

/// The fields by which a rule matches.
const MATCHING: [&str; 12] = [
    "direction",
    "priority",
    "allow",
    "deny",
    "sourceRanges",
    "destinationRanges",
    "sourceTags",
    "sourceServiceAccounts",
    "targetTags",
    "targetServiceAccounts",
    "disabled",
    "logConfig",
];

/// The manifest; `None` where a name is none that the API takes, or a text is none to be printed.
#[must_use]
pub fn firewall_rule(change: &Change, own_name: &str, edit: Edit) -> Option<String> {
    let rule = change.rule();
    let object = rule.manifest.as_deref();
    if !is_printable(rule) || !object.is_none_or(is_printable_object) {
        return None;
    }
    let text = match object.and_then(|object| object.text.as_deref()) {
        Some(text) => serde_saphyr::to_string(&edited(text, change, edit)?).ok()?,
        None => {
            let manifest = Manifest {
                api_version: "compute.cnrm.cloud.google.com/v1beta1",
                kind: "ComputeFirewall",
                metadata: metadata_of(rule, own_name),
                spec: spec(rule, own_name),
            };
            serde_saphyr::to_string(&manifest).ok()?
        }
    };
    is_harmless(&text).then_some(text)
}

/// The manifest that is there, with what is changed.
fn edited(text: &Value, change: &Change, edit: Edit) -> Option<Value> {
    let spec_of = |rule: &FirewallRule| {
        let spec = serde_json::to_value(spec(rule, "")).ok()?;
        spec.as_object().cloned()
    };
    let (before, after) = (spec_of(change.before()?)?, spec_of(change.rule())?);
    let mut written = written(text);
    let own = written.get_mut("spec")?.as_object_mut()?;
    for key in MATCHING {
        if edit == Edit::Least && before.get(key) == after.get(key) {
            continue;
        }
        match after.get(key) {
            // What is logged stays as it is where anything is.
            Some(_) if key == "logConfig" && own.contains_key(key) => {}
            Some(value) => {
                own.insert(key.to_owned(), value.clone());
            }
            None => {
                own.remove(key);
            }
        }
    }
    Some(written)
}

fn spec(rule: &FirewallRule, own_name: &str) -> Spec {
    let (allow, deny) = match rule.action {
        Action::Deny => (Vec::new(), parts(&rule.layer4)),
        _ => (parts(&rule.layer4), Vec::new()),
    };
    let object = rule.manifest.as_deref();
    let metadata = rule.log_metadata.clone();
    Spec {
        resource_id: {
            let object = object.map_or(own_name, |object| object.name.as_str());
            rule.name.clone().filter(|name| name != object)
        },
        description: rule.description.clone(),
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
        log_config: (rule.logged == Some(true)).then(|| LogConfig {
            metadata: metadata.unwrap_or_else(|| "INCLUDE_ALL_METADATA".to_owned()),
        }),
    }
}

/// The object as it is called where it stands already; a new one is named like its resource, and
/// the annotation says in which project it belongs.
fn metadata_of(rule: &FirewallRule, name: &str) -> Metadata {
    let object = rule.manifest.as_deref();
    let project = match object {
        Some(object) => object.project.clone(),
        None => rule.network.project.clone(),
    };
    Metadata {
        name: object.map_or_else(|| name.to_owned(), |object| object.name.clone()),
        namespace: object.map(|object| object.namespace.clone()).filter(|one| !one.is_empty()),
        annotations: project.map(|project| Annotations { project }),
    }
}

/// The network as the manifest refers to it. For a new rule: as a resource where its project is
/// known, else as the object that carries its name.
fn network(rule: &FirewallRule) -> NetworkRef {
    match (rule.manifest.as_deref().map(|object| &object.network), &rule.network.project) {
        (Some(NetworkReference::Object(name, namespace)), _) => NetworkRef {
            name: Some(name.clone()),
            namespace: namespace.clone(),
            ..NetworkRef::default()
        },
        (Some(NetworkReference::External(external)), _) => {
            NetworkRef { external: Some(external.clone()), ..NetworkRef::default() }
        }
        (None, Some(_)) => {
            NetworkRef { external: Some(rule.network.network_link()), ..NetworkRef::default() }
        }
        (None, None) => {
            NetworkRef { name: Some(rule.network.name.clone()), ..NetworkRef::default() }
        }
    }
}

/// Whether an object's names are names of Kubernetes objects and of Google's resources.
fn is_printable_object(object: &ManifestObject) -> bool {
    let of_kubernetes = |text: &str| {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        };
        text.len() <= 253 && text.bytes().all(allowed)
    };
    let of_link = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    let network = match &object.network {
        NetworkReference::Object(name, namespace) => {
            of_kubernetes(name) && namespace.as_deref().is_none_or(of_kubernetes)
        }
        NetworkReference::External(link) => link.bytes().all(of_link),
    };
    network
        && of_kubernetes(&object.name)
        && of_kubernetes(&object.namespace)
        && object.project.as_deref().is_none_or(is_project)
}

pub(super) fn accounts(list: &std::collections::BTreeSet<String>) -> Vec<External> {
    list.iter().map(|account| External { external: account.clone() }).collect()
}

pub(super) fn ranges(list: &[IpNet]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

pub(super) fn parts(list: &[Layer4]) -> Vec<Part> {
    list.iter()
        .map(|part| Part {
            protocol: part.protocol.map_or_else(|| "all".to_owned(), |one| one.in_rules()),
            ports: part.ports.as_ref().map(|ports| ports.texts()).unwrap_or_default(),
        })
        .collect()
}
