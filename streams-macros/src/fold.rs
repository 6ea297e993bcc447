//! What a `#[ktable]` keeps: the row, and the function that changes it.
//!
//! One method for each way to fill rows. Does not know stores, windows or formats.

use crate::errors::Errors;
use crate::params::{Params, Takes};
use crate::shape::{Nullable, Returned, nulls, option_of, shown};
use crate::span::{check, shown_at};
use crate::step::pass_on;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Type};

/// What an operator keeps.
pub struct Kept {
    /// The row's type.
    pub value: TokenStream,
    /// Whether rows can be deleted.
    pub value_nulls: TokenStream,
    /// The row's format, if no argument names one.
    pub value_serde: TokenStream,
    /// The impls that change a row.
    pub runs: TokenStream,
    /// How the step is connected.
    pub wire: TokenStream,
    /// Where the row's type stands: connecting needs it to be clonable.
    pub row_at: Span,
    /// Checks of its own.
    pub checks: TokenStream,
}

impl Kept {
    /// The records as they are. Without a store they only pass.
    pub fn records(name: &Ident, stored: bool) -> Kept {
        let p = quote!(::streams_runtime::__private);
        let (runs, wire) = match stored {
            true => (TokenStream::new(), quote!(#p::wire_table::<Self>(__wiring);)),
            false => (pass_on(name), quote!(#p::wire_peek::<Self>(__wiring);)),
        };
        Kept {
            value: quote!(<__From as #p::Stream>::Value),
            value_nulls: quote!(<Self as #p::Step>::ValueIn),
            value_serde: quote!(<__From as #p::Stream>::ValueSerde),
            runs,
            wire,
            row_at: Span::call_site(),
            checks: TokenStream::new(),
        }
    }

    /// Rows of a table whose function does not fit; there was an error already.
    pub fn guessed() -> Kept {
        Kept {
            value: quote!(()),
            value_nulls: quote!(::streams_runtime::__private::unknown),
            value_serde: quote!(()),
            runs: TokenStream::new(),
            wire: TokenStream::new(),
            row_at: Span::call_site(),
            checks: TokenStream::new(),
        }
    }

    /// How many records.
    pub fn count(name: &Ident) -> Kept {
        let p = quote!(::streams_runtime::__private);
        let runs = fold_impl(
            name,
            &quote!(::core::primitive::i64),
            false,
            quote! {
                *__row = ::core::option::Option::Some(match __row {
                    ::core::option::Option::Some(__count) => *__count + 1,
                    ::core::option::Option::None => 1,
                });
            },
        );
        Kept {
            value: quote!(::core::primitive::i64),
            value_nulls: nulls(false),
            value_serde: quote!(::core::primitive::i64),
            runs,
            wire: quote!(#p::wire_aggregate::<Self>(__wiring);),
            row_at: Span::call_site(),
            checks: TokenStream::new(),
        }
    }

    /// What a function makes of old row and record. `init` is the first row, instead of `Default`.
    pub fn fold(function: &ItemFn, operator: &str, init: Option<&Type>, errors: &mut Errors) -> Option<Kept> {
        let p = quote!(::streams_runtime::__private);
        let name = &function.sig.ident;
        let params = Params::of(function, Takes::State, operator, errors)?;
        let returned = Returned::of(function);
        if let Some(ty) = &returned.ty {
            errors.push(
                ty,
                format!("`{operator}` changes the row in place and returns nothing, not `{}`\nhelp: change `*row` through the first parameter", returned.shown()),
            );
            return None;
        }
        let state = params.state?;
        let row = match state {
            Type::Reference(reference) if reference.mutability.is_some() => &*reference.elem,
            other => {
                let later = function.sig.inputs.iter().skip(1).find_map(|input| match input {
                    syn::FnArg::Typed(typed) => match &*typed.ty {
                        Type::Reference(reference) if reference.mutability.is_some() => Some(&*typed.ty),
                        _ => None,
                    },
                    syn::FnArg::Receiver(_) => None,
                });
                if let Some(later) = later {
                    errors.push(
                        later,
                        format!(
                            "the row comes first, unlike in Kafka Streams\nhelp: write `fn {name}({0}, value)` or `fn {name}({0}, key, value)`",
                            shown(later).replace("&mut ", "row: &mut ")
                        ),
                    );
                    return None;
                }
                let bare = match other {
                    Type::Reference(reference) => &*reference.elem,
                    other => other,
                };
                errors.push(
                    other,
                    format!(
                        "the first parameter is the row and is changed in place\nhelp: write `&mut {}`",
                        shown(bare)
                    ),
                );
                return None;
            }
        };
        let row = Nullable { ty: option_of(row).unwrap_or(row).clone(), nullable: option_of(row).is_some() };
        let arguments = params.arguments(false, name);
        let ty = &row.ty;
        let call = |state: TokenStream| {
            let call = quote_spanned!(shown_at(name)=> #name(#state, #arguments));
            let error = returned.user_error();
            match returned.fallible {
                true => quote! {
                    if let ::core::result::Result::Err(__error) = #call {
                        return ::core::result::Result::Err(#error);
                    }
                },
                false => quote!(#call;),
            }
        };
        let body = match (operator, row.nullable) {
            ("reduce", nullable) => {
                let change = call(if nullable { quote!(__row) } else { quote!(__all) });
                quote! {
                    match __row {
                        // As in Kafka Streams, the function is not called for the first value.
                        ::core::option::Option::None => *__row = #p::first_value(__value.take()),
                        ::core::option::Option::Some(__all) => { #change }
                    }
                }
            }
            (_, true) => call(quote!(__row)),
            (_, false) => {
                let init = match init {
                    Some(init) => quote_spanned! {init.span()=>
                        { let __first: #ty = ::streams_runtime::__private::first(#init); __first }
                    },
                    None => quote_spanned!(ty.span()=> ::streams_runtime::__private::first_of::<#ty>()),
                };
                let change = call(quote!(__all));
                quote! {
                    let __all = ::core::option::Option::get_or_insert_with(__row, || #init);
                    #change
                }
            }
        };
        if let (Some(init), true) = (init, row.nullable) {
            errors.push(
                init,
                "`init` is the first row, and with `&mut Option<..>` there is none at first\nhelp: remove `init`, or the `Option`",
            );
        }
        let mut runs = fold_impl(name, &quote!(#ty), returned.fallible, body);
        runs.extend(params.order(name));
        let value_serde = match operator {
            // The row is the value that came, so its format is as well.
            "reduce" => quote!(<__From as #p::Stream>::ValueSerde),
            _ => quote_spanned!(ty.span()=> ::streams_runtime::ByType<#ty>),
        };
        let nullable = row.nullable;
        let check = check(quote!(::streams_runtime::__private::reduces::<#name>(#nullable)), ty);
        let mut checks = if operator == "reduce" { check } else { TokenStream::new() };
        checks.extend(params.order_check(name));
        Some(Kept {
            value: quote!(#ty),
            value_nulls: row.nulls(),
            value_serde,
            runs,
            wire: quote_spanned!(shown_at(ty)=> #p::wire_aggregate::<Self>(__wiring);),
            row_at: shown_at(ty),
            checks,
        })
    }
}

fn fold_impl(name: &Ident, row: &TokenStream, fallible: bool, body: TokenStream) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    quote! {
        impl #p::Fold for #name {
            type Row = #row;
            const FALLIBLE: ::core::primitive::bool = #fallible;
            #[inline]
            fn fold(
                __row: &mut ::core::option::Option<#row>,
                __key: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                __value: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                __cx: &#p::Context<'_>,
            ) -> ::core::result::Result<(), #p::UserError> {
                #body
                ::core::result::Result::Ok(())
            }
        }
    }
}
