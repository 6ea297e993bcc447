//! The topics a client has met: their handles, and how many partitions they have.
//!
//! Knows names and counts. A count that was seen once is believed for partitions below it, and asked for anew for
//! others: topics grow. Knows neither offsets nor leaders.

use std::rc::Rc;

use foldhash::HashMap;

use super::errors::{self, Meaning, meaning};
use super::sys::{Client, Topic};
use crate::transport::TransportError;

/// How long a broker may take to answer.
pub(super) const ANSWER_MS: u64 = 5_000;

/// The topics of one client. Handles are kept as long as it is: the numbers of topics in messages stay theirs.
pub(super) struct Handles {
    client: Rc<Client>,
    known: Vec<Known>,
    by_name: HashMap<String, usize>,
    /// Found last: records come and go in runs.
    last: usize,
}

struct Known {
    name: String,
    handle: Topic,
    partitions: u32,
}

impl Handles {
    pub(super) fn new(client: &Rc<Client>) -> Self {
        Handles { client: Rc::clone(client), known: Vec::new(), by_name: HashMap::default(), last: 0 }
    }

    /// The same topics for another client.
    pub(super) fn with(&self, client: &Rc<Client>) -> Result<Self, TransportError> {
        let mut handles = Handles::new(client);
        self.known.iter().try_for_each(|known| handles.learn(&known.name, known.partitions))?;
        Ok(handles)
    }

    /// The handle of a topic, whether it exists or not.
    #[inline]
    pub(super) fn handle(&mut self, topic: &str) -> Result<&Topic, TransportError> {
        if self.known.get(self.last).is_none_or(|known| known.name != topic) {
            self.last = self.find(topic)?;
        }
        Ok(&self.known[self.last].handle)
    }

    /// How many partitions a topic has; asks a broker.
    pub(super) fn partitions(&mut self, topic: &str) -> Result<u32, TransportError> {
        let at = self.find(topic)?;
        let known = &mut self.known[at];
        known.partitions = 0;
        match self.client.partitions(&known.handle, ANSWER_MS) {
            Ok(count @ 1..) => {
                known.partitions = count.cast_unsigned();
                Ok(known.partitions)
            }
            Ok(_) => Err(TransportError::UnknownTopic(topic.to_owned())),
            Err(fault) if meaning(fault.code) == Meaning::Unknown => {
                Err(TransportError::UnknownTopic(topic.to_owned()))
            }
            Err(fault) => Err(errors::error("asking for a topic", topic, &fault)),
        }
    }

    /// Notes how many partitions a topic has.
    pub(super) fn learn(&mut self, topic: &str, partitions: u32) -> Result<(), TransportError> {
        let at = self.find(topic)?;
        self.known[at].partitions = partitions;
        Ok(())
    }

    /// Makes sure that a partition exists; asks a broker unless it is known.
    pub(super) fn check(&mut self, topic: &str, partition: u32) -> Result<(), TransportError> {
        let at = self.find(topic)?;
        if partition < self.known[at].partitions || partition < self.partitions(topic)? {
            return Ok(());
        }
        Err(TransportError::UnknownPartition(topic.to_owned(), partition))
    }

    #[cold]
    fn find(&mut self, topic: &str) -> Result<usize, TransportError> {
        if let Some(&at) = self.by_name.get(topic) {
            return Ok(at);
        }
        let handle =
            Topic::new(&self.client, topic).map_err(|fault| errors::broker("naming a topic", &fault))?;
        self.known.push(Known { name: topic.to_owned(), handle, partitions: 0 });
        self.by_name.insert(topic.to_owned(), self.known.len() - 1);
        Ok(self.known.len() - 1)
    }
}
