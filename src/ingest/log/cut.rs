//! The cursor with which a buffer is cut, what it cuts, and where the pieces go.

use memchr::memchr_iter;

use crate::ingest::log::extent::{ITEMS, LISTS};
use crate::ingest::log::form::Form;

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

    /// Takes what stood around a list whose elements came one by one: an object with all but them.
    fn around(&mut self, _around: Around) {}
}

/// An object around a list, the list emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// Its text.
    pub text: String,
    /// The line it starts on, counted from 1.
    pub line: u64,
    /// The byte of the input it starts at.
    pub byte: u64,
}

/// More than this is not what an API writes around a list.
const LONGEST_AROUND: usize = 16 << 10;

impl Around {
    /// From the bytes up to the bracket of the list, where that is one of an API's.
    pub(super) fn of(head: &[u8], line: u64, byte: u64) -> Option<Self> {
        let key = head.strip_suffix(b"[")?.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        if !key.ends_with(ITEMS) && !LISTS.iter().any(|list| key.ends_with(list)) {
            return None;
        }
        let head = std::str::from_utf8(head).ok().filter(|head| head.len() <= LONGEST_AROUND)?;
        Some(Self { text: format!("{head}]"), line, byte })
    }

    /// Adds a member that stands behind the list.
    pub(super) fn add(&mut self, member: &[u8]) {
        if let Ok(member) = std::str::from_utf8(member)
            && self.text.len() + member.len() <= LONGEST_AROUND
        {
            self.text.push(',');
            self.text.push_str(member.trim_end());
        }
    }

    /// Closes the object.
    pub(super) fn close(&mut self) {
        self.text.push('}');
    }
}

impl Sink for Vec<Piece> {
    fn piece(&mut self, piece: Piece) {
        self.push(piece);
    }
}

/// The cursor over one buffer.
pub(super) struct Cut<'b> {
    pub(super) buffer: &'b [u8],
    /// Whether nothing follows it.
    pub(super) at_end: bool,
    /// How far it got.
    pub(super) at: usize,
    /// The byte up to which lines are counted, and the line there.
    counted: (usize, u64),
    base: u64,
    sink: &'b mut dyn Sink,
}

impl<'b> Cut<'b> {
    /// The cursor at the start of a buffer, which starts at this byte and line of its input.
    pub(super) fn of(
        buffer: &'b [u8],
        at_end: bool,
        (base, line): (u64, u64),
        sink: &'b mut dyn Sink,
    ) -> Self {
        Self { buffer, at_end, at: 0, counted: (0, line), base, sink }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Whether the sink took the entry that starts here.
    pub(super) fn entry(&mut self, form: Form) -> bool {
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
    pub(super) fn next_byte(&mut self) -> Option<u8> {
        let skip = self
            .rest()
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','));
        self.at = skip.map_or(self.buffer.len(), |skip| self.at + skip);
        self.buffer.get(self.at).copied()
    }

    /// The line of a byte, which is none before those that were asked about.
    pub(super) fn line_at(&mut self, at: usize) -> u64 {
        let (from, line) = self.counted;
        let between = self.buffer.get(from..at).unwrap_or_default();
        let line = line + memchr_iter(b'\n', between).count() as u64;
        self.counted = (at, line);
        line
    }

    /// What stands around the list whose bracket ends the next `length` bytes.
    pub(super) fn around(&mut self, length: usize) -> Option<Around> {
        let line = self.line_at(self.at);
        let head = self.buffer.get(self.at..self.at + length)?;
        Around::of(head, line, self.base + self.at as u64)
    }

    /// Hands what stood around a list to the sink.
    pub(super) fn push_around(&mut self, around: Around) {
        self.sink.around(around);
    }

    /// Hands a piece to the sink.
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
