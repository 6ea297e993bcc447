//! A client that is in a group and reads nothing: to be seen there, or to make the group share out anew.
//!
//! Knows what a group must be answered. Does not know why the client is there.

use crate::transport::{Consumer, Event, TransportError};

/// Follows the group: what is taken away again was read by nobody.
///
/// # Errors
/// If the group is not heard, or does not hear.
pub(super) fn follow(member: &mut impl Consumer) -> Result<(), TransportError> {
    let mut events = Vec::new();
    member.poll(&mut events, 1)?;
    for event in &events {
        if let Event::Revoked(partitions) | Event::Lost(partitions) = event {
            member.revoked(partitions)?;
        }
    }
    Ok(())
}
