//! The ways through Ingresses and Gateways: their host, TLS, what the controller is told of each
//! backend, and who gets as far as the controller.

use crate::correlate::expected::{Need, Purpose};
use crate::correlate::exposure::controller::{of_class, of_gateways};
use crate::correlate::exposure::{
    Controller, Known, Unfit, Way, WayKind, WayPort, Ways, World, anybody,
};
use crate::model::application::Application;
use crate::model::workload::{BackendConfig, Gateway, Ingress, PortName, ServicePort};
use crate::model::{Expected, ObjectName, Service, Workloads};
use crate::net::{AddressSet, Role, parse_cidr};

/// Why nobody serves an Ingress of GKE's class.
const LEFT_ALONE: &str = "its class stands in ingressClassName: GKE's controller goes by the \
                          annotation kubernetes.io/ingress.class, and leaves it alone";

/// Why nobody knows who serves one where GKE does not
/// (<https://cloud.google.com/kubernetes-engine/docs/concepts/ingress#limitations>).
const SWITCHED_OFF: &str = "the cluster's HTTP load balancing is switched off: GKE serves no \
                            Ingress of this class, and who does is not said";

/// Where what Traefik does to requests on their way is named.
const MIDDLEWARES: [&str; 2] =
    ["IngressRoute middlewares", "traefik.ingress.kubernetes.io/router.middlewares"];

/// A stream is cut where the controller waits no longer than this, in seconds.
const LONG: u64 = 3_600;

/// All of them.
pub(super) fn ways<'a>(world: &World<'_, 'a>, into: &mut Ways<'a>) {
    let workloads = &world.directory.inventory.workloads;
    for ingress in &workloads.ingresses {
        let gateway = workloads.gateways.iter().find(|one| ingress.is_served_by(one));
        let hosts: Vec<Option<&String>> = match ingress.hosts.as_slice() {
            [] => vec![None],
            hosts => {
                let mut hosts: Vec<_> = hosts.iter().map(Some).collect();
                hosts.sort();
                hosts.dedup();
                hosts
            }
        };
        for host in hosts {
            let way = of_ingress(world, ingress, gateway, host, &into.ways);
            into.ways.push(way);
        }
    }
}

fn backend<'w>(
    workloads: &'w Workloads,
    id: &ObjectName,
    port: &PortName,
) -> Option<(&'w Service, &'w ServicePort)> {
    let service = workloads.service(id)?;
    let port = service.ports.iter().find(|one| match port {
        PortName::Number(number) => one.port == *number,
        PortName::Name(name) if name.is_empty() => service.ports.len() == 1,
        PortName::Name(name) => one.name.as_ref() == Some(name),
    })?;
    Some((service, port))
}

