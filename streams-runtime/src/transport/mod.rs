//! The seam to the log: what a worker needs of a broker, and nothing of how it is done.
//!
//! Two implementations stand behind it: [`memory`], an in-process log with Kafka's transaction rules, and Apache
//! Kafka through librdkafka. One conformance suite, `suite` (behind the feature of that name), is written against these traits, and both must
//! pass it.
//!
//! It knows topics, partitions, offsets, transactions and group generations. It deliberately does not know
//! steps, stores, serdes or tasks.
//!
//! ```text
//! consumer   subscribe → poll: Assigned → assign(partition, offset) → poll: Record … End → unassign
//! producer   init → begin → send … → flush → send_offsets → commit ─→ Committed
//!                     │                                        ├────→ Aborted   nothing of it is visible
//!                     └────────────→ abort ←──────────────────-┴────→ Unknown   only a new producer's init decides
//! ```

mod clients;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
pub mod topics;

pub use self::clients::ClientSettings;
pub(crate) use self::clients::is_secret;
use self::topics::GroupMember;
use crate::record::Headers;
use std::rc::Rc;

/// A topic name and a partition number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition, counted from 0.
    pub partition: u32,
}

/// True if two names of topics are the same. They are short, so they are compared without a call.
#[inline(always)]
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    // What begins alike and ends alike, and is at most twice as long as what was compared, is alike.
    let len = a.len();
    if len > 16 {
        a == b
    } else if len > 7 {
        a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk()
    } else if len > 3 {
        a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk()
    } else {
        len == 0 || a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]
    }
}

/// What stands at a partition in the committed offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// Free text that was committed with it (task times and schedules, at most 4,096 bytes on a Kafka broker).
    pub metadata: String,
}

/// Proof of membership that a broker checks when offsets are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    /// The consumer group. Names are shared: a commit reads them and changes none.
    pub group: Rc<str>,
    /// The generation (classic protocol) or member epoch (KIP-848).
    pub generation: i32,
    /// The member that asks.
    pub member: Rc<str>,
    /// Its name across restarts, if it is a static member (`group.instance.id`).
    pub instance: Option<Rc<str>>,
}

/// What [`Consumer::poll`] hands out.
#[derive(Debug)]
pub enum Event<M> {
    /// A record of partition `slot`, in offset order within its partition.
    Record {
        /// The number that [`Consumer::assign`] returned for the partition.
        slot: u32,
        /// The record.
        message: M,
    },
    /// Everything the partition had has been handed out. `position` is behind trailing control records, and is
    /// the offset to commit; it is raised at the last stable offset under `read_committed`.
    End {
        /// The partition, as above.
        slot: u32,
        /// The next offset that would be read.
        position: i64,
    },
    /// The group gave these partitions to this member. They are read only after [`Consumer::assign`].
    Assigned(Vec<TopicPartition>),
    /// The group takes these back; they still may be committed until [`Consumer::revoked`] is called.
    Revoked(Vec<TopicPartition>),
    /// These went to somebody else already; nothing may be committed for them.
    Lost(Vec<TopicPartition>),
}

/// Who takes what [`Consumer::poll`] hands out. It is told while the consumer is at work, so it asks nobody for anything.
pub trait Events<M> {
    /// The next event.
    fn hand(&mut self, event: Event<M>);

    /// The next event, which is a record.
    #[inline]
    fn record(&mut self, slot: u32, message: M) {
        self.hand(Event::Record { slot, message });
    }

    /// The next event, which is the end of a partition.
    #[inline]
    fn end(&mut self, slot: u32, position: i64) {
        self.hand(Event::End { slot, position });
    }
}

impl<M> Events<M> for Vec<Event<M>> {
    #[inline]
    fn hand(&mut self, event: Event<M>) {
        self.push(event);
    }
}

/// What a client keeps beside the bytes of a fetched record: librdkafka three hundred bytes for each.
pub(crate) const HELD: usize = 320;

/// A fetched record. Borrowed from the client's own buffers where there are any.
pub trait Message {
    /// Its offset. Offsets have gaps (control records, compaction): nothing may count records.
    fn offset(&self) -> i64;
    /// Milliseconds since the epoch; negative if the producer gave none.
    fn timestamp(&self) -> i64;
    /// The key's bytes, `None` for null.
    fn key(&self) -> Option<&[u8]>;
    /// The value's bytes, `None` for null.
    fn value(&self) -> Option<&[u8]>;
    /// About how much memory it takes until it is dropped.
    #[inline]
    fn size(&self) -> usize {
        HELD + self.key().map_or(0, <[u8]>::len) + self.value().map_or(0, <[u8]>::len)
    }
    /// The headers; building them may cost, so it is asked for once a record.
    fn headers(&self) -> Headers;
}

/// Where reading stops while transactions are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Up to the last stable offset, without aborted records.
    ReadCommitted,
    /// Everything up to the high watermark.
    ReadUncommitted,
}

