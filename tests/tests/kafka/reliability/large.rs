//! Records of ten megabytes.

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{Isolation, Message, Producer, Record, create_topic, read, read_until};

use super::PATIENCE;
use super::application::Application;
use crate::load::Limits;

const SIZE: usize = 10_000_000;
const LIMIT: &str = "12000000";
/// Together more than the process may take.
const RECORDS: usize = 20;

#[test]
fn records_of_ten_megabytes_pass_once_both_limits_allow_them() {
    let broker = Broker::start();
    for topic in ["claims", "judged"] {
        create_topic(&broker.bootstrap(), topic, 2, &[("max.message.bytes", LIMIT)]);
    }
    let claim = |n: usize| format!("true {n} {}", "and ".repeat(SIZE / 4));
    let producer = Producer::with(&broker.bootstrap(), &[("message.max.bytes", LIMIT)]);
    producer.write((0..RECORDS).map(|n| Message::to("claims").partition(0).value(claim(n))));

    // The topic would take them, the client does not: it says which two settings there are.
    let mut app = Application::new("strict", "large", &broker.bootstrap());
    app.start();
    assert_eq!(app.exit(PATIENCE), Some(1), "{}", app.log());
    let log = app.log();
    let told = log.lines().last().expect("why it ended");
    println!("{told}");
    for word in ["claims", "judged", "strictly", "producer.message.max.bytes", "max.message.bytes"] {
        assert!(told.contains(word), "`{word}`: {told}");
    }
    assert!(read(&broker.bootstrap(), "judged", Isolation::Committed).is_empty());

    app.set("producer.message.max.bytes", LIMIT);
    // The least there can be: less than two of the records.
    let limits = Limits { sent_kib: 24_000, record_kib: SIZE as u64 >> 10, ..Limits::SMALL };
    limits.set(&mut app);
    app.start();
    let all = |read: &[Record]| read.len() >= RECORDS;
    let judged = read_until(&broker.bootstrap(), "judged", Isolation::Committed, PATIENCE, all);
    limits.check("records of 10 MB", &app);
    app.stop();
    let judged: Vec<String> = judged.iter().map(Record::value_text).collect();
    assert!(judged == (0..RECORDS).map(claim).collect::<Vec<_>>(), "they are not what was written");
}
