//! An engine on disk: one RocksDB for each store and partition.
//!
//! Data and mark stand in one column family and are written in one batch, so that no crash can tear them apart: with
//! several, "the log is ahead of the tables" would make a store refuse to open after a power cut. The first byte of a
//! key says which of the two it is; a scan never leaves the range of the data.
//!
//! | first byte | then | value |
//! |---|---|---|
//! | 0 | nothing | the [`Mark`] |
//! | 1 | the row's key | the row |
//!
//! Knows one directory. Deliberately does not know whose it is, who else may open it, nor what is to be done about rows
//! that cannot be read: it [says so](Engine::unreadable), and answers nothing until they are
//! [moved aside](Engine::move_aside).

mod mark;
mod shared;

pub use shared::DiskMemory;
pub(crate) use shared::Shared;

use super::engine::{Batch, Cursor, Direction, Engine, EngineError, KEEP, KeyAnd, KeyRange, Mark};
use super::unreadable::Unreadable;
use rocksdb::{DB, DBRawIterator, Error, ErrorKind, FlushOptions, ReadOptions, WriteBatch, WriteOptions};
use std::cell::{Cell, RefCell};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const MARK: &[u8] = &[0];
const DATA: u8 = 1;
/// The first key behind the data.
const BEHIND: u8 = 2;

/// Stands in the directory of a store in which a damaged file was found while it was in use.
const DAMAGED: &str = "DAMAGED";

/// Behind the name of a directory that is on its way out.
const GOING: &str = "deleted";

/// Rows on disk.
pub struct RocksEngine {
    path: PathBuf,
    shared: Arc<Shared>,
    /// `None` after it could not be opened again.
    db: Option<DB>,
    /// True if a write failed: RocksDB refuses all further ones until the database is opened again.
    failed: bool,
    /// What was found cannot be used; then `db` is `None`.
    unreadable: Option<Unreadable>,
    /// True if damage was found while it was in use.
    is_damaged: Cell<bool>,
    damage: Option<String>,
    /// True if it is noted that the files must stay.
    kept: Cell<bool>,
    reads: ReadOptions,
    writes: WriteOptions,
    /// The key of a `get` with its first byte; kept so that one needs no memory.
    key: RefCell<Vec<u8>>,
}

/// What failed, and where.
#[derive(Debug, thiserror::Error)]
#[error("{doing} `{}`: {cause}", path.display())]
struct DiskError {
    doing: &'static str,
    path: PathBuf,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl RocksEngine {
    /// Opens the database in directory `path`, which is made if it is not there; or says why it
    /// [cannot be used](Engine::unreadable).
    ///
    /// # Errors
    /// If the directory cannot be written, or another engine has it open.
    pub(crate) fn open(path: &Path, shared: &Arc<Shared>) -> Result<RocksEngine, EngineError> {
        let mut writes = WriteOptions::default();
        // Batches come sorted.
        writes.set_memtable_insert_hint_per_batch(true);
        let mut engine = RocksEngine {
            path: path.to_owned(),
            shared: shared.clone(),
            db: None,
            failed: false,
            unreadable: None,
            is_damaged: Cell::default(),
            damage: None,
            kept: Cell::new(path.join(KEEP).exists()),
            reads: ReadOptions::default(),
            writes,
            key: RefCell::default(),
        };
        std::fs::create_dir_all(path).map_err(|cause| engine.error("cannot create", cause))?;
        let noted = std::fs::read_to_string(path.join(DAMAGED)).ok();
        engine.unreadable = match noted {
            Some(found) => Some(Unreadable::Damaged(found.trim().to_owned())),
            None => match engine.reopen().and_then(|()| engine.read_mark()) {
                Ok(mark) => mark.and_then(Result::err),
                Err(cause) if is_damage(&cause) => Some(Unreadable::Damaged(cause.to_string())),
                Err(cause) => return Err(engine.error("cannot open", cause)),
            },
        };
        if engine.unreadable.is_some() {
            engine.db = None;
        }
        Ok(engine)
    }

    /// True if it should be closed, and looked at anew before it is used again.
    pub(crate) fn is_damaged(&self) -> bool {
        self.unreadable.is_some() || self.is_damaged.get()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn reopen(&mut self) -> Result<(), Error> {
        debug_assert!(self.unreadable.is_none(), "nothing is written over what cannot be read");
        self.db = None;
        self.db = Some(DB::open(&self.shared.options, &self.path)?);
        self.failed = false;
        Ok(())
    }

    /// The directory of this name and more, beside it.
    fn beside(&self, more: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{more}"));
        self.path.with_file_name(name)
    }

    /// Renames the directory, and begins with an empty one in its place: at no moment there is half a database.
    fn begin_anew(&mut self, aside: &Path) -> Result<(), EngineError> {
        self.db = None;
        match std::fs::rename(&self.path, aside) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(self.error("cannot move aside", cause));
            }
            _ => {}
        }
        std::fs::create_dir_all(&self.path).map_err(|cause| self.error("cannot create", cause))?;
        self.unreadable = None;
        self.is_damaged.set(false);
        self.kept.set(false);
        self.reopen().map_err(|cause| self.error("cannot open", cause))
    }

