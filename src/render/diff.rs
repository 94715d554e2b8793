//! The answer of `diff`: what opens and what closes, as the fewest boxes, and the logged
//! connections that change.

use serde_json::{Value, json};

use crate::checks::finding::doubt_words;
use crate::correlate::difference::{Changed, Effect};
use crate::correlate::{Directory, Who};
use crate::engine::{Decider, Verdict};
use crate::net::{AddressSet, Bearers, Direction, FiveTuple};
use crate::render::document::{Block, Document, Style, plain, plural, styled};
use crate::render::json::{DeciderLine, opened};
use crate::render::sim::decider_words;

/// A logged connection whose verdict changes.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The connection.
    pub tuple: FiveTuple,
    /// Its network's name.
    pub network: String,
    /// Its direction.
    pub direction: Direction,
    /// How often it was logged.
    pub count: u64,
    /// The verdict by the old resources.
    pub before: Verdict,
    /// The verdict by the new ones.
    pub after: Verdict,
}

/// The whole answer.
#[derive(Debug)]
pub struct Difference<'d, 'b, 'a> {
    /// What changes.
    pub changed: Vec<Changed<'b, 'a>>,
    /// Logged connections that change.
    pub logged: Vec<Logged>,
    /// How many logged connections were judged by both.
    pub judged: u64,
    /// What a reader should know: networks that only one side describes, what is not compared.
    pub notes: Vec<String>,
    /// Who is who, to name the ranges.
    pub directory: &'d Directory<'d>,
}

fn boxes(difference: &Difference<'_, '_, '_>, effect: Effect) -> Vec<Value> {
    let own = difference.changed.iter().filter(|changed| changed.effect == effect);
    own.flat_map(|changed| {
        let deciders = |list: &[Decider<'_>]| -> Vec<Value> {
            list.iter().filter_map(|one| DeciderLine::of(*one)).map(|one| json!(one)).collect()
        };
        let (before, after) = (deciders(&changed.before), deciders(&changed.after));
        let mut because: Vec<String> = changed.because.iter().cloned().collect();
        because.extend(changed.doubts.iter().map(|(rule, doubt)| doubt_words(rule, *doubt)));
        changed.rows().into_iter().map(move |row| {
            let mut value = json!({
                "network": changed.network.name, "direction": changed.direction.to_string(),
            });
            let more = json!({
                "because": because, "project": changed.network.project, "region": changed.region,
                "roles": roles(difference, changed),
                "before": before.clone(), "after": after.clone(),
            });
            if let (Some(members), Value::Object(flows), Value::Object(more)) =
                (value.as_object_mut(), opened(&row), more)
            {
                members.extend(flows);
                members.extend(more);
            }
            value
        })
    })
    .collect()
}

/// For programs.
#[must_use]
pub fn json(difference: &Difference<'_, '_, '_>) -> Value {
    let logged: Vec<Value> = difference
        .logged
        .iter()
        .map(|one| {
            let tuple = &one.tuple;
            json!({
                "network": one.network, "direction": one.direction.to_string(),
                "src_ip": tuple.src.to_string(), "dest_ip": tuple.dst.to_string(),
                "dest_port": tuple.protocol.has_ports().then_some(tuple.dst_port),
                "protocol": tuple.protocol.to_string(), "count": one.count,
                "before": one.before.to_string(), "after": one.after.to_string(),
            })
        })
        .collect();
    json!({
        "schema": "vpcwhy/diff-v1",
        "opens": boxes(difference, Effect::Opens),
        "closes": boxes(difference, Effect::Closes),
        "undetermined": boxes(difference, Effect::Unclear),
        "logged": logged,
        "judged": difference.judged,
        "notes": difference.notes,
    })
}

