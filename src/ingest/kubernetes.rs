//! Objects of Kubernetes as `kubectl get -o json|yaml` and manifests describe them: what stands
//! behind a Service, which port it listens on, and what calls it.
//!
//! Fields: <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.31/>. Defaults are
//! those of the API server, which manifests leave out: `targetPort` is `port`, the port of a
//! webhook's Service is 443, `failurePolicy` is Fail (Ignore in v1beta1), `protocol` is TCP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::ingest::document::{Item, Place};
use crate::ingest::fields::Fields;
use crate::ingest::object::{Object, namespace, number, port_name, texts};
use crate::ingest::{Read, controllers, symptom, webhooks};
use crate::model::webhook::CallKind;
use crate::model::workload::{
    BackendConfig, ContainerPort, Endpoints, Gateway, Ingress, Listener, Node, PortName,
    ServicePort, Takes,
};
use crate::model::{Inventory, ObjectName, Origin, Service, Symptom, Workload, Workloads};
use crate::net::{IpNet, Protocol, parse_address, parse_cidr};

/// Kinds that are read; typed lists leave the kind to the container.
const KINDS: [&str; 29] = [
    "Event",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "APIService",
    "CustomResourceDefinition",
    "Ingress",
    "Gateway",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "BackendConfig",
    "HealthCheckPolicy",
    "GCPBackendPolicy",
    "VirtualService",
    "HTTPProxy",
    "IngressRoute",
    "Node",
];

/// Whether an item is an object of Kubernetes.
#[must_use]
pub fn is_object(item: &Item) -> bool {
    let fields = Fields(&item.value);
    let of_list = item.hint.as_deref().is_some_and(|hint| KINDS.contains(&hint));
    fields.has("apiVersion") && fields.has("kind") || of_list && fields.has("metadata")
}

/// What is said of an object that calls somebody, and does not say whom.
const NOBODY_CALLED: &str = "it does not say whom it calls, so that is not judged";

/// Reads one object into the inventory.
pub fn read(item: &Item, into: &mut Inventory) -> Read {
    let fields = Fields(&item.value);
    let kind = fields.text("kind").or_else(|| item.hint.clone()).unwrap_or_default();
    let meta = fields.at("metadata");
    let id = ObjectName { namespace: namespace(meta), name: meta.text_or_empty("name") };
    // A Service of Knative's, or of Service Usage's, has the same kind and another group.
    let foreign = kind == "Service" && fields.text("apiVersion").is_some_and(|one| one != "v1");
    let told = told(&kind, item);
    let tells = !told.is_empty();
    into.symptoms.extend(told);
    if kind == "Status" || tells && !KINDS.contains(&kind.as_str()) {
        return Read::Noted;
    }
    if !KINDS.contains(&kind.as_str()) || foreign {
        *into.unused.entry(kind).or_default() += 1;
        return Read::Unused;
    }
    if id.name.is_empty() {
        return Read::Bad("it lacks metadata.name");
    }
    let (spec, status) = (fields.at("spec"), fields.at("status"));
    let is_beta = fields.text("apiVersion").is_some_and(|version| version.contains("beta"));
    let origin = &item.origin;
    let object = Object { id, kind: &kind, is_beta, fields, meta, spec, status, origin };
    let known = &mut into.workloads;
    match kind.as_str() {
        "Service" => known.services.push(service(&object)),
        "Endpoints" => endpoints(&object, known),
        "EndpointSlice" => endpoint_slice(&object, known),
        "Event" => {
            let texts = [fields.text_or_empty("message"), fields.text_or_empty("note")];
            into.symptoms.extend(symptoms(&texts, origin));
            return Read::Noted;
        }
        "Pod" => {
            let statuses = status.list("containerStatuses");
            let all = statuses.chain(status.list("initContainerStatuses"));
            let waiting = |one: Fields<'_>| one.at("state").at("waiting").text("message");
            into.symptoms.extend(symptoms(&all.filter_map(waiting).collect::<Vec<_>>(), origin));
            known.workloads.push(pod(&object));
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob" => {
            known.workloads.push(template(&object));
        }
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            let is_mutating = kind.starts_with("Mutating");
            let of = if is_mutating { CallKind::Mutating } else { CallKind::Validating };
            if !webhooks::configuration(&object, of, known) {
                return Read::Bad(NOBODY_CALLED);
            }
        }
        // It is judged inside the API server: nothing is called.
        "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding" => return Read::Noted,
        "APIService" => {
            if !webhooks::api_service(&object, known) {
                return Read::Bad(NOBODY_CALLED);
            }
        }
        "CustomResourceDefinition" => webhooks::conversion(&object, known),
        "Ingress" => known.ingresses.push(ingress(&object)),
        "Gateway" if controllers::is_of_istio(&object) => {
            known.gateways.push(controllers::istio_gateway(&object));
        }
        "VirtualService" => known.ingresses.extend(controllers::virtual_service(&object)),
        "HTTPProxy" => known.ingresses.extend(controllers::http_proxy(&object)),
        "IngressRoute" => known.ingresses.push(controllers::ingress_route(&object)),
        "Gateway" => known.gateways.push(gateway(&object)),
        "HTTPRoute" | "GRPCRoute" | "TCPRoute" => known.ingresses.extend(routes(&object)),
        "BackendConfig" | "HealthCheckPolicy" | "GCPBackendPolicy" => {
            known.backend_configs.push(backend_config(&object));
        }
        _ => known.nodes.push(node(&object)),
    }
    Read::Used("kubernetes-manifests")
}

