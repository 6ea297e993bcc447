//! What the clients of a broker are made with.
//!
//! Knows names and values. Does not know what a client does with them, nor which of them a user may change: that is
//! checked before (`settings`).

use std::fmt;

/// What all clients of an application are made with.
///
/// Of names that librdkafka has twice, only Kafka's own stands here (`linger.ms`, never `queue.buffering.max.ms`), so
/// that a default can be replaced by its name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// `host:port` of some brokers, separated by commas (`bootstrap.servers`).
    pub brokers: String,
    /// Properties of librdkafka for every client.
    pub common: Vec<(String, String)>,
    /// Those of consumers alone; they win over `common`.
    pub consumer: Vec<(String, String)>,
    /// Those of producers alone.
    pub producer: Vec<(String, String)>,
    /// Those of the client that looks after topics alone.
    pub admin: Vec<(String, String)>,
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("brokers", &self.brokers)
            .field("common", &Shown(&self.common))
            .field("consumer", &Shown(&self.consumer))
            .field("producer", &Shown(&self.producer))
            .field("admin", &Shown(&self.admin))
            .finish()
    }
}

/// Properties without their secrets: settings are logged.
struct Shown<'a>(&'a [(String, String)]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| (name, if is_secret(name) { "…" } else { value })))
            .finish()
    }
}

/// True if a value must not be shown: passwords, tokens and keys.
pub(crate) fn is_secret(property: &str) -> bool {
    const SECRET: [&str; 8] =
        ["password", "secret", "passphrase", "token", ".pem", "ssl_key", "keystore.key", ".config"];
    SECRET.iter().any(|part| property.contains(part)) && !property.ends_with(".endpoint.url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = ClientSettings {
            brokers: "b:9092".to_owned(),
            common: vec![pair("sasl.username", "anna"), pair("sasl.password", "hunter2")],
            ..ClientSettings::default()
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
        for secret in
            ["ssl.key.pem", "ssl_key", "sasl.jaas.config", "ssl.key.password", "sasl.oauthbearer.config"]
        {
            assert!(is_secret(secret), "{secret}");
        }
        for open in ["sasl.oauthbearer.token.endpoint.url", "ssl.ca.location", "sasl.mechanism"] {
            assert!(!is_secret(open), "{open}");
        }
    }
}
