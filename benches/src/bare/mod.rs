//! The limit: the workloads as loops written by hand on librdkafka, without any framework.
//!
//! Batches are fetched from one queue, records are produced one by one, counts are kept in a hash map and written to a
//! changelog, offsets are committed by the clock. What a framework costs is what it costs more than this.
//!
//! ```text
//! sys     librdkafka's C interface, as far as it is needed here
//! work    what is made of a record
//! ```
//!
//! It deliberately keeps no promise that costs something: a failed delivery ends in a bad exit status, a rebalance is
//! not noticed, a restart begins without its counts.

mod sys;
mod work;

use crate::contract::Contract;
use crate::workload::Workload;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use sys::{Config, Consumer, Producer};
use work::Work;

/// Runs until it is asked to end.
///
/// # Errors
/// If the contract cannot be kept, or a record could not be delivered.
pub fn run(contract: &Contract) -> Result<(), String> {
    let asked_to_end = on_sigterm()?;
    let workload = contract.workload()?;
    let (mut consumer, producer) = (consumer(contract), producer(contract));
    if contract.exactly_once {
        producer.init_transactions();
        producer.begin();
    }
    let mut topics = vec![contract.inputs[0].clone()];
    if workload == Workload::WordCount {
        topics.push(format!("{}-words-repartition", contract.application));
    }
    consumer.subscribe(&topics);
    let mut work = Work::new(workload, contract, &producer);
    let mut committed = Instant::now();
    let mut changed = false;
    while !asked_to_end.load(Ordering::Relaxed) {
        changed |= consumer.fetch(|record| work.process(&record)) > 0;
        producer.serve();
        if changed && committed.elapsed() >= contract.commit_interval {
            commit(contract, &consumer, &producer, true);
            committed = Instant::now();
            changed = false;
        }
    }
    commit(contract, &consumer, &producer, false);
    consumer.close();
    match producer.failures() {
        0 => Ok(()),
        failures => Err(format!("{failures} records were not delivered")),
    }
}

fn commit(contract: &Contract, consumer: &Consumer, producer: &Producer, goes_on: bool) {
    if contract.exactly_once {
        producer.commit(consumer);
        if goes_on {
            producer.begin();
        }
    } else {
        producer.flush();
        consumer.commit();
    }
}

fn consumer(contract: &Contract) -> Consumer {
    let isolation = if contract.exactly_once { "read_committed" } else { "read_uncommitted" };
    Config::new(&contract.brokers)
        .set("group.id", &contract.application)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("check.crcs", "true")
        // Its second leaves a fast loop without input.
        .set("fetch.queue.backoff.ms", "10")
        .set("isolation.level", isolation)
        .consumer()
}

fn producer(contract: &Contract) -> Producer {
    let config = Config::new(&contract.brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", &contract.linger_ms.to_string())
        .set("batch.size", &contract.batch_size.to_string())
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "1000000")
        .set("delivery.report.only.error", "true");
    match contract.exactly_once {
        true => config.set("transactional.id", &contract.application).producer(),
        false => config.producer(),
    }
}

/// Becomes true when the process is asked to end.
fn on_sigterm() -> Result<Arc<AtomicBool>, String> {
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let kind = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(kind).expect("a signal can be waited for").recv().await;
        });
        asks.store(true, Ordering::Relaxed);
    });
    Ok(asked)
}
