//! Whether each entry took effect exactly once, by what another client reads.
//!
//! Three outputs name the entry they are about: its statement, the total of its account and the total of its account in
//! its window. In each of them each entry must be there once. Each total must be the one before it, one more entry and
//! that entry's amount times the version its statement names. What the changelogs say last is what the outputs said last.
//! Knows nothing of the runtime.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::Value;

use super::cluster::ID;
use super::input::Entry;
use crate::broker::tools::{Isolation, Record, read};

/// As the application declares it.
const WINDOW_MS: i64 = 10_000;

/// Kafka Streams numbers the duplicates of a window in its changelog; there are none.
const SEQUENCE: usize = 4;

/// So many of one kind of mistake are told.
const TOLD: usize = 10;

/// What came of all entries.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How often somebody was killed.
    pub kills: usize,
    /// Entries that are missing in one of the outputs.
    pub lost: usize,
    /// Entries that are there more than once in one of the outputs.
    pub duplicated: usize,
    /// Everything else that is not as it must be.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// Whether everything is as it must be.
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.wrong.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "wrong: {wrong}"))?;
        write!(f, "chaos: {} kills, {} lost, {} duplicated", self.kills, self.lost, self.duplicated)
    }
}

/// The changelog of a store.
pub(super) fn changelog(store: &str) -> String {
    format!("{ID}-{store}-changelog")
}

/// The entry an output is about.
pub(super) fn number(record: &Record) -> u64 {
    value(record)["number"].as_u64().expect("outputs name their entries")
}

/// Everything a reader of committed records sees, by topic.
struct Seen {
    statements: Vec<Record>,
    totals: Vec<Record>,
    windows: Vec<Record>,
    accounts_changelog: Vec<Record>,
    totals_changelog: Vec<Record>,
    windows_changelog: Vec<Record>,
}

/// Reads everything, and judges it.
pub(super) fn verify(
    bootstrap: &str,
    entries: &[Entry],
    versions: &BTreeMap<String, i64>,
    kills: usize,
) -> Verdict {
    let committed = |topic: &str| read(bootstrap, topic, Isolation::Committed);
    let seen = Seen {
        statements: committed("statements"),
        totals: committed("totals"),
        windows: committed("windows"),
        accounts_changelog: committed(&changelog("accounts")),
        totals_changelog: committed(&changelog("totals")),
        windows_changelog: committed(&changelog("windows")),
    };
    Verdict { kills, ..judge(&seen, entries, versions) }
}

fn judge(seen: &Seen, entries: &[Entry], versions: &BTreeMap<String, i64>) -> Verdict {
    let mut books = Books { entries, verdict: Verdict::default() };
    let mut effects = Effects::default();
    effects.add(&books.once("statements", &seen.statements));
    effects.add(&books.once("totals", &seen.totals));
    effects.add(&books.once("windows", &seen.windows));
    (books.verdict.lost, books.verdict.duplicated) = (effects.lost.len(), effects.duplicated.len());

    let rates = books.rates(&seen.statements, versions);
    books.running("totals", &seen.totals, &rates);
    books.running("windows", &seen.windows, &rates);
    books.in_its_window(&seen.windows);
    books.store("totals", &seen.totals, &seen.totals_changelog, 0);
    books.store("windows", &seen.windows, &seen.windows_changelog, SEQUENCE);
    books.accounts(&seen.accounts_changelog, versions);
    books.verdict
}

/// Entries that are not there once, in any output.
#[derive(Default)]
struct Effects {
    lost: BTreeSet<u64>,
    duplicated: BTreeSet<u64>,
}

impl Effects {
    fn add(&mut self, other: &Effects) {
        self.lost.extend(&other.lost);
        self.duplicated.extend(&other.duplicated);
    }
}

struct Books<'a> {
    entries: &'a [Entry],
    verdict: Verdict,
}

