//! `#[window]` belongs to a table.

use streams_runtime::window;

#[window(tumbling = "15s", grace = "5s")]
fn sum(_sum: &mut u64, _order: &u64) {}

fn main() {}
