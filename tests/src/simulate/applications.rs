//! The applications that are simulated: real annotated ones, each another way of reading, keeping and passing on.
//!
//! Every topic that an application reads is also read by a `peek` that tells the simulator which record is processed
//! ([`processed`]): that is how the committed order becomes known without a word in the runtime. It stands first in
//! its list, so that it sees a record before anything can go wrong with it. Other functions say when they are in the middle of
//! their work ([`working`]): something may strike there, while a row is half changed or a result has left and the next has not.
//!
//! Knows topologies and what is fed to them. Does not know instances, faults or what must hold.

use super::observed::{processed, working};
use streams_runtime::Topology;
use streams_runtime::prelude::*;

/// What the values of a topic are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Numbers.
    Numbers,
    /// Numbers, and nulls that delete.
    Rows,
}

/// A topic that is fed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fed {
    pub(super) topic: &'static str,
    pub(super) values: Values,
    /// At most so many partitions.
    pub(super) at_most: u32,
}

/// A topic whose records are the same in every correct run, key by key: order and values, not times.
pub(super) type Confluent = &'static str;

/// One application.
#[derive(Clone, Copy)]
pub(super) struct Application {
    pub(super) name: &'static str,
    pub(super) topology: fn() -> Topology,
    pub(super) fed: &'static [Fed],
    pub(super) written: &'static [&'static str],
    /// The changelogs of its stores.
    pub(super) changelogs: &'static [&'static str],
    pub(super) confluent: &'static [Confluent],
    /// Stores of windows, and for how long they keep them.
    pub(super) windows: &'static [(&'static str, i64)],
    /// A topic that may get more partitions while the application runs.
    pub(super) grows: Option<&'static str>,
    /// Whether rows are deleted.
    pub(super) deletes: bool,
    /// Whether anything of it tells that it has begun before, apart from committed offsets.
    pub(super) remembers: bool,
    /// A topic that refuses records larger than this; they are left out.
    pub(super) refuses: Option<(&'static str, usize)>,
}

const fn numbers(topic: &'static str) -> Fed {
    Fed { topic, values: Values::Numbers, at_most: 8 }
}

/// All of them.
pub(super) const ALL: &[Application] = &[
    Application {
        name: "stateless",
        topology: stateless::Stateless::topology,
        fed: &[numbers("in")],
        written: &["out", "odd"],
        changelogs: &[],
        confluent: &["out", "odd"],
        windows: &[],
        grows: Some("in"),
        deletes: false,
        remembers: false,
        refuses: None,
    },
    Application {
        name: "counting",
        topology: counting::Counting::topology,
        fed: &[numbers("in")],
        written: &["counts"],
        changelogs: &["app-counts-changelog"],
        confluent: &["counts", "app-counts-changelog"],
        windows: &[],
        grows: None,
        deletes: false,
        remembers: true,
        refuses: None,
    },
    Application {
        name: "joining",
        topology: joining::Joining::topology,
        fed: &[numbers("orders"), Fed { topic: "people", values: Values::Rows, at_most: 8 }],
        written: &["joined"],
        changelogs: &["app-people-changelog"],
        confluent: &["app-people-changelog"],
        windows: &[],
        grows: None,
        deletes: true,
        remembers: true,
        refuses: None,
    },
    Application {
        name: "windowed",
        topology: windowed::Windowing::topology,
        fed: &[numbers("in")],
        written: &["windows", "sums"],
        changelogs: &["app-windows-changelog", "app-sums-changelog"],
        confluent: &["windows", "sums", "app-sums-changelog", "app-windows-changelog"],
        windows: &[("windows", 30)],
        grows: Some("in"),
        deletes: false,
        remembers: true,
        refuses: None,
    },
    Application {
        name: "chained",
        topology: chained::Chained::topology,
        fed: &[numbers("in")],
        written: &["sums", "counts", "windows"],
        changelogs: &["app-sums-changelog", "app-counts-changelog", "app-windows-changelog"],
        confluent: &["sums", "counts", "app-sums-changelog", "app-counts-changelog"],
        windows: &[("windows", 60)],
        grows: None,
        deletes: false,
        remembers: true,
        refuses: None,
    },
    Application {
        name: "merged",
        topology: merged::Merging::topology,
        fed: &[numbers("broad"), Fed { topic: "narrow", values: Values::Numbers, at_most: 2 }],
        written: &["totals"],
        changelogs: &["app-totals-changelog"],
        confluent: &[],
        windows: &[],
        grows: Some("narrow"),
        deletes: false,
        remembers: true,
        refuses: None,
    },
    Application {
        name: "refused",
        topology: refused::Refusing::topology,
        fed: &[numbers("in")],
        written: &["texts", "sums"],
        changelogs: &["app-sums-changelog"],
        confluent: &["texts", "sums", "app-sums-changelog"],
        windows: &[],
        grows: None,
        deletes: false,
        remembers: true,
        refuses: Some(("texts", 500)),
    },
];

