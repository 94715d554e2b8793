//! `follow -`: a live stream on standard input. Each cause is told once, when its first entry comes
//! by; the whole answer follows when the stream ends.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use crate::cli::{Format, Options};
use crate::correlate::causes::{cause_text, correlate};
use crate::correlate::ledger::Window;
use crate::correlate::{Directory, Ledger};
use crate::diagnose::Gathered;
use crate::ingest::document::Place;
use crate::ingest::log::framing::next_entry;
use crate::ingest::log::{Form, Found, Framer, Piece, read_piece};
use crate::ingest::reader::{AsLog, as_log};
use crate::model::{Disposition, Record};
use crate::net::FiveTuple;
use crate::render::follow;
use crate::shell::input::Source;
use crate::shell::output::{Progress, Writer};
use crate::shell::prepare::prepare;
use crate::shell::{Error, gather, input};

/// What is read at a time, at the most: a live stream gives less.
const BLOCK: usize = 64 << 10;
/// A piece that grows longer than this is no log entry.
const LONGEST: usize = 16 << 20;
/// Connections that are remembered, so that each is judged once; then it begins anew.
const MOST_REMEMBERED: usize = 1 << 20;

/// Reads the stream to its end, and returns everything that was read.
pub(super) fn run(options: &Options, window: Window) -> Result<Gathered, Error> {
    let (streams, resources): (Vec<String>, Vec<String>) =
        options.inputs.iter().cloned().partition(|one| one == "-");
    if streams.is_empty() {
        return Err(Error::Usage("follow reads a stream: vpcwhy follow - -c DIR".to_owned()));
    }
    let sources = input::expand(&resources)?;
    let mut gathered = gather::gather(&sources, window, &Progress::hidden())?;
    prepare(options, &mut gathered)?;
    let mut ledger = std::mem::take(&mut gathered.ledger);
    let mut stream = Stream {
        options,
        window,
        directory: Directory::of(&gathered.inventory),
        ledger: &mut ledger,
        writer: Writer::open(None)?,
        told: HashSet::new(),
        seen: HashSet::new(),
    };
    stream.read(Source::Standard.open(&Progress::hidden())?.as_mut())?;
    ledger.settle();
    gathered.ledger = ledger;
    Ok(gathered)
}

/// What makes two entries ask the same: the connection but for the client's port, and the rule.
type Asked = (FiveTuple, String);

struct Stream<'s, 'a> {
    options: &'s Options,
    window: Window,
    directory: Directory<'a>,
    ledger: &'s mut Ledger,
    writer: Writer,
    /// Causes that were told.
    told: HashSet<String>,
    seen: HashSet<Asked>,
}

impl Stream<'_, '_> {
    fn read(&mut self, input: &mut dyn Read) -> Result<(), Error> {
        let fails = |cause| Error::Input { path: "-".to_owned(), cause };
        let mut framer = Framer::default();
        let (mut buffer, mut block): (Vec<u8>, Vec<u8>) = (Vec::new(), vec![0; BLOCK]);
        loop {
            let fresh = input.read(&mut block).map_err(fails)?;
            buffer.extend_from_slice(block.get(..fresh).unwrap_or_default());
            let mut pieces: Vec<Piece> = Vec::new();
            let consumed = framer.cut(&buffer, fresh == 0, &mut pieces);
            for piece in &pieces {
                if !self.piece(piece, &buffer)? {
                    return Ok(());
                }
            }
            if fresh == 0 {
                return Ok(());
            }
            buffer.drain(..consumed);
            if buffer.len() > LONGEST {
                return Err(Error::Usage("standard input is no log that is known".to_owned()));
            }
        }
    }

    /// Takes in a piece; false where nobody reads the answer any more.
    fn piece(&mut self, piece: &Piece, buffer: &[u8]) -> Result<bool, Error> {
        let bytes = buffer.get(piece.start..piece.end).unwrap_or_default();
        let (Ok(text), None) = (std::str::from_utf8(bytes), piece.broken) else {
            self.ledger.add_unparsable();
            return Ok(true);
        };
        if matches!(piece.form, Form::Lines | Form::Json) {
            return self.values(text);
        }
        let place = Place { path: Arc::from("-"), line: piece.line, byte: piece.byte };
        match as_log(text, piece.form, &place) {
            AsLog::Entries(entries) => {
                for json in entries {
                    if !self.values(&json)? {
                        return Ok(false);
                    }
                }
            }
            AsLog::Broken => self.ledger.add_unparsable(),
            AsLog::No => {}
        }
        Ok(true)
    }

    /// A line may hold several entries.
    fn values(&mut self, text: &str) -> Result<bool, Error> {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (found, length) = read_piece(rest);
            let next = match &found {
                Found::NoJson(_) => next_entry(rest.as_bytes()),
                _ => Some(length),
            };
            match found {
                Found::Entry(record) | Found::Incomplete(record, _) => {
                    if !self.record(&record)? {
                        return Ok(false);
                    }
                }
                Found::BrokenEntry(_) | Found::NoJson(_) => self.ledger.add_unparsable(),
                Found::NoEntry => {}
            }
            let Some(next) = next.filter(|next| *next > 0) else { break };
            let blank = |c: char| c.is_whitespace() || c == ',';
            rest = rest.get(next..).unwrap_or("").trim_start_matches(blank);
        }
        Ok(true)
    }

    fn record(&mut self, record: &Record<'_>) -> Result<bool, Error> {
        self.ledger.add(record, &self.window);
        let Some(firewall) = &record.firewall else { return Ok(true) };
        if firewall.disposition != Disposition::Denied {
            return Ok(true);
        }
        let tuple = FiveTuple { src_port: 0, ..firewall.tuple };
        if self.seen.len() >= MOST_REMEMBERED {
            self.seen.clear();
        }
        if !self.seen.insert((tuple, firewall.reference.to_string())) {
            return Ok(true);
        }
        // One entry is judged as a log of one would be.
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
