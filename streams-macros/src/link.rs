//! What `from = ...` stands for as a type.
//!
//! Knows paths; whether something of that name exists, and is a stream, only the compiler knows.

use crate::args::{Args, Link};
use crate::errors::Errors;
use crate::item::Item;
use crate::params::{Params, Takes};
use crate::shape::shown;
use crate::span::{check, shown_at, spread};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
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

/// One link as a type that always is a stream, and the check that it is one.
struct Stream {
    /// Its alias.
    ty: Ident,
    /// The alias, and what it is made of.
    items: TokenStream,
    /// The check.
    check: TokenStream,
}

impl Stream {
    /// The user's path is mentioned once, in an alias: a name that is not there is then one error.
    fn of(ty: &Type, number: usize) -> Stream {
        let p = quote!(::streams_runtime::__private);
        let (link, input) = (format_ident!("__Link{number}"), format_ident!("__Input{number}"));
        let text = shown(ty);
        let branch = match ty {
            Type::Path(path) => variant_of(&path.path),
            _ => None,
        };
        let alias = match &branch {
            None => quote!(type #link = #ty;),
            Some((enumeration, variant)) => {
                let splits = format_ident!("__Enum{number}");
                let name = variant.to_string();
                let of = enumeration.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                let find =
                    spread(quote!(::streams_runtime::__private::branch(__BRANCHES, #name, #of)), variant);
                quote! {
                    type #splits = #enumeration;
                    type #link = <#splits as #p::Variant<{
                        const __BRANCHES: ::core::option::Option<#p::BranchNames> = #p::Is::<#splits>::BRANCHES;
                        #find
                    }>>::Branch;
                }
            }
        };
        let is_stream = match &branch {
            None => quote!(#p::Is::<#link>::STREAM),
            // Whose enum is not a set of branches is told so at the split.
            Some(_) => {
                let splits = format_ident!("__Enum{number}");
                quote!(#p::Is::<#link>::STREAM || ::core::option::Option::is_none(&#p::Is::<#splits>::BRANCHES))
            }
        };
        let is_branch = branch.is_some();
        let branches = quote!(::streams_runtime::__private::Is::<<#input as ::streams_runtime::__private::Stream>::Value>::BRANCHES);
        let check = check(
            quote!(::streams_runtime::__private::reads::<#input>(#is_stream, #text, #is_branch, #branches)),
            ty,
        );
        Stream {
            items: quote! {
                #alias
                type #input = <#p::AsInput<#link> as #p::Pick<{ #p::Is::<#link>::STREAM }>>::It;
            },
            ty: input,
            check,
        }
    }
}

/// The input of a step.
pub struct Input {
    /// Its type.
    pub ty: TokenStream,
    /// Aliases and other items that the type needs.
    pub helpers: TokenStream,
    /// That every link is a stream, and that they go together.
    pub checks: TokenStream,
    /// What the user wrote.
    pub at: TokenStream,
}

impl Input {
    /// Reads `from = ...`. Where it is missing or cannot be read, that is one error, and the function's own parameters
    /// say what it probably reads.
    pub fn take(args: &mut Args, item: &Item, takes: Takes, errors: &mut Errors) -> Input {
        let given = args.has("from");
        let name = item.name();
        if let Some(links) = args.links("from", errors) {
            match links.iter().filter_map(|link| link.via.as_ref()).find(|via| variant_of(via).is_none()) {
                None => return Input::of(&links, name),
                Some(via) => {
                    let text = via.to_token_stream().to_string().replace(' ', "");
                    errors.push(
                        via,
                        format!(
                            "`{text}` is not a variant of an enum\nhelp: unlike streams become one enum: write \
                             `Enum::Variant`, or `Enum::{text}` if it is a function of the enum that makes one"
                        ),
                    );
                }
            }
        }
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
            checks: TokenStream::new(),
            at: TokenStream::new(),
        }
    }

    /// Reads the links of `from`.
    pub fn of(links: &[Link], step: &Ident) -> Input {
        let p = quote!(::streams_runtime::__private);
        let (mut helpers, mut checks) = (TokenStream::new(), TokenStream::new());
        let mut types = Vec::new();
        for (i, link) in links.iter().enumerate() {
            let stream = Stream::of(&link.ty, i);
            helpers.extend(stream.items);
            checks.extend(stream.check);
            let stream = stream.ty;
            let Some(via) = &link.via else {
                types.push(quote!(#stream));
                continue;
            };
            let converter = format_ident!("__{}_input_{}", step, i);
            let target = variant_of(via).map_or_else(|| quote!(()), |(e, _)| e.to_token_stream());
            let call = quote_spanned!(shown_at(via)=> #via(__value));
            helpers.extend(quote! {
                #[allow(non_camel_case_types)]
                struct #converter {}
                impl #p::Convert for #converter {
                    type From = #stream;
                    type To = #target;
                    fn convert(__value: <#stream as #p::Stream>::Value) -> #target { #call }
                }
            });
            types.push(quote!(#p::Via<#converter>));
        }
        let ty = match types.as_slice() {
            [one] => one.clone(),
            _ => quote!(#p::Merged<(#(#types,)*)>),
        };
        if let [first, rest @ ..] = types.as_slice() {
            for (other, link) in rest.iter().zip(&links[1..]) {
                let check = check(quote!(::streams_runtime::__private::merges::<#first, #other>()), &link.ty);
                checks.extend(check);
            }
        }
        let at = links.iter().map(|link| link.ty.to_token_stream()).collect();
        Input { ty, helpers, checks, at }
    }
}
