//! The command line: clap's types, turned at once into plain [`Options`]. The only file that knows
//! of clap.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

mod options;

pub use options::{Colour, Command, Format, Options};

use crate::correlate::scope::{Scope, network_named};

/// A question in the words of the command line; what is absent is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Simulation {
    /// INGRESS or EGRESS, seen from the VM
    #[arg(long)]
    pub direction: Option<String>,
    /// The client: an address or a range
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The server: an address or a range
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// The protocol: a name or a number
    #[arg(long)]
    pub protocol: Option<String>,
    /// The port, or a range such as 8000-8100
    #[arg(long)]
    pub port: Option<String>,
    /// The VM's region
    #[arg(long)]
    pub region: Option<String>,
    /// Network tags of the client; '' for none
    #[arg(long, value_name = "TAGS")]
    pub source_tags: Option<String>,
    /// Service account of the client; '' for none
    #[arg(long, value_name = "ACCOUNT")]
    pub source_service_account: Option<String>,
    /// Secure tags of the client; '' for none
    #[arg(long, value_name = "TAGS")]
    pub source_secure_tags: Option<String>,
    /// Network tags of the VM; '' for none
    #[arg(long, value_name = "TAGS")]
    pub target_tags: Option<String>,
    /// Service account of the VM; '' for none
    #[arg(long, value_name = "ACCOUNT")]
    pub target_service_account: Option<String>,
    /// Secure tags of the VM; '' for none
    #[arg(long, value_name = "TAGS")]
    pub target_secure_tags: Option<String>,
    /// Exit with 1 unless the answer is this: ALLOWED, DENIED, MIXED, UNDETERMINED
    #[arg(long, value_name = "VERDICT")]
    pub expect: Option<String>,
}

