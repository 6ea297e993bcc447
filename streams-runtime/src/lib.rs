//! Kafka Streams for Rust, checked at compile time.
//!
//! Annotate plain structs and functions; the program either does not compile, with an error that names what does not
//! fit and says how to mend it, or it is a stream processor.
//!
//! ```
//! use streams_runtime::prelude::*;
//!
//! #[topic(name = "lines", key = Option<String>, value = String, partitions = 2)]
//! struct Lines;
//! #[topic(name = "word-counts", key = String, value = i64)]
//! struct WordCounts;
//!
//! #[processor(from = Lines, flat_map_values)]
//! fn words(line: &str) -> Vec<String> {
//!     line.split_whitespace().map(str::to_lowercase).collect()
//! }
//!
//! // A new key needs a new layout over partitions; the cost is one visible word.
//! #[processor(from = words, select_key, repartition)]
//! fn by_word(word: &str) -> String {
//!     word.to_owned()
//! }
//!
//! #[ktable(store = "counts", from = by_word, count, to = WordCounts)]
//! struct Counts;
//!
//! topology!(App = [words, by_word, Counts]);
//!
//! // Annotated functions stay plain functions …
//! assert_eq!(words("Kafka streams"), ["kafka", "streams"]);
//!
//! // … and the whole application runs in a test, without a broker.
//! let driver = App::driver();
//! driver.input::<Lines>().pipe("any key".to_owned(), "to be or not to be")?;
//! assert_eq!(driver.row::<Counts>(&"be".to_owned()), Some(2));
//! # Ok::<(), streams_runtime::DriverError>(())
//! ```
//!
//! Where to look:
//!
//! | for | see |
//! |---|---|
//! | writing an application | [`prelude`], and the attributes [`topic`](macro@topic), [`processor`](macro@processor), [`ktable`](macro@ktable), [`window`](macro@window), [`topology!`](macro@topology) |
//! | a format of one's own | [`serde`], [`Serde`] |
//! | testing one | [`driver`] |
//! | running one, and steering it while it runs | [`Builder`], `Running` |
//! | what a record, a window, a policy, a failure is | [`record`], [`mod@window`], [`policy`], [`failure`] |
//! | how it works | `docs/architecture.md`; [`mod@topology`], [`state`], [`transport`], [`worker`] |
//!
//! The other modules are named by generated code only and change with the macros. (They are not hidden, because the
//! compiler prints the full path of what is hidden, in the middle of its sentences.)

extern crate self as streams_runtime;

mod app;
pub mod args;
mod careful;
mod closing;
#[doc(hidden)]
pub mod commit;
pub mod context;
#[doc(hidden)]
pub mod counters;
pub mod directory;
pub mod driver;
pub mod failure;
mod few;
pub mod guarantee;
pub mod instance;
mod iso;
mod joining;
mod lines;
mod members;
pub mod memory;
#[doc(hidden)]
pub mod mutants;
mod names;
#[doc(hidden)]
pub mod open;
pub mod operators;
#[doc(hidden)]
pub mod outbox;
mod partitioner;
pub mod policy;
mod pressure;
pub mod record;
mod repeated;
#[doc(hidden)]
pub mod restore;
#[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "tests look at parts of it without a broker"))]
mod run;
pub mod serde;
pub mod settings;
pub mod slot;
pub mod startup;
pub mod state;
pub mod stream;
#[doc(hidden)]
pub mod task;
pub mod time;
#[doc(hidden)]
pub mod times;
pub mod topology;
pub mod transport;
mod turns;
pub mod verify;
#[doc(hidden)]
pub mod warming;
pub mod window;
pub mod wiring;
pub mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use app::{App, Builder, Error, Summary};
pub use context::Source;
pub use counters::{Dropped, Reason};
pub use directory::{DirectoryError, StateDirectory};
pub use driver::{Driver, DriverBuilder, DriverError, Input, Output, OutputRecord, TestRecord};
pub use failure::Failure;
pub use guarantee::Guarantee;
pub use iso::ParseTimestampError;
pub use lines::{LineError, TextInput};
pub use members::Stranger;
pub use open::{RestoreStage, Restoring};
pub use partitioner::partition_of;
pub use record::{Header, Headers, Timestamp};
#[cfg(feature = "kafka")]
pub use run::{
    FailureCause, OnFailure, Running, State, StateChange, States, ThreadFailure, ThreadInfo, ThreadState,
};
pub use serde::{ByType, DefaultSerde, Json, Serde, SerdeError, TimeWindowed};
pub use settings::{Settings, SettingsError};
pub use state::OnUnreadable;
pub use stream::{Stream, Table, Topic};
pub use task::TaskId;
pub use topology::Topology;
pub use window::{TimeSpan, Tumbling, Windowed, Windows};
pub use worker::WorkerError;

