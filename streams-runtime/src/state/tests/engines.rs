//! What every engine must do, asked of each: the one in memory and, with the feature `rocksdb`, the one on disk.

use super::super::{Batch, Direction, Engine, KeyRange, Mark};
use crate::instance::MemoryDisk;
use crate::task::TaskId;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Where engines are kept: one that is opened again, after the last one was dropped, has what that one had.
trait Home {
    fn open(&self) -> Box<dyn Engine>;

    /// How many random schedules are worth their time.
    fn schedules(&self) -> u32 {
        256
    }
}

impl Home for MemoryDisk {
    fn open(&self) -> Box<dyn Engine> {
        Box::new(self.engine(TaskId { sub: 0, partition: 0 }, "store"))
    }
}

/// Each case becomes a test for each home.
macro_rules! on_each {
    ($($case:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $case() { super::$case(&super::MemoryDisk::new()); })*
        }
        #[cfg(feature = "rocksdb")]
        mod on_disk {
            $(#[test] fn $case() {
                let home = super::super::on_disk::Scratch::new(stringify!($case));
                super::$case(&home);
            })*
        }
    };
}

on_each!(
    the_last_row_of_a_key_wins,
    a_mark_is_no_row_whatever_the_keys_are,
    a_mark_stays_until_the_next,
    clear_forgets_rows_and_mark,
    ranges_have_the_ends_they_say,
    a_cursor_stays_at_the_end,
    big_batches_and_big_rows,
    what_was_applied_is_there_when_it_is_opened_again,
    any_schedule_is_that_of_a_sorted_map,
);

#[cfg(feature = "rocksdb")]
impl Home for super::on_disk::Scratch {
    fn open(&self) -> Box<dyn Engine> {
        Box::new(self.engine().unwrap())
    }

