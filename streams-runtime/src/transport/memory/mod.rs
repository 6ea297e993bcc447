//! The in-process log: Kafka's rules about visibility, fencing and groups, in one thread and without waiting.
//!
//! It is the default of the examples, the broker of the test driver and the ground of the simulator. It knows no
//! threads, no locks and no sleeping: everything happens inside the call that causes it, and the wall clock is
//! set by hand. What a broker does by itself (time-outs) happens inside [`MemoryLog::set_time_ms`].
//!
//! It deliberately does not know disks, replicas, batches, compression or requests. A call that would have to
//! wait on a real broker returns `TimedOut` at once.
//!
//! ```text
//! mod       the handle, direct access          producer, consumer   the seam's two halves
//! topics    names and numbers                  txn      who owns an id, how its transaction ends
//! log       one partition                      entries  what stands at its offsets      arena   the bytes of it
//! group     members and committed offsets      assign   who gets what                   faults  accidents on demand
//! admin     the topics, behind the seam of every log      cleaning   records that go by themselves
//! ```
//!
//! What it costs is printed by the test `one_record_at_a_time`, in a release build. Memory that is touched for the
//! first time costs extra: nothing is forgotten unless it is deleted, and what was deleted is used again.

mod admin;
mod arena;
mod assign;
mod cleaning;
#[cfg(test)]
mod conforms;
mod consumer;
mod entries;
mod faults;
mod group;
mod log;
#[cfg(test)]
mod membership;
mod producer;
#[cfg(test)]
mod tests;
mod topics;
mod txn;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

pub use consumer::MemoryConsumer;
pub use faults::Fault;
pub use log::MemoryMessage;
pub(crate) use log::Record;
pub use producer::MemoryProducer;
pub use topics::TopicSettings;
pub use txn::{Marker, MarkerTarget};

use self::log::{Content, Stamp};
use self::topics::{Memo, Place};
use super::{CommittedOffset, Isolation, TopicPartition, TransportError, Watermarks};
use crate::record::Headers;

/// What Kafka allows beside an offset (`offset.metadata.max.bytes`).
const LARGEST_METADATA: usize = 4096;
/// The stamp of records that no producer wrote.
const DIRECT: Stamp = Stamp { producer: 0, sequence: 0 };

/// Everything the log holds; the modules below add what they know to it.
#[derive(Default)]
struct Log {
    topics: topics::Topics,
    transactions: txn::Transactions,
    groups: group::Groups,
    faults: faults::Faults,
    cleaner: cleaning::Cleaner,
    time_ms: i64,
    /// Moves whenever a reader may see something new.
    changes: i64,
    memo: Memo,
    /// How many answers about committed offsets will be "none".
    hidden_offsets: u32,
    lost_ends: u32,
    /// How many answers about memberships will be what was true at the last poll.
    lagging: u32,
    /// Assignments that are let through, and how many fail after them.
    failing_assignments: (u32, u32),
}

impl Log {
    /// Moves with every group and with the topics: who saw this number knows that nothing has happened to a member since.
    #[inline]
    fn version(&self) -> u64 {
        self.groups.moves + self.topics.version
    }

    #[inline(always)]
    fn write(&mut self, place: Place, content: Content<'_>, stamp: Stamp) -> i64 {
        self.changes += 1;
        self.topics.log_mut(place).append(content, stamp)
    }

    #[inline]
    fn refuses(&self, place: Place, size: usize, timestamp: i64) -> bool {
        let settings = &self.topics.topic(place.topic).settings;
        let is_large = size > settings.max_message_bytes;
        let is_early = settings.max_ahead_ms.is_some_and(|ahead| timestamp - self.time_ms > ahead);
        is_large || is_early
    }

    #[cold]
    fn why_refused(&self, place: Place, size: usize, timestamp: i64) -> String {
        let limit = self.topics.topic(place.topic).settings.max_message_bytes;
        if size > limit {
            return format!("it has {size} bytes, the topic allows {limit}");
        }
        format!("its time {timestamp} is too far ahead of the log's clock")
    }

