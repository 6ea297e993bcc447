//! From the settings of an application to its clients.
//!
//! Three layers of properties, the later ones win: what was measured to be good here, what the user says, and what
//! the promises of this crate rest on. Knows names and values of properties; deliberately does not know when a client
//! is made, nor what it is used for.

use super::admin::KafkaAdmin;
use super::consumer::KafkaConsumer;
use super::producer::KafkaProducer;
use super::sys::{Client, Config};
use super::{ClientSettings, member};
use crate::transport::{Isolation, TransportError};

/// For all consumers.
const CONSUMER: &[(&str, &str)] = &[
    // A broker that comes back is found within a second, not within ten.
    ("reconnect.backoff.max.ms", "1000"),
    // After its queue was full, fetching rests for so long; the library's second is felt.
    ("fetch.queue.backoff.ms", "10"),
    // What is fetched ahead, for all partitions of the consumer together. Small records need four times as much
    // memory as they have bytes. Fetching goes on whenever there is less; more was no faster.
    ("queued.max.messages.kbytes", "4096"),
    ("queued.min.messages", "20000"),
    // One answer may bring so much for all partitions at once, whatever is there already.
    ("fetch.max.bytes", "8388608"),
    // Committed offsets wait for open transactions; they are asked for again in steps of this, up to the second.
    ("retry.backoff.ms", "5"),
    ("retry.backoff.max.ms", "50"),
];

/// For those that read a changelog to its end once: the end is told by an answer without records, which a broker holds
/// back for so long. (Consumers of inputs are woken by records; for them less would only cost.)
const RESTORING: &[(&str, &str)] = &[("fetch.wait.max.ms", "10")];

/// For all producers.
const PRODUCER: &[(&str, &str)] = &[
    // A transaction that is open waits for the connection, and has a few seconds only.
    ("reconnect.backoff.max.ms", "250"),
    // A commit sends what lingers; without commits this is the price of a full batch.
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("queue.buffering.max.messages", "1000000"),
];

/// What waits for brokers in a producer, in KiB: steps are faster than brokers, so at full speed it is always full. Twice
/// as much cost its memory and was hardly faster.
const WAITING_KIB: u64 = 32_768;

/// For transactional ones.
const TRANSACTIONAL: &[(&str, &str)] = &[
    // A dead worker's records hold readers back for so long, if nobody takes its id over.
    ("transaction.timeout.ms", "10000"),
    // The markers of the last transaction are written after its commit was answered; a commit that follows at once
    // waits for them in steps of this.
    ("retry.backoff.ms", "5"),
];

/// For the client that looks after topics.
const ADMIN: &[(&str, &str)] = &[
    // A broker that comes back is found within a second, not within ten.
    ("reconnect.backoff.max.ms", "1000"),
];

/// Reading rests on these.
const READING: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // The end of a partition is told, and is the position that is committed.
    ("enable.partition.eof", "true"),
    // A position that is gone is an error and not a jump.
    ("auto.offset.reset", "error"),
];

/// Writing rests on these.
const WRITING: &[(&str, &str)] = &[
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // Offsets of changelog records come with the reports; and reports of errors alone slow a flush down.
    ("delivery.report.only.error", "false"),
];

const HEARTBEAT: &str = "heartbeat.interval.ms";

/// A member hears of a rebalance by the answer to its next heartbeat. A cooperative one has two rounds, and between them
/// nobody has what was taken from one and is not yet given to the other: with the library's three seconds nothing came
/// out of such a partition for as long. Less than this would hardly help, because the library asks to join at most once a
/// second. (Kafka Streams lets the member that waits for a task ask for the second round; librdkafka has no call for that.)
const HEARTBEAT_MS: u64 = 500;

/// librdkafka's session time-out.
const SESSION_MS: u64 = 45_000;

/// Properties that speak of membership: a client that is no member must not have them.
const MEMBERSHIP: &[&str] = &["group.protocol", "group.remote.assignor", "group.instance.id"];

/// How a client reads.
#[derive(Clone, Copy)]
pub(super) struct Reads {
    defaults: &'static [(&'static str, &'static str)],
    isolation: Isolation,
}

impl Reads {
    /// Whether offsets of open transactions are waited for.
    pub(super) fn waits_for_offsets(self) -> bool {
        self.isolation == Isolation::ReadCommitted
    }
}

/// Makes the clients of an application.
///
/// It holds nothing but settings: every consumer and producer is a client of its own, and stays on the thread that
/// made it.
#[derive(Clone, Debug)]
pub struct KafkaClients {
    settings: ClientSettings,
}

