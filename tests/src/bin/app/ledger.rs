//! Entries of accounts, rated and added up: repartition, table join, totals, totals per window, one behind the other.
//!
//! Every output names the entry it is about, and every total says how many there were before: who reads all of it can
//! tell what became of each entry.
//!
//! ```text
//! entries ─ by_account ═ rated ─┬─ statements      one record an entry, with the account's version at that moment
//! accounts ─ Accounts ──────────┘  ├─ totals       since the beginning
//!                                  └─ windows      per 10 s of event time
//! ```

use serde::{Deserialize, Serialize};
use streams_runtime::prelude::*;

/// What is to be added to an account. Keys say nothing: an account's entries are in all partitions.
#[topic(name = "entries", partitions = 4, key = String, value = Json<Entry>)]
struct Entries;

/// The versions of accounts. None is ever closed.
#[topic(name = "accounts", partitions = 4, key = String, value = Option<i64>)]
struct AccountsTopic;

#[topic(name = "statements", key = String, value = Json<Statement>)]
struct Statements;

#[topic(name = "totals", key = String, value = Json<Total>)]
struct Totals;

#[topic(name = "windows", key = TimeWindowed<String, 10_000>, value = Json<Total>)]
struct WindowTotals;

#[derive(Clone, Debug, Serialize, Deserialize, DefaultSerde)]
struct Entry {
    number: u64,
    account: String,
    amount: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, DefaultSerde)]
struct Statement {
    number: u64,
    amount: u64,
    /// 0 for an account nobody told us of.
    version: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, DefaultSerde)]
struct Total {
    /// The entry this is the total after.
    number: u64,
    count: u64,
    /// Amounts, each times the version of the account.
    sum: u64,
}

impl Total {
    fn add(&mut self, statement: &Statement) {
        self.number = statement.number;
        self.count += 1;
        self.sum += statement.amount * statement.version.unsigned_abs();
    }
}

#[processor(from = Entries, map, repartition)]
fn by_account(_key: &str, entry: Entry) -> (String, Entry) {
    (entry.account.clone(), entry)
}

#[ktable(store = "accounts", from = AccountsTopic)]
struct Accounts;

#[processor(from = by_account, left_join = Accounts, to = Statements)]
fn rated(entry: Entry, version: Option<&i64>) -> Statement {
    Statement { number: entry.number, amount: entry.amount, version: version.copied().unwrap_or(0) }
}

#[ktable(store = "totals", from = rated, aggregate, to = Totals)]
fn total(total: &mut Total, statement: &Statement) {
    total.add(statement);
}

#[ktable(store = "windows", from = rated, aggregate, to = WindowTotals)]
#[window(tumbling = "10s", grace = "1h")]
fn total_per_window(total: &mut Total, statement: &Statement) {
    total.add(statement);
}

topology!(
    /// Adds up entries.
    pub Ledger = [by_account, Accounts, rated, total, total_per_window]
);
