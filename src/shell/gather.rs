//! Open files to everything that was read: blocks are cut into pieces, pieces are read on all
//! threads, and what they hold is put together in the order of the input, so that any number of
//! threads gives the same answer.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use rayon::prelude::*;

use crate::checks::report::InputSummary;
use crate::correlate::Partial;
use crate::correlate::rollup::Window;
use crate::diagnose::Gathered;
use crate::ingest::document::Place;
use crate::ingest::log::framing::next_entry;
use crate::ingest::log::{Form, Found, Framer, Piece, read_piece};
use crate::ingest::reader::{AsLog, Reader, Summary, as_log};
use crate::model::{Complaint, complaint};
use crate::shell::Error;
use crate::shell::input::Source;
use crate::shell::output::Progress;

/// Bytes are read in blocks of this size; a block grows where a piece is longer.
const BLOCK: usize = 4 << 20;
/// A text of no known form is read up to here.
const LONGEST_TEXT: usize = 16 << 20;
/// Pieces that a thread takes at a time.
const BATCH: usize = 512;
/// Complaints that are kept for one input; the rest are counted.
const MOST_COMPLAINTS: usize = 1_000;

/// What a batch of pieces held.
#[derive(Default)]
struct Batch {
    partial: Partial,
    entries: u64,
    firewall: u64,
    complaints: Vec<Complaint>,
    others: Vec<Piece>,
}

/// One input while it is read.
struct Reading {
    number: usize,
    path: Arc<str>,
    entries: u64,
    firewall: u64,
    bytes: u64,
    complaints: Vec<Complaint>,
    left_out: u64,
    text: bool,
}

/// Reads all sources.
pub fn gather(
    sources: &[Source],
    window: Window,
    progress: &mut Progress,
) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    let mut reader = Reader::default();
    let mut readings = Vec::new();
    progress.expect(sources.iter().map(Source::size).sum());
    for source in sources {
        let reading = read(source, window, &mut reader, &mut gathered, progress)?;
        readings.push(reading);
    }
    let (inventory, summaries, complaints) = reader.finish();
    gathered.inventory = inventory;
    let mut of_resources = complaints;
    for (mut reading, summary) in readings.into_iter().zip(summaries) {
        let (own, rest): (Vec<_>, Vec<_>) =
            of_resources.into_iter().partition(|one| *one.path == *reading.path);
        of_resources = rest;
        reading.complaints.extend(own);
        reading.name_unrecognised(&summary);
        reading.complaints.sort();
        reading.complaints.dedup();
        gathered.inputs.push(summarise(&reading, &summary));
        let left_out = reading.left_out;
        let path = reading.path.to_string();
        gathered.complaints.extend(reading.complaints);
        if left_out > 0 {
            gathered.complaints.push(Complaint {
                path,
                line: 0,
                byte: 0,
                message: format!("{left_out} more problems in this input"),
                did: "counted them",
            });
        }
    }
    gathered.complaints.extend(of_resources);
    Ok(gathered)
}

fn read(
    source: &Source,
    window: Window,
    reader: &mut Reader,
    gathered: &mut Gathered,
    progress: &mut Progress,
) -> Result<Reading, Error> {
    let mut reading = Reading {
        number: reader.open(),
        path: Arc::from(source.name()),
        entries: 0,
        firewall: 0,
        bytes: 0,
        complaints: Vec::new(),
        left_out: 0,
        text: false,
    };
    let mut input = source.open()?;
    let mut framer = Framer::default();
    let mut buffer: Vec<u8> = Vec::new();
    let mut wanted = BLOCK;
    loop {
        let before = buffer.len();
        let missing = wanted.saturating_sub(before) as u64;
        let read = input.by_ref().take(missing).read_to_end(&mut buffer);
        if let Err(cause) = read {
            // A truncated archive: what was read so far still counts.
            let damaged =
                [ErrorKind::InvalidData, ErrorKind::UnexpectedEof, ErrorKind::InvalidInput];
            if buffer.is_empty() && reading.bytes == 0 && !damaged.contains(&cause.kind()) {
                return Err(Error::Input { path: source.name(), cause });
            }
            reading.complain(
                0,
                0,
                format!("reading stopped here: {cause}"),
                "kept what came before",
            );
            block(&mut framer, &buffer, true, window, reader, gathered, &mut reading);
            return Ok(reading);
        }
        let fresh = (buffer.len() - before) as u64;
        reading.bytes += fresh;
        progress.advance(fresh);
        let at_end = buffer.len() < wanted;
        let consumed = block(&mut framer, &buffer, at_end, window, reader, gathered, &mut reading);
        if at_end {
            return Ok(reading);
        }
        if framer.form() == Some(Form::Text) && buffer.len() >= LONGEST_TEXT {
            reading.text = true;
            return Ok(reading);
        }
        buffer.drain(..consumed);
        // A piece longer than the block: come again with twice as much.
        wanted = if consumed == 0 { wanted * 2 } else { BLOCK.max(buffer.len() * 2) };
    }
}

