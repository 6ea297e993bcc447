//! The bytes of a partition's records, one behind the other, in chunks that never move: growing by copying would touch
//! fresh memory each time.
//!
//! Knows bytes and where they stand. Does not know what is a key, nor offsets.

/// Records share allocations of at most this size, unless one alone is larger.
const LARGEST_CHUNK: usize = 64 * 1024;
/// So many forgotten chunks are kept for later.
const SPARE: usize = 4;
/// What an empty partition starts with: there are many, and most stay small in tests.
const FIRST_CHUNK: usize = 512;

/// Where bytes begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    chunk: u32,
    start: u32,
}

#[derive(Default)]
pub(super) struct Arena {
    /// Few, and forgotten rarely: an index without a detour is worth more than a cheap removal.
    chunks: Vec<Vec<u8>>,
    /// The number of the first chunk that is not forgotten; numbers go round.
    first: u32,
    chunk_size: usize,
    /// Forgotten chunks of the largest size: memory that is used again costs a fraction of memory that is touched for
    /// the first time.
    spare: Vec<Vec<u8>>,
}

impl Arena {
    /// Keeps `key` and behind it `value`.
    #[inline]
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Spot {
        let len = key.len() + value.len();
        let chunk = self.first.wrapping_add(self.chunks.len() as u32).wrapping_sub(1);
        match self.chunks.last_mut() {
            Some(last) if last.capacity() - last.len() >= len => {
                let start = last.len() as u32;
                last.extend_from_slice(key);
                last.extend_from_slice(value);
                Spot { chunk, start }
            }
            _ => self.begin_chunk(key, value),
        }
    }

    #[cold]
    fn begin_chunk(&mut self, key: &[u8], value: &[u8]) -> Spot {
        self.chunk_size = (self.chunk_size * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
        let size = self.chunk_size.max(key.len() + value.len());
        let spare = if size == LARGEST_CHUNK { self.spare.pop() } else { None };
        let mut chunk = spare.unwrap_or_else(|| Vec::with_capacity(size));
        chunk.extend_from_slice(key);
        chunk.extend_from_slice(value);
        self.chunks.push(chunk);
        Spot { chunk: self.first.wrapping_add(self.chunks.len() as u32 - 1), start: 0 }
    }

    /// The `len` bytes at `spot`.
    #[inline]
    pub(super) fn get(&self, spot: Spot, len: usize) -> &[u8] {
        let start = spot.start as usize;
        &self.chunks[spot.chunk.wrapping_sub(self.first) as usize][start..start + len]
    }

    /// Forgets what is before `spot`, the first that is still needed; `None`: nothing is.
    pub(super) fn forget_before(&mut self, spot: Option<Spot>) {
        let needed = spot.map_or(self.first.wrapping_add(self.chunks.len() as u32), |spot| spot.chunk);
        let forgotten = needed.wrapping_sub(self.first);
        let room = SPARE - self.spare.len();
        let usual = self.chunks.drain(..forgotten as usize).filter(|chunk| chunk.capacity() == LARGEST_CHUNK);
        self.spare.extend(usual.take(room).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
        self.first = needed;
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
        assert!(arena.chunks.is_empty());
        let spot = arena.push(b"k", b"v");
        assert_eq!(arena.get(spot, 2), b"kv");
        let large = arena.push(&[1; 1 << 20], &[]);
        assert_eq!(arena.get(large, 1 << 20).len(), 1 << 20);
        assert_eq!(arena.get(spot, 2), b"kv");
    }
}
