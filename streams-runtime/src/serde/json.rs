//! JSON through serde.

use super::{Serde, SerdeError};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// Exactly one JSON document in UTF-8; `T` is any serde type.
///
/// ```
/// use streams_runtime::{Json, Serde};
/// let mut bytes = Vec::new();
/// Json::<Vec<u32>>::encode(&vec![1, 2], &mut bytes).unwrap();
/// assert_eq!(bytes, b"[1,2]");
/// assert!(Json::<Vec<u32>>::decode(b"[1,2] and more").is_err());
/// ```
pub struct Json<T>(PhantomData<T>);

/// A type that JSON can be made of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as JSON and read again",
    label = "`Serialize` and `Deserialize` are not both there",
    note = "put `#[derive(serde::Serialize, serde::Deserialize)]` on `{Self}`"
)]
pub trait JsonValue: Serialize + DeserializeOwned + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> JsonValue for T {}

impl<T: JsonValue> Serde for Json<T> {
    type Type = T;
    const NAME: &'static str = "Json";

    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        serde_json::to_writer(out, value).map_err(SerdeError::new)
    }

    fn decode(bytes: &[u8]) -> Result<T, SerdeError> {
        serde_json::from_slice(bytes).map_err(SerdeError::new)
    }
}
