//! Bytes that cannot be read, functions that fail, values that cannot be written.

use super::binding::Binding;
use super::in_json::{InJson, InJsonError};
use super::scenarios;
use super::topics::{In, Out, upper, words_of};
use serde_json::Value;
use streams_runtime::prelude::*;
use thiserror::Error;

scenarios! {
    deserialization_continue, deserialization_fail, deserialization_continue_table, processing_fail,
    processing_continue, processing_continue_fan_out, processing_continue_aggregate, serialization_fail,
    serialization_continue,
}

#[topic(name = "out", key = Option<String>, value = Option<Json<Value>>)]
struct OutDocuments;

/// What is bad about some words.
#[derive(Debug, Error)]
#[error("boom")]
struct Blown;

/// Fails for three words.
fn fuse(word: &str) -> Result<(), Blown> {
    let blows = word == "boom" || word == "x" || word.eq_ignore_ascii_case("bus");
    if blows { Err(Blown) } else { Ok(()) }
}

mod deserialization_continue {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, decode = skip)]
    struct Documents;

    #[processor(from = Documents, to = OutDocuments)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Documents>().writes::<OutDocuments>()
    }
}

mod deserialization_fail {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, decode = fail)]
    struct Documents;

    #[processor(from = Documents, to = OutDocuments)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Documents>().writes::<OutDocuments>()
    }
}

mod deserialization_continue_table {
    use super::*;

    #[topic(name = "in", key = Option<String>, value = Option<Json<Value>>, decode = skip)]
    struct Documents;

    #[ktable(store = "table", from = Documents, null_key = skip, to = OutDocuments)]
    struct Rows;

    topology!(App = [Rows]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Documents>().writes::<OutDocuments>().keeps::<Rows>()
    }
}

mod processing_fail {
    use super::*;

    #[processor(from = In, map_values, error = fail, to = Out)]
    fn shout(value: Option<&str>) -> Result<Option<String>, Blown> {
        value.map_or(Ok(()), fuse)?;
        Ok(upper(value))
    }

    topology!(App = [shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod processing_continue {
    use super::*;

    #[processor(from = In, map_values, error = skip, to = Out)]
    fn shout(value: Option<&str>) -> Result<Option<String>, Blown> {
        value.map_or(Ok(()), fuse)?;
        Ok(upper(value))
    }

    topology!(App = [shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod processing_continue_fan_out {
    use super::*;

    #[processor(from = In, flat_map_values)]
    fn words(value: Option<&str>) -> Vec<String> {
        words_of(value)
    }

    #[processor(from = words, map_values, error = skip, to = Out)]
    fn shout(word: &str) -> Result<String, Blown> {
        fuse(word)?;
        Ok(word.to_uppercase())
    }

    topology!(App = [words, shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>()
    }
}

mod processing_continue_aggregate {
    use super::*;

    #[ktable(
        store = "joined", from = In, aggregate, null_key = skip, null_value = skip, error = skip, to = Out
    )]
    fn joined(all: &mut String, value: &str) -> Result<(), Blown> {
        if !all.is_empty() {
            all.push(',');
        }
        // The row is touched before it fails on purpose: what was done to it must not be seen.
        fuse(value)?;
        all.push_str(&value.to_uppercase());
        Ok(())
    }

    topology!(App = [joined]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<Out>().keeps::<joined>()
    }
}

/// Text that cannot be every word.
struct Picky;

impl Serde for Picky {
    type Type = String;

    fn encode(value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        fuse(value).map_err(SerdeError::new)?;
        String::encode(value, out)
    }

    fn decode(bytes: &[u8]) -> Result<String, SerdeError> {
        String::decode(bytes)
    }
}

impl InJson for Picky {
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
        String::from_json(json)
    }

    fn to_json(bytes: &[u8]) -> Option<Value> {
        String::to_json(bytes)
    }
}

mod serialization_fail {
    use super::*;

    #[topic(name = "out", key = Option<String>, value = Option<Picky>, encode = fail)]
    struct PickyOut;

    #[processor(from = In, to = PickyOut)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<PickyOut>()
    }
}

mod serialization_continue {
    use super::*;

    #[topic(name = "out", key = Option<String>, value = Option<Picky>, encode = skip)]
    struct PickyOut;

    #[processor(from = In, to = PickyOut)]
    struct Copy;

    topology!(App = [Copy]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<In>().writes::<PickyOut>()
    }
}
