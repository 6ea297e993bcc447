//! Rules on steps that keep rows.

use super::inputs::KnownValue;
use super::message::{Message, same};
use crate::stream::{Kind, Lineage, Nulls, Step, Stream};

/// Rows are kept where their key's records are.
#[track_caller]
pub const fn needs_key<S: Step>() {
    let from = <S::From as Stream>::ID.name;
    if <S::KeyIn as Nulls>::NULLABLE {
        Message::new()
            .name(S::ID.name)
            .text(" needs a key, but keys of ")
            .name(from)
            .text(" can be null")
            .help()
            .text("add `null_key = skip` to leave such records out and count them, as Kafka Streams does")
            .panic()
    }
    let message = Message::new().text("cannot keep ").name(from).text(" by key in ").name(S::ID.name);
    match <S::From as Stream>::LINEAGE {
        Lineage::Rekeyed { by } => rekeyed(message, from, by),
        Lineage::Mixed(a, b) => message
            .text(": it merges topics of ")
            .number(a as u64)
            .text(" and ")
            .number(b as u64)
            .text(" partitions")
            .help()
            .text("declare the same `partitions`, or add `repartition` to a step that merges them")
            .panic(),
        _ => {}
    }
}

#[track_caller]
pub(super) const fn rekeyed(message: Message, stream: &str, by: &str) -> ! {
    let message = message.text(": ").name(by);
    let message = match same(by, stream) {
        true => message.text(" changes the key"),
        false => message.text(" changed the key of ").name(stream),
    };
    message
        .help()
        .text("add `repartition` to ")
        .name(by)
        .text(", which moves its records to the partitions of their new keys")
        .panic()
}

/// An aggregate reads a stream; of a table it would have to take old rows back.
#[track_caller]
pub const fn table_source<S: Step>() {
    if matches!(<S::From as Stream>::KIND, Kind::Table) {
        Message::new()
            .text("`#[ktable(")
            .text(S::OPERATOR)
            .text(")]` reads a stream, but ")
            .name(<S::From as Stream>::ID.name)
            .text(" is a table")
            .help()
            .text("to work on its updates, put `#[processor(from = ")
            .text(<S::From as Stream>::ID.name)
            .text(", merge)] struct Updates;` in between")
            .panic()
    }
}

/// A topic read as a table has decided what a null means.
#[track_caller]
pub const fn decides_deletes<S: Step>() {
    let reads = <S::From as Stream>::READS;
    let mut i = 0;
    while i < reads.len() {
        if let Some(topic) = &reads[i].topic
            && !topic.decides_nulls
        {
            let name = reads[i].id.name;
            Message::new()
                .text("topic ")
                .name(name)
                .text(" does not say what a null value means, and ")
                .name(S::ID.name)
                .text(" reads it as a table")
                .help()
                .text("a compacted topic deletes with nulls: write `value = Option<...>` in ")
                .name(name)
                .text("; or `null_value = skip` to leave them out, `null_value = fail` to stop at the first one")
                .panic()
        }
        i += 1;
    }
}

/// The row of a `reduce` is a value, and can be missing where values can.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reduces `{Value}`s, so its row cannot be a `{Row}`",
    label = "expected `{Value}`",
    note = "the row of a `reduce` is of the type of the values; for another one use `aggregate`"
)]
pub trait ReducesTo<Row, Value> {}
impl<S, V> ReducesTo<V, V> for S {}

/// `reduce`.
#[track_caller]
pub const fn reduces<S>(row_can_be_missing: bool)
where
    S: Step,
    S: ReducesTo<S::Value, KnownValue<S::From, S>>,
{
    if <S::ValueIn as Nulls>::NULLABLE && !row_can_be_missing {
        Message::new()
            .text("values of ")
            .name(<S::From as Stream>::ID.name)
            .text(" can be null, so the row of ")
            .name(S::ID.name)
            .text(" can be missing")
            .help()
            .text("take `&mut Option<...>` and `Option<&...>`, or add `null_value = skip` to leave nulls out and count them")
            .panic()
    }
}

/// Whether a `count` counts nulls has to be said where there can be some.
#[track_caller]
pub const fn counts_nulls<S: Step>() {
    if <S::ValueIn as Nulls>::NULLABLE {
        Message::new()
            .text("values of ")
            .name(<S::From as Stream>::ID.name)
            .text(" can be null: say whether `count` counts them")
            .help()
            .text("add `null_value = skip` (Kafka Streams without windows) or `null_value = keep` (with windows)")
            .panic()
    }
}