impl KafkaClients {
    /// What a batch holds at most unless a setting says otherwise, in bytes.
    pub(crate) const BATCH_SIZE: u64 = 1_000_000;

    /// Takes the settings as they are; a property that librdkafka does not know is told when a client is made.
    pub fn new(settings: ClientSettings) -> Self {
        KafkaClients { settings }
    }

    /// A consumer of a group. It becomes a member when it subscribes, with `instance` a static one.
    ///
    /// # Errors
    /// If librdkafka refuses a property.
    pub fn consumer(
        &self,
        group: &str,
        client_id: &str,
        instance: Option<&str>,
        isolation: Isolation,
    ) -> Result<KafkaConsumer, TransportError> {
        self.consumer_with(&[], group, client_id, instance, isolation)
    }

    /// A consumer outside of any group that reads changelogs to their ends.
    ///
    /// # Errors
    /// If librdkafka refuses a property.
    pub fn restore_consumer(&self, group: &str, client_id: &str) -> Result<KafkaConsumer, TransportError> {
        self.consumer_with(RESTORING, group, client_id, None, Isolation::ReadCommitted)
    }

    fn consumer_with(
        &self,
        defaults: &'static [(&'static str, &'static str)],
        group: &str,
        client_id: &str,
        instance: Option<&str>,
        isolation: Isolation,
    ) -> Result<KafkaConsumer, TransportError> {
        let reader = self.reader_with(defaults, group, client_id, isolation)?;
        let reads = Reads { defaults, isolation };
        Ok(KafkaConsumer::new(self.clone(), reader.into(), group, client_id, instance, reads))
    }

    /// A client that reads as another one did.
    pub(super) fn reader(
        &self,
        reads: Reads,
        group: &str,
        client_id: &str,
    ) -> Result<Client, TransportError> {
        self.reader_with(reads.defaults, group, client_id, reads.isolation)
    }

    /// A client that asks, reads nothing and is no member.
    pub(super) fn asker(&self, group: &str, client_id: &str) -> Result<Client, TransportError> {
        self.reader_with(&[], group, client_id, Isolation::ReadCommitted)
    }

    fn reader_with(
        &self,
        defaults: &[(&str, &str)],
        group: &str,
        client_id: &str,
        isolation: Isolation,
    ) -> Result<Client, TransportError> {
        let level = match isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        let own = [("group.id", group), ("client.id", client_id), ("isolation.level", level)];
        let user = self.of_consumers().filter(|(name, _)| !MEMBERSHIP.contains(name));
        let layers = CONSUMER.iter().chain(defaults).copied().chain(user);
        let layers = layers.chain(READING.iter().copied()).chain(own);
        config("making a consumer", &self.settings.brokers, layers)?
            .consumer()
            .map_err(refuses("making a consumer"))
    }

    /// The client that is a member of the group and reads nothing.
    pub(super) fn member(
        &self,
        group: &str,
        client_id: &str,
        instance: Option<&str>,
    ) -> Result<Client, TransportError> {
        let mut own = vec![("group.id", group), ("client.id", client_id)];
        own.extend(instance.map(|instance| ("group.instance.id", instance)));
        let is_classic = self.is_classic();
        let heartbeat = self.heartbeat_ms().to_string();
        let beats = is_classic.then_some((HEARTBEAT, heartbeat.as_str()));
        if is_classic {
            // The only one under which a member keeps what it keeps while others come and go.
            own.push(("partition.assignment.strategy", "cooperative-sticky"));
        }
        // Under the newer protocol the broker decides these, and the library refuses them.
        let known = |name: &str| is_classic || !member::CLASSIC_ONLY.contains(&name);
        let user = self.of_consumers().filter(|(name, _)| known(name) && *name != "group.instance.id");
        let layers = CONSUMER.iter().copied().chain(beats).chain(user);
        let layers = layers.chain(READING.iter().copied()).chain(own);
        config("joining the group", &self.settings.brokers, layers)?
            .consumer()
            .map_err(refuses("joining the group"))
    }

    /// How often a member says that it is there, unless a setting says otherwise.
    fn heartbeat_ms(&self) -> u64 {
        // Two of three may be lost.
        (self.session_ms() / 3).clamp(1, HEARTBEAT_MS)
    }

    /// After how long without a word a group forgets a member that speaks the older protocol.
    pub(super) fn session_ms(&self) -> u64 {
        let said = self.of_consumers().filter(|&(name, _)| name == "session.timeout.ms").last();
        said.and_then(|(_, ms)| ms.parse().ok()).unwrap_or(SESSION_MS)
    }

