//! Streams joined with tables.

use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, first_letter, or_null};
use streams_runtime::prelude::*;

scenarios! {
    stream_table_join, stream_table_left_join, stream_table_left_join_with_key, stream_table_join_rekeyed,
    stream_table_left_join_rekeyed, stream_join_own_count,
}

#[topic(name = "clicks", key = Option<String>, value = Option<String>)]
struct Clicks;
#[topic(name = "users", key = Option<String>, value = Option<String>)]
struct UsersTopic;

#[ktable(store = "users", from = UsersTopic, null_key = skip)]
struct Users;

mod stream_table_join {
    use super::*;

    #[processor(from = Clicks, join = Users, null_key = skip, null_value = skip, to = Out)]
    fn with_user(click: &str, user: &str) -> String {
        format!("{click}+{user}")
    }

    topology!(App = [Users, with_user]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Clicks>().reads::<UsersTopic>().writes::<Out>()
    }
}

mod stream_table_left_join {
    use super::*;

    #[processor(from = Clicks, left_join = Users, null_value = skip, to = Out)]
    fn maybe_user(click: &str, user: Option<&str>) -> String {
        format!("{click}+{}", or_null(user))
    }

    topology!(App = [Users, maybe_user]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Clicks>().reads::<UsersTopic>().writes::<Out>()
    }
}

mod stream_table_left_join_with_key {
    use super::*;

    #[processor(from = Clicks, left_join = Users, null_value = skip, to = Out)]
    fn maybe_user(key: Option<&str>, click: &str, user: Option<&str>) -> String {
        format!("{}:{click}+{}", or_null(key), or_null(user))
    }

    topology!(App = [Users, maybe_user]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Clicks>().reads::<UsersTopic>().writes::<Out>()
    }
}

#[topic(name = "letters", key = Option<String>, value = Option<String>)]
struct LettersTopic;

#[ktable(store = "letters", from = LettersTopic, null_key = skip)]
struct Letters;

mod stream_table_join_rekeyed {
    use super::*;

    #[processor(from = In, filter_map, repartition)]
    fn by_letter(value: Option<String>) -> Option<(String, String)> {
        Some((first_letter(value.as_deref())?, value?))
    }

    #[processor(from = by_letter, join = Letters, to = Out)]
    fn with_letter(value: &str, letter: &str) -> String {
        format!("{value}+{letter}")
    }

    topology!(App = [by_letter, Letters, with_letter]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().reads::<LettersTopic>().writes::<Out>()
    }
}

mod stream_table_left_join_rekeyed {
    use super::*;

    #[processor(from = In, select_key, repartition)]
    fn by_letter(value: Option<&str>) -> Option<String> {
        first_letter(value)
    }

    #[processor(from = by_letter, left_join = Letters, null_value = skip, to = Out)]
    fn maybe_letter(value: &str, letter: Option<&str>) -> String {
        format!("{value}+{}", or_null(letter))
    }

    topology!(App = [by_letter, Letters, maybe_letter]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().reads::<LettersTopic>().writes::<Out>()
    }
}

mod stream_join_own_count {
    use super::*;

    #[ktable(store = "counts", from = In, count, null_key = skip, null_value = skip)]
    struct Counts;

    #[processor(from = In, join = Counts, null_key = skip, null_value = skip, to = Out)]
    fn with_count(value: &str, count: &i64) -> String {
        format!("{value}#{count}")
    }

    topology!(App = [Counts, with_count]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<Counts>()
    }
}
