//! The ways that Services and pods open by themselves: node ports, load balancers, host ports.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::correlate::expected::Entrance;
use crate::correlate::exposure::{Known, Way, WayKind, WayPort, Ways, World, anybody, passing};
use crate::correlate::node_tags;
use crate::model::application::Application;
use crate::model::cluster::Provider;
use crate::model::workload::ServicePort;
use crate::model::{Expected, Instance, ObjectName, Origin, Service};
use crate::net::{AddressSet, IpNet, PortSet, Protocol};

/// All of them; Services behind an Ingress or a route have no row of their own for that.
pub(super) fn ways<'a>(world: &World<'_, 'a>, into: &mut Ways<'a>) {
    let workloads = &world.directory.inventory.workloads;
    let behind: BTreeSet<&ObjectName> =
        workloads.ingresses.iter().flat_map(|one| &one.backends).map(|(id, _)| id).collect();
    for service in &workloads.services {
        match service.kind.as_str() {
            "NodePort" => node_ports(world, service, into),
            "LoadBalancer" => balancer(world, service, into),
            "ExternalName" => {}
            _ if behind.iter().any(|id| id.agrees(&service.id)) => {}
            _ => into.ways.push(port_forward(world, service)),
        }
    }
    host_ports(world, into);
}

/// Whether a Service's load balancer is inside of the network, whoever's it is.
fn is_internal(service: &Service) -> bool {
    let of_amazon = |key: &str| service.annotations.get(&format!("{AMAZON}{key}"));
    // The controller's balancers are internal unless they are told otherwise.
    if is_of_controller(service) {
        return of_amazon("scheme").is_none_or(|value| value != "internet-facing")
            && of_amazon("internal").is_none_or(|value| value != "false");
    }
    service.is_internal()
        || of_amazon("internal").is_some_and(|value| value != "false")
        || of_amazon("scheme").is_some_and(|value| value == "internal")
}

/// Whether the AWS Load Balancer Controller makes the balancer, and not Kubernetes itself.
fn is_of_controller(service: &Service) -> bool {
    let kind = service.annotations.get(&format!("{AMAZON}type")).map(String::as_str);
    matches!(kind, Some("external" | "nlb-ip"))
        || service.balancer_class.as_deref() == Some("service.k8s.aws/nlb")
}

/// What annotations begin with that are for a balancer of Amazon's
/// (<https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/>).
const AMAZON: &str = "service.beta.kubernetes.io/aws-load-balancer-";

fn way<'a>(
    world: &World<'_, 'a>,
    kind: WayKind,
    (name, origin): (&ObjectName, &Origin),
    ports: Vec<WayPort>,
) -> Way<'a> {
    let tls = tls_of(&ports);
    Way {
        kind,
        name: name.clone(),
        host: None,
        address: None,
        authentication: world.authentication(&ports),
        ports,
        clients: None,
        is_internal: false,
        cluster: world.cluster,
        provider: world.provider(),
        tls,
        // Nothing stands between that would not let them pass.
        grpc: Some(true),
        websockets: Some(true),
        controller: None,
        unfit: Vec::new(),
        verdict: Expected::Undetermined,
        answer: None,
        because: Vec::new(),
        origin: origin.clone(),
    }
}

/// TLS where nothing ends it before the pods.
fn tls_of(ports: &[WayPort]) -> Known {
    let told: Vec<Option<bool>> = ports.iter().map(|port| port.tls).collect();
    let without: Vec<String> = ports
        .iter()
        .filter(|port| port.tls == Some(false))
        .map(|port| format!("{} {}", port.port, port.application.id()))
        .collect();
    if !without.is_empty() {
        return Known::new(Some(false), format!("the pods speak it not: {}", without.join(", ")));
    }
    match !told.is_empty() && told.iter().all(|one| *one == Some(true)) {
        true => Known::new(Some(true), "the pods speak it"),
        false => Known::new(None, "nothing that was given says whether the pods speak it"),
    }
}

fn ports_of(world: &World<'_, '_>, service: &Service) -> Vec<WayPort> {
    service.ports.iter().map(|port| world.port(service, port)).collect()
}

