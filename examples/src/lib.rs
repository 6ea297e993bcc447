//! Placeholder until its first module.
