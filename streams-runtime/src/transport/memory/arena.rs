//! The bytes of a partition's records, one behind the other, in chunks that never move: growing by copying would touch
//! fresh memory each time.
//!
//! Knows bytes and where they stand. Does not know what is a key, nor offsets.

use crate::few;

/// Records share allocations of at most this size, unless one alone is larger.
const LARGEST_CHUNK: usize = 64 * 1024;
/// So many forgotten chunks are kept for later.
const SPARE: usize = 4;
/// What an empty partition starts with: there are many, and most stay small in tests.
const FIRST_CHUNK: usize = 512;

/// Where bytes begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    chunk: u32,
    start: u32,
}

impl Spot {
    /// Where nothing is.
    pub(super) const NONE: Spot = Spot { chunk: 0, start: 0 };
}

#[derive(Default)]
pub(super) struct Arena {
    /// Few, and forgotten rarely: an index without a detour is worth more than a cheap removal.
    full: Vec<Vec<u8>>,
    /// The chunk behind them, which grows. It stands apart because nearly everything happens here.
    last: Vec<u8>,
    /// The number of the first chunk that is not forgotten; numbers go round.
    first: u32,
    chunk_size: usize,
    /// How much was [written](Arena::push_with) the last time.
    expected: usize,
    /// Forgotten chunks of the largest size: memory that is used again costs a fraction of memory that is touched for
    /// the first time.
    spare: Vec<Vec<u8>>,
}

impl Arena {
    /// Keeps `key` and behind it `value`.
    #[inline(always)]
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Spot {
        let spot = self.begin(key.len() + value.len());
        few::append(&mut self.last, key);
        self.last.extend_from_slice(value);
        spot
    }

    /// Keeps what `write` writes behind what is there. If it fails nothing is kept.
    #[inline]
    pub(super) fn push_with<R, E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<R, E>,
    ) -> Result<(Spot, R), E> {
        // As much as the last time. A chunk that is too small for what comes grows once.
        let spot = self.begin(self.expected);
        let start = self.last.len();
        match write(&mut self.last) {
            Ok(written) => {
                self.expected = self.last.len() - start;
                Ok((spot, written))
            }
            Err(error) => {
                self.last.truncate(start);
                Err(error)
            }
        }
    }

    /// Where the next `len` bytes go.
    #[inline]
    fn begin(&mut self, len: usize) -> Spot {
        if self.last.capacity() - self.last.len() < len {
            self.begin_chunk(len);
        }
        Spot { chunk: self.first.wrapping_add(self.full.len() as u32), start: self.last.len() as u32 }
    }

    #[cold]
    fn begin_chunk(&mut self, len: usize) {
        self.chunk_size = (self.chunk_size * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
        let size = self.chunk_size.max(len);
        let spare = if size == LARGEST_CHUNK { self.spare.pop() } else { None };
        let full = std::mem::replace(&mut self.last, spare.unwrap_or_else(|| Vec::with_capacity(size)));
        if !full.is_empty() {
            self.full.push(full);
        }
    }

    /// The `len` bytes at `spot`.
    #[inline]
    pub(super) fn get(&self, spot: Spot, len: usize) -> &[u8] {
        let start = spot.start as usize;
        let chunk = self.full.get(spot.chunk.wrapping_sub(self.first) as usize).unwrap_or(&self.last);
        &chunk[start..start + len]
    }

    /// Forgets what is before `spot`, the first that is still needed; `None`: nothing is.
    pub(super) fn forget_before(&mut self, spot: Option<Spot>) {
        let forgotten = spot.map_or(self.full.len(), |spot| spot.chunk.wrapping_sub(self.first) as usize);
        let room = SPARE - self.spare.len();
        let usual = self.full.drain(..forgotten).filter(|chunk| chunk.capacity() == LARGEST_CHUNK);
        self.spare.extend(usual.take(room).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
        self.first = self.first.wrapping_add(forgotten as u32);
        if spot.is_none() {
            self.last.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_where_they_are_while_others_come_and_go() {
        let mut arena = Arena { first: u32::MAX - 1, ..Arena::default() };
        let spots: Vec<Spot> = (0..1000u32).map(|n| arena.push(&n.to_be_bytes(), &[7; 1000])).collect();
        for (n, spot) in spots.iter().enumerate().step_by(100) {
            arena.forget_before(Some(*spot));
            assert_eq!(arena.get(*spot, 4), (n as u32).to_be_bytes());
            assert_eq!(arena.get(spots[999], 1004)[4..], [7; 1000]);
        }
        arena.forget_before(None);
        assert!(arena.full.is_empty() && arena.last.is_empty());
        let write = |byte: u8, len: usize| {
            move |out: &mut Vec<u8>| {
                out.resize(out.len() + len, byte);
                if byte == 0 { Err("no") } else { Ok(len) }
            }
        };
        assert_eq!(arena.push_with(write(0, 10)).err(), Some("no"));
        let (small, _) = arena.push_with(write(1, 10)).unwrap();
        let (large, len) = arena.push_with(write(2, 100_000)).unwrap();
        assert_eq!((arena.get(small, 10), len), (&[1; 10][..], 100_000));
        assert_eq!(arena.get(large, 100_000), [2; 100_000]);
        let spot = arena.push(b"k", b"v");
        assert_eq!(arena.get(spot, 2), b"kv");
        let large = arena.push(&[1; 1 << 20], &[]);
        assert_eq!(arena.get(large, 1 << 20).len(), 1 << 20);
        assert_eq!(arena.get(spot, 2), b"kv");
    }
}
