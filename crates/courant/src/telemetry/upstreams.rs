//! Metrics of backends: how long they take to begin their answers, route by route, and what is kept of these.
//!
//! The labels are a route's pattern and an upstream's address, both from the configuration.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::list::{List, labels};

pub(super) struct UpstreamMetrics {
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    failures: Family<Labels, Counter>,
    well: Family<UpstreamLabels, Gauge>,
    entries: Gauge,
    bytes: Gauge,
}

/// What a route's upstreams are measured by.
#[derive(Debug)]
pub(crate) struct UpstreamMeters {
    seconds: Histogram,
    failures: Counter,
}

labels! {
    struct Labels {
        route: String,
    }
}

labels! {
    struct UpstreamLabels {
        upstream: String,
    }
}

impl UpstreamMetrics {
    pub(super) fn new(latency: fn() -> Histogram) -> UpstreamMetrics {
        UpstreamMetrics {
            seconds: Family::new_with_constructor(latency),
            failures: Family::default(),
            well: Family::default(),
            entries: Gauge::default(),
            bytes: Gauge::default(),
        }
    }

    pub(super) fn register(&self, r: &mut List) {
        r.register_with_unit(
            "upstream_duration",
            "From a request to an upstream to the head of its answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        r.register("upstream_failures", "Requests that no upstream answered", self.failures.clone());
        r.register(
            "upstream_well",
            "1 while an upstream is asked, 0 while it is left out",
            self.well.clone(),
        );
        r.register(
            "http_cache_entries",
            "Addresses of upstreams of which answers are kept",
            self.entries.clone(),
        );
        r.register_with_unit("http_cache_size", "Memory of these answers", Unit::Bytes, self.bytes.clone());
    }

    pub(super) fn take(&self, (entries, bytes): (usize, u64), upstreams: &[(String, bool)]) {
        for (upstream, is_well) in upstreams {
            let labels = UpstreamLabels { upstream: upstream.clone() };
            self.well.get_or_create(&labels).set(i64::from(*is_well));
        }
        self.entries.set(entries as i64);
        self.bytes.set(bytes as i64);
    }

    pub(super) fn of(&self, route: &str) -> UpstreamMeters {
        let labels = Labels { route: route.to_owned() };
        UpstreamMeters {
            seconds: self.seconds.get_or_create_owned(&labels),
            failures: self.failures.get_or_create_owned(&labels),
        }
    }
}

impl UpstreamMeters {
    /// An upstream was asked, and began its answer after so long, or did not.
    pub(crate) fn asked(&self, took: Duration, is_answered: bool) {
        if is_answered {
            self.seconds.observe(took.as_secs_f64());
        } else {
            self.failures.inc();
        }
    }
}
