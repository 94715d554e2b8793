//! Answers of `sim`: one question for people, and one line a question for programs.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use crate::checks::finding::{NO_GROUP_ALLOWS, doubts_words, telling_doubts};
use crate::correlate::path::first_broken;
use crate::correlate::simulate::{Answer, Lack};
use crate::engine::{Decider, Doubt, Verdict};
use crate::model::{Expected, FirewallRule, Query, QueryId};
use crate::net::{Direction, FlowBox, FlowSet, TrafficPart};
use crate::render::document::{Block, Document, Style, plain, plural, styled};
use crate::render::escape::escape_json;
use crate::render::json::DeciderLine;
use crate::render::path;

/// What is not given, in words.
#[must_use]
pub fn lack_words(lack: Lack) -> &'static str {
    match lack {
        Lack::SourceTags => "source tags are not given",
        Lack::SourceAccount => "source service account is not given",
        Lack::SourceSecureTags => "source secure tags are not given",
        Lack::TargetTags => "target tags are not given",
        Lack::TargetAccount => "target service account is not given",
        Lack::TargetSecureTags => "target secure tags are not given",
        Lack::Address => "the VM's address is not given",
        Lack::Region => "the VM's region is not given",
        Lack::Protocol => "protocol is not given",
        Lack::Port => "port is not given",
        Lack::EnforcementOrder => {
            "the network's enforcement order is not given: describe the network, or name \
             --enforcement-order"
        }
        Lack::Network => {
            "which network is meant: several are described; name --network and --project"
        }
        Lack::Rules => "no firewall rule of this network was given",
    }
}

type DoubtWords = fn(&[(&FirewallRule, Doubt)], Decider<'_>) -> Vec<String>;

/// What is not given, then what `doubts` make of the rules that could not be judged.
fn because(answer: &Answer<'_>, doubts: DoubtWords) -> Vec<String> {
    let mut lines: Vec<String> =
        answer.lacks.iter().map(|lack| lack_words(*lack).to_owned()).collect();
    lines.extend(doubts(&answer.doubts, answer.decider.unwrap_or(Decider::Missing)));
    if let Some(Decider::Rule(rule)) = answer.decider
        && rule.action == crate::model::Action::Inspect
    {
        lines.push(format!("rule {} hands it to a firewall endpoint", rule.label()));
    }
    lines
}

/// Whether the answer is the expected one; without an expectation, whether it is ALLOWED.
#[must_use]
pub fn is_ok(query: &Query, answer: &Answer<'_>) -> bool {
    answer.verdict == query.expect.unwrap_or(Expected::Allowed)
}

/// A question's name, as it came.
#[derive(Serialize)]
#[serde(untagged)]
enum Id<'q> {
    Text(&'q str),
    Number(i64),
}

impl<'q> Id<'q> {
    fn of(id: Option<&'q QueryId>) -> Option<Self> {
        id.map(|id| match id {
            QueryId::Text(text) => Self::Text(text),
            QueryId::Number(number) => Self::Number(*number),
        })
    }
}

/// One line of the answer, its fields in the order of the contract.
#[derive(Serialize)]
struct Line<'q> {
    id: Option<Id<'q>>,
    verdict: &'static str,
    decider: Option<DeciderLine<'q>>,
    witness: Option<Witness>,
    because: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<PieceLine<'q>>,
    /// The road beyond the firewall, as `path` has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_broken: Option<usize>,
}

#[derive(Serialize)]
struct Witness {
    allowed: IpAddr,
    denied: IpAddr,
}

#[derive(Serialize)]
struct PieceLine<'q> {
    from: Vec<String>,
    to: Vec<String>,
    traffic: Vec<TrafficLine>,
    verdict: String,
    decider: Option<DeciderLine<'q>>,
}

#[derive(Serialize)]
struct TrafficLine {
    protocol: String,
    ports: Vec<String>,
}

