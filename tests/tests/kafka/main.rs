//! Tests on a real Apache Kafka, which they start themselves.

mod agreement;
mod chaos;
mod examples;
mod harness;
mod instance;
mod leaders;
mod load;
mod members;
mod reliability;
mod startup;
mod transport_suite;
