//! Single schedules, each named after what a careless store would get wrong.

use super::super::{
    Direction, KeyRange, KeyValueStore, Mark, MemoryEngine, OverlayLimit, Remembered, Stamped, StateError,
    WindowStore,
};
use super::{LIMITS, Log};
use crate::serde::{Serde, SerdeError};

fn kv<S: Serde>(limit: OverlayLimit) -> KeyValueStore<S> {
    KeyValueStore::new("words", Box::new(MemoryEngine::new()), limit)
}

fn row<V>(value: V, timestamp: i64) -> Option<Stamped<V>> {
    Some(Stamped { value, timestamp })
}

fn commit(store: &mut dyn Remembered, log: &mut Log) {
    store.prepare(log).unwrap();
    log.commit();
    store.committed();
}

#[test]
fn an_abort_goes_back_to_the_commit_that_the_engine_does_not_have_yet() {
    for limit in LIMITS {
        let (mut store, mut log) = (kv::<i64>(limit), Log::default());
        store.put(b"k", row(4, 1), 1).unwrap();
        commit(&mut store, &mut log);
        store.apply(&log.end()).unwrap();
        store.put(b"k", row(5, 2), 2).unwrap();
        commit(&mut store, &mut log);
        store.put(b"k", row(6, 3), 3).unwrap();
        store.aborted();
        assert_eq!(store.get(b"k").unwrap(), row(5, 2).as_ref());
    }
}

#[test]
fn applying_while_a_transaction_is_open_leaves_its_changes_out() {
    for limit in LIMITS {
        let (mut store, mut log) = (kv::<i64>(limit), Log::default());
        store.put(b"k", row(5, 1), 1).unwrap();
        commit(&mut store, &mut log);
        store.put(b"k", row(6, 2), 2).unwrap();
        assert_eq!(store.unapplied_bytes(), 1 + 16);
        store.apply(&log.end()).unwrap();
        assert_eq!(store.get(b"k").unwrap(), row(6, 2).as_ref());
        let mut bytes = Vec::new();
        assert!(store.into_engine().get(b"k", &mut bytes).unwrap());
        assert_eq!(i64::decode(&bytes[8..]).unwrap(), 5);
    }
}

#[test]
fn a_deletion_is_sent_with_the_time_of_the_record_that_made_it() {
    for limit in LIMITS {
        let (mut store, mut log) = (kv::<i64>(limit), Log::default());
        store.put(b"new", row(1, 10), 10).unwrap();
        store.update(b"new", 20, |row| *row = None).unwrap();
        store.put(b"never there", None, 30).unwrap();
        commit(&mut store, &mut log);
        assert_eq!(log.committed, [(b"new".to_vec(), None, 20), (b"never there".to_vec(), None, 30)]);
    }
}

/// Forgets the digits behind the point, as a careless format does.
struct Rounded;

impl Serde for Rounded {
    type Type = f64;

    fn encode(value: &f64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        i64::encode(&(*value as i64), out)
    }

    fn decode(bytes: &[u8]) -> Result<f64, SerdeError> {
        i64::decode(bytes).map(|whole| whole as f64)
    }
}

#[test]
fn without_an_overlay_a_format_that_forgets_shows_at_once() {
    let half_twice = |limit| {
        let mut store = kv::<Rounded>(limit);
        for _ in 0..2 {
            store.update(b"k", 0, |row| row.get_or_insert_default().value += 0.5).unwrap();
        }
        store.get(b"k").unwrap().unwrap().value
    };
    assert_eq!(half_twice(OverlayLimit::UNBOUNDED), 1.0);
    assert_eq!(half_twice(OverlayLimit::NONE), 0.0);
}

/// Refuses 13.
struct Superstitious;

impl Serde for Superstitious {
    type Type = i64;

    fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        if *value == 13 { Err(SerdeError::new("unlucky")) } else { i64::encode(value, out) }
    }

    fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
        i64::decode(bytes)
    }
}

#[test]
fn a_value_without_a_form_is_named_and_neither_sent_nor_lost() {
    let mut log = Log::default();
    for limit in [OverlayLimit::values(1), OverlayLimit::UNBOUNDED] {
        let mut store = kv::<Superstitious>(limit);
        store.put(b"bad", row(13, 1), 1).unwrap();
        store.put(b"good", row(1, 2), 2).unwrap();
        let error = store.prepare(&mut log).unwrap_err();
        assert_eq!(error.to_string(), "store `words`: the value of key `bad` cannot be encoded: unlucky");
        assert_eq!(store.get(b"bad").unwrap(), row(13, 1).as_ref());
        assert!(log.open.is_empty());
    }
    let mut store = kv::<Superstitious>(OverlayLimit::NONE);
    store.put(b"k", row(1, 1), 1).unwrap();
    assert!(matches!(store.put(b"k", row(13, 2), 2), Err(StateError::Encode { .. })));
    assert!(store.update(b"k", 3, |row| row.as_mut().unwrap().value = 13).is_err());
    assert_eq!(store.get(b"k").unwrap(), row(1, 1).as_ref());
}

