//! Formats where bytes are needed: named by an argument, or the one that key or value brings along.
//!
//! Knows that a format can be missing or of another type. Either is one error, under the argument or under the word that
//! needs bytes; a stand-in takes its place, so that nothing behind it is wrong as well.

use crate::span::check;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::Type;

/// A format that bytes are made in.
pub struct Format {
    /// Aliases that the type needs.
    pub items: TokenStream,
    /// That there is a format, and that it fits.
    pub checks: TokenStream,
    /// The format's type, which always is one.
    pub ty: TokenStream,
}

impl Format {
    /// A format that is `named` for the key of the input has windows of its length.
    pub fn keeps_windows(named: &Type) -> TokenStream {
        check(quote!(::streams_runtime::__private::keeps_windows::<__KeyKnown, __From>()), &named)
    }

    /// `named` by an argument, else `inherited`; of values of type `of`; needed by the word `needs`. `role` is `Key`
    /// or `Value`.
    pub fn needed(
        named: Option<&Type>,
        inherited: &TokenStream,
        of: &TokenStream,
        needs: &impl ToTokens,
        role: &str,
    ) -> Format {
        let p = quote!(::streams_runtime::__private);
        let (raw, known, ty) =
            (format_ident!("__{role}Raw"), format_ident!("__{role}Known"), format_ident!("__{role}Format"));
        let given = named.map_or_else(|| inherited.clone(), ToTokens::to_token_stream);
        let at: &dyn ToTokens = match named {
            Some(named) => named,
            None => needs,
        };
        let usable = check(quote!(::streams_runtime::__private::usable::<#raw>()), &at);
        let fits =
            named.map(|named| check(quote!(::streams_runtime::__private::formats::<#known, #of>()), &named));
        let items = quote! {
            type #raw = #given;
            type #known = <#p::AsFormat<#raw, #of> as #p::Pick<{ #p::Is::<#raw>::FORMAT }>>::It;
            type #ty = <#p::AsFormat<#known, #of> as #p::Pick<{ #p::Is::<(#known, #of)>::FORMAT_OF }>>::It;
        };
        Format { items, checks: quote!(#usable #fits), ty: ty.to_token_stream() }
    }
}
