//! What is measured: workloads, how many records, which guarantee.
//!
//! Sizes are such that Kafka Streams has compiled its hot code when the second half, which counts, begins.

use crate::workload::Workload;
use std::time::Duration;

/// One line of the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// What it is called.
    pub name: &'static str,
    /// What contenders are told.
    pub told: &'static str,
    /// What is done.
    pub workload: Workload,
    /// How many records go in.
    pub records: u64,
    /// The guarantee.
    pub exactly_once: bool,
    /// How often is committed.
    pub commit_interval: Duration,
    /// What happens.
    pub course: Course,
}

/// What happens in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The input is there; it is processed at full speed, until the output has all records.
    Written,
    /// The same, until the offsets of all inputs are committed: what is written is not visible before.
    Committed,
    /// A changelog is filled and the disk empty; until the first and the last output of a few records.
    Restored,
    /// A store was filled, the process killed; started again on its disk, until the outputs of a few records.
    Killed,
}

const ALOS: (bool, Duration) = (false, Duration::from_secs(30));
const EOS: (bool, Duration) = (true, Duration::from_millis(100));

const fn cell(
    name: &'static str,
    told: &'static str,
    workload: Workload,
    records: u64,
    (exactly_once, commit_interval): (bool, Duration),
    course: Course,
) -> Cell {
    Cell { name, told, workload, records, exactly_once, commit_interval, course }
}

/// All there are.
pub const CELLS: [Cell; 9] = [
    cell("W1", "W1", Workload::Stateless, 10_000_000, ALOS, Course::Written),
    cell("W1J", "W1J", Workload::Json, 5_000_000, ALOS, Course::Written),
    cell("W2", "W2", Workload::Count, 2_000_000, ALOS, Course::Written),
    cell("W3", "W3", Workload::Count, 3_000_000, ALOS, Course::Written),
    cell("W7", "W7", Workload::WordCount, 250_000, EOS, Course::Committed),
    cell("W7a", "W7", Workload::WordCount, 250_000, ALOS, Course::Written),
    cell("W8", "W8", Workload::Table, 1_000_000, ALOS, Course::Restored),
    cell("W8e", "W8", Workload::Table, 1_000_000, EOS, Course::Killed),
    cell("S1", "S1", Workload::Stateless, 1_000, ALOS, Course::Written),
];
