//! Runs what waits in a queue with a handler: as many jobs at once as it may, no more of them than its rate allows.
//!
//! Claims no job that cannot start at once. A handler that takes too long, or whose job was cancelled, is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::job::{Claimed, Outcome};
use crate::lane::Lane;
use crate::leases::{Kept, Leases};
use crate::rate::RateLimit;
use crate::reports::Reports;
use crate::{Backoff, QueueError};

/// Jobs that one claim brings.
const CLAIM_MAX: usize = 250;
/// Between two claims that failed: the first time, and at most.
const RETRY: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };

/// What became of a run, for statistics.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    /// The queue.
    pub queue: &'a str,
    /// The job.
    pub job: &'a Claimed,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// How long it ran.
    pub took: Duration,
}

/// How a queue's jobs are run.
pub struct Work<H, F> {
    /// Where they come from.
    pub lane: Arc<Lane>,
    /// Jobs that run at once.
    pub concurrency: usize,
    /// Jobs that start in a time.
    pub rate: Option<RateLimit>,
    /// When failed ones are tried again.
    pub backoff: Backoff,
    /// Where it is told how they ended.
    pub reports: Reports,
    /// What keeps them.
    pub leases: Leases,
    /// Every task that runs one.
    pub tasks: TaskTracker,
    /// Runs a job, and how long that may take.
    pub handler: H,
    /// Is told of every run.
    pub finished: F,
}

/// Works until shutdown; jobs that run then may finish, and are among the tasks.
pub async fn work<H, R, F>(work: Arc<Work<H, F>>, shutdown: &CancellationToken)
where
    H: Fn(Claimed) -> (Duration, R) + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
    F: Fn(&Finished<'_>) + Send + Sync + 'static,
{
    let slots = Arc::new(Semaphore::new(work.concurrency));
    let mut failures = 0;
    loop {
        let claiming = claim(&work, &slots);
        let jobs = tokio::select! {
            jobs = claiming => jobs,
            () = shutdown.cancelled() => return,
        };
        match jobs {
            Ok(jobs) => {
                failures = 0;
                for job in jobs {
                    start(&work, &slots, job).await;
                }
            }
            Err(error) => {
                failures += 1;
                if failures == 1 {
                    tracing::warn!(queue = work.lane.queue(), "jobs cannot be claimed: {error}");
                }
                tokio::select! {
                    () = sleep(RETRY.after(failures)) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }
}

/// Waits for a free slot, for the rate, and for jobs.
async fn claim<H, F>(work: &Work<H, F>, slots: &Semaphore) -> Result<Vec<Claimed>, QueueError> {
    loop {
        // Taken one by one when the jobs start: this loop alone takes any.
        drop(slots.acquire().await.map_err(|_| QueueError::Stopping)?);
        let free = slots.available_permits().min(CLAIM_MAX);
        let allowed = match work.rate.as_ref().map(|rate| rate.take(free, Instant::now())) {
            None => free,
            Some(Ok(allowed)) => allowed,
            Some(Err(next)) => {
                sleep_until(next.into()).await;
                continue;
            }
        };
        let jobs = work.lane.claim(allowed).await;
        if let Some(rate) = &work.rate {
            rate.give_back(allowed - jobs.as_ref().map_or(0, Vec::len).min(allowed));
        }
        match jobs {
            Ok(jobs) if jobs.is_empty() => work.lane.news().await,
            jobs => return jobs,
        }
    }
}

async fn start<H, R, F>(work: &Arc<Work<H, F>>, slots: &Arc<Semaphore>, job: Claimed)
where
    H: Fn(Claimed) -> (Duration, R) + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
    F: Fn(&Finished<'_>) + Send + Sync + 'static,
{
    // There is one: no more were claimed than were free.
    let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return };
    let kept = work.leases.keep(job.run, work.lane.settings().lease);
    let work = Arc::clone(work);
    work.tasks.clone().spawn(async move {
        let began = Instant::now();
        let outcome = run(&work, job.clone(), &kept).await;
        // A slot is free as soon as its handler is done: the report is on its way meanwhile.
        drop(slot);
        (work.finished)(&Finished {
            queue: work.lane.queue(),
            job: &job,
            outcome: &outcome,
            took: began.elapsed(),
        });
        if job.is_serial {
            // The next of its key keeps its place, which this node has passed.
            let _ = work.reports.settle(job.run, outcome, work.backoff.after(job.tries())).await;
            work.lane.look_again();
        } else {
            work.reports.send_with(job.run, outcome, work.backoff.after(job.tries())).await;
        }
        drop(kept);
    });
}

async fn run<H, R, F>(work: &Work<H, F>, job: Claimed, kept: &Kept) -> Outcome
where
    H: Fn(Claimed) -> (Duration, R),
    R: Future<Output = Outcome>,
{
    let (time_max, handling) = (work.handler)(job);
    tokio::select! {
        outcome = timeout(time_max, handling) => outcome.unwrap_or_else(|_| Outcome::Failed {
            error: format!("it took longer than {} ms", time_max.as_millis()),
            after: None,
        }),
        () = kept.cancelled.cancelled() => Outcome::Discarded { error: "cancelled while it ran".to_owned() },
    }
}
