//! What all checks on roads to registries and Google's APIs share: the broken link becomes a
//! finding that names every host behind it, and, where one command mends it, that command, proved
//! by walking the road again.

use std::collections::BTreeMap;

use crate::checks::finding::{
    Basis, Confidence, Finding, FlowSummary, Remedy, ResourceSummary, Severity, id,
};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::Directory;
use crate::correlate::path::{self, Fault, Link, State};
use crate::correlate::roads::Road;
use crate::model::{Inventory, Origin, Reference, Route};
use crate::net::{Direction, IpNet, Protocol};
use crate::suggest::name::{is_project, is_resource_name, resource_name};

/// What a check says of its roads.
pub struct Words {
    /// What is wrong, as the end of a title: `Private Google Access is off`.
    pub title: fn(&Link) -> String,
    /// What to do.
    pub advice: &'static str,
}

/// Finds the roads that a check is for; those that one link breaks are one finding.
pub fn find(check: &Check, evidence: &Evidence<'_, '_>, words: &Words) -> Outcome {
    let mut causes: BTreeMap<(usize, String), Vec<&Road<'_>>> = BTreeMap::new();
    for road in evidence.correlation.roads.iter().filter(|road| road.check == check.id) {
        let key = (road.cluster, format!("{} {}", road.link.object, road.link.detail));
        causes.entry(key).or_default().push(road);
    }
    let found: Vec<Finding> =
        causes.into_values().filter_map(|roads| finding(check, &roads, evidence, words)).collect();
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

fn finding(
    check: &Check,
    roads: &[&Road<'_>],
    evidence: &Evidence<'_, '_>,
    words: &Words,
) -> Option<Finding> {
    let first = *roads.first()?;
    let cluster = evidence.directory.inventory.clusters.get(first.cluster)?;
    let hosts: Vec<&str> = roads.iter().map(|road| road.path.host.as_str()).collect();
    let name = &cluster.id.name;
    let title = format!(
        "nodes of {name} cannot reach {}: {}",
        hosts.join(", "),
        (words.title)(&first.link)
    );
    let mut explanation: Vec<String> = roads
        .iter()
        .take(4)
        .map(|road| format!("needed: {}: {}", road.path.host, road.because))
        .collect();
    explanation.extend(first.path.links.iter().map(link_words));
    let remedy = remedy(first, evidence.directory);
    let network = first.path.start.network.as_ref();
    let resource = |origin: &Origin| ResourceSummary {
        kind: first.link.kind,
        name: first.link.object.clone(),
        origin: origin.clone(),
    };
    Some(Finding {
        id: id(check.id, &[name, &first.link.object, &first.link.detail]),
        check: check.id,
        severity: if first.is_certain { check.severity } else { Severity::Warning },
        confidence: if first.is_certain { Confidence::Likely } else { Confidence::Possible },
        basis: Basis::Configuration,
        title,
        explanation,
        flow: first.path.end.as_ref().map(|end| FlowSummary {
            network: network.map(|network| network.name.clone()),
            direction: Some(Direction::Egress),
            protocol: Some(Protocol::TCP.to_string()),
            ports: vec![first.path.port.to_string()],
            source: first.path.start.side.clone(),
            destination: end.clone(),
        }),
        observed: None,
        needed: true,
        decision: None,
        resources: first.link.origin.iter().map(resource).collect(),
        fixes: Vec::new(),
        no_fix: remedy.is_none().then(|| words.advice.to_owned()),
        remedies: Vec::from_iter(remedy),
        advice: Vec::new(),
    })
}

/// `route broken: routes of kf: no default route`.
#[must_use]
pub fn link_words(link: &Link) -> String {
    let origin = link.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    let kind = link.kind.replace('-', " ");
    format!("{kind} {}: {}: {}{origin}", link.state.id(), link.object, link.detail)
}

/// The command that mends a link, where one does, and walking the road again shows it.
fn remedy(road: &Road<'_>, directory: &Directory<'_>) -> Option<Remedy> {
    let network = road.path.start.network.as_ref()?;
    let mut changed = directory.inventory.clone();
    let (kind, gcloud) = match road.link.fault? {
        Fault::AccessOff => access(road, &mut changed)?,
        Fault::NoRoute | Fault::WrongHop => route(road, network, &mut changed)?,
        _ => return None,
    };
    let after = Directory::of(&changed);
    let name = &directory.inventory.clusters.get(road.cluster)?.id.name;
    let start = path::start(&after, name).ok()?;
    let walked = path::walk(&after, start, &road.path.host, road.path.port);
    let mended = walked.links.iter().find(|link| link.kind == road.link.kind)?;
    if mended.state != State::Ok {
        return None;
    }
    let note = match walked.first_broken().and_then(|at| walked.links.get(at)) {
        None => "walked again with it: no link is broken".to_owned(),
        Some(next) => {
            format!("walked again with it: the next broken link is: {}", link_words(next))
        }
    };
    Some(Remedy { kind, gcloud, note })
}

fn project_flag(network: &Reference) -> Option<String> {
    match &network.project {
        None => Some(String::new()),
        Some(project) => is_project(project).then(|| format!(" --project={project}")),
    }
}

fn access(road: &Road<'_>, changed: &mut Inventory) -> Option<(&'static str, String)> {
    let subnetwork = road.path.start.subnetwork?;
    let region = subnetwork.id.location.as_deref()?;
    if !is_resource_name(&subnetwork.id.name) || !is_resource_name(region) {
        return None;
    }
    let own = |one: &&mut crate::model::Subnetwork| one.id == subnetwork.id;
    changed.subnetworks.iter_mut().find(own)?.private_google_access = Some(true);
    let project = project_flag(&subnetwork.network)?;
    Some((
        "enable-private-google-access",
        format!(
            "gcloud compute networks subnets update {}{project} --region={region} \
             --enable-private-ip-google-access",
            subnetwork.id.name
        ),
    ))
}

/// A route for exactly the VIP. A default route is not made by the way: it was taken away on
/// purpose, as often as not.
fn route(
    road: &Road<'_>,
    network: &Reference,
    changed: &mut Inventory,
) -> Option<(&'static str, String)> {
    if !is_resource_name(&network.name) {
        return None;
    }
    let end = road.path.end.as_ref()?;
    if road.path.class != path::Class::Vip {
        return None;
    }
    let destination: IpNet = *end.ranges.first()?;
    let name = resource_name(&[&network.name, "to", "google-apis"]);
    if changed.routes.iter().any(|one| one.id.name == name) {
        return None;
    }
    changed.routes.push(Route {
        id: Reference::new(network.project.as_deref(), &name),
        network: network.clone(),
        destination,
        priority: 1000,
        next_hop: "default-internet-gateway".to_owned(),
        by_peering: false,
        tags: Vec::new(),
        origin: Origin::default(),
    });
    let project = project_flag(network)?;
    Some((
        "add-route",
        format!(
            "gcloud compute routes create {name}{project} --network={} \
             --destination-range={destination} --next-hop-gateway=default-internet-gateway \
             --priority=1000",
            network.name
        ),
    ))
}
