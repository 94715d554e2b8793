//! Kinds of their own that controllers have instead of Ingresses: Istio's Gateway and
//! VirtualService, Contour's HTTPProxy, Traefik's IngressRoute. They become what an Ingress or a
//! route is; what their fields say that an Ingress says by annotations is kept as one, under the
//! name of the field.
//!
//! Fields: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>,
//! <https://projectcontour.io/docs/main/config/api/>,
//! <https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/crd/http/ingressroute/>.

use std::collections::BTreeMap;

use crate::ingest::fields::Fields;
use crate::ingest::object::{Object, number, port_name};
use crate::model::ObjectName;
use crate::model::workload::{Gateway, Ingress, Listener, PortName, Takes};

/// Whether a Gateway is Istio's.
pub(super) fn is_of_istio(object: &Object<'_>) -> bool {
    object
        .fields
        .text("apiVersion")
        .is_some_and(|version| version.starts_with("networking.istio.io"))
}

/// Istio's Gateway, its servers as listeners.
pub(super) fn istio_gateway(object: &Object<'_>) -> Gateway {
    let listener = |server: Fields<'_>| {
        let (port, tls) = (server.at("port"), server.at("tls"));
        let passes = tls.text("mode").is_some_and(|mode| mode.ends_with("PASSTHROUGH"));
        let protocol = port.text_or_empty("protocol").to_ascii_uppercase();
        let certificate = tls.first_text(&["credentialName", "serverCertificate"]);
        Some(Listener {
            name: port.text_or_empty("name"),
            takes: Takes::All,
            port: number(port, "number")?,
            protocol: if passes { "TLS".to_owned() } else { protocol },
            certificates: certificate.into_iter().collect(),
        })
    };
    Gateway {
        is_cut: false,
        id: object.id.clone(),
        class: "istio".to_owned(),
        listeners: object.spec.list("servers").filter_map(listener).collect(),
        addresses: Vec::new(),
        annotations: object.annotations(),
        origin: object.origin.clone(),
    }
}

/// A VirtualService that a Gateway serves; `None` where it is for the mesh alone.
pub(super) fn virtual_service(object: &Object<'_>) -> Option<Ingress> {
    let gateways = object.spec.texts("gateways");
    let gateway = gateways.iter().find(|name| *name != "mesh")?;
    let routes = ["http", "tls", "tcp"].into_iter().flat_map(|key| object.spec.list(key));
    let backend = |route: Fields<'_>| {
        let destination = route.at("destination");
        // `api`, `api.shop`, `api.shop.svc.cluster.local`
        let host = destination.text("host")?;
        let mut parts = host.split('.');
        let name = parts.next()?.to_owned();
        let namespace = parts.next().map(str::to_owned);
        let namespace = namespace.unwrap_or_else(|| object.id.namespace.clone());
        let port = port_name(destination.at("port"), "number").unwrap_or_else(only_port);
        Some((ObjectName { namespace, name }, port))
    };
    let backends = routes.flat_map(|route| route.list("route")).filter_map(backend).collect();
    let hosts = object.spec.texts("hosts").into_iter().filter(|host| host != "*").collect();
    // A Gateway may be named with its namespace.
    let class = gateway.rsplit('/').next().unwrap_or(gateway).to_owned();
    Some(made(object, class, (hosts, Vec::new()), backends, BTreeMap::new()))
}

/// A port that is left out is the only one that the Service has.
fn only_port() -> PortName {
    PortName::Name(String::new())
}

/// An HTTPProxy; `None` where it is a part of another one.
pub(super) fn http_proxy(object: &Object<'_>) -> Option<Ingress> {
    let host = object.spec.at("virtualhost");
    let name = host.text("fqdn")?;
    let mut told = BTreeMap::new();
    let mut backends = Vec::new();
    for route in object.spec.list("routes").chain([object.spec.at("tcpproxy")]) {
        if route.flag("enableWebsockets") == Some(true) {
            told.insert("projectcontour.io/websocket-routes".to_owned(), "/".to_owned());
        }
        if let Some(time) = route.at("timeoutPolicy").text("response") {
            told.insert("projectcontour.io/response-timeout".to_owned(), time);
        }
        for service in route.list("services") {
            if let Some(protocol) = service.text("protocol") {
                told.insert("HTTPProxy services.protocol".to_owned(), protocol);
            }
            backends.extend(backend_of(service, object));
        }
    }
    let tls = host.at("tls");
    let secret = tls.text("secretName");
    let has_tls = secret.is_some() || tls.flag("passthrough") == Some(true);
    let tls = if has_tls { vec![(Vec::new(), secret)] } else { Vec::new() };
    Some(made(object, "contour".to_owned(), (vec![name], tls), backends, told))
}

/// An IngressRoute: its hosts stand in the expressions that it matches by.
pub(super) fn ingress_route(object: &Object<'_>) -> Ingress {
    let (mut hosts, mut backends) = (Vec::new(), Vec::new());
    let mut told = BTreeMap::new();
    for route in object.spec.list("routes") {
        hosts.extend(hosts_in(&route.text_or_empty("match")));
        if route.list("middlewares").next().is_some() {
            told.insert("IngressRoute middlewares".to_owned(), "some".to_owned());
        }
        for service in route.list("services") {
            if let Some(scheme) = service.text("scheme") {
                told.insert("IngressRoute services.scheme".to_owned(), scheme);
            }
            backends.extend(backend_of(service, object));
        }
    }
    hosts.sort();
    hosts.dedup();
    let tls =
        object.spec.has("tls").then(|| (Vec::new(), object.spec.at("tls").text("secretName")));
    made(object, "traefik".to_owned(), (hosts, tls.into_iter().collect()), backends, told)
}

/// ``Host(`a.example.com`) && PathPrefix(`/`)``
fn hosts_in(expression: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    for part in expression.split("Host(").skip(1) {
        let inside = part.split(')').next().unwrap_or("");
        let names = inside.split(',').map(|one| one.trim().trim_matches(['`', '"']));
        hosts.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    hosts
}

fn backend_of(service: Fields<'_>, object: &Object<'_>) -> Option<(ObjectName, PortName)> {
    let namespace = service.text("namespace").unwrap_or_else(|| object.id.namespace.clone());
    let name = service.text("name")?;
    Some((ObjectName { namespace, name }, port_name(service, "port").unwrap_or_else(only_port)))
}

type Tls = Vec<(Vec<String>, Option<String>)>;

fn made(
    object: &Object<'_>,
    class: String,
    (hosts, tls): (Vec<String>, Tls),
    mut backends: Vec<(ObjectName, PortName)>,
    told: BTreeMap<String, String>,
) -> Ingress {
    backends.sort();
    backends.dedup();
    let mut annotations = object.annotations();
    annotations.extend(told);
    Ingress {
        gateway: None,
        kind: object.kind.to_owned(),
        id: object.id.clone(),
        class,
        is_left_alone: false,
        hosts,
        tls,
        addresses: Vec::new(),
        backends,
        annotations,
        origin: object.origin.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::hosts_in;

    #[test]
    fn hosts_stand_in_expressions() {
        let both = "Host(`a.example.com`) && PathPrefix(`/x`) || Host(`b.example.com`, `c.d`)";
        assert_eq!(hosts_in(both), ["a.example.com", "b.example.com", "c.d"]);
        assert_eq!(hosts_in("PathPrefix(`/`)"), [""; 0]);
    }
}
