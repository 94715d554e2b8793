//! A resource that is written as a Config Connector object was not made, or not changed, as it is
//! written.
//!
//! What it means: the Ready condition of the object gives a reason other than `UpToDate`, or the
//! status is of an older generation than the manifest, or no controller ever wrote one.
//!
//! What it looks like: `kubectl apply` says created, `kubectl get` shows READY False, or even READY
//! True with STATUS UpdateFailed; a route, a rule or a zone that stands in the repository is not
//! there in the project. Everything that refers to the object waits with `DependencyNotReady`.
//!
//! Why: Config Connector tries again and again, in the background. A failed creation is called
//! `UpdateFailed`, too. The one object at the end of the chain of dependencies holds the cause; all
//! others only wait for it, so one finding names them together.
//!
//! What to do: read the message of the object that is named; mend that one, and the others follow.
//!
//! Source: <https://cloud.google.com/config-connector/docs/how-to/monitoring-your-resources>,
//! <https://github.com/GoogleCloudPlatform/k8s-config-connector/blob/master/pkg/k8s/constants.go>

use std::collections::BTreeMap;

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, Severity, id};
use crate::checks::{Check, Evidence, Outcome};
use crate::model::ConnectorObject;
use crate::model::condition::{Existence, Health, ObjectId};
use crate::suggest::name::is_resource_name;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "resource-not-ready",
    title: "a resource is not as its Config Connector object says, or not there",
    severity: Severity::Error,
    source: include_str!("resource_not_ready.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let objects = &evidence.directory.inventory.objects;
    if objects.iter().all(|object| object.condition.is_none() && !object.is_live) {
        return Outcome::Skipped(
            "no object of Config Connector's with a status was given (kubectl get gcp -A -o yaml)",
        );
    }
    let mut roots: BTreeMap<usize, Vec<&ConnectorObject>> = BTreeMap::new();
    let mut absent: BTreeMap<ObjectId, Vec<&ConnectorObject>> = BTreeMap::new();
    let mut unnamed: BTreeMap<&str, Vec<&ConnectorObject>> = BTreeMap::new();
    for (at, object) in objects.iter().enumerate().filter(|(_, object)| object.is_amiss()) {
        if let (Health::Waiting, None, Some(condition)) =
            (object.health(), object.waits_for(), &object.condition)
        {
            unnamed.entry(&condition.reason).or_default().push(object);
            continue;
        }
        match root(objects, at) {
            Root::Object(root) => {
                let waiting = roots.entry(root).or_default();
                waiting.extend((root != at).then_some(object));
            }
            Root::NotGiven(id) => absent.entry(id).or_default().push(object),
            // The finding on that reference tells it.
            Root::Missing => {}
        }
    }
    let named = roots.iter().filter_map(|(at, waiting)| {
        let object = objects.get(*at)?;
        // A cluster that says why it does not come up has a check of its own.
        let own = super::cluster_stuck::is_told(object);
        (!own).then(|| of_object(check, object, waiting))
    });
    let mut found: Vec<Finding> = named.collect();
    found.extend(absent.iter().map(|(id, waiting)| of_absent(check, id, waiting)));
    found.extend(unnamed.iter().filter_map(|(reason, waiting)| of_unnamed(check, reason, waiting)));
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// What is at the end of a chain of dependencies.
enum Root {
    /// An object.
    Object(usize),
    /// An object that was not given.
    NotGiven(ObjectId),
    /// An object that does not exist.
    Missing,
}

/// Follows what objects wait for.
fn root(objects: &[ConnectorObject], from: usize) -> Root {
    let mut at = from;
    let mut seen = vec![from];
    loop {
        let Some(object) = objects.get(at) else { return Root::Object(from) };
        let waits = object.waits_for().filter(|_| object.health() == Health::Waiting);
        let Some((id, is_missing)) = waits else { return Root::Object(at) };
        match objects.iter().position(|one| one.id.agrees(&id)) {
            Some(next) if seen.contains(&next) => return Root::Object(from),
            // It is ready by now: who waits has not looked again.
            Some(next) if !objects.get(next).is_some_and(ConnectorObject::is_amiss) => {
                return Root::Object(at);
            }
            Some(next) => {
                seen.push(next);
                at = next;
            }
            None if is_missing => return Root::Missing,
            None => return Root::NotGiven(id),
        }
    }
}

/// What Google's API, or Config Connector itself, complains of, by words of its message; with what
/// to do.
const CAUSES: [(&[&str], &str, &str); 10] = [
    (
        &["Error 403", "PERMISSION_DENIED", "forbidden", "Required '"],
        "Config Connector's service account lacks a permission",
        "grant the service account of Config Connector the permission that the message names",
    ),
    (
        &["SERVICE_DISABLED", "has not been used in project", "it is disabled"],
        "an API is not enabled in the project",
        "enable the API that the message names: gcloud services enable",
    ),
    (
        &["uota"],
        "a quota is exhausted",
        "ask for more of the quota that the message names, or free some",
    ),
    (
        &["immutable"],
        "it changes a field that cannot be changed in place",
        "delete the object and apply it again, or take the change back",
    ),
    (
        &["Error 409", "alreadyExists", "already exists"],
        "a resource of its name is there already",
        "acquire it (cnrm.cloud.google.com/state-into-spec, same name), or choose another name",
    ),
    (
        &["ManagementConflict", "lease"],
        "another Config Connector manages the resource",
        "let only one cluster manage it",
    ),
    (
        &["Error 404", "notFound", "was not found"],
        "something that it names does not exist in the project",
        "create what the message names, or correct the reference",
    ),
    (
        &["overlap", "conflicts with existing"],
        "its range overlaps another one",
        "choose a range that is free",
    ),
    (
        &["Error 400", "nvalid value", "badRequest", "invalid"],
        "the API rejects a value",
        "correct the field that the message names (DNS names end with a dot)",
    ),
    (
        &["timeout", "timed out", "context deadline exceeded", "Error 503"],
        "the API did not answer in time",
        "look whether the operation is still running: gcloud compute operations list",
    ),
];

fn cause(text: &str) -> Option<(&'static str, &'static str)> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    CAUSES.iter().find(|(words, ..)| says(words)).map(|(_, what, how)| (*what, *how))
}

