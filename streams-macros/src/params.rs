//! How the parameters of an annotated function are filled.
//!
//! Position says what is key and what is value: one is the value, two are key and value. Context parameters
//! (`Timestamp`, `&Headers`, `Source`) come last and are known by their type's name.

use crate::errors::Errors;
use crate::shape::Nullable;
use crate::span::{check, head};
use proc_macro2::{Ident, Span, TokenStream};
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

    /// Whether key and value are in their order, as a const expression.
    fn in_order(&self, step: &Ident) -> Option<TokenStream> {
        let p = quote!(::streams_runtime::__private);
        let plain = |ty: &Type| match Nullable::owned_of(ty).ty {
            Type::Path(path) => Some(quote!(#path)).filter(|path| !path.to_string().contains('\'')),
            _ => None,
        };
        let (key, value) = (plain(self.key?)?, plain(self.value?)?);
        if key.to_string() == value.to_string() {
            return None;
        }
        let from = quote!(<#step as #p::Step>::From);
        let both = quote!(((&'static #key, &'static #value), (&'static <#from as #p::Stream>::Key, &'static <#from as #p::Stream>::Value)));
        Some(quote!(!#p::Is::<#both>::SWAPPED || #p::Is::<#both>::SAME))
    }

    /// `__IN_ORDER`, which the [arguments](Self::arguments) and the check name: found once, beside what is run.
    pub fn order(&self, step: &Ident) -> Option<TokenStream> {
        let in_order = self.in_order(step)?;
        Some(quote!(const __IN_ORDER: ::core::primitive::bool = #in_order;))
    }

    /// That key and value are in their order.
    pub fn order_check(&self, step: &Ident) -> Option<TokenStream> {
        self.in_order(step)?;
        let text = step.to_string();
        let call = quote!(::streams_runtime::__private::in_order(__IN_ORDER, #text));
        Some(check(call, &self.key?))
    }

    /// The expressions that fill key, value, row and context, in the order of the parameters. They name the
    /// locals `__key`, `__value`, `__row`, `__cx`. Each is spanned to its parameter's type: it is the check as
    /// well.
    pub fn arguments(&self, left: bool, step: &Ident) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let (mut key_in, mut value_in) =
            (quote!(<Self as #p::Step>::KeyIn), quote!(<Self as #p::Step>::ValueIn));
        if self.in_order(step).is_some() {
            // Swapped parameters are one error, which is not said here.
            key_in = quote!(<#p::Known<#key_in> as #p::Pick<{ __IN_ORDER }>>::It);
            value_in = quote!(<#p::Known<#value_in> as #p::Pick<{ __IN_ORDER }>>::It);
        }
        let at = |ty: &Type| Span::call_site().located_at(head(ty));
        let join = if left { quote!(LeftJoinArg) } else { quote!(JoinArg) };
        let mut arguments = TokenStream::new();
        if let Some(ty) = self.key {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::KeyArg<'_, _, #key_in, #p::CarriedKey<Self>, <Self as #p::Step>::From, Self>>::arg(&mut __key.slot),
            });
        }
        if let Some(ty) = self.value {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::ValueArg<'_, _, #value_in, #p::CarriedValue<Self>, <Self as #p::Step>::From, Self>>::arg(__value),
            });
        }
        if let Some(ty) = self.joined {
            arguments.extend(quote_spanned! { at(ty)=>
                <_ as #p::#join<
                    '_, _, <<Self as #p::RunJoin>::Join as #p::Stream>::KeyNulls, <Self as #p::RunJoin>::Join, Self,
                >>::joined(__row),
            });
        }
        for ty in &self.context {
            arguments.extend(quote_spanned!(at(ty)=> #p::Extra::extra(__cx),));
        }
        arguments
    }
}
