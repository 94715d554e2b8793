//! A cluster does not come up, or is broken.
//!
//! What it means: the cluster or a node pool says PROVISIONING, ERROR, DEGRADED or
//! RUNNING_WITH_ERROR, or somebody pasted "only 0 nodes out of 3 have registered".
//!
//! What it looks like: the creation hangs for half an hour and fails while health checking; nodes
//! are there as VMs, and `kubectl get nodes` shows none.
//!
//! Why: nodes register with the control plane on tcp 443, and fetch what they need to boot from
//! storage.googleapis.com and the registries. Where a rule denies that, nothing logs a reason.
//! Where somebody deleted the peering of the network with the control plane, no route leads there.
//! Other causes, such as quotas, exhausted zones, and service accounts without permissions, the
//! cluster names itself.
//!
//! What to do: mend the blocked path that is named here; where none is, see the message.
//!
//! Source:
//! <https://cloud.google.com/kubernetes-engine/docs/troubleshooting/troubleshoot-cluster-creation>,
//! <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters>

use crate::checks::finding::{Basis, Confidence, Finding, ResourceSummary, Severity, id};
use crate::checks::pasted::{self, Words};
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::expected::Conclusion;
use crate::correlate::expected::{Need, Purpose};
use crate::correlate::roads;
use crate::engine::Verdict;
use crate::model::cluster::State;
use crate::model::symptom::SymptomKind;
use crate::model::{Cluster, ConnectorObject, Symptom};
use crate::net::Role;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "cluster-stuck",
    title: "a cluster does not come up, or is broken",
    severity: Severity::Error,
    source: include_str!("cluster_stuck.rs"),
    claims: None,
    run,
};

/// What is not as it should be.
const BROKEN: [&str; 4] = ["ERROR", "DEGRADED", "RUNNING_WITH_ERROR", "PROVISIONING"];

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let inventory = evidence.directory.inventory;
    let mut found = Vec::new();
    for (at, cluster) in inventory.clusters.iter().enumerate() {
        let alone = || without_peering(check, cluster, evidence);
        found.extend(alone().or_else(|| stuck(check, at, cluster, evidence)));
    }
    let one_cluster = inventory.clusters.len() == 1 && !found.is_empty();
    for told in &evidence.correlation.told {
        let SymptomKind::NodesMissing(counts) = told.symptom.kind else { continue };
        // The cluster's own finding tells it.
        if one_cluster {
            continue;
        }
        let words = missing(counts, told.answer, evidence);
        found.push(pasted::finding(check, told, evidence, words));
    }
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// The paths of a cluster without which its nodes do not register.
#[must_use]
pub(super) fn blocked_paths<'e, 'a>(
    evidence: &Evidence<'e, 'a>,
    cluster: Option<usize>,
) -> Vec<&'e Need<'a>> {
    let needed = |need: &&Need<'_>| {
        let vital = matches!(
            need.purpose,
            Purpose::ControlPlane | Purpose::Kubelet | Purpose::Internal | Purpose::Road
        );
        let own = cluster.is_none() || need.cluster == cluster;
        own && vital && !need.doubtful && need.is_blocked()
    };
    evidence.correlation.needs.iter().filter(needed).collect()
}

/// The ways to Google's services that nodes boot by, where they may be blocked: whether they go
/// there is not certain, or only the log shows that they do.
#[must_use]
pub(super) fn doubtful_paths(evidence: &Evidence<'_, '_>, cluster: Option<usize>) -> Vec<String> {
    let own = |of: Option<usize>| cluster.is_none() || of == cluster;
    let needs = evidence.correlation.needs.iter();
    let needs = needs.filter(|need| {
        need.purpose == Purpose::Road && need.doubtful && need.is_blocked() && own(need.cluster)
    });
    let by_log = evidence.correlation.causes.iter().filter(|cause| {
        let google = matches!(cause.destination.role, Role::GoogleApis | Role::GooglePublic);
        let denied = cause.decision.verdict == Verdict::Denied && !cause.is_silent();
        google && denied && own(cause.source.cluster)
    });
    let by_log = by_log.map(|cause| {
        format!(
            "the log shows: {} cannot reach {} on {}",
            crate::checks::blocked::who(&cause.source),
            crate::checks::blocked::who(&cause.destination),
            crate::checks::blocked::traffic(cause)
        )
    });
    needs.map(|need| format!("perhaps {}", path_words(need))).chain(by_log).take(4).collect()
}

/// What is to be said where no path is blocked for certain.
pub(super) const SEE_THE_DOUBTFUL: &str =
    "nodes may not reach Google's services, and do not come up without: a finding of its own";

