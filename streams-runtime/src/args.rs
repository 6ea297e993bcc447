//! How a function's parameters are filled: `&T` borrows, `T` takes, `&str` reads a `String`, `Option` where a value
//! can be missing.
//!
//! The macros write one call per parameter, `<_ as ValueArg<..>>::arg(slot)`, spanned to the parameter's type; that call
//! is at once the code and the check, so a parameter that does not fit is one error under the user's token.

use crate::slot::Slot;
use crate::stream::{Nulls, Step, Stream, nullable, present, unknown};

/// A parameter that the key of a record can fill. What is carried is spelled as a type, because names of our own would be
/// printed with their path where the user has items of the same name.
#[diagnostic::on_unimplemented(
    message = "the key parameter of `{Step}` is `{Self}`, but `{From}` carries `{Carried}`",
    label = "the key is `{Carried}`",
    note = "write `&{T}` or `{T}`; where nulls can occur `Option<&{T}>` or `Option<{T}>`, or leave them out with `null_key = skip`"
)]
pub trait KeyArg<'r, T, Nulls, Carried, From, Step>: Sized {
    /// Takes it from the slot.
    fn arg(slot: &'r mut Slot<'_, T>) -> Self;
}

/// A parameter that the value of a record can fill.
#[diagnostic::on_unimplemented(
    message = "the value parameter of `{Step}` is `{Self}`, but `{From}` carries `{Carried}`",
    label = "the value is `{Carried}`",
    note = "write `&{T}` or `{T}`; where nulls can occur `Option<&{T}>` or `Option<{T}>`, or leave them out with `null_value = skip`"
)]
pub trait ValueArg<'r, T, Nulls, Carried, From, Step>: Sized {
    /// Takes it from the slot.
    fn arg(slot: &'r mut Slot<'_, T>) -> Self;
}

/// The key that a step's function sees, as `Option` where it can be null.
pub type CarriedKey<S> = <<S as Step>::KeyIn as Nulls>::Carried<<<S as Step>::From as Stream>::Key>;
/// The value that a step's function sees, as `Option` where it can be null.
pub type CarriedValue<S> = <<S as Step>::ValueIn as Nulls>::Carried<<<S as Step>::From as Stream>::Value>;

/// Values of `T`, taken: cloned where somebody else needs them as well.
pub struct ByValue<T>(std::marker::PhantomData<T>);

/// Says whether they can be. It is not asked of `T` itself: of a chain of bounds on one type, the compiler prints the
/// message of the first.
#[diagnostic::on_unimplemented(
    message = "`{T}` is taken by value, so it needs `Clone`",
    label = "taken by value",
    note = "put `#[derive(Clone)]` on `{T}`, or take `&{T}`: it is cloned only where another step needs the record as well"
)]
pub trait Taken<T> {
    /// Takes what is in the slot.
    fn take(slot: &mut Slot<'_, T>) -> Option<T>;
    /// Clones a row.
    fn cloned(row: &T) -> T;
}
#[diagnostic::do_not_recommend]
impl<T: Clone> Taken<T> for ByValue<T> {
    #[inline]
    fn take(slot: &mut Slot<'_, T>) -> Option<T> {
        slot.take()
    }
    #[inline]
    fn cloned(row: &T) -> T {
        row.clone()
    }
}

/// The invariant behind `present`: sources, guards and steps only let a null through where the type says so.
const PRESENT: &str = "a present key or value is never null";

macro_rules! filled {
    ($Arg:ident) => {
        // After an error nobody knows what is carried, so that every parameter fits; such a step never runs.
        impl<'r, T, V, C, F, S> $Arg<'r, V, unknown, C, F, S> for T {
            fn arg(_: &'r mut Slot<'_, V>) -> Self {
                unreachable!("a program with errors does not run")
            }
        }

        impl<'r, T, C, F, S> $Arg<'r, T, present, C, F, S> for &'r T {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, T, C, F, S> $Arg<'r, T, present, C, F, S> for T
        where
            ByValue<T>: Taken<T>,
        {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                ByValue::take(slot).expect(PRESENT)
            }
        }

        impl<'r, C, F, S> $Arg<'r, String, present, C, F, S> for &'r str {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, String>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, C, F, S> $Arg<'r, Vec<u8>, present, C, F, S> for &'r [u8] {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, Vec<u8>>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, T, C, F, S> $Arg<'r, T, nullable, C, F, S> for Option<&'r T> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.get()
            }
        }

        impl<'r, T, C, F, S> $Arg<'r, T, nullable, C, F, S> for Option<T>
        where
            ByValue<T>: Taken<T>,
        {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                ByValue::take(slot)
            }
        }

        impl<'r, T, C, F, S> $Arg<'r, T, nullable, C, F, S> for &'r Option<T> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.whole()
            }
        }

        impl<'r, C, F, S> $Arg<'r, String, nullable, C, F, S> for Option<&'r str> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, String>) -> Self {
                slot.get().map(String::as_str)
            }
        }

        impl<'r, C, F, S> $Arg<'r, Vec<u8>, nullable, C, F, S> for Option<&'r [u8]> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, Vec<u8>>) -> Self {
                slot.get().map(Vec::as_slice)
            }
        }
    };
}

