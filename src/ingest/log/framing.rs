//! Bytes to pieces: where one entry (or one resource) ends and the next begins, found from the
//! content, in bounded memory.
//!
//! | the bytes start with | form | a piece is |
//! |---|---|---|
//! | `{` with its end on the same line | lines | a line |
//! | `{` or `[` otherwise | JSON | an element, or an object; what `entries` and its like hold |
//! | a key and a brace, unquoted (`connection: {`) | paste | an entry of the Explorer's form |
//! | the columns of log entries | CSV | a row |
//! | a YAML key, a dash, `---` | YAML | a document, or an element of a top-level sequence |
//! | anything else | text | all of it |
//!
//! A piece that is broken is given up alone: reading goes on at the next thing that looks like an
//! entry.

use memchr::memchr;

use crate::ingest::log::cut::{Around, Cut, Sink};
use crate::ingest::log::extent::{
    Extent, ITEMS, LISTS, LONGEST_ENTRY, blank, extent, looks_like_entry, next_value, string_end,
};
use crate::ingest::log::form::{Form, begins_list, detect, preface};
use crate::ingest::log::paste;
use crate::ingest::log::rows::Rows;
use crate::ingest::log::yaml::Documents;

/// The longest resource that is waited for: one list of everything in a large cluster.
pub const LONGEST_RESOURCE: usize = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Array,
    Wrapper,
}

/// Cuts one input into pieces; buffers come in order.
#[derive(Debug)]
pub struct Framer {
    form: Option<Form>,
    places: Vec<Place>,
    /// What stands around the list that is open.
    around: Option<Around>,
    line: u64,
    byte: u64,
    entries_seen: bool,
    yaml: Documents,
    rows: Rows,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            form: None,
            places: Vec::new(),
            around: None,
            line: 1,
            byte: 0,
            entries_seen: false,
            yaml: Documents::default(),
            rows: Rows::default(),
        }
    }
}

