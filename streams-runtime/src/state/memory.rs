//! An engine in a `BTreeMap`: for in-memory stores, the test driver and simulation.
//!
//! It knows nothing a disk would: a clone of it is what a crash leaves behind.

use super::engine::{Batch, Cursor, Direction, Engine, EngineError, KeyRange, Mark};
use std::collections::BTreeMap;

/// Rows in memory.
///
/// ```
/// use streams_runtime::state::{Engine, Mark, MemoryEngine};
/// let mut engine = MemoryEngine::new();
/// let mark = Mark { changelog_offset: 7, ..Mark::default() };
/// engine.apply(&mut [(&b"ann"[..], Some(&b"1"[..]))].into_iter(), Some(&mark)).unwrap();
/// assert_eq!(engine.mark().unwrap(), Some(mark));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryEngine {
    rows: BTreeMap<Box<[u8]>, Vec<u8>>,
    mark: Option<Mark>,
    damage: Option<String>,
}

impl MemoryEngine {
    /// Without rows and mark.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError> {
        let Some(row) = self.rows.get(key) else { return Ok(false) };
        out.clear();
        out.extend_from_slice(row);
        Ok(true)
    }

    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError> {
        for (key, row) in batch {
            match (row, self.rows.get_mut(key)) {
                (Some(row), Some(place)) => {
                    place.clear();
                    place.extend_from_slice(row);
                }
                (Some(row), None) => {
                    self.rows.insert(key.into(), row.to_vec());
                }
                (None, _) => {
                    self.rows.remove(key);
                }
            }
        }
        if let Some(mark) = mark {
            self.mark = Some(mark.clone());
        }
        Ok(())
    }

    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        if range.is_empty() {
            return Ok(Box::new(Rows(Box::new(std::iter::empty()))));
        }
        let rows = self.rows.range::<[u8], _>((range.from, range.to));
        let rows = rows.map(|(key, row)| (&**key, row.as_slice()));
        Ok(Box::new(match direction {
            Direction::Forward => Rows(Box::new(rows)),
            Direction::Backward => Rows(Box::new(rows.rev())),
        }))
    }

    fn mark(&self) -> Result<Option<Mark>, EngineError> {
        Ok(self.mark.clone())
    }

    fn clear(&mut self) -> Result<(), EngineError> {
        *self = Self::default();
        Ok(())
    }

    fn move_aside(&mut self, why: &str) -> Result<(), EngineError> {
        *self =
            MemoryEngine { damage: Some(format!("{why}; what was there is forgotten")), ..Self::default() };
        Ok(())
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

struct Rows<'a>(Box<dyn Iterator<Item = (&'a [u8], &'a [u8])> + 'a>);

impl Cursor for Rows<'_> {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, EngineError> {
        Ok(self.0.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(engine: &MemoryEngine, range: KeyRange<'_>, direction: Direction) -> Vec<u8> {
        let mut cursor = engine.scan(range, direction).unwrap();
        let mut keys = Vec::new();
        while let Some((key, _)) = cursor.next().unwrap() {
            keys.extend_from_slice(key);
        }
        keys
    }

    #[test]
    fn scans_in_byte_order_and_against_it() {
        let mut engine = MemoryEngine::new();
        let rows = [&b"c"[..], b"a", b"b", b"d"].map(|key| (key, Some(&b"x"[..])));
        engine.apply(&mut rows.into_iter(), None).unwrap();
        engine.apply(&mut [(&b"d"[..], None)].into_iter(), None).unwrap();
        assert_eq!(keys(&engine, KeyRange::ALL, Direction::Forward), b"abc");
        assert_eq!(keys(&engine, KeyRange::inclusive(b"b", b"c"), Direction::Backward), b"cb");
        assert_eq!(keys(&engine, KeyRange::inclusive(b"c", b"b"), Direction::Forward), b"");
    }

    #[test]
    fn a_batch_without_a_mark_keeps_the_last_one_and_clear_forgets_it() {
        let mut engine = MemoryEngine::new();
        let mark = Mark { changelog_offset: 3, wall_ms: 9, ..Mark::default() };
        engine.apply(&mut std::iter::empty(), Some(&mark)).unwrap();
        engine.apply(&mut [(&b"a"[..], Some(&b"1"[..]))].into_iter(), None).unwrap();
        assert_eq!(engine.mark().unwrap(), Some(mark));
        engine.clear().unwrap();
        assert_eq!(engine, MemoryEngine::new());
    }
}
