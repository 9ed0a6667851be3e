//! The body of an answer, whole and with its length, or in two pieces with a pause between them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// A body under way.
#[derive(Debug)]
pub(super) struct Pieces {
    first: Option<Bytes>,
    second: Option<(Pin<Box<Sleep>>, Bytes)>,
}

impl Pieces {
    /// The bytes; with a pause, half of them after it.
    pub(super) fn new(mut bytes: Bytes, pause: Option<Duration>) -> Pieces {
        let Some(pause) = pause else { return Pieces { first: Some(bytes), second: None } };
        let rest = bytes.split_off(bytes.len() / 2);
        Pieces { first: Some(bytes), second: Some((Box::pin(tokio::time::sleep(pause)), rest)) }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some((pause, _)) = &mut self.second {
            ready!(pause.as_mut().poll(context));
        }
        Poll::Ready(self.second.take().map(|(_, rest)| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.first, &self.second) {
            (Some(whole), None) => SizeHint::with_exact(whole.len() as u64),
            // Sent in chunks.
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_pause_falls_into_the_middle_and_takes_nothing_away() {
        for (pause, frames) in [(None, 1), (Some(Duration::from_millis(1)), 2)] {
            let mut body = Pieces::new(Bytes::from_static(b"an answer"), pause);
            assert_eq!(body.size_hint().exact(), pause.is_none().then_some(9));
            let mut all = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                all.push(frame.into_data().unwrap_or_default());
            }
            assert_eq!((all.len(), all.concat()), (frames, b"an answer".to_vec()));
        }
    }
}