fn of_ingress<'a>(
    world: &World<'_, 'a>,
    ingress: &Ingress,
    gateway: Option<&Gateway>,
    host: Option<&String>,
    others: &[Way<'a>],
) -> Way<'a> {
    let workloads = &world.directory.inventory.workloads;
    let is_route = ingress.is_route();
    let controller = controller(world, ingress);
    let behind: Vec<(&Service, &ServicePort)> =
        ingress.backends.iter().filter_map(|(id, port)| backend(workloads, id, port)).collect();
    let ports: Vec<WayPort> =
        behind.iter().map(|(service, port)| world.port(service, port)).collect();
    let unfit = controller.map(|one| unfit(world, one, ingress, &behind, &ports));
    let speaks = |one: &Controller| {
        let mut all = behind.iter();
        all.any(|(service, port)| one.speaks_grpc(ingress, service, port))
    };
    let class = gateway.map_or(ingress.class.as_str(), |one| one.class.as_str());
    let mut way = Way {
        kind: if is_route { WayKind::Gateway } else { WayKind::Ingress },
        name: ingress.id.clone(),
        host: host.cloned(),
        address: address(world, ingress, gateway, host),
        authentication: authentication(world, controller, ingress, &behind, &ports),
        clients: None,
        is_internal: is_internal(class, ingress),
        cluster: world.cluster,
        provider: world.provider(),
        tls: match gateway {
            Some(gateway) => tls_of_gateway(gateway, ingress),
            None if is_route => Known::new(None, "its Gateway was not given"),
            None => tls_of_ingress(ingress, host),
        },
        grpc: controller.map(speaks),
        websockets: controller.map(|one| one.lacks_websockets(ingress).is_none()),
        controller,
        unfit: unfit.unwrap_or_default(),
        verdict: Expected::Undetermined,
        answer: None,
        because: Vec::new(),
        origin: ingress.origin.clone(),
        ports,
    };
    let lacks = not_given(workloads, ingress);
    let is_partial = lacks.is_some();
    way.because.extend(lacks);
    if ingress.is_left_alone {
        way.because.push(LEFT_ALONE.to_owned());
    } else if is_switched_off(world, class, is_route) {
        way.because.push(SWITCHED_OFF.to_owned());
    } else if class_is_googles(class, is_route) {
        by_google(world, (ingress, class), &behind, &mut way);
    } else if class == "alb" {
        way.clients = Some(anybody(way.is_internal).clone());
        way.because.push(
            "its balancer has a security group of its own, which the controller writes".to_owned(),
        );
        world.come_from_outside(&mut way);
    } else {
        by_controller(controller, &mut way, others);
    }
    restricted(world, controller, ingress, &mut way);
    if is_partial && way.verdict == Expected::Allowed {
        way.verdict = Expected::Undetermined;
    }
    if let Some(gateway) = gateway {
        taken(gateway, ingress, &mut way);
    }
    if MIDDLEWARES.iter().any(|key| ingress.annotations.contains_key(*key)) {
        way.because.push("its middlewares may keep some out, and were not read".to_owned());
    }
    way
}

/// What serves it, as far as its class tells.
fn controller(world: &World<'_, '_>, ingress: &Ingress) -> Option<&'static Controller> {
    let is_route = ingress.is_route();
    match ingress.kind.as_str() {
        "VirtualService" => of_class("istio"),
        _ if is_route => of_gateways(),
        _ if ingress.is_left_alone || is_switched_off(world, &ingress.class, is_route) => None,
        _ => of_class(&ingress.class),
    }
}

/// The backends that were not given.
fn not_given(workloads: &Workloads, ingress: &Ingress) -> Option<String> {
    let all = ingress.backends.iter();
    let missing: Vec<String> = all
        .filter(|(id, port)| backend(workloads, id, port).is_none())
        .map(|(id, port)| format!("{id}:{port}"))
        .collect();
    let words = missing.join(", ");
    (!missing.is_empty()).then(|| format!("backends that were not given: {words}"))
}

/// A Gateway takes routes of its own namespace, unless it says otherwise.
fn taken(gateway: &Gateway, route: &Ingress, way: &mut Way<'_>) {
    match gateway.takes(route) {
        Some(true) => {}
        Some(false) => {
            way.because.push(format!(
                "Gateway {} does not take routes of namespace {}: allowedRoutes of its listeners",
                gateway.id, route.id.namespace
            ));
            (way.verdict, way.clients) = (Expected::Denied, Some(AddressSet::default()));
        }
        None => {
            way.because.push(format!(
                "whether Gateway {} takes routes of namespace {}, its labels decide, or a listener \
                 that was not given",
                gateway.id, route.id.namespace
            ));
            way.verdict = Expected::Undetermined;
        }
    }
}

/// Whether the controller of an Ingress of GKE's class is not there.
fn is_switched_off(world: &World<'_, '_>, class: &str, is_route: bool) -> bool {
    let cluster = world.cluster.and_then(|at| world.directory.inventory.clusters.get(at));
    let is_off = cluster.is_some_and(|one| one.serves_no_ingresses);
    is_off && !is_route && class_is_googles(class, false)
}

