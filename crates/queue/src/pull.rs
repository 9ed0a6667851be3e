//! Hands jobs to workers outside: they fetch, extend, and say how each run ended.
//!
//! A worker names a run by its job and attempt; what is said of a run that was given to somebody else is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::job::{Claimed, Outcome, Run};
use crate::lane::Lane;
use crate::rate::RateLimit;
use crate::reports::Reports;
use crate::store::{Extended, Store};
use crate::{Backoff, QueueError};

/// Jobs that one fetch brings.
const FETCH_MAX: usize = 1000;

/// A queue whose workers are outside.
pub struct Pulls {
    /// Where the jobs come from.
    pub lane: Arc<Lane>,
    /// Jobs that start in a time.
    pub rate: Option<RateLimit>,
    /// When failed ones are tried again.
    pub backoff: Backoff,
    /// Where it is told how they ended.
    pub reports: Reports,
    /// Their database.
    pub store: Arc<Store>,
}

impl Pulls {
    /// Jobs, at most so many, as soon as there are any; none if there are none for so long.
    pub async fn fetch(&self, jobs_max: usize, wait: Duration) -> Result<Vec<Claimed>, QueueError> {
        let until = Instant::now() + wait;
        loop {
            let jobs_max = jobs_max.clamp(1, FETCH_MAX);
            let (allowed, next) = match self.rate.as_ref().map(|rate| rate.take(jobs_max, Instant::now())) {
                None => (jobs_max, None),
                Some(Ok(allowed)) => (allowed, None),
                Some(Err(next)) => (0, Some(next)),
            };
            if allowed > 0 {
                let jobs = self.lane.claim(allowed).await;
                if let Some(rate) = &self.rate {
                    rate.give_back(allowed - jobs.as_ref().map_or(0, Vec::len).min(allowed));
                }
                let jobs = jobs?;
                if !jobs.is_empty() {
                    // Others who wait have not heard of what is left.
                    self.lane.stir();
                    return Ok(jobs);
                }
            }
            let until_next = next.map_or(until, |next| next.min(until));
            let news = async {
                match next {
                    Some(_) => std::future::pending().await,
                    None => self.lane.news().await,
                }
            };
            let is_over = timeout_at(until_next.into(), news).await.is_err() && until_next >= until;
            if is_over {
                return Ok(Vec::new());
            }
        }
    }

    /// Extends the leases of runs; those that are missing from the answer are no more the worker's.
    pub async fn extend(&self, runs: &[Run]) -> Result<Vec<Extended>, QueueError> {
        self.store.extend(runs, self.lane.settings().lease).await
    }

    /// Says how runs ended, at most 1,000: of each, whether it still was that worker's, and of this queue.
    pub async fn settle(&self, ended: Vec<(Run, Outcome)>) -> Result<Vec<bool>, QueueError> {
        // The statement that completes looks at the queue anyway; the others are rare.
        let others: Vec<i64> = ended
            .iter()
            .filter(|(_, outcome)| *outcome != Outcome::Completed)
            .map(|(run, _)| run.id)
            .collect();
        let foreign = match &others[..] {
            [] => Vec::new(),
            others => self.store.foreign(self.lane.queue(), others).await?,
        };
        let is_foreign =
            |run: &Run, outcome: &Outcome| *outcome != Outcome::Completed && foreign.contains(&run.id);
        let is_own: Vec<bool> = ended.iter().map(|(run, outcome)| !is_foreign(run, outcome)).collect();
        let own = ended.into_iter().zip(&is_own).filter(|(_, is_own)| **is_own);
        let own = own.map(|((run, outcome), _)| (run, outcome, self.backoff.after(run.attempt)));
        let settled = self.reports.settle_all(Some(self.lane.name()), own.collect()).await;
        // What waited for its key is behind the place of the next claim.
        self.lane.look_again();
        let mut settled = settled?.into_iter();
        Ok(is_own.into_iter().map(|is_own| is_own && settled.next().unwrap_or(false)).collect())
    }
}
