//! `Cache-Control` as it comes (RFC 9111, section 5.2): duplicated, contradictory, quoted, malformed.
//!
//! Of two values the smaller holds. A number that is none is zero, and a quote that never ends hides nothing: it
//! counts as `no-store`. Unknown directives are passed over.

use std::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

use super::dictionary::{self, Bare};

/// A number above it counts as it (RFC 9111, section 1.2.2).
const SECONDS_MAX: u64 = 1 << 31;
/// By this name a response's `Surrogate-Control` may mean us alone.
pub(super) const SURROGATE: &str = "courant";
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// What a response says of its keeping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// How long it is fresh.
    pub max_age: Option<Duration>,
    /// The same, for shared caches alone.
    pub s_maxage: Option<Duration>,
    /// How long it may be used after that while it is asked for again.
    pub stale_while_revalidate: Option<Duration>,
    /// How long it may be used after that if the upstream fails.
    pub stale_if_error: Option<Duration>,
    /// Not to be kept.
    pub no_store: bool,
    /// Not to be used unasked.
    pub no_cache: bool,
    /// Headers not to be used unasked.
    pub no_cache_fields: Vec<HeaderName>,
    /// For one user.
    pub private: bool,
    /// For all users.
    pub public: bool,
    /// Never to be used stale.
    pub must_revalidate: bool,
    /// Never to be used stale by shared caches.
    pub proxy_revalidate: bool,
    /// To be kept only by who knows its status.
    pub must_understand: bool,
    /// Said to caches like this one by name (RFC 9213), so that `Cache-Control` and `Expires` mean others.
    pub is_targeted: bool,
    /// Whether anything was said.
    pub is_present: bool,
}

/// What a request says. Clients do not decide how hard an upstream has to work, so that of the directives which
/// would make the cache ask anew, none is heard (RFC 9111, section 5.2.1, leaves that to the cache).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestControl {
    /// The answer is not to be kept.
    pub no_store: bool,
    /// Either from the cache or not at all.
    pub only_if_cached: bool,
}

impl CacheControl {
    /// What a response says to this cache: in the field that is meant for it, else in the general one.
    pub fn of(headers: &HeaderMap) -> CacheControl {
        CacheControl::targeted(headers)
            .or_else(|| CacheControl::surrogate(headers))
            .unwrap_or_else(|| CacheControl::general(headers))
    }

    fn general(headers: &HeaderMap) -> CacheControl {
        let mut control = CacheControl::default();
        let mut said = false;
        for line in headers.get_all(CACHE_CONTROL) {
            said = true;
            let is_sound = directives(line.as_bytes(), |name, value| control.take(name, value));
            control.no_store |= !is_sound;
        }
        control.is_present = said;
        // What PHP and its kin send for caches of the last century, where they say nothing to those of today.
        let pragma =
            headers.get_all(PRAGMA).iter().any(|line| line.as_bytes().eq_ignore_ascii_case(b"no-cache"));
        control.no_cache |= pragma && !said;
        control
    }

    /// `CDN-Cache-Control`, unless it cannot be read: then it was not sent (RFC 9213, section 2.1).
    fn targeted(headers: &HeaderMap) -> Option<CacheControl> {
        let lines: Vec<&[u8]> =
            headers.get_all(CDN_CACHE_CONTROL).iter().map(|line| line.as_bytes()).collect();
        let members = dictionary::parse(&lines.join(&b", "[..]))?;
        if members.is_empty() {
            return None;
        }
        let mut control = CacheControl { is_targeted: true, is_present: true, ..CacheControl::default() };
        for (name, value) in members {
            match value {
                Bare::Boolean(false) => {}
                Bare::Boolean(true) => control.take(&name, None),
                Bare::Integer(number) => control.take(&name, Some(&number.to_string())),
                Bare::Text(text) => control.take(&name, Some(&text)),
                // A number that is none, where a number belongs.
                Bare::Other => control.take(&name, Some("")),
            }
        }
        Some(control)
    }

