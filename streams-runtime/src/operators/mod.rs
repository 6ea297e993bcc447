//! The operators: one a file, each a node that takes a record and pushes what it makes of it.
//!
//! ```text
//! source ─→ guard ─→ filter · map · map_values · flat_map · flat_map_values · select_key · peek · split
//!                    join (looks into a table) · table (keeps rows) · aggregate · windowed (keep rows) ─→ sink
//! ```
//!
//! A node knows its step's function through one trait ([`Run`], [`RunEach`], [`RunJoin`], [`Fold`]) and its
//! readers through `Push`. It does not know topics, transactions or other nodes. Adding an operator is a file here,
//! a word in the macros and a page in `docs/language.md`.

mod aggregate;
mod each;
mod errors;
mod filter;
mod guard;
mod join;
mod map;
mod map_values;
mod panics;
mod peek;
mod select_key;
mod sink;
mod source;
mod split;
mod table;
mod topics;
mod windowed;

pub use aggregate::wire as wire_aggregate;
pub use each::{Stopped, wire_flat_map, wire_flat_map_values};
pub use errors::ErrorPolicy;
pub use filter::wire as wire_filter;
pub use guard::Guarded;
pub use join::wire as wire_join;
pub use map::{wire_filter_map, wire_map};
pub use map_values::{wire_filter_map_values, wire_map_values};
pub(crate) use panics::unwound;
pub use peek::wire as wire_peek;
pub use select_key::wire as wire_select_key;
pub use sink::{wire_repartition, wire_to};
pub use source::{RawRecord, Source, SourceNode};
pub use split::wire as wire_split;
pub use table::{KeyedRows, wire as wire_table};
pub use topics::{External, Internal, Written};
pub use windowed::{WindowedRows, wire as wire_windowed};

use crate::context::Context;
use crate::failure::{Failure, UserError, What};
use crate::serde::Serde;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Step, Stream, Table, ValueIn};

/// The bytes of a key in the format `F` of a store: those that came with it, else written into `scratch`.
#[inline]
fn key_bytes<'a, F: Serde>(
    key: &F::Type,
    raw: Option<&'a [u8]>,
    scratch: &'a mut Vec<u8>,
    store: &str,
) -> Result<&'a [u8], Failure> {
    if let Some(raw) = raw {
        return Ok(raw);
    }
    scratch.clear();
    match F::encode(key, scratch) {
        Ok(()) => Ok(scratch),
        Err(cause) => Err(Failure::new(What::EncodeKey(store.to_owned()), Some(cause.into()))),
    }
}

/// A step whose function is called once for a record and says what becomes of it.
pub trait Run: Step {
    /// What the operator makes of the function's return value: `bool` for a filter, `Option<V>` (a value or
    /// null) for `map_values`, ….
    type Out;

    /// Calls the function.
    fn run(
        key: &mut KeySlot<'_, KeyIn<Self>>,
        value: &mut Slot<'_, ValueIn<Self>>,
        cx: &Context<'_>,
    ) -> Result<Self::Out, UserError>;
}

/// A step whose function gives any number of results for a record, one after the other.
pub trait RunEach: Step {
    /// One result.
    type Item;

    /// Calls the function and hands over each result as it comes: an iterator is never collected.
    fn run_each(
        key: &mut KeySlot<'_, KeyIn<Self>>,
        value: &mut Slot<'_, ValueIn<Self>>,
        cx: &Context<'_>,
        emit: &mut dyn FnMut(Self::Item) -> Result<(), Failure>,
    ) -> Result<(), Stopped>;
}

/// A step whose function also sees the row of a table under the record's key.
pub trait RunJoin: Step {
    /// The table.
    type Join: Table;
    /// True for `join`: without a row the function is not called.
    const INNER: bool;

    /// Calls the function; `None` is a null value.
    fn run_join(
        key: &mut KeySlot<'_, KeyIn<Self>>,
        value: &mut Slot<'_, ValueIn<Self>>,
        row: Option<&<Self::Join as Stream>::Value>,
        cx: &Context<'_>,
    ) -> Result<Option<Self::Value>, UserError>;
}

/// A step whose function changes the row under the record's key.
pub trait Fold: Step {
    /// The row.
    type Row: 'static;
    /// True if the function can fail: then it works on a copy, so that an error leaves the row as it was.
    const FALLIBLE: bool;

    /// Calls the function. `None` before: there is no row yet; `None` after: the row is deleted.
    fn fold(
        row: &mut Option<Self::Row>,
        key: &mut KeySlot<'_, KeyIn<Self>>,
        value: &mut Slot<'_, ValueIn<Self>>,
        cx: &Context<'_>,
    ) -> Result<(), UserError>;
}

/// A row that a table keeps: it is lent to the store and copied for the table's readers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is kept in a table, so it needs to be `Clone`",
    label = "a row is copied for the readers of its table",
    note = "put `#[derive(Clone)]` on `{Self}`"
)]
pub trait Row: Clone {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Row for T {}

/// A step that keeps rows in the format of its store: what every operator with rows of its own asks for.
pub trait Keeps:
    Step + Stream<Value: Row> + Table<ValueSerde: Serde<Type = <Self as Stream>::Value>>
{
}
impl<S> Keeps for S where S: Step + Stream<Value: Row> + Table<ValueSerde: Serde<Type = <S as Stream>::Value>> {}

/// A step whose function changes the rows it keeps.
pub trait Aggregates: Keeps + Fold<Row = <Self as Stream>::Value> {}
impl<S: Keeps + Fold<Row = <S as Stream>::Value>> Aggregates for S {}

/// The rows of a table in this task.
pub trait Rows<K, V> {
    /// Looks a row up. `raw` are the key's bytes in the *table's* key format, if the caller has them.
    fn look_up(
        &self,
        key: &K,
        raw: Option<&[u8]>,
        found: &mut dyn FnMut(Option<&V>) -> Result<(), Failure>,
    ) -> Result<(), Failure>;
}
