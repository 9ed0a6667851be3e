//! When to try again: later each time, and not all at once. Pure.

use std::time::Duration;

use rand::RngExt as _;

/// How the time between attempts grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first attempt.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { min: Duration::from_secs(1), max: Duration::from_secs(3600) }
    }
}

impl Backoff {
    /// The time until the next attempt, when so many were made: doubled each time, within a quarter either way by
    /// chance, so that jobs that failed together do not come back together.
    pub fn after(&self, attempts: i32) -> Duration {
        self.spread(attempts, rand::rng().random_range(0.75..=1.25))
    }

    fn spread(&self, attempts: i32, factor: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).clamp(0, 31) as u32;
        let grown = self.min.saturating_mul(1 << doublings).min(self.max);
        grown.mul_f64(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_until_the_longest() {
        let backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(60) };
        let waits: Vec<u64> = (1..9).map(|attempts| backoff.spread(attempts, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds_whatever_the_attempt(attempts in any::<i32>(), max_s in 1u64..1_000_000) {
            let backoff = Backoff { min: Duration::from_millis(500), max: Duration::from_secs(max_s) };
            let wait = backoff.after(attempts);
            prop_assert!(wait >= Duration::from_millis(375) && wait <= backoff.max);
        }
    }
}
