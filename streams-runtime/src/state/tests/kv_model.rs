//! [`KeyValueStore`] against a `BTreeMap`.

use super::super::{Direction, KeyRange, KeyValueStore, MemoryEngine, OverlayLimit, Remembered, Stamped};
use super::{Change, LIMITS, Log};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Store = KeyValueStore<String>;
type Rows = BTreeMap<Vec<u8>, Stamped<String>>;

#[derive(Clone, Debug)]
enum Op {
    Put(u8, Option<u8>),
    Get(u8),
    Update(u8, bool),
    TryUpdate(u8, bool),
    Panic(u8, bool),
    Scan(u8, u8, bool),
    Prepare(Option<usize>),
    Commit,
    Abort,
    Apply,
    Evict(usize),
    Shed(usize),
    /// The outcome is unknown: abort, replay on top of the open store, from the mark or from the end.
    Replay(bool),
    /// Only the engine survives; the tail is replayed in pieces of this size.
    Crash(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..8u8;
    let op = prop_oneof![
        4 => (key(), proptest::option::weighted(0.7, any::<u8>())).prop_map(|(k, v)| Op::Put(k, v)),
        4 => key().prop_map(Op::Get),
        6 => (key(), proptest::bool::weighted(0.2)).prop_map(|(k, gone)| Op::Update(k, gone)),
        4 => (key(), any::<bool>()).prop_map(|(k, ok)| Op::TryUpdate(k, ok)),
        1 => (key(), any::<bool>()).prop_map(|(k, on_a_copy)| Op::Panic(k, on_a_copy)),
        3 => (key(), key(), any::<bool>()).prop_map(|(from, to, back)| Op::Scan(from, to, back)),
        2 => proptest::option::weighted(0.3, 0..4usize).prop_map(Op::Prepare),
        4 => Just(Op::Commit),
        4 => Just(Op::Abort),
        3 => Just(Op::Apply),
        2 => (0..4usize).prop_map(Op::Evict),
        2 => (0..2_000usize).prop_map(Op::Shed),
        1 => any::<bool>().prop_map(Op::Replay),
        1 => (1..4usize).prop_map(Op::Crash),
    ];
    proptest::collection::vec(op, 1..80)
}

/// Every second key does not fit into an entry.
fn key(k: u8) -> Vec<u8> {
    if k.is_multiple_of(2) { vec![k] } else { [&[k][..], &[b'x'; 30]].concat() }
}

struct World {
    store: Store,
    limit: OverlayLimit,
    log: Log,
    committed: Rows,
    live: Rows,
    /// Keys that the changelog does not have, in the order of their first touch since it had them.
    unsent: Vec<Vec<u8>>,
    /// When each key was last changed.
    changed_at: BTreeMap<Vec<u8>, i64>,
    now: i64,
}

impl World {
    fn new(limit: OverlayLimit) -> Self {
        World {
            store: Store::new("words", Box::new(MemoryEngine::new()), limit),
            limit,
            log: Log::default(),
            committed: Rows::new(),
            live: Rows::new(),
            unsent: Vec::new(),
            changed_at: BTreeMap::new(),
            now: 0,
        }
    }

    fn changed(&mut self, key: Vec<u8>, row: Option<Stamped<String>>) {
        match row {
            Some(row) => self.live.insert(key.clone(), row),
            None => self.live.remove(&key),
        };
        self.changed_at.insert(key.clone(), self.now);
        if !self.unsent.contains(&key) {
            self.unsent.push(key);
        }
    }

    fn next_of(&self, key: &[u8]) -> Option<Stamped<String>> {
        let mut value = self.live.get(key).map_or(String::new(), |row| row.value.clone());
        value.push(char::from(b'a' + (self.now % 26) as u8));
        Some(Stamped { value, timestamp: self.now * 10 })
    }

    fn rollback(&mut self) {
        self.live = self.committed.clone();
        self.unsent.clear();
        self.log.open.clear();
        self.store.aborted();
    }

    fn prepare(&mut self) {
        let start = self.log.open.len();
        let patience = self.log.patience;
        let result = self.store.prepare(&mut self.log);
        self.log.patience = None;
        let sent = patience.map_or(self.unsent.len(), |patience| patience.min(self.unsent.len()));
        assert_eq!(result.is_ok(), sent == self.unsent.len());
        let expected: Vec<Change> = self
            .unsent
            .drain(..sent)
            .map(|key| match self.live.get(&key) {
                Some(row) => (key, Some(row.value.clone().into_bytes()), row.timestamp),
                None => (key.clone(), None, self.changed_at[&key]),
            })
            .collect();
        assert_eq!(self.log.open[start..], expected, "each change once, in first-touch order");
    }

