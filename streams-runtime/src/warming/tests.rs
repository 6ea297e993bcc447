//! Stores that somebody brought near the ends of their changelogs, as whoever opens them finds them.

use super::*;
use crate::instance::{InProcess, MemoryDisk, create_topics, run_until_idle};
use crate::prelude::*;
use crate::state::{Direction, Engine as _, KeyRange, Mark, OnUnreadable};
use crate::topology::Plan;
use crate::transport::memory::{MemoryConsumer, MemoryLog};
use crate::transport::{Isolation, TransportError};
use crate::worker::{Connect, Worker};
use std::cell::Cell;

#[topic(name = "votes", partitions = 2, key = String, value = i64)]
struct Votes;
#[topic(name = "sums", partitions = 2, key = String, value = i64)]
struct Sums;
#[ktable(store = "sums", from = Votes, aggregate, to = Sums)]
fn sum(sum: &mut i64, vote: &i64) {
    *sum += vote;
}
#[ktable(store = "lately", from = Votes, count)]
#[window(tumbling = "1s", grace = "1s", retention = "1h")]
struct Lately;
topology!(Summing = [sum, Lately]);

/// An application that has counted so many votes, and has no disk any more.
fn counted(votes: i64) -> (MemoryLog, Plan) {
    let log = MemoryLog::new();
    let plan = Plan::of(&Summing::topology(), "app", |_, declared| declared.or(Some(2))).unwrap();
    create_topics(&log, &plan).unwrap();
    let mut worker = InProcess::new(&log, "app", "first").start(Summing::topology()).unwrap();
    feed(&log, votes);
    run_until_idle(&mut worker).unwrap();
    worker.leave().unwrap();
    (log, plan)
}

fn feed(log: &MemoryLog, votes: i64) {
    for n in 0..votes {
        let key = format!("{}", n % 400);
        let (partition, time) = ((n % 2) as u32, n * 7);
        log.append(
            "votes",
            partition,
            Some(key.as_bytes()),
            Some(&1_i64.to_be_bytes()),
            time,
            &Headers::new(),
        )
        .unwrap();
    }
}

fn warming(
    log: &MemoryLog,
    disk: &MemoryDisk,
    hear: impl Fn(&Restoring) + 'static,
) -> Warming<MemoryConsumer> {
    let reader = log.consumer("app", "warming", Isolation::ReadCommitted);
    let machine = InProcess::new(log, "app", "warming").disk(disk);
    Warming::new(reader, move |task| machine.engines(task), hear, 10_000).near(1)
}

fn order(plan: &Plan, partition: u32) -> Order {
    Order { worker: 0, serial: 0, task: TaskId { sub: 0, partition }, stores: plan.subs[0].stores.clone() }
}

/// Steps until everything is given back.
fn warm(warming: &mut Warming<MemoryConsumer>, max: usize) -> Vec<(Order, Vec<Warmed>)> {
    let mut finished = Vec::new();
    for _ in 0..10_000 {
        warming.step(max, 1_000, &mut finished);
        if warming.is_idle() {
            return finished;
        }
    }
    panic!("it does not come to an end");
}

/// Every row on a disk, the highest starts of windows among them.
fn rows(disk: &MemoryDisk) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for (task, store, _) in disk.marks() {
        let engine = disk.engine(task, &store);
        let mut cursor = engine.scan(KeyRange::ALL, Direction::Forward).unwrap();
        while let Some((key, row)) = cursor.next().unwrap() {
            rows.push((format!("{task} {store}"), key.to_vec(), row.to_vec()));
        }
    }
    rows
}

/// How far each store on a disk is.
fn ends(disk: &MemoryDisk) -> Vec<(TaskId, String, Option<(i64, Vec<u8>)>)> {
    let marks = disk.marks().into_iter();
    marks.map(|(task, store, mark)| (task, store, mark.map(|m| (m.changelog_offset, m.task_times)))).collect()
}

/// Opens everything on this disk. How many records were replayed for that.
fn open(log: &MemoryLog, disk: &MemoryDisk, name: &str) -> u64 {
    let mut worker = InProcess::new(log, "app", name).disk(disk).start(Summing::topology()).unwrap();
    run_until_idle(&mut worker).unwrap();
    let replayed = worker.restored().iter().map(|restored| restored.records).sum();
    worker.leave().unwrap();
    replayed
}

