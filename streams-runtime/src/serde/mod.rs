//! Formats: how a type becomes bytes in a topic or a store, and back.
//!
//! A format is a *type* that is never instantiated: `String`, `i64`, [`Json<Order>`](Json), a user's own. It knows bytes;
//! it deliberately does not know topics, policies for bad input, or nulls: a null never reaches it.

mod by_type;
mod json;
mod primitive;
mod windowed;

pub use by_type::{ByType, DefaultSerde};
pub use json::Json;
pub use windowed::TimeWindowed;

use std::any::TypeId;

/// A pair of functions between a Rust type and bytes, as `org.apache.kafka.common.serialization.Serde`.
///
/// Implement it on a type of your own to bring a format:
///
/// ```
/// use streams_runtime::{Serde, SerdeError};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Celsius(f32);
///
/// /// One decimal digit, as text: `21.5`.
/// struct CelsiusText;
///
/// impl Serde for CelsiusText {
///     type Type = Celsius;
///     fn encode(value: &Celsius, out: &mut Vec<u8>) -> Result<(), SerdeError> {
///         out.extend_from_slice(format!("{:.1}", value.0).as_bytes());
///         Ok(())
///     }
///     fn decode(bytes: &[u8]) -> Result<Celsius, SerdeError> {
///         let text = str::from_utf8(bytes).map_err(SerdeError::new)?;
///         text.parse().map(Celsius).map_err(SerdeError::new)
///     }
/// }
///
/// assert_eq!(CelsiusText::decode(b"21.5").unwrap(), Celsius(21.5));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a format",
    label = "cannot turn this into bytes",
    note = "for a type of your own write `Json<{Self}>`, or `impl Serde`; `String`, `Bytes` and numbers are formats of themselves"
)]
pub trait Serde: 'static {
    /// What functions see.
    type Type: 'static;

    /// What the format is called, so that a join can tell apart two formats of one key, and a store what another program
    /// wrote in another format; `""` is never compared. Name yours, and give it another name when its bytes change.
    const NAME: &'static str = "";

    /// True if every value has one spelling: what [`decode`](Serde::decode) accepts,
    /// [`encode`](Serde::encode) gives back byte by byte. The bytes of such a key are kept beside it, so that no
    /// store or topic on its way encodes it again. Say it only if it is so: JSON with a blank in it is read, but not
    /// written again as it was.
    const CANONICAL: bool = false;

    /// True if the bytes are text, so that what a person wrote can be bytes that the format cannot read. Of a binary
    /// format a text that is no value is a mistake of the person.
    const TEXT: bool = true;

    /// The length of the windows of its keys, which is not in their bytes; `None` if nobody knows or there are none.
    #[doc(hidden)]
    const WINDOW_MS: Option<i64> = None;

    /// Appends the bytes of `value` to `out`.
    ///
    /// # Errors
    /// If the value has no form in this format. The encode policy of the topic decides what happens then.
    fn encode(value: &Self::Type, out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Reads a value from exactly these bytes.
    ///
    /// # Errors
    /// If they are not of this format. The decode policy of the topic decides what happens then.
    fn decode(bytes: &[u8]) -> Result<Self::Type, SerdeError>;

    /// As [`decode`](Serde::decode), into a place that may hold an older value whose memory can be used again.
    fn decode_into(bytes: &[u8], place: &mut Option<Self::Type>) -> Result<(), SerdeError> {
        *place = Some(Self::decode(bytes)?);
        Ok(())
    }

    /// The bytes as a person would write them; used for printed output and in error messages.
    fn show(bytes: &[u8]) -> String {
        match str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }

    /// The bytes of what a person wrote; the reverse of [`show`](Serde::show).
    ///
    /// # Errors
    /// If the text is not a value of this format.
    fn read(text: &str) -> Result<Vec<u8>, SerdeError> {
        let bytes = text.as_bytes().to_vec();
        Self::decode(&bytes)?;
        Ok(bytes)
    }
}

/// True if two streams, topics or stores write their keys alike, so that bytes of one are bytes of the other.
pub(crate) fn same_format<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

/// Why bytes could not be read or a value could not be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SerdeError(Box<dyn std::error::Error + Send + Sync>);

impl SerdeError {
    /// Wraps the cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        SerdeError(cause.into())
    }
}
