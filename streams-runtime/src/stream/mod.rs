//! The vocabulary that the macros link: every annotated item becomes a type, every link a trait.
//!
//! A macro writes down only what the user said ([`Step`], [`Stream`], [`Topic`], [`Table`]); everything else is
//! derived here and in `verify`. Knows types and consts only: nothing here runs while records flow.

mod assumed;
mod branches;
mod id;
mod lineage;
mod merged;
mod nulls;
mod spec;

pub use assumed::Assumed;
pub use branches::{Branch, BranchName, Branches, SplitByOneStep, Variant};
pub(crate) use id::hash;
pub use id::{Id, Kind};
pub use lineage::Lineage;
pub(crate) use merged::same_child;
pub use merged::{Convert, Merged, Via};
pub use nulls::{Nulls, nullable, present, unknown};
pub use spec::{NodeSpec, Read, RepartitionSpec, StoreSpec, TopicSpec, TopicText};

use crate::policy::{StepPolicy, TopicPolicy};
use crate::wiring::{Child, Wiring};

/// A sequence of keyed records: a topic, what a processor emits, or the updates of a table.
///
/// Made by the attribute macros; `from = ...` takes anything that is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream",
    label = "cannot read records from this",
    note = "`from = ...` takes a `#[topic]`, a `#[processor]`, a `#[ktable]` or a branch like `ByType::General`"
)]
pub trait Stream: 'static {
    /// The key, never `Option`; whether it can be missing stands in [`KeyNulls`](Stream::KeyNulls).
    type Key: 'static;
    /// [`present`] or [`nullable`].
    type KeyNulls: Nulls;
    /// The value, never `Option`. For a table: its row.
    type Value: 'static;
    /// [`present`] or [`nullable`]; the updates of a table whose rows can go away are nullable.
    type ValueNulls: Nulls;
    /// The key's format. Inherited while the key is untouched; asked for only where bytes are needed.
    type KeySerde: 'static;
    /// The value's format.
    type ValueSerde: 'static;

    /// Who this is.
    const ID: Id;
    /// What this is.
    const KIND: Kind;
    /// Where its keys were last laid out over partitions.
    const LINEAGE: Lineage;
    /// How its keys are written, as [`Serde::NAME`](crate::Serde::NAME); `""` where nobody knows or nothing is written.
    const KEY_FORMAT: &'static str = "";
    /// How long the windows of its keys are; `None` where nobody knows or there are none.
    const WINDOW_MS: Option<i64> = None;
    /// What a reader of it reads: one entry, or several for a merge.
    const READS: &'static [Read];

    /// Hands every record of this stream to `child`.
    fn attach(wiring: &mut Wiring, child: Child<Self::Key, Self::Value>);
}

/// A topic: the struct below `#[topic]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a topic",
    label = "cannot write records to this",
    note = "`to = ...` takes a `#[topic]` struct"
)]
pub trait Topic: Stream {
    /// Name and declared partitions.
    const TOPIC: TopicSpec;
    /// What happens to records that do not fit.
    const POLICY: TopicPolicy;

    /// The timestamp of a record; `None` if it has none.
    ///
    /// The default is the time the record carries. `timestamp = f` in `#[topic]` replaces it.
    fn timestamp(
        record_time: i64,
        _key: Option<&Self::Key>,
        _value: Option<&Self::Value>,
    ) -> Option<crate::Timestamp> {
        (record_time >= 0).then(|| crate::Timestamp::from_ms(record_time))
    }
}

/// A table: rows by key, kept in a store, whose updates are a stream.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "has no rows to look up",
    note = "a join looks rows up, so it takes a `#[ktable]` with a `store`; `#[ktable(store = \"...\", from = {Self})] struct MyTable;` makes one"
)]
pub trait Table: Stream {
    /// The store behind it.
    const STORE: StoreSpec;

    /// The rows of this task's partition.
    fn rows(wiring: &mut Wiring) -> std::rc::Rc<dyn crate::operators::Rows<Self::Key, Self::Value>>;
}

/// What a macro writes down about one annotated function (or unit struct).
pub trait Step: Stream {
    /// What it reads.
    type From: Stream;
    /// Nulls of the keys that reach the function, after `null_key = ...`.
    type KeyIn: Nulls;
    /// Nulls of the values that reach the function, after `null_value = ...`.
    type ValueIn: Nulls;
    /// Its policies.
    const POLICY: StepPolicy;
    /// The operator's word.
    const OPERATOR: &'static str;
}

/// The key a step's function sees.
pub type KeyIn<S> = <<S as Step>::From as Stream>::Key;
/// The value a step's function sees.
pub type ValueIn<S> = <<S as Step>::From as Stream>::Value;
