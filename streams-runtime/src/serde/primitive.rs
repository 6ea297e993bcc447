//! Formats that are their own type: text, bytes, numbers as Kafka's `Serdes` write them (big-endian).

use super::{DefaultSerde, Serde, SerdeError};
use crate::few;
use bytes::Bytes;

impl Serde for String {
    type Type = String;
    const NAME: &'static str = "String";
    const CANONICAL: bool = true;

    fn encode(value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<String, SerdeError> {
        str::from_utf8(bytes).map(str::to_owned).map_err(SerdeError::new)
    }

    fn decode_into(bytes: &[u8], place: &mut Option<String>) -> Result<(), SerdeError> {
        let text = str::from_utf8(bytes).map_err(SerdeError::new)?;
        match place {
            Some(old) => {
                old.clear();
                old.push_str(text);
            }
            None => *place = Some(text.to_owned()),
        }
        Ok(())
    }
}

impl DefaultSerde for String {
    type Serde = String;
}

impl Serde for Vec<u8> {
    type Type = Vec<u8>;
    const NAME: &'static str = "Vec<u8>";
    const CANONICAL: bool = true;

    fn encode(value: &Vec<u8>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        few::append(out, value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>, SerdeError> {
        Ok(bytes.to_vec())
    }

    fn decode_into(bytes: &[u8], place: &mut Option<Vec<u8>>) -> Result<(), SerdeError> {
        match place {
            Some(old) => {
                old.clear();
                few::append(old, bytes);
            }
            None => *place = Some(bytes.to_vec()),
        }
        Ok(())
    }
}

impl DefaultSerde for Vec<u8> {
    type Serde = Vec<u8>;
}

impl Serde for Bytes {
    type Type = Bytes;
    const NAME: &'static str = "Bytes";
    const CANONICAL: bool = true;

    fn encode(value: &Bytes, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Bytes, SerdeError> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}

impl DefaultSerde for Bytes {
    type Serde = Bytes;
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Serde for $number {
            type Type = $number;
            const NAME: &'static str = stringify!($number);
            const TEXT: bool = false;
            const CANONICAL: bool = true;

            fn encode(value: &$number, out: &mut Vec<u8>) -> Result<(), SerdeError> {
                out.extend_from_slice(&value.to_be_bytes());
                Ok(())
            }

            fn decode(bytes: &[u8]) -> Result<$number, SerdeError> {
                match bytes.try_into() {
                    Ok(bytes) => Ok(<$number>::from_be_bytes(bytes)),
                    Err(_) => Err(SerdeError::new(format!(
                        "{} is {} bytes long, not {}",
                        stringify!($number),
                        size_of::<$number>(),
                        bytes.len(),
                    ))),
                }
            }

            fn show(bytes: &[u8]) -> String {
                Self::decode(bytes).map_or_else(|e| e.to_string(), |number| number.to_string())
            }

            fn read(text: &str) -> Result<Vec<u8>, SerdeError> {
                let number: $number = text.trim().parse().map_err(SerdeError::new)?;
                Ok(number.to_be_bytes().to_vec())
            }
        }

        impl DefaultSerde for $number {
            type Serde = $number;
        }
    )* };
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64);

impl Serde for bool {
    type Type = bool;
    const NAME: &'static str = "bool";
    const TEXT: bool = false;
    const CANONICAL: bool = true;

    fn encode(value: &bool, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.push(u8::from(*value));
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<bool, SerdeError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(SerdeError::new("a bool is one byte, 0 or 1")),
        }
    }

    fn show(bytes: &[u8]) -> String {
        Self::decode(bytes).map_or_else(|e| e.to_string(), |flag| flag.to_string())
    }

    fn read(text: &str) -> Result<Vec<u8>, SerdeError> {
        let flag: bool = text.trim().parse().map_err(SerdeError::new)?;
        Ok(vec![u8::from(flag)])
    }
}

impl DefaultSerde for bool {
    type Serde = bool;
}

impl Serde for () {
    type Type = ();
    const NAME: &'static str = "()";

    fn encode((): &(), _: &mut Vec<u8>) -> Result<(), SerdeError> {
        Ok(())
    }

    fn decode(_: &[u8]) -> Result<(), SerdeError> {
        Ok(())
    }
}

impl DefaultSerde for () {
    type Serde = ();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<S: Serde>(value: &S::Type) -> Vec<u8> {
        let mut out = Vec::new();
        S::encode(value, &mut out).unwrap();
        out
    }

    #[test]
    fn numbers_are_big_endian_as_in_kafka() {
        assert_eq!(encoded::<i64>(&-2), [255, 255, 255, 255, 255, 255, 255, 254]);
        assert_eq!(i32::decode(&[0, 0, 1, 0]).unwrap(), 256);
        assert_eq!(i64::decode(&[1]).unwrap_err().to_string(), "i64 is 8 bytes long, not 1");
    }

    #[test]
    fn text_must_be_utf8_and_its_memory_is_used_again() {
        let mut place = Some(String::with_capacity(64));
        let before = place.as_ref().unwrap().as_ptr();
        String::decode_into(b"apple", &mut place).unwrap();
        assert_eq!((place.as_deref(), place.as_ref().unwrap().as_ptr()), (Some("apple"), before));
        assert!(String::decode(&[0xff]).is_err());
    }

    #[test]
    fn what_is_shown_can_be_read() {
        assert_eq!(i64::read(&i64::show(&encoded::<i64>(&-7))).unwrap(), encoded::<i64>(&-7));
        assert_eq!(bool::read("true").unwrap(), [1]);
        assert!(u8::read("300").is_err());
    }
}