fn class_is_googles(class: &str, is_route: bool) -> bool {
    match is_route {
        true => class.starts_with("gke-l7-"),
        false => ["", "gce", "gce-internal"].contains(&class),
    }
}

fn is_internal(class: &str, ingress: &Ingress) -> bool {
    // An ALB is internal unless it is told otherwise.
    let scheme = ingress.annotations.get("alb.ingress.kubernetes.io/scheme").map(String::as_str);
    class == "gce-internal"
        || class.contains("rilb")
        || class.contains("internal-managed")
        || class == "alb" && scheme != Some("internet-facing")
}

/// Its own address, else the one that a zone which was given has for its host.
fn address(
    world: &World<'_, '_>,
    ingress: &Ingress,
    gateway: Option<&Gateway>,
    host: Option<&String>,
) -> Option<std::net::IpAddr> {
    let own = gateway.map_or(&ingress.addresses, |one| &one.addresses).first().copied();
    let of_zone = || {
        let host = crate::engine::naming::plain(host?);
        let records = &world.directory.inventory.record_sets;
        let own = |one: &&crate::model::RecordSet| crate::engine::naming::plain(&one.name) == host;
        let data = records.iter().filter(own).flat_map(|one| &one.data);
        data.filter_map(|text| crate::net::parse_address(text)).next()
    };
    own.or_else(of_zone)
}

fn tls_of_ingress(ingress: &Ingress, host: Option<&String>) -> Known {
    let by_annotation = [
        "alb.ingress.kubernetes.io/certificate-arn",
        "networking.gke.io/managed-certificates",
        "ingress.gcp.kubernetes.io/pre-shared-cert",
        "networking.gke.io/certmap",
    ];
    let covers = |hosts: &[String]| {
        hosts.is_empty() || host.is_none_or(|host| hosts.iter().any(|one| is_covered(one, host)))
    };
    if let Some((_, secret)) = ingress.tls.iter().find(|(hosts, _)| covers(hosts)) {
        let secret = secret.as_deref().unwrap_or("the controller's own certificate");
        return Known::new(Some(true), format!("secret {secret}"));
    }
    // <https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress/#on-ingress>
    let traefik = "traefik.ingress.kubernetes.io/router.tls";
    if ingress.annotations.get(traefik).is_some_and(|value| value == "true") {
        return Known::new(Some(true), format!("{traefik}: true"));
    }
    // <https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#ssl-passthrough>
    let passthrough = "nginx.ingress.kubernetes.io/ssl-passthrough";
    if ingress.annotations.get(passthrough).is_some_and(|value| value == "true") {
        return Known::new(None, format!("{passthrough}: the pods end it, if they speak it"));
    }
    // cert-manager alone makes a secret, which the Ingress still has to name.
    let named = by_annotation.iter().find_map(|key| Some((key, ingress.annotations.get(*key)?)));
    match named {
        Some((key, value)) => Known::new(Some(true), format!("{key}: {value}")),
        None if !ingress.tls.is_empty() => Known::new(Some(false), "its tls names other hosts"),
        None => Known::new(Some(false), "it has neither tls nor a certificate by annotation"),
    }
}

fn is_covered(pattern: &str, host: &str) -> bool {
    let wild = |suffix: &str| host.split_once('.').is_some_and(|(_, rest)| rest == suffix);
    pattern == host || pattern.strip_prefix("*.").is_some_and(wild)
}

