//! What has its time: jobs that become available, jobs that turn up late, schedules, and jobs that ended long ago.
//!
//! Every node does it; rows that another has locked are passed over.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::lane::Lane;
use crate::periodic::{self, Periodic};
use crate::store::Store;

/// How often to look for jobs whose time has come, where none is known to come sooner.
const PROMOTE_INTERVAL: Duration = Duration::from_secs(1);
const PROMOTE_INTERVAL_MIN: Duration = Duration::from_millis(2);
/// Jobs that one statement makes available.
const PROMOTED_MAX: usize = 1000;
/// How often to look for jobs to forget.
const PRUNE_INTERVAL: Duration = Duration::from_secs(10);

/// How long jobs are kept that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Completed ones; zero: not at all.
    pub completed: Duration,
    /// Discarded and cancelled ones.
    pub others: Duration,
}

/// Does it until shutdown.
pub async fn housekeep(
    store: &Store,
    lanes: &[Arc<Lane>],
    periodics: &[Periodic],
    retention: Retention,
    shutdown: &CancellationToken,
) {
    tokio::join!(
        promote(store, lanes, shutdown),
        join_all(lanes.iter().map(|lane| lane.survey(shutdown))),
        periodic::run(periodics, store, shutdown),
        prune(store, retention, shutdown)
    );
}

async fn promote(store: &Store, lanes: &[Arc<Lane>], shutdown: &CancellationToken) {
    loop {
        let pause = match store.promote(PROMOTED_MAX).await {
            Ok((promoted, next)) => {
                if promoted > 0 {
                    lanes.iter().for_each(|lane| lane.stir());
                }
                let is_full = usize::try_from(promoted).is_ok_and(|promoted| promoted >= PROMOTED_MAX);
                if is_full { Duration::ZERO } else { next.unwrap_or(PROMOTE_INTERVAL).min(PROMOTE_INTERVAL) }
            }
            Err(error) => {
                tracing::debug!(%error, "jobs whose time has come wait");
                PROMOTE_INTERVAL
            }
        };
        tokio::select! {
            () = sleep(pause.max(PROMOTE_INTERVAL_MIN)) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn prune(store: &Store, retention: Retention, shutdown: &CancellationToken) {
    loop {
        let is_more = store.prune(retention.completed, retention.others).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "jobs that ended are not forgotten yet");
            false
        });
        let pause = if is_more { Duration::from_millis(50) } else { PRUNE_INTERVAL };
        tokio::select! {
            () = sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
    }
}
