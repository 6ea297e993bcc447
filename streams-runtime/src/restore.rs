//! Brings a store up to the end of its changelog before its task reads a single record.
//!
//! The end is the *high watermark*, read after the committed offsets: the last stable offset would be too low while
//! the previous owner's transaction is being completed. Only the position decides when it is reached; offsets have
//! gaps. Knows stores and changelogs; does not know tasks' inputs.

use crate::state::{Mark, Restored, StateError};
use crate::stream::StoreSpec;
use crate::task::TaskId;
use crate::transport::{Consumer, Event, Message, TopicPartition, TransportError};
use crate::wiring::Wired;
use crate::worker::WorkerError;

/// Why a store could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StateError),
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl RestoreError {
    /// The error of the task that cannot be opened.
    pub fn in_task(self, task: TaskId) -> WorkerError {
        match self {
            RestoreError::Store(cause) => WorkerError::Store { task, cause },
            RestoreError::Transport(cause) => WorkerError::Transport(cause),
        }
    }
}

const BATCH: usize = 4096;

/// Replays the changelog of `store`. Returns how many records were applied.
///
/// # Errors
/// If the log or the store fails. `TimedOut` if the changelog's end is not stable yet: an open transaction of the
/// previous owner must be decided first, so ask again later.
pub fn restore<C: Consumer>(
    reader: &mut C,
    wired: &Wired,
    store: &StoreSpec,
    changelog: &TopicPartition,
) -> Result<u64, RestoreError> {
    let ends = reader.watermarks(changelog)?;
    let Some(remembering) = wired.remembering.iter().find(|r| r.store.is_some_and(|s| s.hash == store.hash))
    else {
        return Ok(0);
    };
    let mut state = remembering.state.borrow_mut();
    let mut position = state.mark()?.map_or(ends.start, |mark| mark.changelog_offset.max(ends.start));
    let mut restored = 0;
    if position < ends.high {
        reader.assign(changelog, position)?;
    }
    let mut events = Vec::new();
    while position < ends.high {
        let fetched = reader.poll(&mut events, BATCH)?;
        let before = position;
        for event in &events {
            match event {
                Event::Record { message, .. } => position = message.offset() + 1,
                Event::End { position: end, .. } => position = position.max(*end),
                Event::Assigned(_) | Event::Revoked(_) | Event::Lost(_) => {}
            }
        }
        let records: Vec<Restored<'_>> = events
            .iter()
            .filter_map(|event| match event {
                Event::Record { message, .. } => message.key().map(|key| Restored {
                    key,
                    value: message.value(),
                    timestamp: message.timestamp(),
                }),
                _ => None,
            })
            .collect();
        restored += records.len() as u64;
        state.restore(&records, &Mark { changelog_offset: position, ..Mark::default() })?;
        events.clear();
        if fetched == 0 && position == before {
            return Err(TransportError::TimedOut("the end of a changelog").into());
        }
    }
    reader.unassign(changelog);
    Ok(restored)
}
