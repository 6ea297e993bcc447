//! Writes records, alone or in transactions.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{ANSWER, Message, PATIENCE, config};

/// An idempotent producer: what it sends lies in the topic once, in this order.
pub struct Producer {
    client: BaseProducer<Deliveries>,
}

/// What became of the records sent.
#[derive(Default)]
struct Deliveries(Mutex<Vec<KafkaResult<()>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        self.0.lock().unwrap().push(result);
    }
}

impl Producer {
    /// One that writes without transactions.
    pub fn new(bootstrap: &str) -> Self {
        Self::with(bootstrap, &[])
    }

    /// One that writes in transactions under this id; whoever had the id before is fenced.
    pub fn transactional(bootstrap: &str, id: &str) -> Self {
        Self::transactional_for(bootstrap, id, Duration::from_secs(60))
    }

    /// One whose transactions may be open for so long.
    pub fn transactional_for(bootstrap: &str, id: &str, timeout: Duration) -> Self {
        let timeout = timeout.as_millis().to_string();
        let producer =
            Self::with(bootstrap, &[("transactional.id", id), ("transaction.timeout.ms", &timeout)]);
        producer.client.init_transactions(PATIENCE).expect("the broker gives a producer id");
        producer
    }

    /// One that writes without transactions, with settings of its own.
    pub fn with(bootstrap: &str, settings: &[(&str, &str)]) -> Self {
        let mut config: ClientConfig = config(bootstrap);
        config.set("enable.idempotence", "true").set("linger.ms", "0");
        // As Kafka's own clients choose the partition of a key.
        config.set("partitioner", "murmur2_random");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        let client = config.create_with_context(Deliveries::default()).expect("settings are valid");
        Self { client }
    }

    /// Sends a record; [`flush`](Self::flush) says whether it arrived.
    pub fn send(&self, message: &Message) {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&message.topic);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        record.partition = message.partition;
        record.timestamp = message.timestamp;
        if !message.headers.is_empty() {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &message.headers {
                headers = headers.insert(Header { key, value: value.as_deref() });
            }
            record.headers = Some(headers);
        }
        self.client.send(record).map_err(|(error, _)| error).expect("the queue of a producer has room");
    }

    /// Sends records, and returns when all have been acknowledged.
    pub fn write(&self, messages: impl IntoIterator<Item = Message>) {
        messages.into_iter().for_each(|message| self.send(&message));
        self.flush();
    }

    /// Returns when all records sent have been acknowledged; panics if one was not.
    #[track_caller]
    pub fn flush(&self) {
        self.try_flush().expect("every record is acknowledged");
    }

    /// Returns when it is known what became of all records sent: the first failure, if there is one.
    pub fn try_flush(&self) -> KafkaResult<()> {
        self.client.flush(PATIENCE)?;
        std::mem::take(&mut *self.client.context().0.lock().unwrap()).into_iter().collect()
    }

    /// Begins a transaction.
    pub fn begin(&self) {
        self.client.begin_transaction().expect("a transaction begins");
    }

    /// Commits the transaction.
    #[track_caller]
    pub fn commit(&self) {
        self.try_commit().expect("a transaction is committed");
    }

    /// Commits the transaction; says why that was not possible.
    pub fn try_commit(&self) -> Result<(), KafkaError> {
        self.try_flush()?;
        self.client.commit_transaction(PATIENCE)
    }

    /// Aborts the transaction: readers of committed records never see what was written in it.
    #[track_caller]
    pub fn abort(&self) {
        self.client.abort_transaction(ANSWER).expect("a transaction is aborted");
    }
}
