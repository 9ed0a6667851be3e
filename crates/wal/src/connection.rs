//! A replication connection: bytes to frames and back, and the way in.
//!
//! Never opens a socket and never negotiates TLS: an [`Endpoint`] comes with both done. Never interprets
//! what it carries, beyond the start of the session and the server's errors.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::{backend, frontend};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::error::{Error, code_and_message};

/// Frames are slices of the buffer they were read into, so that one large allocation serves many.
const READ_BYTES: usize = 256 * 1024;
/// Below this much room a new buffer is taken instead of reading driblets.
const READ_BYTES_MIN: usize = 32 * 1024;
/// Nothing that a server says before streaming is longer.
const GREETING_BYTES_MAX: usize = 1024 * 1024;
/// PostgreSQL builds each message in one allocation, which it limits to 1 GiB.
const FRAME_BYTES_MAX: usize = 1024 * 1024 * 1024;

const COPY_BOTH_RESPONSE_TAG: u8 = b'W';

/// The values in the stream are text, whose form depends on these settings; databases and roles may
/// set others. Names of the catalog's columns and of everything else are UTF-8.
const SETTINGS: [(&str, &str); 8] = [
    ("replication", "database"),
    ("client_encoding", "UTF8"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("statement_timeout", "0"),
];

/// A byte stream to a server: TCP or a Unix-domain socket, under TLS or bare.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// An open socket, before the startup message, and how to log in on it.
pub struct Endpoint {
    /// The socket, after TLS negotiation if there was one.
    pub stream: Box<dyn Socket>,
    /// The hash of the server's certificate (`tls-server-end-point`), for SCRAM channel binding.
    pub channel_binding: Option<Vec<u8>>,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Option<Vec<u8>>,
    /// The database whose changes are wanted.
    pub database: String,
    /// Further startup parameters, such as `application_name` and `options`.
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// One message of the server.
pub(crate) enum Frame {
    /// CopyData: a piece of the stream.
    CopyData(Bytes),
    /// CopyBothResponse: streaming begins. Crate `postgres-protocol` does not know it.
    CopyBoth,
    /// Any other.
    Other(backend::Message),
}

/// A session in replication mode.
pub(crate) struct Connection {
    socket: Box<dyn Socket>,
    inbox: BytesMut,
    /// What the first frame in the inbox lacks.
    missing: usize,
    outbox: BytesMut,
    unflushed: bool,
    /// A failure to send is told only when there is nothing more to read, because the server's parting
    /// words say more than a broken pipe does.
    send_error: Option<io::Error>,
    frame_bytes_max: usize,
}

impl Connection {
    /// Logs in, and returns when the server is ready for a command.
    pub(crate) async fn start(endpoint: Endpoint) -> Result<Connection, Error> {
        let Endpoint { stream, channel_binding, user, password, database, parameters } = endpoint;
        let mut connection = Connection {
            socket: stream,
            inbox: BytesMut::with_capacity(READ_BYTES),
            missing: 0,
            outbox: BytesMut::new(),
            unflushed: false,
            send_error: None,
            frame_bytes_max: GREETING_BYTES_MAX,
        };
        let asked = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let who = [("user", user.as_str()), ("database", database.as_str())];
        // The last of several values counts.
        let all = who.into_iter().chain(asked).chain(SETTINGS);
        frontend::startup_message(all, &mut connection.outbox).map_err(Error::protocol)?;
        connection.authenticate(&user, password.as_deref(), channel_binding).await?;
        loop {
            match connection.receive().await? {
                Frame::Other(backend::Message::BackendKeyData(_)) => {}
                Frame::Other(backend::Message::ReadyForQuery(_)) => return Ok(connection),
                _ => return Err(Error::Protocol("unexpected message after login".to_owned())),
            }
        }
    }

    /// Runs one command and returns its rows, each as its columns' text.
    ///
    /// A refused command leaves the connection ready for the next.
    pub(crate) async fn command(&mut self, command: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        frontend::query(command, &mut self.outbox).map_err(Error::protocol)?;
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            match self.receive().await {
                Ok(Frame::Other(backend::Message::DataRow(row))) => rows.push(texts(&row)?),
                Ok(Frame::Other(
                    backend::Message::RowDescription(_) | backend::Message::CommandComplete(_),
                )) => {}
                Ok(Frame::Other(backend::Message::ReadyForQuery(_))) => return refusal.map_or(Ok(rows), Err),
                Ok(_) => return Err(Error::Protocol("unexpected message in a command's result".to_owned())),
                Err(error @ Error::Refused { .. }) => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs `START_REPLICATION`, after which only pieces of the stream come.
    pub(crate) async fn start_copy(&mut self, command: &str) -> Result<(), Error> {
        frontend::query(command, &mut self.outbox).map_err(Error::protocol)?;
        match self.receive().await? {
            Frame::CopyBoth => {
                self.frame_bytes_max = FRAME_BYTES_MAX;
                Ok(())
            }
            _ => Err(Error::Protocol("replication did not start".to_owned())),
        }
    }

    /// Waits for the next message; the server's error is this function's.
    pub(crate) async fn receive(&mut self) -> Result<Frame, Error> {
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
    pub(crate) fn frame(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            let Some(header) = backend::Header::parse(&self.inbox).map_err(Error::protocol)? else {
                return Ok(None);
            };
            let length = usize::try_from(header.len()).map_or(usize::MAX, |length| length + 1);
            if length > self.frame_bytes_max {
                return Err(Error::Protocol(format!("a message of {length} bytes")));
            }
            self.missing = length.saturating_sub(self.inbox.len());
            if self.missing > 0 {
                return Ok(None);
            }
            let mut frame = self.inbox.split_to(length);
            if length > READ_BYTES {
                // Else the buffer that grew for this frame would be used again, at its size, for ever.
                let mut rest = BytesMut::with_capacity(READ_BYTES);
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
            match backend::Message::parse(&mut frame).map_err(Error::protocol)? {
                Some(backend::Message::ErrorResponse(body)) => return Err(Error::refused(&body)),
                Some(backend::Message::NoticeResponse(body)) => {
                    let (code, message) = code_and_message(body.fields());
                    tracing::debug!(code, message, "notice on the replication connection");
                }
                Some(backend::Message::ParameterStatus(_)) => {}
                Some(message) => return Ok(Some(Frame::Other(message))),
                None => return Err(Error::Protocol("a message shorter than its header says".to_owned())),
            }
        }
    }

    /// Where to write what is to be sent.
    pub(crate) fn outbox(&mut self) -> &mut BytesMut {
        &mut self.outbox
    }

    /// Sends what the socket takes at once, and does not wait.
    pub(crate) async fn offer(&mut self) {
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
    pub(crate) async fn exchange(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_exchange(cx)).await
    }

    /// Reads and sends in turn, so that two full socket buffers cannot block each other.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let _later = self.poll_send(cx);
        if self.inbox.capacity() - self.inbox.len() < READ_BYTES_MIN.max(self.missing) {
            self.inbox.reserve(READ_BYTES.max(self.missing));
        }
        match ready!(poll_read_buf(Pin::new(&mut *self.socket), cx, &mut self.inbox)) {
            Ok(0) => {
                let source = self.send_error.take();
                let reason = "the server closed it".to_owned();
                Poll::Ready(Err(Error::Closed { reason, source }))
            }
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(Error::closed(error))),
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

fn texts(row: &backend::DataRowBody) -> Result<Vec<Option<String>>, Error> {
    use fallible_iterator::FallibleIterator;
    let text = |range: Option<std::ops::Range<usize>>| {
        let bytes = range.and_then(|range| row.buffer().get(range));
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    row.ranges().map(text).collect().map_err(Error::protocol)
}
