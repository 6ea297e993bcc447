//! The application under test, the log it runs on, and the question whether the results are right.

use crate::disk::Disk;
use std::collections::BTreeMap;
use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

#[topic(name = "in", partitions = 4, key = String, value = i64)]
pub struct In;
#[topic(name = "sums", partitions = 4, key = String, value = i64)]
pub struct Sums;
#[topic(name = "windows", partitions = 4, key = TimeWindowed<String, 10>, value = i64)]
pub struct WindowsOut;
#[topic(name = "counts", partitions = 2, key = i64, value = i64)]
pub struct CountsOut;

#[ktable(store = "sums", from = In, aggregate, to = Sums)]
pub fn sum(sum: &mut i64, value: &i64) {
    *sum += value;
}
#[ktable(store = "windows", from = In, count, to = WindowsOut)]
#[window(tumbling = "10ms", grace = "5ms")]
pub struct Windows;
#[processor(from = In, select_key, repartition(partitions = 2))]
pub fn by_digit(value: &i64) -> i64 {
    value % 3
}
#[ktable(store = "counts", from = by_digit, count, to = CountsOut)]
pub struct Counts;

topology!(pub Adding = [sum, Windows, by_digit, Counts]);

/// Four keys for each partition are enough; which partition a record is in is said when it is written.
pub fn feed(log: &MemoryLog, from: i64, to: i64) {
    for n in from..to {
        for partition in 0..4_u32 {
            let key = format!("{partition}-{}", n % 3);
            let value = (n * 7 + i64::from(partition)) % 10;
            // Every fifth record is late for its window, by the time of a record shortly before it, while the store
            // would still take it: only the operator's time decides.
            let time = if n % 5 == 2 { (n - 5).max(0) } else { n } * 4 + 2;
            let headers = Headers::new();
            log.append("in", partition, Some(key.as_bytes()), Some(&value.to_be_bytes()), time, &headers)
                .unwrap();
        }
    }
}

pub struct World {
    pub log: MemoryLog,
    overlay: OverlayLimit,
    pub disks: BTreeMap<&'static str, Disk>,
}

impl World {
    pub fn new(overlay: OverlayLimit) -> World {
        let log = MemoryLog::new();
        for (topic, partitions) in [("in", 4), ("sums", 4), ("windows", 4), ("counts", 2)] {
            log.create_topic(topic, partitions).unwrap();
        }
        World { log, overlay, disks: BTreeMap::new() }
    }

    pub fn start(&mut self, name: &'static str, with_disk: bool) -> Worker<InProcess> {
        let mut instance = InProcess::new(&self.log, "app", name).overlay(self.overlay);
        if with_disk {
            instance = self.disks.entry(name).or_default().insert_into(instance);
        }
        instance.start(Adding::topology()).unwrap()
    }

    /// Everybody works until nothing is left to do.
    pub fn rest(&self, workers: &mut [&mut Worker<InProcess>]) {
        self.log.hold_markers(false);
        let mut idle = 0;
        for _ in 0..2_000 {
            idle += 1;
            for worker in workers.iter_mut() {
                let step = worker.step(usize::MAX).unwrap();
                let commit = worker.commit().unwrap();
                if !step.is_idle() || commit != Commit::Nothing || worker.is_waiting() {
                    idle = 0;
                }
            }
            if idle == 2 {
                return;
            }
            self.log.set_time_ms(self.log.time_ms() + 10);
        }
        let opening: Vec<_> = workers.iter().map(|worker| worker.opening()).collect();
        panic!("it never comes to rest; being opened: {opening:?}");
    }

    /// Outputs in their order for each key, and what the changelogs lead to.
    pub fn results(&self) -> BTreeMap<String, Vec<String>> {
        let mut results: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for topic in self.log.topics().into_iter().filter(|topic| topic != "in") {
            for partition in 0..self.log.partitions(&topic).unwrap() {
                for record in self.log.read_committed(&topic, partition, 0).unwrap() {
                    let key = format!("{topic}-{partition} {:?}", record.key().unwrap());
                    // Across partitions the order is free, and with it the times of counts.
                    let time = if topic.contains("count") { -1 } else { record.timestamp() };
                    let said = format!("{time} {:?}", record.value());
                    let all = results.entry(key).or_default();
                    if topic.ends_with("-changelog") {
                        all.clear();
                    }
                    if !topic.ends_with("-repartition") {
                        all.push(said);
                    }
                }
            }
        }
        results
    }

    /// Nothing is undecided at the end, and more records show what the stores hold.
    pub fn check(mut self, mut workers: Vec<Worker<InProcess>>, fed: i64) {
        self.rest(&mut workers.iter_mut().collect::<Vec<_>>());
        assert_eq!(self.results(), fault_free(fed), "right after it");
        feed(&self.log, fed, fed + 4);
        self.rest(&mut workers.iter_mut().collect::<Vec<_>>());
        assert_eq!(self.results(), fault_free(fed + 4), "what the live stores hold");
        for worker in workers {
            worker.leave().unwrap();
        }
        feed(&self.log, fed + 4, fed + 8);
        let mut fresh = self.start("fresh", false);
        self.rest(&mut [&mut fresh]);
        assert_eq!(self.results(), fault_free(fed + 8), "what the changelogs hold");
    }
}

pub fn fault_free(fed: i64) -> BTreeMap<String, Vec<String>> {
    thread_local!(static KNOWN: std::cell::RefCell<BTreeMap<i64, BTreeMap<String, Vec<String>>>> = Default::default());
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&fed).cloned()) {
        return known;
    }
    let mut world = World::new(OverlayLimit::UNBOUNDED);
    feed(&world.log, 0, fed);
    let mut worker = world.start("fault-free", false);
    world.rest(&mut [&mut worker]);
    let results = world.results();
    assert!(fed == 0 || results.len() > 40, "{results:?}");
    KNOWN.with_borrow_mut(|known| known.insert(fed, results.clone()));
    results
}
