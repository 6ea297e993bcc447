//! One partition that a task reads: what is buffered of it, where reading stands, where it stops.
//!
//! Knows one source and its records, one after the other. Does not know the other partitions of the task, nor when
//! anything is committed.

use crate::context::{Context, Source as Origin};
use crate::failure::Failure;
use crate::operators::{RawRecord, Source};
use crate::record::{Headers, Timestamp};
use crate::transport::{Message, TopicPartition};
use std::collections::VecDeque;
use std::rc::Rc;

/// One partition a task reads.
pub(super) struct Input<M> {
    pub(super) source: Rc<dyn Source>,
    /// The topic's name: known here, so that no record asks its source for it.
    pub(super) topic: Box<str>,
    pub(super) partition: u32,
    pub(super) buffer: VecDeque<M>,
    /// About how much memory the buffered records take.
    pub(super) bytes: usize,
    /// True if nothing is fetched for it now, because it is far ahead of the others.
    pub(super) held: bool,
    /// The time of the first buffered record, once it was read; with several inputs all heads are compared.
    pub(super) head: Option<Timestamp>,
    /// Set while the log has nothing behind the buffer; the position to commit once the buffer is empty.
    pub(super) ended_at: Option<i64>,
    pub(super) position: i64,
    pub(super) committed: i64,
    /// The record that was processed last, for failures that are found after it.
    pub(super) last: i64,
    /// The first offset that is not processed any more: a record there failed. `NEVER` mostly.
    pub(super) stop: i64,
}

/// No record fails there.
pub(super) const NEVER: i64 = i64::MAX;

impl<M> Input<M> {
    /// True if the task must not go on without this input: it may still get an earlier record, or it has failed.
    pub(super) fn is_waiting(&self) -> bool {
        self.head.is_none() && (self.ended_at.is_none() || !self.buffer.is_empty())
    }

    pub(super) fn partition_of(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition: self.partition }
    }
}

impl<M: Message> Input<M> {
    pub(super) fn origin(&self) -> Origin<'_> {
        let offset = self.buffer.front().map_or(self.position, Message::offset);
        Origin { topic: &self.topic, partition: self.partition, offset }
    }

    /// Processes the next record, for a task that has nothing to choose from; false if a policy leaves it out. It must
    /// not be [stopped](Input::is_stopped) there, and there must be one.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Result<bool, Failure> {
        let Some(message) = self.buffer.front() else { return Ok(false) };
        let offset = message.offset();
        let headers = message.headers();
        let taken = self.source.take(&RawRecord {
            source: Origin { topic: &self.topic, partition: self.partition, offset },
            timestamp: message.timestamp(),
            key: message.key(),
            value: message.value(),
            headers: &headers,
        })?;
        if taken {
            self.last = offset;
        }
        self.pop();
        Ok(taken)
    }

    /// True if there is a record that may be processed.
    #[inline]
    pub(super) fn has_next(&self) -> bool {
        self.buffer.front().is_some_and(|message| message.offset() < self.stop)
    }

    /// Reads the record at the head, leaving out what policies leave out; false if there is none.
    #[inline]
    pub(super) fn read_head(&mut self) -> Result<bool, Failure> {
        if self.buffer.is_empty() { Ok(false) } else { self.read_buffered() }
    }

    fn read_buffered(&mut self) -> Result<bool, Failure> {
        while self.head.is_none() {
            let Some(message) = self.buffer.front() else { return Ok(false) };
            if message.offset() >= self.stop {
                return Ok(false);
            }
            // Headers cost, and the source does not look at them.
            let none = Headers::new();
            self.head = self.source.head(&RawRecord {
                source: Origin { topic: &self.topic, partition: self.partition, offset: message.offset() },
                timestamp: message.timestamp(),
                key: message.key(),
                value: message.value(),
                headers: &none,
            })?;
            if self.head.is_none() {
                self.pop();
            }
        }
        Ok(true)
    }

    /// Processes the head, which must have been read.
    #[inline]
    pub(super) fn process(&mut self) -> Result<(), Failure> {
        let (Some(timestamp), Some(message)) = (self.head, self.buffer.front()) else { return Ok(()) };
        let headers = message.headers();
        let offset = message.offset();
        let source = Origin { topic: &self.topic, partition: self.partition, offset };
        self.source.process(message.key(), &Context { timestamp, headers: &headers, source })?;
        self.last = offset;
        self.head = None;
        self.pop();
        Ok(())
    }

    /// True if the next record is the one that failed.
    pub(super) fn is_stopped(&self) -> bool {
        self.buffer.front().map_or(self.position, Message::offset) >= self.stop
    }

    #[inline]
    fn pop(&mut self) {
        if let Some(message) = self.buffer.pop_front() {
            self.bytes -= message.size();
            self.position = message.offset() + 1;
        }
        self.settle();
    }

    /// Behind the last record there may be control records; the end is the position to commit.
    #[inline]
    pub(super) fn settle(&mut self) {
        if let Some(end) = self.ended_at
            && self.buffer.is_empty()
        {
            // Never beyond a record that failed.
            self.position = self.position.max(end.min(self.stop));
        }
    }
}
