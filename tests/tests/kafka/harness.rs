//! The broker and the tools, before anything is built on them.

use std::time::Instant;
use streams_tests::broker::Broker;

#[test]
fn a_broker_starts_and_leaves_nothing_behind() {
    let start = Instant::now();
    let broker = Broker::start();
    eprintln!("started in {:?}", start.elapsed());
    let folder = broker.process().folder().to_owned();
    assert!(folder.exists());
    drop(broker);
    assert!(!folder.exists());
}
