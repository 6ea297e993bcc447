//! What goes in and what must come out, the same for every contender.
//!
//! ```text
//! input       records from a fixed seed
//! reference   what a workload makes of them, computed without any streaming engine
//! digest      a set of records as a number that does not depend on their order
//! ```
//!
//! Knows bytes. Does not know brokers, nor who computes the same with a framework.

pub mod digest;
pub mod input;
pub mod reference;
mod seeded;

pub use digest::Digest;
pub use input::{Input, Workload};
pub use reference::Reference;
