//! `join`, `left_join` of a stream with a table (`KStream#join(KTable)`).
//!
//! Only the stream's records trigger; the result carries their time and headers whatever the row's time is
//! (`KStreamKTableJoinProcessor`). A null key finds no row.

use super::{ErrorPolicy, Rows, RunJoin, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::serde::same_format;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Stream, Table, ValueIn};
use crate::wiring::{Push, Wiring};
use std::any::Any;
use std::rc::Rc;

struct Join<S: RunJoin, O> {
    rows: Rc<dyn Rows<KeyIn<S>, <S::Join as Stream>::Value>>,
    /// True if the stream's key bytes are the table's.
    same_key_format: bool,
    errors: ErrorPolicy,
    next: O,
}

impl<S: RunJoin, O: Push<KeyIn<S>, S::Value>> Push<KeyIn<S>, ValueIn<S>> for Join<S, O> {
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // The function runs while the row is borrowed, and nothing is forwarded meanwhile: a step behind this one
        // may use the same store.
        let mut result = None;
        let mut call = |row: Option<&<S::Join as Stream>::Value>| {
            if row.is_some() || !S::INNER {
                result = Some(panics::of::<S, _>(|| S::run_join(&mut key.lend(), &mut value, row, cx)));
            }
            Ok(())
        };
        match key.slot.get() {
            Some(typed) => {
                self.rows.look_up(typed, key.raw.filter(|_| self.same_key_format), &mut call)?;
            }
            None => call(None)?,
        }
        match result {
            Some(Ok(mut joined)) => self.next.push(key, Slot::Given(&mut joined), cx),
            Some(Err(cause)) => self.errors.decide(cause, cx),
            None => Ok(()),
        }
    }
}

/// Connects the step.
pub fn wire<S>(wiring: &mut Wiring)
where
    S: RunJoin<Key = KeyIn<S>>,
{
    // `verify::joins` has compared the keys, in words of our own; a bound here would say it a second time.
    let rows: Box<dyn Any> = Box::new(<S::Join as Table>::rows(wiring));
    let rows = *rows.downcast().expect("both sides of a join have one key, which the compiler has checked");
    let node = Join::<S, _> {
        rows,
        same_key_format: same_format::<<S::From as Stream>::KeySerde, <S::Join as Stream>::KeySerde>(),
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
    };
    wiring.attach::<S>(node);
}
