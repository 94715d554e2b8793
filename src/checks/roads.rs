//! What all checks on roads to registries and Google's APIs share: the broken link becomes a
//! finding that names every host behind it, and, where one command mends it, that command, proved
//! by walking the road again.

use std::collections::BTreeMap;

use crate::checks::finding::{
    Basis, Confidence, Finding, FlowSummary, ResourceSummary, Severity, id,
};
use crate::checks::remedies::{link_words, remedy};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::path::Link;
use crate::correlate::roads::Road;
use crate::engine::naming;
use crate::model::Origin;
use crate::net::{Direction, Protocol};

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
        // Each domain needs a zone of its own.
        let domain = match road.check {
            "dns-zone-missing" => naming::plain(&road.path.host).rsplitn(3, '.').take(2).collect(),
            _ => String::new(),
        };
        // What is attached answers for all of its names.
        let detail = match road.check {
            "dns-zone-not-attached" => "",
            _ => road.link.detail.as_str(),
        };
        let key = (road.cluster, format!("{} {detail} {domain}", road.link.object));
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
    let first = *roads.iter().find(|road| road.is_certain).or(roads.first())?;
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
        id: match check.id {
            "dns-zone-missing" => id(check.id, &[name, &first.path.host, &first.link.object]),
            _ => id(check.id, &[name, &first.link.object, &first.link.detail]),
        },
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
