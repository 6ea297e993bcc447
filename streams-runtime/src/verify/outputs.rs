//! Rules on what a step writes.

use super::inputs::{KnownKey, KnownValue};
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
pub const fn writes<S, T>(link: &str)
where
    S: Step,
    T: Topic,
    S: Emits<(KnownKey<S, T>, KnownValue<S, T>), (KnownKey<T, S>, KnownValue<T, S>), T>,
{
    if T::TOPIC.name.is_empty() {
        Message::new()
            .name(link)
            .text(" is not a topic")
            .help()
            .text("`to` takes a `#[topic]`; what a step emits is read by others with `from`")
            .panic()
    }
    if let (Some(mine), Some(its)) = (S::WINDOW_MS, T::WINDOW_MS)
        && mine != its
    {
        Message::new()
            .text("windows of ")
            .name(S::ID.name)
            .text(" are ")
            .span(mine)
            .text(" long, but the key of topic ")
            .name(T::ID.name)
            .text(" says ")
            .span(its)
            .help()
            .text("write `TimeWindowed<..., ")
            .number(mine as u64)
            .text(">` in the `key` of ")
            .name(T::ID.name)
            .text(": the length, in ms, is not in the bytes of a key")
            .panic()
    }
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

/// Says whether a type is an `Option` or a `Result` under another name: the inherent constant is there only for those,
/// and is found before the one of [`NotHidden`].
pub struct AsWritten<T>(std::marker::PhantomData<T>);

impl<T> AsWritten<Option<T>> {
    /// What it is.
    pub const HIDES: Option<&'static str> = Some("Option");
}

impl<T, E> AsWritten<Result<T, E>> {
    /// What it is.
    pub const HIDES: Option<&'static str> = Some("Result");
}

/// Everything else is what it is called.
pub trait NotHidden {
    /// Nothing.
    const HIDES: Option<&'static str> = None;
}
impl<T> NotHidden for AsWritten<T> {}

/// What a function returns is read from its words, so they have to be there.
#[track_caller]
pub const fn written_out(hides: Option<&'static str>, step: &str) {
    if let Some(what) = hides {
        let (article, shape) = if what.len() == 6 && what.as_bytes()[0] == b'O' {
            ("an", "Option<V>")
        } else {
            ("a", "Result<V, E>")
        };
        Message::new()
            .name(step)
            .text(" returns ")
            .text(article)
            .text(" ")
            .name(what)
            .text(" under another name")
            .help()
            .text("write it out as ")
            .name(shape)
            .text(": what a step does with nulls and errors is read from its signature")
            .panic()
    }
}

/// Bytes are needed: `F` is a format.
pub const fn usable<F: Serde>() {}

/// `key = F` for the untouched key of `From`.
#[track_caller]
pub const fn keeps_windows<F: Serde, From: Stream>() {
    if let (Some(format), Some(windows)) = (F::WINDOW_MS, From::WINDOW_MS)
        && format != windows
    {
        Message::new()
            .text("windows of ")
            .name(From::ID.name)
            .text(" are ")
            .span(windows)
            .text(" long, but this format says ")
            .span(format)
            .help()
            .text("write `TimeWindowed<..., ")
            .number(windows as u64)
            .text(">`: the length, in ms, is not in the bytes of a key")
            .panic()
    }
}

/// A format that an argument names is one of what it is named for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a format of `{Its}`, but here are `{Mine}`s",
    label = "not a format of `{Mine}`",
    note = "name a format of `{Mine}`, such as `Json<{Mine}>`, or leave it out"
)]
pub trait FormatOf<Its, Mine> {}
impl<F, T> FormatOf<T, T> for F {}

/// `key = F`, `value = F`: `F` is a format of `T`.
pub const fn formats<F, T>()
where
    F: Serde,
    F: FormatOf<F::Type, T>,
{
}
