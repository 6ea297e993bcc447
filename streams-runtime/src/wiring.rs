//! From types to running nodes: ports, children and what a task's nodes share.
//!
//! Every task wires its sub-topology once, in the order the topology lists its steps; that order is also the order
//! in which the readers of one stream see a record, as in Kafka Streams. After [`Wiring::finish`] nothing is looked
//! up by name again: an edge is one dynamic call.
//!
//! Knows nodes as things that take records; does not know what they do with them, nor when records come.

use crate::context::Context;
use crate::counters::{DropCounter, Reason};
use crate::failure::Failure;
use crate::names::Names;
use crate::operators::{Guarded, Source, SourceNode, Written};
use crate::outbox::Outbox;
use crate::slot::{KeySlot, Slot};
use crate::state::{
    self, Engine, MemoryEngine, OnUnreadable, OverlayLimit, Remembered, StateError, TimeCell,
};
use crate::stream::{Id, Step, StoreSpec, Stream};
use crate::times::Times;
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Something that takes records: a step, a sink, a port.
///
/// Operators forward to an `O: Push<K, V>` and never name a port, so that the edges between them can one day be
/// known to the compiler instead of being dynamic calls.
pub trait Push<K, V> {
    /// Takes one record; depth first, so everything it causes has happened when this returns.
    fn push(&self, key: KeySlot<'_, K>, value: Slot<'_, V>, cx: &Context<'_>) -> Result<(), Failure>;
}

/// A reader of a stream.
pub type Child<K, V> = Rc<dyn Push<K, V>>;

/// Where a step's output goes: to any number of readers.
pub struct Port<K, V> {
    wiring: RefCell<Vec<Child<K, V>>>,
    readers: OnceCell<Readers<K, V>>,
}

/// Those that read a stream. Nearly always there is one, and it is found without a detour.
enum Readers<K, V> {
    One(Child<K, V>),
    Others(Box<[Child<K, V>]>),
}

impl<K, V> Port<K, V> {
    fn new() -> Self {
        Port { wiring: RefCell::default(), readers: OnceCell::new() }
    }

    /// Adds a reader; only while wiring.
    pub fn attach(&self, child: Child<K, V>) {
        self.wiring.borrow_mut().push(child);
    }

    /// True if nobody reads: then a table need not even copy its row.
    #[inline]
    pub fn is_unread(&self) -> bool {
        match self.readers.get() {
            Some(Readers::One(_)) => false,
            Some(Readers::Others(readers)) => readers.is_empty(),
            None => true,
        }
    }
}

impl<K, V> Push<K, V> for Port<K, V> {
    #[inline]
    fn push(&self, key: KeySlot<'_, K>, value: Slot<'_, V>, cx: &Context<'_>) -> Result<(), Failure> {
        match self.readers.get() {
            Some(Readers::One(only)) => only.push(key, value, cx),
            Some(Readers::Others(readers)) => push_to_all(readers, key, value, cx),
            None => Ok(()),
        }
    }
}

fn push_to_all<K, V>(
    readers: &[Child<K, V>],
    key: KeySlot<'_, K>,
    value: Slot<'_, V>,
    cx: &Context<'_>,
) -> Result<(), Failure> {
    let [rest @ .., last] = readers else { return Ok(()) };
    for reader in rest {
        reader.push(key.lend(), value.lend(), cx)?;
    }
    last.push(key, value, cx)
}

impl<K, V, P: Push<K, V> + ?Sized> Push<K, V> for Rc<P> {
    #[inline]
    fn push(&self, key: KeySlot<'_, K>, value: Slot<'_, V>, cx: &Context<'_>) -> Result<(), Failure> {
        (**self).push(key, value, cx)
    }
}

/// One thing a task remembers, and the store it belongs to if it is one.
pub struct Remembering {
    /// The store, `None` for times.
    pub store: Option<StoreSpec>,
    /// Base and changes.
    pub state: Rc<RefCell<dyn Remembered>>,
    /// Which topic of its changelog's name it was, 0 if the log does not tell.
    pub topic_id: u128,
    /// The offset in the changelog behind the last change that is committed.
    pub reached: i64,
    /// The offset behind the last change of the open transaction, if there is one.
    pub open: Option<i64>,
    /// When the engine was last brought up to date, in ms of the wall clock.
    pub applied_ms: i64,
    /// True if the engine was told that nothing is written.
    pub rests: bool,
}

impl Remembering {
    pub(crate) fn new(store: Option<StoreSpec>, state: Rc<RefCell<dyn Remembered>>) -> Self {
        Remembering { store, state, topic_id: 0, reached: 0, open: None, applied_ms: i64::MIN, rests: false }
    }
}

/// What a finished wiring hands to its task.
pub struct Wired {
    /// The sources, one for each topic read.
    pub sources: Vec<Rc<dyn Source>>,
    /// Everything with base and changes, in wiring order: that is the order it is committed in.
    pub remembering: Vec<Remembering>,
    /// What the steps write.
    pub outbox: Rc<RefCell<Outbox>>,
    /// What they left out.
    pub drops: Vec<Rc<DropCounter>>,
    /// True if one of them counted something that is neither committed nor aborted.
    pub dropped: Rc<Cell<bool>>,
    /// The stream times of the operators.
    pub times: Times,
    /// Typed access to stores for drivers and queries, by hash of the store's name.
    pub stores: HashMap<u64, Rc<dyn Any>>,
}

/// Opens the engine of a store for the task that is wired.
pub type Engines = Box<dyn FnMut(&StoreSpec) -> Result<Box<dyn Engine>, StateError>>;

/// Engines that hold everything in memory.
pub fn in_memory() -> Engines {
    Box::new(|_| Ok(Box::new(MemoryEngine::new())))
}

/// Engines whose rows are those of their stores; those with others are refused, or begin without them.
pub fn readable(mut engines: Engines, otherwise: OnUnreadable) -> Engines {
    Box::new(move |store| state::readable(engines(store)?, store.name, &store.form, otherwise))
}

/// The nodes of one task while they are connected.
pub struct Wiring {
    names: Names,
    overlay: OverlayLimit,
    engines: Engines,
    failed: Option<StateError>,
    ports: HashMap<(u64, Option<usize>), Rc<dyn Any>>,
    seal: Vec<Box<dyn FnOnce()>>,
    sources: HashMap<String, Rc<dyn Any>>,
    wired: Wired,
}

impl Wiring {
    /// Nothing connected yet.
    pub fn new(names: &Names, overlay: OverlayLimit, times: Times, engines: Engines) -> Self {
        Wiring {
            names: names.clone(),
            overlay,
            engines,
            failed: None,
            ports: HashMap::new(),
            seal: Vec::new(),
            sources: HashMap::new(),
            wired: Wired {
                sources: Vec::new(),
                remembering: Vec::new(),
                outbox: Rc::default(),
                drops: Vec::new(),
                dropped: Rc::default(),
                times,
                stores: HashMap::new(),
            },
        }
    }

