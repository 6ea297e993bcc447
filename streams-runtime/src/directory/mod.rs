//! The state directory of an application: what one process keeps on its disk.
//!
//! ```text
//! <root>/<application>/lock                  held while the process lives; says which process it is
//! <root>/<application>/process-id            random, made once: static membership and transactional ids follow it
//! <root>/<application>/<store>/<partition>/  the files of one store and partition
//! ```
//!
//! Stores are found by name and partition, never by where they stand in the topology: a step that is added moves
//! nothing. Stores of steps that are gone, and of partitions that are elsewhere, are deleted after a while (`cleaning`);
//! files that were moved aside, and whatever else it does not know, it leaves alone.
//!
//! Knows files and names. Does not know whether what is in them is still good: engines and `restore` do.

#[cfg(feature = "kafka")]
mod cleaner;
mod cleaning;
#[cfg(feature = "rocksdb")]
mod engines;
mod process;

#[cfg(feature = "kafka")]
pub(crate) use cleaner::Cleaner;
#[cfg(feature = "kafka")]
pub(crate) use process::random as random_id;

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has it, or another instance in this process.
    #[error(
        "state directory `{}` is in use by {}: give each process a directory of its own, or stop the other one",
        path.display(),
        user(*pid)
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it, as far as it says.
        pid: Option<u32>,
    },
    /// A store is open, so that it cannot be deleted.
    #[error("the store in `{}` is open: only the stores of an application that does not run can be deleted", path.display())]
    StoreInUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{doing} `{}`: {cause}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// RocksDB could not be set up.
    #[error("RocksDB: {0}")]
    Rocks(String),
}

fn user(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => format!("another instance in this process ({pid})"),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

/// The state directory of one application, open and locked. A clone is the same one; it is unlocked when the last
/// clone and the last engine are gone.
///
/// ```
/// use streams_runtime::StateDirectory;
///
/// let root = std::env::temp_dir().join(format!("doc-state-{}", std::process::id()));
/// let directory = StateDirectory::open(&root, "orders-app")?;
/// assert!(StateDirectory::open(&root, "orders-app").is_err(), "one at a time");
/// let id = directory.process_id().to_owned();
/// drop(directory);
/// assert_eq!(StateDirectory::open(&root, "orders-app")?.process_id(), id);
/// # std::fs::remove_dir_all(root).unwrap();
/// # Ok::<(), streams_runtime::DirectoryError>(())
/// ```
#[derive(Clone)]
pub struct StateDirectory(Arc<Inner>);

struct Inner {
    path: PathBuf,
    process_id: String,
    // Before the lock: the databases are closed first.
    #[cfg(feature = "rocksdb")]
    stores: engines::Stores,
    _lock: File,
}

impl StateDirectory {
    /// Opens `<root>/<application>` and makes what is missing.
    ///
    /// # Errors
    /// If somebody else has it open, or it cannot be written.
    pub fn open(root: impl AsRef<Path>, application: &str) -> Result<StateDirectory, DirectoryError> {
        Self::open_with(root, application, Memory::default())
    }

    /// As [`open`](Self::open), with that much memory for all its stores together.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "rocksdb")]
    pub fn with_memory(
        root: impl AsRef<Path>,
        application: &str,
        memory: crate::state::DiskMemory,
    ) -> Result<StateDirectory, DirectoryError> {
        Self::open_with(root, application, memory)
    }

    fn open_with(
        root: impl AsRef<Path>,
        application: &str,
        memory: Memory,
    ) -> Result<StateDirectory, DirectoryError> {
        let path = root.as_ref().join(file_name(application));
        std::fs::create_dir_all(&path).map_err(io("cannot create", &path))?;
        let lock = lock(&path)?;
        let process_id = process::id(&path)?;
        #[cfg(feature = "rocksdb")]
        let stores = engines::Stores::new(memory).map_err(|e| DirectoryError::Rocks(e.to_string()))?;
        #[cfg(not(feature = "rocksdb"))]
        let Memory {} = memory;
        Ok(StateDirectory(Arc::new(Inner {
            path,
            process_id,
            #[cfg(feature = "rocksdb")]
            stores,
            _lock: lock,
        })))
    }

    /// `<root>/<application>`.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Random, and the same at every start: 32 hexadecimal digits in five groups. A copy of a directory has it too,
    /// and must not run beside the original.
    pub fn process_id(&self) -> &str {
        &self.0.process_id
    }
}

/// Without stores on disk nobody has one open.
#[cfg(not(feature = "rocksdb"))]
impl Inner {
    fn claim(&self, _: &str, _: u32, _: Option<std::time::Duration>) -> Option<()> {
        Some(())
    }

    fn unless_opening(&self, _: &Path, act: impl FnOnce()) {
        act();
    }
}

/// Where state directories are if nothing is said: among the temporary files, as those of Kafka Streams.
pub(crate) fn default_root() -> PathBuf {
    std::env::temp_dir().join("streams")
}

#[cfg(feature = "rocksdb")]
type Memory = crate::state::DiskMemory;

/// Nothing to say about it without stores on disk.
#[cfg(not(feature = "rocksdb"))]
#[derive(Default)]
struct Memory {}

fn lock(directory: &Path) -> Result<File, DirectoryError> {
    let path = directory.join("lock");
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io("cannot open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut said = String::new();
            let pid = file.read_to_string(&mut said).ok().and_then(|_| said.trim().parse().ok());
            return Err(DirectoryError::InUse { path: directory.to_owned(), pid });
        }
        Err(TryLockError::Error(cause)) => return Err(io("cannot lock", &path)(cause)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io("cannot write", &path))?;
    Ok(file)
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |cause| DirectoryError::Io { doing, path, cause }
}

/// A name as one component of a path: what is not a letter, a digit, `-`, `_` or an inner `.` is written as `%xx`.
fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte.into()),
            b'.' if at > 0 => out.push('.'),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::process::tests::scratch;

    #[test]
    fn names_stay_inside_the_directory() {
        assert_eq!(file_name("orders-app_2.b"), "orders-app_2.b");
        assert_eq!(file_name("../x"), "%2e.%2fx");
        assert_eq!(file_name(".."), "%2e.");
        assert_eq!(file_name("ä b"), "%c3%a4%20b");
    }

    #[test]
    fn a_second_instance_is_refused_with_path_and_pid() {
        let root = scratch("refused");
        let first = StateDirectory::open(&root, "app").unwrap();
        let other = StateDirectory::open(&root, "other").unwrap();
        let refused = StateDirectory::open(&root, "app").err().unwrap().to_string();
        let path = root.join("app");
        assert_eq!(
            refused,
            format!(
                "state directory `{}` is in use by another instance in this process ({}): give each process a \
                 directory of its own, or stop the other one",
                path.display(),
                std::process::id()
            )
        );
        drop((first, other));
        StateDirectory::open(&root, "app").unwrap();
        std::fs::remove_dir_all(root).unwrap();
    }
}
