//! Kafka's framing: a length, then a message. A request begins with what it is and its number, an answer with the
//! number of its request.

use std::io::{self, Read, Write};

use super::Api;

/// As many bytes as a broker takes in one request.
const LIMIT: usize = 100 << 20;

/// One message without its length.
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = i32::try_from(self.0.len()).expect("no longer than it was read");
        // In one piece: two writes would be two packets.
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(&self.0);
        to.write_all(&bytes)
    }

    /// How many bytes it is on the wire.
    pub(super) fn len(&self) -> usize {
        self.0.len() + size_of::<i32>()
    }

    /// Of a request: its kind and its number.
    pub(super) fn request(&self) -> Option<(Api, i32)> {
        let api = i16::from_be_bytes(*self.0.first_chunk()?);
        // Between them is the version.
        let number = i32::from_be_bytes(*self.0.get(4..)?.first_chunk()?);
        Some((Api(api), number))
    }

    /// Of an answer: the number of its request.
    pub(super) fn answer(&self) -> Option<i32> {
        Some(i32::from_be_bytes(*self.0.first_chunk()?))
    }
}
