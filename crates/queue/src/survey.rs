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
/// a hundredth, or a twentieth where something is known to have turned up.
const SHARE: u32 = 20;
const SHARE_OF_ALL: u32 = 100;
/// Between a doubt and the survey that clears it.
const DOUBT_INTERVAL: Duration = Duration::from_millis(5);
/// Jobs of each priority that one survey brings.
const JOBS_MAX: usize = 1000;

impl Lane {
    /// Surveys until shutdown.
    pub async fn survey(&self, shutdown: &CancellationToken) {
        // The last survey of everything: when, and how long it took.
        let (mut all_at, mut all_took) = (Instant::now(), Duration::ZERO);
        let mut is_doubted = true;
        loop {
            let began = Instant::now();
            let wait = if is_doubted { all_took * SHARE } else { ALL_INTERVAL.max(all_took * SHARE_OF_ALL) };
            let is_all = began >= all_at + wait;
            if let Err(error) = self.survey_once(is_all).await {
                tracing::debug!(%error, "a queue is surveyed later");
            }
            let took = began.elapsed();
            if is_all {
                (all_at, all_took, is_doubted) = (Instant::now(), took, false);
            }
            let pause = (took * SHARE).clamp(SURVEY_INTERVAL, SURVEY_INTERVAL_MAX);
            let next = async {
                if timeout(pause, self.doubt.notified()).await.is_ok() {
                    is_doubted = true;
                    let until = all_at + all_took * SHARE;
                    sleep(until.saturating_duration_since(Instant::now()).clamp(DOUBT_INTERVAL, pause)).await;
                }
            };
            tokio::select! {
                () = next => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn survey_once(&self, all: bool) -> Result<(), QueueError> {
        let reached = self.reached.lock().clone();
        let (drawn, drawers) = self.store.horizon().await?;
        let extent = {
            let mut behind = self.behind.lock();
            behind.see(drawn, drawers);
            behind.extent(reached, all)
        };
        let found = self.store.survey(self.queue(), &extent, JOBS_MAX).await?;
        let mut behind = self.behind.lock();
        behind.learn(&extent, &found, JOBS_MAX);
        if !behind.late(1).is_empty() {
            self.news.notify_one();
        }
        Ok(())
    }
}
