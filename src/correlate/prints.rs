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
//!
//! A selection of fields may leave out the project. An entry of no known project is a copy of one
//! that is told by the same timestamp and `insertId` in any.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

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
    stretch: Key,
    /// Of timestamp and `insertId`, with the project's hash laid over it where one is known.
    hash: u64,
    project: u64,
}

/// The number of a stretch of time, and whether it is of entries of no known project.
type Key = (i64, bool);

/// Prints of one stretch of time.
#[derive(Debug, Default)]
struct Stretch {
    hashes: Vec<u64>,
    places: Vec<u32>,
}

/// A stretch: 2^38 nanoseconds, some four and a half minutes. What is compared together then fits
/// the caches.
const STRETCH: u32 = 38;

/// Entries of no known project are compared with those of so many projects at most: each with each
/// takes its time.
const MOST_PROJECTS: usize = 1_000;

/// Fingerprints.
#[derive(Debug, Default)]
pub(super) struct Prints {
    stretches: BTreeMap<Key, Stretch>,
    /// The stretch of the last entry: entries mostly come in the order of time.
    current: Option<(Key, Stretch)>,
    /// The hashes of all known projects.
    projects: BTreeSet<u64>,
    /// The last of them: entries of one project mostly follow each other.
    last_project: u64,
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
        let moment = at.0.div_euclid(1_000);
        let hash = xxh3_64_with_seed(record.insert_id.as_bytes(), moment.cast_unsigned());
        let is_nameless = record.project.is_empty();
        let project = if is_nameless { 0 } else { xxh3_64(record.project.as_bytes()) };
        let stretch = (moment.saturating_mul(1_000) >> STRETCH, is_nameless);
        Some(Print { stretch, hash: hash ^ project, project })
    }

    /// Puts down an entry.
    pub(super) fn put(&mut self, print: Print, taken: Taken) {
        let key = print.stretch;
        if self.horizon.is_some_and(|horizon| key.0 < horizon) {
            return;
        }
        self.count += 1;
        if print.project != self.last_project {
            self.last_project = print.project;
            if print.project != 0 {
                self.projects.insert(print.project);
            }
        }
        if self.current.as_ref().is_none_or(|(of, _)| *of != key) {
            let next = self.stretches.remove(&key).unwrap_or_default();
            if let Some((of, stretch)) = self.current.replace((key, next)) {
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
        self.projects.append(&mut others.projects);
        self.horizon = self.horizon.max(others.horizon);
        for (key, mut stretch) in others.stretches {
            if let Some(went) = went {
                for place in &mut stretch.places {
                    if let Some(slot) = went.get(*place as usize) {
                        *place = slot.number();
                    }
                }
            }
            match self.stretches.get_mut(&key) {
                Some(own) => {
                    own.hashes.append(&mut stretch.hashes);
                    own.places.append(&mut stretch.places);
                }
                None => {
                    self.stretches.insert(key, stretch);
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
            let before = self.horizon.is_some_and(|horizon| oldest.key().0 < horizon);
            if !before && self.count <= most {
                return;
            }
            let ((number, _), gone) = oldest.remove_entry();
            self.count -= gone.hashes.len();
            self.horizon = self.horizon.max(Some(number + 1));
        }
    }

    /// The moment from which on copies are found, where not all prints could be kept.
    pub(super) fn kept_from(&self) -> Option<Timestamp> {
        self.horizon.map(|stretch| Timestamp(stretch << STRETCH))
    }

    /// Compares all prints and returns where further copies of entries were counted. Of all copies
    /// of one the first in an order is no further one.
    pub(super) fn take_copies(
        &mut self,
        mut order: impl FnMut(Taken, Taken) -> Ordering,
    ) -> Vec<Taken> {
        self.stretches.extend(self.current.take());
        let (projects, stretches) = (&self.projects, &mut self.stretches);
        let mut nameless: Vec<i64> =
            stretches.keys().filter(|(_, is_nameless)| *is_nameless).map(|key| key.0).collect();
        if projects.len() > MOST_PROJECTS {
            nameless.clear();
        }
        for number in nameless {
            let Some(mut nameless) = stretches.remove(&(number, true)) else { continue };
            if let Some(named) = stretches.get_mut(&(number, false)) {
                named.take_known(&mut nameless, projects);
            }
            stretches.insert((number, true), nameless);
        }
        let copies: Vec<Taken> =
            stretches.values_mut().flat_map(|one| one.take_copies(&mut order)).collect();
        self.count -= copies.len();
        copies
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
    fn take_copies(&mut self, order: &mut impl FnMut(Taken, Taken) -> Ordering) -> Vec<Taken> {
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
        let mut kept: BTreeMap<u64, u32> = BTreeMap::new();
        let mut further: Vec<Taken> = Vec::new();
        for run in suspects.chunk_by(|(a, _), (b, _)| a == b).filter(|run| run.len() > 1) {
            let mut codes: Vec<u32> = run.iter().map(|(_, code)| *code).collect();
            codes.sort_by(|a, b| order(taken(*a), taken(*b)));
            if let (Some((hash, _)), Some((first, others))) = (run.first(), codes.split_first()) {
                kept.insert(*hash, *first);
                further.extend(others.iter().map(|code| taken(*code)));
            }
        }
        if !kept.is_empty() {
            let all = std::mem::take(self);
            for (hash, place) in all.hashes.into_iter().zip(all.places) {
                if !kept.contains_key(&hash) {
                    self.push(hash, place);
                }
            }
            for (hash, place) in kept {
                self.push(hash, place);
            }
        }
        further
    }

    /// Takes from prints of no known project those that are of an entry with one of its prints.
    fn take_known(&mut self, nameless: &mut Self, projects: &BTreeSet<u64>) {
        let own: HashSet<u64> = self.hashes.iter().copied().collect();
        let all = std::mem::take(nameless);
        for (hash, place) in all.hashes.into_iter().zip(all.places) {
            let of_known = projects.iter().map(|project| hash ^ project);
            match of_known.into_iter().find(|hash| own.contains(hash)) {
                Some(known) => self.push(known, place),
                None => nameless.push(hash, place),
            }
        }
    }
}
