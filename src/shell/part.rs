//! One part of an input: bytes come in order, and what they hold goes to a worker's own roll-up.
//! A worker reads many parts; what it learned of the log's shapes in one serves in the next.

use std::sync::Arc;

use crate::correlate::Ledger;
use crate::correlate::Window;
use crate::ingest::document::Place;
use crate::ingest::log::csv::Columns;
use crate::ingest::log::{
    Around, Buried, Form, Found, Framer, Piece, Shapes, Sink, buried, looks_like_entry, next_entry,
    read_piece,
};
use crate::ingest::reader::{AsLog, as_log, names_rules};
use crate::ingest::symptom;
use crate::model::{Complaint, Record, complaint};
use crate::shell::resources::Other;

/// Complaints that are kept for one input; the rest are counted.
pub(super) const MOST_COMPLAINTS: usize = 1_000;

/// So many errors of other logs are read in a part: they are the same ones, over and over.
const MOST_ERRORS: usize = 1_000;

/// So many pieces between entries are looked at that speak as errors do.
const MOST_PROSE: usize = 10_000;

/// A quick look at whether a text speaks as errors do.
fn may_tell(text: &[u8]) -> bool {
    const WORDS: [&str; 7] =
        ["rror", "ailed", "imeout", "deadline", "refused", "dial ", "UNHEALTHY"];
    WORDS.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// An error that is pasted among the entries of a log shows in as many bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// What stands before an entry on its line is not longer.
const LONGEST_PREFIX: usize = 256;

/// Who else sees each entry, as it comes.
pub(super) trait Watch {
    /// One entry.
    fn see(&mut self, record: &Record<'_>);
}

/// Nobody.
impl Watch for () {
    fn see(&mut self, _: &Record<'_>) {}
}

/// Who reads.
pub(super) struct Worker<W = ()> {
    /// Which records are grouped.
    pub(super) window: Window,
    shapes: Shapes,
    /// The records of all parts that it read.
    pub(super) ledger: Ledger,
    /// Who sees them, too.
    pub(super) watch: W,
}

/// What a part held besides records of the log.
pub(super) struct Notes {
    /// The input.
    pub(super) path: Arc<str>,
    /// The form of it, once it is known.
    pub(super) form: Option<Form>,
    /// Bytes that were read.
    pub(super) bytes: u64,
    /// Line breaks among them.
    pub(super) lines: u64,
    /// Log entries.
    pub(super) entries: u64,
    /// Those of the firewall's log.
    pub(super) firewall: u64,
    /// What could not be read; lines and bytes are counted from the start of the part.
    pub(super) complaints: Vec<Complaint>,
    /// Further complaints.
    pub(super) left_out: u64,
    /// What is no log entry.
    pub(super) others: Vec<Other>,
    /// Whether a part of it could not be read.
    pub(super) damaged: bool,
    /// Whether what could not be read names firewall rules.
    pub(super) rules_lost: bool,
    /// Whether it is text of no known form.
    pub(super) text: bool,
    /// The columns of a table of entries.
    columns: Option<Columns>,
    /// How many entries of other logs may tell an error, up to [`MOST_ERRORS`].
    errors: usize,
    /// How many pieces between the values were looked at, up to as many.
    prose: usize,
}

impl Notes {
    pub(super) fn of(path: &Arc<str>) -> Self {
        Self {
            path: Arc::clone(path),
            form: None,
            bytes: 0,
            lines: 0,
            entries: 0,
            firewall: 0,
            complaints: Vec::new(),
            left_out: 0,
            others: Vec::new(),
            damaged: false,
            rules_lost: false,
            text: false,
            columns: None,
            errors: 0,
            prose: 0,
        }
    }

    pub(super) fn keep(&mut self, complaint: Complaint) {
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(complaint);
        } else {
            self.left_out += 1;
        }
    }

    /// Appends the notes of the part that comes next.
    pub(super) fn append(&mut self, next: Self) {
        for mut one in next.complaints {
            if one.line > 0 {
                one.line += self.lines;
            }
            self.keep(one);
        }
        self.left_out += next.left_out;
        for mut one in next.others {
            one.place.line += self.lines;
            self.others.push(one);
        }
        self.bytes += next.bytes;
        self.lines += next.lines;
        self.entries += next.entries;
        self.firewall += next.firewall;
        self.damaged |= next.damaged;
        self.rules_lost |= next.rules_lost;
        self.text |= next.text;
    }
}

impl<W: Watch> Worker<W> {
    pub(super) fn new(window: Window, watch: W) -> Self {
        let ledger = Ledger::within(window.limits);
        Self { window, shapes: Shapes::default(), ledger, watch }
    }

    /// Reads one buffer of a part; returns how many bytes of it are done with.
    pub(super) fn read(
        &mut self,
        framer: &mut Framer,
        buffer: &[u8],
        at_end: bool,
        notes: &mut Notes,
    ) -> usize {
        let consumed = framer.cut(buffer, at_end, &mut Taking { worker: self, notes, buffer });
        notes.form = framer.form();
        notes.lines = framer.position().1 - 1;
        consumed
    }
}

/// A buffer on its way.
struct Taking<'t, W> {
    worker: &'t mut Worker<W>,
    notes: &'t mut Notes,
    buffer: &'t [u8],
}

impl<W: Watch> Sink for Taking<'_, W> {
    fn entry(&mut self, rest: &[u8], form: Form) -> Option<(usize, u64)> {
        let Worker { window, shapes, ledger, watch } = &mut *self.worker;
        let fit = shapes.fit(rest)?;
        let taken = match (form, rest.get(fit.length..)?) {
            (Form::Lines, [b'\n', ..]) => (fit.length + 1, fit.lines + 1),
            (Form::Lines, [b'\r', b'\n', ..]) => (fit.length + 2, fit.lines + 1),
            // Something follows on its line, or its end is still to come.
            (Form::Lines, _) => return None,
            _ => (fit.length, fit.lines),
        };
        let record = shapes.record(fit, rest)?;
        // An error in another log is read as a text is, which needs its place.
        let own = rest.get(..fit.length)?;
        let more = self.notes.errors < MOST_ERRORS;
        if record.disposition.is_none() && more && symptom::may_be_in(own) {
            return None;
        }
        self.notes.entries += 1;
        self.notes.firewall += u64::from(record.disposition.is_some());
        ledger.add(&record, window);
        watch.see(&record);
        Some(taken)
    }

    fn piece(&mut self, piece: Piece) {
        let bytes = self.buffer.get(piece.start..piece.end).unwrap_or_default();
        if let Some(what) = piece.broken {
            if self.tells_error(&piece, bytes) {
                return self.keep(&piece, Form::Text, &String::from_utf8_lossy(bytes), 0);
            }
            return self.unparsable(&piece, 0, bytes, what);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                return self.unparsable(&piece, error.valid_up_to(), bytes, "no UTF-8");
            }
        };
        match piece.form {
            Form::Lines | Form::Json => self.json(&piece, text),
            Form::Yaml | Form::Paste => {
                let path = Arc::clone(&self.notes.path);
                let place = Place { path, line: piece.line, byte: piece.byte };
                match as_log(text, piece.form, &place) {
                    AsLog::Entries(entries) => {
                        for json in entries {
                            self.read(&json, &piece, text, 0);
                        }
                    }
                    AsLog::Broken => self.unparsable(&piece, 0, bytes, "no entry of its form"),
                    AsLog::No => self.other(&piece, text, 0),
                }
            }
            // Entries of another form were appended to a table.
            Form::Csv if text.starts_with('{') => self.json(&piece, text),
            Form::Csv => self.row(&piece, text),
            Form::Text => self.other(&piece, text, 0),
        }
    }

    fn around(&mut self, around: Around) {
        let Around { text, line, byte } = around;
        let place = Place { path: Arc::clone(&self.notes.path), line, byte };
        self.notes.others.push(Other { text, form: Form::Json, place, around: true });
    }
}

