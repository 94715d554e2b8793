//! Answers to where they were asked for, in the form that was asked for.

use crate::checks::{Finding, Report, Severity};
use crate::cli::{Format, Options};
use crate::model::Complaint;
use crate::render::document::Document;
use crate::render::escape::escape_json;
use crate::render::html;
use crate::shell::Error;
use crate::shell::output::{self, Layout};

/// The status where nothing was found that matters.
pub(super) const DONE: u8 = 0;
/// The status where something was.
pub(super) const FOUND: u8 = 1;
/// Nothing that could be asked was in the inputs.
pub(super) const NOTHING: u8 = 3;

fn layout(options: &Options) -> Layout {
    output::layout(options.colour, options.width, options.output.is_some())
}

/// A document, for people.
pub fn print(options: &Options, document: &Document) -> Result<(), Error> {
    let text = match options.format {
        Format::Markdown => document.markdown(),
        Format::Html => html::page(document, "vpcwhy"),
        _ => {
            let layout = layout(options);
            document.text(layout.width, layout.colour)
        }
    };
    output::write(&text, options.output.as_deref())
}

/// One JSON value.
pub fn print_json(options: &Options, value: &serde_json::Value) -> Result<(), Error> {
    let text = match options.format {
        Format::Ndjson => value.to_string(),
        _ => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    output::write(&format!("{}\n", escape_json(&text)), options.output.as_deref())
}

/// One JSON value a line.
pub fn print_lines(options: &Options, values: &[serde_json::Value]) -> Result<(), Error> {
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    output::write(&escape_json(&lines), options.output.as_deref())
}

/// So many complaints are told beside an answer that has no place for them.
const MOST_COMPLAINTS: usize = 20;

/// What could not be read, for answers that have no place for it: what is missing may decide.
pub(super) fn tell(complaints: &[Complaint]) {
    for one in complaints.iter().take(MOST_COMPLAINTS) {
        let (path, line) = (&one.path, one.line);
        output::message(&format!("vpcwhy: {path}:{line}: {} ({})", one.message, one.did));
    }
    if let more @ 1.. = complaints.len().saturating_sub(MOST_COMPLAINTS) {
        output::message(&format!("vpcwhy: and {more} more that could not be read"));
    }
}

/// The words of a command line, quoted for a shell.
#[must_use]
pub fn quoted(words: &[String]) -> String {
    let words: Vec<_> = words
        .iter()
        .map(|word| {
            shlex::try_quote(word).map_or_else(|_| "INPUT".into(), |word| word.into_owned())
        })
        .collect();
    words.join(" ")
}

/// The status that findings of a severity, or of a higher one, make.
pub(super) fn status(report: &Report, fail_on: &str) -> u8 {
    status_of(&report.findings, fail_on)
}

/// The same of some findings.
pub(super) fn status_of<'f>(findings: impl IntoIterator<Item = &'f Finding>, fail_on: &str) -> u8 {
    let least = match fail_on {
        "note" => Severity::Note,
        "warning" => Severity::Warning,
        "error" => Severity::Error,
        _ => return DONE,
    };
    let found = findings.into_iter().any(|finding| finding.severity >= least);
    if found { FOUND } else { DONE }
}

/// The inputs as they were typed, with what else chooses what is judged, for the command to type
/// next.
pub(super) fn said(options: &Options) -> String {
    let scope = &options.scope;
    let network = scope.network.as_ref().map(|network| match &network.project {
        Some(project) => format!("{project}/{}", network.name),
        None => network.name.clone(),
    });
    let order = options.policies_first.map(|first| if first { "before" } else { "after" });
    let flags = [
        ("--project", scope.project.clone()),
        ("--network", network),
        ("--cluster", scope.cluster.clone()),
        ("--enforcement-order", order.map(str::to_owned)),
    ];
    let tried = options.what_if.iter().map(|file| ("--what-if", Some(file.clone())));
    let mut words = options.inputs.clone();
    for (flag, value) in flags.into_iter().chain(tried) {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }
    quoted(&words)
}
