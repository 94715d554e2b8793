//! The answer of `triage` and `check`, as a colleague would give it: what was read, what was not
//! given, a table of causes, the biggest one down to its fix and proof, the command to type next.

use std::collections::BTreeMap;

use crate::checks::blocked::describe;
use crate::checks::finding::{DecisionSummary, Finding, NO_GROUP_ALLOWS, Severity};
use crate::checks::{Report, by_id};
use crate::correlate::LogCounts;
use crate::correlate::side::Side;
use crate::engine::Verdict;
use crate::model::Reference;
use crate::net::{Role, Timestamp};
use crate::render::document::{Block, Document, Style, plain, plural, styled, thousands};
use crate::render::{resource, suggestion};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The findings only.
    Quiet,
    /// The biggest cause explained, the rest listed.
    Normal,
    /// Every finding explained, every complaint listed.
    Full,
}

/// What the answer needs to know besides the report.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How much is said.
    pub detail: Detail,
    /// `triage` or `check`.
    pub command: &'static str,
    /// The inputs as they were typed, quoted.
    pub inputs: String,
}

/// Whether it tells of traffic that the log denies, and not of a rule.
fn is_denial(finding: &Finding) -> bool {
    finding.observed.is_some() && finding.flow.is_some()
}

/// The answer.
#[must_use]
pub fn document(report: &Report, asked: &Asked) -> Document {
    let mut document = Document::default();
    if asked.detail != Detail::Quiet {
        head(&mut document, report, asked.detail);
        document.push(Block::Blank);
    }
    let (causes, notes): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| finding.severity != Severity::Note || is_denial(finding));
    if causes.is_empty() {
        nothing_found(&mut document, report, asked);
    } else {
        table(&mut document, &causes);
        document.push(Block::Blank);
        let explained = match asked.detail {
            Detail::Quiet => 0,
            Detail::Normal => 1,
            Detail::Full => causes.len(),
        };
        for finding in causes.iter().take(explained) {
            self::finding(&mut document, finding);
            document.push(Block::Blank);
        }
    }
    notes_line(&mut document, &notes, asked.detail);
    if asked.detail != Detail::Quiet {
        summary(&mut document, report, &causes, asked);
    }
    document
}

/// The networks that were looked at. Those of several projects may share a name.
fn networks(all: &[Reference]) -> Option<String> {
    let namesakes = |of: &Reference| all.iter().filter(|one| one.name == of.name).count() > 1;
    let name = |of: &Reference| match of.project.as_deref().filter(|_| namesakes(of)) {
        Some(project) => format!("{project}/{}", of.name),
        None => of.name.clone(),
    };
    let shown: Vec<_> = all.iter().take(4).map(name).collect();
    let more = match all.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let word = if all.len() == 1 { "network" } else { "networks" };
    (!all.is_empty()).then(|| format!("{word} {}{more}", shown.join(", ")))
}

