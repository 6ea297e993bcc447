//! Crashes, lost answers, rebalances and zombies: whatever happens, once it is over the results are those of a run
//! in which nothing happened.
//!
//! The application is confluent: each task has one input (or keys whose results do not depend on the order between
//! partitions), so that equality with the fault-free run is the right question. What the live stores hold is asked
//! by further records at the end, on the instances that went through it all and on one that starts from nothing.

use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::memory::{Fault, MarkerTarget, MemoryLog};
use streams_runtime::transport::{Consumer, Isolation, Message, TopicPartition};
use streams_runtime::worker::{Worker, WorkerError};

mod deletions;
#[allow(dead_code, reason = "`recovery_on_disk` takes these tests in and has disks of its own")]
mod disk;
mod gone;
mod schedules;
mod world;

use world::{World, feed};

const OVERLAYS: [OverlayLimit; 3] = [OverlayLimit::NONE, OverlayLimit::values(3), OverlayLimit::UNBOUNDED];

/// One instance; before commit number `at` the faults are set up, and then it goes on. Behind commit 5 comes a record
/// whose lateness only that transaction's time decides.
#[track_caller]
fn survives(faults: &[Fault]) {
    for overlay in OVERLAYS {
        for (at, with_disk) in [(0, false), (1, true), (2, false), (3, true), (5, false)] {
            let mut world = World::new(overlay);
            let mut worker = world.start("one", with_disk);
            for round in 0..8 {
                feed(&world.log, round * 2, round * 2 + 2);
                worker.step(usize::MAX).unwrap();
                worker.step(usize::MAX).unwrap();
                if round == at {
                    faults.iter().for_each(|fault| world.log.inject("app-one", fault.clone()));
                }
                worker.commit().unwrap();
            }
            world.log.deliver_late();
            world.check(vec![worker], 16);
        }
    }
}

#[test]
fn init_is_lost() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    (0..3).for_each(|_| world.log.inject("app-one", Fault::InitLost));
    feed(&world.log, 0, 4);
    let worker = world.start("one", false);
    world.check(vec![worker], 4);
}

#[test]
fn an_ack_is_lost() {
    survives(&[Fault::AckLost]);
}

#[test]
fn records_do_not_arrive() {
    survives(&[Fault::Undelivered { topic: "sums".to_owned(), partition: 1 }]);
    survives(&[Fault::Undelivered { topic: "app-windows-changelog".to_owned(), partition: 0 }]);
}

#[test]
fn offsets_do_not_arrive() {
    survives(&[Fault::OffsetsLost]);
}

#[test]
fn the_abort_is_lost_as_well() {
    survives(&[Fault::OffsetsLost, Fault::AbortLost]);
    survives(&[Fault::OffsetsLost, Fault::AbortAnswerLost]);
    survives(&[Fault::OffsetsLost, Fault::AbortLost, Fault::InitLost]);
}

#[test]
fn a_commit_that_did_not_happen() {
    survives(&[Fault::CommitLost]);
    survives(&[Fault::CommitLost, Fault::InitLost, Fault::InitLost]);
    survives(&[Fault::CommitLate]);
    survives(&[Fault::FencedBeforeCommit]);
}

#[test]
fn a_commit_that_happened_though_its_answer_was_lost() {
    survives(&[Fault::CommitAnswerLost]);
    survives(&[Fault::CommitAnswerLost, Fault::InitLost]);
    survives(&[Fault::FencedAfterCommit]);
}

/// Drops of a transaction are counted once, however its outcome came to be known.
#[test]
fn drops_are_counted_with_the_outcome() {
    let late = |fault: Option<Fault>| {
        let mut world = World::new(OverlayLimit::UNBOUNDED);
        let mut worker = world.start("one", false);
        feed(&world.log, 0, 10);
        worker.step(usize::MAX).unwrap();
        worker.step(usize::MAX).unwrap();
        fault.into_iter().for_each(|fault| world.log.inject("app-one", fault));
        world.rest(&mut [&mut worker]);
        worker.tasks().iter().map(|task| task.dropped()).sum::<u64>()
    };
    let all = late(None);
    assert_eq!(all, 4);
    for fault in [Fault::CommitLost, Fault::CommitAnswerLost, Fault::FencedAfterCommit, Fault::OffsetsLost] {
        assert_eq!(late(Some(fault.clone())), all, "{fault:?}");
    }
}

