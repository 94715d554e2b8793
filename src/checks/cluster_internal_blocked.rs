//! Nodes and pods of a cluster cannot reach each other.
//!
//! What it means: traffic between the nodes, pods and Services of one cluster is denied, on its
//! way out of the one VM or into the other.
//!
//! What it looks like: timeouts between pods on different nodes only, CrashLoopBackOff of whatever
//! needs another pod, nodes NotReady.
//!
//! Why: GKE opens this by its rules gke-CLUSTER-HASH-all and -vms for INGRESS. For EGRESS it
//! relies on the implied allow: a deny-all EGRESS needs allows to the node range, the pod ranges
//! and, where policies look before translation, the Service range.
//!
//! What to do: allow the ranges of the cluster among themselves.
//!
//! Source: <https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity};
use crate::correlate::Cause;
use crate::net::Role;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "cluster-internal-blocked",
    title: "nodes and pods of a cluster cannot reach each other",
    severity: Severity::Error,
    source: include_str!("cluster_internal_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| blocked::find(check, evidence, words),
};

fn claims(cause: &Cause<'_>) -> bool {
    let inside = |role: Role| matches!(role, Role::Node | Role::Pod | Role::Service);
    let same = cause.source.cluster.is_some() && cause.source.name == cause.destination.name;
    same && inside(cause.source.role) && inside(cause.destination.role)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let (from, to) = (blocked::who(&cause.source), blocked::who(&cause.destination));
    let traffic = blocked::traffic(cause);
    let title = match cause.is_as_needed() {
        true => format!("nodes and {from} cannot reach one another on {traffic}"),
        false => format!("{from} cannot reach {to} on {traffic}"),
    };
    let mut explanation = vec![blocked::denied_by(cause)];
    if !cause.parts.is_empty() {
        explanation.push(format!("the log shows a part of it: {}", blocked::listed(&cause.parts)));
    }
    Words { title, explanation }
}
