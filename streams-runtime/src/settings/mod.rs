//! What an application is told: brokers, guarantee, intervals, properties of its clients.
//!
//! Every setting has one name, Kafka Streams' or librdkafka's, and three places where it can be said:
//!
//! ```text
//! in the code          .commit_interval(Duration::from_millis(50)), .property("commit.interval.ms", "50")
//! in a file            commit.interval.ms = 50
//! in the environment   STREAMS_COMMIT_INTERVAL_MS=50
//! ```
//!
//! **Environment over file over code over default.** Code is what the developer ships; file and environment belong to
//! who runs it. The file is the one that `STREAMS_SETTINGS` names, else the one that the code names. A property with a
//! prefix (`producer.linger.ms`) wins over the one without, wherever they were said. Names, units and defaults stand in
//! `docs/settings.md`.
//!
//! Everything that is wrong is told at once, with its place and its cure.
//!
//! ```text
//! entry        name, value, place        file · environment   two of the places; the code is `app/settings.rs`
//! names        ours, and nearest ones    properties   librdkafka's      process   what is read, and from where
//! keys         whose a name is           promises     what nobody may change
//! values       single values             build        what this build can do
//! resolve      all of it → Settings      mistakes     what is wrong, in words
//! ```
//!
//! Knows what was said and whether it can be followed. Does not know who follows it.

mod build;
mod entry;
mod environment;
mod file;
mod keys;
mod mistakes;
pub(crate) mod names;
mod process;
mod promises;
mod properties;
mod resolve;
#[cfg(test)]
mod tests;
mod values;

pub use build::{Build, Verdict};
pub use entry::{Entry, Origin};
pub use mistakes::{Mistake, SettingsError};
pub use resolve::resolve;

use crate::guarantee::Guarantee;
use crate::state::OnUnreadable;
use crate::transport::ClientSettings;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What an application runs with. Everything in it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `host:port` of some brokers, separated by commas; `None`: the in-process log.
    pub brokers: Option<String>,
    /// What is promised.
    pub guarantee: Guarantee,
    /// How often is committed, in ms; 0: whenever there is something to commit.
    pub commit_interval_ms: u64,
    /// How many workers there are.
    pub threads: usize,
    /// Where stores rest; `None`: in `streams` among the system's temporary files.
    pub state_dir: Option<PathBuf>,
    /// What becomes of a store there that cannot be used.
    pub unreadable: OnUnreadable,
    /// For how long a store may not be here before it is deleted, in ms.
    pub cleanup_delay_ms: u64,
    /// How much memory rows and waiting records may take, in bytes, for the process as a whole.
    pub memory_bytes: u64,
    /// How many brokers keep each internal topic; `None`: the brokers decide.
    pub replication: Option<u16>,
    /// How long the start waits for brokers and for topics, in ms.
    pub patience_ms: u64,
    /// True if a close always leaves the group, also where stores on disk would be worth coming back to.
    pub leave_on_close: bool,
    /// Further settings of internal topics.
    pub topics: Vec<(String, String)>,
    /// What clients are made with.
    pub clients: ClientSettings,
}

/// What the code says.
#[derive(Clone, Debug, Default)]
pub struct Given {
    entries: Vec<Entry>,
    file: Option<PathBuf>,
}

impl Given {
    /// Says a setting; what was said for it before is forgotten.
    pub fn say(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry::new(name, value, Origin::Code));
    }

    /// Names the file, unless the environment names another one.
    pub(crate) fn read_file(&mut self, path: &Path) {
        self.file = Some(path.to_owned());
    }

    /// What it comes to with file and environment.
    pub(crate) fn settings(&self) -> Result<Settings, SettingsError> {
        resolve(&Sources::of_process(self), &Build::this())
    }
}

/// What was said, by place.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// In the code.
    pub code: Vec<Entry>,
    /// In the file.
    pub file: Vec<Entry>,
    /// In the environment.
    pub environment: Vec<Entry>,
    /// What could not even be read.
    pub mistakes: Vec<Mistake>,
}
