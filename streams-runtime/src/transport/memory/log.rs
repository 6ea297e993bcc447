//! One partition's log: what stands where, and who may see it.
//!
//! Knows offsets, control records, which transaction is still open and which records were aborted. It
//! deliberately does not know why a transaction ended (`txn`), topics, or consumers.
//!
//! ```text
//! offset   0   1   2   3   4   5   6   7
//!          a1  b1  a2  C:a b2  p   A:b a3      a, b: transactional producers, p: a plain one
//!                                      ↑ last stable (a is open again)     ↑ high
//! read_committed sees 0 2 5: b's records were aborted, 3 and 6 are control records, 7 is undecided
//! ```

use bytes::{Bytes, BytesMut};

use super::entries::{Entries, Entry};
use crate::record::Headers;
use crate::transport::{Isolation, Message, Watermarks};

/// Bytes of records share allocations of at most this size.
const LARGEST_CHUNK: usize = 64 * 1024;
/// What an empty partition starts with: there are many, and most stay small in tests.
const FIRST_CHUNK: usize = 512;
/// The `key_len` of a null key.
const NO_KEY: u32 = u32::MAX;

/// A record of the in-process log. A clone shares the bytes.
#[derive(Clone, Debug)]
pub struct MemoryMessage {
    offset: i64,
    body: Body,
}

impl Message for MemoryMessage {
    #[inline]
    fn offset(&self) -> i64 {
        self.offset
    }

    #[inline]
    fn timestamp(&self) -> i64 {
        self.body.timestamp
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        match self.body.key_len {
            NO_KEY => None,
            len => Some(&self.body.bytes[..len as usize]),
        }
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        if !self.body.has_value {
            return None;
        }
        match self.body.key_len {
            NO_KEY => Some(&self.body.bytes),
            len => Some(&self.body.bytes[len as usize..]),
        }
    }

    #[inline]
    fn headers(&self) -> Headers {
        self.body.headers.clone()
    }
}

/// Key and value one behind the other, so that a record is one handle.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) headers: Headers,
    pub(super) timestamp: i64,
    pub(super) key_len: u32,
    pub(super) has_value: bool,
}

/// What a record says, before it has an offset.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) timestamp: i64,
    pub(super) headers: &'a Headers,
}

impl Content<'_> {
    pub(super) fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|h| h.name.len() + h.value.as_ref().map_or(0, Vec::len)).sum();
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }
}

/// Who wrote a record: one incarnation of a producer, and its running number.
/// A retry after a lost answer carries the same stamp, and is thereby recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) producer: u32,
    pub(super) sequence: u32,
}

/// A transaction that wrote here and is not decided here.
struct Open {
    producer: u32,
    first: i64,
}

#[derive(Default)]
pub(super) struct PartitionLog {
    start: i64,
    /// One entry for each offset from `start` on, so that an offset is found without a search.
    entries: Entries,
    /// Ascending by `first`, because transactions join at the end of the log.
    open: Vec<Open>,
    chunk: BytesMut,
    chunk_size: usize,
}

impl PartitionLog {
    #[inline]
    pub(super) fn high(&self) -> i64 {
        self.start + self.entries.len() as i64
    }

    #[inline]
    pub(super) fn last_stable(&self) -> i64 {
        self.open.first().map_or(self.high(), |open| open.first)
    }

    pub(super) fn watermarks(&self) -> Watermarks {
        Watermarks { start: self.start, last_stable: self.last_stable(), high: self.high() }
    }

    /// Whether reading may stand at `offset`; the end itself is a valid place to wait.
    #[inline]
    pub(super) fn holds(&self, offset: i64) -> bool {
        (self.start..=self.high()).contains(&offset)
    }

    #[inline]
    pub(super) fn end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadCommitted => self.last_stable(),
            Isolation::ReadUncommitted => self.high(),
        }
    }

    /// The next record to be seen from `position` on; moves `position` behind it, or to the end if none is
    /// left.
    #[inline]
    pub(super) fn next(&self, position: &mut i64, isolation: Isolation) -> Option<MemoryMessage> {
        let end = self.end(isolation);
        while *position < end {
            let offset = *position;
            let body = match self.entries.get((offset - self.start) as usize) {
                Entry::Data(stored) => &stored.body,
                Entry::Aborted(stored) if isolation == Isolation::ReadUncommitted => &stored.body,
                Entry::Aborted(_) | Entry::Control => {
                    *position += 1;
                    continue;
                }
            };
            *position += 1;
            return Some(MemoryMessage { offset, body: body.clone() });
        }
        None
    }

    #[inline]
    pub(super) fn append(&mut self, content: Content<'_>, stamp: Stamp) -> i64 {
        let bytes = self.store(content.key.unwrap_or_default(), content.value.unwrap_or_default());
        let body = Body {
            bytes,
            headers: content.headers.clone(),
            timestamp: content.timestamp,
            key_len: content.key.map_or(NO_KEY, |key| key.len() as u32),
            has_value: content.value.is_some(),
        };
        let offset = self.high();
        self.entries.push(body, stamp);
        offset
    }

    /// Where a record with this stamp stands: it was written, only the answer was lost.
    pub(super) fn find(&self, stamp: Stamp) -> Option<i64> {
        let written = |at: &usize| match self.entries.get(*at) {
            Entry::Data(stored) | Entry::Aborted(stored) => stored.stamp == stamp,
            Entry::Control => false,
        };
        let at = (0..self.entries.len()).rev().find(written)?;
        Some(self.start + at as i64)
    }

    #[inline]
    pub(super) fn has_open(&self, producer: u32) -> bool {
        self.open.iter().any(|open| open.producer == producer)
    }

    /// Lets a transaction join. From here on it holds the last stable offset back.
    #[inline]
    pub(super) fn join(&mut self, producer: u32) {
        let first = self.high();
        self.open.push(Open { producer, first });
    }

    /// Ends the open transaction of `producer` with a control record.
    pub(super) fn decide(&mut self, producer: u32, commit: bool) {
        // None: the topic was deleted meanwhile, and its markers go nowhere.
        let Some(at) = self.open.iter().position(|open| open.producer == producer) else { return };
        let first = self.open.remove(at).first;
        if !commit {
            for at in (first - self.start) as usize..self.entries.len() {
                if let Entry::Data(stored) = self.entries.get(at)
                    && stored.stamp.producer == producer
                {
                    self.entries.abort(at);
                }
            }
        }
        self.entries.push_control();
    }

    /// Forgets everything before `offset`, but nothing undecided.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let to = offset.min(self.last_stable());
        if to > self.start {
            self.entries.forget((to - self.start) as usize);
            self.start = to;
        }
    }

    #[inline]
    fn store(&mut self, key: &[u8], value: &[u8]) -> Bytes {
        let len = key.len() + value.len();
        if len == 0 {
            return Bytes::new();
        }
        if self.chunk.capacity() < len {
            self.chunk_size = (self.chunk_size * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
            self.chunk = BytesMut::with_capacity(self.chunk_size.max(len));
        }
        self.chunk.extend_from_slice(key);
        self.chunk.extend_from_slice(value);
        self.chunk.split().freeze()
    }
}
