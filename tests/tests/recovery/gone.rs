//! A group that has no offsets, for a moment or for good: reading from the beginning would count everything twice.

use super::world::{World, feed};
use super::{OVERLAYS, errors};

use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::memory::Fault;

/// A task that comes back with its stores, or never had any, knows that there were offsets: it does not begin anew.
#[test]
fn offsets_that_are_gone_for_a_moment() {
    for overlay in OVERLAYS {
        for fault in [Fault::CommitLost, Fault::CommitAnswerLost] {
            let mut world = World::new(overlay);
            let mut one = world.start("one", true);
            feed(&world.log, 0, 3);
            world.rest(&mut [&mut one]);
            feed(&world.log, 3, 6);
            one.step(usize::MAX).unwrap();
            world.log.inject("app-one", fault);
            one.commit().unwrap();
            world.log.hide_offsets(9);
            world.check(vec![one], 6);
        }
    }
}

/// What was answered before a machine was suspended says nothing about how long it has been so.
#[test]
fn patience_with_brokers_counts_answers_and_not_sleep() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", false);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    world.log.hide_offsets(1_000);
    let mut one = world.start("one", false);
    for _ in 0..3 {
        one.step(usize::MAX).unwrap();
        world.log.set_time_ms(world.log.time_ms() + 200);
    }
    // It was told once more that there is none, and then it sleeps before the ends of changelogs are known.
    world.log.hide_offsets(1_000);
    world.log.lose_ends(1_000);
    one.step(usize::MAX).unwrap();
    world.log.calm();
    world.log.set_time_ms(world.log.time_ms() + 60_000);
    assert_eq!(errors(&mut one), [""; 0]);
    world.check(vec![one], 4);
}

#[test]
fn rows_without_offsets_stop_with_words() {
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, 4);
    let mut one = world.start("one", false);
    world.rest(&mut [&mut one]);
    one.leave().unwrap();
    // The group's offsets are gone, the changelogs are not.
    world.log.delete_topic("in").unwrap();
    world.log.create_topic("in", 4).unwrap();
    feed(&world.log, 0, 4);
    let mut one = world.start("one", false);
    assert_eq!(errors(&mut one), [""; 0], "for a moment a broker may say so by mistake");
    world.log.set_time_ms(world.log.time_ms() + 10_000);
    // Nor do two answers that are far apart say that it was so in between.
    assert_eq!(errors(&mut one), [""; 0]);
    let mut said = Vec::new();
    for _ in 0..10 {
        world.log.set_time_ms(world.log.time_ms() + 200);
        said.extend(errors(&mut one));
    }
    let errors = said;
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].starts_with("task 0_0 cannot be opened: store `"), "{errors:?}");
    assert!(errors[0].contains("holds rows of `app-"), "{errors:?}");
    assert!(errors[0].contains("and the group has no committed offset"), "{errors:?}");
    assert!(errors[0].contains("`kafka-consumer-groups.sh --reset-offsets`"), "{errors:?}");
    assert_eq!((one.set_aside().len(), one.tasks().len()), (4, 2), "the others run");
}