#[test]
#[should_panic(expected = "store `words`: committed with 1 changes that are not in the changelog")]
fn a_commit_without_its_changelog_is_stopped() {
    let (mut store, mut log) = (kv::<i64>(OverlayLimit::UNBOUNDED), Log::default());
    store.put(b"k", row(1, 1), 1).unwrap();
    store.prepare(&mut log).unwrap();
    store.put(b"k", row(2, 2), 2).unwrap();
    store.committed();
}

#[test]
fn the_limit_holds_and_what_it_evicts_comes_back() {
    let (mut store, mut log) = (kv::<String>(OverlayLimit::values(10)), Log::default());
    for i in 0..100u32 {
        store.put(&i.to_be_bytes(), row(i.to_string(), 0), 0).unwrap();
    }
    commit(&mut store, &mut log);
    store.apply(&log.end()).unwrap();
    let full = store.overlay_bytes();
    for i in 0..100u32 {
        assert_eq!(store.get(&i.to_be_bytes()).unwrap(), row(i.to_string(), 0).as_ref());
    }
    assert_eq!(store.overlay_bytes(), full, "ten clean values, whichever");
    store.evict(0);
    assert_eq!(store.overlay_bytes(), 0);
}

#[test]
fn a_replay_hides_nothing_below_an_older_value() {
    let (mut store, mut log) = (kv::<i64>(OverlayLimit::UNBOUNDED), Log::default());
    store.put(b"k", row(1, 1), 1).unwrap();
    commit(&mut store, &mut log);
    // Written by the owner in between.
    log.committed.push((b"k".to_vec(), Some(2i64.to_be_bytes().to_vec()), 2));
    store.restore(&log.from(1), &log.end()).unwrap();
    assert_eq!(store.get(b"k").unwrap(), row(2, 2).as_ref());
    assert_eq!(store.mark().unwrap(), Some(Mark { changelog_offset: 2, ..Mark::default() }));
}

#[test]
fn a_window_far_ahead_that_is_aborted_expires_nothing() {
    for limit in LIMITS {
        let engine = Box::new(MemoryEngine::new());
        let mut store = WindowStore::<i64>::open("counts", engine, limit, 10).unwrap();
        let mut log = Log::default();
        store.put(b"k", 5, row(1, 5), 5).unwrap();
        commit(&mut store, &mut log);
        store.apply(&log.end()).unwrap();
        store.put(b"k", 1_000_000, row(2, 6), 6).unwrap();
        assert_eq!(store.get(b"k", 5).unwrap(), None);
        assert_eq!(store.expire(10).unwrap(), 0);
        store.aborted();
        assert_eq!(store.get(b"k", 5).unwrap(), row(1, 5).as_ref());
    }
}

#[test]
fn expiry_frees_rows_and_entries_a_few_at_a_time() {
    let mut store =
        WindowStore::<i64>::open("counts", Box::new(MemoryEngine::new()), OverlayLimit::UNBOUNDED, 10)
            .unwrap();
    let mut log = Log::default();
    for start in 0..100 {
        store.put(b"k", start, row(start, start), start).unwrap();
    }
    commit(&mut store, &mut log);
    assert_eq!(store.expire(1000).unwrap(), 0, "the engine has nothing yet");
    store.apply(&log.end()).unwrap();
    let before = store.overlay_bytes();
    let deleted: Vec<usize> = (0..4).map(|_| store.expire(40).unwrap()).collect();
    assert_eq!(deleted, [40, 40, 10, 0]);
    assert_eq!(store.overlay_bytes(), before / 10, "ten windows are left of a hundred");
    let engine = store.into_engine();
    let mut rows = engine.scan(KeyRange::ALL, Direction::Forward).unwrap();
    let mut left = 0;
    while rows.next().unwrap().is_some() {
        left += 1;
    }
    assert_eq!(left, 11, "ten windows and the highest start");
}

#[test]
fn a_deleted_highest_window_still_hides_after_a_crash() {
    let mut log = Log::default();
    let mut store =
        WindowStore::<i64>::open("counts", Box::new(MemoryEngine::new()), OverlayLimit::NONE, 10).unwrap();
    store.put(b"k", 5, row(1, 5), 5).unwrap();
    store.put(b"k", 50, None, 50).unwrap();
    commit(&mut store, &mut log);
    store.apply(&log.end()).unwrap();
    let mut reopened =
        WindowStore::<i64>::open("counts", store.into_engine(), OverlayLimit::NONE, 10).unwrap();
    assert_eq!(reopened.highest_start(), Some(50));
    assert_eq!(reopened.get(b"k", 5).unwrap(), None);
    let changelog_key = [&b"k"[..], &50i64.to_be_bytes(), &[0; 4]].concat();
    assert_eq!(log.committed[1], (changelog_key, None, 50), "as Kafka Streams writes it");
}

#[test]
fn a_store_can_be_handed_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<KeyValueStore<String>>();
    is_send::<WindowStore<i64>>();
}
