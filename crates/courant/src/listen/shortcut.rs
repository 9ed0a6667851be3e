//! The shortcut of a connection: a head that was answered before, byte for byte, is answered at the door.
//!
//! Only while nobody else is speaking: every head that was handed on has had its answer, to the last byte. Whether
//! the answer of before still holds is not known here ([`Recall`]). Never looks into a head, and never waits for
//! anything but the client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use cache::Key;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::AsyncWrite;

use crate::response::{Body, Cut};

/// Memory for an answer's head that a connection keeps while it waits.
const KEPT_BYTES_MAX: usize = 2048;

/// Who may know a head.
pub(crate) trait Recall: Send + Sync {
    /// Writes the head of the answer to a head, if it is known and its answer still holds, and returns the body.
    fn recall(&self, head: &[u8], is_tls: bool, into: &mut Vec<u8>) -> Recalled<Bytes>;
}

/// What is known of a head.
pub(crate) enum Recalled<A> {
    /// Its answer.
    Answer(A),
    /// Nothing; by this name it may be remembered, if it may at all.
    Unknown(Option<Key>),
}

/// A connection's own part of it.
pub(super) struct Shortcut {
    recall: Option<Arc<dyn Recall>>,
    is_tls: bool,
    turns: Arc<Turns>,
    /// As many heads were handed on.
    handed: u64,
    /// Of so many of them the answers have left.
    flushed: u64,
    head: Vec<u8>,
    head_sent: usize,
    body: Bytes,
}

/// Which requests of a connection have begun and ended: what its door and its service tell each other.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The last head that was handed on: the how-manieth it was, and its name.
    last: Mutex<(u64, Option<Key>)>,
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request, until its answer is gone.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// The next request is here. Its head's name, if it has one.
    pub(super) fn begin(self: &Arc<Self>) -> (Turn, Option<Key>) {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let last = *self.last.lock();
        (Turn(Arc::clone(self)), last.1.filter(|_| last.0 == number))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Shortcut {
    pub(super) fn new(recall: Option<Arc<dyn Recall>>, is_tls: bool) -> Shortcut {
        Shortcut {
            recall,
            is_tls,
            turns: Arc::default(),
            handed: 0,
            flushed: 0,
            head: Vec::new(),
            head_sent: 0,
            body: Bytes::new(),
        }
    }

    pub(super) fn turns(&self) -> Arc<Turns> {
        Arc::clone(&self.turns)
    }

    /// Answers a whole head, if it can: then [`Shortcut::poll_send`] comes before anything else.
    pub(super) fn take(&mut self, head: &[u8]) -> Recalled<()> {
        let Some(recall) = self.recall.as_ref().filter(|_| self.is_alone()) else {
            return Recalled::Unknown(None);
        };
        match recall.recall(head, self.is_tls, &mut self.head) {
            Recalled::Answer(body) => {
                (self.head_sent, self.body) = (0, body);
                Recalled::Answer(())
            }
            Recalled::Unknown(name) => Recalled::Unknown(name),
        }
    }

    /// A head is handed on. By its name it may be remembered: one that no body follows.
    pub(super) fn hand_on(&mut self, name: Option<Key>) {
        self.handed += 1;
        if self.recall.is_some() {
            *self.turns.last.lock() = (self.handed, name);
        }
    }

    /// Whether every head that was handed on has had its answer, to the last byte.
    pub(super) fn is_alone(&self) -> bool {
        self.flushed == self.handed
    }

    /// Everything that hyper had to send has left. An answer's body is gone before its last bytes are sent, so those of
    /// which it is gone by now have left too.
    pub(super) fn flushed(&mut self) {
        self.flushed = self.turns.ended.load(Ordering::SeqCst);
    }

    /// Sends what is left of the answer.
    pub(super) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.head_sent < self.head.len() || !self.body.is_empty() {
            let slices = [IoSlice::new(&self.head[self.head_sent..]), IoSlice::new(&self.body)];
            let sent = ready!(Pin::new(&mut *socket).poll_write_vectored(context, &slices))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = sent.min(self.head.len() - self.head_sent);
            self.head_sent += of_head;
            self.body.advance(sent - of_head);
        }
        ready!(Pin::new(socket).poll_flush(context))?;
        self.head.clear();
        self.head.shrink_to(KEPT_BYTES_MAX);
        self.body = Bytes::new();
        Poll::Ready(Ok(()))
    }
}

/// An answer's body; its request's turn ends with it.
pub(super) struct Turned {
    body: Body,
    _turn: Turn,
}

impl Turned {
    pub(super) fn new(body: Body, turn: Turn) -> Turned {
        Turned { body, _turn: turn }
    }
}

impl HttpBody for Turned {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
