//! A request's body on its way to an upstream: passed on as it comes, counted, and cut when it is too long or
//! takes too long.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// What is sent to an upstream as a request's body.
pub(super) enum Upload {
    /// In memory, mostly nothing.
    Whole(Full<Bytes>),
    /// From the client.
    Passing(Box<Passing>),
}

/// A client's body.
pub(super) struct Passing {
    body: Incoming,
    bytes_max: u64,
    patience: Duration,
    slow: Option<Pin<Box<Sleep>>>,
    progress: Arc<Progress>,
}

/// How far a body has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    is_done: AtomicBool,
    fault: OnceLock<Fault>,
}

/// Why a client's body did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the request's body is over its limit (body_bytes_max)")]
    Long,
    #[error("the request's body did not arrive in time (idle_timeout_ms)")]
    Slow,
    #[error("the request's body ended before its end")]
    Broken,
}

impl Upload {
    /// A client's body, and how far it has come.
    pub(super) fn passing(body: Incoming, bytes_max: u64, patience: Duration) -> (Upload, Arc<Progress>) {
        let progress = Arc::new(Progress::default());
        progress.is_done.store(body.is_end_stream(), Ordering::Relaxed);
        let passing = Passing { body, bytes_max, patience, slow: None, progress: Arc::clone(&progress) };
        (Upload::Passing(Box::new(passing)), progress)
    }

    /// A body that is here already.
    pub(super) fn whole(body: Bytes) -> Upload {
        Upload::Whole(Full::new(body))
    }

    /// No body.
    pub(super) fn nothing() -> Upload {
        Upload::Whole(Full::new(Bytes::new()))
    }
}

impl Progress {
    /// Of a body that is here already.
    pub(super) fn done() -> Arc<Progress> {
        Arc::new(Progress { is_done: AtomicBool::new(true), ..Progress::default() })
    }

    /// Bytes sent so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether all of it was sent: only then can another request follow on the connection.
    pub(super) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    /// Why it will not be, where the client is the one at fault.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }
}

impl Passing {
    fn fail(&mut self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        // The first fault is the one that is told.
        let _ = self.progress.fault.set(fault);
        Poll::Ready(Some(Err(fault)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = match self.get_mut() {
            Upload::Whole(body) => {
                return Pin::new(body).poll_frame(context).map_err(|never| match never {});
            }
            Upload::Passing(passing) => passing,
        };
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.slow = None;
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let sent = this.progress.bytes.fetch_add(length, Ordering::Relaxed) + length;
                if sent > this.bytes_max {
                    return this.fail(Fault::Long);
                }
                if this.body.is_end_stream() {
                    this.progress.is_done.store(true, Ordering::Relaxed);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => this.fail(Fault::Broken),
            Poll::Ready(None) => {
                this.progress.is_done.store(true, Ordering::Relaxed);
                Poll::Ready(None)
            }
            Poll::Pending => {
                let patience = this.patience;
                let slow = this.slow.get_or_insert_with(|| Box::pin(sleep(patience)));
                match slow.as_mut().poll(context) {
                    Poll::Ready(()) => this.fail(Fault::Slow),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Upload::Whole(body) => body.is_end_stream(),
            Upload::Passing(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Upload::Whole(body) => body.size_hint(),
            Upload::Passing(passing) => passing.body.size_hint(),
        }
    }
}
