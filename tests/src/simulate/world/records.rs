//! Records: how they come in, and how they go, as brokers delete and compact.
//!
//! What goes is kept aside for the oracle, which asks for all that was ever visible.

use super::{APPLICATION, World};
use crate::random::Random;
use crate::simulate::applications::{Fed, Values};
use streams_runtime::Headers;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::topology::SubPlan;
use streams_runtime::transport::{Outgoing, Producer, TopicPartition};

impl World {
    pub(super) fn feed(&self, random: &mut Random, records: usize) {
        let transaction = self.script.transactional && random.once_in(3);
        let idle = self.script.idle && self.tick.get() != usize::MAX;
        let mut batch = Vec::new();
        for _ in 0..records {
            let fed = random.pick(self.script.application.fed);
            let partition = random.below(self.fed_partitions(fed) as usize) as u32;
            if !idle || partition % 3 != 2 {
                batch.push((fed, partition, self.record(random, fed)));
            }
        }
        if !transaction {
            for (fed, partition, (key, value, time)) in batch {
                let key = format!("{partition}-{key}");
                let appended = self.log.append(
                    fed.topic,
                    partition,
                    Some(key.as_bytes()),
                    value.as_deref(),
                    time,
                    &Headers::new(),
                );
                self.trace.say(|| format!("fed {}-{partition}@{appended:?} {key} at {time}", fed.topic));
            }
            return;
        }
        self.feeders.set(self.feeders.get() + 1);
        let mut feeder = self.log.producer(Some(&format!("feeder-{}", self.feeders.get())));
        let fed = feeder.init().and_then(|()| feeder.begin()).and_then(|()| {
            for (fed, partition, (key, value, timestamp)) in batch {
                let key = format!("{partition}-{key}");
                let (key, value, headers) = (Some(key.as_bytes()), value.as_deref(), &Headers::new());
                feeder.send(Outgoing {
                    topic: fed.topic,
                    partition,
                    key,
                    value,
                    timestamp,
                    headers,
                    origin: 0,
                    is_followed: false,
                })?;
            }
            feeder.flush(&mut |_| {})
        });
        if fed.is_err() {
            return;
        }
        match random.below(4) {
            0 => drop(feeder.abort()),
            1 => self.unfinished.borrow_mut().push(feeder),
            _ => drop(feeder.commit()),
        }
    }

    /// Into how many partitions of a topic records come: new ones are fed where they are read.
    pub(super) fn fed_partitions(&self, fed: &Fed) -> u32 {
        let reads = |sub: &&SubPlan| sub.takes_more_of(fed.topic);
        match self.plan.subs.iter().find(reads) {
            Some(_) => self.log.partitions(fed.topic).unwrap_or_default(),
            None => fed.at_most.min(self.script.partitions),
        }
    }

    pub(super) fn record(&self, random: &mut Random, fed: &Fed) -> (usize, Option<Vec<u8>>, i64) {
        let leap = if random.once_in(25) { 120 } else { 2 + random.below(4) as i64 };
        self.event_ms.set(self.event_ms.get() + leap);
        // Some are late: a few so that their window is still open, others so that it is not.
        let late = random.weigh(&[(5, 0), (2, 9), (1, 25), (1, 60)]);
        let value = random.below(25) as i64 - 5;
        let deleted =
            fed.values == Values::Rows && random.once_in(if self.is_anybody_away() { 1 } else { 3 });
        let value = (!deleted).then(|| value.to_be_bytes().to_vec());
        (random.below(3), value, self.event_ms.get() - late)
    }

    pub(super) fn finish_feeding(&self, random: &mut Random) {
        for mut feeder in self.unfinished.take() {
            match random.once_in(3) {
                true => drop(feeder.abort()),
                false => drop(feeder.commit()),
            }
        }
    }

    /// Keeps what can be seen now, before it goes.
    pub(super) fn keep(&self, topic: &str, partition: u32) {
        let visible = self.visible(topic, partition);
        self.archive.borrow_mut().insert((topic.to_owned(), partition), visible);
    }

    /// Changelogs are compacted.
    pub(super) fn compact(&self) {
        if self.has_forgotten() {
            // The rows are all that is left to tell that there was something before: had they been deleted, and the deletions
            // too, nobody could know.
            return;
        }
        for (topic, partitions) in self.changelogs() {
            (0..partitions).for_each(|partition| self.keep(&topic, partition));
            let _ = self.log.compact(&topic);
        }
    }

    /// What is consumed is deleted.
    pub(super) fn purge(&self) {
        for source in self.plan.subs.iter().flat_map(|sub| &sub.sources) {
            for partition in 0..source.partitions {
                let place = TopicPartition { topic: source.name.clone(), partition };
                let consumed = match self.script.guarantee {
                    Guarantee::ExactlyOnce => self
                        .log
                        .committed(APPLICATION, &source.name, partition)
                        .ok()
                        .flatten()
                        .map(|committed| committed.offset),
                    // Who was not told so goes back behind what is committed.
                    Guarantee::AtLeastOnce => self.confirmed.borrow().get(&place).copied(),
                };
                if let Some(offset) = consumed {
                    self.keep(&source.name, partition);
                    let _ = self.log.delete_records(&source.name, partition, offset);
                }
            }
        }
    }

    /// Whether this answer about committed offsets is "none" by mistake. Only of a task that has rows: of any other nobody can
    /// tell that from a first start.
    pub(in crate::simulate) fn hides_offsets(&self, partitions: &[TopicPartition]) -> bool {
        let has_rows = |partition: &TopicPartition| {
            let Some((task, _)) = self.task_of(partition) else { return false };
            self.plan.subs[task.sub].stores.iter().any(|(_, changelog)| {
                let records = self.log.read_committed(changelog, task.partition, 0);
                records.is_ok_and(|mut records| records.next().is_some())
            })
        };
        let hides = self.hidden.get() > 0 && partitions.iter().any(has_rows);
        if hides {
            self.hidden.set(self.hidden.get() - 1);
        }
        hides
    }

    /// The changelogs and how many partitions each has.
    pub(in crate::simulate) fn changelogs(&self) -> Vec<(String, u32)> {
        let subs = self.plan.subs.iter();
        subs.flat_map(|sub| sub.stores.iter().map(|(_, name)| (name.clone(), sub.tasks))).collect()
    }
}
