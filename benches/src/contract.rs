//! What a contender is told, through variables of its environment.
//!
//! A contender is one process without children, which reads its inputs from their beginning, passes the times of
//! records on, and runs until it is asked to end (`SIGTERM`); then its exit status is 0.
//!
//! | variable | meaning |
//! |---|---|
//! | `BENCH_WORKLOAD` | `W1`, `W1J`, `W2`, `W3`, `W7`, `W8`, `S1` |
//! | `BOOTSTRAP_SERVERS`, `APPLICATION_ID` | its group is called like the application; its repartition topics are `APPLICATION_ID-*-repartition` |
//! | `INPUT_TOPICS`, `OUTPUT_TOPIC` | a list with commas, and one; four partitions each |
//! | `GUARANTEE` | `at_least_once` or `exactly_once` |
//! | `COMMIT_INTERVAL_MS`, `STATE_DIR`, `LINGER_MS`, `BATCH_SIZE`, `BENCH_THREADS` | as they are called |
//! | `CACHE_BYTES` | memory in which updates of one key are put together; 0: each is written |
//! | `CHANGELOG_TOPIC` | W8 only: the filled changelog to restore from, `APPLICATION_ID-w8-changelog` |
//!
//! Knows the variables, for those who set them and for those who read them. Does not know what a contender makes of
//! them.

use crate::workload::Workload;
use std::time::Duration;

/// What a contender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The name of the workload.
    pub workload: String,
    /// `host:port` of a broker.
    pub brokers: String,
    /// Application and group.
    pub application: String,
    /// What is read.
    pub inputs: Vec<String>,
    /// What is written.
    pub output: String,
    /// Exactly once, or at least once.
    pub exactly_once: bool,
    /// How often is committed.
    pub commit_interval: Duration,
    /// Memory in which updates of one key are put together.
    pub cache_bytes: u64,
    /// Where stores rest.
    pub state_dir: String,
    /// How long a producer waits for more records.
    pub linger_ms: u64,
    /// How large a producer's batch gets.
    pub batch_size: u64,
    /// How many threads process.
    pub threads: usize,
    /// A filled changelog.
    pub changelog: Option<String>,
}

impl Contract {
    /// What the environment of this process says.
    ///
    /// # Errors
    /// If a variable is missing or is not what it has to be.
    pub fn of_process() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// What variables say.
    ///
    /// # Errors
    /// If one is missing or is not what it has to be.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let needed = |name: &str| variable(name).ok_or_else(|| format!("the variable {name} is missing"));
        let number = |name: &str, otherwise: u64| match variable(name) {
            Some(text) => text.parse().map_err(|_| format!("{name}={text} is not a number")),
            None => Ok(otherwise),
        };
        let exactly_once = match needed("GUARANTEE")?.as_str() {
            "exactly_once" => true,
            "at_least_once" => false,
            other => return Err(format!("GUARANTEE={other} is neither at_least_once nor exactly_once")),
        };
        Ok(Contract {
            workload: needed("BENCH_WORKLOAD")?,
            brokers: needed("BOOTSTRAP_SERVERS")?,
            application: needed("APPLICATION_ID")?,
            inputs: needed("INPUT_TOPICS")?.split(',').map(str::to_owned).collect(),
            output: needed("OUTPUT_TOPIC")?,
            exactly_once,
            commit_interval: Duration::from_millis(number("COMMIT_INTERVAL_MS", 100)?),
            cache_bytes: number("CACHE_BYTES", 0)?,
            state_dir: needed("STATE_DIR")?,
            linger_ms: number("LINGER_MS", 5)?,
            batch_size: number("BATCH_SIZE", 1_000_000)?,
            threads: number("BENCH_THREADS", 1)? as usize,
            changelog: variable("CHANGELOG_TOPIC"),
        })
    }

    /// The variables that say this.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let guarantee = if self.exactly_once { "exactly_once" } else { "at_least_once" };
        let mut variables = vec![
            ("BENCH_WORKLOAD", self.workload.clone()),
            ("BOOTSTRAP_SERVERS", self.brokers.clone()),
            ("APPLICATION_ID", self.application.clone()),
            ("INPUT_TOPICS", self.inputs.join(",")),
            ("OUTPUT_TOPIC", self.output.clone()),
            ("GUARANTEE", guarantee.to_owned()),
            ("COMMIT_INTERVAL_MS", self.commit_interval.as_millis().to_string()),
            ("CACHE_BYTES", self.cache_bytes.to_string()),
            ("STATE_DIR", self.state_dir.clone()),
            ("LINGER_MS", self.linger_ms.to_string()),
            ("BATCH_SIZE", self.batch_size.to_string()),
            ("BENCH_THREADS", self.threads.to_string()),
        ];
        variables.extend(self.changelog.clone().map(|changelog| ("CHANGELOG_TOPIC", changelog)));
        variables
    }

    /// What its workload does.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn workload(&self) -> Result<Workload, String> {
        Ok(match self.workload.as_str() {
            "W1" | "S1" => Workload::Stateless,
            "W1J" => Workload::Json,
            "W2" | "W3" => Workload::Count,
            "W7" | "W7a" => Workload::WordCount,
            "W8" | "W8e" => Workload::Table,
            other => return Err(format!("there is no workload `{other}` here")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_says_the_other_reads() {
        let said = Contract {
            workload: "W2".to_owned(),
            brokers: "127.0.0.1:9092".to_owned(),
            application: "app".to_owned(),
            inputs: vec!["a".to_owned(), "b".to_owned()],
            output: "c".to_owned(),
            exactly_once: true,
            commit_interval: Duration::from_millis(7),
            cache_bytes: 1,
            state_dir: "/tmp/state".to_owned(),
            linger_ms: 2,
            batch_size: 3,
            threads: 4,
            changelog: Some("app-w8-changelog".to_owned()),
        };
        let variables = said.variables();
        let of =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(Contract::read(of), Ok(said));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(Contract::read(|_| None), Err("the variable GUARANTEE is missing".to_owned()));
    }
}
