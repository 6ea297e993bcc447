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
}

struct Keyed<E> {
    key: Key,
    entry: E,
}

impl<E> Table<E> {
    pub(super) fn new() -> Self {
        Table { index: HashTable::new(), slots: Vec::new(), free: Vec::new() }
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
        let keyed = Some(Keyed { key: Key::new(key), entry });
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
        if let Ok(found) = self.index.find_entry(hash(gone.key.as_bytes()), |&other| other == slot) {
            found.remove();
        }
        self.free.push(slot);
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.slots.clear();
        self.free.clear();
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
    }
}
