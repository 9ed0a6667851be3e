//! Jobs in this node: builds what `queue` needs from the configuration, runs its workers, and passes on what the log
//! tells.
//!
//! Where the configuration names no queue there is none of this, and no table in the database. Workers outside come
//! through `api.rs`, people through `admin.rs` and `command.rs`.

pub(crate) mod admin;
pub(crate) mod api;
pub(crate) mod command;
mod endpoint;
mod handling;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use pg::Transaction;
use pg::connect::ConnectOptions;
use queue::{
    Finished, Lane, Leases, News, Periodic, Pulls, RateLimit, Reports, Retention, Store, Work, housekeep,
    work,
};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Queue};
use crate::control::Control;
use crate::node::Node;
use crate::telemetry::jobs::JobMetrics;
use handling::Handlers;

/// How often jobs are counted for the metrics.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);
/// What each kind is called in the metrics that the configuration does not name.
const OTHER_KIND: &str = "other";

type Telling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything about jobs that a node has.
pub(crate) struct Jobs {
    pub(crate) store: Arc<Store>,
    pub(crate) pulls: HashMap<String, Pulls>,
    pub(crate) metrics: JobMetrics,
    lanes: HashMap<String, Arc<Lane>>,
    here: Vec<Queue>,
    handlers: Arc<Handlers>,
    periodics: Vec<Periodic>,
    retention: Retention,
    leases: Leases,
    reports: Reports,
    /// Tells the database how jobs ended; taken by whoever runs it.
    telling: Mutex<Option<Telling>>,
    /// Nothing is left to report.
    drained: CancellationToken,
    /// Jobs that run.
    running: TaskTracker,
}

impl Jobs {
    /// From the configuration, with the tables made; none where there is no queue.
    pub(crate) async fn build(
        config: &Config,
        control: &Control,
        options: &ConnectOptions,
        metrics: JobMetrics,
    ) -> Result<Option<Jobs>> {
        let jobs = &config.jobs;
        if jobs.queues.is_empty() {
            return Ok(None);
        }
        queue::schema::install(&control.client).await.context("[[queue]]")?;
        // Connections of their own, which end when the last job has been reported.
        let store = Arc::new(Store::new(options.clone(), worker(), TaskTracker::new()));
        let keep = !jobs.completed_kept.is_zero();
        let drained = CancellationToken::new();
        let (reports, telling) = Reports::new(Arc::clone(&store), keep, drained.clone());
        let lane = |queue: &Queue| {
            let lane = Lane::new(&queue.name, queue.lane.clone(), Arc::clone(&store), reports.clone());
            (queue.name.clone(), Arc::new(lane))
        };
        let lanes: HashMap<String, Arc<Lane>> = jobs.queues.iter().map(lane).collect();
        let pull = |(lane, queue): (&Arc<Lane>, &Queue)| {
            let pulls = Pulls {
                lane: Arc::clone(lane),
                rate: queue.rate.map(|rate| RateLimit::new(rate, Instant::now())),
                backoff: queue.backoff,
                reports: reports.clone(),
                store: Arc::clone(&store),
            };
            (queue.name.clone(), pulls)
        };
        let outside = jobs.queues.iter().filter(|queue| queue.concurrency.is_none());
        let outside = outside.filter_map(|queue| Some((lanes.get(&queue.name)?, queue)));
        Ok(Some(Jobs {
            pulls: outside.map(pull).collect(),
            here: jobs.queues.iter().filter(|queue| queue.concurrency.is_some()).cloned().collect(),
            handlers: Arc::new(Handlers::new(config, &store)),
            periodics: jobs.periodics.clone(),
            retention: Retention { completed: jobs.completed_kept, others: jobs.ended_kept },
            leases: Leases::default(),
            telling: Mutex::new(Some(Box::pin(telling))),
            running: TaskTracker::new(),
            store,
            metrics,
            lanes,
            reports,
            drained,
        }))
    }

