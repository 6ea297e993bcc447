//! Offsets that are gone, or that are of another topic of the same name: it is said, and nothing is read twice or passed over.
//!
//! Knows workers on the in-process log. The reasons for which rows on disk are not used are in `stores.rs`.

use streams_runtime::Topology;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog};
use streams_runtime::transport::{CommittedOffset, Consumer, Isolation, TopicPartition};
use streams_runtime::worker::Worker;

#[topic(name = "left", partitions = 1, key = String, value = String)]
struct Left;
#[topic(name = "right", partitions = 1, key = String, value = String)]
struct Right;
#[topic(name = "more", partitions = 1, key = String, value = String)]
struct More;
#[topic(name = "out", partitions = 1, key = String, value = String)]
struct Out;

#[processor(from = [Left, Right], merge, to = Out)]
struct Both;
topology!(Merging = [Both]);

#[processor(from = [Left, Right, More], merge, to = Out)]
struct All;
topology!(MergingMore = [All]);

#[processor(from = Left, select_key, repartition)]
fn by_value(value: &str) -> String {
    value.to_owned()
}
#[processor(from = by_value, filter, to = Out)]
fn passed(_value: &str) -> bool {
    true
}
topology!(Passing = [by_value, passed]);

const DAY: i64 = 24 * 3_600_000;

struct World(MemoryLog);

impl World {
    fn new() -> Self {
        let log = MemoryLog::new();
        for topic in ["left", "right", "more", "out"] {
            log.create_topic(topic, 1).unwrap();
        }
        log.set_offsets_retention_ms(7 * DAY);
        World(log)
    }

    fn feed(&self, topic: &str, records: usize) {
        for n in 0..records {
            self.0.append(topic, 0, Some(b"k"), Some(n.to_string().as_bytes()), 0, &Headers::new()).unwrap();
        }
    }

    fn start(&self, topology: Topology) -> Worker<InProcess> {
        InProcess::new(&self.0, "app", "one").start(topology).unwrap()
    }

    /// What is said when everything is worked off, and the patience with brokers is over.
    fn run(&self, worker: &mut Worker<InProcess>) -> Vec<String> {
        let mut said = Vec::new();
        for round in 0..40 {
            said.extend(worker.step(100).err().map(|error| error.to_string()));
            said.extend(worker.commit().err().map(|error| error.to_string()));
            if round == 10 {
                assert_eq!(said, [""; 0], "a broker that has just become coordinator may say so by mistake");
            }
            if round >= 10 {
                self.0.set_time_ms(self.0.time_ms() + 1_000);
            }
        }
        said
    }

    fn run_and_leave(&self, topology: Topology) {
        let mut worker = self.start(topology);
        assert_eq!(self.run(&mut worker), [""; 0]);
        worker.leave().unwrap();
    }

    fn make_anew(&self, topic: &str) {
        self.0.delete_topic(topic).unwrap();
        self.0.create_topic(topic, 1).unwrap();
    }

    fn tool(&self) -> MemoryConsumer {
        self.0.consumer("app", "tool", Isolation::ReadCommitted)
    }

    fn commit(&self, topic: &str, committed: CommittedOffset) {
        let place = TopicPartition { topic: topic.to_owned(), partition: 0 };
        self.tool().commit(&[(place, committed)]).unwrap();
    }

    /// As `kafka-consumer-groups.sh --reset-offsets` does.
    fn reset(&self, topic: &str, offset: i64) {
        self.commit(topic, CommittedOffset { offset, metadata: String::new() });
    }

    fn committed(&self, topic: &str) -> Option<CommittedOffset> {
        self.0.committed("app", topic, 0).unwrap()
    }

    fn written(&self) -> usize {
        self.0.read_committed("out", 0, 0).unwrap().count()
    }
}

#[track_caller]
fn says(said: &[String], words: &[&str]) {
    let [said] = said else { panic!("one thing is said: {said:#?}") };
    for word in words {
        assert!(said.contains(word), "`{word}` in {said}");
    }
}

