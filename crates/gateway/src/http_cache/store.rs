//! The responses that are kept, within a budget of bytes; the least useful go first.
//!
//! Of each key there are as many responses as its `Vary` tells apart, up to a bound. What comes back from an
//! upstream is kept only if nothing made it invalid since it was asked for ([`Ticket`]).

use std::cell::Cell;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::HeaderMap;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};
use std::hash::BuildHasher as _;

use self::recent::{Moment, Recent};
use super::candidate::Refusal;
use super::key::Key;
use super::stored::Stored;
use crate::coding::Variants;

mod recent;

/// Responses of one key; beyond, the one asked for longest ago goes.
const VARIANTS_MAX: usize = 16;

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
    /// Whoever changes what is kept of a key reads it first, and holds this.
    changing: Mutex<Recent>,
}

type Kept = Arc<[Held]>;

/// A response, and what its codings take. They come later, and a weight may change only when it is told.
#[derive(Clone, Debug)]
struct Held {
    stored: Arc<Stored>,
    variants_bytes: u64,
}

/// A request that was sent: what comes back is kept only if its key was not made invalid in between.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    hash: u64,
    taken: Moment,
}

impl Held {
    fn weight_bytes(&self) -> u64 {
        self.stored.weight_bytes() as u64 + self.variants_bytes
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Kept> for Weight {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        key.weight_bytes() as u64 + kept.iter().map(Held::weight_bytes).sum::<u64>()
    }
}

impl Store {
    /// Empty.
    pub fn new(limits: Limits) -> Store {
        let average = 4096;
        let entries = usize::try_from(limits.bytes_max / average).unwrap_or(usize::MAX).clamp(16, 1 << 24);
        let fitting = limits.bytes_max / (limits.entry_bytes_max as u64).max(1) / 2;
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(limits.bytes_max)
            // An entry must fit into its shard, however many processors there are.
            .shards(usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, 64))
            .build()
            .expect("both capacities are given");
        Store {
            kept: Cache::with_options(options, Weight, RandomState::default(), Default::default()),
            limits,
            hashing: RandomState::default(),
            changing: Mutex::new(Recent::new()),
        }
    }

    /// The response for a request, and whether there is any for its key. The one asked for last wins, if there are
    /// several (RFC 9111, section 4.1).
    pub fn find(&self, key: &Key, request: &HeaderMap) -> (Option<Arc<Stored>>, bool) {
        let Some(kept) = self.kept.get(key) else { return (None, false) };
        let matching = kept.iter().map(|held| &held.stored).filter(|stored| stored.is_for(request));
        (matching.max_by_key(|stored| stored.requested()).cloned(), true)
    }

    /// To be taken before the upstream is asked.
    pub fn ticket(&self, key: &Key) -> Ticket {
        Ticket { hash: self.hashing.hash_one(key), taken: self.changing.lock().now() }
    }

    /// Keeps a response, unless its key was made invalid since the ticket was taken, it is too large, or something
    /// newer is here.
    pub fn keep(&self, key: Key, stored: Stored, ticket: Ticket) -> Result<Arc<Stored>, Refusal> {
        if stored.weight_bytes() > self.limits.entry_bytes_max {
            return Err(Refusal::Size);
        }
        let variants_bytes = stored.variants().map_or(0, |variants| variants.weight_bytes() as u64);
        let stored = Arc::new(stored);
        let invalid = self.changing.lock();
        if invalid.has(ticket.hash, ticket.taken) {
            return Err(Refusal::Invalidated);
        }
        let mut others: Vec<Held> = match self.kept.peek(&key) {
            Some(kept) => kept.iter().filter(|other| !stored.replaces(&other.stored)).cloned().collect(),
            None => Vec::new(),
        };
        if others.len() >= VARIANTS_MAX {
            others.sort_by_key(|other| other.stored.requested());
            others.drain(..=others.len() - VARIANTS_MAX);
        }
        others.push(Held { stored: Arc::clone(&stored), variants_bytes });
        self.kept.insert(key, others.into());
        Ok(stored)
    }

    /// Makes a response that is kept heavier by a coding of its body. Returns whether it is still there to have it.
    pub fn charge(&self, key: &Key, variants: &Arc<Variants>, bytes: u64) -> bool {
        let _changing = self.changing.lock();
        let Some(kept) = self.kept.peek(key) else { return false };
        let has = |held: &Held| held.stored.variants().is_some_and(|its| Arc::ptr_eq(its, variants));
        let Some(held) = kept.iter().find(|held| has(held)) else { return false };
        if held.weight_bytes() + bytes > self.limits.entry_bytes_max as u64 {
            return false;
        }
        let charged = |held: &Held| Held {
            variants_bytes: held.variants_bytes + if has(held) { bytes } else { 0 },
            stored: Arc::clone(&held.stored),
        };
        self.kept.insert(key.clone(), kept.iter().map(charged).collect());
        // What had to go for it may have been itself.
        self.kept.peek(key).is_some()
    }

    /// Whether a body of that length could be kept.
    pub fn has_room_for(&self, body_bytes: usize) -> bool {
        body_bytes <= self.limits.entry_bytes_max
    }

    /// Drops what is kept of a key, and what is on its way to be.
    pub fn invalidate(&self, key: &Key) {
        let mut invalid = self.changing.lock();
        invalid.add(self.hashing.hash_one(key));
        self.kept.remove(key);
    }

    /// Drops what is kept of the targets and with the headers that `matches` says yes to, and whatever is on its way
    /// to be kept: nobody knows yet what it will say. How many responses that were.
    pub fn purge(&self, matches: impl Fn(&Key, &HeaderMap) -> bool) -> usize {
        let mut invalid = self.changing.lock();
        invalid.add_all();
        let dropped = Cell::new(0);
        self.kept.retain(|key, kept| {
            // All of a key go together: they are one resource in several forms.
            let is_kept = !kept.iter().any(|held| matches(key, held.stored.headers()));
            dropped.set(dropped.get() + if is_kept { 0 } else { kept.len() });
            is_kept
        });
        dropped.get()
    }

    /// Entries, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.kept.len(), self.kept.weight())
    }
}

#[cfg(test)]
mod tests;
