//! The answer of `reach`: every connection that the clusters need, whether it passes, and the
//! change that lets the rest pass, too.

use serde_json::{Value, json};

use crate::checks::report::NeedSummary;
use crate::checks::{Finding, Report, Severity};
use crate::correlate::side::Side;
use crate::model::Expected;
use crate::net::Role;
use crate::render::document::{Block, Document, Style, plural, styled};
use crate::render::{json, triage};

/// What the answer needs to know besides the report.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whether every finding is explained.
    pub full: bool,
    /// Whether only the table is wanted.
    pub quiet: bool,
    /// The inputs as they were typed, quoted.
    pub inputs: String,
}

/// For people.
#[must_use]
pub fn document(report: &Report, asked: &Asked) -> Document {
    let mut document = Document::default();
    if report.needs.is_empty() && report.inventory.contains_key("security_groups") {
        document.line("What a cluster on AWS needs of its groups is not known here.");
        document.entry("next", format!("vpcwhy expose {}", asked.inputs));
        return document;
    }
    if report.needs.is_empty() {
        document
            .line("Nothing that was given needs a connection: no cluster, no webhook, no probe.");
        document.entry("next", "gcloud container clusters describe CLUSTER --format=json");
        return document;
    }
    let mut clusters: Vec<Option<&String>> =
        report.needs.iter().map(|need| need.cluster.as_ref()).collect();
    clusters.sort();
    clusters.dedup();
    for cluster in clusters {
        let of_cluster: Vec<_> =
            report.needs.iter().filter(|need| need.cluster.as_ref() == cluster).collect();
        document.push(Block::Heading(heading(cluster, &of_cluster)));
        let head = vec!["VERDICT", "FROM", "TO", "PORT", "DECIDED BY", "NEEDED FOR"];
        document.push(Block::Table(head, rows(&of_cluster, asked.full)));
        document.push(Block::Blank);
    }
    notes(&mut document, report);
    let blocked: Vec<&Finding> = findings(report).collect();
    if !asked.quiet {
        let explained = if asked.full { blocked.len() } else { 1 };
        for finding in blocked.iter().take(explained) {
            triage::finding(&mut document, finding);
            document.push(Block::Blank);
        }
        for finding in blocked.iter().skip(explained) {
            document.entry("also", format!("{} {}: {}", finding.id, finding.check, finding.title));
        }
    }
    ending(&mut document, report, &blocked, asked);
    document
}

/// What is needed and does not work.
fn findings(report: &Report) -> impl Iterator<Item = &Finding> {
    let needed = report.findings.iter().filter(|finding| finding.needed);
    needed.filter(|finding| finding.severity != Severity::Note)
}

fn heading(cluster: Option<&String>, needs: &[&NeedSummary]) -> String {
    let network = needs.iter().find_map(|need| need.network.as_deref());
    match (cluster, network) {
        (Some(cluster), Some(network)) => format!("Cluster {cluster} on network {network}"),
        (Some(cluster), None) => format!("Cluster {cluster}"),
        (None, Some(network)) => format!("Load balancers of network {network}"),
        (None, None) => "A cluster that is not given".to_owned(),
    }
}

fn verdict(need: &NeedSummary) -> String {
    let mark = match need.verdict {
        _ if need.missing.is_some() => "✗\u{a0}nobody there",
        Expected::Allowed => "✓\u{a0}allowed",
        Expected::Denied => "✗\u{a0}DENIED",
        Expected::Mixed => "✗\u{a0}MIXED",
        Expected::Undetermined => "?\u{a0}not known",
    };
    if need.doubtful { format!("{mark}\u{a0}*") } else { mark.to_owned() }
}

fn side(side: &Side) -> String {
    match (side.role, side.name.as_str()) {
        (Role::HealthCheck | Role::Iap | Role::Metadata | Role::ProxySubnet, _) => {
            side.role.to_string()
        }
        (Role::Unknown, name) => name.to_owned(),
        (role @ (Role::Pod | Role::Node), name) if !name.contains('/') => format!("{role}s"),
        (role, "") => role.to_string(),
        (Role::ControlPlane, _) => match side.ranges.as_slice() {
            [range] => format!("control plane {range}"),
            _ => "control plane".to_owned(),
        },
        (role, name) => format!("{role} {name}"),
    }
}

/// One row a need; where only the protocol differs, one for all. Webhooks of one Service are one
/// row unless everything is wanted.
fn rows(needs: &[&NeedSummary], full: bool) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut more: Vec<u64> = Vec::new();
    for need in needs {
        let decided = match (&need.decision, &need.missing) {
            (_, Some(_)) | (None, _) => String::new(),
            (Some(decision), _) => match decision.near_misses.first() {
                Some(miss) => {
                    format!(
                        "{}; nearest {} ({})",
                        triage::decider(decision),
                        miss.rule,
                        miss.mismatch
                    )
                }
                None => triage::decider(decision),
            },
        };
        let port = match need.port {
            Some(port) => format!("{}\u{a0}{port}", need.protocol),
            None => need.protocol.clone(),
        };
        let row = vec![
            verdict(need),
            side(&need.from),
            side(&need.to),
            port.clone(),
            decided,
            match &need.effect {
                Some(effect) => format!("{}: {effect}", need.reason),
                None => need.reason.clone(),
            },
        ];
        let but_for = |other: &Vec<String>, free: usize| {
            (0..row.len()).all(|at| at == free || other.get(at) == row.get(at))
        };
        let by_protocol = rows.iter_mut().find(|other| need.port.is_none() && but_for(other, PORT));
        if let Some(ports) = by_protocol.and_then(|other| other.get_mut(PORT)) {
            ports.push_str(&format!(", {port}"));
            continue;
        }
        let one_service = need.effect.is_some() && !full;
        let same = rows.iter().position(|other| one_service && but_for(other, REASON));
        match same.and_then(|at| more.get_mut(at)) {
            Some(count) => *count += 1,
            None => {
                rows.push(row);
                more.push(0);
            }
        }
    }
    for (row, more) in rows.iter_mut().zip(more).filter(|(_, more)| *more > 0) {
        if let Some(reason) = row.get_mut(REASON) {
            reason.push_str(&format!(" and {more} more"));
        }
    }
    rows
}

