//! A split: an enum whose variants are streams.
//!
//! Knows the enum and its one splitting step; does not know who reads which branch.

use super::{Id, Kind, Lineage, Nulls, Read, Step, Stream};
use crate::context::Context;
use crate::failure::Failure;
use crate::serde::ByType;
use crate::slot::KeySlot;
use crate::wiring::{Child, Wiring};
use std::marker::PhantomData;
use std::rc::Rc;

/// Branch `N` of the enum `E`; what `from = ByType::General` stands for.
pub struct Branch<E, N>(PhantomData<(E, N)>);

/// A type called like the variant, made by `#[derive(Branches)]`; it is what messages print.
pub trait BranchName<E>: 'static {
    /// What the variant carries.
    type Value: 'static;
    /// `present`, or `nullable` where it carries an `Option`.
    type ValueNulls: Nulls;
    /// Its place among the variants.
    const INDEX: usize;
    /// Its name.
    const NAME: &'static str;
}

/// An enum whose variants are the branches of a split; made by `#[derive(Branches)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of branches",
    label = "its variants cannot be read as streams",
    note = "put `#[derive(Branches)]` on `{Self}`"
)]
pub trait Branches: Sized + 'static {
    /// The names of the variants.
    const NAMES: &'static [&'static str];
    /// Which of them carry a value; the others drop their records on purpose.
    const CARRIES: &'static [bool];
    /// One port for each variant that carries a value.
    type Ports<K: 'static>: 'static;

    /// The ports of the splitting step.
    fn ports<K: 'static>(wiring: &mut Wiring, step: &Id) -> Rc<Self::Ports<K>>;

    /// Sends the value to its branch.
    fn send<K: 'static>(
        self,
        key: KeySlot<'_, K>,
        cx: &Context<'_>,
        ports: &Self::Ports<K>,
    ) -> Result<(), Failure>;
}

/// Finds a branch by its place, which const evaluation found by its name.
pub trait Variant<const INDEX: usize> {
    /// The branch.
    type Branch;
}

/// The step that splits into an enum; one enum belongs to one step.
#[diagnostic::on_unimplemented(
    message = "no step splits into `{Self}`",
    label = "nothing writes to these branches",
    note = "a function that returns `{Self}` needs `#[processor(from = ..., split)]`"
)]
pub trait SplitByOneStep: Sized + 'static {
    /// The step.
    type Step: Step;
}

#[diagnostic::do_not_recommend]
impl<E: SplitByOneStep, N: BranchName<E>> Stream for Branch<E, N> {
    type Key = <<E::Step as Step>::From as Stream>::Key;
    type KeyNulls = <E::Step as Step>::KeyIn;
    type Value = N::Value;
    type ValueNulls = N::ValueNulls;
    type KeySerde = <<E::Step as Step>::From as Stream>::KeySerde;
    type ValueSerde = ByType<N::Value>;
    const ID: Id = <E::Step as Stream>::ID;
    const KIND: Kind = Kind::Stream;
    const LINEAGE: Lineage = <E::Step as Stream>::LINEAGE;
    const KEY_FORMAT: &'static str = <<E::Step as Step>::From as Stream>::KEY_FORMAT;
    const WINDOW_MS: Option<i64> = <<E::Step as Step>::From as Stream>::WINDOW_MS;
    const READS: &'static [Read] =
        &[Read { id: Self::ID, branch: Some(N::NAME), topic: None, repartition: None, table: None }];

    fn attach(wiring: &mut Wiring, child: Child<Self::Key, Self::Value>) {
        wiring.port::<Self::Key, Self::Value>(&Self::ID, Some(N::INDEX)).attach(child);
    }
}
