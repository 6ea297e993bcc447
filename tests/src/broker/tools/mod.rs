//! Clients for tests, on librdkafka alone: what they see is what any program in any language would see.
//!
//! They know nothing of the product, on purpose: its own reading cannot prove its own writing. All take the address
//! of a broker or of a proxy before it.

mod acls;
mod admin;
mod follower;
mod groups;
mod producer;
mod reader;
mod record;
mod wait;

pub use acls::{Right, allow};
pub use admin::{Topic, alter_topic, create_topic, delete_topic, grow_topic, topic, topics};
pub use follower::Follower;
pub use groups::{Group, Member, committed, group};
pub use producer::Producer;
pub use reader::{Isolation, end_offsets, read, read_until, start_offsets};
pub use record::{Message, Record};
pub use wait::{PATIENCE, unique, until};

use std::time::Duration;

use rdkafka::ClientConfig;

/// For one answer of a broker that is there.
const ANSWER: Duration = Duration::from_secs(30);

/// Settings all clients of a test have in common.
pub fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // A broker that was killed is back within seconds, so clients look for it all the time.
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config.set("retry.backoff.ms", "20").set("retry.backoff.max.ms", "200");
    config.set("broker.address.family", "v4");
    config
}
