//! Tests of the whole product, from the outside.
//!
//! Knows the public interface of the runtime and what Kafka Streams answered for the same topologies; knows
//! nothing of how the runtime arrives at its answers.

#[cfg(feature = "kafka")]
pub mod broker;
#[cfg(feature = "kafka")]
pub mod chaos;
pub mod conformance;
pub mod random;
pub mod scenarios;
pub mod simulate;
