//! A type of one's own is written in a format.

use streams_runtime::{DefaultSerde, processor, topic, topology};

#[derive(serde::Serialize, serde::Deserialize, DefaultSerde)]
struct Ride {
    km: u64,
}

#[topic(name = "rides", key = String, value = Ride, partitions = 4)]
struct Rides;

#[processor(from = Rides, filter)]
fn long(ride: &Ride) -> bool {
    ride.km > 100
}

topology!(App = [long]);

fn main() {}