impl<W: Watch> Taking<'_, W> {
    /// The first row of a table names its columns.
    fn row(&mut self, piece: &Piece, text: &str) {
        let Some(columns) = &self.notes.columns else {
            self.notes.columns = Columns::of(text).or_else(|| Columns::of_anything(text));
            if self.notes.columns.as_ref().is_some_and(Columns::is_grouped) {
                let what = "the rows of this table are counts of entries";
                let did = "took each row for one entry: export the entries, and not their counts";
                self.complain(piece, 0, text.as_bytes(), what, did);
            }
            return;
        };
        match columns.entry(text) {
            _ if columns.are_named_by(text) => {}
            // Another table begins, as where files were put together.
            _ if let Some(next) = Columns::of(text) => self.notes.columns = Some(next),
            Some(json) => self.read(&json, piece, text, 0),
            None => self.unparsable(piece, 0, text.as_bytes(), "a row of other columns"),
        }
    }

    /// A line may hold several objects.
    fn json(&mut self, piece: &Piece, text: &str) {
        if self.tells_error(piece, text.as_bytes()) {
            return self.keep(piece, Form::Text, text, 0);
        }
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
            // `2026-11-23T09:00:00Z stdout F {…}`, `12:{…}`: a number is a value of JSON's, and
            // none that anybody exports.
            let is_number = value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            let broken = is_number || matches!(found, Found::NoJson(_));
            let own = value.get(..length).unwrap_or(value);
            if matches!(found, Found::Entry(_)) {
                self.worker.shapes.learn(own);
            }
            // Behind a broken value there may be sound ones.
            let next = if broken { next_entry(value.as_bytes()) } else { Some(length) };
            // What a shipper, or grep, puts before an entry is none that is broken.
            let before = next.filter(|_| broken).and_then(|next| value.get(..next));
            let is_prefix =
                before.is_some_and(|text| text.len() <= LONGEST_PREFIX && !text.contains('{'));
            match found {
                _ if is_prefix => {}
                found => self.found_in(own, found, piece, own, from),
            }
            match next {
                Some(length) if length > 0 => from += length,
                _ => break,
            }
        }
    }

    /// Reads an entry that stands in a piece in another form.
    fn read(&mut self, json: &str, piece: &Piece, text: &str, from: usize) {
        self.found_in(json, read_piece(json).0, piece, text, from);
    }

    /// Takes what was found in an object, or the entries that are buried in it.
    fn found_in(&mut self, json: &str, found: Found<'_>, piece: &Piece, text: &str, from: usize) {
        let is_none = matches!(found, Found::NoEntry | Found::BrokenEntry(_));
        let inside = if is_none { buried(json) } else { Buried::default() };
        if inside.entries.is_empty() {
            return self.found(found, piece, text, from);
        }
        for one in inside.entries {
            self.found(read_piece(&one).0, piece, text, from);
        }
        if inside.has_resources {
            self.other(piece, text, from);
        }
    }

    fn found(&mut self, found: Found<'_>, piece: &Piece, text: &str, from: usize) {
        match found {
            Found::Entry(record) => {
                self.notes.entries += 1;
                self.notes.firewall += u64::from(record.disposition.is_some());
                self.add(&record);
                let more =
                    self.notes.errors < MOST_ERRORS && self.worker.window.holds(record.timestamp);
                if record.disposition.is_none() && more && symptom::may_be_in(text.as_bytes()) {
                    self.notes.errors += 1;
                    self.keep(piece, Form::Text, text, from);
                }
            }
            Found::Incomplete(record, what) => {
                self.notes.entries += 1;
                self.notes.firewall += 1;
                self.add(&record);
                let did = "counted this entry, but cannot judge it";
                self.complain(piece, from, text.as_bytes(), what, did);
            }
            Found::BrokenEntry(what) => self.unparsable(piece, from, text.as_bytes(), what),
            Found::NoEntry => {
                // Only the part that is no entry goes on to be read as a resource; a document of
                // another form goes on whole.
                if matches!(piece.form, Form::Lines | Form::Json) {
                    self.other(piece, text, from);
                } else {
                    let bytes = self.buffer.get(piece.start..piece.end).unwrap_or_default();
                    let whole = String::from_utf8_lossy(bytes);
                    self.other(piece, &whole, 0);
                }
            }
            Found::NoJson(broken) => {
                self.unparsable(piece, from + broken.at, text.as_bytes(), broken.what);
            }
        }
    }

    fn add(&mut self, record: &Record<'_>) {
        self.worker.ledger.add(record, &self.worker.window);
        self.worker.watch.see(record);
    }

    fn other(&mut self, piece: &Piece, text: &str, from: usize) {
        self.notes.text |= piece.form == Form::Text;
        self.keep(piece, piece.form, text, from);
    }

    fn keep(&mut self, piece: &Piece, form: Form, text: &str, from: usize) {
        let path = Arc::clone(&self.notes.path);
        let place = Place { path, line: piece.line, byte: piece.byte + from as u64 };
        self.notes.others.push(Other { text: text.to_owned(), form, place, around: false });
    }

    fn unparsable(&mut self, piece: &Piece, at: usize, text: &[u8], what: &str) {
        self.worker.ledger.add_unparsable();
        // What somebody, or a shell, wrote between values is none that is lost.
        let of_json = matches!(piece.form, Form::Json | Form::Lines);
        let is_prose = of_json && !text.contains(&b'{') && !text.contains(&b'"');
        self.notes.damaged |= !is_prose;
        self.notes.rules_lost |= names_rules(text) && !looks_like_entry(text);
        self.complain(piece, at, text, what, complaint::SKIPPED_ENTRY);
    }

    /// Whether what stands between the values of a log is an error that somebody pasted. So many
    /// are looked at; what else is between them is prose.
    fn tells_error(&mut self, piece: &Piece, text: &[u8]) -> bool {
        let of_json = matches!(piece.form, Form::Json | Form::Lines);
        let is_value = matches!(text.trim_ascii_start().first(), Some(b'{' | b'[') | None);
        let is_looked_at = of_json && !is_value && !looks_like_entry(text) && may_tell(text);
        if !is_looked_at || self.notes.prose >= MOST_PROSE {
            return false;
        }
        self.notes.prose += 1;
        let path = Arc::clone(&self.notes.path);
        let place = Place { path, line: piece.line, byte: piece.byte };
        let head = text.get(..text.len().min(LONGEST_ERROR)).unwrap_or_default();
        !symptom::read(&String::from_utf8_lossy(head), &place).is_empty()
    }

    fn complain(&mut self, piece: &Piece, at: usize, text: &[u8], what: &str, did: &'static str) {
        let before = text.get(..at.min(text.len())).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', before).count() as u64;
        let path = self.notes.path.to_string();
        let (line, byte) = (piece.line + lines, piece.byte + at as u64);
        self.notes.keep(Complaint { path, line, byte, message: what.to_owned(), did });
    }
}
