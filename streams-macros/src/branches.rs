//! `#[derive(Branches)]`: an enum whose variants are streams.
//!
//! Knows the enum; which step splits into it is said there.

use crate::errors::Errors;
use crate::shape::Nullable;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Index};

/// Expands `#[derive(Branches)]`.
pub fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = errors.ok(syn::parse2::<DeriveInput>(item));
    let generated = parsed.and_then(|input| branches(&input, &mut errors));
    errors.finish(TokenStream::new(), generated)
}

fn branches(input: &DeriveInput, errors: &mut Errors) -> Option<TokenStream> {
    let p = quote!(::streams_runtime::__private);
    let (name, vis) = (&input.ident, &input.vis);
    let Data::Enum(data) = &input.data else {
        errors.push(name, "branches are the variants of an enum\nhelp: write `enum` instead");
        return None;
    };
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics,
            "branches cannot be generic: each is a stream of one type\nhelp: write the types out",
        );
        return None;
    }
    let (mut names, mut carries) = (Vec::new(), Vec::new());
    let (mut items, mut arms, mut ports, mut opened) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, variant) in data.variants.iter().enumerate() {
        let ident = &variant.ident;
        names.push(ident.to_string());
        let field = match &variant.fields {
            Fields::Unit => {
                carries.push(false);
                arms.push(quote!(#name::#ident => ::core::result::Result::Ok(())));
                continue;
            }
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
            fields => {
                carries.push(false);
                arms.push(quote!(#name::#ident { .. } => ::core::result::Result::Ok(())));
                errors.push(
                    fields,
                    format!("branch `{ident}` carries one value\nhelp: write `{ident}(Value)`, or `{ident}` for records that are dropped"),
                );
                continue;
            }
        };
        carries.push(true);
        let value = Nullable::of(field);
        let (ty, nulls, text) = (&value.ty, value.nulls(), ident.to_string());
        let marker = format_ident!("{}", ident);
        items.push(quote! {
            #vis struct #marker;
            impl #p::BranchName<#name> for #marker {
                type Value = #ty;
                type ValueNulls = #nulls;
                const INDEX: ::core::primitive::usize = #index;
                const NAME: &'static ::core::primitive::str = #text;
            }
            impl #p::Variant<#index> for #name { type Branch = #p::Branch<#name, #marker>; }
        });
        let port = Index::from(ports.len());
        ports.push(quote!(::std::rc::Rc<#p::Port<__K, #ty>>));
        opened.push(quote!(__wiring.port::<__K, #ty>(__step, ::core::option::Option::Some(#index))));
        let wrapped = value.wrap(quote!(__value));
        arms.push(quote! {
            #name::#ident(__value) => {
                let mut __value: ::core::option::Option<#ty> = #wrapped;
                #p::Push::push(&*__ports.#port, __key, #p::Slot::Given(&mut __value), __cx)
            }
        });
    }
    Some(quote! {
        #[allow(missing_docs, non_camel_case_types, clippy::all)]
        const _: () = {
            #(#items)*
            impl #p::Branches for #name {
                const NAMES: &'static [&'static ::core::primitive::str] = &[#(#names),*];
                const CARRIES: &'static [::core::primitive::bool] = &[#(#carries),*];
                type Ports<__K: 'static> = (#(#ports,)*);
                fn ports<__K: 'static>(
                    __wiring: &mut #p::Wiring,
                    __step: &#p::Id,
                ) -> ::std::rc::Rc<Self::Ports<__K>> {
                    ::std::rc::Rc::new((#(#opened,)*))
                }
                fn send<__K: 'static>(
                    self,
                    __key: #p::KeySlot<'_, __K>,
                    __cx: &#p::Context<'_>,
                    __ports: &Self::Ports<__K>,
                ) -> ::core::result::Result<(), #p::Failure> {
                    match self { #(#arms),* }
                }
            }
        };
    })
}
