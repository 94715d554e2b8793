//! Load balancers' probes, and their proxies, to what stands behind them: of Ingresses and
//! Gateways, of Services, of backend services that gcloud describes.
//!
//! From where they come and where they go depends on the kind
//! (<https://cloud.google.com/load-balancing/docs/firewall-rules>): proxies and their probes from
//! two ranges, or from the proxy-only subnet where the balancer is regional or internal;
//! passthrough ones from four. Instance groups are probed on the node port, endpoint groups on the
//! pod's own.

use std::collections::BTreeMap;

use crate::correlate::Directory;
use crate::correlate::expected::backend::backend_of;
use crate::correlate::expected::cluster::{Wanted, unknown};
use crate::correlate::expected::judge::{Ask, Asked};
use crate::correlate::expected::{Need, Place, Purpose, outside};
use crate::correlate::scope::Scope;
use crate::correlate::side::Side;
use crate::engine::EffectiveRules;
use crate::model::balancer::{BackendGroup, BackendService};
use crate::model::firewall::Layer4;
use crate::model::workload::ServicePort;
use crate::model::workload::{Ingress, PortName};
use crate::model::{ObjectName, Origin, Reference, Service};
use crate::net::{Direction, IpNet, PortSet, Protocol, Role, well_known};

/// The probes of proxies.
pub(super) const PROXIED: &str = "load balancer health checks";
/// What brings the requests of an external Application Load Balancer: Google's front ends, from the
/// ranges of its probes.
pub const FRONT_ENDS: &str = "front ends";
/// Those of passthrough balancers.
pub(super) const PASSTHROUGH: &str = "passthrough load balancer health checks";

/// How a Gateway's or an Ingress's class is served.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By Google's front ends.
    Global,
    /// By proxies in the network's own proxy-only subnet of the region.
    Regional,
    /// By proxies in proxy-only subnets for several regions.
    CrossRegional,
}

impl Kind {
    fn has_own_proxies(self) -> bool {
        matches!(self, Self::Regional | Self::CrossRegional)
    }
}

/// What serves an Ingress or a route; `None` where that is no load balancer of Google's.
fn kind_of(place: &Place<'_, '_>, ingress: &Ingress) -> Option<Kind> {
    if ingress.kind == "Ingress" {
        return match ingress.class.as_str() {
            _ if ingress.is_left_alone || place.cluster.serves_no_ingresses => None,
            "" | "gce" => Some(Kind::Global),
            "gce-internal" => Some(Kind::Regional),
            _ => None,
        };
    }
    let workloads = &place.directory.inventory.workloads;
    let gateway = workloads.gateways.iter().find(|one| ingress.is_served_by(one))?;
    match gateway.class.as_str() {
        class if class.starts_with("gke-l7-global") || class.starts_with("gke-l7-gxlb") => {
            Some(Kind::Global)
        }
        class if class.starts_with("gke-l7-cross-regional") => Some(Kind::CrossRegional),
        class if class.starts_with("gke-l7-") => Some(Kind::Regional),
        _ => None,
    }
}

fn ingresses<'p, 'a>(
    place: &'p Place<'_, 'a>,
) -> impl Iterator<Item = (&'a Ingress, Kind)> + use<'p, 'a> {
    let all = place.directory.inventory.workloads.ingresses.iter();
    all.filter_map(move |one| Some((one, kind_of(place, one)?)))
}

/// Whether an Ingress or a Gateway has GKE open the firewall for its probes.
pub(super) fn has_ingress(place: &Place<'_, '_>) -> bool {
    ingresses(place).next().is_some()
}

fn balancers<'a>(place: &Place<'_, 'a>) -> impl Iterator<Item = &'a Service> + use<'a> {
    let services = place.directory.inventory.workloads.services.iter();
    services.filter(|service| service.kind == "LoadBalancer" && service.is_googles())
}

/// Whether a Service has GKE open the firewall for its probes.
pub(super) fn has_balancer(place: &Place<'_, '_>) -> bool {
    balancers(place).next().is_some()
}

/// What GKE opens besides what stands in the table: ports that depend on the cluster's objects.
pub(super) fn extra(place: &Place<'_, '_>, rule: &str) -> Option<Layer4> {
    let ports: Vec<u16> = match rule {
        "l7" => ingresses(place)
            .flat_map(|(ingress, kind)| backends(place, ingress, kind))
            .flat_map(|backend| [backend.serving, backend.checked])
            .flatten()
            .collect(),
        "node-http-hc" => {
            balancers(place).filter_map(|service| service.health_check_port).collect()
        }
        _ => return None,
    };
    let ports = (!ports.is_empty()).then(|| PortSet::of(ports))?;
    Some(Layer4 { protocol: Some(Protocol::TCP), ports: Some(ports) })
}

