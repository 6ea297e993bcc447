//! `split`: each record goes to the branch its function returns (`KStream#split`).

use super::{ErrorPolicy, Run, panics};
use crate::context::Context;
use crate::failure::Failure;
use crate::slot::{KeySlot, Slot};
use crate::stream::{Branches, KeyIn, Stream, ValueIn};
use crate::wiring::{Push, Wiring};
use std::marker::PhantomData;
use std::rc::Rc;

struct Split<S, P> {
    errors: ErrorPolicy,
    ports: Rc<P>,
    step: PhantomData<S>,
}

impl<S, E> Push<KeyIn<S>, ValueIn<S>> for Split<S, E::Ports<KeyIn<S>>>
where
    S: Run<Out = E, Value = E>,
    E: Branches,
{
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, KeyIn<S>>,
        mut value: Slot<'_, ValueIn<S>>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        match panics::of::<S, _>(|| S::run(&mut key.lend(), &mut value, cx)) {
            Ok(branch) => branch.send(key, cx, &self.ports),
            Err(cause) => self.errors.decide(cause, cx),
        }
    }
}

/// Connects the step.
pub fn wire<S>(wiring: &mut Wiring)
where
    S: Run<Out = <S as Stream>::Value>,
    S::Value: Branches,
{
    let ports = S::Value::ports::<KeyIn<S>>(wiring, &S::ID);
    let node = Split::<S, _> { errors: ErrorPolicy::of::<S>(wiring), ports, step: PhantomData };
    wiring.attach::<S>(node);
}
