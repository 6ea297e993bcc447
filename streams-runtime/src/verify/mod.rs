//! Compile-time checks: every message that is not a macro's own stands in this folder.
//!
//! Types are compared by traits that always hold when two parameters are equal and carry everything their message
//! needs; numbers, names and the shape of the graph by `const fn`s that panic with a text. Each check is called
//! once, in a `const _` whose every token has the span of the user's token that is to be underlined; so the check
//! is the error, and there is one of it.
//!
//! Knows `stream`; knows nothing that runs.

mod graph;
mod inputs;
mod joins;
mod known;
mod message;
mod outputs;
mod state;

pub use graph::{Listed, NotListed, check_entry, entry};
pub use inputs::{KnownKey, KnownValue, SameRecord, branch, in_order, merges, null_policy, reads};
pub use joins::{JoinsOnKey, joins};
pub use known::{
    AsFormat, AsInput, AsTable, AsTopic, BranchNames, Formless, Is, IsNot, Known, NO_BRANCH, Nowhere, Pick,
    Rowless,
};
pub use message::Message;
pub use outputs::{
    AsWritten, Emits, FormatOf, NotHidden, formats, keeps_windows, usable, writes, written_out,
};
pub use state::{ReducesTo, counts_nulls, decides_deletes, needs_key, reduces, table_source};
