//! The answer of `expose`: every way into an application, one row each, and what it lacks.

use serde_json::{Value, json};

use crate::checks::exposure::WaySummary;
use crate::checks::{Finding, Report, Severity};
use crate::correlate::exposure::is_of;
use crate::model::{Expected, ObjectName};
use crate::render::document::{Block, Document, plural};
use crate::render::{json as render_json, triage};

/// What the answer needs to know besides the report.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Only this application.
    pub name: Option<String>,
    /// Whether every finding is explained, and what is not reached from outside is shown.
    pub full: bool,
    /// Whether only the table is wanted.
    pub quiet: bool,
    /// The inputs as they were typed, quoted.
    pub inputs: String,
}

/// The ways into one application, or all.
pub fn of<'r>(report: &'r Report, name: Option<&'r str>) -> impl Iterator<Item = &'r WaySummary> {
    let is = move |id: &ObjectName| name.is_none_or(|name| is_of(name, id));
    report
        .ways
        .iter()
        .filter(move |way| is(&way.id) || way.ports.iter().any(|port| is(&port.service)))
}

/// For people.
#[must_use]
pub fn document(report: &Report, asked: &Asked) -> Document {
    let mut document = Document::default();
    let all: Vec<&WaySummary> = of(report, asked.name.as_deref()).collect();
    if all.is_empty() {
        let what = asked.name.as_deref().map(|name| format!(" into {name}")).unwrap_or_default();
        let mut others: Vec<String> = report.ways.iter().map(|way| way.id.to_string()).collect();
        others.sort();
        others.dedup();
        let why = match others.is_empty() {
            true => "no Service, Ingress or Gateway was given",
            false => "of what was given, nothing leads there",
        };
        document.line(format!("No way{what}: {why}."));
        if !others.is_empty() {
            document.entry("others", some_of(&others));
        }
        document.entry(
            "next",
            "kubectl get services,ingresses,pods,deployments --all-namespaces -o json",
        );
        return document;
    }
    let inner = |way: &&&WaySummary| way.kind == "port-forward";
    let hidden = all.iter().filter(inner).count() as u64;
    let show_all = asked.full || asked.name.is_some() || hidden == all.len() as u64;
    let rows: Vec<Vec<String>> = all
        .iter()
        .filter(|way| show_all || way.kind != "port-forward")
        .map(|way| row(way))
        .collect();
    let head = vec!["VERDICT", "WAY", "HOST", "PORTS", "WHO", "TLS", "GRPC", "WS", "AUTH"];
    document.push(Block::Table(head, rows));
    if hidden > 0 && !show_all {
        let words = plural(hidden, "Service is", "Services are");
        document.entry("inside", format!("{words} reached by kubectl port-forward alone (-v)"));
    }
    document.push(Block::Blank);
    if asked.quiet {
        return document;
    }
    let mut told: Vec<&String> = Vec::new();
    for way in all.iter().filter(|way| way.kind != "port-forward") {
        for text in &way.because {
            if !told.contains(&text) {
                told.push(text);
                document.entry("but", format!("{}: {text}", label(way)));
            }
        }
    }
    let own: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|one| all.iter().any(|way| way.findings.contains(&one.id)))
        .collect();
    let bad: Vec<&&Finding> = own.iter().filter(|one| one.severity != Severity::Note).collect();
    document.push(Block::Blank);
    let explained = if asked.full { own.len() } else { 2 };
    for finding in own.iter().take(explained) {
        triage::finding(&mut document, finding);
        document.push(Block::Blank);
    }
    for finding in own.iter().skip(explained) {
        document.entry("also", format!("{} {}: {}", finding.id, finding.check, finding.title));
    }
    let count = plural(bad.len() as u64, "thing needs", "things need");
    match (bad.is_empty(), own.first()) {
        (true, _) => document.line("No finding: nothing that was given speaks against these ways."),
        (false, Some(first)) => {
            document.line(format!("{count} action."));
            document.entry("next", format!("vpcwhy explain {}", first.check));
        }
        (false, None) => {}
    }
    document
}