    #[inline]
    fn assignment_fails(&mut self) -> Result<(), TransportError> {
        match &mut self.failing_assignments {
            (_, 0) => return Ok(()),
            (0, left) => *left -= 1,
            (after, _) => {
                *after -= 1;
                return Ok(());
            }
        }
        Err(TransportError::TimedOut("an assignment"))
    }

    fn direct(&mut self, topic: &str, partition: u32) -> Result<Place, TransportError> {
        if let Some(place) = self.memo.known(&self.topics, topic, partition) {
            return Ok(place);
        }
        self.memo.place(&self.topics, topic, partition)
    }
}

#[inline]
fn check_metadata(partition: &TopicPartition, committed: &CommittedOffset) -> Result<(), TransportError> {
    if committed.metadata.len() <= LARGEST_METADATA { Ok(()) } else { refuse_metadata(partition, committed) }
}

#[cold]
fn refuse_metadata(partition: &TopicPartition, committed: &CommittedOffset) -> Result<(), TransportError> {
    Err(TransportError::Refused {
        topic: partition.topic.clone(),
        origin: 0,
        reason: format!("offset metadata of {} bytes, {LARGEST_METADATA} allowed", committed.metadata.len()),
    })
}

/// The in-process log. A clone is another handle to the same log.
///
/// ```
/// use streams_runtime::Headers;
/// use streams_runtime::transport::Message;
/// use streams_runtime::transport::memory::MemoryLog;
///
/// let log = MemoryLog::new();
/// log.create_topic("words", 1)?;
/// log.append("words", 0, Some(b"k"), Some(b"v"), 0, &Headers::new())?;
/// let values: Vec<_> = log.read_committed("words", 0, 0)?.map(|m| m.value().map(<[u8]>::to_vec)).collect();
/// assert_eq!(values, [Some(b"v".to_vec())]);
/// # Ok::<(), streams_runtime::transport::TransportError>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryLog(Rc<RefCell<Log>>);

impl MemoryLog {
    /// An empty log whose clock stands at 0.
    pub fn new() -> Self {
        MemoryLog::default()
    }

    /// A consumer of `group`. It is no member before it subscribes.
    pub fn consumer(&self, group: &str, client_id: &str, isolation: Isolation) -> MemoryConsumer {
        MemoryConsumer::new(self, group, client_id, None, isolation)
    }

    /// A consumer that joins `group` as a static member: the next one of the same `instance` has its place
    /// (`group.instance.id`), in the same generation, and it learns at its next poll that it is replaced. One that
    /// [closes](super::Consumer::close) stays a member until its session is over.
    pub fn static_consumer(
        &self,
        group: &str,
        client_id: &str,
        instance: &str,
        isolation: Isolation,
    ) -> MemoryConsumer {
        MemoryConsumer::new(self, group, client_id, Some(instance), isolation)
    }

    /// A producer; without an id it has no transactions.
    pub fn producer(&self, transactional_id: Option<&str>) -> MemoryProducer {
        MemoryProducer::new(self, transactional_id)
    }

    /// Creates a topic with Kafka's default settings.
    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<(), TransportError> {
        self.create_topic_with(name, TopicSettings::new(partitions))
    }

    /// Creates a topic.
    pub fn create_topic_with(&self, name: &str, settings: TopicSettings) -> Result<(), TransportError> {
        self.0.borrow_mut().topics.create(name, settings)
    }

    /// Adds partitions; members that subscribed to the topic are given them.
    pub fn grow_topic(&self, name: &str, partitions: u32) -> Result<(), TransportError> {
        self.0.borrow_mut().topics.grow(name, partitions)
    }

    /// Deletes a topic with its records and committed offsets.
    pub fn delete_topic(&self, name: &str) -> Result<(), TransportError> {
        let log = &mut *self.0.borrow_mut();
        let number = log.topics.number(name)?;
        log.topics.delete(name)?;
        log.groups.forget_topic(number);
        log.changes += 1;
        Ok(())
    }

