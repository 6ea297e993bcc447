//! What is written as JSON derives `Serialize` and `Deserialize`.

use streams_runtime::{Json, processor, topic, topology};

struct Ride {
    km: u64,
}

#[topic(name = "rides", key = String, value = Json<Ride>, partitions = 4)]
struct Rides;

#[processor(from = Rides, filter)]
fn long(ride: &Ride) -> bool {
    ride.km > 100
}

#[processor(from = long, map_values)]
fn km(ride: &Ride) -> u64 {
    ride.km
}

topology!(App = [long, km]);

fn main() {}
