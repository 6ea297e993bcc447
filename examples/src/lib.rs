//! Applications written with streams, one a module, each with its tests.
pub mod word_count;
