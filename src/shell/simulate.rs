//! `sim`: one question of the command line, or a file of them, answered in order.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::cli::{Format, Options, Simulation};
use crate::correlate::scope::Scope;
use crate::correlate::{Directory, Simulator};
use crate::diagnose::Gathered;
use crate::ingest::query;
use crate::model::Query;
use crate::render::sim;
use crate::shell::Error;
use crate::shell::answer::print;
use crate::shell::input::Source;
use crate::shell::output::{self, Progress, Writer};

/// Lines that are answered at a time.
const CHUNK: usize = 8_192;

/// Answers one question; whether it is as it should be.
pub fn one(options: &Options, gathered: &Gathered, asked: &Simulation) -> Result<bool, Error> {
    let line = question(asked).to_string();
    let query = query::parse(&line).map_err(|bad| Error::Usage(bad.message))?;
    let query = or_network(query, &options.scope);
    let directory = Directory::of(&gathered.inventory);
    let mut simulator = Simulator::within(&directory, &options.scope);
    simulator.expect(&query);
    let answer = simulator.answer(&query);
    match options.format {
        Format::Json | Format::Ndjson => {
            output::write(&sim::line(&query, &answer), options.output.as_deref())?;
        }
        _ => print(options, &sim::document(&query, &answer))?,
    }
    Ok(sim::is_ok(&query, &answer))
}

/// The flags as a line of a file would say it: one reader for both.
fn question(asked: &Simulation) -> Value {
    let mut members = Map::new();
    let mut say = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(key.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.as_ref().map(|text| json!(text));
    let names = |value: &Option<String>| {
        let text = value.as_ref()?;
        let list: Vec<&str> =
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
        Some(json!(list))
    };
    say("region", text(&asked.region));
    say("direction", text(&asked.direction));
    say("from", names(&asked.from));
    say("to", names(&asked.to));
    say("protocol", text(&asked.protocol));
    say("port", names(&asked.port));
    say("source_tags", names(&asked.source_tags));
    say("source_service_account", names(&asked.source_service_account));
    say("source_secure_tags", names(&asked.source_secure_tags));
    say("target_tags", names(&asked.target_tags));
    say("target_service_account", names(&asked.target_service_account));
    say("target_secure_tags", names(&asked.target_secure_tags));
    say("expect", text(&asked.expect));
    Value::Object(members)
}

/// Answers a file of questions, a line each; whether all are as they should be.
pub fn batch(options: &Options, gathered: &Gathered, file: &str) -> Result<bool, Error> {
    let source = if file == "-" { Source::Standard } else { Source::File(file.into()) };
    let directory = Directory::of(&gathered.inventory);
    let mut simulator = Simulator::within(&directory, &options.scope);
    if options.output.as_deref() == Some(file) {
        return Err(Error::Usage(format!("{file} is read and cannot be written to")));
    }
    let progress = Progress::hidden();
    let mut lines = source.lines(&progress)?;
    let mut writer = Writer::open(options.output.as_deref())?;
    let mut all_ok = true;
    let mut asked = 0_u64;
    loop {
        let chunk = lines.next_chunk(CHUNK)?;
        if chunk.is_empty() {
            break;
        }
        asked += chunk.len() as u64;
        let scope = &options.scope;
        let queries: Vec<(u64, Result<Query, query::BadQuery>)> = chunk
            .into_par_iter()
            .map(|(number, line)| {
                let parsed = query::parse(&line).map(|query| or_network(query, scope));
                (number, parsed)
            })
            .collect();
        for query in queries.iter().filter_map(|(_, query)| query.as_ref().ok()) {
            simulator.expect(query);
        }
        let answers: Vec<(String, bool)> = queries
            .par_iter()
            .map(|(number, query)| match query {
                Ok(query) => {
                    let answer = simulator.answer(query);
                    (sim::line(query, &answer), sim::is_ok(query, &answer))
                }
                Err(bad) => {
                    let message = format!("{file}:{number}: {}", bad.message);
                    (sim::bad_line(bad.id.as_ref(), &message), false)
                }
            })
            .collect();
        for (number, query) in &queries {
            if let Err(bad) = query {
                output::message(&format!("vpcwhy: {file}:{number}: {}", bad.message));
            }
        }
        all_ok &= answers.iter().all(|(_, ok)| *ok);
        if !writer.write(answers.iter().map(|(line, _)| line.as_str()))? {
            break;
        }
    }
    if asked == 0 {
        return Err(Error::Usage(format!("{file} holds no question")));
    }
    writer.close()?;
    Ok(all_ok)
}

/// The network of the command line is meant where a line names none, and its project where the name
/// alone is said.
fn or_network(mut query: Query, scope: &Scope) -> Query {
    let named = query.network.or_else(|| scope.network.clone());
    query.network = named.map(|network| network.or_project(scope.project.as_deref()));
    query
}