fn tls_of_gateway(gateway: &Gateway, route: &Ingress) -> Known {
    let by_map = gateway.annotations.contains_key("networking.gke.io/certmap");
    let secure =
        |one: &&crate::model::workload::Listener| ["HTTPS", "TLS"].contains(&one.protocol.as_str());
    match gateway.listeners_of(route).find(secure) {
        Some(one) if by_map || !one.certificates.is_empty() || one.protocol == "TLS" => {
            let names = one.certificates.join(", ");
            Known::new(Some(true), format!("listener {}: {names}", one.port))
        }
        Some(one) => Known::new(None, format!("listener {} names no certificate", one.port)),
        None if gateway.is_cut => Known::new(None, "not all of its listeners could be read"),
        None => Known::new(Some(false), "no listener of its is HTTPS"),
    }
}

/// What was said of how a port of a Service is served.
fn said<T>(
    world: &World<'_, '_>,
    ingress: &Ingress,
    (service, port): (&Service, &ServicePort),
    what: impl Fn(&BackendConfig) -> Option<T>,
) -> Option<T> {
    let workloads = &world.directory.inventory.workloads;
    workloads.backend_configs_of(ingress, service, port).find_map(what)
}

fn authentication(
    world: &World<'_, '_>,
    controller: Option<&Controller>,
    ingress: &Ingress,
    behind: &[(&Service, &ServicePort)],
    ports: &[WayPort],
) -> Known {
    if controller.is_some_and(|one| one.asks_who(ingress)) {
        return Known::new(Some(true), "the controller asks, by annotation");
    }
    let by_iap = |one: &(&Service, &ServicePort)| said(world, ingress, *one, |one| one.iap);
    if !behind.is_empty() && behind.iter().all(|one| by_iap(one) == Some(true)) {
        return Known::new(Some(true), "IAP asks");
    }
    world.authentication(ports)
}

fn unfit(
    world: &World<'_, '_>,
    controller: &Controller,
    ingress: &Ingress,
    behind: &[(&Service, &ServicePort)],
    ports: &[WayPort],
) -> Vec<Unfit> {
    let mut found = Vec::new();
    for ((service, port), way) in behind.iter().zip(ports) {
        let name = format!("{}:{}", service.id, port.port);
        if way.application == Application::Grpc && !controller.speaks_grpc(ingress, service, port) {
            found.push(Unfit {
                what: format!("{} is not told to speak gRPC to {name}", controller.name),
                how: controller.how.to_owned(),
                source: controller.source,
            });
        }
        if way.application == Application::WebSocket
            && let Some(key) = controller.lacks_websockets(ingress)
        {
            found.push(Unfit {
                what: format!("{} is not told to let websockets to {name} pass", controller.name),
                how: format!("annotate the Ingress: {key}: \"PATH\""),
                source: controller.source,
            });
        }
        if !way.application.is_stream() {
            continue;
        }
        let of_backend = said(world, ingress, (*service, *port), |one| one.timeout);
        let is_named = service.backend_config(port).is_some() && !ingress.is_route();
        let is_given = said(world, ingress, (*service, *port), |_| Some(())).is_some();
        if is_named && !is_given {
            continue;
        }
        if let Some(seconds) = of_backend.or_else(|| controller.timeout(ingress))
            && seconds < LONG
        {
            let how = match controller.timeouts.first() {
                Some(key) => format!("annotate the Ingress: {key}: \"{LONG}\" or more"),
                None if !ingress.is_route() => {
                    format!("set timeoutSec of the Service's BackendConfig to {LONG} or more")
                }
                None => format!("set timeoutSec of a GCPBackendPolicy to {LONG} or more"),
            };
            found.push(Unfit {
                what: format!("{} cuts streams to {name} after {seconds} s", controller.name),
                how,
                source: controller.source,
            });
        }
    }
    found
}

