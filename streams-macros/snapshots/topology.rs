///The topology `App`.
pub struct App;
const _: () = {
    const __STEPS: &[::streams_runtime::__private::Entry] = &[
        ::streams_runtime::__private::entry::<paid>(),
        ::streams_runtime::__private::entry::<crate::tables::PerUser>(),
    ];
    const _: () = ::streams_runtime::__private::check_entry(__STEPS, 0usize);
    const _: () = ::streams_runtime::__private::check_entry(__STEPS, 1usize);
    const _: () = {
        #[allow(unused_imports)]
        use ::streams_runtime::__private::NotListed as _;
        let _ = <paid>::is_in_no_topology;
        let _ = <crate::tables::PerUser>::is_in_no_topology;
    };
    impl ::streams_runtime::App for App {
        const NAME: &'static ::core::primitive::str = ::core::stringify!(App);
        const STEPS: &'static [::streams_runtime::__private::Entry] = __STEPS;
    }
    impl App {
        /// The graph: what reads what, in which sub-topologies.
        #[allow(dead_code)]
        pub fn topology() -> ::streams_runtime::Topology {
            <Self as ::streams_runtime::App>::graph()
        }
        /// Sub-topologies, sources, steps, stores and sinks, in Kafka Streams' terms.
        #[allow(dead_code)]
        pub fn describe() -> ::std::string::String {
            Self::topology().describe()
        }
        /// The graph as a Mermaid flowchart.
        #[allow(dead_code)]
        pub fn mermaid() -> ::std::string::String {
            Self::topology().mermaid()
        }
        /// Starts the topology in a test.
        ///
        /// # Panics
        /// If the declared topics do not fit together.
        #[allow(dead_code)]
        pub fn driver() -> ::streams_runtime::Driver {
            <Self as ::streams_runtime::App>::test_driver()
        }
        /// An application with this topology. Its id names its consumer group and internal topics.
        #[allow(dead_code)]
        pub fn builder(id: &::core::primitive::str) -> ::streams_runtime::Builder {
            <Self as ::streams_runtime::App>::application(id)
        }
    }
};
