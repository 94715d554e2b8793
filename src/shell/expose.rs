//! `expose`: what was typed becomes what is asked, and the answer is printed.

use std::path::Path;

use crate::checks::Report;
use crate::cli::{Command, Format, Options};
use crate::correlate::exposure::is_of;
use crate::ingest::profile::profile;
use crate::model::Inventory;
use crate::net::{IpNet, parse_cidr};
use crate::render::expose;
use crate::shell::Error;
use crate::shell::answer::{NOTHING, print, print_json, print_lines, quoted, status};

/// The options with the inputs, the clients and the profile in their places.
pub(super) fn options(
    options: &Options,
    words: &[String],
    clients: &[String],
    file: Option<&str>,
) -> Result<Options, Error> {
    let mut own = options.clone();
    let (name, inputs) = match words {
        [first, rest @ ..] if is_application(first) => (Some(first.clone()), rest),
        inputs => (None, inputs),
    };
    // The inputs come before those of `-c`.
    own.inputs.splice(0..0, inputs.iter().cloned());
    own.scope.clients.extend(ranges(clients)?);
    if let Some(file) = file {
        let text = read(file)?;
        own.scope.profile =
            profile(&text).map_err(|what| Error::Usage(format!("{file}: {what}")))?;
    }
    own.scope.application.clone_from(&name);
    own.command =
        Command::Expose { words: Vec::from_iter(name), clients: Vec::new(), profile: None };
    Ok(own)
}

/// The clients that were named.
pub(super) fn ranges(clients: &[String]) -> Result<Vec<IpNet>, Error> {
    let range = |text: &String| {
        parse_cidr(text)
            .ok_or_else(|| Error::Usage(format!("{text} is no range: write 203.0.113.0/24")))
    };
    clients.iter().map(range).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is where the profile is opened")]
fn read(file: &str) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|cause| Error::Input { path: file.to_owned(), cause })
}

/// `NAMESPACE/NAME`, and no file that is there.
fn is_application(word: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
            })
            && !text.starts_with('.')
    };
    let mut parts = word.split('/');
    let two = parts.next().is_some_and(is_name) && parts.next().is_some_and(is_name);
    two && parts.next().is_none() && !Path::new(word).exists()
}

/// Prints the ways: all, or those into one application. That nothing leads there is an answer where
/// there is such an application; where nothing is called that, it is none.
pub(super) fn run(
    options: &Options,
    inventory: &Inventory,
    report: &Report,
    name: Option<&str>,
) -> Result<u8, Error> {
    let mut known = inventory.workloads.workloads.iter().map(|one| &one.id);
    let is_known = name.is_some_and(|name| known.any(|id| is_of(name, id)));
    match options.format {
        Format::Json => print_json(options, &expose::json(report, name))?,
        Format::Ndjson => print_lines(options, &expose::lines(report, name))?,
        _ => {
            let asked = expose::Asked {
                name: name.map(str::to_owned),
                full: options.verbose > 0,
                quiet: options.quiet,
                inputs: quoted(&options.inputs),
            };
            print(options, &expose::document(report, &asked))?;
        }
    }
    if !is_known && expose::of(report, name).next().is_none() {
        return Ok(NOTHING);
    }
    Ok(status(report, options.fail_on.unwrap_or("never")))
}
