//! The broker and the tools, before anything is built on them.

mod lifecycle;
mod proxied;
mod supervision;
mod tools;
