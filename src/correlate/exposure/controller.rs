//! What serves an Ingress, and how it is told to speak gRPC and websockets to a backend, whom to
//! let in, and for how long: a table, each row with its source.

use crate::model::Service;
use crate::model::application::Application;
use crate::model::workload::{Ingress, ServicePort};

/// An annotation, and a word that its value holds; an empty word is any value.
type Told = (&'static str, &'static str);

/// What of a port tells a controller to speak HTTP/2 to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByPort {
    /// Annotations tell it.
    Nothing,
    /// Its `appProtocol` alone.
    Protocol,
    /// Its `appProtocol`, else its name, which begins with the protocol and a hyphen.
    NameOrProtocol,
}

/// One controller.
#[derive(Debug, PartialEq, Eq)]
pub struct Controller {
    /// What it is called.
    pub name: &'static str,
    /// Classes that it serves, or that theirs start with.
    classes: &'static [&'static str],
    /// Words in the names of its own Service and pods.
    pub own: &'static [&'static str],
    /// Annotations of the Ingress that have it speak HTTP/2 to the backend.
    grpc_of_ingress: &'static [Told],
    /// The same, of the Service.
    grpc_of_service: &'static [Told],
    /// What of the port tells it.
    grpc_by_port: ByPort,
    /// What an Ingress needs for websockets; `None` where they just work.
    websockets: Option<Told>,
    /// Annotations that list who may come.
    pub allow_lists: &'static [&'static str],
    /// Annotations for how long a stream may be silent.
    pub timeouts: &'static [&'static str],
    /// How long that is where nobody says it, in seconds; `None` is for ever, or not known.
    pub default_timeout: Option<u64>,
    /// Annotations that have it ask who comes.
    authentication: &'static [&'static str],
    /// How it is told to speak gRPC, in words.
    pub how: &'static str,
    /// Where that is said.
    pub source: &'static str,
}

