//! Where records enter: bytes become key, value and time, under the topic's policies.
//!
//! Knows one topic of one task and decodes each record once; does not know which record is next, which is the task's to say.

use super::Written;
use crate::context::{Context, Source as Origin};
use crate::counters::{DropCounter, Reason};
use crate::failure::{Failure, UserError, What};
use crate::policy::{NoTime, Policy};
use crate::record::{Headers, Timestamp};
use crate::serde::Serde;
use crate::slot::{KeySlot, Slot};
use crate::state::TimeCell;
use crate::stream::Nulls;
use crate::wiring::{Child, Port, Push, Wiring};
use std::cell::RefCell;
use std::rc::Rc;

/// A fetched record, before anything is known of its contents.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Where it was read.
    pub source: Origin<'a>,
    /// The time it carries, negative if none.
    pub timestamp: i64,
    /// The key's bytes.
    pub key: Option<&'a [u8]>,
    /// The value's bytes.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a Headers,
}

/// The entry of a task for one topic.
///
/// A task first asks for the time of the record at the head of each partition ([`head`](Source::head)), then lets
/// the one with the lowest time [`process`](Source::process). What `head` decoded is kept for that. A task with one
/// partition has nothing to choose from, and lets it [`take`](Source::take) the next record.
pub trait Source {
    /// The topic, as the log calls it.
    fn topic(&self) -> &str;

    /// Reads the record. `None`: it was left out (and counted).
    ///
    /// # Errors
    /// If a policy says `fail`.
    fn head(&self, record: &RawRecord<'_>) -> Result<Option<Timestamp>, Failure>;

    /// Pushes the record that `head` read last; `key` are its key's bytes.
    fn process(&self, key: Option<&[u8]>, cx: &Context<'_>) -> Result<(), Failure>;

    /// Both at once; false if the record was left out.
    ///
    /// # Errors
    /// As both.
    fn take(&self, record: &RawRecord<'_>) -> Result<bool, Failure>;
}

/// The source of topic `T`.
pub struct SourceNode<T: Written> {
    topic: String,
    port: Rc<Port<T::Key, T::Value>>,
    head: RefCell<(Option<T::Key>, Option<T::Value>)>,
    /// Highest time seen, kept only if `no_time = partition_time` asks for it.
    partition_time: Option<Rc<RefCell<TimeCell>>>,
    dropped: Dropped,
}

/// Counters of the policies that say `skip`; looked at only when one is needed.
struct Dropped {
    decode: Rc<DropCounter>,
    null_key: Rc<DropCounter>,
    null_value: Rc<DropCounter>,
    no_time: Rc<DropCounter>,
}

impl<T: Written> SourceNode<T> {
    pub(crate) fn new(wiring: &mut Wiring, topic: &str) -> Self {
        let partition_time =
            matches!(T::POLICY.no_time, NoTime::PartitionTime).then(|| wiring.partition_time(T::NAME));
        SourceNode {
            topic: topic.to_owned(),
            port: wiring.new_port(),
            head: RefCell::new((None, None)),
            partition_time,
            dropped: Dropped {
                decode: wiring.drops(T::NAME, Reason::Decode),
                null_key: wiring.drops(T::NAME, Reason::NullKey),
                null_value: wiring.drops(T::NAME, Reason::NullValue),
                no_time: wiring.drops(T::NAME, Reason::NoTime),
            },
        }
    }

    /// Adds a reader.
    pub fn attach(&self, child: Child<T::Key, T::Value>) {
        self.port.attach(child);
    }
}

/// Reads one side of a record into its place.
#[inline(always)]
fn fill<S: Serde>(bytes: Option<&[u8]>, place: &mut Option<S::Type>) -> Result<(), UserError> {
    match bytes {
        Some(bytes) => Ok(S::decode_into(bytes, place)?),
        None => {
            *place = None;
            Ok(())
        }
    }
}

#[cold]
fn left_out(
    policy: Policy,
    counter: &DropCounter,
    what: What,
    cause: Option<UserError>,
    record: &RawRecord<'_>,
) -> Result<Option<Timestamp>, Failure> {
    let failure = Failure::new(what, cause).on(&record.source);
    match policy {
        Policy::Fail => Err(failure),
        Policy::Skip => {
            tracing::warn!(failure = %failure.happened(), "record skipped");
            counter.add_because(failure.into_cause());
            Ok(None)
        }
    }
}

impl<T: Written> SourceNode<T> {
    /// Decodes a record into its places, and finds its time.
    #[inline(always)]
    fn read(
        &self,
        record: &RawRecord<'_>,
        key: &mut Option<T::Key>,
        value: &mut Option<T::Value>,
    ) -> Result<Option<Timestamp>, Failure> {
        if let Err(cause) = fill::<T::KeySerde>(record.key, key) {
            return left_out(T::POLICY.decode, &self.dropped.decode, What::DecodeKey, Some(cause), record);
        }
        if let Err(cause) = fill::<T::ValueSerde>(record.value, value) {
            return left_out(T::POLICY.decode, &self.dropped.decode, What::DecodeValue, Some(cause), record);
        }
        if !T::KeyNulls::NULLABLE && key.is_none() {
            return left_out(T::POLICY.null_key, &self.dropped.null_key, What::NullKey(None), None, record);
        }
        if !T::ValueNulls::NULLABLE && value.is_none() {
            return left_out(
                T::POLICY.null_value,
                &self.dropped.null_value,
                What::NullValue(None),
                None,
                record,
            );
        }
        let own =
            T::timestamp(record.timestamp, key.as_ref(), value.as_ref()).filter(|time| time.as_ms() >= 0);
        match (own, T::POLICY.no_time, &self.partition_time) {
            (Some(time), _, None) => Ok(Some(time)),
            (Some(time), _, Some(highest)) => {
                highest.borrow_mut().advance(time.as_ms());
                Ok(Some(time))
            }
            (None, NoTime::PartitionTime, Some(highest)) if highest.borrow().get().is_some() => {
                Ok(highest.borrow().get().map(Timestamp::from_ms))
            }
            (None, NoTime::Skip, _) => {
                left_out(Policy::Skip, &self.dropped.no_time, What::NoTime, None, record)
            }
            (None, _, _) => left_out(Policy::Fail, &self.dropped.no_time, What::NoTime, None, record),
        }
    }

    #[inline(always)]
    fn push(
        &self,
        bytes: Option<&[u8]>,
        key: &mut Option<T::Key>,
        value: &mut Option<T::Value>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let raw = bytes.filter(|_| T::KeySerde::CANONICAL);
        self.port.push(KeySlot { slot: Slot::Given(key), raw }, Slot::Given(value), cx)
    }
}

impl<T: Written> Source for SourceNode<T> {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn head(&self, record: &RawRecord<'_>) -> Result<Option<Timestamp>, Failure> {
        let mut head = self.head.borrow_mut();
        let (key, value) = &mut *head;
        self.read(record, key, value)
    }

    fn process(&self, key: Option<&[u8]>, cx: &Context<'_>) -> Result<(), Failure> {
        let mut head = self.head.borrow_mut();
        let (slot, value) = &mut *head;
        self.push(key, slot, value, cx)
    }

    fn take(&self, record: &RawRecord<'_>) -> Result<bool, Failure> {
        let mut head = self.head.borrow_mut();
        let (key, value) = &mut *head;
        let Some(timestamp) = self.read(record, key, value)? else { return Ok(false) };
        let cx = Context { timestamp, headers: record.headers, source: record.source };
        self.push(record.key, key, value, &cx)?;
        Ok(true)
    }
}
