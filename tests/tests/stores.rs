//! What a store on disk is worth when its task is opened: what is replayed, and which rows are not used any more.
//!
//! What was replayed is asked of the worker ([`Worker::restored`]), as tests on a broker do.

use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::prelude::*;
use streams_runtime::restore::{Rebuilt, RestoredStore};
use streams_runtime::transport::memory::{MemoryLog, TopicSettings};
use streams_runtime::transport::{CommittedOffset, Consumer, Isolation, Message, TopicPartition};
use streams_runtime::worker::Worker;

#[topic(name = "words", key = String, value = Option<String>)]
struct WordsTopic;

#[ktable(store = "words", from = WordsTopic)]
struct Words;

#[topic(name = "clicks", key = String, value = String)]
struct Clicks;

#[topic(name = "counts", key = TimeWindowed<String, 1000>, value = i64)]
struct Counts;

#[ktable(store = "per-second", from = Clicks, count, to = Counts)]
#[window(tumbling = "1s", grace = "0s", retention = "10s")]
struct PerSecond;

topology!(Keeping = [Words, PerSecond]);

const HOUR: i64 = 3_600_000;

struct World {
    log: MemoryLog,
    disk: MemoryDisk,
}

impl World {
    fn new() -> World {
        World { log: MemoryLog::new(), disk: MemoryDisk::new() }
    }

    /// Changelogs that say how long they keep things.
    fn keeping(delete_retention_ms: Option<i64>, retention_ms: Option<i64>) -> World {
        let world = World::new();
        for store in ["words", "per-second"] {
            let settings = TopicSettings { delete_retention_ms, retention_ms, ..TopicSettings::new(1) };
            world.log.create_topic_with(&changelog(store), settings).unwrap();
        }
        world
    }

    fn start(&self, name: &str) -> Worker<InProcess> {
        let instance = InProcess::new(&self.log, "app", name).disk(&self.disk);
        let mut worker = instance.start(Keeping::topology()).unwrap();
        self.run(&mut worker);
        worker
    }

    fn elsewhere(&self) -> Worker<InProcess> {
        let mut worker = InProcess::new(&self.log, "app", "elsewhere").start(Keeping::topology()).unwrap();
        self.run(&mut worker);
        worker
    }

    fn run(&self, worker: &mut Worker<InProcess>) {
        while !worker.step(100).unwrap().is_idle() {
            worker.commit().unwrap();
        }
        worker.commit().unwrap();
    }

    /// The machine is gone, and the group has noticed.
    fn crash(&self, worker: Worker<InProcess>) {
        drop(worker);
        self.pass(46_000);
    }

    fn pass(&self, ms: i64) {
        self.log.set_time_ms(self.log.time_ms() + ms);
    }

    fn word(&self, key: &str, value: Option<&str>) {
        self.append("words", key, value, self.log.time_ms());
    }

    fn click(&self, second: i64) {
        self.append("clicks", "a", Some("x"), second * 1_000);
    }

    fn append(&self, topic: &str, key: &str, value: Option<&str>, time: i64) {
        let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
        self.log.append(topic, 0, key, value, time, &Headers::new()).unwrap();
    }

    fn high(&self, store: &str) -> i64 {
        self.log.watermarks(&changelog(store), 0).unwrap().high
    }

    /// The last count that was written.
    fn count(&self) -> i64 {
        let last = self.log.read_committed("counts", 0, 0).unwrap().last().unwrap();
        i64::from_be_bytes(last.value().unwrap().try_into().unwrap())
    }
}

fn changelog(store: &str) -> String {
    format!("app-{store}-changelog")
}

fn restored(worker: &Worker<InProcess>, store: &str) -> RestoredStore {
    worker.restored().iter().find(|restored| restored.store == store).unwrap().clone()
}

#[test]
fn a_clean_end_leaves_nothing_to_replay() {
    let world = World::new();
    let mut one = world.start("one");
    assert_eq!((restored(&one, "words").records, restored(&one, "words").to), (0, 0));
    world.word("k", Some("v"));
    world.run(&mut one);
    one.leave().unwrap();
    let one = world.start("one");
    let end = world.high("words");
    // Only the marker of the last commit is behind the last change.
    let RestoredStore { records, from, to, rebuilt, .. } = restored(&one, "words");
    assert_eq!((records, from, to, rebuilt), (0, end - 1, end, None));
}

