//! Rules on what a step writes.

use super::message::Message;
use crate::serde::Serde;
use crate::stream::{Nulls, Step, Stream, Topic};

/// A step's records are those of the topic it writes to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` emits `{Emitted}`, but topic `{To}` takes `{Taken}`",
    label = "takes `{Taken}`",
    note = "change what `{Self}` returns, or the `key` and `value` of `{To}`"
)]
pub trait Emits<Emitted, Taken, To> {}
impl<S, R, To> Emits<R, R, To> for S {}

/// `to = T`.
#[track_caller]
pub const fn writes<S: Step, T: Topic>()
where
    S: Emits<(S::Key, S::Value), (T::Key, T::Value), T>,
{
    let key = <S::KeyNulls as Nulls>::NULLABLE && !<T::KeyNulls as Nulls>::NULLABLE;
    let value = <S::ValueNulls as Nulls>::NULLABLE && !<T::ValueNulls as Nulls>::NULLABLE;
    if key || value {
        let (side, argument) = if key { ("keys", "key") } else { ("values", "value") };
        Message::new()
            .name(S::ID.name)
            .text(" may emit null ")
            .text(side)
            .text(", but topic ")
            .name(T::ID.name)
            .text(" takes none")
            .help()
            .text("declare `")
            .text(argument)
            .text(" = Option<...>` in ")
            .name(T::ID.name)
            .text(", or leave nulls out before")
            .panic()
    }
}

/// `repartition` needs both formats, and is of no use to tables.
pub const fn repartitions<S: Step>()
where
    <S as Stream>::KeySerde: Serde,
    <S as Stream>::ValueSerde: Serde,
{
}
