//! A topology lists at least one step.

use streams_runtime::topology;

topology!(App = []);

fn main() {}
