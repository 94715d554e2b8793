//! The whole log: what was counted, what was grouped, and every entry once. Partial ones come in,
//! in any order.

use crate::correlate::prints::{Print, Prints, Verdict};
use crate::correlate::rollup::{Addition, Group, RollUp, Slot};
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
    /// The earliest entry.
    pub first: Option<Timestamp>,
    /// The latest entry.
    pub last: Option<Timestamp>,
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

/// Which records are grouped, and by what time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// Nothing before this.
    pub since: Option<Timestamp>,
    /// Nothing from this on.
    pub until: Option<Timestamp>,
    /// Group by buckets of this many seconds.
    pub per_seconds: Option<i64>,
    /// Tell VMs apart.
    pub by_instance: bool,
}

impl Window {
    fn holds(&self, at: Option<Timestamp>) -> bool {
        let after = self.since.is_none_or(|since| at.is_some_and(|at| at >= since));
        after && self.until.is_none_or(|until| at.is_some_and(|at| at < until))
    }
}

/// Some of the records of a log: what one reader met.
#[derive(Debug, Default)]
pub struct Partial {
    roll_up: RollUp,
    counts: LogCounts,
    prints: Prints,
    /// Looking one group up means waiting for memory; looking many up at once means waiting once.
    waiting: Vec<(Addition, Option<Print>)>,
}

/// So many wait.
const MOST_WAITING: usize = 64;

impl Partial {
    /// Takes in one entry.
    pub fn add(&mut self, record: &Record<'_>, window: &Window) {
        let class = record.disposition;
        *self.counts.of(class) += 1;
        self.counts.first = earliest(self.counts.first, record.timestamp);
        self.counts.last = self.counts.last.max(record.timestamp);
        let print = self.prints.of(record);
        match &record.firewall {
            Some(firewall) if window.holds(record.timestamp) => {
                let addition = self.roll_up.addition(record, firewall, window);
                self.waiting.push((addition, print));
                if self.waiting.len() >= MOST_WAITING {
                    self.group();
                }
            }
            _ => {
                if let Some(print) = print {
                    self.prints.put(print, Verdict::Counted(class));
                }
            }
        }
    }

    /// Has the groups take what waits.
    fn group(&mut self) {
        let Self { roll_up, prints, waiting, .. } = self;
        let fetched = waiting.iter().fold(0, |sum, (one, _)| sum ^ roll_up.fetch(one));
        std::hint::black_box(fetched);
        let slots: Vec<Slot> = waiting.iter().map(|(one, _)| roll_up.slot_of(one)).collect();
        for ((addition, print), slot) in waiting.drain(..).zip(slots) {
            roll_up.take(slot, &addition);
            if let Some(print) = print {
                prints.put(print, Verdict::Grouped(slot));
            }
        }
    }

    /// Counts a piece that is no entry.
    pub fn add_unparsable(&mut self) {
        self.counts.unparsable += 1;
    }
}

/// The whole log.
#[derive(Debug, Default)]
pub struct Ledger {
    roll_up: RollUp,
    counts: LogCounts,
    prints: Prints,
}

impl Ledger {
    /// Takes in what one reader met. Further copies of entries are in it until [`Self::settle`].
    pub fn absorb(&mut self, mut partial: Partial) {
        partial.group();
        let Partial { roll_up, counts, prints, .. } = partial;
        self.counts.absorb(&counts);
        if self.roll_up.numbers() == RollUp::default().numbers() {
            self.roll_up = roll_up;
            self.prints.absorb(prints, None);
        } else {
            let went = self.roll_up.absorb(&roll_up);
            self.prints.absorb(prints, Some(&went));
        }
    }

    /// Takes out further copies of entries: they have the same key and the same moment as the
    /// first, so taking one off the count undoes them.
    pub fn settle(&mut self) {
        for mut copies in self.prints.take_copies() {
            // Which was first does not matter, as long as it does not depend on who read it.
            copies.sort_by(|a, b| match (a, b) {
                (Verdict::Grouped(a), Verdict::Grouped(b)) => self.roll_up.compare(*a, *b),
                (Verdict::Counted(a), Verdict::Counted(b)) => a.cmp(b),
                (Verdict::Grouped(_), _) => std::cmp::Ordering::Less,
                (_, Verdict::Grouped(_)) => std::cmp::Ordering::Greater,
            });
            for further in copies.into_iter().skip(1) {
                let class = match further {
                    Verdict::Grouped(slot) => self.roll_up.take_one(slot),
                    Verdict::Counted(class) => class,
                };
                *self.counts.of(class) -= 1;
                self.counts.duplicates += 1;
            }
        }
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
