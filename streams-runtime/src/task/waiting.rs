//! What was fetched for a task and waits to be processed, and which of its inputs are fetched at all.
//!
//! Knows buffers and about how much memory they take. Does not know how much there is, nor who fetches.

use super::Task;
use super::input::Input;
use crate::mutants::mutant;
use crate::transport::{Message, TopicPartition};

/// Records of a task that wait to be processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) records: usize,
    /// About how much memory they take.
    pub(crate) bytes: usize,
}

impl<M: Message> Task<M> {
    /// A fetched record of input `input`.
    #[inline]
    pub fn buffer(&mut self, input: usize, message: M) {
        let input = &mut self.inputs[input];
        debug_assert!(
            message.offset() >= input.buffer.back().map_or(input.position, |last| last.offset() + 1),
            "a record came twice"
        );
        input.ended_at = None;
        input.bytes += message.size();
        input.buffer.push_back(message);
    }

    /// The log has nothing more of input `input` before `position`.
    #[inline]
    pub fn ended(&mut self, input: usize, position: i64) {
        mutant!(EndIgnored => return);
        let input = &mut self.inputs[input];
        input.ended_at = Some(position);
        input.settle();
    }

    /// True if records wait that were fetched and not processed.
    #[inline]
    pub fn has_fetched(&self) -> bool {
        self.inputs.iter().any(|input| !input.buffer.is_empty())
    }

    /// True if it is known of every input that nothing more is there, or nothing more is read. Before the first fetch
    /// it is not known.
    pub fn is_at_ends(&self) -> bool {
        self.is_done() || self.inputs.iter().all(|input| input.ended_at.is_some())
    }

    /// Drops what was fetched and will not be processed.
    pub fn drop_fetched(&mut self) {
        for input in &mut self.inputs {
            // Only control records can stand between the last record and the one that failed: that nothing is left before that one
            // must not be forgotten with it.
            if input.is_stopped() {
                input.position = input.position.max(input.stop);
            }
            input.buffer.clear();
            input.bytes = 0;
            input.held = false;
            input.head = None;
            input.ended_at = None;
        }
    }

    /// What waits to be processed.
    pub(crate) fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        for input in &self.inputs {
            waiting.records += input.buffer.len();
            waiting.bytes += input.bytes;
        }
        waiting
    }

    /// True if it cannot go on before something comes that is not there yet. Only a task of several inputs can be.
    pub(crate) fn lacks_an_input(&self) -> bool {
        self.inputs.len() > 1 && self.inputs.iter().any(Input::is_waiting)
    }

    /// How many inputs it has.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The partition of input `input`, if nothing more should be fetched for it from now on: it has more than `bytes`
    /// while the task lacks another one. It is held until [`release`](Task::release).
    pub(crate) fn hold(&mut self, input: usize, bytes: usize) -> Option<TopicPartition> {
        let input = &mut self.inputs[input];
        if input.held || input.bytes <= bytes {
            return None;
        }
        input.held = true;
        Some(input.partition_of())
    }

    /// The partition of input `input` and where fetching goes on, if it is held and has no more than `bytes` left.
    pub(crate) fn release(&mut self, input: usize, bytes: usize) -> Option<(TopicPartition, i64)> {
        let input = &mut self.inputs[input];
        if !input.held || input.bytes > bytes {
            return None;
        }
        input.held = false;
        let position = input.buffer.back().map_or(input.position, |last| last.offset() + 1);
        Some((input.partition_of(), position))
    }

    /// True if an input is held.
    pub(crate) fn is_held(&self) -> bool {
        self.inputs.iter().any(|input| input.held)
    }
}