fn head(document: &mut Document, report: &Report, detail: Detail) {
    let log = &report.log;
    let mut parts = vec![plural(report.inputs.len() as u64, "file", "files")];
    if log.entries() > 0 || log.unparsable > 0 {
        let mut inside = vec![format!("{} DENIED", thousands(log.denied))];
        for (count, what) in [
            (log.other, "of other logs"),
            (log.duplicates, "duplicates"),
            (log.unparsable, "unparsable"),
        ] {
            if count > 0 {
                inside.push(format!("{} {what}", thousands(count)));
            }
        }
        let entries = plural(log.entries(), "log entry", "log entries");
        parts.push(format!("{entries} ({})", inside.join(", ")));
    }
    for (key, one, many) in [
        ("firewall_rules", "firewall rule", "firewall rules"),
        ("firewall_policies", "firewall policy", "firewall policies"),
        ("security_groups", "security group", "security groups"),
        ("network_acls", "network ACL", "network ACLs"),
        ("networks", "network", "networks"),
        ("subnetworks", "subnetwork", "subnetworks"),
        ("instances", "instance", "instances"),
        ("clusters", "cluster", "clusters"),
        ("routes", "route", "routes"),
        ("nats", "Cloud NAT", "Cloud NATs"),
        ("dns_zones", "DNS zone", "DNS zones"),
        ("webhooks", "webhook configuration", "webhook configurations"),
        ("services", "Service", "Services"),
    ] {
        let count = report.inventory.get(key).copied().unwrap_or(0);
        if count > 0 {
            parts.push(plural(count, one, many));
        }
    }
    document.entry("read", parts.join(" · "));
    let mut scope: Vec<String> = networks(&report.networks).into_iter().collect();
    if let (Some(first), Some(last)) = (log.first, log.last) {
        scope.push(span(first, last));
    }
    if !scope.is_empty() {
        document.entry("scope", scope.join(" · "));
    }
    if !report.not_given.is_empty() {
        let list: Vec<_> = report.not_given.iter().map(|key| key.replace('_', " ")).collect();
        document.push(Block::Entry(
            "lacks",
            vec![
                plain(format!("{}: ", list.join(", "))),
                styled(Style::Doubtful, "not given, so not judged"),
            ],
        ));
    }
    for what in for_want_of_memory(log) {
        document.push(Block::Entry("memory", vec![styled(Style::Doubtful, what)]));
    }
    if log.undated > 0 {
        let count = plural(log.undated, "entry", "entries");
        let what = format!("{count} without a time: left out by --since or --until");
        document.push(Block::Entry("undated", vec![styled(Style::Doubtful, what)]));
    }
    complaints(document, report, detail);
    unused(document, report, detail);
}

/// What was given up to keep within `--max-memory`, and what that cost.
fn for_want_of_memory(log: &LogCounts) -> Vec<String> {
    let rolled = log.rolled_up.map(|rolled| {
        format!(
            "more than {} connections: external addresses are rolled up to /{} and /{}, which \
             leaves {}; counts are exact, which address of a prefix it was is lost",
            thousands(rolled.more_than as u64),
            rolled.v4,
            rolled.v6,
            thousands(rolled.left as u64)
        )
    });
    let copies = log.copies_from.map(|from| {
        format!("copies of entries are found from {} on; older ones count twice", from.to_second())
    });
    rolled.into_iter().chain(copies).collect()
}

/// A stretch of time, to the second: the nanoseconds are in the JSON.
fn span(first: Timestamp, last: Timestamp) -> String {
    let (first, last) = (first.to_second(), last.to_second());
    if first == last { first } else { format!("{first} to {last}") }
}

fn complaints(document: &mut Document, report: &Report, detail: Detail) {
    let count = report.complaints.len();
    if count == 0 {
        return;
    }
    let shown = if detail == Detail::Full { count } else { 2 };
    for one in report.complaints.iter().take(shown) {
        let text = format!("{}:{}:{}: {}: {}", one.path, one.line, one.byte, one.message, one.did);
        document.push(Block::Entry("problem", vec![styled(Style::Doubtful, text)]));
    }
    if count > shown {
        document.entry("problem", format!("{} more (-v lists them)", count - shown));
    }
}

fn unused(document: &mut Document, report: &Report, detail: Detail) {
    if report.unused.is_empty() {
        return;
    }
    let kinds: Vec<_> =
        report.unused.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let shown = if detail == Detail::Full { kinds.len() } else { 6 };
    let mut list = kinds.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if kinds.len() > shown {
        list.push_str(&format!(" and {} more kinds", kinds.len() - shown));
    }
    document.entry("unused", format!("{list}: known, not looked at yet"));
}

