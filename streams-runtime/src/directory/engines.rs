//! The open stores of a process: each is open once, and handed from worker to worker.
//!
//! A task that moves between the threads of one process meets no lock of its own: what its last worker dropped is
//! kept open and handed to the next. While somebody still has it, the next one is told so and asks again; two at a
//! time would write over one another. What nobody took back for ten minutes is closed.
//!
//! Whoever deletes a store claims its place first, as if he had it open: a worker that wants it then asks again.
//!
//! Knows names, partitions and open engines. Does not know tasks' stages, nor what is in a store.

use super::{Inner, StateDirectory, file_name};
use crate::state::{
    Batch, Cursor, Direction, DiskMemory, Engine, EngineError, KeyRange, Mark, OnUnreadable, RocksEngine,
    Shared, StateError, Unreadable,
};
use crate::task::TaskId;
use crate::wiring::{Engines, readable};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an engine is kept open for nobody.
const KEPT: Duration = Duration::from_secs(600);

/// The name of the store's directory, and the partition.
type Place = (String, u32);

pub(super) struct Stores {
    held: Mutex<HashMap<Place, Held>>,
    shared: Arc<Shared>,
}

enum Held {
    /// A worker has it, or is just opening it; or it is being closed or deleted.
    InUse,
    Resting(Box<RocksEngine>, Instant),
    /// It is closed. Since when nobody has it.
    Closed(Instant),
}

impl Stores {
    pub(super) fn new(memory: DiskMemory) -> Result<Stores, rocksdb::Error> {
        Ok(Stores { held: Mutex::default(), shared: Arc::new(Shared::new(memory)?) })
    }

    /// Entries are changed in one go, so a panic elsewhere leaves them whole.
    fn held(&self) -> MutexGuard<'_, HashMap<Place, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what was kept open for nobody for so long.
    fn sweep(&self, kept: Duration) {
        let mut gone = Vec::new();
        for (place, held) in self.held().iter_mut() {
            let Held::Resting(_, since) = held else { continue };
            let since = *since;
            if since.elapsed() > kept {
                gone.push((place.clone(), since, std::mem::replace(held, Held::InUse)));
            }
        }
        for (place, since, resting) in gone {
            // Outside of the lock: closing waits for what is being written.
            drop(resting);
            self.held().insert(place, Held::Closed(since));
        }
    }
}

/// A place that nobody can open meanwhile.
pub(super) struct Claim<'s> {
    stores: &'s Stores,
    place: Place,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.stores.held().remove(&self.place);
    }
}

impl Inner {
    /// A place that nobody has, nor had for so long; or any that no worker has.
    pub(super) fn claim(
        &self,
        store: &str,
        partition: u32,
        unused_for: Option<Duration>,
    ) -> Option<Claim<'_>> {
        let stores = &self.stores;
        if let Some(unused_for) = unused_for {
            stores.sweep(KEPT.min(unused_for));
        }
        let place = (store.to_owned(), partition);
        let mut held = stores.held();
        let is_free = match (held.get(&place), unused_for) {
            (Some(Held::InUse), _) | (Some(Held::Resting(..)), Some(_)) => false,
            (Some(Held::Closed(since)), Some(unused_for)) => since.elapsed() >= unused_for,
            _ => true,
        };
        let resting = is_free.then(|| held.insert(place.clone(), Held::InUse));
        drop(held);
        // Closed outside of the lock.
        resting.map(|_| Claim { stores, place })
    }

    /// Does something with the directory of a store, unless somebody may be making a directory in it.
    pub(super) fn unless_opening(&self, store: &Path, act: impl FnOnce()) {
        let held = self.stores.held();
        let is_in_use = |((name, _), held): (&Place, &Held)| {
            store.file_name().is_some_and(|of| of.to_str() == Some(name)) && matches!(held, Held::InUse)
        };
        if !held.iter().any(is_in_use) {
            act();
        }
    }
}

impl StateDirectory {
    /// Opens the stores of a task: for [`Connect::engines`](crate::worker::Connect::engines). `otherwise` is what becomes
    /// of those that cannot be used.
    pub fn engines(&self, task: TaskId, otherwise: OnUnreadable) -> Engines {
        let directory = self.clone();
        readable(Box::new(move |store| directory.engine(store.name, task.partition)), otherwise)
    }

    /// The engine of one partition of a store, for as long as the caller holds it; also of one that
    /// [cannot be used](Engine::unreadable).
    ///
    /// # Errors
    /// [`StateError::InUse`] while another worker of this process has it, [`StateError::Engine`] if it cannot be
    /// opened.
    pub fn engine(&self, store: &str, partition: u32) -> Result<Box<dyn Engine>, StateError> {
        let stores = &self.0.stores;
        stores.sweep(KEPT);
        let place = (file_name(store), partition);
        let resting = match stores.held().insert(place.clone(), Held::InUse) {
            Some(Held::InUse) => return Err(StateError::InUse { store: store.into() }),
            Some(Held::Resting(engine, _)) => Some(engine),
            Some(Held::Closed(_)) | None => None,
        };
        let opened = match resting {
            Some(engine) => Ok(engine),
            None => {
                let path = self.0.path.join(&place.0).join(partition.to_string());
                RocksEngine::open(&path, &stores.shared).map(Box::new)
            }
        };
        match opened {
            Ok(engine) => Ok(Box::new(Lent { engine: Some(engine), place, home: self.0.clone() })),
            Err(cause) => {
                stores.held().remove(&place);
                Err(StateError::Engine { store: store.into(), cause })
            }
        }
    }
}

/// An engine that goes home when it is dropped.
struct Lent {
    /// `None` only while it is dropped.
    engine: Option<Box<RocksEngine>>,
    place: Place,
    home: Arc<Inner>,
}

impl Lent {
    fn engine(&self) -> &RocksEngine {
        match &self.engine {
            Some(engine) => engine,
            None => unreachable!("an engine is taken out when it is dropped"),
        }
    }

    fn engine_mut(&mut self) -> &mut RocksEngine {
        match &mut self.engine {
            Some(engine) => engine,
            None => unreachable!("an engine is taken out when it is dropped"),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut engine) = self.engine.take() else { return };
        if engine.is_damaged() {
            // Whoever wants it next looks at its files as they are then.
            drop(engine);
            self.home.stores.held().remove(&self.place);
            return;
        }
        // It may stay away for long. If this fails, its log still has everything.
        let _ = engine.rest();
        self.home.stores.held().insert(self.place.clone(), Held::Resting(engine, Instant::now()));
        self.home.stores.sweep(KEPT);
    }
}

impl Engine for Lent {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError> {
        self.engine().get(key, out)
    }

    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError> {
        self.engine_mut().apply(batch, mark)
    }

    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        self.engine().scan(range, direction)
    }

    fn mark(&self) -> Result<Option<Mark>, EngineError> {
        self.engine().mark()
    }

    fn clear(&mut self) -> Result<(), EngineError> {
        self.engine_mut().clear()
    }

    fn rest(&mut self) -> Result<(), EngineError> {
        self.engine_mut().rest()
    }

    fn unreadable(&self) -> Option<&Unreadable> {
        self.engine().unreadable()
    }

    fn directory(&self) -> Option<&Path> {
        self.engine().directory()
    }

    fn move_aside(&mut self, why: &str) -> Result<(), EngineError> {
        self.engine_mut().move_aside(why)
    }

    fn damage(&self) -> Option<&str> {
        self.engine().damage()
    }

    fn keep(&self, why: &str) {
        self.engine().keep(why);
    }
}
