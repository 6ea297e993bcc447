//! Offsets of a group that has not read anything yet.
//!
//! A changelog that is full without its group having committed anything is refused by this framework: the inputs would
//! be read once more into rows that have seen them. W8 hands over such a changelog, so the group first says that it is
//! at the beginning of its inputs.

use crate::contract::Contract;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Commits the beginning of all inputs for the contract's group, if there is a changelog to restore from.
///
/// # Errors
/// If the broker refuses.
pub fn begin(contract: &Contract) -> Result<(), KafkaError> {
    if contract.changelog.is_none() {
        return Ok(());
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &contract.brokers).set("group.id", &contract.application);
    let group: BaseConsumer = config.set("enable.auto.commit", "false").create()?;
    let mut beginning = TopicPartitionList::new();
    for input in &contract.inputs {
        let metadata = group.fetch_metadata(Some(input), PATIENCE)?;
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            beginning.add_partition_offset(input, partition.id(), Offset::Offset(0))?;
        }
    }
    group.commit(&beginning, CommitMode::Sync)
}
