//! Counts the partitions of all inputs now and then. A group looks at topics that lead only, so that new partitions of
//! any other would be read by nobody, without a word.
//!
//! Knows the plan and what looks after topics. Does not know tasks: those of new partitions are opened by who is given
//! them (`open`).

use crate::topology::{Growth, Plan};
use crate::transport::TransportError;
use crate::transport::topics::{Found, TopicDescription, Topics};
use std::collections::BTreeMap;

/// The counts of all inputs as they were seen last, and which topics they are.
pub(crate) struct Watch {
    plan: Plan,
    counts: BTreeMap<String, u32>,
    ids: BTreeMap<String, u128>,
}

impl Watch {
    pub(crate) fn new(plan: Plan) -> Watch {
        let sources = plan.subs.iter().flat_map(|sub| &sub.sources);
        let counts = sources.map(|source| (source.name.clone(), source.partitions)).collect();
        Watch { plan, counts, ids: BTreeMap::new() }
    }

    /// These are the topics that the application started with. Of others it is learnt by the first look which they are.
    pub(crate) fn started_with(mut self, topics: &BTreeMap<String, TopicDescription>) -> Watch {
        let inputs = topics.iter().filter(|(name, _)| self.counts.contains_key(*name));
        self.ids = inputs.map(|(name, topic)| (name.clone(), topic.id)).collect();
        self
    }

    /// Counts. What has grown and is read on as it is, is told to a log; what cannot be read on is returned, a topic that was made
    /// anew as well.
    ///
    /// # Errors
    /// If nobody answers.
    pub(crate) fn look(&mut self, topics: &mut dyn Topics) -> Result<Option<Growth>, TransportError> {
        let names: Vec<String> = self.counts.keys().cloned().collect();
        let found = topics.describe(&names)?;
        let mut live = self.counts.clone();
        for (name, found) in names.into_iter().zip(found) {
            if let Found::Topic(topic) = found {
                let was = *self.ids.entry(name.clone()).or_insert(topic.id);
                if was != topic.id {
                    return Ok(Some(self.plan.made_anew(&name, topic.partitions)));
                }
                live.insert(name, topic.partitions);
            }
        }
        for (at, sub) in self.plan.subs.iter().enumerate() {
            let leads = live[&sub.sources[sub.leader].name];
            for source in &sub.sources {
                let (name, has, had) = (&source.name, live[&source.name], self.counts[&source.name]);
                if has <= had {
                    continue;
                }
                if !sub.takes_more_of(name) {
                    return Ok(Some(self.plan.growth(at, name, has, leads)));
                }
                tracing::warn!(
                    topic = name,
                    "has grown from {had} to {has} partitions: the new ones are picked up; where a number of \
                     partitions is declared, the next start will ask for the new one"
                );
            }
        }
        self.counts = live;
        Ok(None)
    }
}
