//! Encoded keys, short ones without an allocation.
//!
//! Knows bytes only: the same equality as Kafka and the same order as an engine, whatever the type behind them.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Up to here a key lives in its entry. 24 holds a UUID with a window start.
const INLINE: usize = 24;

/// The bytes of a key.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<[u8]>),
}

impl Key {
    #[inline]
    pub(super) fn new(key: &[u8]) -> Self {
        if key.len() <= INLINE {
            let mut bytes = [0; INLINE];
            bytes[..key.len()].copy_from_slice(key);
            Key::Inline { len: key.len() as u8, bytes }
        } else {
            Key::Heap(key.into())
        }
    }

    /// What it takes beside its entry.
    #[inline]
    pub(super) fn beside(&self) -> usize {
        match self {
            Key::Inline { .. } => 0,
            Key::Heap(bytes) => bytes.len(),
        }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            // `len` is at most `INLINE`; `get` instead of an index keeps a panic out of the hot path.
            Key::Inline { len, bytes } => bytes.get(..*len as usize).unwrap_or(bytes),
            Key::Heap(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// Byte order: `Borrow<[u8]>` promises that it is that of the slices.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// A key for a message: text if it is printable, hexadecimal otherwise.
pub(super) fn readable(key: &[u8]) -> Box<str> {
    match str::from_utf8(key) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => format!("`{text}`").into(),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_or_not_makes_no_difference() {
        let long = [7u8; 25];
        for len in 0..=long.len() {
            let key = Key::new(&long[..len]);
            assert_eq!(key.as_bytes(), &long[..len]);
            assert_eq!(matches!(key, Key::Inline { .. }), len <= 24);
        }
        assert!(Key::new(&long[..24]) < Key::new(&long));
        assert!(Key::new(&[8]) > Key::new(&long));
        assert_ne!(Key::new(b""), Key::new(&[0]));
    }

    #[test]
    fn keys_are_shown_as_a_person_reads_them() {
        assert_eq!(&*readable(b"ann"), "`ann`");
        assert_eq!(&*readable(&[0, 255]), "00ff");
    }
}
