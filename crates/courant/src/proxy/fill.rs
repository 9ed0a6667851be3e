//! Fills of the HTTP cache: one at a time for equal requests, gathered by a task of its own.
//!
//! Whoever asks what is being asked already waits for it to be settled, kept or refused, and then looks again by
//! the rules for its own request: nothing that may not be kept is ever shared between two who wait. A key whose
//! answers turned out not to be kept is waited for by nobody for a while.

use std::hash::Hash;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use foldhash::HashMap;
use gateway::http_cache::{Candidate, Key, Ticket};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::download::Download;
use super::growing::{Growing, Reader};
use super::passage::Passage;
use super::unkept::Unkept;
use crate::node::Node;

/// The fills under way, by what they fill.
pub(super) struct Fills<K: Eq + Hash> {
    /// Each with what its passengers wait for, once there is one.
    aloft: Mutex<HashMap<K, Option<watch::Sender<()>>>>,
    unkept: Unkept,
}

/// How a request stands to a fill.
pub(super) enum Turn<K: Eq + Hash> {
    /// It makes the fill.
    Pilot(Flight<K>),
    /// Another one does; the receiver ends when it is settled.
    Passenger(watch::Receiver<()>),
    /// There is nothing to wait for: answers of this key are not kept.
    Alone,
}

/// A fill under way: settled when it is dropped.
pub(super) struct Flight<K: Eq + Hash> {
    fills: Arc<Fills<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Fills<K> {
    pub(super) fn new() -> Arc<Fills<K>> {
        Arc::new(Fills { aloft: Mutex::default(), unkept: Unkept::new() })
    }

    pub(super) fn join(self: &Arc<Self>, key: &K) -> Turn<K> {
        if self.unkept.contains(key) {
            return Turn::Alone;
        }
        let mut aloft = self.aloft.lock();
        if let Some(settled) = aloft.get_mut(key) {
            return Turn::Passenger(settled.get_or_insert_with(|| watch::Sender::new(())).subscribe());
        }
        aloft.insert(key.clone(), None);
        Turn::Pilot(Flight { fills: Arc::clone(self), key: key.clone() })
    }

    /// Whether answers of this key are kept, as far as is known now.
    pub(super) fn note(&self, key: &K, is_kept: bool) {
        self.unkept.note(key, is_kept);
    }
}

impl<K: Eq + Hash> Drop for Flight<K> {
    fn drop(&mut self) {
        let settled = self.fills.aloft.lock().remove(&self.key);
        // Whoever waits looks again, and may want the lock.
        drop(settled);
    }
}

/// What becomes of a body that was gathered.
pub(super) trait Keep: Send + 'static {
    /// Whether so many bytes of body may be kept.
    fn has_room_for(&self, body_bytes: usize) -> bool;

    /// All of it is here.
    fn keep(self, body: Bytes);

    /// It turned out too long.
    fn give_up(self);
}

/// Begins to gather a body that may be kept. The client that asked reads along.
pub(super) fn begin(node: &Node, download: Download, keeper: impl Keep) -> Reader {
    let growing = Arc::new(Growing::default());
    let reader = Reader::new(Arc::clone(&growing), download.size_hint());
    node.tasks.spawn(run(keeper, growing, download));
    reader
}

async fn run(keeper: impl Keep, growing: Arc<Growing>, mut download: Download) {
    let mut body = BytesMut::new();
    // The last piece is handed on after all is kept: whoever has read the end finds it so.
    let mut held: Option<Bytes> = None;
    while !download.is_end_stream() {
        match download.frame().await {
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                body.extend_from_slice(&data);
                if !keeper.has_room_for(body.len()) {
                    keeper.give_up();
                    growing.push(data);
                    return growing.hand_over(download);
                }
                if download.is_end_stream() {
                    held = Some(data);
                } else {
                    growing.push(data);
                }
            }
            Some(Err(cut)) => return growing.cut(cut),
            None => break,
        }
    }
    keeper.keep(body.freeze());
    if let Some(last) = held {
        growing.push(last);
    }
    growing.finish();
}

/// Keeps what HTTP lets us keep.
pub(super) struct Fill {
    pub(super) passage: Passage,
    pub(super) candidate: Candidate,
    pub(super) ticket: Ticket,
    pub(super) flight: Option<Flight<Key>>,
}

impl Keep for Fill {
    fn has_room_for(&self, body_bytes: usize) -> bool {
        self.passage.node.proxy.store.has_room_for(body_bytes)
    }

    fn keep(self, body: Bytes) {
        let key = self.passage.key.clone();
        // Refused because it was made invalid meanwhile, or because head and body together are too large.
        let kept = self.passage.node.proxy.store.keep(key, self.candidate.complete(body), self.ticket);
        tracing::trace!(target: "courant::proxy", refused = ?kept.err(), "filled");
        drop(self.flight);
    }

    fn give_up(self) {
        self.passage.node.proxy.fills.note(&self.passage.key, false);
    }
}
