//! Steps that take their time, while much more comes in than they can do.

use std::thread;
use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::application::Application;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, Record, committed, create_topic, group, read_until, until,
};

use super::Limits;

/// A job that takes so many milliseconds.
fn job(partition: usize, ms: u64, number: usize, padding: &str) -> Message {
    Message::to("jobs").partition(partition as i32).value(format!("{ms} {number} {padding}"))
}

/// Waits for so many, and returns the numbers that were done in each partition, in this order.
#[track_caller]
fn done(broker: &Broker, partitions: usize, records: usize) -> Vec<Vec<usize>> {
    let mut done = vec![Vec::new(); partitions];
    let all = |read: &[_]| read.len() >= records;
    for record in read_until(&broker.bootstrap(), "done", Isolation::Committed, PATIENCE * 2, all) {
        let Record { partition, .. } = record;
        done[partition as usize].push(record.value_text().parse().expect("a number"));
    }
    done
}

fn topics(broker: &Broker, partitions: usize) {
    for topic in ["jobs", "done"] {
        create_topic(&broker.bootstrap(), topic, partitions as i32, &[]);
    }
}

/// How far the application is: records that it has committed to be done.
fn progress(broker: &Broker, id: &str) -> i64 {
    committed(&broker.bootstrap(), id, "jobs").values().sum()
}

/// Waits until it has begun: before that there may be no coordinator to ask how far it is.
#[track_caller]
fn until_running(app: &Application) {
    until("tasks", PATIENCE, || app.log().contains("running task=").then_some(()));
}

/// What a member says when it lost its place.
const LOST: [&str; 2] = ["lost", "given back"];

#[test]
fn what_a_slow_step_cannot_do_yet_waits_in_the_log() {
    const PARTITIONS: usize = 4;
    const JOBS: usize = 50_000;
    const SLOW: usize = 1_200;
    let broker = Broker::start();
    topics(&broker, PARTITIONS);
    // More bytes of input than the process may have altogether.
    let padding = "and so on ".repeat(50);
    let producer = Producer::new(&broker.bootstrap());
    for n in 0..JOBS {
        for partition in 0..PARTITIONS {
            producer.send(&job(partition, if n < SLOW { 2 } else { 0 }, n, &padding));
        }
        if n % 2_000 == 0 {
            producer.flush();
        }
    }
    producer.flush();
    let limits = Limits::SMALL;
    assert!((JOBS * PARTITIONS * padding.len()) as u64 > limits.most());

    let mut app = Application::new("sleeper", "sleeper", &broker.bootstrap());
    limits.set(&mut app);
    app.start();
    until_running(&app);
    // It goes on all the time, keeps its place, and takes no more than it may.
    let mut before = 0;
    while before < (SLOW * PARTITIONS * 3 / 4) as i64 {
        thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        before =
            until("it to go on", PATIENCE, || Some(progress(&broker, "sleeper")).filter(|now| *now > before));
        assert!(start.elapsed() < Duration::from_secs(10), "it stood still for {:?}", start.elapsed());
    }
    limits.check("a step that sleeps, 100 MB waiting", &app);
    let right: Vec<usize> = (0..JOBS).collect();
    for (partition, done) in done(&broker, PARTITIONS, JOBS * PARTITIONS).into_iter().enumerate() {
        assert!(done == right, "partition {partition}: {} done, not each once and in order", done.len());
    }
    limits.check("the same, at full speed", &app);
    let log = app.log();
    let lost: Vec<&str> = log.lines().filter(|line| LOST.iter().any(|lost| line.contains(lost))).collect();
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    app.stop();
}

/// A session is kept by a thread of its own; how long a step may take is another matter (`max.poll.interval.ms`).
#[test]
fn a_step_that_takes_longer_than_a_session_keeps_its_place_and_lets_others_join() {
    const PARTITIONS: usize = 2;
    const SLOW: usize = 4;
    let broker = Broker::start();
    topics(&broker, PARTITIONS);
    let mut instances = ["first", "second"].map(|name| {
        let mut app = Application::named("sleeper", "naps", name, &broker.bootstrap());
        // The session of 2 s is shorter than a job.
        app.set("producer.transaction.timeout.ms", "20000");
        app
    });
    let producer = Producer::new(&broker.bootstrap());
    producer.write((0..SLOW).map(|n| job(0, 3_000, n, "")).chain((0..SLOW).map(|n| job(1, 0, n, ""))));
    instances[0].start();
    until_running(&instances[0]);
    until("the first jobs", PATIENCE, || (progress(&broker, "naps") > SLOW as i64).then_some(()));
    assert!(!instances[0].log().contains("lost"), "{}", instances[0].log());

    instances[1].start();
    until("the second to have its share", PATIENCE, || {
        let group = group(&broker.bootstrap(), "naps")?;
        let shares: Vec<usize> = group.members.iter().map(|member| member.assigned.len()).collect();
        (group.state == "Stable" && shares == [1, 1]).then_some(())
    });
    producer.write((0..PARTITIONS).map(|partition| job(partition, 0, SLOW, "")));
    assert_eq!(
        done(&broker, PARTITIONS, PARTITIONS * (SLOW + 1)),
        vec![(0..=SLOW).collect::<Vec<_>>(); PARTITIONS]
    );
    for app in &instances {
        assert!(!app.log().contains("lost"), "{}", app.log());
        app.stop();
    }
}