/// Reads one buffer; returns how many bytes of it are done with.
fn block(
    framer: &mut Framer,
    buffer: &[u8],
    at_end: bool,
    window: Window,
    reader: &mut Reader,
    gathered: &mut Gathered,
    reading: &mut Reading,
) -> usize {
    let framed = framer.cut(buffer, at_end);
    let path = Arc::clone(&reading.path);
    let batches: Vec<Batch> = framed
        .pieces
        .par_chunks(BATCH)
        .map(|pieces| {
            let mut batch = Batch::default();
            for piece in pieces {
                batch.piece(piece, buffer, &path, &window);
            }
            batch
        })
        .collect();
    for batch in batches {
        gathered.ledger.absorb(batch.partial);
        reading.entries += batch.entries;
        reading.firewall += batch.firewall;
        for one in batch.complaints {
            reading.keep(one);
        }
        for piece in batch.others {
            let text = buffer.get(piece.start..piece.end).unwrap_or_default();
            let text = String::from_utf8_lossy(text);
            let place = Place { path: Arc::clone(&path), line: piece.line, byte: piece.byte };
            if piece.form == Form::Text {
                reading.text = true;
            }
            reader.piece(reading.number, &text, piece.form, &place);
        }
    }
    framed.consumed
}

impl Batch {
    fn piece(&mut self, piece: &Piece, buffer: &[u8], path: &Arc<str>, window: &Window) {
        let bytes = buffer.get(piece.start..piece.end).unwrap_or_default();
        if let Some(what) = piece.broken {
            return self.unparsable(path, piece, 0, bytes, what);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                return self.unparsable(path, piece, error.valid_up_to(), bytes, "no UTF-8");
            }
        };
        match piece.form {
            Form::Lines | Form::Json => self.json(piece, text, path, window),
            Form::Yaml | Form::Paste => {
                let place = Place { path: Arc::clone(path), line: piece.line, byte: piece.byte };
                match as_log(text, piece.form, &place) {
                    AsLog::Entries(entries) => {
                        for json in entries {
                            self.found(read_piece(&json).0, piece, text, 0, path, window);
                        }
                    }
                    AsLog::Broken => self.unparsable(path, piece, 0, bytes, "no entry of its form"),
                    AsLog::No => self.others.push(*piece),
                }
            }
            Form::Text => self.others.push(*piece),
        }
    }

    /// A line may hold several objects.
    fn json(&mut self, piece: &Piece, text: &str, path: &Arc<str>, window: &Window) {
        let mut from = 0;
        loop {
            let rest = text.get(from..).unwrap_or("");
            let blank = |c: char| c.is_whitespace() || c == ',';
            let value = rest.trim_start_matches(blank);
            from += rest.len() - value.len();
            if value.is_empty() {
                break;
            }
            let (found, length) = read_piece(value);
            let broken = matches!(found, Found::NoJson(_));
            self.found(found, piece, value.get(..length).unwrap_or(value), from, path, window);
            // Behind a broken value there may be sound ones.
            let next = if broken { next_entry(value.as_bytes()) } else { Some(length) };
            match next {
                Some(length) if length > 0 => from += length,
                _ => break,
            }
        }
    }

    fn found(
        &mut self,
        found: Found<'_>,
        piece: &Piece,
        text: &str,
        from: usize,
        path: &Arc<str>,
        window: &Window,
    ) {
        match found {
            Found::Entry(record) => {
                self.entries += 1;
                self.firewall += u64::from(record.disposition.is_some());
                self.partial.add(&record, window);
            }
            Found::Incomplete(record, what) => {
                self.entries += 1;
                self.firewall += 1;
                self.partial.add(&record, window);
                let did = "counted this entry, but cannot judge it";
                self.complain(path, piece, from, text.as_bytes(), what, did);
            }
            Found::BrokenEntry(what) => self.unparsable(path, piece, from, text.as_bytes(), what),
            Found::NoEntry => {
                // Only the part that is no entry goes on to be read as a resource; a document of
                // another form goes on whole.
                let part = matches!(piece.form, Form::Lines | Form::Json);
                let (start, end) = match part {
                    true => (piece.start + from, piece.start + from + text.len()),
                    false => (piece.start, piece.end),
                };
                let byte = piece.byte + from as u64;
                self.others.push(Piece { start, end: end.min(piece.end), byte, ..*piece });
            }
            Found::NoJson(broken) => {
                self.unparsable(path, piece, from + broken.at, text.as_bytes(), broken.what);
            }
        }
    }

    fn unparsable(&mut self, path: &Arc<str>, piece: &Piece, at: usize, text: &[u8], what: &str) {
        self.partial.add_unparsable();
        self.complain(path, piece, at, text, what, complaint::SKIPPED_ENTRY);
    }

    fn complain(
        &mut self,
        path: &Arc<str>,
        piece: &Piece,
        at: usize,
        text: &[u8],
        what: &str,
        did: &'static str,
    ) {
        let before = text.get(..at.min(text.len())).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', before).count() as u64;
        self.complaints.push(Complaint {
            path: path.to_string(),
            line: piece.line + lines,
            byte: piece.byte + at as u64,
            message: what.to_owned(),
            did,
        });
    }
}

