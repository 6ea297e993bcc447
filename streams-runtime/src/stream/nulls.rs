//! Whether a key or value can be missing, as a type.
//!
//! The names are lower-case because compile errors print them in sentences: "`Lines` carries `nullable` values".

/// Whether nulls can occur: [`present`] or [`nullable`].
pub trait Nulls: 'static {
    /// True if a null can occur.
    const NULLABLE: bool;
    /// Of two streams merged into one.
    type Or<N: Nulls>: Nulls;
}

/// Never null.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub enum present {}

/// May be null: an `Option` in the topic or in what a function returns.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub enum nullable {}

impl Nulls for present {
    const NULLABLE: bool = false;
    type Or<N: Nulls> = N;
}

impl Nulls for nullable {
    const NULLABLE: bool = true;
    type Or<N: Nulls> = nullable;
}
