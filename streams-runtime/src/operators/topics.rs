//! The topics nodes read and write: those a user declared and the internal ones of a `repartition`.
//!
//! Knows names and formats; does not know partitions.

use crate::names::Names;
use crate::policy::TopicPolicy;
use crate::record::Timestamp;
use crate::serde::Serde;
use crate::stream::{Nulls, Step, Topic};
use std::marker::PhantomData;

/// A topic as its source and sink see it.
pub trait Written: 'static {
    /// The key.
    type Key: 'static;
    /// Whether it can be null.
    type KeyNulls: Nulls;
    /// The value.
    type Value: 'static;
    /// Whether it can be null.
    type ValueNulls: Nulls;
    /// The key's format.
    type KeySerde: Serde<Type = Self::Key>;
    /// The value's format.
    type ValueSerde: Serde<Type = Self::Value>;
    /// What happens to records that do not fit.
    const POLICY: TopicPolicy;
    /// True below `#[topic]`, where policies can be said.
    const DECLARED: bool;
    /// What counters and messages call it: the topic, or the step of an internal one.
    const NAME: &'static str;
    /// What the log calls it.
    fn topic(names: &Names) -> String;
    /// The time of a record; `None` if it has none.
    fn timestamp(record_time: i64, key: Option<&Self::Key>, value: Option<&Self::Value>)
    -> Option<Timestamp>;
}

/// A topic below `#[topic]`.
pub struct External<T>(PhantomData<T>);

impl<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>> Written for External<T> {
    type Key = T::Key;
    type KeyNulls = T::KeyNulls;
    type Value = T::Value;
    type ValueNulls = T::ValueNulls;
    type KeySerde = T::KeySerde;
    type ValueSerde = T::ValueSerde;
    const POLICY: TopicPolicy = T::POLICY;
    const DECLARED: bool = true;
    const NAME: &'static str = T::TOPIC.name;

    fn topic(names: &Names) -> String {
        names.external(T::TOPIC.name).to_owned()
    }

    fn timestamp(record_time: i64, key: Option<&T::Key>, value: Option<&T::Value>) -> Option<Timestamp> {
        T::timestamp(record_time, key, value)
    }
}

/// The internal topic behind step `S`: `<application>-<step>-repartition`.
pub struct Internal<S>(PhantomData<S>);

impl<S: Step<KeySerde: Serde<Type = S::Key>, ValueSerde: Serde<Type = S::Value>>> Written for Internal<S> {
    type Key = S::Key;
    type KeyNulls = S::KeyNulls;
    type Value = S::Value;
    type ValueNulls = S::ValueNulls;
    type KeySerde = S::KeySerde;
    type ValueSerde = S::ValueSerde;
    const POLICY: TopicPolicy = TopicPolicy::FAIL;
    const DECLARED: bool = false;
    const NAME: &'static str = S::ID.name;

    fn topic(names: &Names) -> String {
        names.internal(S::ID.name)
    }

    fn timestamp(record_time: i64, _: Option<&S::Key>, _: Option<&S::Value>) -> Option<Timestamp> {
        (record_time >= 0).then(|| Timestamp::from_ms(record_time))
    }
}
