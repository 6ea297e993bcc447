//! What was said → what is done: one value for each setting, or everything that is wrong.
//!
//! Pure: everything it knows is handed in. Does not read files, the environment or the clock.

use super::build::Build;
use super::entry::{Entry, Origin};
use super::keys::{self, Key};
use super::mistakes::{Mistake, SettingsError};
use super::names;
use super::properties::{self, Client};
use super::{Settings, Sources, promises, values};
use crate::guarantee::Guarantee;
use crate::memory::Budget;
use crate::state::OnUnreadable;
use crate::transport::ClientSettings;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// Kafka Streams' own for exactly once: a worker that stopped holds readers up for no longer.
const TRANSACTION_TIMEOUT_MS: u64 = 10_000;
/// Kafka Streams' own.
const CLEANUP_DELAY_MS: u64 = 600_000;
/// Librdkafka's, for comparing with what was said.
const SESSION_TIMEOUT_MS: u64 = 45_000;
const MAX_POLL_INTERVAL_MS: u64 = 300_000;

/// Finds one value for each setting.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn resolve(sources: &Sources, build: &Build) -> Result<Settings, SettingsError> {
    let mut resolver = Resolver { said: BTreeMap::new(), mistakes: sources.mistakes.clone(), build: *build };
    // Each layer replaces what the one before it said.
    for layer in [&sources.code, &sources.file, &sources.environment] {
        resolver.add(layer);
    }
    let settings = resolver.settings();
    SettingsError::unless_empty(resolver.mistakes)?;
    Ok(settings)
}

struct Resolver<'a> {
    said: BTreeMap<Key, &'a Entry>,
    mistakes: Vec<Mistake>,
    build: Build,
}

impl<'a> Resolver<'a> {
    fn add(&mut self, layer: &'a [Entry]) {
        let mut here: BTreeMap<Key, &Entry> = BTreeMap::new();
        for entry in layer {
            let key = match keys::key(entry, &self.build) {
                Ok(key) => key,
                Err(mistake) => {
                    self.mistakes.push(*mistake);
                    continue;
                }
            };
            if let Some(first) = here.insert(key, entry) {
                let problem = match first.name == entry.name {
                    true => format!("said twice, first {}", first.origin),
                    false => format!("the same as `{}` {}", first.name, first.origin),
                };
                self.mistakes.push(Mistake::new(entry, problem, "keep one of them"));
            }
        }
        self.said.extend(here);
    }

    fn settings(&mut self) -> Settings {
        let guarantee = self.guarantee();
        let default_interval = match guarantee {
            Guarantee::ExactlyOnce => 100,
            Guarantee::AtLeastOnce => 30_000,
        };
        let commit_interval_ms = self.number(names::COMMIT_INTERVAL, 0..=86_400_000, " of milliseconds", "");
        let threads = self.number(names::THREADS, 1..=1024, "", "");
        let patience = self.number(names::PATIENCE, 1_000..=3_600_000, " of milliseconds", "");
        // The most is what Kafka Streams has for "never".
        let cleanup_delay =
            self.number(names::CLEANUP_DELAY, 1_000..=i64::MAX.unsigned_abs(), " of milliseconds", "");
        let memory = self.number(names::MEMORY, Budget::SMALLEST..=Budget::LARGEST, " of bytes", "");
        let brokers = self.brokers();
        let settings = Settings {
            guarantee,
            commit_interval_ms: commit_interval_ms.unwrap_or(default_interval),
            threads: threads.unwrap_or(1),
            state_dir: self.ours(names::STATE_DIR).map(|entry| PathBuf::from(&entry.value)),
            unreadable: self.unreadable(),
            cleanup_delay_ms: cleanup_delay.unwrap_or(CLEANUP_DELAY_MS),
            memory_bytes: memory.unwrap_or(Budget::DEFAULT),
            replication: self.replication(),
            patience_ms: patience.unwrap_or(60_000),
            leave_on_close: self.flag(names::LEAVE),
            topics: self.topics(),
            clients: self.clients(brokers.clone().unwrap_or_default(), guarantee),
            brokers,
        };
        self.contradictions(&settings);
        settings
    }