/// What a balancer probes and serves of a Service.
struct Probed {
    service: ObjectName,
    /// Whether pods are probed, else node ports.
    pods: bool,
    on_nodes: bool,
    /// Where requests go.
    serving: Option<u16>,
    /// The health check's own port, where it has one: else the serving one is probed.
    checked: Option<u16>,
    lacks: Option<String>,
}

/// Who asks: the balancer's probes come from Google's ranges, and so do the requests, unless
/// proxies of the network's own bring them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asker {
    Probes,
    FrontEnds,
    Proxies,
}

impl Asker {
    fn words(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::FrontEnds => FRONT_ENDS,
            Self::Proxies => "proxies",
        }
    }
}

/// Who asks for which port, where requests go to one and a health check may have another.
fn asked_ports(
    serving: Option<u16>,
    checked: Option<u16>,
    has_own_proxies: bool,
) -> Vec<(Asker, Option<u16>)> {
    let probed = (Asker::Probes, checked.or(serving));
    if has_own_proxies {
        return vec![probed, (Asker::Proxies, serving)];
    }
    let apart = checked.is_some() && checked != serving;
    let requests = apart.then_some((Asker::FrontEnds, serving));
    requests.into_iter().chain([probed]).collect()
}

fn backends(place: &Place<'_, '_>, ingress: &Ingress, kind: Kind) -> Vec<Probed> {
    let mut found = Vec::new();
    for (id, port) in &ingress.backends {
        found.extend(probed(place, ingress, kind, id, port));
    }
    found
}

fn probed(
    place: &Place<'_, '_>,
    ingress: &Ingress,
    kind: Kind,
    id: &ObjectName,
    port: &PortName,
) -> Option<Probed> {
    let workloads = &place.directory.inventory.workloads;
    let service = workloads.service(id)?;
    let port = service.ports.iter().find(|one| match port {
        PortName::Number(number) => one.port == *number,
        PortName::Name(name) => one.name.as_ref() == Some(name),
    })?;
    let neg = service.annotations.get("cloud.google.com/neg");
    let by_annotation = neg.is_some_and(|text| text.replace(' ', "").contains("\"ingress\":true"));
    // Only endpoint groups reach a Service without node port; internal balancers and Gateways have
    // nothing else.
    let pods = by_annotation
        || service.kind == "ClusterIP"
        || kind.has_own_proxies()
        || ingress.kind != "Ingress";
    let checked = health_check_port(place, ingress, service, port);
    if !pods {
        let lacks = port.node_port.is_none().then(|| {
            format!("the node port of Service {id} is not given: kubectl get service -o json")
        });
        // For instance groups the health check's own port is a node port, too
        // (<https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration#direct_health>).
        let (serving, service) = (port.node_port, id.clone());
        return Some(Probed { service, pods, on_nodes: true, serving, checked, lacks });
    }
    let backend = backend_of(workloads, &service.id, port.port);
    let (serving, service) = (backend.port, id.clone());
    let (on_nodes, lacks) = (backend.on_nodes, backend.lacks);
    Some(Probed { service, pods, on_nodes, serving, checked, lacks })
}

/// The port that a BackendConfig or a policy has probed, where that is another one.
fn health_check_port(
    place: &Place<'_, '_>,
    ingress: &Ingress,
    service: &Service,
    port: &ServicePort,
) -> Option<u16> {
    let workloads = &place.directory.inventory.workloads;
    let mut configs = workloads.backend_configs_of(ingress, service, port);
    configs.find_map(|config| config.health_check_port)
}

fn probes(name: &'static str) -> Side {
    let ranges = well_known::ranges_with(Role::HealthCheck, name);
    let v4 = ranges.into_iter().filter(|range| range.addr().is_ipv4()).collect();
    outside(Role::HealthCheck, name, v4, "Google's list of probes")
}

/// Who probes a passthrough load balancer: an internal one is probed as proxied ones are.
fn passthrough_probes(is_internal: bool) -> Side {
    if is_internal {
        return probes(PROXIED);
    }
    let ranges = well_known::external_passthrough();
    outside(Role::HealthCheck, PASSTHROUGH, ranges, "Google's list of probes")
}

