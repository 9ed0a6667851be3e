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
    heads: Heads,
    /// What was read and did not fit into the reader's buffer once written out.
    left: Vec<u8>,
}

/// Where in the requests the next byte is.
struct Heads {
    place: Place,
    /// The first bytes of the header's line.
    name: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a request line, or before one.
    Line,
    /// In a header's line.
    Header,
    /// Where nothing is changed any more.
    Beyond,
}

impl<S> Lenient<S> {
    pub(crate) fn new(socket: S) -> Lenient<S> {
        let heads = Heads { place: Place::Line, name: Vec::with_capacity(NAME_BYTES) };
        Lenient { socket, heads, left: Vec::new() }
    }
}

impl Heads {
    /// Passes bytes on, with request lines written out.
    fn write_out(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match self.place {
                Place::Line => line.iter().for_each(|byte| match byte {
                    b'<' => out.extend(b"%3C"),
                    b'>' => out.extend(b"%3E"),
                    &byte => out.push(byte),
                }),
                Place::Header | Place::Beyond => out.extend(line),
            }
            self.follow(line);
        }
        out
    }

    /// Follows bytes that are passed on as they are.
    fn follow(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let ends = line.ends_with(b"\n");
            match self.place {
                Place::Line if ends => self.place = Place::Header,
                Place::Line => {}
                Place::Header => {
                    let name = line.iter().filter(|&&byte| byte != b'\n' && byte != b'\r');
                    let room = NAME_BYTES - self.name.len();
                    self.name.extend(name.take(room).map(u8::to_ascii_lowercase));
                    if ends {
                        self.place = self.after_header();
                        self.name.clear();
                    }
                }
                Place::Beyond => return,
            }
        }
    }

    fn after_header(&self) -> Place {
        if self.name.is_empty() {
            // An empty line: the head has ended, and without a body the next request begins.
            Place::Line
        } else if ENDS_LENIENCE.iter().any(|header| self.name.starts_with(header)) {
            Place::Beyond
        } else {
            Place::Header
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
            if this.heads.place == Place::Beyond {
                return Poll::Ready(Ok(()));
            }
            let read = &buffer.filled()[before..];
            if !read.contains(&b'<') && !read.contains(&b'>') {
                this.heads.follow(read);
                return Poll::Ready(Ok(()));
            }
            this.left = this.heads.write_out(read);
            buffer.set_filled(before);
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
