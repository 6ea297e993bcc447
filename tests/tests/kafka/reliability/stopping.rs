//! Asked to end: what was processed is committed, and who leaves the group and who stays in it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault};
use streams_tests::broker::supervised::Signal;
use streams_tests::broker::tools::{
    Isolation, Message, Producer, committed, create_topic, group, read, read_until, until,
};

use super::PATIENCE;
use super::application::{Application, Restored};
use super::words::{STORES, Words};

#[test]
fn without_stores_the_group_is_left_at_once() {
    let broker = Broker::start();
    for topic in ["greetings", "greetings-spanish", "greetings-uppercase"] {
        create_topic(&broker.bootstrap(), topic, 1, &[]);
    }
    let mut app = Application::new("greetings", "leaves", &broker.bootstrap()).on_disk();
    // So that only the end commits.
    app.set("commit.interval.ms", "2500");
    app.start();
    let greeting = |number: usize| {
        let text = json!({ "message": format!("good day {number}"), "timeStamp": "2026-01-01T00:00:00" });
        Message::to("greetings").value(text.to_string())
    };
    Producer::new(&broker.bootstrap()).write((0..50).map(greeting));
    let (topic, all) = ("greetings-uppercase", |read: &[_]| read.len() == 50);
    read_until(&broker.bootstrap(), topic, Isolation::Uncommitted, PATIENCE, all);

    app.stop();

    // Markers of a commit are written partition by partition: they may appear a moment later.
    read_until(&broker.bootstrap(), topic, Isolation::Committed, PATIENCE, all);
    assert_eq!(read(&broker.bootstrap(), topic, Isolation::Committed).len(), 50);
    assert_eq!(committed(&broker.bootstrap(), "leaves", "greetings").values().sum::<i64>(), 50);
    let members = group(&broker.bootstrap(), "leaves").map_or(0, |group| group.members.len());
    assert_eq!(members, 0);
}

#[test]
fn with_stores_the_place_is_kept_and_nothing_is_replayed() {
    let broker = Broker::start();
    let mut words = Words::lines(&broker.bootstrap(), 9);
    let mut app = Application::new("word-count", "stays", &broker.bootstrap()).on_disk();
    // Nobody else may be given the tasks while it is away.
    app.set("consumer.session.timeout.ms", "45000");
    app.start();
    for _ in 0..3 {
        words.write(50);
        words.until_counted();
        app.stop();
        let kept = group(&broker.bootstrap(), "stays").expect("a group").members;
        assert_eq!(kept.len(), 1, "{kept:?}");

        let start = Instant::now();
        app.start();
        let restored = app.until_restored(STORES);
        println!("open again {:?} after the start: {restored:?}", start.elapsed());
        // Behind the last record stands the marker of its commit.
        let complete = |store: &Restored| store.records == 0 && store.from > 0 && store.to - store.from <= 1;
        assert!(restored.iter().all(complete), "{restored:?}");
        let found = group(&broker.bootstrap(), "stays").expect("a group").members;
        // The same place, by the same name.
        assert_eq!(
            found.iter().map(|m| &m.assigned).collect::<Vec<_>>(),
            kept.iter().map(|m| &m.assigned).collect::<Vec<_>>()
        );
    }
    words.check(&[&app]);
    assert_eq!(app.exit(Duration::ZERO), Some(0));
}

#[test]
fn either_signal_ends_it_and_a_second_one_at_once() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::votes(&broker.bootstrap(), 22);
    let mut app = Application::new("tally", "signals", &proxy.bootstrap()).on_disk();
    // Only the end commits.
    app.set("commit.interval.ms", "25000").set("producer.transaction.timeout.ms", "60000");
    for signal in [Signal::Interrupt, Signal::Terminate] {
        app.start();
        app.until_restored(STORES);
        let written = words.written();
        words.write(20);
        until("results nobody has committed", PATIENCE, || (words.written() > written).then_some(()));
        app.signal(signal);
        assert_eq!(app.exit(PATIENCE), Some(0), "{signal:?}: {}", app.log());
    }

    // The end takes long: nobody hears of the commit.
    for (first, second) in [(Signal::Interrupt, Signal::Terminate), (Signal::Terminate, Signal::Interrupt)] {
        app.start();
        app.until_restored(STORES);
        let written = words.written();
        words.write(20);
        until("results nobody has committed", PATIENCE, || (words.written() > written).then_some(()));
        let lost = proxy.struck(Api::END_TXN);
        proxy.script(Api::END_TXN, |_| Some(Fault::LoseRequest));
        app.signal(first);
        until("a commit", PATIENCE, || (proxy.struck(Api::END_TXN) > lost).then_some(()));
        assert_eq!(app.exit(Duration::from_millis(1_500)), None, "{}", app.log());
        let start = Instant::now();
        app.signal(second);
        assert_eq!(app.exit(PATIENCE), Some(1), "{}", app.log());
        let took = start.elapsed();
        println!("ended {took:?} after the second signal");
        assert!(took < Duration::from_secs(3), "{took:?}");
        let told =
            "Error: stopped by a second signal; what was not committed is processed again at the next start";
        assert_eq!(app.log().trim_end().lines().last(), Some(told), "{}", app.log());
        proxy.heal();
    }
    app.set("commit.interval.ms", "50");
    app.start();
    words.check(&[&app]);
}

#[test]
fn at_any_moment_of_a_rebalance_it_ends_when_it_is_asked_to() {
    for protocol in ["classic", "consumer"] {
        let broker = Broker::start();
        let mut words = Words::votes(&broker.bootstrap(), 31);
        let mut apps = ["first", "second"].map(|name| {
            let mut app = Application::named("tally", "moments", name, &broker.bootstrap()).on_disk();
            app.set("group.protocol", protocol);
            app
        });
        apps.iter_mut().for_each(Application::start);
        words.write(20);
        words.until_counted();
        let [app, other] = &mut apps;
        app.stop();
        for moment in 0..50 {
            app.start();
            until("its start", PATIENCE, || app.log().contains("starting").then_some(()));
            thread::sleep(Duration::from_millis(moment * 10));
            app.signal(Signal::Terminate);
            assert_eq!(app.exit(PATIENCE), Some(0), "{protocol}, {} ms: {}", moment * 10, app.log());
        }
        app.start();
        words.write(20);
        words.check(&[app, other]);
    }
}
