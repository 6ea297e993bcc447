//! What the codes of librdkafka and of brokers mean to a worker.
//!
//! The only place that looks at a code's number. Knows meanings; deliberately does not know which call failed, nor
//! what the caller does about it.

use super::sys::{Code, Fault};
use crate::transport::TransportError;

/// What follows from a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Somebody else has the transactional id, or the transaction ran out of time.
    Fenced,
    /// The group does not know this member in this generation (any more).
    StaleMember,
    /// No answer, or not yet: asking again may help.
    Later,
    /// The topic or the partition does not exist.
    Unknown,
    /// The offset does not exist.
    OutOfRange,
    /// This record will never be taken.
    Refused,
    /// A consequence of something else that went wrong before.
    Consequence,
    /// Rights, settings, a version, a full disk: trying again will not help.
    Never,
}

pub(super) const FENCED_INSTANCE: Code = Code(82);
pub(super) const UNRELEASED_INSTANCE: Code = Code(111);
pub(super) const FENCED_EPOCH: Code = Code(74);
pub(super) const UNKNOWN_EPOCH: Code = Code(75);
pub(super) const UNSTABLE_OFFSETS: Code = Code(88);
pub(super) const NOT_COORDINATOR: Code = Code(16);
pub(super) const END_OF_PARTITION: Code = Code(-191);
pub(super) const MAX_POLL_EXCEEDED: Code = Code(-147);
pub(super) const QUEUE_FULL: Code = Code(-184);

pub(super) fn meaning(code: Code) -> Meaning {
    match code.0 {
        // _FENCED; INVALID_PRODUCER_EPOCH and PRODUCER_FENCED, which the library normally rewrites to it.
        -144 | 47 | 90 => Meaning::Fenced,
        // ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID, FENCED_MEMBER_EPOCH,
        // STALE_MEMBER_EPOCH, _ASSIGNMENT_LOST; _NO_OFFSET and _STATE of a commit are decided by its caller.
        22 | 25 | 27 | 82 | 110 | 113 | -142 => Meaning::StaleMember,
        // _MSG_TIMED_OUT, _TIMED_OUT, _TIMED_OUT_QUEUE, _TRANSPORT, _ALL_BROKERS_DOWN, _WAIT_COORD, _IN_PROGRESS,
        // _PREV_IN_PROGRESS, _WAIT_CACHE, _RETRY, _RESOLVE, _NOENT (no partition that was asked about has a leader),
        // _QUEUE_FULL (what was sent does not arrive).
        -192 | -185 | -166 | -195 | -187 | -180 | -178 | -177 | -164 | -153 | -193 | -156 | -184 => {
            Meaning::Later
        }
        // LEADER_NOT_AVAILABLE, NOT_LEADER, REQUEST_TIMED_OUT, BROKER_ and REPLICA_NOT_AVAILABLE,
        // NETWORK_EXCEPTION, COORDINATOR_*, NOT_COORDINATOR, NOT_ENOUGH_REPLICAS (before and after append),
        // CONCURRENT_TRANSACTIONS, KAFKA_STORAGE_ERROR, FETCH sessions, FENCED_ and UNKNOWN_LEADER_EPOCH,
        // OFFSET_NOT_AVAILABLE, UNSTABLE_OFFSET_COMMIT, THROTTLING_QUOTA_EXCEEDED.
        5 | 6 | 7 | 8 | 9 | 13 | 14 | 15 | 16 | 19 | 20 | 51 | 56 | 70 | 71 | 74 | 75 | 78 | 88 | 89 => {
            Meaning::Later
        }
        // OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID: the numbering of what is written was torn. The transaction is
        // lost, and the library takes another epoch for the next one; where there are none, it calls them fatal.
        45 | 59 => Meaning::Later,
        // UNKNOWN_TOPIC_OR_PART, _UNKNOWN_TOPIC, _UNKNOWN_PARTITION, INVALID_TOPIC, UNKNOWN_TOPIC_ID.
        3 | -188 | -190 | 17 | 100 => Meaning::Unknown,
        // OFFSET_OUT_OF_RANGE, _AUTO_OFFSET_RESET, _LOG_TRUNCATION.
        1 | -140 | -139 => Meaning::OutOfRange,
        // MSG_SIZE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_MSG, INVALID_MSG_SIZE, INVALID_TIMESTAMP,
        // TOPIC_AUTHORIZATION_FAILED, UNSUPPORTED_FOR_MESSAGE_FORMAT, POLICY_VIOLATION, INVALID_RECORD,
        // UNSUPPORTED_COMPRESSION_TYPE.
        10 | 18 | 2 | 4 | 32 | 29 | 43 | 44 | 76 | 87 => Meaning::Refused,
        // _PURGE_QUEUE, _PURGE_INFLIGHT, _INVALID_DIFFERENT_RECORD, _DESTROY.
        -152 | -151 | -138 | -197 => Meaning::Consequence,
        _ => Meaning::Never,
    }
}

