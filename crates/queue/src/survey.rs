//! Looks for what turned up behind the places where claims begin: jobs whose transactions committed late, and jobs whose
//! leases ended.
//!
//! Beside the claims, over a connection of its own: while old row versions are pinned, it may read many that are gone.
//! Never claims; what it finds is claimed by its place.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::QueueError;
use crate::lane::Lane;

/// How often to look from the floors on, which is what finds a job whose worker was lost.
const SURVEY_INTERVAL: Duration = Duration::from_secs(1);
const SURVEY_INTERVAL_MAX: Duration = Duration::from_secs(4);
/// How often to survey everything, which finds nothing but what the log has told already.
const ALL_INTERVAL: Duration = Duration::from_secs(10);
/// A survey from the floors on takes at most a twentieth of the time, as long as it is often enough; one of everything
/// a hundredth, or a twentieth where something is known to have turned up; but never is one waited for for longer.
const SHARE: u32 = 20;
const SHARE_OF_ALL: u32 = 100;
const ALL_INTERVAL_MAX: Duration = Duration::from_secs(60);
const DOUBT_INTERVAL_MAX: Duration = Duration::from_secs(4);
/// Between a doubt and the survey that clears it.
const DOUBT_INTERVAL: Duration = Duration::from_millis(5);
/// Jobs of each priority that one survey brings.
const JOBS_MAX: usize = 1000;

impl Lane {
    /// Surveys until shutdown.
    pub async fn survey(&self, shutdown: &CancellationToken) {
        let mut pace = Pace::new(Instant::now());
        let mut has_failed = false;
        loop {
            // One of everything may take too long each time: after one that failed comes one from the floors.
            let is_all = !has_failed && Instant::now() >= pace.all_due();
            let surveyed = self.survey_once(is_all).await;
            has_failed = is_all && surveyed.is_err();
            match &surveyed {
                Ok(took) if is_all => pace.all_done(Instant::now(), *took),
                Ok(_) => {}
                // What could not be read is still to be read.
                Err(error) => tracing::debug!(%error, "a queue is surveyed later"),
            }
            let took = surveyed.unwrap_or_default();
            let pause = (took * SHARE).clamp(SURVEY_INTERVAL, SURVEY_INTERVAL_MAX);
            let next = async {
                if timeout(pause, self.doubt.notified()).await.is_ok() {
                    pace.is_doubted = true;
                    let until_due = pace.all_due().saturating_duration_since(Instant::now());
                    sleep(until_due.clamp(DOUBT_INTERVAL, pause)).await;
                }
            };
            tokio::select! {
                () = next => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Surveys; how long the database read.
    async fn survey_once(&self, all: bool) -> Result<Duration, QueueError> {
        let reached = self.reached.lock().clone();
        let (drawn, drawers) = self.store.horizon().await?;
        let extent = {
            let mut behind = self.behind.lock();
            behind.see(drawn, drawers);
            behind.extent(reached, all)
        };
        // Connected by now: whatever that took is no measure of the reading.
        let began = Instant::now();
        let found = self.store.survey(self.queue(), &extent, JOBS_MAX).await?;
        let took = began.elapsed();
        let mut behind = self.behind.lock();
        behind.learn(&extent, &found, JOBS_MAX);
        if !behind.late(1).is_empty() {
            self.news.notify_one();
        }
        Ok(took)
    }
}

/// When to survey everything. Pure; the caller says what time it is.
struct Pace {
    /// When that was done last, and how long it took.
    all_at: Instant,
    all_took: Duration,
    is_doubted: bool,
}

impl Pace {
    /// At once.
    fn new(now: Instant) -> Pace {
        Pace { all_at: now, all_took: Duration::ZERO, is_doubted: true }
    }

    fn all_due(&self) -> Instant {
        let wait = match self.is_doubted {
            true => (self.all_took * SHARE).min(DOUBT_INTERVAL_MAX),
            false => (self.all_took * SHARE_OF_ALL).clamp(ALL_INTERVAL, ALL_INTERVAL_MAX),
        };
        self.all_at + wait
    }

    fn all_done(&mut self, now: Instant, took: Duration) {
        *self = Pace { all_at: now, all_took: took, is_doubted: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_doubted_is_surveyed_soon_however_long_the_last_survey_took() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.all_due(), start);
        // As under load, or behind very many pinned row versions.
        pace.all_done(start, Duration::from_secs(3));
        assert_eq!(pace.all_due(), start + ALL_INTERVAL_MAX);
        pace.is_doubted = true;
        assert_eq!(pace.all_due(), start + DOUBT_INTERVAL_MAX);
        pace.all_done(start, Duration::from_millis(1));
        assert_eq!(pace.all_due(), start + ALL_INTERVAL);
        pace.is_doubted = true;
        assert_eq!(pace.all_due(), start + Duration::from_millis(20));
    }
}
