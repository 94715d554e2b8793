//! The roads that a cluster's nodes need to registries and to Google's APIs, walked from the
//! exports alone: to the hosts that its pods' images name, and to those that every node boots from.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::expected::BOOT;
use crate::correlate::path::{self, Class, Fault, Link, Path, State};
use crate::correlate::scope::Scope;
use crate::engine::routing;
use crate::model::cluster::Provider;
use crate::model::symptom::{Failure, SymptomKind};

/// A road that does not hold.
#[derive(Debug, Clone)]
pub struct Road<'a> {
    /// The cluster, by its place in the inventory.
    pub cluster: usize,
    /// The whole way.
    pub path: Path<'a>,
    /// The link that breaks it.
    pub link: Link,
    /// Why, as a check is called.
    pub check: &'static str,
    /// Whether an earlier link was not decided.
    pub is_certain: bool,
    /// What the host is needed for.
    pub because: String,
}

/// The roads of all clusters that are broken.
#[must_use]
pub fn broken<'a>(directory: &Directory<'a>, scope: &Scope) -> Vec<Road<'a>> {
    let inventory = directory.inventory;
    let mut roads = Vec::new();
    for (at, cluster) in inventory.clusters.iter().enumerate() {
        let asked = cluster.provider == Provider::Google
            && scope.cluster.as_ref().is_none_or(|name| cluster.id.name == *name)
            && cluster.network.as_ref().is_none_or(|network| scope.holds(network));
        if !asked {
            continue;
        }
        for Host { name, dialled, because, is_doubtful } in hosts(directory) {
            let Some(path) = walked(directory, &cluster.id.name, &name, dialled) else { break };
            if path.start.cluster != Some(at) {
                break;
            }
            let road = road(directory, at, path, because);
            roads.extend(
                road.map(|road| Road { is_certain: road.is_certain && !is_doubtful, ..road }),
            );
        }
    }
    roads
}

/// Names that every node boots from, whose way is not decided by what answers for them, or by what
/// stands on the way: that, and the names. What nobody gave at all is said elsewhere.
#[must_use]
pub fn undecided(directory: &Directory<'_>, cluster: &str) -> Vec<(Link, Vec<&'static str>)> {
    let mut found: Vec<(Link, Vec<&'static str>)> = Vec::new();
    for host in BOOT {
        let Ok(start) = path::start(directory, &Scope::default(), cluster) else { continue };
        let way = path::walk(directory, start, host, 443);
        let is_open = |link: &&Link| {
            matches!(link.state, State::Undetermined | State::NotGiven) && link.origin.is_some()
        };
        let Some(open) = way.links.iter().find(is_open) else { continue };
        if way.first_broken().is_some() {
            continue;
        }
        match found.iter_mut().find(|(link, _)| link == open) {
            Some((_, hosts)) => hosts.push(host),
            None => found.push((open.clone(), vec![host])),
        }
    }
    found
}

/// The same in words.
#[must_use]
pub fn undecided_words(cluster: &str, (link, hosts): &(Link, Vec<&'static str>)) -> String {
    format!(
        "cluster {cluster}: the way to {} is not judged: {}: {}",
        hosts.join(", "),
        link.object,
        link.detail
    )
}

/// The way from a cluster's nodes to a host, at the address that was dialled, where an error tells
/// it: that is what counts, and the name tells where it should have led.
#[must_use]
pub fn walked<'a>(
    directory: &Directory<'a>,
    cluster: &str,
    host: &str,
    dialled: Option<(IpAddr, u16)>,
) -> Option<Path<'a>> {
    let begin = || path::start(directory, &Scope::default(), cluster).ok();
    let by_name = path::walk(directory, begin()?, host, 443);
    let Some((address, port)) = dialled else { return Some(by_name) };
    if by_name.first_broken() == Some(0) {
        return Some(by_name);
    }
    Some(path::walk_to(directory, begin()?, host, address, port))
}

/// A host that is needed.
struct Host {
    name: String,
    /// Where it was asked, as an error tells.
    dialled: Option<(IpAddr, u16)>,
    because: String,
    /// Whether it may be reached all the same: an image that runs was pulled, and of several
    /// clusters an error may be another's.
    is_doubtful: bool,
}

/// The hosts that are needed, and what for.
fn hosts(directory: &Directory<'_>) -> Vec<Host> {
    let inventory = directory.inventory;
    let of = |name: &str, dialled, because: String| Host {
        name: name.to_owned(),
        dialled,
        because,
        is_doubtful: false,
    };
    let boot = BOOT.iter().map(|host| of(host, None, "every node boots from it".to_owned()));
    let mut all: Vec<Host> = boot.collect();
    let mut seen: BTreeSet<String> = BOOT.iter().map(|host| (*host).to_owned()).collect();
    let several = inventory.clusters.len() > 1;
    for symptom in &inventory.symptoms {
        let SymptomKind::ImagePull { host: Some(host), address, .. } = &symptom.kind else {
            continue;
        };
        let by_road = symptom.failure.may_be_firewall()
            || [Failure::Name, Failure::Resolver].contains(&symptom.failure);
        if by_road && host.contains('.') && seen.insert(host.clone()) {
            let whose = if several { ", and not of which cluster it is" } else { "" };
            let because = format!("an error names it{whose} ({})", symptom.origin);
            all.push(Host { is_doubtful: several, ..of(host, *address, because) });
        }
    }
    // Of many clusters nobody knows whose pods these are.
    if !several {
        let all_of = |running: bool| {
            let workloads = inventory.workloads.workloads.iter();
            workloads.filter(move |one| (one.ready == Some(true)) == running)
        };
        for workload in all_of(false).chain(all_of(true)) {
            for host in workload.images.iter().filter_map(|image| registry(image)) {
                if seen.insert(host.clone()) {
                    let is_doubtful = workload.ready == Some(true);
                    let before = if is_doubtful { ", pulled before" } else { "" };
                    let (kind, id) = (&workload.kind, &workload.id);
                    let because = format!("{kind} {id} runs an image of it{before}");
                    all.push(Host { is_doubtful, ..of(&host, None, because) });
                }
            }
        }
    }
    all
}

