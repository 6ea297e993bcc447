//! `map_values`, `filter_map_values`: a new value under the same key (`KStream#mapValues`). The key keeps its bytes.

use super::{ErrorPolicy, Run, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;

struct MapValues<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = Option<V>>, V: 'static, O: Push<KeyIn<S>, V>> Push<KeyIn<S>, ValueIn<S>>
    for MapValues<S, O>
{
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        match panics::of::<S, _>(|| S::run(&mut key.lend(), &mut value, cx)) {
            Ok(mut mapped) => {
                let pushed = self.next.push(key, Slot::Given(&mut mapped), cx);
                value.give_back(mapped);
                pushed
            }
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects a `map_values`; a `None` is a null value.
pub fn wire_map_values<S: Run<Out = Option<<S as crate::Stream>::Value>, Key = KeyIn<S>>>(
    wiring: &mut Wiring,
) {
    let node = MapValues::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}

struct FilterMapValues<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = Option<Option<V>>>, V, O: Push<KeyIn<S>, V>> Push<KeyIn<S>, ValueIn<S>>
    for FilterMapValues<S, O>
{
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        match panics::of::<S, _>(|| S::run(&mut key.lend(), &mut value, cx)) {
            Ok(Some(mut mapped)) => self.next.push(key, Slot::Given(&mut mapped), cx),
            Ok(None) => Ok(()),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects a `filter_map_values`; an outer `None` drops the record.
pub fn wire_filter_map_values<S: Run<Out = Option<Option<<S as crate::Stream>::Value>>, Key = KeyIn<S>>>(
    wiring: &mut Wiring,
) {
    let node = FilterMapValues::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}
