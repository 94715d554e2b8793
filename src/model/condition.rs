//! Objects of Config Connector as the cluster holds them: what they refer to, and what their Ready
//! condition says of the resource behind them.
//!
//! `ComputeRoute kf/apis: Ready False, DependencyNotReady: reference ComputeNetwork kf/kf is not
//! ready`. Reasons and messages are those of k8s-config-connector's `pkg/k8s/constants.go`,
//! `pkg/k8s/errors.go` and `pkg/controller/lifecyclehandler/handler.go`.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{ObjectName, Origin, Reference};

/// `KIND NAMESPACE/NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// `ComputeNetwork`; empty where a table did not say it.
    pub kind: String,
    /// Its namespace and name.
    pub name: ObjectName,
}

impl ObjectId {
    /// Whether both may be one object.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name.agrees(&other.name)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind.is_empty() { "object" } else { &self.kind };
        write!(f, "{kind} {}", self.name)
    }
}

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referred {
    /// An object of the cluster.
    Object(ObjectName),
    /// A resource that Config Connector does not keep, by its own name.
    External(Reference),
}

impl fmt::Display for Referred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(name) => name.fmt(f),
            Self::External(resource) => resource.fmt(f),
        }
    }
}

/// A reference of an object's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The field that holds it, from `spec` on: `privateVisibilityConfig.networks.networkRef`.
    pub field: String,
    /// The kind of what it names; empty where it is not known.
    pub kind: String,
    /// What it names.
    pub to: Referred,
}

/// The Ready condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`; `None` where it is not said.
    pub ready: Option<bool>,
    /// `UpToDate`, `UpdateFailed`, `DependencyNotReady`, …
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// Whether the resource behind an object is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// A manifest alone: nobody says.
    Unknown,
    /// The status names it.
    Created,
    /// The status shows that it was never created.
    NeverCreated,
}

/// How an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// A manifest alone, which says nothing of it.
    Unknown,
    /// The resource is as the manifest says.
    Ready,
    /// The condition is of an older generation of the manifest.
    Stale,
    /// On its way.
    InProgress,
    /// It waits for another object.
    Waiting,
    /// It failed by itself.
    Failed,
    /// No controller looks after it.
    Unmanaged,
}

/// An object of Config Connector's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorObject {
    /// What it is called in the cluster.
    pub id: ObjectId,
    /// What its resource is called.
    pub resource: Reference,
    /// Whether it came out of a cluster: a manifest of a repository has no `uid`.
    pub is_live: bool,
    /// Whether the status is behind the manifest.
    pub is_behind: bool,
    /// Its Ready condition.
    pub condition: Option<Condition>,
    /// Whether its resource is there.
    pub existence: Existence,
    /// What it refers to.
    pub references: Vec<ObjectReference>,
    /// Its manifest, where that was given and not described.
    pub text: Option<Arc<Value>>,
    /// Where it was read.
    pub origin: Origin,
}

/// On their way, without a failure.
const IN_PROGRESS: [&str; 4] = ["Creating", "Updating", "Deleting", "Reconciling"];
/// They wait for another object.
const WAITING: [&str; 3] = ["DependencyNotReady", "DependencyNotFound", "DependencyInvalid"];
/// They failed, or are gone.
const FAILED: [&str; 8] = [
    "CreateFailed",
    "UpdateFailed",
    "DeleteFailed",
    "Deleted",
    "ManagementConflict",
    "PreActuationTransformFailed",
    "PostActuationTransformFailed",
    "NoCondition",
];

impl ConnectorObject {
    /// How it is. The reason is believed over the status: `kubectl get` shows objects with READY
    /// True and STATUS UpdateFailed.
    #[must_use]
    pub fn health(&self) -> Health {
        let Some(condition) = &self.condition else {
            return if self.is_live { Health::Unmanaged } else { Health::Unknown };
        };
        let reason = condition.reason.as_str();
        if reason == "Unmanaged" {
            Health::Unmanaged
        } else if WAITING.contains(&reason) {
            Health::Waiting
        } else if FAILED.contains(&reason) || reason.ends_with("Failed") {
            Health::Failed
        } else if IN_PROGRESS.contains(&reason) {
            Health::InProgress
        } else if condition.ready == Some(false) {
            Health::Failed
        } else if self.is_behind {
            Health::Stale
        } else if condition.ready == Some(true) || reason == "UpToDate" {
            Health::Ready
        } else {
            Health::InProgress
        }
    }