/// Google's own front ends come from known ranges, which is a need of the cluster's, judged as
/// such; who gets to them, no firewall rule of the VPC says.
fn by_google(
    world: &World<'_, '_>,
    (ingress, class): (&Ingress, &str),
    behind: &[(&Service, &ServicePort)],
    way: &mut Way<'_>,
) {
    let of = format!(" of {} {} to ", ingress.kind, ingress.id);
    // Another Gateway of the same route may have proxies in the network.
    let is_global = class.starts_with("gke-l7-global") || class.starts_with("gke-l7-gxlb");
    let mut verdicts: Vec<Expected> = Vec::new();
    for (service, _) in behind {
        let to = format!(" of {}", service.id);
        let of_service: Vec<&Need<'_>> = world
            .needs
            .iter()
            .filter(|need| need.purpose == Purpose::Probe && need.reason.ends_with(&to))
            .filter(|need| !is_global || need.from.role != Role::ProxySubnet)
            .collect();
        let is_own = |need: &&&Need<'_>| need.origin == ingress.origin && need.reason.contains(&of);
        let own: Vec<Expected> =
            of_service.iter().filter(is_own).map(|need| need.answer.verdict).collect();
        // What several share is needed once, and stands under the first of them.
        let shared = of_service.iter().filter(|_| own.is_empty());
        verdicts.extend(shared.map(|need| need.answer.verdict));
        verdicts.extend(own);
    }
    let any = |wanted: Expected| verdicts.contains(&wanted);
    way.verdict = if any(Expected::Denied) || any(Expected::Mixed) {
        way.because.push("its probes or proxies are denied: see health-check-blocked".to_owned());
        Expected::Denied
    } else if verdicts.is_empty() || any(Expected::Undetermined) {
        way.because.push(
            "whether its probes reach the backends cannot be said without the cluster and the \
             rules"
                .to_owned(),
        );
        Expected::Undetermined
    } else {
        Expected::Allowed
    };
    world.come_from_outside(way);
    by_cloud_armor(world, ingress, behind, way);
}

/// Whom a backend lets in: for certain, and at the most; `None` where nobody described its policy.
fn admitted(
    world: &World<'_, '_>,
    ingress: &Ingress,
    (service, port): (&Service, &ServicePort),
    way: &mut Way<'_>,
) -> Option<(AddressSet, AddressSet)> {
    let all = || Some((anybody(way.is_internal).clone(), anybody(way.is_internal).clone()));
    let named = service.backend_config(port).filter(|_| !ingress.is_route());
    let is_given = said(world, ingress, (service, port), |_| Some(())).is_some();
    let name = match said(world, ingress, (service, port), |one| one.security_policy.clone()) {
        Some(name) => name,
        None if named.is_some() && !is_given => {
            way.because.push(format!(
                "the BackendConfig of {} was not given: kubectl get backendconfigs -o yaml",
                service.id
            ));
            return None;
        }
        None => return all(),
    };
    let policies = &world.directory.inventory.balancers.security_policies;
    let Some(policy) = policies.iter().find(|one| one.name == name) else {
        way.because.push(format!(
            "Cloud Armor decides who may come ({name}): gcloud compute security-policies describe"
        ));
        return None;
    };
    let (certain, perhaps) = policy.admitted();
    let place = &policy.origin;
    let words = certain.words(6);
    way.because.push(format!("Cloud Armor, {name}, lets in {words} to {} ({place})", service.id));
    if certain != perhaps {
        way.because.push(format!("{name} also goes by expressions, which are not read"));
    }
    Some((certain, perhaps))
}

