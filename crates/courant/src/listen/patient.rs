//! A socket that waits for a client only so long: one that takes nothing of its answer is cut.
//!
//! Never looks at what passes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// A time that has begun, or not.
pub(super) type Timer = Option<Pin<Box<Sleep>>>;

/// A socket whose writes end in an error in place of waiting any longer.
pub(super) struct Patient<S> {
    socket: S,
    write_timeout: Duration,
    slow_reader: Timer,
}

impl<S> Patient<S> {
    pub(super) fn new(socket: S, write_timeout: Duration) -> Patient<S> {
        Patient { socket, write_timeout, slow_reader: None }
    }

    fn taken(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if sent.is_ready() {
            self.slow_reader = None;
            return sent;
        }
        if is_over(&mut self.slow_reader, self.write_timeout, context) {
            let why = "the client took nothing of its answer in time (http.write_timeout_ms)";
            tracing::debug!("{why}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.taken(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.taken(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    // What TLS has coded and the kernel not yet taken waits here.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(context);
        self.taken(context, flushed.map_ok(|()| 0)).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(context);
        self.taken(context, shut.map_ok(|()| 0)).map_ok(|_| ())
    }
}

/// How long nothing has come. Its timer is set once for many silences: most end long before it.
#[derive(Default)]
pub(super) struct Silence {
    since: Option<Instant>,
    timer: Timer,
}

impl Silence {
    /// Something came.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// Whether a silence, which begins with the first call, has lasted so long; wakes the caller when it has.
    pub(super) fn is_over(&mut self, after: Duration, context: &mut Context<'_>) -> bool {
        let end = *self.since.get_or_insert_with(Instant::now) + after;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(context).is_ready() {
            if end <= Instant::now() {
                return true;
            }
            timer.as_mut().reset(end);
        }
        false
    }
}

/// Whether a time is over that begins with the first call; wakes the caller when it is.
pub(super) fn is_over(timer: &mut Timer, after: Duration, context: &mut Context<'_>) -> bool {
    timer.get_or_insert_with(|| Box::pin(sleep(after))).as_mut().poll(context).is_ready()
}
