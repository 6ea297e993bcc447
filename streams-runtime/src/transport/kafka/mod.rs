//! Apache Kafka through librdkafka, behind the traits of [`transport`](super).
//!
//! ```text
//! sys       owned handles over the C interface: the only `unsafe` of the crate
//! errors    what librdkafka's and the broker's codes mean to a worker
//! client    properties → handles
//! consumer  batches from one private queue; what the group says becomes events
//! producer  transactions; delivery reports by callback
//! admin     topics: what is there, and making what is not
//! ```
//!
//! It knows clients, codes and properties. It deliberately does not know tasks, stores or which topic is a changelog.

pub use super::clients::ClientSettings;
