//! A producer on the in-process log.
//!
//! Knows its state and the records that have not arrived yet. It deliberately does not know what makes a
//! transaction visible (`txn`, `log`). Records arrive inside `send`, unless an accident or an unfinished earlier
//! transaction holds them up: then they wait here, in order, for `flush`.

mod accepted;

use std::cell::RefCell;
use std::rc::Rc;

use self::accepted::Accepted;
use super::faults::Fault;
use super::log::{Content, Stamp};
use super::topics::{Memo, Place};
use super::txn::Claim;
use super::{LARGEST_METADATA, Log, MemoryLog};
use crate::mutants::mutant;
use crate::record::Headers;
use crate::transport::{
    CommitOutcome, CommittedOffset, Delivery, GroupMetadata, Outgoing, Producer, TopicPartition,
    TransportError,
};

enum State {
    /// `init` has not succeeded.
    New,
    Ready,
    InTransaction,
    /// Nothing but an abort is left of the transaction.
    MustAbort(Box<TransportError>),
    Fenced,
    /// The outcome of the last transaction is unknown.
    Unknown,
}

/// A record that is on its way.
struct Waiting {
    place: Place,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: i64,
    headers: Headers,
    /// Who is told where it arrived, if anybody is.
    follower: Option<u64>,
    sequence: u32,
    /// It was written before, and the answer was lost.
    retry: bool,
}

/// A [`Producer`] of a [`MemoryLog`]. Dropping it is a crash: its open transaction stays until `init` of another
/// one with the same id, or its time-out.
pub struct MemoryProducer {
    log: Rc<RefCell<Log>>,
    /// The transactional id; empty for a plain producer, which is also how faults name it.
    id: String,
    transactional: bool,
    /// For a plain producer only the number in it is used.
    claim: Claim,
    state: State,
    memo: Memo,
    /// Input topics are other names than those written to: one memory for both would forget each time.
    input_memo: Memo,
    next_sequence: u32,
    waiting: Vec<Waiting>,
    delivered: Vec<Delivery>,
    /// The first record that the log refused for good since the last flush.
    refused: Option<TransportError>,
    /// The membership that was accepted last, so that it is not looked up by name each time.
    accepted: Option<Accepted>,
}

const UNKNOWN: TransportError = TransportError::Misuse(
    "the last transaction's outcome is unknown: only a new producer's init decides it",
);

impl MemoryProducer {
    pub(super) fn new(log: &MemoryLog, id: Option<&str>) -> Self {
        let mut inner = log.0.borrow_mut();
        let slot = id.map_or(0, |id| inner.transactions.slot(id));
        let producer = inner.transactions.number();
        MemoryProducer {
            log: Rc::clone(&log.0),
            id: id.unwrap_or_default().to_owned(),
            transactional: id.is_some(),
            claim: Claim { slot, producer },
            state: State::New,
            memo: Memo::default(),
            input_memo: Memo::default(),
            next_sequence: 0,
            waiting: Vec::new(),
            delivered: Vec::new(),
            refused: None,
            accepted: None,
        }
    }

    fn fenced(&self) -> TransportError {
        TransportError::Fenced(self.id.clone())
    }

    /// Whether records may be sent now.
    #[inline]
    fn may_send(&self) -> Result<(), TransportError> {
        match &self.state {
            State::InTransaction => Ok(()),
            State::Ready if !self.transactional => Ok(()),
            _ => self.may_not_send(),
        }
    }

    #[cold]
    fn may_not_send(&self) -> Result<(), TransportError> {
        match &self.state {
            State::InTransaction => Ok(()),
            State::Ready => Err(TransportError::Misuse("records of a transactional producer need a begin")),
            State::New => Err(TransportError::Misuse("a producer starts with init")),
            State::MustAbort(reason) => Err((**reason).clone()),
            State::Fenced => Err(self.fenced()),
            State::Unknown => Err(UNKNOWN),
        }
    }

