//! `peek`: looks at a record and passes it on (`KStream#peek`); a `merge` is a peek that looks at nothing.

use super::{ErrorPolicy, Run, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;

struct Peek<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = ()>, O: Push<KeyIn<S>, ValueIn<S>>> Push<KeyIn<S>, ValueIn<S>> for Peek<S, O> {
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        // The record goes on, so the function is only lent it: one that takes by value gets a copy.
        match panics::of::<S, _>(|| S::run(&mut key.lend(), &mut value.lend(), cx)) {
            Ok(()) => self.next.push(key, value, cx),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects the step.
pub fn wire<S: Run<Out = (), Key = KeyIn<S>, Value = ValueIn<S>>>(wiring: &mut Wiring) {
    let node =
        Peek::<S, _> { errors: ErrorPolicy::of::<S>(wiring), next: wiring.output::<S>(), step: PhantomData };
    wiring.attach::<S>(node);
}
