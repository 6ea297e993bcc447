//! Counts, reductions and aggregates of streams, without windows.

use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, OutNumbers, first_letter, last_letters};
use serde::{Deserialize, Serialize};
use streams_runtime::prelude::*;

scenarios! {
    agg_count, agg_group_by_count, agg_map_then_count, agg_reduce, agg_reduce_to_null, agg_aggregate,
    agg_aggregate_to_null, cogroup,
}

mod agg_count {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = skip, to = OutNumbers)]
    struct Counts;

    topology!(App = [Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutNumbers>().keeps::<Counts>()
    }
}

mod agg_group_by_count {
    use super::*;

    #[processor(from = In, filter_map, repartition)]
    fn by_letter(value: Option<String>) -> Option<(String, String)> {
        Some((first_letter(value.as_deref())?, value?))
    }

    #[ktable(store = "counts", from = by_letter, count, to = OutNumbers)]
    struct Counts;

    topology!(App = [by_letter, Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutNumbers>().keeps::<Counts>()
    }
}

mod agg_map_then_count {
    use super::*;

    #[processor(from = In, filter_map, repartition)]
    fn swapped(key: Option<String>, value: Option<String>) -> Option<(String, Option<String>)> {
        Some((value?, key))
    }

    #[ktable(store = "counts", from = swapped, count, null_value = skip, to = OutNumbers)]
    struct Counts;

    topology!(App = [swapped, Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutNumbers>().keeps::<Counts>()
    }
}

mod agg_reduce {
    use super::*;

    #[ktable(store = "joined", from = In, reduce, null_key = skip, null_value = skip, to = Out)]
    fn joined(all: &mut String, value: &str) {
        *all = last_letters(format!("{all}-{value}"));
    }

    topology!(App = [joined]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<joined>()
    }
}

mod agg_reduce_to_null {
    use super::*;

    #[ktable(store = "joined", from = In, reduce, null_key = skip, null_value = skip, to = Out)]
    fn joined(row: &mut Option<String>, value: &str) {
        *row = match row.take() {
            Some(all) if value != "x" => Some(last_letters(format!("{all}-{value}"))),
            _ => None,
        };
    }

    topology!(App = [joined]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<joined>()
    }
}

/// What is known of the words of a key.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Stats {
    count: i64,
    last: Option<String>,
    chars: usize,
}

impl Stats {
    /// Adds a word, or the absence of one.
    pub(super) fn add(&mut self, word: Option<&str>) {
        self.count += 1;
        self.last = word.map(str::to_owned);
        self.chars += word.map_or(0, |word| word.chars().count());
    }
}

mod agg_aggregate {
    use super::*;

    #[topic(name = "out", key = String, value = Json<Stats>)]
    struct OutStats;

    #[ktable(
        store = "stats", from = In, aggregate, value = Json<Stats>, null_key = skip, null_value = skip, to = OutStats
    )]
    fn stats(stats: &mut Stats, word: &str) {
        stats.add(Some(word));
    }

    topology!(App = [stats]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutStats>().keeps::<stats>()
    }
}

mod agg_aggregate_to_null {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<i64>)]
    struct Amounts;

    #[ktable(store = "sums", from = Amounts, aggregate, null_key = skip, null_value = skip, to = OutNumbers)]
    fn sum(sum: &mut Option<i64>, amount: i64) {
        *sum = Some(sum.unwrap_or(0) + amount).filter(|sum| *sum > 0);
    }

    topology!(App = [sum]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Amounts>().writes::<OutNumbers>().keeps::<sum>()
    }
}

mod cogroup {
    use super::*;

    #[topic(name = "clicks", key = Option<String>, value = Option<String>)]
    struct Clicks;
    #[topic(name = "buys", key = Option<String>, value = Option<i64>)]
    struct Buys;
    #[topic(name = "out", key = String, value = Json<Profile>)]
    struct Profiles;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Profile {
        clicks: i64,
        spent: i64,
    }

    #[derive(Clone)]
    enum Activity {
        Click,
        Buy(i64),
    }

    #[processor(from = Clicks, map_values, null_key = skip, null_value = skip)]
    fn clicked(_: &str) -> Activity {
        Activity::Click
    }

    #[processor(from = Buys, map_values, null_key = skip, null_value = skip)]
    fn bought(spent: i64) -> Activity {
        Activity::Buy(spent)
    }

    #[ktable(store = "profile", from = [clicked, bought], aggregate, value = Json<Profile>, to = Profiles)]
    fn profile(profile: &mut Profile, activity: &Activity) {
        match activity {
            Activity::Click => profile.clicks += 1,
            Activity::Buy(spent) => profile.spent += spent,
        }
    }

    topology!(App = [clicked, bought, profile]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Clicks>().reads::<Buys>().writes::<Profiles>().keeps::<profile>()
    }
}
