//! Steps without memory: filters, maps, splits, merges.

use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, first_letter, or_null, upper, words_of};
use streams_runtime::prelude::*;

scenarios! {
    kstream_filter, kstream_filter_not, kstream_map, kstream_map_values, kstream_map_values_with_key,
    kstream_flat_map, kstream_flat_map_values, kstream_select_key, kstream_peek, kstream_merge,
    kstream_split_default, kstream_split_no_default, kstream_dynamic_topic, kstream_chain, kstream_repartition,
    kstream_headers_and_timestamp, kstream_numeric_serdes, kstream_fan_out, kstream_two_topic_source,
}

mod kstream_filter {
    use super::*;

    #[processor(from = In, filter, to = Out)]
    fn long(value: Option<&str>) -> bool {
        value.is_some_and(|value| value.chars().count() > 5)
    }

    topology!(App = [long]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_filter_not {
    use super::*;

    #[processor(from = In, filter_not, to = Out)]
    fn long(value: Option<&str>) -> bool {
        value.is_some_and(|value| value.chars().count() > 5)
    }

    topology!(App = [long]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_map {
    use super::*;

    #[processor(from = In, map, to = Out)]
    fn shout(key: Option<&str>, value: Option<&str>) -> (Option<String>, Option<String>) {
        (upper(key), upper(value))
    }

    topology!(App = [shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_map_values {
    use super::*;

    #[processor(from = In, map_values, to = Out)]
    fn shout(value: Option<&str>) -> Option<String> {
        upper(value)
    }

    topology!(App = [shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_map_values_with_key {
    use super::*;

    #[processor(from = In, map_values, to = Out)]
    fn with_key(key: Option<&str>, value: Option<&str>) -> String {
        format!("{}:{}", or_null(key), or_null(value))
    }

    topology!(App = [with_key]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_flat_map {
    use super::*;

    #[processor(from = In, flat_map, to = Out)]
    fn word_to_key(
        key: Option<String>,
        value: Option<&str>,
    ) -> impl Iterator<Item = (String, Option<String>)> {
        words_of(value).into_iter().map(move |word| (word, key.clone()))
    }

    topology!(App = [word_to_key]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_flat_map_values {
    use super::*;

    #[processor(from = In, flat_map_values, to = Out)]
    fn words(value: Option<&str>) -> Vec<String> {
        words_of(value)
    }

    topology!(App = [words]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_select_key {
    use super::*;

    #[processor(from = In, select_key, to = Out)]
    fn by_letter(value: Option<&str>) -> Option<String> {
        first_letter(value)
    }

    topology!(App = [by_letter]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_peek {
    use super::*;

    #[processor(from = In, peek, to = Out)]
    fn look(_: Option<&str>) {}

    topology!(App = [look]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_merge {
    use super::*;

    #[topic(name = "left", key = Option<String>, value = Option<String>)]
    struct Left;
    #[topic(name = "right", key = Option<String>, value = Option<String>)]
    struct Right;

    #[processor(from = [Left, Right], merge, to = Out)]
    struct Both;

    topology!(App = [Both]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Left>().reads::<Right>().writes::<Out>()
    }
}

#[topic(name = "out-a", key = Option<String>, value = Option<String>)]
struct OutA;
#[topic(name = "out-long", key = Option<String>, value = Option<String>)]
struct OutLong;

mod kstream_split_default {
    use super::*;

    #[topic(name = "out-rest", key = Option<String>, value = Option<String>)]
    struct OutRest;

    #[derive(Branches)]
    enum ByStart {
        A(String),
        Long(String),
        Rest(Option<String>),
    }

    #[processor(from = In, split)]
    fn by_start(value: Option<String>) -> ByStart {
        match value {
            Some(value) if value.starts_with('A') => ByStart::A(value),
            Some(value) if value.chars().count() > 4 => ByStart::Long(value),
            rest => ByStart::Rest(rest),
        }
    }

    #[processor(from = ByStart::A, to = OutA)]
    struct ToA;
    #[processor(from = ByStart::Long, to = OutLong)]
    struct ToLong;
    #[processor(from = ByStart::Rest, to = OutRest)]
    struct ToRest;

    topology!(App = [by_start, ToA, ToLong, ToRest]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutA>().writes::<OutLong>().writes::<OutRest>()
    }
}

mod kstream_split_no_default {
    use super::*;

    #[derive(Branches)]
    enum ByStart {
        A(String),
        Long(String),
        Neither,
    }

    #[processor(from = In, split)]
    fn by_start(value: Option<String>) -> ByStart {
        match value {
            Some(value) if value.starts_with('A') => ByStart::A(value),
            Some(value) if value.chars().count() > 4 => ByStart::Long(value),
            _ => ByStart::Neither,
        }
    }

    #[processor(from = ByStart::A, to = OutA)]
    struct ToA;
    #[processor(from = ByStart::Long, to = OutLong)]
    struct ToLong;

    topology!(App = [by_start, ToA, ToLong]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutA>().writes::<OutLong>()
    }
}

mod kstream_dynamic_topic {
    use super::*;

    #[topic(name = "out-b", key = Option<String>, value = Option<String>)]
    struct OutB;
    #[topic(name = "out-other", key = Option<String>, value = Option<String>)]
    struct OutOther;

    #[derive(Branches)]
    enum Route {
        A(Option<String>),
        B(Option<String>),
        Other(Option<String>),
    }

    #[processor(from = In, split)]
    fn route(key: Option<&str>, value: Option<String>) -> Route {
        match key {
            Some("A") => Route::A(value),
            Some("B") => Route::B(value),
            _ => Route::Other(value),
        }
    }

    #[processor(from = Route::A, to = OutA)]
    struct ToA;
    #[processor(from = Route::B, to = OutB)]
    struct ToB;
    #[processor(from = Route::Other, to = OutOther)]
    struct ToOther;

    topology!(App = [route, ToA, ToB, ToOther]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutA>().writes::<OutB>().writes::<OutOther>()
    }
}

mod kstream_chain {
    use super::*;

    #[processor(from = In, filter_map_values)]
    fn some(value: Option<String>) -> Option<String> {
        value
    }

    #[processor(from = some, map_values)]
    fn shout(value: &str) -> String {
        value.to_uppercase()
    }

    #[processor(from = shout, select_key)]
    fn by_length(value: &str) -> String {
        value.chars().count().to_string()
    }

    #[processor(from = by_length, filter_not, to = Out)]
    fn empty(key: &str, _: &str) -> bool {
        key == "0"
    }

    topology!(App = [some, shout, by_length, empty]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_repartition {
    use super::*;

    #[processor(from = In, filter_map, repartition(partitions = 3), name = "by-letter")]
    fn by_letter(value: Option<String>) -> Option<(String, String)> {
        Some((first_letter(value.as_deref())?, value?))
    }

    #[processor(from = by_letter, map_values, to = Out)]
    fn with_letter(letter: &str, value: &str) -> String {
        format!("{letter}/{value}")
    }

    topology!(App = [by_letter, with_letter]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_headers_and_timestamp {
    use super::*;

    #[processor(from = In, filter_map_values)]
    fn some(value: Option<String>) -> Option<String> {
        value
    }

    #[processor(from = some, map)]
    fn shout(key: Option<&str>, value: &str) -> (Option<String>, String) {
        (upper(key), value.to_uppercase())
    }

    #[processor(from = shout, flat_map_values)]
    fn words(value: &str) -> Vec<String> {
        words_of(Some(value))
    }

    #[processor(from = words, select_key, to = Out)]
    fn by_word(word: &str) -> String {
        word.to_owned()
    }

    topology!(App = [some, shout, words, by_word]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_numeric_serdes {
    use super::*;

    #[topic(name = "in", key = Option<i32>, value = Option<f64>)]
    struct Doubles;
    #[topic(name = "out", key = Option<i32>, value = Option<i64>)]
    struct Longs;

    #[processor(from = Doubles, map_values, to = Longs)]
    fn quarters(value: Option<f64>) -> Option<i64> {
        value.map(|value| (value * 4.0).floor() as i64)
    }

    topology!(App = [quarters]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Doubles>().writes::<Longs>()
    }
}

mod kstream_fan_out {
    use super::*;

    #[topic(name = "out-1", key = Option<String>, value = Option<String>)]
    struct Out1;
    #[topic(name = "out-2", key = Option<String>, value = Option<String>)]
    struct Out2;
    #[topic(name = "out-3", key = Option<String>, value = Option<String>)]
    struct Out3;

    #[processor(from = In, filter, to = Out1)]
    fn some(value: Option<&str>) -> bool {
        value.is_some()
    }

    #[processor(from = In, map_values, to = Out2)]
    fn shout(value: Option<&str>) -> Option<String> {
        upper(value)
    }

    #[processor(from = [some, In], merge, to = Out3)]
    struct Both;

    topology!(App = [some, shout, Both]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out1>().writes::<Out2>().writes::<Out3>()
    }
}

mod kstream_two_topic_source {
    use super::*;

    #[topic(name = "a", key = Option<String>, value = Option<String>)]
    struct A;
    #[topic(name = "b", key = Option<String>, value = Option<String>)]
    struct B;

    #[processor(from = [A, B], map_values, to = Out)]
    fn shout(value: Option<&str>) -> Option<String> {
        upper(value)
    }

    topology!(App = [shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<A>().reads::<B>().writes::<Out>()
    }
}
