//! One run: options to inputs, inputs to an answer, the answer to its place, and the exit status.

use std::ffi::OsString;

use crate::ask;
use crate::checks::report::Report;
use crate::checks::{self, Basis, Severity};
use crate::cli::{self, Command, Format, Options};
use crate::correlate::Directory;
use crate::correlate::Window;
use crate::correlate::causes::judge_all;
use crate::correlate::path as walk;
use crate::correlate::usage::{UsageOfRules, usage};
use crate::diagnose::{Gathered, diagnose};

use crate::net::Timestamp;
use crate::render::triage::{Asked, Detail};
use crate::render::{self, collect, csv, fix, inventory, json, page, reach, sarif, triage, why};
use crate::shell::answer::{
    DONE, FOUND, NOTHING, print, print_json, print_lines, said, status, status_of, tell,
};
use crate::shell::input::{self, Source};
use crate::shell::output::{self, Progress};
use crate::shell::prepare::prepare;
use crate::shell::{Error, compare, demo, expose, follow, gather, memory, simulate};

const USAGE: u8 = 2;

/// Runs and says with which status to exit.
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let options = match cli::parse(arguments) {
        Ok(options) => options,
        Err(stop) => {
            if stop.is_error {
                // Written as it is: help has lines of its own, and arguments are the person's.
                for line in stop.text.lines() {
                    output::message(line);
                }
            } else if let Err(error) = output::write(&stop.text, None) {
                output::message(&error.to_string());
            }
            return stop.status;
        }
    };
    match answer(&options) {
        Ok(status) => status,
        Err(error) => {
            output::message(&format!("vpcwhy: {error}"));
            if matches!(error, Error::Nothing(_)) { NOTHING } else { USAGE }
        }
    }
}

fn answer(options: &Options) -> Result<u8, Error> {
    if let Some(threads) = options.threads {
        // A pool that stands already is as good.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build_global();
    }
    for id in options.only.iter().chain(&options.ignore) {
        if checks::by_id(id).is_none() {
            return Err(Error::Usage(format!("no such check: {id} (vpcwhy explain lists them)")));
        }
    }
    let of_findings = matches!(options.format, Format::Sarif | Format::Csv);
    if of_findings && !matches!(options.command, Command::Triage | Command::Check | Command::Report)
    {
        return Err(Error::Usage(
            "sarif and csv hold findings: triage, check or report".to_owned(),
        ));
    }
    match &options.command {
        Command::Printed(text) => output::write(text, options.output.as_deref()).map(|()| DONE),
        Command::Explain(check) => explain(options, check.as_deref()),
        Command::Demo(name) => run_demo(options, name.as_deref()),
        Command::Expose { words, clients, profile } => {
            let own = expose::options(options, words, clients, profile.as_deref())?;
            let sources = sources(&own)?;
            on_sources(&own, &sources)
        }
        Command::Collect { location, freshness, folder } => {
            output::write(&script(options, location, freshness, folder)?, options.output.as_deref())
                .map(|()| DONE)
        }
        Command::Follow => {
            let gathered = follow::run(options, window(options)?)?;
            let status = run_triage(options, &gathered)?;
            Ok(usable(&gathered, status))
        }
        Command::Fix { clients, .. } if !clients.is_empty() => {
            let mut own = options.clone();
            own.scope.clients = expose::ranges(clients)?;
            let sources = sources(&own)?;
            on_sources(&own, &sources)
        }
        _ => {
            let sources = sources(options)?;
            on_sources(options, &sources)
        }
    }
}

/// The script of exports; it is printed, and nothing of it is run.
fn script(
    options: &Options,
    location: &Option<String>,
    freshness: &str,
    folder: &str,
) -> Result<String, Error> {
    let project = options.scope.project.clone();
    collect::script(&collect::Wanted {
        project: project.ok_or_else(|| Error::Usage("name --project".to_owned()))?,
        cluster: options.scope.cluster.clone(),
        location: location.clone(),
        network: options.scope.network.as_ref().map(|network| network.name.clone()),
        freshness: freshness.to_owned(),
        folder: folder.to_owned(),
    })
    .map_err(Error::Usage)
}

fn sources(options: &Options) -> Result<Vec<Source>, Error> {
    // What is compared names its own inputs.
    if options.inputs.is_empty() && matches!(options.command, Command::Diff { .. }) {
        return Ok(Vec::new());
    }
    if options.inputs.is_empty() {
        return Err(Error::Usage(
            "no input: name files, a directory, or - for standard input".to_owned(),
        ));
    }
    input::expand(&options.inputs)
}