fn port_forward<'a>(world: &World<'_, 'a>, service: &Service) -> Way<'a> {
    // Most Services of a cluster are such: to find the pods of each would take its time, and says
    // nothing here.
    let ports = service.ports.iter().map(|port| world.inner_port(service, port)).collect();
    let mut way = way(world, WayKind::PortForward, (&service.id, &service.origin), ports);
    way.is_internal = true;
    way.clients = Some(AddressSet::default());
    way.verdict = Expected::Denied;
    way.because.push("a ClusterIP: from outside by kubectl port-forward alone".to_owned());
    way
}

fn node_ports<'a>(world: &World<'_, 'a>, service: &Service, into: &mut Ways<'a>) {
    let ports = ports_of(world, service);
    let mut way = way(world, WayKind::NodePort, (&service.id, &service.origin), ports);
    let open: Vec<(Protocol, u16)> =
        way.ports.iter().filter_map(|port| Some((port.protocol, port.node_port?))).collect();
    if open.len() < way.ports.len() {
        way.because.push(
            "some of its node ports are not given, the cluster chooses them: kubectl get services \
             -o json"
                .to_owned(),
        );
    }
    let reason = format!("clients of Service {} by its node ports", service.id);
    by_nodes(world, &mut way, &open, &reason, into);
    into.ways.push(way);
}

/// Asks the nodes, on their own addresses.
fn by_nodes<'a>(
    world: &World<'_, 'a>,
    way: &mut Way<'a>,
    open: &[(Protocol, u16)],
    reason: &str,
    into: &mut Ways<'a>,
) {
    let Some((at, cluster)) = cluster(world) else {
        way.because.push(lacks_cluster(world).to_owned());
        return;
    };
    way.is_internal = cluster.private_nodes;
    if cluster.private_nodes {
        way.because.push("the nodes have no external address: from inside only".to_owned());
    }
    let reach = of_node_ports(world, at, way, open, (reason, &AddressSet::all()), into);
    reach.tell(way);
    by_ipv6(world, cluster, way);
    if !cluster.private_nodes && seem_inside(world, cluster) && way.verdict != Expected::Denied {
        way.because.push(
            "none of the nodes that were given has an external address, though the cluster does \
             not say that its nodes are private"
                .to_owned(),
        );
        (way.verdict, way.clients) = (Expected::Undetermined, None);
    }
    world.come_from_outside(way);
}

/// Whether no node that was given has an external address.
fn seem_inside(world: &World<'_, '_>, cluster: &crate::model::Cluster) -> bool {
    let inventory = world.directory.inventory;
    let vms = node_tags::instances_of(inventory, cluster).filter(|one| !one.template);
    // What was cut may have held their addresses; one that is stopped gets another one.
    let of_vm = |one: &Instance| {
        let known = one.complete && !one.interfaces.is_empty();
        known.then(|| one.interfaces.iter().any(|nic| nic.has_access))
    };
    let only = inventory.clusters.len() == 1;
    let nodes = inventory.workloads.nodes.iter().filter(|_| only);
    let told: Vec<Option<bool>> = vms.map(of_vm).chain(nodes.map(|one| one.is_external)).collect();
    let none_is = !told.is_empty() && told.iter().all(|one| *one == Some(false));
    cluster.provider == Provider::Google && none_is
}

/// What the nodes let in on these ports, a protocol at a time.
fn of_node_ports<'a>(
    world: &World<'_, 'a>,
    cluster: usize,
    way: &Way<'_>,
    open: &[(Protocol, u16)],
    (reason, admitted): (&str, &AddressSet),
    into: &mut Ways<'a>,
) -> Reach<'a> {
    let mut reach = Reach::default();
    for protocol in [Protocol::TCP, Protocol::UDP] {
        let own = open.iter().filter(|(of, _)| *of == protocol).map(|(_, port)| *port);
        let ports = PortSet::of(own);
        if ports.is_empty() {
            continue;
        }
        let traffic = (protocol, &ports);
        let found = world.entrance(cluster, way.is_internal, None, traffic, admitted);
        let Some(found) = found else { continue };
        needed(world, way, &found.0, traffic, (reason, admitted), into);
        reach.add(found);
    }
    reach
}

/// Clients are asked about by IPv4; where nodes are on the internet by IPv6 as well, that nobody
/// comes by the one says nothing of the other.
fn by_ipv6(world: &World<'_, '_>, cluster: &crate::model::Cluster, way: &mut Way<'_>) {
    let mut nodes = node_tags::instances_of(world.directory.inventory, cluster);
    let has_v6 = |range: &IpNet| matches!(range, IpNet::V6(_));
    let is_on_it = nodes.any(|one| one.interfaces.iter().any(|nic| nic.aliases.iter().any(has_v6)));
    if way.provider != Provider::Amazon || !is_on_it {
        return;
    }
    way.because.push("the nodes have IPv6 addresses, too: who comes by these was not asked".into());
    if way.verdict == Expected::Denied && world.scope.clients.is_empty() {
        way.verdict = Expected::Undetermined;
        way.clients = None;
    }
}

