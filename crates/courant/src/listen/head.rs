//! A request's head, gathered and judged before hyper reads it: what hyper would refuse without a word is
//! refused here with one, and what two readers could frame in two ways is not let in at all.
//!
//! Request targets come as people write them: `select=data->>name` has a bare `>`, which is not a URI, and
//! which PostgREST's documentation is full of. `<` and `>` of request lines are written as `%3C` and `%3E`;
//! no other byte is changed. Never reads a socket, never sees a body.

use std::mem::MaybeUninit;

use http::{Method, StatusCode, Uri};
use httparse::{Error, Status};

use crate::failure::Failure;

/// Headers of one request; hyper's own bound.
pub(crate) const HEADERS_MAX: usize = 100;
/// Bytes of a header's name. Past 65,535 the parsers behind would end in an error of their own.
const NAME_BYTES_MAX: usize = 1024;
/// What `http::Uri` can hold.
const TARGET_BYTES_MAX: usize = u16::MAX as usize - 1;

/// What comes after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes of body; mostly none.
    Length(u64),
    /// A body in chunks, whose end is for hyper to find.
    Chunked,
}

/// A head that is being gathered.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Where its last line begins; the first one is the request line.
    line_from: usize,
    /// At this length it is looked at again, although it is not whole.
    look_at: usize,
}

impl Head {
    /// How much was gathered.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what belongs to this head, but not far beyond `bytes_max`: how many bytes were taken, and
    /// whether it is whole.
    pub(super) fn take(&mut self, input: &[u8], bytes_max: usize) -> (usize, bool) {
        let mut taken = 0;
        while taken < input.len() && self.len() <= bytes_max {
            let rest = &input[taken..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let piece = &rest[..end.map_or(rest.len(), |end| end + 1)];
            taken += piece.len();
            self.write(piece);
            if end.is_none() {
                continue;
            }
            let is_empty = matches!(&self.bytes[self.line_from..], b"\n" | b"\r\n");
            match (is_empty, self.line_from) {
                // RFC 9112, section 2.2: empty lines before a request line are ignored.
                (true, 0) => self.bytes.clear(),
                (true, _) => return (taken, true),
                (false, _) => self.line_from = self.len(),
            }
        }
        (taken, false)
    }

    fn write(&mut self, piece: &[u8]) {
        if self.line_from > 0 {
            return self.bytes.extend_from_slice(piece);
        }
        for &byte in piece {
            match byte {
                b'<' => self.bytes.extend(b"%3C"),
                b'>' => self.bytes.extend(b"%3E"),
                byte => self.bytes.push(byte),
            }
        }
    }

    /// Whether the part that is here can still become a request. Looks each time the head has doubled, so
    /// that a head which comes byte by byte is not read over and over.
    pub(super) fn may_become_one(&mut self) -> Result<(), Failure> {
        if self.len() < self.look_at {
            return Ok(());
        }
        self.look_at = 2 * self.len();
        judge(&self.bytes).map(drop)
    }

    /// What was gathered, for whom it is no head.
    pub(super) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(self).bytes
    }

    /// The whole head, and what comes after it.
    pub(super) fn finish(&mut self) -> Result<(Vec<u8>, Framing), Failure> {
        let head = std::mem::take(self).bytes;
        match judge(&head)? {
            Some(framing) => Ok((head, framing)),
            None => Err(malformed("it has no end")),
        }
    }
}

/// What comes after a head, if it is a whole one.
fn judge(head: &[u8]) -> Result<Option<Framing>, Failure> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) if length == head.len() => {
            resource(&request)?;
            framing(&request).map(Some)
        }
        Ok(Status::Complete(_)) => Err(malformed("it has an end before its end")),
        Err(Error::TooManyHeaders) => {
            Err(refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "it has more than 100 headers"))
        }
        Err(Error::Version) => {
            Err(refused(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "its version is not HTTP/1.1 or HTTP/1.0"))
        }
        Err(Error::HeaderName) => Err(malformed("a header's name holds a forbidden character")),
        Err(Error::HeaderValue) => Err(malformed("a header's value holds a forbidden character")),
        Err(Error::NewLine) => Err(malformed("a line does not end as it should")),
        Err(Error::Token | Error::Status) => Err(malformed("its first line is no request line")),
    }
}

/// Refuses methods and targets that the types behind cannot hold.
fn resource(request: &httparse::Request<'_, '_>) -> Result<(), Failure> {
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT) => return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "this is no proxy")),
        Ok(_) => {}
        Err(_) => return Err(malformed("its method is none")),
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(refused(StatusCode::URI_TOO_LONG, "its target is longer than any limit allows"));
    }
    Uri::try_from(target).map(drop).map_err(|_| malformed("its target is no URI"))
}

/// RFC 9112, section 6.3, without its leniences: a length and chunks at once, two lengths even if equal, or
/// a coding that is not `chunked` alone, are read differently by different servers.
fn framing(request: &httparse::Request<'_, '_>) -> Result<Framing, Failure> {
    let (mut length, mut chunked) = (None, false);
    for header in &*request.headers {
        if header.name.len() > NAME_BYTES_MAX {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(refused(status, "a header's name is longer than 1024 bytes"));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or_default();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // The greatest three numbers have a meaning of their own in hyper.
            let number = text.parse().ok().filter(|number| digits && *number <= u64::MAX - 3);
            match (number, length) {
                (Some(number), None) => length = Some(number),
                (Some(_), Some(_)) => return Err(malformed("it has more than one Content-Length")),
                (None, _) => return Err(malformed("its Content-Length is no length")),
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(malformed("its Transfer-Encoding is not chunked"));
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(malformed("it has both Content-Length and Transfer-Encoding")),
        (None, true) if request.version == Some(0) => Err(malformed("HTTP/1.0 has no Transfer-Encoding")),
        (None, true) => Ok(Framing::Chunked),
        (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
    }
}

fn malformed(why: &'static str) -> Failure {
    refused(StatusCode::BAD_REQUEST, why)
}

fn refused(status: StatusCode, why: &'static str) -> Failure {
    Failure::Head { status, why }
}
