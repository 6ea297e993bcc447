//! Numbers that a seed decides.
//!
//! Each question is a stream of its own (`of`), and each tick of a schedule draws from its own place: what one of them
//! draws moves no other, so that a schedule with fewer faults is otherwise the same schedule.

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of one question about one seed.
    pub fn of(seed: u64, question: u64) -> Random {
        let mut random = Random(seed ^ question.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.number();
        random
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `n` − 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n as u64) as usize
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of these, the first field says how often.
    pub fn weigh<T: Copy>(&mut self, of: &[(usize, T)]) -> T {
        let mut left = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, what) in of {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *what,
            }
        }
        of[of.len() - 1].1
    }
}