mod stateless {
    use super::*;

    #[topic(name = "in", key = String, value = i64)]
    struct In;
    #[topic(name = "out", key = String, value = i64)]
    struct Out;
    #[topic(name = "odd", key = String, value = i64)]
    struct Odd;

    #[processor(from = In, peek)]
    fn read(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[processor(from = In, filter)]
    fn positive(value: &i64) -> bool {
        *value >= 0
    }
    #[processor(from = positive, map_values, to = Out)]
    fn doubled(value: &i64) -> i64 {
        working();
        value * 2
    }
    #[processor(from = In, filter, to = Odd)]
    fn odd(value: &i64) -> bool {
        value % 2 != 0
    }

    topology!(pub(super) Stateless = [read, positive, doubled, odd]);
}

mod counting {
    use super::*;

    #[topic(name = "in", key = String, value = i64)]
    struct In;
    #[topic(name = "counts", key = i64, value = i64)]
    struct CountsOut;

    #[processor(from = In, peek)]
    fn read(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[processor(from = In, select_key, repartition)]
    fn by_digit(value: &i64) -> i64 {
        working();
        value % 4
    }
    #[processor(from = by_digit, peek)]
    fn read_again(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "counts", from = by_digit, count, to = CountsOut)]
    struct Counts;

    topology!(pub(super) Counting = [read, by_digit, read_again, Counts]);
}

mod joining {
    use super::*;

    #[topic(name = "orders", key = String, value = i64)]
    struct Orders;
    #[topic(name = "people", key = String, value = Option<i64>)]
    struct PeopleTopic;
    #[topic(name = "joined", key = String, value = i64)]
    struct Joined;

    #[processor(from = Orders, peek)]
    fn read_orders(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[processor(from = PeopleTopic, peek)]
    fn read_people(_value: Option<&i64>, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "people", from = PeopleTopic)]
    struct People;
    #[processor(from = Orders, left_join = People, to = Joined)]
    fn joined(order: &i64, person: Option<&i64>) -> i64 {
        working();
        order * 1_000 + person.copied().unwrap_or(-1)
    }

    topology!(pub(super) Joining = [read_orders, read_people, People, joined]);
}

mod windowed {
    use super::*;

    #[topic(name = "in", key = String, value = i64)]
    struct In;
    #[topic(name = "windows", key = TimeWindowed<String, 20>, value = i64)]
    struct WindowsOut;
    #[topic(name = "sums", key = String, value = i64)]
    struct SumsOut;

    #[processor(from = In, peek)]
    fn read(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "windows", from = In, count, to = WindowsOut)]
    #[window(tumbling = "20ms", grace = "10ms")]
    struct Windows;
    /// Changes the row and then finds that it should not have.
    #[ktable(store = "sums", from = In, aggregate, error = skip, to = SumsOut)]
    fn sum(sum: &mut i64, value: &i64) -> Result<(), String> {
        *sum += value;
        working();
        if value % 5 == 0 { Err(format!("{value} is left out")) } else { Ok(()) }
    }