/// A crash between any two steps, with and without a disk, with markers written at once or one by one.
#[test]
fn a_crash_at_every_step() {
    for overlay in OVERLAYS {
        for crash_at in 0..14 {
            for (with_disk, hold) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut world = World::new(overlay);
                let mut worker = world.start("one", with_disk);
                let mut moment = 0;
                for round in 0..4 {
                    feed(&world.log, round * 3, round * 3 + 3);
                    for what in 0..4 {
                        if moment == crash_at {
                            drop(worker);
                            world.log.set_time_ms(world.log.time_ms() + 46_000);
                            worker = world.start("one", with_disk);
                        }
                        moment += 1;
                        world.log.hold_markers(hold && moment == crash_at);
                        match what {
                            0 | 1 => drop(worker.step(7).unwrap()),
                            2 => drop(worker.step(usize::MAX).unwrap()),
                            _ => drop(worker.commit().unwrap()),
                        }
                    }
                }
                world.log.hold_markers(false);
                world.check(vec![worker], 12);
            }
        }
    }
}

/// The previous owner's transaction is decided, its offsets are visible, but its changelog records are not yet: the
/// next owner must wait for them, although the changelog's last stable offset is reached at once.
#[test]
fn a_restore_ends_at_the_high_watermark() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    let mut old = world.start("old", false);
    feed(&world.log, 0, 3);
    world.rest(&mut [&mut old]);
    feed(&world.log, 3, 6);
    old.step(usize::MAX).unwrap();
    world.log.hold_markers(true);
    assert_eq!(old.commit().unwrap(), Commit::Done);
    drop(old);
    let offsets = MarkerTarget::Offsets("app".to_owned());
    let nth = world.log.pending_markers().iter().position(|marker| marker.target == offsets).unwrap();
    assert!(world.log.write_marker(nth));

    world.log.set_time_ms(46_000);
    let mut new = world.start("new", false);
    for _ in 0..5 {
        new.step(usize::MAX).unwrap();
    }
    assert_eq!(new.opening().len(), 4, "they wait; the tasks of the other sub-topology go on");
    assert_eq!(new.tasks().len(), 2);
    world.check(vec![new], 6);
}

/// Offsets of an undecided transaction: the next owner asks again, and does not start at the old ones.
#[test]
fn pending_offsets_are_waited_for() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    let mut old = world.start("old", false);
    // Where every task begins is committed.
    old.step(usize::MAX).unwrap();
    old.commit().unwrap();
    feed(&world.log, 0, 3);
    old.step(usize::MAX).unwrap();
    old.step(usize::MAX).unwrap();
    world.log.hold_markers(true);
    old.commit().unwrap();
    drop(old);
    world.log.set_time_ms(46_000);
    let mut new = world.start("new", false);
    for _ in 0..5 {
        new.step(usize::MAX).unwrap();
    }
    assert_eq!((new.opening().len(), new.tasks().len()), (4, 2));
    world.check(vec![new], 3);
}

/// A broker that is being started again does not tell where partitions end: neither a task that is opened nor one that
/// comes back gives up.
#[test]
fn ends_that_are_not_told_are_asked_for_again() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 3);
    world.log.lose_ends(7);
    let mut one = world.start("one", true);
    world.rest(&mut [&mut one]);
    feed(&world.log, 3, 6);
    world.log.inject("app-one", Fault::CommitAnswerLost);
    world.log.lose_ends(7);
    world.check(vec![one], 6);
}

