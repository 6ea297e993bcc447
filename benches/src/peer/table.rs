//! W8: a topic read as a table, whose store is what is restored.

use streams_runtime::{ktable, topic, topology};

/// Rows of 100 bytes under keys of 8 bytes.
#[topic(name = "rows", key = Vec<u8>, value = Option<Vec<u8>>)]
pub struct Rows;

/// The table's updates.
#[topic(name = "updates", key = Vec<u8>, value = Option<Vec<u8>>)]
pub struct Updates;

/// The newest value of each key. Its changelog is `<application>-w8-changelog`.
#[ktable(store = "w8", from = Rows, to = Updates)]
pub struct Newest;

topology!(
    /// W8: a table that is written and restored.
    pub Restored = [Newest]
);
