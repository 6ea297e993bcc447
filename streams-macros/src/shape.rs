//! What a return type says, read from its tokens: `Option<..>`, `Result<.., E>`, `Vec<..>`, `(K, V)`, ….
//!
//! Tokens rather than traits, because then a wrong return type is one error here and the steps behind still link.
//! The price: a type alias for one of these is not seen through.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    GenericArgument, ItemFn, PathArguments, PathSegment, ReturnType, Type, TypeParamBound, parse_quote,
};

/// The last segment of a path, if it is called `name`.
fn segment<'a>(ty: &'a Type, name: &str) -> Option<&'a PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().filter(|s| s.ident == name),
        Type::Paren(inner) => segment(&inner.elem, name),
        Type::Group(inner) => segment(&inner.elem, name),
        _ => None,
    }
}

/// The types between the angle brackets of a segment.
fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `T` of `Option<T>`.
pub fn option_of(ty: &Type) -> Option<&Type> {
    type_arguments(segment(ty, "Option")?).next()
}

/// `T` of `Json<T>`.
pub fn json_of(ty: &Type) -> Option<&Type> {
    type_arguments(segment(ty, "Json")?).next()
}

/// `K` and `V` of `(K, V)`.
pub fn pair_of(ty: &Type) -> Option<(&Type, &Type)> {
    match ty {
        Type::Tuple(tuple) if tuple.elems.len() == 2 => Some((&tuple.elems[0], &tuple.elems[1])),
        Type::Paren(inner) => pair_of(&inner.elem),
        Type::Group(inner) => pair_of(&inner.elem),
        _ => None,
    }
}

/// `T` of `Vec<T>`, `[T; N]`, `impl Iterator<Item = T>`, `impl IntoIterator<Item = T>`.
pub fn items_of(ty: &Type) -> Option<&Type> {
    if let Some(vec) = segment(ty, "Vec") {
        return type_arguments(vec).next();
    }
    match ty {
        Type::Array(array) => Some(&array.elem),
        Type::ImplTrait(bounds) => bounds.bounds.iter().find_map(|bound| {
            let TypeParamBound::Trait(bound) = bound else { return None };
            let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else {
                return None;
            };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
                _ => None,
            })
        }),
        _ => None,
    }
}

/// A key or value, and whether it may be null: `Option<T>` is a nullable `T`.
pub struct Nullable {
    /// The type without `Option`.
    pub ty: Type,
    /// True for `Option<T>`.
    pub nullable: bool,
}

impl Nullable {
    /// Reads it from a type.
    pub fn of(ty: &Type) -> Nullable {
        match option_of(ty) {
            Some(inner) => Nullable { ty: inner.clone(), nullable: true },
            None => Nullable { ty: ty.clone(), nullable: false },
        }
    }

    /// Reads it from a parameter: `&str` is a `String`, `Option<&T>` a nullable `T`.
    pub fn owned_of(ty: &Type) -> Nullable {
        let Nullable { ty, nullable } = Nullable::of(ty);
        match &ty {
            Type::Reference(reference) => match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => {
                    Nullable { ty: parse_quote!(::std::string::String), nullable }
                }
                Type::Slice(slice) => {
                    let item = &slice.elem;
                    Nullable { ty: parse_quote!(::std::vec::Vec<#item>), nullable }
                }
                inner => {
                    let inner = Nullable::of(inner);
                    Nullable { nullable: nullable || inner.nullable, ..inner }
                }
            },
            _ => Nullable { ty, nullable },
        }
    }

    /// `present` or `nullable`.
    pub fn nulls(&self) -> TokenStream {
        nulls(self.nullable)
    }

    /// Turns an expression of the written type into an `Option`.
    pub fn wrap(&self, value: TokenStream) -> TokenStream {
        match self.nullable {
            true => value,
            false => quote!(::core::option::Option::Some(#value)),
        }
    }
}

/// `present` or `nullable`.
pub fn nulls(nullable: bool) -> TokenStream {
    match nullable {
        true => quote!(::streams_runtime::__private::nullable),
        false => quote!(::streams_runtime::__private::present),
    }
}

/// A function's return type without its `Result`.
pub struct Returned {
    /// `None` for `()`.
    pub ty: Option<Type>,
    /// True for `Result<T, E>`.
    pub fallible: bool,
    /// Where the error type stands.
    error: Span,
}

impl Returned {
    /// Reads it from the signature.
    pub fn of(function: &ItemFn) -> Returned {
        let ReturnType::Type(_, ty) = &function.sig.output else {
            return Returned { ty: None, fallible: false, error: Span::call_site() };
        };
        let result = segment(ty, "Result").and_then(|result| Some((result, type_arguments(result).next()?)));
        let (ok, error, fallible) = match result {
            Some((result, ok)) => (ok, type_arguments(result).nth(1).map_or(ty.span(), Spanned::span), true),
            None => (&**ty, ty.span(), false),
        };
        let unit = matches!(ok, Type::Tuple(tuple) if tuple.elems.is_empty());
        Returned { ty: (!unit).then(|| ok.clone()), fallible, error }
    }

    /// Boxes `__error`; that it can be boxed is checked under the error's type.
    pub fn user_error(&self) -> TokenStream {
        let at = Span::call_site().located_at(self.error);
        quote_spanned!(at=> ::streams_runtime::__private::user_error(__error))
    }

    /// As a person wrote it.
    pub fn shown(&self) -> String {
        self.ty.as_ref().map_or_else(|| "()".to_owned(), shown)
    }
}

/// A type as a person wrote it, without the blanks that tokens have.
pub fn shown(ty: &Type) -> String {
    let text = quote!(#ty).to_string();
    ["< ", " <", " >", " ,", " ;", "& ", "( ", " )", "[ ", " ]", " ::", ":: "]
        .iter()
        .fold(text, |text, gap| text.replace(gap, gap.trim()))
        .replace("::std::string::", "")
        .replace("::std::vec::", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn types_are_read_from_tokens() {
        assert!(option_of(&parse_quote!(::core::option::Option<u8>)).is_some());
        assert!(option_of(&parse_quote!(Options<u8>)).is_none());
        assert!(pair_of(&parse_quote!((u8, u16))).is_some());
        assert_eq!(shown(items_of(&parse_quote!(impl Iterator<Item = Vec<u8>> + use<>)).unwrap()), "Vec<u8>");
        assert_eq!(shown(items_of(&parse_quote!([u8; 3])).unwrap()), "u8");
    }

    #[test]
    fn a_result_is_taken_off() {
        let returned = Returned::of(&parse_quote!(
            fn f() -> Result<Option<u8>, String> {
                todo()
            }
        ));
        assert_eq!((returned.shown().as_str(), returned.fallible), ("Option<u8>", true));
        assert_eq!(
            Returned::of(&parse_quote!(
                fn f() -> Result<(), String> {
                    todo()
                }
            ))
            .shown(),
            "()"
        );
    }
}
