//! What stands below an attribute: a function, or a unit struct where there is nothing to call.
//!
//! Knows the rules that hold for every operator; does not know which one it is.

use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, FnArg, ItemFn, ItemStruct, Visibility};

/// The item below the attribute.
#[allow(clippy::large_enum_variant)]
pub enum Item {
    /// A function.
    Function(Box<ItemFn>),
    /// A unit struct, where there is nothing to call.
    Unit(Box<ItemStruct>),
}

impl Item {
    /// Parses it; anything else is an error.
    pub fn parse(tokens: TokenStream, attribute: &str, errors: &mut Errors) -> Option<Item> {
        if let Ok(function) = syn::parse2::<ItemFn>(tokens.clone()) {
            if let Some(receiver @ FnArg::Receiver(_)) = function.sig.inputs.first() {
                errors.push(
                    receiver,
                    format!(
                        "a `#[{attribute}]` is a free function, not a method\nhelp: move it out of the `impl`"
                    ),
                );
                return None;
            }
            return Some(Item::Function(Box::new(function)));
        }
        if let Ok(unit) = syn::parse2::<ItemStruct>(tokens.clone()) {
            if unit.fields.is_empty() && unit.generics.params.is_empty() {
                return Some(Item::Unit(Box::new(unit)));
            }
            errors.push(
                &unit.ident,
                format!("`#[{attribute}]` goes on a unit struct\nhelp: write `struct {};`", unit.ident),
            );
            return None;
        }
        errors.push(
            &tokens,
            format!(
                "`#[{attribute}]` goes on a function, or on a unit struct where there is nothing to call"
            ),
        );
        None
    }

    /// The attributes that are not ours.
    pub fn attributes(&mut self) -> &mut Vec<Attribute> {
        match self {
            Item::Function(function) => &mut function.attrs,
            Item::Unit(unit) => &mut unit.attrs,
        }
    }

    /// The name that is annotated.
    pub fn name(&self) -> &Ident {
        match self {
            Item::Function(function) => &function.sig.ident,
            Item::Unit(unit) => &unit.ident,
        }
    }

    /// Its visibility.
    pub fn visibility(&self) -> &Visibility {
        match self {
            Item::Function(function) => &function.vis,
            Item::Unit(unit) => &unit.vis,
        }
    }

    /// The function, if it is one.
    pub fn function(&self) -> Option<&ItemFn> {
        match self {
            Item::Function(function) => Some(function),
            Item::Unit(_) => None,
        }
    }

    /// Rules on the signature that hold for every operator.
    pub fn check_signature(&self, errors: &mut Errors) {
        let Some(function) = self.function() else { return };
        let sig = &function.sig;
        if let Some(word) = &sig.asyncness {
            errors.push(word, "a step is not `async`: it runs inside a transaction\nhelp: remove `async`");
        }
        if let syn::Safety::Unsafe(word) = &sig.safety {
            errors
                .push(word, "a step is not `unsafe`: nobody vouches for its records\nhelp: remove `unsafe`");
        }
        let generic = sig.generics.params.iter().find(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
        if let Some(generic) = generic {
            errors.push(
                generic,
                "a step cannot be generic: its records have one type\nhelp: write the type out",
            );
        }
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Item::Function(function) => function.to_tokens(tokens),
            Item::Unit(unit) => unit.to_tokens(tokens),
        }
    }
}