fn of_object(check: &Check, object: &ConnectorObject, waiting: &[&ConnectorObject]) -> Finding {
    let said = object.said().unwrap_or_default();
    let known = cause(&said);
    let (what, severity, how) = match object.health() {
        Health::Failed => {
            let (what, how) = known.unwrap_or((
                "it failed",
                "see the message; the events of the object may tell more",
            ));
            (what.to_owned(), check.severity, how.to_owned())
        }
        Health::Unmanaged if object.condition.is_none() => (
            "no controller ever looked at it".to_owned(),
            check.severity,
            format!(
                "look whether Config Connector runs, and watches the namespace: kubectl get \
                 configconnectorcontexts -n {}",
                namespace(&object.id)
            ),
        ),
        Health::Unmanaged => (
            "no controller manages it".to_owned(),
            check.severity,
            format!(
                "create a ConfigConnectorContext for the namespace: kubectl get \
                 configconnectorcontexts -n {}",
                namespace(&object.id)
            ),
        ),
        Health::Waiting => {
            let on = object.waits_for().map(|(id, _)| id.to_string()).unwrap_or_default();
            (
                format!("it waits for {on}, which is ready by now"),
                Severity::Warning,
                "wait for the next try, or touch the object (an annotation will do)".to_owned(),
            )
        }
        Health::Stale => (
            "its status is of an older generation than its manifest".to_owned(),
            Severity::Warning,
            "wait for the controller; if it stays so, look at the controller's log".to_owned(),
        ),
        Health::InProgress | Health::Ready | Health::Unknown => (
            "it is still on its way".to_owned(),
            Severity::Warning,
            "wait, or look at what the API says: gcloud compute operations list".to_owned(),
        ),
    };
    let mut explanation = Vec::new();
    if !said.is_empty() {
        explanation.push(format!("it says: {said}"));
    }
    if object.condition.as_ref().is_some_and(|one| one.ready == Some(true)) {
        explanation.push("READY says True: the reason is believed over it".to_owned());
    }
    explanation.extend(
        (object.existence == Existence::NeverCreated).then(|| {
            "the resource was never created: what it would do is left out here".to_owned()
        }),
    );
    explanation.extend(waits(waiting));
    let severity = if waiting.is_empty() { severity } else { check.severity };
    Finding {
        confidence: Confidence::Proven,
        severity,
        title: format!("{} is not ready: {what}", object.id),
        no_fix: Some(format!("not the firewall: {how}")),
        explanation,
        ..finding(check, &object.id, std::iter::once(object).chain(waiting.iter().copied()))
    }
}

