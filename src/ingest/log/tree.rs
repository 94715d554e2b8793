//! Shapes in one tree: what several begin with is compared once, and where they part, one byte
//! tells which goes on.
//!
//! ```text
//! {"disposition":" ── A ── LLOWED","port":▢}
//!                  └─ D ── ENIED","port":▢}
//! ```

use crate::ingest::log::entry::Field;

/// Where the values of an entry stand, by field; the last place is for values that nobody asks for.
pub(super) type Spans = [(u32, u32); Field::ALL.len() + 1];

/// The place for values that nobody asks for.
pub(super) const UNASKED: usize = Field::ALL.len();

/// One element of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Byte(u8),
    Hole { field: u8, quoted: bool },
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

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Of shapes with the number that each is known by.
    pub(super) fn of(shapes: &[(&[Unit], usize)]) -> Self {
        let mut nodes = Vec::new();
        grow(shapes, &mut nodes);
        Self { nodes }
    }

    /// The number of the shape that fits what starts here, and how many bytes it takes.
    #[inline]
    pub(super) fn walk(&self, text: &[u8], spans: &mut Spans) -> Option<(usize, usize)> {
        let mut node = self.nodes.first()?;
        let mut at = 0;
        let mut only_ascii = true;
        loop {
            let rest = text.get(at..)?;
            if !rest.starts_with(&node.common) {
                return None;
            }
            at += node.common.len();
            let (field, end, next) = match &node.then {
                Then::End(leaf) => {
                    let whole = text.get(..at)?;
                    let sound = only_ascii || std::str::from_utf8(whole).is_ok();
                    return sound.then_some((*leaf, at));
                }
                Then::Text { field, node } => {
                    let (length, ascii) = plain_text(text.get(at..)?)?;
                    only_ascii &= ascii;
                    (field, at + length, node)
                }
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
            if let Some(span) = spans.get_mut(*field) {
                *span = (at as u32, end as u32);
            }
            at = end;
            node = self.nodes.get(*next)?;
        }
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
            let (field, node) = (usize::from(*field), grow(&behind, nodes));
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

/// How many digits stand here; `None` for none.
#[inline]
fn whole_number(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    (length > 0).then_some(length)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The bytes before the closing quote, where all of them are plain: no escape and no control
/// character; and whether all are ASCII. Eight at a time: a byte is marked where it is a quote, a
/// backslash or below a blank
/// (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>); above the first mark there
/// may be false ones.
#[inline]
fn plain_text(text: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut seen) = (0, 0);
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let escape = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let marks = (quote | escape | control) & HIGHS;
        if marks != 0 {
            let first = marks.trailing_zeros();
            // What stands before the first mark.
            seen |= word & ((1 << (first & !7)) - 1);
            at += (first / 8) as usize;
            return (text.get(at) == Some(&b'"')).then_some((at, seen & HIGHS == 0));
        }
        seen |= word;
        at += 8;
    }
    let rest = text.get(at..)?;
    let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
    let length = rest.iter().position(|byte| !plain(byte))?;
    let ascii = seen & HIGHS == 0 && rest.get(..length)?.is_ascii();
    (rest.get(length) == Some(&b'"')).then_some((at + length, ascii))
}

#[cfg(test)]
mod tests {
    use super::{plain_text, whole_number};

    #[test]
    fn plain_texts_and_whole_numbers_end_where_they_should() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert_eq!(plain_text(format!("{text}\",\"more\":1").as_bytes()), Some((length, true)));
            assert_eq!(plain_text(format!("{text}\"").as_bytes()), Some((length, true)));
            assert_eq!(plain_text(text.as_bytes()), None);
            for bad in ["\\", "\n", "\u{1}", "é\u{7f}\u{1f}"] {
                assert_eq!(plain_text(format!("{text}{bad}xxxxxxxxxx\"").as_bytes()), None);
            }
        }
        for lead in 0..20 {
            let text = format!("{}é{}\"", "x".repeat(lead), "y".repeat(20 - lead));
            assert_eq!(plain_text(text.as_bytes()), Some((22, false)), "{text}");
            // What stands behind the quote does not matter.
            let text = format!("{}\"éé", "x".repeat(lead));
            assert_eq!(plain_text(text.as_bytes()), Some((lead, true)), "{text}");
        }
        assert_eq!(whole_number(b"443,"), Some(3));
        assert_eq!(whole_number(b"443"), None);
        assert_eq!(whole_number(b",").or(whole_number(b"")), None);
    }
}