    /// Passes on what a transaction of the log tells of jobs.
    pub(crate) fn hear(&self, transaction: &Transaction) {
        for news in transaction.messages.iter().filter_map(News::read) {
            match news {
                News::Available { queue, priority, seq } => {
                    if let Some(lane) = self.lanes.get(queue) {
                        lane.tell(priority, seq, transaction.xid);
                    }
                }
                News::Cancel(job) => self.leases.cancel(job),
            }
        }
    }

    /// The log is heard from now on; what it would have told before may be missing.
    pub(crate) fn listen(&self) {
        self.lanes.values().for_each(|lane| lane.doubt());
    }

    async fn work(&self, shutdown: &CancellationToken) {
        let mut working = tokio::task::JoinSet::new();
        for queue in &self.here {
            let (Some(lane), Some(concurrency)) = (self.lanes.get(&queue.name), queue.concurrency) else {
                continue;
            };
            let (handlers, metrics) = (Arc::clone(&self.handlers), self.metrics.clone());
            let known = Arc::clone(&self.handlers);
            let here = Arc::new(Work {
                lane: Arc::clone(lane),
                concurrency,
                rate: queue.rate.map(|rate| RateLimit::new(rate, Instant::now())),
                backoff: queue.backoff,
                reports: self.reports.clone(),
                leases: self.leases.clone(),
                tasks: self.running.clone(),
                handler: move |job| handling::handle(&handlers, job),
                finished: move |finished: &Finished<'_>| {
                    let Finished { queue, job, outcome, took } = finished;
                    metrics.claimed(queue, job.waited, job.was_lost);
                    let kind = if known.knows(&job.kind) { job.kind.as_str() } else { OTHER_KIND };
                    metrics.ended(queue, kind, outcome.word(), Some(*took));
                },
            });
            let shutdown = shutdown.clone();
            working.spawn(async move { work(here, &shutdown).await });
        }
        working.join_all().await;
    }

    /// Counts jobs for the metrics, every so often.
    async fn count(&self, shutdown: &CancellationToken) {
        let mut ticks = interval(COUNT_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            // What cannot be counted now is counted later.
            let Ok(waiting) = self.store.waiting().await else { continue };
            for queue in self.lanes.keys() {
                let of_queue = waiting.iter().filter(|waiting| waiting.queue == *queue);
                for state in ["available", "scheduled", "retryable", "running"] {
                    let jobs =
                        of_queue.clone().filter(|waiting| waiting.state == state).map(|waiting| waiting.jobs);
                    self.metrics.counted(queue, state, jobs.sum());
                }
                let oldest =
                    of_queue.filter(|waiting| waiting.state == "available").map(|waiting| waiting.oldest);
                self.metrics.oldest(queue, oldest.max().unwrap_or_default());
            }
        }
    }
}

/// Works on the queues until shutdown, and then until the jobs that run have ended, or their time is over.
pub(crate) async fn run(node: &Node, shutdown: &CancellationToken) {
    let Some(jobs) = &node.jobs else { return };
    let lanes: Vec<Arc<Lane>> = jobs.lanes.values().map(Arc::clone).collect();
    let keeping = CancellationToken::new();
    let working = async {
        tokio::join!(
            jobs.work(shutdown),
            jobs.count(shutdown),
            housekeep(&jobs.store, &lanes, &jobs.periodics, jobs.retention, shutdown)
        );
        jobs.running.close();
        if tokio::time::timeout(node.config.http.drain_timeout, jobs.running.wait()).await.is_err() {
            let left = jobs.leases.count();
            tracing::warn!(
                jobs = left,
                "some jobs did not end in time: they run again when their leases end"
            );
        }
        keeping.cancel();
    };
    tokio::join!(working, jobs.leases.run(&jobs.store, &keeping));
}

/// Tells the database how jobs ended, until the last request has been answered and the last job has ended.
pub(crate) async fn report(node: &Node, drained: &CancellationToken) {
    let Some(jobs) = &node.jobs else { return };
    let Some(telling) = jobs.telling.lock().take() else { return };
    let ending = async {
        drained.cancelled().await;
        jobs.drained.cancel();
    };
    tokio::join!(telling, ending);
}

/// This process, for whoever looks at a job.
fn worker() -> String {
    // Where there is no such file, the number alone must do.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