impl Framer {
    /// The form, once it is known.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        self.form
    }

    /// A framer that goes on in the middle of newline-delimited entries.
    #[must_use]
    pub fn of_lines(byte: u64) -> Self {
        Self { form: Some(Form::Lines), byte, ..Self::default() }
    }

    /// Whether a list is still open: at the end of an input it was cut off.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.places.is_empty()
    }

    /// How far it got: the byte, and the line there.
    #[must_use]
    pub fn position(&self) -> (u64, u64) {
        (self.byte, self.line)
    }

    /// Cuts `buffer`; `at_end` says that nothing follows it. Returns how many bytes are done with;
    /// the rest must come again with more behind it.
    pub fn cut(&mut self, buffer: &[u8], at_end: bool, sink: &mut dyn Sink) -> usize {
        let mut cut = Cut::of(buffer, at_end, (self.byte, self.line), sink);
        if self.form.is_none() {
            if buffer.starts_with(b"\xef\xbb\xbf") {
                cut.at = 3;
            }
            let head = buffer.get(cut.at..).unwrap_or_default();
            self.form = detect(head, at_end);
            let first = head.get(..head.len().min(64 << 10)).unwrap_or_default();
            if let Some(form @ (Form::Text | Form::Yaml)) = self.form {
                self.skip_preface(&mut cut, first, form);
            }
        }
        if at_end && self.form == Some(Form::Text) {
            let rest = buffer.get(cut.at..).unwrap_or_default();
            self.skip_preface(&mut cut, rest, Form::Text);
        }
        match self.form {
            Some(Form::Lines) => self.lines(&mut cut),
            Some(Form::Json) => self.json(&mut cut),
            Some(Form::Yaml) => self.yaml.cut(&mut cut),
            Some(Form::Csv) => self.rows.cut(&mut cut),
            Some(Form::Paste) => paste::frame(buffer, at_end, &mut |start, end| {
                cut.push(start, end, Form::Paste, None);
            })
            .into_iter()
            .for_each(|end| cut.at = end),
            Some(Form::Text) if at_end => {
                cut.push(cut.at, buffer.len(), Form::Text, None);
                cut.at = buffer.len();
            }
            Some(Form::Text) | None => {}
        }
        let done = cut.at;
        self.line = cut.line_at(done);
        self.byte += done as u64;
        done
    }

    /// Goes on at the entries of a log that stand behind something else, where there are some.
    fn skip_preface(&mut self, cut: &mut Cut<'_>, head: &[u8], form: Form) {
        if let Some((length, form)) = preface(head, form) {
            // It may tell an error.
            cut.push(cut.at, cut.at + length, Form::Text, None);
            cut.at += length;
            self.form = Some(form);
        }
    }

    fn lines(&mut self, cut: &mut Cut<'_>) {
        while cut.at < cut.buffer.len() {
            if cut.entry(Form::Lines) {
                continue;
            }
            let rest = cut.rest();
            let (length, next) = match memchr(b'\n', rest) {
                Some(end) => (end, end + 1),
                None if cut.at_end => (rest.len(), rest.len()),
                None if rest.len() > LONGEST_ENTRY => (rest.len(), rest.len()),
                None => return,
            };
            let line = rest.get(..length).unwrap_or_default().trim_ascii();
            // Something of another form was appended: it is read as what it is.
            if line == b"{" || line.starts_with(b"[") && begins_list(line) {
                self.form = Some(Form::Json);
                return self.json(cut);
            }
            if !matches!(line, b"" | b"," | b"---" | b"]") {
                let lead =
                    rest.get(..length).map_or(0, |all| all.len() - all.trim_ascii_start().len());
                let start = cut.at + lead;
                cut.push(start, start + line.len(), Form::Lines, None);
            }
            cut.at += next;
        }
    }

    fn json(&mut self, cut: &mut Cut<'_>) {
        while let Some(byte) = cut.next_byte() {
            match (self.places.last(), byte) {
                (Some(Place::Array), b']') => {
                    self.places.pop();
                    cut.at += 1;
                }
                (Some(Place::Wrapper), b'}') => {
                    self.places.pop();
                    cut.at += 1;
                    if let Some(mut around) = self.around.take() {
                        around.close();
                        cut.push_around(around);
                    }
                }
                (Some(Place::Wrapper), _) => {
                    if !self.wrapper_member(cut) {
                        return;
                    }
                }
                (_, b'[') => {
                    self.places.push(Place::Array);
                    cut.at += 1;
                }
                (_, b'{') => {
                    if !self.value(cut) {
                        return;
                    }
                }
                _ => {
                    if !self.garbage(cut) {
                        return;
                    }
                }
            }
        }
    }

    /// One object; false where more bytes are needed.
    fn value(&mut self, cut: &mut Cut<'_>) -> bool {
        let start = cut.at;
        if cut.entry(Form::Json) {
            self.entries_seen = true;
            return true;
        }
        // Pages of an API may be put together in an array.
        let top = self.places.len() < 2;
        match extent(cut.rest(), top) {
            Extent::Whole(length) => {
                let piece = cut.buffer.get(start..start + length).unwrap_or_default();
                self.entries_seen = self.entries_seen || looks_like_entry(piece);
                cut.push(start, start + length, Form::Json, None);
                cut.at += length;
                true
            }
            Extent::List(inside) => {
                self.places.extend([Place::Wrapper, Place::Array]);
                self.around = cut.around(inside);
                cut.at += inside;
                true
            }
            Extent::Broken(what) => self.give_up(cut, what),
            Extent::More => {
                let head = cut.rest();
                let head = head.get(..head.len().min(64 << 10)).unwrap_or_default();
                self.entries_seen = self.entries_seen || looks_like_entry(head);
                let limit = if self.entries_seen { LONGEST_ENTRY } else { LONGEST_RESOURCE };
                if cut.at_end {
                    self.give_up(cut, "the value has no end")
                } else if cut.rest().len() > limit {
                    self.give_up(cut, "the value is too long")
                } else {
                    false
                }
            }
        }
    }

    /// Gives up the value that starts here and goes on at the next that looks like an entry.
    fn give_up(&mut self, cut: &mut Cut<'_>, what: &'static str) -> bool {
        let start = cut.at;
        let rest = cut.rest();
        // An entry that is broken may hold what looks like a resource.
        let resources = !self.entries_seen || !matches!(rest.first(), Some(b'{' | b'['));
        let next = next_value(rest, resources);
        // Nothing sound follows yet: it may be in the bytes to come.
        if next.is_none() && !cut.at_end && rest.len() <= LONGEST_ENTRY {
            return false;
        }
        let end = next.map_or(cut.buffer.len(), |length| start + length);
        cut.push(start, end, Form::Json, Some(what));
        cut.at = end;
        true
    }

    /// Bytes between values that belong to none: given up as one piece, up to the next value that
    /// looks like something.
    fn garbage(&mut self, cut: &mut Cut<'_>) -> bool {
        let rest = cut.rest();
        let line = memchr(b'\n', rest).map_or(rest, |end| rest.get(..end).unwrap_or_default());
        // Marks between documents are no garbage.
        if matches!(line.trim_ascii(), b"---" | b"]" | b"...") {
            cut.at += line.len();
            return true;
        }
        self.give_up(cut, "no JSON object or array")
    }

    /// A member of the object around a list of entries; false where more bytes are needed.
    fn wrapper_member(&mut self, cut: &mut Cut<'_>) -> bool {
        let rest = cut.rest();
        let Some(key_end) = string_end(rest) else {
            return self.wrapper_ends(cut);
        };
        let after_key = key_end + blank(rest.get(key_end..).unwrap_or_default());
        if rest.get(after_key) != Some(&b':') {
            return self.wrapper_ends(cut);
        }
        let value_at = after_key + 1 + blank(rest.get(after_key + 1..).unwrap_or_default());
        let value = rest.get(value_at..).unwrap_or_default();
        let key = rest.get(..key_end).unwrap_or_default();
        if (key == ITEMS || LISTS.contains(&key)) && value.first() == Some(&b'[') {
            self.places.push(Place::Array);
            cut.at += value_at + 1;
            return true;
        }
        let length = match value.first() {
            Some(b'{' | b'[') => match extent(value, false) {
                Extent::Whole(length) => length,
                Extent::Broken(_) => return self.wrapper_ends(cut),
                Extent::List(_) | Extent::More => return self.more_or_end(cut),
            },
            Some(b'"') => match string_end(value) {
                Some(length) => length,
                None => return self.more_or_end(cut),
            },
            Some(_) => match value.iter().position(|byte| matches!(byte, b',' | b'}' | b'\n')) {
                Some(length) => length,
                None => return self.more_or_end(cut),
            },
            None => return self.more_or_end(cut),
        };
        if let (Some(around), Some(member)) = (&mut self.around, rest.get(..value_at + length)) {
            around.add(member);
        }
        cut.at += value_at + length;
        true
    }

    fn more_or_end(&mut self, cut: &mut Cut<'_>) -> bool {
        if cut.at_end { self.wrapper_ends(cut) } else { false }
    }

    fn wrapper_ends(&mut self, cut: &mut Cut<'_>) -> bool {
        if !cut.at_end && cut.rest().len() < LONGEST_ENTRY {
            return false;
        }
        self.places.pop();
        self.around = None;
        self.garbage(cut)
    }
}
