//! A session on the wire: bytes to messages and back, and the way in.
//!
//! Owned by whoever uses it: no task drives it, so what it is asked to send leaves, and what was answered
//! arrives, while its owner awaits [`Wire::receive`] or [`Wire::exchange`]. Never opens a socket and never
//! negotiates TLS: [`Opened`] comes with both done. Never interprets what it carries, beyond the start of the
//! session, the server's errors, and whether the server owes an answer.

mod authentication;
mod error;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::{backend, frontend};
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::DatabaseError;
use crate::connect::{ByteStream, Opened};

pub use error::WireError;

/// Nothing that a server says before a session begins is longer.
const GREETING_BYTES_MAX: usize = 1024 * 1024;
/// PostgreSQL builds each message in one allocation, which it limits to 1 GiB.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024 * 1024;

const COPY_BOTH_RESPONSE_TAG: u8 = b'W';

/// One message of the server.
pub enum Frame {
    /// CopyData: a piece of a stream.
    CopyData(Bytes),
    /// CopyBothResponse: streaming begins. Crate `postgres-protocol` does not know it.
    CopyBoth,
    /// Any other.
    Other(backend::Message),
}

/// What a cancel request must name.
#[derive(Clone, Copy)]
pub(crate) struct CancelKey {
    process: i32,
    secret: i32,
}

impl CancelKey {
    /// The request, ready to be sent on a connection of its own.
    pub(crate) fn request(self) -> BytesMut {
        let mut request = BytesMut::new();
        frontend::cancel_request(self.process, self.secret, &mut request);
        request
    }
}

/// What the server said of the transaction when it was last ready for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is none.
    Idle,
    /// There is one, or one that has failed.
    Open,
}

/// What kind of server it is, by what it reports at login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_standby: bool,
    pub(crate) is_read_only: bool,
}

/// A session with a server.
pub struct Wire {
    socket: Box<dyn ByteStream>,
    inbox: BytesMut,
    /// What the first message in the inbox lacks.
    missing: usize,
    outbox: BytesMut,
    unflushed: bool,
    /// A failure to send is told only when there is nothing more to read, because the server's parting
    /// words say more than a broken pipe does.
    send_error: Option<io::Error>,
    message_bytes_max: usize,
    /// How much is read at once. Messages are slices of the buffer they were read into, so that one
    /// allocation serves many.
    read_bytes: usize,
    /// How often the server has yet to say that it is ready.
    owed: usize,
    standing: Standing,
    cancel_key: CancelKey,
    is_standby: bool,
    is_read_only: bool,
}

impl Wire {
    /// Logs in, and returns when the server is ready for a command. `settings` count where `opened` has a
    /// parameter of the same name; `read_bytes` are read at once.
    pub async fn start(
        opened: Opened,
        settings: &[(&str, &str)],
        read_bytes: usize,
    ) -> Result<Wire, WireError> {
        let Opened { stream, login, .. } = opened;
        let mut wire = Wire {
            socket: stream,
            inbox: BytesMut::with_capacity(read_bytes),
            missing: 0,
            outbox: BytesMut::new(),
            unflushed: false,
            send_error: None,
            message_bytes_max: GREETING_BYTES_MAX,
            read_bytes,
            owed: 1,
            standing: Standing::Idle,
            cancel_key: CancelKey { process: 0, secret: 0 },
            is_standby: false,
            is_read_only: false,
        };
        let asked = login.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let who = [("user", login.user.as_str()), ("database", login.database.as_str())];
        // The last of several values counts.
        let all = who.into_iter().chain(asked).chain(settings.iter().copied());
        frontend::startup_message(all, &mut wire.outbox).map_err(WireError::protocol)?;
        wire.authenticate(&login).await?;
        loop {
            match wire.receive().await? {
                Frame::Other(backend::Message::BackendKeyData(body)) => {
                    wire.cancel_key = CancelKey { process: body.process_id(), secret: body.secret_key() };
                }
                Frame::Other(backend::Message::ReadyForQuery(_)) => break,
                _ => return Err(WireError::Protocol("unexpected message after login".to_owned())),
            }
        }
        wire.message_bytes_max = MESSAGE_BYTES_MAX;
        Ok(wire)
    }

