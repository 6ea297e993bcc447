//! What goes from a state directory: stores that nobody has had here for long, because their tasks are elsewhere or
//! their steps are gone.
//!
//! A store may go at any time, since it is rebuilt from its changelog or from the topic that it was read from. So it is a
//! matter of disk and of time, and the rule is a careful one. All of this must hold:
//!
//! - it is a store: `<store>/<partition>`, a number that is a directory, with a database in it or nothing;
//! - no worker has it open, is opening it, or could still be handed it open (`engines`);
//! - no worker has had it for so long, since this process began;
//! - nothing in it was written for so long, by a process before this one perhaps;
//! - nobody noted that it must stay ([`KEEP`]): one that is ahead of its changelog may be the only good copy.
//!
//! What was moved aside as damaged has another name and stays. What goes is renamed first, so that no half of a
//! store is ever found under its name.
//!
//! Knows files and names. Does not know for how long the process has been up, nor which tasks the group gave.

use super::{DirectoryError, StateDirectory, file_name, io};
use crate::state::KEEP;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Behind the number of a partition: on its way out.
const GOING: &str = ".deleted";

/// A database has one of these from its first moment on.
const OF_A_DATABASE: [&str; 3] = ["CURRENT", "IDENTITY", "LOCK"];

/// A store and partition on the disk.
struct Found {
    /// The directory of the store, as a name.
    store: String,
    partition: u32,
    path: PathBuf,
}

impl StateDirectory {
    /// Deletes the stores that nobody has had here for so long, those of steps that are gone included. They are rebuilt
    /// from their changelogs if they are needed again. What is open stays, and so does what was moved aside.
    ///
    /// An application does this by itself, `state.cleanup.delay.ms` after its start and as often from then on. Returns
    /// what it deleted.
    ///
    /// # Errors
    /// The first thing that the system refused; everything else is deleted all the same.
    pub fn clean(&self, unused_for: Duration) -> Result<Vec<PathBuf>, DirectoryError> {
        let (mut deleted, mut first) = (Vec::new(), Ok(()));
        self.finish_deleting()?;
        for Found { store, partition, path } in self.found()? {
            let Some(_claim) = self.0.claim(&store, partition, Some(unused_for)) else { continue };
            if path.join(KEEP).exists() || !is_older_than(&path, unused_for) {
                continue;
            }
            match delete(&path) {
                Ok(()) => deleted.push(path),
                Err(cause) => first = first.and(Err(io("cannot delete", &path)(cause))),
            }
        }
        self.remove_empty(&deleted);
        first.map(|()| deleted)
    }

    /// Deletes every store of the application, as `KafkaStreams.cleanUp` does: to begin from nothing on the disk, after
    /// the application was reset for example. Files that were moved aside stay, and so does the identity of the process.
    ///
    /// # Errors
    /// If a worker has a store open, and no other was deleted then; if the system refuses.
    pub fn clean_up(&self) -> Result<(), DirectoryError> {
        self.finish_deleting()?;
        let (mut found, mut claims) = (self.found()?, Vec::new());
        for Found { store, partition, path } in &found {
            let in_use = || DirectoryError::StoreInUse { path: path.clone() };
            claims.push(self.0.claim(store, *partition, None).ok_or_else(in_use)?);
        }
        for Found { path, .. } in &found {
            delete(path).map_err(io("cannot delete", path))?;
        }
        drop(claims);
        self.remove_empty(&found.drain(..).map(|found| found.path).collect::<Vec<_>>());
        Ok(())
    }

    /// As [`clean_up`](Self::clean_up), of an application that does not run.
    pub(crate) fn clean_up_of(root: &Path, application: &str) -> Result<(), DirectoryError> {
        // Nothing is made only to be deleted.
        match root.join(file_name(application)).exists() {
            true => Self::open(root, application)?.clean_up(),
            false => Ok(()),
        }
    }

