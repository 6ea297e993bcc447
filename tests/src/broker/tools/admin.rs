//! Topics: made, removed, looked at.

use std::collections::BTreeMap;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime;

use super::{ANSWER, PATIENCE, config, until};

/// A topic as the broker describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// How many partitions it has.
    pub partitions: usize,
    /// Its settings, those the broker chose included.
    pub settings: BTreeMap<String, String>,
}

/// Makes a topic, and returns when all its partitions can be written.
#[track_caller]
pub fn create_topic(bootstrap: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    // A question that a broker loses on its way up is asked again; then it may have been done already.
    let made = until("an answer", PATIENCE, || {
        wait(admin(bootstrap).create_topics([&topic], &options)).ok().map(|mut made| made.remove(0))
    });
    match made {
        Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
        Err((topic, error)) => panic!("no topic {topic}: {error}"),
    }
    until_led(bootstrap, name, usize::try_from(partitions).expect("a topic has partitions"));
}

/// The controller knows of new partitions; the broker learns of them a moment later.
#[track_caller]
fn until_led(bootstrap: &str, name: &str, partitions: usize) {
    until("new partitions", PATIENCE, || {
        let metadata = metadata(bootstrap, Some(name));
        let found = metadata.topics().iter().find(|topic| topic.name() == name)?;
        let all = found.partitions().len() == partitions;
        (all && found.partitions().iter().all(|partition| partition.leader() >= 0)).then_some(())
    });
}

/// Gives a topic more partitions, and returns when all of them can be written.
#[track_caller]
pub fn grow_topic(bootstrap: &str, name: &str, partitions: usize) {
    let options = AdminOptions::new().operation_timeout(Some(ANSWER));
    let answer = wait(admin(bootstrap).create_partitions([&NewPartitions::new(name, partitions)], &options));
    let grown = answer.expect("an answer").remove(0);
    grown.unwrap_or_else(|(topic, error)| panic!("topic {topic} does not grow: {error}"));
    until_led(bootstrap, name, partitions);
}

/// From now on these are the settings of a topic that differ from the broker's defaults.
#[track_caller]
pub fn alter_topic(bootstrap: &str, name: &str, settings: &[(&str, &str)]) {
    let new = AlterConfig::new(ResourceSpecifier::Topic(name));
    let altered = settings.iter().fold(new, |new, (key, value)| new.set(key, value));
    let answer = wait(admin(bootstrap).alter_configs([&altered], &AdminOptions::new()));
    answer
        .expect("an answer")
        .remove(0)
        .unwrap_or_else(|(_, error)| panic!("topic {name} stays as it is: {error}"));
    let is =
        |of: &Topic| settings.iter().all(|(key, value)| of.settings.get(*key).is_some_and(|is| is == value));
    until("settings to be known", PATIENCE, || topic(bootstrap, name).filter(is).map(drop));
}

/// Removes a topic.
#[track_caller]
pub fn delete_topic(bootstrap: &str, name: &str) {
    let options = AdminOptions::new().operation_timeout(Some(ANSWER));
    let answer = wait(admin(bootstrap).delete_topics(&[name], &options));
    answer
        .expect("an answer")
        .remove(0)
        .unwrap_or_else(|(topic, error)| panic!("topic {topic} stays: {error}"));
}

/// The names of all topics but Kafka's own.
pub fn topics(bootstrap: &str) -> Vec<String> {
    let metadata = metadata(bootstrap, None);
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("__")).collect();
    names.sort();
    names
}

/// A topic, if there is one of that name.
#[track_caller]
pub fn topic(bootstrap: &str, name: &str) -> Option<Topic> {
    let metadata = metadata(bootstrap, None);
    let partitions = metadata.topics().iter().find(|topic| topic.name() == name)?.partitions().len();
    let resource = [ResourceSpecifier::Topic(name)];
    let answer = wait(admin(bootstrap).describe_configs(&resource, &AdminOptions::new()));
    let described = answer.expect("an answer").remove(0).expect("a topic has settings");
    let settings = described.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
    Some(Topic { partitions, settings: settings.collect() })
}

fn metadata(bootstrap: &str, topic: Option<&str>) -> Metadata {
    let client: BaseConsumer = config(bootstrap).create().expect("settings are valid");
    client.fetch_metadata(topic, ANSWER).expect("the broker describes its topics")
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    config(bootstrap).create().expect("settings are valid")
}

/// The library completes the future on a thread of its own; somebody only has to wait.
fn wait<F: Future>(answer: F) -> F::Output {
    runtime::Builder::new_current_thread().build().expect("a runtime without threads starts").block_on(answer)
}
