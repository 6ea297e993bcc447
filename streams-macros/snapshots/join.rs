fn named(order: &Order, user: Option<&User>, at: Timestamp) -> Option<Line> {
    None
}
///The step of a topology that runs [`named`](fn@named).
#[allow(non_camel_case_types)]
struct named {}
#[doc(hidden)]
#[allow(non_upper_case_globals)]
impl named {
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
    impl ::streams_runtime::__private::Step for named {
        type From = __From;
        type KeyIn = <__From as ::streams_runtime::__private::Stream>::KeyNulls;
        type ValueIn = <__From as ::streams_runtime::__private::Stream>::ValueNulls;
        const POLICY: ::streams_runtime::__private::StepPolicy = ::streams_runtime::__private::StepPolicy {
            error: ::streams_runtime::__private::Policy::Fail,
            null_key: ::core::option::Option::None,
            null_value: ::core::option::Option::None,
            late: ::streams_runtime::__private::Policy::Skip,
        };
        const OPERATOR: &'static ::core::primitive::str = "left_join";
    }
    impl ::streams_runtime::__private::Stream for named {
        type Key = <__From as ::streams_runtime::__private::Stream>::Key;
        type KeyNulls = <Self as ::streams_runtime::__private::Step>::KeyIn;
        type Value = Line;
        type ValueNulls = ::streams_runtime::__private::nullable;
        type KeySerde = <__From as ::streams_runtime::__private::Stream>::KeySerde;
        type ValueSerde = ::streams_runtime::ByType<Line>;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "named"),
            "named",
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
    type __JoinLink = Users;
    type __JoinStream = <::streams_runtime::__private::AsInput<
        __JoinLink,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__JoinLink>::STREAM },
    >>::It;
    type __Join = <::streams_runtime::__private::AsTable<
        __JoinStream,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__JoinStream>::TABLE },
    >>::It;
    impl ::streams_runtime::__private::RunJoin for named {
        type Join = __Join;
        const INNER: ::core::primitive::bool = false;
        #[inline]
        fn run_join(
            __key: &mut ::streams_runtime::__private::KeySlot<
                '_,
                ::streams_runtime::__private::KeyIn<Self>,
            >,
            __value: &mut ::streams_runtime::__private::Slot<
                '_,
                ::streams_runtime::__private::ValueIn<Self>,
            >,
            __row: ::core::option::Option<
                &<<Self as ::streams_runtime::__private::RunJoin>::Join as ::streams_runtime::__private::Stream>::Value,
            >,
            __cx: &::streams_runtime::__private::Context<'_>,
        ) -> ::core::result::Result<
            ::core::option::Option<Line>,
            ::streams_runtime::__private::UserError,
        > {
            ::core::result::Result::Ok(
                named(
                    <_ as ::streams_runtime::__private::ValueArg<
                        '_,
                        _,
                        <Self as ::streams_runtime::__private::Step>::ValueIn,
                        <Self as ::streams_runtime::__private::Step>::From,
                        Self,
                    >>::arg(__value),
                    <_ as ::streams_runtime::__private::Joined<
                        '_,
                        _,
                        <<Self as ::streams_runtime::__private::RunJoin>::Join as ::streams_runtime::__private::Stream>::KeyNulls,
                        ::streams_runtime::__private::join::left_join,
                        <Self as ::streams_runtime::__private::RunJoin>::Join,
                        Self,
                    >>::joined(__row),
                    ::streams_runtime::__private::Extra::extra(__cx),
                ),
            )
        }
    }
    type __ToLink = Named;
    type __To = <::streams_runtime::__private::AsTopic<
        __ToLink,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ToLink>::TOPIC },
    >>::It;
    impl ::streams_runtime::__private::Listed for named {
        const SPEC: ::streams_runtime::__private::NodeSpec = ::streams_runtime::__private::NodeSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            operator: <Self as ::streams_runtime::__private::Step>::OPERATOR,
            reads: <__From as ::streams_runtime::__private::Stream>::READS,
            joins: ::core::option::Option::Some(
                <<Self as ::streams_runtime::__private::RunJoin>::Join as ::streams_runtime::__private::Stream>::READS[0],
            ),
            store: ::core::option::Option::None,
            to: ::core::option::Option::Some(
                <__To as ::streams_runtime::__private::Topic>::TOPIC,
            ),
            repartition: ::core::option::Option::None,
            branches: ::core::option::Option::None,
        };
        fn wire(__wiring: &mut ::streams_runtime::__private::Wiring) {
            ::streams_runtime::__private::wire_join::<Self>(__wiring);
            ::streams_runtime::__private::wire_to::<Self, __To>(__wiring);
        }
    }
    const _: () = ::streams_runtime::__private::joins::<named>("Users");
    const _: () = {
        use ::streams_runtime::__private::NotHidden as _;
        const _: () = ::streams_runtime::__private::written_out(
            ::streams_runtime::__private::AsWritten::<Line>::HIDES,
            "named",
        );
    };
    const _: () = ::streams_runtime::__private::reads::<
        __Input0,
    >(::streams_runtime::__private::Is::<__Link0>::STREAM, "Orders", false);
    const _: () = ::streams_runtime::__private::writes::<named, __To>("Named");
};
