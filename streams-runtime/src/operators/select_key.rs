//! `select_key`: a new key over the same value (`KStream#selectKey`).

use super::{ErrorPolicy, Run, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Stream, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;

struct SelectKey<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = Option<K>>, K, O: Push<K, ValueIn<S>>> Push<KeyIn<S>, ValueIn<S>> for SelectKey<S, O> {
    #[inline]
    fn push(
        &self,
        mut key: KeySlot<'_, KeyIn<S>>,
        value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // The function may read the value but not keep it: it goes on to the readers, so it is only lent here.
        let selected = panics::of::<S, _>(|| S::run(&mut key, &mut value.lend(), cx));
        match selected {
            Ok(mut key) => self.next.push(KeySlot::new(&mut key), value, cx),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects the step; a `None` is a null key.
pub fn wire<S: Run<Out = Option<<S as Stream>::Key>, Value = ValueIn<S>>>(wiring: &mut Wiring) {
    let node = SelectKey::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}