/// For programs: one line.
#[must_use]
pub fn line(query: &Query, answer: &Answer<'_>) -> String {
    let divided = answer.verdict == Expected::Mixed || answer.parts.len() > 1;
    let line = Line {
        id: Id::of(query.id.as_ref()),
        verdict: answer.verdict.id(),
        decider: answer.decider.and_then(DeciderLine::of),
        witness: answer.witness.map(|(allowed, denied)| Witness { allowed, denied }),
        because: because(answer, doubts_words),
        expect: query.expect.map(Expected::id),
        ok: query.expect.map(|_| is_ok(query, answer)),
        pieces: if divided { pieces(answer) } else { Vec::new() },
        links: path::links(&answer.road),
        first_broken: first_broken(&answer.road),
    };
    printed(&line)
}

fn printed(line: &Line<'_>) -> String {
    let mut text = escape_json(&serde_json::to_string(line).unwrap_or_default());
    text.push('\n');
    text
}

/// The line of a question that could not be read.
#[must_use]
pub fn bad_line(name: Option<&QueryId>, message: &str) -> String {
    printed(&Line {
        id: Id::of(name),
        verdict: Expected::Undetermined.id(),
        decider: None,
        witness: None,
        because: vec![message.to_owned()],
        expect: None,
        ok: Some(false),
        pieces: Vec::new(),
        links: Vec::new(),
        first_broken: None,
    })
}

/// The pieces with one answer each, put together.
fn grouped<'a>(answer: &Answer<'a>) -> Vec<(Verdict, Decider<'a>, Vec<FlowBox>)> {
    let mut groups: Vec<(Verdict, Decider<'a>, Vec<FlowBox>)> = Vec::new();
    for part in &answer.parts {
        let decision = &part.decision;
        let group = groups.iter_mut().find(|(verdict, decider, _)| {
            *verdict == decision.verdict && decider.is_same(&decision.decider)
        });
        match group {
            Some((_, _, boxes)) => boxes.push(part.flows.clone()),
            None => {
                groups.push((decision.verdict, decision.decider, vec![part.flows.clone()]));
            }
        }
    }
    for (_, _, boxes) in &mut groups {
        *boxes = FlowSet::of_all(std::mem::take(boxes)).fewest();
    }
    groups
}

fn pieces<'a>(answer: &Answer<'a>) -> Vec<PieceLine<'a>> {
    let pieces = grouped(answer).into_iter().flat_map(|(verdict, by, boxes)| {
        boxes.into_iter().map(move |one| {
            let parts = one.traffic.parts().into_iter();
            PieceLine {
                from: one.source.texts(),
                to: one.destination.texts(),
                traffic: parts
                    .map(|TrafficPart { protocol, ports }| TrafficLine { protocol, ports })
                    .collect(),
                verdict: verdict.to_string(),
                decider: DeciderLine::of(by),
            }
        })
    });
    pieces.collect()
}

/// The style of a verdict.
fn style(verdict: Expected) -> Style {
    match verdict {
        Expected::Allowed => Style::Good,
        Expected::Denied => Style::Bad,
        Expected::Mixed | Expected::Undetermined => Style::Strong,
    }
}

fn texts(texts: &[String], most: usize) -> String {
    let mut shown: Vec<String> = texts.iter().take(most).cloned().collect();
    if texts.len() > most {
        shown.push(format!("… {} more", texts.len() - most));
    }
    shown.join(", ")
}

