//! From the records of a changelog to the rows of an engine: the same bytes, whether a typed store replays them or a
//! [`RawStore`](super::raw::RawStore).
//!
//! Knows how keys and rows differ between the two. Does not know where a replay begins or ends.

use super::engine::{Engine, Mark};
use super::overlay::{decode_error, engine_error};
use super::{Restored, StateError, row};
use crate::serde::SerdeError;

/// The row that holds the highest start of a store of windows. The empty key is no window's.
pub(super) const HIGHEST: &[u8] = b"";

/// A key and its row, `None` if it is deleted.
pub(super) type Row<'a> = (&'a [u8], Option<&'a [u8]>);

/// Writes a piece of the changelog of store `name`, behind the rows in `before` and followed by `more`, with the mark it leads
/// up to. `bytes` is memory that is used again.
///
/// # Errors
/// If the engine fails.
pub(super) fn write<'r, 'e>(
    (name, engine): (&str, &mut (dyn Engine + 'static)),
    before: impl Iterator<Item = Row<'e>>,
    records: impl Iterator<Item = Restored<'r>>,
    more: Option<(&[u8], &[u8])>,
    mark: &Mark,
    bytes: &mut Vec<u8>,
) -> Result<(), StateError> {
    bytes.clear();
    // Keys and rows behind one another, and where each ends.
    let mut ends: Vec<(usize, Option<usize>)> = Vec::new();
    for record in records {
        bytes.extend_from_slice(record.key);
        let key_end = bytes.len();
        let row_end = record.value.map(|plain| {
            row::join(record.timestamp, plain, bytes);
            bytes.len()
        });
        ends.push((key_end, row_end));
    }
    let bytes = &*bytes;
    let mut start = 0;
    let replayed = ends.iter().map(|&(key_end, row_end)| {
        let key = &bytes[start..key_end];
        start = row_end.unwrap_or(key_end);
        (key, row_end.map(|end| &bytes[key_end..end]))
    });
    let more = more.map(|(key, row)| (key, Some(row)));
    let mut batch = before.map(shorter).chain(replayed).chain(more.map(shorter));
    engine.apply(&mut batch, Some(mark)).map_err(|cause| engine_error(name, cause))
}

/// As one that lives no longer than its neighbours in a batch.
fn shorter<'s, 'l: 's>(row: Row<'l>) -> Row<'s> {
    row
}

/// The keys of windows as the engine has them, and the highest start among them.
pub(super) struct Windows {
    keys: Vec<u8>,
    ends: Vec<usize>,
    pub(super) highest: Option<i64>,
}

impl Windows {
    /// Of records of a changelog of store `name`.
    ///
    /// # Errors
    /// If a key is not one of a window.
    pub(super) fn of(name: &str, records: &[Restored<'_>]) -> Result<Windows, StateError> {
        let mut windows =
            Windows { keys: Vec::new(), ends: Vec::with_capacity(records.len()), highest: None };
        for record in records {
            let (key, start) =
                split_changelog_key(record.key).map_err(|cause| decode_error(name, record.key, cause))?;
            windows.keys.extend_from_slice(&start.to_be_bytes());
            windows.keys.extend_from_slice(key);
            windows.ends.push(windows.keys.len());
            windows.highest = windows.highest.max(Some(start));
        }
        Ok(windows)
    }

    /// The records under these keys.
    pub(super) fn rows<'w>(&'w self, records: &'w [Restored<'w>]) -> impl Iterator<Item = Restored<'w>> {
        let mut begin = 0;
        records.iter().zip(&self.ends).map(move |(record, &end)| {
            let key = &self.keys[begin..end];
            begin = end;
            Restored { key, ..*record }
        })
    }
}

/// The highest start that an engine knows.
///
/// # Errors
/// If it fails, or what it holds is no store of windows.
pub(super) fn highest(name: &str, engine: &dyn Engine) -> Result<Option<i64>, StateError> {
    let mut bytes = Vec::new();
    if !engine.get(HIGHEST, &mut bytes).map_err(|cause| engine_error(name, cause))? {
        return Ok(None);
    }
    let start = bytes.as_slice().try_into().map_err(|_| {
        decode_error(name, HIGHEST, SerdeError::new("the highest window start is 8 bytes long"))
    })?;
    Ok(Some(i64::from_be_bytes(start)))
}

/// "Later than highest − retention", as the first start that is.
pub(super) fn first_visible(highest: i64, retention: i64) -> i64 {
    highest.saturating_sub(retention).saturating_add(1).max(0)
}

fn split_changelog_key(key: &[u8]) -> Result<(&[u8], i64), SerdeError> {
    key.split_last_chunk::<4>()
        .and_then(|(key, _)| key.split_last_chunk::<8>())
        .map(|(key, start)| (key, i64::from_be_bytes(*start)))
        .filter(|(_, start)| *start >= 0)
        .ok_or_else(|| {
            SerdeError::new("a windowed changelog key ends with 8 bytes of start and 4 of sequence")
        })
}
