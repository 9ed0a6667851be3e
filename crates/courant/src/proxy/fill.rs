//! Fills of the HTTP cache: one at a time for equal requests, gathered by a task of its own.
//!
//! Whoever asks what is being asked already waits for it to be settled, kept or refused, and then looks again by
//! the rules for its own request: nothing that may not be kept is ever shared between two who wait. A key whose
//! answers turned out not to be kept is waited for by nobody for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use gateway::http_cache::{Candidate, Key, Ticket};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use parking_lot::Mutex;
use quick_cache::sync::Cache as Remembered;
use tokio::sync::watch;

use super::download::Download;
use super::growing::{Growing, Reader};
use super::passage::Passage;

/// How long a key counts as one that is not kept, and how many are remembered.
const UNKEPT_FOR: Duration = Duration::from_secs(10);
const UNKEPT_MAX: usize = 10_000;

/// The fills under way.
pub(super) struct Fills {
    aloft: Mutex<HashMap<Key, watch::Receiver<()>>>,
    unkept: Remembered<Key, Instant>,
}

/// How a request stands to a fill.
pub(super) enum Turn {
    /// It makes the fill.
    Pilot(Flight),
    /// Another one does; the receiver ends when it is settled.
    Passenger(watch::Receiver<()>),
    /// There is nothing to wait for: answers of this key are not kept.
    Alone,
}

/// A fill under way: settled when it is dropped.
pub(super) struct Flight {
    fills: Arc<Fills>,
    key: Key,
    _settled: watch::Sender<()>,
}

impl Fills {
    pub(super) fn new() -> Arc<Fills> {
        Arc::new(Fills { aloft: Mutex::default(), unkept: Remembered::new(UNKEPT_MAX) })
    }

    pub(super) fn join(self: &Arc<Self>, key: &Key) -> Turn {
        if self.unkept.get(key).is_some_and(|since| since.elapsed() < UNKEPT_FOR) {
            return Turn::Alone;
        }
        let mut aloft = self.aloft.lock();
        if let Some(settled) = aloft.get(key) {
            return Turn::Passenger(settled.clone());
        }
        let (sender, receiver) = watch::channel(());
        aloft.insert(key.clone(), receiver);
        Turn::Pilot(Flight { fills: Arc::clone(self), key: key.clone(), _settled: sender })
    }

    /// Whether answers of this key are kept, as far as is known now.
    pub(super) fn note(&self, key: &Key, is_kept: bool) {
        if !is_kept {
            self.unkept.insert(key.clone(), Instant::now());
        } else if self.unkept.peek(key).is_some() {
            self.unkept.remove(key);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.fills.aloft.lock().remove(&self.key);
    }
}

/// Begins to gather a body that may be kept. The client that asked reads along.
pub(super) fn begin(
    passage: &Passage,
    candidate: Candidate,
    download: Download,
    ticket: Ticket,
    flight: Option<Flight>,
) -> Reader {
    let growing = Arc::new(Growing::default());
    let reader = Reader::new(Arc::clone(&growing), download.size_hint());
    let fill = Fill { passage: passage.clone(), candidate, ticket, growing, _flight: flight };
    passage.node.tasks.spawn(fill.run(download));
    reader
}

struct Fill {
    passage: Passage,
    candidate: Candidate,
    ticket: Ticket,
    growing: Arc<Growing>,
    _flight: Option<Flight>,
}

impl Fill {
    async fn run(self, mut download: Download) {
        let store = &self.passage.node.proxy.store;
        let mut body = BytesMut::new();
        // The last piece is handed on after all is kept: whoever has read the end finds it so.
        let mut held: Option<Bytes> = None;
        while !download.is_end_stream() {
            match download.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    body.extend_from_slice(&data);
                    if !store.has_room_for(body.len()) {
                        self.passage.node.proxy.fills.note(&self.passage.key, false);
                        self.growing.push(data);
                        return self.growing.hand_over(download);
                    }
                    if download.is_end_stream() {
                        held = Some(data);
                    } else {
                        self.growing.push(data);
                    }
                }
                Some(Err(cut)) => return self.growing.cut(cut),
                None => break,
            }
        }
        let key = self.passage.key.clone();
        // Refused because it was made invalid meanwhile, or because head and body together are too large.
        let kept = store.keep(key, self.candidate.complete(body.freeze()), self.ticket);
        tracing::trace!(target: "courant::proxy", refused = ?kept.err(), "filled");
        if let Some(last) = held {
            self.growing.push(last);
        }
        self.growing.finish();
    }
}
