//! Stores against plain maps with savepoints, over random schedules of everything that can happen to them.

mod engines;
mod kv_model;
#[cfg(feature = "rocksdb")]
mod on_disk;
mod schedules;
mod window_model;

use super::{ChangelogSink, Mark, OverlayLimit, Restored};
use std::error::Error;

/// The sizes at which every result must be the same.
const LIMITS: [OverlayLimit; 3] = [OverlayLimit::NONE, OverlayLimit::values(3), OverlayLimit::UNBOUNDED];

type Change = (Vec<u8>, Option<Vec<u8>>, i64);

/// A changelog partition: what is committed, and what the open transaction sent.
#[derive(Default)]
struct Log {
    committed: Vec<Change>,
    open: Vec<Change>,
    /// How many more changes it takes before it refuses.
    patience: Option<usize>,
}

impl Log {
    fn commit(&mut self) {
        self.committed.append(&mut self.open);
    }

    fn end(&self) -> Mark {
        Mark { changelog_offset: self.committed.len() as i64, ..Mark::default() }
    }

    fn from(&self, offset: i64) -> Vec<Restored<'_>> {
        let tail = &self.committed[offset as usize..];
        tail.iter()
            .map(|(key, value, at)| Restored { key, value: value.as_deref(), timestamp: *at })
            .collect()
    }
}

impl ChangelogSink for Log {
    fn change(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(patience) = &mut self.patience {
            *patience = patience.checked_sub(1).ok_or("queue full")?;
        }
        self.open.push((key.to_vec(), value.map(<[u8]>::to_vec), timestamp));
        Ok(())
    }
}
