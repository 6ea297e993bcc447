//! What others say about a task: which one, and when its rows are due.
//!
//! Knows numbers. Does not know tasks.

/// Which task: partition `partition` of sub-topology `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The sub-topology.
    pub sub: usize,
    /// The partition.
    pub partition: u32,
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.sub, self.partition)
    }
}

/// When committed rows are handed to the engines.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// Once so many bytes wait.
    pub bytes: usize,
    /// Once they may have waited for so long.
    pub ms: i64,
}

impl Due {
    /// At once.
    pub const NOW: Due = Due { bytes: 0, ms: 0 };
}
