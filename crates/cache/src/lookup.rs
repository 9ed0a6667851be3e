//! How an answer is found, and what whoever looks may learn of how current the cache is. Without a lock.
//!
//! Never changes what is kept, but for counting what is asked for.

use std::time::Duration;

use pg::Lsn;

use crate::cache::Cache;
use crate::gate::{Bypass, Need, Pass, may_join};
use crate::key::Key;
use crate::moment::Moment;
use crate::statistics::count;
use crate::store::Epoch;

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

impl<V: Clone> Cache<V> {
    /// The answer to a request, if there is one that misses nothing it needs.
    pub fn lookup(&self, key: &Key, need: Need, now: Moment) -> Lookup<V> {
        // The pass first, the entry second: see `gate`.
        match self.pass(need) {
            Ok(pass) => self.find(key, pass, now),
            Err(why) => Lookup::Bypass(why),
        }
    }

    /// The value and age of what [`Cache::lookup`] would find. Where that would be no hit, nobody is told and nothing
    /// counted: whoever asks goes on to look it up.
    pub fn hit(&self, key: &Key, need: Need, now: Moment) -> Option<(V, Duration)> {
        let pass = self.gate.pass(need, &self.rules).ok()?;
        self.valid(key, pass, now)
    }

    /// Whether a request may share the answer of a query sent at `sent`, instead of sending its own.
    pub fn may_join(&self, sent: Moment, need: Need) -> bool {
        may_join(sent, need, self.gate.written())
    }

    /// The answer of this epoch that is kept, gate or no gate.
    pub fn current(&self, key: &Key) -> Option<V> {
        let coherence = self.coherence.lock();
        let entry =
            self.peek(key).filter(|entry| coherence.open && entry.epoch == Epoch::of(coherence.epoch));
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

    pub(crate) fn pass(&self, need: Need) -> Result<Pass, Bypass> {
        self.gate.pass(need, &self.rules).inspect_err(|why| self.lookups.bypassed(*why))
    }

    pub(crate) fn find(&self, key: &Key, pass: Pass, now: Moment) -> Lookup<V> {
        match self.valid(key, pass, now) {
            Some((value, age)) => Lookup::Hit { value, age },
            None => self.miss(key),
        }
    }

    /// What is kept and may be served, counted as a hit, and its age.
    fn valid(&self, key: &Key, pass: Pass, now: Moment) -> Option<(V, Duration)> {
        let home = self.home(key);
        let entry = home.get(key)?;
        if entry.epoch != Epoch::of(pass.epoch) || entry.is_over(now) {
            return None;
        }
        count(&home.counts.hits);
        Some((entry.value, now.since(entry.stored)))
    }

    /// What is stored, gate or no gate, and of which epoch.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn entry(&self, key: &Key) -> Option<(V, Epoch)> {
        self.peek(key).map(|entry| (entry.value, entry.epoch))
    }
}