fn on_sources(options: &Options, sources: &[Source]) -> Result<u8, Error> {
    let window = window(options)?;
    let progress = Progress::new(options.progress);
    let gathered = gather::gather(sources, window, &progress);
    progress.finish();
    let mut gathered = gathered?;
    if !matches!(options.command, Command::Diff { .. }) {
        prepare(options, &mut gathered)?;
    }
    if let Some(name) = &options.scope.network
        && !matches!(options.command, Command::Diff { .. })
        && !gathered.inventory.known_networks().iter().any(|network| network.agrees(name))
    {
        output::message(&format!("vpcwhy: no network {name} is described in the inputs"));
    }
    if !has_complaints(options) {
        tell(&gathered.complaints);
    }
    let status = match &options.command {
        Command::Why { source, destination } => {
            let tuple = ask::parse_connection(source, destination).map_err(Error::Usage)?;
            run_why(options, &gathered, tuple)?
        }
        Command::RuleStats => run_rule_stats(options, &gathered)?,
        Command::Stats { group_by, .. } => run_stats(options, &gathered, group_by)?,
        Command::Reach => run_reach(options, &gathered)?,
        Command::Path { from, host } => run_path(options, &gathered, from, host)?,
        Command::Expose { words, .. } => {
            let named = words.first().map(String::as_str);
            expose::run(options, &gathered.inventory, &report(options, &gathered), named)?
        }
        Command::Inventory => run_inventory(options, &gathered)?,
        Command::Simulate(asked) => {
            if simulate::one(options, &gathered, asked)? {
                DONE
            } else {
                FOUND
            }
        }
        Command::Diff { old, new } => {
            compare::diff(options, &gathered, old, new)?;
            return Ok(DONE);
        }
        Command::Batch(file) => {
            if simulate::batch(options, &gathered, file)? {
                DONE
            } else {
                FOUND
            }
        }
        Command::Fix { ids, all, language, .. } => {
            run_fix(options, &gathered, ids, *all, language)?
        }
        _ => run_triage(options, &gathered)?,
    };
    let counts = gathered.ledger.counts();
    if options.verbose > 0 {
        progress.tell(counts.entries() + counts.duplicates);
    }
    let status = usable(&gathered, status);
    // The program ends here: to give back every rule by itself would only take time.
    std::mem::forget(gathered);
    Ok(status)
}

/// Whether the answer has a place for what could not be read.
fn has_complaints(options: &Options) -> bool {
    let of_findings = matches!(options.format, Format::Sarif | Format::Csv);
    match &options.command {
        Command::Triage | Command::Check | Command::Report => !of_findings,
        Command::Inventory => options.format == Format::Json,
        _ => false,
    }
}

/// The status, unless nothing was read that is known: never an empty success.
fn usable(gathered: &Gathered, status: u8) -> u8 {
    let read = gathered.ledger.counts().entries() > 0
        || !gathered.inventory.is_empty()
        || !gathered.inventory.unused.is_empty();
    if read {
        return status;
    }
    output::message("vpcwhy: nothing usable in the inputs: no log entry, no resource");
    for input in gathered.inputs.iter().take(5) {
        output::message(&format!("  {} ({} bytes): {}", input.path, input.bytes, input.kind));
    }
    NOTHING
}

fn window(options: &Options) -> Result<Window, Error> {
    let per_seconds = match &options.command {
        Command::Stats { per: Some(per), .. } => Some(seconds(per).ok_or_else(|| {
            Error::Usage(format!("{per} is no width of time: write 30s, 5m, 1h or 1d"))
        })?),
        _ => None,
    };
    Ok(Window {
        limits: memory::limits(options.max_memory.as_deref())?,
        since: options.since.as_deref().map(moment).transpose()?,
        until: options.until.as_deref().map(moment).transpose()?,
        per_seconds,
        by_instance: matches!(
            &options.command,
            Command::Stats { group_by, .. } if group_by.iter().any(|field| field == "instance")
        ),
    })
}

/// `90s`, `5m`, `2h`, `1d` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number > 0)?;
    let width = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(width)
}

/// RFC 3339, or so long ago.
fn moment(text: &str) -> Result<Timestamp, Error> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    let ago = seconds(text)
        .ok_or_else(|| Error::Usage(format!("{text} is no time: write RFC 3339, or 2h")))?;
    let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    Ok(Timestamp(now.saturating_sub(ago.saturating_mul(1_000_000_000))))
}

