//! Chance that is the same in every run: advice that cannot be had again cannot be argued with.

/// A xorshift generator.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the bound; 0 where there is none below it.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // A usize has 64 bits or fewer.
        (self.0 >> 11) as usize % bound.max(1)
    }
}
