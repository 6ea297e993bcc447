//! What generated code names. Not an interface: it changes whenever the macros do.

pub use crate::args::{CarriedKey, CarriedValue, JoinArg, KeyArg, LeftJoinArg, ValueArg};
pub use crate::context::{Context, Extra};
pub use crate::failure::{Failure, UserError};
pub use crate::operators::*;
pub use crate::policy::{NoTime, Policy, StepPolicy, TopicPolicy};
pub use crate::slot::{KeySlot, Slot};
pub use crate::stream::*;
pub use crate::topology::Entry;
pub use crate::verify::*;
pub use crate::window::{Tumbling, Windowed};
pub use crate::wiring::{Child, Port, Push, Wiring};

/// Reads a step through its internal topic.
pub fn attach_through_topic<S>(wiring: &mut Wiring, child: Child<S::Key, S::Value>)
where
    S: Step<KeySerde: crate::Serde<Type = S::Key>, ValueSerde: crate::Serde<Type = S::Value>>,
{
    wiring.source::<Internal<S>>().attach(child);
}

/// Reads a topic.
pub fn attach_to_topic<T>(wiring: &mut Wiring, child: Child<T::Key, T::Value>)
where
    T: Topic<KeySerde: crate::Serde<Type = T::Key>, ValueSerde: crate::Serde<Type = T::Value>>,
{
    wiring.source::<External<T>>().attach(child);
}

/// What a `timestamp = f` function of a topic of present values may take.
#[diagnostic::on_unimplemented(
    message = "the `timestamp` function of `{Topic}` takes `&{V}`, not `{Self}`",
    label = "takes `{Self}`",
    note = "it is a function of the topic's value: write `fn(&{V}) -> Timestamp`"
)]
pub trait TimeOf<'r, V, Topic> {
    /// Takes it.
    fn time_of(value: &'r V) -> Self;
}

impl<'r, V, T> TimeOf<'r, V, T> for &'r V {
    fn time_of(value: &'r V) -> Self {
        value
    }
}

impl<'r, T> TimeOf<'r, String, T> for &'r str {
    fn time_of(value: &'r String) -> Self {
        value
    }
}

impl<'r, T> TimeOf<'r, Vec<u8>, T> for &'r [u8] {
    fn time_of(value: &'r Vec<u8>) -> Self {
        value
    }
}

/// What a `timestamp = f` function of a topic of nullable values may take.
#[diagnostic::on_unimplemented(
    message = "the `timestamp` function of `{Topic}` takes `Option<&{V}>`, not `{Self}`",
    label = "takes `{Self}`",
    note = "values of `{Topic}` can be null: write `fn(Option<&{V}>) -> Option<Timestamp>`"
)]
pub trait TimeOfNullable<'r, V, Topic> {
    /// Takes it.
    fn time_of(value: Option<&'r V>) -> Self;
}

impl<'r, V, T> TimeOfNullable<'r, V, T> for Option<&'r V> {
    fn time_of(value: Option<&'r V>) -> Self {
        value
    }
}

impl<'r, T> TimeOfNullable<'r, String, T> for Option<&'r str> {
    fn time_of(value: Option<&'r String>) -> Self {
        value.map(String::as_str)
    }
}

impl<'r, T> TimeOfNullable<'r, Vec<u8>, T> for Option<&'r [u8]> {
    fn time_of(value: Option<&'r Vec<u8>>) -> Self {
        value.map(Vec::as_slice)
    }
}

/// What a `timestamp = f` function may return.
#[diagnostic::on_unimplemented(
    message = "a `timestamp` function returns `Timestamp` or `Option<Timestamp>`, not `{Self}`",
    label = "not a time"
)]
pub trait IntoTime {
    /// The time, `None` if there is none.
    fn into_time(self) -> Option<crate::Timestamp>;
}

impl IntoTime for crate::Timestamp {
    fn into_time(self) -> Option<crate::Timestamp> {
        Some(self)
    }
}

impl IntoTime for Option<crate::Timestamp> {
    fn into_time(self) -> Option<crate::Timestamp> {
        self
    }
}

/// The first row of an aggregate, from `init = f`.
pub fn first<T>(init: impl FnOnce() -> T) -> T {
    init()
}

/// A row that starts as its default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `Default` to start the aggregate from",
    label = "the first row is `Default::default()`",
    note = "put `#[derive(Default)]` on `{Self}`, name a function with `init = ...`, or take `&mut Option<{Self}>`"
)]
pub trait Starts: Default {}
#[diagnostic::do_not_recommend]
impl<T: Default> Starts for T {}

/// The first row of an aggregate without `init`.
pub fn first_of<T: Starts>() -> T {
    T::default()
}

/// The first value of a `reduce` is its row. `verify::reduces` has compared the types, in words of our own.
#[inline]
pub fn first_value<V: 'static, R: 'static>(mut value: Option<V>) -> Option<R> {
    let value: &mut dyn std::any::Any = &mut value;
    value.downcast_mut::<Option<R>>().and_then(Option::take)
}

/// The error of a user's function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a step can return",
    label = "returned here",
    note = "a step returns `Result<T, E>` where `E` implements `std::error::Error + Send + Sync`, or is a text or an `anyhow::Error`"
)]
pub trait IntoUserError {
    /// Boxes it.
    fn into_user_error(self) -> UserError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<UserError>> IntoUserError for E {
    fn into_user_error(self) -> UserError {
        self.into()
    }
}

/// Boxes the error of a user's function.
#[cold]
pub fn user_error<E: IntoUserError>(error: E) -> UserError {
    error.into_user_error()
}
