//! Entries that look like ones before: most lines of a log differ from another line only in a few
//! values. What they have in common is compared byte by byte, which is some ten times as fast as
//! reading it, and only the values in between are read.
//!
//! ```text
//! {"insertId":"…","jsonPayload":{"connection":{"dest_ip":"…","dest_port":…,"protocol":6,…
//!             ^^^ a hole                               ^^^             ^^^
//! ```
//!
//! A shape is learned from an entry that was read in full: its text, with holes where values were
//! seen to differ. A text that fits is the same JSON but for plain strings and whole numbers in the
//! holes, so reading it in full would give the same members; what the members mean is decided by
//! the same code. Whatever does not fit is read in full: no entry is ever taken or left on a guess.

use std::borrow::Cow;
use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ingest::log::entry::{self, Field, Found, RawEntry};
use crate::ingest::log::walker::{Scalar, Walker};
use crate::model::record::{FirewallRecord, LoggedInstance};
use crate::model::{Disposition, Record};
use crate::net::{Clock, Direction, FiveTuple, Protocol, Timestamp, parse_plain_v4};

/// More shapes than this are no longer told apart by their rules and networks.
const MANY: usize = 64;
/// More are not learned.
const MOST: usize = 128;
/// Entries that are looked at to learn from; what has not been learned then is not to be learned.
const MOST_LESSONS: u32 = 4_000;
/// A longer text is no usual entry.
const LONGEST: usize = 16 << 10;

/// What a text that fits takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Its bytes.
    pub length: usize,
    /// The line breaks among them.
    pub lines: u64,
    leaf: usize,
}

/// Values of one entry, by their places.
type Spans = [(u32, u32); Field::ALL.len() + 1];

/// The place for values that nobody asks for.
const UNASKED: usize = Field::ALL.len();

/// Shapes that were learned.
#[derive(Debug, Default)]
pub struct Shapes {
    examples: Vec<Example>,
    variable: BTreeSet<u64>,
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    lessons: u32,
    next_kin: u32,
    spans: Spans,
    clock: Clock,
}

/// An entry that a shape was learned from.
#[derive(Debug)]
struct Example {
    text: String,
    scalars: Vec<(Scalar, usize)>,
    flags: (bool, bool, bool),
}

/// Bytes that all entries here have, and what comes behind them.
#[derive(Debug)]
struct Node {
    common: Box<[u8]>,
    then: Then,
}

#[derive(Debug)]
enum Then {
    End(usize),
    Text { field: usize, node: usize },
    Number { field: usize, node: usize },
    Branch(Box<[(u8, usize)]>),
}

/// What is known of all entries of one shape.
#[derive(Debug)]
struct Leaf {
    lines: u64,
    /// The values that do not differ, by field; `None` for holes.
    constant: [Option<Box<str>>; Field::ALL.len()],
    flags: (bool, bool, bool),
    ready: Option<Ready>,
}

/// What the values that do not differ mean, where that is all that is not read anew.
#[derive(Debug)]
struct Ready {
    kin: Option<u32>,
    disposition: Disposition,
    direction: Option<Direction>,
    project: Box<str>,
}

/// One element of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte(u8),
    Hole { field: usize, quoted: bool },
}

impl Shapes {
    /// Whether an entry starts here that fits a shape. [`Self::record`] reads the last that did.
    pub fn fit(&mut self, text: &[u8]) -> Option<Fit> {
        let mut node = self.nodes.first()?;
        let mut at = 0;
        loop {
            let rest = text.get(at..)?;
            if !rest.starts_with(&node.common) {
                return None;
            }
            at += node.common.len();
            let (field, end, next) = match &node.then {
                Then::End(leaf) => {
                    let lines = self.leaves.get(*leaf)?.lines;
                    return Some(Fit { length: at, lines, leaf: *leaf });
                }
                Then::Text { field, node } => (field, at + plain_text(text.get(at..)?)?, node),
                Then::Number { field, node } => (field, at + whole_number(text.get(at..)?)?, node),
                Then::Branch(children) => {
                    let byte = text.get(at)?;
                    let (_, child) = children.iter().find(|(first, _)| first == byte)?;
                    node = self.nodes.get(*child)?;
                    continue;
                }
            };
            // Blocks are far below 4 GiB.
            #[expect(clippy::cast_possible_truncation, reason = "entries are short")]
            if let Some(span) = self.spans.get_mut(*field) {
                *span = (at as u32, end as u32);
            }
            at = end;
            node = self.nodes.get(*next)?;
        }
    }