    fn schedules(&self) -> u32 {
        12
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn write(engine: &mut dyn Engine, rows: &[(&[u8], Option<&[u8]>)], mark: Option<&Mark>) {
    let batch: &mut Batch<'_> = &mut rows.iter().copied();
    engine.apply(batch, mark).unwrap();
}

fn row(engine: &dyn Engine, key: &[u8]) -> Option<Vec<u8>> {
    let mut out = b"of an earlier get".to_vec();
    engine.get(key, &mut out).unwrap().then_some(out)
}

fn rows(engine: &dyn Engine, range: KeyRange<'_>, direction: Direction) -> Rows {
    let mut cursor = engine.scan(range, direction).unwrap();
    let mut rows = Vec::new();
    while let Some((key, row)) = cursor.next().unwrap() {
        rows.push((key.to_vec(), row.to_vec()));
    }
    rows
}

fn keys(engine: &dyn Engine, range: KeyRange<'_>, direction: Direction) -> Vec<Vec<u8>> {
    rows(engine, range, direction).into_iter().map(|(key, _)| key).collect()
}

fn mark(offset: i64) -> Mark {
    let (topic_id, task_times, form) = (7 << 90, b"v1 a=1".to_vec(), "kind=windows\n".to_owned());
    Mark { changelog_offset: offset, topic_id, task_times, wall_ms: 9, form }
}

fn the_last_row_of_a_key_wins(home: &dyn Home) {
    let engine = &mut *home.open();
    write(engine, &[(b"k", Some(b"1")), (b"a", Some(b"")), (b"k", None), (b"k", Some(b"2"))], None);
    assert_eq!(row(engine, b"k").as_deref(), Some(&b"2"[..]));
    assert_eq!(row(engine, b"a").as_deref(), Some(&b""[..]));
    write(engine, &[(b"k", Some(b"3")), (b"k", None), (b"never", None)], None);
    assert_eq!(row(engine, b"k"), None);
    assert_eq!(keys(engine, KeyRange::ALL, Direction::Forward), [b"a"]);
}

fn a_mark_is_no_row_whatever_the_keys_are(home: &dyn Home) {
    let engine = &mut *home.open();
    let odd: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\x01", b"\x01\0", b"\x02", b"\xff", b"\xff\xff\xff"];
    let batch = odd.map(|key| (key, Some(key)));
    write(engine, &batch, Some(&mark(3)));
    assert_eq!(keys(engine, KeyRange::ALL, Direction::Forward), odd);
    let backward: Vec<_> = odd.iter().rev().map(|key| key.to_vec()).collect();
    assert_eq!(keys(engine, KeyRange::ALL, Direction::Backward), backward);
    for key in odd {
        assert_eq!(row(engine, key).as_deref(), Some(key));
    }
    write(engine, &odd.map(|key| (key, None)), None);
    assert_eq!(rows(engine, KeyRange::ALL, Direction::Forward), []);
    assert_eq!(engine.mark().unwrap(), Some(mark(3)));
    for key in odd {
        assert_eq!(row(engine, key), None);
    }
}

fn a_mark_stays_until_the_next(home: &dyn Home) {
    let engine = &mut *home.open();
    assert_eq!(engine.mark().unwrap(), None);
    write(engine, &[], Some(&mark(3)));
    write(engine, &[(b"a", Some(b"1"))], None);
    assert_eq!(engine.mark().unwrap(), Some(mark(3)));
    let other = Mark { changelog_offset: i64::MAX, wall_ms: -1, ..Mark::default() };
    write(engine, &[(b"a", None)], Some(&other));
    assert_eq!(engine.mark().unwrap(), Some(other));
}

fn clear_forgets_rows_and_mark(home: &dyn Home) {
    let mut engine = home.open();
    write(&mut *engine, &[(b"a", Some(b"1"))], Some(&mark(3)));
    engine.clear().unwrap();
    assert_eq!((row(&*engine, b"a"), engine.mark().unwrap()), (None, None));
    write(&mut *engine, &[(b"b", Some(b"2"))], None);
    drop(engine);
    let engine = home.open();
    assert_eq!(keys(&*engine, KeyRange::ALL, Direction::Forward), [b"b"]);
    assert_eq!(engine.mark().unwrap(), None);
}

fn ranges_have_the_ends_they_say(home: &dyn Home) {
    let engine = &mut *home.open();
    let all: [&[u8]; 5] = [b"", b"a", b"a\0", b"b", b"c"];
    write(engine, &all.map(|key| (key, Some(key))), Some(&mark(1)));
    let bounds = || {
        let keys = all.into_iter().chain([&b"aa"[..], b"d"]);
        keys.flat_map(|key| [Bound::Included(key), Bound::Excluded(key)]).chain([Bound::Unbounded])
    };
    for (from, to) in bounds().flat_map(|from| bounds().map(move |to| (from, to))) {
        let range = KeyRange { from, to };
        let inside = |key: &&&[u8]| {
            let after = match from {
                Bound::Included(from) => **key >= from,
                Bound::Excluded(from) => **key > from,
                Bound::Unbounded => true,
            };
            let before = match to {
                Bound::Included(to) => **key <= to,
                Bound::Excluded(to) => **key < to,
                Bound::Unbounded => true,
            };
            after && before
        };
        let mut expected: Vec<Vec<u8>> = all.iter().filter(inside).map(|key| key.to_vec()).collect();
        assert_eq!(keys(engine, range, Direction::Forward), expected, "{range:?}");
        expected.reverse();
        assert_eq!(keys(engine, range, Direction::Backward), expected, "{range:?}");
    }
}

fn a_cursor_stays_at_the_end(home: &dyn Home) {
    let engine = &mut *home.open();
    write(engine, &[(b"a", Some(b"1"))], Some(&mark(1)));
    for direction in [Direction::Forward, Direction::Backward] {
        let mut cursor = engine.scan(KeyRange::ALL, direction).unwrap();
        assert_eq!(cursor.next().unwrap(), Some((&b"a"[..], &b"1"[..])));
        assert_eq!(cursor.next().unwrap(), None);
        assert_eq!(cursor.next().unwrap(), None);
    }
    let mut nothing = engine.scan(KeyRange::inclusive(b"b", b"a"), Direction::Forward).unwrap();
    assert_eq!(nothing.next().unwrap(), None);
    assert_eq!(nothing.next().unwrap(), None);
}

fn big_batches_and_big_rows(home: &dyn Home) {
    let mut engine = home.open();
    let keys: Vec<[u8; 4]> = (0..50_000u32).map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
    let rows: Vec<_> = keys.iter().map(|key| (&key[..], Some(&key[..]))).collect();
    write(&mut *engine, &rows, Some(&mark(1)));
    let big = vec![7; 5 << 20];
    write(&mut *engine, &[(b"big", Some(&big))], Some(&mark(2)));
    engine.rest().unwrap();
    drop(engine);
    let engine = home.open();
    assert_eq!(row(&*engine, b"big"), Some(big));
    assert_eq!(self::keys(&*engine, KeyRange::ALL, Direction::Forward).len(), 50_001);
    assert!(keys.iter().all(|key| row(&*engine, key).as_deref() == Some(key)));
}

fn what_was_applied_is_there_when_it_is_opened_again(home: &dyn Home) {
    for n in 0..5u8 {
        let engine = &mut *home.open();
        assert_eq!(engine.mark().unwrap(), (n > 0).then(|| mark(n.into())));
        assert_eq!(rows(engine, KeyRange::ALL, Direction::Forward).len(), usize::from(n));
        write(engine, &[(&[n], Some(&[n]))], Some(&mark(i64::from(n) + 1)));
        if n % 2 == 0 {
            engine.rest().unwrap();
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Apply(Vec<(u8, Option<u8>)>, bool),
    Get(u8),
    Scan(Bound<u8>, Bound<u8>, bool),
    Rest,
    Clear,
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..12u8;
    let row = proptest::option::weighted(0.7, any::<u8>());
    let bound = || {
        prop_oneof![key().prop_map(Bound::Included), key().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
    };
    let op = prop_oneof![
        8 => (proptest::collection::vec((key(), row), 0..10), any::<bool>()).prop_map(|(rows, mark)| Op::Apply(rows, mark)),
        4 => key().prop_map(Op::Get),
        6 => (bound(), bound(), any::<bool>()).prop_map(|(from, to, back)| Op::Scan(from, to, back)),
        1 => Just(Op::Rest),
        1 => Just(Op::Clear),
        1 => Just(Op::Reopen),
    ];
    proptest::collection::vec(op, 1..40)
}

/// Keys that are prefixes of one another, and close to what an engine may use itself.
fn key(k: u8) -> Vec<u8> {
    let first = [&b""[..], b"\0", b"\x01", b"\xff"][usize::from(k % 4)];
    [first, &vec![k / 4; usize::from(k / 4)]].concat()
}

fn any_schedule_is_that_of_a_sorted_map(home: &dyn Home) {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(home.schedules())
    });
    runner
        .run(&ops(), |ops| {
            let mut engine = home.open();
            engine.clear().unwrap();
            let (mut model, mut marked) = (BTreeMap::<Vec<u8>, Vec<u8>>::new(), None);
            for (n, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Apply(rows, with_mark) => {
                        let rows: Vec<_> =
                            rows.into_iter().map(|(k, v)| (key(k), v.map(|v| vec![v; 3]))).collect();
                        let batch: Vec<_> = rows.iter().map(|(k, v)| (&**k, v.as_deref())).collect();
                        let mark = with_mark.then(|| mark(n as i64));
                        write(&mut *engine, &batch, mark.as_ref());
                        marked = mark.or(marked);
                        for (key, row) in rows {
                            match row {
                                Some(row) => model.insert(key, row),
                                None => model.remove(&key),
                            };
                        }
                    }
                    Op::Get(k) => prop_assert_eq!(row(&*engine, &key(k)), model.get(&key(k)).cloned()),
                    Op::Scan(from, to, back) => {
                        let (from, to) = (from.map(key), to.map(key));
                        let range = KeyRange {
                            from: from.as_ref().map(Vec::as_slice),
                            to: to.as_ref().map(Vec::as_slice),
                        };
                        let mut expected: Rows = match range.is_empty() {
                            true => Vec::new(),
                            false => model
                                .range((from.clone(), to.clone()))
                                .map(|(k, v)| (k.clone(), v.clone()))
                                .collect(),
                        };
                        let direction = if back { Direction::Backward } else { Direction::Forward };
                        if back {
                            expected.reverse();
                        }
                        prop_assert_eq!(rows(&*engine, range, direction), expected);
                    }
                    Op::Rest => engine.rest().unwrap(),
                    Op::Clear => {
                        engine.clear().unwrap();
                        (model, marked) = (BTreeMap::new(), None);
                    }
                    Op::Reopen => {
                        drop(engine);
                        engine = home.open();
                    }
                }
                prop_assert_eq!(engine.mark().unwrap(), marked.clone());
            }
            let all: Rows = model.into_iter().collect();
            prop_assert_eq!(rows(&*engine, KeyRange::ALL, Direction::Forward), all);
            Ok(())
        })
        .unwrap();
}
