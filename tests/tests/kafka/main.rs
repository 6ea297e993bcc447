//! Tests on a real Apache Kafka, which they start themselves.

mod examples;
mod harness;
mod startup;
mod transport_suite;