/// The errors in the API server's own answer, and in what controllers say they could not do.
fn told(kind: &str, item: &Item) -> Vec<Symptom> {
    let fields = Fields(&item.value);
    let texts: Vec<String> = match kind {
        "Status" => vec![fields.text_or_empty("message")],
        _ => {
            let conditions = fields.at("status").list("conditions");
            conditions.filter_map(|one| one.text("message")).collect()
        }
    };
    symptoms(&texts, &item.origin)
}

/// What the texts of an object tell of failures.
fn symptoms(texts: &[String], origin: &Origin) -> Vec<Symptom> {
    let place = Place { path: Arc::clone(&origin.path), line: origin.line, byte: 0 };
    texts.iter().flat_map(|text| symptom::read(&text.replace('\n', " "), &place)).collect()
}

fn protocol(fields: Fields<'_>) -> Protocol {
    let named = fields.text("protocol").and_then(|text| text.parse().ok());
    named.unwrap_or(Protocol::TCP)
}

fn balancer_addresses(object: &Object<'_>) -> Vec<IpAddr> {
    let balancer = object.status.at("loadBalancer");
    balancer.list("ingress").filter_map(|one| parse_address(&one.text("ip")?)).collect()
}

fn service(object: &Object<'_>) -> Service {
    let spec = object.spec;
    let port = |fields: Fields<'_>| {
        let port = number(fields, "port")?;
        Some(ServicePort {
            name: fields.text("name"),
            protocol: protocol(fields),
            port,
            target: port_name(fields, "targetPort").unwrap_or(PortName::Number(port)),
            node_port: number(fields, "nodePort"),
            application: fields.text("appProtocol"),
        })
    };
    let mut addresses = balancer_addresses(object);
    addresses.extend(spec.text("loadBalancerIP").as_deref().and_then(parse_address));
    addresses.sort_unstable();
    addresses.dedup();
    let kind = spec.text("type").unwrap_or_else(|| "ClusterIP".to_owned());
    let ports: Vec<ServicePort> = spec.list("ports").filter_map(port).collect();
    // Only headless ones, and names of others, have none.
    let may_lack = kind == "ExternalName" || spec.text("clusterIP").as_deref() == Some("None");
    let (source_ranges, sources_unread) = source_ranges(object);
    Service {
        id: object.id.clone(),
        ports_unread: ports.len() < spec.list("ports").count() || ports.is_empty() && !may_lack,
        kind,
        ports,
        selector: texts(spec.at("selector")),
        health_check_port: number(spec, "healthCheckNodePort"),
        local: spec.text("externalTrafficPolicy").as_deref() == Some("Local"),
        addresses,
        balancer_class: spec.text("loadBalancerClass"),
        source_ranges,
        sources_unread,
        labels: texts(object.meta.at("labels")),
        backend_configs: backend_configs(object),
        live: object.meta.has("uid") || spec.has("clusterIP"),
        annotations: object.annotations(),
        origin: object.origin.clone(),
    }
}

/// `{"default": "NAME"}`, `{"ports": {"http": "NAME"}}`
/// (<https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration#associating_backendconfig_with_your_ingress>).
fn backend_configs(service: &Object<'_>) -> Vec<(Option<String>, String)> {
    let annotations = service.annotations();
    let keys = ["cloud.google.com/backend-config", "beta.cloud.google.com/backend-config"];
    let text = keys.iter().find_map(|key| annotations.get(*key));
    let said = text.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let said = said.unwrap_or_default();
    let fields = Fields(&said);
    let by_port = texts(fields.at("ports")).into_iter().map(|(port, name)| (Some(port), name));
    by_port.chain(fields.text("default").map(|name| (None, name))).collect()
}

