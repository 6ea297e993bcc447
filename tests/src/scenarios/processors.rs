//! What Kafka Streams writes with its Processor API and needs none here.

use super::binding::Binding;
use super::scenarios;
use super::topics::In;
use streams_runtime::prelude::*;

scenarios! { papi_forward_to_child }

/// A null goes to both children, so they are two filters rather than two branches of a split.
mod papi_forward_to_child {
    use super::*;

    #[topic(name = "evens", key = Option<String>, value = Option<String>)]
    struct Evens;
    #[topic(name = "odds", key = Option<String>, value = Option<String>)]
    struct Odds;

    #[processor(from = In, filter, to = Evens)]
    fn even(value: Option<&str>) -> bool {
        value.is_none_or(|value| value.chars().count() % 2 == 0)
    }

    #[processor(from = In, filter, to = Odds)]
    fn odd(value: Option<&str>) -> bool {
        value.is_none_or(|value| value.chars().count() % 2 == 1)
    }

    topology!(App = [even, odd]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Evens>().writes::<Odds>()
    }
}
