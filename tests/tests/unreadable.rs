//! Stores that the program before this one left in another form: refused in words, or filled from a changelog whose rows
//! are tried.
//!
//! Programs are topologies of one application id, started one after the other with the same disk. What only files can
//! suffer is in `on_disk`.

use streams_runtime::OnUnreadable;
use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::prelude::*;
use streams_runtime::restore::Rebuilt;
use streams_runtime::task::TaskId;
use streams_runtime::topology::Topology;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

#[topic(name = "in", partitions = 2, key = String, value = i64)]
struct In;
#[topic(name = "sums", partitions = 2, key = String, value = i64)]
struct Sums;

#[ktable(store = "sums", from = In, aggregate, to = Sums)]
fn sum(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(InNumbers = [sum]);

#[ktable(store = "sums", from = In, aggregate, value = Json<i64>, to = Sums)]
fn sum_in_json(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(InJson = [sum_in_json]);

/// Writes what `i64` does, under another name, and reads no more than four digits.
struct FourDigits;
impl Serde for FourDigits {
    type Type = i64;
    const NAME: &'static str = "FourDigits";
    fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        i64::encode(value, out)
    }
    fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
        i64::decode(bytes).and_then(|value| match value {
            0..10_000 => Ok(value),
            _ => Err(SerdeError::new(format!("{value} has more than four digits"))),
        })
    }
}

