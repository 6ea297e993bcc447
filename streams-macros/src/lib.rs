//! The attribute macros of streams.
