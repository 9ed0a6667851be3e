//! How runs ended, told to the database in batches: whatever came while the last batch was on its way.
//!
//! A report that cannot be told is kept and told again, until its job's lease has ended and somebody else has the job.
//! Bounded: whoever reports waits while too much is on its way.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::batch;
use crate::job::{Outcome, Run};
use crate::store::Store;
use crate::{Backoff, QueueError};

/// Reports on their way, which may all be in one batch.
const WAITING_MAX: usize = 2000;
/// Until a batch that failed is told again.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Where reports are handed in.
#[derive(Clone)]
pub struct Reports {
    sender: mpsc::Sender<Handed>,
    places: Arc<Semaphore>,
}

/// Reports that were handed in together, and are told in one batch.
struct Handed {
    reports: Vec<Report>,
    places: OwnedSemaphorePermit,
}

struct Report {
    run: Run,
    /// The queue that its job must be of; any where none is said.
    queue: Option<Arc<str>>,
    outcome: Outcome,
    backoff: Duration,
    taken: oneshot::Sender<bool>,
}

impl Reports {
    /// Reports, and what tells the database of them: it must be run, and ends when the last handle is gone or, once
    /// `drained`, when nothing is left.
    pub fn new(
        store: Arc<Store>,
        keep_completed: bool,
        drained: CancellationToken,
    ) -> (Reports, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let places = Arc::new(Semaphore::new(WAITING_MAX));
        (Reports { sender, places }, tell(store, keep_completed, receiver, drained))
    }

    /// Reports how a run ended, and does not wait until that is told.
    pub async fn send(&self, run: Run, outcome: Outcome) {
        self.send_with(run, outcome, Backoff::default().after(run.attempt)).await;
    }

    /// The same, with the time after which a failed job is tried again unless its outcome says.
    pub async fn send_with(&self, run: Run, outcome: Outcome, backoff: Duration) {
        // Whoever wants to know waits; if nobody tells any more, the job's lease sees to it.
        drop(self.hand_in(None, vec![(run, outcome, backoff)]).await);
    }

    /// Reports how a run ended: whether it still was that worker's.
    pub async fn settle(&self, run: Run, outcome: Outcome, backoff: Duration) -> Result<bool, QueueError> {
        let settled = self.settle_all(None, vec![(run, outcome, backoff)]).await?;
        Ok(settled.first().is_some_and(|taken| *taken))
    }

    /// Reports how runs ended, at most 1,000, whose jobs must be of that queue if one is said: of each, whether it still
    /// was that worker's.
    pub async fn settle_all(
        &self,
        queue: Option<&Arc<str>>,
        ended: Vec<(Run, Outcome, Duration)>,
    ) -> Result<Vec<bool>, QueueError> {
        let answers = self.hand_in(queue, ended).await.ok_or(QueueError::Stopping)?;
        let mut taken = Vec::with_capacity(answers.len());
        for answer in answers {
            taken.push(answer.await.map_err(|_| QueueError::Stopping)?);
        }
        Ok(taken)
    }

    async fn hand_in(
        &self,
        queue: Option<&Arc<str>>,
        ended: Vec<(Run, Outcome, Duration)>,
    ) -> Option<Vec<oneshot::Receiver<bool>>> {
        let (mut reports, mut answers) = (Vec::with_capacity(ended.len()), Vec::with_capacity(ended.len()));
        for (run, outcome, backoff) in ended {
            let (taken, answer) = oneshot::channel();
            answers.push(answer);
            if outcome == Outcome::Settled {
                // Nothing is left to tell.
                let _ = taken.send(true);
            } else {
                reports.push(Report { run, queue: queue.cloned(), outcome, backoff, taken });
            }
        }
        if !reports.is_empty() {
            let places = u32::try_from(reports.len().min(WAITING_MAX)).unwrap_or(u32::MAX);
            let places = Arc::clone(&self.places).acquire_many_owned(places).await.ok()?;
            self.sender.send(Handed { reports, places }).await.ok()?;
        }
        Some(answers)
    }
}

