//! What the cache is made of. How it is asked stands in `lookup`, how it is filled in `storing`, how it follows
//! the log in `following`, and how it is kept in order in `upkeep`.
//!
//! What the lock guarantees: checking a fill and inserting it are one step, applying a transaction is one
//! step, and the stores and the index hold the same entries whenever the lock is free. There is one index,
//! one log and one gate however many stores there are: a store is a budget, not a cache of its own.

use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

use crate::coherence::Coherence;
use crate::gate::Gate;
use crate::key::Key;
use crate::rules::Rules;
use crate::statistics::{Counts, Lookups, count};
use crate::store::{Limits, Store, Stored};
use crate::tag::Hashing;

/// Answers that are always current.
#[derive(Debug)]
pub struct Cache<V: Clone> {
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) hashing: Hashing,
    pub(crate) gate: Gate,
    pub(crate) lookups: Lookups,
    /// By number; the general one first.
    pub(crate) stores: Box<[Store<V>]>,
    pub(crate) coherence: Mutex<Coherence>,
}

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

    /// The store that the key's answer lives in.
    pub(crate) fn home(&self, key: &Key) -> &Store<V> {
        &self.stores[usize::from(key.store().0)]
    }

    /// The entry, without its counting as asked for.
    pub(crate) fn peek(&self, key: &Key) -> Option<Stored<V>> {
        self.home(key).peek(key)
    }

    /// Takes an entry that the index has forgotten out of its store, and counts why.
    pub(crate) fn take(&self, key: &Key, why: fn(&Counts) -> &AtomicU64) -> Option<Stored<V>> {
        let home = self.home(key);
        count(why(&home.counts));
        home.remove(key)
    }
}
