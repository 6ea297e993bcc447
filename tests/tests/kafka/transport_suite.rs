//! The conformance suite of the transport seam on a real broker.
//!
//! Knows how a broker makes what a case works with. It deliberately does not know any case.
//!
//! Answers take milliseconds here, so a case is given seconds before it fails, and cases run side by side.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::process;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;
use streams_runtime::transport::kafka::{ClientSettings, KafkaClients, KafkaConsumer, KafkaProducer};
use streams_runtime::transport::suite::{self, Accident, Case, Fixture, Need};
use streams_runtime::transport::{Isolation, TopicPartition};
use streams_tests::broker::Broker;

/// Small, so that a case can wait for it.
const TRANSACTION_TIMEOUT_MS: i64 = 3_000;

/// How long an expectation is polled for.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

struct OnBroker {
    bootstrap: String,
    clients: KafkaClients,
    /// Group protocol and what it is called in names.
    names: Cell<u32>,
    tag: String,
}

impl OnBroker {
    fn new(bootstrap: &str, tag: &str, consumer: &[(&str, &str)]) -> Self {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let settings = ClientSettings {
            brokers: bootstrap.to_owned(),
            consumer: own(consumer),
            producer: own(&[("transaction.timeout.ms", &TRANSACTION_TIMEOUT_MS.to_string())]),
            ..ClientSettings::default()
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        OnBroker {
            bootstrap: bootstrap.to_owned(),
            clients: KafkaClients::new(settings),
            names: Cell::new(0),
            tag: format!("{tag}-{}-{}", process::id(), since.as_millis()),
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("an admin client")
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

impl Fixture for OnBroker {
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    fn topic(&self, partitions: u32, max_message_bytes: usize) -> String {
        let (name, bytes) = (self.name("topic"), max_message_bytes.to_string());
        let topic = NewTopic::new(&name, partitions.cast_signed(), TopicReplication::Fixed(1))
            .set("max.message.bytes", &bytes);
        let made = block(self.admin().create_topics([&topic], &AdminOptions::new())).expect("an answer");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        // A broker learns of a topic a moment after it was created.
        let known: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("a client");
        loop {
            let found = known.fetch_metadata(Some(&name), Timeout::After(PATIENCE)).expect("metadata");
            let topic = &found.topics()[0];
            let led = topic.partitions().iter().filter(|p| p.leader() >= 0).count();
            if topic.error().is_none() && led == partitions as usize {
                return name;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn name(&self, hint: &str) -> String {
        self.names.set(self.names.get() + 1);
        format!("{hint}-{}-{}", self.tag, self.names.get())
    }

    fn consumer(&self, group: &str, client_id: &str, isolation: Isolation) -> KafkaConsumer {
        self.clients.consumer(group, client_id, None, isolation).expect("a consumer")
    }

    fn producer(&self, transactional_id: Option<&str>) -> KafkaProducer {
        self.clients.producer(transactional_id).expect("a producer")
    }

    fn idle(&self) {
        std::thread::sleep(PAUSE);
    }

    fn patience(&self) -> usize {
        (PATIENCE.as_millis() / PAUSE.as_millis()) as usize
    }

    fn supports(&self, need: Need) -> bool {
        match need {
            Need::Nothing | Need::Time | Need::DeleteRecords => true,
            // Nobody stands between the clients and this broker who could lose an answer.
            Need::Accidents => false,
        }
    }

    fn transaction_timeout_ms(&self) -> i64 {
        TRANSACTION_TIMEOUT_MS
    }

    /// The broker looks for late transactions now and then; the case waits for what it expects.
    fn advance(&self, ms: i64) {
        std::thread::sleep(Duration::from_millis(ms.unsigned_abs()));
    }

    fn delete_records(&self, partition: &TopicPartition, before: i64) {
        let mut list = TopicPartitionList::new();
        let number = partition.partition.cast_signed();
        list.add_partition_offset(&partition.topic, number, Offset::Offset(before)).expect("a list");
        block(self.admin().delete_records(&list, &AdminOptions::new())).expect("deleted");
    }

    fn accident(&self, _: &str, _: Accident) {
        unreachable!("cases that need accidents are skipped");
    }
}

/// Runs all cases, several at once, and names those that failed.
fn conforms(tag: &str, consumer: &[(&str, &str)]) {
    let broker = match std::env::var("STREAMS_TEST_BOOTSTRAP") {
        Ok(bootstrap) => bootstrap,
        Err(_) => Broker::shared().bootstrap(),
    };
    let only = std::env::var("STREAMS_TEST_CASE").unwrap_or_default();
    let left: Mutex<Vec<usize>> = Mutex::new((0..suite::cases::<OnBroker>().len()).rev().collect());
    let failed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (broker, left, failed, only) = (&broker, &left, &failed, &only);
            scope.spawn(move || {
                let fixture = OnBroker::new(broker, &format!("{tag}{thread}"), consumer);
                let cases: Vec<Case<OnBroker>> = suite::cases();
                loop {
                    let Some(at) = left.lock().expect("no case panics").pop() else { return };
                    let case = &cases[at];
                    if !case.name.contains(only.as_str()) {
                        continue;
                    }
                    if !fixture.supports(case.need) {
                        println!("skipped  {} ({:?})", case.name, case.need);
                        continue;
                    }
                    let start = std::time::Instant::now();
                    let verdict = (case.run)(&fixture);
                    let ms = start.elapsed().as_millis();
                    match verdict {
                        Ok(()) => println!("passed   {} ({ms} ms)", case.name),
                        Err(why) => {
                            println!("FAILED   {} ({ms} ms): {why}", case.name);
                            failed.lock().expect("no case panics").insert(case.name);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no case panics");
    assert!(failed.is_empty(), "failed: {failed:#?}");
}

#[test]
fn kafka_conforms_under_the_classic_protocol() {
    conforms("classic", &[]);
}

#[test]
fn kafka_conforms_under_the_consumer_protocol() {
    conforms("consumer", &[("group.protocol", "consumer")]);
}
