//! Records that cannot be processed, and records that a broker does not take.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, Producer, Record, alter_topic, committed, create_topic, end_offsets, read, read_until,
};

use super::PATIENCE;
use super::application::Application;
use super::words::{STORES, Words};

const ID: &str = "judge";

/// Longer than anything but a loop.
const SOON: Duration = Duration::from_secs(45);

/// What the broker takes of a record of results.
const LARGEST: usize = 2_000;

struct Court {
    broker: Broker,
    producer: Producer,
    /// By partition, what is not to be lost.
    good: [Vec<String>; 2],
    written: [i64; 2],
}

impl Court {
    fn open() -> Self {
        let broker = Broker::start();
        // Anything may come in.
        let any = ("message.timestamp.after.max.ms", "9223372036854775807");
        create_topic(&broker.bootstrap(), "claims", 2, &[any]);
        let largest = LARGEST.to_string();
        create_topic(&broker.bootstrap(), "judged", 2, &[("max.message.bytes", &largest)]);
        let producer = Producer::new(&broker.bootstrap());
        Self { broker, producer, good: [Vec::new(), Vec::new()], written: [0, 0] }
    }

    fn app(&self, topology: &str) -> Application {
        Application::named(topology, ID, topology, &self.broker.bootstrap())
    }

    fn write(&mut self, message: Message, partition: usize) -> i64 {
        self.producer.write([message.partition(partition as i32)]);
        self.written[partition] += 1;
        self.written[partition] - 1
    }

    fn write_good(&mut self, partition: usize) {
        for _ in 0..5 {
            let claim = format!("true {}", self.written[partition]);
            self.write(Message::to("claims").value(&claim), partition);
            self.good[partition].push(claim);
        }
    }

    /// What readers see, by partition.
    fn visible(&self) -> [Vec<String>; 2] {
        let mut visible = [Vec::new(), Vec::new()];
        for record in read(&self.broker.bootstrap(), "judged", Isolation::Committed) {
            visible[record.partition as usize].push(record.value_text());
        }
        visible
    }

    fn until_visible(&self, expected: &[Vec<String>; 2]) {
        let all = expected.iter().map(Vec::len).sum();
        let enough = |read: &[Record]| read.len() >= all;
        read_until(&self.broker.bootstrap(), "judged", Isolation::Committed, PATIENCE, enough);
    }

    /// A record that stops who is strict, and that others go on without.
    fn try_bad(&mut self, bad: Message, words: &[&str]) {
        self.write_good(0);
        let before = self.good.clone();
        let offset = self.write(bad, 0);
        self.write_good(0);
        self.write_good(1);

        // Nothing of the record is visible, nor what comes behind it; what came before is, and the other task's.
        let mut strict = self.app("strict");
        let start = Instant::now();
        strict.start();
        assert_eq!(strict.exit(SOON), Some(1), "{}", strict.log());
        println!("stopped {:?} after the start", start.elapsed());
        let log = strict.log();
        let told = log.lines().last().expect("why it ended");
        let place = format!("claims-0 at offset {offset}");
        for word in words.iter().copied().chain(["claims", &offset.to_string()]) {
            assert!(told.contains(word), "`{word}` ({place}): {told}");
        }
        println!("{told}");
        // Markers of a commit are written partition by partition, so the last may appear a moment later.
        let committed_before = [before[0].clone(), self.good[1].clone()];
        self.until_visible(&committed_before);
        assert_eq!(self.visible(), committed_before);
        let offsets = committed(&self.broker.bootstrap(), ID, "claims");
        assert_eq!(offsets[&0], offset);
        assert_eq!(offsets[&1], self.written[1]);

        let mut lenient = self.app("lenient");
        lenient.start();
        self.until_visible(&self.good);
        lenient.stop();
        assert_eq!(self.visible(), self.good);
        let log = lenient.log();
        let skipped: Vec<&str> = log.lines().filter(|line| line.contains("record skipped")).collect();
        assert_eq!(skipped.len(), 1, "{log}");
        assert!(skipped[0].contains("claims"), "{}", skipped[0]);
    }
}

#[test]
fn what_cannot_be_done_stops_in_front_of_it_or_is_left_out() {
    let mut court = Court::open();
    court.try_bad(Message::to("claims").value("false witness"), &["false witness is not true", "strictly"]);
    let long = format!("true {}", "and ".repeat(LARGEST));
    court.try_bad(Message::to("claims").value(long), &["judged", "strictly"]);
    let garbled = Message::to("claims").value([0xff, 0xfe, 0x00]);
    court.try_bad(garbled, &["cannot read the value", "`decode = skip` on the topic"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let early = Message::to("claims").value("true in two hours").timestamp(now + 7_200_000);
    court.try_bad(early, &["judged", "strictly"]);
}

/// The same in front of a store: it is the changelog that does not take a row.
#[test]
fn a_row_that_the_changelog_refuses_stops_in_front_of_its_record_and_nothing_is_lost() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 61);
    let mut app = Application::new("tally", "too-large", &broker.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50").set("topic.max.message.bytes", "1000");
    app.start();
    app.until_restored(STORES);
    words.write(50);
    words.until_counted();
    app.stop();

    // Votes for one name that is too long; others before it and behind it.
    words.write(50);
    let before = words.total();
    let ends = end_offsets(&broker.bootstrap(), "votes", Isolation::Committed);
    words = words.of(1, LARGEST);
    words.write(1);
    let behind = end_offsets(&broker.bootstrap(), "votes", Isolation::Committed);
    let partition = (0..2).find(|&at| behind[at] > ends[at]).expect("a vote is written");
    words = words.of(60, 1);
    words.write(50);
    let all = end_offsets(&broker.bootstrap(), "votes", Isolation::Committed);

    app.start();
    assert_eq!(app.exit(SOON), Some(1), "{}", app.log());
    let log = app.log();
    let told = log.lines().last().expect("why it ended");
    println!("{told}");
    let offset = ends[partition];
    let place = format!("topic votes, partition {partition}, offset {offset}");
    let named = [&place, "too-large-tally-changelog", "store `tally`", "`max.message.bytes` of the topic"];
    assert!(named.iter().all(|word| told.contains(word)), "{told}");
    // What stands before it is committed, and so is what the other task has.
    let offsets = committed(&broker.bootstrap(), "too-large", "votes");
    let (stopped, other) = (partition as i32, 1 - partition);
    assert_eq!((offsets[&stopped], offsets[&(other as i32)]), (offset, all[other]));
    let visible = before as i64 + all[other] - ends[other];
    words.until_visible(visible as usize);
    assert_eq!(words.results().len() as i64, visible);

    // A larger limit mends it.
    let settings = [
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "CreateTime"),
        ("max.message.bytes", "9000"),
    ];
    alter_topic(&broker.bootstrap(), "too-large-tally-changelog", &settings);
    app.start();
    words.check(&[&app]);
}