impl Books<'_> {
    fn wrong(&mut self, of: &str, found: Vec<String>) {
        let more = found.len().saturating_sub(TOLD);
        self.verdict.wrong.extend(found.into_iter().take(TOLD).map(|what| format!("{of}: {what}")));
        if more > 0 {
            self.verdict.wrong.push(format!("{of}: and {more} more of this kind"));
        }
    }

    /// Every entry is there once, under its account.
    fn once(&mut self, topic: &str, records: &[Record]) -> Effects {
        let mut times = vec![0_usize; self.entries.len()];
        let mut found = Vec::new();
        for record in records {
            let number = number(record);
            let place = usize::try_from(number).expect("a number of an entry");
            match self.entries.get(place) {
                Some(entry) if account(topic, record).0 == entry.account => times[place] += 1,
                _ => found.push(format!("nobody wrote entry {number} for {}", shown(record))),
            }
        }
        let which = |is: fn(usize) -> bool| {
            (0..).zip(&times).filter(|(_, times)| is(**times)).map(|(number, _)| number).collect()
        };
        let effects = Effects { lost: which(|times| times == 0), duplicated: which(|times| times > 1) };
        found.extend(effects.lost.iter().map(|number| format!("entry {number} is lost")));
        found.extend(effects.duplicated.iter().map(|&number| {
            let times = times[usize::try_from(number).expect("a number of an entry")];
            format!("entry {number} is there {times} times")
        }));
        self.wrong(topic, found);
        effects
    }

    /// What each entry was rated with. The versions of an account never fall, and are among those that were written.
    fn rates(&mut self, statements: &[Record], versions: &BTreeMap<String, i64>) -> HashMap<u64, u64> {
        let (mut rates, mut last, mut found) = (HashMap::new(), HashMap::new(), Vec::new());
        for record in statements {
            let (statement, account) = (value(record), record.key_text());
            let version = statement["version"].as_i64().expect("statements have a version");
            let before = last.insert(account.clone(), version).unwrap_or(1);
            let newest = versions.get(&account).copied().unwrap_or(0);
            if version < before || version > newest {
                found.push(format!("{}: version {version} after {before}, of {newest}", shown(record)));
            }
            rates.insert(number(record), version.unsigned_abs());
        }
        self.wrong("statements", found);
        rates
    }

    /// Each total is the one before and its entry.
    fn running(&mut self, topic: &str, totals: &[Record], rates: &HashMap<u64, u64>) {
        let mut last: BTreeMap<Option<&[u8]>, (u64, u64)> = BTreeMap::new();
        let mut found = Vec::new();
        for record in totals {
            let total = value(record);
            let field = |name: &str| total[name].as_u64().expect("a number");
            let (number, is) = (field("number"), (field("count"), field("sum")));
            let place = usize::try_from(number).expect("a number of an entry");
            let amount = self.entries.get(place).map_or(0, |entry| entry.amount);
            let before = last.insert(record.key.as_deref(), is).unwrap_or_default();
            let must = (before.0 + 1, before.1 + amount * rates.get(&number).copied().unwrap_or(0));
            if is != must {
                found.push(format!("{}: {is:?} is not {must:?}, after {before:?}", shown(record)));
            }
        }
        let counted: u64 = last.values().map(|(count, _)| count).sum();
        if counted != self.entries.len() as u64 {
            found.push(format!("{counted} entries are counted, {} were written", self.entries.len()));
        }
        self.wrong(topic, found);
    }

    /// Each entry is in the window its time is in.
    fn in_its_window(&mut self, windows: &[Record]) {
        let mut found = Vec::new();
        for record in windows {
            let place = usize::try_from(number(record)).expect("a number of an entry");
            let must = self.entries.get(place).map(|entry| entry.timestamp - entry.timestamp % WINDOW_MS);
            if Some(account("windows", record).1) != must {
                found.push(format!("{} should be in the window of {must:?}", shown(record)));
            }
        }
        self.wrong("windows", found);
    }

    /// The last row of each key in a changelog is the last output of the key. Keys of the changelog are longer.
    fn store(&mut self, topic: &str, outputs: &[Record], changelog: &[Record], longer: usize) {
        let output = last(outputs, 0);
        let rows = last(changelog, longer);
        let keys: BTreeSet<&[u8]> = output.keys().chain(rows.keys()).copied().collect();
        let different = keys.into_iter().filter(|key| {
            let value = |of: Option<&&Record>| of.and_then(|record| record.value.clone());
            value(output.get(key)) != value(rows.get(key))
        });
        let different = different.map(|key| {
            let text = |of: Option<&&Record>| of.map_or("nothing".to_owned(), |record| record.value_text());
            let (row, said) = (text(rows.get(key)), text(output.get(key)));
            format!("{}: the store has {row}, the output {said}", String::from_utf8_lossy(key))
        });
        let different = different.collect();
        self.wrong(&format!("store {topic}"), different);
    }

    /// The table has the last version of every account.
    fn accounts(&mut self, changelog: &[Record], versions: &BTreeMap<String, i64>) {
        let rows = last(changelog, 0);
        let different = versions.iter().filter_map(|(account, version)| {
            let row = rows.get(account.as_bytes()).and_then(|record| record.value.clone());
            (row.as_deref() != Some(&version.to_be_bytes()[..]))
                .then(|| format!("{account} has {row:?}, version {version} was written"))
        });
        let different = different.collect();
        self.wrong("store accounts", different);
    }
}

/// The last record of each key, in the order of the partitions.
fn last(records: &[Record], longer: usize) -> BTreeMap<&[u8], &Record> {
    let mut last = BTreeMap::new();
    for record in records {
        let key = record.key.as_deref().expect("what is stored has a key");
        last.insert(&key[..key.len() - longer], record);
    }
    last
}

