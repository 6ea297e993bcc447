//! A topic or a stream read as a table: every record replaces the row of its key, a null deletes it
//! (`KTableSource`).
//!
//! Rows follow offsets, not times: an older record replaces a newer one. Every update is forwarded, also a deletion
//! of a row that never was and a value equal to the row.

use super::{Keeps, Rows, key_bytes};
use crate::context::Context;
use crate::failure::{Failure, What};
use crate::serde::{Serde, same_format};
use crate::slot::{KeySlot, Slot};
use crate::state::{KeyValueStore, Stamped, StateError};
use crate::stream::{KeyIn, Stream, Table, ValueIn};
use crate::wiring::{Port, Push, Wiring};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

/// The rows of table `T`, kept by key.
pub struct KeyedRows<T: Table<ValueSerde: Serde<Type = T::Value>>> {
    store: Rc<RefCell<KeyValueStore<T::ValueSerde>>>,
    /// Key bytes, if nobody brought them along.
    scratch: RefCell<Vec<u8>>,
    changelog: String,
}

impl<T: Table<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>> KeyedRows<T> {
    /// The rows in the task that is being wired.
    pub fn of(wiring: &mut Wiring) -> Self {
        let store =
            wiring.store(T::STORE, |engine, overlay| Ok(KeyValueStore::new(T::STORE.name, engine, overlay)));
        let changelog = wiring.names().changelog(T::STORE.name);
        KeyedRows { store, scratch: RefCell::default(), changelog }
    }

    /// Calls `f` with the store and the key's bytes in the table's format.
    #[inline]
    pub(super) fn with<R>(
        &self,
        key: &T::Key,
        raw: Option<&[u8]>,
        f: impl FnOnce(&mut KeyValueStore<T::ValueSerde>, &[u8]) -> Result<R, StateError>,
    ) -> Result<R, Failure> {
        let mut store = self.store.borrow_mut();
        let mut scratch = self.scratch.borrow_mut();
        let raw = key_bytes::<T::KeySerde>(key, raw, &mut scratch, T::STORE.name)?;
        f(&mut store, raw).map_err(|error| store_failure(T::STORE.name, &self.changelog, error))
    }
}

/// A row that is none of its format: what is in the way is in the changelog too.
#[derive(Debug, thiserror::Error)]
#[error(
    "{cause}. The last record of that key in `{changelog}`, in the same partition, has these bytes: if they were written in \
     another format, go back to that one, or give the store another name (`store = \"…\"`), under which it begins empty"
)]
struct ForeignBytes {
    changelog: String,
    #[source]
    cause: StateError,
}

#[cold]
pub(super) fn store_failure(store: &str, changelog: &str, error: StateError) -> Failure {
    let cause = match error {
        cause @ StateError::Decode { .. } => ForeignBytes { changelog: changelog.to_owned(), cause }.into(),
        other => other.into(),
    };
    Failure::new(What::Store(store.to_owned()), Some(cause))
}

impl<T: Table<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>> Rows<T::Key, T::Value>
    for KeyedRows<T>
{
    fn look_up(
        &self,
        key: &T::Key,
        raw: Option<&[u8]>,
        found: &mut dyn FnMut(Option<&T::Value>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.with(key, raw, |store, raw| Ok(found(store.get(raw)?.map(|row| &row.value))))?
    }
}

struct TableNode<S: Table<ValueSerde: Serde<Type = S::Value>>> {
    rows: KeyedRows<S>,
    next: Rc<Port<S::Key, S::Value>>,
    /// True if the stream's key bytes are the store's.
    same_key_format: bool,
    step: PhantomData<S>,
}

impl<S> Push<KeyIn<S>, ValueIn<S>> for TableNode<S>
where
    S: Keeps + Stream<Key = KeyIn<S>, Value = ValueIn<S>, KeySerde: Serde<Type = KeyIn<S>>>,
{
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // `null_key` is required where keys can be null, so a missing one never comes this far.
        let Some(typed) = key.slot.get() else { return Ok(()) };
        let timestamp = cx.timestamp.as_ms();
        let raw = key.raw.filter(|_| self.same_key_format);
        let row = if self.next.is_unread() { value.take() } else { value.lend().take() };
        self.rows
            .with(typed, raw, |store, raw| {
                store.put(raw, row.map(|value| Stamped { value, timestamp }), timestamp)
            })
            .map_err(|failure| failure.on(&cx.source))?;
        // Readers expect bytes in the table's format.
        let key = KeySlot { raw, ..key };
        self.next.push(key, value, cx)
    }
}

/// Connects the table.
pub fn wire<S>(wiring: &mut Wiring)
where
    S: Keeps + Stream<Key = KeyIn<S>, Value = ValueIn<S>, KeySerde: Serde<Type = KeyIn<S>>>,
{
    let node = TableNode::<S> {
        rows: KeyedRows::of(wiring),
        next: wiring.output::<S>(),
        same_key_format: same_format::<<S::From as Stream>::KeySerde, <S as Stream>::KeySerde>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}
