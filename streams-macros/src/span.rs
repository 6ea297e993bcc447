//! Where generated tokens are shown.
//!
//! The only file that touches spans; does not know what is said at them.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Type;
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

/// Shows an expression from the first to the last of the user's tokens: its own first token gets the one end, its last
/// token the other, and the compiler underlines what is between. It must not name generated locals.
pub fn spread(expression: TokenStream, over: &impl ToTokens) -> TokenStream {
    let over: Vec<TokenTree> = over.to_token_stream().into_iter().collect();
    let (Some(first), Some(last)) = (over.first(), over.last()) else { return expression };
    let mut tokens: Vec<TokenTree> = located(expression, first.span()).into_iter().collect();
    if let Some(end) = tokens.last_mut() {
        end.set_span(last.span());
    }
    tokens.into_iter().collect()
}

/// A check that const evaluation runs, shown at the user's tokens.
pub fn check(call: TokenStream, over: &impl ToTokens) -> TokenStream {
    let call = spread(call, over);
    let start = over.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    quote_spanned!(start=> const _: () = #call;)
}

/// The token of a type that stands for it where only one can be underlined: `String` in `&String`.
pub fn head(ty: &Type) -> Span {
    match ty {
        Type::Reference(reference) => head(&reference.elem),
        other => other.span(),
    }
}

/// All tokens, shown at one place.
fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let located = |token| match token {
        TokenTree::Group(group) => {
            let mut group = Group::new(group.delimiter(), located(group.stream(), at));
            group.set_span(at);
            TokenTree::Group(group)
        }
        mut other => {
            other.set_span(at);
            other
        }
    };
    tokens.into_iter().map(located).collect()
}