    /// The record of the text that fitted last; `None` where it has to be read in full after all.
    #[must_use]
    pub fn record<'a>(&'a mut self, fit: Fit, text: &'a [u8]) -> Option<Record<'a>> {
        let values = Values { leaf: self.leaves.get(fit.leaf)?, spans: &self.spans, text };
        let clock = &mut self.clock;
        if let Some(ready) = &values.leaf.ready
            && let Some(record) = values.ready(ready, clock)
        {
            return Some(record);
        }
        let mut raw = RawEntry::default();
        (raw.has_connection, raw.has_payload, raw.has_envelope) = values.leaf.flags;
        for field in Field::ALL {
            raw.put(field, Cow::Borrowed(values.text(field)?));
        }
        match raw.finish() {
            Found::Entry(record) => Some(record),
            _ => None,
        }
    }

    /// Learns from an entry that did not fit and was read in full.
    pub fn learn(&mut self, text: &str) {
        if self.lessons >= MOST_LESSONS || text.len() > LONGEST {
            return;
        }
        self.lessons += 1;
        let Some(example) = self.example(text) else { return };
        let news = match self.examples.iter().find(|known| self.alike(known, &example)) {
            Some(known) => {
                let pairs = known.scalars.iter().zip(&example.scalars);
                let differing = pairs
                    .filter(|((a, _), (b, _))| {
                        known.text.get(a.start..a.end) != example.text.get(b.start..b.end)
                    })
                    .map(|((a, _), _)| a.path);
                let before = self.variable.len();
                self.variable.extend(differing.collect::<Vec<_>>());
                self.variable.len() > before
            }
            None if self.examples.len() < MOST => {
                self.examples.push(example);
                true
            }
            None => false,
        };
        if news {
            self.build();
        }
    }

    /// Values that entries of one shape have in common, as long as there are few shapes.
    fn is_pinned(&self, field: usize) -> bool {
        let always = [Field::Disposition, Field::Direction, Field::LogName, Field::LabelProject];
        let if_few = [Field::Reference, Field::Priority, Field::VpcProject, Field::VpcName];
        let is = |one: &Field| *one as usize == field;
        always.iter().any(is) || self.examples.len() < MANY && if_few.iter().any(is)
    }

    fn example(&self, text: &str) -> Option<Example> {
        let mut raw = RawEntry::default();
        raw.read(&mut Walker::new(text)).ok()?;
        let mut scalars: Vec<(Scalar, usize)> = Vec::new();
        let mut walker = Walker::new(text);
        let plain = walker.scalars(0, &mut |one| scalars.push((one, UNASKED))).ok()?;
        // A payload that is a text holds fields of its own.
        let payload_text =
            ["jsonPayload", "json_payload"].map(|key| xxh3_64_with_seed(key.as_bytes(), 0));
        if scalars.iter().any(|(one, _)| payload_text.contains(&one.path)) {
            return None;
        }
        // Whatever the holes hold, it must stay an entry.
        let sure = raw.has_connection && !raw.field(Field::Disposition).is_empty()
            || raw.has_payload && raw.has_envelope;
        if !plain || !sure || walker.position() != text.len() {
            return None;
        }
        for field in Field::ALL {
            let value = match raw.field(field) {
                value if value.is_empty() => continue,
                Cow::Borrowed(value) => value,
                Cow::Owned(_) => return None,
            };
            let start = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            let mut places = scalars.iter_mut();
            let place =
                places.find(|(one, _)| (one.start, one.end) == (start, start + value.len()));
            place?.1 = field as usize;
        }
        let flags = (raw.has_connection, raw.has_payload, raw.has_envelope);
        Some(Example { text: text.to_owned(), scalars, flags })
    }

    /// Whether two entries differ in nothing but values that may differ.
    fn alike(&self, a: &Example, b: &Example) -> bool {
        let same = |(one, other): (&(Scalar, usize), &(Scalar, usize))| {
            (one.1, one.0.path, one.0.quoted) == (other.1, other.0.path, other.0.quoted)
        };
        a.scalars.len() == b.scalars.len()
            && a.scalars.iter().zip(&b.scalars).all(same)
            && self.units(a, &|_| true) == self.units(b, &|_| true)
    }

