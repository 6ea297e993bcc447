//! A key or value on its way through the steps: lent, or given away.
//!
//! This is how values are moved along single-child edges and cloned only where a value has two readers, without
//! a step knowing which it is on.
//!
//! Knows places and who may empty them; does not know what is in them, nor what a null means.

use std::any::Any;

/// A place that holds a value (`None` is a null) for the step that is called.
#[derive(Debug)]
pub enum Slot<'a, T> {
    /// Somebody else reads it afterwards: taking it clones.
    Lent(&'a Option<T>),
    /// The callee is the last to see it: taking it moves.
    Given(&'a mut Option<T>),
}

impl<T> Slot<'_, T> {
    /// The value, `None` for a null.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.whole().as_ref()
    }

    /// The place itself.
    #[inline]
    pub fn whole(&self) -> &Option<T> {
        match self {
            Slot::Lent(place) => place,
            Slot::Given(place) => place,
        }
    }

    /// For a reader that is not the last.
    #[inline]
    pub fn lend(&self) -> Slot<'_, T> {
        Slot::Lent(self.whole())
    }

    /// For the last reader, on the terms this step got it on.
    #[inline]
    pub fn pass(&mut self) -> Slot<'_, T> {
        match self {
            Slot::Lent(place) => Slot::Lent(place),
            Slot::Given(place) => Slot::Given(place),
        }
    }

    /// The value itself: moved out if it was given, cloned if it was lent.
    #[inline]
    pub fn take(&mut self) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Slot::Lent(place) => (*place).clone(),
            Slot::Given(place) => place.take(),
        }
    }

    /// Puts a value that nobody needs any more where the callee took its own from, if it fits there: what is read
    /// next can use its memory again.
    #[inline]
    pub fn give_back<V: 'static>(&mut self, mut value: Option<V>)
    where
        T: 'static,
    {
        let value: &mut dyn Any = &mut value;
        if let (Slot::Given(place @ None), Some(value)) = (self, value.downcast_mut::<Option<T>>()) {
            **place = value.take();
        }
    }
}

/// A key, and its bytes in the stream's key format if they are known: then no store, sink or join on the way has
/// to encode it again.
#[derive(Debug)]
pub struct KeySlot<'a, K> {
    /// The typed key.
    pub slot: Slot<'a, K>,
    /// Its bytes. `None` if not known, or if the key is null.
    pub raw: Option<&'a [u8]>,
}

impl<'a, K> KeySlot<'a, K> {
    /// A key that a step made: its bytes are not known yet.
    #[inline]
    pub fn new(place: &'a mut Option<K>) -> Self {
        KeySlot { slot: Slot::Given(place), raw: None }
    }

    /// For a reader that is not the last.
    #[inline]
    pub fn lend(&self) -> KeySlot<'_, K> {
        KeySlot { slot: self.slot.lend(), raw: self.raw }
    }

    /// For the last reader.
    #[inline]
    pub fn pass(&mut self) -> KeySlot<'_, K> {
        KeySlot { slot: self.slot.pass(), raw: self.raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_value_is_moved_and_a_lent_one_is_cloned() {
        let mut place = Some(String::from("apple"));
        let at = place.as_ref().unwrap().as_ptr();
        let cloned = Slot::Lent(&place).take().unwrap();
        assert_ne!(cloned.as_ptr(), at);
        let moved = Slot::Given(&mut place).take().unwrap();
        assert_eq!(moved.as_ptr(), at);
        assert_eq!(place, None);
    }

    #[test]
    fn a_value_goes_back_only_where_one_of_its_type_was_taken() {
        let mut place = Some(String::from("apple"));
        let mut slot = Slot::Given(&mut place);
        slot.give_back(Some(String::from("pear")));
        assert_eq!(slot.take().as_deref(), Some("apple"));
        slot.give_back(Some(1));
        assert_eq!(slot.get(), None);
        slot.give_back(Some(String::from("pear")));
        assert_eq!(place.as_deref(), Some("pear"));
    }
}
