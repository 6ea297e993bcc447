pub struct Orders;
#[allow(clippy::all)]
const _: () = {
    #[allow(unused_imports)]
    use ::streams_runtime::__private::IsNot as _;
    type __KeyRaw = String;
    type __KeyFormat = <::streams_runtime::__private::AsFormat<
        __KeyRaw,
        __KeyRaw,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__KeyRaw>::FORMAT },
    >>::It;
    type __ValueRaw = Json<Order>;
    type __ValueFormat = <::streams_runtime::__private::AsFormat<
        __ValueRaw,
        __ValueRaw,
    > as ::streams_runtime::__private::Pick<
        { ::streams_runtime::__private::Is::<__ValueRaw>::FORMAT },
    >>::It;
    const _: () = ::streams_runtime::__private::usable::<__KeyRaw>();
    const _: () = ::streams_runtime::__private::usable::<__ValueRaw>();
    impl ::streams_runtime::__private::Stream for Orders {
        type Key = <Self::KeySerde as ::streams_runtime::Serde>::Type;
        type KeyNulls = ::streams_runtime::__private::present;
        type Value = <Self::ValueSerde as ::streams_runtime::Serde>::Type;
        type ValueNulls = ::streams_runtime::__private::nullable;
        type KeySerde = __KeyFormat;
        type ValueSerde = __ValueFormat;
        const ID: ::streams_runtime::__private::Id = ::streams_runtime::__private::Id::new(
            ::core::concat!(::core::module_path!(), "::", "Orders"),
            "Orders",
        );
        const KIND: ::streams_runtime::__private::Kind = ::streams_runtime::__private::Kind::Topic;
        const LINEAGE: ::streams_runtime::__private::Lineage = match <Self as ::streams_runtime::__private::Topic>::TOPIC
            .partitions
        {
            ::core::option::Option::Some(__n) => {
                ::streams_runtime::__private::Lineage::Count(__n)
            }
            ::core::option::Option::None => {
                ::streams_runtime::__private::Lineage::Undeclared
            }
        };
        const KEY_FORMAT: &'static ::core::primitive::str = <<Self as ::streams_runtime::__private::Stream>::KeySerde as ::streams_runtime::Serde>::NAME;
        const READS: &'static [::streams_runtime::__private::Read] = &[
            ::streams_runtime::__private::Read {
                id: <Self as ::streams_runtime::__private::Stream>::ID,
                branch: ::core::option::Option::None,
                topic: ::core::option::Option::Some(
                    <Self as ::streams_runtime::__private::Topic>::TOPIC,
                ),
                repartition: ::core::option::Option::None,
                table: ::core::option::Option::None,
            },
        ];
        fn attach(
            __wiring: &mut ::streams_runtime::__private::Wiring,
            __child: ::streams_runtime::__private::Child<Self::Key, Self::Value>,
        ) {
            ::streams_runtime::__private::attach_to_topic::<Self>(__wiring, __child)
        }
    }
    impl ::streams_runtime::__private::Topic for Orders {
        const TOPIC: ::streams_runtime::__private::TopicSpec = ::streams_runtime::__private::TopicSpec {
            id: <Self as ::streams_runtime::__private::Stream>::ID,
            name: "orders",
            partitions: ::core::option::Option::Some(4),
            decides_nulls: true,
            text: ::streams_runtime::__private::TopicText::of::<
                <Self as ::streams_runtime::__private::Stream>::KeySerde,
                <Self as ::streams_runtime::__private::Stream>::ValueSerde,
            >(),
        };
        const POLICY: ::streams_runtime::__private::TopicPolicy = ::streams_runtime::__private::TopicPolicy {
            decode: ::streams_runtime::__private::Policy::Fail,
            encode: ::streams_runtime::__private::Policy::Fail,
            null_key: ::streams_runtime::__private::Policy::Fail,
            null_value: ::streams_runtime::__private::Policy::Fail,
            no_time: ::streams_runtime::__private::NoTime::Fail,
        };
        fn timestamp(
            _: ::core::primitive::i64,
            _: ::core::option::Option<
                &<Self as ::streams_runtime::__private::Stream>::Key,
            >,
            __value: ::core::option::Option<
                &<Self as ::streams_runtime::__private::Stream>::Value,
            >,
        ) -> ::core::option::Option<::streams_runtime::Timestamp> {
            ::streams_runtime::__private::IntoTime::into_time(ordered_at(__value))
        }
    }
};
