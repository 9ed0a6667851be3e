//! The responses that are kept, within a budget of bytes; the least useful go first.
//!
//! Of each key there are as many responses as its `Vary` tells apart, up to a bound. What comes back from an
//! upstream is kept only if nothing made it invalid since it was asked for ([`Ticket`]).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use http::HeaderMap;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};
use std::hash::BuildHasher as _;

use super::candidate::Refusal;
use super::key::Key;
use super::stored::Stored;

/// Responses of one key; beyond, the one asked for longest ago goes.
const VARIANTS_MAX: usize = 16;
/// Keys share a counter of invalidations: two that do refuse each other a fill at times, and no more.
const COUNTERS: usize = 4096;

/// What the store may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Weight of all responses.
    pub bytes_max: u64,
    /// Weight of one.
    pub entry_bytes_max: usize,
}

/// The responses that are kept.
#[derive(Debug)]
pub struct Store {
    kept: Cache<Key, Kept, Weight, RandomState>,
    limits: Limits,
    hashing: RandomState,
    invalidations: Box<[AtomicU64]>,
    /// Whoever changes what is kept of a key reads it first.
    changing: Mutex<()>,
}

type Kept = Arc<[Arc<Stored>]>;

/// A request that was sent: what comes back is kept only if its key was not made invalid in between.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    counter: usize,
    invalidations: u64,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Kept> for Weight {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        let kept: usize = kept.iter().map(|stored| stored.weight_bytes()).sum();
        (key.weight_bytes() + kept) as u64
    }
}

impl Store {
    /// Empty.
    pub fn new(limits: Limits) -> Store {
        let average = 4096;
        let entries = usize::try_from(limits.bytes_max / average).unwrap_or(usize::MAX).clamp(16, 1 << 24);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(limits.bytes_max)
            .build()
            .expect("both capacities are given");
        Store {
            kept: Cache::with_options(options, Weight, RandomState::default(), Default::default()),
            limits,
            hashing: RandomState::default(),
            invalidations: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            changing: Mutex::new(()),
        }
    }

    /// The response for a request, and whether there is any for its key. The one asked for last wins, if there are
    /// several (RFC 9111, section 4.1).
    pub fn find(&self, key: &Key, request: &HeaderMap) -> (Option<Arc<Stored>>, bool) {
        let Some(kept) = self.kept.get(key) else { return (None, false) };
        let matching = kept.iter().filter(|stored| stored.is_for(request));
        (matching.max_by_key(|stored| stored.requested()).cloned(), true)
    }

    /// To be taken before the upstream is asked.
    pub fn ticket(&self, key: &Key) -> Ticket {
        let counter = self.counter(key);
        Ticket { counter, invalidations: self.invalidations[counter].load(Ordering::SeqCst) }
    }

    /// Keeps a response, unless its key was made invalid since the ticket was taken, it is too large, or something
    /// newer is here.
    pub fn keep(&self, key: Key, stored: Stored, ticket: Ticket) -> Result<Arc<Stored>, Refusal> {
        if stored.weight_bytes() > self.limits.entry_bytes_max {
            return Err(Refusal::Size);
        }
        let stored = Arc::new(stored);
        let _changing = self.changing.lock();
        if self.invalidations[ticket.counter].load(Ordering::SeqCst) != ticket.invalidations {
            return Err(Refusal::Invalidated);
        }
        let mut others: Vec<Arc<Stored>> = match self.kept.peek(&key) {
            Some(kept) => kept.iter().filter(|other| !stored.replaces(other)).cloned().collect(),
            None => Vec::new(),
        };
        if others.len() >= VARIANTS_MAX {
            others.sort_by_key(|other| other.requested());
            others.drain(..=others.len() - VARIANTS_MAX);
        }
        others.push(Arc::clone(&stored));
        self.kept.insert(key, others.into());
        Ok(stored)
    }

    /// Whether a body of that length could be kept.
    pub fn has_room_for(&self, body_bytes: usize) -> bool {
        body_bytes <= self.limits.entry_bytes_max
    }

    /// Drops what is kept of a key, and what is on its way to be.
    pub fn invalidate(&self, key: &Key) {
        let _changing = self.changing.lock();
        self.invalidations[self.counter(key)].fetch_add(1, Ordering::SeqCst);
        self.kept.remove(key);
    }

    /// Drops what is kept of the targets and with the headers that `matches` says yes to, and whatever is on its way
    /// to be kept: nobody knows yet what it will say. How many responses that were.
    pub fn purge(&self, matches: impl Fn(&Key, &HeaderMap) -> bool) -> usize {
        let _changing = self.changing.lock();
        for counter in &self.invalidations {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        let dropped = Cell::new(0);
        self.kept.retain(|key, kept| {
            // All of a key go together: they are one resource in several forms.
            let is_kept = !kept.iter().any(|stored| matches(key, stored.headers()));
            dropped.set(dropped.get() + if is_kept { 0 } else { kept.len() });
            is_kept
        });
        dropped.get()
    }

    /// Entries, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.kept.len(), self.kept.weight())
    }

    fn counter(&self, key: &Key) -> usize {
        // Less than COUNTERS, whatever the width of a usize.
        (self.hashing.hash_one(key) % COUNTERS as u64) as usize
    }
}

#[cfg(test)]
mod tests;
