//! From key bytes to an entry: a hash index over a slab.
//!
//! Knows keys and slots, not what an entry means. A slot stays where it is until it is removed, so that lists of
//! slots stand for lists of keys. Nothing ever iterates over the hash index: its order would make outputs
//! irreproducible.

use super::key::Key;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};
use std::ops::{Index, IndexMut};

/// The place of an entry.
pub(super) type Slot = u32;

/// No slot, no position.
pub(super) const NONE: u32 = u32::MAX;

pub(super) struct Table<E> {
    index: HashTable<Slot>,
    slots: Vec<Option<Keyed<E>>>,
    free: Vec<Slot>,
    /// What keys take that do not fit into their entries.
    long_keys: usize,
}

struct Keyed<E> {
    key: Key,
    entry: E,
}

impl<E> Table<E> {
    pub(super) fn new() -> Self {
        Table { index: HashTable::new(), slots: Vec::new(), free: Vec::new(), long_keys: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Slots in use or used before are below this.
    pub(super) fn bound(&self) -> Slot {
        self.slots.len() as Slot
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Slot> {
        let slots = &self.slots;
        self.index.find(hash(key), |&slot| is(slots, slot, key)).copied()
    }

    /// Adds an entry for a key that has none.
    pub(super) fn insert(&mut self, key: &[u8], entry: E) -> Slot {
        debug_assert!(self.find(key).is_none(), "a key has one entry");
        let key_of_entry = Key::new(key);
        self.long_keys += key_of_entry.beside();
        let keyed = Some(Keyed { key: key_of_entry, entry });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = keyed;
                slot
            }
            None => {
                let slot = self.slots.len() as Slot;
                assert!(slot != NONE, "an overlay holds less than 2^32 keys");
                self.slots.push(keyed);
                slot
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash(key), slot, |&slot| hash(used(slots, slot).key.as_bytes()));
        slot
    }

    /// Removes an entry; its slot will be used again.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(gone) = self.slots[slot as usize].take() else { return };
        self.long_keys -= gone.key.beside();
        if let Ok(found) = self.index.find_entry(hash(gone.key.as_bytes()), |&other| other == slot) {
            found.remove();
        }
        self.free.push(slot);
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.slots.clear();
        self.free.clear();
        self.long_keys = 0;
    }

    /// What its entries take, as if there were none that are free. Vectors grow by doubling, so an entry counts twice.
    pub(super) fn bytes(&self) -> usize {
        self.len() * Self::ENTRY + self.long_keys
    }

    /// What one entry takes of that.
    pub(super) const ENTRY: usize = 2 * (size_of::<Option<Keyed<E>>>() + size_of::<Slot>() + 1);

    /// True if most of the memory it has belongs to no entry.
    pub(super) fn is_sparse(&self) -> bool {
        self.slots.capacity() > 3 * self.len() + 4
    }

    /// Gives the memory back that no entry has. Says for each slot where its entry is now.
    pub(super) fn compact(&mut self) -> Vec<Slot> {
        let mut moved = vec![NONE; self.slots.len()];
        let mut slots: Vec<Option<Keyed<E>>> = Vec::with_capacity(self.len() + self.len() / 4);
        let mut index = HashTable::with_capacity(self.len());
        for (old, keyed) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            if keyed.is_some() {
                let slot = slots.len() as Slot;
                moved[old] = slot;
                slots.push(keyed);
                let rehash = |&slot: &Slot| hash(used(&slots, slot).key.as_bytes());
                index.insert_unique(rehash(&slot), slot, rehash);
            }
        }
        (self.index, self.slots, self.free) = (index, slots, Vec::new());
        moved
    }

    #[inline]
    pub(super) fn key(&self, slot: Slot) -> &Key {
        &used(&self.slots, slot).key
    }

    /// The entry at a slot that may be free.
    pub(super) fn get(&self, slot: Slot) -> Option<(&Key, &E)> {
        let keyed = self.slots.get(slot as usize)?.as_ref()?;
        Some((&keyed.key, &keyed.entry))
    }
}

impl<E> Index<Slot> for Table<E> {
    type Output = E;

    #[inline]
    fn index(&self, slot: Slot) -> &E {
        &used(&self.slots, slot).entry
    }
}

impl<E> IndexMut<Slot> for Table<E> {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut E {
        match &mut self.slots[slot as usize] {
            Some(keyed) => &mut keyed.entry,
            None => unreachable!("slot {slot} is free"),
        }
    }
}

#[inline]
fn used<E>(slots: &[Option<Keyed<E>>], slot: Slot) -> &Keyed<E> {
    match &slots[slot as usize] {
        Some(keyed) => keyed,
        None => unreachable!("slot {slot} is free"),
    }
}

#[inline]
fn is<E>(slots: &[Option<Keyed<E>>], slot: Slot, key: &[u8]) -> bool {
    used(slots, slot).key.as_bytes() == key
}

/// A fixed seed: two runs do the same work in the same order.
#[inline]
fn hash(key: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stay_while_others_come_and_go() {
        let mut table = Table::new();
        let slots: Vec<Slot> = (0..1000u32).map(|i| table.insert(&i.to_be_bytes(), i)).collect();
        for i in (0..1000).step_by(2) {
            table.remove(slots[i]);
        }
        let again = table.insert(b"a key of more than twenty-four bytes", 7);
        assert!(again % 2 == 0 && again < 1000, "a free slot is used again");
        for i in 0..1000u32 {
            let expected = (i % 2 == 1).then_some(slots[i as usize]);
            assert_eq!(table.find(&i.to_be_bytes()), expected);
        }
        assert_eq!((table[slots[1]], table[again], table.len()), (1, 7, 501));
        table.clear();
        assert_eq!(table.find(&1u32.to_be_bytes()), None);
        assert_eq!(table.bytes(), 0);
    }

    #[test]
    fn what_is_left_can_move_together() {
        let mut table = Table::new();
        let long = |i: u32| [&i.to_be_bytes()[..], &[b'x'; 30]].concat();
        let slots: Vec<Slot> = (0..1000u32).map(|i| table.insert(&long(i), i)).collect();
        let full = table.bytes();
        assert!(full > 1000 * 34 && !table.is_sparse());
        for i in (0..1000).filter(|i| i % 10 != 3) {
            table.remove(slots[i]);
        }
        assert_eq!((table.bytes(), table.is_sparse()), (full / 10, true));
        let moved = table.compact();
        assert!(!table.is_sparse() && table.bound() == 100);
        for i in 0..1000u32 {
            let expected = (i % 10 == 3).then(|| moved[slots[i as usize] as usize]);
            assert_eq!(table.find(&long(i)), expected);
            assert!(expected.is_none_or(|slot| table[slot] == i));
        }
        assert_eq!(table.insert(b"new", 7), 100);
    }
}
