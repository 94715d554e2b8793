//! Bytes to pieces: where one entry (or one resource) ends and the next begins, found from the
//! content, in bounded memory.
//!
//! | the bytes start with | form | a piece is |
//! |---|---|---|
//! | `{` with its end on the same line | lines | a line |
//! | `{` or `[` otherwise | JSON | an element, or an object; what `entries` and its like hold |
//! | a key and a brace, unquoted (`connection: {`) | paste | an entry of the Explorer's form |
//! | a YAML key, a dash, `---` | YAML | a document, or an element of a top-level sequence |
//! | anything else | text | all of it |
//!
//! A piece that is broken is given up alone: reading goes on at the next thing that looks like an
//! entry.

use memchr::{memchr, memchr_iter, memchr3, memmem};

use crate::ingest::log::form::{Form, detect};
use crate::ingest::log::paste;
use crate::ingest::log::yaml::Documents;

/// One piece of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the buffer.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The line it starts on, counted from 1.
    pub line: u64,
    /// The byte of the input it starts at.
    pub byte: u64,
    /// Its form.
    pub form: Form,
    /// Set where the bytes are no whole value: what is wrong with them.
    pub broken: Option<&'static str>,
}

/// Where pieces go.
pub trait Sink {
    /// Takes the entry that starts here, where it is one that needs no look at where it ends;
    /// returns its bytes and the line breaks among them.
    fn entry(&mut self, _rest: &[u8], _form: Form) -> Option<(usize, u64)> {
        None
    }

    /// Takes a piece of the buffer.
    fn piece(&mut self, piece: Piece);
}

impl Sink for Vec<Piece> {
    fn piece(&mut self, piece: Piece) {
        self.push(piece);
    }
}

/// The longest entry that is waited for. Cloud Logging takes 256 KiB
/// (<https://cloud.google.com/logging/quotas>); pretty-printing and copies inside of it make more.
pub(super) const LONGEST_ENTRY: usize = 4 << 20;
/// The longest entry that is looked for behind a broken one.
const LONGEST_CANDIDATE: usize = 1 << 20;
/// The longest resource that is waited for: one list of everything in a large cluster.
pub const LONGEST_RESOURCE: usize = 1 << 30;

const LISTS: [&[u8]; 3] = [b"\"entries\"", b"\"events\"", b"\"receivedMessages\""];
/// Under this key resources stand, and sometimes something else.
const ITEMS: &[u8] = b"\"items\"";

const ENTRY_KEYS: [&[u8]; 4] =
    [b"\"insertId\"", b"\"jsonPayload\"", b"\"logName\"", b"\"message\""];

/// What resources say their kind with.
const KIND_KEYS: [&[u8]; 2] = [b"\"kind\"", b"\"apiVersion\""];

const RESOURCE_KEYS: [&[u8]; 3] = [b"\"kind\"", b"\"selfLink\"", b"\"apiVersion\""];

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
    line: u64,
    byte: u64,
    entries_seen: bool,
    yaml: Documents,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            form: None,
            places: Vec::new(),
            line: 1,
            byte: 0,
            entries_seen: false,
            yaml: Documents::default(),
        }
    }
}

/// The cursor over one buffer.
pub(super) struct Cut<'b> {
    pub(super) buffer: &'b [u8],
    pub(super) at_end: bool,
    pub(super) at: usize,
    /// The byte up to which lines are counted, and the line there.
    counted: (usize, u64),
    base: u64,
    sink: &'b mut dyn Sink,
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

    /// How far it got: the byte, and the line there.
    #[must_use]
    pub fn position(&self) -> (u64, u64) {
        (self.byte, self.line)
    }

    /// Cuts `buffer`; `at_end` says that nothing follows it. Returns how many bytes are done with;
    /// the rest must come again with more behind it.
    pub fn cut(&mut self, buffer: &[u8], at_end: bool, sink: &mut dyn Sink) -> usize {
        let mut cut = Cut { buffer, at_end, at: 0, counted: (0, self.line), base: self.byte, sink };
        if self.form.is_none() {
            if buffer.starts_with(b"\xef\xbb\xbf") {
                cut.at = 3;
            }
            self.form = detect(buffer.get(cut.at..).unwrap_or_default(), at_end);
        }
        match self.form {
            Some(Form::Lines) => self.lines(&mut cut),
            Some(Form::Json) => self.json(&mut cut),
            Some(Form::Yaml) => self.yaml.cut(&mut cut),
            Some(Form::Paste) => paste::frame(buffer, at_end, &mut |start, end| {
                cut.push(start, end, Form::Paste, None);
            })
            .into_iter()
            .for_each(|end| cut.at = end),
            Some(Form::Text) if at_end => {
                cut.push(0, buffer.len(), Form::Text, None);
                cut.at = buffer.len();
            }
            Some(Form::Text) | None => {}
        }
        let done = cut.at;
        self.line = cut.line_at(done);
        self.byte += done as u64;
        done
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
            if matches!(line, b"{" | b"[") || line.starts_with(b"[") {
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
        let next = next_value(rest, !self.entries_seen);
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
        self.garbage(cut)
    }
}

