//! What the front page shows is what happens.

use streams_examples::word_count::WordCount;
use streams_runtime::startup::Startup;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::{App, Guarantee};

const FRONT_PAGE: &str = include_str!("../../README.md");

#[test]
fn a_start_on_a_fresh_broker_says_what_the_front_page_shows() {
    let startup = Startup {
        application: "word-count",
        process_id: "1",
        returning: 0,
        brokers: "localhost:9092",
        guarantee: Guarantee::ExactlyOnce,
        replication: None,
        topics: &[],
        patience_ms: 1000,
    };
    let report = startup.run(&mut MemoryLog::new(), &WordCount::graph()).unwrap_err();
    assert!(FRONT_PAGE.contains(&format!("\n```text\nError: {report}\n```\n")), "it says\n{report}");
}
