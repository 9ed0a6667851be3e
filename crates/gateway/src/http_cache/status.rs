//! `Cache-Status` (RFC 9211): what became of a request here.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Bytes that nearly all of it has room in.
const LENGTH_MOSTLY: usize = 96;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered from here.
    Hit {
        /// Seconds of freshness left; below zero where it was used stale.
        ttl_s: i64,
        /// Whether it waited for another's answer.
        collapsed: bool,
    },
    /// Passed on.
    Forwarded(Forwarded),
}

/// How a request was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Why: `uri-miss`, `vary-miss`, `stale`, `method`, `bypass`.
    pub why: &'static str,
    /// Whether the answer is kept now.
    pub stored: bool,
    /// The upstream's status where the client gets another.
    pub status: Option<u16>,
    /// Why it is not kept, in a word.
    pub detail: Option<super::Refusal>,
}

impl Forwarded {
    /// Passed on, and nothing kept.
    pub fn because(why: &'static str) -> Forwarded {
        Forwarded { why, stored: false, status: None, detail: None }
    }
}

impl Outcome {
    /// Adds it to what caches before have said.
    pub fn write(&self, headers: &mut HeaderMap) {
        let mut said = String::with_capacity(LENGTH_MOSTLY);
        said.push_str("courant");
        // Writing to a string cannot fail.
        let _ = match self {
            Outcome::Hit { ttl_s, collapsed: false } => write!(said, "; hit; ttl={ttl_s}"),
            Outcome::Hit { ttl_s, collapsed: true } => write!(said, "; hit; ttl={ttl_s}; collapsed"),
            Outcome::Forwarded(forwarded) => forwarded.describe(&mut said),
        };
        if let Ok(value) = HeaderValue::from_str(&said) {
            headers.append(CACHE_STATUS, value);
        }
    }

    /// `hit`, `miss` or `bypass`, for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Hit { .. } => "hit",
            Outcome::Forwarded(Forwarded { why: "uri-miss" | "vary-miss" | "stale", .. }) => "miss",
            Outcome::Forwarded(_) => "bypass",
        }
    }
}

impl Forwarded {
    fn describe(&self, said: &mut String) -> std::fmt::Result {
        write!(said, "; fwd={}", self.why)?;
        if let Some(status) = self.status {
            write!(said, "; fwd-status={status}")?;
        }
        if self.stored {
            write!(said, "; stored")?;
        }
        if let Some(detail) = self.detail {
            write!(said, "; detail={detail}")?;
        }
        Ok(())
    }
}
