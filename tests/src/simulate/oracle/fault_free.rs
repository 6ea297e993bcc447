//! A run in which nothing happens, for the topics that must be the same in every run.
//!
//! Order between partitions is free, so records are compared key by key, and without their times. A changelog has one
//! record for each transaction that changed a key, so only where it leads to is compared.

use crate::simulate::trace::spelt;
use crate::simulate::world::World;
use std::collections::BTreeMap;
use streams_runtime::Headers;
use streams_runtime::instance::InProcess;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::{MemoryLog, MemoryMessage};

type Values = BTreeMap<Option<Vec<u8>>, Vec<Option<Vec<u8>>>>;

/// Runs the same input, and compares.
pub(super) fn check(world: &World) {
    let application = world.script.application;
    if application.confluent.is_empty() || world.violation().is_some() {
        return;
    }
    let log = MemoryLog::new();
    let create = |topic: &str| log.create_topic(topic, world.log.partitions(topic).unwrap_or(1));
    application.fed.iter().map(|fed| fed.topic).chain(application.written.iter().copied()).for_each(
        |topic| {
            let _ = create(topic);
        },
    );
    for fed in application.fed {
        for partition in 0..log.partitions(fed.topic).unwrap_or_default() {
            for record in world.visible(fed.topic, partition).into_values() {
                let (key, value) = (record.key(), record.value());
                let _ = log.append(fed.topic, partition, key, value, record.timestamp(), &Headers::new());
            }
        }
    }
    let ran = InProcess::new(&log, "app", "alone").start((application.topology)()).and_then(|mut worker| {
        loop {
            let idle = worker.step(usize::MAX)?.is_idle();
            if worker.commit()? == streams_runtime::commit::Commit::Nothing && idle {
                return Ok(());
            }
        }
    });
    if let Err(error) = ran {
        world.violated(|| format!("the run without faults: {error}"));
        return;
    }
    for topic in application.confluent {
        let without = values(topic, log.partitions(topic).unwrap_or_default(), |partition| {
            log.read_committed(topic, partition, 0).map(Iterator::collect).unwrap_or_default()
        });
        let with = values(topic, world.log.partitions(topic).unwrap_or_default(), |partition| {
            world.visible(topic, partition).into_values().collect()
        });
        for key in without.keys().chain(with.keys()) {
            let (should, is) = (without.get(key), with.get(key));
            if should != is {
                let all = |of: Option<&Vec<Option<Vec<u8>>>>| {
                    let values = of.into_iter().flatten().map(|value| spelt(value.as_deref()));
                    values.collect::<Vec<_>>().join(", ")
                };
                world.violated(|| {
                    format!(
                        "{topic}: key {} has {}, without faults {}",
                        spelt(key.as_deref()),
                        all(is),
                        all(should)
                    )
                });
                return;
            }
        }
    }
}

fn values(topic: &str, partitions: u32, records: impl Fn(u32) -> Vec<MemoryMessage>) -> Values {
    let mut values = Values::new();
    for record in (0..partitions).flat_map(records) {
        let all = values.entry(record.key().map(<[u8]>::to_vec)).or_default();
        if topic.ends_with("-changelog") {
            all.clear();
        }
        all.push(record.value().map(<[u8]>::to_vec));
    }
    values
}
