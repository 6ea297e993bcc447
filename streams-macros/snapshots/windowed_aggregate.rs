fn sum(sum: &mut Sum, key: &str, order: &Order) {}
const _: () = {
    #[allow(unused_imports)]
    use window as _;
};
///The step of a topology that runs [`sum`](fn@sum).
#[allow(non_camel_case_types)]
struct sum {}
#[doc(hidden)]
#[allow(non_upper_case_globals)]
impl sum {
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
    type __KeyRaw = <__From as ::streams_runtime::__private::Stream>::KeySerde;
    type __KeyKnown = <::streams_runtime::__private::AsFormat<
        __KeyRaw,
        <__From as ::streams_runtime::__private::Stream>::Key,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__KeyRaw>::FORMAT },
    >>::It;
    type __KeyFormat = <::streams_runtime::__private::AsFormat<
        __KeyKnown,
        <__From as ::streams_runtime::__private::Stream>::Key,
    > as ::streams_runtime::__private::Pick<
        {
            ::streams_runtime::__private::Is::<
                (__KeyKnown, <__From as ::streams_runtime::__private::Stream>::Key),
            >::FORMAT_OF
        },
    >>::It;
    type __ValueRaw = ::streams_runtime::ByType<Sum>;
    type __ValueKnown = <::streams_runtime::__private::AsFormat<
        __ValueRaw,
        Sum,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ValueRaw>::FORMAT },
    >>::It;
    type __ValueFormat = <::streams_runtime::__private::AsFormat<
        __ValueKnown,
        Sum,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<(__ValueKnown, Sum)>::FORMAT_OF },
    >>::It;
    impl ::streams_runtime::__private::Step for sum {
        type From = __From;
        type KeyIn = <__From as ::streams_runtime::__private::Stream>::KeyNulls;
        type ValueIn = <__From as ::streams_runtime::__private::Stream>::ValueNulls;
        const POLICY: ::streams_runtime::__private::StepPolicy = ::streams_runtime::__private::StepPolicy {
            error: ::streams_runtime::__private::Policy::Fail,
            null_key: ::core::option::Option::None,
            null_value: ::core::option::Option::None,
            late: ::streams_runtime::__private::Policy::Fail,
        };
        const OPERATOR: &'static ::core::primitive::str = "aggregate";
    }
    impl ::streams_runtime::__private::Stream for sum {
        type Key = ::streams_runtime::__private::Windowed<
            <__From as ::streams_runtime::__private::Stream>::Key,
        >;
        type KeyNulls = ::streams_runtime::__private::present;
        type Value = Sum;
        type ValueNulls = ::streams_runtime::__private::present;
        type KeySerde = ::streams_runtime::TimeWindowed<__KeyFormat, 15000i64>;
        type ValueSerde = __ValueFormat;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "sum"),
            "sum",
        );
        const KIND: ::streams_runtime::__private::Kind = ::streams_runtime::__private::Kind::Table;
        const LINEAGE: ::streams_runtime::__private::Lineage = <__From as ::streams_runtime::__private::Stream>::LINEAGE;
        const KEY_FORMAT: &'static ::core::primitive::str = <__From as ::streams_runtime::__private::Stream>::KEY_FORMAT;
        const WINDOW_MS: ::core::option::Option<::core::primitive::i64> = ::core::option::Option::Some(
            15000i64,
        );
        const READS: &'static [::streams_runtime::__private::Read] = &[
            ::streams_runtime::__private::Read {
                id: <Self as ::streams_runtime::__private::Stream>::ID,
                branch: ::core::option::Option::None,
                topic: ::core::option::Option::None,
                repartition: ::core::option::Option::None,
                table: ::core::option::Option::Some(
                    <Self as ::streams_runtime::__private::Table>::STORE,
                ),
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
    impl ::streams_runtime::__private::Table for sum {
        const STORE: ::streams_runtime::__private::StoreSpec = ::streams_runtime::__private::StoreSpec::of::<
            <Self as ::streams_runtime::__private::Stream>::KeySerde,
            <Self as ::streams_runtime::__private::Stream>::ValueSerde,
        >("sums", ::core::option::Option::Some(20000i64));
        fn rows(
            __wiring: &mut ::streams_runtime::__private::Wiring,
        ) -> ::std::rc::Rc<
            dyn ::streams_runtime::__private::Rows<
                <Self as ::streams_runtime::__private::Stream>::Key,
                <Self as ::streams_runtime::__private::Stream>::Value,
            >,
        > {
            ::std::rc::Rc::new(
                ::streams_runtime::__private::WindowedRows::<
                    Self,
                    __KeyFormat,
                    ::streams_runtime::__private::Tumbling<15000i64, 5000i64>,
                >::of(__wiring),
            )
        }
    }
    impl ::streams_runtime::__private::Fold for sum {
        type Row = Sum;
        const FALLIBLE: ::core::primitive::bool = false;
        #[inline]
        fn fold(
            __row: &mut ::core::option::Option<Sum>,
            __key: &mut ::streams_runtime::__private::KeySlot<
                '_,
                ::streams_runtime::__private::KeyIn<Self>,
            >,
            __value: &mut ::streams_runtime::__private::Slot<
                '_,
                ::streams_runtime::__private::ValueIn<Self>,
            >,
            __cx: &::streams_runtime::__private::Context<'_>,
        ) -> ::core::result::Result<(), ::streams_runtime::__private::UserError> {
            let __all = ::core::option::Option::get_or_insert_with(
                __row,
                || {
                    let __first: Sum = ::streams_runtime::__private::first(ten);
                    __first
                },
            );
            sum(
                __all,
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
            );
            ::core::result::Result::Ok(())
        }
    }
    const __IN_ORDER: ::core::primitive::bool = !::streams_runtime::__private::Is::<
        (
            (&'static ::std::string::String, &'static Order),
            (
                &'static <<sum as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Key,
                &'static <<sum as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Value,
            ),
        ),
    >::SWAPPED
        || ::streams_runtime::__private::Is::<
            (
                (&'static ::std::string::String, &'static Order),
                (
                    &'static <<sum as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Key,
                    &'static <<sum as ::streams_runtime::__private::Step>::From as ::streams_runtime::__private::Stream>::Value,
                ),
            ),
        >::SAME;
    impl ::streams_runtime::__private::Listed for sum {
        const SPEC: ::streams_runtime::__private::NodeSpec = ::streams_runtime::__private::NodeSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            operator: <Self as ::streams_runtime::__private::Step>::OPERATOR,
            reads: <__From as ::streams_runtime::__private::Stream>::READS,
            joins: ::core::option::Option::None,
            store: ::core::option::Option::Some(
                <Self as ::streams_runtime::__private::Table>::STORE,
            ),
            to: ::core::option::Option::None,
            repartition: ::core::option::Option::None,
            branches: ::core::option::Option::None,
        };
        fn wire(__wiring: &mut ::streams_runtime::__private::Wiring) {
            ::streams_runtime::__private::wire_windowed::<
                Self,
                <__From as ::streams_runtime::__private::Stream>::Key,
                __KeyFormat,
                ::streams_runtime::__private::Tumbling<15000i64, 5000i64>,
            >(__wiring);
        }
    }
    const _: () = ::streams_runtime::__private::needs_key::<sum>();
    const _: () = ::streams_runtime::__private::table_source::<sum>();
    const _: () = ::streams_runtime::__private::in_order(__IN_ORDER, "sum");
    const _: () = ::streams_runtime::__private::usable::<__KeyRaw>();
    const _: () = ::streams_runtime::__private::usable::<__ValueRaw>();
    const _: () = ::streams_runtime::__private::reads::<
        __Input0,
    >(
        ::streams_runtime::__private::Is::<__Link0>::STREAM,
        "Orders",
        false,
        ::streams_runtime::__private::Is::<
            <__Input0 as ::streams_runtime::__private::Stream>::Value,
        >::BRANCHES,
    );
};
