//! Rules on what a step reads: branches, merges, nulls.

use super::known::{BranchNames, NO_BRANCH};
use super::message::{Message, same};
use crate::stream::{Kind, Nulls, Step, Stream};

/// Finds a branch by its name.
#[track_caller]
pub const fn branch(branches: Option<BranchNames>, name: &str, of: &str) -> usize {
    let Some((names, carries)) = branches else { return NO_BRANCH };
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

/// A function of key and value takes them in this order.
#[track_caller]
pub const fn in_order(in_order: bool, step: &str) {
    if !in_order {
        Message::new()
            .name(step)
            .text(" takes the value before the key")
            .help()
            .text("swap the two parameters: the key comes first")
            .panic()
    }
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
#[track_caller]
pub const fn merges<First, Other>()
where
    First: Stream,
    Other: Stream,
    Other: SameRecord<(Other::Key, KnownValue<Other, First>), (First::Key, KnownValue<First, Other>), First>,
{
    if let (Some(first), Some(other)) = (First::WINDOW_MS, Other::WINDOW_MS)
        && first != other
    {
        Message::new()
            .text("cannot merge ")
            .name(First::ID.name)
            .text(" and ")
            .name(Other::ID.name)
            .text(": their windows are ")
            .span(first)
            .text(" and ")
            .span(other)
            .text(" long")
            .help()
            .text("make both with windows of one length")
            .panic()
    }
}

/// The value of `S`; where it is not known, that of the other side.
pub type KnownValue<S, Other> =
    <<S as Stream>::ValueNulls as Nulls>::Known<<S as Stream>::Value, <Other as Stream>::Value>;

/// The key of `S`; where it is not known, that of the other side.
pub type KnownKey<S, Other> =
    <<S as Stream>::KeyNulls as Nulls>::Known<<S as Stream>::Key, <Other as Stream>::Key>;

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
        let message = Message::new()
            .text(side)
            .text(" of ")
            .name(<S::From as Stream>::ID.name)
            .text(" are never null")
            .help();
        if key && makes_keys(S::OPERATOR) {
            message
                .text("`null_key` is about the key that comes in; to leave records out by the key you make, use ")
                .text("`filter_map` and return `None`")
                .panic()
        }
        message
            .text("remove ")
            .name(argument)
            .text("; nulls in a topic itself are a matter of its `#[topic]`")
            .panic()
    }
}

const fn makes_keys(operator: &str) -> bool {
    same(operator, "select_key")
        || same(operator, "map")
        || same(operator, "filter_map")
        || same(operator, "flat_map")
}

/// `from = X`: something that can be read, and a split is read branch by branch. `link` is what the user wrote, and
/// `branch` whether that is a branch.
#[track_caller]
pub const fn reads<S: Stream>(is_stream: bool, link: &str, branch: bool, branches: Option<BranchNames>) {
    if !is_stream && branch {
        Message::new()
            .text("no step splits into the enum of ")
            .name(link)
            .help()
            .text("put `#[processor(from = ..., split)]` on a function that returns it")
            .panic()
    }
    if !is_stream {
        Message::new()
            .name(link)
            .text(" is not a stream")
            .help()
            .text(
                "`from` takes a `#[topic]`, a `#[processor]`, a `#[ktable]` or a branch like `BySize::Large`",
            )
            .panic()
    }
    if matches!(S::KIND, Kind::Split) {
        let mut message = Message::new()
            .name(S::ID.name)
            .text(" is a split, and its records are in its branches")
            .help()
            .text("read one of the enum's branches, as in `from = MyEnum::Branch`");
        if let Some((names, carries)) = branches {
            let (mut i, mut first) = (0, true);
            while i < names.len() {
                if carries[i] {
                    message = message.text(if first { ": " } else { ", " }).name(names[i]);
                    first = false;
                }
                i += 1;
            }
        }
        message.panic()
    }
}
