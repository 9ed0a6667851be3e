//! How runs ended, told to the database in batches: whatever came while the last batch was on its way.
//!
//! A report that cannot be told is kept and told again, until its job's lease has ended and somebody else has the job.
//! Bounded: whoever reports waits while too much is on its way.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::batch;
use crate::job::{Outcome, Run};
use crate::store::Store;
use crate::{Backoff, QueueError};

/// Reports in one batch, and on their way.
const BATCH_MAX: usize = 500;
const WAITING_MAX: usize = 2000;
/// Until a batch that failed is told again.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Where reports are handed in.
#[derive(Clone)]
pub struct Reports {
    sender: mpsc::Sender<Report>,
}

struct Report {
    run: Run,
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
        (Reports { sender }, tell(store, keep_completed, receiver, drained))
    }

    /// Reports how a run ended, and does not wait until that is told.
    pub async fn send(&self, run: Run, outcome: Outcome) {
        self.send_with(run, outcome, Backoff::default().after(run.attempt)).await;
    }

    /// The same, with the time after which a failed job is tried again unless its outcome says.
    pub async fn send_with(&self, run: Run, outcome: Outcome, backoff: Duration) {
        // Whoever wants to know waits; if nobody tells any more, the job's lease sees to it.
        drop(self.hand_in(run, outcome, backoff).await);
    }

    /// Reports how a run ended: whether it still was that worker's.
    pub async fn settle(&self, run: Run, outcome: Outcome, backoff: Duration) -> Result<bool, QueueError> {
        let taken = self.hand_in(run, outcome, backoff).await.ok_or(QueueError::Stopping)?;
        taken.await.map_err(|_| QueueError::Stopping)
    }

    async fn hand_in(
        &self,
        run: Run,
        outcome: Outcome,
        backoff: Duration,
    ) -> Option<oneshot::Receiver<bool>> {
        let (taken, answer) = oneshot::channel();
        if outcome == Outcome::Settled {
            // Nothing is left to tell.
            let _ = taken.send(true);
            return Some(answer);
        }
        self.sender.send(Report { run, outcome, backoff, taken }).await.ok()?;
        Some(answer)
    }
}

async fn tell(
    store: Arc<Store>,
    keep_completed: bool,
    mut receiver: mpsc::Receiver<Report>,
    drained: CancellationToken,
) {
    let mut said = false;
    loop {
        let mut batch = batch::next(&mut receiver, BATCH_MAX, &drained).await;
        if batch.is_empty() {
            return;
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
        let taken = store.complete(runs, keep_completed).await?;
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
