struct PerUser;
#[doc(hidden)]
#[allow(non_upper_case_globals)]
impl PerUser {
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
    type __ValueRaw = ::core::primitive::i64;
    type __ValueKnown = <::streams_runtime::__private::AsFormat<
        __ValueRaw,
        ::core::primitive::i64,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ValueRaw>::FORMAT },
    >>::It;
    type __ValueFormat = <::streams_runtime::__private::AsFormat<
        __ValueKnown,
        ::core::primitive::i64,
    > as ::streams_runtime::__private::Pick<
        {
            ::streams_runtime::__private::Is::<
                (__ValueKnown, ::core::primitive::i64),
            >::FORMAT_OF
        },
    >>::It;
    impl ::streams_runtime::__private::Step for PerUser {
        type From = __From;
        type KeyIn = <__From as ::streams_runtime::__private::Stream>::KeyNulls;
        type ValueIn = <__From as ::streams_runtime::__private::Stream>::ValueNulls;
        const POLICY: ::streams_runtime::__private::StepPolicy = ::streams_runtime::__private::StepPolicy {
            error: ::streams_runtime::__private::Policy::Fail,
            null_key: ::core::option::Option::None,
            null_value: ::core::option::Option::None,
            late: ::streams_runtime::__private::Policy::Skip,
        };
        const OPERATOR: &'static ::core::primitive::str = "count";
    }
    impl ::streams_runtime::__private::Stream for PerUser {
        type Key = <__From as ::streams_runtime::__private::Stream>::Key;
        type KeyNulls = ::streams_runtime::__private::present;
        type Value = ::core::primitive::i64;
        type ValueNulls = ::streams_runtime::__private::present;
        type KeySerde = __KeyFormat;
        type ValueSerde = __ValueFormat;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "PerUser"),
            "PerUser",
        );
        const KIND: ::streams_runtime::__private::Kind = ::streams_runtime::__private::Kind::Table;
        const LINEAGE: ::streams_runtime::__private::Lineage = <__From as ::streams_runtime::__private::Stream>::LINEAGE;
        const KEY_FORMAT: &'static ::core::primitive::str = <__From as ::streams_runtime::__private::Stream>::KEY_FORMAT;
        const WINDOW_MS: ::core::option::Option<::core::primitive::i64> = <__From as ::streams_runtime::__private::Stream>::WINDOW_MS;
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
    impl ::streams_runtime::__private::Table for PerUser {
        const STORE: ::streams_runtime::__private::StoreSpec = ::streams_runtime::__private::StoreSpec::of::<
            <Self as ::streams_runtime::__private::Stream>::KeySerde,
            <Self as ::streams_runtime::__private::Stream>::ValueSerde,
        >("counts", ::core::option::Option::None);
        fn rows(
            __wiring: &mut ::streams_runtime::__private::Wiring,
        ) -> ::std::rc::Rc<
            dyn ::streams_runtime::__private::Rows<
                <Self as ::streams_runtime::__private::Stream>::Key,
                <Self as ::streams_runtime::__private::Stream>::Value,
            >,
        > {
            ::std::rc::Rc::new(
                ::streams_runtime::__private::KeyedRows::<Self>::of(__wiring),
            )
        }
    }
    impl ::streams_runtime::__private::Fold for PerUser {
        type Row = ::core::primitive::i64;
        const FALLIBLE: ::core::primitive::bool = false;
        #[inline]
        fn fold(
            __row: &mut ::core::option::Option<::core::primitive::i64>,
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
            *__row = ::core::option::Option::Some(
                match __row {
                    ::core::option::Option::Some(__count) => *__count + 1,
                    ::core::option::Option::None => 1,
                },
            );
            ::core::result::Result::Ok(())
        }
    }
    type __ToLink = Counts;
    type __To = <::streams_runtime::__private::AsTopic<
        __ToLink,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ToLink>::TOPIC },
    >>::It;
    impl ::streams_runtime::__private::Listed for PerUser {
        const SPEC: ::streams_runtime::__private::NodeSpec = ::streams_runtime::__private::NodeSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            operator: <Self as ::streams_runtime::__private::Step>::OPERATOR,
            reads: <__From as ::streams_runtime::__private::Stream>::READS,
            joins: ::core::option::Option::None,
            store: ::core::option::Option::Some(
                <Self as ::streams_runtime::__private::Table>::STORE,
            ),
            to: ::core::option::Option::Some(
                <__To as ::streams_runtime::__private::Topic>::TOPIC,
            ),
            repartition: ::core::option::Option::None,
            branches: ::core::option::Option::None,
        };
        fn wire(__wiring: &mut ::streams_runtime::__private::Wiring) {
            ::streams_runtime::__private::wire_aggregate::<Self>(__wiring);
            ::streams_runtime::__private::wire_to::<Self, __To>(__wiring);
        }
    }
    const _: () = ::streams_runtime::__private::needs_key::<PerUser>();
    const _: () = ::streams_runtime::__private::table_source::<PerUser>();
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
    const _: () = ::streams_runtime::__private::writes::<PerUser, __To>("Counts");
};