/// `nodes register with the control plane: DENIED by deny-all-egress`.
#[must_use]
pub(super) fn path_words(need: &Need<'_>) -> String {
    let port = need.port.map(|port| format!(" {port}")).unwrap_or_default();
    format!(
        "blocked: {} ({}{port}): {}",
        need.reason,
        need.protocol,
        crate::checks::finding::decided_by(&need.answer.decision)
    )
}

/// Causes that the cluster names itself and that no rule mends.
#[must_use]
pub(super) fn other_cause(messages: &[String]) -> Option<&'static str> {
    let text = messages.join(" ").to_ascii_uppercase();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&["STOCKOUT", "ZONE_RESOURCE_POOL_EXHAUSTED", "DOES NOT HAVE ENOUGH RESOURCES"]) {
        Some("the zone has no such machines left")
    } else if any(&["QUOTA"]) {
        Some("a quota is exhausted")
    } else if any(&["SERVICE_ACCOUNT", "SERVICE ACCOUNT", "PERMISSION", "FORBIDDEN"]) {
        Some("a service account is gone, or lacks a permission")
    } else if any(&["KMS", "CRYPTOKEY"]) {
        Some("the key of Cloud KMS cannot be used")
    } else {
        None
    }
}

fn is_broken(state: &State) -> bool {
    BROKEN.contains(&state.status.as_str())
}

/// What the cluster, its node pools and its operations say; and the messages among it.
fn said(cluster: &Cluster, evidence: &Evidence<'_, '_>) -> (Vec<String>, Vec<String>) {
    let mut explanation: Vec<String> = Vec::new();
    let mut messages = cluster.state.messages.clone();
    for pool in cluster.node_pools.iter().filter(|pool| is_broken(&pool.state)) {
        explanation.push(format!("node pool {}: {}", pool.name, pool.state.status));
        messages.extend(pool.state.messages.iter().cloned());
    }
    let told = evidence.correlation.told.iter().map(|told| told.symptom);
    let of_nodes = |symptom: &&Symptom| matches!(symptom.kind, SymptomKind::NodesMissing(_));
    explanation.extend(told.filter(of_nodes).take(2).map(crate::checks::needed::seen));
    for operation in evidence
        .directory
        .inventory
        .operations
        .iter()
        .filter(|one| one.target.as_ref().is_some_and(|target| target.agrees(&cluster.id)))
    {
        explanation.extend(operation.stages.iter().map(|stage| format!("stage {stage}")));
    }
    messages.dedup();
    explanation.extend(messages.iter().map(|message| format!("it says: {message}")));
    (explanation, messages)
}

/// Whether the cluster, or a node pool of it, is not as it should be.
fn is_any_broken(cluster: &Cluster) -> bool {
    is_broken(&cluster.state) || cluster.node_pools.iter().any(|pool| is_broken(&pool.state))
}

/// A finding about a cluster, by what else tells it from others; the rest is for its maker to say.
fn about(check: &Check, cluster: &Cluster, by: &str) -> Finding {
    let name = &cluster.id.name;
    Finding {
        id: id(check.id, &[name, by]),
        check: check.id,
        severity: check.severity,
        confidence: Confidence::Possible,
        basis: Basis::Configuration,
        title: String::new(),
        explanation: Vec::new(),
        flow: None,
        observed: None,
        needed: true,
        decision: None,
        resources: vec![ResourceSummary {
            kind: "cluster",
            name: name.clone(),
            origin: cluster.origin.clone(),
        }],
        fixes: Vec::new(),
        remedies: Vec::new(),
        advice: Vec::new(),
        no_fix: None,
    }
}

/// A cluster whose network has lost the peering with its control plane: no rule is in the way, and
/// no route leads there.
fn without_peering(
    check: &Check,
    cluster: &Cluster,
    evidence: &Evidence<'_, '_>,
) -> Option<Finding> {
    let peering = evidence.directory.inventory.lost_peering(cluster)?;
    let (name, network) = (&cluster.id.name, cluster.network.as_ref()?);
    let (mut explanation, _) = said(cluster, evidence);
    // Two exports may be of two days: without a sign that nodes are cut off it is only told.
    let of_nodes = |symptom: &Symptom| {
        matches!(symptom.kind, SymptomKind::NodesMissing(_) | SymptomKind::NodeEgress(_))
    };
    let mut told = evidence.correlation.told.iter();
    let is_seen = is_any_broken(cluster) || told.any(|one| of_nodes(one.symptom));
    let range = cluster.control_plane_range.map(|range| format!(", {range},"));
    explanation.push(format!(
        "the control plane's range{} is reached by the route of this peering alone",
        range.unwrap_or_default()
    ));
    Some(Finding {
        severity: if is_seen { check.severity } else { Severity::Note },
        confidence: if is_seen { Confidence::Likely } else { Confidence::Possible },
        title: format!(
            "nodes of {name} cannot reach their control plane: network {network} has no peering \
             {peering}"
        ),
        explanation,
        no_fix: Some(
            "not the firewall: GKE makes this peering with the cluster, and never again: make the \
             cluster anew"
                .to_owned(),
        ),
        ..about(check, cluster, peering)
    })
}

