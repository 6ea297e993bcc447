//! What must be known of a task before its stores are opened: where its inputs are committed, and where its logs end.
//!
//! Knows questions and their answers so far. Does not know the task, nor who waits.

use super::origin::{self, Origin};
use crate::mutants::mutant;
use crate::restore::Changelog;
use crate::stream::StoreSpec;
use crate::topology::SubPlan;
use crate::transport::{CommittedOffset, Consumer, TopicPartition, TransportError, Watermarks};
use std::collections::HashSet;

/// The answers so far. The committed offsets are there from the beginning: only after them the ends are asked for.
pub(super) struct Known {
    committed: Vec<Option<CommittedOffset>>,
    /// Of each input, which topic it is.
    ids: Vec<Option<u128>>,
    first: Option<First>,
    /// Of each input, where it is read from.
    positions: Vec<Option<i64>>,
    logs: Logs,
}

/// What is known of the changelogs of a task.
pub(crate) struct Logs {
    logs: Vec<Log>,
    /// The wall clock before the ends were asked for: what comes behind them is not part of it.
    asked_ms: i64,
}

/// A changelog.
struct Log {
    /// The hash of its store.
    store: u64,
    partition: TopicPartition,
    ends: Option<Watermarks>,
    topic_id: Option<u128>,
    delete_retention_ms: Option<Option<i64>>,
    retention_ms: Option<Option<i64>>,
}

/// What is asked of a task that has no offset at all: whether this is the first start.
struct First {
    /// All inputs of the application. If any has an offset, it has begun and this task has not.
    all: Vec<TopicPartition>,
    has_begun: Option<bool>,
    /// What nobody else writes to; those of which it is not known that they are empty.
    written: Vec<TopicPartition>,
}

/// What does not fit: of which input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its offset is of another topic of the same name.
    MadeAnew(usize, i64),
    /// It had an offset; of another topic if so.
    Gone(usize, bool),
}

/// Kafka's default of `delete.retention.ms`, where the log does not tell.
const DELETE_RETENTION_MS: i64 = 24 * 3_600_000;

impl Known {
    /// With the committed offsets of the inputs, in their order.
    pub(super) fn new(
        plan: &SubPlan,
        partition: u32,
        committed: Vec<Option<CommittedOffset>>,
        now_ms: i64,
    ) -> Self {
        Known {
            ids: vec![None; committed.len()],
            first: None,
            positions: committed.iter().map(|committed| committed.as_ref().map(|c| c.offset)).collect(),
            logs: Logs::new(&plan.stores, partition, now_ms),
            committed,
        }
    }

    /// If nothing is committed, it is also asked whether it ever was: whether `all` inputs of the application are without
    /// offsets, and there is something in what is `written` by this application alone.
    pub(super) fn or_first(mut self, all: Vec<TopicPartition>, written: Vec<TopicPartition>) -> Self {
        if !self.has_offsets() && !written.is_empty() {
            self.first = Some(First { all, has_begun: None, written });
        }
        self
    }

