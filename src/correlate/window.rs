//! What of a log is grouped, by what time, and how much of it is kept in memory.

use crate::net::Timestamp;

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
    /// How much is kept in memory.
    pub limits: Limits,
}

impl Window {
    /// Whether an entry of this moment is grouped.
    #[must_use]
    pub fn holds(&self, at: Option<Timestamp>) -> bool {
        let after = self.since.is_none_or(|since| at.is_some_and(|at| at >= since));
        after && self.until.is_none_or(|until| at.is_some_and(|at| at < until))
    }
}

/// How much is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Groups; where there would be more, external addresses are rolled up to prefixes.
    pub groups: usize,
    /// Fingerprints of entries; where there would be more, those of the latest are kept.
    pub prints: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { groups: usize::MAX, prints: usize::MAX }
    }
}

impl Limits {
    /// What fits into so many bytes: two thirds for groups (64 bytes each, 8 for its place in the
    /// index, 8 while it is judged), a quarter for fingerprints (12 bytes each, and as much again
    /// where a list of them grows).
    #[must_use]
    pub fn of_bytes(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { groups: (bytes / 3 * 2 / 80).max(1_000), prints: (bytes / 4 / 24).max(10_000) }
    }

    /// What a reader may keep to itself before it hands it over.
    #[must_use]
    pub fn of_reader(self, readers: usize) -> Self {
        let share = readers.max(1).saturating_mul(4);
        Self { groups: self.groups / share, prints: self.prints / share }
    }
}
