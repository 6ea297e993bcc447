//! Kafka Streams for Rust, checked at compile time.

extern crate self as streams_runtime;

pub mod record;
pub mod serde;
pub mod state;
pub mod transport;
pub mod window;

pub use record::{Header, Headers, Timestamp};
pub use serde::{ByType, DefaultSerde, Json, Serde, SerdeError, TimeWindowed};
pub use window::{TimeSpan, Windowed};