    fn units(&self, example: &Example, is_hole: &dyn Fn(&Scalar) -> bool) -> Vec<Unit> {
        let bytes = example.text.as_bytes();
        let mut units = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for (scalar, field) in &example.scalars {
            // An empty value is not told from a missing one: there it stays as it is.
            if self.is_pinned(*field) || scalar.start == scalar.end || !is_hole(scalar) {
                continue;
            }
            let before = bytes.get(at..scalar.start).unwrap_or_default();
            units.extend(before.iter().map(|byte| Unit::Byte(*byte)));
            units.push(Unit::Hole { field: *field, quoted: scalar.quoted });
            at = scalar.end;
        }
        units.extend(bytes.get(at..).unwrap_or_default().iter().map(|byte| Unit::Byte(*byte)));
        units
    }

    fn build(&mut self) {
        let variable = |scalar: &Scalar| self.variable.contains(&scalar.path);
        let mut shapes: Vec<(Vec<Unit>, &Example)> = Vec::new();
        for example in &self.examples {
            let units = self.units(example, &variable);
            if !shapes.iter().any(|(known, _)| *known == units) {
                shapes.push((units, example));
            }
        }
        let mut leaves = Vec::new();
        for (number, (units, example)) in shapes.iter().enumerate() {
            let kin = self.next_kin + u32::try_from(number).unwrap_or(0);
            leaves.push(Leaf::of(units, example, kin));
        }
        let list: Vec<(&[Unit], usize)> =
            shapes.iter().enumerate().map(|(leaf, (units, _))| (units.as_slice(), leaf)).collect();
        let mut nodes = Vec::new();
        grow(&list, &mut nodes);
        self.next_kin += u32::try_from(leaves.len()).unwrap_or(0);
        (self.nodes, self.leaves) = (nodes, leaves);
    }
}

/// Adds the node for these shapes and those behind it; returns its place.
fn grow(shapes: &[(&[Unit], usize)], nodes: &mut Vec<Node>) -> usize {
    let place = nodes.len();
    nodes.push(Node { common: Box::default(), then: Then::Branch(Box::default()) });
    let Some((first, leaf)) = shapes.first() else { return place };
    let mut common = Vec::new();
    for (at, unit) in first.iter().enumerate() {
        let Unit::Byte(byte) = unit else { break };
        if shapes.iter().any(|(units, _)| units.get(at) != Some(unit)) {
            break;
        }
        common.push(*byte);
    }
    let rest: Vec<(&[Unit], usize)> = shapes
        .iter()
        .map(|(units, leaf)| (units.get(common.len()..).unwrap_or_default(), *leaf))
        .collect();
    // Where some have a hole and others a byte, the hole is what there will be more of.
    let heads = || rest.iter().map(|(units, _)| units.first());
    let head = heads().find(|head| matches!(head, Some(Unit::Hole { .. }))).or(heads().next());
    let then = match head.flatten() {
        None => Then::End(*leaf),
        Some(Unit::Hole { field, quoted }) => {
            let behind: Vec<(&[Unit], usize)> = rest
                .iter()
                .filter(|(units, _)| Some(units.first()) == head)
                .map(|(units, leaf)| (units.get(1..).unwrap_or_default(), *leaf))
                .collect();
            let (field, node) = (*field, grow(&behind, nodes));
            if *quoted { Then::Text { field, node } } else { Then::Number { field, node } }
        }
        Some(Unit::Byte(_)) => {
            let mut firsts: Vec<u8> = Vec::new();
            for (units, _) in &rest {
                if let Some(Unit::Byte(byte)) = units.first()
                    && !firsts.contains(byte)
                {
                    firsts.push(*byte);
                }
            }
            let children = firsts.into_iter().map(|byte| {
                let own: Vec<_> = rest
                    .iter()
                    .filter(|(units, _)| units.first() == Some(&Unit::Byte(byte)))
                    .copied()
                    .collect();
                (byte, grow(&own, nodes))
            });
            Then::Branch(children.collect())
        }
    };
    if let Some(node) = nodes.get_mut(place) {
        *node = Node { common: common.into(), then };
    }
    place
}