impl Reading {
    fn keep(&mut self, complaint: Complaint) {
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(complaint);
        } else {
            self.left_out += 1;
        }
    }

    /// What is nothing known is named once.
    fn name_unrecognised(&mut self, summary: &Summary) {
        let text = self.text && self.bytes > 0;
        if let Some(line) = summary.first_unrecognised {
            let count = summary.unrecognised;
            let things = if count == 1 { "item" } else { "items" };
            self.complain(line, 0, format!("{count} {things} of no known kind"), "left out");
        } else if text {
            self.complain(1, 0, "no form that is known".to_owned(), "left out this input");
        }
    }

    fn complain(&mut self, line: u64, byte: u64, message: String, did: &'static str) {
        let path = self.path.to_string();
        self.keep(Complaint { path, line, byte, message, did });
    }
}

fn summarise(reading: &Reading, summary: &Summary) -> InputSummary {
    let resources: u64 = summary.kinds.values().sum();
    let kinds = summary.kinds.keys().copied();
    let log =
        (reading.entries > 0).then_some(if reading.firewall > 0 { "firewall-log" } else { "log" });
    let mut all = log.into_iter().chain(kinds);
    let kind = match (all.next(), all.next()) {
        (Some(only), None) => only,
        (Some(_), Some(_)) => "mixed",
        (None, _) if summary.unused > 0 => "unused",
        (None, _) if reading.bytes == 0 => "empty",
        (None, _) if reading.text => "text",
        (None, _) => "unrecognised",
    };
    InputSummary {
        path: reading.path.to_string(),
        kind: kind.to_owned(),
        bytes: reading.bytes,
        items: reading.entries + resources + summary.unused + summary.unrecognised,
        complaints: reading.complaints.len() as u64 + reading.left_out,
    }
}
