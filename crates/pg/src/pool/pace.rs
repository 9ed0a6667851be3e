//! How fast connections come back, from which a caller can be told what wait to expect.
//!
//! Guesses, never promises: it looks at what was, and a request that is about to end looks like any other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much one more observation weighs against all before it.
const WEIGHT: u64 = 8;

/// The pace at which connections are given back.
pub(super) struct Pace {
    start: Instant,
    /// How long connections are lent, lately.
    lent_us: AtomicU64,
    /// When one was last given back, or somebody began to wait where nobody did; since the start.
    moved_us: AtomicU64,
}

impl Pace {
    pub(super) fn start() -> Pace {
        Pace { start: Instant::now(), lent_us: AtomicU64::new(0), moved_us: AtomicU64::new(0) }
    }

    /// A connection that was lent so long is free again.
    pub(super) fn returned(&self, lent: Duration) {
        self.returned_at(lent, self.start.elapsed());
    }

    /// Somebody begins to wait, and nobody did before.
    pub(super) fn queued(&self) {
        self.moved_us.store(self.start.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// How long a caller may expect to wait who has so many full rounds of the pool before it.
    pub(super) fn wait(&self, rounds: usize) -> Duration {
        self.wait_at(rounds, self.start.elapsed())
    }

    fn returned_at(&self, lent: Duration, now: Duration) {
        let lent_us = lent.as_micros() as u64;
        // Two at once may lose one observation, which changes little.
        let before = self.lent_us.load(Ordering::Relaxed);
        let mean = if before == 0 { lent_us } else { before - before / WEIGHT + lent_us / WEIGHT };
        self.lent_us.store(mean.max(1), Ordering::Relaxed);
        self.moved_us.store(now.as_micros() as u64, Ordering::Relaxed);
    }

    fn wait_at(&self, rounds: usize, now: Duration) -> Duration {
        let by_mean = self.lent_us.load(Ordering::Relaxed).saturating_mul(rounds as u64);
        // Where nothing has come back for long, nothing is likely to come back sooner than that.
        let stuck = (now.as_micros() as u64).saturating_sub(self.moved_us.load(Ordering::Relaxed));
        Duration::from_micros(by_mean.max(stuck))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_wait_is_as_long_as_the_rounds_before_it_usually_take() {
        let pace = Pace::start();
        (1..100).for_each(|second| pace.returned_at(2 * SECOND, second * SECOND));
        assert!(pace.wait_at(3, 99 * SECOND).abs_diff(6 * SECOND) < SECOND);
        (100..200).for_each(|second| pace.returned_at(SECOND / 100, second * SECOND));
        assert!(pace.wait_at(3, 199 * SECOND) < SECOND);
    }

    #[test]
    fn where_nothing_comes_back_the_wait_grows() {
        let pace = Pace::start();
        pace.returned_at(SECOND / 1000, SECOND);
        assert!(pace.wait_at(1, SECOND) < SECOND);
        assert_eq!(pace.wait_at(1, 12 * SECOND), 11 * SECOND);
    }
}
