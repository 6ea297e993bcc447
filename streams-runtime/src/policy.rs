//! What happens to a record that does not fit, at each boundary where that can be.
//!
//! Words only: the boundary that asks also acts, and counts.

/// The answer of one boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Stop, with topic, partition, offset and step in the message. The transaction is taken back.
    Fail,
    /// Leave the record out and count it (`dropped-records` in Kafka Streams).
    Skip,
}

/// The answer where a record has no valid time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// Stop, as `FailOnInvalidTimestamp`.
    Fail,
    /// Leave it out and count it, as `LogAndSkipOnInvalidTimestamp`.
    Skip,
    /// Take the highest time seen on its partition, as `UsePartitionTimeOnInvalidTimestamp`; stop if there is none.
    PartitionTime,
}

/// The boundaries of a topic.
#[derive(Clone, Copy, Debug)]
pub struct TopicPolicy {
    /// Bytes that the format cannot read.
    pub decode: Policy,
    /// A value that the format cannot write.
    pub encode: Policy,
    /// A null key where none is expected.
    pub null_key: Policy,
    /// A null value where none is expected.
    pub null_value: Policy,
    /// No valid time.
    pub no_time: NoTime,
}

impl TopicPolicy {
    /// Fail everywhere.
    pub const FAIL: TopicPolicy = TopicPolicy {
        decode: Policy::Fail,
        encode: Policy::Fail,
        null_key: Policy::Fail,
        null_value: Policy::Fail,
        no_time: NoTime::Fail,
    };
}

/// The boundaries of a step.
#[derive(Clone, Copy, Debug)]
pub struct StepPolicy {
    /// Its function returned `Err`.
    pub error: Policy,
    /// A null key of a nullable input; `None` lets it through.
    pub null_key: Option<Policy>,
    /// A null value of a nullable input; `None` lets it through.
    pub null_value: Option<Policy>,
    /// A record whose window has closed.
    pub late: Policy,
}

impl StepPolicy {
    /// What Kafka Streams does where nothing is said: errors stop, late records are left out and counted.
    pub const DEFAULT: StepPolicy =
        StepPolicy { error: Policy::Fail, null_key: None, null_value: None, late: Policy::Skip };
}