    fn found(&self) -> Result<Vec<Found>, DirectoryError> {
        let mut found = Vec::new();
        for (store, directory) in directories(&self.0.path)? {
            for (name, path) in directories(&directory)? {
                // Written as it is, so that no second name leads to one store.
                let partition = name.parse::<u32>().ok().filter(|number| number.to_string() == name);
                if let Some(partition) = partition
                    && is_store(&path)
                {
                    found.push(Found { store: store.clone(), partition, path });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes what another run did not get to.
    fn finish_deleting(&self) -> Result<(), DirectoryError> {
        for (_, directory) in directories(&self.0.path)? {
            for (name, path) in directories(&directory)? {
                if name.strip_suffix(GOING).is_some_and(|number| number.parse::<u32>().is_ok()) {
                    fs::remove_dir_all(&path).map_err(io("cannot delete", &path))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the directories of stores that have nothing left.
    fn remove_empty(&self, deleted: &[PathBuf]) {
        let mut stores: Vec<&Path> = deleted.iter().filter_map(|path| path.parent()).collect();
        stores.dedup();
        for store in stores {
            // One that has something is not removed, and that is as it must be.
            self.0.unless_opening(store, || drop(fs::remove_dir(store)));
        }
    }
}

/// The directories in a directory, by their names. What is linked from elsewhere is not one of them.
fn directories(path: &Path) -> Result<Vec<(String, PathBuf)>, DirectoryError> {
    let refused = || io("cannot read", path);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(refused())? {
        let entry = entry.map_err(refused())?;
        if entry.file_type().map_err(refused())?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// Whose else it is, it is not ours to delete.
fn is_store(path: &Path) -> bool {
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    OF_A_DATABASE.iter().any(|name| path.join(name).exists()) || is_empty()
}

/// What cannot be told, or is of the future, is new.
fn is_older_than(path: &Path, age: Duration) -> bool {
    let written = |path: &Path| fs::symlink_metadata(path)?.modified();
    let newest = || -> std::io::Result<SystemTime> {
        let mut newest = written(path)?;
        for entry in fs::read_dir(path)? {
            newest = newest.max(written(&entry?.path())?);
        }
        Ok(newest)
    };
    newest().is_ok_and(|newest| newest.elapsed().is_ok_and(|elapsed| elapsed >= age))
}

fn delete(path: &Path) -> std::io::Result<()> {
    let mut going = path.as_os_str().to_owned();
    going.push(GOING);
    fs::rename(path, &going)?;
    fs::remove_dir_all(going)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::process::tests::scratch;
    use std::fs::File;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A directory with these files in it, each written so long ago.
    fn make(path: &Path, files: &[(&str, Duration)], age: Duration) {
        fs::create_dir_all(path).unwrap();
        for (name, age) in files {
            let file = File::create(path.join(name)).unwrap();
            file.set_modified(SystemTime::now() - *age).unwrap();
        }
        File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    fn database(path: &Path, age: Duration) {
        make(path, &[("CURRENT", age), ("000004.log", age)], age);
    }

    fn names(directory: &StateDirectory) -> Vec<String> {
        let mut names = Vec::new();
        for (store, path) in directories(directory.path()).unwrap() {
            let parts = directories(&path).unwrap();
            names.extend(parts.into_iter().map(|(part, _)| format!("{store}/{part}")));
            if directories(&path).unwrap().is_empty() {
                names.push(store);
            }
        }
        names.sort();
        names
    }

    #[test]
    fn what_was_not_here_for_long_goes_and_nothing_else() {
        let root = scratch("cleaning");
        let directory = StateDirectory::open(&root, "app").unwrap();
        let at = |name: &str| directory.path().join(name);
        let old = HOUR * 2;
        database(&at("counts/0"), old);
        database(&at("counts/1"), HOUR / 2);
        // Of one file that is new.
        make(&at("counts/2"), &[("CURRENT", old), ("000005.log", Duration::ZERO)], old);
        database(&at("counts/3.corrupt-1700000000"), old);
        database(&at("counts/04"), old);
        make(&at("gone/0"), &[], old);
        make(&at("gone/1"), &[("000001.sst", old)], old);
        fs::rename(at("gone/1"), at("gone/1.deleted")).unwrap();
        // Somebody else's.
        make(&at("backup/0"), &[("notes.txt", old)], old);
        make(&at("ahead/0"), &[("CURRENT", old), (KEEP, old)], old);
        #[cfg(unix)]
        {
            database(&root.join("elsewhere"), old);
            fs::create_dir_all(at("linked")).unwrap();
            std::os::unix::fs::symlink(root.join("elsewhere"), at("linked/0")).unwrap();
        }

        let deleted = directory.clean(HOUR).unwrap();

        assert_eq!(deleted, [at("counts/0"), at("gone/0")]);
        let stays = [
            "ahead/0",
            "backup/0",
            "counts/04",
            "counts/1",
            "counts/2",
            "counts/3.corrupt-1700000000",
            #[cfg(unix)]
            "linked",
        ];
        assert_eq!(names(&directory), stays);
        #[cfg(unix)]
        assert!(root.join("elsewhere/CURRENT").exists());
        assert_eq!(directory.clean(HOUR).unwrap(), Vec::<PathBuf>::new());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn cleaning_up_leaves_an_identity_and_what_was_moved_aside() {
        let root = scratch("cleaning-up");
        let directory = StateDirectory::open(&root, "app").unwrap();
        let id = directory.process_id().to_owned();
        let at = |name: &str| root.join("app").join(name);
        database(&at("counts/0"), Duration::ZERO);
        database(&at("counts/1.corrupt-1700000000"), Duration::ZERO);
        make(&at("ahead/0"), &[("CURRENT", HOUR), (KEEP, HOUR)], HOUR);
        let refused = StateDirectory::clean_up_of(&root, "app").unwrap_err();
        assert!(matches!(refused, DirectoryError::InUse { .. }), "{refused}");
        assert_eq!(names(&directory).len(), 3);
        drop(directory);

        StateDirectory::clean_up_of(&root, "app").unwrap();
        StateDirectory::clean_up_of(&root, "another").unwrap();

        let directory = StateDirectory::open(&root, "app").unwrap();
        assert_eq!(names(&directory), ["counts/1.corrupt-1700000000"]);
        assert_eq!(directory.process_id(), id);
        assert!(!root.join("another").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[cfg(feature = "rocksdb")]
    #[test]
    fn what_is_open_or_could_be_handed_on_open_stays() {
        use crate::state::StateError;
        let root = scratch("cleaning-open");
        let directory = StateDirectory::open(&root, "app").unwrap();
        let engine = directory.engine("counts", 0).unwrap();
        assert_eq!(directory.clean(Duration::ZERO).unwrap(), Vec::<PathBuf>::new());
        let refused = directory.clean_up().unwrap_err().to_string();
        assert!(refused.contains("counts/0") && refused.contains("is open"), "{refused}");
        drop(engine);
        // It rests: a worker that takes it back must not find it gone, however old its files are.
        for entry in fs::read_dir(directory.path().join("counts/0")).unwrap() {
            File::open(entry.unwrap().path()).unwrap().set_modified(SystemTime::now() - HOUR * 2).unwrap();
        }
        File::open(directory.path().join("counts/0"))
            .unwrap()
            .set_modified(SystemTime::now() - HOUR * 2)
            .unwrap();
        assert_eq!(directory.clean(HOUR).unwrap(), Vec::<PathBuf>::new());
        // Nobody took it back for so long: it is closed, which writes to it, and goes the next time.
        let short = Duration::from_millis(20);
        std::thread::sleep(short);
        let mut deleted = directory.clean(short).unwrap();
        std::thread::sleep(short);
        deleted.extend(directory.clean(short).unwrap());
        assert_eq!(deleted, [directory.path().join("counts/0")]);
        assert_eq!(names(&directory), Vec::<String>::new());
        // Whoever wants it while it is deleted asks again.
        let claim = directory.0.claim("counts", 0, Some(Duration::ZERO)).unwrap();
        let refused = directory.engine("counts", 0).err().unwrap();
        assert!(matches!(refused, StateError::InUse { .. }), "{refused}");
        drop(claim);
        drop(directory.engine("counts", 0).unwrap());
        directory.clean_up().unwrap();
        assert_eq!(names(&directory), Vec::<String>::new());
        drop(directory);
        fs::remove_dir_all(root).unwrap();
    }
}
