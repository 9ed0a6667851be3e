//! Request targets as people write them: `select=data->>name` reaches us with its bare `>`, which is not a
//! URI, and which PostgREST's documentation is full of.
//!
//! [`Lenient`] reads a socket and writes `<` and `>` of request lines as `%3C` and `%3E`. It changes no length
//! that matters: it stops, for good, at the first request that may have a body, so no byte of a body is ever
//! touched and nobody can disagree about where a request begins.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a header's name that are looked at: enough for the names below.
const NAME_BYTES: usize = 18;
/// Headers after which more may come than a head.
const ENDS_LENIENCE: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"upgrade"];

/// A socket whose request lines may hold `<` and `>`.
pub(crate) struct Lenient<S> {
    socket: S,
    place: Place,
    /// What was read and did not fit into the reader's buffer once written out.
    left: Vec<u8>,
}

/// Where in the requests the next byte is.
enum Place {
    /// In a request line, or before one.
    Line,
    /// In a header's line, with the first bytes of it.
    Header(Vec<u8>),
    /// Where nothing is changed any more.
    Beyond,
}

impl<S> Lenient<S> {
    pub(crate) fn new(socket: S) -> Lenient<S> {
        Lenient { socket, place: Place::Line, left: Vec::new() }
    }
}

impl Place {
    /// Passes a byte on, as it is or written out.
    fn pass(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (&mut *self, byte) {
            (Place::Line, b'<') => out.extend(b"%3C"),
            (Place::Line, b'>') => out.extend(b"%3E"),
            (_, byte) => out.push(byte),
        }
        match self {
            Place::Line if byte == b'\n' => *self = Place::Header(Vec::with_capacity(NAME_BYTES)),
            Place::Line | Place::Beyond => {}
            Place::Header(name) => match byte {
                // An empty line: the head has ended, and without a body the next request begins.
                b'\n' if name.is_empty() => *self = Place::Line,
                b'\n' if ENDS_LENIENCE.iter().any(|header| name.starts_with(header)) => *self = Place::Beyond,
                b'\n' => name.clear(),
                b'\r' => {}
                byte if name.len() < NAME_BYTES => name.push(byte.to_ascii_lowercase()),
                _ => {}
            },
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.left.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
            if matches!(this.place, Place::Beyond) || buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            let read = &buffer.filled()[before..];
            let mut out = Vec::with_capacity(read.len());
            read.iter().for_each(|&byte| this.place.pass(byte, &mut out));
            buffer.set_filled(before);
            this.left = out;
        }
        let fits = this.left.len().min(buffer.remaining());
        buffer.put_slice(&this.left[..fits]);
        this.left.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
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
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::Lenient;

    async fn read(sent: &str) -> String {
        let mut read = String::new();
        Lenient::new(sent.as_bytes()).read_to_string(&mut read).await.unwrap();
        read
    }

    #[tokio::test]
    async fn request_lines_are_written_out_and_headers_are_not() {
        let sent = "GET /t?select=a->>b HTTP/1.1\r\nX: <1>\r\n\r\nGET /t?a->b=eq.1 HTTP/1.1\r\n\r\n";
        let expected =
            "GET /t?select=a-%3E%3Eb HTTP/1.1\r\nX: <1>\r\n\r\nGET /t?a-%3Eb=eq.1 HTTP/1.1\r\n\r\n";
        assert_eq!(read(sent).await, expected);
    }

    #[tokio::test]
    async fn no_byte_is_changed_from_the_first_body_on() {
        for header in ["Content-Length: 3", "CONTENT-LENGTH:3", "transfer-encoding: chunked"] {
            let after = format!("{header}\r\n\r\n<a>\nGET /t?a->b=eq.1 HTTP/1.1\r\n\r\n");
            let read = read(&format!("POST /t?a->b=eq.1 HTTP/1.1\r\nHost: x\r\n{after}")).await;
            assert_eq!(read, format!("POST /t?a-%3Eb=eq.1 HTTP/1.1\r\nHost: x\r\n{after}"));
        }
    }
}
