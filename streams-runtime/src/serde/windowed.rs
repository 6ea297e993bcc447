//! Keys of windowed tables.

use super::{Serde, SerdeError};
use crate::record::Timestamp;
use crate::window::{TimeSpan, Windowed};
use std::marker::PhantomData;

/// A [`Windowed`] key of time windows `SIZE_MS` long: the key's bytes, then the start in 8 bytes, big-endian.
///
/// The bytes are those of Kafka Streams' `TimeWindowedSerializer`; the size is not in them, so the type must say it.
///
/// ```
/// use streams_runtime::{Serde, TimeWindowed};
/// let bytes = [b"ann".as_slice(), &15_000i64.to_be_bytes()].concat();
/// let key = TimeWindowed::<String, 15_000>::decode(&bytes).unwrap();
/// assert_eq!((key.key.as_str(), key.window.start, key.window.end), ("ann", 15_000, 30_000));
/// ```
pub struct TimeWindowed<S, const SIZE_MS: i64>(PhantomData<S>);

impl<S: Serde, const SIZE_MS: i64> Serde for TimeWindowed<S, SIZE_MS> {
    type Type = Windowed<S::Type>;
    // Of two windowed keys the formats inside are what can differ.
    const NAME: &'static str = S::NAME;
    const CANONICAL: bool = S::CANONICAL;
    const TEXT: bool = false;
    const WINDOW_MS: Option<i64> = Some(SIZE_MS);

    fn encode(value: &Windowed<S::Type>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        S::encode(&value.key, out)?;
        out.extend_from_slice(&value.window.start.to_be_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Windowed<S::Type>, SerdeError> {
        let Some((key, start)) = bytes.split_last_chunk::<8>() else {
            return Err(SerdeError::new("a windowed key ends with 8 bytes of window start"));
        };
        let start = i64::from_be_bytes(*start);
        // As in Kafka Streams, a window at the end of time is cut rather than wrapped.
        let window = TimeSpan { start, end: start.saturating_add(SIZE_MS) };
        Ok(Windowed { key: S::decode(key)?, window })
    }

    fn show(bytes: &[u8]) -> String {
        match bytes.split_last_chunk::<8>() {
            Some((key, start)) => {
                let start = Timestamp::from_ms(i64::from_be_bytes(*start));
                format!("{}@{start}/{}", S::show(key), length(SIZE_MS))
            }
            None => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    fn read(text: &str) -> Result<Vec<u8>, SerdeError> {
        let wrong = || SerdeError::new(format!("a windowed key is `key@start/{}`", length(SIZE_MS)));
        let (key, window) = text.rsplit_once('@').ok_or_else(wrong)?;
        let (start, size) = window.split_once('/').ok_or_else(wrong)?;
        if size != length(SIZE_MS) {
            return Err(wrong());
        }
        let start: Timestamp = start.parse().map_err(SerdeError::new)?;
        let mut bytes = S::read(key)?;
        bytes.extend_from_slice(&start.as_ms().to_be_bytes());
        Ok(bytes)
    }
}

/// `15s`: a length in the largest unit that leaves no rest.
fn length(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.into_iter().find(|(unit, _)| ms % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_shown_as_its_start_and_size() {
        type Key = TimeWindowed<String, 15_000>;
        let text = "ann@2022-12-05T08:55:15Z/15s";
        assert_eq!(Key::show(&Key::read(text).unwrap()), text);
        assert!(Key::read("ann@2022-12-05T08:55:15Z/1m").is_err());
        assert!(Key::read("ann").is_err());
    }
}
