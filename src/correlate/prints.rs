//! Fingerprints of entries: which of them are further copies of one that was met before. Exports
//! overlap, sinks deliver twice, and a count must not.
//!
//! An entry is told by its project, timestamp and `insertId`
//! (<https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry>: entries of one log with
//! the same timestamp and `insertId` are duplicates). A print is 8 bytes of hash and 4 bytes that
//! say where the entry was counted. It is not looked up when it comes, which would be one miss of
//! the cache for every entry: prints are only put down, by time, since copies have one timestamp,
//! and compared at the end. Of a hundred million entries two would be taken for copies without
//! being any once in some 3,700 logs.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::correlate::rollup::Slot;
use crate::model::{Disposition, Record};
use crate::net::Timestamp;

/// Where an entry was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// In this group, and in the count of its disposition.
    ByGroup(Slot),
    /// In the count of its disposition alone.
    ByCount(Option<Disposition>),
}

/// The print of one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Print {
    stretch: i64,
    hash: u64,
}

/// Prints of one stretch of time.
#[derive(Debug, Default)]
struct Stretch {
    hashes: Vec<u64>,
    places: Vec<u32>,
}

/// A stretch: 2^38 nanoseconds, some four and a half minutes. What is compared together then fits
/// the caches.
const STRETCH: u32 = 38;

/// Fingerprints.
#[derive(Debug, Default)]
pub(super) struct Prints {
    stretches: BTreeMap<i64, Stretch>,
    /// The stretch of the last entry: entries mostly come in the order of time.
    current: Option<(i64, Stretch)>,
    /// How many there are.
    count: usize,
    /// Nothing before this stretch is kept any more.
    horizon: Option<i64>,
}

/// Numbers of slots are below these.
const COUNTED: [Option<Disposition>; 4] =
    [Some(Disposition::Denied), Some(Disposition::Allowed), Some(Disposition::Intercepted), None];

fn code(taken: Taken) -> u32 {
    match taken {
        Taken::ByGroup(slot) => slot.number(),
        Taken::ByCount(class) => {
            let place = COUNTED.iter().position(|one| *one == class).unwrap_or(3);
            u32::MAX - u32::try_from(place).unwrap_or(3)
        }
    }
}

fn taken(code: u32) -> Taken {
    match COUNTED.get((u32::MAX - code) as usize) {
        Some(class) => Taken::ByCount(*class),
        None => Taken::ByGroup(Slot::of_number(code)),
    }
}

impl Prints {
    /// The print of an entry; one without timestamp or `insertId` cannot be told from another one.
    pub(super) fn of(record: &Record<'_>) -> Option<Print> {
        let (Some(at), false) = (record.timestamp, record.insert_id.is_empty()) else {
            return None;
        };
        // BigQuery keeps microseconds.
        let moment = at.0.div_euclid(1_000).cast_unsigned();
        let of_project = xxh3_64_with_seed(record.project.as_bytes(), moment);
        let hash = xxh3_64_with_seed(record.insert_id.as_bytes(), of_project);
        Some(Print { stretch: at.0 >> STRETCH, hash })
    }

    /// Puts down an entry.
    pub(super) fn put(&mut self, print: Print, taken: Taken) {
        let number = print.stretch;
        if self.horizon.is_some_and(|horizon| number < horizon) {
            return;
        }
        self.count += 1;
        if self.current.as_ref().is_none_or(|(of, _)| *of != number) {
            let next = self.stretches.remove(&number).unwrap_or_default();
            if let Some((of, stretch)) = self.current.replace((number, next)) {
                self.stretches.insert(of, stretch);
            }
        }
        if let Some((_, stretch)) = &mut self.current {
            stretch.push(print.hash, code(taken));
        }
    }

