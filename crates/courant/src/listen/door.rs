//! The door of a connection: a socket that hands hyper whole, sound heads, and cuts clients that take their
//! time.
//!
//! A head that is refused is replaced by a request of our own ([`REFUSED`]), so that the refusal is answered
//! in its turn, after the requests before it. Bodies of a known length pass by count. After the first body in
//! chunks nothing is looked at any more, for good: no byte of a body is ever changed, and nobody can disagree
//! about where a request begins; nor after an upgrade that was granted. Never parses what a request means.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::head::{Framing, Head};
use crate::failure::Failure;

/// The method of the request that stands for a refused one.
pub(super) const REFUSED: &str = "REFUSED";
const STAND_IN: &[u8] = b"REFUSED / HTTP/1.1\r\nconnection: close\r\n\r\n";
/// What a client still sends after its last answer is read and thrown away, so much and so long: closed at
/// once, its kernel would be told to forget the answer.
const LINGER_BYTES_MAX: usize = 1 << 20;
const LINGER_MAX: Duration = Duration::from_secs(1);

/// What bounds a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Bytes of a head.
    pub(super) header_bytes_max: usize,
    /// From a head's first byte to its last.
    pub(super) header_timeout: Duration,
    /// Between two bytes of an answer that the client takes.
    pub(super) write_timeout: Duration,
}

/// A socket behind a door.
pub(super) struct Door<S> {
    socket: S,
    patience: Patience,
    place: Place,
    head: Head,
    /// Read, and not looked at.
    raw: BytesMut,
    /// Looked at, and not yet handed over.
    sound: BytesMut,
    slow_head: Timer,
    slow_reader: Timer,
    linger: Timer,
    lingered_bytes: usize,
    is_shut: bool,
    refused: Arc<OnceLock<Failure>>,
    upgraded: Arc<AtomicBool>,
}

type Timer = Option<Pin<Box<Sleep>>>;

/// Where in the requests the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a head, or before one.
    Head,
    /// In a body with so many bytes to come.
    Body(u64),
    /// Where nothing is looked at any more.
    Beyond,
    /// After a head that was refused: whatever comes is thrown away.
    Refused,
}

impl<S> Door<S> {
    pub(super) fn new(socket: S, patience: Patience) -> Door<S> {
        Door {
            socket,
            patience,
            place: Place::Head,
            head: Head::default(),
            raw: BytesMut::new(),
            sound: BytesMut::new(),
            slow_head: None,
            slow_reader: None,
            linger: None,
            lingered_bytes: 0,
            is_shut: false,
            refused: Arc::default(),
            upgraded: Arc::default(),
        }
    }

    /// To be set when an upgrade is granted: what comes after it is no request.
    pub(super) fn upgraded(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.upgraded)
    }

    /// Why a request of this connection was refused, once one was.
    pub(super) fn refused(&self) -> Arc<OnceLock<Failure>> {
        Arc::clone(&self.refused)
    }

    /// What was taken for the begin of a head belongs to another protocol.
    fn stand_aside(&mut self) {
        self.place = Place::Beyond;
        self.slow_head = None;
        self.sound.extend_from_slice(&self.head.give_up());
    }

    /// Looks at what was read, up to a head's end.
    fn look(&mut self) {
        let bytes_max = self.patience.header_bytes_max;
        let (taken, is_whole) = self.head.take(&self.raw, bytes_max);
        self.raw.advance(taken);
        if self.head.len() > bytes_max {
            return self.refuse(Failure::TooLarge {
                status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                what: "the request's head",
                key: "http.header_bytes_max",
                bytes_max,
            });
        }
        if !is_whole {
            if let Err(failure) = self.head.may_become_one() {
                self.refuse(failure);
            }
            return;
        }
        self.slow_head = None;
        match self.head.finish() {
            Ok((head, framing)) => {
                self.sound.extend_from_slice(&head);
                self.place = match framing {
                    Framing::Length(0) => Place::Head,
                    Framing::Length(length) => Place::Body(length),
                    Framing::Chunked => Place::Beyond,
                };
            }
            Err(failure) => self.refuse(failure),
        }
    }

    /// The client has ended in the middle of a head; it may still listen.
    fn end(&mut self) {
        if let Err(failure) = self.head.finish() {
            self.refuse(failure);
        }
    }

    fn refuse(&mut self, failure: Failure) {
        tracing::debug!(%failure, "refused a request's head");
        // The first refusal is the last thing a connection hears.
        let _ = self.refused.set(failure);
        self.place = Place::Refused;
        self.slow_head = None;
        self.raw.clear();
        self.sound.extend_from_slice(STAND_IN);
    }

    /// Counts bytes of a body that were handed over; what lies beyond its end goes back to be looked at.
    fn count(&mut self, before: usize, buffer: &mut ReadBuf<'_>) {
        let Place::Body(left) = self.place else { return };
        let read = (buffer.filled().len() - before) as u64;
        if read > left {
            let end = before + left as usize;
            self.raw.extend_from_slice(&buffer.filled()[end..]);
            buffer.set_filled(end);
        }
        self.place = if read >= left { Place::Head } else { Place::Body(left - read) };
    }
}

