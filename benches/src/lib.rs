//! Measures what a record costs: in instructions, in allocations, and beside Kafka Streams.
//!
//! | what | how |
//! |---|---|
//! | `bin/instructions` | instructions per record, counted by callgrind |
//! | `bin/versus` | beside Kafka Streams and a bare loop on a broker: processor time, memory, start; `broker.sh` builds and runs it |
//! | `bin/contender`, `bin/bare` | this framework and the bare loop, as `versus` runs them |
//! | `bin/ttd` | the test driver, one record at a time; `java/` is its counterpart, `versus.sh` runs both |
//! | `tests/allocations` | no allocation per record; part of the ordinary tests |
//! | `tests/workloads` | what is measured writes what it must; part of the ordinary tests |
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
pub mod positions;
#[cfg(feature = "broker")]
pub mod versus;
pub mod workload;