/// The account an output is about, and where its window starts.
fn account(topic: &str, record: &Record) -> (String, i64) {
    let key = record.key.as_deref().expect("outputs have keys");
    match key.split_last_chunk::<8>() {
        Some((account, start)) if topic == "windows" => {
            (String::from_utf8_lossy(account).into_owned(), i64::from_be_bytes(*start))
        }
        _ => (record.key_text(), 0),
    }
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().expect("outputs have values")).expect("outputs are JSON")
}

fn shown(record: &Record) -> String {
    let Record { partition, offset, .. } = record;
    format!("{} at {partition}/{offset}", record.value_text())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TIME: i64 = 1_000_000_012_345;

    /// After each entry.
    const SUMS: [u64; 3] = [3, 11, 21];

    fn entries() -> Vec<Entry> {
        let entry = |amount| Entry { account: "a".to_owned(), amount, timestamp: TIME };
        [3, 4, 5].map(entry).to_vec()
    }

    fn versions() -> BTreeMap<String, i64> {
        BTreeMap::from([("a".to_owned(), 2)])
    }

    fn record(offset: i64, key: &[u8], value: &[u8]) -> Record {
        let (key, value) = (Some(key.to_vec()), Some(value.to_vec()));
        Record { partition: 0, offset, timestamp: TIME, key, value, headers: Vec::new() }
    }

    /// What comes of these entries, the last two under the second version.
    fn right() -> Seen {
        let window = [b"a".as_slice(), &(TIME - TIME % WINDOW_MS).to_be_bytes()].concat();
        let row = [window.as_slice(), &[0; SEQUENCE]].concat();
        let statement =
            |number: i64| json!({ "number": number, "amount": 0, "version": 1 + i64::from(number > 0) });
        let total = |number: usize| json!({ "number": number, "count": number + 1, "sum": SUMS[number] });
        let totals = |key: &[u8]| {
            (0..3).map(|number| record(number as i64, key, total(number).to_string().as_bytes())).collect()
        };
        Seen {
            statements: (0..3)
                .map(|number| record(number, b"a", statement(number).to_string().as_bytes()))
                .collect(),
            totals: totals(b"a"),
            windows: totals(&window),
            accounts_changelog: vec![record(0, b"a", &2_i64.to_be_bytes())],
            totals_changelog: totals(b"a"),
            windows_changelog: totals(&row),
        }
    }

    fn judged(change: impl FnOnce(&mut Seen)) -> Verdict {
        let mut seen = right();
        change(&mut seen);
        judge(&seen, &entries(), &versions())
    }

    #[test]
    fn what_is_right_is_right() {
        let verdict = judged(|_| {});
        assert!(verdict.is_right(), "{verdict}");
    }

    #[test]
    fn an_entry_that_is_missing_anywhere_is_lost() {
        let lost: [fn(&mut Seen); 3] = [
            |seen| drop(seen.statements.pop()),
            |seen| drop(seen.totals.pop()),
            |seen| drop(seen.windows.remove(0)),
        ];
        for lose in lost {
            let verdict = judged(lose);
            assert_eq!((verdict.lost, verdict.duplicated), (1, 0), "{verdict}");
        }
    }

    #[test]
    fn an_entry_that_is_there_twice_is_duplicated() {
        let verdict = judged(|seen| {
            let again = seen.totals[1].clone();
            seen.totals.push(again);
        });
        assert_eq!((verdict.lost, verdict.duplicated), (0, 1), "{verdict}");
    }

    /// Nothing is lost and nothing is there twice, and yet it is not as it must be.
    #[test]
    fn everything_else_is_noticed_too() {
        let wrong: [(&str, fn(&mut Seen)); 7] = [
            ("a sum", |seen| seen.totals[1].value = Some(br#"{"number":1,"count":2,"sum":12}"#.to_vec())),
            ("a count", |seen| seen.windows[2].value = Some(br#"{"number":2,"count":4,"sum":21}"#.to_vec())),
            ("an older version", |seen| {
                seen.statements[2].value = Some(br#"{"number":2,"version":1}"#.to_vec());
            }),
            ("another window", |seen| {
                seen.windows.iter_mut().for_each(|record| {
                    record.key.as_mut().expect("a key")[8] ^= 1;
                })
            }),
            ("another account", |seen| seen.totals[0].key = Some(b"b".to_vec())),
            ("a store behind the output", |seen| drop(seen.windows_changelog.pop())),
            ("a table behind its topic", |seen| seen.accounts_changelog.clear()),
        ];
        for (what, change) in wrong {
            assert!(!judged(change).wrong.is_empty(), "{what}");
        }
    }
}
