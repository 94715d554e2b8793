//! Tables that hold many small things: each stands once, in the order in which they came, and an
//! index of places finds it.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashTable};

/// Things to small numbers, so that keys are of fixed size and nothing is allocated for a record.
#[derive(Debug, Clone)]
pub(super) struct Numbered<T> {
    things: Vec<T>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { things: Vec::new(), index: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<T: Hash + Eq> Numbered<T> {
    /// The number of a thing; a new one is put down as `own` makes it.
    pub(super) fn number<Q>(&mut self, thing: &Q, own: impl FnOnce() -> T) -> u32
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        let (things, hasher) = (&mut self.things, &self.hasher);
        let hash = hasher.hash_one(thing);
        let same =
            |number: &u32| things.get(*number as usize).is_some_and(|one| thing.equivalent(one));
        if let Some(number) = self.index.find(hash, same) {
            return *number;
        }
        let number = u32::try_from(things.len()).unwrap_or(u32::MAX);
        things.push(own());
        self.index.insert_unique(hash, number, |number| {
            things.get(*number as usize).map_or(0, |one| hasher.hash_one(one))
        });
        number
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.things.get(number as usize)
    }

    /// All of them, by their numbers.
    pub(super) fn all(&self) -> &[T] {
        &self.things
    }
}

/// Keys with values. They stand in blocks, since a list that grows by doubling would for a moment
/// need three times its room.
#[derive(Debug, Clone)]
pub(super) struct Table<K, V> {
    blocks: Vec<Vec<Row<K, V>>>,
    index: HashTable<u32>,
}

/// A key with its value. What is looked up is mostly not in the caches: it should stand in as few
/// of their lines as it can.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Row<K, V>(K, V);

const BLOCK: usize = 1 << 12;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { blocks: Vec::new(), index: HashTable::new() }
    }
}

impl<K: Copy, V> Table<K, V> {
    pub(super) fn len(&self) -> u32 {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        u32::try_from(full + self.blocks.last().map_or(0, Vec::len)).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<(&K, &V)> {
        let Row(key, value) = self.blocks.get(at as usize / BLOCK)?.get(at as usize % BLOCK)?;
        Some((key, value))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<(&mut K, &mut V)> {
        let block = self.blocks.get_mut(at as usize / BLOCK)?;
        let Row(key, value) = block.get_mut(at as usize % BLOCK)?;
        Some((key, value))
    }

    /// The place at which a key of this hash most likely stands: to have it brought from memory.
    #[inline]
    pub(super) fn likely(&self, hash: u64) -> Option<u32> {
        self.index.find(hash, |_| true).copied()
    }

    /// Gives back what is only needed to find keys; it is made anew where one is looked for.
    pub(super) fn give_back_index(&mut self) {
        self.index = HashTable::new();
    }

    /// All of it, in order; each block is given back when it is done with.
    pub(super) fn into_rows(self) -> impl Iterator<Item = (K, V)> {
        self.blocks.into_iter().flatten().map(|Row(key, value)| (key, value))
    }

    /// The place of a key, or of one that counts as the same; `hash` is equal for those. A new one
    /// gets `value`.
    #[inline]
    pub(super) fn place(
        &mut self,
        key: K,
        hash: impl Fn(&K) -> u64,
        same: impl Fn(&K, &K) -> bool,
        value: impl Fn() -> V,
    ) -> u32 {
        if self.index.is_empty() && !self.blocks.is_empty() {
            self.widen(&hash);
        }
        let own = hash(&key);
        let blocks = &self.blocks;
        let at = |at: &u32| blocks.get(*at as usize / BLOCK)?.get(*at as usize % BLOCK);
        let is_same = |one: &u32| at(one).is_some_and(|Row(other, _)| same(other, &key));
        if let Some(found) = self.index.find(own, is_same) {
            return *found;
        }
        if self.index.len() == self.index.capacity() {
            self.widen(&hash);
        }
        let new = self.len();
        // It has room: nothing is hashed again.
        self.index.insert_unique(own, new, |_| 0);
        let row = Row(key, value());
        match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => block.push(row),
            None => {
                // The first block stays small where there is little.
                let mut block = Vec::with_capacity(if self.blocks.is_empty() { 16 } else { BLOCK });
                block.push(row);
                self.blocks.push(block);
            }
        }
        new
    }

    /// Makes the index anew with twice the room. Left to itself it would go through the rows in the
    /// order of their hashes, and wait for memory at each.
    fn widen(&mut self, hash: impl Fn(&K) -> u64) {
        let room = (self.len() as usize * 2).max(16);
        self.index = HashTable::new();
        self.index.reserve(room, |_| 0);
        for (at, Row(key, _)) in (0..).zip(self.blocks.iter().flatten()) {
            self.index.insert_unique(hash(key), at, |_| 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Table};

    #[track_caller]
    fn check(table: &mut Table<u64, u64>, key: u64, place: usize) {
        // A poor hash: many keys stand at one place of the index.
        let at = table.place(key, |key| key % 1_000, |a, b| a == b, || key * 2);
        assert_eq!(at as usize, place, "{key}");
        assert_eq!(table.get(at), Some((&key, &(key * 2))));
    }

    #[test]
    fn keys_stand_in_the_order_in_which_they_came_and_are_found_again() {
        let mut table = Table::default();
        let keys: Vec<u64> = (0..).step_by(7).take(3 * BLOCK).collect();
        for _ in 0..2 {
            for (place, key) in keys.iter().enumerate() {
                check(&mut table, *key, place);
            }
        }
        table.give_back_index();
        check(&mut table, 14, 2);
        check(&mut table, 1, keys.len());
        assert_eq!(table.len() as usize, keys.len() + 1);
        let rows = keys.into_iter().chain([1]).map(|key| (key, key * 2));
        assert!(table.into_rows().eq(rows));
    }
}
