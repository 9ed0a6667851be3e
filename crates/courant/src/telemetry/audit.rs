//! Metrics of the audit log.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::list::{List, labels};

/// Counts.
#[derive(Clone, Default)]
pub(crate) struct AuditMetrics {
    events: Family<EventLabels, Counter>,
    waiting: Gauge,
}

labels! {
    struct EventLabels {
        outcome: &'static str,
    }
}

impl AuditMetrics {
    pub(super) fn register(&self, r: &mut List) {
        let help = "Security events for the audit log in the database, by outcome";
        r.register("audit_events", help, self.events.clone());
        r.register("audit_queue", "Those that wait, equal ones as one", self.waiting.clone());
    }

    /// So many were written.
    pub(crate) fn written(&self, events: u64) {
        self.events.get_or_create(&EventLabels { outcome: "written" }).inc_by(events);
    }

    /// So many found no room, or no database before the end.
    pub(crate) fn lost(&self, events: u64) {
        self.events.get_or_create(&EventLabels { outcome: "lost" }).inc_by(events);
    }

    /// So many wait now.
    pub(crate) fn waiting(&self, events: usize) {
        self.waiting.set(events as i64);
    }
}
