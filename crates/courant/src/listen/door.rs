//! The door of a connection: a socket that hands hyper whole, sound heads, and cuts clients that take their
//! time.
//!
//! A head that is refused is replaced by a request of our own ([`REFUSED`]), so that the refusal is answered
//! in its turn, after the requests before it. Bodies pass by count, those in chunks line by line between their
//! data; one that is framed wrongly ends where the fault is, unfinished. No byte of a body is ever changed, and
//! nobody can disagree about where the next request begins. After an upgrade that was granted nothing is looked at any
//! more. Never parses what a request means.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunks::{Chunks, Next};
use super::head::Head;
use super::judgement::Framing;
use super::patient::{Patient, Silence, Timer, is_over};
use super::shortcut::{Recalled, Shortcut};
use crate::failure::Failure;
use crate::telemetry::guard::Refused;

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
    /// From the end of an answer, or the connection's begin, to the next head.
    pub(super) idle_timeout: Duration,
    /// Between two bytes of an answer that the client takes.
    pub(super) write_timeout: Duration,
}

/// A socket behind a door.
pub(super) struct Door<S, T> {
    socket: Patient<S>,
    patience: Patience,
    place: Place,
    shortcut: Shortcut,
    head: Head,
    chunks: Chunks,
    /// Read, and not looked at.
    raw: BytesMut,
    /// Looked at, and not yet handed over.
    sound: BytesMut,
    slow_head: Timer,
    silence: Silence,
    linger: Timer,
    lingered_bytes: usize,
    is_shut: bool,
    /// Whether what was refused is the body that is being read.
    is_cut: bool,
    refused: Arc<OnceLock<Failure>>,
    upgraded: Arc<AtomicBool>,
    /// Whom refusals are told.
    tell: T,
}

/// Where in the requests the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a head, or before one.
    Head,
    /// In a body with so many bytes to come.
    Body(u64),
    /// In the data of a chunk with so many bytes to come.
    Chunk(u64),
    /// In a line between the data of two chunks, or after the last.
    ChunkLine,
    /// After an upgrade: another protocol.
    Beyond,
    /// After what was refused: whatever comes is thrown away.
    Refused,
}

impl<S, T: Fn(Refused, &Failure)> Door<S, T> {
    pub(super) fn new(socket: S, patience: Patience, shortcut: Shortcut, tell: T) -> Door<S, T> {
        Door {
            socket: Patient::new(socket, patience.write_timeout),
            patience,
            place: Place::Head,
            shortcut,
            head: Head::default(),
            chunks: Chunks::default(),
            raw: BytesMut::new(),
            sound: BytesMut::new(),
            slow_head: None,
            silence: Silence::default(),
            linger: None,
            lingered_bytes: 0,
            is_shut: false,
            is_cut: false,
            refused: Arc::default(),
            upgraded: Arc::default(),
            tell,
        }
    }