    pub(super) fn db(&self) -> Result<&DB, EngineError> {
        let why_not = || match &self.unreadable {
            Some(why) => why.to_string(),
            None => "it could not be opened again".to_owned(),
        };
        self.db.as_ref().ok_or_else(|| self.error("cannot read", why_not()))
    }

    /// The mark, if there is one; or why nobody can read it.
    fn read_mark(&self) -> Result<Option<Result<Mark, Unreadable>>, Error> {
        let Some(db) = &self.db else { return Ok(None) };
        Ok(db.get_pinned_opt(MARK, &self.reads)?.map(|bytes| mark::decode(&bytes)))
    }

    fn flush(&self, wait: bool) -> Result<(), EngineError> {
        let Some(db) = &self.db else { return Ok(()) };
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        db.flush_opt(&options).map_err(|cause| self.refused("cannot flush", cause))
    }

    #[cold]
    fn error(
        &self,
        doing: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> EngineError {
        EngineError::new(DiskError { doing, path: self.path.clone(), cause: cause.into() })
    }

    /// As [`error`](Self::error); a damaged file is noted, so that the next start knows it before it fails at the same
    /// row.
    #[cold]
    fn refused(&self, doing: &'static str, cause: Error) -> EngineError {
        if cause.kind() == ErrorKind::Corruption {
            self.is_damaged.set(true);
            // If even this cannot be written, the next start fails where this one did.
            let _ = std::fs::write(self.path.join(DAMAGED), cause.to_string());
        }
        self.error(doing, cause)
    }
}

/// True if it is the files' fault. What the system refuses (rights, space, handles, a lock) is not.
fn is_damage(cause: &Error) -> bool {
    match cause.kind() {
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotSupported => true,
        // A file is missing that another one names.
        ErrorKind::IOError | ErrorKind::NotFound => cause.to_string().contains("No such file or directory"),
        _ => false,
    }
}

impl Engine for RocksEngine {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError> {
        let mut prefixed = self.key.borrow_mut();
        with_first_byte(key, &mut prefixed);
        let found = self.db()?.get_pinned_opt(prefixed.as_slice(), &self.reads);
        match found.map_err(|cause| self.refused("cannot read", cause))? {
            None => Ok(false),
            Some(row) => {
                out.clear();
                out.extend_from_slice(&row);
                Ok(true)
            }
        }
    }

    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError> {
        if self.unreadable.is_some() {
            self.db()?;
        } else if self.failed || self.db.is_none() {
            self.reopen().map_err(|cause| self.error("cannot open again", cause))?;
        }
        let mut rows: Vec<(&[u8], Option<&[u8]>)> = batch.collect();
        // Neighbours in the batch are neighbours in the write buffer. Stable: the last row of a key wins.
        rows.sort_by_key(|(key, _)| *key);
        let bytes: usize = rows.iter().map(|(key, row)| key.len() + row.map_or(0, <[u8]>::len) + 8).sum();
        let mut writing = WriteBatch::with_capacity_bytes(bytes + 64);
        let key = self.key.get_mut();
        for (row_key, row) in rows {
            with_first_byte(row_key, key);
            match row {
                Some(row) => writing.put(key.as_slice(), row),
                None => writing.delete(key.as_slice()),
            }
        }
        if let Some(mark) = mark {
            mark::encode(mark, key);
            writing.put(MARK, key.as_slice());
        }
        let written = self.db()?.write_opt(writing, &self.writes);
        written.map_err(|cause| {
            self.failed = true;
            self.refused("cannot write", cause)
        })?;
        if mark.is_some() && self.kept.take() {
            // It follows its changelog again.
            let _ = std::fs::remove_file(self.path.join(KEEP));
        }
        // What was written is safe. Who writes faster than the disk takes it waits for the disk, not for memory.
        if self.shared.is_full() { self.flush(true) } else { Ok(()) }
    }

    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        let (lower, upper) = bounds(range);
        if range.is_empty() || lower >= upper {
            return Ok(Box::new(Rows { engine: self, rows: None, direction, begun: false }));
        }
        let mut reads = ReadOptions::default();
        reads.set_iterate_lower_bound(lower);
        reads.set_iterate_upper_bound(upper);
        let rows = Some(self.db()?.raw_iterator_opt(reads));
        Ok(Box::new(Rows { engine: self, rows, direction, begun: false }))
    }