fn table(document: &mut Document, causes: &[&Finding]) {
    let mut twins: BTreeMap<String, usize> = BTreeMap::new();
    for finding in causes {
        *twins.entry(key(finding)).or_default() += 1;
    }
    // What a finding says stands in its row where nothing else in it tells it from others.
    let what = |finding: &Finding| {
        let is_alone = twins.get(&key(finding)) == Some(&1);
        // A single one is explained right below.
        match finding.flow.is_some() && is_alone || causes.len() == 1 {
            true => finding.check.to_owned(),
            false => format!("{}: {}", finding.check, finding.title),
        }
    };
    let rows = causes
        .iter()
        .map(|finding| {
            let observed = finding.observed.as_ref().filter(|_| is_denial(finding));
            let count = observed.map_or_else(String::new, |seen| thousands(seen.count));
            let flow = finding.flow.as_ref();
            let traffic = flow.map_or_else(String::new, |flow| {
                let protocol = flow.protocol.clone().unwrap_or_default();
                match flow.ports.as_slice() {
                    [] => protocol,
                    [first, second, third, _, ..] => {
                        format!("{protocol}\u{a0}{first},{second},{third},…")
                    }
                    few => format!("{protocol}\u{a0}{}", few.join(",")),
                }
            });
            vec![
                format!("{}\u{a0}{}", mark(finding), finding.id),
                count,
                flow.map(|flow| short(&flow.source)).unwrap_or_default(),
                flow.map(|flow| short(&flow.destination)).unwrap_or_default(),
                traffic,
                denied_by(finding),
                what(finding),
            ]
        })
        .collect();
    let head = vec!["ID", "DENIED", "FROM", "TO", "PORT", "DENIED BY", "WHAT"];
    document.push(Block::Table(head, rows));
}

/// What a row shows besides the count, to tell twins by.
fn key(finding: &Finding) -> String {
    let flow = finding.flow.as_ref();
    let ends = flow.map(|flow| (short(&flow.source), short(&flow.destination), &flow.ports));
    format!("{} {ends:?}", finding.check)
}

/// A word for the severity that needs no colour.
fn mark(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Note => "·",
    }
}

fn short(side: &Side) -> String {
    match (side.role, side.name.as_str(), side.ranges.as_slice()) {
        (
            Role::HealthCheck
            | Role::Iap
            | Role::GooglePublic
            | Role::Metadata
            | Role::DnsForwarder,
            ..,
        ) => side.role.to_string(),
        (Role::GoogleApis, name, _) => name.to_owned(),
        (role, "", [range]) => format!("{role} {range}"),
        (role, "", [_, ..]) => format!("{role} ({} addresses)", side.ranges.len()),
        (role, "", []) => role.to_string(),
        (role @ Role::ControlPlane, name, [range]) => format!("{role} {name} {range}"),
        (_, name, _) if side.is_vm => format!("VM {name}"),
        (role, name, _) => format!("{role} {name}"),
    }
}

/// What denies it by our own judgement, else what the log names.
fn denied_by(finding: &Finding) -> String {
    let Some(decision) = &finding.decision else { return String::new() };
    let logged = finding.observed.as_ref().and_then(|seen| seen.rule.as_ref());
    match (&decision.decider, logged) {
        (None, Some(rule)) => format!("{rule} (by the log)"),
        (_, Some(rule)) if decision.verdict == Verdict::Undetermined => {
            format!("{rule} (by the log)")
        }
        _ if decision.verdict == Verdict::Undetermined => "not decided".to_owned(),
        _ if decision.verdict == Verdict::Allowed => format!("allowed by {}", decider(decision)),
        _ => decider(decision),
    }
}

/// The decider in a few words.
#[must_use]
pub fn decider(decision: &DecisionSummary) -> String {
    let Some(decider) = &decision.decider else {
        return "no rules given".to_owned();
    };
    let name = match (&decider.policy, &decider.name) {
        (Some(policy), _) => policy.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => String::new(),
    };
    match (decider.kind, decider.priority) {
        ("vpc-rule" | "policy-rule", Some(priority)) => format!("{name} {priority}"),
        _ => name,
    }
}