#[ktable(store = "sums", from = In, aggregate, value = FourDigits, to = Sums)]
fn sum_of_four_digits(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(InFourDigits = [sum_of_four_digits]);

#[ktable(store = "sums", from = In, aggregate)]
#[window(tumbling = "1s", grace = "0s", retention = "1h")]
fn sum_per_second(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(PerSecond = [sum_per_second]);

#[ktable(store = "sums", from = In, aggregate)]
#[window(tumbling = "1m", grace = "0s", retention = "1h")]
fn sum_per_minute(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(PerMinute = [sum_per_minute]);

const CHANGELOG: &str = "app-sums-changelog";

struct World {
    log: MemoryLog,
    disk: MemoryDisk,
}

impl World {
    /// In which this program kept the sum 7 of `a`, in partition 1, and ended.
    fn left_by(program: fn() -> Topology) -> World {
        let world = World { log: MemoryLog::new(), disk: MemoryDisk::new() };
        for topic in ["in", "sums"] {
            world.log.create_topic(topic, 2).unwrap();
        }
        let (mut worker, said) = world.start(program, OnUnreadable::Refuse);
        assert_eq!(said, None);
        world.append(1, "a", 7);
        world.run(&mut worker);
        worker.leave().unwrap();
        world
    }

    fn without_disk(self) -> World {
        World { disk: MemoryDisk::new(), ..self }
    }

    fn append(&self, partition: u32, key: &str, value: i64) {
        let (key, value) = (Some(key.as_bytes()), value.to_be_bytes());
        self.log.append("in", partition, key, Some(&value), 0, &Headers::new()).unwrap();
    }

    /// The next program, and what it said until it had nothing to do.
    fn start(
        &self,
        program: fn() -> Topology,
        otherwise: OnUnreadable,
    ) -> (Worker<InProcess>, Option<String>) {
        let instance = InProcess::new(&self.log, "app", "one").disk(&self.disk).on_unreadable(otherwise);
        let mut worker = instance.start(program()).unwrap();
        let said = self.run(&mut worker);
        (worker, said)
    }

    fn run(&self, worker: &mut Worker<InProcess>) -> Option<String> {
        let mut said = None;
        for _ in 0..10 {
            for done in [worker.step(1_000).map(drop), worker.commit().map(drop)] {
                if let Err(error) = done {
                    assert!(said.is_none(), "{said:?}, {error}");
                    said = Some(error.to_string());
                }
            }
            self.log.set_time_ms(self.log.time_ms() + 100);
        }
        said
    }

    /// The last sum of a key, whichever partition it went to.
    fn sum(&self, key: &str) -> Option<i64> {
        let sums = (0..2).flat_map(|partition| self.log.read_committed("sums", partition, 0).unwrap());
        let last = sums.filter(|sum| sum.key() == Some(key.as_bytes())).last();
        last.map(|sum| i64::from_be_bytes(sum.value().unwrap().try_into().unwrap()))
    }
}

fn task(partition: u32) -> TaskId {
    TaskId { sub: 0, partition }
}

#[test]
fn another_format_is_refused_its_neighbours_go_on_and_the_old_program_finds_all_of_it() {
    let world = World::left_by(InNumbers::topology);
    let (mut worker, said) = world.start(InJson::topology, OnUnreadable::Refuse);
    assert_eq!(
        said.unwrap(),
        "task 0_1 cannot be opened: store `sums` cannot be used: its values are in the format `i64`, and here in `Json`. \
         Its changelog has such rows as well: go back to that form, or give the store another name (`store = \"…\"`), \
         under which it begins empty. Where the new format reads what the old one wrote, `state.unreadable = rebuild` \
         takes the rows from the changelog"
    );
    assert_eq!(worker.set_aside(), [task(1)]);
    world.append(0, "b", 5);
    world.append(1, "a", 1);
    assert_eq!(world.run(&mut worker), None);
    assert_eq!((world.sum("b"), world.sum("a")), (Some(5), Some(7)));
    // A rolled back deployment: what the new one made of its own is not the old one's.
    worker.leave().unwrap();
    let (mut worker, said) = world.start(InNumbers::topology, OnUnreadable::Refuse);
    assert!(said.unwrap().contains("its values are in the format `Json`, and here in `i64`"));
    assert_eq!(worker.set_aside(), [task(0)]);
    assert_eq!((world.run(&mut worker), world.sum("a")), (None, Some(8)));
}

#[test]
fn windows_of_another_length_and_rows_without_windows_are_refused() {
    let refused = |by: fn() -> Topology, to: fn() -> Topology| {
        let (_, said) = World::left_by(by).start(to, OnUnreadable::Refuse);
        let said = said.unwrap();
        let words = said.strip_prefix("task 0_1 cannot be opened: store `sums` cannot be used: ").unwrap();
        words.split_once(". ").unwrap().0.to_owned()
    };
    assert_eq!(
        refused(PerSecond::topology, PerMinute::topology),
        "its windows are 1000 ms long, and here 60000 ms"
    );
    assert_eq!(
        refused(InNumbers::topology, PerMinute::topology),
        "it keeps latest values, and here it should keep windows"
    );
    assert_eq!(
        refused(PerMinute::topology, InNumbers::topology),
        "it keeps windows, and here it should keep latest values"
    );
}

#[test]
fn a_rebuild_takes_what_the_new_format_can_read() {
    let world = World::left_by(InNumbers::topology);
    let (mut worker, said) = world.start(InFourDigits::topology, OnUnreadable::Rebuild);
    assert_eq!(said, None);
    let restored = worker.restored().iter().find(|restored| restored.task == task(1)).unwrap();
    assert_eq!((restored.from, restored.records), (0, 1));
    assert_eq!(
        restored.rebuilt,
        Some(Rebuilt::Unreadable(
            "its values are in the format `i64`, and here in `FourDigits`; what was there is forgotten"
                .to_owned()
        ))
    );
    world.append(1, "a", 1);
    assert_eq!((world.run(&mut worker), world.sum("a")), (None, Some(8)));
    // From now on it is of the new form.
    worker.leave().unwrap();
    let (worker, said) = world.start(InFourDigits::topology, OnUnreadable::Refuse);
    assert_eq!((said, worker.restored()[0].rebuilt.clone()), (None, None));
}

/// A rebuild does not help: the changelog is of the old format as well. It is said which record shows it.
#[test]
fn a_changelog_of_another_format_is_named_with_partition_and_offset() {
    let rebuilt = World::left_by(InNumbers::topology).start(InJson::topology, OnUnreadable::Rebuild);
    let moved = World::left_by(InNumbers::topology).without_disk();
    let moved = moved.start(InJson::topology, OnUnreadable::Refuse);
    for (worker, said) in [rebuilt, moved] {
        let said = said.unwrap();
        let words = format!(
            "task 0_1 cannot be opened: store `sums`: its changelog `{CHANGELOG}`, partition 1, has at offset 0 a record \
             whose value cannot be decoded: "
        );
        assert!(said.starts_with(&words), "{said}");
        assert_eq!(worker.set_aside(), [task(1)]);
    }
    let moved = World::left_by(InNumbers::topology).without_disk();
    let (_, said) = moved.start(PerSecond::topology, OnUnreadable::Refuse);
    assert!(said.unwrap().contains("partition 1, has at offset 0 a record whose key cannot be decoded: "));
}

/// So many that not all of them are tried where the store is not known to be another one's.
fn with_many_rows() -> World {
    let world = World::left_by(InNumbers::topology);
    let (mut worker, _) = world.start(InNumbers::topology, OnUnreadable::Refuse);
    for n in 0..150 {
        world.append(1, &format!("{n}"), n);
    }
    world.append(1, "large", 12_345);
    world.run(&mut worker);
    worker.leave().unwrap();
    world
}

#[test]
fn all_rows_are_tried_when_a_store_is_rebuilt_because_it_was_another_ones() {
    let world = with_many_rows();
    let (_, said) = world.start(InFourDigits::topology, OnUnreadable::Rebuild);
    let said = said.unwrap();
    assert!(said.contains("partition 1, has at offset 152 a record"), "{said}");
    assert!(
        said.contains("whose value cannot be decoded: 12345 has more than four digits. If it was"),
        "{said}"
    );
}

#[test]
fn a_row_that_nobody_tried_is_named_with_its_changelog_when_it_is_read() {
    let world = with_many_rows().without_disk();
    let (mut worker, said) = world.start(InFourDigits::topology, OnUnreadable::Refuse);
    assert_eq!(said, None);
    world.append(1, "7", 1);
    assert_eq!((world.run(&mut worker), world.sum("7")), (None, Some(8)));
    world.append(1, "large", 1);
    let said = world.run(&mut worker).unwrap();
    assert_eq!(
        said,
        format!(
            "task 0_1: store `sums` failed on topic in, partition 1, offset 153: store `sums`: the row of key `large` cannot \
             be decoded: 12345 has more than four digits. The last record of that key in `{CHANGELOG}`, in the same \
             partition, has these bytes: if they were written in another format, go back to that one, or give the store \
             another name (`store = \"…\"`), under which it begins empty"
        )
    );
}