    /// Whether there is an open transaction that is worth going on with.
    #[inline]
    fn in_transaction(&self) -> Result<(), TransportError> {
        if matches!(self.state, State::InTransaction) { Ok(()) } else { self.not_in_transaction() }
    }

    #[cold]
    fn not_in_transaction(&self) -> Result<(), TransportError> {
        match &self.state {
            State::Ready | State::New => Err(TransportError::Misuse("there is no open transaction")),
            _ => self.may_send(),
        }
    }

    /// Asks the coordinator, and remembers being fenced.
    #[inline]
    fn check(&mut self, log: &Log) -> Result<(), TransportError> {
        if !self.transactional || log.transactions.owns(self.claim) { Ok(()) } else { self.lost() }
    }

    #[cold]
    fn lost(&mut self) -> Result<(), TransportError> {
        self.state = State::Fenced;
        Err(self.fenced())
    }

    #[cold]
    fn refuse(&mut self, place: Place, size: usize, timestamp: i64, origin: u64) {
        let log = self.log.borrow();
        let (topic, reason) = (log.topics.spell(place).topic, log.why_refused(place, size, timestamp));
        self.refused.get_or_insert(TransportError::Refused { topic, origin, reason });
    }

    /// A record that something may hold up.
    #[cold]
    fn wait(
        &mut self,
        place: Place,
        content: Content<'_>,
        sequence: u32,
        follower: Option<u64>,
    ) -> Result<(), TransportError> {
        self.waiting.push(Waiting {
            place,
            key: content.key.map(<[u8]>::to_vec),
            value: content.value.map(<[u8]>::to_vec),
            timestamp: content.timestamp,
            headers: content.headers.clone(),
            follower,
            sequence,
            retry: false,
        });
        let shared = Rc::clone(&self.log);
        let log = &mut *shared.borrow_mut();
        self.deliver(log).map(|_| ())
    }

    /// Lets everything arrive that no accident holds up; true if nothing is left.
    fn deliver(&mut self, log: &mut Log) -> Result<bool, TransportError> {
        self.check(log)?;
        if self.waiting.is_empty() {
            return Ok(true);
        }
        if self.transactional && !log.transactions.admits(self.claim) {
            return Ok(false);
        }
        let mut left = Vec::new();
        for mut record in std::mem::take(&mut self.waiting) {
            if !log.topics.exists(record.place.topic) {
                let topic = log.topics.spell(record.place).topic;
                self.refused.get_or_insert(TransportError::UnknownTopic(topic));
                continue;
            }
            let topic = &log.topics.topic(record.place.topic).name;
            if log.faults.is_slow(&self.id)
                || log.faults.is_undelivered(&self.id, topic, record.place.partition)
            {
                left.push(record);
                continue;
            }
            let stamp = Stamp { producer: self.claim.producer, sequence: record.sequence };
            let written = if record.retry && !mutant!(DuplicateOnRetry) {
                log.topics.log(record.place).find(stamp)
            } else {
                None
            };
            let offset = match written {
                Some(offset) => offset,
                None => {
                    if self.transactional {
                        log.join(self.claim, record.place);
                    }
                    let content = Content {
                        key: record.key.as_deref(),
                        value: record.value.as_deref(),
                        timestamp: record.timestamp,
                        headers: &record.headers,
                    };
                    log.write(record.place, content, stamp)
                }
            };
            if log.faults.take(&self.id, |fault| *fault == Fault::AckLost).is_some() {
                record.retry = true;
                left.push(record);
            } else {
                self.delivered.extend(record.follower.map(|origin| Delivery { origin, offset }));
            }
        }
        self.waiting = left;
        Ok(self.waiting.is_empty())
    }

    /// True if everything has arrived and nothing stands against what comes next.
    #[inline]
    fn is_settled(&self) -> bool {
        let log = self.log.borrow();
        let arrived = self.waiting.is_empty() && self.refused.is_none() && log.faults.none();
        arrived && (!self.transactional || log.transactions.owns(self.claim))
    }

