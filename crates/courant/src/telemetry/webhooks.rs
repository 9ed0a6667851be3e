//! Metrics of webhooks, by the address they come to.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::list::{List, labels};

/// Upper bounds in seconds: senders wait for ten.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// Counts and times.
#[derive(Clone)]
pub(crate) struct WebhookMetrics {
    webhooks: Family<WebhookLabels, Counter>,
    events: Family<EventLabels, Counter>,
    seconds: Histogram,
}

labels! {
    struct WebhookLabels {
        path: String,
        outcome: &'static str,
    }
}

labels! {
    struct EventLabels {
        path: String,
        novelty: &'static str,
    }
}

impl Default for WebhookMetrics {
    fn default() -> WebhookMetrics {
        WebhookMetrics {
            webhooks: Family::default(),
            events: Family::default(),
            seconds: Histogram::new(SECONDS),
        }
    }
}

impl WebhookMetrics {
    pub(super) fn register(&self, r: &mut List) {
        r.register("webhooks", "Webhooks that came, by what was answered", self.webhooks.clone());
        r.register("webhook_events", "Events of accepted ones, new or known already", self.events.clone());
        r.register_with_unit(
            "webhook_duration",
            "From the end of a webhook's head to the end of its transaction",
            Unit::Seconds,
            self.seconds.clone(),
        );
    }

    /// One was answered.
    pub(crate) fn answered(&self, path: &str, outcome: &'static str) {
        self.webhooks.get_or_create(&WebhookLabels { path: path.to_owned(), outcome }).inc();
    }

    /// One was accepted, with so many events.
    pub(crate) fn accepted(&self, path: &str, new: usize, known: usize, took: Duration) {
        for (novelty, count) in [("new", new), ("known", known)] {
            let labels = EventLabels { path: path.to_owned(), novelty };
            self.events.get_or_create(&labels).inc_by(count as u64);
        }
        self.seconds.observe(took.as_secs_f64());
    }
}
