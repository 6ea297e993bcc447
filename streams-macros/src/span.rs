//! Where generated tokens are shown.

use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;

/// Shown at the user's tokens, resolved where the attribute stands: for tokens that name generated locals, which
/// would not be found with the user's own span if the tokens came through a `macro_rules!`.
pub fn shown_at(tokens: &impl Spanned) -> Span {
    Span::call_site().located_at(tokens.span())
}

/// The same identifier, shown elsewhere.
pub fn moved(name: &Ident, to: Span) -> Ident {
    Ident::new(&name.to_string(), name.span().located_at(to))
}
