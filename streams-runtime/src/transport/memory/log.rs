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

use std::rc::Rc;

use super::arena::{Arena, Spot};
use super::entries::{Entry, Kind, Queue};
use crate::record::Headers;
use crate::transport::{HELD, Isolation, Message, Watermarks};

/// The length of a null.
const NULL: u32 = u32::MAX;

/// A record of the in-process log, taken out of it. A clone shares the bytes.
///
/// It is small, because it is moved several times on its way to a task: what it says stands in its fetch.
#[derive(Clone, Debug)]
pub struct MemoryMessage {
    /// What it was fetched with.
    fetch: Rc<Fetch>,
    nth: u32,
    /// How many bytes it has: asked for twice a record, by who has no other reason to look into the fetch.
    len: u32,
    offset: i64,
}

/// Records that were fetched together, side by side.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    records: Vec<Fetched>,
    bytes: Vec<u8>,
}

/// A copied record, whose value follows its key.
#[derive(Debug)]
struct Fetched {
    offset: i64,
    start: u32,
    len: u32,
    key_len: u32,
    value_len: u32,
    timestamp: i64,
    headers: Headers,
}

impl Fetch {
    /// Forgets the records and keeps their memory.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
    }

    /// What was copied.
    #[inline]
    pub(super) fn messages(this: &Rc<Fetch>) -> impl Iterator<Item = MemoryMessage> {
        (0..).zip(&this.records).map(|(nth, &Fetched { offset, len, .. })| {
            let fetch = Rc::clone(this);
            MemoryMessage { fetch, nth, len, offset }
        })
    }

    /// How many records there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Copies a record.
    #[inline]
    pub(super) fn copy(&mut self, record: &Record<'_>) {
        let (offset, start, len) = (record.offset, self.bytes.len() as u32, record.bytes.len() as u32);
        self.bytes.extend_from_slice(record.bytes);
        let Body { key_len, value_len, timestamp, ref headers, .. } = *record.body;
        let headers = headers.clone();
        self.records.push(Fetched { offset, start, len, key_len, value_len, timestamp, headers });
    }

    #[inline]
    fn bytes(&self, start: usize, len: u32) -> Option<&[u8]> {
        if len == NULL { None } else { self.bytes.get(start..start + len as usize) }
    }
}

impl MemoryMessage {
    #[inline]
    fn fetched(&self) -> &Fetched {
        &self.fetch.records[self.nth as usize]
    }
}

impl Message for MemoryMessage {
    #[inline]
    fn offset(&self) -> i64 {
        self.offset
    }

    #[inline]
    fn timestamp(&self) -> i64 {
        self.fetched().timestamp
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        let record = self.fetched();
        self.fetch.bytes(record.start as usize, record.key_len)
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        let record = self.fetched();
        self.fetch.bytes(record.start as usize + length(record.key_len), record.value_len)
    }

    #[inline]
    fn size(&self) -> usize {
        HELD + self.len as usize
    }

    #[inline]
    fn headers(&self) -> Headers {
        self.fetched().headers.clone()
    }
}

/// A record where it stands in the log.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) offset: i64,
    bytes: &'a [u8],
    body: &'a Body,
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        (self.body.key_len != NULL).then(|| &self.bytes[..self.body.key_len as usize])
    }

    #[inline]
    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        (self.body.value_len != NULL).then(|| &self.bytes[length(self.body.key_len)..])
    }

    #[inline]
    pub(crate) fn timestamp(&self) -> i64 {
        self.body.timestamp
    }

    #[inline]
    pub(crate) fn headers(&self) -> &'a Headers {
        &self.body.headers
    }

    /// Takes it out of the log.
    pub(super) fn take(&self) -> MemoryMessage {
        let mut fetch = Fetch::default();
        fetch.copy(self);
        let (offset, len) = (self.offset, self.bytes.len() as u32);
        MemoryMessage { fetch: Rc::new(fetch), nth: 0, len, offset }
    }
}

/// What is known of a record besides its bytes, in which the value follows the key.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) spot: Spot,
    pub(super) key_len: u32,
    pub(super) value_len: u32,
    pub(super) timestamp: i64,
    pub(super) headers: Headers,
}

impl Body {
    /// What a control record has.
    pub(super) const NONE: Body =
        Body { spot: Spot::NONE, key_len: NULL, value_len: NULL, timestamp: 0, headers: Headers::new() };

    #[inline]
    fn len(&self) -> usize {
        length(self.key_len) + length(self.value_len)
    }
}