    /// To be set when an upgrade is granted: what comes after it is no request.
    pub(super) fn upgraded(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.upgraded)
    }

    /// What was taken for the begin of a head belongs to another protocol.
    fn stand_aside(&mut self) {
        self.place = Place::Beyond;
        self.slow_head = None;
        self.sound.extend_from_slice(&self.head.give_up());
    }

    /// Why a request of this connection was refused, once one was.
    pub(super) fn refused(&self) -> Arc<OnceLock<Failure>> {
        Arc::clone(&self.refused)
    }

    /// Looks at what was read, up to a head's end.
    fn look(&mut self) {
        let bytes_max = self.patience.header_bytes_max;
        let (taken, is_whole) = match self.head.take(&self.raw, bytes_max) {
            Ok(gathered) => gathered,
            Err(failure) => return self.refuse(failure),
        };
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
        let name = match self.shortcut.take(self.head.bytes()) {
            // One that was answered before was sound, and had no body.
            Recalled::Answer(()) => return self.head.forget(),
            Recalled::Unknown(name) => name,
        };
        match self.head.finish(&mut self.sound) {
            Ok(Framing::Length(0)) => self.shortcut.hand_on(name),
            Ok(Framing::Length(length)) => {
                self.shortcut.hand_on(None);
                self.place = Place::Body(length);
            }
            Ok(Framing::Chunked) => {
                self.shortcut.hand_on(None);
                self.chunks = Chunks::default();
                self.place = Place::ChunkLine;
            }
            Err(failure) => self.refuse(failure),
        }
    }

    /// Looks at what was read, up to the end of a line between chunks.
    fn look_between(&mut self) {
        match self.chunks.take(&mut self.raw, &mut self.sound) {
            Ok(Next::Line) => {}
            Ok(Next::Data(bytes)) => self.place = Place::Chunk(bytes),
            Ok(Next::End) => self.place = Place::Head,
            Err(failure) => self.refuse_body(failure),
        }
    }

    /// The client has ended in the middle of a head; it may still listen.
    fn end(&mut self) {
        if let Err(failure) = self.head.finish(&mut self.sound) {
            self.refuse(failure);
        }
    }

    fn refuse(&mut self, failure: Failure) {
        self.shortcut.hand_on(None);
        self.note(Refused::Head, failure);
        self.slow_head = None;
        self.sound.extend_from_slice(STAND_IN);
    }

    /// Whoever reads the body finds that it ends too early, and answers that.
    fn refuse_body(&mut self, failure: Failure) {
        self.note(Refused::Body, failure);
        self.is_cut = true;
    }

    fn note(&mut self, what: Refused, failure: Failure) {
        (self.tell)(what, &failure);
        // The first refusal is the last thing a connection hears.
        let _ = self.refused.set(failure);
        self.place = Place::Refused;
        self.raw.clear();
    }

    /// Counts bytes of a body that were handed over; what lies beyond its end goes back to be looked at.
    fn count(&mut self, before: usize, buffer: &mut ReadBuf<'_>) {
        let (Place::Body(left) | Place::Chunk(left)) = self.place else { return };
        let read = (buffer.filled().len() - before) as u64;
        if read > left {
            let end = before + left as usize;
            self.raw.extend_from_slice(&buffer.filled()[end..]);
            buffer.set_filled(end);
        }
        self.place = match (self.place, left.saturating_sub(read)) {
            (Place::Body(_), 0) => Place::Head,
            (Place::Body(_), left) => Place::Body(left),
            (_, 0) => Place::ChunkLine,
            (_, left) => Place::Chunk(left),
        };
    }
}

impl<S: AsyncRead + Unpin, T: Fn(Refused, &Failure)> Door<S, T> {
    /// Reads into `raw`; how many bytes, none at the end.
    fn more(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.raw.extend_from_slice(&buffer.filled()[before..]);
        buffer.set_filled(before);
        Poll::Ready(Ok(read))
    }

    /// Whether nobody has wanted anything for too long; wakes the reader when it is.
    fn is_silent(&mut self, context: &mut Context<'_>) -> bool {
        let is_idle = self.head.len() == 0 && self.shortcut.is_alone();
        is_idle && self.silence.is_over(self.patience.idle_timeout, context)
    }

    /// Whether a head was begun too long ago; wakes the reader when it was.
    fn is_slow(&mut self, context: &mut Context<'_>) -> bool {
        self.head.len() > 0 && is_over(&mut self.slow_head, self.patience.header_timeout, context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Fn(Refused, &Failure) + Unpin> AsyncRead for Door<S, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            ready!(this.shortcut.poll_send(&mut this.socket, context))?;
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
                    Poll::Ready(Ok(_)) => this.silence.end(),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    // To hyper its client has gone.
                    Poll::Pending if this.is_silent(context) => return Poll::Ready(Ok(())),
                    Poll::Pending if this.is_slow(context) => this.refuse(Failure::HeadSlow),
                    Poll::Pending => return Poll::Pending,
                },
                Place::Head => this.look(),
                Place::ChunkLine if this.raw.is_empty() => {
                    if ready!(this.more(context, buffer))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Place::ChunkLine => this.look_between(),
                // A body that ends too early ends for good.
                Place::Refused if this.is_cut => return Poll::Ready(Ok(())),
                Place::Refused => {
                    if ready!(this.more(context, buffer))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    this.raw.clear();
                }
                Place::Body(_) | Place::Chunk(_) | Place::Beyond => {
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

impl<S: AsyncRead + AsyncWrite + Unpin, T: Unpin> AsyncWrite for Door<S, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Before the socket's own: that of one without TLS is always done, and ends the wait for a slow client.
        ready!(this.shortcut.poll_send(&mut this.socket, context))?;
        ready!(Pin::new(&mut this.socket).poll_flush(context))?;
        this.shortcut.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut {
            ready!(this.shortcut.poll_send(&mut this.socket, context))?;
            ready!(Pin::new(&mut this.socket).poll_shutdown(context))?;
            this.is_shut = true;
        }
        if this.place == Place::Head && this.raw.is_empty() {
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

#[cfg(test)]
mod tests;