/// The proxy-only subnets of a network, in the region of a cluster.
fn proxies(place: &Place<'_, '_>, kind: Kind) -> Side {
    let location = place.cluster.id.location.as_deref();
    match &place.network {
        Some(network) => proxies_in(place.directory, network, location, kind),
        None => outside(Role::ProxySubnet, "", Vec::new(), "the network is not given"),
    }
}

/// The proxy-only subnets of a network, in the region of a place.
fn proxies_in(
    directory: &Directory<'_>,
    network: &Reference,
    location: Option<&str>,
    kind: Kind,
) -> Side {
    let inventory = directory.inventory;
    let mut ranges: Vec<IpNet> = Vec::new();
    let mut because = "no proxy-only subnet of the network is given".to_owned();
    for subnetwork in &inventory.subnetworks {
        let purpose = subnetwork.purpose.as_deref().unwrap_or("");
        // Balancers across regions have a kind of their own, and proxies in several.
        let across = kind == Kind::CrossRegional;
        let proxy: &[&str] = match across {
            true => &["GLOBAL_MANAGED_PROXY"],
            false => &["REGIONAL_MANAGED_PROXY", "INTERNAL_HTTPS_LOAD_BALANCER"],
        };
        let region = subnetwork.id.location.as_deref();
        let is_in = |(region, at): (&str, &str)| {
            at.strip_prefix(region).is_some_and(|zone| zone.is_empty() || zone.starts_with('-'))
        };
        let here = across || region.zip(location).is_none_or(is_in);
        let own = subnetwork.network.agrees(network);
        if proxy.contains(&purpose) && here && own {
            ranges.extend(subnetwork.primary);
            because = format!("proxy-only subnet {} ({})", subnetwork.id.name, subnetwork.origin);
        }
    }
    outside(Role::ProxySubnet, "", ranges, &because)
}

/// What the load balancers of a cluster need.
pub(super) fn of_cluster<'a>(place: &Place<'_, 'a>, into: &mut Vec<Need<'a>>) {
    // Several Ingresses share a Service.
    type Key = (ObjectName, Option<u16>, bool);
    let mut wanted: BTreeMap<Key, (Probed, &Ingress, Kind)> = BTreeMap::new();
    for (ingress, kind) in ingresses(place) {
        for found in backends(place, ingress, kind) {
            let regional = kind.has_own_proxies();
            let key = (found.service.clone(), found.serving.or(found.checked), regional);
            wanted.entry(key).or_insert((found, ingress, kind));
        }
    }
    for (found, ingress, kind) in wanted.into_values() {
        of_backend(place, &found, ingress, kind, into);
    }
    for service in balancers(place) {
        of_balancer(place, service, into);
    }
}

fn of_backend<'a>(
    place: &Place<'_, 'a>,
    found: &Probed,
    ingress: &Ingress,
    kind: Kind,
    into: &mut Vec<Need<'a>>,
) {
    let name = found.service.to_string();
    let what = if found.pods { "pods" } else { "node port" };
    for (asker, port) in asked_ports(found.serving, found.checked, kind.has_own_proxies()) {
        // Where nobody knows a port it is told once.
        if port.is_none() && asker != Asker::Probes && found.checked.is_none() {
            continue;
        }
        let wanted = Wanted {
            purpose: Purpose::Probe,
            reason: format!(
                "{} of {} {} to {what} of {name}",
                asker.words(),
                ingress.kind,
                ingress.id
            ),
            from: match asker {
                Asker::Probes | Asker::FrontEnds => probes(PROXIED),
                Asker::Proxies => proxies(place, kind),
            },
            to: place.backend(&name, found.on_nodes),
            protocol: Protocol::TCP,
            port,
            doubtful: false,
            because: Vec::from_iter(found.lacks.clone().filter(|_| port.is_none())),
        };
        into.push(match port {
            Some(_) => Need { origin: ingress.origin.clone(), ..place.need(wanted) },
            None => place.unknown(wanted, &ingress.origin),
        });
    }
}

