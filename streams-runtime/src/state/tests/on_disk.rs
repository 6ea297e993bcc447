//! What only files can suffer: a killed process, a torn log, a damaged table, a full disk.
//!
//! A killed process and a full disk are a child of the test: the test binary itself, told by the environment what to
//! do. "Full" is a limit on the size of files (`ulimit -f`), which needs neither rights nor a file system of its own;
//! the system then refuses writes as it does on a full disk.

use super::super::{
    Direction, Engine, EngineError, KeyRange, KeyValueStore, Mark, OverlayLimit, Remembered, RocksEngine,
    Shared, Stamped,
};
use super::Log;
use crate::state::DiskMemory;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

/// The directory of one engine, gone with the test.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(test: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("streams-engine-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }

    pub(super) fn engine(&self) -> Result<RocksEngine, EngineError> {
        open(&self.store())
    }

    fn store(&self) -> PathBuf {
        self.0.join("store").join("0")
    }

    /// The only file of a kind.
    fn file(&self, is: impl Fn(&str) -> bool) -> PathBuf {
        let files = std::fs::read_dir(self.store()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| is(&path.file_name().unwrap().to_string_lossy())).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// What was moved aside.
    fn aside(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.join("store")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_string_lossy().contains(".corrupt-")).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> Result<RocksEngine, EngineError> {
    static SHARED: OnceLock<Arc<Shared>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Arc::new(Shared::new(DiskMemory::default()).unwrap()));
    RocksEngine::open(path, shared)
}

fn put(engine: &mut RocksEngine, n: i64) {
    let (key, row) = (n.to_be_bytes(), [n as u8; 100]);
    // The end of a log is found by its last byte that is not 0.
    let mark = Mark { changelog_offset: n, task_times: b"v1".to_vec(), ..Mark::default() };
    engine.apply(&mut [(&key[..], Some(&row[..]))].into_iter(), Some(&mark)).unwrap();
}

fn count(engine: &RocksEngine) -> i64 {
    let mut cursor = engine.scan(KeyRange::ALL, Direction::Forward).unwrap();
    let mut rows = 0;
    while cursor.next().unwrap().is_some() {
        rows += 1;
    }
    rows
}

/// Rows and mark say the same, whatever happened.
#[track_caller]
fn whole(engine: &RocksEngine) -> i64 {
    let rows = count(engine);
    assert_eq!(engine.mark().unwrap().map_or(0, |mark| mark.changelog_offset), rows);
    rows
}

const CHILD: &str = "STREAMS_STORE_OF_CHILD";

/// This test binary once more, doing only `test`, on `store`.
fn child(test: &str, store: &Path, through_shell: Option<&str>) -> std::process::Child {
    let this = std::env::current_exe().unwrap();
    let name = format!("state::tests::on_disk::{test}");
    let mut command = match through_shell {
        None => Command::new(this),
        Some(first) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("{first}; exec \"$@\"")).arg("sh").arg(this);
            shell
        }
    };
    command.args(["--exact", &name, "--nocapture"]).env(CHILD, store);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// The first line that a child says to us.
fn said(child: &mut std::process::Child) -> String {
    let out = BufReader::new(child.stdout.take().unwrap());
    out.lines()
        .map(Result::unwrap)
        .find_map(|line| line.split_once("CHILD ").map(|(_, said)| said.to_owned()))
        .unwrap()
}

#[test]
fn a_killed_process_loses_nothing() {
    if let Ok(store) = std::env::var(CHILD) {
        let mut engine = open(Path::new(&store)).unwrap();
        let first = whole(&engine) + 1;
        (first..first + 100).for_each(|n| put(&mut engine, n));
        println!("CHILD {}", first + 99);
        std::thread::sleep(std::time::Duration::from_secs(600));
        return;
    }
    let scratch = Scratch::new("killed");
    for turn in 1..=3 {
        let mut child = child("a_killed_process_loses_nothing", &scratch.store(), None);
        let applied: i64 = said(&mut child).parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(applied, turn * 100);
        assert_eq!(whole(&scratch.engine().unwrap()), applied);
    }
    assert!(scratch.aside().is_empty());
}

#[test]
fn a_power_cut_loses_a_suffix_and_rows_agree_with_the_mark() {
    let scratch = Scratch::new("power-cut");
    let mut engine = scratch.engine().unwrap();
    (1..=50).for_each(|n| put(&mut engine, n));
    // As a crash leaves it: closing would not change the log, but what is opened again begins another one.
    let log = scratch.file(|name| name.ends_with(".log"));
    let bytes = std::fs::read(&log).unwrap();
    drop(engine);
    let length = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut last = 50;
    for cut in [0, 1, 300, 1_000, length - 1] {
        std::fs::remove_dir_all(scratch.store()).unwrap();
        drop(scratch.engine().unwrap());
        let empty_log = scratch.file(|name| name.ends_with(".log"));
        std::fs::write(&empty_log, &bytes[..length - cut]).unwrap();
        let engine = scratch.engine().unwrap();
        let left = whole(&engine);
        assert!(left < last || cut == 0 && left == 50, "{cut} bytes less leave {left} rows");
        assert!(engine.unreadable().is_none());
        last = left;
    }
    assert_eq!(last, 0);
}