/// Brokers forget the offsets of a topic with it; a member that has not noticed commits them once more.
#[test]
fn an_offset_of_the_topic_before_is_not_one_of_this() {
    let world = World::new();
    world.feed("left", 4);
    world.run_and_leave(Merging::topology());
    let stale = world.committed("left").unwrap();
    world.make_anew("left");
    world.feed("left", 6);
    world.commit("left", stale);
    let mut worker = world.start(Merging::topology());
    let said = world.run(&mut worker);
    let words =
        ["task 0_0", "topic `left` was deleted and made anew", "committed offset 4 of its partition 0"];
    says(&said, &words);
    worker.leave().unwrap();
    assert_eq!(world.written(), 4, "nothing is read");
    // Somebody says from where, and that is good.
    world.reset("left", 0);
    world.run_and_leave(Merging::topology());
    assert_eq!(world.written(), 10);
    world.feed("left", 1);
    world.run_and_leave(Merging::topology());
    assert_eq!(world.written(), 11);
}

#[test]
fn an_input_that_was_made_anew_beside_others_is_not_begun() {
    let world = World::new();
    world.feed("left", 4);
    world.run_and_leave(Merging::topology());
    world.make_anew("right");
    world.feed("right", 3);
    let mut worker = world.start(Merging::topology());
    let said = world.run(&mut worker);
    says(&said, &["partition 0 of topic `right`", "the topic was deleted and made anew", "--topic right"]);
    worker.leave().unwrap();
    assert_eq!(world.written(), 4);
    world.reset("right", 0);
    world.run_and_leave(Merging::topology());
    assert_eq!(world.written(), 7);
}

/// Of a topic that nobody subscribes to they expire while the group lives, if nobody commits them again.
#[test]
fn an_input_whose_offset_expired_is_not_read_again() {
    let world = World::new();
    world.feed("right", 4);
    let mut worker = world.start(Merging::topology());
    assert_eq!(world.run(&mut worker), [""; 0]);
    world.0.set_time_ms(world.0.time_ms() + 7 * DAY);
    assert!(world.committed("left").is_some() && world.committed("right").is_none());
    worker.leave().unwrap();
    let mut worker = world.start(Merging::topology());
    says(
        &world.run(&mut worker),
        &["partition 0 of topic `right`", "it expired (`offsets.retention.minutes`)"],
    );
    worker.leave().unwrap();
    assert_eq!(world.written(), 4);
}

#[test]
fn an_input_that_is_new_in_the_topology_is_read_from_its_beginning() {
    let world = World::new();
    world.feed("left", 2);
    world.feed("more", 3);
    world.run_and_leave(Merging::topology());
    world.run_and_leave(MergingMore::topology());
    assert_eq!(world.written(), 5);
}

/// Nothing is kept, but what it has written to a topic of its own says that this is not the first start.
#[test]
fn an_application_that_has_written_to_its_topics_does_not_begin_again() {
    let world = World::new();
    world.feed("left", 4);
    world.run_and_leave(Passing::topology());
    let end = || world.0.watermarks("app-by_value-repartition", 0).unwrap().high;
    let before = end();
    world.0.set_time_ms(world.0.time_ms() + 8 * DAY);
    assert_eq!(world.committed("left"), None, "a group without members forgets");
    let mut worker = world.start(Passing::topology());
    let said = world.run(&mut worker);
    assert_eq!(said.len(), 2, "who writes and who reads: {said:#?}");
    for said in said {
        says(&[said], &["`app-by_value-repartition` holds records that this application wrote"]);
    }
    worker.leave().unwrap();
    assert_eq!(end(), before);
    world.reset("left", 4);
    world.reset("app-by_value-repartition", before);
    world.feed("left", 1);
    world.run_and_leave(Passing::topology());
    assert_eq!(world.written(), 5);
}

/// A crash before the first records are committed is no reason not to begin.
#[test]
fn where_it_begins_is_known_before_it_writes() {
    let world = World::new();
    world.feed("left", 4);
    let mut worker = world.start(Passing::topology());
    while worker.step(2).unwrap().processed == 0 {}
    assert_eq!(world.committed("left").map(|committed| committed.offset), Some(0));
    drop(worker);
    world.0.set_time_ms(100_000);
    world.run_and_leave(Passing::topology());
    assert_eq!(world.written(), 4);
}