/// A Service of type LoadBalancer: with the traffic policy Local its own port is probed, else the
/// one that kube-proxy answers on every node.
fn of_balancer<'a>(place: &Place<'_, 'a>, service: &Service, into: &mut Vec<Need<'a>>) {
    let port = if service.local { service.health_check_port } else { Some(10_256) };
    let because = port.is_none().then(|| {
        format!(
            "healthCheckNodePort of Service {} is not given: kubectl get service -o json",
            service.id
        )
    });
    let wanted = Wanted {
        purpose: Purpose::Probe,
        reason: format!("probes of Service {} to nodes", service.id),
        from: passthrough_probes(service.is_internal()),
        to: place.side(Role::Node),
        protocol: Protocol::TCP,
        port,
        doubtful: false,
        because: Vec::from_iter(because),
    };
    let mut need = match port {
        Some(_) => place.need(wanted),
        None => place.unknown(wanted, &service.origin),
    };
    need.origin = service.origin.clone();
    into.push(need);
}

/// What the backend services need that gcloud describes.
pub(super) fn of_balancers<'a>(directory: &Directory<'a>, scope: &Scope, into: &mut Vec<Need<'a>>) {
    let inventory = directory.inventory;
    if scope.cluster.is_some() {
        return;
    }
    for service in &inventory.balancers.services {
        for group in &service.groups {
            let described = inventory.balancers.groups.iter().find(|one| one.id.agrees(group));
            of_group(directory, scope, (service, group, described), into);
        }
    }
}

fn of_group<'a>(
    directory: &Directory<'a>,
    scope: &Scope,
    (service, group, described): (&BackendService, &Reference, Option<&BackendGroup>),
    into: &mut Vec<Need<'a>>,
) {
    // Endpoints outside of the network are reached over the internet.
    let outer = ["INTERNET_IP_PORT", "INTERNET_FQDN_PORT", "SERVERLESS", "PRIVATE_SERVICE_CONNECT"];
    if described.is_some_and(|one| outer.contains(&one.kind.as_str())) {
        return;
    }
    let only = match directory.networks.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let said = described.and_then(|one| one.network.as_ref());
    let known = said.and_then(|said| directory.networks.iter().find(|one| one.agrees(said)));
    let Some(network) = known.or(said).or(only).filter(|one| scope.holds(one)).cloned() else {
        return;
    };
    let vms = cluster_of_group(directory, group, &network);
    let rules = EffectiveRules::of(directory.inventory, &network);
    let to = vms_behind(directory, group, described, &network, vms);
    let all = asked_of(directory, service, described);
    let told = |need: &Need<'_>| need.purpose == Purpose::Probe && need.to.ranges == to.ranges;
    let is_told = into.iter().any(told);
    let asked = Asked { directory, network: &network, rules: &rules, vms };
    for (asker, port) in all {
        let from = asker_of(directory, service, &network, asker);
        let reason =
            format!("{} of backend service {} to {}", asker.words(), service.id.name, group.name);
        let Some(port) = port else {
            if !is_told {
                let need = of_no_port(service, reason, from, to.clone());
                into.push(Need { cluster: vms, network: Some(network.clone()), ..need });
            }
            continue;
        };
        let ports = PortSet::of([port]);
        let ask = Ask { from: &from, to: &to, protocol: Protocol::TCP, ports: &ports };
        let answer = asked.at(Direction::Ingress, &ask);
        // What the objects of the cluster told already.
        let known = into.iter().any(|need| {
            (need.from.role, need.to.role, need.port) == (from.role, to.role, Some(port))
                && need.to.ranges == to.ranges
                && need.from.ranges == from.ranges
        });
        if known {
            continue;
        }
        into.push(Need {
            purpose: Purpose::Probe,
            reason,
            cluster: vms,
            network: Some(network.clone()),
            because: Vec::from_iter(from.ranges.is_empty().then(|| from.because.clone())),
            from,
            to: to.clone(),
            protocol: Protocol::TCP,
            port: Some(port),
            doubtful: false,
            missing: None,
            answer,
            origin: service.origin.clone(),
        });
    }
}

fn asker_of(
    directory: &Directory<'_>,
    service: &BackendService,
    network: &Reference,
    asker: Asker,
) -> Side {
    match asker {
        Asker::Probes | Asker::FrontEnds if service.is_passthrough() => {
            passthrough_probes(service.scheme == "INTERNAL")
        }
        Asker::Probes | Asker::FrontEnds => probes(PROXIED),
        Asker::Proxies => {
            let region = service.id.location.as_deref();
            let kind = if region.is_some() { Kind::Regional } else { Kind::CrossRegional };
            proxies_in(directory, network, region, kind)
        }
    }
}

