//! Stands in for what is not there, so that one mistake is one error.
//!
//! A link to something that is no stream would fail in every place that mentions it: in the step, in its function's
//! parameters, in every step behind it. So a link is first asked what it is ([`Is`]: an inherent constant is found before
//! one of a trait, and is there only where its bound holds), and where it is not what it should be, a stand-in takes
//! its place that fits everything ([`unknown`]). The one check under the user's token then says what is wrong.
//!
//! Nothing here ever runs.

use crate::operators::Rows;
use crate::policy::TopicPolicy;
use crate::serde::{Serde, SerdeError};
use crate::stream::{
    Assumed, Branches, Id, Kind, Lineage, Read, StoreSpec, Stream, Table, Topic, TopicSpec, TopicText,
    Variant, unknown,
};
use crate::wiring::{Child, Wiring};
use std::marker::PhantomData;
use std::rc::Rc;

/// Asks what `T` is.
pub struct Is<T>(PhantomData<T>);

/// The names of an enum's variants, and which of them carry something.
pub type BranchNames = (&'static [&'static str], &'static [bool]);

impl<T: Stream> Is<T> {
    /// It is a stream.
    pub const STREAM: bool = true;
}
impl<T: Topic> Is<T> {
    /// It is a topic.
    pub const TOPIC: bool = true;
}
impl<T: Table> Is<T> {
    /// It is a table.
    pub const TABLE: bool = true;
}
impl<T: Serde> Is<T> {
    /// It is a format.
    pub const FORMAT: bool = true;
}
impl<T: Branches> Is<T> {
    /// It is a set of branches.
    pub const BRANCHES: Option<BranchNames> = Some((T::NAMES, T::CARRIES));
}
impl<F: Serde> Is<(F, F::Type)> {
    /// `F` is a format of the other.
    pub const FORMAT_OF: bool = true;
}
/// By reference, because a parameter can be of a type without a size.
impl<K: ?Sized, V: ?Sized> Is<((&'static V, &'static K), (&'static K, &'static V))> {
    /// Parameters are in the other order than key and value.
    pub const SWAPPED: bool = true;
}
impl<R> Is<(R, R)> {
    /// They are the same, which swapped ones can be as well.
    pub const SAME: bool = true;
}

/// The answers where the bounds do not hold.
pub trait IsNot {
    /// It is no stream.
    const STREAM: bool = false;
    /// It is no topic.
    const TOPIC: bool = false;
    /// It is no table.
    const TABLE: bool = false;
    /// It is no format.
    const FORMAT: bool = false;
    /// It is no set of branches.
    const BRANCHES: Option<BranchNames> = None;
    /// It is no format of the other.
    const FORMAT_OF: bool = false;
    /// They are not swapped.
    const SWAPPED: bool = false;
    /// They are not the same.
    const SAME: bool = false;
}
impl<T> IsNot for Is<T> {}

/// Takes what is there, or a stand-in.
pub trait Pick<const IS: bool> {
    /// What is taken.
    type It;
}

/// `N`, or nobody knows.
pub struct Known<N>(PhantomData<N>);
impl<N> Pick<true> for Known<N> {
    type It = N;
}
impl<N> Pick<false> for Known<N> {
    type It = unknown;
}

/// `from = T`.
pub struct AsInput<T>(PhantomData<T>);
impl<T: Stream> Pick<true> for AsInput<T> {
    type It = T;
}
impl<T> Pick<false> for AsInput<T> {
    type It = Assumed<(), ()>;
}

/// `join = T`, where `T` has been taken as an input before.
pub struct AsTable<T>(PhantomData<T>);
impl<T: Table> Pick<true> for AsTable<T> {
    type It = T;
}
impl<T: Stream> Pick<false> for AsTable<T> {
    type It = Rowless<T>;
}

/// `to = T`.
pub struct AsTopic<T>(PhantomData<T>);
impl<T: Topic> Pick<true> for AsTopic<T> {
    type It = T;
}
impl<T> Pick<false> for AsTopic<T> {
    type It = Nowhere;
}

/// Format `F` for values of type `T`.
pub struct AsFormat<F, T>(PhantomData<(F, T)>);
impl<F: Serde, T> Pick<true> for AsFormat<F, T> {
    type It = F;
}
impl<F, T: 'static> Pick<false> for AsFormat<F, T> {
    type It = Formless<T>;
}

/// No format of `T`.
pub struct Formless<T>(PhantomData<T>);

#[diagnostic::do_not_recommend]
impl<T: 'static> Serde for Formless<T> {
    type Type = T;

    fn encode(_: &T, _: &mut Vec<u8>) -> Result<(), SerdeError> {
        unreachable!("a program with errors does not run")
    }

    fn decode(_: &[u8]) -> Result<T, SerdeError> {
        unreachable!("a program with errors does not run")
    }
}

/// A stream where a table should be.
pub struct Rowless<T>(PhantomData<T>);

impl<T: Stream> Stream for Rowless<T> {
    type Key = T::Key;
    type KeyNulls = unknown;
    type Value = T::Value;
    type ValueNulls = unknown;
    type KeySerde = T::KeySerde;
    type ValueSerde = T::ValueSerde;
    const ID: Id = T::ID;
    const KIND: Kind = T::KIND;
    const LINEAGE: Lineage = Lineage::Undeclared;
    const WINDOW_MS: Option<i64> = T::WINDOW_MS;
    const READS: &'static [Read] =
        &[Read { id: Id::new("", ""), branch: None, topic: None, repartition: None, table: None }];

    fn attach(_: &mut Wiring, _: Child<T::Key, T::Value>) {}
}

impl<T: Stream> Table for Rowless<T> {
    const STORE: StoreSpec = StoreSpec::of::<(), ()>("", None);

    fn rows(_: &mut Wiring) -> Rc<dyn Rows<T::Key, T::Value>> {
        unreachable!("a program with errors does not run")
    }
}

/// Something else where a topic should be.
pub struct Nowhere;

impl Stream for Nowhere {
    type Key = ();
    type KeyNulls = unknown;
    type Value = ();
    type ValueNulls = unknown;
    type KeySerde = ();
    type ValueSerde = ();
    const ID: Id = Id::new("", "");
    const KIND: Kind = Kind::Topic;
    const LINEAGE: Lineage = Lineage::Undeclared;
    const READS: &'static [Read] = &[];

    fn attach(_: &mut Wiring, _: Child<(), ()>) {}
}

impl Topic for Nowhere {
    const TOPIC: TopicSpec = TopicSpec {
        id: Self::ID,
        name: "",
        partitions: None,
        decides_nulls: true,
        text: TopicText::of::<(), ()>(),
    };
    const POLICY: TopicPolicy = TopicPolicy::FAIL;
}

/// The place of a branch whose enum has none; the split has said so.
pub const NO_BRANCH: usize = usize::MAX;

impl<E> Variant<NO_BRANCH> for E {
    type Branch = Assumed<(), ()>;
}