/// A null has no bytes.
#[inline]
fn length(len: u32) -> usize {
    if len == NULL { 0 } else { len as usize }
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
    #[inline]
    pub(super) fn size(&self) -> usize {
        let headers = if self.headers.is_empty() { 0 } else { self.headers.size() };
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
    /// Behind the last offset.
    high: i64,
    /// Behind the last record; what follows are control records.
    behind: i64,
    /// One entry for each offset from `start` on, so that an offset is found without a search.
    entries: Queue<Entry>,
    /// Ascending by `first`, because transactions join at the end of the log.
    open: Vec<Open>,
    bytes: Arena,
}

impl PartitionLog {
    /// The partition of a topic that was deleted: it holds no offset, and nobody is ever at its end.
    pub(super) fn gone() -> Self {
        PartitionLog { high: -1, ..PartitionLog::default() }
    }

    #[inline]
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    #[inline]
    pub(super) fn high(&self) -> i64 {
        self.high
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
        self.start <= offset && offset <= self.high()
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
    pub(super) fn next(&self, position: &mut i64, isolation: Isolation) -> Option<Record<'_>> {
        self.next_before(self.end(isolation), position, isolation)
    }

    /// As [`next`](PartitionLog::next), for who knows the end.
    #[inline]
    pub(super) fn next_before(
        &self,
        end: i64,
        position: &mut i64,
        isolation: Isolation,
    ) -> Option<Record<'_>> {
        if *position >= self.behind {
            *position = end.max(*position);
            return None;
        }
        while *position < end {
            let offset = *position;
            *position += 1;
            let entry = self.entries.get((offset - self.start) as usize);
            let kind = entry.kind();
            if kind == Kind::Data || kind == Kind::Aborted && isolation == Isolation::ReadUncommitted {
                let body = &entry.body;
                return Some(Record { offset, bytes: self.bytes.get(body.spot, body.len()), body });
            }
        }
        None
    }

    #[inline(always)]
    pub(super) fn append(&mut self, content: Content<'_>, stamp: Stamp) -> i64 {
        let length = |bytes: Option<&[u8]>| bytes.map_or(NULL, |bytes| bytes.len() as u32);
        let body = Body {
            spot: self.bytes.push(content.key.unwrap_or_default(), content.value.unwrap_or_default()),
            key_len: length(content.key),
            value_len: length(content.value),
            timestamp: content.timestamp,
            headers: content.headers.clone(),
        };
        self.enter(body, stamp)
    }

    /// As `append`, with a key and a value that are written where they stay; who writes returns false for a null.
    #[inline]
    pub(super) fn append_with<E>(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        timestamp: i64,
        headers: &Headers,
        stamp: Stamp,
    ) -> Result<i64, E> {
        let (spot, (key_len, value_len)) = self.bytes.push_with(|out| {
            let start = out.len();
            let has_key = key(out)?;
            let middle = out.len();
            let has_value = value(out)?;
            let length = |is_there, len: usize| if is_there { len as u32 } else { NULL };
            Ok((length(has_key, middle - start), length(has_value, out.len() - middle)))
        })?;
        Ok(self.enter(Body { spot, key_len, value_len, timestamp, headers: headers.clone() }, stamp))
    }

    #[inline(always)]
    fn enter(&mut self, body: Body, stamp: Stamp) -> i64 {
        self.entries.push(Entry::data(body, stamp));
        self.high += 1;
        self.behind = self.high;
        self.high - 1
    }

    /// Where a record with this stamp stands: it was written, only the answer was lost.
    pub(super) fn find(&self, stamp: Stamp) -> Option<i64> {
        let written = |at: &usize| {
            let entry = self.entries.get(*at);
            entry.kind() != Kind::Control && entry.stamp() == stamp
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
    #[inline(always)]
    pub(super) fn decide(&mut self, producer: u32, commit: bool) {
        // None: the topic was deleted meanwhile, and its markers go nowhere.
        let Some(at) = self.open.iter().position(|open| open.producer == producer) else { return };
        let first = self.open[at].first;
        if self.open.len() == 1 {
            self.open.clear();
        } else {
            self.open.remove(at);
        }
        if !commit {
            self.hide(producer, first);
        }
        self.entries.push(Entry::control());
        self.high += 1;
    }

    /// Marks the records of `producer` from `first` on as aborted.
    #[cold]
    fn hide(&mut self, producer: u32, first: i64) {
        for at in (first - self.start) as usize..self.entries.len() {
            let entry = self.entries.get_mut(at);
            if entry.kind() == Kind::Data && entry.stamp().producer == producer {
                entry.abort();
            }
        }
    }

    /// Forgets single records, but nothing undecided.
    pub(super) fn remove(&mut self, offsets: &[i64]) {
        let end = self.last_stable();
        for &offset in offsets.iter().filter(|offset| (self.start..end).contains(offset)) {
            self.entries.get_mut((offset - self.start) as usize).remove();
        }
    }

    /// Where the bytes begin that are still needed; `None`: none are.
    fn first_bytes(&self) -> Option<Spot> {
        let mut entries = (0..self.entries.len()).map(|at| self.entries.get(at));
        entries.find(|entry| entry.kind() != Kind::Control).map(|entry| entry.body.spot)
    }

    /// Loses everything from `offset` on, but nothing undecided.
    pub(super) fn lose_from(&mut self, offset: i64) {
        if self.open.is_empty() && offset < self.high() {
            self.high = offset.max(self.start);
            self.behind = self.behind.min(self.high);
            self.entries.truncate((self.high - self.start) as usize);
        }
    }

    /// Forgets everything before `offset`, but nothing undecided.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let to = offset.min(self.last_stable());
        if to > self.start {
            self.entries.forget((to - self.start) as usize);
            self.bytes.forget_before(self.first_bytes());
            self.start = to;
        }
    }
}
