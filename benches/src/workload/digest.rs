//! A set of records as a few numbers, so that two outputs can be compared without keeping them.
//!
//! Partitions are read in any order, so the digest is a sum of hashes: it sees every byte of every record and how
//! often each record occurs, and does not see their order.

use super::seeded::mix;
use std::fmt;

/// How many records there are, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many.
    pub records: u64,
    sum: u64,
}

impl Digest {
    /// Takes a record in.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.records += 1;
        self.sum = self.sum.wrapping_add(hash(key, value));
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, {:016x}", self.records, self.sum)
    }
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325 ^ key.len() as u64;
    for part in [key, value] {
        for chunk in part.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = mix(hash ^ u64::from_le_bytes(word)).wrapping_add(chunk.len() as u64);
        }
        hash = mix(hash ^ 0xFF51);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(records: &[(&[u8], &[u8])]) -> Digest {
        let mut digest = Digest::default();
        records.iter().for_each(|(key, value)| digest.add(key, value));
        digest
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let both = digest(&[(b"a", b"1"), (b"b", b"2")]);
        assert_eq!(both, digest(&[(b"b", b"2"), (b"a", b"1")]));
        for other in [
            digest(&[(b"a", b"2"), (b"b", b"1")]),
            digest(&[(b"a", b"1")]),
            digest(&[(b"a", b"1"), (b"b", b"2"), (b"b", b"2")]),
            digest(&[(b"a1", b""), (b"b", b"2")]),
        ] {
            assert_ne!(both, other);
        }
    }
}
