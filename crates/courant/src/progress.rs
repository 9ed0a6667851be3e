//! Readers that wait until the cache is as current as they need it, and share the polls that prove it.
//!
//! A reader leaves its wish and waits; the loop that keeps the gate open hears of it at once instead of at
//! its next tick, and one poll serves all who came before it was sent. Never decides what is current.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache::{Cache, Moment, Need};
use parking_lot::Mutex;
use pg::Lsn;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::consistency::Consistency;

/// How far the node has come, for those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    moved: Notify,
    wanted: Notify,
    /// The catalog was seen to be the one that plans are made with, at this moment or later.
    verified: AtomicU64,
    /// When the server was last asked how far its log goes, and what it said.
    told: Mutex<(Moment, Lsn)>,
}

impl Progress {
    /// The stream was applied a step further, or its epoch ended.
    pub(crate) fn moved(&self) {
        self.moved.notify_waiters();
    }

    /// The catalog was unchanged when it was looked at after this moment.
    pub(crate) fn verified(&self, at: Moment) {
        self.verified.fetch_max(at.0, Ordering::AcqRel);
    }

    /// The server, asked after this moment, said that its log goes so far.
    pub(crate) fn told(&self, at: Moment, inserted: Lsn) {
        *self.told.lock() = (at, inserted);
    }

    /// How far the server's log went at some time after this moment; none where it was not asked since.
    pub(crate) fn inserted_since(&self, moment: Moment) -> Option<Lsn> {
        let (at, inserted) = *self.told.lock();
        (at >= moment).then_some(inserted)
    }

    /// Waits until a reader wants a poll.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Waits until `cache` has applied what a reader needs; says whether it has within `wait_max`.
    ///
    /// A reader that takes the configured bound never waits: the ticks keep up with it. Nor does one longer
    /// than for one poll that brings a position which the server's log has not reached: it is not of this log.
    pub(crate) async fn reach<V: Clone>(
        &self,
        cache: &Cache<V>,
        consistency: Consistency,
        need: Need,
        wait_max: Duration,
    ) -> bool {
        let reached = || match consistency {
            Consistency::Bounded => true,
            Consistency::Within(bound) => need.start.since(cache.fresh()) <= bound,
            Consistency::Token(position) => cache.position() >= position,
            Consistency::Strict => {
                cache.fresh() >= need.start && self.verified.load(Ordering::Acquire) >= need.start.0
            }
        };
        let hopeless = || match consistency {
            Consistency::Token(position) => {
                let (at, inserted) = *self.told.lock();
                at >= need.start && inserted < position
            }
            Consistency::Bounded | Consistency::Within(_) | Consistency::Strict => false,
        };
        let waiting = async {
            loop {
                let mut moved = std::pin::pin!(self.moved.notified());
                // Listens before it looks, so that no step is missed in between.
                moved.as_mut().enable();
                if reached() || hopeless() || !cache.is_open() {
                    return reached();
                }
                // One poll after its arrival is all that a reader can want: the rest is the stream's.
                if self.verified.load(Ordering::Acquire) < need.start.0 {
                    self.wanted.notify_one();
                }
                moved.await;
            }
        };
        timeout(wait_max, waiting).await.unwrap_or(false)
    }
}
