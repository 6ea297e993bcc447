//! The conformance suite of the transport seam on a real broker.
//!
//! Knows how a broker, and a proxy before it that loses what they say to each other, make what a case works with. It
//! deliberately does not know any case.
//!
//! Answers take milliseconds here, so a case is given time before it fails, and two run side by side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use streams_runtime::transport::kafka::{ClientSettings, KafkaClients, KafkaConsumer, KafkaProducer};
use streams_runtime::transport::suite::{self, Accident, Case, Fixture, Need};
use streams_runtime::transport::topics::Topics as _;
use streams_runtime::transport::{Isolation, Producer as _, TopicPartition};
use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault, Proxy};
use streams_tests::broker::tools::{create_topic, unique};

/// Small, so that a case can wait for it.
const TRANSACTION_TIMEOUT_MS: i64 = 4_000;

/// How long an expectation is polled for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

struct OnBroker {
    broker: &'static Broker,
    proxy: Proxy,
    /// Clients that live behind the proxy.
    clients: KafkaClients,
    /// One that does not.
    direct: KafkaClients,
}

impl OnBroker {
    fn new(consumer: &[(&str, &str)]) -> Self {
        let broker = Broker::shared();
        let proxy = broker.proxy();
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let clients = |brokers: String| {
            KafkaClients::new(ClientSettings {
                brokers,
                consumer: own(consumer),
                producer: own(&[("transaction.timeout.ms", &TRANSACTION_TIMEOUT_MS.to_string())]),
                ..ClientSettings::default()
            })
        };
        OnBroker { broker, clients: clients(proxy.bootstrap()), direct: clients(broker.bootstrap()), proxy }
    }

    /// What happens to the requests that end a transaction: `first` to the first one, and the tries that follow get
    /// lost until somebody takes the id over.
    fn end_is_lost(&self, first: Fault) {
        let taken_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&taken_over);
        self.proxy.script(Api::INIT_PRODUCER_ID, move |_| {
            taken_over.store(true, Ordering::SeqCst);
            None
        });
        self.proxy.script(Api::END_TXN, move |before| match before {
            0 => Some(first),
            _ if seen.load(Ordering::SeqCst) => None,
            _ => Some(Fault::LoseRequest),
        });
    }

    /// Somebody else takes the id over before the end numbered `nth` arrives; `first` happens to the one before it.
    fn fence_at(&self, id: &str, nth: usize, first: Option<Fault>) {
        let (clients, id) = (self.direct.clone(), id.to_owned());
        self.proxy.script(Api::END_TXN, move |before| {
            if before != nth {
                return first.filter(|_| before < nth);
            }
            let mut usurper = clients.producer(Some(&id)).expect("a producer");
            while let Err(error) = usurper.init() {
                assert!(error.timed_out().is_some(), "{error}");
            }
            None
        });
    }
}

impl Fixture for OnBroker {
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    fn topic(&self, partitions: u32, max_message_bytes: usize) -> String {
        let (name, bytes) = (self.name("topic"), max_message_bytes.to_string());
        let settings = [("max.message.bytes", bytes.as_str())];
        create_topic(&self.broker.bootstrap(), &name, partitions.cast_signed(), &settings);
        name
    }

    fn name(&self, hint: &str) -> String {
        unique(hint)
    }

    fn consumer(&self, group: &str, client_id: &str, isolation: Isolation) -> KafkaConsumer {
        self.clients.consumer(group, client_id, None, isolation).expect("a consumer")
    }

    fn static_consumer(
        &self,
        group: &str,
        client_id: &str,
        instance: &str,
        isolation: Isolation,
    ) -> KafkaConsumer {
        self.clients.consumer(group, client_id, Some(instance), isolation).expect("a consumer")
    }

    fn producer(&self, transactional_id: Option<&str>) -> KafkaProducer {
        self.clients.producer(transactional_id).expect("a producer")
    }

    fn idle(&self) {
        thread::sleep(PAUSE);
    }

    fn patience(&self) -> usize {
        (PATIENCE.as_millis() / PAUSE.as_millis()) as usize
    }

    fn supports(&self, _: Need) -> bool {
        true
    }

    fn transaction_timeout_ms(&self) -> i64 {
        TRANSACTION_TIMEOUT_MS
    }

    /// The broker looks for late transactions now and then; the case waits for what it expects.
    fn advance(&self, ms: i64) {
        thread::sleep(Duration::from_millis(ms.unsigned_abs()));
    }

    fn delete_records(&self, partition: &TopicPartition, before: i64) {
        let mut admin = self.direct.admin().expect("an admin client");
        admin.delete_records(&[(partition.clone(), before)]).expect("records are deleted");
    }

    /// A segment is closed by the first record that comes after a tenth of a second, and compacted when the cleaner next looks.
    fn compacted(&self) -> String {
        let name = self.name("compacted");
        let settings = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "100"),
            ("min.cleanable.dirty.ratio", "0.001"),
            ("delete.retention.ms", "100"),
        ];
        create_topic(&self.broker.bootstrap(), &name, 1, &settings);
        name
    }

    /// The broker does it by itself.
    fn clean(&self, _: &str) {}

    fn accident(&self, transactional_id: &str, accident: Accident) {
        match accident {
            Accident::AckLost => self.proxy.next(Api::PRODUCE, 2, Fault::LoseAnswer),
            Accident::CommitLost => self.end_is_lost(Fault::LoseRequest),
            Accident::CommitAnswerLost | Accident::AbortAnswerLost => self.end_is_lost(Fault::LoseAnswer),
            Accident::FencedBeforeCommit => self.fence_at(transactional_id, 0, None),
            Accident::FencedAfterCommit => self.fence_at(transactional_id, 1, Some(Fault::LoseAnswer)),
            Accident::OffsetsLost => {
                self.proxy.script(Api::TXN_OFFSET_COMMIT, |_| Some(Fault::LoseRequest));
            }
        }
    }
}

/// Runs all cases, two at once, and names those that failed.
fn conforms(consumer: &[(&str, &str)]) {
    let left: Mutex<Vec<usize>> = Mutex::new((0..suite::cases::<OnBroker>().len()).rev().collect());
    let failed = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let fixture = OnBroker::new(consumer);
                let cases: Vec<Case<OnBroker>> = suite::cases();
                loop {
                    let Some(at) = left.lock().expect("no case panics").pop() else { return };
                    let (case, start) = (&cases[at], Instant::now());
                    let verdict = (case.run)(&fixture);
                    fixture.proxy.heal();
                    let ms = start.elapsed().as_millis();
                    println!(
                        "{} {} ({ms} ms)",
                        if verdict.is_ok() { "passed  " } else { "FAILED  " },
                        case.name
                    );
                    if let Err(why) = verdict {
                        failed.lock().expect("no case panics").insert(case.name, why);
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
    conforms(&[]);
}

#[test]
fn kafka_conforms_under_the_consumer_protocol() {
    conforms(&[("group.protocol", "consumer")]);
}