/// Where a task begins is committed also if its first transaction is taken back.
#[test]
fn the_beginning_is_committed_once() {
    for fault in [None, Some(Fault::OffsetsLost), Some(Fault::CommitLost)] {
        let mut world = World::new(OverlayLimit::UNBOUNDED);
        let mut one = world.start("one", false);
        one.step(usize::MAX).unwrap();
        one.step(usize::MAX).unwrap();
        match fault {
            None => one.abort().unwrap(),
            Some(fault) => world.log.inject("app-one", fault),
        }
        world.rest(&mut [&mut one]);
        for partition in 0..4 {
            let committed = world.log.committed("app", "in", partition).unwrap();
            assert_eq!(committed.map(|committed| committed.offset), Some(0));
        }
    }
}

/// After an abort not every input can be read again at once: none is read from where it was, and none by another task.
#[test]
fn assignments_that_fail() {
    for overlay in OVERLAYS {
        for after in 0..6 {
            let mut world = World::new(overlay);
            let mut one = world.start("one", true);
            feed(&world.log, 0, 3);
            world.log.fail_assignments(after, 2);
            world.rest(&mut [&mut one]);
            feed(&world.log, 3, 6);
            one.step(usize::MAX).unwrap();
            one.step(usize::MAX).unwrap();
            world.log.fail_assignments(after, 2);
            one.abort().unwrap();
            world.check(vec![one], 6);
        }
    }
}

/// Who slept beyond its session finds that its tasks went on without it, and that what it would read next is deleted.
#[test]
fn what_was_lost_may_be_deleted() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    let mut zombie = world.start("one", false);
    feed(&world.log, 0, 4);
    world.rest(&mut [&mut zombie]);
    assert!(world.log.expel("app", "app-one-1"));
    feed(&world.log, 4, 8);
    let mut two = world.start("two", false);
    world.rest(&mut [&mut two]);
    for partition in 0..4 {
        world.log.delete_records("in", partition, 8).unwrap();
    }
    zombie.step(usize::MAX).unwrap();
    world.check(vec![zombie, two], 8);
}

/// An instance that dies in an open transaction holds its tasks back until the transaction's time-out.
#[test]
fn an_open_transaction_is_waited_for() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    let mut old = world.start("old", false);
    // Where every task begins is committed.
    old.step(usize::MAX).unwrap();
    old.commit().unwrap();
    feed(&world.log, 0, 3);
    old.step(usize::MAX).unwrap();
    old.step(usize::MAX).unwrap();
    world.log.inject("app-old", Fault::CommitLost);
    world.log.inject("app-old", Fault::InitLost);
    old.commit().unwrap();
    drop(old);
    world.log.set_time_ms(46_000);
    let mut new = world.start("new", false);
    for _ in 0..3 {
        new.step(usize::MAX).unwrap();
    }
    assert_eq!(new.opening().len(), 4);
    world.log.set_time_ms(61_000);
    world.check(vec![new], 3);
}

#[test]
fn tasks_move_when_an_instance_joins_and_leaves() {
    for overlay in OVERLAYS {
        let mut world = World::new(overlay);
        let mut one = world.start("one", true);
        feed(&world.log, 0, 4);
        one.step(usize::MAX).unwrap();
        one.step(usize::MAX).unwrap();
        // Not committed yet: the revocation commits it.
        let mut two = world.start("two", true);
        for _ in 0..4 {
            two.step(usize::MAX).unwrap();
            one.step(usize::MAX).unwrap();
        }
        assert_eq!((one.tasks().len(), two.tasks().len()), (3, 3));
        feed(&world.log, 4, 8);
        world.rest(&mut [&mut one, &mut two]);
        two.leave().unwrap();
        feed(&world.log, 8, 12);
        one.step(usize::MAX).unwrap();
        let mut two = world.start("two", true);
        world.rest(&mut [&mut one, &mut two]);
        world.check(vec![one, two], 12);
    }
}

/// The commit of a revocation fails: everything is rewound, and what was fetched in the same batch is not processed
/// in front of what comes again.
#[test]
fn a_failed_commit_at_a_revocation() {
    for fault in [Fault::OffsetsLost, Fault::CommitLost, Fault::CommitAnswerLost, Fault::FencedAfterCommit] {
        let mut world = World::new(OverlayLimit::UNBOUNDED);
        let mut one = world.start("one", false);
        feed(&world.log, 0, 4);
        one.step(usize::MAX).unwrap();
        one.step(usize::MAX).unwrap();
        let mut two = world.start("two", false);
        two.step(usize::MAX).unwrap();
        feed(&world.log, 4, 8);
        world.log.inject("app-one", fault);
        one.step(usize::MAX).unwrap();
        world.check(vec![one, two], 8);
    }
}