/// The registry that an image's name means: Docker Hub's where it names none.
fn registry(image: &str) -> Option<String> {
    // Something puts the name in later: a template, or Istio's injection (`auto`).
    let is_open = |text: &str| text.contains(['$', '{', '(']);
    // `nginx:1.25` is one of Docker Hub's own.
    let Some((first, _)) = image.split_once('/') else {
        let known = !image.is_empty() && image != "auto" && !is_open(image);
        return known.then(|| "registry-1.docker.io".to_owned());
    };
    let is_host = first.contains('.') && !is_open(first);
    if !is_host && (first.contains(':') || is_open(first)) {
        return None;
    }
    Some(if is_host {
        first.split(':').next()?.to_owned()
    } else {
        "registry-1.docker.io".to_owned()
    })
}

fn road<'a>(
    directory: &Directory<'a>,
    cluster: usize,
    path: Path<'a>,
    because: String,
) -> Option<Road<'a>> {
    // Where a VIP is meant for names of Google's, one that public DNS answers goes astray, though
    // some of Google's public addresses may be allowed.
    let astray = || {
        let partly = |link: &Link| link.fault == Some(Fault::PartlyDenied);
        let meant = path.class == Class::GooglePublic && is_vip_meant(directory, &path);
        path.links.iter().position(partly).filter(|_| meant)
    };
    let at = path.first_broken().or_else(astray)?;
    let link = path.links.get(at)?.clone();
    let mut earlier = path.links.iter().take(at);
    let decided = earlier.clone().all(|one| one.state == State::Ok);
    let is_certain = decided && link.state == State::Broken;
    // What a private zone that was not given would answer is not known: then only what every way
    // needs can be said to be missing. Rules and routes do not depend on one another.
    let depends_on = |kind: &str| match link.kind {
        "private-google-access" => false,
        "firewall" => kind != "route",
        _ => kind != "firewall",
    };
    if earlier.any(|one| one.state != State::Ok && depends_on(one.kind)) {
        return None;
    }
    let check = check_of(directory, &path, &link)?;
    Some(Road { cluster, link, check, is_certain, because, path })
}

/// How a broken link is called.
fn check_of(directory: &Directory<'_>, path: &Path<'_>, link: &Link) -> Option<&'static str> {
    let class = path.class;
    let vip_meant = class == Class::GooglePublic && is_vip_meant(directory, path);
    Some(match link.fault? {
        Fault::ZoneUnseen => "dns-zone-not-attached",
        Fault::NoRecord => "dns-record-missing",
        Fault::WrongTarget => "dns-record-wrong-target",
        Fault::Denied | Fault::PartlyDenied | Fault::NoRoute | Fault::WrongHop if vip_meant => {
            "dns-zone-missing"
        }
        // Whose addresses these are nobody knows, so no other need asks for them.
        Fault::Denied if class == Class::Internet => "external-egress-blocked",
        // What EGRESS rules deny is a need of its own, judged and mended as such.
        Fault::Denied | Fault::PartlyDenied => return None,
        Fault::WrongHop if class == Class::Vip && has_own_route(directory, path) => {
            "private-route-outranked"
        }
        Fault::WrongHop if class == Class::Vip => "private-route-wrong-next-hop",
        Fault::NoRoute if class == Class::Vip => "private-route-missing",
        Fault::NoRoute | Fault::WrongHop => "default-route-missing",
        Fault::AccessOff => "private-google-access-disabled",
        Fault::Uncovered => "nat-range-uncovered",
        Fault::NoNat => "nat-missing",
    })
}

/// Whether the network has private zones for other names of Google's, or a route of its own to a
/// VIP: then the VIP is meant for this one, too.
fn is_vip_meant(directory: &Directory<'_>, path: &Path<'_>) -> bool {
    let network = path.start.network.as_ref();
    network.is_some_and(|network| path::is_meant(directory.inventory, network))
}

/// Whether a route to the VIP is there, with the right next hop, that another one takes the packets
/// from.
fn has_own_route(directory: &Directory<'_>, path: &Path<'_>) -> bool {
    let Some(network) = &path.start.network else { return false };
    let Some(end) = &path.end else { return false };
    directory.inventory.routes.iter().any(|route| {
        route.network.agrees(network)
            && route.destination.prefix_len() > 0
            && routing::is_internet_gateway(route)
            && routing::serves(route, &path.start.tags) != Some(false)
            && end.ranges.iter().any(|range| route.destination.contains(&range.addr()))
    })
}

#[cfg(test)]
mod tests {
    use super::registry;

    #[test]
    fn images_name_their_registry_or_mean_docker_hub() {
        for (image, expected) in [
            ("gcr.io/a/b:1", Some("gcr.io")),
            ("quay.io:443/a/b", Some("quay.io")),
            ("library/nginx", Some("registry-1.docker.io")),
            ("nginx:1.25", Some("registry-1.docker.io")),
            // Who runs it puts in the name.
            ("auto", None),
            ("${IMAGE}", None),
            ("{{ .Values.image }}", None),
            ("$(registry)/a", None),
            ("localhost:5000/a", None),
            ("", None),
        ] {
            assert_eq!(registry(image).as_deref(), expected, "{image}");
        }
    }
}