#[test]
fn what_is_opened_afterwards_has_little_left_and_is_the_same() {
    let (log, plan) = counted(3_000);
    let (warm_disk, cold_disk) = (MemoryDisk::new(), MemoryDisk::new());
    let mut ahead = warming(&log, &warm_disk, |_| {});
    (0..2).for_each(|partition| ahead.begin(order(&plan, partition), 1_000));
    let finished = warm(&mut ahead, 100);
    assert_eq!(finished.len(), 2);
    assert!(
        finished.iter().all(|(_, warmed)| warmed.len() == 2 && warmed.iter().all(|w| w.told.records > 0))
    );
    drop(ahead);

    assert_eq!(open(&log, &warm_disk, "warm"), 0, "all of it was done before");
    assert!(open(&log, &cold_disk, "cold") > 0);
    assert_eq!(rows(&warm_disk), rows(&cold_disk));
    assert_eq!(ends(&warm_disk), ends(&cold_disk));
}

#[test]
fn what_is_given_up_half_way_is_an_interrupted_restore() {
    let (log, plan) = counted(3_000);
    let (warm_disk, cold_disk) = (MemoryDisk::new(), MemoryDisk::new());
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = heard.clone();
    let mut ahead = warming(&log, &warm_disk, move |restoring| {
        hears.borrow_mut().push((restoring.store, restoring.stage))
    });
    ahead.begin(order(&plan, 0), 1_000);
    for _ in 0..3 {
        ahead.step(50, 1_000, &mut Vec::new());
    }
    ahead.stop(0, TaskId { sub: 0, partition: 0 }, 1_000);
    assert!(ahead.is_idle());
    use RestoreStage::{Begun, Suspended};
    let heard = heard.borrow();
    let stages =
        |stage| heard.iter().filter(|(_, at)| *at == stage).map(|(store, _)| *store).collect::<Vec<_>>();
    assert_eq!((stages(Begun), stages(Suspended)), (vec!["sums", "lately"], vec!["sums", "lately"]));
    let half = warm_disk.marks().iter().filter_map(|(_, _, mark)| mark.as_ref()).count();
    assert!(half > 0, "something was replayed");
    let (rest, all) = (open(&log, &warm_disk, "warm"), open(&log, &cold_disk, "cold"));
    assert!(rest > 0 && rest < all, "{rest} of {all}");
    assert_eq!((rows(&warm_disk), ends(&warm_disk)), (rows(&cold_disk), ends(&cold_disk)));
}

#[test]
fn what_is_near_is_left_to_who_opens_it() {
    let (log, plan) = counted(300);
    let disk = MemoryDisk::new();
    let mut ahead = warming(&log, &disk, |_| panic!("nothing is restored")).near(NEAR);
    ahead.begin(order(&plan, 1), 1_000);
    let finished = warm(&mut ahead, 100);
    assert_eq!((finished.len(), finished[0].1.len()), (1, 0));
    assert!(rows(&disk).is_empty());
}

#[test]
fn a_store_that_is_in_use_is_waited_for() {
    let (log, plan) = counted(3_000);
    let (reader, busy) = (log.consumer("app", "warming", Isolation::ReadCommitted), Rc::new(Cell::new(true)));
    let (disk, is_busy) = (MemoryDisk::new(), busy.clone());
    let engines = move |task: TaskId| -> Engines {
        let (disk, is_busy) = (disk.clone(), is_busy.clone());
        Box::new(move |store| match is_busy.get() {
            true => Err(StateError::InUse { store: store.name.into() }),
            false => Ok(Box::new(disk.engine(task, store.name))),
        })
    };
    let mut ahead = Warming::new(reader, engines, |_| {}, 10_000).near(1);
    ahead.begin(order(&plan, 0), 0);
    let mut finished = Vec::new();
    ahead.step(10_000, 0, &mut finished);
    busy.set(false);
    ahead.step(10_000, RETRY_MS - 1, &mut finished);
    assert!(finished.is_empty() && !ahead.is_idle());
    for _ in 0..20 {
        ahead.step(10_000, RETRY_MS, &mut finished);
    }
    assert_eq!(finished.len(), 1);
}

/// A machine that lets somebody go ahead, one step of his for each of a worker's.
struct Ahead(
    InProcess,
    RefCell<(Warming<MemoryConsumer>, Vec<TaskId>, Vec<(Order, Vec<Warmed>)>)>,
    MemoryLog,
);

impl Connect for Ahead {
    type Consumer = MemoryConsumer;
    type Producer = crate::transport::memory::MemoryProducer;

