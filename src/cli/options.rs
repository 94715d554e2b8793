//! Everything that was asked, as plain data: no clap from here on.

use crate::cli::Simulation;
use crate::correlate::scope::Scope;

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Read everything and answer.
    Triage,
    /// The configuration alone.
    Check,
    /// One connection.
    Why {
        /// The client.
        source: String,
        /// The server, with port and protocol.
        destination: String,
    },
    /// The changes.
    Fix {
        /// The findings asked for; empty means all that need action.
        ids: Vec<String>,
        /// Also for notes.
        all: bool,
        /// `gcloud`, `cnrm`, `terraform`, `aws`, `json`.
        language: &'static str,
        /// Who is to reach what is exposed.
        clients: Vec<String>,
    },
    /// A hypothetical connection.
    Simulate(Box<Simulation>),
    /// Many of them, one a line of this file.
    Batch(String),
    /// Two sets of resources.
    Diff {
        /// The first.
        old: String,
        /// The second.
        new: String,
    },
    /// One page with everything.
    Report,
    /// A live stream.
    Follow,
    /// The script that exports what is read.
    Collect {
        /// The zone or region of the cluster.
        location: Option<String>,
        /// How far back the log goes.
        freshness: String,
        /// The folder that it writes.
        folder: String,
    },
    /// What was understood.
    Inventory,
    /// Every connection that a cluster needs, and whether it passes.
    Reach,
    /// The way out to a host, link by link.
    Path {
        /// Where it begins.
        from: String,
        /// Where it is to end: a name or an address, with its port.
        host: String,
    },
    /// Every way into an application from outside.
    Expose {
        /// The application and the inputs, in the order in which they were typed.
        words: Vec<String>,
        /// Who is to reach it.
        clients: Vec<String>,
        /// The file of its profile.
        profile: Option<String>,
    },
    /// What the log shows of each rule.
    RuleStats,
    /// Counts.
    Stats {
        /// The fields.
        group_by: Vec<String>,
        /// The width of time buckets.
        per: Option<String>,
    },
    /// The page of a check; all of them where none is named.
    Explain(Option<String>),
    /// A sample.
    Demo(Option<String>),
    /// A shell's completions, already written.
    Printed(String),
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON value.
    Json,
    /// A JSON value a line.
    Ndjson,
    /// Markdown.
    Markdown,
    /// A page.
    Html,
    /// Findings for code scanning.
    Sarif,
    /// Findings for spreadsheets.
    Csv,
}

/// When colours are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything that was asked, as plain data.
#[derive(Debug, Clone)]
pub struct Options {
    /// What.
    pub command: Command,
    /// Of which inputs.
    pub inputs: Vec<String>,
    /// Rules to add or to replace before judging.
    pub what_if: Vec<String>,
    /// Whether network policies come before the VPC rules where no network says it.
    pub policies_first: Option<bool>,
    /// Only this part.
    pub scope: Scope,
    /// From when.
    pub since: Option<String>,
    /// Until when.
    pub until: Option<String>,
    /// Only these checks.
    pub only: Vec<String>,
    /// Not these checks.
    pub ignore: Vec<String>,
    /// How.
    pub format: Format,
    /// Where to.
    pub output: Option<String>,
    /// From which severity a finding is a failure: `never`, `note`, `warning`, `error`.
    pub fail_on: Option<&'static str>,
    /// Less.
    pub quiet: bool,
    /// More.
    pub verbose: u8,
    /// Colours.
    pub colour: Colour,
    /// Columns.
    pub width: Option<usize>,
    /// Threads.
    pub threads: Option<usize>,
    /// Memory to use.
    pub max_memory: Option<String>,
    /// Whether a bar is shown.
    pub progress: bool,
}