impl Leaf {
    fn of(units: &[Unit], example: &Example, kin: u32) -> Self {
        let is_hole = |field: usize| {
            units.iter().any(|unit| matches!(unit, Unit::Hole { field: of, .. } if *of == field))
        };
        let value = |field: Field| {
            let place = example.scalars.iter().find(|(_, of)| *of == field as usize);
            place.and_then(|(one, _)| example.text.get(one.start..one.end)).unwrap_or("")
        };
        let constant = Field::ALL
            .map(|field| (!is_hole(field as usize)).then(|| Box::<str>::from(value(field))));
        let lines = memchr::memchr_iter(b'\n', example.text.as_bytes()).count() as u64;
        let mut leaf = Self { lines, constant, flags: example.flags, ready: None };
        leaf.ready = leaf.make_ready(kin);
        leaf
    }

    #[inline]
    fn constant(&self, field: Field) -> Option<&str> {
        self.constant.get(field as usize)?.as_deref()
    }

    fn make_ready(&self, kin: u32) -> Option<Ready> {
        let log_name = self.constant(Field::LogName)?;
        let label = self.constant(Field::LabelProject)?;
        let is_firewall = self.flags.0 && (entry::is_firewall_log(log_name) || log_name.is_empty());
        let project = match entry::project_of(log_name) {
            "" => label,
            named => named,
        };
        let of_context = [Field::Reference, Field::Priority, Field::VpcProject, Field::VpcName];
        let has_kin = of_context.iter().all(|field| self.constant(*field).is_some());
        Some(Ready {
            kin: has_kin.then_some(kin),
            disposition: Disposition::parse(self.constant(Field::Disposition)?)
                .filter(|_| is_firewall)?,
            direction: entry::read_direction(self.constant(Field::Direction)?),
            project: project.into(),
        })
    }
}

struct Values<'a> {
    leaf: &'a Leaf,
    spans: &'a Spans,
    text: &'a [u8],
}

impl<'a> Values<'a> {
    #[inline]
    fn bytes(&self, field: Field) -> Option<&'a [u8]> {
        if let Some(constant) = self.leaf.constant(field) {
            return Some(constant.as_bytes());
        }
        let (start, end) = self.spans.get(field as usize)?;
        self.text.get(*start as usize..*end as usize)
    }

    #[inline]
    fn text(&self, field: Field) -> Option<&'a str> {
        if let Some(constant) = self.leaf.constant(field) {
            return Some(constant);
        }
        std::str::from_utf8(self.bytes(field)?).ok()
    }

    /// The record, where its values are in their usual form; the others are left to the reader of
    /// everything.
    #[inline]
    fn ready(&self, ready: &'a Ready, clock: &mut Clock) -> Option<Record<'a>> {
        let text = |field| self.text(field).map(Cow::Borrowed);
        let address = |field| Some(parse_plain_v4(self.bytes(field)?)?.into());
        let port = |field| match self.bytes(field)? {
            [] => Some(0),
            digits => u16::try_from(small_number(digits)?).ok(),
        };
        let tuple = FiveTuple {
            src: address(Field::SrcIp)?,
            src_port: port(Field::SrcPort)?,
            dst: address(Field::DestIp)?,
            dst_port: port(Field::DestPort)?,
            protocol: Protocol(u8::try_from(small_number(self.bytes(Field::Protocol)?)?).ok()?),
        };
        let priority = match self.bytes(Field::Priority)? {
            [] => None,
            digits => Some(small_number(digits)?),
        };
        Some(Record {
            insert_id: text(Field::InsertId)?,
            timestamp: match clock.read(self.bytes(Field::Timestamp)?) {
                None => Timestamp::parse(self.text(Field::Timestamp)?),
                usual => usual,
            },
            project: Cow::Borrowed(&ready.project),
            disposition: Some(ready.disposition),
            firewall: Some(FirewallRecord {
                tuple,
                disposition: ready.disposition,
                direction: ready.direction,
                reference: text(Field::Reference)?,
                priority,
                instance: LoggedInstance {
                    project: text(Field::InstanceProject)?,
                    name: text(Field::InstanceName)?,
                },
                vpc_project: text(Field::VpcProject)?,
                vpc_name: text(Field::VpcName)?,
            }),
            kin: ready.kin,
        })
    }
}

/// Up to nine digits.
#[inline]
fn small_number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

