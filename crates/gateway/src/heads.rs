//! Heads as tests write them.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Names and values, in order.
pub(crate) type Lines = &'static [(&'static str, &'static str)];

/// The headers that these lines are.
pub(crate) fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    lines.iter().map(pair).collect()
}