fn lacks_cluster(world: &World<'_, '_>) -> &'static str {
    if world.directory.inventory.clusters.len() > 1 {
        return "several clusters were given, and whose Services these are is not said: name \
                --cluster";
    }
    match world.provider() {
        Provider::Google => {
            "whether the firewall lets anybody in cannot be said without the cluster and the \
             rules: gcloud container clusters list, gcloud compute firewall-rules list, \
             --format=json"
        }
        Provider::Amazon => {
            "whether the groups let anybody in cannot be said without the instances and the \
             groups: aws ec2 describe-instances, aws ec2 describe-security-groups"
        }
    }
}

fn cluster<'w>(world: &'w World<'_, '_>) -> Option<(usize, &'w crate::model::Cluster)> {
    let at = world.cluster?;
    Some((at, world.directory.inventory.clusters.get(at)?))
}

/// What the answers of several protocols come to.
#[derive(Default)]
struct Reach<'a> {
    verdict: Option<Expected>,
    clients: AddressSet,
    first: Option<Entrance<'a>>,
}

impl<'a> Reach<'a> {
    /// What is asked, and from where it passes for anybody.
    fn add(&mut self, (found, passing): (Entrance<'a>, AddressSet)) {
        self.clients = self.clients.union(&passing);
        let verdict = found.answer.verdict;
        self.verdict = Some(match self.verdict {
            None => verdict,
            Some(before) if before == verdict => before,
            Some(Expected::Undetermined) => Expected::Undetermined,
            Some(_) if verdict == Expected::Undetermined => Expected::Undetermined,
            Some(_) => Expected::Mixed,
        });
        self.first.get_or_insert(found);
    }

    fn tell(self, way: &mut Way<'a>) {
        let Some(verdict) = self.verdict else { return };
        way.verdict = verdict;
        let clients = passing(&self.clients, way);
        way.clients = (verdict != Expected::Undetermined).then_some(clients);
        way.answer = self.first.map(|found| found.answer);
    }
}

/// What clients that were named need becomes something that the cluster needs: of the application
/// that was asked about, where a way leads there at all, and never a port that is not for the
/// outside.
fn needed<'a>(
    world: &World<'_, 'a>,
    way: &Way<'_>,
    found: &Entrance<'a>,
    (protocol, ports): (Protocol, &PortSet),
    (reason, admitted): (&str, &AddressSet),
    into: &mut Ways<'a>,
) {
    let (Some(from), Some(cluster)) = (world.named(admitted), world.cluster) else { return };
    if !world.is_asked(way) || world.has_outsiders(way) {
        return;
    }
    let origin = &way.origin;
    let is_inner = |wanted: u16| {
        way.ports.iter().any(|port| {
            // On AWS it is the node's port that is opened for a balancer, too.
            let outer = match (way.kind, way.provider) {
                (WayKind::NodePort, _) | (_, Provider::Amazon) => port.node_port,
                _ => Some(port.port),
            };
            outer == Some(wanted) && port.may_be_public == Some(false)
        })
    };
    for (low, high) in ports.parts() {
        for port in (low..=high).filter(|port| !is_inner(*port)) {
            into.needs.push(found.need(
                reason.to_owned(),
                cluster,
                &from,
                (protocol, port),
                origin,
            ));
        }
    }
}

/// A passthrough balancer: packets arrive at the nodes with its own address and the Service's port.
fn balancer<'a>(world: &World<'_, 'a>, service: &Service, into: &mut Ways<'a>) {
    let ports = ports_of(world, service);
    let mut way = way(world, WayKind::LoadBalancer, (&service.id, &service.origin), ports);
    way.is_internal = is_internal(service);
    way.address = service.addresses.first().copied();
    let certificate = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert";
    if service.annotations.contains_key(certificate) {
        way.tls = Known::new(Some(true), format!("{certificate}: it ends at the balancer"));
    }
    let said = match service.source_ranges.as_slice() {
        [] => anybody(way.is_internal).clone(),
        ranges => AddressSet::of(ranges),
    };
    if way.is_internal && way.provider == Provider::Google {
        way.because.extend(behind_internal(world));
    }
    if let Some(why) = not_known(service, way.provider) {
        way.because.push(why);
        into.ways.push(way);
        return;
    }
    way.because.push(match service.source_ranges.is_empty() {
        true => "loadBalancerSourceRanges names nobody: anybody may come".to_owned(),
        false => format!("loadBalancerSourceRanges: {}", said.words(6)),
    });
    asked_balancer(world, service, &said, &mut way, into);
    into.ways.push(way);
}

