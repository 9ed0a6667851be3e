//! Metrics of jobs, by queue and by kind. Kinds that the configuration does not name are one label together.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::list::{List, labels};

/// Upper bounds in seconds: a job may take a millisecond or an hour.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0];

/// Counts and times.
#[derive(Clone)]
pub(crate) struct JobMetrics {
    runs: Family<RunLabels, Counter>,
    lost: Family<QueueLabels, Counter>,
    wait_seconds: Family<QueueLabels, Histogram, fn() -> Histogram>,
    run_seconds: Family<KindLabels, Histogram, fn() -> Histogram>,
    jobs: Family<StateLabels, Gauge>,
    oldest_seconds: Family<QueueLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
}

labels! {
    struct RunLabels {
        queue: String,
        kind: String,
        outcome: &'static str,
    }
}

labels! {
    struct QueueLabels {
        queue: String,
    }
}

labels! {
    struct KindLabels {
        kind: String,
    }
}

labels! {
    struct StateLabels {
        queue: String,
        state: String,
    }
}

impl Default for JobMetrics {
    fn default() -> JobMetrics {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        JobMetrics {
            runs: Family::default(),
            lost: Family::default(),
            wait_seconds: Family::new_with_constructor(seconds),
            run_seconds: Family::new_with_constructor(seconds),
            jobs: Family::default(),
            oldest_seconds: Family::default(),
        }
    }
}

impl JobMetrics {
    pub(super) fn register(&self, r: &mut List) {
        r.register("job_runs", "Runs of jobs that ended, by how", self.runs.clone());
        r.register("jobs_lost", "Jobs that were claimed again because their lease ended", self.lost.clone());
        let help = "From when a job was available to when it was claimed";
        r.register_with_unit("job_wait", help, Unit::Seconds, self.wait_seconds.clone());
        r.register_with_unit(
            "job_run",
            "From there to the end of its run",
            Unit::Seconds,
            self.run_seconds.clone(),
        );
        r.register("jobs", "Jobs that have not ended, as counted every ten seconds", self.jobs.clone());
        let help = "For how long the oldest job has been available";
        r.register_with_unit("job_oldest", help, Unit::Seconds, self.oldest_seconds.clone());
    }

    /// A job was claimed.
    pub(crate) fn claimed(&self, queue: &str, waited: Duration, was_lost: bool) {
        let labels = QueueLabels { queue: queue.to_owned() };
        self.wait_seconds.get_or_create(&labels).observe(waited.as_secs_f64());
        if was_lost {
            self.lost.get_or_create(&labels).inc();
        }
    }

    /// A run ended; how long it took is not known of a worker's outside.
    pub(crate) fn ended(&self, queue: &str, kind: &str, outcome: &'static str, took: Option<Duration>) {
        self.runs.get_or_create(&RunLabels { queue: queue.to_owned(), kind: kind.to_owned(), outcome }).inc();
        if let Some(took) = took {
            self.run_seconds.get_or_create(&KindLabels { kind: kind.to_owned() }).observe(took.as_secs_f64());
        }
    }

    /// So many jobs of a queue are in that state.
    pub(crate) fn counted(&self, queue: &str, state: &str, jobs: i64) {
        let labels = StateLabels { queue: queue.to_owned(), state: state.to_owned() };
        self.jobs.get_or_create(&labels).set(jobs);
    }

    /// A queue's oldest job has been available for so long.
    pub(crate) fn oldest(&self, queue: &str, oldest: Duration) {
        self.oldest_seconds.get_or_create(&QueueLabels { queue: queue.to_owned() }).set(oldest.as_secs_f64());
    }
}
