//! The disk of a machine: what is left of its stores when the power comes back.
//!
//! An engine writes whole batches to a log that is not synced: a process that dies loses nothing, a machine that loses
//! its power loses any number of the last batches of each store, each store its own. A directory may also be gone.
//!
//! A batch that is torn is one that is lost: an engine promises all of it or nothing, and RocksDB keeps that promise by
//! dropping whatever does not fit its check sum, and all behind it (`state/tests/on_disk.rs` cuts its files). It also syncs what it
//! has in tables, so that it never loses what was there when a store was opened; here that goes as well.
//!
//! Knows batches. Does not know what is in them, nor when a worker writes one.

use super::observed::current;
use super::seam::Call;
use crate::random::Random;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streams_runtime::state::{
    Batch, Cursor, Direction, Engine, EngineError, KeyRange, Mark, MemoryEngine, OnUnreadable, StateError,
};
use streams_runtime::task::TaskId;
use streams_runtime::wiring::{Engines, readable};

/// What a disk meets when its machine goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Only the process died.
    Kept,
    /// What was not synced is gone, up to a batch that this number decides.
    PowerLost(u64),
    /// The state directory was deleted.
    Deleted,
}

type Row = (Vec<u8>, Option<Vec<u8>>);

/// A change of an engine.
#[derive(Clone)]
enum Written {
    Batch(Vec<Row>, Option<Mark>),
    Cleared,
}

/// One store: what it holds, and how it came to that.
#[derive(Clone, Default)]
struct Store {
    now: MemoryEngine,
    written: Vec<Written>,
    is_open: bool,
}

/// Mostly a power cut takes no more than so many batches.
const FEW: usize = 6;

impl Store {
    fn write(&mut self, written: Written) -> Result<(), EngineError> {
        apply(&mut self.now, &written)?;
        self.written.push(written);
        Ok(())
    }

    /// The last batches are gone.
    fn lose(&mut self, random: &mut Random) {
        let all = self.written.len();
        let most = if random.once_in(3) { all } else { all.min(FEW) };
        self.written.truncate(all - random.below(most + 1));
        self.now = MemoryEngine::default();
        for written in &self.written {
            // What could be written once can be written again.
            let _ = apply(&mut self.now, written);
        }
    }
}

fn apply(engine: &mut MemoryEngine, written: &Written) -> Result<(), EngineError> {
    match written {
        Written::Cleared => engine.clear(),
        Written::Batch(rows, mark) => {
            let mut rows = rows.iter().map(|(key, row)| (&**key, row.as_deref()));
            engine.apply(&mut rows, mark.as_ref())
        }
    }
}

/// The stores of one machine. A clone is another handle.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<BTreeMap<(TaskId, &'static str), Store>>>);