    #[inline]
    fn tell(&mut self, delivered: &mut dyn FnMut(Delivery)) {
        self.delivered.iter().copied().for_each(delivered);
        self.delivered.clear();
    }

    /// As `flush`, without telling anybody. For who is not [settled](Self::is_settled).
    #[cold]
    fn settle(&mut self) -> Result<(), TransportError> {
        let shared = Rc::clone(&self.log);
        let log = &mut *shared.borrow_mut();
        log.faults.take(&self.id, |fault| *fault == Fault::Slow);
        let mut arrived = self.deliver(log)?;
        if !arrived && log.faults.take(&self.id, |f| matches!(f, Fault::Undelivered { .. })).is_none() {
            // A lost answer: the retry is answered.
            arrived = self.deliver(log)?;
        }
        if let Some(refused) = self.refused.take() {
            if self.transactional {
                self.state = State::MustAbort(refused.clone().into());
            }
            return Err(refused);
        }
        if arrived { Ok(()) } else { Err(TransportError::TimedOut("flush")) }
    }

    #[cold]
    fn offsets_failed(&mut self, error: TransportError) -> Result<(), TransportError> {
        self.state = match &error {
            TransportError::Fenced(_) => State::Fenced,
            error => State::MustAbort(error.clone().into()),
        };
        Err(error)
    }

    #[inline]
    fn store_offsets(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        proof: &GroupMetadata,
    ) -> Result<(), TransportError> {
        let log = &mut *self.log.borrow_mut();
        if !log.transactions.owns(self.claim) {
            return Err(self.fenced());
        }
        if !log.transactions.admits(self.claim) {
            return Err(TransportError::TimedOut("waiting for the markers of the last transaction"));
        }
        if !log.faults.none() && log.faults.take(&self.id, |fault| *fault == Fault::OffsetsLost).is_some() {
            return Err(TransportError::TimedOut("send_offsets"));
        }
        let group = match self.accepted.as_ref().and_then(|accepted| accepted.group(log, proof)) {
            Some(group) => group,
            None => Accepted::ask(&mut self.accepted, log, proof)?,
        };
        // The group takes part even if one of the offsets is refused: the abort that follows takes all back.
        log.add_group(self.claim, group);
        for (partition, committed) in offsets {
            super::check_metadata(partition, committed)?;
            let place = match self.input_memo.known(&log.topics, &partition.topic, partition.partition) {
                Some(place) => place,
                None => self.input_memo.place(&log.topics, &partition.topic, partition.partition)?,
            };
            log.groups.commit_later(group, self.claim.slot, place, committed);
        }
        Ok(())
    }

    #[inline]
    fn forget_transaction(&mut self) {
        self.delivered.clear();
        if !self.waiting.is_empty() || self.refused.is_some() {
            self.waiting.clear();
            self.refused = None;
        }
    }

    /// Commits with an offset, as `send_offsets` and `commit` would, if nothing stands against it and everything was looked
    /// up before; otherwise nothing has happened.
    #[inline]
    fn commit_at_once(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        proof: &GroupMetadata,
    ) -> bool {
        // More would have to be looked up, all of them, before the first is stored.
        let [(partition, committed)] = offsets else { return false };
        if !matches!(self.state, State::InTransaction) || !self.waiting.is_empty() || self.refused.is_some() {
            return false;
        }
        let log = &mut *self.log.borrow_mut();
        let Some(group) = self.accepted.as_ref().and_then(|accepted| accepted.group(log, proof)) else {
            return false;
        };
        let Some(place) = self.input_memo.known(&log.topics, &partition.topic, partition.partition) else {
            return false;
        };
        let stands_against = !log.faults.none() || committed.metadata.len() > LARGEST_METADATA;
        if stands_against || !log.commit_plain(self.claim, group, place, committed) {
            return false;
        }
        self.delivered.clear();
        self.state = State::Ready;
        true
    }

