//! A topic that gets more partitions while it is read: what follows for those who read it.
//!
//! Keys of a topic that has grown are in other partitions than before: rows of a store and records of a join would be
//! looked for where they are not. So Kafka Streams stops, and so do we. Only where nothing is kept, new partitions are like
//! old ones; a group shares out those of a topic that leads, and what follows it is opened together with it.
//!
//! Knows a plan and counts. Does not know who counts, nor who stops.

use super::{Plan, SubPlan};
use std::fmt;

/// A topic that has grown, or is another one under its name, and cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The application's id.
    pub application: String,
    /// The topic.
    pub topic: String,
    /// How many partitions it had when the application started.
    pub had: u32,
    /// How many it has.
    pub has: u32,
    effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    /// Rows are spread over as many partitions as there were.
    Stores { names: Vec<String>, internal: Vec<String>, partners: Vec<String> },
    /// Nobody shares out the new partitions.
    Follows { leader: String },
    /// Its tasks are there, and were opened without it.
    Opened,
    /// It was deleted and made anew.
    MadeAnew,
}

impl SubPlan {
    /// True if new partitions of this topic can be read like those that were there: it is shared out, and nothing is kept.
    pub fn takes_more_of(&self, topic: &str) -> bool {
        self.stores.is_empty() && self.sources[self.leader].name == topic
    }
}

impl Plan {
    /// What it means for the sub-topology `sub` that a topic has more partitions than planned; `leads` is how many the one
    /// has that is shared out.
    pub fn growth(&self, sub: usize, topic: &str, has: u32, leads: u32) -> Growth {
        let SubPlan { sources, leader, stores, .. } = &self.subs[sub];
        let had = sources.iter().find(|source| source.name == topic).map_or(0, |source| source.partitions);
        let others = sources.iter().filter(|source| source.name != topic && source.partitions < has);
        let effect = if !stores.is_empty() {
            let repartition = sources.iter().map(|source| &source.name);
            let repartition =
                repartition.filter(|name| self.internal.iter().any(|topic| topic.name == **name));
            let changelogs = stores.iter().filter(|(store, _)| store.changelog).map(|(_, name)| name);
            Effect::Stores {
                names: stores.iter().map(|(store, _)| store.name.to_owned()).collect(),
                internal: repartition.chain(changelogs).cloned().collect(),
                partners: others.map(|source| source.name.clone()).collect(),
            }
        } else if has > leads {
            Effect::Follows { leader: sources[*leader].name.clone() }
        } else {
            Effect::Opened
        };
        Growth { application: self.application.clone(), topic: topic.to_owned(), had, has, effect }
    }

    /// What it means that a topic is another one now than it was.
    pub fn made_anew(&self, topic: &str, has: u32) -> Growth {
        let application = self.application.clone();
        Growth { application, topic: topic.to_owned(), had: has, has, effect: Effect::MadeAnew }
    }
}

impl std::error::Error for Growth {}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Growth { application, topic, had, has, effect } = self;
        if *effect == Effect::MadeAnew {
            return write!(
                f,
                "topic `{topic}` was deleted and made anew while it was read: it would be read from where the one before it                  was\n  help: stop all instances, say from where it is to be read (`kafka-consumer-groups.sh                  --reset-offsets --group {application} --topic {topic}`), and start again; stores keep what they have of the                  one before it"
            );
        }
        write!(f, "topic `{topic}` has grown from {had} to {has} partitions while it was read: ")?;
        match effect {
            Effect::Stores { names, internal, partners } => {
                write!(f, "its keys are spread anew, and the rows of {} are where they were", List(names))?;
                f.write_str("\n  help: stop all instances")?;
                if !partners.is_empty() {
                    write!(f, ", give {}, which is read together with it, {has} partitions too", List(partners))?;
                }
                f.write_str("; then start under another application id, which reads everything from its beginning")?;
                if internal.is_empty() {
                    return write!(f, ", or take the offsets of group `{application}` back");
                }
                write!(
                    f,
                    ", or delete {}, which were made for {had}, and take the offsets of group `{application}` back",
                    List(internal)
                )
            }
            Effect::Follows { leader } => write!(
                f,
                "it follows `{leader}`, which is shared out, so that nobody would read the new ones\n  help: give \
                 `{leader}` {has} partitions too, declare that number where one is declared, and start again"
            ),
            Effect::MadeAnew => Ok(()),
            Effect::Opened => f.write_str(
                "the tasks that are to read the new ones are open without them\n  help: declare the number of \
                 partitions anew where one is declared, and start again",
            ),
        }
    }
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{}`{name}`", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