    /// Takes in others, whose groups went where `went` says.
    pub(super) fn absorb(&mut self, mut others: Self, went: Option<&[Slot]>) {
        others.stretches.extend(others.current.take());
        self.stretches.extend(self.current.take());
        self.count += others.count;
        self.horizon = self.horizon.max(others.horizon);
        for (number, mut stretch) in others.stretches {
            if let Some(went) = went {
                for place in &mut stretch.places {
                    if let Some(slot) = went.get(*place as usize) {
                        *place = slot.number();
                    }
                }
            }
            match self.stretches.get_mut(&number) {
                Some(own) => {
                    own.hashes.append(&mut stretch.hashes);
                    own.places.append(&mut stretch.places);
                }
                None => {
                    self.stretches.insert(number, stretch);
                }
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The groups were put elsewhere.
    pub(super) fn redirect(&mut self, went: &[Slot]) {
        let all = std::mem::take(&mut self.stretches);
        let others = Self { stretches: all, current: self.current.take(), ..Self::default() };
        self.absorb(others, Some(went));
    }

    /// Keeps the prints of the latest stretches, so many at most. Which these are does not depend
    /// on the order in which they came: a stretch goes where it and the later ones are too many,
    /// and they only become more.
    pub(super) fn keep(&mut self, most: usize) {
        if self.count <= most && self.horizon.is_none() {
            return;
        }
        self.stretches.extend(self.current.take());
        while let Some(oldest) = self.stretches.first_entry() {
            let before = self.horizon.is_some_and(|horizon| *oldest.key() < horizon);
            if !before && self.count <= most {
                return;
            }
            let (number, gone) = oldest.remove_entry();
            self.count -= gone.hashes.len();
            self.horizon = self.horizon.max(Some(number + 1));
        }
    }

    /// The moment from which on copies are found, where not all prints could be kept.
    pub(super) fn kept_from(&self) -> Option<Timestamp> {
        self.horizon.map(|stretch| Timestamp(stretch << STRETCH))
    }

    /// Compares all prints and returns, for each entry that was met more than once, where all its
    /// copies were counted.
    pub(super) fn take_copies(&mut self) -> Vec<Vec<Taken>> {
        self.stretches.extend(self.current.take());
        self.stretches.values_mut().flat_map(Stretch::take_copies).collect()
    }
}

impl Stretch {
    /// Grows by an eighth: a list that grows by doubling holds up to twice what is in it.
    fn push(&mut self, hash: u64, place: u32) {
        if self.hashes.len() == self.hashes.capacity() {
            let more = self.hashes.len() / 8 + 16;
            self.hashes.reserve_exact(more);
            self.places.reserve_exact(more);
        }
        self.hashes.push(hash);
        self.places.push(place);
    }

    /// Most prints are the only ones with their lowest bits: these are sorted out with a bit each,
    /// and only the others are compared.
    fn take_copies(&mut self) -> Vec<Vec<Taken>> {
        let bits = (self.hashes.len() * 16).next_power_of_two().max(64);
        let mask = bits as u64 - 1;
        let mut once = vec![0_u64; bits / 64];
        let mut twice = vec![0_u64; bits / 64];
        let place = |hash: u64| ((hash & mask) as usize / 64, 1_u64 << (hash & 63));
        for hash in &self.hashes {
            let (word, bit) = place(*hash);
            if let (Some(once), Some(twice)) = (once.get_mut(word), twice.get_mut(word)) {
                *twice |= *once & bit;
                *once |= bit;
            }
        }
        let mut suspects: Vec<(u64, u32)> = Vec::new();
        for (hash, code) in self.hashes.iter().zip(&self.places) {
            let (word, bit) = place(*hash);
            if twice.get(word).is_some_and(|twice| twice & bit != 0) {
                suspects.push((*hash, *code));
            }
        }
        suspects.sort_unstable();
        let runs = || suspects.chunk_by(|(a, _), (b, _)| a == b).filter(|run| run.len() > 1);
        let copied: BTreeSet<u64> = runs().filter_map(|run| Some(run.first()?.0)).collect();
        if !copied.is_empty() {
            // One of them stays.
            let mut seen = BTreeSet::new();
            let all = std::mem::take(self);
            for (hash, place) in all.hashes.into_iter().zip(all.places) {
                if !copied.contains(&hash) || seen.insert(hash) {
                    self.hashes.push(hash);
                    self.places.push(place);
                }
            }
        }
        runs().map(|run| run.iter().map(|(_, code)| taken(*code)).collect()).collect()
    }
}
