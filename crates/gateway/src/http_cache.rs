//! HTTP's own caching, for routes that declare nothing: RFC 9111 for a shared cache, with RFC 9213 (targeted
//! fields), RFC 5861 (stale content) and RFC 9211 (`Cache-Status`).
//!
//! Rules are pure: heads and times in, verdicts out; only [`Store`] holds anything. What is unclear, said twice
//! in two ways, or malformed counts as what keeps less. Never asks an upstream, never reads a clock.

mod candidate;
mod conditional;
mod control;
mod date;
mod dictionary;
mod freshness;
mod invalidation;
mod key;
mod range;
mod reply;
mod status;
mod store;
mod stored;
mod vary;

pub use candidate::{Asked, Candidate, Refusal, Times};
pub use control::{CacheControl, RequestControl};
pub use invalidation::invalidated;
pub use key::Key;
pub use range::{Range, Slice};
pub use reply::Reply;
pub use status::{Forwarded, Outcome};
pub use store::{Limits, Store, Ticket};
pub use stored::{State, Stored};
pub use vary::Vary;

/// The methods whose answers may come from the cache.
pub fn is_read(method: &http::Method) -> bool {
    matches!(*method, http::Method::GET | http::Method::HEAD)
}
