//! `#[window]`: the windows of an aggregate. It stands below `#[ktable]`, which reads and removes it.
//!
//! Knows spans of time as the user wrote them; does not know which windows a record falls into.

use crate::args::Args;
use crate::errors::Errors;
use crate::time::Duration;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta};

/// A year; nobody keeps every window open for longer.
const SENSIBLE_GRACE_MS: i64 = 366 * 86_400_000;

const ON_PROCESSOR: &str = "`#[window]` belongs to a table, and a `#[processor]` keeps no rows\nhelp: aggregate with `#[ktable(store = \"...\", from = ..., aggregate)]`";

/// Windows as declared.
pub struct Window {
    /// How long one is.
    pub size_ms: i64,
    /// How late records may be.
    pub grace_ms: i64,
    /// How long windows are kept.
    pub retention_ms: i64,
    /// Names the attribute's path, so that its import counts as used.
    pub used: TokenStream,
}

impl Window {
    /// Takes `#[window]` out of the attributes.
    pub fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Window> {
        let at = attributes.iter().position(is_window)?;
        let attribute = attributes.remove(at);
        if let Some(second) = attributes.iter().position(is_window) {
            let second = attributes.remove(second);
            errors.push(&second, "a table has one `#[window]`\nhelp: remove this one");
        }
        Some(Window::parse(&attribute, errors))
    }

    fn parse(attribute: &Attribute, errors: &mut Errors) -> Window {
        let tokens = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let before = errors.len();
        let mut args = Args::parse(tokens, "window", &["tumbling", "grace", "retention"], &[], errors);
        let given = (args.has("tumbling"), args.has("grace"));
        let size = args.duration("tumbling", errors);
        let grace = args.duration("grace", errors);
        let retention = args.duration("retention", errors);
        // An argument that nobody knows was probably meant to be the missing one.
        if errors.len() == before {
            missing(attribute, given, errors);
        }
        check(size.as_ref(), grace.as_ref(), retention.as_ref(), errors);
        // After an error a window of some size goes on, so that what is behind it is not wrong as well.
        let size_ms = size.map_or(1, |size| size.ms.max(1));
        let grace_ms = grace.map_or(0, |grace| grace.ms);
        let retention_ms = retention.map_or(size_ms.saturating_add(grace_ms), |retention| retention.ms);
        Window { size_ms, grace_ms, retention_ms, used: used(attribute) }
    }

    /// Takes `#[window]` out of the attributes of something that keeps no rows, where it is an error.
    /// Gives back what makes its import count as used.
    pub fn refuse(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<TokenStream> {
        let attribute = attributes.remove(attributes.iter().position(is_window)?);
        errors.push(&attribute, ON_PROCESSOR);
        Some(used(&attribute))
    }

    /// The type.
    pub fn ty(&self) -> TokenStream {
        let (size, grace) = (self.size_ms, self.grace_ms);
        quote!(::streams_runtime::__private::Tumbling<#size, #grace>)
    }
}

/// Names the attribute's path, so that its import counts as used although the attribute is gone.
fn used(attribute: &Attribute) -> TokenStream {
    let path = attribute.path();
    quote! { const _: () = { #[allow(unused_imports)] use #path as _; }; }
}

fn missing(attribute: &Attribute, (size, grace): (bool, bool), errors: &mut Errors) {
    if !size {
        errors.push(
            attribute,
            "`#[window]` does not say how long its windows are\nhelp: add `tumbling = \"15s\"`",
        );
    } else if !grace {
        errors.push(
            attribute,
            "`#[window]` does not say how late a record may be\nhelp: add `grace = \"5s\"`, or `grace = \"0s\"` if none may; what comes later is left out and counted",
        );
    }
}

/// Spans of time that contradict one another, or cannot be meant.
fn check(
    size: Option<&Duration>,
    grace: Option<&Duration>,
    retention: Option<&Duration>,
    errors: &mut Errors,
) {
    if let Some(size) = size
        && size.ms == 0
    {
        errors.push(&size.text, "a window cannot be empty\nhelp: write a size such as `\"15s\"`");
    }
    if let Some(grace) = grace
        && grace.ms > SENSIBLE_GRACE_MS
    {
        errors.push(
            &grace.text,
            format!(
                "a grace of `{}` keeps every window open for more than a year\nhelp: grace is how late a record may be, such as `\"5s\"` or `\"1h\"`",
                grace.text.value()
            ),
        );
    }
    if let (Some(size), Some(grace), Some(retention)) = (size, grace, retention) {
        let open = size.ms.saturating_add(grace.ms);
        if retention.ms < open {
            errors.push(
                &retention.text,
                format!(
                    "windows are open for `{0}` with their grace, so they cannot be kept for `{1}` only\nhelp: write `retention = \"{0}\"` or more, or remove it",
                    Duration::shown(open),
                    retention.text.value(),
                ),
            );
        }
    }
}

fn is_window(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "window")
}

/// `#[window]` that no `#[ktable]` took: alone, on something else, or above it. Above a `#[ktable]` it moves itself
/// below.
pub fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed: Option<syn::Item> = syn::parse2(item.clone()).ok();
    let attributes = match parsed {
        Some(syn::Item::Fn(function)) => function.attrs,
        Some(syn::Item::Struct(unit)) => unit.attrs,
        _ => Vec::new(),
    };
    let below =
        |name: &str| attributes.iter().any(|a| a.path().segments.last().is_some_and(|s| s.ident == name));
    if below("ktable") {
        return moved_below(attribute, item);
    }
    let message = match below("processor") {
        true => ON_PROCESSOR,
        false => {
            "`#[window]` belongs to a `#[ktable]`\nhelp: put `#[ktable(store = \"...\", from = ..., count)]` above it"
        }
    };
    errors.push_at(proc_macro2::Span::call_site(), message);
    errors.finish(item, TokenStream::new())
}

/// Puts `#[window(..)]` behind the other attributes of an item: they are the leading `#`, `[..]` pairs.
fn moved_below(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens = item.into_iter().peekable();
    let mut attributes = TokenStream::new();
    while let Some(proc_macro2::TokenTree::Punct(hash)) = tokens.peek() {
        if hash.as_char() != '#' {
            break;
        }
        attributes.extend(tokens.next());
        attributes.extend(tokens.next());
    }
    let rest: TokenStream = tokens.collect();
    quote!(#attributes #[::streams_runtime::window(#attribute)] #rest)
}
