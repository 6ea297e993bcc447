//! `count`, `reduce`, `aggregate` in windows (`KStreamWindowAggregate`).
//!
//! The operator has a stream time of its own: the highest time that reached it, over all keys, this record included.
//! A window is open while `end + grace > stream time`; lateness is decided, and counted, for each window.

use super::aggregate::fold;
use super::table::store_failure;
use super::{Aggregates, ErrorPolicy, Rows, key_bytes};
use crate::context::Context;
use crate::counters::{DropCounter, Reason};
use crate::failure::{Failure, What};
use crate::policy::Policy;
use crate::record::Timestamp;
use crate::serde::{Serde, same_format};
use crate::slot::{KeySlot, Slot};
use crate::state::{StateError, TimeCell, WindowStore};
use crate::stream::{Stream, Table, ValueIn};
use crate::window::{TimeSpan, Windowed, Windows};
use crate::wiring::{Port, Push, Wiring};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::rc::Rc;

/// The rows of a windowed table, kept by window and key. `KS` is the format of the key inside.
pub struct WindowedRows<T: Table<ValueSerde: Serde<Type = T::Value>>, KS, W> {
    store: Rc<RefCell<WindowStore<T::ValueSerde>>>,
    /// Key bytes, if nobody brought them along.
    scratch: Cell<Vec<u8>>,
    changelog: String,
    windows: PhantomData<(KS, W)>,
}

impl<T: Table<ValueSerde: Serde<Type = T::Value>>, KS, W: Windows> WindowedRows<T, KS, W> {
    /// The rows in the task that is being wired.
    pub fn of(wiring: &mut Wiring) -> Self {
        let store = wiring.store(T::STORE, |engine, overlay| {
            let retention = T::STORE.retention_ms.unwrap_or(W::SIZE_MS + W::GRACE_MS);
            WindowStore::open(T::STORE.name, engine, overlay, retention)
        });
        let changelog = wiring.names().changelog(T::STORE.name);
        WindowedRows { store, scratch: Cell::default(), changelog, windows: PhantomData }
    }

    #[cold]
    fn failure(&self, error: StateError) -> Failure {
        store_failure(T::STORE.name, &self.changelog, error)
    }
}

impl<K, T, KS, W> Rows<Windowed<K>, T::Value> for WindowedRows<T, KS, W>
where
    T: Table<ValueSerde: Serde<Type = T::Value>>,
    KS: Serde<Type = K>,
    W: Windows,
{
    fn look_up(
        &self,
        key: &Windowed<K>,
        _: Option<&[u8]>,
        found: &mut dyn FnMut(Option<&T::Value>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut scratch = self.scratch.take();
        let raw = key_bytes::<KS>(&key.key, None, &mut scratch, T::STORE.name)?;
        let mut store = self.store.borrow_mut();
        let row = store.get(raw, key.window.start).map_err(|error| self.failure(error))?;
        let result = found(row.map(|row| &row.value));
        self.scratch.set(scratch);
        result
    }
}

struct WindowedAggregate<S: Table<ValueSerde: Serde<Type = S::Value>>, K, KS, W> {
    rows: WindowedRows<S, KS, W>,
    next: Rc<Port<Windowed<K>, S::Value>>,
    /// True if the stream's key bytes are the store's.
    same_key_format: bool,
    stream_time: Rc<RefCell<TimeCell>>,
    late: Option<Rc<DropCounter>>,
    errors: ErrorPolicy,
}

impl<S, K, KS, W> Push<K, ValueIn<S>> for WindowedAggregate<S, K, KS, W>
where
    S: Aggregates<From: Stream<Key = K>> + Stream<Key = Windowed<K>>,
    K: Clone + 'static,
    KS: Serde<Type = K>,
    W: Windows,
{
    #[inline]
    fn push(
        &self,
        mut key: KeySlot<'_, K>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // `null_key` is required where keys can be null, so a missing one never comes this far.
        let Some(typed) = key.slot.get() else { return Ok(()) };
        // Taken out while it is used: a reader of this table may look into it.
        let mut scratch = self.rows.scratch.take();
        let raw = key.raw.filter(|_| self.same_key_format);
        let raw = key_bytes::<KS>(typed, raw, &mut scratch, S::STORE.name)
            .map_err(|failure| failure.on(&cx.source))?;
        let now = self.stream_time.borrow_mut().advance(cx.timestamp.as_ms());
        let result = W::each(cx.timestamp.as_ms(), |window, is_last| {
            if window.end.saturating_add(W::GRACE_MS) <= now {
                return self.too_late(cx);
            }
            // What is given to this step it gives to the last window; the others only borrow.
            match is_last {
                true => self.update(key.pass(), raw, window, value.pass(), cx),
                false => self.update(key.lend(), raw, window, value.lend(), cx),
            }
        });
        self.rows.scratch.set(scratch);
        result
    }
}

impl<S, K, KS, W> WindowedAggregate<S, K, KS, W>
where
    S: Aggregates<From: Stream<Key = K>> + Stream<Key = Windowed<K>>,
    K: Clone + 'static,
    KS: Serde<Type = K>,
    W: Windows,
{
    #[inline]
    fn update(
        &self,
        mut key: KeySlot<'_, K>,
        raw: &[u8],
        window: TimeSpan,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let read = !self.next.is_unread();
        let updated = {
            let mut store = self.rows.store.borrow_mut();
            let change = |row: &mut _| fold::<S>(row, &mut key.lend(), &mut value, cx, read);
            let updated = match S::FALLIBLE {
                true => store.try_update(raw, window.start, cx.timestamp.as_ms(), change),
                false => store.update(raw, window.start, cx.timestamp.as_ms(), change),
            };
            updated.map_err(|error| self.rows.failure(error).on(&cx.source))?
        };
        // An open window is never expired: a store keeps windows at least for size and grace.
        let Some(updated) = updated else { return Ok(()) };
        match updated {
            Ok(_) if !read => Ok(()),
            Ok((mut row, time)) => {
                let mut key = key.slot.take().map(|key| Windowed { key, window });
                self.next.push(
                    KeySlot::new(&mut key),
                    Slot::Given(&mut row),
                    &cx.at(Timestamp::from_ms(time)),
                )
            }
            Err(cause) => self.errors.decide(cause, cx),
        }
    }

    #[cold]
    fn too_late(&self, cx: &Context<'_>) -> Result<(), Failure> {
        match &self.late {
            Some(counter) => {
                counter.add();
                Ok(())
            }
            None => Err(Failure::new(What::Late(S::ID.name), None).on(&cx.source)),
        }
    }
}

/// Connects the table.
pub fn wire<S, K, KS, W>(wiring: &mut Wiring)
where
    S: Aggregates<From: Stream<Key = K>> + Stream<Key = Windowed<K>>,
    K: Clone + 'static,
    KS: Serde<Type = K>,
    W: Windows,
{
    let late = match S::POLICY.late {
        Policy::Fail => None,
        Policy::Skip => Some(wiring.drops(S::ID.name, Reason::Late)),
    };
    let node = WindowedAggregate::<S, K, KS, W> {
        rows: WindowedRows::of(wiring),
        next: wiring.output::<S>(),
        same_key_format: same_format::<<S::From as Stream>::KeySerde, KS>(),
        stream_time: wiring.stream_time(S::ID.name),
        late,
        errors: ErrorPolicy::of::<S>(wiring),
    };
    wiring.attach::<S>(node);
}
