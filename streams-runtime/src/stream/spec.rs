//! What a step says of itself to the graph: plain data, all of it const.
//!
//! Does not know types: what needs them has been checked before it is written down here.

use super::Id;
use super::id::hash;
use crate::serde::{Serde, SerdeError};
use crate::state::StoreForm;

/// A topic as declared.
#[derive(Clone, Copy, Debug)]
pub struct TopicSpec {
    /// The struct that declares it.
    pub id: Id,
    /// Its name in Kafka.
    pub name: &'static str,
    /// How many partitions it is declared to have.
    pub partitions: Option<u32>,
    /// True if the declaration says what a null value means: `value = Option<..>` or `null_value = ..`.
    pub decides_nulls: bool,
    /// How people read and write its records.
    pub text: TopicText,
}

/// The formats of a topic as text, without their types.
#[derive(Clone, Copy, Debug)]
pub struct TopicText {
    /// The key's bytes of a text.
    pub read_key: fn(&str) -> Result<Vec<u8>, SerdeError>,
    /// The value's bytes of a text.
    pub read_value: fn(&str) -> Result<Vec<u8>, SerdeError>,
    /// The text of the key's bytes.
    pub show_key: fn(&[u8]) -> String,
    /// The text of the value's bytes.
    pub show_value: fn(&[u8]) -> String,
    /// True if the value's bytes are text.
    pub value_is_text: bool,
}

impl TopicText {
    /// The text forms of two formats.
    pub const fn of<K: Serde, V: Serde>() -> Self {
        TopicText {
            read_key: K::read,
            read_value: V::read,
            show_key: K::show,
            show_value: V::show,
            value_is_text: V::TEXT,
        }
    }
}

/// A `repartition`: an internal topic called `<application>-<step>-repartition`.
#[derive(Clone, Copy, Debug)]
pub struct RepartitionSpec {
    /// The step it is named after.
    pub name: &'static str,
    /// As declared, or the largest count among what the step reads.
    pub partitions: Option<u32>,
}

/// A store as declared.
#[derive(Clone, Copy, Debug)]
pub struct StoreSpec {
    /// Its name; the changelog is `<application>-<name>-changelog`.
    pub name: &'static str,
    /// Hash of the name.
    pub hash: u64,
    /// True if the store is rebuilt from a changelog, false if from the topic it was read from.
    pub changelog: bool,
    /// For windows: how long one is kept, in ms.
    pub retention_ms: Option<i64>,
    /// In which form its rows are.
    pub form: StoreForm,
}

impl StoreSpec {
    /// A store with a changelog. `K` is the format of the whole key, windows included; a store of windows says how long
    /// one is kept.
    pub const fn of<K: Serde, V: Serde>(name: &'static str, retention_ms: Option<i64>) -> Self {
        let form = StoreForm::of::<K, V>(retention_ms.is_some());
        StoreSpec { name, hash: hash(name), changelog: true, retention_ms, form }
    }
}

/// One thing a step reads.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Whose records.
    pub id: Id,
    /// Which branch of a split.
    pub branch: Option<&'static str>,
    /// Set if it is a topic.
    pub topic: Option<TopicSpec>,
    /// Set if an internal topic lies between.
    pub repartition: Option<RepartitionSpec>,
    /// Set if it is a table, for joins.
    pub table: Option<StoreSpec>,
}

/// A step as the graph sees it.
#[derive(Clone, Copy, Debug)]
pub struct NodeSpec {
    /// Who.
    pub id: Id,
    /// The operator's word.
    pub operator: &'static str,
    /// Its inputs.
    pub reads: &'static [Read],
    /// The table it joins.
    pub joins: Option<Read>,
    /// The store it keeps.
    pub store: Option<StoreSpec>,
    /// Where it writes.
    pub to: Option<TopicSpec>,
    /// The internal topic its readers read.
    pub repartition: Option<RepartitionSpec>,
    /// The branches it splits into: names, and which carry something.
    pub branches: Option<(&'static [&'static str], &'static [bool])>,
}
