//! Formats as the recordings write them: what JSON stands for which bytes.
//!
//! Knows one format at a time; knows neither topics nor records, and leaves nulls to its caller.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use streams_runtime::{ByType, DefaultSerde, Json, Serde, TimeWindowed};
use thiserror::Error;

/// JSON that is no key or value of a format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{json} is not {format}")]
pub struct InJsonError {
    /// What was to be turned into bytes.
    pub json: String,
    /// Of what format it is not.
    pub format: &'static str,
}

/// A format with a JSON form.
pub trait InJson: Serde {
    /// The bytes that `json` stands for. They need not be readable by the format.
    ///
    /// # Errors
    /// If `json` is of another kind.
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError>;

    /// What `bytes` look like; `None` if they are not of this format.
    fn to_json(bytes: &[u8]) -> Option<Value>;
}

fn refused(json: &Value, format: &'static str) -> InJsonError {
    InJsonError { json: json.to_string(), format }
}

impl InJson for String {
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
        json.as_str().map(|text| text.as_bytes().to_vec()).ok_or_else(|| refused(json, "a string"))
    }

    fn to_json(bytes: &[u8]) -> Option<Value> {
        String::decode(bytes).ok().map(Value::String)
    }
}

macro_rules! numbers {
    ($($number:ty: $as:ident, $name:literal;)*) => {$(
        impl InJson for $number {
            fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
                let number = json.$as().and_then(|number| <$number>::try_from(number).ok());
                number.map(|number| number.to_be_bytes().to_vec()).ok_or_else(|| refused(json, $name))
            }

            fn to_json(bytes: &[u8]) -> Option<Value> {
                <$number>::decode(bytes).ok().map(Value::from)
            }
        }
    )*};
}

numbers! {
    i32: as_i64, "an integer of 4 bytes";
    i64: as_i64, "an integer of 8 bytes";
    f64: as_f64, "a number";
}

impl<T: Serialize + DeserializeOwned + 'static> InJson for Json<T> {
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
        Ok(json.to_string().into_bytes())
    }

    fn to_json(bytes: &[u8]) -> Option<Value> {
        Self::decode(bytes).ok()?;
        serde_json::from_slice(bytes).ok()
    }
}

impl<T: DefaultSerde<Serde: InJson>> InJson for ByType<T> {
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
        T::Serde::from_json(json)
    }

    fn to_json(bytes: &[u8]) -> Option<Value> {
        T::Serde::to_json(bytes)
    }
}

impl<S: InJson, const SIZE_MS: i64> InJson for TimeWindowed<S, SIZE_MS> {
    fn from_json(json: &Value) -> Result<Vec<u8>, InJsonError> {
        let (key, start) = json
            .get("key")
            .zip(json.get("start").and_then(Value::as_i64))
            .ok_or_else(|| refused(json, "a windowed key"))?;
        let mut bytes = S::from_json(key)?;
        bytes.extend_from_slice(&start.to_be_bytes());
        Ok(bytes)
    }

    fn to_json(bytes: &[u8]) -> Option<Value> {
        let window = Self::decode(bytes).ok()?.window;
        let key = S::to_json(bytes.split_last_chunk::<8>()?.0)?;
        Some(json!({"key": key, "start": window.start, "end": window.end}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_the_json_says() {
        assert_eq!(String::from_json(&json!("é")).unwrap(), "é".as_bytes());
        assert_eq!(i32::from_json(&json!(-1)).unwrap(), [255; 4]);
        assert_eq!(f64::from_json(&json!(0.25)).unwrap(), 0.25f64.to_be_bytes());
        let windowed = json!({"key": "A", "start": 20, "end": 30});
        let bytes = TimeWindowed::<String, 10>::from_json(&windowed).unwrap();
        assert_eq!(bytes, [b"A".as_slice(), &20i64.to_be_bytes()].concat());
        assert_eq!(TimeWindowed::<String, 10>::to_json(&bytes), Some(windowed));
    }

    #[test]
    fn json_of_another_kind_is_refused() {
        let error = i32::from_json(&json!(2_147_483_648_i64)).unwrap_err();
        assert_eq!(error.to_string(), "2147483648 is not an integer of 4 bytes");
        assert!(String::from_json(&json!(1)).is_err());
        assert!(TimeWindowed::<String, 10>::from_json(&json!("A")).is_err());
    }

    #[test]
    fn bytes_of_another_format_have_no_json() {
        assert_eq!(String::to_json(&[0xff]), None);
        assert_eq!(i64::to_json(&[0; 7]), None);
        assert_eq!(Json::<Vec<u8>>::to_json(b"{}"), None);
        assert_eq!(Json::<Vec<u8>>::to_json(b"[1]"), Some(json!([1])));
    }
}
