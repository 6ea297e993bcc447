//! The disks of the machines: what is left when a worker is gone. `recovery_on_disk` has files in its place.

use streams_runtime::instance::{InProcess, MemoryDisk};

/// How many random schedules are run.
pub const SEEDS: u64 = 150;

#[derive(Clone, Default)]
pub struct Disk(MemoryDisk);

impl Disk {
    /// A machine that is started with this disk.
    pub fn insert_into(&self, instance: InProcess) -> InProcess {
        instance.disk(&self.0)
    }

    /// How far each store is.
    pub fn marks(
        &self,
    ) -> Vec<(streams_runtime::task::TaskId, String, Option<streams_runtime::state::Mark>)> {
        self.0.marks()
    }
}
