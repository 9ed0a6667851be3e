//! Everything that must change together, behind one lock: the epoch, the barrier, the log, the fills in
//! flight, the index, and how far the stream was followed.
//!
//! Knows nothing of values: it tells the cache which keys to drop. Readers never come here.

use std::collections::BTreeSet;

use pg::{Lsn, RelationId, Snapshot, Transaction, Xid};

use crate::fill::Refusal;
use crate::freshness::Freshness;
use crate::index::{EntryId, Index};
use crate::key::Key;
use crate::log::{Forgotten, Log, Record, Sequence};
use crate::read_set::ReadSet;
use crate::rules::{Rule, Rules};
use crate::statistics::Statistics;
use crate::store::Limits;
use crate::tag::Hashing;
use crate::touch::Touched;

/// Why an epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Changes were lost or may have been: what comes next is another stream.
    Stream,
    /// The schema, a policy, a function or the publication changed. The stream goes on.
    Schema,
}

/// The state behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Coherence {
    pub(crate) open: bool,
    /// The number of the epoch, of the last one while closed.
    pub(crate) epoch: u64,
    /// Counts the times an epoch was closed.
    pub(crate) closings: u64,
    /// A stored snapshot has seen the end of every transaction below it.
    barrier: Xid,
    /// Fills that began before it may be blind to something the log has forgotten.
    reach: Sequence,
    sequence: Sequence,
    /// A full id near those the stream tells; none until the first since the stream began.
    near: Option<Xid>,
    /// The last id that the log had to forget while there was none near, in 32 bits.
    forgotten: Option<u32>,
    in_flight: BTreeSet<Sequence>,
    pub(crate) log: Log,
    pub(crate) index: Index,
    pub(crate) freshness: Freshness,
    pub(crate) counts: Statistics,
    pub(crate) swept: usize,
    found: Vec<EntryId>,
}

impl Coherence {
    /// Registers a fill, before its query is sent.
    pub(crate) fn begin(&mut self) -> (u64, Sequence) {
        let began = self.next();
        self.in_flight.insert(began);
        (if self.open { self.epoch } else { 0 }, began)
    }

    /// A fill was stored or given up.
    pub(crate) fn ended(&mut self, began: Sequence, rules: &Rules) {
        self.in_flight.remove(&began);
        self.prune(rules);
    }

    /// A snapshot that the primary handed out to a fill or poll of this epoch has arrived.
    pub(crate) fn received(&mut self, snapshot: &Snapshot, rules: &Rules) {
        self.learn(snapshot.xmax);
        let now = self.next();
        self.log.received(snapshot, now);
        self.prune(rules);
    }

    /// Whether an answer may be stored: the fill protection.
    pub(crate) fn admits(
        &self,
        (epoch, began): (u64, Sequence),
        snapshot: &Snapshot,
        reads: &ReadSet,
        hashing: &Hashing,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        if !self.open || rules.on(Rule::EpochOnStore) && epoch != self.epoch {
            return Err(Refusal::Epoch);
        }
        if rules.on(Rule::StartBarrier) && snapshot.xmin < self.barrier {
            return Err(Refusal::Barrier);
        }
        if rules.on(Rule::Overflow) && began <= self.reach {
            return Err(Refusal::Overflow);
        }
        if rules.on(Rule::FillCheck) && self.log.conflicts(began, snapshot, reads, hashing, rules) {
            return Err(Refusal::Changed);
        }
        Ok(())
    }

