//! A producer: records into transactions, and how they end.
//!
//! ```text
//! new ──init──→ ready ──begin──→ in transaction ──commit──→ ready
//!                 ↑                 │   └─refused, stale, timed out─→ must abort ─┐
//!                 └──────abort──────┴───────────────────abort─────────────────────┤ confirmed: ready
//!                                                                                 └ else: unknown
//! ```
//!
//! What is unknown stays unknown: only the `init` of another producer with the same id decides it. *Aborted* is said
//! only if the failure came before the commit was sent, and the abort was confirmed. An error of the commit itself is
//! never taken for an abort: librdkafka calls errors abortable after which the commit may have happened.
//!
//! Knows the state of one producer and what came of its records. Does not know what a record was for.

use std::rc::Rc;

use super::client::KafkaClients;
use super::errors::{self, Meaning, QUEUE_FULL, meaning};
use super::handles::{ANSWER_MS, Handles};
use super::sys::{Client, Code, Fault, Headers, Membership, PartitionList, Report, ToSend};
use crate::transport::{
    CommitOutcome, CommittedOffset, Delivery, GroupMetadata, Outgoing, Producer, TopicPartition,
    TransportError,
};

#[derive(Debug)]
enum State {
    /// `init` has not succeeded.
    New,
    Ready,
    InTransaction,
    /// Nothing but an abort is left of the transaction.
    MustAbort(TransportError),
    Fenced,
    /// The outcome of the last transaction is unknown, or the client is broken.
    Unknown,
}

/// A [`Producer`] of Kafka. Dropping it is a crash: its open transaction stays until `init` of another one with the
/// same id, or its time-out.
pub struct KafkaProducer {
    clients: KafkaClients,
    client: Rc<Client>,
    topics: Handles,
    /// The transactional id; empty for a plain producer.
    id: String,
    is_transactional: bool,
    timeout_ms: u64,
    state: State,
    /// What arrived since the last flush.
    delivered: Vec<Delivery>,
    /// The first record that failed since then, and why.
    failed: Option<TransportError>,
    /// A broker refused a record: its number in the sequence of its partition is missing there. librdkafka does not
    /// mend that with the abort, and the next transaction would fail for it.
    gap: bool,
    /// Records until reports are served again.
    until_served: u32,
}

/// Serving costs a tenth of a microsecond when there is nothing; reports that wait take memory.
const SERVED_EVERY: u32 = 512;

/// What `init` may take: it waits for the markers of its predecessor's transaction, and is called again.
const INIT_MS: u64 = 5_000;

const UNKNOWN: TransportError = TransportError::Misuse(
    "the last transaction's outcome is unknown: only a new producer's init decides it",
);

impl KafkaProducer {
    pub(super) fn new(clients: KafkaClients, id: Option<&str>) -> Result<Self, TransportError> {
        let (client, timeout_ms) = clients.writer(id)?;
        let client = Rc::new(client);
        Ok(KafkaProducer {
            clients,
            topics: Handles::new(&client),
            client,
            id: id.unwrap_or_default().to_owned(),
            is_transactional: id.is_some(),
            timeout_ms,
            state: State::New,
            delivered: Vec::new(),
            failed: None,
            gap: false,
            until_served: SERVED_EVERY,
        })
    }

    /// Goes on with another client, whose sequences begin anew. Nothing is open.
    #[cold]
    fn renew(&mut self) -> Result<(), TransportError> {
        let (client, _) = self.clients.writer(Some(&self.id))?;
        self.client = Rc::new(client);
        self.topics = Handles::new(&self.client);
        // Until it has succeeded it is tried again by each begin, with yet another client.
        self.take_over()?;
        self.gap = false;
        Ok(())
    }

    fn take_over(&mut self) -> Result<(), TransportError> {
        self.client.init_transactions(INIT_MS).map_err(|fault| match fault.retriable {
            true => TransportError::TimedOut("init"),
            false => self.told("taking over the transactional id", &fault),
        })
    }

    fn fenced(&self) -> TransportError {
        TransportError::Fenced(self.id.clone())
    }

    #[inline]
    fn may_send(&self) -> Result<(), TransportError> {
        match &self.state {
            State::InTransaction => Ok(()),
            _ => self.may_send_otherwise(),
        }
    }

    #[cold]
    fn may_send_otherwise(&self) -> Result<(), TransportError> {
        match &self.state {
            State::InTransaction => Ok(()),
            State::Ready if !self.is_transactional => Ok(()),
            State::Ready => Err(TransportError::Misuse("records of a transactional producer need a begin")),
            State::New => Err(TransportError::Misuse("a producer starts with init")),
            State::MustAbort(reason) => Err(reason.clone()),
            State::Fenced => Err(self.fenced()),
            State::Unknown => Err(UNKNOWN),
        }
    }

