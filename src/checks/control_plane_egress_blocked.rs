//! Nodes or pods cannot reach their control plane.
//!
//! What it means: an EGRESS deny stops connections from a cluster's nodes or pods to the address
//! range of its control plane.
//!
//! What it looks like: the cluster stays PROVISIONING ("All cluster resources were brought up,
//! but: only 0 nodes out of 3 have registered"), nodes go NotReady, the kubelet logs "Failed to
//! connect to apiserver".
//!
//! Why: GKE makes no EGRESS rules, it relies on the implied allow. Where a deny-all EGRESS rule
//! was laid under a network, allows are needed for tcp 443 to the control plane, and for nodes and
//! pods among each other. Newer clusters may also need tcp 8132 (konnectivity) to the control
//! plane.
//!
//! What to do: allow tcp 443 to the whole range (masterIpv4CidrBlock, a /28), not to one endpoint.
//!
//! Source: <https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "control-plane-egress-blocked",
    title: "nodes or pods cannot reach their control plane",
    severity: Severity::Error,
    source: include_str!("control_plane_egress_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let mut errors = pasted::node_errors(check, evidence, pasted::is_control_plane);
        errors.extend(pasted::client_errors(check, evidence));
        pasted::join(blocked::find(check, evidence, words), errors)
    },
};

fn claims(cause: &Cause<'_>) -> bool {
    let from = matches!(cause.source.role, Role::Node | Role::Pod | Role::Subnet);
    let egress = cause.direction != Some(Direction::Ingress);
    from && egress && cause.destination.role == Role::ControlPlane
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let from = blocked::who(&cause.source);
    let mut explanation = vec![blocked::denied_by(cause)];
    if cause.destination.elsewhere {
        let of = cause.destination.network.as_ref().map(ToString::to_string).unwrap_or_default();
        explanation.push(format!(
            "cluster {} is on network {of}, not on the network that these connections leave: \
             describe {of}, or correct the cluster's reference",
            cause.destination.name
        ));
    }
    if cause.port == Some(443) {
        explanation.push(
            "without this nodes do not register and the cluster stays PROVISIONING".to_owned(),
        );
    }
    let traffic = blocked::traffic(cause);
    Words { title: format!("{from} cannot reach the control plane on {traffic}"), explanation }
}