/// All of them. What is marked GK in the project's facts stands here with its own docs.
const CONTROLLERS: [Controller; 8] = [
    Controller {
        name: "GKE Ingress",
        classes: &["gce", "gce-internal"],
        own: &[],
        grpc_of_ingress: &[],
        grpc_of_service: &[
            ("cloud.google.com/app-protocols", "HTTP2"),
            ("service.alpha.kubernetes.io/app-protocols", "HTTP2"),
            ("cloud.google.com/app-protocols", "H2C"),
        ],
        grpc_by_port: ByPort::Nothing,
        websockets: None,
        allow_lists: &[],
        timeouts: &[],
        default_timeout: Some(30),
        authentication: &[],
        how: "annotate the Service: cloud.google.com/app-protocols: '{\"PORT-NAME\":\"HTTP2\"}' \
              (the pod then has to speak TLS)",
        source: "https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-http2",
    },
    Controller {
        name: "ingress-nginx",
        classes: &["nginx"],
        own: &["ingress-nginx", "nginx-ingress"],
        grpc_of_ingress: &[("nginx.ingress.kubernetes.io/backend-protocol", "GRPC")],
        grpc_of_service: &[],
        grpc_by_port: ByPort::Nothing,
        websockets: None,
        allow_lists: &[
            "nginx.ingress.kubernetes.io/whitelist-source-range",
            "nginx.ingress.kubernetes.io/allowlist-source-range",
        ],
        timeouts: &["nginx.ingress.kubernetes.io/proxy-read-timeout"],
        default_timeout: Some(60),
        authentication: &[
            "nginx.ingress.kubernetes.io/auth-url",
            "nginx.ingress.kubernetes.io/auth-type",
            "nginx.ingress.kubernetes.io/auth-tls-secret",
        ],
        how: "annotate the Ingress: nginx.ingress.kubernetes.io/backend-protocol: \"GRPC\" (or \
              \"GRPCS\" where the pod speaks TLS)",
        source: "https://kubernetes.github.io/ingress-nginx/examples/grpc/",
    },
    Controller {
        name: "Traefik",
        classes: &["traefik"],
        own: &["traefik"],
        grpc_of_ingress: &[
            ("ingress.kubernetes.io/protocol", "h2c"),
            ("IngressRoute services.scheme", "h2c"),
            ("IngressRoute services.scheme", "https"),
        ],
        grpc_of_service: &[
            ("traefik.ingress.kubernetes.io/service.serversscheme", "h2c"),
            ("traefik.ingress.kubernetes.io/service.serversscheme", "https"),
            ("ingress.kubernetes.io/protocol", "h2c"),
        ],
        grpc_by_port: ByPort::Nothing,
        websockets: None,
        allow_lists: &[
            "traefik.ingress.kubernetes.io/whitelist-source-range",
            "ingress.kubernetes.io/whitelist-source-range",
        ],
        timeouts: &[],
        default_timeout: None,
        authentication: &[
            "traefik.ingress.kubernetes.io/auth-type",
            "ingress.kubernetes.io/auth-type",
        ],
        how: "annotate the Service: traefik.ingress.kubernetes.io/service.serversscheme: h2c (1.x: \
              the Ingress, ingress.kubernetes.io/protocol: h2c)",
        source: "https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress/",
    },
    Controller {
        name: "Contour",
        classes: &["contour"],
        own: &["contour", "envoy"],
        grpc_of_ingress: &[("HTTPProxy services.protocol", "h2")],
        grpc_of_service: &[
            ("projectcontour.io/upstream-protocol.h2c", ""),
            ("projectcontour.io/upstream-protocol.h2", ""),
        ],
        grpc_by_port: ByPort::Nothing,
        websockets: Some(("projectcontour.io/websocket-routes", "")),
        allow_lists: &[],
        timeouts: &["projectcontour.io/response-timeout"],
        default_timeout: None,
        authentication: &[],
        how: "annotate the Service: projectcontour.io/upstream-protocol.h2c: \"PORT\" (h2 where \
              the pod speaks TLS)",
        source: "https://projectcontour.io/docs/main/config/annotations/",
    },
    Controller {
        name: "HAProxy (haproxytech)",
        classes: &["haproxy"],
        own: &["haproxy"],
        grpc_of_ingress: &[
            ("haproxy.org/server-proto", "h2"),
            ("haproxy-ingress.github.io/backend-protocol", "grpc"),
            ("haproxy-ingress.github.io/backend-protocol", "h2"),
        ],
        grpc_of_service: &[
            ("haproxy.org/server-proto", "h2"),
            ("haproxy-ingress.github.io/backend-protocol", "grpc"),
            ("haproxy-ingress.github.io/backend-protocol", "h2"),
        ],
        grpc_by_port: ByPort::Nothing,
        websockets: None,
        allow_lists: &[
            "haproxy.org/allow-list",
            "haproxy.org/whitelist",
            "haproxy-ingress.github.io/allowlist-source-range",
            "haproxy-ingress.github.io/whitelist-source-range",
        ],
        timeouts: &["haproxy.org/timeout-tunnel", "haproxy-ingress.github.io/timeout-tunnel"],
        default_timeout: None,
        authentication: &["haproxy.org/auth-type", "haproxy-ingress.github.io/auth-secret"],
        how: "annotate the Service: haproxy.org/server-proto: h2 (haproxy-ingress: \
              haproxy-ingress.github.io/backend-protocol: grpc)",
        source: "https://www.haproxy.com/documentation/kubernetes-ingress/",
    },
    Controller {
        name: "Istio gateway",
        classes: &["istio"],
        own: &["istio-ingressgateway"],
        grpc_of_ingress: &[],
        grpc_of_service: &[],
        grpc_by_port: ByPort::NameOrProtocol,
        websockets: None,
        allow_lists: &[],
        timeouts: &[],
        default_timeout: None,
        authentication: &[],
        how: "name the port of the Service grpc-…, or set its appProtocol: grpc",
        source: "https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/",
    },
    Controller {
        name: "AWS Load Balancer Controller",
        classes: &["alb"],
        own: &[],
        grpc_of_ingress: &[("alb.ingress.kubernetes.io/backend-protocol-version", "grpc")],
        grpc_of_service: &[("alb.ingress.kubernetes.io/backend-protocol-version", "grpc")],
        grpc_by_port: ByPort::Nothing,
        websockets: None,
        allow_lists: &["alb.ingress.kubernetes.io/inbound-cidrs"],
        timeouts: &["alb.ingress.kubernetes.io/load-balancer-attributes"],
        default_timeout: Some(60),
        authentication: &["alb.ingress.kubernetes.io/auth-type"],
        how: "annotate the Ingress: alb.ingress.kubernetes.io/backend-protocol-version: GRPC",
        source: "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/",
    },
    Controller {
        name: "Gateway API",
        classes: &[],
        own: &[],
        grpc_of_ingress: &[],
        grpc_of_service: &[],
        grpc_by_port: ByPort::Protocol,
        websockets: None,
        allow_lists: &[],
        timeouts: &[],
        default_timeout: Some(30),
        authentication: &[],
        how: "set appProtocol: kubernetes.io/h2c on the port of the Service",
        source: "https://gateway-api.sigs.k8s.io/guides/backend-protocol/",
    },
];