    fn in_transaction(&self) -> Result<(), TransportError> {
        match &self.state {
            State::Ready | State::New => Err(TransportError::Misuse("there is no open transaction")),
            _ => self.may_send(),
        }
    }

    /// Sorts the reports that came.
    fn sort(&mut self) {
        let (client, delivered, failed) = (&self.client, &mut self.delivered, &mut self.failed);
        let gap = &mut self.gap;
        let mut fenced = false;
        client.reports(|report| {
            *gap |= report.code.0 > 0;
            match report.code {
                Code::OK => delivered.push(Delivery { origin: report.origin, offset: report.offset }),
                code if meaning(code) == Meaning::Fenced => fenced = true,
                // Of a batch that is refused for one record the others fail as a consequence: the cause has the word.
                code if failed.is_none()
                    || (failed.as_ref().is_some_and(is_consequence)
                        && meaning(code) != Meaning::Consequence) =>
                {
                    *failed = Some(failure(&report));
                }
                _ => {}
            }
        });
        if fenced {
            self.state = State::Fenced;
        }
    }

    /// Runs callbacks, for at most so long, and sorts what they brought.
    fn serve(&mut self, ms: u64) {
        self.client.serve(ms);
        self.until_served = SERVED_EVERY;
        if self.client.has_reports() {
            self.sort();
        }
    }

    /// What a call's error means; the state follows.
    fn told(&mut self, doing: &'static str, fault: &Fault) -> TransportError {
        if meaning(fault.code) == Meaning::Fenced {
            self.state = State::Fenced;
            return self.fenced();
        }
        if fault.fatal || fault.code.0 == FATAL {
            return self.broken(doing, fault);
        }
        errors::error(doing, "", fault)
    }

    /// The client is of no use any more.
    fn broken(&mut self, doing: &'static str, fault: &Fault) -> TransportError {
        let cause = self.client.fatal().unwrap_or_else(|| fault.clone());
        if meaning(cause.code) == Meaning::Fenced {
            self.state = State::Fenced;
            return self.fenced();
        }
        self.state = State::Unknown;
        // Whatever it is, another producer takes its place; whether that helps depends on what it is.
        errors::error(doing, "", &cause)
    }

    fn record_fails(&mut self, doing: &'static str, fault: &Fault) -> TransportError {
        let told = self.told(doing, fault);
        if self.is_transactional && matches!(self.state, State::InTransaction) {
            self.state = State::MustAbort(told.clone());
        }
        told
    }

    /// Waits for everything that was sent; the first failure since the last time is the answer.
    fn settle(&mut self) -> Result<(), TransportError> {
        const DOING: &str = "writing records";
        // Shorter than the transaction may live: what did not arrive can still be aborted.
        let patience = if self.is_transactional { self.timeout_ms / 2 } else { ANSWER_MS };
        let flushed = self.client.flush(patience);
        self.sort();
        self.until_served = SERVED_EVERY;
        if let Some(fatal) = self.client.fatal() {
            return Err(self.broken(DOING, &fatal));
        }
        if matches!(self.state, State::Fenced) {
            return Err(self.fenced());
        }
        if let Some(error) = self.failed.take() {
            return Err(self.fails_with(error));
        }
        flushed.map_err(|fault| self.told(DOING, &fault))
    }

    /// The transaction is given up for this reason, or for the one behind it.
    #[cold]
    fn fails_with(&mut self, error: TransportError) -> TransportError {
        if !self.is_transactional || !matches!(self.state, State::InTransaction) {
            return error;
        }
        let behind = if is_consequence(&error) { self.cause() } else { None };
        let error = behind.unwrap_or(error);
        if matches!(self.state, State::InTransaction) {
            self.state = State::MustAbort(error.clone());
        }
        error
    }

    /// Why librdkafka gave the transaction up, if that will not pass. It drops what was not sent then, and reports each
    /// record as dropped: of a partition that may not be written nothing else is told. A `begin` that is not
    /// possible sends nothing and gives the reason.
    fn cause(&mut self) -> Option<TransportError> {
        let fault = self.client.begin_transaction().err()?;
        match meaning(fault.code) {
            Meaning::Later | Meaning::Consequence => None,
            _ if fault.code == WRONG_STATE => None,
            _ => Some(self.told("writing records", &Fault { fatal: false, ..fault })),
        }
    }

