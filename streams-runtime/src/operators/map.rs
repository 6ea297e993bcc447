//! `map`, `filter_map`: a new key and a new value (`KStream#map`).

use super::{ErrorPolicy, Run, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::slot::{KeySlot, Slot};
use crate::stream::{KeyIn, Stream, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;

/// A key and a value, each of which may be null.
type Pair<K, V> = (Option<K>, Option<V>);

struct Map<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = Pair<K, V>>, K, V, O: Push<K, V>> Push<KeyIn<S>, ValueIn<S>> for Map<S, O> {
    #[inline]
    fn push(
        &self,
        mut key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        match panics::of::<S, _>(|| S::run(&mut key, &mut value, cx)) {
            Ok((mut key, mut value)) => self.next.push(KeySlot::new(&mut key), Slot::Given(&mut value), cx),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects a `map`.
pub fn wire_map<S: Run<Out = Pair<<S as Stream>::Key, <S as Stream>::Value>>>(wiring: &mut Wiring) {
    let node =
        Map::<S, _> { errors: ErrorPolicy::of::<S>(wiring), next: wiring.output::<S>(), step: PhantomData };
    wiring.attach::<S>(node);
}

struct FilterMap<S, O> {
    errors: ErrorPolicy,
    next: O,
    step: PhantomData<S>,
}

impl<S: Run<Out = Option<Pair<K, V>>>, K, V, O: Push<K, V>> Push<KeyIn<S>, ValueIn<S>> for FilterMap<S, O> {
    #[inline]
    fn push(
        &self,
        mut key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        match panics::of::<S, _>(|| S::run(&mut key, &mut value, cx)) {
            Ok(Some((mut key, mut value))) => {
                self.next.push(KeySlot::new(&mut key), Slot::Given(&mut value), cx)
            }
            Ok(None) => Ok(()),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects a `filter_map`; a `None` drops the record.
pub fn wire_filter_map<S: Run<Out = Option<Pair<<S as Stream>::Key, <S as Stream>::Value>>>>(
    wiring: &mut Wiring,
) {
    let node = FilterMap::<S, _> {
        errors: ErrorPolicy::of::<S>(wiring),
        next: wiring.output::<S>(),
        step: PhantomData,
    };
    wiring.attach::<S>(node);
}