#[derive(Parser)]
#[command(
    name = "vpcwhy",
    version,
    about = "Says why Google Cloud's firewall denied it, and which rule is missing.",
    long_about = "Reads exports of firewall logs and resources (files, directories, globs, '-') \
                  and answers: what is denied, which rule did it, why nothing allowed it, and \
                  the smallest rule that is missing, proved by simulation. Offline: nothing is \
                  fetched, nothing is applied.",
    after_help = "Examples:\n  vpcwhy incident/                      everything in a folder\n  \
                  vpcwhy why 172.16.0.35 10.1.0.7:8443 incident/\n  \
                  vpcwhy fix F-7c2e91ab incident/ --as terraform\n\n\
                  Exit status: 0 done, 1 a finding at or over --fail-on, 2 wrong usage or an \
                  unreadable input, 3 nothing usable in the inputs.",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Sub {
    /// Read logs and resources and say what is denied, why, and which rule is missing
    Triage {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// Look at the configuration alone; for CI
    Check {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// One connection, the whole way through the rules
    Why {
        /// The client's address
        source: String,
        /// The server: ADDRESS:PORT, ADDRESS:PORT/udp, ADDRESS/icmp
        destination: String,
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// The smallest change that lets wanted traffic pass, with its proof
    Fix {
        /// Ids of findings (F-…), then inputs
        #[arg(value_name = "FINDING-ID|INPUT")]
        words: Vec<String>,
        /// The language of the change
        #[arg(long = "as", value_enum, default_value_t = Language::Gcloud)]
        language: Language,
        /// Also changes for mere notes, such as logging
        #[arg(long)]
        all: bool,
        /// Who is to reach the applications that are exposed, as for `expose`
        #[arg(long, value_delimiter = ',', value_name = "CIDR")]
        clients: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A hypothetical connection, or a file of them: policy unit tests
    Sim {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        question: Box<Simulation>,
        /// A file of questions, one JSON object a line; - for standard input
        #[arg(long, value_name = "FILE", conflicts_with_all = [
            "direction", "from", "to", "protocol", "port", "region", "source_tags",
            "source_service_account", "source_secure_tags", "target_tags",
            "target_service_account", "target_secure_tags", "expect"
        ])]
        batch: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Two sets of resources: what becomes reachable, what stops, exactly
    Diff {
        /// The resources as they are
        old: String,
        /// The resources as they would be
        new: String,
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// Every connection that a cluster needs, and whether it passes
    Reach {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// The way to a host, link by link: name, address, route, firewall, NAT or private VIP
    Path {
        /// An address, a cluster (its nodes; NAME/pods its pods), a subnetwork, a VM, a pod
        from: String,
        /// The host: NAME, NAME:PORT, ADDRESS:PORT; 443 by default
        host: String,
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// Every way into an application from outside, and what it lacks
    Expose {
        /// An application (NAMESPACE/NAME), then inputs
        #[arg(value_name = "NAMESPACE/NAME|INPUT")]
        words: Vec<String>,
        /// Who is to reach it
        #[arg(long, value_delimiter = ',', value_name = "CIDR")]
        clients: Vec<String>,
        /// Describes another application: its Services, ports, and which may be public
        #[arg(long, value_name = "FILE")]
        profile: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// One page with everything: for a ticket, a wiki, code scanning or a spreadsheet
    Report {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// A live stream on standard input: each cause once, when it first comes by
    Follow {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// Print a read-only script of gcloud and kubectl exports; run nothing
    Collect {
        /// Zone or region of the cluster
        #[arg(long)]
        location: Option<String>,
        /// How far back the log goes
        #[arg(long, default_value = "2h", value_name = "WIDTH")]
        freshness: String,
        /// The folder that the script writes
        #[arg(long, default_value = "incident")]
        folder: String,
        #[command(flatten)]
        common: Common,
    },
    /// What was understood: networks, ranges and who owns them
    Inventory {
        #[command(flatten)]
        inputs: Inputs,
        #[command(flatten)]
        common: Common,
    },
    /// Counts of connections by any fields, over time
    Stats {
        #[command(flatten)]
        inputs: Inputs,
        /// Fields: project network direction disposition src_ip src_role src_name dest_ip dest_role
        /// dest_name dest_port protocol rule priority instance
        #[arg(long, value_delimiter = ',', value_name = "FIELDS")]
        group_by: Vec<String>,
        /// Also by time, in buckets of this width: 30s, 5m, 1h, 1d
        #[arg(long, value_name = "WIDTH")]
        per: Option<String>,
        /// What the log shows of each rule: hits, and what it names that nothing met
        #[arg(long, conflicts_with_all = ["group_by", "per"])]
        rules: bool,
        #[command(flatten)]
        common: Common,
    },
    /// The page of a check
    Explain {
        /// The check's id
        check: Option<String>,
        /// All pages
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Run on a sample that is part of the program
    Demo {
        /// Which sample
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page
    Man,
}

#[derive(Args)]
struct Inputs {
    /// Files, directories, globs, or - for standard input
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
}

#[derive(Args)]
struct Common {
    /// More resources
    #[arg(short = 'c', long = "context", value_name = "PATH")]
    context: Vec<String>,
    /// Add or replace the rules in this file before judging
    #[arg(long, value_name = "FILE")]
    what_if: Vec<String>,
    /// Where no network says it: network policies come before or after the VPC rules
    #[arg(long, value_enum, value_name = "ORDER")]
    enforcement_order: Option<OrderArgument>,
    /// Only connections of this project
    #[arg(long)]
    project: Option<String>,
    /// Only connections in this network
    #[arg(long)]
    network: Option<String>,
    /// Only connections from or to this cluster
    #[arg(long)]
    cluster: Option<String>,
    /// Only entries from this moment on: RFC 3339, or 2h for the last two hours
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only entries before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only findings of these checks
    #[arg(long, value_delimiter = ',', value_name = "CHECK")]
    only: Vec<String>,
    /// No findings of these checks
    #[arg(long, value_delimiter = ',', value_name = "CHECK")]
    ignore: Vec<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = FormatArgument::Text)]
    format: FormatArgument,
    /// Write the answer to a file
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<String>,
    /// Exit with 1 from this severity on
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// Findings only
    #[arg(short, long)]
    quiet: bool,
    /// Explain every finding; twice: every rule
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Colours
    #[arg(long, value_enum, default_value_t = ColourArgument::Auto)]
    color: ColourArgument,
    /// Columns
    #[arg(long)]
    width: Option<usize>,
    /// Threads that read and judge; a single archive is unpacked beside them
    #[arg(long)]
    threads: Option<usize>,
    /// Memory to use, such as 2G; half of the machine's by default. Where a log needs more,
    /// external addresses are rolled up to prefixes, and the report says so
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
    /// No progress bar
    #[arg(long)]
    no_progress: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArgument {
    #[value(alias = "table")]
    Text,
    Json,
    Ndjson,
    Markdown,
    Html,
    /// Findings alone, for code scanning
    Sarif,
    /// Findings alone, for spreadsheets
    Csv,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Gcloud,
    Cnrm,
    Terraform,
    Aws,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    Never,
    Note,
    #[value(alias = "warn")]
    Warning,
    Error,
}

#[derive(Clone, Copy, ValueEnum)]
enum OrderArgument {
    Before,
    After,
}

#[derive(Clone, Copy, ValueEnum)]
enum ColourArgument {
    Auto,
    Always,
    Never,
}

/// What came of the arguments where nothing is to be run: a text and the exit status with it.
#[derive(Debug)]
pub struct Stop {
    /// Help, version, or what is wrong.
    pub text: String,
    /// Whether it goes to standard error.
    pub is_error: bool,
    /// The exit status.
    pub status: u8,
}

/// Reads the arguments.
pub fn parse(arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<Options, Stop> {
    let stop = |error: clap::Error| Stop {
        text: error.render().to_string(),
        is_error: error.use_stderr(),
        status: u8::try_from(error.exit_code()).unwrap_or(2),
    };
    let arguments = command_first(arguments.collect());
    let matches = Cli::command().try_get_matches_from(arguments).map_err(stop)?;
    let cli = Cli::from_arg_matches(&matches).map_err(stop)?;
    Ok(options(cli))
}

/// Puts the command before the flags that were written before it: without one they are those of
/// `triage`, and the command's name would be a file's.
fn command_first(mut arguments: Vec<std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let known = Cli::command();
    let takes_value = |word: &str| {
        let is_it = |one: &&clap::Arg| match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(long), _) => one.get_long() == Some(long),
            (None, short) => one.get_short().map(String::from).as_deref() == short,
        };
        known.get_arguments().find(is_it).is_some_and(|one| one.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(word) = arguments.get(at).and_then(|word| word.to_str()) {
        if word == "--" {
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            at += if takes_value(word) { 2 } else { 1 };
            continue;
        }
        if at > 1
            && known.find_subcommand(word).is_some()
            && let Some(flags) = arguments.get_mut(1..=at)
        {
            flags.rotate_right(1);
        }
        break;
    }
    arguments
}

fn options(cli: Cli) -> Options {
    let (command, inputs, common) = match cli.command {
        None => (Command::Triage, cli.inputs.inputs, cli.common),
        Some(Sub::Triage { inputs, common }) => (Command::Triage, inputs.inputs, common),
        Some(Sub::Check { inputs, common }) => (Command::Check, inputs.inputs, common),
        Some(Sub::Why { source, destination, inputs, common }) => {
            (Command::Why { source, destination }, inputs.inputs, common)
        }
        Some(Sub::Fix { words, language, all, clients, common }) => {
            let (ids, inputs) = words.into_iter().partition(|word| is_finding_id(word));
            let language = match language {
                Language::Gcloud => "gcloud",
                Language::Cnrm => "cnrm",
                Language::Terraform => "terraform",
                Language::Aws => "aws",
                Language::Json => "json",
            };
            (Command::Fix { ids, all, language, clients }, inputs, common)
        }
        Some(Sub::Sim { inputs, question, batch, common }) => {
            let command = match batch {
                Some(file) => Command::Batch(file),
                None => Command::Simulate(question),
            };
            (command, inputs.inputs, common)
        }
        Some(Sub::Diff { old, new, inputs, common }) => {
            (Command::Diff { old, new }, inputs.inputs, common)
        }
        Some(Sub::Reach { inputs, common }) => (Command::Reach, inputs.inputs, common),
        Some(Sub::Path { from, host, inputs, common }) => {
            (Command::Path { from, host }, inputs.inputs, common)
        }
        Some(Sub::Expose { words, clients, profile, common }) => {
            (Command::Expose { words, clients, profile }, Vec::new(), common)
        }
        Some(Sub::Report { inputs, mut common }) => {
            if matches!(common.format, FormatArgument::Text) {
                common.format = FormatArgument::Html;
            }
            (Command::Report, inputs.inputs, common)
        }
        Some(Sub::Follow { inputs, common }) => (Command::Follow, inputs.inputs, common),
        Some(Sub::Collect { location, freshness, folder, common }) => {
            (Command::Collect { location, freshness, folder }, Vec::new(), common)
        }
        Some(Sub::Inventory { inputs, common }) => (Command::Inventory, inputs.inputs, common),
        Some(Sub::Stats { inputs, rules: true, common, .. }) => {
            (Command::RuleStats, inputs.inputs, common)
        }
        Some(Sub::Stats { inputs, group_by, per, common, .. }) => {
            (Command::Stats { group_by, per }, inputs.inputs, common)
        }
        Some(Sub::Explain { check, all, common }) => {
            (Command::Explain(check.filter(|_| !all)), Vec::new(), common)
        }
        Some(Sub::Demo { name, common }) => (Command::Demo(name), Vec::new(), common),
        Some(Sub::Completions { shell }) => (completions(shell), Vec::new(), cli.common),
        Some(Sub::Man) => (manual(), Vec::new(), cli.common),
    };
    plain(command, inputs, common)
}

fn is_finding_id(word: &str) -> bool {
    word.strip_prefix("F-").is_some_and(|digits| {
        digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn plain(command: Command, mut inputs: Vec<String>, common: Common) -> Options {
    inputs.extend(common.context);
    Options {
        command,
        inputs,
        scope: Scope {
            project: common.project,
            network: common.network.as_deref().map(network_named),
            cluster: common.cluster,
            what_if: !common.what_if.is_empty(),
            ..Scope::default()
        },
        what_if: common.what_if,
        policies_first: common
            .enforcement_order
            .map(|order| matches!(order, OrderArgument::Before)),
        since: common.since,
        until: common.until,
        only: common.only,
        ignore: common.ignore,
        format: match common.format {
            FormatArgument::Text => Format::Text,
            FormatArgument::Json => Format::Json,
            FormatArgument::Ndjson => Format::Ndjson,
            FormatArgument::Markdown => Format::Markdown,
            FormatArgument::Html => Format::Html,
            FormatArgument::Sarif => Format::Sarif,
            FormatArgument::Csv => Format::Csv,
        },
        output: common.output,
        fail_on: common.fail_on.map(|severity| match severity {
            FailOn::Never => "never",
            FailOn::Note => "note",
            FailOn::Warning => "warning",
            FailOn::Error => "error",
        }),
        quiet: common.quiet,
        verbose: common.verbose,
        colour: match common.color {
            ColourArgument::Auto => Colour::Auto,
            ColourArgument::Always => Colour::Always,
            ColourArgument::Never => Colour::Never,
        },
        width: common.width,
        threads: common.threads,
        max_memory: common.max_memory,
        progress: !common.no_progress && !common.quiet,
    }
}

fn completions(shell: clap_complete::Shell) -> Command {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vpcwhy", &mut out);
    Command::Printed(String::from_utf8_lossy(&out).into_owned())
}

fn manual() -> Command {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = clap_mangen::Man::new(Cli::command()).render(&mut out);
    Command::Printed(String::from_utf8_lossy(&out).into_owned())
}
