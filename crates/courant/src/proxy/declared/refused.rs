//! Which answers of a declared route are kept.
//!
//! What the route declares replaces HTTP's rules of freshness: an answer is current as long as the log tells of no
//! change. What stays is what an answer says of itself: `no-store`, a cookie that is set, headers that it varies by.

use gateway::source::Source;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, StatusCode};

use super::Declared;

/// Headers that answers of one route may differ by; past it, none of them is kept.
const VARIED_MAX: usize = 8;

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its status says nothing that lasts.
    Status,
    /// It sets a cookie, which is one client's alone.
    Cookie,
    /// It says so.
    NoStore,
    /// A part of something, a stream without an end, or in a coding that nobody asked for.
    Form,
    /// It was to say what it read, and does not.
    Untold,
    /// It varies by a header that the key does not hold, or will hold only from the next one on.
    Vary,
}

impl Refused {
    /// One word of a closed list.
    pub(super) fn word(self) -> &'static str {
        match self {
            Refused::Status => "status",
            Refused::Cookie => "set-cookie",
            Refused::NoStore => "no-store",
            Refused::Form => "form",
            Refused::Untold => "untold",
            Refused::Vary => "vary",
        }
    }

    /// Whether the next one will hardly be kept either, so that nobody need wait for it.
    pub(super) fn is_lasting(self) -> bool {
        self != Refused::Vary
    }
}

/// Whether an answer may be kept, as far as it says so itself.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, declared: &Declared) -> Result<(), Refused> {
    // Those that RFC 9110, section 15.1, calls heuristically cacheable, and that are whole.
    if !matches!(status.as_u16(), 200 | 203 | 204 | 301 | 308 | 404 | 410) {
        return Err(Refused::Status);
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(Refused::Cookie);
    }
    if listed(headers, &CACHE_CONTROL).any(|directive| directive.eq_ignore_ascii_case("no-store")) {
        return Err(Refused::NoStore);
    }
    let is_stream = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
    if is_stream || headers.contains_key(CONTENT_RANGE) || headers.contains_key(CONTENT_ENCODING) {
        return Err(Refused::Form);
    }
    vary(headers, declared)
}

/// Takes note of headers that the answer varies by: keys hold them from now on.
fn vary(headers: &HeaderMap, declared: &Declared) -> Result<(), Refused> {
    let mut unknown = Vec::new();
    for name in listed(headers, &VARY) {
        let Ok(name) = name.parse::<HeaderName>() else { return Err(Refused::Vary) };
        if name == "*" {
            return Err(Refused::Vary);
        }
        if !is_held(&name, declared) {
            unknown.push(name);
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let mut varied = declared.varied.write();
    for name in unknown {
        if varied.len() < VARIED_MAX && !varied.contains(&name) {
            varied.push(name);
        }
    }
    Err(Refused::Vary)
}

fn is_held(name: &HeaderName, declared: &Declared) -> bool {
    let own = Source::Header(name.clone());
    let in_identity = match &declared.identity {
        Some(identity) => identity.contains(&own),
        None => name == "authorization" || name == "cookie",
    };
    // Codings are made here, of what the upstream was asked for without any.
    in_identity || name == "accept-encoding" || declared.varied.read().contains(name)
}

/// The members of a header that is a list.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}
