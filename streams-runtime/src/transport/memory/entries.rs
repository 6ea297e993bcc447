//! What stands at each offset of a partition: every record stays until it is deleted, and memory that is touched for the
//! first time costs more than all the work on a record, so an entry is small and never moves.
//!
//! Knows positions from the start of the log. It does not know offsets, transactions or who reads.

use super::log::{Body, Stamp};

/// What stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Aborted,
    /// A commit or abort marker, or a record that was removed: it has an offset, and nobody ever sees it.
    Control,
}

/// A record, who wrote it, and what became of it. A control record says nothing but that it is one.
pub(super) struct Entry {
    pub(super) body: Body,
    /// The number of the producer, and above it the kind.
    producer: u32,
    sequence: u32,
}

/// Numbers of producers are below this.
const ABORTED: u32 = 1 << 30;
const CONTROL: u32 = 1 << 31;

impl Entry {
    #[inline]
    pub(super) fn data(body: Body, Stamp { producer, sequence }: Stamp) -> Self {
        debug_assert!(producer < ABORTED, "producers are made one by one");
        Entry { body, producer, sequence }
    }

    #[inline]
    pub(super) fn control() -> Self {
        Entry { body: Body::NONE, producer: CONTROL, sequence: 0 }
    }

    #[inline]
    pub(super) fn kind(&self) -> Kind {
        match self.producer {
            CONTROL.. => Kind::Control,
            ABORTED.. => Kind::Aborted,
            _ => Kind::Data,
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp { producer: self.producer & !(CONTROL | ABORTED), sequence: self.sequence }
    }

    pub(super) fn abort(&mut self) {
        self.producer |= ABORTED;
    }

    /// From now on it is as a control record: an offset that nobody sees.
    pub(super) fn remove(&mut self) {
        self.producer |= CONTROL;
    }
}

/// How many elements share an allocation.
const SEGMENT: usize = 256;
/// So many forgotten segments are kept for later.
const SPARE: usize = 8;

/// A queue that never moves its elements: growing by copying costs more than everything else together, since each
/// copy touches fresh memory.
pub(super) struct Queue<T> {
    /// All of the same size, which is a power of two, so that an element is found by a shift and a mask. They are
    /// forgotten rarely: an index without a detour is worth more than a cheap removal.
    full: Vec<Vec<T>>,
    /// The segment behind them, which grows. It stands apart because nearly everything happens here.
    last: Vec<T>,
    /// Forgotten segments: memory that is used again costs a fraction of memory that is touched for the first time.
    spare: Vec<Vec<T>>,
    /// Forgotten elements at the beginning of the first segment; it goes when all of it is forgotten.
    forgotten: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { full: Vec::new(), last: Vec::new(), spare: Vec::new(), forgotten: 0 }
    }
}

impl<T> Queue<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.full.len() * SEGMENT + self.last.len() - self.forgotten
    }

    #[inline]
    pub(super) fn push(&mut self, element: T) {
        if self.last.len() == self.last.capacity() {
            self.begin_segment();
        }
        self.last.push(element);
    }

    #[cold]
    fn begin_segment(&mut self) {
        let segment = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(SEGMENT));
        let full = std::mem::replace(&mut self.last, segment);
        if !full.is_empty() {
            self.full.push(full);
        }
    }

    /// Forgets the first `count`.
    pub(super) fn forget(&mut self, count: usize) {
        let all = count == self.len();
        self.forgotten += count;
        let segments = (self.forgotten / SEGMENT).min(self.full.len());
        let room = SPARE - self.spare.len();
        self.spare.extend(self.full.drain(..segments).take(room).map(|mut segment| {
            segment.clear();
            segment
        }));
        self.forgotten -= segments * SEGMENT;
        if all {
            // From its beginning again.
            self.last.clear();
            self.forgotten = 0;
        }
    }

    /// Loses all but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.len() > len {
            if self.last.pop().is_none() {
                self.last = self.full.pop().unwrap_or_default();
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> &T {
        let at = self.forgotten + at;
        &self.full.get(at / SEGMENT).unwrap_or(&self.last)[at % SEGMENT]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> &mut T {
        let at = self.forgotten + at;
        &mut self.full.get_mut(at / SEGMENT).unwrap_or(&mut self.last)[at % SEGMENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_shifts_nothing() {
        let mut queue = Queue::default();
        (0..1050).for_each(|n| queue.push(n));
        let seen = |queue: &Queue<i32>| -> Vec<i32> { (0..queue.len()).map(|at| *queue.get(at)).collect() };
        *queue.get_mut(3) = -3;
        assert_eq!(seen(&queue)[..5], [0, 1, 2, -3, 4]);
        queue.forget(3);
        assert_eq!(seen(&queue)[..3], [-3, 4, 5]);
        queue.forget(1000);
        assert_eq!(seen(&queue), (1003..1050).collect::<Vec<_>>());
        (1050..2000).for_each(|n| queue.push(n));
        assert_eq!(seen(&queue), (1003..2000).collect::<Vec<_>>());
        queue.forget(997);
        assert!(seen(&queue).is_empty());
        queue.push(2000);
        assert_eq!(seen(&queue), [2000]);
    }
}