    /// Whether its condition says that something is amiss.
    #[must_use]
    pub fn is_amiss(&self) -> bool {
        !matches!(self.health(), Health::Ready | Health::Unknown)
    }

    /// `UpdateFailed: Update call failed: …`.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let condition = self.condition.as_ref()?;
        Some(match (condition.reason.as_str(), condition.message.as_str()) {
            ("", "") => "not Ready, and no reason is given".to_owned(),
            ("", message) => message.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        })
    }

    /// The object that its condition waits for, and whether it was not found at all.
    #[must_use]
    pub fn waits_for(&self) -> Option<(ObjectId, bool)> {
        let condition = self.condition.as_ref()?;
        awaited(&condition.message)
    }
}

/// `reference ComputeNetwork kf/kf is not ready`, `transitive dependency KIND NS/NAME is not
/// found`, `Secret NS/NAME was not found`.
fn awaited(message: &str) -> Option<(ObjectId, bool)> {
    let is_missing = message.contains("not found");
    let words: Vec<&str> = message.split_whitespace().collect();
    words
        .windows(3)
        .find_map(|window| {
            let [kind, name, verb] = window else { return None };
            let (namespace, name) = name.split_once('/')?;
            let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase())
                && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
            // `key 'k' was not found in Secret kf/credentials` ends with the name.
            let is_said = ["is", "was"].contains(verb);
            (is_kind && is_said).then(|| object(kind, namespace, name, is_missing))
        })
        .or_else(|| {
            let [.., "in", kind, name] = words.as_slice() else { return None };
            let (namespace, name) = name.split_once('/')?;
            Some(object(kind, namespace, name, is_missing))
        })
}

fn object(kind: &str, namespace: &str, name: &str, is_missing: bool) -> (ObjectId, bool) {
    let name = ObjectName::new(namespace, name);
    (ObjectId { kind: kind.to_owned(), name }, is_missing)
}

/// A field of which a manifest and the export of the same resource say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, as the manifest calls it.
    pub field: &'static str,
    /// What the manifest says.
    pub manifest: String,
    /// What the export says.
    pub export: String,
}

/// A resource of which its manifest and its export differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// `firewall-rule`, `route`, …
    pub kind: &'static str,
    /// The resource.
    pub resource: Reference,
    /// Where they differ.
    pub fields: Vec<Difference>,
    /// Where the manifest was read.
    pub manifest: Origin,
    /// Where the export was read.
    pub export: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ready: Option<bool>, reason: &str, message: &str, health: Health, awaited: &str) {
        let condition = Condition { ready, reason: reason.to_owned(), message: message.to_owned() };
        let object = ConnectorObject {
            id: ObjectId::default(),
            resource: Reference::default(),
            is_live: true,
            is_behind: false,
            condition: Some(condition),
            existence: Existence::Unknown,
            references: Vec::new(),
            text: None,
            origin: Origin::default(),
        };
        assert_eq!(object.health(), health, "{reason}");
        let found = object.waits_for().map(|(id, missing)| format!("{id} {missing}"));
        assert_eq!(found.as_deref().unwrap_or(""), awaited, "{message}");
    }

    #[test]
    fn the_reason_is_believed_over_the_status() {
        check(Some(true), "UpToDate", "The resource is up to date", Health::Ready, "");
        check(Some(true), "UpdateFailed", "Update call failed: x", Health::Failed, "");
        check(Some(false), "Updating", "Update in progress", Health::InProgress, "");
        check(Some(false), "SomethingNew", "", Health::Failed, "");
        check(None, "", "", Health::InProgress, "");
        let waits = "reference ComputeNetwork kf/net is not ready";
        check(
            Some(false),
            "DependencyNotReady",
            waits,
            Health::Waiting,
            "ComputeNetwork kf/net false",
        );
        let gone = "transitive dependency IAMServiceAccount kf/sa is not found";
        check(
            Some(false),
            "DependencyNotFound",
            gone,
            Health::Waiting,
            "IAMServiceAccount kf/sa true",
        );
        let key = "key 'k' was not found in Secret kf/credentials";
        check(Some(false), "DependencyInvalid", key, Health::Waiting, "Secret kf/credentials true");
        let none = "No controller is managing this resource.";
        check(Some(false), "Unmanaged", none, Health::Unmanaged, "");
    }
}
