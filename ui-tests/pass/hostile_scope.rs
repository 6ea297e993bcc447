//! Whatever stands around an item, what is generated for it finds its own names.
#![no_implicit_prelude]
#![deny(missing_docs, warnings, clippy::all)]

use ::streams_runtime::{Branches, DefaultSerde, Windowed, ktable, processor, topic, topology, window};

/// Not the one of the standard library.
#[allow(dead_code)]
pub enum Option {
    /// Nor this.
    Some,
    /// Nor this.
    None,
}
#[allow(dead_code, unused_imports)]
mod shadows {
    pub use super::Option::{None, Some};
}
#[allow(unused_imports)]
use shadows::{None, Some};
/// Nor this.
pub struct Result;
/// Nor this.
pub struct Vec;
/// Nor this.
pub trait Default {}
/// Nor this.
pub trait Clone {}
/// Nor this.
pub trait Stream {}
/// A module called like a crate.
pub mod core {}
/// A module called like a crate.
pub mod std {}
/// A module called like a crate.
pub mod streams_runtime {}
#[allow(non_camel_case_types, dead_code)]
struct u64;
#[allow(non_camel_case_types, dead_code)]
struct bool;
#[allow(non_camel_case_types, dead_code)]
struct str;

/// Numbers.
#[topic(name = "numbers", key = ::std::string::String, value = ::core::primitive::u64, partitions = 4, null_value = skip)]
pub struct Numbers;
/// Texts.
#[topic(name = "texts", key = ::std::string::String, value = ::core::option::Option<::std::string::String>, partitions = 4)]
pub struct Texts;

/// Keeps some.
#[processor(from = Numbers, filter)]
pub fn large(n: &::core::primitive::u64) -> ::core::primitive::bool {
    *n > 100
}

/// Sizes.
#[derive(Branches)]
pub enum Size {
    /// Up to a thousand.
    Small(::core::primitive::u64),
    /// The others.
    Large(::core::primitive::u64),
}

/// Splits.
#[processor(from = large, split)]
pub fn by_size(n: ::core::primitive::u64) -> Size {
    if n < 1000 { Size::Small(n) } else { Size::Large(n) }
}

/// Keys by value.
#[processor(from = Size::Small, map, repartition)]
pub fn swapped(
    key: &::core::primitive::str,
    n: &::core::primitive::u64,
) -> (::core::primitive::u64, ::std::string::String) {
    (*n, ::std::borrow::ToOwned::to_owned(key))
}

/// Shows.
#[processor(from = Size::Large, map_values)]
pub fn shown(n: &::core::primitive::u64) -> ::core::result::Result<::std::string::String, ::std::fmt::Error> {
    ::core::result::Result::Ok(::std::string::ToString::to_string(n))
}

/// Rows.
#[ktable(store = "texts", from = Texts)]
pub struct Rows;

/// Joins.
#[processor(from = shown, left_join = Rows)]
pub fn joined(
    text: &::core::primitive::str,
    row: ::core::option::Option<&::core::primitive::str>,
) -> ::core::option::Option<::std::string::String> {
    let _ = text;
    ::core::option::Option::map(row, ::std::borrow::ToOwned::to_owned)
}

/// Several.
#[processor(from = joined, flat_map_values, null_value = skip)]
pub fn letters(text: &::core::primitive::str) -> ::std::vec::Vec<::std::string::String> {
    ::std::vec![::std::borrow::ToOwned::to_owned(text)]
}

/// A sum.
#[derive(::core::clone::Clone, ::core::default::Default, ::serde::Serialize, ::serde::Deserialize, DefaultSerde)]
pub struct Sum(::core::primitive::u64);

/// Sums.
#[ktable(store = "sums", from = Numbers, aggregate)]
#[window(tumbling = "15s", grace = "5s", retention = "1d")]
pub fn sum(sum: &mut Sum, n: &::core::primitive::u64) {
    sum.0 += n;
}

/// Updates.
#[processor(from = sum, select_key)]
pub fn plain(key: Windowed<::std::string::String>, _sum: &Sum) -> ::std::string::String {
    key.key
}

/// Counts.
#[ktable(store = "counts", from = swapped, count)]
pub struct Counts;

topology!(
    /// All of it.
    pub App = [large, by_size, swapped, shown, Rows, joined, letters, sum, plain, Counts]
);

/// Runs nothing.
pub fn main() {
    let _ = App::describe();
    ::core::assert!(large(&101));
}
