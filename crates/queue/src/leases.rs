//! What runs on this node: its leases are extended while it does, and it hears when it is cancelled or lost.
//!
//! A run is lost where the database says that it is no more ours. Never ends a run: its handler is told to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::QueueError;
use crate::job::Run;
use crate::store::Store;

/// Leases that one statement extends.
const BATCH_MAX: usize = 1000;

/// What runs on this node.
#[derive(Clone, Default)]
pub struct Leases {
    running: Arc<Mutex<HashMap<i64, Running>>>,
}

struct Running {
    attempt: i32,
    lease: Duration,
    /// When the lease was last known to begin.
    since: Instant,
    cancelled: CancellationToken,
}

/// A run that is kept; forgotten when dropped.
pub(crate) struct Kept {
    leases: Leases,
    run: Run,
    /// Told to end: cancelled, or lost.
    pub(crate) cancelled: CancellationToken,
}

impl Leases {
    /// How many run.
    pub fn count(&self) -> usize {
        self.running.lock().len()
    }

    /// Keeps a run that was just claimed.
    pub(crate) fn keep(&self, run: Run, lease: Duration) -> Kept {
        let cancelled = CancellationToken::new();
        let running =
            Running { attempt: run.attempt, lease, since: Instant::now(), cancelled: cancelled.clone() };
        self.running.lock().insert(run.id, running);
        Kept { leases: self.clone(), run, cancelled }
    }

    /// Tells a job's handler, if it runs here, that somebody wants it cancelled.
    pub fn cancel(&self, job: i64) {
        if let Some(running) = self.running.lock().get(&job) {
            running.cancelled.cancel();
        }
    }

    /// Extends leases until shutdown.
    pub async fn run(&self, store: &Store, shutdown: &CancellationToken) {
        let mut ticks = interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            for (lease, runs) in self.due() {
                for runs in runs.chunks(BATCH_MAX) {
                    // A database that is away for longer than a lease has given the jobs to nobody else either.
                    if let Err(error) = self.extend(store, lease, runs).await {
                        tracing::debug!(%error, "leases are not extended yet");
                    }
                }
            }
        }
    }

    /// Those of which a third is over, by the length of their leases and in the order of their ids.
    fn due(&self) -> Vec<(Duration, Vec<Run>)> {
        let mut due: HashMap<Duration, Vec<Run>> = HashMap::new();
        for (id, running) in self.running.lock().iter() {
            if running.since.elapsed() >= running.lease / 3 {
                due.entry(running.lease).or_default().push(Run { id: *id, attempt: running.attempt });
            }
        }
        due.values_mut().for_each(|runs| runs.sort_by_key(|run| run.id));
        due.into_iter().collect()
    }

    async fn extend(&self, store: &Store, lease: Duration, runs: &[Run]) -> Result<(), QueueError> {
        let began = Instant::now();
        let extended = timeout(lease / 3, store.extend(runs, lease)).await;
        let extended = extended.map_err(|_| QueueError::Slow(lease / 3))??;
        let mut running = self.running.lock();
        for run in runs {
            let Some(kept) = running.get_mut(&run.id).filter(|kept| kept.attempt == run.attempt) else {
                continue;
            };
            match extended.iter().find(|extended| extended.run == *run) {
                Some(extended) if !extended.cancel_requested => kept.since = began,
                // Or it ended a moment ago, and nobody listens any more.
                _ => kept.cancelled.cancel(),
            }
        }
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut running = self.leases.running.lock();
        if running.get(&self.run.id).is_some_and(|running| running.attempt == self.run.attempt) {
            running.remove(&self.run.id);
        }
    }
}
