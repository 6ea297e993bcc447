//! Votes, counted by their key: results are in the same transaction as what was read.

use streams_runtime::prelude::*;

#[topic(name = "votes", partitions = 2, key = String, value = String)]
struct Votes;

#[topic(name = "tally", key = String, value = i64)]
struct TallyTopic;

#[ktable(store = "tally", from = Votes, count, to = TallyTopic)]
struct Tally;

topology!(
    /// Counts votes.
    pub TallyApp = [Tally]
);
