//! Sets of whole numbers as sorted, disjoint, non-adjacent closed intervals: the one algebra under
//! addresses and ports. `{1..3, 5..9}` minus `{2..6}` is `{1..1, 7..9}`.

/// A set of numbers; equal sets have equal representations.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intervals(Vec<(u128, u128)>);

impl Intervals {
    /// The set of all numbers in any of `parts`; parts whose ends are swapped are empty.
    #[must_use]
    pub fn from_parts(parts: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut parts: Vec<_> = parts.into_iter().filter(|(low, high)| low <= high).collect();
        parts.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(parts.len());
        for (low, high) in parts {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// The intervals, ascending.
    #[must_use]
    pub fn parts(&self) -> &[(u128, u128)] {
        &self.0
    }

    /// Whether the set has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `value` is a member.
    #[must_use]
    pub fn contains(&self, value: u128) -> bool {
        let after = self.0.partition_point(|(low, _)| *low <= value);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, high)| value <= *high)
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_parts(self.0.iter().chain(&other.0).copied())
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        // From each part of the shorter list right to where the longer one meets it.
        let (few, many) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        let mut parts = Vec::new();
        for &(low, high) in &few.0 {
            let first = many.0.partition_point(|(_, end)| *end < low);
            let meeting = many.0.iter().skip(first).take_while(|(start, _)| *start <= high);
            parts.extend(meeting.map(|(start, end)| (low.max(*start), high.min(*end))));
        }
        Self(parts)
    }

    /// Members of this set that are not members of the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut parts = Vec::new();
        for &(low, high) in &self.0 {
            let mut from = Some(low);
            let first = other.0.partition_point(|(_, end)| *end < low);
            for &(cut_low, cut_high) in other.0.iter().skip(first) {
                let Some(start) = from else { break };
                if cut_low > high {
                    break;
                }
                if cut_low > start {
                    parts.push((start, cut_low - 1));
                }
                from = cut_high.checked_add(1);
            }
            if let Some(start) = from.filter(|start| *start <= high) {
                parts.push((start, high));
            }
        }
        Self(parts)
    }

    /// Whether every member of `other` is a member of this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // Parts do not touch one another, so one part holds all of another set's part or not.
        other.0.iter().all(|(low, high)| {
            let first = self.0.partition_point(|(_, end)| end < low);
            self.0.get(first).is_some_and(|(start, end)| start <= low && high <= end)
        })
    }

    /// How many members there are, capped at the largest number.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.0
            .iter()
            .fold(0_u128, |sum, (low, high)| sum.saturating_add((high - low).saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Intervals;

    fn set(parts: &[(u128, u128)]) -> Intervals {
        Intervals::from_parts(parts.iter().copied())
    }

    #[test]
    fn adjacent_and_overlapping_parts_merge() {
        assert_eq!(set(&[(5, 6), (1, 2), (3, 4), (4, 5)]).parts(), [(1, 6)]);
    }

    #[test]
    fn difference_keeps_what_is_between_the_cuts() {
        let left = set(&[(0, 100)]).difference(&set(&[(0, 9), (20, 29), (100, 200)]));
        assert_eq!(left.parts(), [(10, 19), (30, 99)]);
        assert!(set(&[(u128::MAX, u128::MAX)]).difference(&set(&[(0, u128::MAX)])).is_empty());
    }

    #[test]
    fn algebra_agrees_with_membership() {
        let (a, b) = (set(&[(1, 3), (7, 9), (12, 12)]), set(&[(2, 7), (12, 20)]));
        for value in 0..25 {
            let (in_a, in_b) = (a.contains(value), b.contains(value));
            assert_eq!(a.union(&b).contains(value), in_a || in_b, "union at {value}");
            assert_eq!(a.intersection(&b).contains(value), in_a && in_b, "both at {value}");
            assert_eq!(a.difference(&b).contains(value), in_a && !in_b, "only a at {value}");
        }
        for (wide, narrow) in [(&a, &a), (&a, &b), (&a.union(&b), &a), (&a, &a.difference(&b))] {
            assert_eq!(wide.covers(narrow), narrow.difference(wide).is_empty());
        }
        assert!(a.covers(&set(&[])) && !set(&[]).covers(&a));
    }
}
