//! A way into an application is without TLS.
//!
//! What it means: an Ingress or a Gateway has no certificate for the host, or a load balancer leads
//! to a port on which the pods speak plain HTTP or gRPC; or TLS ends before a hop on which the
//! controller needs it.
//!
//! What it looks like: it works, and passwords and tokens go over the wire as they are. gRPC
//! clients report `http2: unexpected frame`, or hang, where a hop needs HTTP/2 over TLS.
//!
//! Why: `tls` was left out, or names another host; the application was deployed without a
//! certificate.
//!
//! What to do: name a secret or a managed certificate; deploy the application with TLS where its
//! own port is exposed.
//!
//! Source: <https://docs.pachyderm.com/1.11.x/deploy-manage/deploy/ingress/>,
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-http2>

use crate::checks::exposure::{finding, outcome, ports_words};
use crate::checks::finding::{Confidence, Finding, Severity};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::exposure::{Way, WayKind, WayPort};
use crate::model::Expected;
use crate::model::application::Application;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "exposure-no-tls",
    title: "a way into an application is without TLS",
    severity: Severity::Warning,
    source: include_str!("exposure_no_tls.rs"),
    claims: None,
    run,
};

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let ways = evidence.correlation.ways.iter();
    outcome(ways.filter_map(|way| of_way(check, way)))
}

fn of_way(check: &Check, way: &Way<'_>) -> Option<Finding> {
    match way.kind {
        WayKind::Ingress | WayKind::Gateway if way.tls.holds == Some(false) => {
            let host = way.host.as_deref().unwrap_or("every host");
            let mut made = finding(check, way, &way.ports.iter().collect::<Vec<_>>());
            made.title = format!("{} serves {host} without TLS", way.label());
            made.explanation.insert(0, way.tls.detail.clone());
            made.no_fix = Some(certificate(way));
            Some(made)
        }
        WayKind::Ingress | WayKind::Gateway => plain_hop(check, way),
        WayKind::LoadBalancer if way.tls.holds == Some(false) => {
            let bare: Vec<&WayPort> =
                way.ports.iter().filter(|port| port.tls == Some(false)).collect();
            // A controller's own port 80 is for what it redirects.
            let beside = way.ports.iter().any(|port| port.application == Application::Https);
            let is_http = |port: &&WayPort| {
                matches!(port.application, Application::Http | Application::Http2)
            };
            let only_http = bare.iter().all(is_http);
            if beside && only_http || way.verdict == Expected::Denied {
                return None;
            }
            let mut made = finding(check, way, &bare);
            made.title = format!("{} leads to {} without TLS", way.label(), ports_words(&bare));
            made.explanation.insert(0, way.tls.detail.clone());
            made.no_fix = Some(
                "deploy the application with a certificate of its own, or go through an Ingress \
                 that has one"
                    .to_owned(),
            );
            Some(made)
        }
        _ => None,
    }
}

fn certificate(way: &Way<'_>) -> String {
    let name = way.controller.map_or("", |one| one.name);
    match (way.kind, name) {
        (WayKind::Gateway, _) => {
            "give the Gateway a listener of protocol HTTPS with certificateRefs".to_owned()
        }
        (_, "AWS Load Balancer Controller") => {
            "name a certificate: alb.ingress.kubernetes.io/certificate-arn".to_owned()
        }
        (_, "GKE Ingress") => "name a secret in spec.tls, or a managed certificate \
                               (networking.gke.io/managed-certificates)"
            .to_owned(),
        _ => "name a secret for the host in spec.tls".to_owned(),
    }
}

/// GKE's front ends speak HTTP/2 to pods by TLS alone, but where they are told H2C.
fn plain_hop(check: &Check, way: &Way<'_>) -> Option<Finding> {
    if way.controller.is_none_or(|one| one.name != "GKE Ingress") || way.grpc != Some(true) {
        return None;
    }
    let bare = |port: &&WayPort| {
        matches!(port.application, Application::Grpc | Application::Http2)
            && port.tls == Some(false)
            && !port.is_plain_http2
    };
    let bare: Vec<&WayPort> = way.ports.iter().filter(bare).collect();
    if bare.is_empty() {
        return None;
    }
    let mut made = finding(check, way, &bare);
    made.title = format!(
        "TLS of {} ends before {}, and GKE speaks HTTP/2 to pods by TLS alone",
        way.label(),
        ports_words(&bare)
    );
    made.confidence = Confidence::Likely;
    made.no_fix =
        Some("have the pods speak TLS on that port; a self-signed certificate will do".to_owned());
    Some(made)
}
