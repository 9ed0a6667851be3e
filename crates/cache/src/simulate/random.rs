//! A small deterministic generator: the same seed gives the same schedule everywhere.

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// The position of one of those that `are`.
    pub(super) fn position<T>(&mut self, of: &[T], are: impl Fn(&T) -> bool) -> Option<usize> {
        let count = of.iter().filter(|item| are(item)).count();
        if count == 0 {
            return None;
        }
        let chosen = self.below(count);
        of.iter().enumerate().filter(|(_, item)| are(item)).nth(chosen).map(|(position, _)| position)
    }
}
