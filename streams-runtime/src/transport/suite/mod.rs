//! The conformance suite of the transport seam: one list of cases for every implementation.
//!
//! It knows the traits and a [`Fixture`] that makes things. It deliberately does not know any implementation, nor
//! offsets of control records: on a real broker answers take time, so every expectation is polled for, with the
//! fixture's patience, and absence is shown by something that comes later instead of by waiting.
//!
//! ```text
//! reading       what is seen, in which order, where the end is      offsets   committed offsets
//! transactions  visibility, abort, fencing, time-out                groups    membership
//! accidents     lost answers and refused records
//! ```

mod accidents;
mod groups;
mod offsets;
mod reading;
mod transactions;

use super::{
    CommitOutcome, CommittedOffset, Consumer, Event, GroupMetadata, Isolation, Message, Outgoing,
    PENDING_OFFSETS, Producer, TopicPartition, TransportError,
};
use crate::record::Headers;

/// What a case needs beyond the traits; who cannot do it skips the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Only the traits.
    Nothing,
    /// [`Fixture::advance`]: the transaction time-out passes within the patience of the suite.
    Time,
    /// [`Fixture::delete_records`].
    DeleteRecords,
    /// [`Fixture::accident`]: requests and answers get lost on demand. Before a real broker it takes a proxy.
    Accidents,
    /// [`Fixture::compacted`] and [`Fixture::clean`]: topics are compacted while a case waits.
    Compaction,
}

/// Something that shall go wrong at the next call it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accident {
    /// A record is written, its answer lost, and it is sent again.
    AckLost,
    /// The commit never arrives.
    CommitLost,
    /// The commit is done, the answer lost.
    CommitAnswerLost,
    /// Somebody else takes the id over just before the commit arrives.
    FencedBeforeCommit,
    /// The commit is done, the answer lost, and somebody else takes the id over.
    FencedAfterCommit,
    /// `send_offsets` is not answered.
    OffsetsLost,
    /// The abort is done, the answer lost.
    AbortAnswerLost,
}

/// Makes what a case works with.
pub trait Fixture {
    /// The implementation's consumer.
    type Consumer: Consumer;
    /// The implementation's producer.
    type Producer: Producer;

    /// Creates a topic that nobody used before, and returns its name.
    fn topic(&self, partitions: u32, max_message_bytes: usize) -> String;
    /// A name (of a group, a transactional id) that nobody used before.
    fn name(&self, hint: &str) -> String;
    /// A consumer that reads from what it is assigned.
    fn consumer(&self, group: &str, client_id: &str, isolation: Isolation) -> Self::Consumer;
    /// The same, which joins as a static member of this name.
    fn static_consumer(
        &self,
        group: &str,
        client_id: &str,
        instance: &str,
        isolation: Isolation,
    ) -> Self::Consumer;
    /// A producer before its `init`. Its transaction time-out is [`transaction_timeout_ms`](Self::transaction_timeout_ms).
    fn producer(&self, transactional_id: Option<&str>) -> Self::Producer;
    /// Lets others work: called between two attempts. An implementation without threads does nothing.
    fn idle(&self) {}
    /// How many attempts are made before a case fails.
    fn patience(&self) -> usize;
    /// Whether cases with this need can run.
    fn supports(&self, need: Need) -> bool;
    /// The transaction time-out of its producers.
    fn transaction_timeout_ms(&self) -> i64;
    /// Lets time pass.
    fn advance(&self, ms: i64);
    /// Deletes the records before an offset.
    fn delete_records(&self, partition: &TopicPartition, before: i64);
    /// Creates a topic with one partition that is compacted and keeps deletions for a tenth of a second, and returns its name.
    fn compacted(&self) -> String;
    /// Sees to it that a topic is compacted up to its last record or nearly so, soon or at once.
    fn clean(&self, topic: &str);
    /// Lets an accident happen to the producer of this id.
    fn accident(&self, transactional_id: &str, accident: Accident);
}

/// How a case runs; the message tells what was expected and what came.
pub type Run<F> = fn(&F) -> Result<(), String>;

/// One case.
pub struct Case<F> {
    /// What must hold.
    pub name: &'static str,
    /// What it takes to show it.
    pub need: Need,
    /// Shows it.
    pub run: Run<F>,
}

/// All cases. They are independent of each other: each makes its own topics, groups and ids.
pub fn cases<F: Fixture>() -> Vec<Case<F>> {
    let mut cases = reading::cases();
    cases.extend(transactions::cases());
    cases.extend(offsets::cases());
    cases.extend(groups::cases());
    cases.extend(accidents::cases());
    cases
}

/// Runs all cases; tells each verdict (`None`: skipped) and returns how many failed.
pub fn run<F: Fixture>(fixture: &F, mut tell: impl FnMut(&Case<F>, Option<Result<(), String>>)) -> usize {
    let mut failed = 0;
    for case in cases() {
        let verdict = fixture.supports(case.need).then(|| (case.run)(fixture));
        failed += usize::from(matches!(verdict, Some(Err(_))));
        tell(&case, verdict);
    }
    failed
}

fn case<F>(name: &'static str, need: Need, run: Run<F>) -> Case<F> {
    Case { name, need, run }
}

// ---- what the cases are written with ----

const LARGE: usize = 1_000_000;

fn fails(error: TransportError) -> String {
    format!("unexpected error: {error}")
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition { topic: topic.to_owned(), partition }
}

fn offset(offset: i64) -> CommittedOffset {
    CommittedOffset { offset, metadata: String::new() }
}

/// Proof of a producer that consumes without a group.
fn no_member(group: &str) -> GroupMetadata {
    GroupMetadata { group: group.into(), generation: -1, member: "".into(), instance: None }
}

