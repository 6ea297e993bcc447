//! The bytes of a [`Mark`], and with them the version of all that a store has on the disk.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version |
//! | 8 | changelog offset, big-endian like all numbers here |
//! | 16 | id of the changelog topic |
//! | 8 | wall clock |
//! | 4, and as many as they say | form of the rows (since version 2) |
//! | the rest | the task's times |
//!
//! Knows one mark and the versions; not under which key it is kept.

use super::super::engine::Mark;
use super::super::unreadable::Unreadable;

/// Of everything in the files: this mark, the keys beside it, the bytes of keys and rows. The first byte of a mark is the
/// version for ever, and is written in the batch of the rows it is about. Whoever changes anything of it raises it and
/// still reads what older versions wrote; an older program then refuses the store instead of misreading it.
const VERSION: u8 = 2;

/// Without a form. What such a store holds is taken for what is expected.
const WITHOUT_FORM: u8 = 1;

pub(super) fn encode(mark: &Mark, out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    out.extend_from_slice(&mark.changelog_offset.to_be_bytes());
    out.extend_from_slice(&mark.topic_id.to_be_bytes());
    out.extend_from_slice(&mark.wall_ms.to_be_bytes());
    out.extend_from_slice(&(mark.form.len() as u32).to_be_bytes());
    out.extend_from_slice(mark.form.as_bytes());
    out.extend_from_slice(&mark.task_times);
}

/// The mark, or why nobody can read what it is about.
pub(super) fn decode(bytes: &[u8]) -> Result<Mark, Unreadable> {
    match bytes.first() {
        Some(&version) if version > VERSION => Err(Unreadable::Newer(format!(
            "its files are of version {version}, and this one knows {VERSION}"
        ))),
        _ => known(bytes).ok_or_else(|| Unreadable::Damaged("it does not say how far it is".to_owned())),
    }
}

fn known(bytes: &[u8]) -> Option<Mark> {
    let (&version, rest) = bytes.split_first()?;
    let (changelog_offset, rest) = rest.split_first_chunk()?;
    let (topic_id, rest) = rest.split_first_chunk()?;
    let (wall_ms, rest) = rest.split_first_chunk()?;
    let (form, task_times) = match version {
        WITHOUT_FORM => ("", rest),
        VERSION => {
            let (length, rest) = rest.split_first_chunk()?;
            let (form, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            (str::from_utf8(form).ok()?, rest)
        }
        _ => return None,
    };
    Some(Mark {
        changelog_offset: i64::from_be_bytes(*changelog_offset),
        topic_id: u128::from_be_bytes(*topic_id),
        wall_ms: i64::from_be_bytes(*wall_ms),
        form: form.to_owned(),
        task_times: task_times.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            changelog_offset: i64::MAX,
            topic_id: 1 << 100,
            task_times: b"v1 a=1".into(),
            wall_ms: -1,
            form: "key=String\nvalue=Größe\n".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        for mark in [mark(), Mark::default()] {
            encode(&mark, &mut bytes);
            assert_eq!(decode(&bytes), Ok(mark));
        }
    }

    #[test]
    fn what_was_written_before_there_were_forms_is_read() {
        let old = [&[1][..], &7i64.to_be_bytes(), &5u128.to_be_bytes(), &9i64.to_be_bytes(), b"v1 a=1"];
        let mark = Mark {
            changelog_offset: 7,
            topic_id: 5,
            wall_ms: 9,
            task_times: b"v1 a=1".into(),
            form: String::new(),
        };
        assert_eq!(decode(&old.concat()), Ok(mark));
    }

    #[test]
    fn a_newer_version_is_told_from_damage_whatever_is_behind_it() {
        let mut bytes = Vec::new();
        encode(&mark(), &mut bytes);
        bytes[0] = VERSION + 1;
        for newer in [&bytes[..], &bytes[..1], &[255]] {
            assert!(matches!(decode(newer), Err(Unreadable::Newer(_))), "{newer:?}");
        }
        assert_eq!(
            decode(&bytes).unwrap_err().to_string(),
            "a newer version wrote it (its files are of version 3, and this one knows 2)"
        );
        bytes[0] = VERSION;
        bytes[1 + 8 + 16 + 8] = 1;
        for damaged in [&bytes[..], &bytes[..20], &[0], &[1], &[VERSION, 0, 0], &[]] {
            assert!(matches!(decode(damaged), Err(Unreadable::Damaged(_))), "{damaged:?}");
        }
    }
}
