//! Deletes stores of a directory that somebody else holds, each time it is due.
//!
//! The first time is as long after the start as a store may be unused: tasks of a process that was started again may just
//! be coming back. Knows when. Does not know which stores go (`cleaning`).

use super::{Inner, StateDirectory};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// See above. The default one never deletes anything.
#[derive(Default)]
pub(crate) struct Cleaner {
    directory: Weak<Inner>,
    delay: Duration,
    /// `None`: never.
    next: Option<Instant>,
}

impl StateDirectory {
    /// What deletes stores that are unused for so long now and then. It does not keep the directory open for that.
    pub(crate) fn cleaner(&self, delay: Duration) -> Cleaner {
        Cleaner { directory: Arc::downgrade(&self.0), delay, next: Instant::now().checked_add(delay) }
    }
}

impl Cleaner {
    /// When it is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Deletes what has to go, if it is due.
    pub(crate) fn clean(&mut self) {
        if self.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        // Who closed it has ended.
        let Some(directory) = self.directory.upgrade().map(StateDirectory) else {
            self.next = None;
            return;
        };
        match directory.clean(self.delay) {
            Ok(deleted) => deleted.iter().for_each(|path| {
                let delay_s = self.delay.as_secs();
                tracing::info!(path = %path.display(), delay_s, "deleted a store that nobody had here for so long");
            }),
            Err(error) => tracing::warn!(%error, "stores that nobody has here are not deleted"),
        }
        self.next = Instant::now().checked_add(self.delay);
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
    fn a_cleaner_waits_for_its_time_and_keeps_nothing_open() {
        let root = scratch("cleaner");
        let directory = StateDirectory::open(&root, "app").unwrap();
        store(&directory);
        let delay = Duration::from_millis(50);
        let mut cleaner = directory.cleaner(delay);
        let due = cleaner.next().unwrap();
        cleaner.clean();
        assert!(has_store(&directory));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        cleaner.clean();
        assert!(!has_store(&directory));
        assert!(cleaner.next().unwrap() >= due + delay);
        // The end of the application is the end of its cleaning.
        drop(directory);
        let directory = StateDirectory::open(&root, "app").unwrap();
        store(&directory);
        std::thread::sleep(delay * 2);
        cleaner.clean();
        assert!(has_store(&directory) && cleaner.next().is_none());
        assert_eq!(directory.cleaner(Duration::MAX).next(), None, "never");
        fs::remove_dir_all(root).unwrap();
    }
}
