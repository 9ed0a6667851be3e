//! One monotonic clock for the whole process: every moment in the cache is read from it.

use std::time::{Duration, Instant};

use cache::Moment;

/// The process's clock; moments count microseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The moment it is; never zero, which stands for "before everything".
    pub(crate) fn now(self) -> Moment {
        // A u64 of microseconds lasts 584,000 years.
        Moment(self.origin.elapsed().as_micros() as u64 + 1)
    }

    /// How long ago a moment was.
    pub(crate) fn since(self, moment: Moment) -> Duration {
        self.now().since(moment)
    }
}