filled!(KeyArg);
filled!(ValueArg);

/// The parameter that takes the row of a joined table.
#[diagnostic::on_unimplemented(
    message = "the joined parameter of `{Step}` is `{Self}`, but `join` with `{Table}` gives rows of type `{Row}`",
    label = "the row is a `{Row}`",
    note = "`join` hands over `&{Row}`, `left_join` hands over `Option<&{Row}>`"
)]
pub trait JoinArg<'r, Row, Nulls, Table, Step>: Sized {
    /// Takes it from the row that was found; an inner join is only called with one.
    fn joined(row: Option<&'r Row>) -> Self;
}

/// The parameter that takes the row of a table that may have none.
#[diagnostic::on_unimplemented(
    message = "the joined parameter of `{Step}` is `{Self}`, but `left_join` with `{Table}` gives rows of type `{Row}`",
    label = "the row is a `{Row}`, if there is one",
    note = "`join` hands over `&Row`, `left_join` hands over `Option<&Row>`"
)]
pub trait LeftJoinArg<'r, Row, Nulls, Table, Step>: Sized {
    /// Takes it from the row, if one was found.
    fn joined(row: Option<&'r Row>) -> Self;
}

/// After an error nobody knows the row; such a step never runs.
impl<'r, Row, J, S, T> JoinArg<'r, Row, unknown, J, S> for T {
    fn joined(_: Option<&'r Row>) -> Self {
        unreachable!("a program with errors does not run")
    }
}
impl<'r, Row, J, S, T> LeftJoinArg<'r, Row, unknown, J, S> for T {
    fn joined(_: Option<&'r Row>) -> Self {
        unreachable!("a program with errors does not run")
    }
}

impl<'r, Row, J, S> JoinArg<'r, Row, present, J, S> for &'r Row {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        row.expect("an inner join only sees records that found a row")
    }
}

impl<'r, Row, J, S> JoinArg<'r, Row, present, J, S> for Row
where
    ByValue<Row>: Taken<Row>,
{
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        ByValue::cloned(row.expect("an inner join only sees records that found a row"))
    }
}

impl<'r, J, S> JoinArg<'r, String, present, J, S> for &'r str {
    #[inline]
    fn joined(row: Option<&'r String>) -> Self {
        row.expect("an inner join only sees records that found a row")
    }
}

impl<'r, Row, J, S> LeftJoinArg<'r, Row, present, J, S> for Option<&'r Row> {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        row
    }
}

impl<'r, Row, J, S> LeftJoinArg<'r, Row, present, J, S> for Option<Row>
where
    ByValue<Row>: Taken<Row>,
{
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        row.map(ByValue::cloned)
    }
}

impl<'r, J, S> LeftJoinArg<'r, String, present, J, S> for Option<&'r str> {
    #[inline]
    fn joined(row: Option<&'r String>) -> Self {
        row.map(String::as_str)
    }
}
