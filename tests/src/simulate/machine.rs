//! A machine of the application as its workers see it: the log, a disk and a clock, each behind the seam.
//!
//! Every call is let through to the in-process log, unless something strikes at it ([`Seam`]). What is noted on the
//! way: the membership, and which records belong to which transaction. Each transaction gets a number, which goes as a
//! header with everything it writes, and, as the last thing before its commit, into a topic of its own: the numbers
//! that are visible there in the end are the transactions that happened, whatever anybody was told.
//!
//! Knows the seam of the transport. Does not know what a worker wants, nor schedules.

use super::ahead::Ahead;
use super::seam::{Call, Seam};
use super::world::TRANSACTIONS;
use std::cell::OnceCell;
use std::rc::Rc;
use streams_runtime::Headers;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::mutants::{Mutant, is};
use streams_runtime::state::OverlayLimit;
use streams_runtime::stream::StoreSpec;
use streams_runtime::task::TaskId;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog, MemoryMessage, MemoryProducer};
use streams_runtime::transport::topics::GroupMember;
use streams_runtime::transport::{
    CommitOutcome, CommittedOffset, Consumer, Delivery, Event, Events, GroupMetadata, Isolation, Outgoing,
    Producer, TopicPartition, TransportError, Watermarks,
};
use streams_runtime::warming::Warmed;
use streams_runtime::wiring::Engines;
use streams_runtime::worker::{Connect, member_id};

/// The header with a transaction's number.
pub(super) const TRANSACTION: &str = "transaction";

/// What one worker is connected to.
pub(super) struct Machine {
    pub(super) seam: Rc<Seam>,
    pub(super) log: MemoryLog,
    pub(super) application: &'static str,
    pub(super) guarantee: Guarantee,
    pub(super) overlay: OverlayLimit,
    /// A static member, by the name of its thread.
    pub(super) is_static: bool,
    /// Set if its stores are given a head start.
    pub(super) ahead: Option<OnceCell<Ahead>>,
}

impl Machine {
    /// Its own, and the same after every restart.
    pub(super) fn transactional_id(&self) -> String {
        format!("{}-{}", self.application, self.seam.who)
    }
}

impl Machine {
    fn ahead(&self) -> Option<&Ahead> {
        let disk = self.seam.disk.clone();
        let reader = Watched { inner: self.reader(), seam: self.seam.clone(), member: false };
        Some(self.ahead.as_ref()?.get_or_init(|| Ahead::new(reader, move |task| disk.engines(task))))
    }

    /// Reads changelogs.
    fn reader(&self) -> MemoryConsumer {
        let group = format!("{}-restore", self.application);
        self.log.consumer(&group, &self.transactional_id(), committed_unless(Mutant::RestoreUncommitted))
    }
}

impl Connect for Machine {
    type Consumer = Watched;
    type Producer = Numbered;

    fn consumer(&self, leaders: u64) -> Result<Watched, TransportError> {
        let isolation = committed_unless(Mutant::InputUncommitted);
        let client_id = member_id(&self.transactional_id(), leaders);
        let (name, instance) = (self.application, self.seam.who.to_string());
        let inner = match self.is_static {
            true => self.log.static_consumer(name, &client_id, &instance, isolation),
            false => self.log.consumer(name, &client_id, isolation),
        };
        Ok(Watched { inner, seam: self.seam.clone(), member: true })
    }

    fn is_own(&self, name: &str) -> bool {
        name == self.transactional_id()
    }

    fn restore_consumer(&self) -> Result<Watched, TransportError> {
        Ok(Watched { inner: self.reader(), seam: self.seam.clone(), member: false })
    }

    fn producer(&self) -> Result<Numbered, TransportError> {
        if self.guarantee == Guarantee::AtLeastOnce {
            self.seam.failed();
            self.seam.membership.borrow_mut().aborted();
            return Ok(Numbered { inner: self.log.producer(None), seam: self.seam.clone() });
        }
        // Whatever the last one did is over, as far as this worker is concerned.
        self.seam.take_notes();
        self.seam.transaction.set(None);
        let inner = match is(Mutant::NoFencing) {
            false => self.log.producer(Some(&self.transactional_id())),
            true => self.log.producer(Some(&format!(
                "{}-{}",
                self.transactional_id(),
                self.seam.world().next_transaction()
            ))),
        };
        Ok(Numbered { inner, seam: self.seam.clone() })
    }

    fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    fn engines(&self, task: TaskId) -> Engines {
        self.seam.opens(task);
        self.seam.disk.engines(task)
    }

    fn warm(&self, task: TaskId, stores: &[(StoreSpec, String)]) -> Option<Vec<Warmed>> {
        match self.ahead() {
            Some(ahead) if !stores.is_empty() => ahead.warm(task, stores, self.now_ms()),
            _ => Some(Vec::new()),
        }
    }

    fn cool(&self, task: TaskId) {
        if let Some(ahead) = self.ahead() {
            ahead.cool(task, self.now_ms());
        }
    }

    fn overlay(&self) -> OverlayLimit {
        self.overlay
    }

    fn now_ms(&self) -> i64 {
        self.log.time_ms() + self.seam.world().skew_ms(self.seam.who.instance)
    }
}

fn committed_unless(mutant: Mutant) -> Isolation {
    if is(mutant) { Isolation::ReadUncommitted } else { Isolation::ReadCommitted }
}

/// A consumer behind the seam.
pub(super) struct Watched {
    inner: MemoryConsumer,
    seam: Rc<Seam>,
    /// False for the one that reads changelogs.
    member: bool,
}

impl Watched {
    fn call(&self, of_member: Call, of_reader: Call) -> Call {
        if self.member { of_member } else { of_reader }
    }
}

impl Consumer for Watched {
    type Message = MemoryMessage;

    fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError> {
        self.seam.before(Call::Subscribe)?;
        self.inner.subscribe(topics)?;
        self.seam.after(Call::Subscribe)
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError> {
        self.seam.before(Call::Revoked)?;
        self.seam.membership.borrow_mut().gives_back(partitions);
        self.inner.revoked(partitions)?;
        self.seam.after(Call::Revoked)
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        // Cannot fail; somebody else may do something before it is answered, or it may be the last thing that happens.
        let _ = self.seam.before(Call::Membership);
        let metadata = self.inner.group_metadata();
        self.seam.asked(metadata.is_some());
        metadata
    }

    fn members(&mut self) -> Result<Vec<GroupMember>, TransportError> {
        self.seam.before(Call::Members)?;
        if self.seam.world().loses_members() {
            return Err(TransportError::TimedOut("asking who is in the group"));
        }
        let members = self.inner.members()?;
        self.seam.after(Call::Members)?;
        Ok(members)
    }

    fn leave(&mut self) -> Result<(), TransportError> {
        self.seam.before(Call::Leave)?;
        self.inner.leave()?;
        self.seam.after(Call::Leave)
    }

    fn close(&mut self) -> Result<(), TransportError> {
        self.seam.before(Call::Leave)?;
        self.inner.close()?;
        self.seam.after(Call::Leave)
    }

    fn assign(&mut self, partition: &TopicPartition, offset: i64) -> Result<u32, TransportError> {
        let call = self.call(Call::Assign, Call::ReplayAssign);
        self.seam.before(call)?;
        let slot = self.inner.assign(partition, offset)?;
        if self.member {
            self.seam.rewound(partition, offset);
            self.seam.membership.borrow_mut().reads(partition);
            self.seam.reads_life(&self.seam.world(), partition);
        }
        match (self.seam.at_least_once, self.member) {
            (false, _) => {}
            (true, true) => self.seam.reads_input(&self.seam.world(), partition),
            (true, false) => self.seam.replays(slot, partition),
        }
        let (who, trace) = (self.seam.who, &self.seam.world().trace);
        trace.say(|| format!("{who} {call:?} {}-{} at {offset}", partition.topic, partition.partition));
        self.seam.after(call)?;
        Ok(slot)
    }

    fn unassign(&mut self, partition: &TopicPartition) {
        if self.member {
            self.seam.membership.borrow_mut().stops_reading(partition);
        }
        self.inner.unassign(partition);
    }

    fn poll(&mut self, to: &mut impl Events<MemoryMessage>, max: usize) -> Result<usize, TransportError> {
        let call = self.call(Call::Poll, Call::ReplayPoll);
        self.seam.before(call)?;
        let mut events = Vec::new();
        let fetched = self.inner.poll(&mut events, max);
        if self.seam.at_least_once && !self.member {
            self.seam.replayed(&events);
        }
        if self.member {
            let world = self.seam.world();
            let mut membership = self.seam.membership.borrow_mut();
            for event in &events {
                let (what, partitions) = match event {
                    Event::Assigned(partitions) => {
                        membership.given(partitions);
                        ("is given", partitions)
                    }
                    Event::Lost(partitions) => {
                        membership.gone(partitions);
                        self.seam.lost(&world, partitions);
                        ("has lost", partitions)
                    }
                    Event::Revoked(partitions) => {
                        membership.asked(partitions);
                        ("is asked for", partitions)
                    }
                    Event::Record { .. } | Event::End { .. } => continue,
                };
                world.trace.say(|| format!("{} {what} {}", self.seam.who, named(partitions)));
            }
            membership.polled(self.inner.group_metadata().as_ref());
        }
        events.into_iter().for_each(|event| to.hand(event));
        self.seam.after(call)?;
        fetched
    }

    fn wait(&mut self, ms: u64) {
        self.seam.waits(ms);
    }

    fn has_news(&self) -> bool {
        self.inner.has_news()
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, TransportError> {
        self.seam.before(Call::Committed)?;
        let committed = self.inner.committed(partitions)?;
        self.seam.after(Call::Committed)?;
        let committed = match self.seam.world().hides_offsets(partitions) {
            false => committed,
            true => {
                self.seam.hidden.set(true);
                vec![None; partitions.len()]
            }
        };
        // Others are asked for to see whether anybody has begun.
        let is_of_one = partitions.iter().all(|place| place.partition == partitions[0].partition);
        if self.seam.at_least_once && is_of_one {
            self.seam.told(partitions, &committed);
        }
        Ok(committed)
    }

    fn commit(&mut self, offsets: &[(TopicPartition, CommittedOffset)]) -> Result<(), TransportError> {
        self.seam.before(Call::Offsets)?;
        if !self.seam.at_least_once {
            self.inner.commit(offsets)?;
            return self.seam.after(Call::Offsets);
        }
        let (world, who) = (self.seam.world(), self.seam.who);
        self.seam.membership.borrow().owns_all(&world, who, offsets);
        let committed = self.inner.commit(offsets);
        world.trace.say(|| format!("{who} commits {}: {committed:?}", at(offsets)));
        committed?;
        self.seam.accepted(offsets);
        self.seam.after(Call::Offsets)?;
        self.seam.confirmed(offsets);
        Ok(())
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, TransportError> {
        self.seam.before(Call::Ends)?;
        if self.member && self.seam.world().knows_too_little() {
            return Err(TransportError::UnknownPartition(partition.topic.clone(), partition.partition));
        }
        let ends = self.inner.watermarks(partition)?;
        self.seam.after(Call::Ends)?;
        Ok(ends)
    }

    fn topic_id(&mut self, topic: &str) -> Result<u128, TransportError> {
        self.inner.topic_id(topic)
    }

    fn delete_retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        self.inner.delete_retention_ms(topic)
    }

    fn retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        self.inner.retention_ms(topic)
    }
}

fn at(offsets: &[(TopicPartition, CommittedOffset)]) -> String {
    let at = |(p, o): &(TopicPartition, CommittedOffset)| format!("{}-{}@{}", p.topic, p.partition, o.offset);
    offsets.iter().map(at).collect::<Vec<_>>().join(" ")
}

fn named(partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(|p| format!("{}-{}", p.topic, p.partition)).collect();
    names.join(" ")
}

/// A producer behind the seam, whose transactions have numbers.
pub(super) struct Numbered {
    inner: MemoryProducer,
    seam: Rc<Seam>,
}

impl Numbered {
    /// Whatever was processed so far is committed, or never happened.
    fn over(&self) {
        self.seam.take_notes();
        self.seam.transaction.set(None);
    }

