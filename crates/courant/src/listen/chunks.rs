//! A body in chunks, framed at the door: RFC 9112, section 7.1, without leniences, so that nobody behind can
//! find its end elsewhere.
//!
//! Gathers and judges the lines between the data (sizes, extensions, trailers); the data itself only counts.
//! Never changes a byte, never holds more than a line.

use bytes::BytesMut;

use super::judgement::malformed;
use crate::failure::Failure;

/// Bytes of a line: a size and its extensions, or a trailer.
const LINE_BYTES_MAX: usize = 4096;
/// Bytes of all extensions of a body, which nobody needs.
const EXTENSION_BYTES_MAX: usize = 8192;
const TRAILERS_MAX: usize = 32;
/// Digits of a size: what fits a number, with room to spare below the largest.
const SIZE_DIGITS_MAX: usize = 15;

/// What would change what was already decided: how requests are framed, routed and answered, and who asks.
const FORBIDDEN_TRAILERS: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where between the data the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the line of a size.
    #[default]
    Size,
    /// In the line end after a chunk's data.
    DataEnd,
    /// In the trailers, or the empty line that ends the body.
    Trailers,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another line, or the rest of this one.
    Line,
    /// So many bytes of data.
    Data(u64),
    /// The body is whole.
    End,
}

/// A body in chunks that is on its way.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    line: Vec<u8>,
    extension_bytes: usize,
    trailers: usize,
}

impl Chunks {
    /// Takes bytes up to the end of a line, and hands the line over once it is whole and in order.
    pub(super) fn take(&mut self, raw: &mut BytesMut, sound: &mut BytesMut) -> Result<Next, Failure> {
        let end = raw.iter().position(|byte| *byte == b'\n');
        let piece = raw.split_to(end.map_or(raw.len(), |end| end + 1));
        if self.line.len() + piece.len() > LINE_BYTES_MAX {
            return Err(malformed("a line of its chunks is too long"));
        }
        self.line.extend_from_slice(&piece);
        if end.is_none() {
            // Nothing but a line end follows data: no need to wait for more of what is none.
            let is_lost = self.place == Place::DataEnd && !b"\r\n".starts_with(&self.line);
            return if is_lost { Err(malformed("a chunk is longer than it says")) } else { Ok(Next::Line) };
        }
        let next = self.judge()?;
        sound.extend_from_slice(&self.line);
        self.line.clear();
        Ok(next)
    }

    fn judge(&mut self) -> Result<Next, Failure> {
        let Some(line) = self.line.strip_suffix(b"\r\n") else {
            return Err(malformed("a line of its chunks ends in a bare line feed"));
        };
        match self.place {
            Place::Size => {
                let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                let (size, extensions) = line.split_at(digits);
                self.extension_bytes += extensions.len();
                if self.extension_bytes > EXTENSION_BYTES_MAX || !are_extensions(extensions) {
                    return Err(malformed("a chunk's extension is none"));
                }
                let size = size_of_chunk(size).ok_or_else(|| malformed("a chunk's size is none"))?;
                self.place = if size == 0 { Place::Trailers } else { Place::DataEnd };
                Ok(if size == 0 { Next::Line } else { Next::Data(size) })
            }
            Place::DataEnd if line.is_empty() => {
                self.place = Place::Size;
                Ok(Next::Line)
            }
            Place::DataEnd => Err(malformed("a chunk is longer than it says")),
            Place::Trailers if line.is_empty() => Ok(Next::End),
            Place::Trailers => {
                self.trailers += 1;
                if self.trailers > TRAILERS_MAX || !is_trailer(line) {
                    return Err(malformed("a trailer is none, or is not allowed"));
                }
                Ok(Next::Line)
            }
        }
    }
}

fn size_of_chunk(digits: &[u8]) -> Option<u64> {
    if digits.len() > SIZE_DIGITS_MAX {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = past_blanks(rest).strip_prefix(b";") else { return false };
        let Some(after) = past_token(past_blanks(after)) else { return false };
        rest = after;
        if let Some(value) = past_blanks(after).strip_prefix(b"=") {
            let value = past_blanks(value);
            let Some(after) = past_token(value).or_else(|| past_quoted(value)) else { return false };
            rest = after;
        }
    }
    true
}

fn past_blanks(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()..]
}

fn past_token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take_while(|byte| is_of_token(**byte)).count();
    (length > 0).then(|| &bytes[length..])
}

fn past_quoted(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', escaped, after @ ..] if is_of_text(*escaped) => after,
            [b'\\', ..] | [] => return None,
            [byte, after @ ..] if is_of_text(*byte) => after,
            [..] => return None,
        };
    }
}

fn is_trailer(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let forbidden = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
    past_token(name).is_some_and(<[u8]>::is_empty)
        && !FORBIDDEN_TRAILERS.iter().any(forbidden)
        && value.iter().all(|byte| is_of_text(*byte))
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_of_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests;
