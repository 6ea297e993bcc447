//! Topics and streams read as tables.
//!
//! The row-by-row operators of tables (`filter`, `map_values` in a `#[ktable]`) are written here as steps on a table's
//! updates, for those scenarios in which both mean the same: nobody knows the old row, so every row that leaves is a
//! delete.

use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, OutNumbers, first_letter, upper};
use streams_runtime::prelude::*;

scenarios! {
    ktable_source, ktable_source_plain, ktable_filter_plain, ktable_filter_materialized, ktable_map_values,
    ktable_map_values_materialized, ktable_to_stream_rekeyed, kstream_to_table, kstream_rekeyed_to_table,
}

mod ktable_source {
    use super::*;

    #[ktable(store = "words", from = In, null_key = skip, to = Out)]
    struct Words;

    topology!(App = [Words]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<Words>()
    }
}

mod ktable_source_plain {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, to = Out)]
    struct Updates;

    topology!(App = [Words, Updates]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod ktable_filter_plain {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, map_values, to = Out)]
    fn long(word: Option<String>) -> Option<String> {
        word.filter(|word| word.chars().count() > 4)
    }

    topology!(App = [Words, long]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod ktable_filter_materialized {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, map_values)]
    fn long(word: Option<String>) -> Option<String> {
        word.filter(|word| word.chars().count() > 4)
    }

    #[ktable(store = "long-words", from = long, to = Out)]
    struct LongWords;

    topology!(App = [Words, long, LongWords]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<LongWords>()
    }
}

mod ktable_map_values {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, map_values, to = Out)]
    fn shout(word: Option<&str>) -> Option<String> {
        upper(word)
    }

    topology!(App = [Words, shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod ktable_map_values_materialized {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, map_values)]
    fn length(word: Option<&str>) -> Option<i64> {
        word.map(|word| word.chars().count() as i64).filter(|length| *length > 0)
    }

    #[ktable(store = "lengths", from = length, to = OutNumbers)]
    struct Lengths;

    topology!(App = [Words, length, Lengths]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<OutNumbers>().keeps::<Lengths>()
    }
}

mod ktable_to_stream_rekeyed {
    use super::*;

    #[ktable(from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, select_key, to = Out)]
    fn shouted_key(key: &str, _: Option<&str>) -> String {
        format!("{key}!")
    }

    topology!(App = [Words, shouted_key]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod kstream_to_table {
    use super::*;

    #[processor(from = In)]
    struct Stream;

    #[ktable(store = "latest", from = Stream, null_key = skip, to = Out)]
    struct Latest;

    topology!(App = [Stream, Latest]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<Latest>()
    }
}

mod kstream_rekeyed_to_table {
    use super::*;

    #[processor(from = In, filter_map, repartition)]
    fn by_letter(value: Option<String>) -> Option<(String, String)> {
        Some((first_letter(value.as_deref())?, value?))
    }

    #[ktable(store = "latest", from = by_letter, to = Out)]
    struct Latest;

    topology!(App = [by_letter, Latest]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<Latest>()
    }
}
