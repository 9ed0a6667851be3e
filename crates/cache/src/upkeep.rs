//! What is done with the entries as a whole: dropping some by hand, or because their time is over, and counting.

use crate::cache::Cache;
use crate::key::Key;
use crate::moment::Moment;
use crate::statistics::{Statistics, StoreStatistics};
use crate::store::Store;

impl<V: Clone> Cache<V> {
    /// Drops the entries that `matches` says yes to.
    pub fn clear(&self, matches: impl Fn(&Key, &V) -> bool) -> usize {
        let mut coherence = self.coherence.lock();
        let (all, _) = coherence.index.scan(0, usize::MAX);
        let mut dropped = Vec::new();
        for id in all {
            let Some(entry) = coherence.index.get(id) else { continue };
            if self.peek(&entry.key).is_some_and(|stored| matches(&entry.key, &stored.value)) {
                dropped
                    .extend(coherence.index.remove(id).map(|entry| self.home(&entry.key).remove(&entry.key)));
            }
        }
        drop(coherence);
        dropped.len()
    }

    /// Looks at up to `limit` entries, where the last sweep stopped, and drops those whose time is over.
    pub fn sweep(&self, now: Moment, limit: usize) -> usize {
        let mut coherence = self.coherence.lock();
        let (some, next) = coherence.index.scan(coherence.swept, limit);
        coherence.swept = next;
        let mut dropped = Vec::new();
        for id in some {
            if coherence.index.get(id).is_some_and(|entry| self.is_over(&entry.key, now)) {
                let expired = coherence.index.remove(id);
                dropped.extend(expired.map(|entry| self.take(&entry.key, |counts| &counts.expirations)));
            }
        }
        drop(coherence);
        dropped.len()
    }

    fn is_over(&self, key: &Key, now: Moment) -> bool {
        self.peek(key).is_some_and(|entry| entry.is_over(now))
    }

    /// Counts and sizes of each store, by number.
    pub fn stores(&self) -> Vec<StoreStatistics> {
        self.stores.iter().map(Store::statistics).collect()
    }

    /// Counts and sizes.
    pub fn statistics(&self) -> Statistics {
        let coherence = self.coherence.lock();
        let stores = self.stores();
        let sum = |part: fn(&StoreStatistics) -> u64| stores.iter().map(part).sum();
        let mut statistics = Statistics {
            hits: sum(|store| store.hits),
            misses: sum(|store| store.misses),
            stores: sum(|store| store.stores),
            invalidations: sum(|store| store.invalidations),
            evictions: sum(|store| store.evictions),
            expirations: sum(|store| store.expirations),
            entries: sum(|store| store.entries),
            tags: coherence.index.tags() as u64,
            bytes: sum(|store| store.bytes),
            fills: coherence.in_flight() as u64,
            log_records: coherence.log.len() as u64,
            log_bytes: coherence.log.bytes() as u64,
            epoch: if coherence.open { coherence.epoch } else { 0 },
            ..coherence.counts
        };
        drop(coherence);
        self.lookups.report(&mut statistics);
        statistics
    }
}
