//! A query on its way whose answer may be stored.

use std::sync::Arc;
use std::time::Duration;

use pg::{Read, Snapshot};

use crate::cache::Cache;
use crate::key::Key;
use crate::log::Sequence;
use crate::moment::Moment;

/// Leave to store one answer; taken before the query is sent, given up by dropping it.
///
/// While it lives, no transaction is forgotten that its query may not have seen.
#[derive(Debug)]
#[must_use]
pub struct Fill<V: Clone> {
    pub(crate) cache: Arc<Cache<V>>,
    /// Zero if there was no epoch: such an answer is never stored.
    pub(crate) epoch: u64,
    pub(crate) began: Sequence,
}

/// An answer to store.
#[derive(Clone, Debug)]
pub struct Answer<V> {
    /// What it is kept under.
    pub key: Key,
    /// The answer; cheap to clone.
    pub value: V,
    /// The value's size; the cache adds what the key and the entry itself take.
    pub bytes: u64,
    /// `pg_current_snapshot()` of the very statement that answered, on the primary.
    pub snapshot: Snapshot,
    /// A superset of what the statement read.
    pub reads: Vec<Read>,
    /// When the answer arrived.
    pub at: Moment,
    /// How long it may be used even if nothing changes; none for as long as nothing changes.
    pub ttl: Option<Duration>,
}

/// Why an answer was not stored. It is a good answer all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The fill began in another epoch, or in none.
    #[error("epoch")]
    Epoch,
    /// The snapshot may miss what happened before the stream stood.
    #[error("barrier")]
    Barrier,
    /// A transaction that the snapshot does not see touched what was read.
    #[error("changed")]
    Changed,
    /// The log no longer reaches back to where the fill began.
    #[error("overflow")]
    Overflow,
    /// It is larger than an entry may be, or all that is there is asked for more often.
    #[error("no room")]
    NoRoom,
    /// A newer answer is there already.
    #[error("older")]
    Older,
}

impl<V: Clone> Drop for Fill<V> {
    fn drop(&mut self) {
        self.cache.ended(self.began);
    }
}
