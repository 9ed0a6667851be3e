//! Loops of an app, seen in traces: reads of one shape that ask for one key after another, in one request of the app, after
//! another read. What is called N+1.
//!
//! A trace is what callers say belongs together (`traceparent`, `x-request-id`, or the configured header); who says nothing
//! is not looked at. Knows shapes and counts, and keeps no value: keys are told apart by a hash. Everything has a bound.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use parking_lot::Mutex;

mod shape;
mod told;

pub(crate) use told::told;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Reads of one shape with so many different keys make a loop.
const KEYS_MIN: usize = 5;
/// Traces that are watched at once; the one begun first is forgotten first.
const TRACES_MAX: usize = 512;
/// Shapes that are told apart in a trace.
const SHAPES_MAX: usize = 16;
/// Loops that are told of; further ones are counted and not named.
const FOUND_MAX: usize = 200;
/// What comes later than this after the first read is another request of the app, whatever the caller says.
const TRACE_MAX: Duration = Duration::from_secs(30);
/// Characters of a shape that are told.
const CHARACTERS_MAX: usize = 300;

/// What was seen.
#[derive(Default)]
pub(crate) struct Loops {
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    open: HashMap<u64, Trace>,
    begun: VecDeque<u64>,
    found: HashMap<(Asked, Asked), Counts>,
    unnamed: u64,
}

/// What a read asks, without its values: the relation or function it means, and its shape.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    route: Arc<str>,
    /// No longer than is told.
    shape: Arc<str>,
    /// The hash of all of it.
    whole: u64,
}

/// The reads of one trace.
struct Trace {
    begun: Instant,
    reads: Vec<Reads>,
    last: Option<Asked>,
}

struct Reads {
    asked: Asked,
    /// Hashes of the first keys.
    keys: Vec<u64>,
    /// The shape that was read last before the first of these.
    after: Option<Asked>,
}

/// How often a loop was seen.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Traces that it was in.
    traces: u64,
    calls: u64,
}

impl Loops {
    /// A read was answered.
    pub(crate) fn see(&self, head: &Parts, configured: Option<&HeaderName>, route: &str) {
        // What else is asked by has its arguments in its body.
        let (Some(trace), &Method::GET | &Method::HEAD) = (trace(&head.headers, configured), &head.method)
        else {
            return;
        };
        // Pages of one list are no keys of it.
        let key = (head.uri.path(), shape::unpaged(&head.uri).collect::<Vec<_>>());
        let (trace, key) = (self.hasher.hash_one(trace), self.hasher.hash_one(key));
        let mut shape = shape::of(&head.uri);
        let whole = self.hasher.hash_one(&shape);
        shape.truncate(CHARACTERS_MAX);
        let asked = Asked { route: route.into(), shape: shape.into(), whole };
        self.seen.lock().add(trace, asked, key, Instant::now());
    }
}

impl Seen {
    fn add(&mut self, trace: u64, asked: Asked, key: u64, now: Instant) {
        if !self.open.contains_key(&trace) {
            if self.begun.len() >= TRACES_MAX {
                self.begun.pop_front().and_then(|first| self.open.remove(&first));
            }
            self.begun.push_back(trace);
        }
        let trace = self.open.entry(trace).or_insert_with(|| Trace::begin(now));
        if now.duration_since(trace.begun) > TRACE_MAX {
            *trace = Trace::begin(now);
        }
        let Some(counted) = trace.add(asked, key) else { return };
        if !self.found.contains_key(&counted.between) && self.found.len() >= FOUND_MAX {
            self.forget_least();
        }
        self.found.entry(counted.between.clone()).or_default().add(&counted);
    }

    /// Makes room: whoever makes up loops cannot keep out one that goes on.
    fn forget_least(&mut self) {
        let least = self.found.iter().min_by_key(|(_, counts)| counts.calls);
        let least = least.map(|(between, _)| between.clone());
        if let Some(gone) = least.and_then(|least| self.found.remove(&least)) {
            self.unnamed += gone.calls;
        }
    }
}

/// What a read adds to a loop.
struct Counted {
    between: (Asked, Asked),
    is_first: bool,
    calls: u64,
}

impl Counts {
    fn add(&mut self, counted: &Counted) {
        self.traces += u64::from(counted.is_first);
        self.calls += counted.calls;
    }
}

impl Trace {
    fn begin(now: Instant) -> Trace {
        Trace { begun: now, reads: Vec::new(), last: None }
    }

