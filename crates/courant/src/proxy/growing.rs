//! A body that is kept while it is passed on: one task gathers it, the client that asked first reads along.
//!
//! The gatherer never waits for the reader, whose slowness is nobody else's concern; what is gathered is bounded by
//! the largest entry. Past that nothing is kept, and the reader is handed the rest to read for itself.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

use super::download::Download;
use crate::response::Cut;

/// What is gathered so far.
#[derive(Default)]
pub(super) struct Growing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    chunks: Vec<Bytes>,
    end: Option<End>,
    reader: Option<Waker>,
    /// Nobody reads any more.
    is_abandoned: bool,
}

enum End {
    Whole,
    Cut(Cut),
    /// Too long to be kept: what is left of it.
    Handed(Option<Box<Download>>),
}

impl Growing {
    /// One more piece.
    pub(super) fn push(&self, chunk: Bytes) {
        self.change(|state| state.chunks.push(chunk));
    }

    pub(super) fn finish(&self) {
        self.change(|state| state.end = Some(End::Whole));
    }

    pub(super) fn cut(&self, cut: Cut) {
        self.change(|state| state.end = Some(End::Cut(cut)));
    }

    /// Leaves the rest to the reader, if there is one.
    pub(super) fn hand_over(&self, rest: Download) {
        self.change(|state| {
            if !state.is_abandoned {
                state.end = Some(End::Handed(Some(Box::new(rest))));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let reader = {
            let mut state = self.state.lock();
            change(&mut state);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The body as the client reads it.
pub(super) struct Reader {
    growing: Arc<Growing>,
    read: usize,
    rest: Option<Box<Download>>,
    size: SizeHint,
}

impl Reader {
    pub(super) fn new(growing: Arc<Growing>, size: SizeHint) -> Reader {
        Reader { growing, read: 0, rest: None, size }
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if this.rest.is_none() {
            let mut state = this.growing.state.lock();
            if let Some(chunk) = state.chunks.get(this.read) {
                this.read += 1;
                return Poll::Ready(Some(Ok(Frame::data(chunk.clone()))));
            }
            match &mut state.end {
                None => {
                    state.reader = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Some(End::Whole) => return Poll::Ready(None),
                Some(End::Cut(cut)) => return Poll::Ready(Some(Err(*cut))),
                Some(End::Handed(rest)) => this.rest = rest.take(),
            }
        }
        match &mut this.rest {
            Some(rest) => Pin::new(&mut **rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.growing.state.lock();
        state.is_abandoned = true;
        // Handed over and not taken: its connection is closed now, not when the gatherer's half goes.
        if let Some(End::Handed(rest)) = &mut state.end {
            drop(rest.take());
        }
    }
}