impl Cut<'_> {
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Whether the sink took the entry that starts here.
    fn entry(&mut self, form: Form) -> bool {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some((length, lines)) = self.sink.entry(rest, form) else {
            return false;
        };
        let line = self.line_at(self.at) + lines;
        self.at += length;
        self.counted = (self.at, line);
        true
    }

    /// The next byte between values, past white space and commas.
    fn next_byte(&mut self) -> Option<u8> {
        let skip = self
            .rest()
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','));
        self.at = skip.map_or(self.buffer.len(), |skip| self.at + skip);
        self.buffer.get(self.at).copied()
    }

    fn line_at(&mut self, at: usize) -> u64 {
        let (from, line) = self.counted;
        let between = self.buffer.get(from..at).unwrap_or_default();
        let line = line + memchr_iter(b'\n', between).count() as u64;
        self.counted = (at, line);
        line
    }

    pub(super) fn push(
        &mut self,
        start: usize,
        end: usize,
        form: Form,
        broken: Option<&'static str>,
    ) {
        let line = self.line_at(start);
        let byte = self.base + start as u64;
        self.sink.piece(Piece { start, end, line, byte, form, broken });
    }
}

pub(super) enum Extent {
    Whole(usize),
    /// An object around a list of entries; the byte after the list's bracket.
    List(usize),
    Broken(&'static str),
    More,
}

/// Where the next whole entry starts after the broken one at the start of `rest`. Text made to be
/// slow runs out of the budget: then all of it is given up.
pub fn next_entry(rest: &[u8]) -> Option<usize> {
    next_value(rest, false)
}

/// The same, or where the next whole resource starts.
fn next_value(rest: &[u8], resources: bool) -> Option<usize> {
    let mut budget: usize = 64 * LONGEST_CANDIDATE;
    let mut from = 1;
    while let Some(step) = rest.get(from..).and_then(|tail| memchr(b'{', tail)) {
        let at = from + step;
        let tail = rest.get(at..).unwrap_or_default();
        let candidate = tail.get(..tail.len().min(LONGEST_CANDIDATE)).unwrap_or_default();
        let (found, looked_at) = measured_extent(candidate, false);
        if let Extent::Whole(length) = found
            && candidate.get(..length).is_some_and(|whole| {
                looks_like_entry(whole) || resources && looks_like_resource(whole)
            })
        {
            return Some(at);
        }
        budget = budget.checked_sub(looked_at + 1)?;
        from = at + 1;
        if from > LONGEST_ENTRY {
            return None;
        }
    }
    None
}

pub(super) fn looks_like_entry(piece: &[u8]) -> bool {
    ENTRY_KEYS.iter().any(|key| memmem::find(piece, key).is_some())
}

fn looks_like_resource(piece: &[u8]) -> bool {
    RESOURCE_KEYS.iter().any(|key| memmem::find(piece, key).is_some())
}

pub(super) fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The byte after the closing quote of the string that starts here.
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => return None,
        }
    }
}

/// Whether the elements of a list say of themselves what they are, so that they can be read one by
/// one: the first is an object with a kind of its own. `None` where more bytes are needed.
fn tell_their_kind(elements: &[u8]) -> Option<bool> {
    let lead = blank(elements);
    match elements.get(lead)? {
        b'{' => {}
        _ => return Some(false),
    }
    let (mut at, mut depth) = (lead + 1, 1_u32);
    loop {
        let rest = elements.get(at..).filter(|rest| !rest.is_empty())?;
        match rest.first()? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(false),
            b'}' | b']' => depth -= 1,
            b'"' => {
                let length = string_end(rest)?;
                let key = rest.get(..length).unwrap_or_default();
                if depth == 1 && KIND_KEYS.contains(&key) {
                    return Some(true);
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the object or array at the start of `bytes` ends. With `lists`, an object around one of
/// the known lists of entries is told as such.
pub(super) fn extent(bytes: &[u8], lists: bool) -> Extent {
    measured_extent(bytes, lists).0
}

/// The same, with how many bytes were looked at.
fn measured_extent(bytes: &[u8], lists: bool) -> (Extent, usize) {
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                if open.pop() != Some(*byte) {
                    return (Extent::Broken("a bracket that closes nothing"), at);
                }
                if open.is_empty() {
                    return (Extent::Whole(at + 1), at);
                }
            }
            b'"' => {
                let tail = bytes.get(at..).unwrap_or_default();
                let Some(length) = string_end(tail) else {
                    let what = "a line break inside a string";
                    return match memchr(b'\n', tail) {
                        Some(length) => (Extent::Broken(what), at + length),
                        None => (Extent::More, bytes.len()),
                    };
                };
                let key = tail.get(..length).unwrap_or_default();
                if lists && open.len() == 1 && (key == ITEMS || LISTS.contains(&key)) {
                    let colon = length + blank(tail.get(length..).unwrap_or_default());
                    let value = colon + 1 + blank(tail.get(colon + 1..).unwrap_or_default());
                    let is_list = tail.get(colon) == Some(&b':') && tail.get(value) == Some(&b'[');
                    let elements = tail.get(value + 1..).unwrap_or_default();
                    match (is_list, key == ITEMS && is_list) {
                        (true, false) => return (Extent::List(at + value + 1), at),
                        (true, true) => match tell_their_kind(elements) {
                            Some(true) => return (Extent::List(at + value + 1), at),
                            Some(false) => {}
                            None => return (Extent::More, bytes.len()),
                        },
                        _ => {}
                    }
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    (Extent::More, at)
}