/// Ends of a partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset that still exists.
    pub start: i64,
    /// Up to here everything is decided.
    pub last_stable: i64,
    /// The end, open transactions included.
    pub high: i64,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The topic or partition does not exist.
    #[error("topic `{0}` does not exist")]
    UnknownTopic(String),
    /// The partition does not exist.
    #[error("partition {1} of topic `{0}` does not exist")]
    UnknownPartition(String, u32),
    /// Another producer with the same transactional id took over, or the transaction timed out. Fatal for this
    /// producer; the outcome of its last transaction is unknown until a new one's `init` succeeded.
    #[error("producer `{0}` was fenced")]
    Fenced(String),
    /// The generation or member is not current. The transaction must be aborted; the producer stays usable.
    #[error("group `{group}` refused generation {generation} of member `{member}`")]
    StaleGeneration {
        /// The group.
        group: String,
        /// What was sent.
        generation: i32,
        /// Who sent it.
        member: String,
    },
    /// The call did not end in time, or its answer was lost.
    #[error("{0} timed out")]
    TimedOut(&'static str),
    /// As [`TimedOut`](TransportError::TimedOut), of one topic or of one of its partitions.
    #[error("{doing} timed out: topic `{topic}`{}", of_partition(*partition))]
    NoAnswer {
        /// What was asked for.
        doing: &'static str,
        /// The topic.
        topic: String,
        /// The partition, if it is about one.
        partition: Option<u32>,
    },
    /// The offset does not exist (any more).
    #[error("offset {offset} of {topic}-{partition} is outside the log")]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// What was asked for.
        offset: i64,
    },
    /// The broker refused one record for good.
    #[error("record for topic `{topic}` was refused: {reason}")]
    Refused {
        /// The topic it was meant for.
        topic: String,
        /// The [`Outgoing::origin`] it was sent with.
        origin: u64,
        /// The broker's words.
        reason: String,
    },
    /// Another client has joined under the name of this static member. To join again would throw him out, and then he this one.
    #[error("keeping the membership: {0}")]
    Replaced(String),
    /// The client or a broker refuses in a way that trying again will not mend (rights, settings, a full disk).
    #[error("{doing}: {reason}")]
    Broker {
        /// What was asked for.
        doing: &'static str,
        /// The client's or the broker's words.
        reason: String,
    },
    /// A call that its documentation forbids at this point: a bug of the caller.
    #[error("{0}")]
    Misuse(&'static str),
}

fn of_partition(partition: Option<u32>) -> String {
    partition.map(|partition| format!(", partition {partition}")).unwrap_or_default()
}

impl TransportError {
    /// What did not end in time, if that is all there is to it: asking again may help.
    pub fn timed_out(&self) -> Option<&'static str> {
        match self {
            TransportError::TimedOut(doing) | TransportError::NoAnswer { doing, .. } => Some(doing),
            _ => None,
        }
    }
}

/// Why [`Consumer::committed`] has no answer while a transaction that holds offsets is undecided.
pub const PENDING_OFFSETS: &str = "waiting for offsets of an open transaction";

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Everything of the transaction is visible.
    Committed,
    /// The failure came before the commit was sent and the abort was confirmed: nothing is visible.
    Aborted(TransportError),
    /// Only `init` of a new producer with the same id decides it.
    Unknown(TransportError),
}

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The key's bytes, `None` for null.
    pub key: Option<&'a [u8]>,
    /// The value's bytes, `None` for null.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The headers.
    pub headers: &'a Headers,
    /// Comes back in [`Delivery`] and [`TransportError::Refused`], so that the caller can tell what it was. Below 2^63.
    pub origin: u64,
    /// Whether [`Producer::flush`] tells where it arrived. That something went wrong is told of all.
    pub is_followed: bool,
}

/// A record that is followed and arrived: its offset is final once the transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What [`Outgoing::origin`] said.
    pub origin: u64,
    /// Where it stands.
    pub offset: i64,
}

/// Reads records of assigned partitions and speaks for one member of a group.
pub trait Consumer {
    /// How fetched records are held.
    type Message: Message;

    /// Joins the group for these topics. Answers come as events of [`poll`](Consumer::poll).
    fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError>;

    /// Confirms that the partitions of a [`Event::Revoked`] are no longer worked on.
    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError>;

    /// Live membership, read just before offsets are committed; `None` if this member was thrown out.
    fn group_metadata(&self) -> Option<GroupMetadata>;

    /// True if the group has told this member its share of the partitions, which may be none, and it was not thrown out since.
    fn is_member(&self) -> bool {
        self.group_metadata().is_some()
    }

    /// Who is in the group now, this member included if it is one: as [`Topics::members`](topics::Topics::members).
    fn members(&mut self) -> Result<Vec<GroupMember>, TransportError>;

    /// Gives the membership up: others take over at once.
    fn leave(&mut self) -> Result<(), TransportError>;

    /// Ends as this kind of member ends: a static one keeps its partitions until it is back or its session has timed
    /// out, any other leaves.
    fn close(&mut self) -> Result<(), TransportError> {
        self.leave()
    }