/// The error of a call about one partition.
pub(super) fn of_partition(
    doing: &'static str,
    topic: &str,
    partition: i32,
    fault: &Fault,
) -> TransportError {
    match error(doing, topic, fault) {
        TransportError::NoAnswer { doing, topic, .. } => {
            TransportError::NoAnswer { doing, topic, partition: u32::try_from(partition).ok() }
        }
        TransportError::Broker { doing, reason } if partition >= 0 => {
            TransportError::Broker { doing, reason: format!("partition {partition} of {reason}") }
        }
        error => error,
    }
}

/// The error of a call about a topic or about none (`""`).
pub(super) fn error(doing: &'static str, topic: &str, fault: &Fault) -> TransportError {
    match meaning(fault.code) {
        Meaning::Later if topic.is_empty() => TransportError::TimedOut(doing),
        Meaning::Later => TransportError::NoAnswer { doing, topic: topic.to_owned(), partition: None },
        Meaning::Unknown if !topic.is_empty() => TransportError::UnknownTopic(topic.to_owned()),
        _ if topic.is_empty() => broker(doing, fault),
        _ => broker(doing, &Fault { text: format!("topic `{topic}`: {}", fault.text), ..fault.clone() }),
    }
}

/// What trying again will not mend.
pub(super) fn broker(doing: &'static str, fault: &Fault) -> TransportError {
    let cure = cure(fault.code).map_or(String::new(), |cure| format!("; {cure}"));
    TransportError::Broker { doing, reason: format!("{} ({}){cure}", fault.text, fault.code.name()) }
}

