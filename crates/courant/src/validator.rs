//! The entity tag of an answer as it is; those of its codings follow from it (`gateway::coding`).

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderValue;

/// What the tag of a body says of it.
pub(crate) type Print = [u8; 16];

/// The print of a body as it is.
///
/// Of the range as well: a browser that is told "unchanged" keeps the headers it has, and so an old count.
pub(crate) fn print(range: Option<&HeaderValue>, body: &[u8]) -> Print {
    let mut context = Context::new(&SHA256);
    context.update(range.map_or(b"".as_slice(), HeaderValue::as_bytes));
    context.update(b"\n");
    context.update(body);
    *context.finish().as_ref().first_chunk().expect("a SHA-256 hash has 32 bytes")
}

/// The tag that says a print, in hexadecimal digits.
pub(crate) fn etag(print: &Print) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'"'; 34];
    for (digits, byte) in text[1..33].chunks_exact_mut(2).zip(print) {
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header value")
}
