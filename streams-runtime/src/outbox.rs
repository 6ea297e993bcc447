//! What the steps of a task have written since the last hand-over to the producer.
//!
//! Records are staged in one arena and handed over in batches, so the steps neither know the transport nor allocate
//! per record. Knows bytes; does not know formats or transactions: an abort simply empties it.

use crate::counters::DropCounter;
use crate::record::Headers;
use std::rc::Rc;

/// The number of a topic in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutTopic(u32);

/// The bytes of a value stand behind those of its key; a null has none, and [`NULL`] for its length.
#[derive(Debug)]
struct Staged {
    start: usize,
    key_len: usize,
    value_len: usize,
    timestamp: i64,
    headers: Headers,
    topic: OutTopic,
}

/// The length of a null.
const NULL: usize = usize::MAX;

/// A record as it stands in the outbox.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// The key's bytes.
    pub key: Option<&'a [u8]>,
    /// The value's bytes.
    pub value: Option<&'a [u8]>,
    /// Its time.
    pub timestamp: i64,
    /// Its headers.
    pub headers: &'a Headers,
}

/// A topic that is written to.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// How many partitions it has, once somebody asked: then it need not be looked up by name for each record.
    pub partitions: Option<u32>,
    /// Counts what its policy leaves out; `None` if that is nothing.
    skipped: Option<Rc<DropCounter>>,
}

/// Then an outbox is full: what stands in it takes memory once more where it is handed over to.
const FULL_BYTES: usize = 1 << 20;
const FULL_RECORDS: usize = 8192;

/// Records on their way out of one task.
#[derive(Debug, Default)]
pub struct Outbox {
    topics: Vec<Target>,
    bytes: Vec<u8>,
    records: Vec<Staged>,
}

impl Outbox {
    /// The number of a topic, given at wiring time.
    pub fn topic(&mut self, name: &str) -> OutTopic {
        let at = self.topics.iter().position(|t| t.name == name).unwrap_or_else(|| {
            self.topics.push(Target { name: name.to_owned(), partitions: None, skipped: None });
            self.topics.len() - 1
        });
        OutTopic(at as u32)
    }

    /// Records for this topic that cannot be written are left out and counted here.
    pub fn skip(&mut self, topic: OutTopic, counter: Rc<DropCounter>) {
        self.topics[topic.0 as usize].skipped = Some(counter);
    }

    /// The counter given to [`skip`](Outbox::skip).
    pub fn skips(&self, topic: &str) -> Option<Rc<DropCounter>> {
        self.topics.iter().find(|target| target.name == topic)?.skipped.clone()
    }

    /// The name behind a number.
    pub fn name(&self, topic: OutTopic) -> &str {
        &self.topics[topic.0 as usize].name
    }

    /// Stages a record whose key and value are written by the two functions into the buffer they are given; they
    /// return false for a null. If one fails, nothing is staged.
    #[inline]
    pub fn stage<E>(
        &mut self,
        topic: OutTopic,
        timestamp: i64,
        headers: &Headers,
        key: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let has_key = match key(&mut self.bytes) {
            Ok(has_key) => has_key,
            Err(error) => return self.give_up(start, error),
        };
        let middle = self.bytes.len();
        let has_value = match value(&mut self.bytes) {
            Ok(has_value) => has_value,
            Err(error) => return self.give_up(start, error),
        };
        let key_len = if has_key { middle - start } else { NULL };
        let value_len = if has_value { self.bytes.len() - middle } else { NULL };
        self.records.push(Staged { start, key_len, value_len, timestamp, headers: headers.clone(), topic });
        Ok(())
    }

    /// Nothing of a record that cannot be written stays.
    #[cold]
    fn give_up<E>(&mut self, start: usize, error: E) -> Result<(), E> {
        self.bytes.truncate(start);
        Err(error)
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// True if it should be handed over between two records: one of them may write millions.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.records.len() >= FULL_RECORDS
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Hands every record over in order and empties the outbox, keeping its memory.
    #[inline]
    pub fn drain<E>(
        &mut self,
        mut send: impl FnMut(&mut Target, Outbound<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for Staged { start, key_len, value_len, timestamp, headers, topic } in &self.records {
            let (key, rest) = part(&self.bytes[*start..], *key_len);
            let (value, _) = part(rest, *value_len);
            let target = &mut self.topics[topic.0 as usize];
            send(target, Outbound { key, value, timestamp: *timestamp, headers })?;
        }
        self.records.clear();
        self.bytes.clear();
        Ok(())
    }

    /// Forgets every record, as an abort does. Partition counts stay: a broker would be asked for each topic of each task
    /// after every abort.
    pub fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
    }

    /// Asks for the partitions of every topic again: a task that is opened again writes to new ones as well.
    pub fn forget_partitions(&mut self) {
        self.topics.iter_mut().for_each(|target| target.partitions = None);
    }
}

/// The first `len` bytes and those behind them.
#[inline]
fn part(bytes: &[u8], len: usize) -> (Option<&[u8]>, &[u8]) {
    match len {
        NULL => (None, bytes),
        len => {
            let (part, rest) = bytes.split_at(len);
            (Some(part), rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_written_leaves_nothing_behind() {
        let mut outbox = Outbox::default();
        let out = outbox.topic("out");
        let none = Headers::new();
        let write = |bytes: &mut Vec<u8>| -> Result<bool, &str> {
            bytes.push(1);
            Ok(true)
        };
        outbox.stage(out, 1, &none, write, |_| Ok(false)).unwrap();
        assert_eq!(outbox.stage(out, 1, &none, write, |_| Err("no")), Err("no"));
        let mut seen = vec![];
        outbox
            .drain(|target, record| {
                seen.push((
                    target.name.clone(),
                    record.key.map(<[u8]>::to_vec),
                    record.value.map(<[u8]>::to_vec),
                ));
                Ok::<(), ()>(())
            })
            .unwrap();
        assert_eq!(seen, [("out".to_owned(), Some(vec![1]), None)]);
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }

    #[test]
    fn an_abort_keeps_what_is_known_of_topics() {
        let mut outbox = Outbox::default();
        let out = outbox.topic("out");
        let mut asked = 0;
        let mut send = |outbox: &mut Outbox| {
            let write = |bytes: &mut Vec<u8>| -> Result<bool, ()> {
                bytes.push(1);
                Ok(true)
            };
            outbox.stage(out, 1, &Headers::new(), write, |_| Ok(false)).unwrap();
            let sent = outbox.drain(|target, _| -> Result<(), ()> {
                asked += usize::from(target.partitions.is_none());
                target.partitions = Some(4);
                Ok(())
            });
            sent.unwrap();
            asked
        };
        assert_eq!(send(&mut outbox), 1);
        outbox.clear();
        assert_eq!(send(&mut outbox), 1);
        outbox.forget_partitions();
        assert_eq!(send(&mut outbox), 2);
    }
}
