//! Whether a key or value can be missing, as a type.
//!
//! The names are lower-case because compile errors print them in sentences: "`Lines` carries `nullable` values".

/// Whether nulls can occur: [`present`] or [`nullable`].
pub trait Nulls: 'static {
    /// True if a null can occur.
    const NULLABLE: bool;
    /// Of two streams merged into one.
    type Or<N: Nulls>: Nulls;
    /// `T`, or whatever it is compared with where `T` is not known.
    type Known<T, Other>;
    /// `T` as messages print it: `Option<T>` where a null can occur.
    type Carried<T>;
}

/// Never null.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub enum present {}

/// May be null: an `Option` in the topic or in what a function returns.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub enum nullable {}

/// Nobody knows, because there was an error before: it fits everything, so that one mistake stays one error.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub enum unknown {}

impl Nulls for present {
    const NULLABLE: bool = false;
    type Or<N: Nulls> = N;
    type Known<T, Other> = T;
    type Carried<T> = T;
}

impl Nulls for nullable {
    const NULLABLE: bool = true;
    type Or<N: Nulls> = nullable;
    type Known<T, Other> = T;
    type Carried<T> = Option<T>;
}

impl Nulls for unknown {
    const NULLABLE: bool = false;
    type Or<N: Nulls> = unknown;
    type Known<T, Other> = Other;
    type Carried<T> = T;
}
