//! Of which topics committed offsets are. Brokers keep them by name, and a topic that is deleted and made anew under its name
//! is another one: what is committed of the old one says nothing about it.
//!
//! So beside each offset of a task stands a word about all its inputs, `of:3c8a01f2d9e64b77,…`: for each the hash of its name and the
//! hash of its id, in eight hexadecimal digits each. It is committed with the offset and moves with it.
//!
//! | the offset of an input | what follows |
//! |---|---|
//! | stands beside the id that the topic has | it is good |
//! | stands beside another id | the topic was made anew: nothing is read |
//! | is without such a word | somebody set it, or an earlier version: it is good |
//! | is not there, and the word beside another input names the topic | it expired, or went with the topic: nothing is read |
//! | is not there, and no word names the topic | the topic is a new input: it is read from its beginning |
//!
//! Knows a form of text. Does not know where it stands, nor what is said of what does not fit.

use std::fmt::Write;

const WORD: &str = "of:";

/// More inputs than this fit beside no offset together with times; of so many nothing is said.
const MOST: usize = 100;

/// What to write beside the offsets of a task with these inputs. Empty if the log does not tell ids.
pub(super) fn word<'a>(inputs: impl Iterator<Item = (&'a str, u128)>) -> String {
    let mut word = String::new();
    let known: Vec<_> = inputs.filter(|(_, id)| *id != 0).collect();
    if known.len() > MOST {
        return word;
    }
    for (topic, id) in known {
        word.push_str(if word.is_empty() { WORD } else { "," });
        // Into a string: cannot fail.
        let _ = write!(word, "{:08x}{:08x}", hash(topic.as_bytes()), of_id(id));
    }
    word
}

/// What stands beside an offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Origin(Vec<(u32, u32)>);

impl Origin {
    /// `None` if nothing of the kind stands there.
    pub(super) fn of(metadata: &str) -> Option<Origin> {
        let word = metadata.split(' ').find_map(|word| word.strip_prefix(WORD))?;
        let hex = |digits: Option<&str>| u32::from_str_radix(digits?, 16).ok();
        let input = |digits: &str| Some((hex(digits.get(..8))?, hex(digits.get(8..))?));
        word.split(',').map(input).collect::<Option<Vec<_>>>().map(Origin)
    }

    /// Whether the topic is the one of then; `None` if it is not named.
    pub(super) fn is(&self, topic: &str, id: u128) -> Option<bool> {
        let name = hash(topic.as_bytes());
        let (_, then) = self.0.iter().find(|(other, _)| *other == name)?;
        // Who does not tell it now has not changed it.
        Some(id == 0 || *then == of_id(id))
    }
}

fn of_id(id: u128) -> u32 {
    hash(&id.to_be_bytes())
}

/// FNV-1a, folded. It is written down: it must stay what it is.
fn hash(bytes: &[u8]) -> u32 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(inputs: &[(&str, u128)]) -> Origin {
        let word = word(inputs.iter().copied());
        Origin::of(&format!("v1 total=15000 {word}")).unwrap()
    }

    #[test]
    fn a_topic_is_the_one_of_then_or_another_or_not_named() {
        let then = origin(&[("left", 7), ("right", u128::MAX)]);
        assert_eq!([7, 8].map(|id| then.is("left", id)), [Some(true), Some(false)]);
        assert_eq!(then.is("right", u128::MAX), Some(true));
        assert_eq!((then.is("new", 7), then.is("left", 0)), (None, Some(true)));
    }

    #[test]
    fn the_form_stays_what_it_is() {
        assert_eq!(word([("orders", 1)].into_iter()), "of:50acd6dee8df7c0b");
        assert_eq!(word([("orders", 0)].into_iter()), "");
        assert_eq!(word((0..=MOST as u128).map(|id| ("t", id + 1))), "");
    }

    #[test]
    fn what_is_not_ours_says_nothing() {
        for metadata in ["", "v1 total=15000", "set by hand", "v1 of:12", "v1 of:xyz", "of:"] {
            assert_eq!(Origin::of(metadata), None, "{metadata}");
        }
    }
}
