//! What a delivery tells of, and by what it is known.

use aws_lc_rs::digest;
use serde_json::Value;

use super::keyed::hex;

/// The longest name of an event; what is longer is known by its hash.
const ID_CHARS_MAX: usize = 200;

/// Something that happened at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// By which it is kept once.
    pub id: String,
    /// What kind of thing, in the provider's words.
    pub what: String,
    /// All that was said of it, as JSON.
    pub payload: String,
}

/// It was signed well, and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(super) String);

impl Event {
    pub(super) fn new(id: &str, what: &str, payload: String) -> Event {
        // A zero byte is nothing that PostgreSQL keeps.
        let sound = !id.is_empty() && id.chars().count() <= ID_CHARS_MAX && !id.contains('\0');
        let id = if sound { id.to_owned() } else { hash(id.as_bytes()) };
        Event { id, what: what.to_owned(), payload }
    }
}

/// By what something is known that has no name.
pub(super) fn hash(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(digest::digest(&digest::SHA256, bytes).as_ref()))
}

/// A body that is a JSON object, and its text.
pub(super) fn object(body: &[u8]) -> Result<(Value, String), Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed("expected UTF-8".to_owned()))?;
    let value: Value =
        serde_json::from_str(text).map_err(|error| Malformed(format!("expected JSON: {error}")))?;
    if !value.is_object() {
        return Err(Malformed("expected a JSON object".to_owned()));
    }
    Ok((value, text.to_owned()))
}

/// Text that stands there; none where there is something else.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}
