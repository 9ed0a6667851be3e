//! The life of an HTTP/2 connection: how many requests are open, when anything last happened, and how long an answer
//! has waited for its client.
//!
//! Flow control lets a client take nothing of an answer while its connection is well, so an answer is handed over in
//! pieces, and a piece that nobody comes to fetch the next of is noticed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

/// Of an answer, handed over at once.
const PIECE_BYTES: usize = 32 << 10;
/// Requests taken back are forgotten at this pace.
const FORGIVEN_INTERVAL: Duration = Duration::from_millis(100);

/// What is known of a connection's life.
#[derive(Debug)]
pub(super) struct Pulse {
    resets_max: usize,
    state: Mutex<State>,
    /// Woken when too many requests were taken back.
    restless: Notify,
}

#[derive(Debug)]
struct State {
    /// The open requests: since when each waits for its client, if it does.
    open: Slab<Option<Instant>>,
    changed: Instant,
    /// Requests taken back, and when the count was last made smaller.
    resets: usize,
    forgiven: Instant,
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Lives,
    /// Nothing was asked for too long.
    Idle,
    /// An answer has waited too long.
    Deaf,
}

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Stream {
    pulse: Arc<Pulse>,
    number: usize,
    is_answered: bool,
}

impl Pulse {
    pub(super) fn new(resets_max: usize) -> Pulse {
        let now = Instant::now();
        let state = State { open: Slab::new(), changed: now, resets: 0, forgiven: now };
        Pulse { resets_max, state: Mutex::new(state), restless: Notify::new() }
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Pulse>) -> Stream {
        let mut state = self.state.lock();
        state.changed = Instant::now();
        let number = state.open.insert(None);
        Stream { pulse: Arc::clone(self), number, is_answered: false }
    }

    /// Waits until its client has taken too many requests back.
    pub(super) async fn restless(&self) {
        self.restless.notified().await;
    }

    /// How it stands now.
    pub(super) fn verdict(&self, idle_timeout: Duration, write_timeout: Duration) -> Verdict {
        let state = self.state.lock();
        let waits = state.open.iter().filter_map(|(_, since)| *since).min();
        if waits.is_some_and(|since| since.elapsed() >= write_timeout) {
            Verdict::Deaf
        } else if state.open.is_empty() && state.changed.elapsed() >= idle_timeout {
            Verdict::Idle
        } else {
            Verdict::Lives
        }
    }
}

impl Stream {
    /// The body of the answer, in pieces.
    pub(super) fn carry<B>(mut self, body: B) -> Carried<B> {
        self.is_answered = true;
        Carried { body, rest: Bytes::new(), stream: self }
    }

    fn waits(&self, since: Option<Instant>) {
        if let Some(place) = self.pulse.state.lock().open.get_mut(self.number) {
            *place = since;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.pulse.state.lock();
        state.open.try_remove(self.number);
        let now = Instant::now();
        state.changed = now;
        if !self.is_answered {
            let forgiven = (now - state.forgiven).as_millis() / FORGIVEN_INTERVAL.as_millis();
            state.resets = state.resets.saturating_sub(forgiven as usize) + 1;
            state.forgiven = now;
            if state.resets > self.pulse.resets_max {
                self.pulse.restless.notify_one();
            }
        }
    }
}

/// A body that notices whether anybody fetches it.
pub(super) struct Carried<B> {
    body: B,
    /// Of a frame that was too large for one piece.
    rest: Bytes,
    stream: Stream,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Carried<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            this.stream.waits(None);
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended => return ended,
            }
        }
        this.stream.waits(Some(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