/// What helps, where it is always the same.
fn cure(code: Code) -> Option<&'static str> {
    match code.0 {
        // TOPIC_, GROUP_, CLUSTER_ and TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
        29 | 30 | 31 | 53 => Some("give the principal the right, with `kafka-acls.sh` for one"),
        // SASL_AUTHENTICATION_FAILED, _AUTHENTICATION.
        58 | -169 => Some("see the settings `sasl.*` and `security.protocol`"),
        // UNSUPPORTED_VERSION, _UNSUPPORTED_FEATURE.
        35 | -165 => Some("the broker is too old for this"),
        // FENCED_INSTANCE_ID.
        82 => Some("another process has this identity: does a copy of the state directory run elsewhere?"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for (code, name, expected) in [
            (-144, "_FENCED", Meaning::Fenced),
            (47, "INVALID_PRODUCER_EPOCH", Meaning::Fenced),
            (90, "PRODUCER_FENCED", Meaning::Fenced),
            (22, "ILLEGAL_GENERATION", Meaning::StaleMember),
            (25, "UNKNOWN_MEMBER_ID", Meaning::StaleMember),
            (27, "REBALANCE_IN_PROGRESS", Meaning::StaleMember),
            (82, "FENCED_INSTANCE_ID", Meaning::StaleMember),
            (-142, "_ASSIGNMENT_LOST", Meaning::StaleMember),
            (110, "FENCED_MEMBER_EPOCH", Meaning::StaleMember),
            (113, "STALE_MEMBER_EPOCH", Meaning::StaleMember),
            (-192, "_MSG_TIMED_OUT", Meaning::Later),
            (-185, "_TIMED_OUT", Meaning::Later),
            (-166, "_TIMED_OUT_QUEUE", Meaning::Later),
            (-195, "_TRANSPORT", Meaning::Later),
            (-187, "_ALL_BROKERS_DOWN", Meaning::Later),
            (-180, "_WAIT_COORD", Meaning::Later),
            (-178, "_IN_PROGRESS", Meaning::Later),
            (-177, "_PREV_IN_PROGRESS", Meaning::Later),
            (-164, "_WAIT_CACHE", Meaning::Later),
            (-153, "_RETRY", Meaning::Later),
            (-156, "_NOENT", Meaning::Later),
            (-184, "_QUEUE_FULL", Meaning::Later),
            (-193, "_RESOLVE", Meaning::Later),
            (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", Meaning::Later),
            (59, "UNKNOWN_PRODUCER_ID", Meaning::Later),
            (5, "LEADER_NOT_AVAILABLE", Meaning::Later),
            (6, "NOT_LEADER_FOR_PARTITION", Meaning::Later),
            (7, "REQUEST_TIMED_OUT", Meaning::Later),
            (14, "COORDINATOR_LOAD_IN_PROGRESS", Meaning::Later),
            (15, "COORDINATOR_NOT_AVAILABLE", Meaning::Later),
            (16, "NOT_COORDINATOR", Meaning::Later),
            (19, "NOT_ENOUGH_REPLICAS", Meaning::Later),
            (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Meaning::Later),
            (51, "CONCURRENT_TRANSACTIONS", Meaning::Later),
            (56, "KAFKA_STORAGE_ERROR", Meaning::Later),
            (74, "FENCED_LEADER_EPOCH", Meaning::Later),
            (78, "OFFSET_NOT_AVAILABLE", Meaning::Later),
            (88, "UNSTABLE_OFFSET_COMMIT", Meaning::Later),
            (89, "THROTTLING_QUOTA_EXCEEDED", Meaning::Later),
            (3, "UNKNOWN_TOPIC_OR_PART", Meaning::Unknown),
            (-188, "_UNKNOWN_TOPIC", Meaning::Unknown),
            (-190, "_UNKNOWN_PARTITION", Meaning::Unknown),
            (17, "TOPIC_EXCEPTION", Meaning::Unknown),
            (100, "UNKNOWN_TOPIC_ID", Meaning::Unknown),
            (1, "OFFSET_OUT_OF_RANGE", Meaning::OutOfRange),
            (-140, "_AUTO_OFFSET_RESET", Meaning::OutOfRange),
            (10, "MSG_SIZE_TOO_LARGE", Meaning::Refused),
            (18, "RECORD_LIST_TOO_LARGE", Meaning::Refused),
            (2, "INVALID_MSG", Meaning::Refused),
            (4, "INVALID_MSG_SIZE", Meaning::Refused),
            (32, "INVALID_TIMESTAMP", Meaning::Refused),
            (29, "TOPIC_AUTHORIZATION_FAILED", Meaning::Refused),
            (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Meaning::Refused),
            (44, "POLICY_VIOLATION", Meaning::Refused),
            (87, "INVALID_RECORD", Meaning::Refused),
            (-152, "_PURGE_QUEUE", Meaning::Consequence),
            (-151, "_PURGE_INFLIGHT", Meaning::Consequence),
            (-138, "_INVALID_DIFFERENT_RECORD", Meaning::Consequence),
            (-197, "_DESTROY", Meaning::Consequence),
            (30, "GROUP_AUTHORIZATION_FAILED", Meaning::Never),
            (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Meaning::Never),
        ] {
            assert_eq!(Code(code).name(), name, "{code}");
            assert_eq!(meaning(Code(code)), expected, "{name}");
        }
        for (code, name) in [
            (FENCED_INSTANCE, "FENCED_INSTANCE_ID"),
            (UNRELEASED_INSTANCE, "UNRELEASED_INSTANCE_ID"),
            (UNSTABLE_OFFSETS, "UNSTABLE_OFFSET_COMMIT"),
            (END_OF_PARTITION, "_PARTITION_EOF"),
            (NOT_COORDINATOR, "NOT_COORDINATOR"),
            (MAX_POLL_EXCEEDED, "_MAX_POLL_EXCEEDED"),
            (QUEUE_FULL, "_QUEUE_FULL"),
        ] {
            assert_eq!(code.name(), name);
        }
    }

    #[test]
    fn an_error_names_its_topic_and_what_helps() {
        let fault = Fault { text: "Broker: Topic authorization failed".to_owned(), ..Fault::of(Code(29)) };
        let words = "asking for a topic: topic `t`: Broker: Topic authorization failed \
            (TOPIC_AUTHORIZATION_FAILED); give the principal the right, with `kafka-acls.sh` for one";
        assert_eq!(error("asking for a topic", "t", &fault).to_string(), words);
        for (code, name) in [
            (31, "CLUSTER_AUTHORIZATION_FAILED"),
            (58, "SASL_AUTHENTICATION_FAILED"),
            (-169, "_AUTHENTICATION"),
            (35, "UNSUPPORTED_VERSION"),
            (-165, "_UNSUPPORTED_FEATURE"),
        ] {
            assert_eq!(Code(code).name(), name);
            assert!(cure(Code(code)).is_some());
        }
    }

    #[test]
    fn who_does_not_answer_has_a_name() {
        let (late, full) = (Fault::of(Code(-192)), Fault::of(Code(56)));
        assert_eq!(error("asking", "", &late), TransportError::TimedOut("asking"));
        assert_eq!(
            error("asking for a topic", "t", &late).to_string(),
            "asking for a topic timed out: topic `t`"
        );
        let told = of_partition("writing records", "t", 3, &late);
        assert_eq!(told.to_string(), "writing records timed out: topic `t`, partition 3");
        assert_eq!(told.timed_out(), Some("writing records"));
        assert!(of_partition("writing records", "t", 3, &full).timed_out().is_some());
        // None was chosen yet.
        let told = of_partition("writing records", "t", -1, &late);
        assert_eq!(told.to_string(), "writing records timed out: topic `t`");
        let forbidden = of_partition("writing records", "t", 3, &Fault::of(Code(30))).to_string();
        assert!(forbidden.starts_with("writing records: partition 3 of topic `t`: "), "{forbidden}");
    }

    #[test]
    fn a_code_that_the_library_does_not_know_is_harmless() {
        assert_eq!(meaning(Code(120)), Meaning::Never);
        assert!(!Code(120).text().is_empty());
        assert!(!Code(31_000).name().is_empty());
    }
}