#[test]
fn a_zombie_is_refused() {
    for overlay in OVERLAYS {
        let mut world = World::new(overlay);
        let mut zombie = world.start("one", true);
        feed(&world.log, 0, 4);
        world.rest(&mut [&mut zombie]);
        feed(&world.log, 4, 8);
        zombie.step(usize::MAX).unwrap();
        // It is paused; the group goes on without it.
        assert!(world.log.expel("app", "app-one-1"));
        let mut two = world.start("two", true);
        feed(&world.log, 8, 10);
        two.step(usize::MAX).unwrap();
        two.step(usize::MAX).unwrap();
        let before = world.results();
        assert_eq!(zombie.commit().unwrap(), Commit::TakenBack);
        assert_eq!(world.results(), before, "nothing of the zombie is visible");
        two.commit().unwrap();
        world.check(vec![zombie, two], 10);
    }
}

/// Engines are marked with their own changelog's offset as of the commit, and a restart goes on from there.
#[test]
fn a_disk_is_reused_and_a_stale_one_catches_up() {
    let mut world = World::new(OverlayLimit::values(3));
    feed(&world.log, 0, 4);
    let mut one = world.start("one", true);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    for (task, store, mark) in world.disks["one"].marks() {
        let mark = mark.expect("a clean end applies everything");
        let ends = world.log.watermarks(&format!("app-{store}-changelog"), task.partition).unwrap();
        // The commit marker stands behind the last change.
        assert_eq!(mark.changelog_offset, ends.high - 1, "{task} {store}");
        assert_eq!(mark.topic_id, world.log.topic_id(&format!("app-{store}-changelog")).unwrap().into());
        if task.sub == 0 {
            assert_eq!(mark.task_times, b"v1 Windows=14", "{task}");
        }
    }
    // Elsewhere for a while.
    feed(&world.log, 4, 8);
    let mut two = world.start("two", true);
    world.rest(&mut [&mut two]);
    two.leave().unwrap();
    feed(&world.log, 8, 10);
    let one = world.start("one", true);
    world.check(vec![one], 10);
}

#[test]
fn a_changelog_made_anew_is_not_replayed_on_old_rows() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", true);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    // Everything is reset but the disk.
    for topic in world.log.topics() {
        let partitions = world.log.partitions(&topic).unwrap();
        world.log.delete_topic(&topic).unwrap();
        world.log.create_topic(&topic, partitions).unwrap();
    }
    feed(&world.log, 0, 4);
    let one = world.start("one", true);
    world.check(vec![one], 4);
}

fn errors(worker: &mut Worker<InProcess>) -> Vec<String> {
    let mut errors = Vec::new();
    for _ in 0..20 {
        errors.extend(worker.step(usize::MAX).map(drop).err().map(|error| error.to_string()));
        errors.extend(worker.commit().map(drop).err().map(|error: WorkerError| error.to_string()));
    }
    errors.sort();
    errors
}

#[test]
fn an_input_that_was_deleted_under_a_task_stops_with_words() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", false);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    feed(&world.log, 4, 8);
    world.log.delete_records("in", 2, 6).unwrap();
    let mut one = world.start("one", false);
    let errors = errors(&mut one);
    assert_eq!(errors, ["task 0_2 cannot read its input: offset 4 of in-2 is outside the log"]);
    assert_eq!(one.set_aside().len(), 1);
    assert_eq!(world.log.committed("app", "in", 3).unwrap().unwrap().offset, 8, "its neighbour went on");
}

#[test]
fn a_first_start_begins_at_the_first_record_that_is_left() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    world.log.delete_records("in", 0, 2).unwrap();
    let mut one = world.start("one", false);
    assert!(errors(&mut one).is_empty());
    assert_eq!(world.log.committed("app", "in", 0).unwrap().unwrap().offset, 4);
}