/// Who has addresses in the other end's ranges.
fn roles(difference: &Difference<'_, '_, '_>, changed: &Changed<'_, '_>) -> Vec<String> {
    let peers = match changed.direction {
        Direction::Ingress => &changed.flows.source,
        Direction::Egress => &changed.flows.destination,
    };
    let mut names: Vec<String> = Vec::new();
    if !peers.is_anywhere() {
        for range in peers.ranges().iter().take(64) {
            let Who { owner, elsewhere } =
                difference.directory.who(range.addr(), Some(&changed.network));
            let name = match (owner.name.is_empty(), elsewhere) {
                (true, _) => owner.role.to_string(),
                (false, false) => format!("{} {}", owner.role, owner.name),
                (false, true) => format!("{} {} of another network", owner.role, owner.name),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// One end in few words: `peer_of` is the direction in which it is the other end.
fn end(changed: &Changed<'_, '_>, peer_of: Direction, said: &[String]) -> String {
    let flows = &changed.flows;
    let (set, other) = match peer_of {
        Direction::Ingress => (&flows.source, &flows.destination),
        Direction::Egress => (&flows.destination, &flows.source),
    };
    // An end has no address in a family that the other one has none in.
    let v4 = if other.first_v4().is_some() {
        set.intersection(AddressSet::all_v4())
    } else {
        AddressSet::default()
    };
    let v6 = if other.first_v6().is_some() {
        set.intersection(AddressSet::all_v6())
    } else {
        AddressSet::default()
    };
    let set = v4.union(&v6);
    let carried = flows.peer.texts().join(" and ");
    match (said.is_empty(), changed.direction == peer_of && !carried.is_empty()) {
        (true, _) => "the VMs".to_owned(),
        (false, false) => set.words(4),
        (false, true) if set == AddressSet::all() => carried,
        (false, true) => format!("{carried} in {}", set.words(4)),
    }
}

fn short(texts: &[String], nothing: &str) -> String {
    let mut shown: Vec<String> = texts.iter().take(4).cloned().collect();
    if texts.len() > 4 {
        shown.push(format!("… {} more", texts.len() - 4));
    }
    if shown.is_empty() { nothing.to_owned() } else { shown.join(", ") }
}

/// For people.
#[must_use]
pub fn document(difference: &Difference<'_, '_, '_>) -> Document {
    let mut document = Document::default();
    let counts = [Effect::Opens, Effect::Closes, Effect::Unclear].map(|effect| {
        difference.changed.iter().filter(|changed| changed.effect == effect).count() as u64
    });
    let [opens, closes, unclear] = counts;
    if opens + closes + unclear == 0 {
        document.push(Block::Line(vec![
            styled(Style::Good, "nothing changes"),
            plain(": proved for every connection of every network that is described"),
        ]));
    } else {
        let opens = plural(opens, "box opens", "boxes open");
        let closes = plural(closes, "box closes", "boxes close");
        let mut line = format!("{opens}, {closes}");
        if unclear > 0 {
            line.push_str(&format!(", {}", plural(unclear, "is not decided", "are not decided")));
        }
        document.push(Block::Line(vec![styled(Style::Strong, line)]));
    }
    for (effect, heading) in [
        (Effect::Opens, "becomes reachable"),
        (Effect::Closes, "stops"),
        (Effect::Unclear, "is not decided by what was given"),
    ] {
        section(&mut document, difference, effect, heading);
    }
    logged(&mut document, difference);
    for note in &difference.notes {
        document.push(Block::Entry("note", vec![plain(note.clone())]));
    }
    document
}

fn section(
    document: &mut Document,
    difference: &Difference<'_, '_, '_>,
    effect: Effect,
    heading: &str,
) {
    let own: Vec<_> =
        difference.changed.iter().filter(|changed| changed.effect == effect).collect();
    if own.is_empty() {
        return;
    }
    document.push(Block::Blank);
    document.push(Block::Heading(heading.to_owned()));
    for changed in own {
        let rows = changed.rows();
        let Some(first) = rows.first() else { continue };
        let traffic: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", row.protocol, row.ports.join(",")).trim_end().to_owned())
            .collect();
        let style = match effect {
            Effect::Opens => Style::Good,
            Effect::Closes => Style::Bad,
            Effect::Unclear => Style::Doubtful,
        };
        document.push(Block::Blank);
        document.push(Block::Line(vec![
            styled(style, changed.direction.to_string()),
            plain(format!(
                "   {}   {} > {}",
                short(&traffic, "nothing"),
                end(changed, Direction::Ingress, &first.sources),
                end(changed, Direction::Egress, &first.destinations)
            )),
        ]));
        let project = changed.network.project.as_ref();
        let of = project.map(|project| format!(" of project {project}")).unwrap_or_default();
        document.entry("network", format!("{}{of}", changed.network));
        if changed.flows.target != Bearers::all() {
            document.entry("VMs", changed.flows.target.texts().join(" and "));
        }
        if let Some(region) = &changed.region {
            document.entry("region", region.clone());
        }
        let roles = roles(difference, changed);
        if roles.iter().any(|role| role != "unknown") {
            document.entry("peers", short(&roles, ""));
        }
        let words =
            |list: &[Decider<'_>]| list.iter().map(|one| decider_words(*one)).collect::<Vec<_>>();
        document.entry("before", short(&words(&changed.before), ""));
        document.entry("after", short(&words(&changed.after), ""));
        for (rule, doubt) in changed.doubts.iter().take(4) {
            document.entry("because", doubt_words(rule, *doubt));
        }
    }
}

fn logged(document: &mut Document, difference: &Difference<'_, '_, '_>) {
    if difference.judged == 0 {
        return;
    }
    document.push(Block::Blank);
    let judged = plural(difference.judged, "logged connection", "logged connections");
    if difference.logged.is_empty() {
        document.line(format!("{judged} judged by both: none changes"));
        return;
    }
    let count = difference.logged.len();
    document.push(Block::Heading(format!("{count} of {judged} change")));
    let shown = difference.logged.iter().take(20).map(|one| {
        let tuple = &one.tuple;
        let port =
            if tuple.protocol.has_ports() { tuple.dst_port.to_string() } else { String::new() };
        vec![
            format!("{} > {}", tuple.src, tuple.dst),
            format!("{} {port}", tuple.protocol).trim_end().to_owned(),
            one.direction.to_string(),
            one.count.to_string(),
            format!("{} > {}", one.before, one.after),
        ]
    });
    let head = vec!["CONNECTION", "TRAFFIC", "DIRECTION", "COUNT", "VERDICT"];
    document.push(Block::Table(head, shown.collect()));
    if count > 20 {
        document.line(format!("({} more; --format json has them)", count - 20));
    }
}