    fn consumer(&self, leaders: u64) -> Result<MemoryConsumer, TransportError> {
        self.0.consumer(leaders)
    }
    fn is_own(&self, name: &str) -> bool {
        self.0.is_own(name)
    }
    fn restore_consumer(&self) -> Result<MemoryConsumer, TransportError> {
        self.0.restore_consumer()
    }
    fn producer(&self) -> Result<Self::Producer, TransportError> {
        self.0.producer()
    }
    fn engines(&self, task: TaskId) -> Engines {
        self.0.engines(task)
    }
    fn overlay(&self) -> crate::state::OverlayLimit {
        Connect::overlay(&self.0)
    }
    fn warm(&self, task: TaskId, stores: &[(StoreSpec, String)]) -> Option<Vec<Warmed>> {
        let (ahead, asked, finished) = &mut *self.1.borrow_mut();
        if !asked.contains(&task) {
            asked.push(task);
            ahead.begin(Order { worker: 0, serial: 0, task, stores: stores.to_vec() }, self.now_ms());
        }
        ahead.step(100, self.now_ms(), finished);
        let at = finished.iter().position(|(order, _)| order.task == task)?;
        Some(finished.swap_remove(at).1)
    }
    fn restoring(&self, store: &Restoring) {
        self.0.restoring(store);
    }
    fn now_ms(&self) -> i64 {
        self.2.time_ms()
    }
}

#[test]
fn what_was_done_before_is_part_of_what_is_told() {
    let (log, plan) = counted(3_000);
    let all = open(&log, &MemoryDisk::new(), "cold");
    let disk = MemoryDisk::new();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hear = |heard: Rc<RefCell<Vec<Restoring>>>| {
        move |restoring: &Restoring| heard.borrow_mut().push(restoring.clone())
    };
    let ahead = warming(&log, &disk, hear(heard.clone()));
    let machine = InProcess::new(&log, "app", "warm").disk(&disk).on_restore(hear(heard.clone()));
    let connect = Ahead(machine, RefCell::new((ahead, Vec::new(), Vec::new())), log.clone());
    let mut worker = Worker::start(connect, Summing::topology(), plan).unwrap();
    let mut steps = 0;
    while worker.tasks().len() < 2 {
        worker.step(usize::MAX).unwrap();
        steps += 1;
        assert!(steps < 1_000, "{:?}", worker.opening());
    }
    let restored = worker.restored().to_vec();
    assert_eq!(restored.iter().map(|restored| restored.records).sum::<u64>(), all);
    assert!(restored.iter().all(|restored| restored.from == 0 && restored.to > 0), "{restored:?}");
    for partition in 0..2 {
        for store in ["sums", "lately"] {
            let heard = heard.borrow();
            let of = heard.iter().filter(|r| (r.task.partition, r.store) == (partition, store));
            let stages: Vec<RestoreStage> = of.clone().map(|restoring| restoring.stage).collect();
            use RestoreStage::{Batch, Begun, Ended};
            assert_eq!((stages[0], stages[stages.len() - 1]), (Begun, Ended), "{stages:?}");
            assert!(
                stages.len() > 3 && stages[1..stages.len() - 1].iter().all(|stage| *stage == Batch),
                "{stages:?}"
            );
            let records: Vec<u64> = of.map(|restoring| restoring.records).collect();
            assert!(records.is_sorted(), "{records:?}");
        }
    }
}

/// Whoever goes ahead may not write what is expected over what is there.
#[test]
fn what_another_program_left_is_not_written_to_unless_a_rebuild_was_asked_for() {
    let (log, plan) = counted(3_000);
    let disk = MemoryDisk::new();
    let (task, form) = (TaskId { sub: 0, partition: 1 }, "key=i64".to_owned());
    let left = Mark { changelog_offset: 1, form, ..Mark::default() };
    disk.engine(task, "sums").apply(&mut std::iter::empty(), Some(&left)).unwrap();
    let before = disk.marks();
    let mut ahead = warming(&log, &disk, |_| panic!("nothing is restored"));
    ahead.begin(order(&plan, 1), 1_000);
    assert_eq!(warm(&mut ahead, 100)[0].1, []);
    assert_eq!(disk.marks(), before);

    let machine = InProcess::new(&log, "app", "warm").disk(&disk).on_unreadable(OnUnreadable::Rebuild);
    let (reader, engines) = (log.consumer("app", "warming", Isolation::ReadCommitted), machine.clone());
    let ahead = Warming::new(reader, move |task| engines.engines(task), |_| {}, 10_000).near(1);
    let connect = Ahead(machine, RefCell::new((ahead, Vec::new(), Vec::new())), log.clone());
    let mut worker = Worker::start(connect, Summing::topology(), plan).unwrap();
    for _ in 0..1_000 {
        worker.step(usize::MAX).unwrap();
    }
    let rebuilt = worker.restored().iter().filter_map(|it| Some((it.task, it.store, it.rebuilt.clone()?)));
    let [(of, "sums", Rebuilt::Unreadable(why))] = &rebuilt.collect::<Vec<_>>()[..] else {
        panic!("{:?}", worker.restored())
    };
    assert!(*of == task && why.starts_with("its keys are in the format `i64`"), "{why}");
}
