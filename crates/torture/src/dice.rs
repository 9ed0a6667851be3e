//! Choices that a seed repeats, the small keys far more often than the large ones.
//!
//! Only the choices are repeatable: what meets what is up to the machine.

/// How many items and docs there are.
pub(crate) const KEYS: i64 = 40;
/// How many groups.
pub(crate) const GROUPS: i64 = 4;
/// How many labels.
pub(crate) const LABELS: i64 = 4;
/// Items below this wear labels; those from here on leave and come back.
pub(crate) const WEARING: i64 = 8;
/// How many desks there are.
pub(crate) const DESKS: i64 = 8;
/// How many people ask for what is theirs.
pub(crate) const PEOPLE: i64 = 4;

/// SplitMix64: equal seeds give equal choices.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, number: u64) -> Dice {
        Dice(seed.wrapping_add(number.wrapping_mul(0x5851_F42D_4C95_7F2D)))
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    /// A number below `bound`, evenly.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        self.roll(bound.unsigned_abs().max(1)).cast_signed()
    }

    /// A key by Zipf's law: the second half as often as the first, the third a third as often.
    pub(crate) fn key(&mut self) -> i64 {
        // The weights 1/n of the keys, in parts of 1/720720 so that the sum is made of whole numbers.
        let weight = |key: i64| 720_720 / (key.unsigned_abs() + 1);
        let mut at = self.roll((0..KEYS).map(weight).sum());
        for key in 0..KEYS {
            match at.checked_sub(weight(key)) {
                Some(left) => at = left,
                None => return key,
            }
        }
        0
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.roll(last as u64 + 1) as usize;
            list.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_keys_come_far_more_often_than_large_ones() {
        let mut dice = Dice::new(1, 0);
        let mut counts = [0_u32; KEYS as usize];
        (0..40_000).for_each(|_| counts[dice.key() as usize] += 1);
        assert!(counts[0] > 15 * counts[30], "{counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }
}
