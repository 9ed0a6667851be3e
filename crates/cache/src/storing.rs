//! How an answer comes to be kept: from before its query is sent to the check that it misses nothing.

use std::sync::Arc;

use pg::Snapshot;

use crate::cache::Cache;
use crate::coherence::Coherence;
use crate::fill::{Answer, Fill, Refusal};
use crate::log::Sequence;
use crate::read_set::ReadSet;
use crate::statistics::count;
use crate::store::{ENTRY_BYTES, Stored, TAG_BYTES};

impl<V: Clone> Cache<V> {
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
        let weight = answer.bytes + ENTRY_BYTES + TAG_BYTES * reads.len() as u64;
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
        let id = coherence.index.insert(answer.key, answer.snapshot, &reads, &self.hashing);
        let entry = Stored::new(answer.value, answer.at, answer.ttl, coherence.epoch, id).weighing(weight);
        let gone = home.insert(answer.key, entry);
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

    pub(crate) fn ended(&self, began: Sequence) {
        self.coherence.lock().ended(began, &self.rules);
    }

    /// Of two answers the one with the later snapshot stays.
    fn newest(&self, coherence: &Coherence, answer: &Answer<V>) -> Result<(), Refusal> {
        let known = self.peek(&answer.key).and_then(|entry| coherence.index.get(entry.id));
        match known {
            Some(known) if known.xmax > answer.snapshot.xmax => Err(Refusal::Older),
            _ => Ok(()),
        }
    }
}