    /// What the log calls the topics.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The port of a step, or of one branch of it.
    pub fn port<K: 'static, V: 'static>(&mut self, id: &Id, branch: Option<usize>) -> Rc<Port<K, V>> {
        if let Some(port) = self.ports.get(&(id.hash, branch)) {
            return port.clone().downcast().expect("a step has one key and one value type");
        }
        let port = self.new_port();
        self.ports.insert((id.hash, branch), port.clone());
        port
    }

    /// A port that nobody else will ask for.
    pub(crate) fn new_port<K: 'static, V: 'static>(&mut self) -> Rc<Port<K, V>> {
        let port = Rc::new(Port::<K, V>::new());
        let sealing = port.clone();
        self.seal.push(Box::new(move || {
            let mut readers = sealing.wiring.take();
            let _ = sealing.readers.set(match readers.len() {
                1 => Readers::One(readers.remove(0)),
                _ => Readers::Others(readers.into()),
            });
        }));
        port
    }

    /// The port of step `S`.
    pub fn output<S: Step>(&mut self) -> Rc<Port<S::Key, S::Value>> {
        self.port(&S::ID, None)
    }

    /// Lets step `S` read its input, nulls guarded as it said.
    pub fn attach<S: Step>(
        &mut self,
        node: impl Push<<S::From as Stream>::Key, <S::From as Stream>::Value> + 'static,
    ) {
        let guarded = Guarded::around::<S>(self, Rc::new(node));
        S::From::attach(self, guarded);
    }

    /// The source of a topic, made when it is first asked for.
    pub fn source<T: Written>(&mut self) -> Rc<SourceNode<T>> {
        let name = T::topic(&self.names);
        if let Some(source) = self.sources.get(&name) {
            return source.clone().downcast().expect("a topic is declared once");
        }
        let source = Rc::new(SourceNode::<T>::new(self, &name));
        self.sources.insert(name, source.clone());
        self.wired.sources.push(source.clone());
        source
    }

    /// A counter of records left out by `step` for `reason`.
    pub fn drops(&mut self, step: &'static str, reason: Reason) -> Rc<DropCounter> {
        let counter = Rc::new(DropCounter::new(step, reason, self.wired.dropped.clone()));
        self.wired.drops.push(counter.clone());
        counter
    }

    /// The outbox of the task.
    pub fn outbox(&self) -> Rc<RefCell<Outbox>> {
        self.wired.outbox.clone()
    }

    /// A stream time, committed with the task's offsets under `name`.
    pub fn stream_time(&mut self, name: &'static str) -> Rc<RefCell<TimeCell>> {
        let cell = self.wired.times.cell(name);
        self.wired.remembering.push(Remembering::new(None, cell.clone()));
        cell
    }

    /// The highest time seen on a topic's partition; never the same as a step's stream time, whatever their names.
    pub fn partition_time(&mut self, topic: &'static str) -> Rc<RefCell<TimeCell>> {
        let cell = self.wired.times.cell(&format!("topic:{topic}"));
        self.wired.remembering.push(Remembering::new(None, cell.clone()));
        cell
    }

    /// The store called `spec.name`, made when it is first asked for: by the step that keeps it, or by one that
    /// looks into it and is wired earlier.
    pub fn store<T: Remembered + 'static>(
        &mut self,
        spec: StoreSpec,
        make: impl Fn(Box<dyn Engine>, OverlayLimit) -> Result<T, StateError>,
    ) -> Rc<RefCell<T>> {
        if let Some(store) = self.wired.stores.get(&spec.hash) {
            return store.clone().downcast().expect("a store has one type");
        }
        let made = (self.engines)(&spec).and_then(|engine| make(engine, self.overlay));
        let store = made.unwrap_or_else(|error| {
            // Wiring goes on so that types stay simple; `finish` reports the first error and nothing runs.
            self.failed.get_or_insert(error);
            make(Box::new(MemoryEngine::new()), self.overlay).expect("an empty engine in memory always opens")
        });
        let store = Rc::new(RefCell::new(store));
        self.wired.stores.insert(spec.hash, store.clone());
        self.wired.remembering.push(Remembering::new(Some(spec), store.clone()));
        store
    }

    /// Seals the ports; from here on the graph does not change.
    ///
    /// # Errors
    /// If a store could not be opened.
    pub fn finish(self) -> Result<Wired, StateError> {
        self.seal.into_iter().for_each(|seal| seal());
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.wired),
        }
    }
}
