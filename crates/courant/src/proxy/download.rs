//! A response's body on its way from an upstream. When it has ended, its connection serves another request; when
//! it is dropped before, the connection is closed, which tells the upstream that nobody listens.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::connections::Lease;
use crate::response::Cut;

/// A response's body.
pub(super) struct Download {
    body: Incoming,
    lease: Option<Lease>,
    patience: Duration,
    slow: Option<Pin<Box<Sleep>>>,
}

impl Download {
    pub(super) fn new(body: Incoming, lease: Lease, patience: Duration) -> Download {
        let mut download = Download { body, lease: Some(lease), patience, slow: None };
        download.release_at_end();
        download
    }

    /// The connection it comes on, for whoever takes it over.
    pub(super) fn into_lease(self) -> Option<Lease> {
        self.lease
    }

    fn release_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.slow = None;
                this.release_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                if let Some(lease) = this.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => {
                this.lease = None;
                Poll::Ready(Some(Err(Cut::Broken)))
            }
            Poll::Pending => {
                let patience = this.patience;
                let slow = this.slow.get_or_insert_with(|| Box::pin(sleep(patience)));
                match slow.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(Cut::Slow))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