/// For people.
#[must_use]
pub fn document(query: &Query, answer: &Answer<'_>) -> Document {
    let mut document = Document::default();
    let end = |ranges: &Option<Vec<crate::net::IpNet>>| match ranges {
        Some(ranges) => texts(&crate::net::AddressSet::of(ranges).texts(), 4).replace("/32", ""),
        None => "the VM".to_owned(),
    };
    let protocol = query.protocol.map_or_else(|| "any protocol".to_owned(), |one| one.to_string());
    let port = query.ports.as_ref().map(|ports| format!(" {}", ports.texts().join(",")));
    let port = port.unwrap_or_default();
    let (from, to) = (end(&query.source), end(&query.destination));
    document.push(Block::Line(vec![
        styled(style(answer.verdict), answer.verdict.id()),
        plain(format!("   {protocol}{port}   {from} > {to}")),
    ]));
    let network = answer.network.as_ref().map(|network| format!(" in network {network}"));
    document.entry("asked", format!("{}{}", query.direction, network.unwrap_or_default()));
    if let Some(by) = answer.decider {
        document.entry("by", decider_words(by));
    }
    if let Some((allowed, denied)) = answer.witness {
        document.entry("allowed", format!("for example {allowed}"));
        document.entry("denied", format!("for example {denied}"));
    }
    for line in because(answer, telling_doubts) {
        document.entry("because", line);
    }
    let groups = grouped(answer);
    if answer.verdict == Expected::Mixed || groups.len() > 1 {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let vm = || "the VM".to_owned();
        let unsaid = match query.direction {
            Direction::Ingress => query.destination.is_none(),
            Direction::Egress => query.source.is_none(),
        };
        let own_is = |direction: Direction| unsaid && direction == query.direction;
        for (verdict, by, boxes) in &groups {
            for one in boxes {
                let traffic: Vec<String> = one
                    .traffic
                    .parts()
                    .iter()
                    .map(|part| format!("{} {}", part.protocol, part.ports.join(",")))
                    .map(|text| text.trim_end().to_owned())
                    .collect();
                rows.push(vec![
                    verdict.to_string(),
                    if own_is(Direction::Egress) { vm() } else { one.source.words(3) },
                    if own_is(Direction::Ingress) { vm() } else { one.destination.words(3) },
                    texts(&traffic, 3),
                    decider_words(*by),
                ]);
            }
        }
        let hidden = rows.len().saturating_sub(MOST_ROWS);
        rows.truncate(MOST_ROWS);
        document.push(Block::Blank);
        document.push(Block::Table(vec!["VERDICT", "FROM", "TO", "TRAFFIC", "BY"], rows));
        if hidden > 0 {
            let pieces = plural(hidden as u64, "piece", "pieces");
            document.line(format!("({pieces} more; --format json has them)"));
        }
    }
    push_road(&mut document, answer);
    if let Some(expect) = query.expect {
        let ok = if is_ok(query, answer) { "as expected" } else { "NOT as expected" };
        document.entry("expected", format!("{}: {ok}", expect.id()));
    }
    document
}

/// The road of one connection beyond the firewall.
fn push_road(document: &mut Document, answer: &Answer<'_>) {
    if answer.road.is_empty() {
        return;
    }
    let road = match (first_broken(&answer.road), answer.verdict) {
        (Some(_), Expected::Allowed) => "the firewall lets it out, and the road is broken",
        (Some(_), _) => "beyond the firewall the road is broken, too",
        (None, _) => "beyond the firewall",
    };
    document.entry("road", road);
    path::push_links(document, &answer.road);
}

/// A table for people is not longer than this.
const MOST_ROWS: usize = 24;

/// A decider in words.
#[must_use]
pub fn decider_words(decider: Decider<'_>) -> String {
    match decider {
        Decider::Rule(rule) => {
            let stage = rule.stage.map_or("VPC rule", |stage| match stage {
                crate::model::PolicyKind::Hierarchical => "hierarchical policy",
                crate::model::PolicyKind::RegionalSystem => "system policy",
                crate::model::PolicyKind::GlobalNetwork => "global network policy",
                crate::model::PolicyKind::RegionalNetwork => "regional network policy",
                crate::model::PolicyKind::NetworkAcl => "network ACL",
                crate::model::PolicyKind::SecurityGroup => "security group",
            });
            let name = match (&rule.policy, &rule.name) {
                (Some(policy), _) => format!("{policy}, rule {}", rule.priority),
                (None, Some(name)) => format!("{name}, priority {}", rule.priority),
                (None, None) => rule.label(),
            };
            format!("{stage} {name} ({})", rule.origin)
        }
        Decider::Implied(Direction::Ingress) => "the implied deny: no rule matches".to_owned(),
        Decider::Implied(Direction::Egress) => "the implied allow: no rule matches".to_owned(),
        Decider::NoGroupAllows(_) => format!("{NO_GROUP_ALLOWS}: none allows it"),
        Decider::AlwaysAllowed(what) => format!("always allowed: {what}"),
        Decider::AlwaysBlocked(what) => format!("always blocked: {what}"),
        Decider::Missing => "nothing that was given".to_owned(),
    }
}