/// The report, with only the findings that were asked for.
fn report(options: &Options, gathered: &Gathered) -> Report {
    let mut report = diagnose(gathered, &options.scope);
    report.findings.retain(|finding| {
        let id = finding.check.to_owned();
        (options.only.is_empty() || options.only.contains(&id)) && !options.ignore.contains(&id)
    });
    if matches!(options.command, Command::Check) {
        report.findings.retain(|finding| match finding.basis {
            Basis::Observed => finding.needed,
            Basis::Silent | Basis::Configuration => true,
            Basis::Symptom => false,
        });
        for finding in &mut report.findings {
            finding.observed = None;
            if finding.basis == Basis::Observed {
                finding.basis = Basis::Configuration;
            }
        }
    }
    report
}

fn run_triage(options: &Options, gathered: &Gathered) -> Result<u8, Error> {
    let report = report(options, gathered);
    let is_check = matches!(options.command, Command::Check);
    match options.format {
        Format::Json => print_json(options, &json::report(&report))?,
        Format::Ndjson => {
            let lines: Vec<_> = report.findings.iter().map(json::finding).collect();
            print_lines(options, &lines)?;
        }
        Format::Sarif => print_json(options, &sarif::log(&report))?,
        Format::Csv => output::write(&csv::table(&report), options.output.as_deref())?,
        Format::Text | Format::Markdown | Format::Html => {
            let is_page = matches!(options.command, Command::Report);
            let asked = Asked {
                detail: match (options.quiet, options.verbose) {
                    (true, _) => Detail::Quiet,
                    (false, 0) if is_page => Detail::Full,
                    (false, 0) => Detail::Normal,
                    (false, _) => Detail::Full,
                },
                command: if is_check { "check" } else { "triage" },
                inputs: said(options),
            };
            let document = if is_page { page::document } else { triage::document };
            print(options, &document(&report, &asked))?;
        }
    }
    let fail_on = options.fail_on.unwrap_or(if is_check { "error" } else { "never" });
    Ok(status(&report, fail_on))
}

fn run_why(
    options: &Options,
    gathered: &Gathered,
    tuple: crate::net::FiveTuple,
) -> Result<u8, Error> {
    let directory = Directory::of(&gathered.inventory);
    let answer = ask::why(&directory, gathered.ledger.roll_up(), tuple, &options.scope);
    match options.format {
        Format::Json | Format::Ndjson => print_json(options, &why::json(&answer))?,
        _ => print(options, &why::document(&answer, options.verbose > 0))?,
    }
    Ok(DONE)
}

fn run_path(options: &Options, gathered: &Gathered, from: &str, host: &str) -> Result<u8, Error> {
    let directory = Directory::of(&gathered.inventory);
    let start = walk::start(&directory, &options.scope, from).map_err(Error::Usage)?;
    let (host, port) = ask::parse_host(host).map_err(Error::Usage)?;
    let answer = walk::walk(&directory, start, &host, port);
    match options.format {
        Format::Json | Format::Ndjson => print_json(options, &render::path::json(&answer))?,
        _ => print(options, &render::path::document(&answer))?,
    }
    Ok(DONE)
}

fn run_reach(options: &Options, gathered: &Gathered) -> Result<u8, Error> {
    let report = report(options, gathered);
    match options.format {
        Format::Json => print_json(options, &reach::json(&report))?,
        Format::Ndjson => print_lines(options, &reach::lines(&report))?,
        _ => {
            let asked = reach::Asked {
                full: options.verbose > 0,
                quiet: options.quiet,
                inputs: said(options),
            };
            print(options, &reach::document(&report, &asked))?;
        }
    }
    Ok(status(&report, options.fail_on.unwrap_or("never")))
}

fn run_inventory(options: &Options, gathered: &Gathered) -> Result<u8, Error> {
    let report = report(options, gathered);
    let directory = Directory::of(&gathered.inventory);
    match options.format {
        Format::Json | Format::Ndjson => {
            print_json(options, &inventory::json(&report, &directory))?;
        }
        _ => print(options, &inventory::document(&report, &directory))?,
    }
    Ok(DONE)
}

fn run_fix(
    options: &Options,
    gathered: &Gathered,
    ids: &[String],
    all: bool,
    language: &str,
) -> Result<u8, Error> {
    let report = report(options, gathered);
    for id in ids {
        if !report.findings.iter().any(|finding| finding.id == *id) {
            return Err(Error::Usage(format!("no finding {id} in these inputs")));
        }
    }
    let wanted: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| match ids {
            [] => all || finding.severity > Severity::Note,
            ids => ids.contains(&finding.id),
        })
        .collect();
    if language == "json" || options.format == Format::Json {
        print_json(options, &fix::json(&wanted))?;
    } else {
        let text = fix::text(&wanted, &report.findings, language);
        output::write(&text, options.output.as_deref())?;
    }
    Ok(status_of(wanted, options.fail_on.unwrap_or("never")))
}

