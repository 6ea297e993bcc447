//! How the parameters of an annotated function are filled.
//!
//! Position says what is key and what is value: one is the value, two are key and value. Context parameters
//! (`Timestamp`, `&Headers`, `Source`) come last and are known by their type's name. Does not know what a step reads: whether
//! a parameter fits is for the compiler.

use crate::errors::Errors;
use crate::span::head;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, ItemFn, Type};

/// Names of types that are filled from the context.
const CONTEXT: &[&str] = &["Timestamp", "Headers", "Source"];

/// The parameters of one function, by role.
pub struct Params<'f> {
    /// The aggregate, for `aggregate` and `reduce`.
    pub state: Option<&'f Type>,
    /// The key, if the function takes it.
    pub key: Option<&'f Type>,
    /// The value.
    pub value: Option<&'f Type>,
    joined: Option<&'f Type>,
    context: Vec<&'f Type>,
}

/// What a function of an operator takes besides key and value.
#[derive(Clone, Copy, PartialEq)]
pub enum Takes {
    /// Nothing.
    Record,
    /// `&mut State` first.
    State,
    /// A row of another table last.
    Row,
}

impl Takes {
    /// What a function of this operator takes.
    pub fn of(operator: &str) -> Takes {
        match operator {
            "join" | "left_join" => Takes::Row,
            "reduce" | "aggregate" => Takes::State,
            _ => Takes::Record,
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Takes::Record => "`fn(value)` or `fn(key, value)`",
            Takes::State => "`fn(&mut State, value)` or `fn(&mut State, key, value)`",
            Takes::Row => "`fn(value, row)` or `fn(key, value, row)`",
        }
    }
}

fn is_context(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_context(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|s| CONTEXT.iter().any(|c| s.ident == c)),
        _ => false,
    }
}

impl<'f> Params<'f> {
    /// Sorts the parameters of `function`.
    pub fn of(function: &'f ItemFn, takes: Takes, operator: &str, errors: &mut Errors) -> Option<Params<'f>> {
        let mut types: Vec<&Type> = function
            .sig
            .inputs
            .iter()
            .filter_map(|input| match input {
                FnArg::Typed(typed) => Some(&*typed.ty),
                FnArg::Receiver(_) => None,
            })
            .collect();
        let others = usize::from(takes != Takes::Record);
        let mut context = Vec::new();
        while types.len() > 1 + others && types.last().is_some_and(|ty| is_context(ty)) {
            context.insert(0, types.pop()?);
        }
        if types.len() < 1 + others {
            let what = if types.is_empty() { "no parameter" } else { "too few parameters" };
            errors.push(
                &function.sig.ident,
                format!(
                    "`{}` has {what} for `{operator}`\nhelp: its shape is {}",
                    function.sig.ident,
                    takes.usage()
                ),
            );
            return None;
        }
        if let Some(extra) = types.get(2 + others) {
            errors.push(
                extra,
                format!(
                    "`{operator}` does not know what to pass for this parameter\nhelp: its shape is {}, and then `Timestamp`, `&Headers` or `Source`",
                    takes.usage()
                ),
            );
            return None;
        }
        let state = (takes == Takes::State).then(|| types.remove(0));
        let joined = (takes == Takes::Row).then(|| types.pop()).flatten();
        let value = types.pop();
        Some(Params { state, key: types.pop(), value, joined, context })
    }

    /// The expressions that fill key, value, row and context, in the order of the parameters. They name the
    /// locals `__key`, `__value`, `__row`, `__cx`. Each is spanned to its parameter's type: it is the check as
    /// well.
    pub fn arguments(&self, join: TokenStream) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let at = |ty: &Type| Span::call_site().located_at(head(ty));
        let mut arguments = TokenStream::new();
        if let Some(ty) = self.key {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::KeyArg<'_, _, <Self as #p::Step>::KeyIn, <Self as #p::Step>::From, Self>>::arg(&mut __key.slot),
            });
        }
        if let Some(ty) = self.value {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::ValueArg<'_, _, <Self as #p::Step>::ValueIn, <Self as #p::Step>::From, Self>>::arg(__value),
            });
        }
        if let Some(ty) = self.joined {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::Joined<
                    '_, _, <<Self as #p::RunJoin>::Join as #p::Stream>::KeyNulls, #p::join::#join, <Self as #p::RunJoin>::Join, Self,
                >>::joined(__row),
            });
        }
        for ty in &self.context {
            arguments.extend(quote_spanned!(at(ty)=> #p::Extra::extra(__cx),));
        }
        arguments
    }
}
