//! What was seen: one record per request, of digests and names, never of a value.
//!
//! Digests are keyed with a secret of this process, so that what is kept of a token or a body says nothing but
//! whether another is the same. Bounded: past its limit nothing more is written down, and that is told.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use parking_lot::Mutex;

/// Requests written down; at about half a KiB each.
pub(super) const EXCHANGES_MAX: usize = 100_000;
/// A longer path is no route anybody would write.
const PATH_BYTES_MAX: usize = 512;
/// Places where users may be told apart; more of them are names made from values.
const PLACES_MAX: usize = 256;

/// A value, so far as it can be compared with another.
pub(super) type Digest = u64;

/// A request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: Box<str>,
    /// Of method, path, query, body and what is negotiated: equal where the same was asked. None where the body was
    /// too long to be looked at.
    pub(super) request: Option<Digest>,
    /// Where the request says who asks: the place's number in the journal, and the digest of the value.
    pub(super) who: Vec<(u16, Digest)>,
    /// Since the watch began.
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) status: StatusCode,
    /// Of status and body; none where it did not come whole.
    pub(super) answer: Option<Digest>,
    pub(super) bytes: u64,
    pub(super) sets_cookie: bool,
    /// `Cache-Control`, as the answer says it.
    pub(super) cache_control: Option<Box<str>>,
    pub(super) form: Form,
}

/// In which form an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    /// Server-sent events.
    Stream,
    /// A WebSocket, or another protocol.
    Tunnel,
}

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) exchanges: Vec<Exchange>,
    /// Where requests say who asks, by number: `jwt.sub`, `cookie.sid`.
    pub(super) places: Vec<String>,
    /// Requests that were not written down.
    pub(super) untold: u64,
}

/// Where it is written down while requests go on.
pub(super) struct Journal {
    origin: Instant,
    key: RandomState,
    seen: Mutex<(Seen, HashMap<String, u16>)>,
}

impl Exchange {
    pub(super) fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }

    /// Whether it only asks.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The digest of who asks, by one place.
    pub(super) fn by(&self, place: u16) -> Option<Digest> {
        self.who.iter().find_map(|(of, digest)| (*of == place).then_some(*digest))
    }

    /// Of everything that says who asks.
    pub(super) fn anybody(&self) -> Digest {
        self.who.iter().fold(0, |all, (place, digest)| {
            all ^ digest.rotate_left(u32::from(*place) % 63).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        })
    }
}

impl Journal {
    pub(super) fn new() -> Journal {
        Journal { origin: Instant::now(), key: RandomState::new(), seen: Mutex::default() }
    }

    /// How long it has been written.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The digest of parts, each told apart from its neighbours.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut hasher = self.key.build_hasher();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }

    /// A digest of what comes in pieces.
    pub(super) fn hasher(&self) -> std::hash::DefaultHasher {
        self.key.build_hasher()
    }

    /// The number of a place, unless there are too many.
    pub(super) fn place(&self, name: &str) -> Option<u16> {
        let (seen, numbers) = &mut *self.seen.lock();
        if let Some(known) = numbers.get(name) {
            return Some(*known);
        }
        if seen.places.len() >= PLACES_MAX {
            return None;
        }
        let number = seen.places.len() as u16;
        seen.places.push(name.to_owned());
        numbers.insert(name.to_owned(), number);
        Some(number)
    }

    pub(super) fn write(&self, exchange: Exchange) {
        let (seen, _) = &mut *self.seen.lock();
        if seen.exchanges.len() >= EXCHANGES_MAX || exchange.path.len() > PATH_BYTES_MAX {
            seen.untold += 1;
        } else {
            seen.exchanges.push(exchange);
        }
    }

    /// Requests written down so far.
    pub(super) fn count(&self) -> usize {
        self.seen.lock().0.exchanges.len()
    }

    /// All of it, in the order in which requests began.
    pub(super) fn take(&self) -> Seen {
        let mut seen = std::mem::take(&mut self.seen.lock().0);
        seen.exchanges.sort_by_key(|exchange| exchange.began);
        seen
    }
}
