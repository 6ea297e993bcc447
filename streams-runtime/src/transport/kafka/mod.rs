//! Apache Kafka through librdkafka, behind the traits of [`transport`](super).
//!
//! ```text
//! sys       owned handles over the C interface: the only `unsafe` of the transport
//! errors    what librdkafka's and the broker's codes mean to a worker
//! client    properties → clients                                        noise     what librdkafka says, once
//! handles   the topics a client has met, and how many partitions they have
//! consumer  batches out of one queue, committed offsets, ends of logs        message   a record, lent
//! questions what a consumer has asked brokers and has no answer to yet     group_asker  who asks about the group
//! member    what the group decides, by a client that reads nothing
//! producer  transactions; delivery reports by callback
//! admin     topics: what is there, and making what is not                deleting  what was read
//! ```
//!
//! It knows clients, codes and properties. It deliberately does not know tasks, stores or which topic is a changelog.

mod admin;
mod client;
mod consumer;
mod deleting;
mod errors;
mod group_asker;
mod handles;
mod member;
mod message;
mod noise;
mod producer;
mod questions;
mod silence;
mod sys;

pub use super::clients::ClientSettings;
pub use admin::KafkaAdmin;
pub use client::KafkaClients;
pub use consumer::KafkaConsumer;
pub use message::KafkaMessage;
pub use producer::KafkaProducer;
