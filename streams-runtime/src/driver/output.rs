//! What a test reads.
//!
//! Knows committed records and the topic's format. Does not know who wrote them, nor when.

use crate::context::Source;
use crate::record::{Headers, Timestamp};
use crate::serde::{Serde, SerdeError};
use crate::stream::{Stream, Topic};
use crate::transport::memory::{MemoryMessage, Record, Records};
use std::marker::PhantomData;

/// A record read from an output topic.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRecord<K, V> {
    /// The key, `None` for null.
    pub key: Option<K>,
    /// The value, `None` for null.
    pub value: Option<V>,
    /// Its time.
    pub timestamp: Timestamp,
    /// Its headers.
    pub headers: Headers,
    /// Its partition.
    pub partition: u32,
}

/// A topic a test reads from, partition after partition; within one, in order.
pub struct Output<T> {
    partitions: Vec<Records>,
    next: usize,
    topic: PhantomData<T>,
}

impl<T> Output<T> {
    pub(super) fn new(partitions: Vec<Records>) -> Self {
        Output { partitions, next: 0, topic: PhantomData }
    }
}

impl<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>> Output<T> {
    /// The next record, if there is one.
    ///
    /// # Panics
    /// If its bytes are not of the topic's format.
    pub fn read(&mut self) -> Option<OutputRecord<<T as Stream>::Key, <T as Stream>::Value>> {
        for _ in 0..self.partitions.len() {
            let partition = self.next as u32;
            let record = self.partitions[self.next].read_next(|record| Self::decode(&record, partition));
            if record.is_some() {
                return record;
            }
            self.go_on();
        }
        None
    }

    fn decode(record: &Record<'_>, partition: u32) -> OutputRecord<T::Key, T::Value> {
        let unreadable = |cause: SerdeError| -> ! {
            let at = Source { topic: T::TOPIC.name, partition, offset: record.offset };
            panic!("{at} cannot be read: {cause}")
        };
        OutputRecord {
            key: record.key().map(|key| T::KeySerde::decode(key).unwrap_or_else(|e| unreadable(e))),
            value: record.value().map(|value| T::ValueSerde::decode(value).unwrap_or_else(|e| unreadable(e))),
            timestamp: Timestamp::from_ms(record.timestamp()),
            headers: record.headers().clone(),
            partition,
        }
    }

    /// To the next partition.
    fn go_on(&mut self) {
        self.next = if self.next + 1 < self.partitions.len() { self.next + 1 } else { 0 };
    }

    /// The next record's bytes, if there is one, as they stand in the topic.
    pub fn read_bytes(&mut self) -> Option<MemoryMessage> {
        for _ in 0..self.partitions.len() {
            if let Some(message) = self.partitions[self.next].next() {
                return Some(message);
            }
            self.go_on();
        }
        None
    }

    /// Everything that is there, as key and value.
    pub fn read_all(&mut self) -> Vec<(Option<T::Key>, Option<T::Value>)> {
        std::iter::from_fn(|| self.read()).map(|record| (record.key, record.value)).collect()
    }
}
