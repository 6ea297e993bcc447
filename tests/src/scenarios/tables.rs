//! Topics and streams read as tables.

use super::binding::Binding;
use super::scenarios;
use super::topics::{In, Out, first_letter};
use streams_runtime::{ktable, processor, topology};

scenarios! {
    ktable_source, ktable_source_plain, ktable_to_stream_rekeyed, kstream_to_table, kstream_rekeyed_to_table,
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

    #[ktable(store = "words", from = In, null_key = skip)]
    struct Words;

    #[processor(from = Words, to = Out)]
    struct Updates;

    topology!(App = [Words, Updates]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod ktable_to_stream_rekeyed {
    use super::*;

    #[ktable(store = "words", from = In, null_key = skip)]
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

    /// Reads the topic as a stream first.
    #[processor(from = In, peek)]
    fn stream(_: Option<&str>) {}

    #[ktable(store = "latest", from = stream, null_key = skip, to = Out)]
    struct Latest;

    topology!(App = [stream, Latest]);

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