fn run_rule_stats(options: &Options, gathered: &Gathered) -> Result<u8, Error> {
    let directory = Directory::of(&gathered.inventory);
    let connections = judge_all(&directory, gathered.ledger.roll_up(), &options.scope);
    let UsageOfRules { rules: mut list, not_given } =
        usage(&gathered.inventory, connections.iter());
    list.retain(|one| one.rule.policy.is_some() || options.scope.holds(&one.rule.network));
    let log = gathered.ledger.counts();
    match options.format {
        Format::Json => print_json(options, &render::usage::json(&list, &log, &not_given))?,
        Format::Ndjson => print_lines(options, &render::usage::rows(&list))?,
        _ => print(options, &render::usage::document(&list, &log, &not_given))?,
    }
    Ok(DONE)
}

#[cfg(feature = "frames")]
fn run_stats(options: &Options, gathered: &Gathered, by: &[String]) -> Result<u8, Error> {
    use crate::correlate::{fields, frames};
    use crate::render::stats::{self, Stats, StatsRow};

    let mut chosen: Vec<&'static str> = Vec::new();
    for name in by {
        let known = fields::FIELDS.iter().find(|field| *field == name);
        let field = known.ok_or_else(|| {
            Error::Usage(format!("no such field: {name}; there are {}", fields::FIELDS.join(", ")))
        })?;
        chosen.push(field);
    }
    let per_time = matches!(&options.command, Command::Stats { per: Some(_), .. });
    if chosen.is_empty() {
        chosen = vec!["disposition", "src_role", "dest_role", "dest_port", "protocol"];
    }
    let directory = Directory::of(&gathered.inventory);
    let groups = gathered.ledger.groups();
    let rows = frames::group(&groups, &chosen, per_time, &directory).map_err(Error::Usage)?;
    if per_time {
        chosen.push("time");
    }
    let stats = Stats {
        fields: chosen,
        rows: rows
            .into_iter()
            .map(|row| StatsRow {
                values: row.values,
                count: row.count,
                first: row.span.map(|(first, _)| first.to_string()),
                last: row.span.map(|(_, last)| last.to_string()),
            })
            .collect(),
    };
    match options.format {
        Format::Json => print_json(options, &stats::json(&stats))?,
        Format::Ndjson => print_lines(options, &stats::rows(&stats))?,
        _ => print(options, &stats::document(&stats))?,
    }
    Ok(DONE)
}

#[cfg(not(feature = "frames"))]
fn run_stats(_: &Options, _: &Gathered, _: &[String]) -> Result<u8, Error> {
    Err(Error::Usage("this build has no stats: build it with --features frames".to_owned()))
}

fn explain(options: &Options, check: Option<&str>) -> Result<u8, Error> {
    let pages: Vec<_> = match check {
        Some(id) => match checks::by_id(id) {
            Some(check) => vec![check],
            None => {
                let ids: Vec<_> = checks::CHECKS.iter().map(|check| check.id).collect();
                let list = ids.join(", ");
                return Err(Error::Usage(format!("no such check: {id}; there are {list}")));
            }
        },
        None => checks::CHECKS.to_vec(),
    };
    let values: Vec<_> = pages.iter().copied().map(json::check).collect();
    match options.format {
        Format::Json => {
            print_json(options, &json::checks(&values))?;
            return Ok(DONE);
        }
        Format::Ndjson => {
            print_lines(options, &values)?;
            return Ok(DONE);
        }
        _ => {}
    }
    let texts: Vec<_> = pages
        .iter()
        .map(|check| match options.format {
            Format::Markdown => format!("## {}\n\n{}\n", check.id, check.page()),
            _ => format!("{} ({})\n\n{}\n", check.id, check.severity.id(), check.page()),
        })
        .collect();
    output::write(&texts.join("\n"), options.output.as_deref())?;
    Ok(DONE)
}

fn run_demo(options: &Options, name: Option<&str>) -> Result<u8, Error> {
    let (demo, sources) = demo::sources(name)?;
    let names: Vec<_> = sources.iter().map(Source::name).collect();
    let folder = names.first().and_then(|name| name.rsplit_once('/')).map_or("", |(at, _)| at);
    let options =
        Options { command: Command::Triage, inputs: vec![format!("{folder}/")], ..options.clone() };
    if options.format == Format::Text && !options.quiet {
        let text = format!("demo {}: {}\n$ vpcwhy {folder}/\n\n", demo.name, demo.about);
        output::write(&text, None)?;
    }
    on_sources(&options, &sources)
}
