//! Steps are items: they have visibility, and are named by path.

use streams_runtime::topology;

pub mod topics {
    use streams_runtime::topic;

    #[topic(name = "numbers", key = String, value = u64)]
    pub struct Numbers;
}

mod steps {
    use crate::topics::Numbers as Renamed;
    use streams_runtime::{Branches, ktable, processor};

    #[processor(from = Renamed, filter)]
    pub(crate) fn large(n: &u64) -> bool {
        *n > 100
    }

    #[derive(Branches)]
    pub(in crate) enum Parity {
        Even(u64),
        Odd(u64),
    }

    #[processor(from = self::large, split)]
    pub(super) fn parity(n: u64) -> Parity {
        if n % 2 == 0 { Parity::Even(n) } else { Parity::Odd(n) }
    }

    #[ktable(store = "counts", from = [Parity::Even, Parity::Odd], count)]
    pub(crate) struct Counts;

    pub(crate) mod inner {
        #[streams_runtime::processor(from = super::Counts, map_values, name = "inner-large")]
        pub(crate) fn large(n: &i64) -> String {
            n.to_string()
        }
    }

    streams_runtime::topology!(pub(crate) Inner = [large, parity, Counts, inner::large]);
}

use steps::large as renamed;

#[streams_runtime::processor(from = crate::steps::Parity::Even, map_values)]
fn halved(n: &u64) -> u64 {
    n / 2
}

#[streams_runtime::processor(from = steps::Parity::Odd, peek)]
fn seen(_: &u64) {}

topology!(Outer = [renamed, steps::parity, halved, seen]);

fn main() {
    assert!(steps::Inner::describe().contains("inner-large"));
    assert!(Outer::describe().contains("halved"));
}