    /// A send found the transaction given up: waits for the report that tells which record did it.
    #[cold]
    fn given_up(&mut self) -> TransportError {
        for _ in 0..REPORT_MS / FULL_MS {
            self.serve(FULL_MS);
            if self.failed.as_ref().is_some_and(|failed| !is_consequence(failed)) {
                break;
            }
        }
        let error = self.failed.clone().unwrap_or(TransportError::TimedOut(CONSEQUENCE));
        self.fails_with(error)
    }

    fn forget_transaction(&mut self) {
        self.client.reports(drop);
        self.delivered.clear();
        self.failed = None;
    }

    /// Aborts, and gives the reason back as the commit's outcome.
    fn give_up(&mut self, reason: TransportError) -> CommitOutcome {
        match self.abort() {
            Ok(()) => CommitOutcome::Aborted(reason),
            Err(error) => CommitOutcome::Unknown(error),
        }
    }
}

const FATAL: i32 = -150;

const WRONG_STATE: Code = Code(-172);

fn is_consequence(failed: &TransportError) -> bool {
    matches!(failed, TransportError::TimedOut(CONSEQUENCE))
}

/// What is said of a record that failed because another one did.
const CONSEQUENCE: &str = "a record that was sent together with one that failed";

/// Why a record was refused, and which settings decide what is taken. For size there are two limits, and the nearer one
/// speaks first.
fn refusal(fault: &Fault) -> String {
    let cure = match fault.code.0 {
        TOO_LARGE | BATCH_TOO_LARGE => {
            "; a larger record needs `producer.message.max.bytes` here and `max.message.bytes` of its topic"
        }
        WRONG_TIME => {
            "; `message.timestamp.after.max.ms` and `.before.max.ms` of the topic say which times it takes"
        }
        _ => "",
    };
    format!("{} ({}){cure}", fault.text, fault.code.name())
}

/// MSG_SIZE_TOO_LARGE, said by librdkafka and by brokers; RECORD_LIST_TOO_LARGE; INVALID_TIMESTAMP.
const TOO_LARGE: i32 = 10;
const BATCH_TOO_LARGE: i32 = 18;
const WRONG_TIME: i32 = 32;

fn failure(report: &Report) -> TransportError {
    let topic = report.topic.as_deref().unwrap_or_default().to_owned();
    let fault = Fault::of(report.code);
    match meaning(report.code) {
        Meaning::Refused => TransportError::Refused { topic, origin: report.origin, reason: refusal(&fault) },
        Meaning::Consequence => TransportError::TimedOut(CONSEQUENCE),
        Meaning::Unknown if report.code.0 == UNKNOWN_PARTITION => {
            TransportError::UnknownPartition(topic, report.partition.cast_unsigned())
        }
        _ => errors::of_partition("writing records", &topic, report.partition, &fault),
    }
}

const UNKNOWN_PARTITION: i32 = -190;

impl Producer for KafkaProducer {
    fn init(&mut self) -> Result<(), TransportError> {
        if !matches!(self.state, State::New) {
            return Err(TransportError::Misuse("init is called once; take a new producer"));
        }
        if self.is_transactional {
            self.take_over()?;
        }
        self.state = State::Ready;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        match &self.state {
            State::Ready if self.is_transactional => {
                if self.gap {
                    self.renew()?;
                }
                self.client
                    .begin_transaction()
                    .map_err(|fault| self.told("beginning a transaction", &fault))?;
                self.state = State::InTransaction;
                Ok(())
            }
            State::Ready => Err(TransportError::Misuse("a plain producer has no transactions")),
            State::InTransaction => Err(TransportError::Misuse("a transaction is open already")),
            _ => self.may_send(),
        }
    }

