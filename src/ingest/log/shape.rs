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
use std::collections::{BTreeSet, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ingest::log::entry::{self, Field, Found, RawEntry};
use crate::ingest::log::tree::{Spans, Tree, UNASKED, Unit};
use crate::ingest::log::walker::{Scalar, Walker};
use crate::model::record::{FirewallRecord, LoggedInstance};
use crate::model::{Disposition, Record};
use crate::net::{Clock, Direction, FiveTuple, Protocol, Timestamp, parse_plain_v4};

/// More shapes than this are no longer told apart by their rules and networks.
const MANY: usize = 64;
/// More are not learned.
const MOST: usize = 2_048;
/// Entries that are looked at to learn from; what has not been learned then is not to be learned.
const MOST_LESSONS: u32 = 8_192;
/// So often everything is put together anew: text made to be slow must not pay off.
const MOST_BUILDS: u32 = 256;
/// An entry of more values is no usual one.
const MOST_VALUES: usize = 200;
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

/// Shapes that were learned.
#[derive(Debug, Default)]
pub struct Shapes {
    examples: Vec<Example>,
    variable: BTreeSet<u64>,
    tree: Tree,
    leaves: Vec<Leaf>,
    by_skeleton: HashMap<u64, usize>,
    lessons: u32,
    builds: u32,
    /// Examples that are not built in yet.
    fresh: usize,
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
    /// Equal for entries that differ in nothing but values that may differ.
    skeleton: u64,
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

impl Shapes {
    /// Whether an entry starts here that fits a shape. [`Self::record`] reads the last that did.
    #[inline]
    pub fn fit(&mut self, text: &[u8]) -> Option<Fit> {
        let (leaf, length) = self.tree.walk(text, &mut self.spans)?;
        Some(Fit { length, lines: self.leaves.get(leaf)?.lines, leaf })
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
        let enough = self.lessons >= MOST_LESSONS || self.builds >= MOST_BUILDS;
        if enough || text.len() > LONGEST {
            return;
        }
        self.lessons += 1;
        let Some(example) = self.example(text) else { return };
        let known = self.by_skeleton.get(&example.skeleton);
        let news = match known.and_then(|at| self.examples.get(*at)) {
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
                self.by_skeleton.insert(example.skeleton, self.examples.len());
                self.examples.push(example);
                self.fresh += 1;
                if self.examples.len() == MANY {
                    self.tell_less_apart();
                }
                // To put everything together for each would take as long as the square of them.
                self.fresh * 8 >= self.examples.len()
            }
            None => false,
        };
        if news {
            self.builds += 1;
            self.fresh = 0;
            self.build();
        }
    }

    /// From now on fewer values are pinned.
    fn tell_less_apart(&mut self) {
        let again: Vec<u64> = self.examples.iter().map(|one| self.skeleton(one)).collect();
        self.by_skeleton.clear();
        for (at, (one, skeleton)) in self.examples.iter_mut().zip(again).enumerate() {
            one.skeleton = skeleton;
            self.by_skeleton.entry(skeleton).or_insert(at);
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
        if !plain
            || !sure
            || raw.is_of_node
            || walker.position() != text.len()
            || scalars.len() > MOST_VALUES
        {
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
        let mut example = Example { text: text.to_owned(), scalars, flags, skeleton: 0 };
        example.skeleton = self.skeleton(&example);
        Some(example)
    }

    /// A hash of everything but the values that may differ. That two entries have the same by
    /// chance would be no harm: a value more would be a hole.
    fn skeleton(&self, example: &Example) -> u64 {
        let (bytes, mut at, mut sum) = (example.text.as_bytes(), 0, 0);
        for (scalar, field) in &example.scalars {
            if !self.may_be_hole(scalar, *field) {
                continue;
            }
            let before = bytes.get(at..scalar.start).unwrap_or_default();
            let hole = scalar.path ^ (*field as u64) << 1 ^ u64::from(scalar.quoted);
            sum = xxh3_64_with_seed(before, sum).rotate_left(1) ^ hole;
            at = scalar.end;
        }
        xxh3_64_with_seed(bytes.get(at..).unwrap_or_default(), sum)
    }

    /// An empty value is not told from a missing one: there it stays as it is.
    fn may_be_hole(&self, scalar: &Scalar, field: usize) -> bool {
        !self.is_pinned(field) && scalar.start < scalar.end
    }

    fn units(&self, example: &Example) -> Vec<Unit> {
        let bytes = example.text.as_bytes();
        let mut units = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for (scalar, field) in &example.scalars {
            if !self.may_be_hole(scalar, *field) || !self.variable.contains(&scalar.path) {
                continue;
            }
            let before = bytes.get(at..scalar.start).unwrap_or_default();
            units.extend(before.iter().map(|byte| Unit::Byte(*byte)));
            let field = u8::try_from(*field).unwrap_or(u8::MAX);
            units.push(Unit::Hole { field, quoted: scalar.quoted });
            at = scalar.end;
        }
        units.extend(bytes.get(at..).unwrap_or_default().iter().map(|byte| Unit::Byte(*byte)));
        units
    }

    fn build(&mut self) {
        let mut shapes: Vec<(Vec<Unit>, &Example)> = Vec::new();
        let mut seen: HashSet<u64> = HashSet::new();
        for example in &self.examples {
            if seen.insert(example.skeleton) {
                shapes.push((self.units(example), example));
            }
        }
        let mut leaves = Vec::new();
        for (number, (units, example)) in shapes.iter().enumerate() {
            let kin = self.next_kin + u32::try_from(number).unwrap_or(0);
            leaves.push(Leaf::of(units, example, kin));
        }
        let list: Vec<(&[Unit], usize)> =
            shapes.iter().enumerate().map(|(leaf, (units, _))| (units.as_slice(), leaf)).collect();
        let tree = Tree::of(&list);
        self.next_kin += u32::try_from(leaves.len()).unwrap_or(0);
        (self.tree, self.leaves) = (tree, leaves);
    }
}

impl Leaf {
    fn of(units: &[Unit], example: &Example, kin: u32) -> Self {
        let is_hole = |field: usize| {
            units.iter().any(
                |unit| matches!(unit, Unit::Hole { field: of, .. } if usize::from(*of) == field),
            )
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
        let protocol = Protocol(u8::try_from(small_number(self.bytes(Field::Protocol)?)?).ok()?);
        let has_ports = matches!(protocol, Protocol::TCP | Protocol::UDP);
        if has_ports && self.bytes(Field::DestPort)?.is_empty() {
            return None;
        }
        let tuple = FiveTuple {
            src: address(Field::SrcIp)?,
            src_port: port(Field::SrcPort)?,
            dst: address(Field::DestIp)?,
            dst_port: port(Field::DestPort)?,
            protocol,
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

#[cfg(test)]
mod tests {
    use super::Shapes;
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
            ("é", "1.1.1.1", "1"),
        ] {
            check(&mut shapes, &line(id, src, port), true);
        }
        for (id, src, port) in [
            (r"a\u0062", "1.1.1.1", "1"),
            (r"a\", "1.1.1.1", "1"),
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
}
