//! Owned handles over the C interface of librdkafka.
//!
//! ```text
//! codes     what calls return: numbers, because the generated enum has holes
//! client    configuration → a client; its callbacks; its end
//! list      topic, partition, offset, metadata
//! fetch     batches of messages out of a queue
//! produce   records into topics, transactions
//! ask       requests with one answer: ends of logs, committed offsets, topics
//! admin     more of them: what topics are like, making them, what is allowed
//! late      calls that may not come back in time
//! ```
//!
//! Everything a caller gets is released by dropping it, and nothing outlives the client it came from: handles hold
//! their [`Client`]. It knows pointers and who frees them. It deliberately does not know what a code means, when to
//! try again, or what a worker is.
//!
//! Threads: a client, its messages and its lists stay on the thread that made them (no handle is `Send`), but for calls that
//! may be late, which have what they need for themselves. librdkafka's own threads call two things here: the log, which has
//! no state, and a [`Wakeup`].
#![allow(unsafe_code)]

mod admin;
mod ask;
mod client;
mod codes;
mod fetch;
mod late;
mod list;
mod produce;

pub(super) use admin::{Described, Settings, ToMake};
pub(super) use ask::{Answer, Asked, End};
pub(super) use client::{Client, Config, Rebalance, Wakeup};
pub(super) use codes::{Code, Fault};
pub(super) use fetch::{Batch, Fetched};
pub(super) use list::PartitionList;
pub(super) use produce::{Headers, Membership, Report, ToSend, Topic};
