//! `follow -`: a live stream on standard input. Each cause is told once, when its first entry comes
//! by; the whole answer follows when the stream ends.

use std::collections::HashSet;

use crate::cli::{Format, Options};
use crate::correlate::Window;
use crate::correlate::causes::{cause_text, correlate};
use crate::correlate::{Directory, Ledger};
use crate::diagnose::Gathered;
use crate::model::{Disposition, Record};
use crate::net::FiveTuple;
use crate::render::follow;
use crate::shell::gather::Gathering;
use crate::shell::input::Source;
use crate::shell::output::{Progress, Writer};
use crate::shell::part::Watch;
use crate::shell::prepare::Additions;
use crate::shell::{Error, input};

/// Connections that are remembered, so that each is judged once; then it begins anew.
const MOST_REMEMBERED: usize = 1 << 20;

/// Reads the stream to its end, and returns everything that was read.
pub(super) fn run(options: &Options, window: Window) -> Result<Gathered, Error> {
    let (streams, resources): (Vec<String>, Vec<String>) =
        options.inputs.iter().cloned().partition(|one| one == "-");
    if streams.is_empty() {
        return Err(Error::Usage("follow reads a stream: vpcwhy follow - -c DIR".to_owned()));
    }
    let additions = Additions::read(options)?;
    let hidden = Progress::hidden();
    let mut gathering = Gathering::new(window, &hidden);
    gathering.read(&input::expand(&resources)?)?;
    // Entries are judged by what is known before the stream; the answer knows all of it.
    let mut inventory = gathering.inventory();
    additions.add(&mut inventory)?;
    let teller = Teller {
        options,
        window,
        directory: Directory::of(&inventory),
        writer: Writer::open(None)?,
        told: HashSet::new(),
        seen: HashSet::new(),
        listened_to: Ok(true),
    };
    let enough = |teller: &Teller<'_>| !matches!(teller.listened_to, Ok(true));
    gathering.live(&Source::Standard, teller, enough)?.listened_to?;
    let mut gathered = gathering.finish();
    additions.complete(&mut gathered)?;
    Ok(gathered)
}

/// What makes two entries ask the same: the connection but for the client's port, and the rule.
type Asked = (FiveTuple, String);

/// Tells each cause when it first comes by.
struct Teller<'a> {
    options: &'a Options,
    window: Window,
    directory: Directory<'a>,
    writer: Writer,
    /// Causes that were told.
    told: HashSet<String>,
    seen: HashSet<Asked>,
    /// Whether anybody still reads what is told.
    listened_to: Result<bool, Error>,
}

impl Watch for Teller<'_> {
    fn see(&mut self, record: &Record<'_>) {
        if !matches!(self.listened_to, Ok(true)) {
            return;
        }
        let Some(firewall) = &record.firewall else { return };
        if firewall.disposition != Disposition::Denied {
            return;
        }
        let tuple = FiveTuple { src_port: 0, ..firewall.tuple };
        if self.seen.len() >= MOST_REMEMBERED {
            self.seen.clear();
        }
        if self.seen.insert((tuple, firewall.reference.to_string())) {
            self.listened_to = self.tell(record);
        }
    }
}

impl Teller<'_> {
    /// Judges one entry as a log of one would be; false where nobody reads the answer any more.
    fn tell(&mut self, record: &Record<'_>) -> Result<bool, Error> {
        let mut alone = Ledger::within(self.window.limits);
        alone.add(record, &self.window);
        alone.settle();
        let found = correlate(&self.directory, alone.roll_up(), &self.options.scope);
        for cause in &found.causes {
            if !self.told.insert(cause_text(cause)) {
                continue;
            }
            let line = match self.options.format {
                Format::Json | Format::Ndjson => follow::json(cause, record.timestamp),
                _ => follow::text(cause, record.timestamp),
            };
            if !self.writer.write([line.as_str()].into_iter())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
