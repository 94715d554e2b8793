//! The answer of `why`: one connection, the whole way through the rules of both ends.

use serde_json::{Value, json};

use crate::checks::finding::DecisionSummary;
use crate::correlate::side::Side;
use crate::engine::matching::{Outcome, Step};
use crate::net::{Direction, FiveTuple};
use crate::render::document::{Block, Document, Style, plain, plural, styled};
use crate::render::{json as render_json, triage};

/// One end's firewall, asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which way.
    pub direction: Direction,
    /// The network.
    pub network: String,
    /// The answer.
    pub decision: DecisionSummary,
    /// Every rule that was tried.
    pub steps: Vec<Step>,
    /// What is known of the VM.
    pub vm: Vec<String>,
}

/// The whole answer.
#[derive(Debug, Clone)]
pub struct Why {
    /// The connection.
    pub tuple: FiveTuple,
    /// The client.
    pub source: Side,
    /// The server.
    pub destination: Side,
    /// Each end's firewall that is asked, in order.
    pub asked: Vec<Asked>,
    /// What the log says of it, in words.
    pub logged: Vec<String>,
    /// What is missing for an answer.
    pub missing: Vec<String>,
}

/// For people; `full` lists every rule that was tried.
#[must_use]
pub fn document(why: &Why, full: bool) -> Document {
    let mut document = Document::default();
    document.push(Block::Line(vec![styled(Style::Strong, headline(&why.tuple))]));
    for (word, side) in [("from", &why.source), ("to", &why.destination)] {
        let who = crate::checks::blocked::describe(side);
        document.entry(word, format!("{who}: {}", side.because));
    }
    for line in &why.logged {
        document.entry("log", line.clone());
    }
    for asked in &why.asked {
        document.push(Block::Blank);
        document.push(Block::Heading(format!("{} in network {}", asked.direction, asked.network)));
        for line in &asked.vm {
            document.entry("VM", line.clone());
        }
        let interesting = |step: &&Step| full || step.misses.len() < 2;
        let rows: Vec<Vec<String>> = asked
            .steps
            .iter()
            .filter(interesting)
            .map(|step| {
                let misses: Vec<_> = step.misses.iter().map(|miss| miss.id()).collect();
                let outcome = match step.outcome {
                    Outcome::Matched => "matches".to_owned(),
                    Outcome::Doubtful(_) => "may match".to_owned(),
                    Outcome::Missed(_) => format!("skipped: {}", misses.join(", ")),
                };
                vec![step.rule.clone(), outcome]
            })
            .collect();
        let hidden = asked.steps.len() - rows.len();
        if !rows.is_empty() {
            document.push(Block::Table(vec!["RULE", "OUTCOME"], rows));
        }
        if hidden > 0 {
            let rules = plural(hidden as u64, "rule", "rules");
            document.line(format!("({rules} with several mismatches not shown; -v shows them)"));
        }
        triage::verdict(&mut document, &asked.decision);
    }
    for line in &why.missing {
        document.push(Block::Entry("lacks", vec![plain(line.clone())]));
    }
    document
}

/// The connection without the client's port, which nobody asked about.
fn headline(tuple: &FiveTuple) -> String {
    let port =
        if tuple.protocol.has_ports() { format!(" {}", tuple.dst_port) } else { String::new() };
    format!("{}{port}   {} > {}", tuple.protocol, tuple.src, tuple.dst)
}

/// For programs.
#[must_use]
pub fn json(why: &Why) -> Value {
    let side = |side: &Side| {
        json!({
            "role": side.role.id(), "name": (!side.name.is_empty()).then_some(&side.name),
            "ranges": side.ranges.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "because": side.because,
        })
    };
    let asked: Vec<Value> = why
        .asked
        .iter()
        .map(|asked| {
            let trace: Vec<Value> = asked
                .steps
                .iter()
                .map(|step| {
                    json!({
                        "rule": step.rule,
                        "outcome": match step.outcome {
                            Outcome::Matched => "matched",
                            Outcome::Doubtful(_) => "doubtful",
                            Outcome::Missed(_) => "missed",
                        },
                        "mismatches": step.misses.iter().map(|miss| miss.id()).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "direction": asked.direction.to_string(),
                "network": asked.network,
                "decision": render_json::decision(&asked.decision),
                "vm": asked.vm,
                "trace": trace,
            })
        })
        .collect();
    json!({
        "schema": "vpcwhy/why-v1",
        "connection": {
            "src_ip": why.tuple.src.to_string(), "dest_ip": why.tuple.dst.to_string(),
            "dest_port": why.tuple.protocol.has_ports().then_some(why.tuple.dst_port),
            "protocol": why.tuple.protocol.to_string(),
        },
        "source": side(&why.source),
        "destination": side(&why.destination),
        "asked": asked,
        "logged": why.logged,
        "missing": why.missing,
    })
}
