fn paid(order: &Order) -> bool {
    order.amount > 0
}
///The step of a topology that runs [`paid`](fn@paid).
#[allow(non_camel_case_types)]
struct paid {}
#[doc(hidden)]
#[allow(non_upper_case_globals)]
impl paid {
    const is_in_no_topology: () = ();
}
#[allow(clippy::all, unused_variables, unused_mut)]
const _: () = {
    #[allow(unused_imports)]
    use ::streams_runtime::__private::IsNot as _;
    type __Link0 = Orders;
    type __Input0 = <::streams_runtime::__private::AsInput<
        __Link0,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__Link0>::STREAM },
    >>::It;
    type __From = __Input0;
    impl ::streams_runtime::__private::Step for paid {
        type From = __From;
        type KeyIn = <__From as ::streams_runtime::__private::Stream>::KeyNulls;
        type ValueIn = ::streams_runtime::__private::present;
        const POLICY: ::streams_runtime::__private::StepPolicy = ::streams_runtime::__private::StepPolicy {
            error: ::streams_runtime::__private::Policy::Fail,
            null_key: ::core::option::Option::None,
            null_value: ::core::option::Option::Some(
                ::streams_runtime::__private::Policy::Skip,
            ),
            late: ::streams_runtime::__private::Policy::Skip,
        };
        const OPERATOR: &'static ::core::primitive::str = "filter";
    }
    impl ::streams_runtime::__private::Stream for paid {
        type Key = <__From as ::streams_runtime::__private::Stream>::Key;
        type KeyNulls = <Self as ::streams_runtime::__private::Step>::KeyIn;
        type Value = <__From as ::streams_runtime::__private::Stream>::Value;
        type ValueNulls = <Self as ::streams_runtime::__private::Step>::ValueIn;
        type KeySerde = <__From as ::streams_runtime::__private::Stream>::KeySerde;
        type ValueSerde = <__From as ::streams_runtime::__private::Stream>::ValueSerde;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "paid"),
            "paid",
        );
        const KIND: ::streams_runtime::__private::Kind = ::streams_runtime::__private::Kind::Stream;
        const LINEAGE: ::streams_runtime::__private::Lineage = <__From as ::streams_runtime::__private::Stream>::LINEAGE;
        const KEY_FORMAT: &'static ::core::primitive::str = <__From as ::streams_runtime::__private::Stream>::KEY_FORMAT;
        const READS: &'static [::streams_runtime::__private::Read] = &[
            ::streams_runtime::__private::Read {
                id: <Self as ::streams_runtime::__private::Stream>::ID,
                branch: ::core::option::Option::None,
                topic: ::core::option::Option::None,
                repartition: ::core::option::Option::None,
                table: ::core::option::Option::None,
            },
        ];
        fn attach(
            __wiring: &mut ::streams_runtime::__private::Wiring,
            __child: ::streams_runtime::__private::Child<Self::Key, Self::Value>,
        ) {
            __wiring
                .port::<
                    Self::Key,
                    Self::Value,
                >(
                    &<Self as ::streams_runtime::__private::Stream>::ID,
                    ::core::option::Option::None,
                )
                .attach(__child)
        }
    }
    impl ::streams_runtime::__private::Run for paid {
        type Out = ::core::primitive::bool;
        #[inline]
        fn run(
            __key: &mut ::streams_runtime::__private::KeySlot<
                '_,
                ::streams_runtime::__private::KeyIn<Self>,
            >,
            __value: &mut ::streams_runtime::__private::Slot<
                '_,
                ::streams_runtime::__private::ValueIn<Self>,
            >,
            __cx: &::streams_runtime::__private::Context<'_>,
        ) -> ::core::result::Result<
            ::core::primitive::bool,
            ::streams_runtime::__private::UserError,
        > {
            ::core::result::Result::Ok(
                paid(
                    <_ as ::streams_runtime::__private::ValueArg<
                        '_,
                        _,
                        <Self as ::streams_runtime::__private::Step>::ValueIn,
                        <Self as ::streams_runtime::__private::Step>::From,
                        Self,
                    >>::arg(__value),
                ),
            )
        }
    }
    impl ::streams_runtime::__private::Listed for paid {
        const SPEC: ::streams_runtime::__private::NodeSpec = ::streams_runtime::__private::NodeSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            operator: <Self as ::streams_runtime::__private::Step>::OPERATOR,
            reads: <__From as ::streams_runtime::__private::Stream>::READS,
            joins: ::core::option::Option::None,
            store: ::core::option::Option::None,
            to: ::core::option::Option::None,
            repartition: ::core::option::Option::None,
            branches: ::core::option::Option::None,
        };
        fn wire(__wiring: &mut ::streams_runtime::__private::Wiring) {
            ::streams_runtime::__private::wire_filter::<Self>(__wiring);
        }
    }
    const _: () = ::streams_runtime::__private::reads::<
        __Input0,
    >(::streams_runtime::__private::Is::<__Link0>::STREAM, "Orders", false);
    const _: () = ::streams_runtime::__private::null_policy::<paid>(false);
};
