//! `null_key = skip`, `null_value = skip`: nulls of a nullable input that do not reach the function.
//!
//! Knows nulls and counts them; what a null means to an operator is for the compiler, which asked for the policy.

use crate::context::Context;
use crate::counters::{DropCounter, Reason};
use crate::failure::{Failure, What};
use crate::policy::Policy;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Step, ValueIn};
use crate::wiring::{Child, Push, Wiring};
use std::rc::Rc;

/// A step behind its null policies.
pub struct Guarded<K, V> {
    step: &'static str,
    null_key: Guard,
    null_value: Guard,
    next: Child<K, V>,
}

enum Guard {
    Open,
    Fail,
    Skip(Rc<DropCounter>),
}

impl<K: 'static, V: 'static> Guarded<K, V> {
    /// The step's node, behind a guard if it declared one.
    pub fn around<S: Step>(
        wiring: &mut Wiring,
        next: Child<KeyIn<S>, ValueIn<S>>,
    ) -> Child<KeyIn<S>, ValueIn<S>>
    where
        S: Step<From: crate::Stream<Key = K, Value = V>>,
    {
        if S::POLICY.null_key.is_none() && S::POLICY.null_value.is_none() {
            return next;
        }
        let mut guard = |policy, reason| match policy {
            None => Guard::Open,
            Some(Policy::Fail) => Guard::Fail,
            Some(Policy::Skip) => Guard::Skip(wiring.drops(S::ID.name, reason)),
        };
        Rc::new(Guarded {
            step: S::ID.name,
            null_key: guard(S::POLICY.null_key, Reason::NullKey),
            null_value: guard(S::POLICY.null_value, Reason::NullValue),
            next,
        })
    }
}

impl<K, V> Push<K, V> for Guarded<K, V> {
    fn push(&self, key: KeySlot<'_, K>, value: Slot<'_, V>, cx: &Context<'_>) -> Result<(), Failure> {
        let (guard, what) = match (&self.null_key, &self.null_value) {
            (Guard::Fail | Guard::Skip(_), _) if key.slot.get().is_none() => {
                (&self.null_key, What::NullKey(Some(self.step)))
            }
            (_, Guard::Fail | Guard::Skip(_)) if value.get().is_none() => {
                (&self.null_value, What::NullValue(Some(self.step)))
            }
            _ => return self.next.push(key, value, cx),
        };
        match guard {
            Guard::Skip(counter) => {
                counter.add();
                Ok(())
            }
            _ => Err(Failure::new(what, None).on(&cx.source)),
        }
    }
}
