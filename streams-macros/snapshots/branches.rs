#[allow(missing_docs, non_camel_case_types, clippy::all)]
const _: () = {
    struct Small;
    impl ::streams_runtime::__private::BranchName<BySize> for Small {
        type Value = Order;
        type ValueNulls = ::streams_runtime::__private::nullable;
        const INDEX: ::core::primitive::usize = 0usize;
        const NAME: &'static ::core::primitive::str = "Small";
    }
    impl ::streams_runtime::__private::Variant<0usize> for BySize {
        type Branch = ::streams_runtime::__private::Branch<BySize, Small>;
    }
    struct Large;
    impl ::streams_runtime::__private::BranchName<BySize> for Large {
        type Value = Order;
        type ValueNulls = ::streams_runtime::__private::present;
        const INDEX: ::core::primitive::usize = 1usize;
        const NAME: &'static ::core::primitive::str = "Large";
    }
    impl ::streams_runtime::__private::Variant<1usize> for BySize {
        type Branch = ::streams_runtime::__private::Branch<BySize, Large>;
    }
    impl ::streams_runtime::__private::Branches for BySize {
        const NAMES: &'static [&'static ::core::primitive::str] = &[
            "Small",
            "Large",
            "Ignored",
        ];
        const CARRIES: &'static [::core::primitive::bool] = &[true, true, false];
        type Ports<__K: 'static> = (
            ::std::rc::Rc<::streams_runtime::__private::Port<__K, Order>>,
            ::std::rc::Rc<::streams_runtime::__private::Port<__K, Order>>,
        );
        fn ports<__K: 'static>(
            __wiring: &mut ::streams_runtime::__private::Wiring,
            __step: &::streams_runtime::__private::Id,
        ) -> ::std::rc::Rc<Self::Ports<__K>> {
            ::std::rc::Rc::new((
                __wiring
                    .port::<__K, Order>(__step, ::core::option::Option::Some(0usize)),
                __wiring.port::<__K, Order>(__step, ::core::option::Option::Some(1usize)),
            ))
        }
        fn send<__K: 'static>(
            self,
            __key: ::streams_runtime::__private::KeySlot<'_, __K>,
            __cx: &::streams_runtime::__private::Context<'_>,
            __ports: &Self::Ports<__K>,
        ) -> ::core::result::Result<(), ::streams_runtime::__private::Failure> {
            match self {
                BySize::Small(__value) => {
                    let mut __value: ::core::option::Option<Order> = __value;
                    ::streams_runtime::__private::Push::push(
                        &*__ports.0,
                        __key,
                        ::streams_runtime::__private::Slot::Given(&mut __value),
                        __cx,
                    )
                }
                BySize::Large(__value) => {
                    let mut __value: ::core::option::Option<Order> = ::core::option::Option::Some(
                        __value,
                    );
                    ::streams_runtime::__private::Push::push(
                        &*__ports.1,
                        __key,
                        ::streams_runtime::__private::Slot::Given(&mut __value),
                        __cx,
                    )
                }
                BySize::Ignored => ::core::result::Result::Ok(()),
            }
        }
    }
};
