//! `flat_map`, `flat_map_values`: any number of records for one (`KStream#flatMap`).

use super::{ErrorPolicy, RunEach, panics};
use crate::context::Context;
use crate::failure::{Failure, UserError};
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Stream, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;

/// Why a step stopped before its last result.
#[derive(Debug)]
pub enum Stopped {
    /// Its own function failed: the step's policy decides.
    Function(UserError),
    /// A step behind it failed: that has been decided already.
    Behind(Failure),
}

struct FlatMapValues<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: RunEach<Item = Option<V>>, V, O: Push<KeyIn<S>, V>> Push<KeyIn<S>, ValueIn<S>>
    for FlatMapValues<S, O>
{
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let result = panics::of::<S, _>(|| {
            S::run_each(&mut key.lend(), &mut value, cx, &mut |mut item| {
                self.next.push(key.lend(), Slot::Given(&mut item), cx)
            })
        });
        self.errors.stopped(result, cx)
    }
}

/// Connects a `flat_map_values`.
pub fn wire_flat_map_values<S: RunEach<Item = Option<<S as Stream>::Value>, Key = KeyIn<S>>>(
    wiring: &mut Wiring,
) {
    let node = FlatMapValues::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}

struct FlatMap<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: RunEach<Item = (Option<K>, Option<V>)>, K, V, O: Push<K, V>> Push<KeyIn<S>, ValueIn<S>>
    for FlatMap<S, O>
{
    #[inline]
    fn push(
        &self,
        mut key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let result = panics::of::<S, _>(|| {
            S::run_each(&mut key, &mut value, cx, &mut |(mut key, mut value)| {
                self.next.push(KeySlot::new(&mut key), Slot::Given(&mut value), cx)
            })
        });
        self.errors.stopped(result, cx)
    }
}

/// Connects a `flat_map`.
pub fn wire_flat_map<S>(wiring: &mut Wiring)
where
    S: RunEach<Item = (Option<<S as Stream>::Key>, Option<<S as Stream>::Value>)>,
{
    let node = FlatMap::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}

impl ErrorPolicy {
    #[inline]
    fn stopped(&self, result: Result<(), Stopped>, cx: &Context<'_>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            Err(Stopped::Behind(failure)) => Err(failure),
            Err(Stopped::Function(cause)) => self.decide(cause, cx),
        }
    }
}