/// Why nobody knows whom a balancer lets in: what was given of it cannot be read, or is not asked
/// about, or the balancer is not of this cloud's making.
fn not_known(service: &Service, provider: Provider) -> Option<String> {
    if service.sources_unread {
        return Some("its loadBalancerSourceRanges could not be read".to_owned());
    }
    let is_v6 = |address: &IpAddr| address.is_ipv6();
    let by_v6 = !service.addresses.is_empty() && service.addresses.iter().all(is_v6);
    let from_v6 = service.source_ranges.iter().all(|range| range.addr().is_ipv6());
    if by_v6 || !service.source_ranges.is_empty() && from_v6 {
        let whom: Vec<String> = service.source_ranges.iter().map(ToString::to_string).collect();
        let whom = if whom.is_empty() { "anybody".to_owned() } else { whom.join(", ") };
        return Some(format!("by IPv6, from {whom}: who comes by it was not asked"));
    }
    let class = service.balancer_class.as_deref().filter(|_| !service.is_googles())?;
    (provider == Provider::Google).then(|| {
        format!("class {class} is not GKE's: its own controller makes the balancer, and decides")
    })
}

/// What an internal balancer has behind it: with subsetting, some of the nodes
/// (<https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer#subsetting>).
fn behind_internal(world: &World<'_, '_>) -> Option<String> {
    let (_, cluster) = cluster(world)?;
    Some(match cluster.subsetting {
        Some(true) => "internal, with subsetting: zonal network endpoint groups of some nodes are \
                       behind it, and probes ask port 10256, or healthCheckNodePort"
            .to_owned(),
        Some(false) => {
            "internal, without subsetting: instance groups of all nodes are behind it".to_owned()
        }
        None => {
            "internal; whether with subsetting, the export of the cluster does not say".to_owned()
        }
    })
}

fn asked_balancer<'a>(
    world: &World<'_, 'a>,
    service: &Service,
    said: &AddressSet,
    way: &mut Way<'a>,
    into: &mut Ways<'a>,
) {
    let Some((at, _)) = cluster(world) else {
        way.clients = Some(said.clone());
        way.because.push(lacks_cluster(world).to_owned());
        return;
    };
    if way.provider == Provider::Amazon {
        on_amazon(world, service, said, way, into);
        return world.come_from_outside(way);
    }
    let addresses: Vec<IpNet> = service.addresses.iter().map(|one| IpNet::from(*one)).collect();
    let mut reach = Reach::default();
    let mut is_exported = true;
    for protocol in [Protocol::TCP, Protocol::UDP] {
        let own = service.ports.iter().filter(|port| port.protocol == protocol);
        let ports = PortSet::of(own.map(|port: &ServicePort| port.port));
        if ports.is_empty() {
            continue;
        }
        let (address, traffic) = (Some(addresses.as_slice()), (protocol, &ports));
        let found = world.entrance(at, way.is_internal, address, traffic, said);
        let Some(found) = found else { continue };
        is_exported &= found.0.is_exported;
        if found.0.is_exported {
            let reason = format!("clients of Service {} by its load balancer", service.id);
            needed(world, way, &found.0, traffic, (&reason, said), into);
        }
        reach.add(found);
    }
    // GKE writes the balancer's rule by itself: manifests do not hold it.
    if is_exported {
        reach.tell(way);
    } else {
        way.because.push(
            "GKE writes the rule of this balancer by itself, and the rules of the network were \
             not exported: gcloud compute firewall-rules list --format=json"
                .to_owned(),
        );
    }
    by_its_word(world, service, said, way);
    world.come_from_outside(way);
}

