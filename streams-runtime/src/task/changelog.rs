//! Where the changes of a task's stores go when they are encoded.
//!
//! Knows one store of the task. Does not know topics.

use crate::state::ChangelogSink;
use std::error::Error;

/// Sends one change of a store, which is named by its place in [`Wired::remembering`], to its changelog.
pub type SendChange<'a> =
    dyn FnMut(usize, &[u8], Option<&[u8]>, i64) -> Result<(), Box<dyn Error + Send + Sync>> + 'a;

pub(super) struct Changelog<'a, 'b> {
    pub(super) store: usize,
    /// False for a store that is rebuilt from the topic it was read from: it is encoded, but nothing is sent.
    pub(super) wanted: bool,
    pub(super) send: &'a mut SendChange<'b>,
}

impl ChangelogSink for Changelog<'_, '_> {
    fn change(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.wanted { (self.send)(self.store, key, value, timestamp) } else { Ok(()) }
    }
}
