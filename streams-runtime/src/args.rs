//! How a function's parameters are filled: `&T` borrows, `T` takes, `&str` reads a `String`, `Option` where a value
//! can be missing.
//!
//! The macros write one call per parameter, `<_ as ValueArg<..>>::arg(slot)`, spanned to the parameter's type; that call
//! is at once the code and the check, so a parameter that does not fit is one error under the user's token. Which
//! parameter is key, value or row is for the macros; this does not know functions.

use crate::slot::Slot;
use crate::stream::{nullable, present, unknown};

/// What is taken by value can be cloned. Asked of the stream or the table it comes from, because the
/// compiler prefers the words of [`ValueArg`] where both are about the parameter's type.
#[diagnostic::on_unimplemented(
    message = "`{T}` is taken by value, so it needs to be `Clone`",
    label = "taken by value",
    note = "take `&{T}` instead, or put `#[derive(Clone)]` on `{T}`: it is cloned only where another step reads it as well"
)]
pub trait TakesByValue<T> {
    /// The value in a slot.
    fn take(slot: &mut Slot<'_, T>) -> Option<T>;
    /// A copy of a row.
    fn copy(row: Option<&T>) -> Option<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone, R> TakesByValue<T> for R {
    #[inline]
    fn take(slot: &mut Slot<'_, T>) -> Option<T> {
        slot.take()
    }

    #[inline]
    fn copy(row: Option<&T>) -> Option<T> {
        row.cloned()
    }
}

/// The invariant behind `present`: sources, guards and steps only let a null through where the type says so.
const PRESENT: &str = "a present key or value is never null";

/// One trait for keys and one for values, alike but for the word in their message: a type that stood for the word would
/// be printed with its path wherever another crate has something of that name.
macro_rules! argument {
    ($(#[doc = $doc:literal])* $trait:ident, $message:literal, $label:literal) => {
        $(#[doc = $doc])*
        #[diagnostic::on_unimplemented(
            message = $message,
            label = $label,
            note = "present it is taken as `&{T}` or `{T}`, nullable as `Option<&{T}>` or `Option<{T}>`; `null_key = skip` and `null_value = skip` leave nulls out"
        )]
        pub trait $trait<'r, T, Nulls, From, Step>: Sized {
            /// Takes it from the slot.
            fn arg(slot: &'r mut Slot<'_, T>) -> Self;
        }

        /// After an error nobody knows what is carried, so that every parameter fits; such a step never runs.
        impl<'r, T, V, F, S> $trait<'r, V, unknown, F, S> for T {
            fn arg(_: &'r mut Slot<'_, V>) -> Self {
                unreachable!("a program with errors does not run")
            }
        }

        impl<'r, T, F, S> $trait<'r, T, present, F, S> for &'r T {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, T, F: TakesByValue<T>, S> $trait<'r, T, present, F, S> for T {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                F::take(slot).expect(PRESENT)
            }
        }

        impl<'r, F, S> $trait<'r, String, present, F, S> for &'r str {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, String>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, F, S> $trait<'r, Vec<u8>, present, F, S> for &'r [u8] {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, Vec<u8>>) -> Self {
                slot.get().expect(PRESENT)
            }
        }

        impl<'r, T, F, S> $trait<'r, T, nullable, F, S> for Option<&'r T> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.get()
            }
        }

        impl<'r, T, F: TakesByValue<T>, S> $trait<'r, T, nullable, F, S> for Option<T> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                F::take(slot)
            }
        }

        impl<'r, T, F, S> $trait<'r, T, nullable, F, S> for &'r Option<T> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, T>) -> Self {
                slot.whole()
            }
        }

        impl<'r, F, S> $trait<'r, String, nullable, F, S> for Option<&'r str> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, String>) -> Self {
                slot.get().map(String::as_str)
            }
        }

        impl<'r, F, S> $trait<'r, Vec<u8>, nullable, F, S> for Option<&'r [u8]> {
            #[inline]
            fn arg(slot: &'r mut Slot<'_, Vec<u8>>) -> Self {
                slot.get().map(Vec::as_slice)
            }
        }
    };
}

argument!(
    /// A parameter that a key of type `T` can fill.
    KeyArg,
    "the key parameter of `{Step}` is `{Self}`, but `{From}` carries {Nulls} `{T}`",
    "the key is a {Nulls} `{T}`"
);
argument!(
    /// A parameter that a value of type `T` can fill.
    ValueArg,
    "the value parameter of `{Step}` is `{Self}`, but `{From}` carries {Nulls} `{T}`",
    "the value is a {Nulls} `{T}`"
);

/// The kinds of join, lower-case because they stand in sentences.
pub mod join {
    /// Only records that find a row.
    #[allow(non_camel_case_types)]
    #[derive(Debug)]
    pub enum join {}
    /// All records, with or without a row.
    #[allow(non_camel_case_types)]
    #[derive(Debug)]
    pub enum left_join {}
}

/// The parameter that takes the row of a joined table.
#[diagnostic::on_unimplemented(
    message = "the joined parameter of `{Step}` is `{Self}`, but `{Kind}` with `{Table}` gives rows of type `{Row}`",
    label = "the row is a `{Row}`",
    note = "`join` hands over `&{Row}`, `left_join` hands over `Option<&{Row}>`"
)]
pub trait Joined<'r, Row, Nulls, Kind, Table, Step>: Sized {
    /// Takes it from the row that was found; an inner join is only called with one.
    fn joined(row: Option<&'r Row>) -> Self;
}

/// After an error nobody knows the row; such a step never runs.
impl<'r, Row, K, J, S, T> Joined<'r, Row, unknown, K, J, S> for T {
    fn joined(_: Option<&'r Row>) -> Self {
        unreachable!("a program with errors does not run")
    }
}

impl<'r, Row, J, S> Joined<'r, Row, present, join::join, J, S> for &'r Row {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        row.expect("an inner join only sees records that found a row")
    }
}

impl<'r, Row, J: TakesByValue<Row>, S> Joined<'r, Row, present, join::join, J, S> for Row {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        J::copy(row).expect("an inner join only sees records that found a row")
    }
}

impl<'r, J, S> Joined<'r, String, present, join::join, J, S> for &'r str {
    #[inline]
    fn joined(row: Option<&'r String>) -> Self {
        row.expect("an inner join only sees records that found a row")
    }
}

impl<'r, Row, J, S> Joined<'r, Row, present, join::left_join, J, S> for Option<&'r Row> {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        row
    }
}

impl<'r, Row, J: TakesByValue<Row>, S> Joined<'r, Row, present, join::left_join, J, S> for Option<Row> {
    #[inline]
    fn joined(row: Option<&'r Row>) -> Self {
        J::copy(row)
    }
}

impl<'r, J, S> Joined<'r, String, present, join::left_join, J, S> for Option<&'r str> {
    #[inline]
    fn joined(row: Option<&'r String>) -> Self {
        row.map(String::as_str)
    }
}