/// Whom a load balancer lets in: the field, or, where it is not set, the annotation of old
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/#service-beta-kubernetes-io-load-balancer-source-ranges>).
fn source_ranges(service: &Object<'_>) -> (Vec<IpNet>, bool) {
    let (said, strange) = service.spec.ranges("loadBalancerSourceRanges");
    if !said.is_empty() || strange > 0 {
        return (said, strange > 0);
    }
    let annotations = service.annotations();
    let text = annotations.get("service.beta.kubernetes.io/load-balancer-source-ranges");
    let words: Vec<&str> =
        text.into_iter().flat_map(|text| text.split(',')).map(str::trim).collect();
    let said: Vec<IpNet> = words.iter().filter_map(|one| parse_cidr(one)).collect();
    let strange = words.iter().filter(|one| !one.is_empty()).count() > said.len();
    (said, strange)
}

fn endpoint_ports(fields: Fields<'_>) -> Vec<(Option<String>, Protocol, u16)> {
    let ports = fields.list("ports");
    ports
        .filter_map(|port| {
            let name = port.text("name").filter(|name| !name.is_empty());
            Some((name, protocol(port), number(port, "port")?))
        })
        .collect()
}

fn endpoints(object: &Object<'_>, into: &mut Workloads) {
    let mut subsets = object.fields.list("subsets").peekable();
    let of = |subset: Option<Fields<'_>>| {
        let all = || subset.into_iter().flat_map(|one| one.list("addresses"));
        let ready: Vec<IpAddr> = all().filter_map(|one| parse_address(&one.text("ip")?)).collect();
        Endpoints {
            service: object.id.clone(),
            ports: subset.map(endpoint_ports).unwrap_or_default(),
            unread: ready.len() < all().count(),
            ready,
            not_ready: subset.map_or(0, |one| one.list("notReadyAddresses").count()),
            origin: object.origin.clone(),
        }
    };
    // Without subsets there is nothing behind the Service, which is worth knowing.
    if subsets.peek().is_none() {
        into.endpoints.push(of(None));
    }
    for subset in subsets {
        into.endpoints.push(of(Some(subset)));
    }
}

fn endpoint_slice(object: &Object<'_>, into: &mut Workloads) {
    let labels = object.meta.at("labels");
    let Some(name) = labels.text("kubernetes.io/service-name") else { return };
    let (mut ready, mut not_ready) = (Vec::new(), 0);
    // An empty list is written as null; one that is not there was lost.
    let mut unread = object.fields.get("endpoints").is_none();
    for endpoint in object.fields.list("endpoints") {
        // Nothing said means ready.
        if endpoint.at("conditions").flag("ready") == Some(false) {
            not_ready += 1;
            continue;
        }
        let addresses = endpoint.texts("addresses");
        let read: Vec<IpAddr> = addresses.iter().filter_map(|text| parse_address(text)).collect();
        unread |= read.is_empty();
        ready.extend(read);
    }
    into.endpoints.push(Endpoints {
        service: ObjectName { name, ..object.id.clone() },
        ports: endpoint_ports(object.fields),
        ready,
        not_ready,
        unread,
        origin: object.origin.clone(),
    });
}

/// The secrets that a volume holds: one alone, or some of several sources.
fn secrets(volume: Fields<'_>) -> Vec<String> {
    let projected = volume.at("projected").list("sources");
    let projected = projected.filter_map(|source| source.at("secret").text("name"));
    volume.at("secret").text("secretName").into_iter().chain(projected).collect()
}

/// The pods that a specification describes.
fn pods(object: &Object<'_>, spec: Fields<'_>, labels: Fields<'_>) -> Workload {
    let mut found = Workload {
        kind: object.kind.to_owned(),
        id: object.id.clone(),
        labels: texts(labels),
        host_network: spec.flag("hostNetwork") == Some(true),
        ports: Vec::new(),
        address: None,
        ready: None,
        images: Default::default(),
        secrets: spec.list("volumes").flat_map(secrets).collect(),
        mounts_unknown: spec.list("volumes").any(|one| one.has("csi")),
        origin: object.origin.clone(),
    };
    let sidecars = spec
        .list("initContainers")
        .filter(|one| one.text("restartPolicy").as_deref() == Some("Always"));
    let all = spec.list("containers").chain(sidecars);
    for container in all {
        for port in container.list("ports") {
            let Some(number) = number(port, "containerPort") else { continue };
            let (name, protocol) = (port.text("name"), protocol(port));
            // On the loopback of its node nobody else reaches it.
            let own = port.text("hostIP").as_deref().and_then(parse_address);
            let host = self::number(port, "hostPort")
                .filter(|_| !own.is_some_and(|one| one.is_loopback()));
            found.ports.push(ContainerPort { name, protocol, number, host });
        }
    }
    let images = spec.list("containers").chain(spec.list("initContainers"));
    found.images.extend(images.filter_map(|container| container.text("image")));
    found
}