impl Disk {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(TaskId, &'static str), Store>> {
        // A crash unwinds between batches, never inside one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk with the same on it, and nothing open.
    pub(super) fn copy(&self) -> Disk {
        let mut stores = self.lock().clone();
        stores.values_mut().for_each(|store| store.is_open = false);
        Disk(Arc::new(Mutex::new(stores)))
    }

    /// The power is gone; nothing is open any more.
    pub(super) fn meet(&self, fate: Fate) {
        let mut stores = self.lock();
        match fate {
            Fate::Kept => {}
            Fate::Deleted => stores.clear(),
            Fate::PowerLost(seed) => {
                let mut random = Random::of(seed, 0);
                stores.values_mut().for_each(|store| store.lose(&mut random));
            }
        }
        stores.values_mut().for_each(|store| store.is_open = false);
    }

    /// The stores of a task.
    pub(super) fn engines(&self, task: TaskId) -> Engines {
        let disk = self.clone();
        let open: Engines = Box::new(move |store| {
            let place = (task, store.name);
            let mut stores = disk.lock();
            let found = stores.entry(place).or_default();
            if found.is_open {
                return Err(StateError::InUse { store: store.name.into() });
            }
            found.is_open = true;
            Ok(Box::new(OnDisk { disk: disk.clone(), place }))
        });
        readable(open, OnUnreadable::Refuse)
    }

    /// Writes what a store holds.
    pub(super) fn put(
        &self,
        task: TaskId,
        store: &'static str,
        rows: &[(Vec<u8>, Vec<u8>)],
        mark: Option<&Mark>,
    ) {
        let mut stores = self.lock();
        let engine = &mut stores.entry((task, store)).or_default().now;
        let mut rows = rows.iter().map(|(key, row)| (&**key, Some(&**row)));
        // In memory there is room.
        let _ = engine.apply(&mut rows, mark);
    }

    /// What a store holds: its rows in byte order, and its mark.
    pub(super) fn rows(&self, task: TaskId, store: &str) -> Option<(Vec<(Vec<u8>, Vec<u8>)>, Option<Mark>)> {
        let stores = self.lock();
        let (_, found) = stores.iter().find(|((of, name), _)| *of == task && *name == store)?;
        let mut rows = Vec::new();
        let mut cursor = found.now.scan(KeyRange::ALL, Direction::Forward).ok()?;
        while let Ok(Some((key, row))) = cursor.next() {
            rows.push((key.to_vec(), row.to_vec()));
        }
        Some((rows, found.now.mark().ok()?))
    }
}

struct OnDisk {
    disk: Disk,
    place: (TaskId, &'static str),
}

impl OnDisk {
    fn with<R>(&self, f: impl FnOnce(&mut Store) -> Result<R, EngineError>) -> Result<R, EngineError> {
        f(self.disk.lock().entry(self.place).or_default())
    }

    fn write(&mut self, written: Written) -> Result<(), EngineError> {
        let seam = current();
        if let Some(seam) = &seam {
            seam.before(Call::Apply).map_err(EngineError::new)?;
            let (place, world) = (self.place, seam.world());
            world.trace.say(|| {
                format!("{} writes store {} of {}: {}", seam.who, place.1, place.0, summary(&written))
            });
        }
        self.with(|store| store.write(written))?;
        match seam {
            Some(seam) => seam.after(Call::Apply).map_err(EngineError::new),
            None => Ok(()),
        }
    }
}

fn summary(written: &Written) -> String {
    match written {
        Written::Cleared => "cleared".to_owned(),
        Written::Batch(rows, mark) => {
            let mark = mark.as_ref().map(|mark| mark.changelog_offset);
            format!("{} rows, up to changelog offset {mark:?}", rows.len())
        }
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if let Some(store) = self.disk.lock().get_mut(&self.place) {
            store.is_open = false;
        }
    }
}

impl Engine for OnDisk {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError> {
        if let Some(seam) = current() {
            seam.before(Call::Get).map_err(EngineError::new)?;
        }
        self.with(|store| store.now.get(key, out))
    }

    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError> {
        let rows = batch.map(|(key, row)| (key.to_vec(), row.map(<[u8]>::to_vec))).collect();
        self.write(Written::Batch(rows, mark.cloned()))
    }

    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        let rows = self.with(|store| {
            let mut cursor = store.now.scan(range, direction)?;
            let mut rows = Vec::new();
            while let Some((key, row)) = cursor.next()? {
                rows.push((key.to_vec(), row.to_vec()));
            }
            Ok(rows)
        })?;
        Ok(Box::new(Copied { rows, next: 0 }))
    }

    fn mark(&self) -> Result<Option<Mark>, EngineError> {
        self.with(|store| store.now.mark())
    }

    fn clear(&mut self) -> Result<(), EngineError> {
        self.write(Written::Cleared)
    }
}

/// The rows of a scan as they were when it began.
struct Copied {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    next: usize,
}

impl Cursor for Copied {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, EngineError> {
        let row = self.rows.get(self.next);
        self.next += 1;
        Ok(row.map(|(key, row)| (&**key, &**row)))
    }
}
