//! Chance that is the same everywhere: SplitMix64, and draws made of whole numbers only.
//!
//! Never uses floating point, whose functions differ between machines, nor the clock. Each row has a
//! generator of its own, started from its table and its number, so that any row can be made without the rows
//! before it.

const SEED: u64 = 0x436f_7572_616e_7421;
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which kind of row chance is drawn for; kinds with equal numbers must not resemble each other.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    User = 1,
    Customer,
    CallId,
    Call,
    Transcript,
    Lead,
    Appointment,
    Intervention,
    Sms,
    Alert,
    Event,
    Conversation,
    Thread,
    Message,
    Body,
}

/// A generator of chance.
pub(crate) struct Random(u64);

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The generator of one row.
    pub(crate) fn of(stream: Stream, number: u64) -> Random {
        Random(mix(mix(SEED.wrapping_add((stream as u64).wrapping_mul(STEP))) ^ number))
    }

    /// Any 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True in so many of a thousand cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of them, all alike.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// One of them, by weight.
    pub(crate) fn weigh<T: Copy>(&mut self, from: &[(u32, T)]) -> T {
        let total: u64 = from.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (weight, value) in from {
            if left < u64::from(*weight) {
                return *value;
            }
            left -= u64::from(*weight);
        }
        unreachable!("what is left is always below the sum of the weights that are left")
    }

    /// A random UUID (version 4).
    pub(crate) fn uuid(&mut self) -> u128 {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
    }
}

/// Zipf's law, flattened at its head: rank r weighs 1/(r + head).
pub(crate) struct Zipf(Vec<u64>);

impl Zipf {
    pub(crate) fn new(ranks: u64, head: u64) -> Zipf {
        let weights = (0..ranks).map(|rank| (1 << 40) / (rank + head));
        Zipf(
            weights
                .scan(0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect(),
        )
    }

    /// A rank below `ranks`, which is neither 0 nor more than there are.
    pub(crate) fn rank(&self, random: &mut Random, ranks: u64) -> u64 {
        let within = &self.0[..ranks as usize];
        let at = random.below(within[within.len() - 1]);
        within.partition_point(|sum| *sum <= at) as u64
    }
}