    #[inline(never)]
    fn commit_in_two(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<CommitOutcome, TransportError> {
        self.send_offsets(offsets, group)?;
        Ok(self.commit())
    }

    /// Aborts, and gives the reason back as the commit's outcome.
    fn give_up(&mut self, reason: TransportError) -> CommitOutcome {
        match self.abort() {
            Ok(()) => CommitOutcome::Aborted(reason),
            Err(error) => CommitOutcome::Unknown(error),
        }
    }

    /// As `commit`, when something may stand against it.
    #[cold]
    fn commit_against_odds(&mut self) -> CommitOutcome {
        match &self.state {
            State::InTransaction => {}
            State::MustAbort(reason) => {
                let reason = (**reason).clone();
                return self.give_up(reason);
            }
            State::Fenced => return CommitOutcome::Unknown(self.fenced()),
            State::Unknown => return CommitOutcome::Unknown(UNKNOWN),
            State::New | State::Ready => {
                return CommitOutcome::Aborted(TransportError::Misuse("there is no open transaction"));
            }
        }
        if let Err(error) = self.settle() {
            return match self.state {
                State::Fenced => CommitOutcome::Unknown(error),
                _ => self.give_up(error),
            };
        }
        self.forget_transaction();
        let shared = Rc::clone(&self.log);
        let log = &mut *shared.borrow_mut();
        let accident = log.faults.take(&self.id, |fault| {
            matches!(
                fault,
                Fault::CommitLost
                    | Fault::CommitAnswerLost
                    | Fault::CommitLate
                    | Fault::FencedBeforeCommit
                    | Fault::FencedAfterCommit
            )
        });
        match accident {
            Some(Fault::CommitLost) => {
                return self.unknown(State::Unknown, TransportError::TimedOut("commit"));
            }
            Some(Fault::CommitLate) => {
                log.faults.delay(self.claim);
                return self.unknown(State::Unknown, TransportError::TimedOut("commit"));
            }
            // Whether the usurper's init succeeds or still waits for markers: this one is fenced.
            Some(Fault::FencedBeforeCommit) => drop(log.take_over(self.claim.slot)),
            _ => {}
        }
        if let Err(error) = log.end_transaction(self.claim, true) {
            return self.unknown(State::Fenced, error);
        }
        match accident {
            Some(Fault::CommitAnswerLost) => self.unknown(State::Unknown, TransportError::TimedOut("commit")),
            Some(Fault::FencedAfterCommit) => {
                drop(log.take_over(self.claim.slot));
                let error = self.fenced();
                self.unknown(State::Fenced, error)
            }
            _ => {
                self.state = State::Ready;
                CommitOutcome::Committed
            }
        }
    }

    fn unknown(&mut self, state: State, error: TransportError) -> CommitOutcome {
        self.state = state;
        CommitOutcome::Unknown(error)
    }
}

impl Producer for MemoryProducer {
    fn init(&mut self) -> Result<(), TransportError> {
        if !matches!(self.state, State::New) {
            return Err(TransportError::Misuse("init is called once; take a new producer"));
        }
        if self.transactional {
            let log = &mut *self.log.borrow_mut();
            if log.faults.take(&self.id, |fault| *fault == Fault::InitLost).is_some() {
                return Err(TransportError::TimedOut("init"));
            }
            self.claim.producer = log.take_over(self.claim.slot)?;
        }
        self.state = State::Ready;
        Ok(())
    }

    #[inline(always)]
    fn begin(&mut self) -> Result<(), TransportError> {
        match &self.state {
            State::Ready if self.transactional => {
                if !self.log.borrow().transactions.owns(self.claim) {
                    self.state = State::Fenced;
                    return Err(self.fenced());
                }
                self.state = State::InTransaction;
                Ok(())
            }
            State::Ready => Err(TransportError::Misuse("a plain producer has no transactions")),
            State::InTransaction => Err(TransportError::Misuse("a transaction is open already")),
            _ => self.may_send(),
        }
    }

