//! `#[derive(DefaultSerde)]`: JSON as the format a type brings along.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

/// Expands `#[derive(DefaultSerde)]`.
pub fn expand(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        let message = format!(
            "`{name}` is generic, and a default format belongs to one type\nhelp: name a format where bytes are needed: `value = Json<{name}<...>>`"
        );
        return syn::Error::new_spanned(&input.generics, message).to_compile_error();
    }
    quote! {
        impl ::streams_runtime::DefaultSerde for #name {
            type Serde = ::streams_runtime::Json<#name>;
        }
    }
}
