//! A Config Connector object refers to an object that does not exist.
//!
//! What it means: `networkRef`, `managedZoneRef`, `routerRef` or another reference names an object
//! of a kind of which others are given, but not this one; or the condition itself says that it was
//! not found.
//!
//! What it looks like: READY False, `DependencyNotFound: reference ComputeNetwork kf/kf-vpc is not
//! found`; the resource is never created, and what it should open stays closed.
//!
//! Why: a name was prefixed by kustomize in one place and not in the other; the object is in
//! another namespace; it was left out of the kustomization.
//!
//! What to do: correct the name, or give `namespace` besides it.
//!
//! Source: <https://cloud.google.com/config-connector/docs/how-to/creating-resource-references>

use crate::checks::finding::{Confidence, Finding, Remedy, Severity, id};
use crate::checks::resource_not_ready::finding;
use crate::checks::wrong_network_reference;
use crate::checks::{Check, Evidence, Outcome};
use crate::model::condition::{Health, ObjectId, ObjectReference, Referred};
use crate::model::{ConnectorObject, Inventory, ObjectName};
use crate::suggest::ResourceChange;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "dangling-reference",
    title: "an object refers to one that does not exist",
    severity: Severity::Error,
    source: include_str!("dangling_reference.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let inventory = evidence.directory.inventory;
    if inventory.objects.is_empty() {
        return Outcome::Skipped("no object of Config Connector's was given");
    }
    let mut found = Vec::new();
    for object in &inventory.objects {
        let before = found.len();
        for reference in &object.references {
            let made = dangling(check, inventory, object, reference);
            // A network that is wrong, whether it is there or not, has a finding of its own.
            let of_network = reference.kind == "ComputeNetwork";
            let other = || of_network && wrong_network_reference::is_proven(evidence, object);
            found.extend(made.filter(|_| !other()));
        }
        if found.len() == before {
            found.extend(told(check, inventory, object));
        }
    }
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// What the condition itself says is not there.
fn missing(inventory: &Inventory, object: &ConnectorObject) -> Option<ObjectId> {
    let (id, is_missing) = object.waits_for()?;
    let waits = is_missing && object.health() == Health::Waiting;
    let absent = !inventory.objects.iter().any(|one| one.id.agrees(&id));
    (waits && absent).then_some(id)
}

/// An object that waits for one that no field which was given names: a Secret, or a dependency of
/// a dependency.
fn told(check: &Check, inventory: &Inventory, object: &ConnectorObject) -> Option<Finding> {
    let id = missing(inventory, object)?;
    Some(Finding {
        id: self::id(check.id, &[&object.id.to_string(), &id.to_string()]),
        confidence: Confidence::Proven,
        title: format!("{} waits for {id}, which does not exist", object.id),
        explanation: Vec::from_iter(object.said().map(|said| format!("it says: {said}"))),
        no_fix: Some(format!("not the firewall: create {id}, or correct the reference")),
        ..finding(check, &object.id, std::iter::once(object))
    })
}

fn dangling(
    check: &Check,
    inventory: &Inventory,
    object: &ConnectorObject,
    reference: &ObjectReference,
) -> Option<Finding> {
    // What is up to date was resolved, whatever was given here.
    if object.health() == Health::Ready || reference.kind.is_empty() {
        return None;
    }
    let name = match &reference.to {
        Referred::Object(name) => name,
        Referred::External(resource) => {
            return external(check, inventory, object, reference, &resource.name);
        }
    };
    let id = ObjectId { kind: reference.kind.clone(), name: name.clone() };
    if inventory.objects.iter().any(|one| one.id.agrees(&id)) {
        return None;
    }
    let said = missing(inventory, object).is_some_and(|missing| missing.agrees(&id));
    let of_kind: Vec<&ConnectorObject> =
        inventory.objects.iter().filter(|one| one.id.kind == reference.kind).collect();
    // Where none of its kind was given, this one was not given either: that says nothing.
    if of_kind.is_empty() && !said {
        return None;
    }
    let mut explanation = vec![format!("{} names {name}", reference.field)];
    explanation.extend(object.said().map(|said| format!("it says: {said}")));
    let elsewhere = of_kind.iter().find(|one| one.id.name.name == name.name);
    let here = |one: &&&ConnectorObject| {
        one.id.name.namespace == name.namespace
            || one.id.name.namespace.is_empty()
            || name.namespace.is_empty()
    };
    let near: Vec<&ObjectName> = of_kind.iter().filter(here).map(|one| &one.id.name).collect();
    if let Some(other) = elsewhere {
        explanation.push(format!(
            "one of that name is in namespace {}: the reference needs its namespace, too",
            other.id.name.namespace
        ));
    } else if !near.is_empty() {
        let names: Vec<_> = near.iter().take(4).map(ToString::to_string).collect();
        explanation.push(format!("there is: {}", names.join(", ")));
    }
    let certain = said || !near.is_empty();
    let only = only_other(&near, object, reference, elsewhere.is_some());
    let remedy = only.and_then(|only| remedy(object, reference, only));
    // Of what was only described no manifest can be written.
    let other = only.map(|only| format!(": {only} is the only other one that was given"));
    let other = other.unwrap_or_default();
    Some(Finding {
        id: self::id(check.id, &[&object.id.to_string(), &reference.field, &name.to_string()]),
        severity: if said { check.severity } else { Severity::Warning },
        confidence: match (said, certain) {
            (true, _) => Confidence::Proven,
            (false, true) => Confidence::Likely,
            (false, false) => Confidence::Possible,
        },
        title: match said {
            true => format!("{} refers to {id}, which does not exist", object.id),
            false => format!("{} refers to {id}, which no manifest makes", object.id),
        },
        explanation,
        no_fix: remedy.is_none().then(|| {
            format!("not the firewall: create {id}, or correct {}{other}", reference.field)
        }),
        remedies: Vec::from_iter(remedy),
        ..finding(check, &object.id, std::iter::once(object))
    })
}

/// The only other object that the reference could mean.
fn only_other<'o>(
    near: &[&'o ObjectName],
    object: &ConnectorObject,
    reference: &ObjectReference,
    is_elsewhere: bool,
) -> Option<&'o ObjectName> {
    let [only] = near else { return None };
    // Of a list the others would be lost.
    let same = object.references.iter().filter(|one| one.field == reference.field).count();
    (!is_elsewhere && same == 1).then_some(*only)
}

