//! How many jobs of a queue may start in a time: a bucket that fills steadily. Pure; the caller says what time it is.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A rate: so many in that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In what time.
    pub window: Duration,
}

/// What is left of a rate.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    state: Mutex<(f64, Instant)>,
}

impl RateLimit {
    /// A full bucket: as many as the rate allows may start at once.
    pub fn new(rate: Rate, now: Instant) -> RateLimit {
        RateLimit { rate, state: Mutex::new((f64::from(rate.count), now)) }
    }

    /// How many of these may start now, which then counts as done; else when one may.
    pub fn take(&self, wanted: usize, now: Instant) -> Result<usize, Instant> {
        let mut state = self.state.lock();
        let per_second = f64::from(self.rate.count) / self.rate.window.as_secs_f64();
        let elapsed = now.saturating_duration_since(state.1).as_secs_f64();
        let tokens = (state.0 + elapsed * per_second).min(f64::from(self.rate.count));
        let taken = (tokens.floor() as usize).min(wanted);
        *state = (tokens - taken as f64, now.max(state.1));
        if taken > 0 || wanted == 0 {
            return Ok(taken);
        }
        Err(now + Duration::from_secs_f64((1.0 - tokens) / per_second))
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, count: usize) {
        self.state.lock().0 += count as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_start_than_the_rate_allows_and_what_was_not_used_comes_back() {
        let start = Instant::now();
        let limit = RateLimit::new(Rate { count: 10, window: Duration::from_secs(1) }, start);
        assert_eq!(limit.take(100, start), Ok(10));
        let next = limit.take(1, start).expect_err("none is left");
        assert!(next.duration_since(start).abs_diff(Duration::from_millis(100)) < Duration::from_millis(1));
        assert_eq!(limit.take(100, start + Duration::from_millis(350)), Ok(3));
        limit.give_back(2);
        assert_eq!(limit.take(100, start + Duration::from_millis(350)), Ok(2));
        assert_eq!(limit.take(100, start + Duration::from_secs(60)), Ok(10));
    }
}
