//! The time of a record, taken from a field of its value.

use super::binding::Binding;
use super::scenarios;
use serde_json::Value;
use streams_runtime::prelude::*;

scenarios! {
    timestamp_from_field, timestamp_field_windowed, timestamp_fail, timestamp_skip, timestamp_partition_time,
}

/// Values as they came, with the time that was found in them.
#[topic(name = "out", key = Option<String>, value = Option<Json<Value>>)]
struct Out;

/// Field `at`, if there is one.
fn measured_at(reading: Option<&Value>) -> Option<Timestamp> {
    reading?.get("at")?.as_i64().map(Timestamp::from_ms)
}

/// Readings that all have a time: it is an error if one has none.
#[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, timestamp = measured_at)]
struct Readings;

mod timestamp_from_field {
    use super::*;

    #[processor(from = Readings, to = Out)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Readings>().writes::<Out>()
    }
}

mod timestamp_field_windowed {
    use super::*;

    #[topic(name = "out", key = TimeWindowed<String, 5_000>, value = i64)]
    struct Windows;

    #[ktable(store = "counts", from = Readings, count, null_key = skip, null_value = keep, to = Windows)]
    #[window(tumbling = "5s", grace = "2s")]
    struct Counts;

    topology!(App = [Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Readings>().writes::<Windows>()
    }
}

mod timestamp_fail {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, timestamp = measured_at, no_time = fail)]
    struct Strict;

    #[processor(from = Strict, to = Out)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Strict>().writes::<Out>()
    }
}

mod timestamp_skip {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, timestamp = measured_at, no_time = skip)]
    struct Lenient;

    #[processor(from = Lenient, to = Out)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Lenient>().writes::<Out>()
    }
}

mod timestamp_partition_time {
    use super::*;

    #[topic(
        name = "in", key = Option<String>, value = Option<Json<Value>>, timestamp = measured_at, no_time = partition_time
    )]
    struct Patient;

    #[processor(from = Patient, to = Out)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Patient>().writes::<Out>()
    }
}
