//! The bytes of a [`Mark`].
//!
//! Knows one mark and its version; not under which key it is kept.

use super::super::engine::Mark;

/// The first byte. Whoever changes the form raises it: an older program then rebuilds the store instead of misreading
/// it.
const VERSION: u8 = 1;

/// `version, changelog_offset, topic_id, wall_ms` big-endian, then `task_times`.
pub(super) fn encode(mark: &Mark, out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    out.extend_from_slice(&mark.changelog_offset.to_be_bytes());
    out.extend_from_slice(&mark.topic_id.to_be_bytes());
    out.extend_from_slice(&mark.wall_ms.to_be_bytes());
    out.extend_from_slice(&mark.task_times);
}

/// `None` if the bytes are of another version or no mark at all.
pub(super) fn decode(bytes: &[u8]) -> Option<Mark> {
    let (&version, rest) = bytes.split_first()?;
    let (changelog_offset, rest) = rest.split_first_chunk()?;
    let (topic_id, rest) = rest.split_first_chunk()?;
    let (wall_ms, task_times) = rest.split_first_chunk()?;
    (version == VERSION).then(|| Mark {
        changelog_offset: i64::from_be_bytes(*changelog_offset),
        topic_id: u128::from_be_bytes(*topic_id),
        wall_ms: i64::from_be_bytes(*wall_ms),
        task_times: task_times.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let mark = Mark {
            changelog_offset: i64::MAX,
            topic_id: 1 << 100,
            task_times: b"v1 a=1".into(),
            wall_ms: -1,
        };
        let mut bytes = Vec::new();
        encode(&mark, &mut bytes);
        assert_eq!(decode(&bytes), Some(mark));
        bytes[0] += 1;
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(&[VERSION, 0, 0]), None);
        assert_eq!(decode(&[]), None);
    }
}
