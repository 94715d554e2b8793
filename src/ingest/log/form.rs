//! What an input is, from its first bytes: the table at the head of [`framing`](super::framing).

use memchr::memchr;

use crate::ingest::log::csv;
use crate::ingest::log::extent::{
    Extent, LONGEST_ENTRY, extent, is_of_log, looks_like_entry, looks_like_object,
};
use crate::ingest::log::paste;

/// The form of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Newline-delimited JSON.
    Lines,
    /// JSON arrays and objects of any spacing.
    Json,
    /// YAML documents.
    Yaml,
    /// The Logs Explorer's text form.
    Paste,
    /// A table, an entry a row.
    Csv,
    /// Something else.
    Text,
}

/// The form, from the first bytes; `None` where they do not suffice yet.
pub(super) fn detect(bytes: &[u8], at_end: bool) -> Option<Form> {
    // A log that was cut while it was written to begins with a hole.
    let lead = bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
    let text = bytes.get(lead..).unwrap_or_default();
    match text.first() {
        None => return at_end.then_some(Form::Text),
        Some(b'[') if begins_list(text) => return Some(Form::Json),
        Some(b'{') if paste::is_unquoted_key(text.get(1..).unwrap_or_default()) => {
            return Some(Form::Paste);
        }
        Some(b'{') => {
            let line = match memchr(b'\n', text) {
                Some(end) => text.get(..end).unwrap_or_default(),
                None if at_end => text,
                // One long line, so far: the end of the line decides.
                None if text.len() < LONGEST_ENTRY => return None,
                None => return Some(Form::Json),
            };
            // A broken first line does not make the rest something else: what follows decides.
            let next = text.get(line.len()..).unwrap_or_default().trim_ascii_start();
            return Some(match extent(line, true) {
                Extent::Whole(length) if length == line.trim_ascii_end().len() => Form::Lines,
                Extent::List(_) => Form::Json,
                // Nothing is cut off behind a comma or an opening bracket: the value goes on.
                Extent::More if goes_on(line) => Form::Json,
                _ if line.trim_ascii().len() > 1 && next.starts_with(b"{\"") => Form::Lines,
                _ => Form::Json,
            });
        }
        Some(_) => {}
    }
    if !at_end && text.len() < 4096 {
        return None;
    }
    let head = text.get(..text.len().min(64 << 10)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    if csv::begins(&head) {
        return Some(Form::Csv);
    }
    if head.lines().take(200).any(paste::opens_block) {
        return Some(Form::Paste);
    }
    // A banner, or the rest of a line that was cut: what follows is still a log.
    let is_entry = |line: &str| {
        let bytes = line.as_bytes();
        holds_object(line) && looks_like_entry(bytes) && !looks_like_object(bytes)
    };
    if head.lines().any(is_entry) {
        return Some(Form::Lines);
    }
    if head.lines().any(|line| line.trim() == "{") && looks_like_entry(head.as_bytes()) {
        return Some(Form::Json);
    }
    Some(if head.lines().find_map(yaml_line).unwrap_or(false) { Form::Yaml } else { Form::Text })
}

/// Lines that a shell, a command or a person puts before a table are not more.
const MOST_TITLES: usize = 8;

/// Where an entry begins, what it is shows in fewer bytes.
const LONGEST_HEAD: usize = 4 << 10;

/// How many bytes stand before the entries of a log, where what begins is no form of it: a prompt,
/// a notice of gcloud's, a title, errors that were pasted first; and the form of what follows.
pub(super) fn preface(bytes: &[u8], form: Form) -> Option<(usize, Form)> {
    let whole = std::str::from_utf8(bytes);
    let head = whole
        .or_else(|error| std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()))
        .ok()?;
    let mut at = 0;
    for (number, line) in head.split_inclusive('\n').enumerate() {
        // What is indented, or an element, belongs to a document that began before.
        if form == Form::Yaml && line.starts_with([' ', '-', '\t']) {
            return None;
        }
        at += line.len();
        let rest = head.get(at..)?;
        // Further down only what names its columns as entries do is looked at.
        let next = rest.lines().next().unwrap_or_default();
        let may_be_table = number < MOST_TITLES || next.contains("src_ip");
        if may_be_table && csv::begins(rest) && !rest.starts_with('\n') {
            return Some((at, Form::Csv));
        }
        let first = rest.as_bytes();
        let first = first.get(..first.len().min(LONGEST_HEAD)).unwrap_or_default();
        let is_list = rest.starts_with('[') && begins_list(first);
        if is_list && looks_like_entry(first) {
            return Some((at, Form::Json));
        }
        if rest.starts_with('{') {
            let line = next.as_bytes();
            if is_of_log(line) && matches!(extent(line, true), Extent::Whole(_)) {
                return Some((at, Form::Lines));
            }
            if goes_on(line) && is_of_log(first) {
                return Some((at, Form::Json));
            }
        }
        if begins_yaml_entry(rest) {
            return Some((at, Form::Yaml));
        }
    }
    None
}

/// Whether a document of YAML that is a log entry begins here.
fn begins_yaml_entry(text: &str) -> bool {
    const KEYS: [&str; 3] = ["insertId: ", "jsonPayload:", "logName: "];
    let text = text.strip_prefix("---\n").unwrap_or(text);
    let first = text.strip_prefix("- ").unwrap_or(text);
    KEYS.iter().any(|key| first.starts_with(key))
}

/// Whether a bracket opens a list of something that is known; `[09:00:01] {…}` and `[INFO]` are
/// no lists, and what stands in a list of numbers is nobody's.
pub(super) fn begins_list(text: &[u8]) -> bool {
    let inside = text.get(1..).unwrap_or_default().trim_ascii_start();
    matches!(inside.first(), None | Some(b'{' | b'[' | b'"' | b']'))
}

/// Whether an object, or a list of something that is known, begins here.
#[must_use]
pub fn begins_value(text: &[u8]) -> bool {
    match text.first() {
        Some(b'{') => {
            let inside = text.get(1..).unwrap_or_default().trim_ascii_start();
            matches!(inside.first(), None | Some(b'"' | b'}'))
        }
        Some(b'[') => begins_list(text),
        _ => false,
    }
}

/// Whether a line is one JSON object, behind what a shipper, a container's log or grep puts before
/// it; not one that YAML holds as a value.
fn holds_object(line: &str) -> bool {
    let Some(start) = line.find("{\"") else { return false };
    let (before, object) = line.split_at(start);
    // A number is a line's, as grep puts it.
    let may_be = |key: &str| !key.contains([' ', '.']) && key.parse::<u64>().is_err();
    let is_key = before.trim_end().strip_suffix(':').is_some_and(may_be);
    let of_yaml = before.starts_with([' ', '-', '\t']) || is_key;
    let whole = |length| length == object.trim_end().len();
    start == 0
        || !of_yaml && matches!(extent(object.as_bytes(), false), Extent::Whole(n) if whole(n))
}

/// Whether a line ends where values are broken into lines.
fn goes_on(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b',' | b':'))
}

/// Whether a line of the head is YAML; `None` where the line does not tell.
fn yaml_line(line: &str) -> Option<bool> {
    let line = line.trim_end();
    if line.is_empty() || line.trim_start().starts_with('#') || line.starts_with('%') {
        return None;
    }
    if line == "---" || line.starts_with("--- ") || line.starts_with("- ") || line == "-" {
        return Some(true);
    }
    let (key, rest) = line.split_once(':')?;
    let is_key = !key.is_empty()
        && !key.starts_with(' ')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-./\"'$@".contains(c));
    Some(is_key && (rest.is_empty() || rest.starts_with(' ')))
}
