//! The kinds of requests, by Kafka's numbers.

/// A kind of request: Kafka's API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api(pub i16);

#[allow(missing_docs, reason = "the names are Kafka's")]
impl Api {
    pub const PRODUCE: Self = Self(0);
    pub const FETCH: Self = Self(1);
    pub const LIST_OFFSETS: Self = Self(2);
    pub const METADATA: Self = Self(3);
    pub const OFFSET_COMMIT: Self = Self(8);
    pub const OFFSET_FETCH: Self = Self(9);
    pub const FIND_COORDINATOR: Self = Self(10);
    pub const JOIN_GROUP: Self = Self(11);
    pub const HEARTBEAT: Self = Self(12);
    pub const LEAVE_GROUP: Self = Self(13);
    pub const SYNC_GROUP: Self = Self(14);
    pub const CREATE_TOPICS: Self = Self(19);
    pub const DELETE_RECORDS: Self = Self(21);
    pub const INIT_PRODUCER_ID: Self = Self(22);
    pub const ADD_PARTITIONS_TO_TXN: Self = Self(24);
    pub const ADD_OFFSETS_TO_TXN: Self = Self(25);
    pub const END_TXN: Self = Self(26);
    pub const TXN_OFFSET_COMMIT: Self = Self(28);
    pub const CONSUMER_GROUP_HEARTBEAT: Self = Self(68);
}
