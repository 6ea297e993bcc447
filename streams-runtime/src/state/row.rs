//! The bytes of a row: 8 bytes of timestamp, big-endian, then the value, as Kafka Streams' `ValueAndTimestamp`.
//!
//! Knows one row; not where it is kept. The changelog carries the value alone, its time is the record's.

use crate::serde::{Serde, SerdeError};
use std::sync::Arc;

/// The bytes of a row. Shared, because the same bytes serve the changelog, the engine and an undo.
pub(super) type Row = Arc<[u8]>;

/// A value and the event time of its last update.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stamped<V> {
    /// The value.
    pub value: V,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
}

impl<V: Clone> Clone for Stamped<V> {
    fn clone(&self) -> Self {
        Stamped { value: self.value.clone(), timestamp: self.timestamp }
    }

    /// Uses the memory of the old value again, which a derived one would not.
    fn clone_from(&mut self, source: &Self) {
        self.value.clone_from(&source.value);
        self.timestamp = source.timestamp;
    }
}

pub(super) const TIMESTAMP_LEN: usize = 8;

/// Appends the bytes of a row to `out`.
pub(super) fn encode<S: Serde>(row: &Stamped<S::Type>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
    out.extend_from_slice(&row.timestamp.to_be_bytes());
    S::encode(&row.value, out)
}

/// Reads a row into `place`, whose old value's memory may be used again. After an error `place` is empty.
pub(super) fn decode_into<S: Serde>(
    bytes: &[u8],
    place: &mut Option<Stamped<S::Type>>,
) -> Result<(), SerdeError> {
    let mut value = place.take().map(|old| old.value);
    let (timestamp, plain) = split(bytes)?;
    S::decode_into(plain, &mut value)?;
    let value = match value {
        Some(value) => value,
        None => S::decode(plain)?,
    };
    *place = Some(Stamped { value, timestamp });
    Ok(())
}

/// The timestamp and the value's plain bytes.
pub(super) fn split(bytes: &[u8]) -> Result<(i64, &[u8]), SerdeError> {
    match bytes.split_first_chunk::<TIMESTAMP_LEN>() {
        Some((timestamp, plain)) => Ok((i64::from_be_bytes(*timestamp), plain)),
        None => Err(SerdeError::new(format!("a row starts with 8 bytes of timestamp, not {}", bytes.len()))),
    }
}

/// Appends the row of a plain value.
pub(super) fn join(timestamp: i64, plain: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&timestamp.to_be_bytes());
    out.extend_from_slice(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_time_and_then_the_value() {
        let mut bytes = Vec::new();
        encode::<String>(&Stamped { value: "ab".to_owned(), timestamp: 258 }, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 1, 2, b'a', b'b']);
        let mut place = None;
        decode_into::<String>(&bytes, &mut place).unwrap();
        assert_eq!(place, Some(Stamped { value: "ab".to_owned(), timestamp: 258 }));
        let mut joined = Vec::new();
        join(258, b"ab", &mut joined);
        assert_eq!(joined, bytes);
    }

    #[test]
    fn a_broken_row_leaves_nothing_behind() {
        let mut place = Some(Stamped { value: 1i64, timestamp: 1 });
        assert!(decode_into::<i64>(&[0; 9], &mut place).is_err());
        assert_eq!(place, None);
        assert_eq!(split(&[1]).unwrap_err().to_string(), "a row starts with 8 bytes of timestamp, not 1");
    }
}
