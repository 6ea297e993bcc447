//! Deletes what was read, wherever the partitions are led now.
//!
//! librdkafka sends such a request to the leaders that it knows, and a broker that leads no more refuses. It keeps what it
//! knows for minutes though (2.12.1), so that the same request would be refused as long. Describing a topic teaches it
//! the leaders of now.
//!
//! Knows which refusals ask for that. Does not know the client: who asks and who learns is handed in.

use super::errors::{self, Meaning, meaning};
use super::sys::Fault;
use crate::transport::{TopicPartition, TransportError};

/// How often leaders are asked for anew.
const TIMES: u32 = 3;

const DELETING: &str = "deleting records";

/// Records of partitions before offsets.
pub(super) type Before = (TopicPartition, i64);

/// Asks to delete, as often as it takes to find the leaders. `ask` tells the partitions that were refused, and why.
///
/// # Errors
/// The first partition whose records stay. Those of all others are deleted.
pub(super) fn delete(
    before: &[Before],
    mut ask: impl FnMut(&[Before]) -> Result<Vec<(String, i32, Fault)>, Fault>,
    mut learn: impl FnMut(&[String]) -> Result<(), Fault>,
) -> Result<(), TransportError> {
    let (mut left, mut first) = (before.to_vec(), Ok(()));
    for times in 0.. {
        if left.is_empty() {
            break;
        }
        let refused = ask(&left).map_err(|fault| errors::error(DELETING, "", &fault))?;
        let is_moved = |fault: &Fault| meaning(fault.code) == Meaning::Later && times < TIMES;
        let mut again = Vec::new();
        for (topic, partition, fault) in refused {
            let is_it =
                |(place, _): &&Before| place.topic == topic && place.partition.cast_signed() == partition;
            match left.iter().find(is_it) {
                Some(before) if is_moved(&fault) => again.push(before.clone()),
                _ => first = first.and(Err(errors::of_partition(DELETING, &topic, partition, &fault))),
            }
        }
        left = again;
        let mut topics: Vec<String> = left.iter().map(|(place, _)| place.topic.clone()).collect();
        topics.sort_unstable();
        topics.dedup();
        if !topics.is_empty() {
            learn(&topics).map_err(|fault| errors::error(DELETING, &topics.join("`, `"), &fault))?;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::super::sys::Code;
    use super::*;

    const NOT_LEADER: Code = Code(6);
    const OUT_OF_RANGE: Code = Code(1);

    fn before(topic: &str, partition: u32) -> Before {
        (TopicPartition { topic: topic.to_owned(), partition }, 10)
    }

    /// What was asked, with `refused` deciding what is refused in the nth round.
    fn asked(refused: impl Fn(usize, &Before) -> Option<Code>) -> (Vec<Vec<String>>, Vec<String>, String) {
        let (mut asked, mut learnt) = (Vec::new(), Vec::new());
        let all = [before("a", 0), before("a", 1), before("b", 0)];
        let told = delete(
            &all,
            |left| {
                let name = |(place, _): &Before| format!("{}-{}", place.topic, place.partition);
                asked.push(left.iter().map(name).collect());
                let refused = left.iter().filter_map(|before| Some((before, refused(asked.len(), before)?)));
                let fault = |(before, code): (&Before, Code)| {
                    (before.0.topic.clone(), before.0.partition.cast_signed(), Fault::of(code))
                };
                Ok(refused.map(fault).collect())
            },
            |topics| {
                learnt.push(topics.join(","));
                Ok(())
            },
        );
        (asked, learnt, told.map_or_else(|error| error.to_string(), |()| String::new()))
    }

    #[test]
    fn leaders_that_have_changed_are_asked_for_and_only_what_was_refused_is_asked_again() {
        let (asked, learnt, told) =
            asked(|round, (place, _)| (round == 1 && place.topic == "a").then_some(NOT_LEADER));
        assert_eq!(asked, [vec!["a-0", "a-1", "b-0"], vec!["a-0", "a-1"]]);
        assert_eq!((learnt, told.as_str()), (vec!["a".to_owned()], ""));
    }

    #[test]
    fn a_partition_that_stays_without_a_leader_is_named() {
        let (asked, learnt, told) =
            asked(|_, (place, _)| (place.topic == "a" && place.partition == 1).then_some(NOT_LEADER));
        assert_eq!((asked.len(), learnt.len()), (4, 3));
        assert_eq!(told, "deleting records timed out: topic `a`, partition 1");
    }

    #[test]
    fn what_leaders_cannot_mend_is_told_at_once_and_keeps_nobody() {
        let (asked, learnt, told) = asked(|round, (place, _)| match place.topic.as_str() {
            "b" => Some(OUT_OF_RANGE),
            _ => (round == 1 && place.partition == 0).then_some(NOT_LEADER),
        });
        assert_eq!(asked, [vec!["a-0", "a-1", "b-0"], vec!["a-0"]]);
        assert_eq!(learnt, ["a"]);
        assert!(told.starts_with("deleting records: partition 0 of topic `b`: "), "{told}");
    }
}
