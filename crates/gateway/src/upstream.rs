//! Which of several upstreams answers: the less busy of two drawn at random, among those that are well.
//!
//! An upstream that fails several times in a row is left out for a while, for twice as long each time it fails
//! again; a health check that succeeds brings it back at once. Where none is well, all are tried: a refused
//! connection costs less than a refusal of ours. Opens no connection; input is what the caller saw happen.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Authority;
use parking_lot::Mutex;
use rand::RngExt as _;

/// Failures in a row after which an upstream is left out.
const FAILURES_MAX: u32 = 3;
/// How long it is left out at first, and at most.
const OUT_MIN: Duration = Duration::from_secs(1);
const OUT_MAX: Duration = Duration::from_secs(30);

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    is_tls: bool,
    host: String,
    port: u16,
}

/// What is wrong with an upstream's address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address like http://127.0.0.1:8000, found {0:?}: {1}")]
pub struct AddressError(String, &'static str);

impl Address {
    /// Reads `http://host:port` or `https://host:port`.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let wrong = |why| AddressError(text.to_owned(), why);
        let uri: Uri = text.parse().map_err(|_| wrong("it is no URI"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it does not begin with http:// or https://")),
        };
        if !matches!(uri.path_and_query().map(|path| path.as_str()), None | Some("/")) {
            return Err(wrong("it has a path: what is asked for is passed on as it is"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong("it has no host, or a user"));
        }
        // `http::Uri` lets a port through that is none.
        let has_port = authority.as_str().len() > authority.host().len();
        match (has_port, authority.port_u16()) {
            (false, _) => Ok(Address::of(is_tls, authority, if is_tls { 443 } else { 80 })),
            (true, Some(port)) if port > 0 => Ok(Address::of(is_tls, authority, port)),
            (true, _) => Err(wrong("its port is none")),
        }
    }

    fn of(is_tls: bool, authority: &Authority, port: u16) -> Address {
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Address { is_tls, host, port }
    }

    /// Whether it is spoken to in TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// As the value of `Host`.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// As sockets want it.
    pub fn pair(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_tls { "https://" } else { "" }, self.authority())
    }
}

/// How one upstream does.
#[derive(Debug, Default)]
pub struct Condition {
    in_flight: AtomicUsize,
    failing: Mutex<Failing>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failing {
    /// In a row.
    failures: u32,
    /// Times it was left out in a row.
    times_out: u32,
    /// How it failed last.
    last: Option<Failure>,
    out_until: Option<Instant>,
}

/// How an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection came about.
    Unreachable,
    /// It did not answer, or said itself that it is unwell.
    Unwell,
}

impl Condition {
    /// Counts a request until what is returned is dropped.
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Requests it is working on.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// It answered, or a health check found it well. Returns whether it had been left out.
    pub fn succeeded(&self) -> bool {
        let before = std::mem::take(&mut *self.failing.lock());
        before.out_until.is_some()
    }

    /// It can be connected to, which is all that was wanted of one that could not. Returns whether it had been left
    /// out.
    pub fn reached(&self) -> bool {
        let is_cured = self.failing.lock().last == Some(Failure::Unreachable);
        is_cured && self.succeeded()
    }

    /// It did not answer as it should. Returns for how long it is left out, if this was once too often.
    pub fn failed(&self, how: Failure, now: Instant) -> Option<Duration> {
        let mut failing = self.failing.lock();
        if failing.out_until.is_some_and(|until| now < until) {
            return None;
        }
        failing.failures += 1;
        failing.last = Some(how);
        // Back on trial, it has no three lives.
        if failing.failures < FAILURES_MAX && failing.times_out == 0 {
            return None;
        }
        let out = OUT_MAX.min(OUT_MIN * 2u32.saturating_pow(failing.times_out.min(10)));
        *failing = Failing {
            failures: 0,
            times_out: failing.times_out.saturating_add(1),
            last: Some(how),
            out_until: Some(now + out),
        };
        Some(out)
    }

    /// Whether it may be asked.
    pub fn is_well(&self, now: Instant) -> bool {
        self.failing.lock().out_until.is_none_or(|until| until <= now)
    }
}

/// A request in flight.
#[derive(Debug)]
pub struct Busy(Arc<Condition>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The number of the upstream to ask, other than those in `tried` as long as there is another.
pub fn choose<'a>(
    conditions: impl Iterator<Item = &'a Condition> + Clone,
    tried: &[usize],
    now: Instant,
) -> Option<usize> {
    let numbered = conditions.enumerate();
    let untried = |number: &usize| !tried.contains(number);
    let well = || numbered.clone().filter(|(_, condition)| condition.is_well(now));
    for pass in 0..3 {
        let candidates: Vec<(usize, &Condition)> = match pass {
            0 => well().filter(|(number, _)| untried(number)).collect(),
            1 => well().collect(),
            _ => numbered.clone().collect(),
        };
        if let Some(chosen) = less_busy(&candidates) {
            return Some(chosen);
        }
    }
    None
}

/// Of two drawn at random: nearly as even as the least busy of all, and no herd runs to one that just came back.
fn less_busy(candidates: &[(usize, &Condition)]) -> Option<usize> {
    match candidates {
        [] => None,
        [(only, _)] => Some(*only),
        many => {
            let mut dice = rand::rng();
            let first = dice.random_range(0..many.len());
            let second = (first + dice.random_range(1..many.len())) % many.len();
            let (a, b) = (many[first], many[second]);
            Some(if b.1.in_flight() < a.1.in_flight() { b.0 } else { a.0 })
        }
    }
}

#[cfg(test)]
mod tests;
