//! Clients for tests, on librdkafka alone: what they see is what any program in any language would see.
//!
//! They know nothing of the product, on purpose: its own reading cannot prove its own writing.

use rdkafka::ClientConfig;

/// Settings all clients of a test have in common.
pub fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // A broker that was killed is back within seconds; clients look for it all the time.
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config.set("retry.backoff.ms", "20").set("retry.backoff.max.ms", "200");
    // Nothing may come from a broker that runs by chance under the same port on the other protocol.
    config.set("broker.address.family", "v4");
    config
}
