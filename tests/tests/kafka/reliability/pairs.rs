//! The topics of `apart` and `together`, and what the counts of their keys must be.

use std::collections::BTreeMap;

use streams_tests::broker::tools::{Isolation, Message, Producer, create_topic, read, until};

use super::PATIENCE;

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Writes to the two topics, and knows how often each key was written.
pub struct Pairs {
    bootstrap: String,
    producer: Producer,
    /// How often each key was written, to each topic.
    written: BTreeMap<String, i64>,
}

impl Pairs {
    /// Makes the topics.
    pub fn new(bootstrap: &str) -> Self {
        for topic in ["left", "right", "counts", "paired"] {
            create_topic(bootstrap, topic, 2, &[]);
        }
        let producer = Producer::new(bootstrap);
        Pairs { bootstrap: bootstrap.to_owned(), producer, written: BTreeMap::new() }
    }

    /// Writes each key once, to each topic.
    pub fn write(&mut self) {
        for topic in ["left", "right"] {
            for key in KEYS {
                let key = format!("{topic}-{key}");
                self.producer.write([Message::to(topic).key(&key).value("x")]);
                *self.written.entry(key).or_default() += 1;
            }
        }
    }

    /// Waits until everything is counted, and says that nothing was counted twice.
    #[track_caller]
    pub fn until_counted(&self) {
        let counts = until("all counts", PATIENCE, || {
            let mut counts = BTreeMap::new();
            let mut updates: BTreeMap<String, i64> = BTreeMap::new();
            for record in read(&self.bootstrap, "counts", Isolation::Committed) {
                let count = i64::from_be_bytes(record.value.as_deref()?.try_into().ok()?);
                *updates.entry(record.key_text()).or_default() += 1;
                counts.insert(record.key_text(), count);
            }
            assert!(
                updates.iter().all(|(key, times)| counts[key] == *times),
                "counted twice: {counts:?} {updates:?}"
            );
            let all = self.written.iter().all(|(key, written)| counts.get(key).is_some_and(|n| n >= written));
            all.then_some(counts)
        });
        assert_eq!(counts, self.written);
    }
}