    /// Starts reading a partition at `offset` and returns the slot its events carry. Not tied to the group:
    /// co-partitioned and changelog partitions are assigned the same way. Assigning again moves the position.
    fn assign(&mut self, partition: &TopicPartition, offset: i64) -> Result<u32, TransportError>;

    /// Stops reading; no event of the partition comes afterwards.
    fn unassign(&mut self, partition: &TopicPartition);

    /// Hands out up to `max` records, and what else there is to say, without waiting. Returns how many records there were.
    fn poll(&mut self, to: &mut impl Events<Self::Message>, max: usize) -> Result<usize, TransportError>;

    /// Waits until [`poll`](Consumer::poll) may find something, at most so long. The only call of this trait that a
    /// loop uses to rest; one that is stepped by hand never makes it.
    fn wait(&mut self, _ms: u64) {}

    /// False if a [`poll`](Consumer::poll) would certainly find nothing now. A hint that saves the poll: who cannot
    /// tell without asking says true.
    fn has_news(&self) -> bool {
        true
    }

    /// What comes here ends a [`wait`](Consumer::wait) of `other` as well: for one loop with two consumers.
    fn share_wakeup(&mut self, _other: &Self) {}

    /// Gives up what was asked about these partitions and their topics: what they are asked about afterwards is
    /// answered by what is true from now on. For who became the owner just now, or asks in a certain order.
    ///
    /// The questions that follow wait for nothing. What brokers have not answered yet says `Err(TimedOut)` and stays
    /// asked; who asks the same again gets the answer once it is there.
    fn forget(&mut self, _partitions: &[TopicPartition]) {}

    /// The committed offset of the group, only once nothing is pending on it (KIP-447):
    /// `Err(TimedOut(PENDING_OFFSETS))` while a transaction that holds offsets for it is undecided.
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, TransportError>;

    /// Commits offsets outside of any transaction, for this member, or for a group without members if this
    /// consumer never subscribed.
    fn commit(&mut self, offsets: &[(TopicPartition, CommittedOffset)]) -> Result<(), TransportError>;

    /// Ends of a partition.
    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, TransportError>;

    /// The identity of a topic: one made anew under the same name has another. 0 if the log does not tell.
    fn topic_id(&mut self, _topic: &str) -> Result<u128, TransportError> {
        Ok(0)
    }

    /// For how long a compacted topic keeps deletions at least, in ms (`delete.retention.ms`); `None` if the log does
    /// not tell.
    fn delete_retention_ms(&mut self, _topic: &str) -> Result<Option<i64>, TransportError> {
        Ok(None)
    }

    /// For how long a topic keeps records at least, by their own time, in ms (`retention.ms`); `None` if it does not
    /// delete by age (`cleanup.policy`), or the log does not tell.
    fn retention_ms(&mut self, _topic: &str) -> Result<Option<i64>, TransportError> {
        Ok(None)
    }
}

/// Writes records inside transactions (or without them, if made so).
pub trait Producer {
    /// Takes over the transactional id: an open transaction of an older producer is decided and the older one
    /// is fenced. Must succeed before anything else.
    fn init(&mut self) -> Result<(), TransportError>;

    /// Opens a transaction.
    fn begin(&mut self) -> Result<(), TransportError>;

    /// Hands a record over. An `Ok` says nothing about its arrival.
    fn send(&mut self, record: Outgoing<'_>) -> Result<(), TransportError>;

    /// Waits until everything sent has arrived; tells the offsets of what is followed; fails with the first refusal. A broker refuses
    /// what was sent together as a whole: only a record that is flushed alone is named for certain.
    fn flush(&mut self, delivered: &mut dyn FnMut(Delivery)) -> Result<(), TransportError>;

    /// Adds consumed offsets to the transaction.
    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<(), TransportError>;

    /// Flushes and commits.
    fn commit(&mut self) -> CommitOutcome;

    /// [`send_offsets`](Producer::send_offsets) and [`commit`](Producer::commit), one directly after the other.
    ///
    /// # Errors
    /// If the offsets are not in the transaction: it is as open as it was.
    fn commit_with(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<CommitOutcome, TransportError> {
        self.send_offsets(offsets, group)?;
        Ok(self.commit())
    }

    /// Takes everything of the open transaction back. An error means: outcome unknown.
    fn abort(&mut self) -> Result<(), TransportError>;

    /// How many partitions a topic has.
    fn partitions(&mut self, topic: &str) -> Result<u32, TransportError>;
}

#[cfg(test)]
mod tests {
    use super::same_name;

    #[test]
    fn names_differ_wherever_they_differ() {
        for len in 0..40 {
            let name = "a".repeat(len);
            assert!(same_name(&name, &name.clone()));
            assert!(!same_name(&name, &format!("{name}a")));
            for at in 0..len {
                let mut other = name.clone();
                other.replace_range(at..=at, "b");
                assert!(!same_name(&name, &other), "{name} and {other}");
            }
        }
    }
}