/// What serves an Ingress; an Ingress without class is GKE's own.
#[must_use]
pub(super) fn of_class(class: &str) -> Option<&'static Controller> {
    let class = if class.is_empty() { "gce" } else { class };
    let serves = |one: &&Controller| {
        let own = |known: &&str| class == *known || class.starts_with(&format!("{known}-"));
        // Charts let people name the class: my-nginx.
        one.classes.iter().any(own) || one.classes == ["nginx"] && class.contains("nginx")
    };
    CONTROLLERS.iter().find(serves)
}

/// What serves the routes of Gateways.
#[must_use]
pub(super) fn of_gateways() -> Option<&'static Controller> {
    CONTROLLERS.iter().find(|one| one.name == "Gateway API")
}

impl Controller {
    /// All that are known.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        CONTROLLERS.iter()
    }

    /// Whether it speaks HTTP/2 to this port.
    #[must_use]
    pub fn speaks_grpc(&self, ingress: &Ingress, service: &Service, port: &ServicePort) -> bool {
        let told = |of: &std::collections::BTreeMap<String, String>, list: &[Told]| {
            list.iter().any(|(key, word)| {
                of.get(*key).is_some_and(|value| {
                    value.to_ascii_lowercase().contains(&word.to_ascii_lowercase())
                })
            })
        };
        let speaks_http2 =
            |said: &str| matches!(Application::parse(said), Application::Grpc | Application::Http2);
        let by_protocol = || port.application.as_deref().map(speaks_http2);
        let by_name = || {
            let name = port.name.as_deref().unwrap_or("");
            ["grpc", "http2"].contains(&name.split('-').next().unwrap_or(""))
        };
        let by_port = match self.grpc_by_port {
            ByPort::Nothing => false,
            ByPort::Protocol => by_protocol().unwrap_or(false),
            ByPort::NameOrProtocol => by_protocol().unwrap_or_else(by_name),
        };
        told(&ingress.annotations, self.grpc_of_ingress)
            || told(&service.annotations, self.grpc_of_service)
            || by_port
            || ingress.kind == "GRPCRoute"
    }

    /// What it lacks for websockets.
    #[must_use]
    pub fn lacks_websockets(&self, ingress: &Ingress) -> Option<&'static str> {
        let (key, _) = self.websockets?;
        (!ingress.annotations.contains_key(key)).then_some(key)
    }

    /// For how many seconds a stream may last, as the Ingress says it, or by default.
    #[must_use]
    pub fn timeout(&self, ingress: &Ingress) -> Option<u64> {
        let said = self.timeouts.iter().find_map(|key| ingress.annotations.get(*key));
        match said {
            None => self.default_timeout,
            // Of an ALB it is one of many attributes: idle_timeout.timeout_seconds=600.
            Some(text) if text.contains('=') => {
                let mut attributes = text.split(',').filter_map(|one| one.trim().split_once('='));
                let own = attributes.find(|(key, _)| key.ends_with("timeout_seconds"));
                own.map_or(self.default_timeout, |(_, text)| seconds(text))
            }
            Some(text) => seconds(text),
        }
    }

    /// Whether it asks who comes.
    #[must_use]
    pub fn asks_who(&self, ingress: &Ingress) -> bool {
        self.authentication.iter().any(|key| ingress.annotations.contains_key(*key))
    }
}

/// `3600`, `60s`, `5m`, `1h`; `None` is for ever, or cannot be read.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('"');
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.get(digits.len()..)? {
        "" | "s" => Some(number),
        "m" => Some(number.saturating_mul(60)),
        "h" => Some(number.saturating_mul(3_600)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_times() {
        for (class, expected) in [
            ("", "GKE Ingress"),
            ("gce-internal", "GKE Ingress"),
            ("nginx-internal", "ingress-nginx"),
            ("my-nginx", "ingress-nginx"),
            ("traefik", "Traefik"),
            ("haproxy", "HAProxy (haproxytech)"),
            ("istio", "Istio gateway"),
            ("alb", "AWS Load Balancer Controller"),
        ] {
            assert_eq!(of_class(class).map(|one| one.name), Some(expected), "{class}");
        }
        assert_eq!(of_class("kong"), None);
        assert_eq!([seconds("3600"), seconds("5m"), seconds("1d")], [Some(3600), Some(300), None]);
    }
}
