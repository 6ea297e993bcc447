//! Rules on joins of a stream with a table.

use super::inputs::KnownKey;
use super::message::{Message, same};
use super::state::rekeyed;
use crate::operators::RunJoin;
use crate::stream::{Kind, Lineage, Nulls, Step, Stream, Table};

/// Both sides have the same key.
#[diagnostic::on_unimplemented(
    message = "cannot join `{From}` with `{Join}`: their keys differ",
    label = "keyed by `{JoinKey}`, but `{From}` is keyed by `{FromKey}`",
    note = "re-key `{From}` with a `#[processor(select_key, repartition)]` before the join; a table below `#[window]` is keyed by `Windowed<K>`"
)]
pub trait JoinsOnKey<FromKey, JoinKey, From, Join> {}
impl<S, Key, From, Join> JoinsOnKey<Key, Key, From, Join> for S {}

/// `join = T`, `left_join = T`.
#[track_caller]
pub const fn joins<S>(link: &str)
where
    S: RunJoin,
    S: JoinsOnKey<KnownKey<S::From, S::Join>, KnownKey<S::Join, S::From>, S::From, S::Join>,
{
    if <S::Join as Table>::STORE.name.is_empty() {
        rowless(<S::From as Stream>::ID.name, link, <S::Join as Stream>::KIND)
    }
    let (from, join) = (<S::From as Stream>::ID.name, <S::Join as Stream>::ID.name);
    if S::INNER && <<S as Step>::KeyIn as Nulls>::NULLABLE {
        Message::new()
            .text("cannot join ")
            .name(from)
            .text(" with ")
            .name(join)
            .text(": keys of ")
            .name(from)
            .text(" can be null")
            .help()
            .text("add `null_key = skip` to leave such records out and count them, or use `left_join`")
            .panic()
    }
    if <<S as Step>::ValueIn as Nulls>::NULLABLE {
        Message::new()
            .text("cannot join ")
            .name(from)
            .text(" with ")
            .name(join)
            .text(": values of ")
            .name(from)
            .text(" can be null")
            .help()
            .text("add `null_value = skip` to leave such records out and count them, as Kafka Streams does")
            .panic()
    }
    let message = Message::new().text("cannot join ").name(from).text(" with ").name(join);
    match (<S::From as Stream>::LINEAGE, <S::Join as Stream>::LINEAGE) {
        (Lineage::Rekeyed { by }, _) => rekeyed(message, from, by),
        (_, Lineage::Rekeyed { by }) => rekeyed(message, join, by),
        (Lineage::Mixed(a, b), _) | (_, Lineage::Mixed(a, b)) => message
            .text(": one side merges topics of ")
            .number(a as u64)
            .text(" and ")
            .number(b as u64)
            .text(" partitions")
            .help()
            .text("declare the same `partitions`, or add `repartition` to a step that merges them")
            .panic(),
        (Lineage::Count(a), Lineage::Count(b)) if a != b => message
            .text(": they have ")
            .number(a as u64)
            .text(" and ")
            .number(b as u64)
            .text(" partitions")
            .help()
            .text("declare the same `partitions` on both topics, or add `repartition` before the join")
            .panic(),
        _ => {}
    }
    if let (Some(mine), Some(its)) = (<S::From as Stream>::WINDOW_MS, <S::Join as Stream>::WINDOW_MS)
        && mine != its
    {
        Message::new()
            .text("cannot join ")
            .name(from)
            .text(" with ")
            .name(join)
            .text(": their windows are ")
            .span(mine)
            .text(" and ")
            .span(its)
            .text(" long")
            .help()
            .text("make both with windows of one length: a row is found by its key and its window")
            .panic()
    }
    // Equal keys in unlike bytes would be on unlike partitions.
    let (mine, its) = (<S::From as Stream>::KEY_FORMAT, <S::Join as Stream>::KEY_FORMAT);
    if !mine.is_empty() && !its.is_empty() && !same(mine, its) {
        Message::new()
            .text("cannot join ")
            .name(from)
            .text(" with ")
            .name(join)
            .text(": their keys are written as ")
            .name(mine)
            .text(" and as ")
            .name(its)
            .help()
            .text(
                "use one format for both, or add `repartition(key = ...)` with the other one before the join",
            )
            .panic()
    }
}

#[track_caller]
const fn rowless(from: &str, link: &str, kind: Kind) -> ! {
    let message = Message::new().text("cannot join ").name(from).text(" with ").name(link).text(": ");
    let keep = "keep it as a table first, `#[ktable(store = \"...\", from = ";
    match kind {
        Kind::Topic | Kind::Stream => message
            .text(if matches!(kind, Kind::Topic) { "it is a topic" } else { "it is a stream" })
            .text(", and a join looks up rows")
            .help()
            .text(keep)
            .text(link)
            .text(")] struct MyTable;`, and join that"),
        Kind::Table => message
            .text("it is a table that keeps no rows")
            .help()
            .text("add `store = \"...\"` to ")
            .name(link),
        Kind::Split => message.text("it is a split, and a join looks up rows").help().text(
            "keep one of its branches as a table, `#[ktable(store = \"...\", from = MyEnum::MyBranch)]`",
        ),
        Kind::Unknown => {
            message.text("it is not a table").help().text("`join` takes a `#[ktable]` with a `store`")
        }
    }
    .panic()
}
