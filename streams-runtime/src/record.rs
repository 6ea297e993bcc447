//! What a record carries besides its key and value: time and headers.
//!
//! Knows nothing of topics, formats or steps.

use std::rc::Rc;

/// Event time in milliseconds since the Unix epoch.
///
/// Like Kafka's record timestamps it is signed; a negative one means "no time" and never reaches a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `ms` milliseconds after the Unix epoch.
    ///
    /// ```
    /// use streams_runtime::Timestamp;
    /// assert_eq!(Timestamp::from_ms(1_500).as_ms(), 1_500);
    /// ```
    pub const fn from_ms(ms: i64) -> Self {
        Timestamp(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_ms(self) -> i64 {
        self.0
    }
}

/// One header: a name and bytes, or a name and null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name; names may repeat.
    pub name: String,
    /// The value; Kafka allows null.
    pub value: Option<Vec<u8>>,
}

/// The headers of a record, in order, names may repeat.
///
/// Most records have none and most steps pass them on untouched, so a clone is cheap and none at all costs
/// nothing.
///
/// ```
/// use streams_runtime::Headers;
/// let mut headers = Headers::new();
/// headers.add("trace", "42");
/// assert_eq!(headers.last("trace"), Some(&b"42"[..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Option<Rc<Vec<Header>>>);

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Headers(None)
    }

    /// Adds a header after the existing ones.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.push(Header { name: name.into(), value: Some(value.into()) });
    }

    /// Adds a header, whose value may be null, after the existing ones.
    pub fn push(&mut self, header: Header) {
        Rc::make_mut(self.0.get_or_insert_with(Default::default)).push(header);
    }

    /// The bytes of the last header called `name`, as `Headers.lastHeader` in Kafka.
    pub fn last(&self, name: &str) -> Option<&[u8]> {
        self.iter().rev().find(|h| h.name == name)?.value.as_deref()
    }

    /// All headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.as_deref().map(Vec::as_slice).unwrap_or_default().iter()
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// True if there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many bytes their names and values have.
    #[cold]
    pub(crate) fn size(&self) -> usize {
        self.iter().map(|header| header.name.len() + header.value.as_ref().map_or(0, Vec::len)).sum()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let headers: Vec<Header> = headers.into_iter().collect();
        Headers(if headers.is_empty() { None } else { Some(Rc::new(headers)) })
    }
}
