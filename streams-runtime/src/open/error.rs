//! Why a task cannot be opened, in words that say how to mend it.
//!
//! Knows reasons. Does not know when they hold.

use crate::restore::RestoreError;
use crate::times::TooManyTimes;
use crate::transport::TransportError;

/// Why a task cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A store cannot be opened or restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Stores without offsets: reading from the beginning would count everything twice.
    #[error(
        "store `{0}` holds rows of `{1}`, and the group has no committed offset for any input (were the inputs made anew, or \
         did the offsets expire?): everything would count again. To go on where it was, give the group its offsets \
         (`kafka-consumer-groups.sh --reset-offsets`); to begin from nothing, delete `{1}` with the offsets of its repartition \
         topics, and the state directory"
    )]
    NoOffsets(&'static str, String),
    /// Offsets that were there and are gone: reading from the beginning would process everything twice.
    #[error(
        "the group had committed offsets for its inputs, and has none any more: give it its offsets \
         (`kafka-consumer-groups.sh --reset-offsets`), and start it again"
    )]
    OffsetsGone,
    /// An input that is not the topic it was when its offset was committed.
    #[error(
        "topic `{topic}` was deleted and made anew since the group committed offset {offset} of its partition {partition}:          what was before that offset would be passed over, and nobody knows what is behind it. To read the new topic, say from          where (`kafka-consumer-groups.sh --reset-offsets --topic {topic} --to-earliest` for its beginning) while the          application is stopped, and start it again; stores keep what they have of the old one"
    )]
    MadeAnew {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: u32,
        /// What is committed.
        offset: i64,
    },
    /// An input whose offset is gone, while those of others are there: reading it from its beginning would process it twice.
    #[error(
        "the group had a committed offset for partition {partition} of topic `{topic}`, and has none any more, because {}:          its records would be processed again. Say from where it is to be read (`kafka-consumer-groups.sh --reset-offsets          --topic {topic}`) while the application is stopped, and start it again",
        if *.made_anew { "the topic was deleted and made anew" } else { "it expired (`offsets.retention.minutes`), or was deleted" }
    )]
    OffsetGone {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: u32,
        /// Whether the topic is another one than it was.
        made_anew: bool,
    },
    /// No offsets, though the application has written to a topic of its own: this is not its first start.
    #[error(
        "`{0}` holds records that this application wrote, and the group has no committed offset for any input that they came          from (were the inputs made anew, or did the offsets expire?): everything would be processed again. To go on where it          was, give the group its offsets (`kafka-consumer-groups.sh --reset-offsets`); to begin from nothing, delete the          application's internal topics and its state directory"
    )]
    Written(String),
    /// Its stream times do not fit beside an offset.
    #[error(transparent)]
    Times(#[from] TooManyTimes),
}

impl OpenError {
    /// True if asking again may help.
    pub(super) fn is_no_answer(&self) -> bool {
        match self {
            OpenError::Transport(cause) | OpenError::Restore(RestoreError::Transport(cause)) => {
                cause.timed_out().is_some()
            }
            _ => false,
        }
    }
}
