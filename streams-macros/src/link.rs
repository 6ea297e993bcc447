//! What `from = ...` stands for as a type.
//!
//! Knows paths; whether something of that name exists, and is a stream, only the compiler knows.

use crate::args::{Args, Link};
use crate::errors::Errors;
use crate::params::{Params, Takes};
use crate::span::shown_at;
use crate::step::Item;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

/// `ByType::General` → (`ByType`, `General`).
///
/// A variant is not a type, so the path has to be rewritten, and it can be without guessing: a CamelCase segment
/// before the last one is an enum, never a module, because modules are snake case by lint and `Type::Name` is not
/// legal where a bare type stands.
fn variant_of(path: &Path) -> Option<(Path, Ident)> {
    let enumeration = path.segments.iter().nth_back(1)?.ident.to_string();
    if !enumeration.starts_with(char::is_uppercase) || enumeration == "Self" {
        return None;
    }
    let mut path = path.clone();
    let variant = path.segments.pop()?.ident;
    path.segments.pop_punct();
    Some((path, variant))
}

/// The stream type of one item or branch.
fn stream_of(ty: &Type) -> TokenStream {
    let Type::Path(path) = ty else { return ty.to_token_stream() };
    let Some((enumeration, variant)) = variant_of(&path.path) else { return ty.to_token_stream() };
    let name = variant.to_string();
    let of = enumeration.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    let find =
        quote_spanned!(variant.span()=> ::streams_runtime::__private::branch(NAMES, CARRIES, #name, #of));
    quote! {
        <#enumeration as ::streams_runtime::__private::Variant<{
            const NAMES: &[&::core::primitive::str] = <#enumeration as ::streams_runtime::__private::Branches>::NAMES;
            const CARRIES: &[::core::primitive::bool] = <#enumeration as ::streams_runtime::__private::Branches>::CARRIES;
            #find
        }>>::Branch
    }
}

/// The input of a step.
pub struct Input {
    /// Its type.
    pub ty: TokenStream,
    /// Helper items, and the checks between several inputs.
    pub helpers: TokenStream,
    /// Where it was written.
    pub span: proc_macro2::Span,
}

impl Input {
    /// Reads `from = ...`. Where it is missing or cannot be read, that is one error, and the function's own parameters
    /// say what it probably reads.
    pub fn take(args: &mut Args, item: &Item, takes: Takes, errors: &mut Errors) -> Input {
        let given = args.has("from");
        if let Some(links) = args.links("from", errors) {
            return Input::of(&links, item.name());
        }
        let name = item.name();
        // An argument that nobody knows was probably meant to be this one.
        if !given && errors.is_empty() {
            errors.push(name, format!("`{name}` does not say what it reads\nhelp: add `from = MyTopic`"));
        }
        let params =
            item.function().and_then(|function| Params::of(function, takes, "", &mut Errors::default()));
        Input::assumed(params.as_ref().and_then(|p| p.key), params.as_ref().and_then(|p| p.value))
    }

    /// What a function without (a legible) `from` reads: what its parameters say, so that nothing behind it is wrong
    /// as well.
    pub fn assumed(key: Option<&Type>, value: Option<&Type>) -> Input {
        let plain = |ty: Option<&Type>| match ty.map(|ty| crate::shape::Nullable::owned_of(ty).ty) {
            Some(Type::Path(path)) if !quote!(#path).to_string().contains('\'') => quote!(#path),
            _ => quote!(()),
        };
        let (key, value) = (plain(key), plain(value));
        Input {
            ty: quote!(::streams_runtime::__private::Assumed<#key, #value>),
            helpers: TokenStream::new(),
            span: proc_macro2::Span::call_site(),
        }
    }

    /// Reads the links of `from`.
    pub fn of(links: &[Link], step: &Ident) -> Input {
        let mut helpers = TokenStream::new();
        let mut types = Vec::new();
        for (i, link) in links.iter().enumerate() {
            let stream = stream_of(&link.ty);
            let Some(via) = &link.via else {
                types.push(stream);
                continue;
            };
            let converter = format_ident!("__{}_input_{}", step, i);
            let target = variant_of(via).map_or_else(|| quote!(()), |(e, _)| e.to_token_stream());
            let call = quote_spanned!(shown_at(via)=> #via(__value));
            helpers.extend(quote! {
                #[allow(non_camel_case_types)]
                struct #converter {}
                impl ::streams_runtime::__private::Convert for #converter {
                    type From = #stream;
                    type To = #target;
                    fn convert(__value: <#stream as ::streams_runtime::__private::Stream>::Value) -> #target { #call }
                }
            });
            types.push(quote!(::streams_runtime::__private::Via<#converter>));
        }
        let ty = match types.as_slice() {
            [one] => one.clone(),
            _ => quote!(::streams_runtime::__private::Merged<(#(#types,)*)>),
        };
        if let [first, rest @ ..] = types.as_slice() {
            for (other, link) in rest.iter().zip(&links[1..]) {
                helpers.extend(quote_spanned! { link.ty.span()=>
                    const _: () = ::streams_runtime::__private::merges::<#first, #other>();
                });
            }
        }
        let span = links.first().map_or_else(proc_macro2::Span::call_site, |link| link.ty.span());
        Input { ty, helpers, span }
    }
}
