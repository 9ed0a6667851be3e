//! How the cache follows the log: transactions, positions and proofs, and the epochs between one stream and the
//! next.
//!
//! To be called by one thread at a time, in the order of the log.

use parking_lot::MutexGuard;
use pg::{Lsn, Snapshot, Transaction, Xid};

use crate::cache::Cache;
use crate::coherence::{Coherence, Doubt};
use crate::moment::Moment;
use crate::store::Store;

/// A poll of the primary's insert position, on its way.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Poll {
    epoch: u64,
    at: Moment,
}

/// An epoch that was closed; the next one is opened with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Closing(u64);

impl<V: Clone> Cache<V> {
    /// The stream tells of a transaction: drops what it touches, then advances the position.
    ///
    /// To be called in the order of the log, and after [`Doubt::Stream`] only for the stream that follows.
    pub fn apply(&self, transaction: &Transaction) {
        let mut coherence = self.coherence.lock();
        let keys = coherence.apply(transaction, &self.limits, &self.hashing, &self.rules);
        let dropped: Vec<_> = keys.iter().map(|key| self.take(key, |counts| &counts.invalidations)).collect();
        coherence.freshness.advance(transaction.end);
        self.show(&coherence);
        drop(coherence);
        drop(dropped);
    }

    /// The stream tells that there is nothing more up to `position`.
    pub fn advance(&self, position: Lsn) {
        let mut coherence = self.coherence.lock();
        coherence.freshness.advance(position);
        self.show(&coherence);
    }

    /// To be called before the primary is asked for `pg_current_wal_insert_lsn()` and its snapshot.
    pub fn poll(&self, now: Moment) -> Poll {
        let coherence = self.coherence.lock();
        Poll { epoch: if coherence.open { coherence.epoch } else { 0 }, at: now }
    }

    /// The primary's answer: when `insert` has been applied, the moment of the poll is proven.
    pub fn polled(&self, poll: Poll, insert: Lsn, snapshot: &Snapshot) {
        let mut coherence = self.coherence.lock();
        if !coherence.open || poll.epoch != coherence.epoch {
            return;
        }
        coherence.received(snapshot, &self.rules);
        coherence.freshness.polled(poll.at, insert, self.limits.polls_max);
        self.show(&coherence);
    }

    /// A write through this node is about to be acknowledged.
    pub fn note_write(&self, now: Moment) {
        self.gate.note_write(now);
    }

    /// As [`Cache::note_write`], where the stream has not told of the write in time: the cache is bypassed
    /// until it has.
    pub fn raise_floor(&self, now: Moment) {
        self.gate.note_write(now);
        self.gate.raise_floor(now);
    }

    /// Ends the epoch: nothing is served, and nothing that was begun will be stored.
    pub fn close(&self, doubt: Doubt) -> Closing {
        let mut coherence = self.coherence.lock();
        coherence.close(doubt);
        // Readers are turned away before the entries go.
        self.show(&coherence);
        self.stores.iter().for_each(Store::clear);
        Closing(coherence.closings)
    }

    /// Begins an epoch, unless there was reason to close again meanwhile: then start over.
    ///
    /// The stream stands at `position`. `barrier` is a transaction id that was *assigned* after the slot
    /// stood, or after the last relation joined the publication; zero for any other change of schema. What
    /// requests are planned with must be read under a snapshot that sees what closed the last epoch, for
    /// which one with `xmin` above an id assigned since is enough.
    #[must_use]
    pub fn open(&self, closing: Closing, barrier: Xid, position: Lsn) -> bool {
        let mut coherence = self.coherence.lock();
        if coherence.open || coherence.closings != closing.0 {
            return false;
        }
        coherence.open(barrier, position);
        self.show(&coherence);
        true
    }

    /// Shows readers what has just been done.
    fn show(&self, coherence: &MutexGuard<'_, Coherence>) {
        let epoch = if coherence.open { coherence.epoch } else { 0 };
        self.gate.show(epoch, coherence.freshness.proven(), coherence.freshness.position());
    }
}
