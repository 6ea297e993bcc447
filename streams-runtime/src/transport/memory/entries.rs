//! What stands at each offset of a partition, kept small: every record stays until it is deleted, and memory that is
//! touched for the first time costs more than all the work on a record.
//!
//! Knows positions from the start of the log. It does not know offsets, transactions or who reads.
//!
//! ```text
//! marks   0   1   C   2:aborted   C   3        one word an offset
//! stored  a1  b1  a2  b2                       records only: a control record is a mark and nothing else
//! ```

use super::log::{Body, Stamp};

/// A record, and who wrote it.
pub(super) struct Stored {
    pub(super) body: Body,
    pub(super) stamp: Stamp,
}

/// What stands at an offset.
pub(super) enum Entry<'a> {
    Data(&'a Stored),
    Aborted(&'a Stored),
    /// A commit or abort marker: it has an offset, and nobody ever sees it.
    Control,
}

/// The number of a record, and above it whether it is aborted or none at all.
type Mark = u32;
const NUMBER: Mark = (1 << 30) - 1;
const ABORTED: Mark = 1 << 30;
const CONTROL: Mark = 1 << 31;

/// One entry for each offset.
#[derive(Default)]
pub(super) struct Entries {
    marks: Queue<Mark>,
    stored: Queue<Stored>,
    /// The number of the first record that is not forgotten; numbers go round.
    first: Mark,
}

impl Entries {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The first record.
    pub(super) fn first(&self) -> Option<&Stored> {
        (self.stored.len() > 0).then(|| self.stored.get(0))
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Entry<'_> {
        let mark = *self.marks.get(at);
        if mark & CONTROL != 0 {
            return Entry::Control;
        }
        let stored = self.stored.get((mark.wrapping_sub(self.first) & NUMBER) as usize);
        if mark & ABORTED == 0 { Entry::Data(stored) } else { Entry::Aborted(stored) }
    }

    #[inline]
    pub(super) fn push(&mut self, body: Body, stamp: Stamp) {
        assert!(self.stored.len() < NUMBER as usize, "a partition in memory holds less than 2^30 records");
        self.marks.push(self.first.wrapping_add(self.stored.len() as Mark) & NUMBER);
        self.stored.push(Stored { body, stamp });
    }

    #[inline]
    pub(super) fn push_control(&mut self) {
        self.marks.push(CONTROL);
    }

    pub(super) fn abort(&mut self, at: usize) {
        *self.marks.get_mut(at) |= ABORTED;
    }

    /// From now on it is as a control record: an offset that nobody sees.
    pub(super) fn remove(&mut self, at: usize) {
        *self.marks.get_mut(at) = CONTROL;
    }

    /// Loses all but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        let lost = (len..self.marks.len()).map(|at| *self.marks.get(at)).find(|mark| mark & CONTROL == 0);
        if let Some(first) = lost {
            self.stored.truncate((first.wrapping_sub(self.first) & NUMBER) as usize);
        }
        self.marks.truncate(len);
    }

    /// Forgets the first `count`.
    pub(super) fn forget(&mut self, count: usize) {
        // Records stand in the order of their marks: the next one that stays tells how many go.
        let staying =
            (count..self.marks.len()).map(|at| *self.marks.get(at)).find(|mark| mark & CONTROL == 0);
        let records =
            staying.map_or(self.stored.len(), |mark| (mark.wrapping_sub(self.first) & NUMBER) as usize);
        self.marks.forget(count);
        self.stored.forget(records);
        self.first = self.first.wrapping_add(records as Mark) & NUMBER;
    }
}

/// How many elements share an allocation.
const SEGMENT: usize = 256;
/// So many forgotten segments are kept for later.
const SPARE: usize = 8;

/// A queue that never moves its elements: growing by copying costs more than everything else together, since each
/// copy touches fresh memory.
struct Queue<T> {
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
    fn len(&self) -> usize {
        self.full.len() * SEGMENT + self.last.len() - self.forgotten
    }

    #[inline]
    fn push(&mut self, element: T) {
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

    fn forget(&mut self, count: usize) {
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

    fn truncate(&mut self, len: usize) {
        while self.len() > len {
            if self.last.pop().is_none() {
                self.last = self.full.pop().unwrap_or_default();
            }
        }
    }

    #[inline]
    fn get(&self, at: usize) -> &T {
        let at = self.forgotten + at;
        &self.full.get(at / SEGMENT).unwrap_or(&self.last)[at % SEGMENT]
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> &mut T {
        let at = self.forgotten + at;
        &mut self.full.get_mut(at / SEGMENT).unwrap_or(&mut self.last)[at % SEGMENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use crate::transport::memory::arena::Spot;

    fn body(timestamp: i64) -> Body {
        Body { spot: Spot::default(), key_len: 0, value_len: 0, timestamp, headers: Headers::new() }
    }

    fn seen(entries: &Entries) -> Vec<i64> {
        let time = |at| match entries.get(at) {
            Entry::Data(stored) => stored.body.timestamp,
            Entry::Aborted(stored) => -stored.body.timestamp,
            Entry::Control => 0,
        };
        (0..entries.len()).map(time).collect()
    }

    #[test]
    fn numbers_go_round_and_what_is_forgotten_shifts_nothing() {
        let mut entries = Entries { first: NUMBER - 1, ..Entries::default() };
        let stamp = Stamp { producer: 1, sequence: 0 };
        for time in 1..=700 {
            entries.push(body(time), stamp);
            if time % 2 == 0 {
                entries.push_control();
            }
        }
        entries.abort(3);
        assert_eq!(seen(&entries)[..8], [1, 2, 0, -3, 4, 0, 5, 6]);
        entries.forget(3);
        assert_eq!(seen(&entries)[..5], [-3, 4, 0, 5, 6]);
        entries.forget(1000);
        assert_eq!(seen(&entries).len(), 47);
        assert_eq!(seen(&entries).last(), Some(&0));
        assert_eq!(seen(&entries)[45], 700);
        entries.forget(47);
        assert!(seen(&entries).is_empty());
        entries.push(body(701), stamp);
        entries.push_control();
        assert_eq!(seen(&entries), [701, 0]);
    }
}
