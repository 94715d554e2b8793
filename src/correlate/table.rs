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
    blocks: Vec<Vec<(K, V)>>,
    index: HashTable<u32>,
}

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

    pub(super) fn get(&self, at: u32) -> Option<&(K, V)> {
        self.blocks.get(at as usize / BLOCK)?.get(at as usize % BLOCK)
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut (K, V)> {
        self.blocks.get_mut(at as usize / BLOCK)?.get_mut(at as usize % BLOCK)
    }

    /// What most likely stands at the place of a key of this hash: to have it brought from memory.
    pub(super) fn glimpse(&self, hash: u64) -> Option<&(K, V)> {
        self.get(*self.index.find(hash, |_| true)?)
    }

    /// The blocks, in order.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = Vec<(K, V)>> {
        self.blocks.into_iter()
    }

    /// The place of a key, or of one that counts as the same; `hash` is equal for those. A new one
    /// gets `value`.
    pub(super) fn place(
        &mut self,
        key: K,
        hash: impl Fn(&K) -> u64,
        same: impl Fn(&K, &K) -> bool,
        value: impl Fn() -> V,
    ) -> u32 {
        let own = hash(&key);
        let blocks = &self.blocks;
        let at = |at: &u32| blocks.get(*at as usize / BLOCK)?.get(*at as usize % BLOCK);
        let is_same = |one: &u32| at(one).is_some_and(|(other, _)| same(other, &key));
        if let Some(found) = self.index.find(own, is_same) {
            return *found;
        }
        let new = self.len();
        self.index.insert_unique(own, new, |one| at(one).map_or(0, |(key, _)| hash(key)));
        match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => block.push((key, value())),
            None => {
                // The first block stays small where there is little.
                let mut block = Vec::with_capacity(if self.blocks.is_empty() { 16 } else { BLOCK });
                block.push((key, value()));
                self.blocks.push(block);
            }
        }
        new
    }
}