/// What `main` of an application returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an application names: the attributes and the types that stand in signatures.
pub mod prelude {
    pub use crate::{
        App, Branches, DefaultSerde, Headers, Json, Serde, SerdeError, Source, TimeSpan, TimeWindowed,
        Timestamp, Windowed, ktable, processor, topic, topology, window,
    };
}

/// A topic of Kafka, as a unit struct: to read from and to write to.
///
/// | argument | meaning |
/// |---|---|
/// | `name = "orders"` | its name in Kafka |
/// | `key = String`, `value = Json<Order>` | the formats; `Option<..>` around one says that nulls are expected |
/// | `partitions = 4` | how many it has; compared with other declarations by the compiler, with the log at start |
/// | `timestamp = f` | event time from the value: `fn(&V) -> Timestamp` or `-> Option<Timestamp>` |
/// | `decode = skip` | bytes the format cannot read (default `fail`) |
/// | `encode = skip` | a value the format cannot write (default `fail`) |
/// | `null_key = skip`, `null_value = skip` | a null where none is expected (default `fail`) |
/// | `no_time = skip` or `partition_time` | a record without a valid time (default `fail`) |
///
/// ```
/// use streams_runtime::prelude::*;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Reading { celsius: f64, at: i64 }
///
/// #[topic(name = "readings", key = String, value = Json<Reading>, partitions = 4, timestamp = measured_at, decode = skip)]
/// struct Readings;
///
/// fn measured_at(reading: &Reading) -> Timestamp {
///     Timestamp::from_ms(reading.at)
/// }
/// ```
pub use streams_macros::topic;

/// A step that makes a stream: `Consumed`/`KStream` operators of Kafka Streams, one annotated function each.
///
/// One bare word says what it does; the function's shape follows from it. On a unit struct without an operator the
/// records pass as they are.
///
/// | operator | returns | key |
/// |---|---|---|
/// | `filter`, `filter_not` | `bool` | stays |
/// | `map_values` | `V`, or `Option<V>` for a value that may be null | stays |
/// | `filter_map_values` | `Option<V>`: one or none | stays |
/// | `flat_map_values` | `Vec<V>`, `impl Iterator<Item = V>` | stays |
/// | `select_key` | `K`, or `Option<K>` | new |
/// | `map`, `filter_map`, `flat_map` | `(K, V)`, `Option<(K, V)>`, several `(K, V)` | new |
/// | `peek` | nothing | stays |
/// | `split` | an enum with `#[derive(Branches)]`, read as `from = Enum::Branch` | stays |
/// | `join = Table`, `left_join = Table` | the joined value; the last parameter is `&Row`, `Option<&Row>` | stays |
///
/// | argument | meaning |
/// |---|---|
/// | `from = X`, `from = [A, B]` | what it reads; several are merged |
/// | `to = Topic` | writes the result there as well |
/// | `repartition`, `repartition(partitions = 8, key = F, value = F)` | through an internal topic, laid out by the new key |
/// | `error = skip` | its function returned `Err` (default `fail`) |
/// | `null_key = skip`, `null_value = skip` | nulls of a nullable input do not reach the function |
/// | `name = "..."` | its name, if not the function's |
///
/// Parameters are `value` or `key, value`, then any of `Timestamp`, `&Headers`, `Source`. `&T` borrows, `T` takes
/// (and is cloned only where another step reads the record as well), `&str` reads a `String`, `Option` where a null
/// is possible. A `Result` is an error for the step's policy.
///
/// ```
/// use streams_runtime::prelude::*;
/// # #[topic(name = "lines", key = String, value = String)] struct Lines;
/// # #[topic(name = "lengths", key = String, value = i64)] struct Lengths;
///
/// #[processor(from = Lines, filter)]
/// fn long(line: &str) -> bool {
///     line.len() > 80
/// }
///
/// #[processor(from = long, map_values, to = Lengths)]
/// fn length(line: &str) -> i64 {
///     line.len() as i64
/// }
/// ```
pub use streams_macros::processor;