fn remedy(
    object: &ConnectorObject,
    reference: &ObjectReference,
    only: &ObjectName,
) -> Option<Remedy> {
    let change = ResourceChange::UpdateReference {
        object: object.id.clone(),
        field: reference.field.clone(),
        to: only.name.clone(),
        manifest: object.text.clone()?,
    };
    let note = format!(
        "if {only} is what is meant: no other {} was given; change this field in your manifest",
        reference.kind
    );
    change.is_printable().then_some(Remedy { change, note })
}

/// A network by its own name, where the networks of its project are given, and it is not among
/// them.
fn external(
    check: &Check,
    inventory: &Inventory,
    object: &ConnectorObject,
    reference: &ObjectReference,
    name: &str,
) -> Option<Finding> {
    let Referred::External(resource) = &reference.to else { return None };
    if reference.kind != "ComputeNetwork" || resource.project.is_none() {
        return None;
    }
    let mut known = inventory.networks.iter().filter(|one| one.id.project == resource.project);
    known.next()?;
    if inventory.networks.iter().any(|one| one.id.agrees(resource)) {
        return None;
    }
    Some(Finding {
        id: self::id(check.id, &[&object.id.to_string(), &reference.field, name]),
        severity: Severity::Warning,
        confidence: Confidence::Possible,
        title: format!("{} refers to network {resource}, which was not exported", object.id),
        explanation: vec![format!("{} names {resource}", reference.field)],
        no_fix: Some(format!(
            "not the firewall: look whether the network is there (gcloud compute networks list), \
             or correct {}",
            reference.field
        )),
        ..finding(check, &object.id, std::iter::once(object))
    })
}
