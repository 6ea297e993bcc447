//! Two inputs that are read together, and one of them is not there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::memory::Share;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::topology::Plan;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog, MemoryProducer};
use streams_runtime::transport::topics::GroupMember;
use streams_runtime::transport::{
    CommittedOffset, Consumer, Event, Events, GroupMetadata, Message, TopicPartition, TransportError,
    Watermarks,
};
use streams_runtime::wiring::Engines;
use streams_runtime::worker::{Connect, Worker};

#[topic(name = "left", partitions = 1, key = i64, value = String)]
struct Left;
#[topic(name = "right", partitions = 1, key = i64, value = String, null_value = skip)]
struct Right;
#[topic(name = "both", partitions = 1, key = i64, value = String)]
struct Both;

#[ktable(store = "right", from = Right)]
struct Rights;
#[processor(from = Left, join = Rights, to = Both)]
fn both(_left: &str, right: &str) -> String {
    right.to_owned()
}
topology!(Joined = [Rights, both]);

/// A topic whose records do not arrive, as if its broker were away; shared with the test.
#[derive(Clone, Default)]
struct Away(Rc<RefCell<Option<&'static str>>>);

/// One machine on the log, from which a topic may be away.
struct Apart {
    machine: InProcess,
    away: Away,
}

/// Keeps back what comes of the topic that is away.
struct Reader {
    inner: MemoryConsumer,
    away: Away,
    kept: VecDeque<Event<<MemoryConsumer as Consumer>::Message>>,
    slots: Vec<(u32, TopicPartition)>,
}

impl Connect for Apart {
    type Consumer = Reader;
    type Producer = MemoryProducer;

    fn consumer(&self, leaders: u64) -> Result<Reader, TransportError> {
        let (kept, slots) = (VecDeque::new(), Vec::new());
        Ok(Reader { inner: self.machine.consumer(leaders)?, away: self.away.clone(), kept, slots })
    }

    fn is_own(&self, name: &str) -> bool {
        self.machine.is_own(name)
    }

    fn restore_consumer(&self) -> Result<Reader, TransportError> {
        let (kept, slots) = (VecDeque::new(), Vec::new());
        Ok(Reader { inner: self.machine.restore_consumer()?, away: Away::default(), kept, slots })
    }

    fn producer(&self) -> Result<MemoryProducer, TransportError> {
        self.machine.producer()
    }

    fn engines(&self, task: TaskId) -> Engines {
        self.machine.engines(task)
    }

    fn overlay(&self) -> OverlayLimit {
        Connect::overlay(&self.machine)
    }

    fn memory(&self) -> Share {
        Connect::memory(&self.machine)
    }

    fn now_ms(&self) -> i64 {
        self.machine.now_ms()
    }
}

impl Reader {
    fn is_away(&self, slot: u32) -> bool {
        let away = *self.away.0.borrow();
        self.slots.iter().any(|(of, place)| *of == slot && Some(place.topic.as_str()) == away)
    }
}

impl Consumer for Reader {
    type Message = <MemoryConsumer as Consumer>::Message;

    fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError> {
        self.inner.subscribe(topics)
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError> {
        self.inner.revoked(partitions)
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        self.inner.group_metadata()
    }

    fn members(&mut self) -> Result<Vec<GroupMember>, TransportError> {
        self.inner.members()
    }

    fn leave(&mut self) -> Result<(), TransportError> {
        self.inner.leave()
    }

    fn assign(&mut self, partition: &TopicPartition, offset: i64) -> Result<u32, TransportError> {
        let slot = self.inner.assign(partition, offset)?;
        self.kept.retain(|event| !matches!(event, Event::Record { slot: of, .. } | Event::End { slot: of, .. } if *of == slot));
        self.slots.retain(|(of, _)| *of != slot);
        self.slots.push((slot, partition.clone()));
        Ok(slot)
    }

    fn unassign(&mut self, partition: &TopicPartition) {
        assert_ne!(Some(partition.topic.as_str()), *self.away.0.borrow(), "what is missing must be fetched");
        self.inner.unassign(partition);
    }

    fn poll(&mut self, to: &mut impl Events<Self::Message>, max: usize) -> Result<usize, TransportError> {
        let mut fetched = Vec::new();
        if self.away.0.borrow().is_none() {
            fetched.extend(self.kept.drain(..));
        }
        self.inner.poll(&mut fetched, max)?;
        let mut records = 0;
        for event in fetched {
            match &event {
                Event::Record { slot, .. } | Event::End { slot, .. } if self.is_away(*slot) => {
                    self.kept.push_back(event);
                }
                _ => {
                    records += usize::from(matches!(event, Event::Record { .. }));
                    to.hand(event);
                }
            }
        }
        Ok(records)
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, TransportError> {
        self.inner.committed(partitions)
    }

    fn commit(&mut self, offsets: &[(TopicPartition, CommittedOffset)]) -> Result<(), TransportError> {
        self.inner.commit(offsets)
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, TransportError> {
        self.inner.watermarks(partition)
    }
}

const RECORDS: i64 = 60_000;
const VALUE: usize = 100;
const SHARE: usize = 2 << 20;

/// A batch that is on its way when it is noticed.
const BATCH: usize = 1024 * (VALUE + 8 + 512);

fn start(log: &MemoryLog, away: &Away) -> Worker<Apart> {
    let machine = InProcess::new(log, "joined", "one").memory(Share { rows: usize::MAX, records: SHARE });
    let topology = Joined::graph();
    let plan = Plan::of(&topology, "joined", |topic, _| log.partitions(topic).ok().or(Some(1))).unwrap();
    for topic in plan.external.iter().chain(&plan.internal) {
        log.create_topic(&topic.name, topic.partitions).unwrap();
    }
    Worker::start(Apart { machine, away: away.clone() }, topology, plan).unwrap()
}

fn append(log: &MemoryLog, topic: &str, time: i64) {
    let (key, value) = (7i64.to_be_bytes(), format!("{time:>VALUE$}"));
    log.append(topic, 0, Some(&key), Some(value.as_bytes()), time, &Headers::new()).unwrap();
}

#[test]
fn an_input_that_is_far_ahead_waits_in_the_log_and_not_in_memory() {
    let (log, away) = (MemoryLog::new(), Away::default());
    let mut worker = start(&log, &away);
    away.0.replace(Some("right"));
    for time in 0..RECORDS {
        append(&log, "left", time);
        // One row for every hundred records that look for it.
        if time % 100 == 0 {
            append(&log, "right", time);
        }
    }
    let mut highest = 0;
    for _ in 0..200 {
        assert_eq!(worker.step(usize::MAX).unwrap().processed, 0, "an earlier record may come on the right");
        highest = highest.max(worker.waiting_bytes());
    }
    assert!(highest > SHARE / 2 && highest < SHARE + BATCH, "{highest}");
    away.0.replace(None);
    for _ in 0..10_000 {
        let step = worker.step(usize::MAX).unwrap();
        assert!(worker.waiting_bytes() < SHARE + BATCH, "{}", worker.waiting_bytes());
        if worker.commit().unwrap() == Commit::Nothing && step.is_idle() && worker.is_at_ends() {
            break;
        }
    }
    let joined: Vec<i64> = log
        .read_committed("both", 0, 0)
        .unwrap()
        .map(|message| str::from_utf8(message.value().unwrap()).unwrap().trim().parse().unwrap())
        .collect();
    assert_eq!(joined.len() as i64, RECORDS);
    // Of equal times the input that is read first comes first: then the row is there one record later.
    let late = (0..RECORDS).zip(&joined).filter(|(left, right)| left - *right > 100).count();
    assert_eq!(late, 0);
    assert!(joined.is_sorted(), "records of both are taken in the order of their times");
}

#[test]
fn an_abort_fetches_again_what_was_held() {
    let (log, away) = (MemoryLog::new(), Away::default());
    let mut worker = start(&log, &away);
    append(&log, "right", 0);
    away.0.replace(Some("right"));
    (1..RECORDS).for_each(|time| append(&log, "left", time));
    for _ in 0..200 {
        worker.step(usize::MAX).unwrap();
    }
    worker.abort().unwrap();
    away.0.replace(None);
    for _ in 0..10_000 {
        let step = worker.step(usize::MAX).unwrap();
        if worker.commit().unwrap() == Commit::Nothing && step.is_idle() && worker.is_at_ends() {
            break;
        }
    }
    assert_eq!(log.read_committed("both", 0, 0).unwrap().count() as i64, RECORDS - 1);
}