/// An object that others wait for, and that was not given.
fn of_absent(check: &Check, id: &ObjectId, waiting: &[&ConnectorObject]) -> Finding {
    let kind = id.kind.to_ascii_lowercase();
    let name = &id.name.name;
    let printable = is_resource_name(name) && is_resource_name(&kind);
    let how = match printable {
        true => format!("kubectl describe {kind} {name} -n {}", namespace(id)),
        false => "kubectl describe".to_owned(),
    };
    Finding {
        confidence: Confidence::Likely,
        title: format!("{id} is not ready"),
        explanation: Vec::from_iter(waits(waiting)),
        no_fix: Some(format!("not the firewall: it was not given; see {how}")),
        ..finding(check, id, waiting.iter().copied())
    }
}

/// Objects that wait, where a table leaves out for what.
fn of_unnamed(check: &Check, reason: &str, waiting: &[&ConnectorObject]) -> Option<Finding> {
    let first = waiting.first()?;
    let what = match reason {
        "DependencyNotFound" => "what it refers to does not exist",
        "DependencyInvalid" => "what it refers to cannot be used",
        _ => "what it refers to is not ready",
    };
    let others = match waiting.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let kind = first.id.kind.to_ascii_lowercase();
    let name = first.id.name.name.as_str();
    let known = is_resource_name(&kind) && is_resource_name(name);
    let how = if known {
        format!("kubectl describe {kind} {name}")
    } else {
        "kubectl describe".to_owned()
    };
    Some(Finding {
        confidence: Confidence::Proven,
        title: format!("{}{others} not ready: {what}", first.id),
        explanation: vec![format!("{reason}: {}", names(waiting))],
        no_fix: Some(format!("not the firewall: a table does not say what they wait for: {how}")),
        ..finding(check, &first.id, waiting.iter().copied())
    })
}

fn namespace(id: &ObjectId) -> &str {
    let own = id.name.namespace.as_str();
    if is_resource_name(own) { own } else { "NAMESPACE" }
}

fn waits(waiting: &[&ConnectorObject]) -> Option<String> {
    (!waiting.is_empty()).then(|| format!("waits for it: {}", names(waiting)))
}

fn names(objects: &[&ConnectorObject]) -> String {
    let mut names: Vec<String> = objects.iter().map(|one| one.id.to_string()).collect();
    names.sort();
    names.dedup();
    let shown = names.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(6) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What findings on objects have in common.
pub(super) fn finding<'a>(
    check: &Check,
    id: &ObjectId,
    objects: impl Iterator<Item = &'a ConnectorObject>,
) -> Finding {
    let resource = |object: &ConnectorObject| ResourceSummary {
        kind: "config-connector-object",
        name: object.id.to_string(),
        origin: object.origin.clone(),
    };
    Finding {
        id: self::id(check.id, &[&id.to_string()]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Likely,
        basis: Basis::Configuration,
        title: String::new(),
        explanation: Vec::new(),
        flow: None,
        observed: None,
        needed: false,
        decision: None,
        resources: objects.map(resource).collect(),
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: None,
    }
}