fn pod(object: &Object<'_>) -> Workload {
    let status = object.status;
    let ready = status.list("conditions").find(|one| one.text("type").as_deref() == Some("Ready"));
    Workload {
        address: status.text("podIP").as_deref().and_then(parse_address),
        ready: ready.and_then(|condition| condition.flag("status")),
        ..pods(object, object.spec, object.meta.at("labels"))
    }
}

fn template(object: &Object<'_>) -> Workload {
    let of_job = object.spec.at("jobTemplate").at("spec");
    let outer = if object.kind == "CronJob" { of_job } else { object.spec };
    let template = outer.at("template");
    let replicas = ["readyReplicas", "numberReady"];
    let ready = replicas.iter().find_map(|key| object.status.number(key));
    let known = ["replicas", "observedGeneration", "desiredNumberScheduled"];
    let has_status = known.iter().any(|key| object.status.has(key));
    Workload {
        ready: (ready.is_some() || has_status).then(|| ready.unwrap_or(0) > 0),
        ..pods(object, template.at("spec"), template.at("metadata").at("labels"))
    }
}

fn ingress(object: &Object<'_>) -> Ingress {
    let annotations = object.annotations();
    // GKE's own controller goes by the annotation, which others take first, too; where the field is
    // set and the annotation is not, it does nothing
    // (<https://cloud.google.com/kubernetes-engine/docs/concepts/ingress#controller_summary>).
    let by_annotation = annotations.get("kubernetes.io/ingress.class").cloned();
    let by_field = object.spec.text("ingressClassName").filter(|_| by_annotation.is_none());
    let is_left_alone = by_field.as_ref().is_some_and(|class| class.starts_with("gce"));
    let class = by_annotation.or(by_field);
    let mut backends = Vec::new();
    let mut add = |backend: Fields<'_>| {
        let service = backend.at("service");
        // v1beta1 wrote `serviceName` and `servicePort`.
        let name = service.text("name").or_else(|| backend.text("serviceName"));
        let port = service.at("port");
        let port = port_name(port, "number")
            .or_else(|| port_name(port, "name"))
            .or_else(|| port_name(backend, "servicePort"));
        if let (Some(name), Some(port)) = (name, port) {
            backends.push((ObjectName { name, ..object.id.clone() }, port));
        }
    };
    add(object.spec.at("defaultBackend"));
    add(object.spec.at("backend"));
    for path in object.spec.list("rules").flat_map(|rule| rule.at("http").list("paths")) {
        add(path.at("backend"));
    }
    backends.sort();
    backends.dedup();
    let hosts = object.spec.list("rules").filter_map(|rule| rule.text("host"));
    let tls = object.spec.list("tls");
    Ingress {
        gateway: None,
        kind: object.kind.to_owned(),
        id: object.id.clone(),
        class: class.unwrap_or_default(),
        is_left_alone,
        hosts: hosts.collect(),
        tls: tls.map(|one| (one.texts("hosts"), one.text("secretName"))).collect(),
        addresses: balancer_addresses(object),
        backends,
        annotations,
        origin: object.origin.clone(),
    }
}

/// A route, once for each Gateway that serves it.
fn routes(object: &Object<'_>) -> Vec<Ingress> {
    let rules = object.spec.list("rules");
    let mut backends: Vec<_> = rules
        .flat_map(|rule| rule.list("backendRefs"))
        .filter(|backend| backend.text("kind").is_none_or(|kind| kind == "Service"))
        .filter_map(|backend| {
            let namespace = backend.text("namespace");
            let name = ObjectName {
                namespace: namespace.unwrap_or_else(|| object.id.namespace.clone()),
                name: backend.text("name")?,
            };
            Some((name, port_name(backend, "port")?))
        })
        .collect();
    backends.sort();
    backends.dedup();
    let made = Ingress {
        kind: object.kind.to_owned(),
        id: object.id.clone(),
        class: String::new(),
        is_left_alone: false,
        gateway: None,
        hosts: object.spec.texts("hostnames"),
        tls: Vec::new(),
        addresses: Vec::new(),
        backends,
        annotations: object.annotations(),
        origin: object.origin.clone(),
    };
    let gateways = parents(object);
    if gateways.is_empty() {
        return vec![made];
    }
    let by = |(id, sections): (ObjectName, BTreeSet<String>)| Ingress {
        class: id.name.clone(),
        gateway: Some((id, sections)),
        ..made.clone()
    };
    gateways.into_iter().map(by).collect()
}

