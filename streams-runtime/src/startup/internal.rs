//! What the topics of the application's own must be like: repartition topics and changelogs.
//!
//! Knows Kafka Streams' settings of each kind, and which differences lose data. Does not know partition counts
//! (`topology`), nor who creates anything.

use crate::topology::{Plan, PlannedTopic};
use crate::transport::topics::{NewTopic, TopicDescription};

/// Kept longer than the store, because clocks differ (`windowstore.changelog.additional.retention.ms`).
const ADDITIONAL_RETENTION_MS: i64 = 24 * 60 * 60 * 1000;
/// Small segments, because only whole ones are deleted once they were read.
const REPARTITION_SEGMENT_BYTES: &str = "52428800";

/// What an internal topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records on the way to another partition.
    Repartition,
    /// The rows of a store.
    Changelog,
    /// The rows of a store of windows, which are kept for so long.
    Windows { retention_ms: i64 },
}

impl Kind {
    /// The kind of a planned internal topic.
    pub(super) fn of(plan: &Plan, topic: &PlannedTopic) -> Kind {
        let mut stores = plan.subs.iter().flat_map(|sub| &sub.stores);
        match stores.find(|(_, changelog)| *changelog == topic.name) {
            None => Kind::Repartition,
            Some((store, _)) => match store.retention_ms {
                None => Kind::Changelog,
                Some(ms) => Kind::Windows { retention_ms: ms.saturating_add(ADDITIONAL_RETENTION_MS) },
            },
        }
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Repartition => "repartition topic",
            Kind::Changelog => "changelog",
            Kind::Windows { .. } => "changelog of windows",
        }
    }

    /// The topic that is to be made. `others` are the settings of internal topics that somebody asked for.
    pub(super) fn new_topic(
        self,
        topic: &PlannedTopic,
        replicas: Option<u16>,
        others: &[(String, String)],
    ) -> NewTopic {
        let mut settings = vec![("message.timestamp.type".to_owned(), "CreateTime".to_owned())];
        let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
        match self {
            Kind::Repartition => {
                set("cleanup.policy", "delete");
                set("retention.ms", "-1");
                set("segment.bytes", REPARTITION_SEGMENT_BYTES);
            }
            Kind::Changelog => set("cleanup.policy", "compact"),
            Kind::Windows { retention_ms } => {
                set("cleanup.policy", "compact,delete");
                set("retention.ms", &retention_ms.to_string());
            }
        }
        settings.retain(|(name, _)| !others.iter().any(|(other, _)| other == name));
        settings.extend_from_slice(others);
        NewTopic { name: topic.name.clone(), partitions: topic.partitions, replicas, settings }
    }

    /// Settings of a topic that is there under which records would be lost or changed.
    pub(super) fn harmful(self, topic: &TopicDescription) -> Vec<Harm> {
        let mut harms = Vec::new();
        let mut harm = |setting, why, cure: String| {
            let is = topic.setting(setting).unwrap_or_default().to_owned();
            harms.push(Harm { setting, is, why, cure });
        };
        let policy = topic.setting("cleanup.policy");
        let deletes = policy.is_some_and(|policy| policy.contains("delete"));
        let compacts = policy.is_some_and(|policy| policy.contains("compact"));
        let number = |name| topic.setting(name).and_then(|value| value.parse::<i64>().ok());
        let limited = number("retention.bytes").is_some_and(|bytes| bytes >= 0);
        match self {
            Kind::Repartition => {
                if compacts {
                    harm(
                        "cleanup.policy",
                        "of records with one key only the last would stay",
                        "delete".into(),
                    );
                }
                if deletes && number("retention.ms").is_some_and(|ms| ms >= 0) {
                    harm("retention.ms", "records would be deleted before they are read", "-1".into());
                }
            }
            Kind::Changelog if deletes => {
                harm(
                    "cleanup.policy",
                    "rows that do not change for a while would be deleted",
                    "compact".into(),
                );
            }
            Kind::Windows { retention_ms } if deletes => {
                if number("retention.ms").is_some_and(|ms| (0..retention_ms).contains(&ms)) {
                    harm(
                        "retention.ms",
                        "windows would be deleted that the store keeps",
                        retention_ms.to_string(),
                    );
                }
            }
            Kind::Changelog | Kind::Windows { .. } => {}
        }
        if limited && deletes && self != Kind::Changelog {
            harm("retention.bytes", "what does not fit would be deleted, read or not", "-1".into());
        }
        if topic.setting("message.timestamp.type").is_some_and(|kind| kind != "CreateTime") {
            harm("message.timestamp.type", "records would lose the time they carry", "CreateTime".into());
        }
        harms
    }
}

/// A setting under which records would be lost or changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Harm {
    /// Its name.
    pub(super) setting: &'static str,
    /// Its value.
    pub(super) is: String,
    /// What it does.
    pub(super) why: &'static str,
    /// The value it should have.
    pub(super) cure: String,
}