#[test]
fn a_store_ahead_of_its_changelog_is_not_thrown_away() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", true);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    let disk = world.disks["one"].clone();
    // Another log, in which the changelog's end was lost; this log does not tell identities apart, as its topics
    // were made in the same order.
    let mut lost = World::new(OverlayLimit::UNBOUNDED);
    lost.disks.insert("one", disk);
    feed(&lost.log, 0, 1);
    let mut other = lost.start("two", false);
    lost.rest(&mut [&mut other]);
    other.leave().unwrap();
    let errors = errors(&mut lost.start("one", true));
    assert!(errors.iter().any(|error| error.contains("records were lost there")), "{errors:?}");
}

/// The metadata of offsets is that of the operators' times, also after a tool that knows nothing of them.
#[test]
fn times_are_unknown_after_a_tool_set_the_offsets() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", false);
    world.rest(&mut [&mut one]);
    let committed = world.log.committed("app", "in", 0).unwrap().unwrap();
    assert!(committed.metadata.starts_with("v1 Windows=14 of:"), "{committed:?}");
    one.leave().unwrap();
    let mut tool = world.log.consumer("app", "tool", Isolation::ReadCommitted);
    let mut offset = world.log.committed("app", "in", 0).unwrap().unwrap();
    offset.metadata = "set by hand".to_owned();
    tool.commit(&[(TopicPartition { topic: "in".to_owned(), partition: 0 }, offset)]).unwrap();
    let mut one = world.start("one", false);
    assert!(errors(&mut one).is_empty());
}

mod shadows {
    use super::*;

    #[topic(name = "narrow", partitions = 1, key = String, value = String)]
    struct Narrow;
    #[topic(name = "wide", partitions = 3, key = String, value = String)]
    struct Wide;
    #[topic(name = "both", partitions = 1, key = String, value = String)]
    struct Both;
    #[processor(from = [Narrow, Wide], merge, to = Both)]
    struct Merged;
    topology!(Merging = [Merged]);

    /// Inputs of one task that have unlike counts: the last tasks read less.
    #[test]
    fn a_topic_with_fewer_partitions_than_there_are_tasks() {
        let log = MemoryLog::new();
        let mut one = InProcess::new(&log, "merging", "one").start(Merging::topology()).unwrap();
        for (topic, partition) in [("narrow", 0), ("wide", 0), ("wide", 1), ("wide", 2)] {
            let value = format!("{topic}-{partition}");
            log.append(topic, partition, Some(b"k"), Some(value.as_bytes()), 0, &Headers::new()).unwrap();
        }
        assert!(errors(&mut one).is_empty());
        let both = log.read_committed("both", 0, 0).unwrap();
        let mut both: Vec<_> =
            both.map(|m| String::from_utf8(m.value().unwrap().to_vec()).unwrap()).collect();
        both.sort();
        assert_eq!(both, ["narrow-0", "wide-0", "wide-1", "wide-2"]);
    }
}

mod unlike {
    use super::*;

    #[topic(name = "declared", partitions = 2, key = String, value = String)]
    struct Declared;
    #[topic(name = "undeclared", key = String, value = String)]
    struct Undeclared;
    #[processor(from = [Declared, Undeclared], merge, to = Out)]
    struct Merged;
    #[topic(name = "out", key = String, value = String)]
    struct Out;
    topology!(Merging = [Merged]);

    /// The group shares out the declared topic's partitions; further ones of the other would never be read.
    #[test]
    fn partitions_that_nobody_would_read_are_refused_at_start() {
        let log = MemoryLog::new();
        log.create_topic("undeclared", 3).unwrap();
        let refused =
            InProcess::new(&log, "unlike", "one").start(Merging::topology()).err().unwrap().to_string();
        assert!(refused.contains("`undeclared` has 3 partitions"), "{refused}");
        assert!(refused.contains("`declared`, which leads, has 2"), "{refused}");
    }
}
