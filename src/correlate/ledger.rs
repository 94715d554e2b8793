//! The whole log: what was counted, what was grouped, and every entry once. Partial ones come in,
//! in any order.

use crate::correlate::group::Group;
use crate::correlate::measures::{COARSEST, prefix_lengths};
use crate::correlate::prints::{Print, Prints, Taken};
use crate::correlate::rollup::{Addition, MOST_AT_ONCE, RollUp, Slot};
use crate::correlate::window::{Limits, Window};
use crate::model::{Disposition, Record};
use crate::net::Timestamp;

/// How many entries there were of which kind, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Denied.
    pub denied: u64,
    /// Allowed.
    pub allowed: u64,
    /// Intercepted.
    pub intercepted: u64,
    /// Entries of other logs.
    pub other: u64,
    /// Further copies of entries.
    pub duplicates: u64,
    /// Pieces that are no entry.
    pub unparsable: u64,
    /// Entries of the firewall's log without a time, where only those of some time are looked at.
    pub undated: u64,
    /// The earliest entry.
    pub first: Option<Timestamp>,
    /// The latest entry.
    pub last: Option<Timestamp>,
    /// Where not all of them could be compared: only copies from this moment on are found.
    pub copies_from: Option<Timestamp>,
    /// Where there were too many connections.
    pub rolled_up: Option<RolledUp>,
}

/// How external addresses were rolled up to prefixes, for want of memory. Counts stay exact; which
/// of a prefix's addresses took part is lost, and the lowest of them stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RolledUp {
    /// The length of the prefixes of IPv4.
    pub v4: u8,
    /// Of IPv6.
    pub v6: u8,
    /// There were more connections than this.
    pub more_than: usize,
    /// So many are told apart.
    pub left: usize,
}

impl LogCounts {
    /// Entries of the firewall log.
    #[must_use]
    pub fn firewall(&self) -> u64 {
        self.denied + self.allowed + self.intercepted
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.firewall() + self.other
    }

    fn of(&mut self, class: Option<Disposition>) -> &mut u64 {
        match class {
            Some(Disposition::Denied) => &mut self.denied,
            Some(Disposition::Allowed) => &mut self.allowed,
            Some(Disposition::Intercepted) => &mut self.intercepted,
            None => &mut self.other,
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.denied += other.denied;
        self.allowed += other.allowed;
        self.intercepted += other.intercepted;
        self.other += other.other;
        self.duplicates += other.duplicates;
        self.unparsable += other.unparsable;
        self.undated += other.undated;
        self.first = earliest(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// The log, or what one reader met of it: ledgers merge in any order.
#[derive(Debug, Default)]
pub struct Ledger {
    roll_up: RollUp,
    counts: LogCounts,
    prints: Prints,
    limits: Limits,
    /// Looking one group up means waiting for memory; looking many up at once means waiting once.
    waiting: Vec<(Addition, Option<Print>)>,
}

impl Ledger {
    /// An empty one that keeps to limits.
    #[must_use]
    pub fn within(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes in one entry.
    pub fn add(&mut self, record: &Record<'_>, window: &Window) {
        let class = record.disposition;
        *self.counts.of(class) += 1;
        self.counts.first = earliest(self.counts.first, record.timestamp);
        self.counts.last = self.counts.last.max(record.timestamp);
        let print = Prints::of(record);
        match &record.firewall {
            Some(firewall) if window.holds(record.timestamp) => {
                let addition = self.roll_up.addition(record, firewall, window);
                self.waiting.push((addition, print));
                if self.waiting.len() >= MOST_AT_ONCE {
                    self.group();
                }
            }
            firewall => {
                // Without a time it has no print either: copies of it are not found.
                let undated = firewall.is_some() && record.timestamp.is_none();
                self.counts.undated += u64::from(undated);
                if let Some(print) = print {
                    self.prints.put(print, Taken::ByCount(class));
                }
            }
        }
    }

    /// Has the groups take what waits.
    fn group(&mut self) {
        let Self { roll_up, prints, waiting, .. } = self;
        roll_up.fetch(waiting);
        let slots: Vec<Slot> = waiting.iter().map(|(one, _)| roll_up.slot_of(one)).collect();
        for ((addition, print), slot) in waiting.drain(..).zip(slots) {
            roll_up.take(slot, &addition);
            if let Some(print) = print {
                prints.put(print, Taken::ByGroup(slot));
            }
        }
        self.keep_to_limits();
    }

    /// Counts a piece that is no entry.
    pub fn add_unparsable(&mut self) {
        self.counts.unparsable += 1;
    }

    /// Takes in what another one holds. Further copies of entries are in it until [`Self::settle`].
    pub fn absorb(&mut self, mut other: Self) {
        self.group();
        other.group();
        self.counts.absorb(&other.counts);
        while self.roll_up.coarseness < other.roll_up.coarseness {
            self.coarsen();
        }
        if self.roll_up.is_empty() && self.roll_up.coarseness == other.roll_up.coarseness {
            self.roll_up = other.roll_up;
            self.prints.absorb(other.prints, None);
        } else {
            let went = self.roll_up.absorb(other.roll_up);
            self.prints.absorb(other.prints, Some(&went));
        }
        self.keep_to_limits();
    }

    fn coarsen(&mut self) {
        let went = self.roll_up.coarsen();
        self.prints.redirect(&went);
    }

    /// Rolls up, or forgets, where there is too much. How far depends on what there is alone, and
    /// not on the order in which it came: what is too much for a part is too much for the whole.
    fn keep_to_limits(&mut self) {
        while self.roll_up.len() > self.limits.groups && self.roll_up.coarseness < COARSEST {
            self.coarsen();
        }
        self.prints.keep(self.limits.prints);
    }

    /// Whether it holds more than this.
    #[must_use]
    pub fn exceeds(&self, limits: Limits) -> bool {
        self.roll_up.len() > limits.groups || self.prints.len() > limits.prints
    }

    /// Takes out further copies of entries: they have the same key and the same moment as the
    /// first, so taking one off the count undoes them.
    pub fn settle(&mut self) {
        self.group();
        self.counts.copies_from = self.prints.kept_from();
        // Which stays does not depend on who read it, and is the one of which most is known: a
        // selection of fields goes before the whole entry.
        let roll_up = &self.roll_up;
        let further = self.prints.take_copies(|a, b| match (a, b) {
            (Taken::ByGroup(a), Taken::ByGroup(b)) => roll_up.compare(b, a),
            (Taken::ByCount(a), Taken::ByCount(b)) => a.cmp(&b),
            (Taken::ByGroup(_), _) => std::cmp::Ordering::Less,
            (_, Taken::ByGroup(_)) => std::cmp::Ordering::Greater,
        });
        for further in further {
            let class = match further {
                Taken::ByGroup(slot) => self.roll_up.take_one(slot),
                Taken::ByCount(class) => class,
            };
            *self.counts.of(class) -= 1;
            self.counts.duplicates += 1;
        }
        self.roll_up.give_back_indices();
        let lengths = prefix_lengths(self.roll_up.coarseness);
        let (more_than, left) = (self.limits.groups, self.roll_up.each().count());
        self.counts.rolled_up = lengths.map(|(v4, v6)| RolledUp { v4, v6, more_than, left });
    }

    /// The counts.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        self.counts
    }

    /// All groups.
    #[must_use]
    pub fn roll_up(&self) -> &RollUp {
        &self.roll_up
    }

    /// The groups, in an order that depends on their contents alone.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        self.roll_up.groups()
    }
}
