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
use super::entries::{Entries, Entry};
use crate::record::Headers;
use crate::transport::{HELD, Isolation, Message, Watermarks};

/// The length of a null.
const NULL: u32 = u32::MAX;

/// A record of the in-process log, taken out of it. A clone shares the bytes.
///
/// It is small, because it is moved several times on its way to a task: what it says stands in its fetch.
#[derive(Clone, Debug)]
pub struct MemoryMessage {
    /// What it was fetched with; `None` only until the fetch is complete.
    fetch: Option<Rc<Fetch>>,
    nth: u32,
    /// How many bytes it has: asked for twice a record, by who has no other reason to look into the fetch.
    len: u32,
    offset: i64,
}

/// The records of one poll, side by side.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    records: Vec<Fetched>,
    bytes: Vec<u8>,
}

/// A copied record, whose value follows its key.
#[derive(Debug)]
struct Fetched {
    start: usize,
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

    /// Copies a record.
    #[inline]
    pub(super) fn copy(&mut self, record: &Record<'_>) -> Unbound {
        let (nth, start) = (self.records.len() as u32, self.bytes.len());
        self.bytes.extend_from_slice(record.bytes);
        let Body { key_len, value_len, timestamp, ref headers, .. } = *record.body;
        self.records.push(Fetched { start, key_len, value_len, timestamp, headers: headers.clone() });
        Unbound { nth, len: record.bytes.len() as u32, offset: record.offset }
    }

    #[inline]
    fn bytes(&self, start: usize, len: u32) -> Option<&[u8]> {
        if len == NULL { None } else { self.bytes.get(start..start + len as usize) }
    }
}

/// A record of a fetch that is not complete.
#[derive(Clone, Copy)]
pub(super) struct Unbound {
    nth: u32,
    len: u32,
    offset: i64,
}

impl MemoryMessage {
    /// A record that can be read once it is [bound](MemoryMessage::bind) to its fetch.
    #[inline]
    pub(super) fn unbound(Unbound { nth, len, offset }: Unbound) -> Self {
        MemoryMessage { fetch: None, nth, len, offset }
    }

    #[inline]
    pub(super) fn bind(&mut self, fetch: &Rc<Fetch>) {
        self.fetch = Some(Rc::clone(fetch));
    }

    #[inline]
    fn fetched(&self) -> Option<(&Fetch, &Fetched)> {
        let fetch = self.fetch.as_deref()?;
        Some((fetch, fetch.records.get(self.nth as usize)?))
    }
}

impl Message for MemoryMessage {
    #[inline]
    fn offset(&self) -> i64 {
        self.offset
    }

    #[inline]
    fn timestamp(&self) -> i64 {
        self.fetched().map_or(-1, |(_, record)| record.timestamp)
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        let (fetch, record) = self.fetched()?;
        fetch.bytes(record.start, record.key_len)
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        let (fetch, record) = self.fetched()?;
        fetch.bytes(record.start + length(record.key_len), record.value_len)
    }

    #[inline]
    fn size(&self) -> usize {
        HELD + self.len as usize
    }

    #[inline]
    fn headers(&self) -> Headers {
        self.fetched().map_or(Headers::new(), |(_, record)| record.headers.clone())
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
        let mut message = MemoryMessage::unbound(fetch.copy(self));
        message.bind(&Rc::new(fetch));
        message
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

/// A key and the value behind it.
#[derive(Clone, Copy)]
pub(crate) struct Joined<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the value begins; `None`: the key is null.
    pub(crate) key_len: Option<usize>,
    /// Whether the value is null.
    pub(crate) is_null: bool,
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
    /// Behind the last offset.
    high: i64,
    /// One entry for each offset from `start` on, so that an offset is found without a search.
    entries: Entries,
    /// Ascending by `first`, because transactions join at the end of the log.
    open: Vec<Open>,
    bytes: Arena,
}

impl PartitionLog {
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
            return Some(Record { offset, bytes: self.bytes.get(body.spot, body.len()), body });
        }
        None
    }

    #[inline]
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

    /// As `append`.
    #[inline]
    pub(super) fn append_joined(
        &mut self,
        joined: Joined<'_>,
        timestamp: i64,
        headers: &Headers,
        stamp: Stamp,
    ) -> i64 {
        let Joined { bytes, key_len, is_null } = joined;
        let spot = self.bytes.push_one(bytes);
        let value_len = if is_null { NULL } else { (bytes.len() - key_len.unwrap_or(0)) as u32 };
        let key_len = key_len.map_or(NULL, |len| len as u32);
        self.enter(Body { spot, key_len, value_len, timestamp, headers: headers.clone() }, stamp)
    }

    #[inline(always)]
    fn enter(&mut self, body: Body, stamp: Stamp) -> i64 {
        self.entries.push(body, stamp);
        self.high += 1;
        self.high - 1
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
    #[inline]
    pub(super) fn decide(&mut self, producer: u32, commit: bool) {
        // None: the topic was deleted meanwhile, and its markers go nowhere.
        let Some(at) = self.open.iter().position(|open| open.producer == producer) else { return };
        let first = self.open[at].first;
        match self.open.len() {
            1 => self.open.clear(),
            _ => drop(self.open.remove(at)),
        }
        if !commit {
            self.hide(producer, first);
        }
        self.entries.push_control();
        self.high += 1;
    }

    /// Marks the records of `producer` from `first` on as aborted.
    #[cold]
    fn hide(&mut self, producer: u32, first: i64) {
        for at in (first - self.start) as usize..self.entries.len() {
            if let Entry::Data(stored) = self.entries.get(at)
                && stored.stamp.producer == producer
            {
                self.entries.abort(at);
            }
        }
    }

    /// Forgets single records, but nothing undecided.
    pub(super) fn remove(&mut self, offsets: &[i64]) {
        let end = self.last_stable();
        for &offset in offsets.iter().filter(|offset| (self.start..end).contains(offset)) {
            self.entries.remove((offset - self.start) as usize);
        }
    }

    /// Loses everything from `offset` on, but nothing undecided.
    pub(super) fn lose_from(&mut self, offset: i64) {
        if self.open.is_empty() && offset < self.high() {
            self.high = offset.max(self.start);
            self.entries.truncate((self.high - self.start) as usize);
        }
    }

    /// Forgets everything before `offset`, but nothing undecided.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let to = offset.min(self.last_stable());
        if to > self.start {
            self.entries.forget((to - self.start) as usize);
            self.bytes.forget_before(self.entries.first().map(|stored| stored.body.spot));
            self.start = to;
        }
    }
}