    fn step(&mut self, op: Op) {
        self.now += 1;
        let now = self.now;
        match op {
            Op::Put(k, value) => {
                let row = value.map(|v| Stamped { value: v.to_string(), timestamp: now });
                self.store.put(&key(k), row.clone(), now).unwrap();
                self.changed(key(k), row);
            }
            Op::Get(k) => {
                assert_eq!(self.store.get(&key(k)).unwrap(), self.live.get(&key(k)));
            }
            Op::Update(k, gone) => {
                let next = if gone { None } else { self.next_of(&key(k)) };
                let before = self.live.get(&key(k)).cloned();
                let seen =
                    self.store.update(&key(k), now, |row| std::mem::replace(row, next.clone())).unwrap();
                assert_eq!(seen, before);
                self.changed(key(k), next);
            }
            Op::TryUpdate(k, ok) => {
                let next = self.next_of(&key(k));
                let before = self.live.get(&key(k)).cloned();
                let result = self.store.try_update(&key(k), now, |row| {
                    assert_eq!(*row, before);
                    row.clone_from(&next);
                    if ok { Ok(()) } else { Err("refused") }
                });
                assert_eq!(result.unwrap().is_ok(), ok);
                if ok {
                    self.changed(key(k), next);
                }
            }
            Op::Panic(k, on_a_copy) => {
                let half = |row: &mut Option<Stamped<String>>| -> Result<(), ()> {
                    *row = Some(Stamped { value: "half".to_owned(), timestamp: 0 });
                    std::panic::resume_unwind(Box::new(()))
                };
                let store = &mut self.store;
                let result = catch_unwind(AssertUnwindSafe(|| match on_a_copy {
                    true => store.try_update(&key(k), now, half),
                    false => store.update(&key(k), now, half),
                }));
                assert!(result.is_err());
                if !on_a_copy {
                    self.rollback();
                }
            }
            Op::Scan(from, to, back) => {
                let (from, to) = (key(from), key(to));
                let direction = if back { Direction::Backward } else { Direction::Forward };
                let range = KeyRange::inclusive(&from, &to);
                let mut expected: Vec<_> =
                    self.live.iter().filter(|(k, _)| **k >= from && **k <= to).collect();
                if back {
                    expected.reverse();
                }
                let mut expected = expected.into_iter();
                let mut scan = self.store.scan(range, direction).unwrap();
                while let Some((key, row)) = scan.next().unwrap() {
                    assert_eq!(Some((&key.to_vec(), row)), expected.next());
                }
                assert_eq!(expected.next(), None);
            }
            Op::Prepare(patience) => {
                self.log.patience = patience;
                self.prepare();
            }
            Op::Commit => {
                self.prepare();
                self.log.commit();
                self.store.committed();
                self.committed = self.live.clone();
            }
            Op::Abort => self.rollback(),
            Op::Apply => {
                self.store.apply(&self.log.end()).unwrap();
                assert_eq!(self.store.unapplied_bytes(), 0);
            }
            Op::Evict(values) => self.store.evict(values),
            Op::Shed(bytes) => {
                let before = self.store.weigh();
                self.store.shed(bytes);
                assert!(self.store.weigh() <= before);
            }
            Op::Replay(from_mark) => {
                self.rollback();
                let mark = self.store.mark().unwrap().unwrap_or_default().changelog_offset;
                let from = if from_mark { mark } else { self.log.end().changelog_offset };
                self.store.restore(&self.log.from(from), &self.log.end()).unwrap();
                assert_eq!(self.store.unapplied_bytes(), 0);
            }
            Op::Crash(piece) => {
                let fresh = Store::new("", Box::new(MemoryEngine::new()), self.limit);
                let engine = std::mem::replace(&mut self.store, fresh).into_engine();
                self.store = Store::new("words", engine, self.limit);
                let applied = self.store.mark().unwrap().unwrap_or_default().changelog_offset;
                assert_eq!(contents(&mut self.store), fold(&self.log.committed[..applied as usize]));
                let tail = self.log.from(applied);
                let mut mark = super::Mark { changelog_offset: applied, ..Default::default() };
                for records in tail.chunks(piece) {
                    mark.changelog_offset += records.len() as i64;
                    self.store.restore(records, &mark).unwrap();
                }
                self.rollback();
            }
        }
    }

    fn finish(mut self) {
        assert_eq!(contents(&mut self.store), self.live);
        assert_eq!(self.store.len().unwrap(), self.live.len());
        assert_eq!(self.store.is_empty().unwrap(), self.live.is_empty());
        for k in 0..8 {
            self.step(Op::Get(k));
        }
        self.rollback();
        for k in 0..8 {
            self.step(Op::Get(k));
        }
        assert_eq!(fold(&self.log.committed), self.committed, "the changelog tells everything");
        let mut rebuilt = Store::new("words", Box::new(MemoryEngine::new()), self.limit);
        rebuilt.restore(&self.log.from(0), &self.log.end()).unwrap();
        assert_eq!(contents(&mut rebuilt), self.committed);
    }
}

fn contents(store: &mut Store) -> Rows {
    let mut rows = Rows::new();
    let mut scan = store.scan(KeyRange::ALL, Direction::Forward).unwrap();
    while let Some((key, row)) = scan.next().unwrap() {
        rows.insert(key.to_vec(), row.clone());
    }
    rows
}

fn fold(changes: &[Change]) -> Rows {
    let mut rows = Rows::new();
    for (key, value, timestamp) in changes {
        match value {
            None => rows.remove(key),
            Some(value) => {
                let value = String::from_utf8(value.clone()).unwrap();
                rows.insert(key.clone(), Stamped { value, timestamp: *timestamp })
            }
        };
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_a_map_with_savepoints_at_every_overlay_size(ops in ops()) {
        for limit in LIMITS {
            let mut world = World::new(limit);
            for op in &ops {
                world.step(op.clone());
            }
            world.finish();
        }
    }
}