#[test]
fn a_crash_leaves_what_was_not_applied() {
    let world = World::new();
    let mut one = world.start("one");
    for n in 0..10 {
        world.word(&format!("{n}"), Some("v"));
        world.run(&mut one);
    }
    world.pass(5_000);
    world.word("applied", Some("v"));
    world.run(&mut one);
    let applied = world.high("words") - 1;
    world.word("k", Some("v"));
    world.word("l", Some("v"));
    world.run(&mut one);
    world.crash(one);
    let one = world.start("one");
    let RestoredStore { records, from, to, rebuilt, .. } = restored(&one, "words");
    assert_eq!((records, from, to, rebuilt), (2, applied, world.high("words"), None));
}

/// A worker without records applies as well: what is committed does not wait for the next record.
#[test]
fn rows_of_an_idle_task_are_applied() {
    let world = World::new();
    let mut one = world.start("one");
    world.word("k", Some("v"));
    world.run(&mut one);
    world.pass(5_000);
    world.run(&mut one);
    world.crash(one);
    assert_eq!(restored(&world.start("one"), "words").records, 0);
}

/// Deletions that happened while it was away may be gone: what was deleted would be there again, on this machine
/// alone.
#[test]
fn a_store_older_than_its_changelogs_deletions_is_rebuilt() {
    for (kept, away, rebuilds) in [
        (None, 23 * HOUR - 60_000, false),
        (None, 23 * HOUR + 60_000, true),
        (Some(HOUR), 57 * 60_000, false),
        (Some(HOUR), 58 * 60_000, true),
        (Some(48 * HOUR), 46 * HOUR, false),
    ] {
        let world = World::keeping(kept, None);
        let mut one = world.start("one");
        world.word("stays", Some("v"));
        world.word("deleted", Some("v"));
        world.run(&mut one);
        one.leave().unwrap();
        let mut two = world.elsewhere();
        world.word("deleted", None);
        world.run(&mut two);
        two.leave().unwrap();
        world.pass(away);
        let one = world.start("one");
        let RestoredStore { records, from, rebuilt, .. } = restored(&one, "words");
        let old =
            rebuilt.as_ref().is_some_and(|why| matches!(why, Rebuilt::Old { age_ms, .. } if *age_ms == away));
        assert_eq!(old, rebuilds, "{away}: {rebuilt:?}");
        assert_eq!((records, from == 0), if rebuilds { (3, true) } else { (1, false) });
        if let (Some(why), None) = (rebuilt, kept) {
            assert_eq!(
                why.to_string(),
                "it was last complete 23 h ago, and its changelog keeps deletions for 24 h (`delete.retention.ms`)"
            );
        }
    }
}

/// Nothing was written behind it, so nothing can have been deleted.
#[test]
fn a_store_that_is_at_the_end_is_never_too_old() {
    let world = World::new();
    let mut one = world.start("one");
    world.word("k", Some("v"));
    world.run(&mut one);
    one.leave().unwrap();
    world.start("one").leave().unwrap();
    world.pass(1_000 * HOUR);
    let one = world.start("one");
    assert_eq!((restored(&one, "words").records, restored(&one, "words").rebuilt), (0, None));
}

/// A store that nobody writes to is as good as its worker is alive.
#[test]
fn a_quiet_store_does_not_get_old() {
    let world = World::new();
    let mut one = world.start("one");
    world.word("k", Some("v"));
    world.run(&mut one);
    for _ in 0..60 * 20 {
        world.pass(180_000);
        world.run(&mut one);
    }
    world.crash(one);
    assert_eq!(restored(&world.start("one"), "words").rebuilt, None);
}

/// A worker that was asleep for days does not know yet that others had its tasks: that it believes to own them says
/// nothing.
#[test]
fn a_worker_that_slept_does_not_renew_its_marks() {
    for applied in [true, false] {
        let world = World::new();
        let mut one = world.start("one");
        world.word("k", Some("v"));
        world.run(&mut one);
        if applied {
            world.pass(5_000);
            world.run(&mut one);
        }
        world.pass(60 * HOUR);
        for _ in 0..3 {
            one.commit().unwrap();
            world.pass(1_000);
        }
        world.crash(one);
        let why = restored(&world.start("one"), "words").rebuilt;
        assert!(matches!(why, Some(Rebuilt::Old { .. })), "{why:?}");
    }
}

