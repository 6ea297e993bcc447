//! Many partitions, many tasks, many stores in one process.

use std::collections::BTreeMap;
use std::time::Instant;

use streams_tests::broker::Broker;
use streams_tests::broker::application::Application;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, create_topic, group, read_until, until,
};

use super::Limits;

/// How many records a producer is handed before it is waited for.
const AT_ONCE: usize = 20_000;

/// Writes all of them.
fn write(producer: &Producer, messages: impl Iterator<Item = Message>) {
    for (n, message) in messages.enumerate() {
        producer.send(&message);
        if n % AT_ONCE == AT_ONCE - 1 {
            producer.flush();
        }
    }
    producer.flush();
}

/// Of each key, the numbers in the order in which they came.
fn by_key(bootstrap: &str, topic: &str, records: usize) -> BTreeMap<Vec<u8>, Vec<i64>> {
    let all = |read: &[_]| read.len() >= records;
    let mut numbers: BTreeMap<Vec<u8>, Vec<i64>> = BTreeMap::new();
    for record in read_until(bootstrap, topic, Isolation::Committed, PATIENCE * 2, all) {
        let value = record.value.expect("a number").try_into().expect("eight bytes");
        numbers.entry(record.key.expect("a key")).or_default().push(i64::from_be_bytes(value));
    }
    numbers
}

#[test]
fn two_hundred_partitions_in_one_instance() {
    const PARTITIONS: usize = 200;
    const ROUNDS: usize = 50;
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "events", PARTITIONS as i32, &[]);
    create_topic(&broker.bootstrap(), "event-counts", 4, &[]);
    let producer = Producer::new(&broker.bootstrap());
    // A key for each partition, and something to carry.
    let events = |rounds: usize| {
        let event =
            |partition: usize| Message::to("events").partition(partition as i32).key(format!("k{partition}"));
        (0..rounds * PARTITIONS).map(move |n| event(n % PARTITIONS).value("and so on ".repeat(20)))
    };
    write(&producer, events(ROUNDS));

    let limits = Limits { stores: PARTITIONS as u64, ..Limits::SMALL };
    let mut app = Application::new("wide", "wide", &broker.bootstrap()).on_disk();
    limits.set(&mut app);
    // Ten for each store is enough.
    app.open_files(4_096);
    let start = Instant::now();
    app.start();
    app.until_restored(PARTITIONS);
    println!("200 stores made and opened after {:?}", start.elapsed());
    let counts = by_key(&broker.bootstrap(), "event-counts", ROUNDS * PARTITIONS);
    println!("{} events counted after {:?}", ROUNDS * PARTITIONS, start.elapsed());
    assert_eq!(counts.len(), PARTITIONS);
    limits.check("200 partitions", &app);

    // Every store is found again, and goes on where it was.
    app.kill();
    write(&producer, events(ROUNDS));
    let start = Instant::now();
    app.start();
    app.until_restored(PARTITIONS);
    println!("killed, 200 stores opened again after {:?}", start.elapsed());
    let counts = by_key(&broker.bootstrap(), "event-counts", 2 * ROUNDS * PARTITIONS);
    println!("{} events counted after {:?}", ROUNDS * PARTITIONS, start.elapsed());
    let right: Vec<i64> = (1..=2 * ROUNDS as i64).collect();
    let wrong: Vec<_> = counts.iter().filter(|(_, counts)| **counts != right).collect();
    assert!(counts.len() == PARTITIONS && wrong.is_empty(), "{wrong:?}");
    limits.check("200 partitions, opened again", &app);
    app.stop();
}

#[test]
fn a_hundred_tasks_on_four_threads_keep_one_budget_for_fifty_stores() {
    const PARTITIONS: usize = 50;
    // Each time, more than twice the whole budget of rows.
    const PAGES: usize = 40_000;
    const TIMES: i64 = 2;
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "pages", PARTITIONS as i32, &[]);
    create_topic(&broker.bootstrap(), "page-times", 4, &[]);
    let limits = Limits { threads: 4, stores: PARTITIONS as u64, ..Limits::SMALL };
    let mut app = Application::new("bookshop", "bookshop", &broker.bootstrap()).on_disk();
    limits.set(&mut app);
    app.start();
    let stores = app.until_restored(PARTITIONS);
    assert_eq!(stores.len(), PARTITIONS);
    // Twenty-five tasks for each thread.
    until("the threads to share the tasks", PATIENCE, || {
        let group = group(&broker.bootstrap(), "bookshop")?;
        let shares: Vec<usize> = group.members.iter().map(|member| member.assigned.len()).collect();
        (group.state == "Stable" && shares == [25; 4]).then_some(())
    });

    let start = Instant::now();
    let producer = Producer::new(&broker.bootstrap());
    for _ in 0..TIMES {
        let page = |n: usize| {
            Message::to("pages").partition((n % PARTITIONS) as i32).value((n as i64).to_be_bytes())
        };
        write(&producer, (0..PAGES).map(page));
    }
    let written = by_key(&broker.bootstrap(), "page-times", PAGES * TIMES as usize);
    println!("{PAGES} pages of 1 kB written {TIMES} times in {:?}", start.elapsed());
    let right: Vec<i64> = (1..=TIMES).collect();
    let wrong: Vec<_> = written.iter().filter(|(_, times)| **times != right).take(10).collect();
    assert!(written.len() == PAGES && wrong.is_empty(), "{} pages, {wrong:?}", written.len());
    limits.check("100 tasks on 4 threads, 50 stores", &app);
    app.stop();
}
