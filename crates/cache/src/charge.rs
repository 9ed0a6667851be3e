//! What is kept beside an answer, and made after it, weighs on its entry too.
//!
//! Never changes what is answered: the value stays, only its weight grows.

use crate::cache::Cache;
use crate::key::Key;
use crate::statistics::count;

impl<V: Clone> Cache<V> {
    /// Adds to the weight of an entry whose value is still the one that `same` says yes to.
    ///
    /// Says no where the entry has gone or would then be larger than an entry may be, and where making room
    /// took the entry itself: what was to be kept beside it must then be dropped.
    pub fn charge(&self, key: &Key, same: impl Fn(&V) -> bool, bytes: u64) -> bool {
        let home = self.home(key);
        let mut coherence = self.coherence.lock();
        let Some(known) = home.peek(key).filter(|known| same(&known.value)) else { return false };
        let (id, weight) = (known.id, known.weight().saturating_add(bytes));
        if !home.fits(weight) {
            return false;
        }
        // In the place of itself: whatever had to go for the difference is handed back with the old weight.
        let gone = home.insert(*key, known.weighing(weight));
        let stays = home.peek(key).is_some_and(|entry| entry.id == id);
        for evicted in gone.iter().filter(|evicted| evicted.id != id || !stays) {
            // Handed back twice is gone the second time.
            if coherence.index.remove(evicted.id).is_some() {
                count(&home.counts.evictions);
            }
        }
        // Large values are freed after the lock is.
        drop(coherence);
        drop(gone);
        stays
    }
}