#[test]
fn a_store_that_ends_before_its_changelog_begins_is_rebuilt() {
    let world = World::new();
    let mut one = world.start("one");
    world.word("old", Some("v"));
    world.run(&mut one);
    one.leave().unwrap();
    let mut two = world.elsewhere();
    world.word("gone", Some("v"));
    world.run(&mut two);
    world.word("left", Some("v"));
    world.run(&mut two);
    two.leave().unwrap();
    let start = world.high("words") - 2;
    world.log.delete_records(&changelog("words"), 0, start).unwrap();
    let one = world.start("one");
    let RestoredStore { records, from, rebuilt, .. } = restored(&one, "words");
    assert_eq!((records, from, rebuilt), (1, start, Some(Rebuilt::BehindStart { offset: 1, start })));
}

/// What a windowed changelog deleted by age is no loss if all of it is expired anyway.
#[test]
fn windows_stay_if_all_that_can_be_missing_is_expired() {
    for (kept, now, stays) in
        [(Some(100_000), 205_000, true), (Some(100_000), 320_000, false), (None, 205_000, false)]
    {
        let world = World::keeping(None, kept);
        let mut one = world.start("one");
        world.click(1);
        world.run(&mut one);
        one.leave().unwrap();
        let mut two = world.elsewhere();
        world.click(2);
        world.run(&mut two);
        world.click(205);
        world.run(&mut two);
        two.leave().unwrap();
        let start = world.high("per-second") - 2;
        world.log.delete_records(&changelog("per-second"), 0, start).unwrap();
        world.log.set_time_ms(now);
        let mut one = world.start("one");
        let RestoredStore { from, rebuilt, .. } = restored(&one, "per-second");
        let behind = Rebuilt::BehindStart { offset: 1, start };
        assert_eq!((from, rebuilt), (start, (!stays).then_some(behind)), "{kept:?} at {now}");
        world.click(205);
        world.run(&mut one);
        assert_eq!(world.count(), 2);
    }
}

/// Whether windows may stay is only known at the end: a crash on the way there must not answer it.
#[test]
fn a_crash_does_not_decide_whether_windows_stay() {
    let world = World::keeping(None, Some(100_000));
    let mut one = world.start("one");
    world.click(1);
    world.run(&mut one);
    one.leave().unwrap();
    let mut two = world.elsewhere();
    world.click(2);
    world.run(&mut two);
    let start = world.high("per-second");
    for key in 0..3_000 {
        world.append("clicks", &format!("{key}"), Some("x"), 3_000);
    }
    world.run(&mut two);
    two.leave().unwrap();
    world.log.delete_records(&changelog("per-second"), 0, start).unwrap();
    world.pass(200_000);
    let mut one =
        InProcess::new(&world.log, "app", "one").disk(&world.disk).start(Keeping::topology()).unwrap();
    one.step(1).unwrap();
    one.step(1).unwrap();
    assert!(!one.opening().is_empty());
    world.crash(one);
    let RestoredStore { records, rebuilt, .. } = restored(&world.start("one"), "per-second");
    assert_eq!(
        (records, rebuilt),
        (6_000, Some(Rebuilt::BehindStart { offset: 1, start })),
        "twice the 3,000"
    );
}

#[test]
fn a_store_of_another_topic_is_rebuilt() {
    let world = World::new();
    let mut one = world.start("one");
    world.word("k", Some("v"));
    world.run(&mut one);
    one.leave().unwrap();
    world.log.delete_topic(&changelog("words")).unwrap();
    let one = world.start("one");
    assert_eq!(restored(&one, "words").rebuilt, Some(Rebuilt::OtherTopic));
}

/// A coordinator that just took over may say "none": reading from the beginning would count everything twice.
#[test]
fn offsets_that_are_missing_for_a_moment_are_waited_for() {
    for with_disk in [true, false] {
        let world = World::new();
        let mut one = world.start("one");
        world.click(1);
        world.run(&mut one);
        one.leave().unwrap();
        world.click(1);
        world.log.hide_offsets(7);
        let name = if with_disk { "one" } else { "fresh" };
        let mut instance = InProcess::new(&world.log, "app", name);
        if with_disk {
            instance = instance.disk(&world.disk);
        }
        let mut one = instance.start(Keeping::topology()).unwrap();
        for _ in 0..40 {
            one.step(100).unwrap();
            one.commit().unwrap();
            world.pass(100);
        }
        assert_eq!(world.count(), 2, "{with_disk}");
    }
}