    fn say(&self, what: impl FnOnce() -> String) {
        let transaction = self.seam.transaction.get().unwrap_or_default();
        self.seam.world().trace.say(|| format!("{} transaction {transaction} {}", self.seam.who, what()));
    }
}

impl Producer for Numbered {
    fn init(&mut self) -> Result<(), TransportError> {
        self.seam.before(Call::Init)?;
        self.inner.init()?;
        self.seam.world().takes_over(self.seam.who);
        // The call may be repeated until it succeeds, and has no other answer.
        let _ = self.seam.after(Call::Init);
        Ok(())
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        self.seam.before(Call::Begin)?;
        self.inner.begin()?;
        self.seam.transaction.set(Some(self.seam.world().next_transaction()));
        self.say(|| "begins".to_owned());
        // A local call: once it was done it has not failed.
        let _ = self.seam.after(Call::Begin);
        Ok(())
    }

    fn send(&mut self, record: Outgoing<'_>) -> Result<(), TransportError> {
        self.seam.before(Call::Send)?;
        let is_change = record.topic.ends_with("-changelog");
        if is_change {
            self.seam.before(Call::Change)?;
        }
        let transaction = match self.seam.at_least_once {
            true => self.seam.attempt_number(),
            false => self.seam.transaction.get().unwrap_or_default(),
        };
        if self.seam.at_least_once {
            self.seam.sends(record.topic, record.partition);
        }
        let mut headers = record.headers.clone();
        headers.add(TRANSACTION, transaction.to_be_bytes());
        self.inner.send(Outgoing { headers: &headers, ..record })?;
        if is_change {
            self.seam.after(Call::Change)?;
        }
        self.seam.after(Call::Send)
    }

    fn flush(&mut self, delivered: &mut dyn FnMut(Delivery)) -> Result<(), TransportError> {
        self.seam.before(Call::Flush)?;
        self.inner.flush(delivered)?;
        self.seam.after(Call::Flush)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<(), TransportError> {
        self.seam.before(Call::Offsets)?;
        self.seam.membership.borrow().sends(&self.seam.world(), self.seam.who, offsets, group);
        let sent = self.inner.send_offsets(offsets, group);
        self.say(|| format!("sends offsets {}: {sent:?}", at(offsets)));
        sent?;
        self.seam.after(Call::Offsets)
    }

    fn commit(&mut self) -> CommitOutcome {
        if let Err(error) = self.seam.before(Call::Commit) {
            self.over();
            return CommitOutcome::Unknown(error);
        }
        let transaction = self.seam.transaction.get().unwrap_or_default();
        let number = transaction.to_be_bytes();
        // If it does not arrive, nothing of the transaction does.
        let _ = self.inner.send(Outgoing {
            topic: TRANSACTIONS,
            partition: 0,
            key: None,
            value: Some(&number),
            timestamp: 0,
            headers: &Headers::new(),
            origin: 1 << 31,
            is_followed: false,
        });
        self.seam.world().commits(transaction, self.seam.who, self.seam.take_notes());
        let outcome = self.inner.commit();
        self.say(|| format!("commits: {outcome:?}"));
        self.over();
        if let CommitOutcome::Aborted(_) = outcome {
            self.seam.membership.borrow_mut().aborted();
        }
        match self.seam.after(Call::Commit) {
            Ok(()) => outcome,
            Err(error) => CommitOutcome::Unknown(error),
        }
    }

    fn abort(&mut self) -> Result<(), TransportError> {
        self.seam.before(Call::Abort)?;
        let aborted = self.inner.abort();
        self.say(|| format!("aborts: {aborted:?}"));
        aborted?;
        self.over();
        self.seam.membership.borrow_mut().aborted();
        self.seam.after(Call::Abort)
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, TransportError> {
        self.inner.partitions(topic)
    }
}