/// It answers nothing and takes nothing, and no file is changed by asking.
#[track_caller]
fn says_nothing(engine: &mut RocksEngine) {
    let found = engine.unreadable().unwrap().to_string();
    let nothing: [EngineError; 4] = [
        engine.get(b"k", &mut Vec::new()).unwrap_err(),
        engine.mark().unwrap_err(),
        engine.scan(KeyRange::ALL, Direction::Forward).map(drop).unwrap_err(),
        engine.apply(&mut [(&b"k"[..], None)].into_iter(), Some(&Mark::default())).unwrap_err(),
    ];
    for refused in nothing {
        let refused = refused.to_string();
        assert!(refused.starts_with("cannot read `") && refused.ends_with(&found), "{refused}");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_stays_until_it_is_moved_aside() {
    let damages: [(&str, fn(&Scratch), &str); 5] = [
        (
            "CURRENT",
            |scratch| std::fs::write(scratch.file(|name| name == "CURRENT"), "rubbish").unwrap(),
            "its files cannot be read (Corruption: CURRENT file does not end with newline",
        ),
        (
            "MANIFEST",
            |scratch| std::fs::remove_file(scratch.file(|name| name.starts_with("MANIFEST"))).unwrap(),
            "its files cannot be read (IO error: No such file or directory",
        ),
        (
            "sst",
            |scratch| std::fs::remove_file(scratch.file(|name| name.ends_with(".sst"))).unwrap(),
            "its files cannot be read (",
        ),
        (
            "mark",
            |scratch| overwrite_mark(scratch, &[1, 2]),
            "its files cannot be read (it does not say how far it is)",
        ),
        (
            "newer",
            |scratch| overwrite_mark(scratch, &[99, 1, 2]),
            "a newer version wrote it (its files are of version 99, and this one knows 2)",
        ),
    ];
    for (what, damage, words) in damages {
        let scratch = Scratch::new(&format!("damaged-{what}"));
        let mut engine = scratch.engine().unwrap();
        (1..=50).for_each(|n| put(&mut engine, n));
        engine.db().unwrap().flush().unwrap();
        drop(engine);
        damage(&scratch);
        let mut engine = scratch.engine().unwrap();
        says_nothing(&mut engine);
        let found = engine.unreadable().unwrap().to_string();
        assert!(found.starts_with(words), "{found}");
        drop(engine);
        // As often as it is asked.
        let mut engine = scratch.engine().unwrap();
        assert_eq!((engine.unreadable().unwrap().to_string(), scratch.aside().len()), (found.clone(), 0));

        engine.move_aside(&found).unwrap();
        assert_eq!((whole(&engine), engine.unreadable()), (0, None), "{what}");
        let said = engine.damage().unwrap().to_owned();
        let [aside] = &scratch.aside()[..] else { panic!("{what}: {:?}", scratch.aside()) };
        let store = scratch.store();
        assert_eq!(said, format!("{found}; `{}` was moved to `{}`", store.display(), aside.display()));
        put(&mut engine, 1);
        drop(engine);
        let engine = scratch.engine().unwrap();
        assert_eq!((whole(&engine), engine.damage()), (1, None), "{what}: only said once");
    }
}

fn overwrite_mark(scratch: &Scratch, bytes: &[u8]) {
    scratch.engine().unwrap().db().unwrap().put(super::super::rocks::MARK, bytes).unwrap();
}

/// What the version before this one wrote has no form, and is gone on with.
#[test]
fn a_mark_without_a_form_gets_one_with_the_next_batch() {
    let scratch = Scratch::new("formless");
    put(&mut scratch.engine().unwrap(), 1);
    let mut old = vec![1];
    old.extend_from_slice(&1i64.to_be_bytes());
    old.extend_from_slice(&[0; 16 + 8]);
    overwrite_mark(&scratch, &old);
    let mut engine = scratch.engine().unwrap();
    assert_eq!((whole(&engine), engine.mark().unwrap().unwrap().form.as_str()), (1, ""));
    let mark = Mark { form: "kind=windows\n".to_owned(), ..engine.mark().unwrap().unwrap() };
    engine.apply(&mut std::iter::empty(), Some(&mark)).unwrap();
    drop(engine);
    assert_eq!(scratch.engine().unwrap().mark().unwrap(), Some(mark));
}

/// A table that turns out to be damaged while it is read: this run fails, and whoever opens it next knows why.
#[test]
fn damage_that_is_found_late_is_known_at_the_next_start() {
    let scratch = Scratch::new("late");
    let mut engine = scratch.engine().unwrap();
    (1..=500).for_each(|n| put(&mut engine, n));
    engine.db().unwrap().flush().unwrap();
    drop(engine);
    let table = scratch.file(|name| name.ends_with(".sst"));
    let mut bytes = std::fs::read(&table).unwrap();
    bytes[20_000..21_000].fill(0x55);
    std::fs::write(&table, bytes).unwrap();
    let engine = scratch.engine().unwrap();
    assert_eq!((engine.is_damaged(), engine.mark().unwrap().unwrap().changelog_offset), (false, 500));
    let mut cursor = engine.scan(KeyRange::ALL, Direction::Forward).unwrap();
    let error = std::iter::repeat_with(|| cursor.next().map(drop)).find_map(Result::err).unwrap().to_string();
    assert!(
        error.starts_with(&format!("cannot read `{}`: Corruption", scratch.store().display())),
        "{error}"
    );
    drop(cursor);
    assert!(engine.is_damaged());
    drop(engine);
    let mut engine = scratch.engine().unwrap();
    assert!(engine.is_damaged());
    says_nothing(&mut engine);
    assert!(engine.unreadable().unwrap().to_string().starts_with("its files cannot be read (Corruption"));
}

/// To empty one is to have it or not: a process that dies in the middle leaves no half of it under its name.
#[test]
fn what_is_left_of_emptying_is_not_in_the_way() {
    let scratch = Scratch::new("emptied");
    let mut engine = scratch.engine().unwrap();
    put(&mut engine, 1);
    let left = scratch.store().with_file_name("0.deleted");
    std::fs::create_dir_all(left.join("more")).unwrap();
    engine.clear().unwrap();
    assert_eq!((whole(&engine), left.exists()), (0, false));
    put(&mut engine, 1);
    drop(engine);
    // It died between the two renames.
    std::fs::rename(scratch.store(), &left).unwrap();
    let mut engine = scratch.engine().unwrap();
    assert_eq!((whole(&engine), engine.unreadable()), (0, None));
    put(&mut engine, 1);
    engine.clear().unwrap();
    assert_eq!((whole(&engine), left.exists()), (0, false));
}

#[test]
fn what_another_has_open_is_refused_and_not_moved() {
    let scratch = Scratch::new("open-twice");
    let mut engine = scratch.engine().unwrap();
    put(&mut engine, 1);
    let error = scratch.engine().err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot open `{}`: IO error", scratch.store().display())), "{error}");
    assert!(scratch.aside().is_empty());
    assert_eq!(whole(&engine), 1);
}

#[test]
fn a_full_disk_has_words_and_loses_nothing() {
    if let Ok(path) = std::env::var(CHILD) {
        let engine = open(Path::new(&path)).unwrap();
        let mut store = KeyValueStore::<String>::new("orders", Box::new(engine), OverlayLimit::values(3));
        let mut log = Log::default();
        // The last one is larger than any file may be, so that no other file takes it either.
        let length = |n| if n < 30 { 8_000 } else { 400_000 };
        let value = |n: i64| Stamped { value: format!("{n} {}", "x".repeat(length(n))), timestamp: n };
        for n in 1..10_000i64 {
            store.put(&n.to_be_bytes(), Some(value(n)), n).unwrap();
            store.prepare(&mut log).unwrap();
            log.commit();
            store.committed();
            let mark = Mark { changelog_offset: n, ..Mark::default() };
            let Err(error) = store.apply(&mark) else { continue };
            // It says so as often as it is asked, and every row is still there to be read.
            let again = store.apply(&mark).unwrap_err();
            for (said, doing) in [(error, "cannot write"), (again, "cannot ")] {
                let said = said.to_string();
                assert!(said.starts_with(&format!("store `orders`: {doing}")), "{said}");
                assert!(said.contains(&path) && said.contains("File too large"), "{said}");
            }
            assert_eq!(store.get(&n.to_be_bytes()).unwrap(), Some(&value(n)));
            println!("CHILD {}", n - 1);
            // Not even what closing would write.
            std::process::exit(0);
        }
        panic!("the disk never filled up");
    }
    let scratch = Scratch::new("full");
    let limited = "trap '' XFSZ; ulimit -f 600";
    let mut child = child("a_full_disk_has_words_and_loses_nothing", &scratch.store(), Some(limited));
    let applied: i64 = said(&mut child).parse().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(applied > 10, "{applied}");
    let mut engine = scratch.engine().unwrap();
    assert_eq!(whole(&engine), applied);
    put(&mut engine, applied + 1);
    assert_eq!(whole(&engine), applied + 1);
}

#[test]
fn what_must_stay_says_so_until_it_follows_its_changelog_again() {
    let scratch = Scratch::new("keep");
    let note = || std::fs::read_to_string(scratch.store().join("KEEP")).ok();
    let mut engine = scratch.engine().unwrap();
    put(&mut engine, 1);
    engine.keep("it is ahead");
    assert_eq!(note().as_deref(), Some("it is ahead"));
    drop(engine);
    let mut engine = scratch.engine().unwrap();
    assert!(note().is_some() && count(&engine) == 1);
    put(&mut engine, 2);
    assert_eq!(note(), None);
}