    /// The entry of one of our settings, if there is one that says something.
    fn ours(&mut self, name: &'static str) -> Option<&'a Entry> {
        let entry = *self.said.get(&Key::Ours(name))?;
        match entry.value.is_empty() {
            false => Some(entry),
            true => {
                self.mistakes.push(empty(entry));
                None
            }
        }
    }

    fn text(&mut self, entry: &'a Entry) -> Option<&'a str> {
        let text = entry.value.to_str();
        if text.is_none() {
            self.mistakes.push(Mistake::new(entry, "it is not text in UTF-8", "write it in UTF-8"));
        }
        text
    }

    fn number<N>(&mut self, name: &'static str, range: RangeInclusive<N>, unit: &str, or: &str) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let entry = self.ours(name)?;
        let text = self.text(entry)?;
        match text.parse::<N>() {
            Ok(number) if range.contains(&number) => Some(number),
            parsed => {
                let problem = match parsed {
                    Ok(_) => "it is out of range",
                    Err(_) if is_whole(text) => "it is out of range",
                    Err(_) => "it is not a whole number",
                };
                let (low, high) = (range.start(), range.end());
                let cure = format!("write a whole number{unit} from {low} to {high}{or}");
                self.mistakes.push(Mistake::new(entry, problem, cure));
                None
            }
        }
    }

    fn flag(&mut self, name: &'static str) -> bool {
        let Some(entry) = self.ours(name) else { return false };
        match self.text(entry) {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => {
                self.mistakes.push(Mistake::new(entry, "it is neither", "write `true` or `false`"));
                false
            }
        }
    }

    fn guarantee(&mut self) -> Guarantee {
        let Some(entry) = self.ours(names::GUARANTEE) else { return Guarantee::default() };
        let Some(text) = self.text(entry) else { return Guarantee::default() };
        Guarantee::named(text).unwrap_or_else(|| {
            let (problem, cure) = match text {
                "exactly_once" | "exactly_once_beta" => {
                    ("that way of keeping the promise is no more", "write `exactly_once_v2`")
                }
                _ => ("there is no such guarantee", "write `exactly_once_v2` or `at_least_once`"),
            };
            self.mistakes.push(Mistake::new(entry, problem, cure));
            Guarantee::default()
        })
    }

    fn unreadable(&mut self) -> OnUnreadable {
        let Some(entry) = self.ours(names::UNREADABLE) else { return OnUnreadable::default() };
        let Some(text) = self.text(entry) else { return OnUnreadable::default() };
        OnUnreadable::named(text).unwrap_or_else(|| {
            self.mistakes.push(Mistake::new(entry, "it is neither", "write `refuse` or `rebuild`"));
            OnUnreadable::default()
        })
    }

    fn brokers(&mut self) -> Option<String> {
        let entry = self.ours(names::BROKERS)?;
        let text = self.text(entry)?;
        match values::brokers(text) {
            Err(problem) => {
                self.mistakes.push(Mistake::new(
                    entry,
                    problem,
                    "write `host:port`, and commas between several",
                ));
            }
            Ok(_) if !self.build.kafka => self.mistakes.push(Mistake::new(
                entry,
                "this program was built without Kafka",
                "build it with the feature `kafka` of `streams-runtime`, or remove it to run on the in-process log",
            )),
            Ok(brokers) => return Some(brokers),
        }
        None
    }

    fn replication(&mut self) -> Option<u16> {
        // -1 is Kafka Streams' way to leave it to the brokers.
        if self.said.get(&Key::Ours(names::REPLICATION)).is_some_and(|entry| entry.value == "-1") {
            return None;
        }
        self.number(names::REPLICATION, 1..=1000, "", ", or -1 to leave it to the brokers")
    }

    fn topics(&mut self) -> Vec<(String, String)> {
        let said: Vec<_> = self.said.iter().map(|(key, entry)| (key.clone(), *entry)).collect();
        let mut topics = Vec::new();
        for (key, entry) in said {
            let Key::Topic(setting) = key else { continue };
            if let Some((why, cure)) = promises::about_topics(&setting) {
                self.mistakes.push(Mistake::new(entry, format!("nobody may change it: {why}"), cure));
            } else if entry.value.is_empty() {
                self.mistakes.push(empty(entry));
            } else if let Some(text) = self.text(entry) {
                topics.push((setting, text.to_owned()));
            }
        }
        topics
    }

    fn clients(&mut self, brokers: String, guarantee: Guarantee) -> ClientSettings {
        let said: Vec<_> = self.said.iter().map(|(key, entry)| (key.clone(), *entry)).collect();
        let mut of: BTreeMap<Option<Client>, BTreeMap<String, String>> = BTreeMap::new();
        if guarantee == Guarantee::ExactlyOnce {
            let producer = of.entry(Some(Client::Producer)).or_default();
            producer.insert("transaction.timeout.ms".to_owned(), TRANSACTION_TIMEOUT_MS.to_string());
        }
        // Those without a prefix come first, so that those with one replace them.
        for (key, entry) in said {
            let Key::Property(client, property) = key else { continue };
            let Some(value) = self.value(entry, &property) else { continue };
            // One that is for a single kind of client goes there: librdkafka complains elsewhere.
            let meant = properties::clients(&property).filter(|meant| meant.len() == 1).map(|meant| meant[0]);
            of.entry(client.or(meant)).or_default().insert(property, value);
        }
        let mut take = |client| of.remove(&client).unwrap_or_default().into_iter().collect();
        ClientSettings {
            brokers,
            common: take(None),
            consumer: take(Some(Client::Consumer)),
            producer: take(Some(Client::Producer)),
            admin: take(Some(Client::Admin)),
        }
    }

    /// The value of a property, if it may have it.
    fn value(&mut self, entry: &'a Entry, property: &str) -> Option<String> {
        let mistake = if entry.value.is_empty() {
            empty(entry)
        } else {
            let text = self.text(entry)?;
            match promises::about(property) {
                Some(promise) if !promise.allowed.contains(&text) => {
                    Mistake::new(entry, format!("nobody may change it: {}", promise.why), promise.cure)
                }
                _ => match values::property(property, text, &self.build) {
                    Ok(()) => return Some(text.to_owned()),
                    Err((problem, cure)) => Mistake::new(entry, problem, cure),
                },
            }
        };
        self.mistakes.push(mistake);
        None
    }

    /// Settings that are fine one by one and do not go together.
    fn contradictions(&mut self, settings: &Settings) {
        let clients = &settings.clients;
        if settings.guarantee == Guarantee::ExactlyOnce {
            let timeout = milliseconds(&clients.producer, "transaction.timeout.ms", TRANSACTION_TIMEOUT_MS);
            let interval = settings.commit_interval_ms;
            if interval >= timeout {
                let entry = self.entry(
                    &[Key::Ours(names::COMMIT_INTERVAL), producer("transaction.timeout.ms")],
                    names::COMMIT_INTERVAL,
                    interval,
                );
                let problem = format!(
                    "a transaction would be open for {interval} ms, and the broker takes it back after {timeout} ms \
                     (`producer.transaction.timeout.ms`)"
                );
                self.mistakes.push(Mistake::new(
                    &entry,
                    problem,
                    "commit more often, or give transactions more time",
                ));
            }
            let delivery = milliseconds(&clients.producer, "delivery.timeout.ms", 0);
            if delivery > timeout {
                let entry = self.entry(&[producer("delivery.timeout.ms")], "delivery.timeout.ms", delivery);
                let problem = format!(
                    "no record can take longer than its transaction, which the broker takes back after {timeout} ms \
                     (`producer.transaction.timeout.ms`)"
                );
                self.mistakes.push(Mistake::new(
                    &entry,
                    problem,
                    "remove it, or give transactions more time",
                ));
            }
        }
        let session = milliseconds(&clients.consumer, "session.timeout.ms", SESSION_TIMEOUT_MS);
        let poll = milliseconds(&clients.consumer, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS);
        if session > poll {
            let keys = [consumer("max.poll.interval.ms"), consumer("session.timeout.ms")];
            let entry = self.entry(&keys, "session.timeout.ms", session);
            let problem = format!(
                "a session of {session} ms (`consumer.session.timeout.ms`) would outlast the {poll} ms within which \
                 a member must show up (`consumer.max.poll.interval.ms`)"
            );
            self.mistakes.push(Mistake::new(&entry, problem, "make the session the shorter one"));
        }
    }

    /// Who said one of these: the first that somebody said, else the default of `name`.
    fn entry(&self, keys: &[Key], name: &str, default: u64) -> Entry {
        let plain = |key: &Key| match key {
            Key::Property(_, property) => Key::Property(None, property.clone()),
            key => key.clone(),
        };
        let said = keys.iter().find_map(|key| self.said.get(key).or_else(|| self.said.get(&plain(key))));
        said.map_or_else(|| Entry::new(name, default.to_string(), Origin::Default), |entry| (*entry).clone())
    }
}

fn producer(property: &str) -> Key {
    Key::Property(Some(Client::Producer), property.to_owned())
}

fn consumer(property: &str) -> Key {
    Key::Property(Some(Client::Consumer), property.to_owned())
}

/// A number among properties that were judged already.
fn milliseconds(properties: &[(String, String)], name: &str, default: u64) -> u64 {
    let said = properties.iter().find(|(property, _)| property == name);
    said.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// True for whole numbers of any size.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

fn empty(entry: &Entry) -> Mistake {
    let cure = match entry.origin {
        Origin::Environment(_) => "unset the variable, or give it a value",
        _ => "remove it, or give it a value",
    };
    Mistake::new(entry, "it has no value", cure)
}