fn stuck(
    check: &Check,
    at: usize,
    cluster: &Cluster,
    evidence: &Evidence<'_, '_>,
) -> Option<Finding> {
    if !is_any_broken(cluster) && !cluster.state.messages.iter().any(|text| is_bad(text)) {
        return None;
    }
    let (mut explanation, messages) = said(cluster, evidence);
    let paths = blocked_paths(evidence, Some(at));
    explanation.extend(paths.iter().take(4).map(|need| path_words(need)));
    let doubtful = doubtful_paths(evidence, Some(at));
    explanation.extend(doubtful.iter().filter(|_| paths.is_empty()).cloned());
    let open = roads::undecided(evidence.directory, &cluster.id.name);
    let open = open.iter().filter(|_| paths.is_empty() && doubtful.is_empty());
    let open: Vec<String> = open.map(|one| roads::undecided_words(&cluster.id.name, one)).collect();
    explanation.extend(open.iter().cloned());
    let other = other_cause(&messages);
    let provisioning = cluster.state.status == "PROVISIONING";
    let status = if cluster.state.status.is_empty() { "not ready" } else { &cluster.state.status };
    Some(Finding {
        severity: match (paths.is_empty(), provisioning && messages.is_empty()) {
            (true, true) => Severity::Note,
            _ => check.severity,
        },
        confidence: match (paths.is_empty(), other) {
            (false, None) => Confidence::Likely,
            _ => Confidence::Possible,
        },
        title: match (paths.first(), other) {
            (_, Some(why)) => format!("cluster {} is {status}: {why}", cluster.id.name),
            (Some(need), None) => {
                format!("cluster {} is {status}: {} is blocked", cluster.id.name, need.reason)
            }
            (None, None) => format!("cluster {} is {status}", cluster.id.name),
        },
        explanation,
        no_fix: Some(match (paths.is_empty(), other) {
            (_, Some(why)) => format!("not the firewall: {why}"),
            (false, None) => "mend the blocked paths, each a finding of its own".to_owned(),
            (true, None) if !doubtful.is_empty() => SEE_THE_DOUBTFUL.to_owned(),
            (true, None) if !open.is_empty() => {
                "no path that nodes need to register is blocked by what was given, and one is not \
                 judged: whoever keeps what is on that way knows; or lead the names of Google's to \
                 a VIP, by private zones and a route of its own"
                    .to_owned()
            }
            (true, None) => {
                "no path that nodes need to register is blocked by what was given; see \
                             the message, routes, NAT and Private Google Access"
                    .to_owned()
            }
        }),
        ..about(check, cluster, &cluster.state.status)
    })
}

/// Whether a message of Config Connector's tells of nodes or components that did not come up; other
/// failures are told by what failed.
fn is_bad(text: &str) -> bool {
    ["have registered", "has registered", "unhealthy", "brought up"]
        .iter()
        .any(|word| text.contains(word))
}

/// Whether what an object says is told by this check.
pub(super) fn is_told(object: &ConnectorObject) -> bool {
    object.id.kind.starts_with("Container") && object.said().is_some_and(|said| is_bad(&said))
}

fn missing(counts: Option<(u64, u64)>, answer: Conclusion, evidence: &Evidence<'_, '_>) -> Words {
    let paths = blocked_paths(evidence, None);
    let title = match counts {
        Some((some, all)) => format!("only {some} of {all} nodes registered"),
        None => "nodes did not register".to_owned(),
    };
    let given = !evidence.directory.inventory.clusters.is_empty();
    let no_fix = match (answer, given) {
        (Conclusion::Firewall, _) => "mend the blocked paths, each a finding of its own",
        (Conclusion::Elsewhere(_), _) => {
            "not the firewall: the rules let nodes reach the control plane; look at the node's \
             serial port, its service account, and the way to storage.googleapis.com (Private \
             Google Access, DNS, routes)"
        }
        (_, true) => {
            "cannot tell: what was given does not decide whether nodes reach the control \
                      plane (gcloud compute firewall-rules list --format=json)"
        }
        (_, false) => {
            "cannot tell without the cluster and the rules (gcloud container clusters \
                       describe CLUSTER --format=json; gcloud compute firewall-rules list \
                       --format=json)"
        }
    };
    Words {
        title,
        explanation: paths.iter().take(4).map(|need| path_words(need)).collect(),
        no_fix: no_fix.to_owned(),
        severity: Severity::Error,
        confidence: if paths.is_empty() { Confidence::Possible } else { Confidence::Likely },
    }
}
