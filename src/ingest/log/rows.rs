//! Where the rows of a table end: a quoted value may hold line breaks, and one that is never closed
//! must not take the rest of the table with it.
//!
//! ```text
//! a1,"two
//! lines",DENIED          one row
//! a2,"open,DENIED        one that is given up, and the rows behind it are read line by line
//! ```

use crate::ingest::log::csv::{Columns, row};
use crate::ingest::log::cut::Cut;
use crate::ingest::log::form::Form;

/// A row is not longer: an entry has 256 KB at most (<https://cloud.google.com/logging/quotas>), and
/// quotes in it are doubled.
const LONGEST_ROW: usize = 1 << 20;

/// Cuts rows; remembers what it is in the middle of.
#[derive(Debug, Default)]
pub(super) struct Rows {
    delimiter: Option<u8>,
    /// Bytes ahead in which a quoted value has no end: there a row is a line.
    without_end: usize,
}

impl Rows {
    /// Cuts rows; a quoted value may hold line breaks.
    pub(super) fn cut(&mut self, cut: &mut Cut<'_>) {
        while cut.at < cut.buffer.len() {
            let rest = cut.rest();
            let line = match memchr::memchr(b'\n', rest) {
                Some(end) => end + 1,
                None if cut.at_end || rest.len() > LONGEST_ROW => rest.len(),
                None => return,
            };
            let first = rest.get(..line).unwrap_or_default();
            let columns = || Columns::of_anything(std::str::from_utf8(first).ok()?.trim());
            let by = match self.delimiter {
                Some(known) => known,
                None => columns().map_or(b',', |own| own.delimiter),
            };
            let (length, broken) = if self.without_end > 0 || first.trim_ascii().is_empty() {
                (line, None)
            } else {
                let head = rest.get(..rest.len().min(LONGEST_ROW)).unwrap_or_default();
                match row(head, by, cut.at_end && head.len() == rest.len()) {
                    Some((length, _)) => (length, None),
                    None if !cut.at_end && rest.len() < LONGEST_ROW => return,
                    None => {
                        self.without_end = head.len();
                        (line, Some("a row without an end"))
                    }
                }
            };
            let start = cut.at;
            let end = start + rest.get(..length).unwrap_or_default().trim_ascii_end().len();
            if end > start {
                self.delimiter = Some(by);
                cut.push(start, end, Form::Csv, broken);
            }
            self.without_end = self.without_end.saturating_sub(length);
            cut.at = start + length;
        }
    }
}
