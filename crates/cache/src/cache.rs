//! The cache as its callers see it: lookups without a lock, everything else under the one lock.
//!
//! What the lock guarantees: checking a fill and inserting it are one step, applying a transaction is one
//! step, and the stores and the index hold the same entries whenever the lock is free. There is one index,
//! one log and one gate however many stores there are: a store is a budget, not a cache of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use pg::{Lsn, Snapshot, Transaction, Xid};

use crate::coherence::{Coherence, Doubt};
use crate::fill::{Answer, Fill, Refusal};
use crate::gate::{Bypass, Gate, Need, Pass, may_join};
use crate::key::Key;
use crate::log::Sequence;
use crate::moment::Moment;
use crate::read_set::ReadSet;
use crate::rules::Rules;
use crate::statistics::{Counts, Lookups, Statistics, StoreStatistics, count};
use crate::store::{ENTRY_BYTES, Limits, Store, Stored, TAG_BYTES};
use crate::tag::Hashing;

/// Answers that are always current.
#[derive(Debug)]
pub struct Cache<V: Clone> {
    limits: Limits,
    rules: Rules,
    hashing: Hashing,
    gate: Gate,
    lookups: Lookups,
    /// By number; the general one first.
    stores: Box<[Store<V>]>,
    pub(crate) coherence: Mutex<Coherence>,
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// An answer that is fresh enough.
    Hit {
        /// The answer.
        value: V,
        /// How long ago it was stored.
        age: Duration,
    },
    /// Nothing to answer with.
    Miss,
    /// The cache must not be asked now.
    Bypass(Bypass),
}

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
    /// An empty cache with the general store alone, closed until [`Cache::open`].
    pub fn new(limits: Limits) -> Cache<V> {
        Cache::with_stores(limits, &[])
    }

    /// An empty cache that has, beside the general store, one for each of these budgets in bytes: the first
    /// is number 1.
    pub fn with_stores(limits: Limits, budgets: &[u64]) -> Cache<V> {
        let budgets = std::iter::once(limits.bytes_max).chain(budgets.iter().copied());
        Cache {
            limits,
            rules: Rules::default(),
            hashing: Hashing::default(),
            gate: Gate::default(),
            lookups: Lookups::default(),
            stores: budgets.map(|bytes_max| Store::new(bytes_max, &limits)).collect(),
            coherence: Mutex::default(),
        }
    }

    /// A cache with a rule turned off.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn with_rules(limits: Limits, rules: Rules) -> Cache<V> {
        Cache { rules, ..Cache::new(limits) }
    }

    /// The caller's clock starts anew, as no clock does outside a simulation.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn restart_clock(&self) {
        self.gate.restart_clock();
    }

    /// What is stored, gate or no gate, and of which epoch.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn entry(&self, key: &Key) -> Option<(V, u64)> {
        self.peek(key).map(|entry| (entry.value, entry.epoch))
    }

    /// The answer to a request, if there is one that misses nothing it needs.
    pub fn lookup(&self, key: &Key, need: Need, now: Moment) -> Lookup<V> {
        // The pass first, the entry second: see `gate`.
        match self.pass(need) {
            Ok(pass) => self.find(key, pass, now),
            Err(why) => Lookup::Bypass(why),
        }
    }

    /// Whether a request may share the answer of a query sent at `sent`, instead of sending its own.
    pub fn may_join(&self, sent: Moment, need: Need) -> bool {
        may_join(sent, need, self.gate.written())
    }

    /// The answer of this epoch that is kept, gate or no gate.
    pub fn current(&self, key: &Key) -> Option<V> {
        let coherence = self.coherence.lock();
        let entry = self.peek(key).filter(|entry| coherence.open && entry.epoch == coherence.epoch);
        entry.map(|entry| entry.value)
    }

    /// Whether there is an answer at all, current or not: if there is none, nothing is worth waiting for.
    pub fn holds(&self, key: &Key) -> bool {
        self.peek(key).is_some()
    }

    /// The lookup of a key that nothing is held for, however current the cache is.
    pub fn miss(&self, key: &Key) -> Lookup<V> {
        count(&self.home(key).counts.misses);
        Lookup::Miss
    }

    /// Everything acknowledged before this moment has been applied; zero before the first proof.
    pub fn fresh(&self) -> Moment {
        self.gate.proven()
    }

    /// The cache is bypassed until [`Cache::fresh`] has reached this moment.
    pub fn floor(&self) -> Moment {
        self.gate.floor()
    }

    /// Whether there is an epoch: a stream stands, and answers are kept.
    pub fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Everything up to this position of the log has been applied.
    pub fn position(&self) -> Lsn {
        self.gate.position()
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

    /// To be called before a query is sent whose answer may be stored.
    pub fn begin(self: &Arc<Self>) -> Fill<V> {
        let (epoch, began) = self.coherence.lock().begin();
        Fill { cache: Arc::clone(self), epoch, began }
    }

    /// A fill's answer has arrived, which may not be stored or not yet: its snapshot is news all the same.
    pub fn received(&self, fill: &Fill<V>, snapshot: &Snapshot) {
        let mut coherence = self.coherence.lock();
        if coherence.open && fill.epoch == coherence.epoch {
            coherence.received(snapshot, &self.rules);
        }
    }

    /// Stores an answer, unless it may miss something.
    pub fn store(&self, fill: Fill<V>, answer: Answer<V>) -> Result<(), Refusal> {
        let reads = ReadSet::new(&answer.reads, self.limits.entry_tags_max, &self.hashing);
        let expires = answer.ttl.map_or(Moment::NEVER, |ttl| answer.at.after(ttl));
        let key_bytes = answer.key.as_bytes().len() as u64;
        let weight = answer.bytes + key_bytes + ENTRY_BYTES + TAG_BYTES * reads.len() as u64;
        let home = self.home(&answer.key);
        let mut coherence = self.coherence.lock();
        if coherence.open && fill.epoch == coherence.epoch {
            coherence.received(&answer.snapshot, &self.rules);
        }
        let fill_of = (fill.epoch, fill.began);
        let admitted = coherence
            .admits(fill_of, &answer.snapshot, &reads, &self.hashing, &self.rules)
            .and_then(|()| if home.fits(weight) { Ok(()) } else { Err(Refusal::NoRoom) })
            .and_then(|()| self.newest(&coherence, &answer));
        if let Err(why) = admitted {
            coherence.counts.refused(why);
            drop(coherence);
            return Err(why);
        }
        let id = coherence.index.insert(answer.key.clone(), answer.snapshot, &reads, &self.hashing);
        let entry =
            Stored { value: answer.value, epoch: coherence.epoch, stored: answer.at, expires, weight, id };
        let gone = home.insert(answer.key.clone(), entry);
        let mut stored = Ok(());
        for evicted in &gone {
            let replaced = coherence.index.remove(evicted.id).is_some_and(|known| known.key == answer.key);
            if evicted.id == id {
                stored = Err(Refusal::NoRoom);
                coherence.counts.refused(Refusal::NoRoom);
            } else if !replaced {
                count(&home.counts.evictions);
            }
        }
        if stored.is_ok() {
            count(&home.counts.stores);
        }
        // Large values are freed, and the fill takes the lock to end, after the lock is.
        drop(coherence);
        stored
    }

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

    pub(crate) fn pass(&self, need: Need) -> Result<Pass, Bypass> {
        self.gate.pass(need, &self.rules).inspect_err(|why| self.lookups.bypassed(*why))
    }

    pub(crate) fn find(&self, key: &Key, pass: Pass, now: Moment) -> Lookup<V> {
        let home = self.home(key);
        match home.get(key) {
            Some(entry) if entry.epoch == pass.epoch && now < entry.expires => {
                count(&home.counts.hits);
                Lookup::Hit { value: entry.value, age: now.since(entry.stored) }
            }
            _ => {
                count(&home.counts.misses);
                Lookup::Miss
            }
        }
    }

    pub(crate) fn ended(&self, began: Sequence) {
        self.coherence.lock().ended(began, &self.rules);
    }

    /// The store that the key's answer lives in.
    pub(crate) fn home(&self, key: &Key) -> &Store<V> {
        &self.stores[usize::from(key.store().0)]
    }

    /// The entry, without its counting as asked for.
    fn peek(&self, key: &Key) -> Option<Stored<V>> {
        self.home(key).peek(key)
    }

    /// Takes an entry that the index has forgotten out of its store, and counts why.
    fn take(&self, key: &Key, why: fn(&Counts) -> &AtomicU64) -> Option<Stored<V>> {
        let home = self.home(key);
        count(why(&home.counts));
        home.remove(key)
    }

    fn is_over(&self, key: &Key, now: Moment) -> bool {
        self.peek(key).is_some_and(|entry| entry.expires <= now)
    }

    /// Of two answers the one with the later snapshot stays.
    fn newest(&self, coherence: &Coherence, answer: &Answer<V>) -> Result<(), Refusal> {
        let known = self.peek(&answer.key).and_then(|entry| coherence.index.get(entry.id));
        match known {
            Some(known) if known.seen.xmax > answer.snapshot.xmax => Err(Refusal::Older),
            _ => Ok(()),
        }
    }

    /// Shows readers what has just been done.
    fn show(&self, coherence: &MutexGuard<'_, Coherence>) {
        let epoch = if coherence.open { coherence.epoch } else { 0 };
        self.gate.show(epoch, coherence.freshness.proven(), coherence.freshness.position());
    }
}
