//! The catalogue of errors.

fn main() {}
