//! Things that several inputs describe: which of them are one.
//!
//! Networks of one name in two projects are two; a subnetwork called `default` is one in each
//! region.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use foldhash::fast::RandomState;

use crate::model::Reference;

/// Whether each thing has a name of its own: nothing is described twice then, as mostly.
pub(super) fn all_differ<'t, T: Hash + Eq>(mut names: impl Iterator<Item = T> + 't) -> bool {
    let mut seen = HashSet::with_hasher(RandomState::default());
    names.all(|name| seen.insert(name))
}

/// A name, and where it is, where all of that is said.
pub(super) type Placed<'t> = (&'t str, Option<(&'t str, &'t str)>);

/// The name and the place of a reference.
pub(super) fn place(id: &Reference) -> Placed<'_> {
    (&id.name, id.project.as_deref().zip(id.location.as_deref()))
}

/// What is kept of one name, by its number.
#[derive(Default)]
struct Namesakes {
    /// Where all of the place is said.
    placed: HashMap<(String, String), Vec<usize>, RandomState>,
    /// Where it is not: these may be those of any place.
    open: Vec<usize>,
    all: Vec<usize>,
}

impl Namesakes {
    /// Those that may be the same as one of this place.
    fn near(&self, place: Option<(&str, &str)>) -> impl Iterator<Item = usize> {
        let key = place.map(|(project, location)| (project.to_owned(), location.to_owned()));
        let here = key.as_ref().map(|key| self.placed.get(key).map_or(&[][..], Vec::as_slice));
        let (here, others) = match here {
            Some(here) => (here, &self.open),
            None => (&[][..], &self.all),
        };
        here.iter().chain(others).copied()
    }

    fn keep(&mut self, number: usize, place: Option<(&str, &str)>) {
        self.all.push(number);
        match place {
            Some((project, location)) => {
                let key = (project.to_owned(), location.to_owned());
                self.placed.entry(key).or_default().push(number);
            }
            None => self.open.push(number),
        }
    }
}

/// Keeps the first of things that are the same; those have one name, and no two places, so only
/// such are compared. `again` sees the one that is kept, and each other one.
pub(super) fn first_of_each<T>(
    list: &mut Vec<T>,
    placed: impl Fn(&T) -> Placed<'_>,
    same: impl Fn(&T, &T) -> bool,
    mut again: impl FnMut(&mut T, &T),
) {
    if all_differ(list.iter().map(|one| placed(one).0)) {
        return;
    }
    let mut kept: Vec<T> = Vec::with_capacity(list.len());
    let mut by_name: HashMap<String, Namesakes, RandomState> = HashMap::default();
    for one in std::mem::take(list) {
        let (name, place) = placed(&one);
        let namesakes = by_name.entry(name.to_owned()).or_default();
        let is_same = |at: &usize| kept.get(*at).is_some_and(|before| same(before, &one));
        let before = namesakes.near(place).filter(is_same).min();
        match before.and_then(|at| kept.get_mut(at)) {
            Some(before) => again(before, &one),
            None => {
                namesakes.keep(kept.len(), place);
                kept.push(one);
            }
        }
    }
    *list = kept;
}

#[cfg(test)]
mod tests {
    use super::{first_of_each, place};
    use crate::model::Reference;

    /// Each is compared with those that it may be, and with no others.
    #[test]
    fn the_first_is_kept_of_what_may_be_one() {
        let at = |project: Option<&str>, location: Option<&str>| Reference {
            location: location.map(str::to_owned),
            ..Reference::new(project, "default")
        };
        let mut list = vec![
            at(Some("p"), Some("r")),
            at(Some("p"), Some("s")),
            at(Some("p"), Some("r")),
            at(Some("q"), Some("r")),
            at(None, Some("s")),
            Reference::new(None, "other"),
        ];
        let mut again = Vec::new();
        first_of_each(
            &mut list,
            place,
            |a, b| a.agrees(b),
            |kept, other| {
                again.push((kept.clone(), other.clone()));
            },
        );
        assert_eq!(list.len(), 4);
        assert_eq!(again[0], (at(Some("p"), Some("r")), at(Some("p"), Some("r"))));
        assert_eq!(again[1], (at(Some("p"), Some("s")), at(None, Some("s"))));
        // What is open takes in what may be it.
        let mut open = vec![at(None, None), at(Some("p"), Some("r")), at(Some("q"), Some("s"))];
        first_of_each(&mut open, place, |a, b| a.agrees(b), |_, _| {});
        assert_eq!(open, [at(None, None)]);
    }

    /// Of many places each is looked at once: comparisons grow with the list, not with its square.
    #[test]
    fn places_are_not_compared_with_one_another() {
        let many = 2_000;
        let list = |number: usize| Reference {
            location: Some(format!("r{number}")),
            ..Reference::new(Some("p"), "default")
        };
        let mut all: Vec<Reference> = (0..many).chain(0..many).map(list).collect();
        let compared = std::cell::Cell::new(0);
        let same = |a: &Reference, b: &Reference| {
            compared.set(compared.get() + 1);
            a.agrees(b)
        };
        first_of_each(&mut all, place, same, |_, _| {});
        assert_eq!((all.len(), compared.get()), (many, many));
    }
}
