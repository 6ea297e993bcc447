//! Processes do not outlive the test that started them, however it ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::supervised::{Signal, Supervised};
use streams_tests::broker::tools::{PATIENCE, until};

/// Set for a test binary that is started in order to be killed.
const VICTIM: &str = "VICTIM_OF_A_TEST";

fn runs(pid: &str) -> bool {
    let mut signal = Command::new("kill");
    signal.args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn signals_reach_a_process_and_its_end_is_told() {
    let supervised = Supervised::new("signals", false);
    let count = "n=0; while :; do n=$((n + 1)); echo $n; sleep 0.02; done";
    supervised.run(["sh", "-c", count]);
    let lines = || supervised.stdout().lines().count();
    until("output", PATIENCE, || (lines() > 2).then_some(()));

    supervised.signal(Signal::Stop);
    // A line may be on its way.
    std::thread::sleep(Duration::from_millis(100));
    let stopped = lines();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(lines(), stopped);
    supervised.signal(Signal::Continue);
    until("output", PATIENCE, || (lines() > stopped).then_some(()));

    supervised.signal(Signal::Terminate);
    assert_eq!(supervised.ended(PATIENCE), Some(128 + 15));
    // It can be started again, and words arrive as they are.
    supervised.run(["sh", "-c", "echo \"$1\" >&2; exit 3", "sh", "it's  \"$HOME\""]);
    assert_eq!(supervised.ended(PATIENCE), Some(3));
    assert_eq!(supervised.stderr(), "it's  \"$HOME\"\n");
    supervised.signal(Signal::Kill);
}

#[test]
fn a_stopped_process_is_killed_too() {
    let supervised = Supervised::new("stopped", false);
    supervised.run(["sleep", "1000"]);
    supervised.signal(Signal::Stop);
    let pid = supervised.pid().unwrap().to_string();
    assert!(runs(&pid));
    let folder = supervised.folder().to_owned();
    drop(supervised);
    assert!(!runs(&pid) && !folder.exists());
}

/// What the next test kills; alone it does nothing.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let broker = Broker::start();
    let pid = broker.process().pid().unwrap();
    println!("victim {pid} {}", broker.process().folder().display());
    loop {
        std::thread::park();
    }
}

#[test]
fn nothing_is_left_of_a_broker_whose_test_was_killed() {
    let test = Supervised::new("victim", false);
    let this = std::env::current_exe().unwrap();
    let set = format!("{VICTIM}=1");
    let name = "harness::supervision::victim";
    let words = ["env", &set, this.to_str().unwrap(), "--exact", name, "--nocapture"];
    test.run(words);
    let line = until("a broker", PATIENCE, || {
        let output = test.stdout();
        let (_, line) = output.split_once("victim ")?;
        line.split_once('\n').map(|(line, _)| line.to_owned())
    });
    let (pid, folder) = line.split_once(' ').unwrap();
    assert!(runs(pid) && Path::new(folder).exists());

    test.kill();

    until("the broker to end", PATIENCE, || (!runs(pid)).then_some(()));
    until("its folder to go", PATIENCE, || (!Path::new(folder).exists()).then_some(()));
}
