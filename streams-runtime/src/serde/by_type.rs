//! The format a type brings along, used where nobody named one.

use super::{Serde, SerdeError};
use std::marker::PhantomData;

/// The format of a type where no attribute names one: after a step that changed key or value.
///
/// `String`, integers, `bool`, floats, `Vec<u8>` and [`bytes::Bytes`] have one; `#[derive(DefaultSerde)]` gives a
/// struct or enum of yours [`Json`](super::Json).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no format to be stored or sent in",
    label = "no default format",
    note = "put `#[derive(DefaultSerde)]` on `{Self}`, or name its format: `repartition(value = Json<{Self}>)`, and beside a `store` `value = Json<{Self}>`; for a key write `key` instead of `value`"
)]
pub trait DefaultSerde: Sized + 'static {
    /// The format.
    type Serde: Serde<Type = Self>;
}

/// "Whatever format `T` brings along": what a step emits whose key or value is new.
pub struct ByType<T>(PhantomData<T>);

impl<T: DefaultSerde> Serde for ByType<T> {
    type Type = T;
    const NAME: &'static str = T::Serde::NAME;
    const CANONICAL: bool = T::Serde::CANONICAL;
    const TEXT: bool = T::Serde::TEXT;

    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        T::Serde::encode(value, out)
    }

    fn decode(bytes: &[u8]) -> Result<T, SerdeError> {
        T::Serde::decode(bytes)
    }

    fn decode_into(bytes: &[u8], place: &mut Option<T>) -> Result<(), SerdeError> {
        T::Serde::decode_into(bytes, place)
    }

    fn show(bytes: &[u8]) -> String {
        T::Serde::show(bytes)
    }

    fn read(text: &str) -> Result<Vec<u8>, SerdeError> {
        T::Serde::read(text)
    }
}
