//! The properties of librdkafka: which there are, and which clients they are for.
//!
//! Knows names only, so that a misspelt one is found without librdkafka. Does not know values: those are librdkafka's to
//! judge (`build`). Names that are missing here are asked there as well, so a newer librdkafka is no obstacle.

/// A kind of client that a property can be meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// Every consumer.
    Consumer,
    /// Every producer.
    Producer,
    /// The one that looks after topics.
    Admin,
}

impl Client {
    pub(super) const ALL: [Client; 3] = [Client::Consumer, Client::Producer, Client::Admin];

    /// What stands before a property that is meant for this kind alone.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Client::Consumer => "consumer.",
            Client::Producer => "producer.",
            Client::Admin => "admin.",
        }
    }
}

/// The name that stands for all names of a property: Kafka's own, where librdkafka has another one as well.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// Which clients a property is for; `None` if it is not known here.
pub(super) fn clients(name: &str) -> Option<&'static [Client]> {
    if EVERY_CLIENT.contains(&name) {
        Some(&Client::ALL)
    } else if CONSUMER.contains(&name) {
        Some(&[Client::Consumer])
    } else if PRODUCER.contains(&name) {
        Some(&[Client::Producer])
    } else {
        None
    }
}

/// Every known name, none twice.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    EVERY_CLIENT.iter().chain(CONSUMER).chain(PRODUCER).copied()
}

const ALIASES: &[(&str, &str)] = &[
    ("compression.codec", "compression.type"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("message.send.max.retries", "retries"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.credentials.client.id"),
    ("sasl.oauthbearer.client.secret", "sasl.oauthbearer.client.credentials.client.secret"),
];

#[rustfmt::skip]
const EVERY_CLIENT: &[&str] = &[
    "allow.auto.create.topics", "api.version.request.timeout.ms", "bootstrap.servers",
    "broker.address.family", "broker.address.ttl", "client.dns.lookup", "client.id", "client.rack",
    "connections.max.idle.ms", "debug", "enable.metrics.push", "enable.random.seed",
    "enable.sasl.oauthbearer.unsecure.jwt", "enable.ssl.certificate.verification", "enabled_events",
    "https.ca.location", "https.ca.pem", "interceptors", "log.connection.close", "log.queue",
    "log.thread.name", "log_level", "max.in.flight.requests.per.connection", "message.copy.max.bytes",
    "message.max.bytes", "metadata.max.age.ms", "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy", "plugin.library.paths", "receive.message.max.bytes",
    "reconnect.backoff.max.ms", "reconnect.backoff.ms", "retry.backoff.max.ms", "retry.backoff.ms",
    "sasl.kerberos.keytab", "sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal", "sasl.kerberos.service.name", "sasl.mechanism",
    "sasl.oauthbearer.assertion.algorithm", "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.exp.seconds", "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.jti.include", "sasl.oauthbearer.assertion.claim.nbf.seconds",
    "sasl.oauthbearer.assertion.claim.sub", "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.jwt.template.file", "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase", "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions", "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.metadata.authentication.type", "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope", "sasl.oauthbearer.token.endpoint.url", "sasl.password", "sasl.username",
    "security.protocol", "socket.connection.setup.timeout.ms", "socket.keepalive.enable",
    "socket.max.fails", "socket.nagle.disable", "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes", "socket.timeout.ms", "ssl.ca.certificate.stores", "ssl.ca.location",
    "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem", "ssl.cipher.suites",
    "ssl.crl.location", "ssl.curves.list", "ssl.endpoint.identification.algorithm", "ssl.engine.id",
    "ssl.key.location", "ssl.key.password", "ssl.key.pem", "ssl.keystore.location",
    "ssl.keystore.password", "ssl.providers", "ssl.sigalgs.list", "ssl_ca", "ssl_certificate",
    "ssl_key", "statistics.interval.ms", "topic.blacklist", "topic.metadata.propagation.max.ms",
    "topic.metadata.refresh.fast.interval.ms", "topic.metadata.refresh.interval.ms",
    "topic.metadata.refresh.sparse",
];

#[rustfmt::skip]
const CONSUMER: &[&str] = &[
    "auto.commit.interval.ms", "auto.offset.reset", "check.crcs", "consume.callback.max.messages",
    "coordinator.query.interval.ms", "enable.auto.commit", "enable.auto.offset.store",
    "enable.partition.eof", "fetch.error.backoff.ms", "fetch.max.bytes", "fetch.min.bytes",
    "fetch.queue.backoff.ms", "fetch.wait.max.ms", "group.id", "group.instance.id", "group.protocol",
    "group.protocol.type", "group.remote.assignor", "heartbeat.interval.ms", "isolation.level",
    "max.partition.fetch.bytes", "max.poll.interval.ms", "offset.store.method",
    "partition.assignment.strategy", "queued.max.messages.kbytes", "queued.min.messages",
    "session.timeout.ms",
];

#[rustfmt::skip]
const PRODUCER: &[&str] = &[
    "acks", "batch.num.messages", "batch.size", "compression.level", "compression.type",
    "delivery.report.only.error", "delivery.timeout.ms", "enable.gapless.guarantee",
    "enable.idempotence", "linger.ms", "partitioner", "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes", "queue.buffering.max.messages", "request.timeout.ms", "retries",
    "sticky.partitioning.linger.ms", "transaction.timeout.ms", "transactional.id",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_listed_once_and_an_alias_leads_to_one_that_is() {
        let mut all: Vec<_> = names().collect();
        let listed = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), listed);
        for (alias, canonical) in ALIASES {
            assert!(clients(canonical).is_some(), "{canonical}");
            assert!(clients(alias).is_none(), "{alias}");
        }
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn librdkafka_knows_every_name() {
        let build = super::super::Build::this();
        for name in names().chain(ALIASES.iter().map(|(alias, _)| *alias)) {
            assert_ne!((build.judge)(name, ""), super::super::Verdict::Unknown, "{name}");
        }
    }
}
