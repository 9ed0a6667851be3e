//! Metrics of the cache and of each named cache in it.
//!
//! What belongs to one cache has its name as a label; what no cache was asked for (bypasses, answers refused)
//! has none. The sum over the label is the whole.

use std::sync::atomic::Ordering;

use cache::{Statistics, StoreStatistics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

use super::list::{List, labels};

/// Counts and sizes.
#[derive(Default)]
pub(super) struct StoreMetrics {
    events: Family<EventLabels, Counter>,
    entries: Family<StoreLabels, Gauge>,
    bytes: Family<StoreLabels, Gauge>,
    bytes_max: Family<StoreLabels, Gauge>,
}

labels! {
    struct EventLabels {
        cache: String,
        event: &'static str,
        reason: &'static str,
    }
}

labels! {
    struct StoreLabels {
        cache: String,
    }
}

impl StoreMetrics {
    pub(super) fn register(&self, r: &mut List) {
        let what = "What the cache did, with the reason if there is one";
        r.register("cache_events", what, self.events.clone());
        r.register("cache_entries", "Answers kept", self.entries.clone());
        r.register_with_unit("cache_size", "Memory of the answers kept", Unit::Bytes, self.bytes.clone());
        let budget = "Memory that the answers kept may take";
        r.register_with_unit("cache_budget", budget, Unit::Bytes, self.bytes_max.clone());
    }

    pub(super) fn take(&self, all: &Statistics, stores: &[(&str, StoreStatistics)]) {
        let count = |cache: &str, event, reason, count| {
            let labels = EventLabels { cache: cache.to_owned(), event, reason };
            self.events.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
        };
        let apart = |event: &str| !of_store(&StoreStatistics::default()).iter().any(|(own, _)| *own == event);
        for (event, reason, counted) in events(all).into_iter().filter(|(event, ..)| apart(event)) {
            count("", event, reason, counted);
        }
        for (name, store) in stores {
            of_store(store).into_iter().for_each(|(event, counted)| count(name, event, "", counted));
            let labels = StoreLabels { cache: (*name).to_owned() };
            self.entries.get_or_create(&labels).set(store.entries as i64);
            self.bytes.get_or_create(&labels).set(store.bytes as i64);
            self.bytes_max.get_or_create(&labels).set(store.bytes_max as i64);
        }
    }
}

/// What a named cache counts, by event.
pub(crate) fn of_store(store: &StoreStatistics) -> [(&'static str, u64); 6] {
    [
        ("hit", store.hits),
        ("miss", store.misses),
        ("stored", store.stores),
        ("invalidated", store.invalidations),
        ("evicted", store.evictions),
        ("expired", store.expirations),
    ]
}

/// What the cache counts, by event and reason.
pub(crate) fn events(cache: &Statistics) -> [(&'static str, &'static str, u64); 15] {
    [
        ("hit", "", cache.hits),
        ("miss", "", cache.misses),
        ("bypass", "closed", cache.bypassed_closed),
        ("bypass", "behind", cache.bypassed_behind),
        ("bypass", "write", cache.bypassed_write),
        ("stored", "", cache.stores),
        ("refused", "epoch", cache.refused_epoch),
        ("refused", "barrier", cache.refused_barrier),
        ("refused", "changed", cache.refused_changed),
        ("refused", "overflow", cache.refused_overflow),
        ("refused", "no_room", cache.refused_no_room),
        ("refused", "older", cache.refused_older),
        ("invalidated", "", cache.invalidations),
        ("evicted", "", cache.evictions),
        ("expired", "", cache.expirations),
    ]
}
