//! What the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::fill::Refusal;
use crate::gate::Bypass;

/// Counts since the start, and sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Lookups answered.
    pub hits: u64,
    /// Lookups that found nothing to answer with.
    pub misses: u64,
    /// Lookups while there was no epoch.
    pub bypassed_closed: u64,
    /// Lookups while the stream was further behind than the reader's bound.
    pub bypassed_behind: u64,
    /// Lookups while an acknowledged write had not been told of.
    pub bypassed_write: u64,
    /// Answers stored.
    pub stores: u64,
    /// Not stored: the fill began in another epoch, or in none.
    pub refused_epoch: u64,
    /// Not stored: the snapshot may miss what happened before the stream stood.
    pub refused_barrier: u64,
    /// Not stored: a transaction that the snapshot does not see touched what was read.
    pub refused_changed: u64,
    /// Not stored: the log no longer reaches back to the fill's beginning.
    pub refused_overflow: u64,
    /// Not stored: too large, or all that was there is asked for more often.
    pub refused_no_room: u64,
    /// Not stored: a newer answer was there already.
    pub refused_older: u64,
    /// Entries dropped because a transaction touched what they read.
    pub invalidations: u64,
    /// Entries dropped to make room.
    pub evictions: u64,
    /// Entries dropped by [`crate::Cache::sweep`] because their time was over.
    pub expirations: u64,
    /// Transactions that the log's limits pushed out.
    pub log_overflows: u64,
    /// Transactions applied.
    pub transactions: u64,
    /// Entries now.
    pub entries: u64,
    /// Tags of those entries.
    pub tags: u64,
    /// Their weight, overhead included.
    pub bytes: u64,
    /// Fills in flight.
    pub fills: u64,
    /// Transactions in the log.
    pub log_records: u64,
    /// Their size.
    pub log_bytes: u64,
    /// The epoch's number; zero while closed.
    pub epoch: u64,
}

/// Of one store: counts since the start, and sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStatistics {
    /// Lookups answered.
    pub hits: u64,
    /// Lookups that found nothing to answer with.
    pub misses: u64,
    /// Answers stored.
    pub stores: u64,
    /// Entries dropped because a transaction touched what they read.
    pub invalidations: u64,
    /// Entries dropped to make room.
    pub evictions: u64,
    /// Entries dropped because their time was over.
    pub expirations: u64,
    /// Entries now.
    pub entries: u64,
    /// Their weight, overhead included.
    pub bytes: u64,
    /// What they may weigh.
    pub bytes_max: u64,
}

/// What a store counts; readers do so without a lock.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) stores: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) expirations: AtomicU64,
}

impl Counts {
    /// The counts; the sizes are the store's to fill in.
    pub(crate) fn report(&self) -> StoreStatistics {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreStatistics {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stores: read(&self.stores),
            invalidations: read(&self.invalidations),
            evictions: read(&self.evictions),
            expirations: read(&self.expirations),
            ..StoreStatistics::default()
        }
    }
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What readers that were turned away count, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    closed: AtomicU64,
    behind: AtomicU64,
    write: AtomicU64,
}

impl Lookups {
    pub(crate) fn bypassed(&self, why: Bypass) {
        let counter = match why {
            Bypass::Closed => &self.closed,
            Bypass::Behind => &self.behind,
            Bypass::Write => &self.write,
        };
        count(counter);
    }

    pub(crate) fn report(&self, statistics: &mut Statistics) {
        statistics.bypassed_closed = self.closed.load(Ordering::Relaxed);
        statistics.bypassed_behind = self.behind.load(Ordering::Relaxed);
        statistics.bypassed_write = self.write.load(Ordering::Relaxed);
    }
}

impl Statistics {
    pub(crate) fn refused(&mut self, why: Refusal) {
        let counter = match why {
            Refusal::Epoch => &mut self.refused_epoch,
            Refusal::Barrier => &mut self.refused_barrier,
            Refusal::Changed => &mut self.refused_changed,
            Refusal::Overflow => &mut self.refused_overflow,
            Refusal::NoRoom => &mut self.refused_no_room,
            Refusal::Older => &mut self.refused_older,
        };
        *counter += 1;
    }
}
