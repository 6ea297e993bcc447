//! What a step says about records that do not fit: `error`, `null_key`, `null_value`, `late`.
//!
//! Knows the words and where they mean something; does not know which nulls can occur, which is for the compiler.

use crate::args::Args;
use crate::errors::Errors;
use crate::item::Item;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// The policies of a step.
pub struct Policies {
    error: Option<Ident>,
    /// `null_key = ...`
    pub null_key: Option<Ident>,
    /// `null_value = skip` or `fail`
    pub null_value: Option<Ident>,
    late: Option<Ident>,
    /// `null_value = keep`: nulls reach the operator on purpose.
    pub keep_nulls: bool,
}

fn policy(word: &Ident) -> TokenStream {
    match word == "skip" {
        true => quote!(::streams_runtime::__private::Policy::Skip),
        false => quote!(::streams_runtime::__private::Policy::Fail),
    }
}

impl Policies {
    /// Takes them out of the arguments. `keeps`: whether `null_value = keep` means something here.
    pub fn take(args: &mut Args, keeps: bool, errors: &mut Errors) -> Policies {
        let values: &[&str] = if keeps { &["skip", "fail", "keep"] } else { &["skip", "fail"] };
        let null_value = args.choice("null_value", values, errors);
        let keep_nulls = null_value.as_ref().is_some_and(|word| word == "keep");
        Policies {
            error: args.choice("error", &["skip", "fail"], errors),
            null_key: args.choice("null_key", &["skip", "fail"], errors),
            null_value: null_value.filter(|_| !keep_nulls),
            late: args.choice("late", &["skip", "fail"], errors),
            keep_nulls,
        }
    }

    /// `error` says what happens after an `Err`, so there has to be one.
    pub fn check_error(&self, item: &Item, fallible: bool, errors: &mut Errors) {
        let Some(word) = &self.error else { return };
        let name = item.name();
        if item.function().is_none() {
            errors.push(word, "`error` is about a function, and this step has none\nhelp: remove it");
        } else if !fallible {
            errors.push(
                word,
                format!(
                    "`{name}` cannot fail, so there is no `error` to decide\nhelp: return a `Result`, or remove `error`"
                ),
            );
        }
    }

    /// The `late` word, for those who take none.
    pub fn late(&self) -> Option<&Ident> {
        self.late.as_ref()
    }

    /// The `StepPolicy`.
    pub fn constant(&self) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let optional = |word: &Option<Ident>| match word.as_ref().map(policy) {
            Some(policy) => quote!(::core::option::Option::Some(#policy)),
            None => quote!(::core::option::Option::None),
        };
        let (null_key, null_value) = (optional(&self.null_key), optional(&self.null_value));
        let error = self.error.as_ref().map_or_else(|| quote!(#p::Policy::Fail), policy);
        let late = self.late.as_ref().map_or_else(|| quote!(#p::Policy::Skip), policy);
        quote!(#p::StepPolicy { error: #error, null_key: #null_key, null_value: #null_value, late: #late })
    }
}