/// Whom Cloud Armor lets in to any of the backends: each has a policy of its own, or none.
fn by_cloud_armor(
    world: &World<'_, '_>,
    ingress: &Ingress,
    behind: &[(&Service, &ServicePort)],
    way: &mut Way<'_>,
) {
    let mut all: Vec<Option<(AddressSet, AddressSet)>> = Vec::new();
    for one in behind {
        all.push(admitted(world, ingress, *one, way));
    }
    let Some(all) = all.into_iter().collect::<Option<Vec<_>>>() else { return };
    // What may be let in counts: too open is worse to miss than to name.
    let most = all.iter().fold(AddressSet::default(), |sum, (_, perhaps)| sum.union(perhaps));
    let everybody = anybody(way.is_internal);
    if all.is_empty() {
        // What is behind it may have a policy.
        way.clients = None;
        return;
    }
    way.clients = Some(everybody.intersection(&most));
    let named = AddressSet::of(&world.scope.clients);
    if named.is_empty() || way.verdict != Expected::Allowed {
        return;
    }
    let verdict = |(certain, perhaps): &(AddressSet, AddressSet)| {
        if certain.covers(&named) {
            Expected::Allowed
        } else if perhaps.intersection(&named).is_empty() {
            Expected::Denied
        } else if perhaps.covers(&named) {
            Expected::Undetermined
        } else {
            Expected::Mixed
        }
    };
    let mut verdicts = all.iter().map(verdict);
    let Some(first) = verdicts.next() else { return };
    way.verdict = if verdicts.all(|one| one == first) { first } else { Expected::Mixed };
}

/// Who gets to the controller, gets to what is behind it.
fn by_controller(controller: Option<&Controller>, way: &mut Way<'_>, others: &[Way<'_>]) {
    let words = controller.map_or(&[][..], |one| one.own);
    let own = |one: &&Way<'_>| {
        let name = &one.name.name;
        let outside = [WayKind::LoadBalancer, WayKind::NodePort].contains(&one.kind);
        outside && words.iter().any(|word| name.contains(word)) && !name.contains("admission")
    };
    let mut candidates: Vec<&Way<'_>> = others.iter().filter(own).collect();
    candidates.sort_by_key(|one| (one.kind != WayKind::LoadBalancer, &one.name));
    let name = controller.map_or("its controller", |one| one.name);
    let Some(first) = candidates.first().copied() else {
        way.because.push(format!(
            "the Service of {name} was not given: kubectl get services --all-namespaces -o json"
        ));
        return;
    };
    // Of several controllers the address tells which one it is.
    let same = |one: &&&Way<'_>| way.address.is_some() && one.address == way.address;
    let of_kind = candidates.iter().filter(|one| one.kind == first.kind).count();
    let front = match candidates.iter().find(same) {
        Some(front) => *front,
        None if of_kind > 1 => {
            way.because.push(format!(
                "several Services may be that of {name}, and its address does not tell which: \
                 kubectl get ingresses --all-namespaces -o json"
            ));
            return;
        }
        None => first,
    };
    way.because.push(format!("served by {} ({})", front.label(), front.origin));
    way.verdict = front.verdict;
    way.clients.clone_from(&front.clients);
    way.is_internal = front.is_internal;
    way.address = way.address.or(front.address);
}

/// Whom the controller itself lets in.
fn restricted(
    world: &World<'_, '_>,
    controller: Option<&Controller>,
    ingress: &Ingress,
    way: &mut Way<'_>,
) {
    let keys = controller.map_or(&[][..], |one| one.allow_lists);
    let Some(text) = keys.iter().find_map(|key| ingress.annotations.get(*key)) else { return };
    let ranges: Vec<_> =
        text.split([',', ' ']).filter(|one| !one.is_empty()).map(parse_cidr).collect();
    if ranges.iter().any(Option::is_none) || ranges.is_empty() {
        way.because.push("its list of who may come cannot be read".to_owned());
        way.clients = None;
        return;
    }
    let listed: Vec<_> = ranges.into_iter().flatten().collect();
    let listed = AddressSet::of(&listed);
    way.because.push(format!("the controller lets in {}", listed.words(6)));
    way.clients = Some(match &way.clients {
        Some(clients) => clients.intersection(&listed),
        None => listed.clone(),
    });
    let named = AddressSet::of(&world.scope.clients);
    if named.is_empty() || way.verdict == Expected::Denied {
        return;
    }
    if named.intersection(&listed).is_empty() {
        way.verdict = Expected::Denied;
    } else if !listed.covers(&named) {
        way.verdict = Expected::Mixed;
    }
}