    #[inline]
    fn send(&mut self, record: Outgoing<'_>) -> Result<(), TransportError> {
        self.may_send()?;
        let to_send = ToSend {
            partition: record.partition.cast_signed(),
            key: record.key,
            value: record.value,
            // 0 stands for "now" in librdkafka: the earliest time that can be said is a millisecond later.
            timestamp: if record.timestamp == 0 { 1 } else { record.timestamp },
            origin: record.origin,
            is_followed: record.is_followed,
        };
        let topic = self.topics.handle(record.topic)?;
        let mut waited_ms = 0;
        loop {
            let headers = (!record.headers.is_empty()).then(|| Headers::new(record.headers));
            match self.client.produce(topic, &to_send, headers) {
                Code::OK => break,
                QUEUE_FULL if waited_ms < self.timeout_ms => {
                    // Room is made by reports.
                    self.client.serve(FULL_MS);
                    waited_ms += FULL_MS;
                }
                code => {
                    let fault = Fault::of(code);
                    self.serve(0);
                    return match meaning(code) {
                        // As if the broker had refused it: flush tells.
                        Meaning::Refused => {
                            self.failed.get_or_insert(TransportError::Refused {
                                topic: record.topic.to_owned(),
                                origin: record.origin,
                                reason: refusal(&fault),
                            });
                            Ok(())
                        }
                        Meaning::Unknown if code.0 == UNKNOWN_PARTITION => {
                            Err(TransportError::UnknownPartition(record.topic.to_owned(), record.partition))
                        }
                        Meaning::Unknown => Err(TransportError::UnknownTopic(record.topic.to_owned())),
                        // The transaction failed with an earlier record: that is the reason.
                        _ if self.is_transactional
                            && (code == WRONG_STATE || self.failed.is_some())
                            && self.client.fatal().is_none() =>
                        {
                            Err(self.given_up())
                        }
                        _ => Err(self.record_fails("sending a record", &fault)),
                    };
                }
            }
        }
        self.until_served -= 1;
        if self.until_served == 0 {
            self.serve(0);
        }
        Ok(())
    }

    fn flush(&mut self, delivered: &mut dyn FnMut(Delivery)) -> Result<(), TransportError> {
        self.may_send()?;
        let result = self.settle();
        self.delivered.drain(..).for_each(delivered);
        result
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, CommittedOffset)],
        group: &GroupMetadata,
    ) -> Result<(), TransportError> {
        self.in_transaction()?;
        let mut list = PartitionList::new();
        for (place, committed) in offsets {
            let partition = place.partition.cast_signed();
            list.push_with(&place.topic, partition, committed.offset, committed.metadata.as_bytes());
        }
        let proof = Membership::new(&group.group, group.generation, &group.member, group.instance.as_deref());
        let times = (self.timeout_ms / 2, self.timeout_ms + ANSWER_MS);
        let Err(fault) = self.client.send_offsets(list, proof, times) else { return Ok(()) };
        let told = match meaning(fault.code) {
            Meaning::StaleMember => TransportError::StaleGeneration {
                group: group.group.to_string(),
                generation: group.generation,
                member: group.member.to_string(),
            },
            _ if fault.code.0 == METADATA_TOO_LARGE => {
                let largest = offsets.iter().max_by_key(|(_, committed)| committed.metadata.len());
                TransportError::Refused {
                    topic: largest.map_or(String::new(), |(place, _)| place.topic.clone()),
                    origin: 0,
                    reason: fault.text.clone(),
                }
            }
            _ => self.told("sending offsets", &fault),
        };
        if matches!(self.state, State::InTransaction) {
            self.state = State::MustAbort(told.clone());
        }
        Err(told)
    }

    fn commit(&mut self) -> CommitOutcome {
        match &self.state {
            State::InTransaction => {}
            State::MustAbort(reason) => {
                let reason = reason.clone();
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
                State::Fenced | State::Unknown => CommitOutcome::Unknown(error),
                _ => self.give_up(error),
            };
        }
        let committed = self.client.commit_transaction(self.timeout_ms + ANSWER_MS);
        self.forget_transaction();
        match committed {
            Ok(()) => {
                self.state = State::Ready;
                CommitOutcome::Committed
            }
            Err(fault) => {
                let told = self.told("committing", &fault);
                if !matches!(self.state, State::Fenced) {
                    self.state = State::Unknown;
                }
                CommitOutcome::Unknown(told)
            }
        }
    }

    fn abort(&mut self) -> Result<(), TransportError> {
        match self.state {
            State::InTransaction | State::MustAbort(_) => {}
            _ => return self.in_transaction(),
        }
        let aborted = self.client.abort_transaction(self.timeout_ms + ANSWER_MS);
        self.forget_transaction();
        match aborted {
            Ok(()) => {
                self.state = State::Ready;
                Ok(())
            }
            Err(fault) => {
                let told = self.told("aborting", &fault);
                if !matches!(self.state, State::Fenced) {
                    self.state = State::Unknown;
                }
                Err(told)
            }
        }
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, TransportError> {
        self.topics.partitions(topic)
    }
}

/// How long reports are waited for when there is no room.
const FULL_MS: u64 = 20;

/// How long the report is waited for that says why a transaction was given up; it is on its way already.
const REPORT_MS: u64 = 1_000;

const METADATA_TOO_LARGE: i32 = 12;

#[cfg(test)]
mod tests;