impl<S: AsyncRead + Unpin> Door<S> {
    /// Reads into `raw`; how many bytes, none at the end.
    fn more(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.raw.extend_from_slice(&buffer.filled()[before..]);
        buffer.set_filled(before);
        Poll::Ready(Ok(read))
    }

    /// Whether a head was begun too long ago; wakes the reader when it was.
    fn is_slow(&mut self, context: &mut Context<'_>) -> bool {
        self.head.len() > 0 && is_over(&mut self.slow_head, self.patience.header_timeout, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Door<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.sound.is_empty() {
                let fits = this.sound.len().min(buffer.remaining());
                buffer.put_slice(&this.sound[..fits]);
                this.sound.advance(fits);
                return Poll::Ready(Ok(()));
            }
            if this.place == Place::Head && this.upgraded.load(Ordering::Relaxed) {
                this.stand_aside();
                continue;
            }
            match this.place {
                Place::Head if this.raw.is_empty() => match this.more(context, buffer) {
                    Poll::Ready(Ok(0)) if this.head.len() == 0 => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(0)) => this.end(),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if this.is_slow(context) => this.refuse(Failure::HeadSlow),
                    Poll::Pending => return Poll::Pending,
                },
                Place::Head => this.look(),
                Place::Refused => {
                    if ready!(this.more(context, buffer))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    this.raw.clear();
                }
                Place::Body(_) | Place::Beyond => {
                    let before = buffer.filled().len();
                    if this.raw.is_empty() {
                        ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
                    } else {
                        let fits = this.raw.len().min(buffer.remaining());
                        buffer.put_slice(&this.raw.split_to(fits));
                    }
                    // What `count` gives back comes before what is left in `raw`, if anything is.
                    let rest = this.raw.split();
                    this.count(before, buffer);
                    this.raw.unsplit(rest);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Door<S> {
    /// An error in place of waiting any longer for a client that takes nothing.
    fn taken(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if sent.is_ready() {
            self.slow_reader = None;
            return sent;
        }
        if is_over(&mut self.slow_reader, self.patience.write_timeout, context) {
            let why = "the client took nothing of its answer in time (http.write_timeout_ms)";
            tracing::debug!("{why}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Door<S> {
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

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut {
            ready!(Pin::new(&mut this.socket).poll_shutdown(context))?;
            this.is_shut = true;
        }
        if this.place == Place::Head {
            return Poll::Ready(Ok(()));
        }
        while this.lingered_bytes < LINGER_BYTES_MAX {
            let mut space = [0; 4096];
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut this.socket).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    this.lingered_bytes += buffer.filled().len();
                }
                Poll::Pending if !is_over(&mut this.linger, LINGER_MAX, context) => return Poll::Pending,
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether a time is over that begins with the first call; wakes the caller when it is.
fn is_over(timer: &mut Timer, after: Duration, context: &mut Context<'_>) -> bool {
    timer.get_or_insert_with(|| Box::pin(sleep(after))).as_mut().poll(context).is_ready()
}

#[cfg(test)]
mod tests;