    /// Asks for all that is missing, and takes the answers that are there. What the first question without an answer
    /// waits for; none once everything is known. `empty` is what was seen empty of the application's own topics.
    pub(super) fn ask<C: Consumer>(
        &mut self,
        inputs: &[TopicPartition],
        consumer: &mut C,
        reader: &mut C,
        empty: &mut HashSet<TopicPartition>,
    ) -> Result<Option<&'static str>, TransportError> {
        let mut waits_for = None;
        for (input, position) in inputs.iter().zip(&mut self.positions) {
            // The first start, or an input that is new: from the first record that is still there.
            ask(position, &mut waits_for, || match consumer.watermarks(input) {
                // The group knows of a new partition, and this broker not yet.
                Err(TransportError::UnknownPartition(..)) if !mutant!(UnknownIsNone) => {
                    Err(TransportError::TimedOut("learning of a new partition"))
                }
                ends => Ok(ends?.start),
            })?;
        }
        for (input, id) in inputs.iter().zip(&mut self.ids) {
            ask(id, &mut waits_for, || consumer.topic_id(&input.topic))?;
        }
        if let Some(First { all, has_begun, written }) = &mut self.first {
            ask(has_begun, &mut waits_for, || Ok(consumer.committed(all)?.iter().any(Option::is_some)))?;
            // One that is not empty is enough, and one that was empty once need not be asked for again.
            while *has_begun == Some(false)
                && let Some(place) = written.last()
            {
                if empty.contains(place) {
                    written.pop();
                    continue;
                }
                let mut ends = None;
                ask(&mut ends, &mut waits_for, || reader.watermarks(place))?;
                if ends.is_none_or(|ends| ends.high > 0) {
                    break;
                }
                empty.extend(written.pop());
            }
        }
        Ok(waits_for.or(self.logs.ask(reader)?))
    }

    /// Where each input is read from.
    pub(super) fn positions(&self, inputs: &[TopicPartition]) -> Vec<(TopicPartition, i64)> {
        let positions = self.positions.iter().map(|position| position.unwrap_or_default());
        inputs.iter().cloned().zip(positions).collect()
    }

    /// What was committed with the offsets.
    pub(super) fn metadata(&self) -> &str {
        let metadata = self.committed.iter().flatten().map(|committed| committed.metadata.as_str());
        metadata.into_iter().find(|metadata| !metadata.is_empty()).unwrap_or_default()
    }

    /// What to write beside the offsets.
    pub(super) fn origin(&self, inputs: &[TopicPartition]) -> String {
        let ids = self.ids.iter().map(|id| id.unwrap_or_default());
        origin::word(inputs.iter().map(|input| input.topic.as_str()).zip(ids))
    }

    /// The first thing that does not fit, once everything is told.
    pub(super) fn unfit(&self, inputs: &[TopicPartition]) -> Option<Unfit> {
        let said = |committed: &Option<CommittedOffset>| Origin::of(&committed.as_ref()?.metadata);
        let said: Vec<Option<Origin>> = self.committed.iter().map(said).collect();
        for (at, (input, id)) in inputs.iter().zip(&self.ids).enumerate() {
            let is = |origin: &Origin| origin.is(&input.topic, id.unwrap_or_default());
            match (&self.committed[at], &said[at]) {
                (Some(committed), Some(origin)) if is(origin) == Some(false) => {
                    return Some(Unfit::MadeAnew(at, committed.offset));
                }
                (None, _) => {
                    if let Some(same) = said.iter().flatten().find_map(is) {
                        return Some(Unfit::Gone(at, !same));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// A topic that only the application writes to, and has, though nothing is committed.
    pub(super) fn written(&self) -> Option<String> {
        match &self.first {
            Some(First { has_begun: Some(false), written, .. }) => {
                written.last().map(|place| place.topic.clone())
            }
            _ => None,
        }
    }

    pub(super) fn has_offsets(&self) -> bool {
        self.committed.iter().any(Option::is_some)
    }

    pub(super) fn has_all_offsets(&self) -> bool {
        self.committed.iter().all(Option::is_some)
    }

    /// The changelogs.
    pub(super) fn logs(&self) -> &Logs {
        &self.logs
    }
}

impl Logs {
    /// Nothing is known of the changelogs of these stores. `now_ms` is before anything is asked.
    pub(crate) fn new(stores: &[(StoreSpec, String)], partition: u32, now_ms: i64) -> Logs {
        let logs = stores.iter().filter(|(spec, _)| spec.changelog).map(|(spec, topic)| Log {
            store: spec.hash,
            partition: TopicPartition { topic: topic.clone(), partition },
            ends: None,
            topic_id: None,
            delete_retention_ms: None,
            retention_ms: None,
        });
        Logs { logs: logs.collect(), asked_ms: now_ms }
    }

    /// The wall clock before anything was asked.
    pub(crate) fn asked_ms(&self) -> i64 {
        self.asked_ms
    }

    /// Which partitions they are.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        self.logs.iter().map(|log| log.partition.clone()).collect()
    }

    /// Asks for all that is missing, and takes the answers that are there; see [`Known::ask`].
    pub(crate) fn ask<C: Consumer>(
        &mut self,
        reader: &mut C,
    ) -> Result<Option<&'static str>, TransportError> {
        let mut waits_for = None;
        for log in &mut self.logs {
            let topic = &log.partition.topic;
            ask(&mut log.ends, &mut waits_for, || reader.watermarks(&log.partition))?;
            ask(&mut log.topic_id, &mut waits_for, || reader.topic_id(topic))?;
            ask(&mut log.delete_retention_ms, &mut waits_for, || reader.delete_retention_ms(topic))?;
            ask(&mut log.retention_ms, &mut waits_for, || reader.retention_ms(topic))?;
        }
        Ok(waits_for)
    }

    /// Every changelog, with the hash of its store. `now_ms` is when its replay begins.
    pub(crate) fn changelogs(&self, now_ms: i64) -> impl Iterator<Item = (u64, Changelog)> {
        self.logs.iter().filter_map(move |log| {
            let changelog = Changelog {
                store: 0,
                partition: log.partition.clone(),
                ends: log.ends?,
                topic_id: log.topic_id?,
                delete_retention_ms: log.delete_retention_ms?.unwrap_or(DELETE_RETENTION_MS),
                retention_ms: log.retention_ms?,
                asked_ms: self.asked_ms,
                now_ms,
            };
            Some((log.store, changelog))
        })
    }
}

/// Asks unless it is answered.
fn ask<T>(
    answer: &mut Option<T>,
    waits_for: &mut Option<&'static str>,
    question: impl FnOnce() -> Result<T, TransportError>,
) -> Result<(), TransportError> {
    if answer.is_none() {
        match question() {
            Ok(answered) => *answer = Some(answered),
            Err(error) => *waits_for = waits_for.or(Some(error.timed_out().ok_or(error)?)),
        }
    }
    Ok(())
}