    /// Drops from the index what a transaction touches and logs the transaction; returns the keys to drop
    /// from the store. The position has not advanced yet.
    pub(crate) fn apply(
        &mut self,
        transaction: &Transaction,
        limits: &Limits,
        hashing: &Hashing,
        rules: &Rules,
    ) -> Vec<Key> {
        self.counts.transactions += 1;
        if transaction.changes.is_empty() {
            return Vec::new();
        }
        // Before the first full id is known nothing is stored, and the log is widened when it is.
        let xid = self.near.map_or(Xid(u64::from(transaction.xid)), |near| Xid::widen(transaction.xid, near));
        let changes: Vec<Touched> = transaction.changes.iter().map(|c| Touched::new(c, hashing)).collect();
        let mut dropped = Vec::new();
        if rules.on(Rule::Invalidation) {
            let mut found = std::mem::take(&mut self.found);
            for change in &changes {
                self.index.touched(change, hashing, rules, &mut found);
            }
            for id in found.drain(..) {
                // Found twice is gone the second time, and no new entry takes its place meanwhile.
                if self.index.get(id).is_some_and(|entry| !entry.sees(xid)) {
                    dropped.extend(self.index.remove(id).map(|entry| entry.key));
                }
            }
            self.found = found;
        }
        let applied = self.next();
        self.log.push(Record { xid, applied, changes: bounded(changes, limits.log_rows_max) });
        self.prune(rules);
        self.fit_log(limits, rules);
        dropped
    }

    /// Ends the epoch. The caller empties the store.
    pub(crate) fn close(&mut self, doubt: Doubt) {
        self.open = false;
        self.closings += 1;
        self.index.clear();
        self.freshness.doubt();
        self.swept = 0;
        // A change of schema leaves the log as it is: what it holds, later fills may still be blind to.
        if doubt == Doubt::Stream {
            self.freshness.clear();
            self.log.clear();
            self.barrier = Xid::default();
            self.near = None;
            self.forgotten = None;
        }
    }

    /// Begins an epoch.
    pub(crate) fn open(&mut self, barrier: Xid, position: Lsn) {
        self.learn(barrier);
        self.barrier = self.barrier.max(barrier);
        self.freshness.advance(position);
        self.epoch += 1;
        self.open = true;
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn next(&mut self) -> Sequence {
        self.sequence.0 += 1;
        self.sequence
    }

    fn prune(&mut self, rules: &Rules) {
        let oldest = self.in_flight.first().copied();
        self.log.prune(oldest.filter(|_| rules.on(Rule::PatientPruning)));
    }

    /// The ids of the log have 32 bits; they are widened near the highest full id received so far.
    fn learn(&mut self, id: Xid) {
        if self.near.is_none() {
            self.log.widen(id);
        }
        self.near = self.near.max(Some(id));
        if let Some(forgotten) = self.forgotten.take() {
            self.forget(Xid::widen(forgotten, id));
        }
    }

    /// Nobody is known to have seen a transaction that the log no longer holds: from now on whoever may not
    /// have seen it is refused.
    fn forget(&mut self, xid: Xid) {
        if self.near.is_some() {
            self.barrier = self.barrier.max(Xid(xid.0 + 1));
            return;
        }
        // Not widened yet. All are near each other, so that of two the later is ahead by less than 2^31.
        let low = xid.0 as u32;
        let later = self.forgotten.filter(|known| low.wrapping_sub(*known) as i32 <= 0);
        self.forgotten = Some(later.unwrap_or(low));
    }

    fn fit_log(&mut self, limits: &Limits, rules: &Rules) {
        while self.log.len() > limits.log_records_max || self.log.bytes() > limits.log_bytes_max {
            match self.log.overflow() {
                Some(Forgotten::Seen(seen)) => self.reach = self.reach.max(seen),
                Some(Forgotten::Unseen(_)) if !rules.on(Rule::Overflow) => {}
                Some(Forgotten::Unseen(xid)) => self.forget(xid),
                None => break,
            }
            self.counts.log_overflows += 1;
        }
    }
}

/// Of a transaction with many rows the log keeps only the relations.
fn bounded(changes: Vec<Touched>, rows_max: usize) -> Box<[Touched]> {
    if changes.len() <= rows_max {
        return changes.into();
    }
    let mut relations: Vec<RelationId> = changes.iter().map(Touched::relation).collect();
    relations.sort_unstable();
    relations.dedup();
    relations.into_iter().map(Touched::Whole).collect()
}