    /// What it adds, where the read is one of a loop: the first few count when the loop is known for one.
    fn add(&mut self, asked: Asked, key: u64) -> Option<Counted> {
        let before = self.last.replace(asked.clone());
        let Some(at) = self.reads.iter().position(|reads| reads.asked == asked) else {
            let after = before;
            if self.reads.len() < SHAPES_MAX {
                self.reads.push(Reads { asked, keys: vec![key], after });
            }
            return None;
        };
        let reads = &mut self.reads[at];
        let known = reads.keys.len();
        if known < KEYS_MIN && !reads.keys.contains(&key) {
            reads.keys.push(key);
        }
        // Without another read before it, nothing says where its keys are from.
        let after = reads.after.clone()?;
        let (is_first, calls) = match (known, reads.keys.len()) {
            (_, now) if now < KEYS_MIN => return None,
            (before, _) if before < KEYS_MIN => (true, KEYS_MIN as u64),
            _ => (false, 1),
        };
        Some(Counted { between: (after, reads.asked.clone()), is_first, calls })
    }
}

/// What the caller says the request belongs to.
fn trace<'a>(headers: &'a HeaderMap, configured: Option<&HeaderName>) -> Option<&'a [u8]> {
    // Version, trace, parent and flags: the parent may differ within a trace.
    if let Some(trace) = headers.get(TRACEPARENT).and_then(|parent| parent.as_bytes().get(3..35)) {
        return Some(trace);
    }
    let named = configured.and_then(|name| headers.get(name)).or_else(|| headers.get(REQUEST_ID));
    named.map(|value| value.as_bytes()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(requests: &[(&str, &str)]) -> Vec<(String, String, u64, u64)> {
        let loops = Loops::default();
        for (trace, target) in requests {
            let request = http::Request::builder().uri(*target).header(REQUEST_ID, *trace).body(());
            let (head, ()) = request.expect("it is a request").into_parts();
            loops.see(&head, None, "public.t");
        }
        let seen = loops.seen.lock();
        let told = seen.found.iter().map(|((source, lookup), counts)| {
            (source.shape.to_string(), lookup.shape.to_string(), counts.traces, counts.calls)
        });
        told.collect()
    }

    #[test]
    fn five_keys_of_one_shape_after_another_read_are_a_loop_and_four_or_a_repetition_are_not() {
        let list = ("a", "/orders?select=id");
        let keys: Vec<String> = (0..7).map(|n| format!("/customers?id=eq.{n}")).collect();
        let asked = |count: usize| keys.iter().take(count).map(|key| ("a", key.as_str()));
        let of = |count| std::iter::once(list).chain(asked(count)).collect::<Vec<_>>();
        assert!(seen(&of(4)).is_empty());
        let told = ("/orders?select=id".to_owned(), "/customers?id=eq.$".to_owned());
        assert_eq!(seen(&of(5)), [(told.0.clone(), told.1.clone(), 1, 5)]);
        assert_eq!(seen(&of(7)), [(told.0, told.1, 1, 7)]);
        assert!(seen(&[list, ("a", &keys[0])].repeat(9)).is_empty());
        let pages: Vec<String> = (0..7).map(|n| format!("/customers?limit=5&offset={n}")).collect();
        let pages = std::iter::once(list).chain(pages.iter().map(|page| ("a", page.as_str())));
        assert!(seen(&pages.collect::<Vec<_>>()).is_empty());
        // Nothing came before them, or each came in a trace of its own.
        assert!(seen(&asked(7).collect::<Vec<_>>()).is_empty());
        let apart: Vec<(&str, &str)> =
            ["1", "2", "3", "4", "5"].into_iter().zip(keys.iter().map(String::as_str)).collect();
        assert!(seen(&apart).is_empty());
    }

    #[test]
    fn what_is_watched_has_a_bound() {
        let traces: Vec<String> = (0..TRACES_MAX * 2).map(|n| n.to_string()).collect();
        let loops = Loops::default();
        for trace in &traces {
            let request = http::Request::builder().uri("/t?id=eq.1").header(REQUEST_ID, trace).body(());
            loops.see(&request.expect("it is a request").into_parts().0, None, "public.t");
        }
        let seen = loops.seen.lock();
        assert_eq!((seen.open.len(), seen.begun.len()), (TRACES_MAX, TRACES_MAX));
    }
}