    /// A producer: with an id a transactional one, without it an idempotent one.
    ///
    /// # Errors
    /// If librdkafka refuses a property.
    pub fn producer(&self, transactional_id: Option<&str>) -> Result<KafkaProducer, TransportError> {
        KafkaProducer::new(self.clone(), transactional_id)
    }

    /// The client of a producer, and how long a transaction may be open.
    pub(super) fn writer(&self, transactional_id: Option<&str>) -> Result<(Client, u64), TransportError> {
        let defaults = match transactional_id {
            Some(_) => TRANSACTIONAL,
            None => &[],
        };
        let own = transactional_id.map(|id| ("transactional.id", id));
        let user = || pairs(&self.settings.common).chain(pairs(&self.settings.producer));
        // Without an id the library takes neither.
        let known =
            |name: &str| own.is_some() || !matches!(name, "transactional.id" | "transaction.timeout.ms");
        // A record that is larger than that would never find room.
        let largest = user().filter(|&(name, _)| name == "message.max.bytes").last();
        let largest: u64 = largest.and_then(|(_, bytes)| bytes.parse().ok()).unwrap_or(0);
        let waiting = WAITING_KIB.max(2 * largest.div_ceil(1024)).to_string();
        let room = [("queue.buffering.max.kbytes", waiting.as_str())];
        let layers = PRODUCER.iter().chain(defaults).copied().chain(room);
        let layers = layers.chain(user().filter(|&(name, _)| known(name)));
        let layers = layers.chain(WRITING.iter().copied()).chain(own);
        let timeout_ms = self.transaction_timeout_ms();
        let client = config("making a producer", &self.settings.brokers, layers)?
            .producer()
            .map_err(refuses("making a producer"))?;
        Ok((client, timeout_ms))
    }

    /// How long a transaction may be open.
    pub(crate) fn transaction_timeout_ms(&self) -> u64 {
        let user = pairs(&self.settings.common).chain(pairs(&self.settings.producer));
        let all = TRANSACTIONAL.iter().copied().chain(user);
        let timeout = all.filter(|&(name, _)| name == "transaction.timeout.ms").last();
        timeout.and_then(|(_, ms)| ms.parse().ok()).unwrap_or(10_000)
    }

    /// The client that looks after topics.
    ///
    /// # Errors
    /// If librdkafka refuses a property.
    pub fn admin(&self) -> Result<KafkaAdmin, TransportError> {
        self.admin_of(&self.settings.brokers)
    }

    /// One that asks other brokers first.
    pub(super) fn admin_of(&self, brokers: &str) -> Result<KafkaAdmin, TransportError> {
        let user = pairs(&self.settings.common).chain(pairs(&self.settings.admin));
        let client = config("making a client for topics", brokers, ADMIN.iter().copied().chain(user))?
            .producer()
            .map_err(refuses("making a client for topics"))?;
        Ok(KafkaAdmin::new(client, self.clone()))
    }

    /// Whether members speak the older group protocol.
    pub(crate) fn is_classic(&self) -> bool {
        let protocol = self.of_consumers().filter(|&(name, _)| name == "group.protocol").last();
        protocol.is_none_or(|(_, protocol)| protocol == "classic")
    }

    fn of_consumers(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.settings.common).chain(pairs(&self.settings.consumer))
    }
}

fn pairs(of: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    of.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn config<'p>(
    doing: &'static str,
    brokers: &'p str,
    layers: impl Iterator<Item = (&'p str, &'p str)>,
) -> Result<Config, TransportError> {
    let mut config = Config::new();
    for (name, value) in std::iter::once(("bootstrap.servers", brokers)).chain(layers) {
        config.set(name, value).map_err(refuses(doing))?;
    }
    Ok(config)
}

fn refuses(doing: &'static str) -> impl Fn(String) -> TransportError {
    move |reason| TransportError::Broker { doing, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat_ms(consumer: &[(&str, &str)]) -> u64 {
        let consumer =
            consumer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        KafkaClients::new(ClientSettings { consumer, ..ClientSettings::default() }).heartbeat_ms()
    }

    #[test]
    fn a_member_says_that_it_is_there_three_times_in_a_session_and_twice_a_second_at_least() {
        assert_eq!(heartbeat_ms(&[]), 500);
        assert_eq!(heartbeat_ms(&[("session.timeout.ms", "45000")]), 500);
        assert_eq!(heartbeat_ms(&[("session.timeout.ms", "900")]), 300);
        assert_eq!(heartbeat_ms(&[("session.timeout.ms", "1")]), 1);
    }
}
