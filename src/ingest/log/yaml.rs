//! Where YAML documents end, and the elements of their lists: a list of any length is read element
//! by element.
//!
//! ```text
//! ---                      - name: a                 apiVersion: v1
//! name: a                  - name: b                 items:
//! ---                                                - apiVersion: v1    one piece
//! name: b                                              kind: Pod
//!                                                    kind: List
//! documents                a sequence                kubectl's list
//! ```

use std::collections::HashSet;

use memchr::memchr;

use crate::ingest::log::cut::Cut;
use crate::ingest::log::form::Form;

/// Cuts documents; remembers what it is in the middle of.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// Whether these are the elements of a list under `items:`.
    in_items: bool,
}

/// What the lines so far are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// gcloud writes the lists inside of a mapping without indentation: a dash is no end there.
    Mapping,
    Sequence,
    /// What somebody, or a shell, wrote behind an object: no YAML, up to where the next begins.
    Prose,
}

impl Documents {
    pub(super) fn cut(&mut self, cut: &mut Cut<'_>) {
        let (mut start, mut at) = (cut.at, cut.at);
        let mut keys = Keys::default();
        let mut inside = Inside::Nothing;
        let mut opens_items = false;
        while let Some(rest) = cut.buffer.get(at..).filter(|rest| !rest.is_empty()) {
            let (length, next) = match memchr(b'\n', rest) {
                Some(end) => (end, end + 1),
                None if cut.at_end => (rest.len(), rest.len()),
                None => break,
            };
            let line = rest.get(..length).unwrap_or_default();
            let is_element = line.starts_with(b"- ");
            let is_blank = is_blank_or_comment(line);
            if is_separator(line) {
                self.push(cut, start, at, inside);
                self.in_items = false;
                // Content may follow the mark on its line.
                let tail = line.get(3..).unwrap_or_default().trim_ascii();
                let content = !tail.is_empty() && !tail.starts_with(b"#");
                inside = if content { Inside::Mapping } else { Inside::Nothing };
                start = if content { at + 3 } else { at + next };
                keys = Keys::default();
            } else if inside == Inside::Nothing && !is_blank {
                inside = if is_element { Inside::Sequence } else { Inside::Mapping };
                start = at;
                keys = Keys::default();
                keys.add(line, at);
            } else if inside == Inside::Prose && (is_element || begins_object(line)) {
                self.push(cut, start, at, inside);
                inside = if is_element { Inside::Sequence } else { Inside::Mapping };
                start = at;
                keys = Keys::default();
                keys.add(line, at);
            } else if matches!(inside, Inside::Mapping | Inside::Sequence)
                && (is_prose(line) || !is_element && is_told(line))
                && is_whole_entry(cut.buffer.get(start..at).unwrap_or_default())
            {
                self.push(cut, start, at, inside);
                (self.in_items, inside, start) = (false, Inside::Prose, at);
            } else if is_element && inside == Inside::Sequence {
                self.push(cut, start, at, inside);
                start = at;
            } else if inside == Inside::Mapping
                && let Some(border) = keys.add(line, at)
            {
                self.push(cut, start, border, inside);
                start = border;
            } else if is_element && opens_items && says_its_kind(line) {
                self.push(cut, start, at, inside);
                (self.in_items, inside, start) = (true, Inside::Sequence, at);
            } else if self.in_items && is_key(line) {
                // The list is over; what is left is more of the mapping around it.
                self.push(cut, start, at, inside);
                (self.in_items, inside, start) = (false, Inside::Mapping, at);
            }
            opens_items = opens_items && is_blank || line.trim_ascii_end() == b"items:";
            at += next;
            if inside == Inside::Nothing {
                start = at;
            }
        }
        if cut.at_end {
            self.push(cut, start, cut.buffer.len(), inside);
            cut.at = cut.buffer.len();
        } else {
            cut.at = start.min(cut.buffer.len());
        }
    }

    fn push(&self, cut: &mut Cut<'_>, start: usize, end: usize, inside: Inside) {
        if inside == Inside::Prose {
            return cut.push(start, end, Form::Text, None);
        }
        let text = cut.buffer.get(start..end).unwrap_or_default();
        // What stands around a list is no item.
        let around = inside == Inside::Mapping && text.split(|byte| *byte == b'\n').all(is_frame);
        if inside != Inside::Nothing && !around {
            cut.push(start, end, Form::Yaml, None);
        }
    }
}

