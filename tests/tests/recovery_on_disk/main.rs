//! The tests of `recovery`, with stores in files.
//!
//! A crash leaves the process of the test alive, so what its engines wrote is read back from the same files by new
//! engines: every start opens the directory anew.
#![cfg(feature = "rocksdb")]

mod disk;
#[path = "../recovery/main.rs"]
mod recovery;