/// A step that keeps rows by key: `KTable` of Kafka Streams.
///
/// | operator | item | row |
/// |---|---|---|
/// | none | unit struct | each record replaces the row of its key, a null deletes it |
/// | `count` | unit struct | how many records: `i64` |
/// | `reduce` | `fn(all: &mut V, value: &V)` | the first value, then what the function makes of it |
/// | `aggregate` | `fn(row: &mut A, [key: &K,] value: &V)` | `A::default()` or `init = f`, then what the function makes of it |
///
/// `&mut Option<A>` lets the function delete the row. `-> Result<(), E>` works on a copy: an error leaves the row as it
/// was. With [`window`](macro@window) below it, rows are kept by window and key.
///
/// | argument | meaning |
/// |---|---|
/// | `store = "name"` | the store; its changelog is `<application>-<name>-changelog` |
/// | `from = X`, `to = Topic` | as in [`processor`](macro@processor); `to` writes the updates |
/// | `key = F`, `value = F` | formats of the store, where the inherited ones do not do |
/// | `init = f` | the first value of an aggregate |
/// | `error`, `null_key`, `null_value`, `late` | policies; `null_value = keep` lets a `count` count nulls |
///
/// ```
/// use streams_runtime::prelude::*;
/// # #[topic(name = "payments", key = String, value = i64)] struct Payments;
///
/// #[ktable(store = "balances", from = Payments, aggregate)]
/// fn balance(balance: &mut i64, payment: &i64) {
///     *balance += payment;
/// }
/// ```
pub use streams_macros::ktable;

/// The windows of an aggregate; stands below [`ktable`](macro@ktable).
///
/// | argument | meaning |
/// |---|---|
/// | `tumbling = "15s"` | windows of this length, one after the other, aligned to the epoch |
/// | `grace = "5s"` | how late a record may be and still be counted; must be written, `"0s"` if there is none |
/// | `retention = "1d"` | how long windows are kept to be looked up; by default size and grace |
///
/// The key becomes [`Windowed<K>`](Windowed). A record whose window has closed (`end + grace <= stream time`) is left out
/// and counted, unless `late = fail` says otherwise (`KStreamWindowAggregate`). Units are ms, s, m, h, d.
///
/// ```
/// use streams_runtime::prelude::*;
/// # #[topic(name = "clicks", key = String, value = String)] struct Clicks;
///
/// #[ktable(store = "clicks-per-minute", from = Clicks, count)]
/// #[window(tumbling = "1m", grace = "10s")]
/// struct ClicksPerMinute;
/// ```
pub use streams_macros::window;

/// The branches of a split: an enum whose variants are streams. A variant without a value drops its records on purpose.
///
/// ```
/// use streams_runtime::prelude::*;
/// # #[topic(name = "numbers", key = String, value = i64)] struct Numbers;
///
/// #[derive(Branches)]
/// enum Sign { Plus(i64), Minus(i64), Zero }
///
/// #[processor(from = Numbers, split)]
/// fn by_sign(n: &i64) -> Sign {
///     match n.signum() {
///         1 => Sign::Plus(*n),
///         -1 => Sign::Minus(-n),
///         _ => Sign::Zero,
///     }
/// }
///
/// #[processor(from = Sign::Minus, filter)]
/// fn debts(n: &i64) -> bool {
///     *n > 100
/// }
/// ```
pub use streams_macros::Branches;

/// Gives a type [`Json`] as the format it brings along, used where no attribute names one.
pub use streams_macros::DefaultSerde;

/// Closes the graph: lists the steps of an application and checks that they fit together.
///
/// Topics, stores and branches are found through the steps. The order of the list is the order in which the readers of one
/// stream see a record. What is made has `driver()`, `describe()`, `topology()` and `builder(id)`.
///
/// ```
/// use streams_runtime::prelude::*;
/// # #[topic(name = "lines", key = String, value = String)] struct Lines;
/// # #[topic(name = "loud", key = String, value = String)] struct Loud;
/// #[processor(from = Lines, map_values, to = Loud)]
/// fn shout(line: &str) -> String {
///     line.to_uppercase()
/// }
///
/// topology!(pub Shouting = [shout]);
///
/// assert!(Shouting::describe().contains("Processor: shout (map_values)"));
/// ```
pub use streams_macros::topology;
