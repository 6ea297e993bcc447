//! The workloads that are also written in Java, as any user would write them: the same bytes in, the same out.
//!
//! | module | workload |
//! |---|---|
//! | [`bytes`] | W1, S1: two stateless steps; W2, W3: a count by key, its store on disk or in memory |
//! | [`orders`] | W1J: two stateless steps on JSON |
//! | [`words`] | W7: words counted behind a repartition |
//! | [`table`] | W8: a topic read as a table |
//!
//! Knows topologies only. Where their inputs come from, and what must come out, is the business of
//! [`workload`](crate::workload); the Java side is `java/src/main/java/bench` and `broker/java`.

pub mod bytes;
pub mod orders;
pub mod table;
pub mod words;
