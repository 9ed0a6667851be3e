//! The entity tag of an answer as it is; those of its codings follow from it (`gateway::coding`).

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderValue;

/// The tag of a body as it is.
///
/// Of the range as well: a browser that is told "unchanged" keeps the headers it has, and so an old count.
pub(crate) fn etag(range: Option<&HeaderValue>, body: &[u8]) -> HeaderValue {
    let mut context = Context::new(&SHA256);
    context.update(range.map_or(b"".as_slice(), HeaderValue::as_bytes));
    context.update(b"\n");
    context.update(body);
    let hash = context.finish();
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in &hash.as_ref()[..16] {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("a half byte is a hexadecimal digit"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("a half byte is a hexadecimal digit"));
    }
    text.push('"');
    HeaderValue::from_str(&text).expect("hexadecimal digits are a header value")
}