async fn tell(
    store: Arc<Store>,
    keep_completed: bool,
    mut receiver: mpsc::Receiver<Handed>,
    drained: CancellationToken,
) {
    let mut said = false;
    loop {
        let handed = batch::next(&mut receiver, WAITING_MAX, &drained).await;
        if handed.is_empty() {
            return;
        }
        // Others may be handed in once these have been told.
        let (mut batch, mut places) = (Vec::new(), Vec::new());
        for handed in handed {
            batch.extend(handed.reports);
            places.push(handed.places);
        }
        while let Err(error) = tell_batch(&store, keep_completed, &mut batch).await {
            if !std::mem::replace(&mut said, true) {
                tracing::warn!("what became of jobs cannot be told yet: {error}");
            }
            if drained.is_cancelled() {
                tracing::warn!(jobs = batch.len(), "what became of jobs was not told: they will run again");
                break;
            }
            sleep(RETRY_INTERVAL).await;
        }
        said = false;
    }
}

/// Tells a batch; what was told is no more in it, and the rest is told again if this fails.
async fn tell_batch(store: &Store, keep_completed: bool, batch: &mut Vec<Report>) -> Result<(), QueueError> {
    // In the order of their ids, as everybody who locks several.
    batch.sort_by_key(|report| report.run.id);
    let is_completed = |report: &Report| report.outcome == Outcome::Completed;
    if let runs @ [_, ..] = &runs_of(batch, is_completed)[..] {
        let completed = batch.iter().filter(|report| is_completed(report));
        let queues: Vec<Option<&str>> = completed.map(|report| report.queue.as_deref()).collect();
        let taken = store.complete(runs, &queues, keep_completed).await?;
        answer(batch, is_completed, &taken);
    }
    let snoozed = |report: &Report| matches!(report.outcome, Outcome::Snoozed(_));
    if let runs @ [_, ..] = &runs_of(batch, snoozed)[..] {
        let after = batch.iter().filter_map(|report| match &report.outcome {
            Outcome::Snoozed(after) => Some(after.as_secs_f64()),
            _ => None,
        });
        let taken = store.snooze(runs, &after.collect::<Vec<_>>()).await?;
        answer(batch, snoozed, &taken);
    }
    if let runs @ [_, ..] = &runs_of(batch, |_| true)[..] {
        let (said, after): (Vec<_>, Vec<_>) = batch.iter().map(failure).unzip();
        let taken = store.fail(runs, &said, &after).await?;
        answer(batch, |_| true, &taken);
    }
    Ok(())
}

fn failure(report: &Report) -> (String, Option<f64>) {
    match &report.outcome {
        Outcome::Failed { error, after } => {
            (printable(error), Some(after.unwrap_or(report.backoff).as_secs_f64()))
        }
        Outcome::Discarded { error } => (printable(error), None),
        Outcome::Completed | Outcome::Settled | Outcome::Snoozed(_) => (String::new(), None),
    }
}

/// As the database can keep it: its text holds no zero bytes.
fn printable(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}

fn runs_of(batch: &[Report], of: impl Fn(&Report) -> bool) -> Vec<Run> {
    batch.iter().filter(|report| of(report)).map(|report| report.run).collect()
}

/// Tells those who wait which of them were heard, and forgets these reports.
fn answer(batch: &mut Vec<Report>, of: impl Fn(&Report) -> bool, taken: &[i64]) {
    let (told, rest): (Vec<Report>, Vec<Report>) = std::mem::take(batch).into_iter().partition(of);
    *batch = rest;
    let taken: HashSet<i64> = taken.iter().copied().collect();
    for report in told {
        // Who does not want to know has gone.
        let _ = report.taken.send(taken.contains(&report.run.id));
    }
}
