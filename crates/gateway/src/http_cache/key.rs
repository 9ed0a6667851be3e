//! The first half of the key: what was asked of whom.

use std::fmt;

/// A scheme, a host, a path and a query, as the upstream hears them. Two requests that an upstream could tell apart
/// by these never share an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Box<str>);

impl Key {
    /// Of a request; `host` is the one that was asked, `forwarded_host` the one the upstream is told of.
    pub fn new(scheme: &str, host: &str, forwarded_host: &str, target: &str) -> Key {
        // No header value and no target holds a line feed.
        Key([scheme, "\n", host, "\n", forwarded_host, "\n", target].concat().into())
    }

    /// The same origin, another target.
    pub fn with_target(&self, target: &str) -> Key {
        let origin = self.0.rfind('\n').map_or("", |at| &self.0[..=at]);
        Key([origin, target].concat().into())
    }

    /// All of it, as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The memory it takes.
    pub fn weight_bytes(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.rsplit('\n').next().unwrap_or_default())
    }
}