    topology!(pub(super) Windowing = [read, Windows, sum]);
}

mod chained {
    use super::*;

    #[topic(name = "in", key = String, value = i64)]
    struct In;
    #[topic(name = "sums", key = String, value = i64)]
    struct SumsOut;
    #[topic(name = "counts", key = i64, value = i64)]
    struct CountsOut;
    #[topic(name = "windows", key = TimeWindowed<i64, 50>, value = i64)]
    struct WindowsOut;

    #[processor(from = In, peek)]
    fn read(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "sums", from = In, aggregate, to = SumsOut)]
    fn sum(sum: &mut i64, value: &i64) {
        // A half change.
        *sum += 1_000;
        working();
        *sum += value - 1_000;
    }
    #[processor(from = In, select_key, repartition)]
    fn by_digit(value: &i64) -> i64 {
        value % 3
    }
    #[processor(from = by_digit, peek)]
    fn read_digits(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "counts", from = by_digit, count, to = CountsOut)]
    struct Counts;
    #[processor(from = by_digit, select_key, repartition(partitions = 2))]
    fn by_sign(value: &i64) -> i64 {
        value.signum()
    }
    #[processor(from = by_sign, peek)]
    fn read_signs(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[ktable(store = "windows", from = by_sign, count, to = WindowsOut)]
    #[window(tumbling = "50ms", grace = "10ms")]
    struct Windows;

    topology!(pub(super) Chained = [read, sum, by_digit, read_digits, Counts, by_sign, read_signs, Windows]);
}

mod refused {
    use super::*;

    #[topic(name = "in", key = String, value = i64)]
    struct In;
    #[topic(name = "texts", key = String, value = String, encode = skip)]
    struct Texts;
    #[topic(name = "sums", key = String, value = i64)]
    struct SumsOut;

    #[processor(from = In, peek)]
    fn read(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    /// One in six of them is more than the topic takes; only the log knows.
    #[processor(from = In, flat_map_values, to = Texts)]
    fn texts(value: &i64) -> [String; 2] {
        [*value, value + 100].map(|value| {
            working();
            if value % 6 == 0 { "x".repeat(1_000) } else { value.to_string() }
        })
    }
    #[ktable(store = "sums", from = In, aggregate, to = SumsOut)]
    fn sum(sum: &mut i64, value: &i64) {
        *sum += value;
    }

    topology!(pub(super) Refusing = [read, texts, sum]);
}

mod merged {
    use super::*;

    #[topic(name = "broad", key = String, value = i64)]
    struct Broad;
    #[topic(name = "narrow", key = String, value = i64)]
    struct Narrow;
    #[topic(name = "totals", key = String, value = i64)]
    struct TotalsOut;

    #[processor(from = Broad, peek)]
    fn read_broad(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[processor(from = Narrow, peek)]
    fn read_narrow(_value: &i64, source: Source<'_>) {
        processed(source);
    }
    #[processor(from = [Broad, Narrow], merge)]
    struct Both;
    #[processor(from = Narrow, map_values)]
    fn spelt(value: &i64) -> String {
        working();
        value.to_string()
    }
    /// Unlike streams that become one.
    enum Input {
        Number(i64),
        Text(String),
    }
    #[ktable(store = "totals", from = [Both => Input::Number, spelt => Input::Text], aggregate, to = TotalsOut)]
    fn total(total: &mut i64, input: &Input) {
        // The order counts: what is not replayed in the same order gives another total.
        *total *= 3;
        working();
        *total = match input {
            Input::Number(value) => (*total + value) % 10_007,
            Input::Text(text) => (*total + text.len() as i64) % 10_009,
        };
    }

    topology!(pub(super) Merging = [read_broad, read_narrow, Both, spelt, total]);
}