    /// The names of all topics in order of their creation.
    pub fn topics(&self) -> Vec<String> {
        self.0.borrow().topics.names().map(str::to_owned).collect()
    }

    /// How many partitions a topic has.
    pub fn partitions(&self, topic: &str) -> Result<u32, TransportError> {
        Ok(self.0.borrow().topics.named(topic)?.settings.partitions)
    }

    /// The id of a topic: another one each time a topic of this name is created.
    pub fn topic_id(&self, topic: &str) -> Result<u64, TransportError> {
        Ok(self.0.borrow().topics.named(topic)?.id)
    }

    /// Ends of a partition.
    pub fn watermarks(&self, topic: &str, partition: u32) -> Result<Watermarks, TransportError> {
        let log = self.0.borrow();
        Ok(log.topics.log(log.topics.place(topic, partition)?).watermarks())
    }

    /// Appends a record past all producers, and tells its offset. The topic's limits are not asked.
    pub fn append(
        &self,
        topic: &str,
        partition: u32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<i64, TransportError> {
        let log = &mut *self.0.borrow_mut();
        let place = log.direct(topic, partition)?;
        Ok(log.write(place, Content { key, value, timestamp, headers }, DIRECT))
    }

    /// For who appends to one topic again and again.
    pub(crate) fn writer(&self, topic: &'static str) -> Writer {
        Writer { log: self.clone(), topic, known: Cell::new((0, 0)) }
    }

    /// Reads the committed records from `from` on, or from the log's start if that is later. It ends at the last
    /// stable offset, and goes on when that has moved.
    pub fn read_committed(&self, topic: &str, partition: u32, from: i64) -> Result<Records, TransportError> {
        let place = self.0.borrow_mut().direct(topic, partition)?;
        Ok(Records { log: self.clone(), place, position: Rc::new(Cell::new(from)) })
    }

    /// Deletes the records before `offset`, as far as they are decided.
    pub fn delete_records(&self, topic: &str, partition: u32, offset: i64) -> Result<(), TransportError> {
        let log = &mut *self.0.borrow_mut();
        let place = log.topics.place(topic, partition)?;
        log.topics.log_mut(place).delete_before(offset);
        log.changes += 1;
        Ok(())
    }

    /// Loses the records from `offset` on, as a broker does whose disk was put back, unless some are undecided.
    pub fn lose_records(&self, topic: &str, partition: u32, offset: i64) -> Result<(), TransportError> {
        let log = &mut *self.0.borrow_mut();
        let place = log.topics.place(topic, partition)?;
        log.topics.log_mut(place).lose_from(offset);
        log.changes += 1;
        Ok(())
    }

    /// Removes single decided records, as compaction does; their offsets stay gaps.
    pub fn remove_records(&self, topic: &str, partition: u32, offsets: &[i64]) -> Result<(), TransportError> {
        let log = &mut *self.0.borrow_mut();
        let place = log.topics.place(topic, partition)?;
        log.topics.log_mut(place).remove(offsets);
        log.changes += 1;
        Ok(())
    }

    /// What stands in the committed offsets of a group, offsets of undecided transactions left out.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<CommittedOffset>, TransportError> {
        let log = self.0.borrow();
        let place = log.topics.place(topic, partition)?;
        Ok(log.groups.find(group).and_then(|group| log.groups.committed(group, place)))
    }

