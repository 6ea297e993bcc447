//! What this build can do, and librdkafka's opinion of a property.
//!
//! Knows features. Does not know what was said.

/// A build of this crate, as far as settings depend on it.
#[derive(Clone, Copy)]
pub struct Build {
    /// True with feature `kafka`.
    pub kafka: bool,
    /// True with feature `tls`.
    pub tls: bool,
    /// Librdkafka's opinion of a property and its value.
    pub judge: fn(&str, &str) -> Verdict,
}

/// Librdkafka's opinion of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it.
    Fine,
    /// It does not know the name.
    Unknown,
    /// It does not take the value; its words.
    Refused(String),
}

impl Build {
    /// This one.
    pub fn this() -> Build {
        Build { kafka: cfg!(feature = "kafka"), tls: cfg!(feature = "tls"), judge: judge() }
    }
}

#[cfg(feature = "kafka")]
fn judge() -> fn(&str, &str) -> Verdict {
    use rdkafka::error::KafkaError;
    use rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;

    |name, value| match rdkafka::ClientConfig::new().set(name, value).create_native_config() {
        Ok(_) => Verdict::Fine,
        Err(KafkaError::ClientConfig(RD_KAFKA_CONF_UNKNOWN, ..)) => Verdict::Unknown,
        Err(KafkaError::ClientConfig(_, words, ..)) => Verdict::Refused(words.trim().to_owned()),
        Err(other) => Verdict::Refused(other.to_string()),
    }
}

/// Without librdkafka only names can be checked, against the list.
#[cfg(not(feature = "kafka"))]
fn judge() -> fn(&str, &str) -> Verdict {
    |name, _| match super::properties::clients(super::properties::canonical(name)) {
        Some(_) => Verdict::Fine,
        None => Verdict::Unknown,
    }
}