/// One finding, down to its fix and proof.
pub fn finding(document: &mut Document, finding: &Finding) {
    let style = match finding.severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Doubtful,
        Severity::Note => Style::Faint,
    };
    document.push(Block::Line(vec![
        styled(Style::Strong, format!("{} ", finding.id)),
        styled(style, finding.check),
        plain(format!(" ({}, {})", finding.severity.id(), finding.confidence.id())),
    ]));
    document.entry("what", finding.title.clone());
    if let Some(observed) = &finding.observed {
        if let Some((_, tuple)) = &observed.sample {
            let times = plural(observed.count, "time", "times");
            let from = plural(observed.sources as u64, "source", "sources");
            let when = observed.span.map(|(first, last)| format!(", {}", span(first, last)));
            let when = when.unwrap_or_default();
            document.entry("packet", format!("{tuple}   {times} from {from}{when}"));
        }
        if !observed.instances.is_empty() {
            let shown: Vec<_> = observed.instances.iter().take(4).cloned().collect();
            let more = observed.instances.len().saturating_sub(4);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            document.entry("VMs", format!("{}{more}", shown.join(", ")));
        }
    }
    if let Some(flow) = &finding.flow {
        for (word, side) in [("from", &flow.source), ("to", &flow.destination)] {
            let network = side.network.as_ref().filter(|_| side.elsewhere);
            let network = network.map(|of| format!(", in network {of}")).unwrap_or_default();
            document.entry(word, format!("{}: {}{network}", describe(side), side.because));
        }
    }
    for line in &finding.explanation {
        document.entry("why", line.clone());
    }
    if let Some(decision) = &finding.decision {
        verdict(document, decision);
    }
    for fix in finding.fixes.iter().take(1) {
        suggestion::fix(document, fix);
    }
    for remedy in &finding.remedies {
        document.entry(
            "fix",
            format!("{} [{}]", remedy.change.kind().replace('-', " "), remedy.safety().id()),
        );
        if let Some((language, text)) = resource::forms(&remedy.change).into_iter().next() {
            let highlight = match language {
                "gcloud" => "sh",
                "terraform" => "hcl",
                _ => "yaml",
            };
            document.push(Block::Code(highlight, text));
        }
        document.push(Block::Entry("proof", vec![styled(Style::Good, remedy.note.clone())]));
    }
    let others = finding.fixes.iter().skip(1).map(suggestion::outline);
    let others: Vec<String> = others.chain(finding.advice.iter().cloned()).collect();
    if !others.is_empty() {
        document.entry("or", others.join("; or "));
    }
    if let Some(why) = &finding.no_fix {
        document.push(Block::Entry("no fix", vec![styled(Style::Doubtful, why.clone())]));
    }
}

/// Verdict, doubts and the nearest misses.
pub fn verdict(document: &mut Document, decision: &DecisionSummary) {
    use crate::engine::Verdict::{Allowed, Denied, Undetermined};
    let style = match decision.verdict {
        Allowed => Style::Good,
        Denied => Style::Bad,
        Undetermined => Style::Doubtful,
    };
    let origin = decision.decider.as_ref().and_then(|decider| decider.origin.as_ref());
    let place = origin.map(|origin| format!("   {origin}")).unwrap_or_default();
    document.push(Block::Entry(
        "verdict",
        vec![
            styled(style, decision.verdict.to_string()),
            plain(match &decision.decider {
                Some(by) if by.name.as_deref() == Some(NO_GROUP_ALLOWS) => {
                    format!(": {NO_GROUP_ALLOWS} allows it")
                }
                Some(_) => format!(" by {}{place}", decider(decision)),
                None => ": no rule of the network was given".to_owned(),
            }),
        ],
    ));
    for doubt in decision.doubts.iter().take(3) {
        document.entry("unless", doubt.clone());
    }
    for miss in decision.near_misses.iter().take(3) {
        let text = format!(
            "{} (priority {}, {}): {}   {}",
            miss.rule, miss.priority, miss.mismatch, miss.detail, miss.origin
        );
        document.entry("nearest", text);
    }
}

fn notes_line(document: &mut Document, notes: &[&Finding], detail: Detail) {
    if detail == Detail::Full {
        for note in notes {
            finding(document, note);
            document.push(Block::Blank);
        }
        return;
    }
    let mut checks: Vec<&'static str> = notes.iter().map(|note| note.check).collect();
    checks.dedup();
    for check in checks {
        let of_check: Vec<_> = notes.iter().filter(|note| note.check == check).collect();
        let title = by_id(check).map_or(check, |check| check.title);
        let names: Vec<_> = of_check
            .iter()
            .flat_map(|note| &note.resources)
            .map(|resource| resource.name.clone())
            .take(4)
            .collect();
        let text = format!("{} × {title}: {}", of_check.len(), names.join(", "));
        document.push(Block::Entry("note", vec![styled(Style::Faint, text)]));
    }
}

