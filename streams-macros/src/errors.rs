//! Collects every error of one expansion, so that a user sees all of them at once.
//!
//! Knows texts and places; does not know what was wrong.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use std::fmt::Display;

/// The errors of one expansion. Independent parts fail independently: parsing goes on after a push.
#[derive(Default)]
pub struct Errors {
    list: Vec<syn::Error>,
    closed: bool,
}

impl Errors {
    /// An error under the given tokens.
    pub fn push(&mut self, at: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(at, message));
    }

    /// An error at a place that has no tokens of its own.
    pub fn push_at(&mut self, at: Span, message: impl Display) {
        self.add(syn::Error::new(at, message));
    }

    fn add(&mut self, error: syn::Error) {
        if !self.closed {
            self.list.push(error);
        }
    }

    /// What cannot be read says nothing: whatever else seems to be missing is not reported.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The value, or its error collected.
    pub fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// True if nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are; more than before means that what was just read cannot be built on.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The user's item, what was generated for it, and the errors: never either-or, so that one mistake does not make
    /// the item disappear and every mention of it a second error.
    pub fn finish(self, item: impl ToTokens, generated: impl ToTokens) -> TokenStream {
        let errors = self.list.iter().map(syn::Error::to_compile_error);
        quote! { #item #generated #(#errors)* }
    }
}
