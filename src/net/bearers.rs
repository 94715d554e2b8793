//! Sets of VMs by what they carry: tags, an account, secure tags.
//!
//! `any of {tag:web}, none of {tag:db}` is every VM with the first and without the second. Such
//! sets are closed under intersection, and the difference of two falls into disjoint ones, which is
//! what exact answers about rules with targets need. A VM has at most one service account.

use std::collections::BTreeSet;
use std::fmt;

/// Something that VMs carry and rules go by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A network tag.
    Tag(String),
    /// A service account.
    Account(String),
    /// A secure tag.
    SecureTag(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(name) => write!(f, "tag:{name}"),
            Self::Account(name) => write!(f, "account:{name}"),
            Self::SecureTag(name) => write!(f, "secure-tag:{name}"),
        }
    }
}

/// Names that rules list.
pub type Identities = BTreeSet<Identity>;

/// The VMs that carry something of each of `any` and nothing of `none`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bearers {
    any: BTreeSet<Identities>,
    none: Identities,
}

impl Bearers {
    /// Every VM.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether this is every VM.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Those of these VMs that carry something of `wanted`; `None` where there are none.
    #[must_use]
    pub fn with_any(&self, wanted: &Identities) -> Option<Self> {
        let mut any = self.any.clone();
        any.insert(wanted.clone());
        Self { any, none: self.none.clone() }.tidy()
    }

    /// Those of these VMs that carry nothing of `unwanted`; `None` where there are none.
    #[must_use]
    pub fn with_none(&self, unwanted: &Identities) -> Option<Self> {
        let none = self.none.union(unwanted).cloned().collect();
        Self { any: self.any.clone(), none }.tidy()
    }

    /// VMs of both sets; `None` where there are none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let any = self.any.union(&other.any).cloned().collect();
        let none = self.none.union(&other.none).cloned().collect();
        Self { any, none }.tidy()
    }

    /// VMs of this set only, as disjoint sets.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<Self> {
        let mut left = Vec::new();
        let mut rest = Some(self.clone());
        for wanted in &other.any {
            let Some(here) = rest else { return left };
            left.extend(here.with_none(wanted));
            rest = here.with_any(wanted);
        }
        if let Some(here) = rest
            && !other.none.is_empty()
        {
            left.extend(here.with_any(&other.none));
        }
        left
    }

    /// Whether every VM of `other` is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether a VM that carries exactly `carried` is one of these.
    #[must_use]
    pub fn contains(&self, carried: &Identities) -> bool {
        self.none.is_disjoint(carried) && self.any.iter().all(|set| !set.is_disjoint(carried))
    }

    /// What a VM of these could carry.
    #[must_use]
    pub fn example(&self) -> Option<Identities> {
        let account = self.account()?;
        let fits = |one: &&Identity| match one {
            Identity::Account(_) => account == Some(*one),
            _ => true,
        };
        let picks = self.any.iter().map(|set| set.iter().find(fits).cloned());
        picks.collect::<Option<Identities>>()
    }

    /// The same set without one of its conditions, for each of them: what it could be widened to.
    pub fn relaxed(&self) -> impl Iterator<Item = Self> {
        let fewer = self.any.iter().map(|left_out| Self {
            any: self.any.iter().filter(|set| *set != left_out).cloned().collect(),
            none: self.none.clone(),
        });
        let more = self.none.iter().map(|left_out| Self {
            any: self.any.clone(),
            none: self.none.iter().filter(|one| *one != left_out).cloned().collect(),
        });
        fewer.chain(more)
    }

    /// The conditions in words: `tag:web` (all of them hold), `not tag:db`.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let wanted = self
            .any
            .iter()
            .map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
        wanted.chain(self.none.iter().map(|one| format!("not {one}"))).collect()
    }

    /// The names of which one suffices, and what has to hold besides, in words.
    #[must_use]
    pub fn any_and_also(&self) -> (Vec<String>, Vec<String>) {
        let first = self.any.iter().min_by_key(|set| (set.len(), *set));
        let names = first.into_iter().flatten().map(ToString::to_string).collect();
        let others = self
            .any
            .iter()
            .filter(|set| Some(*set) != first)
            .map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
        let none = self.none.iter().map(|one| format!("not {one}"));
        (names, others.chain(none).collect())
    }

    /// One form for equal conditions; `None` where no VM can meet them.
    fn tidy(self) -> Option<Self> {
        let Self { any, none } = self;
        let any: BTreeSet<Identities> =
            any.into_iter().map(|set| set.difference(&none).cloned().collect()).collect();
        // What a smaller set demands, a larger one demands already.
        let weaker = |set: &Identities| any.iter().any(|one| one != set && one.is_subset(set));
        let any = any.iter().filter(|set| !weaker(set)).cloned().collect();
        let tidied = Self { any, none };
        tidied.account().is_some().then_some(tidied)
    }

    /// An account that leaves all conditions possible (`Some(None)`: none at all); `None` where no
    /// VM meets them.
    fn account(&self) -> Option<Option<&Identity>> {
        let is_account = |one: &&Identity| matches!(one, Identity::Account(_));
        let possible = |account: Option<&Identity>| {
            self.any
                .iter()
                .all(|set| set.iter().any(|one| !is_account(&one) || account == Some(one)))
        };
        let named = self.any.iter().flatten().filter(is_account).map(Some);
        std::iter::once(None).chain(named).find(|account| possible(*account))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bearers, Identities, Identity};

    fn names(text: &str) -> Identities {
        let one = |word: &str| match word.strip_suffix('@') {
            Some(account) => Identity::Account(account.to_owned()),
            None => Identity::Tag(word.to_owned()),
        };
        text.split_whitespace().map(one).collect()
    }

    fn subsets() -> Vec<Identities> {
        ["", "a", "b", "a b", "x@", "a x@", "b x@", "a b x@", "y@", "a y@", "b y@", "a b y@"]
            .map(names)
            .to_vec()
    }

    #[test]
    fn algebra_agrees_with_membership() {
        let all = Bearers::all();
        let sets: Vec<Bearers> = ["a", "b", "a b", "x@", "x@ y@", "a x@"]
            .iter()
            .flat_map(|text| [all.with_any(&names(text)), all.with_none(&names(text))])
            .flatten()
            .collect();
        for a in &sets {
            for b in &sets {
                let left = a.difference(b);
                for vm in subsets() {
                    let (in_a, in_b) = (a.contains(&vm), b.contains(&vm));
                    let both = a.intersection(b).is_some_and(|set| set.contains(&vm));
                    assert_eq!(both, in_a && in_b, "{a:?} and {b:?} at {vm:?}");
                    let of = left.iter().filter(|set| set.contains(&vm)).count();
                    assert_eq!(of, usize::from(in_a && !in_b), "{a:?} less {b:?} at {vm:?}");
                }
            }
        }
    }

    #[test]
    fn a_vm_has_one_account() {
        let x = Bearers::all().with_any(&names("x@")).unwrap();
        assert!(x.with_any(&names("y@")).is_none());
        assert_eq!(x.with_any(&names("y@ a")).unwrap().example().unwrap(), names("x@ a"));
        assert!(x.with_none(&names("x@")).is_none());
    }
}
