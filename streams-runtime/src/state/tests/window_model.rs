//! [`WindowStore`] against a `BTreeMap` that never deletes, seen through the retention.

use super::super::{Direction, MemoryEngine, OverlayLimit, Remembered, Stamped, WindowScan, WindowStore};
use super::{LIMITS, Log, Mark};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Store = WindowStore<i64>;
type Rows = BTreeMap<(i64, Vec<u8>), Stamped<i64>>;

type Found = ((i64, Vec<u8>), Stamped<i64>);

const RETENTION: i64 = 20;

#[derive(Clone, Debug)]
enum Op {
    Put(u8, i64, Option<i64>),
    Get(u8, i64),
    Update(u8, i64),
    TryUpdate(u8, i64, bool),
    Fetch(u8, i64, i64),
    All(bool),
    Commit,
    Abort,
    Apply,
    Expire(usize),
    Evict(usize),
    Shed(usize),
    Replay,
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..3u8;
    let start = || prop_oneof![4 => 0..40i64, 1 => 0..100i64];
    let op = prop_oneof![
        4 => (key(), start(), proptest::option::weighted(0.7, any::<i64>()))
            .prop_map(|(k, start, v)| Op::Put(k, start, v)),
        4 => (key(), start()).prop_map(|(k, start)| Op::Get(k, start)),
        4 => (key(), start()).prop_map(|(k, start)| Op::Update(k, start)),
        3 => (key(), start(), any::<bool>()).prop_map(|(k, start, ok)| Op::TryUpdate(k, start, ok)),
        2 => (key(), -5..60i64, -5..60i64).prop_map(|(k, from, to)| Op::Fetch(k, from, to)),
        2 => any::<bool>().prop_map(Op::All),
        4 => Just(Op::Commit),
        4 => Just(Op::Abort),
        3 => Just(Op::Apply),
        3 => (1..4usize).prop_map(Op::Expire),
        2 => (0..4usize).prop_map(Op::Evict),
        2 => (0..2_000usize).prop_map(Op::Shed),
        1 => Just(Op::Replay),
        1 => Just(Op::Crash),
    ];
    proptest::collection::vec(op, 1..80)
}

fn key(k: u8) -> Vec<u8> {
    // Of different lengths, one a prefix of the other, one too long to be kept inline.
    [&b"a"[..], b"ab", b"a key of more than twenty-four bytes"][k as usize].to_vec()
}

#[derive(Clone, Default)]
struct Model {
    rows: Rows,
    highest: Option<i64>,
}

impl Model {
    fn sees(&self, start: i64) -> bool {
        self.highest.is_none_or(|highest| start > highest - RETENTION)
    }

    fn set(&mut self, k: u8, start: i64, row: Option<Stamped<i64>>) {
        match row {
            Some(row) => self.rows.insert((start, key(k)), row),
            None => self.rows.remove(&(start, key(k))),
        };
        self.highest = self.highest.max(Some(start));
    }

    fn get(&self, k: u8, start: i64) -> Option<&Stamped<i64>> {
        self.rows.get(&(start, key(k))).filter(|_| self.sees(start))
    }

    fn visible(&self) -> Rows {
        self.rows
            .iter()
            .filter(|((start, _), _)| self.sees(*start))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }
}

struct World {
    store: Store,
    limit: OverlayLimit,
    log: Log,
    committed: Model,
    live: Model,
    now: i64,
}

fn open(engine: Box<dyn super::super::Engine>, limit: OverlayLimit) -> Store {
    Store::open("counts", engine, limit, RETENTION).unwrap()
}

fn rows(mut scan: WindowScan<'_, i64>) -> Vec<Found> {
    let mut rows = Vec::new();
    while let Some(row) = scan.next().unwrap() {
        rows.push(((row.start, row.key.to_vec()), row.row.clone()));
    }
    rows
}

impl World {
    fn new(limit: OverlayLimit) -> Self {
        let store = open(Box::new(MemoryEngine::new()), limit);
        World {
            store,
            limit,
            log: Log::default(),
            committed: Model::default(),
            live: Model::default(),
            now: 0,
        }
    }

    fn rollback(&mut self) {
        self.live = self.committed.clone();
        self.log.open.clear();
        self.store.aborted();
    }

