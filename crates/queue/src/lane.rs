//! One queue on this node: who claims from it, from where on, and what there is to wait for.
//!
//! Claims one at a time, from where the last claim ended; what turns up behind that is found by surveys (`survey`). What
//! the log tells of a job may come before new snapshots see the job: then it asks again until they do. Without the log
//! it looks every second. Never runs a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pg::Xid;
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

use crate::behind::Behind;
use crate::job::Claimed;
use crate::places::{Lowered, Places};
use crate::reports::Reports;
use crate::store::{Claim, Store};
use crate::{Outcome, QueueError};

/// How often the queue is looked at where the log tells of nothing.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Late jobs that one claim asks for.
const LATE_MAX: usize = 1000;
/// How long to wait for a transaction to become visible that the log has told of, or for whoever has the jobs locked:
/// at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(32);

/// How a queue is worked on.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneSettings {
    /// How long a worker may be silent before its job is given to another.
    pub lease: Duration,
    /// How long a job waits for it to gain one step of priority.
    pub aging: Duration,
}

impl Default for LaneSettings {
    fn default() -> LaneSettings {
        LaneSettings { lease: Duration::from_secs(30), aging: Duration::from_secs(30) }
    }
}

/// One queue on this node.
pub struct Lane {
    queue: Arc<str>,
    settings: LaneSettings,
    pub(crate) store: Arc<Store>,
    reports: Reports,
    /// Where the next claim begins; whoever claims has it.
    claiming: Mutex<Places>,
    lowered: Lowered,
    /// Where the last claim ended.
    pub(crate) reached: parking_lot::Mutex<Places>,
    pub(crate) behind: parking_lot::Mutex<Behind>,
    told: parking_lot::Mutex<Told>,
    pub(crate) news: Notify,
    /// Jobs with keys were seen: those that wait for one turn up behind the places.
    has_keys: AtomicBool,
    /// Something may have turned up anywhere.
    pub(crate) doubt: Notify,
}

/// What the log has told and no claim has answered.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    jobs: usize,
    /// The last transaction that told.
    transaction: Option<u32>,
}

impl Lane {
    /// A queue whose jobs nobody has looked at yet.
    pub fn new(queue: &str, settings: LaneSettings, store: Arc<Store>, reports: Reports) -> Lane {
        Lane {
            queue: queue.into(),
            settings,
            store,
            reports,
            claiming: Mutex::default(),
            lowered: Lowered::default(),
            reached: parking_lot::Mutex::default(),
            behind: parking_lot::Mutex::default(),
            told: parking_lot::Mutex::default(),
            news: Notify::new(),
            has_keys: AtomicBool::new(false),
            doubt: Notify::new(),
        }
    }

    /// Its name.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.queue
    }

    /// How it is worked on.
    pub fn settings(&self) -> &LaneSettings {
        &self.settings
    }

    /// The log tells of a job, in that transaction.
    pub fn tell(&self, priority: usize, seq: i64, transaction: u32) {
        if !self.behind.lock().tell(priority, seq) {
            self.lowered.tell(priority, seq);
        }
        let mut told = self.told.lock();
        told.jobs += 1;
        told.transaction = Some(transaction);
        drop(told);
        self.news.notify_one();
    }

    /// A run ended: what waited for its key may have become available behind the places where claims begin.
    pub(crate) fn look_again(&self) {
        if self.has_keys.load(Ordering::Relaxed) {
            self.doubt.notify_one();
        }
    }

    /// The log was not heard for a while: what it would have told may have turned up anywhere.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Something may have become available.
    pub fn stir(&self) {
        self.news.notify_one();
    }

    /// Claims at most so many jobs. None: there is nothing to do now.
    pub async fn claim(&self, jobs_max: usize) -> Result<Vec<Claimed>, QueueError> {
        let mut claiming = self.claiming.lock().await;
        let mut pause = PAUSE_MIN;
        loop {
            let told = std::mem::take(&mut *self.told.lock());
            claiming.lower(&self.lowered);
            let found = self.claim_once(&mut claiming, jobs_max).await.inspect_err(|_| self.untold(told))?;
            let (count, contended) = (found.jobs.len(), found.jobs.len() < found.found);
            let jobs = self.runnable(found.jobs).await?;
            if !jobs.is_empty() {
                if count < told.jobs && count < jobs_max {
                    // Others may not be visible yet.
                    self.untold(Told { jobs: told.jobs - count, ..told });
                    self.news.notify_one();
                }
                return Ok(jobs);
            }
            if count > 0 {
                // All of them wait for something: there may be others behind.
                continue;
            }
            match told.transaction {
                // Another node's claim is soon over; a lock that is not is looked at again in a while.
                None if contended && pause < PAUSE_MAX => sleep(pause).await,
                None => return Ok(jobs),
                Some(transaction) if self.is_visible(transaction).await? => {
                    // Perhaps only since the claim; a second one sees all that was told.
                }
                Some(_) => {
                    self.untold(told);
                    sleep(pause).await;
                }
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Waits until there may be something to claim.
    pub async fn news(&self) {
        // At least as often as it is to be looked at without news.
        let _ = timeout(LOOK_INTERVAL, self.news.notified()).await;
    }

    async fn claim_once(
        &self,
        places: &mut Places,
        jobs_max: usize,
    ) -> Result<crate::store::Found, QueueError> {
        let (settled, late) = {
            let behind = self.behind.lock();
            (behind.settled(), behind.late(jobs_max.min(LATE_MAX)))
        };
        let claim = Claim {
            queue: &self.queue,
            jobs_max,
            places: places.as_slice(),
            late: &late,
            lease: self.settings.lease,
            aging: self.settings.aging,
        };
        let found = self.store.claim(&claim).await?;
        let claimed = || found.jobs.iter().map(|job| (job.priority, job.seq));
        self.behind.lock().claimed(claimed());
        *places = places.after(claimed());
        if found.found < jobs_max && !found.is_paused {
            // It has seen all that was there, and at or before this place nothing else was to come.
            places.raise(settled);
        }
        self.reached.lock().clone_from(places);
        Ok(found)
    }

    /// Those of the jobs that may run now; the others are put back or ended.
    async fn runnable(&self, mut jobs: Vec<Claimed>) -> Result<Vec<Claimed>, QueueError> {
        for job in jobs.iter().filter(|job| job.cancel_requested || job.is_exhausted()) {
            let error = match job.cancel_requested {
                true => "cancelled while no worker had it",
                false => "its worker was lost, and no attempt is left",
            };
            self.reports.send(job.run, Outcome::Discarded { error: error.to_owned() }).await;
        }
        jobs.retain(|job| !job.cancel_requested && !job.is_exhausted());
        let serial: Vec<i64> = jobs.iter().filter(|job| job.is_serial).map(|job| job.run.id).collect();
        if !serial.is_empty() {
            self.has_keys.store(true, Ordering::Relaxed);
            let put_back = self.store.serialize(&serial).await?;
            jobs.retain(|job| !put_back.contains(&job.run.id));
        }
        Ok(jobs)
    }

    async fn is_visible(&self, transaction: u32) -> Result<bool, QueueError> {
        let snapshot = self.store.snapshot().await?;
        Ok(snapshot.is_none_or(|snapshot| snapshot.sees(Xid::widen(transaction, snapshot.xmax))))
    }

    /// Has another claim look for what this one did not bring.
    fn untold(&self, told: Told) {
        let mut now = self.told.lock();
        now.jobs += told.jobs;
        now.transaction = now.transaction.or(told.transaction);
    }
}
