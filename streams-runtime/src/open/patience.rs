//! What is said of tasks that take long to be opened: what they wait for, and how far their replays are.
//!
//! | what lasts | when it is said | how often |
//! |---|---|---|
//! | a replay | after 10 s, while it goes on | every 10 s |
//! | a transaction that nobody ends | 10 s after it should have timed out | every minute |
//! | brokers that do not answer | as long | every minute |
//! | a replay whose end is not in the log any more | as long | once: the task is not opened |
//!
//! A broker ends a transaction that has run out of its time by itself, within 10 s more. One that stays open is a fault
//! of the log, and only an administrator can end it: so the tool for it is named. Which producer began it, the client
//! cannot ask.
//!
//! A high watermark is never taken back, except by a log that has lost records: then no waiting helps.
//!
//! Knows words and how long things last. Changes nothing but that.

use super::progress::{RestoreStage, Restoring};
use super::{Opening, Stage};
use crate::restore::{EndGone, Replay, RestoreError};
use crate::task::TaskId;
use crate::transport::{Consumer, Message, PENDING_OFFSETS, TopicPartition, TransportError, Watermarks};
use crate::worker::{Connect, Worker};
use std::time::Duration;

/// How often the progress of a replay is told.
const PROGRESS_MS: i64 = 10_000;

/// `transaction.abort.timed.out.transaction.cleanup.interval.ms` of brokers, as it is by default.
const CLEANUP_MS: i64 = 10_000;

/// How often it is said that something does not move.
const AGAIN_MS: i64 = 60_000;

/// Since when nothing moves, by the wall clock, and when that was last said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    since_ms: i64,
    said_ms: Option<i64>,
}

impl Patience {
    pub(super) fn from(now_ms: i64) -> Self {
        Patience { since_ms: now_ms, said_ms: None }
    }

    pub(super) fn waited_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.since_ms)
    }

    /// True if it has to be said that it has lasted for `limit_ms` and more.
    fn is_over(&self, now_ms: i64, limit_ms: i64) -> bool {
        let is_new = |said: i64| now_ms.saturating_sub(said) >= AGAIN_MS;
        self.waited_ms(now_ms) >= limit_ms && self.said_ms.is_none_or(is_new)
    }
}

/// A replay as it was when it was last looked at.
pub(crate) struct Lasting {
    began_ms: i64,
    told_ms: i64,
    told_at: Option<i64>,
    position: Option<i64>,
    records: u64,
    patience: Patience,
}

impl Lasting {
    pub(crate) fn from(now_ms: i64) -> Self {
        let patience = Patience::from(now_ms);
        Lasting { began_ms: now_ms, told_ms: now_ms, told_at: None, position: None, records: 0, patience }
    }

    /// As [`from`](Lasting::from), of a replay that somebody else began so long ago.
    pub(crate) fn since(elapsed: Duration, now_ms: i64) -> Self {
        let ms = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Lasting { began_ms: now_ms.saturating_sub(ms), ..Lasting::from(now_ms) }
    }

    /// Says how far it is if it has been going on for long, and what it waits for if it does not move.
    pub(crate) fn look<C: Consumer>(
        &mut self,
        task: TaskId,
        replay: &Replay,
        reader: &mut C,
        now_ms: i64,
        limit_ms: i64,
    ) -> Result<(), RestoreError> {
        let (_, position, end) = replay.way();
        if self.position.replace(position) != Some(position) {
            self.patience = Patience::from(now_ms);
        }
        if now_ms.saturating_sub(self.told_ms) >= PROGRESS_MS && self.told_at != Some(position) {
            (self.told_ms, self.told_at) = (now_ms, Some(position));
            self.tell_progress(task, replay, now_ms);
        }
        if self.patience.is_over(now_ms, limit_ms) {
            let ends = reader.watermarks(replay.partition());
            let waited_s = self.patience.waited_ms(now_ms) / 1_000;
            if let Ok(Watermarks { high, .. }) = ends
                && high < end
            {
                let (store, changelog) = (replay.store, replay.partition().clone());
                let gone = EndGone { store, changelog, position, end, high, waited_s };
                return Err(RestoreError::EndGone(gone.into()));
            }
            // Asked now; the answer has some time to come.
            let waits = ends.as_ref().err().and_then(TransportError::timed_out).is_some();
            if !waits || self.patience.waited_ms(now_ms) >= limit_ms.saturating_add(CLEANUP_MS) {
                self.patience.said_ms = Some(now_ms);
                tell_stuck(task, replay, ends, waited_s);
            }
        }
        Ok(())
    }

