//! Applications written with streams, one a module, each with its tests and a binary of the same name.
pub mod greetings;
pub mod orders;
pub mod word_count;
pub mod words;

/// The application on the front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