    /// `Surrogate-Control` of the Edge Architecture, which CDNs and their users kept alive: directives may be
    /// addressed to one surrogate by name.
    fn surrogate(headers: &HeaderMap) -> Option<CacheControl> {
        let mut control = CacheControl { is_targeted: true, ..CacheControl::default() };
        for line in headers.get_all(SURROGATE_CONTROL) {
            let is_sound = directives(line.as_bytes(), |name, value| {
                let (name, name_for) = addressed(name);
                let (value, value_for) = value.map_or((None, None), |value| {
                    let (value, to) = addressed(value);
                    (Some(value), to)
                });
                if name_for.or(value_for).is_none_or(|to| to.eq_ignore_ascii_case(SURROGATE)) {
                    control.is_present = true;
                    control.take(name, value);
                }
            });
            control.no_store |= !is_sound;
            control.is_present |= !is_sound;
        }
        control.is_present.then_some(control)
    }

    fn take(&mut self, name: &str, value: Option<&str>) {
        match name {
            "max-age" => shorten(&mut self.max_age, value),
            "s-maxage" => shorten(&mut self.s_maxage, value),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, value),
            "stale-if-error" => shorten(&mut self.stale_if_error, value),
            "no-store" => self.no_store = true,
            // With names it would let the rest be shared; to leave the names out of what is sent to all but the
            // first is more than most who write it know.
            "private" => self.private = true,
            "no-cache" => match value.filter(|fields| !fields.is_empty()) {
                None => self.no_cache = true,
                Some(fields) => {
                    for field in fields.split(',') {
                        match HeaderName::from_bytes(field.trim().as_bytes()) {
                            Ok(field) => self.no_cache_fields.push(field),
                            Err(_) => self.no_cache = true,
                        }
                    }
                }
            },
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            _ => {}
        }
    }

    /// How long a shared cache may use it unasked, where it says so.
    pub fn lifetime(&self) -> Option<Duration> {
        self.s_maxage.or(self.max_age)
    }

    /// Whether it may never be used stale (RFC 9111, section 4.2.4).
    pub fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.no_cache || self.s_maxage.is_some()
    }

    /// Whether the answer to one who identified themselves may be given to others (RFC 9111, section 3.5).
    pub fn allows_authorization(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }
}

impl RequestControl {
    /// What a request says.
    pub fn of(headers: &HeaderMap) -> RequestControl {
        let mut control = RequestControl::default();
        for line in headers.get_all(CACHE_CONTROL) {
            let is_sound = directives(line.as_bytes(), |name, _| match name {
                "no-store" => control.no_store = true,
                "only-if-cached" => control.only_if_cached = true,
                _ => {}
            });
            control.no_store |= !is_sound;
        }
        control
    }
}

/// The smaller of what was said before and what is said now.
fn shorten(before: &mut Option<Duration>, value: Option<&str>) {
    let now = value.and_then(seconds).unwrap_or_default();
    *before = Some(before.map_or(now, |before| before.min(now)));
}

/// Digits and nothing else.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than a u64 holds are still a number.
    Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX).min(SECONDS_MAX)))
}

/// `directive;surrogate`.
fn addressed(text: &str) -> (&str, Option<&str>) {
    match text.split_once(';') {
        Some((text, to)) => (text.trim(), Some(to.trim())),
        None => (text, None),
    }
}

/// Tells each directive, its name in lower case, its value without quotes. Returns whether every quote ends.
fn directives(line: &[u8], mut tell: impl FnMut(&str, Option<&str>)) -> bool {
    // What is no ASCII is in no directive that is known, and ends none.
    let line = String::from_utf8_lossy(line);
    let (elements, is_sound) = elements(&line);
    for element in elements {
        let (name, value) = match element.split_once('=') {
            Some((name, value)) => (name, Some(unquoted(value))),
            None => (element, None),
        };
        // With a space before the `=` it is no directive as it stands, but somebody meant one: of no value.
        let value = if name.ends_with([' ', '\t']) && value.is_some() { Some(String::new()) } else { value };
        tell(&name.trim_end().to_ascii_lowercase(), value.as_deref());
    }
    is_sound
}

/// The elements of a list, and whether every quote in it ends.
pub(super) fn elements(line: &str) -> (Vec<&str>, bool) {
    let (mut all, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                all.push(&line[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    all.push(&line[from..]);
    let trimmed = all.into_iter().map(|element| element.trim_matches([' ', '\t']));
    (trimmed.filter(|element| !element.is_empty()).collect(), !quoted)
}

/// A value, out of its quotes if it is in some.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests;