/// The Gateways that a route names, each with the listeners that it names.
fn parents(object: &Object<'_>) -> BTreeMap<ObjectName, BTreeSet<String>> {
    let mut found: BTreeMap<ObjectName, BTreeSet<String>> = BTreeMap::new();
    let mut to_all = BTreeSet::new();
    for parent in object.spec.list("parentRefs") {
        let Some(name) = parent.text("name") else { continue };
        if parent.text("kind").is_some_and(|kind| kind != "Gateway") {
            continue;
        }
        let namespace = parent.text("namespace");
        let namespace = namespace.unwrap_or_else(|| object.id.namespace.clone());
        let id = ObjectName { namespace, name };
        match parent.text("sectionName") {
            Some(section) => {
                found.entry(id).or_default().insert(section);
            }
            None => {
                found.entry(id.clone()).or_default();
                to_all.insert(id);
            }
        }
    }
    for (_, sections) in found.iter_mut().filter(|(id, _)| to_all.contains(*id)) {
        sections.clear();
    }
    found
}

fn gateway(object: &Object<'_>) -> Gateway {
    let listener = |one: Fields<'_>| {
        let certificates = one.at("tls").list("certificateRefs");
        let from = one.at("allowedRoutes").at("namespaces").text_or_empty("from");
        Some(Listener {
            name: one.text_or_empty("name"),
            takes: match from.as_str() {
                "All" => Takes::All,
                "Selector" => Takes::Labelled,
                "None" => Takes::Nobodys,
                _ => Takes::Same,
            },
            port: number(one, "port")?,
            protocol: one.text_or_empty("protocol"),
            certificates: certificates.filter_map(|one| one.text("name")).collect(),
        })
    };
    let addresses = object.status.list("addresses").chain(object.spec.list("addresses"));
    Gateway {
        id: object.id.clone(),
        class: object.spec.text_or_empty("gatewayClassName"),
        // At least one is required.
        is_cut: object.spec.list("listeners").filter_map(listener).count()
            < object.spec.list("listeners").count().max(1),
        listeners: object.spec.list("listeners").filter_map(listener).collect(),
        addresses: addresses.filter_map(|one| parse_address(&one.text("value")?)).collect(),
        annotations: object.annotations(),
        origin: object.origin.clone(),
    }
}

fn backend_config(object: &Object<'_>) -> BackendConfig {
    let policy = object.spec.at("default");
    let of_gateway = policy.at("config");
    let probe = [
        "httpHealthCheck",
        "httpsHealthCheck",
        "http2HealthCheck",
        "tcpHealthCheck",
        "grpcHealthCheck",
    ];
    let of_gateway = probe.iter().find_map(|key| number(of_gateway.at(key), "port"));
    BackendConfig {
        id: object.id.clone(),
        target: object.spec.at("targetRef").text("name"),
        health_check_port: number(object.spec.at("healthCheck"), "port").or(of_gateway),
        timeout: object.spec.number("timeoutSec").or_else(|| policy.number("timeoutSec")),
        security_policy: object
            .spec
            .at("securityPolicy")
            .text("name")
            .or_else(|| policy.text("securityPolicy")),
        iap: object.spec.at("iap").flag("enabled").or_else(|| policy.at("iap").flag("enabled")),
        origin: object.origin.clone(),
    }
}

fn node(object: &Object<'_>) -> Node {
    let internal = |one: &Fields<'_>| one.text("type").as_deref() == Some("InternalIP");
    let address = object.status.list("addresses").find(internal);
    let external = |one: Fields<'_>| one.text("type").as_deref() == Some("ExternalIP");
    let ready =
        object.status.list("conditions").find(|one| one.text("type").as_deref() == Some("Ready"));
    Node {
        name: object.id.name.clone(),
        address: address.and_then(|one| parse_address(&one.text("address")?)),
        is_external: address.is_some().then(|| object.status.list("addresses").any(external)),
        pod_ranges: object.spec.ranges("podCIDRs").0,
        ready: ready.and_then(|one| one.flag("status")),
        origin: object.origin.clone(),
    }
}
