//! The control plane cannot reach a webhook or an aggregated API.
//!
//! What it means: the API server calls admission webhooks, conversion webhooks and aggregated APIs
//! at the pod's own port, and the firewall does not let it.
//!
//! What it looks like: "failed calling webhook …: context deadline exceeded", "dial tcp
//! 10.1.0.7:15017: i/o timeout", "the server is currently unable to handle the request"; with
//! failurePolicy: Ignore nothing at all, the sidecars are just missing.
//!
//! Why: GKE opens only tcp 443 and 10250 from the control plane. The port that counts is the pod's
//! targetPort, not the Service's port: 15017 istiod, 8443 Gatekeeper, ingress-nginx, Knative, 9443
//! controller-runtime, 6443 or 4443 aggregated APIs.
//!
//! What to do: allow that one port from the control plane's range to the node tag; or let the
//! webhook listen on 10250, which needs no rule at all.
//!
//! Source:
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity, needed, pasted};
use crate::correlate::Cause;
use crate::model::symptom::SymptomKind;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "webhook-port-blocked",
    title: "the control plane cannot reach a webhook or aggregated API",
    severity: Severity::Error,
    source: include_str!("webhook_port_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let open = pasted::open_calls(check, evidence, |kind| match kind {
            SymptomKind::Webhook(call) => Some(call),
            _ => None,
        });
        pasted::join(blocked::find(check, evidence, words), open)
    },
};

fn claims(cause: &Cause<'_>) -> bool {
    let to = matches!(cause.destination.role, Role::Node | Role::Pod | Role::Subnet);
    let ingress = cause.direction != Some(Direction::Egress);
    cause.source.role == Role::ControlPlane && to && ingress
}

fn words(cause: &Cause<'_>, evidence: &Evidence<'_, '_>) -> Words {
    let traffic = blocked::traffic(cause);
    let title = match cause.needs.as_slice() {
        [] => format!("the control plane cannot reach the webhook or API on {traffic}"),
        [_] => format!("the control plane cannot reach {} on {traffic}", cause.destination.name),
        needs => format!(
            "the control plane cannot reach {} webhooks on {traffic} ({})",
            needs.len(),
            cause.destination.name
        ),
    };
    let mut explanation = vec![
        blocked::denied_by(cause),
        format!(
            "GKE opens only tcp 443 and 10250 from the control plane; this serves on {traffic}"
        ),
    ];
    if let Some(known) = cause.port.and_then(usual_server) {
        explanation.push(format!("{traffic} is the usual port of {known}"));
    }
    if cause.needs.is_empty() && needed::kubelet_port_is_open(cause, evidence) {
        explanation.push(
            "without touching the firewall: let the webhook's container listen on 10250".to_owned(),
        );
    }
    Words { title, explanation }
}

/// Who usually serves on a port: the pod ports of the components' own charts and manifests.
fn usual_server(port: u16) -> Option<&'static str> {
    Some(match port {
        4443 => "Kubeflow's admission webhook and older metrics-server",
        6443 => "prometheus-adapter, KEDA's metrics and cert-manager 0.11",
        8443 => "Gatekeeper, ingress-nginx, Knative, Katib, Tekton and Linkerd",
        9443 => "controller-runtime: KServe, Kyverno, the OpenTelemetry operator and many more",
        15017 => "istiod's sidecar injector",
        _ => return None,
    })
}
