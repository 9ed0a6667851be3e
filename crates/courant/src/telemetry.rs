//! Everything Courant says of itself: the closed list of metrics and log events.
//!
//! Counters that the cache and the pool keep themselves are read when `/metrics` is asked, not counted
//! twice.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
