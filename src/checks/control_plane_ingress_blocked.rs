//! The control plane cannot reach kubelets or nodes.
//!
//! What it means: an INGRESS deny, or the lack of an allow, stops the control plane on tcp 10250
//! (kubelet) or 443.
//!
//! What it looks like: kubectl logs, exec, attach, port-forward and top hang; metrics are missing;
//! "Error from server: error dialing backend: dial timeout".
//!
//! Why: GKE opens exactly these two ports with its own rule, gke-CLUSTER-HASH-master. The rule is
//! missing, disabled, or outranked, or a Shared VPC's host project does not let GKE write it.
//!
//! What to do: let GKE write its rule again (its service agent needs rights on the host project's
//! firewalls), or add a rule of your own with the same range, tag and ports.
//!
//! Source: <https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Outcome, Severity, pasted};
use crate::correlate::Cause;
use crate::model::symptom::SymptomKind;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "control-plane-ingress-blocked",
    title: "the control plane cannot reach kubelets or nodes",
    severity: Severity::Error,
    source: include_str!("control_plane_ingress_blocked.rs"),
    claims: Some(claims),
    run,
};

/// Denied connections, and errors of kubectl that none of them explains.
fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let open = pasted::open_calls(check, evidence, |kind| match kind {
        SymptomKind::Kubelet(call) | SymptomKind::Proxied(call) => Some(call),
        _ => None,
    });
    let closed = evidence.correlation.told.iter().filter_map(|told| match &told.symptom.kind {
        SymptomKind::Kubelet(call) | SymptomKind::Proxied(call) => {
            pasted::closed_call(check, evidence, told, call)
        }
        _ => None,
    });
    let errors = closed.chain(open).collect();
    pasted::join(blocked::find(check, evidence, words), errors)
}

fn claims(cause: &Cause<'_>) -> bool {
    let to = matches!(cause.destination.role, Role::Node | Role::Pod | Role::Subnet);
    let ingress = cause.direction != Some(Direction::Egress);
    let own_port = matches!(cause.port, Some(443 | 10250));
    cause.source.role == Role::ControlPlane && to && ingress && own_port
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let what = match cause.port {
        Some(10_250) => "kubelets".to_owned(),
        Some(443) | None => "nodes".to_owned(),
        Some(_) => blocked::who(&cause.destination),
    };
    let title = format!("the control plane cannot reach {what} on {}", blocked::traffic(cause));
    let mut explanation = vec![blocked::denied_by(cause)];
    if matches!(cause.port, Some(443 | 10_250) | None) {
        explanation.push(
            "GKE opens tcp 443 and 10250 by its own rule, gke-CLUSTER-HASH-master: it is missing, \
             disabled or outranked"
                .to_owned(),
        );
    }
    Words { title, explanation }
}