    /// True if it replayed something since this was asked last.
    pub(crate) fn has_moved(&mut self, replay: &Replay) -> bool {
        let (records, _) = replay.amount();
        std::mem::replace(&mut self.records, records) != records
    }

    /// For how long it has been going on.
    pub(crate) fn elapsed(&self, now_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(now_ms.saturating_sub(self.began_ms)).unwrap_or(0))
    }

    fn tell_progress(&self, task: TaskId, replay: &Replay, now_ms: i64) {
        let restoring = Restoring::of(task, replay, self, RestoreStage::Batch, now_ms);
        let Restoring { store, position, to: end, records, bytes, .. } = restoring;
        let (partition, share) = (task.partition, format!("{:.0} %", 100.0 * restoring.share()));
        let remaining_s = restoring.remaining().map(|rest| rest.as_secs_f64().ceil() as u64);
        tracing::info!(%task, store, partition, records, bytes, position, end, share, remaining_s, "restoring");
    }
}

fn tell_stuck(task: TaskId, replay: &Replay, ends: Result<Watermarks, TransportError>, waited_s: i64) {
    let (store, (_, position, end)) = (replay.store, replay.way());
    let TopicPartition { topic, partition } = replay.partition();
    match ends {
        Ok(Watermarks { last_stable, .. }) if last_stable <= position => tracing::warn!(
            %task, store, topic, partition, position, last_stable, end, waited_s,
            "a restore waits for a transaction that should have timed out long ago: \
             `kafka-transactions.sh --bootstrap-server … describe-producers --topic {topic} --partition {partition}` \
             tells whose it is, and \
             `kafka-transactions.sh --bootstrap-server … abort --topic {topic} --partition {partition} \
             --start-offset {last_stable}` ends it"
        ),
        Ok(Watermarks { last_stable, .. }) => tracing::warn!(
            %task, store, topic, partition, position, last_stable, end, waited_s,
            "a restore waits for records that its broker does not send"
        ),
        Err(cause) => tracing::warn!(
            %task, store, topic, partition, position, end, waited_s, %cause,
            "a restore waits for records, and its broker does not answer"
        ),
    }
}

impl<M: Message> Opening<M> {
    fn tell_waiting(&self, waited_s: i64) {
        let task = self.id;
        let names = self.inputs.iter().map(|input| format!("{}-{}", input.topic, input.partition));
        let inputs = names.collect::<Vec<_>>().join(", ");
        match self.waits_for {
            PENDING_OFFSETS => tracing::warn!(
                %task, inputs, waited_s,
                "a task waits for a transaction that holds offsets of its inputs and should have timed out long ago: \
                 `kafka-transactions.sh --bootstrap-server … find-hanging --topic __consumer_offsets` finds it, and \
                 `abort` with the partition and start offset that it shows ends it"
            ),
            waits_for => tracing::warn!(
                %task, inputs, waited_s, waits_for,
                "a task is not open yet, because brokers do not answer"
            ),
        }
    }
}

impl<C: Connect> Worker<C> {
    /// Says what lasts long. A task that can never be opened is told with its place among those that are being opened.
    pub(super) fn tell(&mut self, now_ms: i64) -> Result<(), (usize, RestoreError)> {
        let limit_ms = self.connect.transaction_timeout_ms().saturating_add(CLEANUP_MS);
        for (at, opening) in self.opening.iter_mut().enumerate() {
            match &mut opening.stage {
                Stage::Begun => {}
                Stage::Warming | Stage::Known(_) => {
                    if opening.patience.is_over(now_ms, limit_ms) {
                        opening.patience.said_ms = Some(now_ms);
                        let (task, waited_s) = (opening.id, opening.patience.waited_ms(now_ms) / 1_000);
                        // How far they are is said beside it, if they move.
                        tracing::info!(%task, waited_s, "the stores of a task are not open here yet");
                    }
                }
                Stage::Offsets | Stage::Ends(_) => {
                    if opening.patience.is_over(now_ms, limit_ms) {
                        opening.patience.said_ms = Some(now_ms);
                        opening.tell_waiting(opening.patience.waited_ms(now_ms) / 1_000);
                    }
                }
                Stage::Replaying { replays, .. } => {
                    for (replay, lasting) in replays.iter_mut().filter(|(replay, _)| !replay.is_done()) {
                        let looked = lasting.look(opening.id, replay, &mut self.reader, now_ms, limit_ms);
                        looked.map_err(|hopeless| (at, hopeless))?;
                    }
                }
            }
        }
        Ok(())
    }
}