    /// Runs one or more commands as plain text and returns their rows, each as its columns' text.
    ///
    /// A refused command leaves the session ready for the next.
    pub async fn command(&mut self, command: &str) -> Result<Vec<Vec<Option<String>>>, WireError> {
        frontend::query(command, &mut self.outbox).map_err(WireError::protocol)?;
        self.owed += 1;
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            match self.receive().await {
                Ok(Frame::Other(backend::Message::DataRow(row))) => rows.push(texts(&row)?),
                Ok(Frame::Other(
                    backend::Message::RowDescription(_)
                    | backend::Message::CommandComplete(_)
                    | backend::Message::EmptyQueryResponse,
                )) => {}
                Ok(Frame::Other(backend::Message::ReadyForQuery(_))) => return refusal.map_or(Ok(rows), Err),
                Ok(_) => {
                    return Err(WireError::Protocol("unexpected message in a command's result".to_owned()));
                }
                // The first says why; of a session that ends there is no other.
                Err(error @ WireError::Refused(_)) => refusal = refusal.or(Some(error)),
                Err(error) => return Err(refusal.unwrap_or(error)),
            }
        }
    }

    /// Asks the server to end what was sent before, to commit it unless a transaction was begun explicitly,
    /// and to say that it is ready.
    pub(crate) fn sync(&mut self) {
        frontend::sync(&mut self.outbox);
        self.owed += 1;
    }

    /// Waits until the server has answered everything, whatever it answers.
    pub(crate) async fn settle(&mut self) -> Result<Standing, WireError> {
        while self.owed > 0 {
            match self.receive().await {
                Ok(_) | Err(WireError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.standing)
    }

    /// Whether the server has yet to say that it is ready.
    pub(crate) fn owes(&self) -> bool {
        self.owed > 0
    }

    /// Whether everything was answered and no transaction is open.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.owed == 0 && self.outbox.is_empty() && self.standing == Standing::Idle
    }

    /// Whether the server has ended the session meanwhile. Asks nobody: what has not arrived is not known.
    pub(crate) fn has_ended(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match self.frame() {
                // A setting that was changed from outside, or a notice, is no end.
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => return true,
            }
            match self.poll_exchange(&mut context) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return true,
            }
        }
    }

    /// Waits for the next message; the server's error is this function's. Cancel safe.
    pub async fn receive(&mut self) -> Result<Frame, WireError> {
        loop {
            match self.frame()? {
                Some(frame) => return Ok(frame),
                None => self.exchange().await?,
            }
        }
    }

    /// Takes a message that has already arrived; the server's error is this function's.
    ///
    /// Notices and changed settings, which may come at any time, are passed over.
    pub fn frame(&mut self) -> Result<Option<Frame>, WireError> {
        loop {
            let Some(header) = backend::Header::parse(&self.inbox).map_err(WireError::protocol)? else {
                return Ok(None);
            };
            let length = usize::try_from(header.len()).map_or(usize::MAX, |length| length + 1);
            if length > self.message_bytes_max {
                return Err(WireError::Protocol(format!("a message of {length} bytes")));
            }
            self.missing = length.saturating_sub(self.inbox.len());
            if self.missing > 0 {
                return Ok(None);
            }
            let mut frame = self.inbox.split_to(length);
            if length > self.read_bytes {
                // Else the buffer that grew for this message would be used again, at its size, for ever.
                let mut rest = BytesMut::with_capacity(self.read_bytes);
                rest.extend_from_slice(&self.inbox);
                self.inbox = rest;
            }
            match header.tag() {
                backend::COPY_DATA_TAG => {
                    frame.advance(5);
                    return Ok(Some(Frame::CopyData(frame.freeze())));
                }
                COPY_BOTH_RESPONSE_TAG => return Ok(Some(Frame::CopyBoth)),
                _ => {}
            }
            let message = backend::Message::parse(&mut frame).map_err(WireError::protocol)?;
            let short = || WireError::Protocol("a message shorter than its header says".to_owned());
            match message.ok_or_else(short)? {
                backend::Message::ErrorResponse(body) => {
                    return Err(WireError::Refused(Box::new(DatabaseError::read(body.fields()))));
                }
                backend::Message::NoticeResponse(body) => {
                    let notice = DatabaseError::read(body.fields());
                    tracing::debug!(%notice, "a notice of the database");
                }
                backend::Message::ParameterStatus(body) => self.note(&body),
                backend::Message::ReadyForQuery(body) => {
                    self.owed = self.owed.saturating_sub(1);
                    self.standing = if body.status() == b'I' { Standing::Idle } else { Standing::Open };
                    return Ok(Some(Frame::Other(backend::Message::ReadyForQuery(body))));
                }
                message => return Ok(Some(Frame::Other(message))),
            }
        }
    }

    /// Servers from 14 on report at login what kind of server they are.
    fn note(&mut self, setting: &backend::ParameterStatusBody) {
        let is_on = setting.value().is_ok_and(|value| value == "on");
        match setting.name() {
            Ok("in_hot_standby") => self.is_standby = is_on,
            Ok("default_transaction_read_only") => self.is_read_only = is_on,
            _ => {}
        }
    }

    /// Whether the server is a standby, and whether transactions may only read unless they say otherwise.
    pub(crate) fn kind(&self) -> Kind {
        Kind { is_standby: self.is_standby, is_read_only: self.is_standby || self.is_read_only }
    }

    pub(crate) fn cancel_key(&self) -> CancelKey {
        self.cancel_key
    }

    /// Where to write what is to be sent.
    pub fn outbox(&mut self) -> &mut BytesMut {
        &mut self.outbox
    }

    /// Sends what the socket takes at once, and does not wait.
    pub async fn offer(&mut self) {
        if self.outbox.is_empty() && !self.unflushed {
            return;
        }
        std::future::poll_fn(|cx| {
            let _later = self.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until something was read; sends meanwhile. Cancel safe.
    pub async fn exchange(&mut self) -> Result<(), WireError> {
        std::future::poll_fn(|cx| self.poll_exchange(cx)).await
    }

    /// Reads and sends in turn, so that two full socket buffers cannot block each other.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        let _later = self.poll_send(cx);
        // Below an eighth a new buffer is taken instead of reading driblets.
        if self.inbox.capacity() - self.inbox.len() < (self.read_bytes / 8).max(self.missing) {
            self.inbox.reserve(self.read_bytes.max(self.missing));
        }
        match ready!(poll_read_buf(Pin::new(&mut *self.socket), cx, &mut self.inbox)) {
            Ok(0) => {
                let source = self.send_error.take();
                Poll::Ready(Err(WireError::Closed { reason: "the server closed it".to_owned(), source }))
            }
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(WireError::closed(error))),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sent = ready!(self.poll_send_all(cx));
        if let Err(error) = sent {
            self.outbox.clear();
            self.unflushed = false;
            self.send_error = Some(error);
        }
        Poll::Ready(())
    }

    fn poll_send_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            self.unflushed = true;
            if ready!(poll_write_buf(Pin::new(&mut *self.socket), cx, &mut self.outbox))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut *self.socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

fn texts(row: &backend::DataRowBody) -> Result<Vec<Option<String>>, WireError> {
    let text = |range: Option<std::ops::Range<usize>>| {
        let bytes = range.and_then(|range| row.buffer().get(range));
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    row.ranges().map(text).collect().map_err(WireError::protocol)
}