    /// As [`committed`](MemoryLog::committed), without what stands beside the offset.
    pub(crate) fn committed_offset(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<i64>, TransportError> {
        let log = self.0.borrow();
        let place = log.topics.place(topic, partition)?;
        Ok(log.groups.find(group).and_then(|group| log.groups.committed_offset(group, place)))
    }

    /// The log's wall clock.
    pub fn time_ms(&self) -> i64 {
        self.0.borrow().time_ms
    }

    /// Sets the wall clock. Transactions past their time-out are aborted and their producers fenced; members
    /// whose consumer was dropped longer ago than the session time-out are thrown out; offsets of topics that no member
    /// of a living group subscribes to are forgotten past their retention, and all of a group that has had no members for so
    /// long.
    pub fn set_time_ms(&self, time_ms: i64) {
        let log = &mut *self.0.borrow_mut();
        log.time_ms = time_ms;
        log.expire_transactions();
        log.groups.set_time_ms(time_ms, &log.topics);
    }

    /// The transaction time-out of producers whose `init` comes later; 60 s at first.
    pub fn set_transaction_timeout_ms(&self, timeout_ms: i64) {
        self.0.borrow_mut().transactions.timeout_ms = timeout_ms;
    }

    /// The transaction time-out of producers that are made now.
    pub(crate) fn transaction_timeout_ms(&self) -> i64 {
        self.0.borrow().transactions.timeout_ms
    }

    /// How long a member outlives its dropped consumer; 45 s at first.
    pub fn set_session_timeout_ms(&self, timeout_ms: i64) {
        self.0.borrow_mut().groups.session_timeout_ms = timeout_ms;
    }

    /// How long offsets are kept that are not committed again, of topics that no member of their group subscribes to, and all
    /// offsets of a group without members (`offsets.retention.minutes`); for ever at first.
    pub fn set_offsets_retention_ms(&self, retention_ms: i64) {
        self.0.borrow_mut().groups.offsets_retention_ms = Some(retention_ms);
    }

    /// Throws a member out of its group, as after a missed heartbeat; true if it was a member.
    /// Its client learns of it by its next poll.
    pub fn expel(&self, group: &str, member: &str) -> bool {
        let log = &mut *self.0.borrow_mut();
        log.groups.find(group).is_some_and(|group| log.groups.expel(group, member, &log.topics))
    }

    /// The client of a member that was thrown out joins anew by itself, before its owner polls and notices; false if he
    /// has. He is then told that everything is lost, and in the same poll what the new member is given.
    pub fn rejoin(&self, group: &str, member: &str) -> bool {
        let log = &mut *self.0.borrow_mut();
        log.groups.find(group).is_some_and(|group| log.groups.rejoin(group, member, &log.topics))
    }

    /// The generation of a group; it grows with every change of its members.
    pub fn generation(&self, group: &str) -> i32 {
        let log = self.0.borrow();
        log.groups.find(group).map_or(0, |group| log.groups.current_generation(group))
    }

    /// Lets an accident happen to the producer with this transactional id (empty: to plain producers), once.
    pub fn inject(&self, transactional_id: &str, fault: Fault) {
        self.0.borrow_mut().faults.add(transactional_id, fault);
    }

    /// Lets the requests arrive that [`Fault::CommitLate`] held up; tells how many of them committed.
    pub fn deliver_late(&self) -> usize {
        let log = &mut *self.0.borrow_mut();
        let late = log.faults.arrive();
        late.into_iter().filter(|&claim| log.end_transaction(claim, true).is_ok()).count()
    }

    /// The next `answers` about committed offsets say that there are none, as those of a broker may that has just
    /// become coordinator.
    pub fn hide_offsets(&self, answers: u32) {
        self.0.borrow_mut().hidden_offsets = answers;
    }

    /// The next `answers` about memberships that have moved since the last poll say what was true at it, as a client whose
    /// own thread has not heard of it yet: brokers refuse such a commit, and nothing else follows.
    pub fn lag_generations(&self, answers: u32) {
        self.0.borrow_mut().lagging = answers;
    }

    /// The next `answers` about the ends of partitions do not come.
    pub fn lose_ends(&self, answers: u32) {
        self.0.borrow_mut().lost_ends = answers;
    }

    /// No accident waits for anybody any more. Requests that are on their way stay so.
    pub fn calm(&self) {
        let log = &mut *self.0.borrow_mut();
        log.faults.calm();
        (log.hidden_offsets, log.lost_ends, log.lagging, log.failing_assignments) = (0, 0, 0, (0, 0));
    }

    /// Of the next assignments so many are done, and then so many fail.
    pub fn fail_assignments(&self, after: u32, assignments: u32) {
        self.0.borrow_mut().failing_assignments = (after, assignments);
    }

    /// While held, a decided transaction becomes visible only marker by marker, by
    /// [`write_marker`](MemoryLog::write_marker). Releasing writes all of them.
    pub fn hold_markers(&self, hold: bool) {
        let log = &mut *self.0.borrow_mut();
        log.transactions.hold_markers = hold;
        if !hold {
            log.release_markers();
        }
    }

    /// The ids of transactions that are open, or end and lack markers.
    pub fn open_transactions(&self) -> Vec<String> {
        self.0.borrow().transactions.unfinished().map(str::to_owned).collect()
    }

    /// The markers that are decided and not written.
    pub fn pending_markers(&self) -> Vec<Marker> {
        self.0.borrow().pending_markers()
    }

    /// Writes the `nth` of [`pending_markers`](MemoryLog::pending_markers); false if there are fewer.
    pub fn write_marker(&self, nth: usize) -> bool {
        self.0.borrow_mut().write_marker(nth)
    }
}

/// Appends to one topic, past all producers.
pub(crate) struct Writer {
    log: MemoryLog,
    topic: &'static str,
    /// A version of the topics, and the topic's number then.
    known: Cell<(u64, u32)>,
}

impl Writer {
    /// As [`MemoryLog::append`].
    #[inline]
    pub(crate) fn append(
        &self,
        partition: u32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<(), TransportError> {
        let log = &mut *self.log.0.borrow_mut();
        let place = self.place(log, partition)?;
        log.write(place, Content { key, value, timestamp, headers }, DIRECT);
        Ok(())
    }

    /// As [`append`](Writer::append), with a key and a value that are written where they stay; who writes returns false for
    /// a null, and must not use the log.
    #[inline]
    pub(crate) fn append_with<E: From<TransportError>>(
        &self,
        partition: u32,
        key: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<(), E> {
        let log = &mut *self.log.0.borrow_mut();
        let place = self.place(log, partition)?;
        log.changes += 1;
        log.topics.log_mut(place).append_with(key, value, timestamp, headers, DIRECT)?;
        Ok(())
    }

    #[inline(always)]
    fn place(&self, log: &Log, partition: u32) -> Result<Place, TransportError> {
        if self.known.get().0 != log.topics.version {
            self.known.set((log.topics.version, log.topics.number(self.topic)?));
        }
        log.topics.check(self.known.get().1, partition)
    }
}

/// The committed records of a partition; see [`MemoryLog::read_committed`].
pub struct Records {
    log: MemoryLog,
    place: Place,
    position: Rc<Cell<i64>>,
}

impl Records {
    /// The next offset that would be read; behind trailing control records once the iterator has ended.
    pub fn position(&self) -> i64 {
        self.position.get()
    }

    /// For who wants to know where it stands, and whether it is still there.
    pub(crate) fn watch(&self) -> Weak<Cell<i64>> {
        Rc::downgrade(&self.position)
    }

    /// Lets `read` see the next record where it stands. It must not change the log.
    #[inline]
    pub(crate) fn read_next<R>(&mut self, read: impl FnOnce(Record<'_>) -> R) -> Option<R> {
        let log = self.log.0.borrow();
        let partition = log.topics.log(self.place);
        let mut position = self.position.get().max(partition.start());
        let record = partition.next(&mut position, Isolation::ReadCommitted);
        self.position.set(position);
        record.map(read)
    }
}

impl Iterator for Records {
    type Item = MemoryMessage;

    fn next(&mut self) -> Option<MemoryMessage> {
        self.read_next(|record| record.take())
    }
}
