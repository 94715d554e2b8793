//! A pull walker over JSON text: it visits members in whatever order and spacing they come, lends
//! strings without copying them, and skips what nobody asked for while still checking its shape.
//!
//! ```text
//! {"disposition":"DENIED","x":[1,{}]}   object(|key, walker| …) visits "disposition" and "x"
//! ```
//!
//! Strings that hold an escape are handed to serde_json: one truth for escapes.

use std::borrow::Cow;

use memchr::memchr3;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is wrong, and where in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The byte in the walked text.
    pub at: usize,
    /// What was expected or found.
    pub what: &'static str,
}

/// A string or a number, where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar {
    /// The first byte of its content.
    pub start: usize,
    /// One past the last byte of its content.
    pub end: usize,
    /// Stands for the keys that lead to it.
    pub path: u64,
    /// Whether it is a string.
    pub quoted: bool,
}

/// How deep values may nest: far beyond any entry, far below what exhausts a stack.
const DEEPEST: u32 = 128;

/// The walker.
#[derive(Debug, Clone)]
pub struct Walker<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

type Step<T> = Result<T, Broken>;

impl<'a> Walker<'a> {
    /// A walker at the start of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The byte that comes next.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    fn broken<T>(&self, what: &'static str) -> Step<T> {
        Err(Broken { at: self.at, what })
    }

    /// The next byte that is not white space, which is not consumed.
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Step<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.broken(what)
        }
    }

    fn deeper(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > DEEPEST { self.broken("nested too deeply") } else { Ok(()) }
    }

    /// Visits the members of an object; the visitor must consume each value.
    pub fn object(&mut self, mut visit: impl FnMut(&str, &mut Self) -> Step<()>) -> Step<()> {
        self.expect(b'{', "expected an object")?;
        self.deeper()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':', "expected a colon")?;
            visit(&key, self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.broken("expected a comma or the end of the object"),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Visits the elements of an array; the visitor must consume each.
    pub fn array(&mut self, mut visit: impl FnMut(&mut Self) -> Step<()>) -> Step<()> {
        self.expect(b'[', "expected an array")?;
        self.deeper()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            visit(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.broken("expected a comma or the end of the array"),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// The next string.
    pub fn string(&mut self) -> Step<Cow<'a, str>> {
        let (raw, escaped) = self.raw_string()?;
        if !escaped {
            return Ok(Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or("")));
        }
        match serde_json::from_str::<String>(raw) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(_) => self.broken("a string with a bad escape"),
        }
    }

    /// The next string with its quotes, and whether it holds an escape.
    fn raw_string(&mut self) -> Step<(&'a str, bool)> {
        if self.peek() != Some(b'"') {
            return self.broken("expected a string");
        }
        let (text, start) = (self.text, self.at);
        let mut escaped = false;
        let mut at = start + 1;
        loop {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            let Some(step) = memchr3(b'"', b'\\', b'\n', rest) else {
                return self.broken("a string without end");
            };
            at += step;
            match text.as_bytes().get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                _ => return self.broken("a line break inside a string"),
            }
        }
        self.at = at + 1;
        match text.get(start..self.at) {
            Some(raw) => Ok((raw, escaped)),
            None => self.broken("a string without end"),
        }
    }

    /// The next string; `None` where another value stands, which is skipped.
    pub fn maybe_string(&mut self) -> Step<Option<Cow<'a, str>>> {
        if self.peek() == Some(b'"') {
            return self.string().map(Some);
        }
        self.skip().map(|()| None)
    }

    /// The next string or number as text: exports write numbers either way. `None` where another
    /// value stands, which is skipped.
    pub fn scalar(&mut self) -> Step<Option<Cow<'a, str>>> {
        match self.peek() {
            Some(b'"') => self.string().map(Some),
            Some(b'-' | b'0'..=b'9') => self.number().map(|text| Some(Cow::Borrowed(text))),
            _ => self.skip().map(|()| None),
        }
    }

    fn number(&mut self) -> Step<&'a str> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let number = rest.get(..length).unwrap_or("");
        let digits = number.strip_prefix('-').unwrap_or(number).as_bytes();
        if !digits.first().is_some_and(u8::is_ascii_digit) {
            return self.broken("expected a number");
        }
        self.at += length;
        Ok(number)
    }

    /// Skips one value of whatever kind.
    pub fn skip(&mut self) -> Step<()> {
        match self.peek() {
            Some(b'{') => self.object(|_, walker| walker.skip()),
            Some(b'[') => self.array(Walker::skip),
            Some(b'"') => self.raw_string().map(|_| ()),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => self.number().map(|_| ()),
            None => self.broken("the text ends too early"),
        }
    }

    fn word(&mut self, word: &'static str) -> Step<()> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        self.broken("expected a value")
    }

    /// Visits every string and number of one value that holds no escape, in their order, with the
    /// place of its content and the path to it; the other values are skipped. False where a string
    /// holds an escape.
    pub fn scalars(&mut self, path: u64, visit: &mut impl FnMut(Scalar)) -> Step<bool> {
        let mut plain = true;
        match self.peek() {
            Some(b'{') => self.object(|key, walker| {
                plain &= walker.scalars(xxh3_64_with_seed(key.as_bytes(), path), visit)?;
                Ok(())
            })?,
            Some(b'[') => self.array(|walker| {
                plain &= walker.scalars(path.rotate_left(1), visit)?;
                Ok(())
            })?,
            Some(b'"') => {
                let start = self.at + 1;
                plain = !self.raw_string()?.1;
                visit(Scalar { start, end: self.at - 1, path, quoted: true });
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.number()?;
                visit(Scalar { start, end: self.at, path, quoted: false });
            }
            _ => self.skip()?,
        }
        Ok(plain)
    }

    /// Skips one value and lends its text.
    pub fn raw(&mut self) -> Step<&'a str> {
        let text = self.text;
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(text.get(start..self.at).unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::Walker;

    #[test]
    fn lends_what_is_asked_for_and_skips_the_rest() {
        let text = r#" {"a" : [1, -2.5e3, {"b":null}], "c":"x\u0044y", "d":443, "e":"plain"} "#;
        let (mut c, mut d, mut e) = (None, None, None);
        let mut walker = Walker::new(text);
        walker
            .object(|key, walker| {
                match key {
                    "c" => c = walker.maybe_string()?,
                    "d" => d = walker.scalar()?,
                    "e" => e = walker.maybe_string()?,
                    _ => walker.skip()?,
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(c.as_deref(), Some("xDy"));
        assert_eq!(d.as_deref(), Some("443"));
        assert!(matches!(e, Some(std::borrow::Cow::Borrowed("plain"))));
    }

    #[test]
    fn says_where_it_broke() {
        for (text, at) in
            [("{\"a\":}", 5), ("{\"a\" 1}", 5), ("{\"a\":\"b\n\"}", 5), ("{\"a\":1", 6)]
        {
            assert_eq!(Walker::new(text).skip().unwrap_err().at, at, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Walker::new(&deep).skip().unwrap_err().what, "nested too deeply");
    }
}
