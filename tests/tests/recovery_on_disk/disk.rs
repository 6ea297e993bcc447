//! Files in place of the disks in memory.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use streams_runtime::StateDirectory;
use streams_runtime::instance::InProcess;
use streams_runtime::state::Mark;
use streams_runtime::task::TaskId;

/// Opening files takes its time.
pub const SEEDS: u64 = 25;

#[derive(Clone, Default)]
pub struct Disk(Rc<Files>);

struct Files {
    root: PathBuf,
    /// As the machine that runs has it.
    open: RefCell<Option<StateDirectory>>,
}

impl Default for Files {
    fn default() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("streams-recovery-{}-{nth}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        Files { root, open: RefCell::default() }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.open.take();
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Disk {
    fn reopen(&self) -> StateDirectory {
        self.0.open.take();
        let directory = StateDirectory::open(&self.0.root, "app").unwrap();
        self.0.open.replace(Some(directory.clone()));
        directory
    }

    /// A machine that is started with this disk.
    pub fn insert_into(&self, instance: InProcess) -> InProcess {
        instance.directory(&self.reopen())
    }

    /// How far each store is.
    pub fn marks(&self) -> Vec<(TaskId, String, Option<Mark>)> {
        let directory = self.reopen();
        let mut marks = Vec::new();
        for (sub, partition, store) in (0..4)
            .flat_map(|p| [(0, p, "sums"), (0, p, "windows")])
            .chain([(1, 0, "counts"), (1, 1, "counts")])
        {
            let mark = directory.engine(store, partition).unwrap().mark().unwrap();
            marks.push((TaskId { sub, partition }, store.to_owned(), mark));
        }
        marks
    }
}
