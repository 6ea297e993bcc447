//! Tests on a real Apache Kafka, which they start themselves.

mod harness;
mod members;
mod startup;
mod transport_suite;
