//! Rules on what a step reads: branches, merges, nulls.

use super::message::{Message, same};
use crate::stream::{Kind, Nulls, Step, Stream};

/// Finds a branch by its name.
#[track_caller]
pub const fn branch(names: &[&str], carries: &[bool], name: &str, of: &str) -> usize {
    let mut i = 0;
    while i < names.len() {
        if same(names[i], name) {
            if !carries[i] {
                Message::new()
                    .text("branch `")
                    .text(of)
                    .text("::")
                    .text(name)
                    .text("` carries nothing: its records are dropped")
                    .help()
                    .text("give the variant a value")
                    .panic()
            }
            return i;
        }
        i += 1;
    }
    let mut message =
        Message::new().name(of).text(" has no branch ").name(name).help().text("its branches are ");
    let mut i = 0;
    while i < names.len() {
        if i > 0 {
            message = message.text(", ");
        }
        message = message.name(names[i]);
        i += 1;
    }
    message.panic()
}

/// Two inputs of one step carry like records.
#[diagnostic::on_unimplemented(
    message = "cannot merge `{First}` and `{Self}`: their records differ",
    label = "`{Mine}` here, `{Its}` in `{First}`",
    note = "turn both into one type: `from = [A => MyEnum::A, B => MyEnum::B]`"
)]
pub trait SameRecord<Mine, Its, First> {}
impl<S, R, First> SameRecord<R, R, First> for S {}

/// `from = [First, Other]`.
pub const fn merges<First: Stream, Other: Stream>()
where
    Other: SameRecord<(Other::Key, Other::Value), (First::Key, First::Value), First>,
{
}

/// `null_key = ...` and `null_value = ...` only stand where nulls can occur.
#[track_caller]
pub const fn null_policy<S: Step>(key: bool) {
    let nullable = if key {
        <<S::From as Stream>::KeyNulls as Nulls>::NULLABLE
    } else {
        <<S::From as Stream>::ValueNulls as Nulls>::NULLABLE
    };
    if !nullable {
        let (side, argument) = if key { ("keys", "null_key") } else { ("values", "null_value") };
        Message::new()
            .text(side)
            .text(" of ")
            .name(<S::From as Stream>::ID.name)
            .text(" are never null")
            .help()
            .text("remove ")
            .name(argument)
            .text("; nulls in the topic itself are a matter of the `#[topic]`")
            .panic()
    }
}

/// `from = X`: a split is read branch by branch.
#[track_caller]
pub const fn reads<S: Step>() {
    if matches!(<S::From as Stream>::KIND, Kind::Split) {
        Message::new()
            .name(<S::From as Stream>::ID.name)
            .text(" is a split, and its records are in its branches")
            .help()
            .text("read one branch, `from = Branches::Name`, or several, `from = [Branches::A, Branches::B]`")
            .panic()
    }
}
