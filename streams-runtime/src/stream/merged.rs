//! Several inputs of one step: `from = [A, B]`, or `from = [A => E::A, B => E::B]`.
//!
//! Knows that inputs are alike because `verify` has said so; keeps no order between them, which is the task's to choose.

use super::{Id, Kind, Lineage, Nulls, Read, Stream};
use crate::context::Context;
use crate::failure::Failure;
use crate::serde::{ByType, same_format};
use crate::slot::{KeySlot, Slot};
use crate::wiring::{Child, Push, Wiring};
use std::any::Any;
use std::marker::PhantomData;
use std::rc::Rc;

/// Inputs with like records, read as one stream; written for `from = [A, B]`.
pub struct Merged<T>(PhantomData<T>);

/// How `A => E::A` turns the values of `A` into an enum.
pub trait Convert: 'static {
    /// The input.
    type From: Stream;
    /// The enum.
    type To: 'static;

    /// The constructor.
    fn convert(value: <Self::From as Stream>::Value) -> Self::To;
}

/// One input whose values are turned into an enum on the way; written for `A => E::A`. A null stays a null.
pub struct Via<C>(PhantomData<C>);

#[diagnostic::do_not_recommend]
impl<C: Convert> Stream for Via<C>
where
    <C::From as Stream>::Value: Clone,
{
    type Key = <C::From as Stream>::Key;
    type KeyNulls = <C::From as Stream>::KeyNulls;
    type Value = C::To;
    type ValueNulls = <C::From as Stream>::ValueNulls;
    type KeySerde = <C::From as Stream>::KeySerde;
    type ValueSerde = ByType<C::To>;
    const ID: Id = <C::From as Stream>::ID;
    const KIND: Kind = Kind::Stream;
    const LINEAGE: Lineage = <C::From as Stream>::LINEAGE;
    const KEY_FORMAT: &'static str = <C::From as Stream>::KEY_FORMAT;
    const WINDOW_MS: Option<i64> = <C::From as Stream>::WINDOW_MS;
    const READS: &'static [Read] = <C::From as Stream>::READS;

    fn attach(wiring: &mut Wiring, child: Child<Self::Key, C::To>) {
        C::From::attach(wiring, Rc::new(Converting::<C> { child }));
    }
}

struct Converting<C: Convert> {
    child: Child<<C::From as Stream>::Key, C::To>,
}

impl<C: Convert> Push<<C::From as Stream>::Key, <C::From as Stream>::Value> for Converting<C>
where
    <C::From as Stream>::Value: Clone,
{
    fn push(
        &self,
        key: KeySlot<'_, <C::From as Stream>::Key>,
        mut value: Slot<'_, <C::From as Stream>::Value>,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let mut converted = value.take().map(C::convert);
        self.child.push(key, Slot::Given(&mut converted), cx)
    }
}

/// A reader of records that are known to be alike because `verify` has compared them, with a message of our own.
pub(crate) fn same_child<K: 'static, V: 'static, K2: 'static, V2: 'static>(
    child: &Child<K, V>,
) -> Child<K2, V2> {
    let child: Box<dyn Any> = Box::new(child.clone());
    *child.downcast().expect("records that are handed on are alike, which the compiler has checked")
}

/// The reader of the first input, for another one. Their key formats need not be alike: then the bytes that travel
/// with a key stay behind.
fn other_child<First: Stream, Other: Stream>(
    child: &Child<First::Key, First::Value>,
) -> Child<Other::Key, Other::Value> {
    let child = same_child(child);
    if same_format::<First::KeySerde, Other::KeySerde>() { child } else { Rc::new(WithoutBytes { child }) }
}

struct WithoutBytes<K, V> {
    child: Child<K, V>,
}

impl<K, V> Push<K, V> for WithoutBytes<K, V> {
    fn push(&self, key: KeySlot<'_, K>, value: Slot<'_, V>, cx: &Context<'_>) -> Result<(), Failure> {
        self.child.push(KeySlot { raw: None, ..key }, value, cx)
    }
}

macro_rules! merged {
    ($($rest:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<First: Stream, $($rest: Stream),*> Stream for Merged<(First, $($rest,)*)> {
            type Key = First::Key;
            type KeyNulls = merged!(@or First::KeyNulls; $($rest::KeyNulls,)*);
            type Value = First::Value;
            type ValueNulls = merged!(@or First::ValueNulls; $($rest::ValueNulls,)*);
            type KeySerde = First::KeySerde;
            type ValueSerde = First::ValueSerde;
            const ID: Id = First::ID;
            const KIND: Kind = Kind::Stream;
            const LINEAGE: Lineage = First::LINEAGE$(.merge($rest::LINEAGE))*;
            const KEY_FORMAT: &'static str = First::KEY_FORMAT;
            const WINDOW_MS: Option<i64> = match First::WINDOW_MS {
                $(None if $rest::WINDOW_MS.is_some() => $rest::WINDOW_MS,)*
                known => known,
            };
            const READS: &'static [Read] = &[First::READS[0], $($rest::READS[0]),*];

            fn attach(wiring: &mut Wiring, child: Child<Self::Key, Self::Value>) {
                $($rest::attach(wiring, other_child::<First, $rest>(&child));)*
                First::attach(wiring, child);
            }
        }
    };
    (@or $first:ty; ) => { $first };
    (@or $first:ty; $next:ty, $($rest:ty,)*) => {
        <$first as Nulls>::Or<merged!(@or $next; $($rest,)*)>
    };
}

merged!(B);
merged!(B C);
merged!(B C D);
merged!(B C D E);
merged!(B C D E F);
merged!(B C D E F G);
merged!(B C D E F G H);
