pub fn by_size(key: &str, order: Order) -> Result<(u64, Order), Error> {
    Ok((order.amount, order))
}
///The step of a topology that runs [`by_size`](fn@by_size).
#[allow(non_camel_case_types)]
pub struct by_size {}
#[doc(hidden)]
#[allow(non_upper_case_globals)]
impl by_size {
    pub const is_in_no_topology: () = ();
}
#[allow(clippy::all, unused_variables, unused_mut)]
const _: () = {
    #[allow(unused_imports)]
    use ::streams_runtime::__private::IsNot as _;
    type __Link0 = paid;
    type __Input0 = <::streams_runtime::__private::AsInput<
        __Link0,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__Link0>::STREAM },
    >>::It;
    type __Link1 = crate::others::paid;
    type __Input1 = <::streams_runtime::__private::AsInput<
        __Link1,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__Link1>::STREAM },
    >>::It;
    type __From = ::streams_runtime::__private::Merged<(__Input0, __Input1)>;
    type __KeyRaw = ::streams_runtime::ByType<u64>;
    type __KeyKnown = <::streams_runtime::__private::AsFormat<
        __KeyRaw,
        u64,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__KeyRaw>::FORMAT },
    >>::It;
    type __KeyFormat = <::streams_runtime::__private::AsFormat<
        __KeyKnown,
        u64,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<(__KeyKnown, u64)>::FORMAT_OF },
    >>::It;
    type __ValueRaw = Json<Order>;
    type __ValueKnown = <::streams_runtime::__private::AsFormat<
        __ValueRaw,
        Order,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ValueRaw>::FORMAT },
    >>::It;
    type __ValueFormat = <::streams_runtime::__private::AsFormat<
        __ValueKnown,
        Order,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<(__ValueKnown, Order)>::FORMAT_OF },
    >>::It;
    impl ::streams_runtime::__private::Step for by_size {
        type From = __From;
        type KeyIn = <__From as ::streams_runtime::__private::Stream>::KeyNulls;
        type ValueIn = <__From as ::streams_runtime::__private::Stream>::ValueNulls;
        const POLICY: ::streams_runtime::__private::StepPolicy = ::streams_runtime::__private::StepPolicy {
            error: ::streams_runtime::__private::Policy::Skip,
            null_key: ::core::option::Option::None,
            null_value: ::core::option::Option::None,
            late: ::streams_runtime::__private::Policy::Skip,
        };
        const OPERATOR: &'static ::core::primitive::str = "map";
    }
    impl ::streams_runtime::__private::Stream for by_size {
        type Key = u64;
        type KeyNulls = ::streams_runtime::__private::present;
        type Value = Order;
        type ValueNulls = ::streams_runtime::__private::present;
        type KeySerde = __KeyFormat;
        type ValueSerde = __ValueFormat;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "by_size"),
            "by_size",
        );
        const KIND: ::streams_runtime::__private::Kind = ::streams_runtime::__private::Kind::Stream;
        const LINEAGE: ::streams_runtime::__private::Lineage = ::streams_runtime::__private::Lineage::repartitioned(
            ::core::option::Option::Some(8),
        );
        const KEY_FORMAT: &'static ::core::primitive::str = <<Self as ::streams_runtime::__private::Stream>::KeySerde as ::streams_runtime::Serde>::NAME;
        const WINDOW_MS: ::core::option::Option<::core::primitive::i64> = <<Self as ::streams_runtime::__private::Stream>::KeySerde as ::streams_runtime::Serde>::WINDOW_MS;
        const READS: &'static [::streams_runtime::__private::Read] = &[
            ::streams_runtime::__private::Read {
                id: <Self as ::streams_runtime::__private::Stream>::ID,
                branch: ::core::option::Option::None,
                topic: ::core::option::Option::None,
                repartition: ::core::option::Option::Some(::streams_runtime::__private::RepartitionSpec {
                    name: <Self as ::streams_runtime::__private::Stream>::ID.name,
                    partitions: ::core::option::Option::Some(8),
                }),
                table: ::core::option::Option::None,
            },
        ];
        fn attach(
            __wiring: &mut ::streams_runtime::__private::Wiring,
            __child: ::streams_runtime::__private::Child<Self::Key, Self::Value>,
        ) {
            ::streams_runtime::__private::attach_through_topic::<Self>(__wiring, __child)
        }
    }
    impl ::streams_runtime::__private::Run for by_size {
        type Out = (::core::option::Option<u64>, ::core::option::Option<Order>);
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
            (::core::option::Option<u64>, ::core::option::Option<Order>),
            ::streams_runtime::__private::UserError,
        > {
            ::core::result::Result::Ok({
                let (__k, __v) = match by_size(
                    <_ as ::streams_runtime::__private::KeyArg<
                        '_,
                        _,
                        <::streams_runtime::__private::Known<
                            <Self as ::streams_runtime::__private::Step>::KeyIn,
                        > as ::streams_runtime::__private::Pick<{ __IN_ORDER }>>::It,
                        ::streams_runtime::__private::CarriedKey<Self>,
                        <Self as ::streams_runtime::__private::Step>::From,
                        Self,
                    >>::arg(&mut __key.slot),
                    <_ as ::streams_runtime::__private::ValueArg<
                        '_,
                        _,
                        <::streams_runtime::__private::Known<
                            <Self as ::streams_runtime::__private::Step>::ValueIn,
                        > as ::streams_runtime::__private::Pick<{ __IN_ORDER }>>::It,
                        ::streams_runtime::__private::CarriedValue<Self>,
                        <Self as ::streams_runtime::__private::Step>::From,
                        Self,
                    >>::arg(__value),
                ) {
                    ::core::result::Result::Ok(__ok) => __ok,
                    ::core::result::Result::Err(__error) => {
                        return ::core::result::Result::Err(
                            ::streams_runtime::__private::user_error(__error),
                        );
                    }
                };
                (::core::option::Option::Some(__k), ::core::option::Option::Some(__v))
            })
        }
    }
    const __IN_ORDER: ::core::primitive::bool = !::streams_runtime::__private::Is::<
        (
            (&'static ::std::string::String, &'static Order),
            (
                &'static <<by_size as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Key,
                &'static <<by_size as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Value,
            ),
        ),
    >::SWAPPED
        || ::streams_runtime::__private::Is::<
            (
                (&'static ::std::string::String, &'static Order),
                (
                    &'static <<by_size as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Key,
                    &'static <<by_size as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Value,
                ),
            ),
        >::SAME;
    impl ::streams_runtime::__private::Listed for by_size {
        const SPEC: ::streams_runtime::__private::NodeSpec = ::streams_runtime::__private::NodeSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            operator: <Self as ::streams_runtime::__private::Step>::OPERATOR,
            reads: <__From as ::streams_runtime::__private::Stream>::READS,
            joins: ::core::option::Option::None,
            store: ::core::option::Option::None,
            to: ::core::option::Option::None,
            repartition: ::core::option::Option::Some(::streams_runtime::__private::RepartitionSpec {
                name: <Self as ::streams_runtime::__private::Stream>::ID.name,
                partitions: ::core::option::Option::Some(8),
            }),
            branches: ::core::option::Option::None,
        };
        fn wire(__wiring: &mut ::streams_runtime::__private::Wiring) {
            ::streams_runtime::__private::wire_map::<Self>(__wiring);
            ::streams_runtime::__private::wire_repartition::<Self>(__wiring);
        }
    }
    const _: () = {
        use ::streams_runtime::__private::NotHidden as _;
        const _: () = ::streams_runtime::__private::written_out(
            ::streams_runtime::__private::AsWritten::<Order>::HIDES,
            "by_size",
        );
    };
    const _: () = ::streams_runtime::__private::in_order(__IN_ORDER, "by_size");
    const _: () = ::streams_runtime::__private::usable::<__KeyRaw>();
    const _: () = ::streams_runtime::__private::usable::<__ValueRaw>();
    const _: () = ::streams_runtime::__private::formats::<__ValueKnown, Order>();
    const _: () = ::streams_runtime::__private::reads::<
        __Input0,
    >(
        ::streams_runtime::__private::Is::<__Link0>::STREAM,
        "paid",
        false,
        ::streams_runtime::__private::Is::<
            <__Input0 as ::streams_runtime::__private::Stream>::Value,
        >::BRANCHES,
    );
    const _: () = ::streams_runtime::__private::reads::<
        __Input1,
    >(
        ::streams_runtime::__private::Is::<__Link1>::STREAM,
        "crate::others::paid",
        false,
        ::streams_runtime::__private::Is::<
            <__Input1 as ::streams_runtime::__private::Stream>::Value,
        >::BRANCHES,
    );
    const _: () = ::streams_runtime::__private::merges::<__Input0, __Input1>();
};
