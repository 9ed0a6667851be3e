//! Key to entry: the concurrent map that readers use, with eviction by weight.
//!
//! Changed only by whoever holds the lock on coherence, and whatever it evicts is handed back at once, so
//! that it never holds an entry that the index does not know.

use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use crate::index::EntryId;
use crate::key::Key;
use crate::moment::Moment;
use crate::statistics::{Counts, StoreStatistics};

/// What the cache may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Weight of all entries of the general store, their overhead included.
    pub bytes_max: u64,
    /// Weight of one entry.
    pub entry_bytes_max: u64,
    /// Tags of one entry; past it, the relations with the most tags are read as a whole.
    pub entry_tags_max: usize,
    /// Transactions in the log of what fills may be blind to.
    pub log_records_max: usize,
    /// Size of that log.
    pub log_bytes_max: usize,
    /// Rows of one transaction told apart in that log; past it, its relations are kept as a whole.
    pub log_rows_max: usize,
    /// Polls whose position the stream has not reached yet.
    pub polls_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: 256 << 20,
            entry_bytes_max: 4 << 20,
            entry_tags_max: 2_048,
            log_records_max: 100_000,
            log_bytes_max: 32 << 20,
            log_rows_max: 1_000,
            polls_max: 256,
        }
    }
}

/// An entry as readers find it.
#[derive(Clone, Debug)]
pub(crate) struct Stored<V> {
    pub(crate) value: V,
    pub(crate) stored: Moment,
    lifespan: Lifespan,
    pub(crate) epoch: Epoch,
    weight: u32,
    pub(crate) id: EntryId,
}

impl<V> Stored<V> {
    pub(crate) fn new(value: V, at: Moment, ttl: Option<Duration>, epoch: u64, id: EntryId) -> Stored<V> {
        Stored { value, stored: at, lifespan: Lifespan::of(ttl), epoch: Epoch::of(epoch), weight: 0, id }
    }

    /// Whether its time is over.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.lifespan != Lifespan::ENDLESS
            && now.since(self.stored) >= Duration::from_millis(self.lifespan.0.into())
    }

    /// Weighing so much, which no store lets an entry exceed that does not fit.
    pub(crate) fn weighing(self, weight: u64) -> Stored<V> {
        Stored { weight: u32::try_from(weight).unwrap_or(u32::MAX), ..self }
    }

    pub(crate) fn weight(&self) -> u64 {
        u64::from(self.weight)
    }
}

/// Milliseconds, as times to live are configured; those longer than seven weeks count as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lifespan(u32);

impl Lifespan {
    const ENDLESS: Lifespan = Lifespan(u32::MAX);

    fn of(ttl: Option<Duration>) -> Lifespan {
        let longest = u32::MAX - 1;
        ttl.map_or(Lifespan::ENDLESS, |ttl| {
            Lifespan(u32::try_from(ttl.as_millis()).unwrap_or(longest).min(longest))
        })
    }
}

/// The number of an epoch, of which an entry remembers this much. The end of an epoch empties the stores, so
/// that no entry meets the epoch that has the same low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u32);

impl Epoch {
    pub(crate) fn of(epoch: u64) -> Epoch {
        Epoch(epoch as u32)
    }
}

/// What an entry weighs beyond what the caller says: its places in the store (72 bytes) and in the index (40), and
/// its part of the tables that find them and of what growing them leaves behind.
pub(crate) const ENTRY_BYTES: u64 = 144;

/// What each tag adds: its link, and its place in its shape's table.
pub(crate) const TAG_BYTES: u64 = 32;

/// A digest is its own hash.
#[derive(Clone, Copy, Debug, Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Of keys only, which write a word.
        bytes.chunks(8).for_each(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        });
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(1) ^ word;
    }
}

/// Entries by key, within a budget of their own.
#[derive(Debug)]
pub(crate) struct Store<V: Clone> {
    entries: Cache<Key, Stored<V>, ByWeight, BuildHasherDefault<Digested>, HandBack>,
    pub(crate) counts: Counts,
    bytes_max: u64,
    entry_bytes_max: u64,
}

#[derive(Clone, Debug)]
struct ByWeight;

impl<V> Weighter<Key, Stored<V>> for ByWeight {
    fn weight(&self, _: &Key, entry: &Stored<V>) -> u64 {
        entry.weight()
    }
}

#[derive(Clone, Debug)]
struct HandBack;

impl<V> Lifecycle<Key, Stored<V>> for HandBack {
    type RequestState = Vec<Stored<V>>;

    fn on_evict(&self, evicted: &mut Vec<Stored<V>>, _: Key, entry: Stored<V>) {
        evicted.push(entry);
    }
}

impl<V: Clone> Store<V> {
    /// A store of so many bytes, of which one entry may take all that an entry may take.
    pub(crate) fn new(bytes_max: u64, limits: &Limits) -> Store<V> {
        let entry_bytes_max = limits.entry_bytes_max.min(bytes_max).min(u64::from(u32::MAX));
        // An estimate only: it sizes the memory of what was recently evicted. Few large shards rather than
        // many small ones, since an entry must fit into its shard.
        let entries = usize::try_from(bytes_max / 2048).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let fitting = bytes_max / entry_bytes_max.max(1) / 2;
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(entries).weight_capacity(bytes_max);
        options.shards(usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, 64));
        let options = options.build().expect("capacities are given, ratios are the defaults");
        let entries = Cache::with_options(options, ByWeight, BuildHasherDefault::default(), HandBack);
        Store { entries, counts: Counts::default(), bytes_max, entry_bytes_max }
    }

    /// Whether an entry may weigh so much.
    pub(crate) fn fits(&self, weight: u64) -> bool {
        weight <= self.entry_bytes_max
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Stored<V>> {
        self.entries.get(key)
    }

    pub(crate) fn peek(&self, key: &Key) -> Option<Stored<V>> {
        self.entries.peek(key)
    }

    /// Inserts and returns what had to go: others, the entry it replaces, or itself if it does not fit.
    pub(crate) fn insert(&self, key: Key, entry: Stored<V>) -> Vec<Stored<V>> {
        let mut evicted = Vec::new();
        self.entries.insert_with_lifecycle(key, entry, &mut evicted);
        evicted
    }

    pub(crate) fn remove(&self, key: &Key) -> Option<Stored<V>> {
        self.entries.remove(key).map(|(_, entry)| entry)
    }

    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    pub(crate) fn statistics(&self) -> StoreStatistics {
        StoreStatistics {
            entries: self.entries.len() as u64,
            bytes: self.entries.weight(),
            bytes_max: self.bytes_max,
            ..self.counts.report()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_its_value_an_entry_has_24_bytes() {
        assert_eq!(size_of::<Stored<[u64; 2]>>(), 16 + 24);
    }

    #[test]
    fn a_time_to_live_of_any_length_ends_or_is_endless() {
        let id = crate::index::EntryId::at(0);
        let stored = |ttl| Stored::new((), Moment(1), ttl, 1, id);
        let at = |duration| Moment(1).after(duration);
        let week = Duration::from_secs(7 * 24 * 3600);
        assert!(!stored(None).is_over(Moment(u64::MAX)));
        assert!(
            stored(Some(Duration::MAX)).is_over(at(8 * week))
                && !stored(Some(Duration::MAX)).is_over(at(7 * week))
        );
        assert!(stored(Some(Duration::from_micros(900))).is_over(Moment(1)));
    }
}