fn nothing_found(document: &mut Document, report: &Report, asked: &Asked) {
    let nothing = report.findings.is_empty();
    let text = match (asked.command, report.log.entries()) {
        ("check", _) if nothing => "Nothing was found in what was given.",
        ("check", _) => "Nothing that was given needs action.",
        (_, 0) if nothing => "No log entry was read, and nothing was found in the configuration.",
        (_, 0) => "No log entry was read, and nothing in the configuration needs action.",
        (_, _) if report.log.denied == 0 => "No denied connection is in the log.",
        _ => "No denied connection is left by the filters.",
    };
    document.line(text);
    if asked.command == "check" && report.log.denied > 0 {
        let denied = plural(report.log.denied, "denied entry", "denied entries");
        document
            .entry("but", format!("log: {denied} in it, which check does not judge: triage does"));
    }
    let silent = report.blind_spots.iter().filter(|spot| spot.kind != "protocol-not-logged");
    for spot in silent.take(3) {
        document.entry("but", spot.detail.clone());
    }
    document.push(Block::Blank);
}

/// Whether the rules would tell more of a finding.
fn lacks_rules(report: &Report, finding: &Finding) -> bool {
    let answered = finding.no_fix.as_ref().is_some_and(|why| why.starts_with("not the "));
    // How an application is served, its own manifests tell.
    let of_manifests = finding.decision.is_none() && finding.check.starts_with("exposure-");
    let answered = answered || of_manifests;
    report.not_given.contains(&"firewall_rules") && !answered
}

/// Whether it is a denial that the rules which are tried would end.
fn is_mended(finding: &Finding) -> bool {
    finding.check == "snapshot-disagrees" && finding.severity == Severity::Note
}

fn summary(document: &mut Document, report: &Report, causes: &[&Finding], asked: &Asked) {
    let count = |severity: Severity| {
        causes.iter().filter(|finding| finding.severity == severity).count() as u64
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let tried = causes.iter().filter(|finding| is_mended(finding)).count() as u64;
    let intended = count(Severity::Note) - tried;
    let mut parts = Vec::new();
    if errors + warnings > 0 {
        parts.push(plural(errors + warnings, "cause needs action", "causes need action"));
    }
    if tried > 0 {
        parts.push(plural(tried, "would pass now", "would pass now"));
    }
    if intended > 0 {
        parts.push(plural(intended, "looks intended", "look intended"));
    }
    let has_fix = |finding: &&&Finding| !finding.fixes.is_empty() || !finding.remedies.is_empty();
    let mendable = causes.iter().find(has_fix);
    let next = match (mendable, causes.first()) {
        (Some(finding), _) => {
            let kept = finding.fixes.first().and_then(suggestion::keeper);
            let first = finding.fixes.is_empty().then(|| finding.remedies.first()).flatten();
            let forms = first.map(|remedy| resource::forms(&remedy.change)).unwrap_or_default();
            let language = match forms.first() {
                Some((language, _)) => language,
                None if finding.fixes.iter().any(|fix| fix.text("aws").is_some()) => "aws",
                None => kept.unwrap_or("gcloud"),
            };
            Some(format!("vpcwhy fix {} {} --as {language}", finding.id, asked.inputs))
        }
        (None, Some(finding)) if lacks_rules(report, finding) => Some(format!(
            "gcloud compute firewall-rules list --format=json > rules.json && vpcwhy {} rules.json",
            asked.inputs
        )),
        (None, Some(finding)) => Some(format!("vpcwhy explain {}", finding.check)),
        (None, None) => {
            report.findings.first().map(|note| format!("vpcwhy explain {}", note.check))
        }
    };
    if !parts.is_empty() {
        document.line(format!("{}.", parts.join(", ")));
    }
    if let Some(next) = next {
        document.push(Block::Entry("next", vec![styled(Style::Strong, next)]));
    }
}
