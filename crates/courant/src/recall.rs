//! Requests that were made before, byte for byte: what is known of them need not be found out again.
//!
//! A client that asks again sends the same head. Who asks, what is asked and under which key its answer is kept follow
//! from the head, the configuration and the schema; so as long as those two stand and the token is good, the cache can
//! be asked at once, at the door (`docs/decisions/0017-known-heads.md`). Whether the answer is there and current is
//! decided by the cache, for this request as for any. Never answers anything but a hit; whatever else it would be goes
//! the usual way.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache::{Key, KeySecret};
use foldhash::fast::RandomState;
use http::header::{CONNECTION, EXPECT, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::answer::{HEARD, Message, Source};
use crate::check;
use crate::consistency::Consistency;
use crate::listen::{Recall, Recalled};
use crate::node::{Live, Node};
use crate::response::Body;
use crate::schema::Schema;
use crate::settled::Settled;
use crate::sighted::Sighted;
use crate::telemetry::Told;
use crate::variants;

/// The memory of all heads that are known.
const BYTES_MAX: u64 = 8 << 20;
/// What one takes beside its texts, with its part of a plan that may be its own.
const KNOWN_BYTES: usize = 2048;
/// Longer ones are read each time.
const HEAD_BYTES_MAX: usize = 4096;
/// Heads of which it is known that they came once.
const SIGHTINGS: usize = 8192;

/// The heads that are known.
pub(crate) struct Heads {
    known: Cache<Key, Arc<Known>, ByBytes, RandomState>,
    /// Those behind a proxy that numbers its requests never come again.
    sighted: Sighted,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Known>> for ByBytes {
    fn weight(&self, _: &Key, known: &Arc<Known>) -> u64 {
        let Known { follows: Follows { session, path, heard, .. }, added, .. } = &**known;
        let heard = heard.values().map(HeaderValue::len).sum::<usize>();
        (KNOWN_BYTES + session.bytes() + path.len() + heard + added.len()) as u64
    }
}

/// What follows from a head.
struct Known {
    follows: Follows,
    /// The lines that the front door adds to its answer, if it has this status.
    added: Box<[u8]>,
    status: StatusCode,
}

/// What follows from a head before the front door has added to its answer.
#[derive(Clone)]
pub(crate) struct Follows {
    /// What it follows from, besides the head: compared, and never used.
    live: Weak<Live>,
    schema: Weak<Schema>,
    session: Settled,
    key: Key,
    path: Box<str>,
    /// What its answer is sent by.
    heard: HeaderMap,
    /// The headers of its answer, as they were then.
    headers: HeaderMap,
}

impl Heads {
    pub(crate) fn new() -> Heads {
        Heads {
            known: Cache::with(
                BYTES_MAX as usize / KNOWN_BYTES,
                BYTES_MAX,
                ByBytes,
                RandomState::default(),
                Default::default(),
            ),
            sighted: Sighted::new(SIGHTINGS),
        }
    }

    /// Keeps what follows from a head by this name, answered like this under what the configuration said then.
    pub(crate) fn keep(&self, name: Key, follows: Follows, live: &Arc<Live>, response: &Response<Body>) {
        let is_of_then = std::ptr::eq(follows.live.as_ptr(), &raw const **live);
        if !is_of_then || response.headers().contains_key(CONNECTION) {
            return;
        }
        if let Some(added) = added(&follows.headers, response.headers()) {
            let follows = Follows { headers: HeaderMap::new(), ..follows };
            self.known.insert(name, Arc::new(Known { follows, added, status: response.status() }));
        }
    }

    /// Forgets all: what they followed from is no more.
    pub(crate) fn forget(&self) {
        self.known.clear();
    }
}

impl Follows {
    /// From a request whose answer, with these headers, was a hit. None where another like it may not be answered at
    /// the door.
    pub(crate) fn new(
        head: &Parts,
        consistency: Consistency,
        (live, schema): (&Arc<Live>, Weak<Schema>),
        (key, session): (Key, Settled),
        headers: &HeaderMap,
    ) -> Option<Follows> {
        let goes_on = head.version == Version::HTTP_11
            && head
                .headers
                .get_all(CONNECTION)
                .iter()
                .all(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
            && !head.headers.contains_key(EXPECT)
            && !head.headers.contains_key(UPGRADE);
        let is_usual = head.method == Method::GET && consistency == Consistency::Bounded;
        if !goes_on || !is_usual || live.config.api.server_timing {
            return None;
        }
        let mut heard = HeaderMap::new();
        for name in HEARD {
            for value in head.headers.get_all(&name) {
                // A copy: what hyper has read is one allocation, which each of its parts holds.
                let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
                heard.append(name.clone(), value);
            }
        }
        let (live, path) = (Arc::downgrade(live), head.uri.path().into());
        Some(Follows { live, schema, session, key, path, heard, headers: headers.clone() })
    }

    /// Whether it still follows.
    fn stands(&self, node: &Node) -> bool {
        node.is_live(&self.live) && node.plans_by(&self.schema) && self.session.who().is_good()
    }
}

/// The lines of headers that are in `all` and not in `some`; none if one of `some` has changed.
fn added(some: &HeaderMap, all: &HeaderMap) -> Option<Box<[u8]>> {
    let mut lines = Vec::new();
    for name in all.keys() {
        let mut before = some.get_all(name).iter();
        let mut now = all.get_all(name).iter();
        for value in before.by_ref() {
            now.next().filter(|same| *same == value)?;
        }
        now.for_each(|value| line(&mut lines, name.as_str(), value.as_bytes()));
    }
    some.keys().all(|name| all.contains_key(name)).then(|| lines.into())
}

/// The door's way to ask a node.
pub(crate) struct Asking(pub(crate) Arc<Node>);

impl Recall for Asking {
    fn recall(&self, head: &[u8], is_tls: bool, into: &mut Vec<u8>) -> Recalled<Bytes> {
        let node = &self.0;
        if head.len() > HEAD_BYTES_MAX || !head.starts_with(b"GET ") || !node.guard.is_carefree() {
            return Recalled::Unknown(None);
        }
        let name = name(&node.key_secret, head, is_tls);
        let known = node.heads.known.get(&name).filter(|known| known.follows.stands(node));
        match known.and_then(|known| answer(node, &known, into)) {
            Some(body) => Recalled::Answer(body),
            None => Recalled::Unknown(node.heads.sighted.before(name).then_some(name)),
        }
    }
}

fn name(secret: &KeySecret, head: &[u8], is_tls: bool) -> Key {
    secret.key().part(if is_tls { "head, in TLS" } else { "head" }).part(head).build()
}

/// The answer to a known head, if it is a hit: its body, and its head in `into`.
fn answer(node: &Arc<Node>, known: &Known, into: &mut Vec<u8>) -> Option<Bytes> {
    let Known { follows: Follows { session, key, path, heard, .. }, added, status } = known;
    let arrived = node.clock.now();
    let need = Consistency::Bounded.need(arrived, node.config.cache.bound);
    let (answer, age) = node.cache.hit(key, need, arrived)?;
    let source = Source::Hit { age };
    let message = answer.message(heard, &source);
    if message.status != *status {
        // Other lines go with it: the usual way finds out which.
        return None;
    }
    variants::order(node, key, &answer, heard);
    if let Some(chosen) = node.checks.choose() {
        let (planned, session) = (Arc::clone(session.planned()), session.clone());
        node.tasks.spawn(check::run(Arc::clone(node), chosen, *key, planned, session, answer.clone()));
    }
    write(&message, added, into);
    node.telemetry.recalled(&Told {
        route: &session.planned().route,
        method: &Method::GET,
        path,
        status: message.status,
        cache: source.word(),
        reason: source.reason(),
        error: None,
        role: session.role().unwrap_or_default(),
        took: node.clock.since(arrived),
    });
    Some(message.body)
}

/// As hyper would write it.
fn write(message: &Message, added: &[u8], into: &mut Vec<u8>) {
    let Message { status, headers, body } = message;
    into.extend(b"HTTP/1.1 ");
    into.extend(status.as_str().as_bytes());
    into.push(b' ');
    into.extend(status.canonical_reason().unwrap_or_default().as_bytes());
    into.extend(b"\r\n");
    for (name, value) in headers {
        line(into, name.as_str(), value.as_bytes());
    }
    into.extend(added);
    // Neither has a body, nor a length of one (RFC 9110, section 8.6).
    if !matches!(*status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT) {
        write!(into, "content-length: {}\r\n", body.len()).expect("a Vec takes whatever is written");
    }
    date(into);
    into.extend(b"\r\n");
}

fn line(into: &mut Vec<u8>, name: &str, value: &[u8]) {
    for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
        into.extend(piece);
    }
}

/// The line that says when, made anew once a second.
fn date(into: &mut Vec<u8>) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    LAST.with_borrow_mut(|(of, text)| {
        if *of != second {
            (*of, *text) = (second, httpdate::fmt_http_date(now));
        }
        line(into, "date", text.as_bytes());
    });
}
