//! Where a JSON value ends, by its brackets and strings alone, and where the next one starts behind
//! a broken one.
//!
//! ```text
//! {"a": [1, {"b": "}"}]}, {…      Whole(22)
//! {"entries": [{…                 List(13): what follows is read one by one
//! {"a": 1                         More
//! {"a": 1]                        Broken
//! ```

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr3, memmem};

/// The longest entry that is waited for. Cloud Logging takes 256 KiB
/// (<https://cloud.google.com/logging/quotas>); pretty-printing and copies inside of it make more.
pub(super) const LONGEST_ENTRY: usize = 4 << 20;
/// The longest entry that is looked for behind a broken one.
const LONGEST_CANDIDATE: usize = 1 << 20;
pub(super) const LISTS: [&[u8]; 3] = [b"\"entries\"", b"\"events\"", b"\"receivedMessages\""];
/// Under these keys shippers hold entries, and others anything.
const LISTS_OF_SHIPPERS: [&[u8]; 3] = [b"\"logs\"", b"\"results\"", b"\"data\""];
/// How far into a shipper's list an entry is looked for.
const FIRST_LOOK: usize = 64 << 10;
/// Under this key resources stand, and sometimes something else.
pub(super) const ITEMS: &[u8] = b"\"items\"";

/// Every piece is looked through for these: what a search needs is made ready once.
static ENTRY_KEYS: LazyLock<[Finder<'static>; 4]> = LazyLock::new(|| {
    ["\"insertId\"", "\"jsonPayload\"", "\"logName\"", "\"message\""].map(Finder::new)
});

/// The same inside of a string that holds an entry as text.
const QUOTED_ENTRY_KEYS: [&[u8]; 3] = [b"\"insertId\\\"", b"\"jsonPayload\\\"", b"\"logName\\\""];

/// What resources say their kind with.
const KIND_KEYS: [&[u8]; 2] = [b"\"kind\"", b"\"apiVersion\""];

const RESOURCE_KEYS: [&[u8]; 3] = [b"\"kind\"", b"\"selfLink\"", b"\"apiVersion\""];

/// How far a value goes.
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
pub(super) fn next_value(rest: &[u8], resources: bool) -> Option<usize> {
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

/// How long the value is that starts here; `None` where it has no end.
#[must_use]
pub fn whole_value(bytes: &[u8]) -> Option<usize> {
    match extent(bytes, false) {
        Extent::Whole(length) => Some(length),
        _ => None,
    }
}

/// Whether it holds what only log entries hold.
#[must_use]
pub fn looks_like_entry(piece: &[u8]) -> bool {
    ENTRY_KEYS.iter().any(|key| key.find(piece).is_some())
}

/// Whether a text holds a member that entries of Cloud Logging alone have.
pub(super) fn is_of_log(piece: &[u8]) -> bool {
    ENTRY_KEYS.iter().take(3).any(|key| key.find(piece).is_some())
}

/// Whether an object is one of Kubernetes, which has messages as well: an answer of its API, say.
pub(super) fn looks_like_object(piece: &[u8]) -> bool {
    !is_of_log(piece) && KIND_KEYS.iter().all(|key| memmem::find(piece, key).is_some())
}

fn looks_like_resource(piece: &[u8]) -> bool {
    holds_one_of(piece, &RESOURCE_KEYS)
}

fn holds_one_of(piece: &[u8], keys: &[&[u8]]) -> bool {
    keys.iter().any(|key| memmem::find(piece, key).is_some())
}

pub(super) fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The byte after the closing quote of the string that starts here.
pub(super) fn string_end(bytes: &[u8]) -> Option<usize> {
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

/// Whether the member whose key is read is a list that is read one by one, from the bytes behind
/// the key: where its elements start there. `None` where more bytes are needed.
fn opens_list(key: &[u8], behind: &[u8]) -> Option<Option<usize>> {
    let by_shippers = LISTS_OF_SHIPPERS.contains(&key);
    if !by_shippers && key != ITEMS && !LISTS.contains(&key) {
        return Some(None);
    }
    let colon = blank(behind);
    let value = colon + 1 + blank(behind.get(colon + 1..).unwrap_or_default());
    if behind.get(colon) != Some(&b':') || behind.get(value) != Some(&b'[') {
        return Some(None);
    }
    let elements = behind.get(value + 1..).unwrap_or_default();
    let is_opened = if by_shippers {
        let head = elements.get(..FIRST_LOOK).unwrap_or(elements);
        looks_like_entry(head) || holds_one_of(head, &QUOTED_ENTRY_KEYS)
    } else {
        key != ITEMS || tell_their_kind(elements)?
    };
    Some(is_opened.then_some(value + 1))
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
                if lists && open.len() == 1 {
                    let behind = tail.get(length..).unwrap_or_default();
                    match opens_list(key, behind) {
                        Some(Some(elements)) => return (Extent::List(at + length + elements), at),
                        Some(None) => {}
                        None => return (Extent::More, bytes.len()),
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
