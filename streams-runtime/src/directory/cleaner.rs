//! Deletes stores of a directory that somebody else holds.
//!
//! It is called for the first time as long after the start as a store may be unused: tasks of a process that was started
//! again may just be coming back. Knows for how long. Does not know when it is called, nor which stores go (`cleaning`).

use super::{Inner, StateDirectory};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// See above.
pub(crate) struct Cleaner {
    directory: Weak<Inner>,
    delay: Duration,
    at_work: Arc<Mutex<()>>,
}

/// As good as never.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl StateDirectory {
    /// What deletes stores that are unused for so long, unless that is never. It does not keep the directory open.
    pub(crate) fn cleaner(&self, delay: Duration) -> Option<Cleaner> {
        (delay < NEVER).then(|| Cleaner {
            directory: Arc::downgrade(&self.0),
            delay,
            at_work: Arc::default(),
        })
    }
}

impl Cleaner {
    /// For how long a store may be unused: when it should be called first, and how often.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// Waits until nothing is being deleted. To be called when nobody has the directory any more: then nothing will be, and
    /// the directory is closed.
    pub(crate) fn quiet(&self) -> impl FnOnce() + Send + use<> {
        let at_work = self.at_work.clone();
        move || drop(at_work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Deletes what has to go, and says so.
    pub(crate) fn clean(&self) {
        let _at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        // Who closed it has ended.
        let Some(directory) = self.directory.upgrade().map(StateDirectory) else { return };
        match directory.clean(self.delay) {
            Ok(deleted) => deleted.iter().for_each(|path| {
                let delay_s = self.delay.as_secs();
                tracing::info!(path = %path.display(), delay_s, "deleted a store that nobody had here for so long");
            }),
            Err(error) => tracing::warn!(%error, "stores that nobody has here are not deleted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::process::tests::scratch;
    use std::fs::{self, File};
    use std::time::SystemTime;

    /// Makes one that is old.
    fn store(directory: &StateDirectory) {
        let path = directory.path().join("counts/0");
        fs::create_dir_all(&path).unwrap();
        File::create(path.join("CURRENT")).unwrap();
        for path in [path.join("CURRENT"), path] {
            File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
        }
    }

    fn has_store(directory: &StateDirectory) -> bool {
        directory.path().join("counts/0").exists()
    }

    #[test]
    fn a_cleaner_keeps_nothing_open() {
        let root = scratch("cleaner");
        let directory = StateDirectory::open(&root, "app").unwrap();
        store(&directory);
        let cleaner = directory.cleaner(Duration::from_secs(60)).unwrap();
        cleaner.clean();
        assert!(!has_store(&directory));
        // The end of the application is the end of its cleaning.
        drop(directory);
        let directory = StateDirectory::open(&root, "app").unwrap();
        store(&directory);
        cleaner.clean();
        assert!(has_store(&directory));
        assert!(directory.cleaner(Duration::from_millis(i64::MAX as u64)).is_none(), "never");
        drop(directory);
        fs::remove_dir_all(root).unwrap();
    }
}
