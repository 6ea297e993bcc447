//! Measures what a record costs: in instructions, in allocations, and beside Kafka Streams.
//!
//! | what | how |
//! |---|---|
//! | `bin/instructions` | instructions per record, counted by callgrind |
//! | `bin/ttd` | the test driver, one record at a time; `java/` is its counterpart, `versus.sh` runs both |
//! | `tests/allocations` | no allocation per record; part of the ordinary tests |
//! | `tests/driver_memory` | what the test driver keeps; part of the ordinary tests |
//!
//! `docs/performance.md` holds the figures and says what they do not show.

#[cfg(feature = "broker")]
pub mod bare;
pub mod bench;
pub mod chains;
pub mod contender;
pub mod contract;
pub mod peer;
#[cfg(feature = "broker")]
pub mod versus;
pub mod workload;