    // Always inlined: a record that is handed over is read before it is written through.
    #[inline(always)]
    fn send(&mut self, record: Outgoing<'_>) -> Result<(), TransportError> {
        self.may_send()?;
        let Outgoing { topic, partition, key, value, timestamp, headers, origin, is_followed } = record;
        let mut guard = self.log.borrow_mut();
        let log = &mut *guard;
        if self.transactional && !log.transactions.owns(self.claim) {
            drop(guard);
            return self.lost();
        }
        let place = match self.memo.known(&log.topics, topic, partition) {
            Some(place) => place,
            None => self.memo.place(&log.topics, topic, partition)?,
        };
        let size = Content { key, value, timestamp, headers }.size();
        if log.refuses(place, size, timestamp) {
            drop(guard);
            self.refuse(place, size, timestamp, origin);
            return Ok(());
        }
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        let straight = self.waiting.is_empty()
            && log.faults.none()
            && (!self.transactional || log.transactions.admits(self.claim));
        if !straight {
            drop(guard);
            let content = Content { key, value, timestamp, headers };
            return self.wait(place, content, sequence, is_followed.then_some(origin));
        }
        log.changes += 1;
        let partition = match self.transactional {
            true => log.join(self.claim, place),
            false => log.topics.log_mut(place),
        };
        let content = Content { key, value, timestamp, headers };
        let offset = partition.append(content, Stamp { producer: self.claim.producer, sequence });
        if is_followed {
            self.delivered.push(Delivery { origin, offset });
        }
        Ok(())
    }

    #[inline(always)]
    fn flush(&mut self, delivered: &mut dyn FnMut(Delivery)) -> Result<(), TransportError> {
        self.may_send()?;
        if !self.is_settled() {
            let settled = self.settle();
            self.tell(delivered);
            return settled;
        }
        self.tell(delivered);
        Ok(())
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<(), TransportError> {
        self.in_transaction()?;
        // Nothing is moved if nothing went wrong, so this is not `inspect_err`.
        match self.store_offsets(offsets, group) {
            Ok(()) => Ok(()),
            Err(error) => self.offsets_failed(error),
        }
    }

    fn commit(&mut self) -> CommitOutcome {
        let nothing_against = matches!(self.state, State::InTransaction) && self.is_settled();
        if nothing_against && self.log.borrow_mut().end_transaction(self.claim, true).is_ok() {
            self.delivered.clear();
            self.state = State::Ready;
            return CommitOutcome::Committed;
        }
        self.commit_against_odds()
    }

    #[inline]
    fn commit_with(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<CommitOutcome, TransportError> {
        match self.commit_at_once(offsets, group) {
            true => Ok(CommitOutcome::Committed),
            false => self.commit_in_two(offsets, group),
        }
    }

    fn abort(&mut self) -> Result<(), TransportError> {
        match self.state {
            State::InTransaction | State::MustAbort(_) => {}
            _ => return self.in_transaction(),
        }
        self.forget_transaction();
        let shared = Rc::clone(&self.log);
        let log = &mut *shared.borrow_mut();
        let accident =
            log.faults.take(&self.id, |fault| matches!(fault, Fault::AbortLost | Fault::AbortAnswerLost));
        if accident != Some(Fault::AbortLost) {
            log.end_transaction(self.claim, false).inspect_err(|_| self.state = State::Fenced)?;
        }
        if accident.is_some() {
            self.state = State::Unknown;
            return Err(TransportError::TimedOut("abort"));
        }
        self.state = State::Ready;
        Ok(())
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, TransportError> {
        self.log.borrow().topics.named(topic).map(|topic| topic.settings.partitions)
    }
}