/// Probes of a port that nobody gave.
fn of_no_port<'a>(service: &BackendService, reason: String, from: Side, to: Side) -> Need<'a> {
    let because = "which port its endpoints serve, and are probed on, is not given: gcloud compute \
                   network-endpoint-groups list-network-endpoints, kubectl get services";
    let wanted = Wanted {
        purpose: Purpose::Probe,
        reason,
        from,
        to,
        protocol: Protocol::TCP,
        port: None,
        doubtful: false,
        because: vec![because.to_owned()],
    };
    unknown(wanted, &service.origin)
}

/// Who asks for which port of a backend service that gcloud describes.
fn asked_of(
    directory: &Directory<'_>,
    service: &BackendService,
    group: Option<&BackendGroup>,
) -> Vec<(Asker, Option<u16>)> {
    let checks = &directory.inventory.balancers.health_checks;
    let own = |id: &Reference| checks.iter().find(move |one| one.id.agrees(id));
    let serving = group.and_then(|group| {
        let named = service.port_name.as_deref().unwrap_or("http");
        let of_name = group.named_ports.iter().find(|(name, _)| name == named);
        of_name.map(|(_, port)| *port).or(group.default_port)
    });
    let has_own_proxies = service.scheme == "INTERNAL_MANAGED"
        || service.scheme == "EXTERNAL_MANAGED" && service.id.location.is_some();
    let mut all = Vec::new();
    for check in service.health_checks.iter().filter_map(own) {
        // Requests to a passthrough balancer come from its clients.
        // Requests to a passthrough balancer come from its clients, and those of a mesh from the
        // clients' own proxies: only what is probed is known.
        match service.is_passthrough() || service.scheme == "INTERNAL_SELF_MANAGED" {
            true => all.push((Asker::Probes, check.port.or(serving))),
            false => all.extend(asked_ports(serving, check.port, has_own_proxies)),
        }
    }
    // Nobody said what is probed.
    if all.is_empty() && !service.health_checks.is_empty() {
        let serving = serving.filter(|_| !service.is_passthrough());
        all.extend(asked_ports(serving, None, has_own_proxies));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The cluster whose nodes a group holds, where its name tells.
fn cluster_of_group(
    directory: &Directory<'_>,
    group: &Reference,
    network: &Reference,
) -> Option<usize> {
    let here = |cluster: &crate::model::Cluster| {
        cluster.network.as_ref().is_none_or(|of| of.agrees(network))
    };
    let clusters = || {
        let all = directory.inventory.clusters.iter().enumerate();
        all.filter(|(_, cluster)| here(cluster))
    };
    let named = clusters()
        .filter(|(_, cluster)| group.name.starts_with(&format!("gke-{}-", cluster.id.name)))
        .max_by_key(|(_, cluster)| cluster.id.name.len());
    if let Some((at, _)) = named {
        return Some(at);
    }
    let of_controller = ["k8s-ig--", "k8s1-", "k8s2-", "gkegw1-"];
    let mut all = clusters();
    match (all.next(), all.next()) {
        (Some((only, _)), None) if of_controller.iter().any(|one| group.name.starts_with(one)) => {
            Some(only)
        }
        _ => None,
    }
}

fn vms_behind(
    directory: &Directory<'_>,
    group: &Reference,
    described: Option<&BackendGroup>,
    network: &Reference,
    cluster: Option<usize>,
) -> Side {
    let inventory = directory.inventory;
    if let Some((at, found)) = cluster.and_then(|at| Some((at, inventory.clusters.get(at)?))) {
        let place = Place::of(directory, at, found);
        let pods = described.is_some_and(|one| one.of_endpoints);
        return place.side(if pods { Role::Pod } else { Role::Node });
    }
    let wanted = described.and_then(|one| one.subnetwork.as_ref());
    let own = inventory.subnetworks.iter().filter(|one| {
        one.network.agrees(network) && wanted.is_none_or(|wanted| one.id.agrees(wanted))
    });
    let ranges: Vec<IpNet> =
        own.filter(|_| wanted.is_some()).filter_map(|one| one.primary).collect();
    let origin = described.map_or_else(Origin::default, |one| one.origin.clone());
    let because = match described {
        Some(_) => format!("group {} ({origin})", group.name),
        None => format!("group {}, which is not described", group.name),
    };
    let mut side = outside(Role::Subnet, &group.name, ranges, &because);
    side.network = Some(network.clone());
    side
}