    fn mark(&self) -> Result<Option<Mark>, EngineError> {
        self.db()?;
        let mark = self.read_mark().map_err(|cause| self.refused("cannot read", cause))?;
        mark.transpose().map_err(|why| self.error("cannot read", why))
    }

    fn clear(&mut self) -> Result<(), EngineError> {
        let going = self.beside(GOING);
        match std::fs::remove_dir_all(&going) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(self.error("cannot empty", cause));
            }
            _ => {}
        }
        self.begin_anew(&going)?;
        // If this fails, the next one who empties it tries again.
        let _ = std::fs::remove_dir_all(&going);
        Ok(())
    }

    fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.path)
    }

    /// Nothing is deleted: whoever wants to know what happened still finds it.
    fn move_aside(&mut self, why: &str) -> Result<(), EngineError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut aside = self.beside(&format!("corrupt-{seconds}"));
        while aside.exists() {
            aside.as_mut_os_string().push("-again");
        }
        self.begin_anew(&aside)?;
        let damage = format!("{why}; `{}` was moved to `{}`", self.path.display(), aside.display());
        tracing::warn!("{damage}");
        self.damage = Some(damage);
        Ok(())
    }

    fn rest(&mut self) -> Result<(), EngineError> {
        self.flush(false)
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    fn keep(&self, why: &str) {
        match std::fs::write(self.path.join(KEEP), why) {
            Ok(()) => self.kept.set(true),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot note that it must stay: {why}")
            }
        }
    }
}

fn with_first_byte(key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(DATA);
    out.extend_from_slice(key);
}

/// The first key of a range, and the first one behind it.
fn bounds(range: KeyRange<'_>) -> (Vec<u8>, Vec<u8>) {
    let at = |key: &[u8]| [&[DATA], key].concat();
    // The least key above another one is that one and a zero.
    let behind = |key: &[u8]| [&[DATA], key, &[0]].concat();
    let lower = match range.from {
        Bound::Unbounded => vec![DATA],
        Bound::Included(key) => at(key),
        Bound::Excluded(key) => behind(key),
    };
    let upper = match range.to {
        Bound::Unbounded => vec![BEHIND],
        Bound::Included(key) => behind(key),
        Bound::Excluded(key) => at(key),
    };
    (lower, upper)
}

struct Rows<'a> {
    engine: &'a RocksEngine,
    /// `None` for an empty range.
    rows: Option<DBRawIterator<'a>>,
    direction: Direction,
    begun: bool,
}

impl Cursor for Rows<'_> {
    fn next(&mut self) -> Result<Option<KeyAnd<'_, [u8]>>, EngineError> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        match (self.begun, self.direction) {
            // RocksDB forbids moving on from the end.
            (true, _) if !rows.valid() => {}
            (true, Direction::Forward) => rows.next(),
            (true, Direction::Backward) => rows.prev(),
            (false, Direction::Forward) => rows.seek_to_first(),
            (false, Direction::Backward) => rows.seek_to_last(),
        }
        self.begun = true;
        if !rows.valid() {
            rows.status().map_err(|cause| self.engine.refused("cannot read", cause))?;
            return Ok(None);
        }
        Ok(rows.item().map(|(key, row)| (key.get(1..).unwrap_or_default(), row)))
    }
}
