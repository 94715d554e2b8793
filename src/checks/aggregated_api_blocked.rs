//! The control plane cannot reach the server of an aggregated API.
//!
//! What it means: an APIService names a Service, the API server calls its pods at their own port,
//! and the firewall does not let it.
//!
//! What it looks like: `kubectl get apiservices` says `False (FailedDiscoveryCheck)`, "failing or
//! missing response from https://10.1.0.9:6443/apis/custom.metrics.k8s.io/v1beta1: context deadline
//! exceeded"; `kubectl top` and autoscalers have no metrics; every discovery is slow, and
//! namespaces hang in Terminating.
//!
//! Why: GKE opens only tcp 443 and 10250 from the control plane. prometheus-adapter and KEDA's
//! metrics listen on 6443, older metrics-servers on 4443.
//!
//! What to do: allow that port from the control plane's range to the node tag; or let the server
//! listen on 10250 (`--secure-port=10250`), which needs no rule at all.
//!
//! Source:
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/private-clusters#add_firewall_rules>,
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/>

use crate::checks::blocked::{self, Words};
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::model::symptom::SymptomKind;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "aggregated-api-blocked",
    title: "the control plane cannot reach an aggregated API",
    severity: Severity::Error,
    source: include_str!("aggregated_api_blocked.rs"),
    // By what it is needed for, which no address tells.
    claims: None,
    run: |check, evidence| {
        let open = pasted::open_calls(check, evidence, |kind| match kind {
            SymptomKind::AggregatedApi(call) => Some(call),
            _ => None,
        });
        pasted::join(blocked::find(check, evidence, words), open)
    },
};

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let (to, traffic) = (&cause.destination.name, blocked::traffic(cause));
    let title = format!("the control plane cannot reach the API of {to} on {traffic}");
    let explanation = vec![
        blocked::denied_by(cause),
        format!(
            "GKE opens only tcp 443 and 10250 from the control plane; this serves on {traffic}"
        ),
    ];
    Words { title, explanation }
}
