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

impl<T: Serialize + DeserializeOwned + 'static> Serde for Json<T> {
    type Type = T;
    const NAME: &'static str = "Json";

    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        serde_json::to_writer(out, value).map_err(SerdeError::new)
    }

    fn decode(bytes: &[u8]) -> Result<T, SerdeError> {
        serde_json::from_slice(bytes).map_err(SerdeError::new)
    }
}