/// Tries until it succeeds with a value; `what` names what did not come.
fn wait<F: Fixture, T>(
    fixture: &F,
    what: &str,
    mut attempt: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    for _ in 0..fixture.patience() {
        if let Some(found) = attempt()? {
            return Ok(found);
        }
        fixture.idle();
    }
    Err(format!("{what} did not come"))
}

/// Repeats a call for as long as it times out.
fn retried<F: Fixture, T>(
    fixture: &F,
    mut call: impl FnMut() -> Result<T, TransportError>,
) -> Result<T, String> {
    wait(fixture, "an answer in time", || match call() {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.timed_out().is_some() => Ok(None),
        Err(error) => Err(fails(error)),
    })
}

/// A producer whose `init` succeeded, and its id.
fn ready<F: Fixture>(fixture: &F) -> Result<(F::Producer, String), String> {
    let id = fixture.name("id");
    Ok((successor(fixture, &id)?, id))
}

/// Another producer with the same id.
fn successor<F: Fixture>(fixture: &F, id: &str) -> Result<F::Producer, String> {
    let mut producer = fixture.producer(Some(id));
    retried(fixture, || producer.init())?;
    Ok(producer)
}

fn plain<F: Fixture>(fixture: &F) -> Result<F::Producer, String> {
    let mut producer = fixture.producer(None);
    retried(fixture, || producer.init())?;
    Ok(producer)
}

fn send<P: Producer>(producer: &mut P, to: &TopicPartition, value: &str) -> Result<(), TransportError> {
    producer.send(Outgoing {
        topic: &to.topic,
        partition: to.partition,
        key: None,
        value: Some(value.as_bytes()),
        timestamp: 1,
        headers: &Headers::new(),
        origin: 0,
        is_followed: true,
    })
}

/// Sends and flushes; returns the offsets in order of sending.
fn write<F: Fixture>(
    fixture: &F,
    producer: &mut F::Producer,
    to: &TopicPartition,
    values: &[&str],
) -> Result<Vec<i64>, String> {
    for (origin, value) in values.iter().enumerate() {
        producer
            .send(Outgoing {
                topic: &to.topic,
                partition: to.partition,
                key: None,
                value: Some(value.as_bytes()),
                timestamp: 1,
                headers: &Headers::new(),
                origin: origin as u64,
                is_followed: true,
            })
            .map_err(fails)?;
    }
    let mut offsets = vec![-1; values.len()];
    retried(fixture, || producer.flush(&mut |delivery| offsets[delivery.origin as usize] = delivery.offset))?;
    Ok(offsets)
}

/// One whole transaction.
fn transaction<F: Fixture>(
    fixture: &F,
    producer: &mut F::Producer,
    to: &TopicPartition,
    values: &[&str],
) -> Result<Vec<i64>, String> {
    producer.begin().map_err(fails)?;
    let offsets = write(fixture, producer, to, values)?;
    commits(producer)?;
    Ok(offsets)
}

fn commits<P: Producer>(producer: &mut P) -> Result<(), String> {
    match producer.commit() {
        CommitOutcome::Committed => Ok(()),
        other => Err(format!("the commit ended as {other:?}")),
    }
}

/// Reads one partition and keeps what came.
struct Reader<'f, F: Fixture> {
    fixture: &'f F,
    consumer: F::Consumer,
    values: Vec<String>,
    offsets: Vec<i64>,
    /// The positions of all ends so far.
    ends: Vec<i64>,
}

impl<'f, F: Fixture> Reader<'f, F> {
    fn new(fixture: &'f F, from: &TopicPartition, start: i64, isolation: Isolation) -> Result<Self, String> {
        let mut consumer = fixture.consumer(&fixture.name("reader"), "reader", isolation);
        retried(fixture, || consumer.assign(from, start))?;
        Ok(Reader { fixture, consumer, values: Vec::new(), offsets: Vec::new(), ends: Vec::new() })
    }

    fn committed(fixture: &'f F, from: &TopicPartition) -> Result<Self, String> {
        Reader::new(fixture, from, 0, Isolation::ReadCommitted)
    }

    fn step(&mut self) -> Result<(), TransportError> {
        let mut events = Vec::new();
        self.consumer.poll(&mut events, 2)?;
        for event in events {
            match event {
                Event::Record { message, .. } => {
                    let value = message.value().unwrap_or(b"null");
                    self.values.push(String::from_utf8_lossy(value).into_owned());
                    self.offsets.push(message.offset());
                }
                Event::End { position, .. } => self.ends.push(position),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads until exactly these values came since the beginning, and then an end.
    fn until_end(&mut self, values: &[&str]) -> Result<(), String> {
        let fixture = self.fixture;
        let ends = self.ends.len();
        let outcome = wait(fixture, "the end", || {
            self.step().map_err(fails)?;
            Ok((self.values.len() >= values.len() && self.ends.len() > ends).then_some(()))
        });
        self.are(values)?;
        outcome
    }

    /// Reads until exactly these values came since the beginning.
    fn until(&mut self, values: &[&str]) -> Result<(), String> {
        let fixture = self.fixture;
        let outcome = wait(fixture, "a record", || {
            self.step().map_err(fails)?;
            Ok((self.values.len() >= values.len()).then_some(()))
        });
        self.are(values)?;
        outcome
    }

    fn are(&self, values: &[&str]) -> Result<(), String> {
        expect(self.values == values, || format!("expected {values:?}, read {:?}", self.values))
    }
}

/// What a committed reader sees of a partition from its beginning to its end.
fn sees<F: Fixture>(fixture: &F, from: &TopicPartition, values: &[&str]) -> Result<(), String> {
    Reader::committed(fixture, from)?.until_end(values)
}