    fn step(&mut self, op: Op) {
        self.now += 1;
        let now = self.now;
        match op {
            Op::Put(k, start, value) => {
                let row = value.map(|value| Stamped { value, timestamp: now });
                let taken = self.store.put(&key(k), start, row.clone(), now).unwrap();
                assert_eq!(taken, self.live.sees(start));
                if taken {
                    self.live.set(k, start, row);
                }
            }
            Op::Get(k, start) => {
                assert_eq!(self.store.get(&key(k), start).unwrap(), self.live.get(k, start));
            }
            Op::Update(k, start) => {
                let before = self.live.get(k, start).cloned();
                let next = Some(Stamped { value: now, timestamp: now });
                let seen = self
                    .store
                    .update(&key(k), start, now, |row| std::mem::replace(row, next.clone()))
                    .unwrap();
                assert_eq!(seen.is_some(), self.live.sees(start));
                if let Some(seen) = seen {
                    assert_eq!(seen, before);
                    self.live.set(k, start, next);
                }
            }
            Op::TryUpdate(k, start, ok) => {
                let next = Some(Stamped { value: -now, timestamp: now });
                let result = self.store.try_update(&key(k), start, now, |row| {
                    row.clone_from(&next);
                    if ok { Ok(()) } else { Err(()) }
                });
                let expected = self.live.sees(start).then_some(if ok { Ok(()) } else { Err(()) });
                assert_eq!(result.unwrap(), expected);
                if expected == Some(Ok(())) {
                    self.live.set(k, start, next);
                }
            }
            Op::Fetch(k, from, to) => {
                let found = rows(self.store.fetch(&key(k), from, to).unwrap());
                let mut expected = Vec::from_iter(self.live.visible());
                expected.retain(|((start, key_of), _)| *key_of == key(k) && (from..=to).contains(start));
                assert_eq!(found, expected);
            }
            Op::All(back) => {
                let direction = if back { Direction::Backward } else { Direction::Forward };
                let mut found = rows(self.store.all(direction).unwrap());
                if back {
                    found.reverse();
                }
                assert_eq!(found, Vec::from_iter(self.live.visible()));
            }
            Op::Commit => {
                self.store.prepare(&mut self.log).unwrap();
                self.log.commit();
                self.store.committed();
                self.committed = self.live.clone();
            }
            Op::Abort => self.rollback(),
            Op::Apply => self.store.apply(&self.log.end()).unwrap(),
            Op::Expire(limit) => assert!(self.store.expire(limit).unwrap() <= limit),
            Op::Evict(values) => self.store.evict(values),
            Op::Shed(bytes) => self.store.shed(bytes),
            Op::Replay => {
                self.rollback();
                let mark = self.store.mark().unwrap().unwrap_or_default().changelog_offset;
                self.store.restore(&self.log.from(mark), &self.log.end()).unwrap();
            }
            Op::Crash => {
                let fresh = open(Box::new(MemoryEngine::new()), self.limit);
                let engine = std::mem::replace(&mut self.store, fresh).into_engine();
                self.store = open(engine, self.limit);
                let mut mark: Mark = self.store.mark().unwrap().unwrap_or_default();
                for record in self.log.from(mark.changelog_offset) {
                    mark.changelog_offset += 1;
                    self.store.restore(&[record], &mark).unwrap();
                }
                self.rollback();
            }
        }
        assert_eq!(self.store.highest_start(), self.live.highest);
    }

    fn finish(mut self) {
        self.step(Op::All(false));
        self.step(Op::Abort);
        self.step(Op::All(true));
        let mut rebuilt = open(Box::new(MemoryEngine::new()), self.limit);
        rebuilt.restore(&self.log.from(0), &self.log.end()).unwrap();
        let found = rows(rebuilt.all(Direction::Forward).unwrap());
        assert_eq!(found, Vec::from_iter(self.committed.visible()), "the changelog tells everything");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_store_is_a_map_seen_through_its_retention(ops in ops()) {
        for limit in LIMITS {
            let mut world = World::new(limit);
            for op in &ops {
                world.step(op.clone());
            }
            world.finish();
        }
    }
}
