//! How much memory rows and waiting records may take, and who gets which part of it.
//!
//! One number for the process. A fixed part of it goes to each use, and what is for workers is shared out evenly, so
//! that no worker ever asks another one and the same input makes the same decisions again:
//!
//! ```text
//! 1/4   blocks, index blocks and write buffers of all stores on disk
//! 3/8   rows that workers keep: typed, changed, committed and not yet on the disk
//! 1/4   records that were fetched and wait to be processed
//! 1/8   nobody's: what an allocator and a compaction need beside what is counted
//! ```
//!
//! What a worker does as its part fills up is in `pressure`. What librdkafka holds for its connections is not part of
//! it: its own properties bound that. It does not know stores or tasks.

/// The memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    bytes: usize,
}

impl Budget {
    /// 256 MiB.
    pub const DEFAULT: u64 = 256 << 20;
    /// Below this a single batch would not fit: 16 MiB.
    pub const SMALLEST: u64 = 16 << 20;
    /// More than machines have.
    pub const LARGEST: u64 = 1 << 40;

    /// That many bytes.
    pub fn of(bytes: u64) -> Self {
        Budget { bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
    }

    /// For blocks and write buffers of all stores on disk together.
    pub fn disk(self) -> usize {
        self.bytes / 4
    }

    /// For one of so many workers.
    pub fn worker(self, workers: usize) -> Share {
        let workers = workers.max(1);
        Share { rows: self.bytes / 8 * 3 / workers, records: self.bytes / 4 / workers }
    }
}

/// The part of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// For rows, in bytes.
    pub rows: usize,
    /// For records that wait, in bytes.
    pub records: usize,
}

impl Share {
    /// Nothing is given up, nobody hurries.
    pub const UNBOUNDED: Share = Share { rows: usize::MAX, records: usize::MAX };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_is_left() {
        let budget = Budget::of(Budget::DEFAULT);
        let four = budget.worker(4);
        assert_eq!(budget.disk() + 4 * (four.rows + four.records), Budget::DEFAULT as usize / 8 * 7);
        assert_eq!(budget.worker(1), Share { rows: 96 << 20, records: 64 << 20 });
        assert_eq!(budget.worker(0), budget.worker(1));
    }
}
