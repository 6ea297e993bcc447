//! Settings in code: the methods of a [`Builder`] that say one.
//!
//! Knows which method says which name. Everything is said as text and checked in one place (`settings`), when the
//! application starts.

use super::Builder;
use crate::guarantee::Guarantee;
use crate::settings::{Settings, SettingsError, names};
use crate::state::OnUnreadable;
use std::path::Path;
use std::time::Duration;

/// Settings. The same ones come from a file and from the environment, which win: code is what the developer ships,
/// file and environment belong to who runs it.
impl Builder {
    /// Runs on Kafka: `host:port` of some brokers, separated by commas (`bootstrap.servers`). Without brokers an
    /// application runs on the in-process log.
    pub fn brokers(self, brokers: impl AsRef<str>) -> Self {
        self.property(names::BROKERS, brokers)
    }

    /// What is promised about records that were processed when something failed (`processing.guarantee`). Exactly
    /// once, unless said otherwise.
    pub fn guarantee(self, guarantee: Guarantee) -> Self {
        self.property(names::GUARANTEE, guarantee.name())
    }

    /// How often is committed (`commit.interval.ms`), in whole milliseconds: 100 ms under exactly once, 30 s under at
    /// least once, unless said otherwise. Zero commits whenever there is something to commit.
    pub fn commit_interval(self, interval: Duration) -> Self {
        self.property(names::COMMIT_INTERVAL, interval.as_millis().to_string())
    }

    /// How many workers share the tasks, each with a thread of its own (`num.stream.threads`). One, unless said
    /// otherwise.
    pub fn threads(self, threads: usize) -> Self {
        self.property(names::THREADS, threads.to_string())
    }

    /// The directory in which stores rest, and which instance of the application this is (`state.dir`). Unless said
    /// otherwise `streams` among the system's temporary files, as Kafka Streams has `kafka-streams` there: say another
    /// one where that does not outlive the machine, and one for each process.
    pub fn state_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.say(names::STATE_DIR, path.as_ref());
        self
    }

    /// What becomes of a store in the state directory that cannot be used (`state.unreadable`), because it is damaged, of a
    /// newer version or of another form than the application expects. Unless said otherwise its task is not opened, and
    /// it is said why.
    pub fn on_unreadable(self, otherwise: OnUnreadable) -> Self {
        self.property(names::UNREADABLE, otherwise.name())
    }

    /// How much memory rows and records that wait may take, in bytes, for the process as a whole (`memory.max.bytes`).
    /// 256 MiB, unless said otherwise. What librdkafka holds for its connections comes on top.
    pub fn memory(self, bytes: u64) -> Self {
        self.property(names::MEMORY, bytes.to_string())
    }

    /// Leaves the group whenever it closes (`leave.group.on.close`), as to scale down. Unless said otherwise an
    /// application with stores in a state directory stays a member, so that a restart finds its tasks where their
    /// stores are.
    pub fn leave_group_on_close(self, leave: bool) -> Self {
        self.property(names::LEAVE, leave.to_string())
    }

    /// Any setting by its name: ours, a property of librdkafka for all clients (`security.protocol`), or for one kind
    /// of them (`consumer.fetch.min.bytes`, `producer.linger.ms`, `admin.…`), or a setting of internal topics
    /// (`topic.min.insync.replicas`).
    pub fn property(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.settings.say(name.as_ref(), value.as_ref());
        self
    }

    /// Reads settings from this file too, from lines of `name = value`; they win over what the code says. If the
    /// variable `STREAMS_SETTINGS` names another file, that one is read instead.
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.read_file(path.as_ref());
        self
    }

    /// What it would run with: code, file and environment put together.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        self.settings.settings()
    }
}
