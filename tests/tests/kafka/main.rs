//! Tests on a real Apache Kafka, which they start themselves.

mod examples;
mod harness;
mod members;
mod reliability;
mod startup;
mod transport_suite;