/// Whom the Service does not name, kube-proxy drops on the node, whatever the firewall lets in
/// (`KUBE-FW-…` of <https://github.com/kubernetes/kubernetes/blob/master/pkg/proxy/iptables/proxier.go>);
/// where the rules do not tell, its word is all there is.
fn by_its_word(world: &World<'_, '_>, service: &Service, said: &AddressSet, way: &mut Way<'_>) {
    way.clients = Some(match way.clients.take() {
        Some(passing) if way.verdict != Expected::Undetermined => passing.intersection(said),
        _ => said.clone(),
    });
    if service.source_ranges.is_empty() {
        return;
    }
    let named = AddressSet::of(&world.scope.clients);
    let asked = if named.is_empty() { anybody(way.is_internal) } else { &named };
    let refused = asked.difference(said);
    // The firewall was asked about those whom the Service names, if there are any.
    if asked.intersection(said).is_empty() {
        (way.verdict, way.answer) = (Expected::Denied, None);
    } else if way.verdict == Expected::Allowed && !refused.is_empty() {
        way.verdict = Expected::Mixed;
    }
    if !named.is_empty() && !refused.is_empty() {
        way.because.push(match named == refused {
            true => "none of the clients is in loadBalancerSourceRanges".to_owned(),
            false => format!("not in loadBalancerSourceRanges: {}", refused.words(6)),
        });
    }
}

/// A Network Load Balancer that Kubernetes itself makes keeps the client's address, and the groups
/// of the nodes decide on the node's port. A classic one has a group of its own, and so have those
/// of the controller: what the nodes' groups say to clients says nothing then
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html>).
fn on_amazon<'a>(
    world: &World<'_, 'a>,
    service: &Service,
    said: &AddressSet,
    way: &mut Way<'a>,
    into: &mut Ways<'a>,
) {
    let told = |key: &str| service.annotations.get(&format!("{AMAZON}{key}")).map(String::as_str);
    let kind = told("type").unwrap_or("classic");
    let open: Vec<(Protocol, u16)> =
        way.ports.iter().filter_map(|port| Some((port.protocol, port.node_port?))).collect();
    let by_controller = is_of_controller(service);
    if by_controller || kind != "nlb" || open.is_empty() {
        way.because.push(match (by_controller, kind) {
            (true, _) => "the balancer has groups of its own, which the controller writes from \
                          loadBalancerSourceRanges"
                .to_owned(),
            (false, "nlb") => {
                "its node ports are not given: kubectl get services -o json".to_owned()
            }
            (false, _) => "a classic balancer has a security group of its own, which Kubernetes \
                           writes from loadBalancerSourceRanges"
                .to_owned(),
        });
        return by_its_word(world, service, said, way);
    }
    way.because.push(
        "a Network Load Balancer keeps the clients' addresses: the groups of the nodes decide"
            .to_owned(),
    );
    let Some((at, _)) = cluster(world) else { return };
    let reason = format!("clients of Service {} by its load balancer", service.id);
    let reach = of_node_ports(world, at, way, &open, (&reason, said), into);
    reach.tell(way);
    by_its_word(world, service, said, way);
}

/// Ports of pods that sit on a port of their node: as good as a node port, on some nodes.
fn host_ports<'a>(world: &World<'_, 'a>, into: &mut Ways<'a>) {
    for pods in &world.directory.inventory.workloads.workloads {
        let ports: Vec<WayPort> = pods
            .ports
            .iter()
            .filter(|port| port.host.is_some())
            .map(|port| WayPort {
                service: pods.id.clone(),
                port: port.number,
                node_port: port.host,
                target_port: Some(port.number),
                protocol: port.protocol,
                application: port.name.as_deref().map_or(Application::Tcp, Application::parse),
                may_be_public: port.name.as_deref().filter(|name| is_admin(name)).map(|_| false),
                of: String::new(),
                tls: None,
                is_plain_http2: false,
            })
            .collect();
        if ports.is_empty() {
            continue;
        }
        let open: Vec<(Protocol, u16)> =
            ports.iter().filter_map(|port| Some((port.protocol, port.node_port?))).collect();
        let mut way = way(world, WayKind::NodePort, (&pods.id, &pods.origin), ports);
        way.because.push(format!("hostPort of {} {}", pods.kind, pods.id));
        let reason = format!("clients of {} {} by its host ports", pods.kind, pods.id);
        by_nodes(world, &mut way, &open, &reason, into);
        into.ways.push(way);
    }
}

/// Names of ports that are for whoever runs it.
fn is_admin(name: &str) -> bool {
    ["admin", "dashboard", "metrics", "debug"].iter().any(|word| name.contains(word))
}
