//! How long a user waits for `cargo check` after a change: 30 mixed steps stay within two seconds.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, fs};

/// One step of each kind, ten in all, of which the later ones read the earlier ones.
const TEN: &str = r#"
#[processor(from = Orders, filter)] pub fn f0(o: &u64) -> bool { *o > 10 }
#[processor(from = f0, map_values)] pub fn m0(o: &u64) -> u64 { o + 1 }
#[processor(from = m0, left_join = Users)] pub fn j0(o: &u64, u: Option<&str>) -> u64 { o + u.map_or(0, |u| u.len() as u64) }
#[processor(from = j0, filter, to = Sums)] pub fn t0(o: &u64) -> bool { *o > 20 }
#[processor(from = t0, select_key, repartition)] pub fn s0(o: &u64) -> u64 { *o }
#[ktable(store = "a0", from = s0, aggregate)] pub fn a0(sum: &mut u64, o: &u64) { *sum += o; }
#[ktable(store = "c0", from = s0, count)] #[window(tumbling = "15s", grace = "5s")] pub struct C0;
#[processor(from = a0, peek)] pub fn p0(_: &u64) {}
#[processor(from = m0, flat_map_values)] pub fn l0(o: u64) -> Vec<String> { vec![o.to_string()] }
#[processor(from = l0, map)] pub fn x0(k: &str, o: &str) -> (String, String) { (o.to_owned(), k.to_owned()) }
"#;

fn source(tens: usize) -> String {
    let mut source = r#"use streams_runtime::*;
#[topic(name = "orders", key = String, value = u64, partitions = 4)] pub struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)] pub struct UsersTopic;
#[topic(name = "sums", key = String, value = u64, partitions = 4)] pub struct Sums;
#[ktable(store = "users", from = UsersTopic)] pub struct Users;
"#
    .to_owned();
    let mut listed = String::from("Users");
    for ten in 0..tens {
        // `f0` becomes `f7`; numbers in the code stay.
        let mut code = TEN.to_owned();
        for name in ["f", "m", "j", "t", "s", "a", "c", "C", "p", "l", "x"] {
            code = code.replace(&format!("{name}0"), &format!("{name}{ten}"));
        }
        source += &code;
        for name in ["f", "m", "j", "t", "s", "a", "C", "p", "l", "x"] {
            let _ = write!(listed, ", {name}{ten}");
        }
    }
    let _ = writeln!(source, "topology!(pub App = [{listed}]);");
    source
}

/// A crate of so many steps.
fn crate_of(tens: usize) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mixed{tens}0"));
    fs::create_dir_all(dir.join("src")).expect("the target directory can be written");
    let manifest = format!(
        "[package]\nname = \"mixed{tens}0\"\nedition = \"2024\"\n[workspace]\n[dependencies.streams-runtime]\npath = {:?}\ndefault-features = false\n",
        root.join("streams-runtime")
    );
    fs::write(dir.join("Cargo.toml"), manifest).expect("a manifest can be written");
    fs::copy(root.join("Cargo.lock"), dir.join("Cargo.lock")).expect("the lock file can be copied");
    fs::write(dir.join("src/lib.rs"), source(tens)).expect("a source can be written");
    dir
}

fn check(dir: &Path) -> Duration {
    let start = Instant::now();
    let status = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["check", "--quiet", "--offline"])
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("mixed"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the generated steps do not compile");
    start.elapsed()
}

/// The shortest of some checks, each after a change of one step: what else the machine does is not ours.
fn after_a_change(tens: usize) -> Duration {
    // Checks at the same time would wait for one another's target directory, and that would be measured.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let dir = crate_of(tens);
    check(&dir);
    let source = source(tens);
    let times = (0..5).map(|i| {
        let changed = source
            .replace("f0(o: &u64) -> bool { *o > 10 }", &format!("f0(o: &u64) -> bool {{ *o > 1{i}0 }}"));
        fs::write(dir.join("src/lib.rs"), changed).expect("a source can be written");
        check(&dir)
    });
    times.min().unwrap_or_default()
}

#[test]
fn thirty_steps_are_checked_in_two_seconds() {
    let time = after_a_change(3);
    println!("30 steps: {time:?}");
    assert!(time < Duration::from_secs(2), "checking 30 steps after a change took {time:?}");
}

#[test]
fn three_hundred_steps_are_checked_in_ten_seconds() {
    let time = after_a_change(30);
    println!("300 steps: {time:?}");
    assert!(time < Duration::from_secs(10), "checking 300 steps after a change took {time:?}");
}