fn label(way: &WaySummary) -> String {
    format!("{} {}", way.kind.replace('-', " "), way.name)
}

fn known(holds: Option<bool>, yes: &str, no: &str) -> String {
    match holds {
        Some(true) => yes.to_owned(),
        Some(false) => no.to_owned(),
        None => "?".to_owned(),
    }
}

/// The first few, and how many more there are.
fn some_of(list: &[String]) -> String {
    let first = list.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn row(way: &WaySummary) -> Vec<String> {
    let verdict = match way.verdict {
        _ if way.kind == "port-forward" => "· inside",
        Expected::Allowed => "✓\u{a0}allowed",
        Expected::Denied => "✗\u{a0}DENIED",
        Expected::Mixed => "✗\u{a0}MIXED",
        Expected::Undetermined => "?\u{a0}not known",
    };
    let ports = way.ports.iter().map(|port| {
        let node = port.node_port.map(|node| format!("{node}>")).unwrap_or_default();
        let target = port.target_port.filter(|target| *target != port.port);
        let target = target.map(|target| format!(">{target}")).unwrap_or_default();
        format!("{node}{}{target}\u{a0}{}", port.port, port.application.id())
    });
    let who = match &way.clients {
        None => "?".to_owned(),
        Some(list) if list.is_empty() => "nobody".to_owned(),
        Some(list) if list.iter().any(|one| one == "0.0.0.0/0") => "anybody".to_owned(),
        Some(list) => some_of(list),
    };
    vec![
        verdict.to_owned(),
        label(way),
        way.host.clone().or_else(|| way.address.clone()).unwrap_or_default(),
        ports.collect::<Vec<_>>().join(", "),
        who,
        known(way.tls.holds, "on", "off"),
        known(way.grpc, "yes", "no"),
        known(way.websockets, "yes", "no"),
        known(way.authentication.holds, "on", "off"),
    ]
}

fn value(way: &WaySummary) -> Value {
    let ports = way.ports.iter().map(|port| {
        json!({
            "service": port.service.to_string(), "port": port.port, "node_port": port.node_port,
            "target_port": port.target_port, "protocol": port.protocol.to_string(),
            "application": port.application.id(), "public": port.may_be_public,
        })
    });
    let state = |holds| known_id(holds, "on", "off");
    json!({
        "kind": way.kind, "name": way.name, "host": way.host, "address": way.address,
        "ports": ports.collect::<Vec<_>>(),
        "clients": way.clients.as_deref().unwrap_or_default(),
        "clients_known": way.clients.is_some(),
        "tls": { "state": state(way.tls.holds), "detail": way.tls.detail },
        "grpc": known_id(way.grpc, "yes", "no"),
        "websockets": known_id(way.websockets, "yes", "no"),
        "authentication": state(way.authentication.holds),
        "controller": way.controller,
        "verdict": way.verdict.id(),
        "decision": way.decision.as_ref().map(render_json::decision),
        "findings": way.findings,
        "because": way.because,
        "path": way.origin.path.to_string(), "line": way.origin.line,
    })
}

fn known_id(holds: Option<bool>, yes: &'static str, no: &'static str) -> &'static str {
    match holds {
        Some(true) => yes,
        Some(false) => no,
        None => "unknown",
    }
}

/// For programs.
#[must_use]
pub fn json(report: &Report, name: Option<&str>) -> Value {
    json!({
        "schema": "vpcwhy/expose-v1",
        "version": env!("CARGO_PKG_VERSION"),
        "ways": of(report, name).map(value).collect::<Vec<_>>(),
    })
}

/// One way a line.
#[must_use]
pub fn lines(report: &Report, name: Option<&str>) -> Vec<Value> {
    of(report, name).map(value).collect()
}
