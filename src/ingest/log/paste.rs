//! The text form that people paste out of the Logs Explorer: unquoted keys, no commas.
//!
//! ```text
//! connection: {
//!   dest_ip: "172.16.0.34"
//!   dest_port: 443
//! }
//! disposition: "DENIED"
//! ```
//!
//! An entry ends where a top-level key comes a second time, or at a blank line before one.

use std::collections::BTreeSet;

use std::sync::LazyLock;

use memchr::memchr;
use regex::Regex;
use serde_json::{Map, Number, Value};

/// Whether a line opens a block of this form: `connection: {` or `connection {`.
#[must_use]
pub fn opens_block(line: &str) -> bool {
    if INLINE.as_ref().is_some_and(|inline| inline.is_match(line)) {
        return true;
    }
    let Some(key) = line.trim().strip_suffix('{') else {
        return false;
    };
    let key = key.trim_end();
    let key = key.strip_suffix(':').unwrap_or(key);
    !key.is_empty()
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A block that is opened, filled and closed on one line, without commas.
static INLINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let member = r#"[A-Za-z_]\w*\s*:\s*("[^"]*"|[^\s,{}"]+)"#;
    let pattern = format!(r"^\s*[A-Za-z_]\w*\s*:?\s*\{{\s*{member}\s+[A-Za-z_]");
    Regex::new(&pattern).ok()
});

/// Whether a text, after a brace, goes on with a key without quotes.
#[must_use]
pub(super) fn is_unquoted_key(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = text.iter().take_while(is_word).count();
    let after = text.get(length..).unwrap_or_default().trim_ascii_start();
    length > 0 && matches!(after.first(), Some(b':' | b'{'))
}

/// Cuts a buffer into entries; returns how far it got.
pub(super) fn frame(
    buffer: &[u8],
    at_end: bool,
    push: &mut dyn FnMut(usize, usize),
) -> Option<usize> {
    let (mut start, mut at, mut depth) = (0, 0, 0_i64);
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut has_content = false;
    let mut opening: Option<(usize, Vec<u8>)> = None;
    while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, next) = match memchr(b'\n', rest) {
            Some(end) => (end, end + 1),
            None if at_end => (rest.len(), rest.len()),
            None => break,
        };
        let raw = rest.get(..length).unwrap_or_default();
        let line = raw.trim_ascii();
        // An entry that lacks a brace ends where the key it began with comes again as far left.
        let indent = raw.len() - raw.trim_ascii_start().len();
        if depth > 0
            && opening.as_ref().is_some_and(|(at, key)| *at == indent && key_of(line) == *key)
        {
            depth = 0;
        }
        // An entry in braces of its own, or a blank line behind a whole entry.
        let whole = [&b"disposition"[..], b"jsonPayload"].iter().any(|key| seen.contains(*key));
        let braced = line.starts_with(b"{") && has_content;
        if depth <= 0 && (braced || line.is_empty() && whole) {
            push(start, at);
            seen.clear();
            start = at;
            has_content = !line.is_empty();
        }
        if depth <= 0 && !line.is_empty() {
            let key = key_of(line).to_vec();
            if !key.is_empty() {
                opening.get_or_insert_with(|| (indent, key.clone()));
            }
            if !key.is_empty() && !seen.insert(key.clone()) {
                push(start, at);
                seen.clear();
                seen.insert(key);
                start = at;
            }
            has_content = true;
        }
        depth = (depth + brackets(line)).max(0);
        at += next;
    }
    if at_end {
        if has_content {
            push(start, buffer.len());
        }
        return Some(buffer.len());
    }
    Some(start)
}

/// The word at the start of a line.
fn key_of(line: &[u8]) -> &[u8] {
    let length = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    line.get(..length).unwrap_or_default()
}

/// Opening minus closing brackets outside of strings.
fn brackets(line: &[u8]) -> i64 {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth
}

