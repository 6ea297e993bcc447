//! `count`, `reduce`, `aggregate` without windows (`KStreamAggregate`).
//!
//! The row carries the highest time of its inputs, also when an update comes late; a function that deletes the row
//! forwards a tombstone even if there was none before.

use super::{Aggregates, ErrorPolicy, Fold, KeyedRows, panics};
use crate::context::Context;
use crate::failure::{Failure, UserError};
use crate::record::Timestamp;
use crate::serde::{Serde, same_format};
use crate::slot::{KeySlot, Slot};
use crate::state::Stamped;
use crate::stream::{KeyIn, Stream, Table, ValueIn};
use crate::wiring::{Port, Push, Wiring};
use std::rc::Rc;

struct Aggregate<S: Table<ValueSerde: Serde<Type = S::Value>>> {
    rows: KeyedRows<S>,
    next: Rc<Port<S::Key, S::Value>>,
    /// True if the stream's key bytes are the store's.
    same_key_format: bool,
    errors: ErrorPolicy,
}

/// Folds one record into a row and says what the row is now: its value (only if `read`) and its time.
#[inline]
pub(super) fn fold<S: Fold>(
    row: &mut Option<Stamped<S::Row>>,
    key: &mut KeySlot<'_, KeyIn<S>>,
    value: &mut Slot<'_, ValueIn<S>>,
    cx: &Context<'_>,
    read: bool,
) -> Result<(Option<S::Row>, i64), UserError>
where
    S::Row: Clone,
{
    let (mut now, time) = match row.take() {
        Some(row) => (Some(row.value), row.timestamp.max(cx.timestamp.as_ms())),
        None => (None, cx.timestamp.as_ms()),
    };
    let result = panics::of::<S, _>(|| S::fold(&mut now, key, value, cx));
    let copy = if read { now.clone() } else { None };
    *row = now.map(|value| Stamped { value, timestamp: time });
    result.map(|()| (copy, time))
}

impl<S> Push<KeyIn<S>, ValueIn<S>> for Aggregate<S>
where
    S: Aggregates + Stream<Key = KeyIn<S>, KeySerde: Serde<Type = KeyIn<S>>>,
{
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // `null_key` is required where keys can be null, so a missing one never comes this far.
        let Some(typed) = key.slot.get() else { return Ok(()) };
        let raw = key.raw.filter(|_| self.same_key_format);
        let read = !self.next.is_unread();
        let updated = self
            .rows
            .with(typed, raw, |store, raw| {
                let change = |row: &mut _| fold::<S>(row, &mut key.lend(), &mut value, cx, read);
                let at = cx.timestamp.as_ms();
                if S::FALLIBLE { store.try_update(raw, at, change) } else { store.update(raw, at, change) }
            })
            .map_err(|failure| failure.on(&cx.source))?;
        match updated {
            Ok((mut row, time)) => {
                // Readers expect bytes in the table's format.
                let key = KeySlot { raw, ..key };
                self.next.push(key, Slot::Given(&mut row), &cx.at(Timestamp::from_ms(time)))
            }
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects the table.
pub fn wire<S>(wiring: &mut Wiring)
where
    S: Aggregates + Stream<Key = KeyIn<S>, KeySerde: Serde<Type = KeyIn<S>>>,
{
    let node = Aggregate::<S> {
        rows: KeyedRows::of(wiring),
        next: wiring.output::<S>(),
        same_key_format: same_format::<<S::From as Stream>::KeySerde, <S as Stream>::KeySerde>(),
        errors: ErrorPolicy::of::<S>(wiring),
    };
    wiring.attach::<S>(node);
}
