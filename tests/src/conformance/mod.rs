//! What Kafka Streams answers, and whether another answer is the same.
//!
//! Holds recorded inputs and outputs and the rules for comparing outputs. It deliberately does not know how a
//! topology is run: whoever runs one hands its output lines to [`difference`].

pub mod compare;
pub mod line;
pub mod manifest;
pub mod packed;
mod shown;
pub mod vectors;

pub use compare::difference;
pub use line::{InputLine, InputRecord, LineError, OutputLine, OutputRecord, Payload};
pub use manifest::{Flags, Manifest, ManifestEntry, Store, StoreKind, Topic};
pub use packed::PackedError;
pub use vectors::{Case, Scenario, VectorError};