/// The entries of a piece, one, or each in braces of its own, and what stands behind the last of
/// these; an error says what was expected and at which byte.
pub fn parse(text: &str) -> Result<(Vec<Value>, &str), (usize, &'static str)> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let mut entries = Vec::new();
    if reader.peek() != Some(b'{') {
        let mut entry = Map::new();
        reader.members(&mut entry, true)?;
        entries.push(Value::Object(entry));
        return Ok((entries, ""));
    }
    while reader.peek() == Some(b'{') {
        let rest = text.get(reader.at + 1..).unwrap_or_default();
        if !entries.is_empty() && !is_unquoted_key(rest.as_bytes()) {
            break;
        }
        reader.at += 1;
        let mut entry = Map::new();
        reader.members(&mut entry, false)?;
        entries.push(Value::Object(entry));
    }
    Ok((entries, text.get(reader.at..).unwrap_or_default()))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

type Read<T> = Result<T, (usize, &'static str)>;

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes
            .get(self.at)
            .is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';'))
        {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn members(&mut self, into: &mut Map<String, Value>, top: bool) -> Read<()> {
        loop {
            match self.peek() {
                None if top => return Ok(()),
                None => return Err((self.at, "a block without end")),
                Some(b'}') if !top => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => {
                    let key = self.word()?;
                    if self.peek() == Some(b':') {
                        self.at += 1;
                    }
                    let value = self.value()?;
                    into.insert(key, value);
                }
            }
        }
    }

    fn word(&mut self) -> Read<String> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let rest = self.text.get(self.at..).unwrap_or("");
        let length =
            rest.find(|c: char| c.is_whitespace() || ":{}[],\"".contains(c)).unwrap_or(rest.len());
        if length == 0 {
            return Err((self.at, "expected a key or a value"));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or("").to_owned())
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None => return Err((start, "a string without end")),
            }
        }
        self.at = at + 1;
        let raw = self.text.get(start..self.at).ok_or((start, "a string without end"))?;
        serde_json::from_str(raw).map_err(|_| (start, "a string with a bad escape"))
    }

    fn value(&mut self) -> Read<Value> {
        self.depth += 1;
        if self.depth > 64 {
            return Err((self.at, "nested too deeply"));
        }
        let value = match self.peek() {
            Some(b'{') => {
                self.at += 1;
                let mut members = Map::new();
                self.members(&mut members, false)?;
                Value::Object(members)
            }
            Some(b'[') => {
                self.at += 1;
                let mut list = Vec::new();
                loop {
                    match self.peek() {
                        Some(b']') => break,
                        // The Explorer numbers the elements: `0: "…"`.
                        Some(b'0'..=b'9') => list.push(self.numbered()?),
                        Some(_) => list.push(self.value()?),
                        None => return Err((self.at, "a list without end")),
                    }
                }
                self.at += 1;
                Value::Array(list)
            }
            Some(b'"') => Value::String(self.string()?),
            Some(_) => scalar(&self.word()?),
            None => return Err((self.at, "expected a value")),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn numbered(&mut self) -> Read<Value> {
        let word = self.word()?;
        if self.text.as_bytes().get(self.at) == Some(&b':') {
            self.at += 1;
            return self.value();
        }
        Ok(scalar(&word))
    }
}

fn scalar(word: &str) -> Value {
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => match word.parse::<i64>() {
            Ok(number) => Value::Number(Number::from(number)),
            Err(_) => Value::String(word.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{frame, parse};
    use serde_json::json;

    #[test]
    fn reads_blocks_lists_and_words() {
        let text = "connection: {\n dest_ip: \"172.16.0.34\"   \n dest_port: 443\n}\ntags: [\n 0: \"a\"\n 1: \"b\"\n]\ndisposition: DENIED";
        let expected = json!({
            "connection": {"dest_ip": "172.16.0.34", "dest_port": 443},
            "tags": ["a", "b"],
            "disposition": "DENIED"
        });
        assert_eq!(parse(text).unwrap(), (vec![expected], ""));
        assert!(parse("connection: {").is_err());
    }

    #[test]
    fn a_key_that_comes_again_starts_an_entry() {
        let text = b"connection: {\n a: 1\n}\ndisposition: \"DENIED\"\n\nconnection: {\n a: 2\n}\n";
        let mut pieces = Vec::new();
        frame(text, true, &mut |start, end| pieces.push((start, end)));
        assert_eq!(pieces.len(), 2);
    }
}
