//! The binaries as a user runs them: what they print, how they end.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const ORDERS: &str = env!("CARGO_BIN_EXE_orders");
const WORD_COUNT: &str = env!("CARGO_BIN_EXE_word-count");
const STORES: &str = "data/stores.txt";

fn run(binary: &str, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A binary that stops early does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a run that succeeds.
fn printed(binary: &str, arguments: &[&str], stdin: &str) -> String {
    let output = run(binary, arguments, stdin);
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
    text(&output.stdout).to_owned()
}

/// The one line on standard error of a run that fails.
fn complaint(binary: &str, arguments: &[&str], stdin: &str) -> String {
    let output = run(binary, arguments, stdin);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr).trim_end();
    assert_eq!(message.lines().count(), 1, "{message}");
    message.to_owned()
}

#[test]
fn every_example_has_data_that_it_likes() {
    for (binary, file, summary) in [
        (env!("CARGO_BIN_EXE_greetings"), "data/greetings.txt", "# 5 records read, 3 written, 1 left out"),
        (env!("CARGO_BIN_EXE_words"), "data/words.txt", "# 6 records read, 15 written, 0 left out"),
        (WORD_COUNT, "data/word-count.txt", "# 3 records read, 12 written, 0 left out"),
        (ORDERS, "data/orders.txt", "# 13 records read, 43 written, 4 left out"),
    ] {
        assert_eq!(printed(binary, &[file], "").lines().last(), Some(summary), "{file}");
    }
}

#[test]
fn settings_for_kafka_without_brokers_are_told_of() {
    let mut command = Command::new(WORD_COUNT);
    command.arg("data/word-count.txt").env("STREAMS_COMMIT_INTERVAL_MS", "50");
    let output = command.output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        text(&output.stderr),
        "note: `commit.interval.ms` (in the environment, `STREAMS_COMMIT_INTERVAL_MS`) is for Kafka, and no brokers are named \
         (`bootstrap.servers`, `STREAMS_BOOTSTRAP_SERVERS`): this runs on the in-process log\n"
    );
}

#[test]
fn a_file_of_json_orders_is_given_by_the_name_of_its_topic() {
    let output = printed(ORDERS, &[STORES, "orders=data/orders.jsonl"], "");
    let windows: Vec<&str> = output.lines().filter(|line| line.starts_with("general-count-15s")).collect();
    assert_eq!(
        windows,
        [
            "general-count-15s@2022-12-06T10:00:01Z      store_1234@2022-12-06T10:00:00Z/15s 1",
            "general-count-15s@2022-12-06T10:00:09Z      store_1234@2022-12-06T10:00:00Z/15s 2",
            "general-count-15s@2022-12-06T10:00:17Z      store_1234@2022-12-06T10:00:15Z/15s 1",
        ]
    );
    assert!(output.contains(r#""city":"Columbus""#));
}

#[test]
fn quiet_output_of_one_application_is_input_of_another() {
    let counts = printed(WORD_COUNT, &["--quiet"], "lines null b a b\n");
    let mut counts: Vec<&str> = counts.lines().collect();
    counts.sort_unstable();
    assert_eq!(counts, ["word-counts a 1", "word-counts b 1", "word-counts b 2"]);
}

#[test]
fn the_graph_is_printed_on_request() {
    assert!(printed(ORDERS, &["--describe"], "").starts_with("Topologies:\n   Sub-topology: 0\n"));
    assert!(printed(ORDERS, &["--mermaid"], "").starts_with("flowchart LR\n"));
    assert!(printed(ORDERS, &["--help"], "").starts_with("usage:"));
}

#[test]
fn a_record_that_fails_ends_the_run_with_one_message() {
    let broken = "stores store_1 {}\n";
    let message = complaint(ORDERS, &[], broken);
    assert_eq!(
        message,
        "Error: standard input, line 1: task 0_0: cannot read the value on topic stores, partition 0, \
         offset 0, read by step `Stores`: missing field `locationId` at line 1 column 2 (`decode = skip` on the topic would leave such records out)"
    );
}

#[test]
fn a_line_that_is_no_record_is_named() {
    let message = complaint(ORDERS, &["--quiet"], "\norder 1 {}\n");
    let expected = "standard input, line 2: no input topic is called `order`; there is stores, orders";
    assert_eq!(message, format!("Error: {expected}"));
    let message = complaint(ORDERS, &["data/orders.jsonl"], "");
    assert!(message.contains("give a file of values as"), "{message}");
    let message = complaint(ORDERS, &[], "orders@noon 1 {}\n");
    assert!(message.contains("`noon` is not a time"), "{message}");
}

#[test]
fn a_missing_file_and_an_unknown_option_are_named() {
    assert!(complaint(ORDERS, &["no/such/file"], "").starts_with("Error: no/such/file: "));
    let message = complaint(ORDERS, &["--verbose"], "");
    assert_eq!(message, "Error: there is no option `--verbose`; see --help");
    assert!(complaint(ORDERS, &["order=data/orders.jsonl"], "").contains("`order`"));
}

#[test]
fn who_reads_no_further_ends_the_run_quietly() {
    let mut command = Command::new(WORD_COUNT);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all("lines null a b c\n".repeat(1000).as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}
