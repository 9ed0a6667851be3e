//! What PostgREST's own metrics tell, by its names, for dashboards that look for those.
//!
//! Not in the closed list: that is of Courant's own, which say more.
//! <https://docs.postgrest.org/en/stable/references/observability.html#metrics>

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pg::PoolStatus;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::list::labels;

/// Counts, and what they are told from.
pub(crate) struct PostgrestMetrics {
    pub(super) registry: Registry,
    timeouts: Counter,
    available: Gauge,
    waiting: Gauge,
    max: Gauge,
    loads: Family<LoadLabels, Counter>,
    query_seconds: Gauge<f64, AtomicU64>,
}

labels! {
    struct LoadLabels {
        status: &'static str,
    }
}

impl PostgrestMetrics {
    pub(super) fn new() -> PostgrestMetrics {
        let mut metrics = PostgrestMetrics {
            registry: Registry::with_prefix("pgrst"),
            timeouts: Counter::default(),
            available: Gauge::default(),
            waiting: Gauge::default(),
            max: Gauge::default(),
            loads: Family::default(),
            query_seconds: Gauge::default(),
        };
        let r = &mut metrics.registry;
        r.register(
            "db_pool_timeouts",
            "Requests that waited too long for a connection",
            metrics.timeouts.clone(),
        );
        r.register("db_pool_available", "Connections of the pool that are idle", metrics.available.clone());
        r.register("db_pool_waiting", "Requests that wait for a connection", metrics.waiting.clone());
        r.register("db_pool_max", "Connections that the pool may have", metrics.max.clone());
        r.register("schema_cache_loads", "Times the schema was read", metrics.loads.clone());
        r.register(
            "schema_cache_query_time_seconds",
            "How long the last reading of the schema took",
            metrics.query_seconds.clone(),
        );
        metrics
    }

    pub(super) fn take(&self, pool: PoolStatus) {
        let PoolStatus { idle, waiting, max, .. } = pool;
        for (gauge, count) in [(&self.available, idle), (&self.waiting, waiting), (&self.max, max)] {
            gauge.set(count as i64);
        }
    }

    /// A request waited too long for a connection.
    pub(crate) fn timed_out(&self) {
        self.timeouts.inc();
    }

    /// The schema was read, or could not be.
    pub(crate) fn loaded(&self, took: Duration, succeeded: bool) {
        let status = if succeeded { "SUCCESS" } else { "FAIL" };
        self.loads.get_or_create(&LoadLabels { status }).inc();
        self.query_seconds.set(took.as_secs_f64());
    }
}
