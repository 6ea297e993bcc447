//! Aggregates in tumbling windows.

use super::aggregations::Stats;
use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, OutWindows, first_letter, last_letters, or_null};
use streams_runtime::prelude::*;

scenarios! {
    window_tumbling_count, window_tumbling_count_grace, window_tumbling_reduce, window_tumbling_aggregate,
    window_default_retention, window_group_by_count, window_count_join_table, window_table_filter,
}

mod window_tumbling_count {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = keep, to = OutWindows)]
    #[window(tumbling = "10s", grace = "0s", retention = "1d")]
    struct Counts;

    topology!(App = [Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutWindows>().keeps_windows::<Counts, String>()
    }
}

mod window_tumbling_count_grace {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = keep, to = OutWindows)]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    struct Counts;

    topology!(App = [Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutWindows>().keeps_windows::<Counts, String>()
    }
}

mod window_tumbling_reduce {
    use super::*;

    #[topic(name = "out", key = TimeWindowed<String, 10_000>, value = Option<String>)]
    struct OutTexts;

    #[ktable(store = "joined", from = In, reduce, null_key = skip, to = OutTexts)]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    fn joined(row: &mut Option<String>, value: Option<&str>) {
        *row = row.take().map(|all| last_letters(format!("{all}-{}", or_null(value))));
    }

    topology!(App = [joined]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutTexts>().keeps_windows::<joined, String>()
    }
}

mod window_tumbling_aggregate {
    use super::*;

    #[topic(name = "out", key = TimeWindowed<String, 10_000>, value = Json<Stats>)]
    struct OutStats;

    #[ktable(
        store = "stats", from = In, aggregate, value = Json<Stats>, null_key = skip, to = OutStats
    )]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    fn stats(stats: &mut Stats, word: Option<&str>) {
        stats.add(word);
    }

    topology!(App = [stats]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutStats>().keeps_windows::<stats, String>()
    }
}

mod window_default_retention {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = keep, to = OutWindows)]
    #[window(tumbling = "10s", grace = "5s")]
    struct Counts;

    topology!(App = [Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutWindows>().keeps_windows::<Counts, String>()
    }
}

mod window_group_by_count {
    use super::*;

    #[processor(from = In, filter_map, repartition)]
    fn by_letter(value: Option<String>) -> Option<(String, String)> {
        Some((first_letter(value.as_deref())?, value?))
    }

    #[ktable(store = "counts", from = by_letter, count, to = OutWindows)]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    struct Counts;

    topology!(App = [by_letter, Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutWindows>().keeps_windows::<Counts, String>()
    }
}

mod window_count_join_table {
    use super::*;

    #[topic(name = "names", key = Option<String>, value = Option<String>)]
    struct NamesTopic;

    #[ktable(store = "names", from = NamesTopic, null_key = skip)]
    struct Names;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = keep)]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    struct Counts;

    #[processor(from = Counts, map, repartition)]
    fn by_plain_key(windowed: Windowed<String>, count: &i64) -> (String, String) {
        (windowed.key, format!("{}={count}", windowed.window.start))
    }

    #[processor(from = by_plain_key, left_join = Names, to = Out)]
    fn with_name(text: &str, name: Option<&str>) -> String {
        format!("{}:{text}", or_null(name))
    }

    topology!(App = [Names, Counts, by_plain_key, with_name]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<In>()
            .reads::<NamesTopic>()
            .writes::<Out>()
            .keeps_windows::<Counts, String>()
    }
}

/// A count only grows, so a window that is in once never leaves: the updates alone decide.
mod window_table_filter {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = keep)]
    #[window(tumbling = "10s", grace = "5s", retention = "1d")]
    struct Counts;

    #[processor(from = Counts, filter)]
    fn several(count: &i64) -> bool {
        *count > 1
    }

    #[processor(from = several, map_values, to = OutWindows)]
    fn tenfold(count: i64) -> i64 {
        count * 10
    }

    topology!(App = [Counts, several, tenfold]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutWindows>().keeps_windows::<Counts, String>()
    }
}
