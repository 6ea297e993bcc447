//! Where records leave: `to = Topic`, and the write side of a `repartition`.
//!
//! Knows formats and the outbox; does not know partitions, nor when what it staged is sent.

use super::{External, Internal, Written};
use crate::context::Context;
use crate::counters::{DropCounter, Reason};
use crate::failure::{Failure, UserError, What};
use crate::few;
use crate::outbox::{OutTopic, Outbox};
use crate::policy::Policy;
use crate::serde::{Serde, same_format};
use crate::slot::{KeySlot, Slot};
use crate::stream::{Step, Stream, Topic, same_child};
use crate::wiring::{Child, Push, Wiring};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

struct Sink<T> {
    topic: OutTopic,
    outbox: Rc<RefCell<Outbox>>,
    /// True if the stream's key bytes are this topic's key bytes, so that they need not be made again.
    same_key_format: bool,
    skipped: Option<Rc<DropCounter>>,
    written: PhantomData<T>,
}

/// Which side of a record could not be written.
enum Unwritten {
    Key(UserError),
    Value(UserError),
}

impl<T: Written> Sink<T> {
    fn new<S: Step>(wiring: &mut Wiring) -> Self {
        let outbox = wiring.outbox();
        let topic = outbox.borrow_mut().topic(&T::topic(wiring.names()));
        let skipped = matches!(T::POLICY.encode, Policy::Skip).then(|| wiring.drops(T::NAME, Reason::Encode));
        if let Some(counter) = &skipped {
            outbox.borrow_mut().skip(topic, counter.clone());
        }
        Sink {
            topic,
            outbox,
            // Bytes that travel with a key are those of the step's input: a key the step made has none.
            same_key_format: same_format::<<S::From as Stream>::KeySerde, T::KeySerde>(),
            skipped,
            written: PhantomData,
        }
    }

    #[cold]
    fn unwritten(&self, unwritten: Unwritten, cx: &Context<'_>) -> Result<(), Failure> {
        let (what, cause) = match unwritten {
            Unwritten::Key(cause) if T::DECLARED => (What::WriteKey(T::NAME), cause),
            Unwritten::Value(cause) if T::DECLARED => (What::WriteValue(T::NAME), cause),
            Unwritten::Key(cause) => (What::EncodeKey(T::NAME.to_owned()), cause),
            Unwritten::Value(cause) => (What::EncodeValue(T::NAME.to_owned()), cause),
        };
        let failure = Failure::new(what, Some(cause)).on(&cx.source);
        match &self.skipped {
            Some(counter) => {
                tracing::warn!(failure = %failure.happened(), "record skipped");
                counter.add_because(failure.into_cause());
                Ok(())
            }
            None => Err(failure),
        }
    }
}

impl<T: Written> Push<T::Key, T::Value> for Sink<T> {
    #[inline]
    fn push(
        &self,
        key: KeySlot<'_, T::Key>,
        value: Slot<'_, T::Value>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let written = self.outbox.borrow_mut().stage(
            self.topic,
            cx.timestamp.as_ms(),
            cx.headers,
            |out| match (key.slot.get(), key.raw) {
                (None, _) => Ok(false),
                (Some(_), Some(raw)) if self.same_key_format => {
                    few::append(out, raw);
                    Ok(true)
                }
                (Some(key), _) => match T::KeySerde::encode(key, out) {
                    Ok(()) => Ok(true),
                    Err(cause) => Err(Unwritten::Key(cause.into())),
                },
            },
            |out| match value.get() {
                None => Ok(false),
                Some(value) => match T::ValueSerde::encode(value, out) {
                    Ok(()) => Ok(true),
                    Err(cause) => Err(Unwritten::Value(cause.into())),
                },
            },
        );
        match written {
            Ok(()) => Ok(()),
            Err(unwritten) => self.unwritten(unwritten, cx),
        }
    }
}

/// Writes what step `S` emits to topic `T`.
pub fn wire_to<S, T>(wiring: &mut Wiring)
where
    S: Step,
    T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
{
    let sink: Child<T::Key, T::Value> = Rc::new(Sink::<External<T>>::new::<S>(wiring));
    // `verify::writes` has compared the types, in words of our own; a bound here would say it a second time.
    wiring.output::<S>().attach(same_child(&sink));
}

/// Writes what step `S` emits to its internal topic.
pub fn wire_repartition<S>(wiring: &mut Wiring)
where
    S: Step<KeySerde: Serde<Type = S::Key>, ValueSerde: Serde<Type = S::Value>>,
{
    let sink = Sink::<Internal<S>>::new::<S>(wiring);
    wiring.output::<S>().attach(Rc::new(sink));
}
