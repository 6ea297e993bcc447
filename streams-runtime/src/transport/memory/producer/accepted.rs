//! A membership that was accepted, so that it is not looked up by name for each commit.
//!
//! Knows proofs and the log's version. Does not know what is committed.

use crate::transport::memory::Log;
use crate::transport::{GroupMetadata, TransportError};
use std::rc::Rc;

/// A membership that is good for as long as the log's version stays.
pub(super) struct Accepted {
    proof: GroupMetadata,
    group: u32,
    version: u64,
}

impl Accepted {
    /// The number of the group, if it accepts this proof of membership.
    #[cold]
    pub(super) fn ask(
        accepted: &mut Option<Accepted>,
        log: &mut Log,
        proof: &GroupMetadata,
    ) -> Result<u32, TransportError> {
        let group = log.groups.number(&proof.group);
        log.groups.check(group, proof.generation, &proof.member, false)?;
        *accepted = Some(Accepted { proof: proof.clone(), group, version: log.version() });
        Ok(group)
    }

    /// The group's number, if this is still the proof and still good.
    #[inline]
    pub(super) fn group(&self, log: &Log, proof: &GroupMetadata) -> Option<u32> {
        let same = Rc::ptr_eq(&self.proof.group, &proof.group)
            && Rc::ptr_eq(&self.proof.member, &proof.member)
            && self.proof.generation == proof.generation
            && self.version == log.version();
        same.then_some(self.group)
    }
}
