//! The broker is killed and comes back while an application runs.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;

use super::application::Application;
use super::words::Words;

const KILLS: usize = 3;

/// Longer than a broker takes to start. One that takes a transaction back for its age while its partitions have no
/// leader yet writes no markers and calls it done (4.3.0: "likely deleted already and hence can be skipped"), and what
/// was taken back becomes visible with the next commit of the same producer. No client can mend that.
const TRANSACTION: &str = "60000";

#[test]
fn an_application_survives_its_broker() {
    let mut broker = Broker::start();
    let proxy = broker.proxy();
    let mut app = Application::new("word-count", "broker-killed", &proxy.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50").set("producer.transaction.timeout.ms", TRANSACTION);
    let mut words = Words::lines(&broker.bootstrap(), 12);
    app.start();
    words.write(50);
    words.until_counted();
    for kill in 0..KILLS {
        let flow = words.flow(300);
        std::thread::sleep(Duration::from_millis(700));
        broker.kill_between_decisions([&proxy].into_iter());
        let down = Instant::now();
        broker.restart();
        println!("kill {kill}: the broker is back after {:?}", down.elapsed());
        words = flow.stop();
        words.until_counted();
        println!("kill {kill}: everything counted after {:?}", down.elapsed());
        assert_eq!(app.exit(Duration::ZERO), None);
    }
    let log = app.log();
    words.check(&[&app]);
    // Each of its clients says a dozen things while the broker is away, some of them several times a second.
    let said: Vec<&str> = log.lines().filter(|line| line.contains("librdkafka")).collect();
    println!("{} lines of librdkafka", said.len());
    assert!(said.len() <= KILLS * 20, "{}", said.join("\n"));
}

/// Longer than anything that is asked of a broker waits for its answer.
const OUTAGE: Duration = Duration::from_secs(35);

#[test]
fn an_application_survives_that_no_broker_is_there_for_long() {
    let mut broker = Broker::start();
    let proxy = broker.proxy();
    let mut app = Application::new("tally", "outage", &proxy.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50").set("producer.transaction.timeout.ms", TRANSACTION);
    let mut words = Words::votes(&broker.bootstrap(), 13);
    app.start();
    words.write(50);
    words.until_counted();
    broker.kill_between_decisions([&proxy].into_iter());
    std::thread::sleep(OUTAGE);
    assert_eq!(app.exit(Duration::ZERO), None, "while it is away");
    broker.restart();
    words.write(50);
    words.until_counted();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(app.exit(Duration::ZERO), None, "after it came back");
    words.check(&[&app]);
}

#[test]
fn a_start_without_a_broker_says_once_why() {
    let mut app = Application::new("tally", "nobody", "127.0.0.1:1,127.0.0.1:2");
    app.set("default.api.timeout.ms", "6000");
    app.start();
    assert_eq!(app.exit(Duration::from_secs(60)), Some(1));
    let log = app.log();
    let refused = |port: u16| {
        let words = format!(
            "127.0.0.1:{port}/bootstrap: Connect to ipv4#127.0.0.1:{port} failed: Connection refused"
        );
        log.matches(&words).count()
    };
    // By librdkafka, while it is waited for, and in the report.
    assert!(log.lines().count() <= 9 && [1, 2].map(refused) == [3, 3], "{log}");
}
