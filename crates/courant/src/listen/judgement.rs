//! The rules for a head: RFC 9112 without its leniences. Whatever two servers could read in two ways, and so
//! could hide a second request from one of them, is refused.
//!
//! Input is a head as it was gathered. Never sees a body, and allocates nothing for a head that is in order.

use std::mem::MaybeUninit;

use http::{Method, StatusCode, Uri};
use httparse::{Error, Status};

use super::authority::is_authority;
use crate::failure::Failure;

/// Headers of one request; hyper's own bound.
pub(super) const HEADERS_MAX: usize = 100;
/// Bytes of a header's name. Past 65,535 the parsers behind would end in an error of their own.
const NAME_BYTES_MAX: usize = 1024;
/// What `http::Uri` can hold.
const TARGET_BYTES_MAX: usize = u16::MAX as usize - 1;

/// What comes after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes of body; mostly none.
    Length(u64),
    /// A body in chunks.
    Chunked,
}

/// What comes after a head, if it is a whole one.
pub(super) fn judge(head: &[u8]) -> Result<Option<Framing>, Failure> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) if length == head.len() => {
            let mut seen = Seen::default();
            for header in &*request.headers {
                seen.see(header.name, header.value)?;
            }
            resource(&request, seen.host)?;
            seen.framing(request.version == Some(0)).map(Some)
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

/// Refuses methods and targets that the types behind cannot hold, that are of no form of RFC 9112, section
/// 3.2, or that name another host than `Host` does.
fn resource(request: &httparse::Request<'_, '_>, host: Option<&[u8]>) -> Result<(), Failure> {
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT) => return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "this is no proxy")),
        Ok(_) => {}
        Err(_) => return Err(malformed("its method is none")),
    }
    if host.is_none() && request.version == Some(1) {
        return Err(malformed("it has no Host"));
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(refused(StatusCode::URI_TOO_LONG, "its target is longer than any limit allows"));
    }
    let path = match target.as_bytes() {
        [b'/', ..] => target,
        b"*" if method == "OPTIONS" => return Ok(()),
        _ => absolute(target, host)?,
    };
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    if path.contains('\\') || target.contains('#') {
        return Err(malformed("its target holds a forbidden character"));
    }
    // The usual ones need no second look.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?=&%.,-_~:;+*!$'()@".contains(&byte);
    if target.starts_with('/') && target.bytes().all(is_plain) {
        return Ok(());
    }
    Uri::try_from(target).map(drop).map_err(|_| malformed("its target is no URI"))
}

/// The rest of a target in absolute form, which must name the host that `Host` names: RFC 9112, section 3.2.2,
/// has servers go by the target, and those that go by `Host` would answer for another site.
fn absolute<'t>(target: &'t str, host: Option<&[u8]>) -> Result<&'t str, Failure> {
    let after = |scheme: &str| {
        let (begin, rest) = target.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = after("http://").or_else(|| after("https://"));
    let rest = rest.ok_or_else(|| malformed("its target has no form of RFC 9112"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !is_authority(authority.as_bytes()) {
        return Err(malformed("its target names no host"));
    }
    if host.is_some_and(|host| !host.eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(malformed("its target and its Host name different hosts"));
    }
    Ok(path)
}

/// The headers by which requests are told apart.
#[derive(Default)]
struct Seen<'h> {
    host: Option<&'h [u8]>,
    length: Option<u64>,
    chunked: bool,
    expects: bool,
}

impl<'h> Seen<'h> {
    /// Looks at a header; the length of its name says at which ones closely.
    fn see(&mut self, name: &str, value: &'h [u8]) -> Result<(), Failure> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("host") => self.host(value),
            6 if is("expect") => self.expectation(value),
            7 if is("upgrade") && lists(value, &["h2c"]) => {
                Err(malformed("HTTP/2 is not begun by an upgrade"))
            }
            10 if is("connection") && lists(value, &["content-length", "transfer-encoding", "host"]) => {
                Err(malformed("its Connection takes away a header that frames it"))
            }
            14 if is("http2-settings") => Err(malformed("HTTP/2 is not begun by an upgrade")),
            14 if is("content-length") => self.length(value),
            17 if is("transfer-encoding") => self.coding(value),
            // What CGI and its heirs cannot tell from the real ones.
            14 if is("content_length") => Err(malformed("a header's name is a false Content-Length")),
            17 if is("transfer_encoding") => Err(malformed("a header's name is a false Transfer-Encoding")),
            length if length > NAME_BYTES_MAX => Err(refused(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "a header's name is longer than 1024 bytes",
            )),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &'h [u8]) -> Result<(), Failure> {
        if self.host.replace(value).is_some() {
            return Err(malformed("it has more than one Host"));
        }
        if is_authority(value) { Ok(()) } else { Err(malformed("its Host is no host")) }
    }

    /// Whether there is a body must not hang on who understands an expectation.
    fn expectation(&mut self, value: &[u8]) -> Result<(), Failure> {
        if std::mem::replace(&mut self.expects, true) || !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(refused(StatusCode::EXPECTATION_FAILED, "its Expect is not 100-continue"));
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Failure> {
        if self.length.is_some() {
            return Err(malformed("it has more than one Content-Length"));
        }
        let digits = value.iter().all(u8::is_ascii_digit);
        // A leading zero is octal to some.
        let plain = digits && (value.len() == 1 || !value.starts_with(b"0"));
        let number = std::str::from_utf8(value).ok().filter(|_| plain).and_then(|text| text.parse().ok());
        // The greatest three numbers have a meaning of their own in hyper.
        self.length = number.filter(|number| *number <= u64::MAX - 3);
        if self.length.is_some() { Ok(()) } else { Err(malformed("its Content-Length is no length")) }
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), Failure> {
        if std::mem::replace(&mut self.chunked, true) || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(malformed("its Transfer-Encoding is not chunked"));
        }
        Ok(())
    }

    /// RFC 9112, section 6.3, with one answer for each head.
    fn framing(&self, is_old: bool) -> Result<Framing, Failure> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(malformed("it has both Content-Length and Transfer-Encoding")),
            (None, true) if is_old => Err(malformed("HTTP/1.0 has no Transfer-Encoding")),
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// Whether a list has one of these words.
fn lists(value: &[u8], words: &[&str]) -> bool {
    value.split(|byte| *byte == b',').any(|item| {
        let item = item.trim_ascii();
        words.iter().any(|word| item.eq_ignore_ascii_case(word.as_bytes()))
    })
}

pub(super) fn malformed(why: &'static str) -> Failure {
    refused(StatusCode::BAD_REQUEST, why)
}

pub(super) fn refused(status: StatusCode, why: &'static str) -> Failure {
    Failure::Head { status, why }
}