/// Ten seconds later it is no accident any more.
#[test]
fn offsets_that_stay_away_stop_the_task() {
    let world = World::new();
    let mut one = world.start("one");
    world.click(1);
    world.run(&mut one);
    one.leave().unwrap();
    world.log.hide_offsets(u32::MAX);
    let mut one =
        InProcess::new(&world.log, "app", "one").disk(&world.disk).start(Keeping::topology()).unwrap();
    let mut failed = None;
    for tenths in 0..110 {
        if let Err(error) = one.step(100) {
            failed = failed.or(Some((tenths, error.to_string())));
        }
        world.pass(100);
    }
    let (tenths, error) = failed.unwrap();
    assert!((99..=102).contains(&tenths), "{tenths}");
    assert!(error.contains("the group has no committed offset for any input"), "{error}");
}

/// A first start that crashed before anything was committed leaves nothing that looks like rows without offsets.
#[test]
fn a_first_start_that_crashed_is_no_accident() {
    let world = World::new();
    let mut one = world.start("one");
    world.click(1);
    one.step(100).unwrap();
    world.crash(one);
    let one = world.start("one");
    assert!(one.set_aside().is_empty() && one.opening().is_empty());
    assert_eq!(world.count(), 1);
}

/// Offset, topic, times and clock of a mark are those of the state it describes, also right after a restore.
#[test]
fn a_restore_leaves_a_whole_mark() {
    let world = World::new();
    let mut two = world.elsewhere();
    world.click(7);
    world.run(&mut two);
    two.leave().unwrap();
    world.log.set_time_ms(123_456);
    let one = world.start("one");
    let marks = world.disk.marks();
    let (_, _, mark) = marks.iter().find(|(_, store, _)| store == "per-second").unwrap();
    let mark = mark.clone().unwrap();
    let metadata = world.log.committed("app", "clicks", 0).unwrap().unwrap().metadata;
    let times = metadata.split(" of:").next().unwrap().to_owned();
    assert_eq!(mark.changelog_offset, world.high("per-second"));
    assert_eq!(mark.topic_id, world.log.topic_id(&changelog("per-second")).unwrap().into());
    assert_eq!((mark.task_times, mark.wall_ms), (times.into_bytes(), 123_456));
    drop(one);
}

/// A crash in the middle of a replay: what was replayed is as old as the moment at which its replay began.
#[test]
fn half_a_replay_is_as_old_as_its_beginning() {
    let world = World::keeping(Some(HOUR), None);
    world.pass(1_000 * HOUR);
    let mut two = world.elsewhere();
    for n in 0..5_000 {
        world.word(&format!("{n}"), Some("v"));
    }
    world.run(&mut two);
    two.leave().unwrap();
    let half = |world: &World| {
        let mut one =
            InProcess::new(&world.log, "app", "one").disk(&world.disk).start(Keeping::topology()).unwrap();
        for _ in 0..2 {
            one.step(1).unwrap();
        }
        assert!(!one.opening().is_empty());
        world.crash(one);
    };
    half(&world);
    half(&world);
    world.pass(10 * 60_000);
    let one = world.start("one");
    let RestoredStore { records, rebuilt, .. } = restored(&one, "words");
    assert!(records < 2_000 && rebuilt.is_none(), "{records} {rebuilt:?}");
    one.leave().unwrap();

    let world = World { disk: MemoryDisk::new(), ..world };
    half(&world);
    world.pass(50 * 60_000);
    half(&world);
    // The second half began ten minutes ago, the first one an hour ago.
    world.pass(10 * 60_000);
    let rebuilt = restored(&world.start("one"), "words").rebuilt;
    assert!(matches!(rebuilt, Some(Rebuilt::Old { .. })), "{rebuilt:?}");
}

/// Offsets that a tool took away while the changelog is empty: there is nothing to lose.
#[test]
fn empty_stores_need_no_offsets() {
    let world = World::new();
    let one = world.start("one");
    one.leave().unwrap();
    let mut tool = world.log.consumer("app", "tool", Isolation::ReadCommitted);
    let at = TopicPartition { topic: "clicks".to_owned(), partition: 0 };
    tool.commit(&[(at, CommittedOffset { offset: 0, metadata: String::new() })]).unwrap();
    world.start("one").leave().unwrap();
    world.log.hide_offsets(100);
    let one = world.start("one");
    assert!(one.opening().is_empty() && one.set_aside().is_empty());
}