/// The columns that may differ.
const PORT: usize = 3;
const REASON: usize = 5;

/// What could not be said, what was assumed, what the star means.
fn notes(document: &mut Document, report: &Report) {
    let mut told: Vec<String> = Vec::new();
    let mut tell = |word: &'static str, text: String, document: &mut Document| {
        if !told.contains(&text) {
            document.push(Block::Entry(word, vec![styled(Style::Doubtful, text.clone())]));
            told.push(text);
        }
    };
    for need in &report.needs {
        if let Some(why) = &need.missing {
            tell("nobody", why.clone(), document);
        }
        if need.verdict == Expected::Undetermined {
            for because in &need.because {
                tell("lacks", because.clone(), document);
            }
            let doubts = need.decision.iter().flat_map(|decision| &decision.doubts);
            for doubt in doubts.take(1) {
                tell("unless", doubt.clone(), document);
            }
        }
    }
    let fine = |need: &&NeedSummary| {
        let by_gke = matches!(need.port, Some(443 | 10_250));
        by_gke && need.effect.is_some() && need.verdict == Expected::Allowed
    };
    let fine = report.needs.iter().filter(fine).count() as u64;
    if fine > 0 {
        let calls = plural(fine, "webhook or API is", "webhooks and APIs are");
        let text = format!("{calls} called on 443 or 10250, which GKE opens by itself");
        document.push(Block::Entry("fine", vec![styled(Style::Good, text)]));
    }
    if report.needs.iter().any(|need| need.doubtful) {
        let text = "* not certain that it is needed, or that this is the way it goes";
        document.push(Block::Entry("note", vec![styled(Style::Faint, text)]));
    }
    if report.needs.iter().any(|need| need.assumed) {
        let text = "rules of the name gke-…-HASH-… and k8s-… are assumed: GKE writes them, and no \
                    export of the network's rules was given";
        document.push(Block::Entry("assumed", vec![styled(Style::Doubtful, text)]));
    }
    for spot in report.blind_spots.iter().filter(|spot| spot.kind == "implied-deny").take(2) {
        document.push(Block::Entry("silent", vec![styled(Style::Faint, spot.detail.clone())]));
    }
    document.push(Block::Blank);
}

fn ending(document: &mut Document, report: &Report, blocked: &[&Finding], asked: &Asked) {
    // What nobody answers fails before the firewall has a say.
    let nobody = report.needs.iter().filter(|need| need.missing.is_some()).count();
    let nobody = if nobody > 0 { format!(", {nobody} with nobody there") } else { String::new() };
    let count = |verdict: &[Expected]| {
        let answered = report.needs.iter().filter(|need| need.missing.is_none());
        answered.filter(|need| verdict.contains(&need.verdict)).count() as u64
    };
    let denied = count(&[Expected::Denied, Expected::Mixed]);
    let open = count(&[Expected::Undetermined]);
    let needed = plural(report.needs.len() as u64, "needed connection", "needed connections");
    document.line(format!("{needed}: {denied} denied, {open} not known{nobody}."));
    let mendable = blocked.iter().find(|finding| !finding.fixes.is_empty());
    if let Some(finding) = mendable {
        let text = format!("vpcwhy fix {} {}", finding.id, asked.inputs);
        document.push(Block::Entry("next", vec![styled(Style::Strong, text)]));
    }
}

/// For programs.
#[must_use]
pub fn json(report: &Report) -> Value {
    let needs: Vec<Value> = report.needs.iter().map(need).collect();
    let findings: Vec<Value> = findings(report).map(json::finding).collect();
    json!({
        "schema": "vpcwhy/reach-v1",
        "version": env!("CARGO_PKG_VERSION"),
        "needs": needs,
        "findings": findings,
        "not_given": report.not_given,
        "blind_spots": report
            .blind_spots
            .iter()
            .map(|spot| json!({"kind": spot.kind, "detail": spot.detail}))
            .collect::<Vec<_>>(),
    })
}

/// For programs, one need a line.
#[must_use]
pub fn lines(report: &Report) -> Vec<Value> {
    report.needs.iter().map(need).collect()
}

fn need(need: &NeedSummary) -> Value {
    json!({
        "reason": need.reason,
        "cluster": need.cluster,
        "network": need.network,
        "from": json::side(&need.from),
        "to": json::side(&need.to),
        "protocol": need.protocol,
        "port": need.port,
        "verdict": need.verdict.id(),
        "direction": need.direction.to_string(),
        "decision": need.decision.as_ref().map(json::decision),
        "failure_policy": need.failure_policy,
        "scope": need.scope,
        "effect": need.effect,
        "doubtful": need.doubtful,
        "assumed": need.assumed,
        "missing": need.missing,
        "because": need.because,
        "path": need.origin.path.to_string(),
        "line": need.origin.line,
    })
}