/// The keys of the outermost mapping, with where they stand. A mapping has each once: where one
/// comes again, another object begins, as when `gcloud … describe` is called in a loop.
#[derive(Default)]
struct Keys {
    list: Vec<(Vec<u8>, usize)>,
    known: HashSet<Vec<u8>>,
}

impl Keys {
    /// Adds the key on a line, where there is one; returns where the next object begins, if it has
    /// begun. gcloud writes keys in their order: the first that goes back is the next object's.
    fn add(&mut self, line: &[u8], at: usize) -> Option<usize> {
        let end = line.iter().position(|byte| *byte == b':').filter(|_| is_key(line))?;
        let after = line.get(end + 1);
        let key = line.get(..end).filter(|_| after.is_none_or(u8::is_ascii_whitespace))?;
        let mut border = None;
        if self.known.contains(key) {
            let before = self.list.iter().position(|(known, _)| known == key)?;
            let goes_back =
                |pair: &[(Vec<u8>, usize)]| matches!(pair, [(one, _), (next, _)] if next < one);
            let back = self.list.windows(2).rposition(goes_back).map(|place| place + 1);
            let goes_on = self.list.last().is_some_and(|(last, _)| last.as_slice() < key);
            let from = back.filter(|from| *from > before && goes_on).unwrap_or(self.list.len());
            let own = self.list.split_off(from);
            border = Some(own.first().map_or(at, |(_, at)| *at));
            self.known = own.iter().map(|(key, _)| key.clone()).collect();
            self.list = own;
        }
        self.known.insert(key.to_vec());
        self.list.push((key.to_vec(), at));
        border
    }
}

/// Whether a line ends a document: `---` or `...`.
fn is_separator(line: &[u8]) -> bool {
    [b"---".as_slice(), b"..."].iter().any(|mark| {
        line.strip_prefix(*mark)
            .is_some_and(|tail| tail.first().is_none_or(u8::is_ascii_whitespace))
    })
}

/// Whether an element can be read alone: it begins with what it is.
fn says_its_kind(line: &[u8]) -> bool {
    line.starts_with(b"- apiVersion:") || line.starts_with(b"- kind:")
}

/// Whether a line is a key of the outermost mapping.
fn is_key(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Whether a line is a key as gcloud and kubectl write them: a word, and a colon.
fn is_plain_key(line: &[u8]) -> bool {
    let Some(end) = line.iter().position(|byte| *byte == b':') else { return false };
    let key = line.get(..end).unwrap_or_default();
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./$@".contains(byte);
    let after = line.get(end + 1).is_none_or(u8::is_ascii_whitespace);
    is_key(line) && after && key.iter().all(is_of_key)
}

/// Whether a line begins an object: its keys are in lower case, unlike `Error: …`.
fn begins_object(line: &[u8]) -> bool {
    is_plain_key(line) && !is_told(line)
}

/// Whether a line tells something, as `Error: …` and `Note: …` do: no key of an entry does.
fn is_told(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_uppercase)
}

/// Whether this is an entry of a log, whole: gcloud writes its time last. Of anything else the rest
/// may follow behind what somebody put into it.
fn is_whole_entry(text: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    has(b"jsonPayload:") && (has(b"\ntimestamp: ") || has(b"\n  timestamp: "))
}

/// Whether a line that is not indented can be no part of an object: neither a key nor an element,
/// nor what ends a list or a text that began before.
fn is_prose(line: &[u8]) -> bool {
    let begins = line.first().is_some_and(|first| !first.is_ascii_whitespace());
    let goes_on = line.first().is_some_and(|first| b"-#}]\"'?.%&*!{[|".contains(first));
    begins && !goes_on && !is_plain_key(line)
}

/// Whether a line is one of those around kubectl's list, and nothing else.
fn is_frame(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    is_blank_or_comment(line)
        || [b"items:".as_slice(), b"apiVersion: v1", b"kind: List", b"metadata:"].contains(&line)
        || [b"  resourceVersion:".as_slice(), b"  selfLink:"]
            .iter()
            .any(|key| line.starts_with(key))
}

fn is_blank_or_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"#")
}
