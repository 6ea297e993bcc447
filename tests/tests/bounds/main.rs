//! Memory and time are bounded whatever comes in: inputs that are far ahead of others, slow steps, steps that write
//! much, more rows than there is memory for. No result depends on any of it.

#[cfg(feature = "rocksdb")]
mod disk;
mod inputs;
mod rows;
mod slow;