/// How many digits stand here; `None` for none.
#[inline]
fn whole_number(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    (length > 0).then_some(length)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The bytes before the closing quote, where all of them are plain: ASCII, no escape, no control
/// character. Eight at a time: a byte is marked where it is a quote, a backslash, below a blank or
/// above ASCII (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>); above the first
/// mark there may be false ones.
#[inline]
fn plain_text(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let escape = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let marks = (quote | escape | control | word) & HIGHS;
        if marks != 0 {
            at += (marks.trailing_zeros() / 8) as usize;
            return (text.get(at) == Some(&b'"')).then_some(at);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    let plain = |byte: &u8| matches!(byte, b' '..=0x7f) && !matches!(byte, b'"' | b'\\');
    let length = rest.iter().position(|byte| !plain(byte))?;
    (rest.get(length) == Some(&b'"')).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::{Shapes, plain_text, whole_number};
    use crate::ingest::log::{Found, read_piece};

    fn line(id: &str, src: &str, port: &str) -> String {
        format!(
            r#"{{"insertId":"{id}","jsonPayload":{{"connection":{{"src_ip":"{src}","src_port":{port},"dest_ip":"10.0.0.2","dest_port":443,"protocol":6}},"disposition":"DENIED","note":null}},"logName":"projects/p/logs/compute.googleapis.com%2Ffirewall","timestamp":"2026-01-01T00:00:00.5Z"}}"#
        )
    }

    #[track_caller]
    fn check(shapes: &mut Shapes, text: &str, fits: bool) {
        let fit = shapes.fit(text.as_bytes());
        assert_eq!(fit.is_some(), fits, "{text}");
        let Some(fit) = fit else { return };
        assert_eq!(fit.length, text.len());
        let Some(mut record) = shapes.record(fit, text.as_bytes()) else { return };
        record.kin = None;
        let (Found::Entry(full), _) = read_piece(text) else { panic!("{text}") };
        assert_eq!(record, full);
    }

    #[test]
    fn what_fits_reads_as_in_full() {
        let mut shapes = Shapes::default();
        let first = line("a1", "10.0.0.1", "4000");
        check(&mut shapes, &first, false);
        shapes.learn(&first);
        check(&mut shapes, &first, true);
        let second = line("b2", "10.200.0.1", "5");
        check(&mut shapes, &second, false);
        shapes.learn(&second);
        for (id, src, port) in [
            ("", "1.1.1.1", "0"),
            ("a fairly long identifier of an entry", "fd00::1", "65535"),
            ("x", "300.1.1.1", "65536"),
            ("x", "::ffff:10.0.0.1", "99999999999999999999"),
            ("x", "01.2.3.4", "007"),
        ] {
            check(&mut shapes, &line(id, src, port), true);
        }
        for (id, src, port) in [
            (r"a\u0062", "1.1.1.1", "1"),
            (r"a\", "1.1.1.1", "1"),
            ("é", "1.1.1.1", "1"),
            ("a\tb", "1.1.1.1", "1"),
            ("a", "1.1.1.1", "1.0"),
            ("a", "1.1.1.1", "-1"),
            ("a", "1.1.1.1", "\"1\""),
            ("a", "1.1.1.1", ""),
        ] {
            check(&mut shapes, &line(id, src, port), false);
        }
        check(&mut shapes, &second.replace("DENIED", "ALLOWED"), false);
        check(&mut shapes, &second.replace("null", "true"), false);
        check(&mut shapes, second.get(..second.len() - 1).unwrap(), false);
    }

    #[test]
    fn plain_texts_and_whole_numbers_end_where_they_should() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert_eq!(plain_text(format!("{text}\",\"more\":1").as_bytes()), Some(length));
            assert_eq!(plain_text(format!("{text}\"").as_bytes()), Some(length));
            assert_eq!(plain_text(text.as_bytes()), None);
            for bad in ["\\", "\n", "\u{1}", "é", "\u{7f}é"] {
                assert_eq!(plain_text(format!("{text}{bad}xxxxxxxxxx\"").as_bytes()), None);
            }
        }
        assert_eq!(whole_number(b"443,"), Some(3));
        assert_eq!(whole_number(b"443"), None);
        assert_eq!(whole_number(b",").or(whole_number(b"")), None);
    }
}
