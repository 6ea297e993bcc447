//! Kafka Streams for Rust, checked at compile time.

extern crate self as streams_runtime;

mod app;
pub mod args;
pub mod context;
pub mod counters;
pub mod driver;
pub mod failure;
mod lines;
pub mod operators;
pub mod outbox;
mod partitioner;
pub mod policy;
pub mod record;
pub mod restore;
pub mod serde;
pub mod slot;
pub mod state;
pub mod stream;
pub mod task;
pub mod time;
pub mod times;
pub mod topology;
pub mod transport;
pub mod verify;
pub mod window;
pub mod wiring;
pub mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use app::{App, Builder, Error, Summary};
pub use context::Source;
pub use driver::{Driver, DriverError, Input, Output, OutputRecord, TestRecord};
pub use failure::Failure;
pub use lines::LineError;
pub use partitioner::partition_of;
pub use record::{Header, Headers, Timestamp};
pub use serde::{ByType, DefaultSerde, Json, Serde, SerdeError, TimeWindowed};
pub use stream::{Stream, Table, Topic};
pub use topology::Topology;
pub use window::{TimeSpan, Tumbling, Windowed, Windows};

pub use streams_macros::{Branches, DefaultSerde, ktable, processor, topic, topology, window};
